/** The workstation's agent: readers, cards, scans and signatures, over its websocket. */
import { appliquer, dire, poster, proposer, recevoir, vente } from './serveur.js';

const { officineAgent: adresse, officineWid: wid } = document.body.dataset;
const MOTS = { absent: 'agent absent', pret: 'prêt', vide: 'vide', carte: 'carte présente', debranche: 'débranché' };
const ETATS = { card: 'carte', empty: 'vide', gone: 'debranche' };
const REJETS = { trop_long: () => 'Code trop long : lecture abandonnée. Scannez de nouveau.', rafale: (n) => `Trop de codes à la fois : ${n} non lus. Scannez-les de nouveau.` };
const ABSENT = { code: 'AGT-000', message: "L'agent de ce poste ne répond pas." };
const [attentes, lectures] = [new Map(), {}];
let [prise, rang, essais] = [null, 0, 0]; // socket, counts of requests and of connections
let certificat = null; // signing certificate of the CPS in the reader, base64 DER
let aSigner = null; // service that waits for the card

function montrer(lecteur, etat) {
  const element = document.querySelector(`#lecteurs [data-lecteur="${lecteur}"]`);
  if (!element) return;
  element.dataset.etat = etat;
  element.querySelector('.hors-ecran').textContent = ` : ${MOTS[etat]}`;
}

/** Sends a request to the agent; rejects with {code, message} of its answer. */
function demander(type, payload = {}) {
  return new Promise((resoudre, rejeter) => {
    if (prise?.readyState !== WebSocket.OPEN) return rejeter(ABSENT);
    const id = `r${(rang += 1)}`;
    attentes.set(id, { resoudre, rejeter });
    prise.send(JSON.stringify({ v: 1, type, id, payload }));
  });
}

/** Asks our server; its refusal, a Suite, is thrown as an error of the agent is. */
async function exiger(url, donnees) {
  const { ok, reponse } = await poster(url, donnees);
  if (!ok) throw reponse;
  return reponse;
}

const echouer = (e) => ('message' in e ? dire(e.message, 'attention', e.code) : appliquer(e));

/** Shows the agent a proof of the server that this tab is known; again before it dies. */
async function prouver(type, suite) {
  const { token } = await exiger('/api/agent/jetons', { wid, challenge: prise.defi });
  return demander(type, { token, ...suite });
}

async function identifier(bonjour) {
  if (bonjour.wid !== wid) return prise.close();
  prise.defi = bonjour.challenge;
  const { proof } = await prouver('auth', { client: { tab: `t_${rang}`, protocol: 1 } });
  essais = 0;
  await poster('/api/agent/presence', { proof });
  await prendreLeFoyer();
  await etat();
}

const prendreLeFoyer = async () => document.hidden || demander('focus.claim', { reason: 'visible' });

async function etat() {
  const { readers, scanners } = await demander('state.get');
  montrer('e-lecteur', scanners.some((l) => l.state === 'ready') ? 'pret' : 'debranche');
  for (const { use, state } of readers) montrer(use, ETATS[state] || 'vide');
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
  const op = genre === 'apcv_nfc' ? 'apcv.read_nfc' : `${genre}.read`;
  const { nonce } = await exiger('/api/agent/nonces', { op });
  dire('Lecture de la carte…');
  const { receipt, ...lu } = await demander(op, { nonce });
  const data = lu.data || lu;
  if (genre === 'cps') certificat = data.certificat_sig_b64;
  const { reponse } = await poster('/api/agent/lectures', { op, data, receipt, vente });
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

function recevoirTrame({ data }) {
  const { type, event, id, ok, payload, error } = JSON.parse(data);
  const agir = EVENEMENTS[event || type];
  if (agir) Promise.resolve(agir(payload)).catch(echouer);
  const attente = attentes.get(id);
  attentes.delete(id);
  attente?.[ok ? 'resoudre' : 'rejeter'](ok ? payload : error);
}

function connecter() {
  prise = new WebSocket(adresse, 'officine.agent.v1');
  prise.addEventListener('message', recevoirTrame);
  prise.addEventListener('close', () => {
    for (const { rejeter } of attentes.values()) rejeter({ ...ABSENT, message: "L'agent de ce poste s'est arrêté." });
    attentes.clear();
    certificat = null;
    for (const lecteur of ['vitale', 'cps', 'e-lecteur']) montrer(lecteur, 'absent');
    setTimeout(connecter, Math.min(15000, 500 * 2 ** (essais += 1)) * (0.75 + Math.random() / 2));
  });
}

if (adresse && wid) {
  const revenir = () => prendreLeFoyer().catch(() => {});
  document.addEventListener('comptoir:signer', ({ detail }) => signer(detail).catch(echouer));
  connecter();
  document.addEventListener('visibilitychange', revenir);
  window.addEventListener('focus', revenir);
}
