/** The one dialog of the page: filled by htmx, modal, focused, given back on Échap. */
const dialogue = document.getElementById('dialogue');
const fermetures = [];
let [retour, repondu] = [null, false]; // what had the focus before; whether a person answered

/** Makes an element with these properties. */
export const creer = (nom, proprietes) => Object.assign(document.createElement(nom), proprietes);

/** Opens a dialog from its address. */
export const ouvrir = (url) => window.htmx.ajax('GET', url, { target: '#dialogue', swap: 'innerHTML' });

/** The element in which keys act now: the open dialog, otherwise the page. */
export const portee = () => (dialogue?.open ? dialogue : document);

/** Whether a person is answering for something: a scan is then held. */
export const retient = () => Boolean(dialogue?.open && dialogue.querySelector('[data-officine-retient]'));

/** Calls `agir` once when the dialog closes. */
export const apresFermeture = (agir) => fermetures.push(agir);

export const fermer = () => dialogue?.open && dialogue.close();

function montrer() {
  if (!dialogue.open) {
    retour = document.activeElement;
    dialogue.showModal();
  }
  const champs = 'input:not([type=hidden]), select, textarea, button, a[href]';
  (dialogue.querySelector('[autofocus]:not([disabled])') || dialogue.querySelector(champs))?.focus();
}

function apresFermer() {
  dialogue.replaceChildren();
  const cible = retour?.isConnected ? retour : document.getElementById(retour?.id || ' ');
  // After an answer the next act has the focus; after Échap, what had it before.
  const suivant = document.querySelector('[data-officine-defaut]');
  ((repondu && suivant) || cible || suivant)?.focus();
  [retour, repondu] = [null, false];
  for (const agir of fermetures.splice(0)) agir();
}

/** Once settled: shown before, a key could reach a form that htmx does not hold yet. */
function remplir({ detail }) {
  if (detail.target !== dialogue) return;
  if (dialogue.innerHTML.trim()) return montrer();
  repondu = true;
  fermer();
}

/** A refusal lands in #message, which the open dialog hides: it is shown inside it instead. */
function refuser({ detail }) {
  if (detail.target.id !== 'message' || !dialogue.open) return;
  const refus = dialogue.querySelector('.refus-dialogue') || creer('div', { className: 'refus-dialogue', role: 'alert' });
  if (!refus.isConnected) dialogue.prepend(refus);
  detail.target = refus;
}

function renoncer(e) {
  if (e.type === 'click' && !e.target.closest('[data-officine-touche="Echap"]')) return;
  e.preventDefault();
  fermer();
}

if (dialogue) {
  document.body.addEventListener('htmx:afterSettle', remplir);
  document.body.addEventListener('htmx:beforeSwap', refuser);
  dialogue.addEventListener('close', apresFermer);
  dialogue.addEventListener('cancel', renoncer);
  dialogue.addEventListener('click', renoncer);
}
