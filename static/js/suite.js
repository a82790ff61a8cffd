/** Applies a Suite: the status line, and at most one act of the page. */
import { ouvrir } from './dialogue.js';

const signeurs = [];

/** Registers who signs for a service (the agent's module). */
export function surSignature(signer) {
  signeurs.push(signer);
}

/** Writes the status line. `ton`: info, attention or alerte. */
export function dire(phrase, ton = 'info', code = '') {
  const ligne = document.getElementById('statut-ligne');
  if (!ligne) return;
  ligne.dataset.ton = ton;
  ligne.textContent = phrase;
  if (code) {
    const marque = document.createElement('span');
    marque.className = 'code-erreur';
    marque.textContent = ` ${code}`;
    ligne.append(marque);
  }
}

/** Adds a button to the status line (a held scan is offered, never taken). */
export function proposer(libelle, agir) {
  const ligne = document.getElementById('statut-ligne');
  const bouton = document.createElement('button');
  bouton.type = 'button';
  bouton.className = 'bouton bouton-discret';
  bouton.dataset.officineTouche2 = 'U';
  bouton.textContent = libelle;
  bouton.addEventListener('click', () => {
    bouton.remove();
    agir();
  });
  ligne?.append(' ', bouton);
}

/** @param {{phrase?: string, ton?: string, code?: string, charger?: {cible: string, url: string}[],
 *          dialogue?: string, aller?: string, signer?: string}} suite */
export function appliquer(suite) {
  if (suite.phrase) dire(suite.phrase, suite.ton, suite.code);
  for (const { cible, url } of suite.charger || []) {
    window.htmx.ajax('GET', url, { target: cible, swap: 'outerHTML' });
  }
  if (suite.focus) document.querySelector(`[data-officine-touche="${CSS.escape(suite.focus)}"]`)?.focus();
  if (suite.aller) window.location.assign(suite.aller);
  else if (suite.dialogue) ouvrir(suite.dialogue);
  if (suite.signer) for (const signer of signeurs) signer(suite.signer);
}

export function brancher() {
  document.body.addEventListener('comptoir:suite', (evenement) => appliquer(evenement.detail));
  document.body.addEventListener('htmx:sendError', () =>
    dire('Le serveur du comptoir ne répond pas. Réessayez dans un instant.', 'alerte', 'RES-001'),
  );
  document.body.addEventListener('htmx:beforeRequest', () => {
    document.getElementById('message')?.replaceChildren();
  });
}
