/** The workstation's agent: readers, cards, scans and signatures, over its websocket. */
import { demander, demarrer } from './lien.js';
import { appliquer, dire, poster, proposer, recevoir, vente } from './serveur.js';

const { officineAgent: ports, officineWid: wid } = document.body.dataset;
const MOTS = { absent: 'agent absent', pret: 'prêt', vide: 'vide', carte: 'carte présente', debranche: 'débranché' };
const ETATS = { card: 'carte', empty: 'vide', gone: 'debranche' };
const REJETS = { trop_long: () => 'Code trop long : lecture abandonnée. Scannez de nouveau.', rafale: (n) => `Trop de codes à la fois : ${n} non lus. Scannez-les de nouveau.` };
const [indicateur, lectures] = [document.getElementById('agent'), {}];
let [defi, certificat, aSigner] = [null, null, null]; // challenge of the connection; the CPS's, base64 DER; service that waits for it

function montrer(lecteur, etat) {
  const element = document.querySelector(`#lecteurs [data-lecteur="${lecteur}"]`);
  if (!element) return;
  element.dataset.etat = etat;
  element.querySelector('.hors-ecran').textContent = ` : ${MOTS[etat]}`;
}

/** Shows or clears a fault in the header. */
function panne(nom, oui, precision = '') {
  const ligne = indicateur?.querySelector(`[data-panne="${nom}"]`);
  if (!ligne) return;
  ligne.hidden = !oui;
  if (precision) ligne.querySelector('[data-precision]').textContent = precision;
  const vues = [...indicateur.querySelectorAll('[data-panne]:not([hidden])')];
  const mot = vues[0]?.dataset.mot || (defi ? 'Agent prêt' : 'Agent : recherche');
  indicateur.querySelector('[data-mot-agent]').textContent = mot;
  indicateur.dataset.etat = vues[0]?.dataset.ton || (defi ? 'pret' : 'attente');
}

// What the browser permits does not change with the connection.
const sansPanne = () => indicateur?.querySelectorAll('[data-panne]:not([data-permission])').forEach((e) => panne(e.dataset.panne, false));

/** Asks our server; its refusal, a Suite, is thrown as an error of the agent is. */
async function exiger(url, donnees) {
  const { ok, reponse } = await poster(url, donnees);
  return ok ? reponse : Promise.reject(reponse);
}

/** Tells a failure; true when nothing more may be asked on this connection. */
function echouer(e) {
  if (e.code === 'E_AUTH_CLOCK') panne('horloge', true, `${Math.abs(e.details.skew_s)} s`);
  else if (e.code === 'E_UPDATE_REQUIRED') panne('update', true);
  else if ('message' in e) dire(e.message, 'attention', e.code);
  else appliquer(e);
  return !('message' in e) || e.code === 'E_AUTH_CLOCK';
}

/** Shows the agent a proof of the server that this tab is known; again before it dies. */
async function prouver(type, suite) {
  const { token } = await exiger('/api/agent/jetons', { wid, challenge: defi, essai: 'officineEssai' in document.body.dataset });
  return demander(type, { token, ...suite });
}

async function identifier({ challenge }, loin) {
  defi = challenge;
  sansPanne();
  panne('relais', loin);
  const { proof } = await prouver('auth', { client: { tab: wid, protocol: 1 } });
  await exiger('/api/agent/presence', { proof }); // refused: something answered in the place of our agent
  await prendreLeFoyer();
  await etat();
}

const prendreLeFoyer = async () => document.hidden || demander('focus.claim', { reason: 'visible' });

async function etat() {
  const { readers, scanners, degraded } = await demander('state.get');
  const lit = scanners.some((l) => l.state === 'ready');
  montrer('e-lecteur', lit ? 'pret' : 'debranche');
  EVENEMENTS['agent.status']({ degraded: lit ? degraded : [...degraded, 'scanner'] });
  for (const nom of ['vitale', 'cps']) {
    const { state } = readers.find((l) => l.use === nom) || { state: 'gone' };
    montrer(nom, ETATS[state] || 'vide');
    panne(nom, state === 'gone');
  }
  const vitale = readers.find((l) => l.use === 'vitale' && l.state === 'card');
  if (!vitale && document.querySelector('[data-officine-carte]')) return EVENEMENTS['card.removed']({ kind: 'vitale' });
  if (!vitale || !vente || !document.querySelector('.bandeau-patient[data-vide]')) return;
  // A card that already served a sale is read again only if someone asks for it.
  if (vitale.insertion_id !== localStorage.getItem('vitale')) return lire('vitale', vitale.insertion_id);
  dire("La carte déjà lue est encore dans le lecteur : rendez-la, ou lisez-la pour cette vente.", 'attention');
  proposer('Lire cette carte (² U)', () => lire('vitale', vitale.insertion_id).catch(echouer));
}

/** Reads a card once: an insertion and the state at connection may both ask for it. */
const lire = (genre, insertion) => (lectures[genre] ||= lireCarte(genre, insertion).finally(() => delete lectures[genre]));

/** Reads with a server nonce, and gives the reading with its receipt to the server. */
async function lireCarte(genre, insertion) {
  const op = { apcv_nfc: 'apcv.read_nfc', vitale: 'vitale.read', cps: 'cps.read' }[genre] || genre;
  const { nonce } = await exiger('/api/agent/nonces', { op });
  if (op !== genre) dire('Lecture de la carte…'); // what follows a signature leaves its sentence
  const { receipt, data, ...lu } = await demander(op, { nonce });
  if (genre === 'cps') certificat = data.certificat_sig_b64;
  const { reponse } = await poster('/api/agent/lectures', { op, data: data || lu, receipt, vente });
  if (genre === 'vitale' && vente) localStorage.setItem('vitale', insertion);
  if (aSigner && genre === 'cps') reponse.signer ||= aSigner;
  appliquer(reponse);
}

/** Has the operator's card sign for a service; the PIN is typed in the agent's own window. */
async function signer(service) {
  aSigner = certificat ? null : service;
  if (!certificat) {
    const { readers } = await demander('state.get');
    if (readers.some((l) => l.use === 'cps' && l.state === 'card')) return lire('cps');
    return dire('Insérez votre carte CPS pour signer.', 'attention');
  }
  const { id, request } = await exiger('/api/agent/signatures/preparer', { service, certificat_b64: certificat });
  dire("Saisissez le code porteur dans la fenêtre de l'agent.", 'attention');
  const signe = await demander('cps.sign', { request });
  appliquer((await poster('/api/agent/signatures/terminer', { id, ...signe })).reponse);
}

const EVENEMENTS = {
  hello: identifier,
  panne,
  echec: echouer,
  devant: () => prendreLeFoyer().catch(() => {}),
  fin: () => {
    certificat = defi = null;
    sansPanne();
    for (const lecteur of ['vitale', 'cps', 'e-lecteur']) montrer(lecteur, 'absent');
  },
  'agent.status': ({ degraded }) => ['pcsc', 'scanner', 'update'].forEach((nom) => panne(nom, degraded.includes(nom))),
  'card.inserted': async ({ kind, insertion_id }) => {
    montrer(kind, 'carte');
    if (document.hidden || kind === 'autre') return;
    await prendreLeFoyer();
    await lire(kind, insertion_id);
  },
  'card.removed': async ({ kind }) => {
    montrer(kind, 'vide');
    if (kind === 'cps') certificat = null;
    if (kind === 'vitale' && vente) await poster('/api/agent/carte-retiree', { vente });
  },
  'readers.changed': () => etat(),
  'card.error': () => dire("Cette carte n'est pas lisible. Vérifiez son sens, ou essayez-en une autre.", 'attention'),
  scan: ({ text, bytes_b64, aim }) => recevoir({ text, bytes_b64, aim, canal: 'scan' }),
  apcv: ({ contexteApCV }) => recevoir({ text: contexteApCV, canal: 'scan' }),
  'scan.rejected': ({ reason, count }) => dire((REJETS[reason] || REJETS.trop_long)(count), 'alerte'),
  'auth.expiring': () => prouver('auth.refresh'),
};

if (ports && wid) {
  document.addEventListener('comptoir:carte', ({ detail: { signer: service, lire: op, ton } }) =>
    (op ? lire(op) : signer(service)).catch(op && ton === 'info' ? () => {} : echouer)); // what nobody asked for fails in silence
  demarrer(EVENEMENTS);
}
