/** The one dialog of the page: filled by htmx, modal, focused, given back on Échap. */
let retour = null;
let repondu = false;
const fermetures = [];

const boite = () => document.getElementById('dialogue');

/** Opens a dialog from its address. */
export function ouvrir(url) {
  window.htmx.ajax('GET', url, { target: '#dialogue', swap: 'innerHTML' });
}

/** The element in which keys act now: the open dialog, otherwise the page. */
export function portee() {
  const dialogue = boite();
  return dialogue?.open ? dialogue : document;
}

/** Whether a person is answering for something: a scan is then held. */
export function retient() {
  return Boolean(boite()?.open && boite().querySelector('[data-officine-retient]'));
}

/** Calls `agir` once when the dialog closes. */
export function apresFermeture(agir) {
  fermetures.push(agir);
}

export function fermer() {
  const dialogue = boite();
  if (dialogue?.open) dialogue.close();
}

function montrer(dialogue) {
  if (!dialogue.open) {
    retour = document.activeElement;
    dialogue.showModal();
  }
  const premier =
    dialogue.querySelector('[autofocus]:not([disabled])') ||
    dialogue.querySelector('input:not([type=hidden]), select, textarea, button, a[href]');
  premier?.focus();
}

function apresFermer(dialogue) {
  dialogue.replaceChildren();
  const cible = retour?.isConnected ? retour : document.getElementById(retour?.id || ' ');
  // After an answer the next act has the focus; after Échap, what had it before.
  const suivant = document.querySelector(repondu ? '[data-officine-defaut]' : 'x-rien');
  (suivant || cible || document.querySelector('[data-officine-defaut]'))?.focus();
  retour = null;
  repondu = false;
  for (const agir of fermetures.splice(0)) agir();
}

export function brancher() {
  const dialogue = boite();
  if (!dialogue) return;
  // Once settled: shown before, a key could reach a form that htmx does not hold yet.
  document.body.addEventListener('htmx:afterSettle', (evenement) => {
    if (evenement.detail.target !== dialogue) return;
    if (dialogue.innerHTML.trim()) montrer(dialogue);
    else {
      repondu = true;
      fermer();
    }
  });
  // A refusal lands in #message, which the open dialog hides: it is shown inside it instead.
  document.body.addEventListener('htmx:beforeSwap', (evenement) => {
    if (evenement.detail.target.id !== 'message' || !dialogue.open) return;
    let refus = dialogue.querySelector('.refus-dialogue');
    if (!refus) {
      refus = document.createElement('div');
      refus.className = 'refus-dialogue';
      refus.setAttribute('role', 'alert');
      dialogue.prepend(refus);
    }
    evenement.detail.target = refus;
  });
  dialogue.addEventListener('close', () => apresFermer(dialogue));
  dialogue.addEventListener('cancel', (evenement) => {
    evenement.preventDefault();
    fermer();
  });
  dialogue.addEventListener('click', (evenement) => {
    if (!evenement.target.closest('[data-officine-touche="Echap"]')) return;
    evenement.preventDefault();
    fermer();
  });
}
