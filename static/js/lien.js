/** The link to the workstation's agent: its port, what the browser permits, the relay, when to try again. */

const { officineAgent, officineWid: wid, officineTransport: transport, officineLocal } = document.body.dataset;
const PORTS = (officineAgent || '').split(' ').filter(Boolean);
const ATTENTES = [500, 1000, 2000, 5000, 10000, 30000];
const [OUVERTURE_MS, SILENCE_MS, GUET_MS] = [3000, 45000, 1500];
// Close codes that say why (agent.md §5.8); after the last two, the page waits for a gesture.
const FINS = { 4005: 'update', 4008: 'verrouille', 4009: 'revoque', 4900: 'refus', 4901: 'horloge', 4004: 'remplace', 4401: 'session' };
const ABSENT = { code: 'AGT-000', message: "L'agent de ce poste ne répond pas." };
const attentes = new Map(); // requests that wait for their answer
let prise = null; // the open socket, once it said hello for this poste
let [rang, essais, entendu, minuterie, cherche, repondait, relaye] = [0, 0, 0, 0, false, false, false];
let [recevoir, dernier] = [{}, ''];
const panne = (...faits) => recevoir.panne(...faits);

/** Sends a request to the agent; rejects with {code, message} of its answer. */
export function demander(type, payload = {}) {
  return new Promise((resoudre, rejeter) => {
    if (prise?.readyState !== WebSocket.OPEN) return rejeter(ABSENT);
    const id = `r${(rang += 1)}`;
    attentes.set(id, { resoudre, rejeter });
    prise.send(JSON.stringify({ v: 1, type, id, payload }));
  });
}

/** granted, prompt, denied or unknown; a page served by this very machine is never asked (§5.1). */
async function permission() {
  const demande = async (name) => (await navigator.permissions.query({ name })).state;
  const etat = await demande('loopback-network').catch(() => demande('local-network-access')).catch(() => 'unknown');
  return etat === 'prompt' && officineLocal ? 'granted' : etat;
}

/** Whether the page may try this machine; says what the browser asks or refuses. */
async function direct() {
  const permis = transport === 'relais' ? 'relais' : await permission();
  for (const nom of ['prompt', 'denied']) panne(nom, permis === nom);
  return ['granted', 'unknown'].includes(permis);
}

/** Opens a socket; gives it with its hello within three seconds, otherwise null. */
const ouvrir = (url) =>
  new Promise((donner) => {
    const socket = new WebSocket(url, 'officine.agent.v1');
    socket.addEventListener('message', ({ data }) => donner({ socket, ...JSON.parse(data).payload }), { once: true });
    socket.addEventListener('close', () => donner(null));
    setTimeout(() => donner(null), OUVERTURE_MS);
  });

/** Whether something answers on one of the agent's ports, whatever it thinks of us. */
const sonder = () =>
  Promise.any(PORTS.map((p) => fetch(`http://127.0.0.1:${p}/agent/v1/ping`, { mode: 'no-cors' }))).then(() => true, () => false);

async function surPlace() {
  const lus = (await Promise.all(PORTS.map((p) => ouvrir(`ws://127.0.0.1:${p}/agent/v1`)))).filter(Boolean);
  const notre = lus.find((lu) => lu.wid === wid);
  for (const lu of lus) if (lu !== notre) lu.socket.close();
  panne('autre', !notre && lus.length > 0);
  return notre;
}

/** Finds the agent: on this machine, else by the relay; says what stands in the way. */
async function connecter() {
  if (prise || cherche) return;
  clearTimeout(minuterie);
  cherche = true;
  const permis = await direct();
  let lu = permis ? await surPlace() : null;
  const loin = !lu && transport !== 'loopback' && !(permis && !relaye && dernier === 'verrouille'); // it comes back where it was
  if (loin) lu = await ouvrir(`${location.origin.replace('http', 'ws')}/flux/agent`);
  cherche = false;
  if (lu?.socket.readyState === WebSocket.OPEN) return tenir(lu, loin);
  repondait = permis && (await sonder());
  panne('inconnu', repondait && dernier !== 'revoque');
  panne('absent', !repondait && dernier !== 'revoque' && (permis || loin));
  revenir();
}

/** Tries again after a pause that grows, more or less a third. */
const revenir = () => (minuterie = setTimeout(connecter, ATTENTES[Math.min((essais += 1), 6) - 1] * (0.7 + Math.random() * 0.6)));

function tenir({ socket, ...bonjour }, loin) {
  [prise, relaye] = [socket, loin];
  entendu = Date.now();
  socket.addEventListener('message', ({ data }) => {
    entendu = Date.now();
    const { type, event, id, ok, payload, error } = JSON.parse(data);
    if (type === 'event') document.body.dispatchEvent(new CustomEvent(`agent:${event}`));
    if (type === 'event') return (async () => recevoir[event]?.(payload))().catch(recevoir.echec);
    attentes.get(id)?.[ok ? 'resoudre' : 'rejeter'](ok ? payload : error);
    attentes.delete(id);
  });
  socket.addEventListener('close', ({ code }) => quitter(code));
  const echec = (e) => recevoir.echec(e) && socket.close(e.phrase ? 4900 : 4901);
  recevoir.hello(bonjour, loin).then(() => (essais = 0), echec);
}

function quitter(code) {
  prise = null;
  for (const { rejeter } of attentes.values()) rejeter({ ...ABSENT, message: "L'agent de ce poste s'est arrêté." });
  attentes.clear();
  recevoir.fin();
  dernier = FINS[code] || 'absent';
  panne(dernier, true);
  if (![4004, 4401].includes(code)) revenir();
}

/** Starts; `evenements` says what to do of each event, of hello and of the end. */
export function demarrer(evenements) {
  recevoir = evenements;
  connecter();
  const devant = () => document.hidden || (prise ? recevoir.devant() : connecter());
  for (const nom of ['visibilitychange', 'focus', 'online']) window.addEventListener(nom, devant);
  // From a click: the browser asks the person.
  document.querySelector('[data-officine-permettre]')?.addEventListener('click', () => sonder().then(connecter));
  setInterval(async () => {
    if (prise && Date.now() - entendu > SILENCE_MS) return prise.close();
    if (prise || cherche || document.hidden || !(await direct())) return;
    const avant = repondait;
    if ((repondait = await sonder()) && !avant) connecter(); // it starts: seen before the next try
  }, GUET_MS);
}

/** A form with data-officine-demande asks the agent that verb first: our server puts the answer in words. */
document.addEventListener('htmx:confirm', async (e) => {
  const { dataset: { officineDemande: type }, elements } = e.target;
  if (!type) return;
  e.preventDefault();
  const { csrfmiddlewaretoken, reponse, ...demande } = Object.fromEntries(new FormData(e.target));
  elements.reponse.value = JSON.stringify(await demander(type, demande).catch((erreur) => ({ erreur })));
  e.detail.issueRequest();
});
