/** No printable key nor Enter acts before 60 ms without another key. Six keys or more under 35 ms each,
 *  or an AIM prefix, are one scan: taken out of the field they fell in, its Enter included. */
import { recevoir } from './serveur.js';
import { agir, armer, combinaison, estTexte, fonction } from './touches.js';

const REPOS_MS = 60;
const [RAFALE_MS, RAFALE_MIN] = [35, 6];
let [suite, avant] = [[], null]; // keys of the current run, {touche, cible}; the field, its value, its caret before it
let [dernier, minuterie] = [-Infinity, 0];

const texte = () => suite.map(({ touche }) => (touche === 'Enter' ? '\r' : touche)).join('');
const estScan = () => suite.length >= RAFALE_MIN || /^(\u0002|\][A-Za-z]\d)/.test(texte());

function restaurer([ancien, valeur, debut, fin]) {
  const champ = document.getElementById(ancien.id) || ancien; // an update may have put another in its place
  if (champ.value === valeur && champ.type !== 'date') return; // a half-typed date has no value
  champ.value = valeur;
  if (debut != null) champ.setSelectionRange(debut, fin);
  champ.dispatchEvent(new Event('input', { bubbles: true }));
}

function finir() {
  clearTimeout(minuterie);
  const touches = suite;
  const scan = estScan() && { text: texte(), canal: 'clavier' };
  suite = [];
  if (scan) recevoir(scan);
  else touches.forEach(agir);
}

/** The character of a key in a run: a scanner sends GS as Ctrl+], STX as Ctrl+B. */
function caractere(e) {
  if (e.ctrlKey && !e.altKey && suite.length && (e.key === ']' || e.code === 'BracketRight')) return '\u001d';
  if (e.ctrlKey && !e.altKey && e.code === 'KeyB' && !suite.length) return null;
  const simple = !e.ctrlKey && !e.metaKey && (!e.altKey || e.getModifierState('AltGraph'));
  if (e.key === 'Enter' && simple) return 'Enter';
  return e.key.length === 1 && (simple || (e.ctrlKey && e.altKey)) ? e.key : null;
}

function appuyer(e) {
  if (e.isComposing || e.key === 'Shift' || e.key === 'AltGraph') return;
  const touche = caractere(e);
  if (touche === null) return fonction(e);
  const cible = e.target;
  const retenue = touche === 'Enter' ? !cible.matches('textarea') : !estTexte(cible);
  // A held key writes in a field, and acts once: what its first press opened must be seen.
  if (e.repeat) return retenue && e.preventDefault();
  const ecart = e.timeStamp - dernier;
  dernier = e.timeStamp;
  clearTimeout(minuterie);
  if (suite.length && ecart >= REPOS_MS) finir(); // a busy page is late, its keys are not lost
  else if (suite.length && ecart >= RAFALE_MS && !estScan()) suite = [];
  if (touche === '²') {
    armer();
    return e.preventDefault();
  }
  if (!suite.length) avant = [cible, cible.value, cible.selectionStart, cible.selectionEnd];
  suite.push({ touche, cible });
  const scan = estScan();
  if (scan) {
    restaurer(avant);
    e.stopImmediatePropagation();
  }
  if (scan || retenue || combinaison()) e.preventDefault();
  if (scan && touche === 'Enter') finir();
  else minuterie = setTimeout(finir, REPOS_MS);
}

document.addEventListener('keydown', appuyer, { capture: true });
