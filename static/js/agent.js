/** The workstation's agent: readers, cards, scans and signatures, over its websocket. */
import { recevoir } from './scans.js';
import { poster, vente } from './serveur.js';
import { appliquer, dire, proposer, surSignature } from './suite.js';

const { officineAgent: adresse, officineWid: wid } = document.body.dataset;
const MOTS = { absent: 'agent absent', vide: 'vide', carte: 'carte présente', debranche: 'débranché' };
const attentes = new Map();
let prise = null;
let rang = 0;
let essais = 0;
let certificat = null; // signing certificate of the CPS in the reader, base64 DER
let aSigner = null;
const lectures = {};

function montrer(lecteur, etat) {
  const element = document.querySelector(`#lecteurs [data-lecteur="${lecteur}"]`);
  if (!element) return;
  element.dataset.etat = etat;
  const mots = element.querySelector('.hors-ecran');
  if (mots) mots.textContent = ` : ${MOTS[etat]}`;
}

/** Sends a request to the agent; rejects with {code, message} of its answer. */
function demander(type, payload = {}) {
  return new Promise((resoudre, rejeter) => {
    if (prise?.readyState !== WebSocket.OPEN) {
      rejeter({ code: 'AGT-000', message: "L'agent de ce poste ne répond pas." });
      return;
    }
    const id = `r${(rang += 1)}`;
    attentes.set(id, { resoudre, rejeter });
    prise.send(JSON.stringify({ v: 1, type, id, payload }));
  });
}

const echouer = (erreur) => dire(erreur.message || "L'agent n'a pas répondu.", 'attention', erreur.code);

async function identifier(bonjour) {
  if (bonjour.wid !== wid) return prise.close();
  const { ok, reponse } = await poster('/api/agent/jetons', { wid, challenge: bonjour.challenge });
  if (!ok) return appliquer(reponse);
  const acces = await demander('auth', { token: reponse.token, client: { tab: `t_${rang}`, protocol: 1 } });
  essais = 0;
  prise.renouveler = () => renouveler(bonjour.challenge);
  await poster('/api/agent/presence', { proof: acces.proof });
  await prendreLeFoyer();
  await etat();
}

async function renouveler(challenge) {
  const { ok, reponse } = await poster('/api/agent/jetons', { wid, challenge });
  if (ok) await demander('auth.refresh', { token: reponse.token });
}

const prendreLeFoyer = () => (document.hidden ? null : demander('focus.claim', { reason: 'visible' }));

async function etat() {
  const { readers, scanners } = await demander('state.get');
  montrer('e-lecteur', scanners.length ? 'vide' : 'debranche');
  for (const lecteur of readers) {
    montrer(lecteur.use, { card: 'carte', empty: 'vide', gone: 'debranche' }[lecteur.state] || 'vide');
  }
  const vitale = readers.find((l) => l.use === 'vitale' && l.state === 'card');
  if (!vitale || !vente || !document.querySelector('.bandeau-patient[data-vide]')) return;
  // A card that already served a sale is read again only if someone asks for it.
  if (vitale.insertion_id !== localStorage.getItem('vitale')) return lire('vitale', vitale.insertion_id);
  dire("La carte déjà lue est encore dans le lecteur : rendez-la, ou lisez-la pour cette vente.", 'attention');
  proposer('Lire cette carte (² U)', () => lire('vitale', vitale.insertion_id).catch(echouer));
}

/** Reads a card once: an insertion and the state at connection may both ask for it. */
function lire(genre, insertion) {
  lectures[genre] ||= lireCarte(genre, insertion).finally(() => delete lectures[genre]);
  return lectures[genre];
}

/** Reads with a server nonce, and gives the reading with its receipt to the server. */
async function lireCarte(genre, insertion) {
  const op = `${genre}.read`;
  const nonce = await poster('/api/agent/nonces', { op });
  if (!nonce.ok) return appliquer(nonce.reponse);
  dire('Lecture de la carte…');
  const { data, receipt } = await demander(op, { nonce: nonce.reponse.nonce });
  if (genre === 'cps') certificat = data.certificat_sig_b64;
  const { reponse } = await poster('/api/agent/lectures', { op, data, receipt, vente });
  if (genre === 'vitale' && vente) localStorage.setItem('vitale', insertion);
  if (aSigner && genre === 'cps') reponse.signer ||= aSigner;
  appliquer(reponse);
}

/** Has the operator's card sign for a service; the PIN is typed in the agent's own window. */
async function signer(service) {
  aSigner = service;
  if (!certificat) {
    const { readers } = await demander('state.get');
    const presente = readers.some((l) => l.use === 'cps' && l.state === 'card');
    if (presente) return lire('cps');
    return dire('Insérez votre carte CPS pour signer.', 'attention');
  }
  aSigner = null;
  const demande = await poster('/api/agent/signatures/preparer', { service, certificat_b64: certificat });
  if (!demande.ok) return appliquer(demande.reponse);
  dire("Saisissez le code porteur dans la fenêtre de l'agent.", 'attention');
  const signe = await demander('cps.sign', { request: demande.reponse.request });
  const { reponse } = await poster('/api/agent/signatures/terminer', { id: demande.reponse.id, ...signe });
  return appliquer(reponse);
}

const EVENEMENTS = {
  'card.inserted': async ({ kind, insertion_id }) => {
    montrer(kind, 'carte');
    if (document.hidden || !['vitale', 'cps'].includes(kind)) return;
    await prendreLeFoyer();
    await lire(kind, insertion_id);
  },
  'card.removed': async ({ reader }) => {
    montrer(reader, 'vide');
    if (reader === 'cps') certificat = null;
    if (reader === 'vitale' && vente) await poster('/api/agent/carte-retiree', { vente });
  },
  'readers.changed': () => etat(),
  'card.error': () => dire("Cette carte n'est pas lisible. Vérifiez son sens, ou essayez-en une autre.", 'attention'),
  scan: ({ text, bytes_b64, aim }) => recevoir({ text, bytes_b64, aim, canal: 'scan' }),
  'scan.rejected': () => dire('Lecture refusée : code illisible ou trop long. Scannez de nouveau.', 'attention'),
  'auth.expiring': () => prise.renouveler?.(),
};

function recevoirTrame(trame) {
  const objet = JSON.parse(trame);
  if (objet.type === 'hello') identifier(objet.payload).catch(echouer);
  else if (objet.type === 'event') Promise.resolve(EVENEMENTS[objet.event]?.(objet.payload)).catch(echouer);
  else if (objet.type === 'res') {
    const attente = attentes.get(objet.id);
    attentes.delete(objet.id);
    if (objet.ok) attente?.resoudre(objet.payload);
    else attente?.rejeter(objet.error);
  }
}

function connecter() {
  prise = new WebSocket(adresse, 'officine.agent.v1');
  prise.addEventListener('message', (e) => recevoirTrame(e.data));
  prise.addEventListener('close', () => {
    for (const { rejeter } of attentes.values()) rejeter({ code: 'AGT-000', message: "L'agent de ce poste s'est arrêté." });
    attentes.clear();
    certificat = null;
    for (const lecteur of ['vitale', 'cps', 'e-lecteur']) montrer(lecteur, 'absent');
    essais += 1;
    setTimeout(connecter, Math.min(15000, 500 * 2 ** essais) * (0.75 + Math.random() / 2));
  });
}

export function brancher() {
  if (!adresse || !wid) return;
  surSignature((service) => signer(service).catch(echouer));
  connecter();
  const revenir = () => prise.readyState === WebSocket.OPEN && Promise.resolve(prendreLeFoyer()).catch(() => {});
  document.addEventListener('visibilitychange', revenir);
  window.addEventListener('focus', revenir);
}
