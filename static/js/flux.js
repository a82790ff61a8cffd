/** What arrives by itself: server-sent events, and polling when they are silent. */
import { vente } from './serveur.js';
import { appliquer } from './suite.js';

const SILENCE_MS = 40000;
const connus = new Map();
let source = null;
let erreurs = 0;
let entendu = 0;
let sondage = 0;

function souvenir(ancien) {
  const actif = document.activeElement;
  if (!actif?.id || !ancien.contains(actif)) return null;
  return { id: actif.id, valeur: actif.value, debut: actif.selectionStart, fin: actif.selectionEnd };
}

/** Replaces a part of the page by a newer one; the focus and what is being typed stay. */
function remplacer({ cible, version, html }) {
  const ancien = document.getElementById(cible);
  if (!ancien || version < Number(ancien.dataset.officineVersion) || connus.get(cible) === html) return;
  connus.set(cible, html);
  const garde = souvenir(ancien);
  const ouverts = [...ancien.querySelectorAll('details[open]')].map((e) => e.className);
  const modele = document.createElement('template');
  modele.innerHTML = html;
  const neuf = modele.content.firstElementChild;
  ancien.replaceWith(neuf);
  for (const detail of neuf.querySelectorAll('details')) detail.open ||= ouverts.includes(detail.className);
  window.htmx.process(neuf);
  if (!garde) return;
  const champ = document.getElementById(garde.id);
  if (!champ) return;
  if (typeof garde.valeur === 'string') champ.value = garde.valeur;
  champ.focus();
  if (garde.debut != null) champ.setSelectionRange(garde.debut, garde.fin);
}

/** Says that our own server is away, until it answers again. */
const absent = (oui) => (document.getElementById('panne-serveur').hidden = !oui);

async function sonder() {
  try {
    const retour = await fetch(`/flux/etat?vente=${vente}`, { credentials: 'same-origin' });
    absent(false);
    if (retour.ok) for (const fragment of (await retour.json()).fragments) remplacer(fragment);
  } catch {
    absent(true); // the next round asks again
  }
}

function sonderParfois(actif) {
  clearInterval(sondage);
  sondage = actif ? setInterval(sonder, 1000) : 0;
  document.body.dataset.flux = actif ? 'sondage' : 'direct';
}

function ouvrir() {
  source?.close();
  source = new EventSource(`/flux?vente=${vente}`);
  const noter = () => {
    entendu = Date.now();
    erreurs = 0;
    absent(false);
    if (sondage) sonderParfois(false);
  };
  source.addEventListener('open', () => {
    document.body.dataset.flux = 'direct';
    noter();
  });
  source.addEventListener('battement', noter);
  source.addEventListener('fragment', (e) => {
    noter();
    remplacer(JSON.parse(e.data));
  });
  source.addEventListener('suite', (e) => {
    noter();
    appliquer(JSON.parse(e.data));
  });
  source.addEventListener('error', () => {
    erreurs += 1;
    if (erreurs >= 2 && !sondage) sonderParfois(true);
    else sonder();
    if (source.readyState === EventSource.CLOSED) setTimeout(ouvrir, 2000);
  });
}

/** Clocks of waiting panels: seconds after 1 s, then that the counter may go on. */
function battre() {
  for (const horloge of document.querySelectorAll('.horloge[data-depuis]')) {
    const secondes = Math.floor((Date.now() - Date.parse(horloge.dataset.depuis)) / 1000);
    if (secondes < 1) horloge.textContent = '';
    else if (secondes < 10) horloge.textContent = `${secondes} s`;
    else if (secondes < 45) horloge.textContent = `${secondes} s, continue en arrière-plan`;
    else horloge.textContent = horloge.dataset.abandon || 'Le service ne répond pas. Relancez plus tard.';
  }
}

export function brancher() {
  setInterval(battre, 500);
  if (!vente) return;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      source?.close();
      sonderParfois(false);
    } else ouvrir();
  });
  setInterval(() => {
    if (!document.hidden && !sondage && Date.now() - entendu > SILENCE_MS) sonderParfois(true);
  }, 5000);
  if (!document.hidden) ouvrir();
}
