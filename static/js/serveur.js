/** Talks to our own server (JSON, scans), and applies the Suite it answers: a sentence, at most one act. */
import { apresFermeture, creer, fermer, ouvrir, retient } from './dialogue.js';

export const vente = document.body.dataset.officineVente || null;
const COUPE = { phrase: 'Le serveur du comptoir ne répond pas. Réessayez dans un instant.', ton: 'alerte', code: 'RES-001' };
const ligne = document.getElementById('statut-ligne');
let file = Promise.resolve();

/** POST `donnees` as JSON; gives {ok, reponse}. Never throws: a cut network answers a Suite. */
export async function poster(url, donnees) {
  try {
    const retour = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: { 'Content-Type': 'application/json', 'X-CSRFToken': document.querySelector('meta[name="csrf"]').content },
      body: JSON.stringify(donnees),
    });
    return { ok: retour.ok, reponse: retour.status === 204 ? {} : await retour.json() };
  } catch {
    return { ok: false, reponse: COUPE };
  }
}

/** Writes the status line. `ton`: info, attention or alerte. */
export function dire(phrase, ton = 'info', code = '') {
  if (!ligne) return;
  ligne.dataset.ton = ton;
  ligne.replaceChildren(phrase, code && creer('span', { className: 'code-erreur', textContent: ` ${code}` }));
}

/** Adds a button to the status line (a held scan is offered, never taken). */
export function proposer(libelle, agir) {
  const bouton = creer('button', { type: 'button', className: 'bouton bouton-discret', textContent: libelle });
  bouton.dataset.officineTouche2 = 'U';
  bouton.addEventListener('click', () => {
    bouton.remove();
    agir();
  });
  ligne?.append(' ', bouton);
}

/** A Suite: {phrase, ton, code, charger: [{cible, url}], focus, dialogue, aller, signer, lire}, each one optional. */
export function appliquer(suite) {
  if (suite.phrase) dire(suite.phrase, suite.ton, suite.code);
  for (const { cible, url } of suite.charger || []) {
    window.htmx.ajax('GET', url, { target: cible, swap: 'outerHTML' });
  }
  if (suite.focus) document.querySelector(`[data-officine-touche="${CSS.escape(suite.focus)}"]`)?.focus();
  if (suite.aller) window.location.assign(suite.aller);
  else if (suite.dialogue) ouvrir(suite.dialogue);
  if (suite.signer || suite.lire) document.dispatchEvent(new CustomEvent('comptoir:carte', { detail: suite }));
}

async function envoyer(scan) {
  const garder = retient();
  const code2d = !garder && Boolean(document.querySelector('#dialogue [data-officine-code2d]'));
  const { ok, reponse } = await poster('/api/scans', { ...scan, vente, ordonnance: code2d, garder });
  if (ok && code2d) fermer();
  if (!garder) return appliquer(reponse);
  const nommer = () => dire(reponse.phrase, reponse.ton, reponse.code);
  nommer();
  apresFermeture(() => {
    nommer();
    proposer('Utiliser ce code (² U)', () => recevoir(scan));
  });
}

/** Sends {text, canal, bytes_b64?, aim?}, one at a time in order; held while a person answers for something. */
export const recevoir = (scan) => (file = file.then(() => envoyer(scan)));

document.body.addEventListener('comptoir:suite', (e) => appliquer(e.detail));
document.body.addEventListener('htmx:sendError', () => appliquer(COUPE));
document.body.addEventListener('htmx:beforeRequest', () => document.getElementById('message')?.replaceChildren());
