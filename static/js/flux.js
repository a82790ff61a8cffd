/** What arrives by itself: server-sent events, and polling when they are silent. */
import { appliquer, vente } from './serveur.js';

const SILENCE_MS = 40000;
const connus = new Map();
let [source, erreurs, entendu, sondage] = [null, 0, 0, 0];

/** Replaces a part of the page by a newer one; the focus and what is being typed stay. */
function remplacer({ cible, version, html }) {
  const ancien = document.getElementById(cible);
  if (!ancien || version < Number(ancien.dataset.officineVersion) || connus.get(cible) === html) return;
  connus.set(cible, html);
  const actif = ancien.contains(document.activeElement) ? document.activeElement : {};
  const { id, value, selectionStart: debut, selectionEnd: fin } = actif;
  const ouverts = [...ancien.querySelectorAll('details[open]')].map((e) => e.className);
  const modele = document.createElement('template');
  modele.innerHTML = html;
  const neuf = modele.content.firstElementChild;
  ancien.replaceWith(neuf);
  for (const detail of neuf.querySelectorAll('details')) detail.open ||= ouverts.includes(detail.className);
  window.htmx.process(neuf);
  const champ = id && document.getElementById(id);
  if (!champ) return;
  if (typeof value === 'string') champ.value = value;
  champ.focus();
  if (debut != null) champ.setSelectionRange(debut, fin);
}

/** Says that our own server is away, until it answers again. */
const absent = (oui) => (document.getElementById('panne-serveur').hidden = !oui);

/** The session ended or locked: the page asks who is there, instead of connecting for ever. */
function partir() {
  source?.close();
  window.location.reload();
}

async function sonder() {
  try {
    const retour = await fetch(`/flux/etat?vente=${vente}`);
    absent(false);
    if (retour.redirected || [401, 403].includes(retour.status)) partir();
    else if (retour.ok) (await retour.json()).fragments.forEach(remplacer);
  } catch {
    absent(true); // the next round asks again
  }
}

function sonderParfois(actif) {
  clearInterval(sondage);
  sondage = actif ? setInterval(sonder, 1000) : 0;
  document.body.dataset.flux = actif ? 'sondage' : 'direct';
}

const EVENEMENTS = { open: () => {}, battement: () => {}, fragment: remplacer, suite: appliquer, fin: partir };

function ouvrir() {
  source?.close();
  source = new EventSource(`/flux?vente=${vente}`);
  for (const [nom, agir] of Object.entries(EVENEMENTS)) {
    source.addEventListener(nom, ({ data }) => {
      entendu = Date.now();
      erreurs = 0;
      absent(false);
      sonderParfois(false);
      agir(data && JSON.parse(data));
    });
  }
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

function regarder() {
  if (!document.hidden) return ouvrir();
  source?.close();
  sonderParfois(false);
}

setInterval(battre, 500);
if (vente) {
  document.addEventListener('visibilitychange', regarder);
  setInterval(() => {
    if (!document.hidden && !sondage && Date.now() - entendu > SILENCE_MS) sonderParfois(true);
  }, 5000);
  regarder();
}
