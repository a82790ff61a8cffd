/** What a key does, once rafale.js knows that it is no scan (ux.md, « Keys and scans »). */
import { portee } from './dialogue.js';
import { dire } from './serveur.js';

let armee = -Infinity; // instant of the last ² key
let nombre = null; // the digits typed after *, until Enter

export const armer = () => (armee = performance.now());
export const combinaison = () => performance.now() - armee < 2000;

export const estTexte = (e) =>
  e instanceof HTMLElement &&
  (e.isContentEditable ||
    e.matches('textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])'));

function chercher(selecteur) {
  const admis = [...portee().querySelectorAll(selecteur)].filter((e) => !e.disabled && !e.closest('[hidden], [inert]'));
  // The question that has the focus is the one answered; between several others, none is guessed.
  const question = document.activeElement.closest('fieldset');
  const ici = admis.find((e) => question?.contains(e));
  return ici || (new Set(admis.map((e) => e.name || e)).size > 1 && admis[0].type === 'radio' ? null : admis[0]);
}

/** After an answer: the next question without one, else the button that ends the form. */
function avancer({ form }) {
  const reste = [...form.querySelectorAll('fieldset')].find(
    (q) => q.checkVisibility() && q.querySelector('[type=radio]') && !q.querySelector(':checked'),
  );
  (reste?.querySelector('input') || form.querySelector('.bouton-principal'))?.focus();
}

/** Presses an element as a click would; a link or a button of a closed menu works too. */
function presser(element) {
  if (element.matches('input')) element.focus();
  element.click();
  if (element.type === 'radio') avancer(element);
}

function lettre(touche) {
  const grande = touche.toUpperCase();
  const nom = (combinaison() && 'touche2') || (/\d/.test(touche) ? 'chiffre' : 'lettre');
  const element = chercher(`[data-officine-${nom}="${CSS.escape(grande)}"]`);
  armee = -Infinity;
  const admise = portee() === document && !('officineSansLettres' in document.body.dataset);
  if (element && (nom !== 'lettre' || admise)) presser(element);
  else if (nom === 'touche2') dire(`² ${grande} ne fait rien ici. F1 montre les touches.`);
}

/** A button of the current product row: the focused one, otherwise the last added. */
function surLigne(geste) {
  const lignes = [...document.querySelectorAll('[data-officine-produit]')];
  return (lignes.find((l) => l.contains(document.activeElement)) || lignes.at(-1))?.querySelector(`[data-officine-ligne="${geste}"]`);
}

function changer(bouton, quantite) {
  const url = bouton.getAttribute('formaction');
  if (bouton.disabled) dire(bouton.title, 'attention');
  else if (!quantite) bouton.click();
  else window.htmx.ajax('POST', url, { target: '#zone-lignes', swap: 'outerHTML', values: { quantite } });
}

/** Suppr, +, − and *n then Enter, outside a field; true when the key was for the row. */
function ligne(touche) {
  if (portee() !== document || !surLigne('+')) return false;
  const avant = nombre;
  nombre = null;
  if (['+', '-', 'Delete'].includes(touche)) changer(surLigne(touche));
  else if (avant && touche === 'Enter') changer(surLigne('+'), avant);
  else if (touche === '*') nombre = '';
  else if (avant !== null && /^[1-9]\d?$/.test(avant + touche)) nombre = avant + touche;
  else if (avant === null || !['Enter', 'Echap'].includes(touche)) return false;
  else dire('');
  if (nombre !== null) dire(`× ${nombre || '…'} : Entrée change la quantité, Échap la laisse.`);
  return true;
}

/** A key that waited 60 ms alone: it acts now. */
export function agir({ touche, cible }) {
  const texte = estTexte(cible);
  if (!texte && !combinaison() && ligne(touche)) return;
  if (touche === 'Enter') {
    if (!cible.isConnected) return;
    if (cible.matches('button, a[href], summary, [type=submit]')) cible.click();
    else cible.form?.requestSubmit();
  } else if (touche === ' ' && !texte) {
    if (cible.matches('button, summary, input')) cible.click();
  } else if (touche !== ' ' && (!texte || combinaison())) lettre(touche);
}

/** Function keys and combinations act at once, and once when held: no scanner types them. */
export function fonction(e) {
  const nom = (e.ctrlKey ? 'Ctrl+' : '') + (e.key.length === 1 ? e.key.toUpperCase() : e.key.replace('Escape', 'Echap'));
  const texte = estTexte(e.target);
  const pris = !e.repeat && !texte && ligne(nom);
  const element = chercher(`[data-officine-touche="${CSS.escape(nom)}"]`);
  const garde = texte && ['End', 'Ctrl+Z'].includes(nom) && e.target.value;
  if (!pris && (!element || (garde && !('officineChamps' in element.dataset)))) return;
  e.preventDefault();
  if (!pris && !e.repeat) presser(element);
}

document.addEventListener('change', ({ target }) => target.matches('[data-officine-remplit]') && target.form?.elements.code?.focus());
