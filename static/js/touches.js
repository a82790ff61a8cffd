/**
 * Keys and keyboard-wedge scans (ux.md, « Keys and scans »).
 *
 * No printable key nor Enter acts before 60 ms without another key. Six keys or more under 35 ms
 * each, or an AIM prefix, are one scan: taken out of the field they fell in, its Enter included.
 */
import { portee } from './dialogue.js';
import { recevoir } from './scans.js';
import { dire } from './suite.js';

const REPOS_MS = 60;
const RAFALE_MS = 35;
const RAFALE_MIN = 6;
const NOMS = { Escape: 'Echap' };
let suite = []; // keys of the current run: {touche, cible}
let avant = null; // the field as it was before the run
let enRafale = false;
let dernier = -Infinity;
let minuterie = 0;
let armee = -Infinity; // instant of the last ² key

const estTexte = (e) =>
  e instanceof HTMLElement &&
  (e.isContentEditable ||
    e.matches('textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])'));

function photographier(champ) {
  if (!(champ instanceof HTMLInputElement || champ instanceof HTMLTextAreaElement)) return null;
  return { champ, valeur: champ.value, debut: champ.selectionStart, fin: champ.selectionEnd };
}

function restaurer() {
  if (!avant || avant.champ.value === avant.valeur) return;
  avant.champ.value = avant.valeur;
  if (avant.debut !== null) avant.champ.setSelectionRange(avant.debut, avant.fin);
  avant.champ.dispatchEvent(new Event('input', { bubbles: true }));
}

function chercher(selecteur, dans = portee()) {
  return [...dans.querySelectorAll(selecteur)].find(
    (e) => !e.disabled && !e.closest('[hidden], [inert]'),
  );
}

/** Presses an element as a click would; a link or a button of a closed menu works too. */
function presser(element) {
  if (element.matches('input[type=radio], input[type=checkbox]')) element.focus();
  element.click();
}

function lettre(touche) {
  const grande = touche.toUpperCase();
  if (performance.now() - armee < 2000) {
    armee = -Infinity;
    const element = chercher(`[data-officine-touche2="${CSS.escape(grande)}"]`);
    if (element) presser(element);
    else dire(`² ${grande} ne fait rien ici. F1 montre les touches.`);
    return;
  }
  const nom = /\d/.test(touche) ? 'chiffre' : 'lettre';
  // A digit answers the question under the focus, else the first without an answer; then the next.
  const questions = nom === 'chiffre' ? [...portee().querySelectorAll('[data-officine-question]')] : [];
  const ouverte = () => questions.find((q) => !q.querySelector(':checked'));
  const question = questions.find((q) => q.contains(document.activeElement)) || ouverte() || questions[0];
  const element = chercher(`[data-officine-${nom}="${CSS.escape(grande)}"]`, question);
  if (element && (nom === 'chiffre' || portee() === document)) presser(element);
  if (element && question) ouverte()?.querySelector('input').focus();
}

/** A key that waited 60 ms alone: it acts now. */
function agir({ touche, cible }) {
  if (touche === 'Enter') {
    if (!cible.isConnected) return;
    if (cible.matches('button, a[href], summary, [type=submit]')) cible.click();
    else cible.form?.requestSubmit();
  } else if (touche === ' ' && !estTexte(cible)) {
    if (cible.matches('button, summary, input')) cible.click();
  } else if (touche !== ' ' && (!estTexte(cible) || performance.now() - armee < 2000)) {
    lettre(touche);
  }
}

function finir() {
  clearTimeout(minuterie);
  const touches = suite;
  const rafale = enRafale;
  suite = [];
  enRafale = false;
  avant = null;
  if (rafale) {
    const texte = touches.map(({ touche }) => (touche === 'Enter' ? '\r' : touche)).join('');
    recevoir({ text: texte, canal: 'clavier' });
  } else for (const touche of touches) agir(touche);
}

function estScan() {
  if (suite.length >= RAFALE_MIN) return true;
  const debut = suite.map(({ touche }) => touche).join('');
  return /^(\u0002|\][A-Za-z]\d)/.test(debut);
}

/** The character of a key in a run: a scanner sends GS as Ctrl+], STX as Ctrl+B. */
function caractere(e) {
  if (e.ctrlKey && !e.altKey && suite.length && e.key === ']') return '\u001d';
  if (e.ctrlKey && !e.altKey && e.code === 'KeyB' && !suite.length) return null;
  const simple = !e.ctrlKey && !e.metaKey && (!e.altKey || e.getModifierState('AltGraph'));
  if (e.key === 'Enter' && simple) return 'Enter';
  return e.key.length === 1 && (simple || (e.ctrlKey && e.altKey)) ? e.key : null;
}

/** Function keys and combinations act at once: no scanner types them. */
function fonction(e) {
  const nom = (e.ctrlKey ? 'Ctrl+' : '') + (NOMS[e.key] || (e.key.length === 1 ? e.key.toUpperCase() : e.key));
  const element = chercher(`[data-officine-touche="${CSS.escape(nom)}"]`);
  if (!element || (estTexte(e.target) && ['End', 'Ctrl+Z'].includes(nom) && e.target.value)) return;
  e.preventDefault();
  presser(element);
}

function appuyer(e) {
  if (e.isComposing || e.key === 'Shift' || e.key === 'AltGraph') return;
  const touche = caractere(e);
  if (touche === null) {
    fonction(e);
    return;
  }
  const ecart = e.timeStamp - dernier;
  dernier = e.timeStamp;
  clearTimeout(minuterie);
  if (suite.length && ecart >= RAFALE_MS && !enRafale) {
    suite = [];
    avant = null;
  }
  if (touche === '²') {
    armee = performance.now();
    e.preventDefault();
    return;
  }
  if (!suite.length) avant = photographier(e.target);
  const combinaison = performance.now() - armee < 2000;
  suite.push({ touche, cible: e.target });
  if (!enRafale && estScan()) {
    enRafale = true;
    restaurer();
  }
  const retenue = touche === 'Enter' ? !e.target.matches('textarea') : !estTexte(e.target);
  if (enRafale || retenue || combinaison) e.preventDefault();
  if (enRafale) e.stopImmediatePropagation();
  if (enRafale && touche === 'Enter') finir();
  else minuterie = setTimeout(finir, REPOS_MS);
}

export function brancher() {
  document.addEventListener('keydown', appuyer, { capture: true });
  document.addEventListener('change', (e) => {
    if (e.target.matches('[data-officine-remplit]')) e.target.form?.elements.code?.focus();
  });
}
