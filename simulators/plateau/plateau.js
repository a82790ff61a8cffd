// The desk: reads /etat each second while visible, plays one gesture by click.
const $ = (id) => document.getElementById(id);
const LECTEURS = { cps: 'CPS', vitale: 'Vitale', apcv: 'Sans contact' };
const NOMS = { insi: 'INSi', ordonnance: 'Ordonnance Numérique', vitale: 'Appli carte Vitale et ADRi', psc: 'Pro Santé Connect' };
const CANAUX = { MOBILE: 'téléphone', CARD: 'carte' };
const HUMEURS = {
  normal: 'normal', lent: 'lent (3 s)', tres_lent: 'très lent (30 s)', panne: 'en panne (coupe)', panne_503: 'en panne (503)',
  reponse_perdue: 'réponse perdue', doublon: 'doublon', absurde: 'réponse absurde', bizarre: 'bizarre mais légal',
};
const DEPLIEES = 3;
const dessins = new Map();
const depliees = new Map();

async function geste(chemin, corps) {
  try {
    const r = await fetch(chemin, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(corps) });
    const objet = await r.json();
    $('dit').textContent = r.ok ? '' : objet.message;
  } catch {
    $('dit').textContent = 'Le plateau est arrêté.';
  }
  lire();
}

function el(nom, attributs = {}, ...dedans) {
  const e = document.createElement(nom);
  for (const [cle, valeur] of Object.entries(attributs)) {
    if (cle.startsWith('on')) e.addEventListener(cle.slice(2), valeur);
    else if (valeur === true) e.setAttribute(cle, '');
    else if (valeur !== undefined && valeur !== false) e.setAttribute(cle, valeur);
  }
  e.append(...dedans);
  return e;
}

// Redraws a zone only when its facts changed: the focus stays where it is.
function dessiner(id, faits, construire) {
  const marque = JSON.stringify(faits);
  if (dessins.get(id) === marque) return;
  dessins.set(id, marque);
  const actif = document.activeElement?.dataset?.cle;
  $(id).replaceChildren(...construire());
  if (actif) $(id).querySelector(`[data-cle="${CSS.escape(actif)}"]`)?.focus();
}

function carte(c, agent) {
  const lecteur = agent?.readers.find((l) => l.name === c.genre);
  const dedans = lecteur?.card?.label === c.nom;
  return el('button', {
    class: `carte ${c.genre}`, 'aria-pressed': String(dedans), 'data-cle': c.fichier,
    onclick: () => geste(dedans ? '/retirer' : '/inserer', { reader: c.genre, carte: c.fichier }),
  }, c.nom, el('small', {}, dedans ? 'dans le lecteur : un clic la retire' : c.pourquoi));
}

function telephone(t) {
  const gens = t.beneficiaires.length > 1 ? ` (${t.beneficiaires.length} personnes)` : '';
  return el('button', { class: 'carte telephone', 'data-cle': `tel-${t.foyer}`, onclick: () => geste('/telephone', { foyer: t.foyer }) },
    `${t.libelle}${gens}`, el('small', {}, t.pourquoi));
}

// A request that waits on a phone: the number to compare, and two answers.
function appel(a) {
  const bouton = (choix, mot) => el('button', { 'data-cle': `${choix}${a.ref}`, onclick: () => geste('/ecps', { ref: a.ref, geste: choix }) }, mot);
  return el('div', { class: 'carte telephone appel' }, el('strong', { class: 'nombre' }, a.numero), el('span', {}, a.nom, el('small', {}, `${a.identifiant} · ${CANAUX[a.canal]} · ${a.service}`)),
    el('span', {}, bouton('approuver', 'Approuver'), ' ', bouton('refuser', 'Refuser')));
}

function etiquette(e) {
  return el('button', { class: 'carte etiquette', 'data-cle': `ins-${e.cle}`, onclick: () => geste('/etiquette', { cle: e.cle }) },
    el('strong', {}, e.nom), el('small', {}, e.clair), el('small', {}, e.pourquoi));
}

// A sheet of paper: unfolded for the first ones, a line for the others; a click on the line unfolds it.
function feuille(o, rang) {
  const ouverte = depliees.get(o.numero) ?? rang < DEPLIEES;
  const tete = el('summary', { 'data-cle': `tete${o.numero}` }, el('strong', {}, o.patient), ' ', el('span', { class: 'statut' }, o.statut.toLowerCase().replace('_', ' ')), el('small', {}, o.pourquoi));
  const code = el('button', { class: 'code', title: 'Scanner ce code', 'data-cle': o.numero, 'aria-label': `Scanner l'ordonnance ${o.numero}`, onclick: () => geste('/scanner', { texte: o.numero, device: 'comptoir' }) },
    el('img', { src: `/qr/${o.numero}.svg`, alt: '', loading: 'lazy' }), 'Scanner');
  const boites = o.lignes.map((l) => (l.cip13
    ? el('button', { 'data-cle': `${o.numero}${l.cip13}`, title: 'Scanner une boîte', onclick: () => geste('/boite', { cip13: l.cip13 }) }, `▢ ${l.libelle}`)
    : el('span', { class: 'petit' }, l.libelle)));
  return el('details', { class: 'feuille', open: ouverte, ontoggle: (e) => depliees.set(o.numero, e.target.open) }, tete,
    el('div', { class: 'dedans' }, code, el('div', {}, el('code', {}, o.numero), el('div', { class: 'boites' }, ...boites))));
}

function service(nom, { etat, journal }, humeurs) {
  const humeur = etat?.humeur?.nom || 'absent';
  const choix = el('select', { 'aria-label': `Humeur de ${NOMS[nom]}`, 'data-cle': `humeur-${nom}`, onchange: (e) => geste('/humeur', { service: nom, nom: e.target.value }) },
    ...humeurs.map((h) => el('option', { value: h, ...(h === humeur ? { selected: '' } : {}) }, HUMEURS[h] || h)));
  const lignes = journal.slice().reverse().map((j) => el('tr', {},
    ...[j.recu_le?.slice(11, 19), j.operation, j.resultat, `${j.duree_ms} ms`, j.reponse_envoyee === false ? 'réponse perdue' : ''].map((t) => el('td', {}, String(t ?? '')))));
  return el('div', { class: 'service' },
    el('div', {}, el('p', { class: 'lampe', 'data-humeur': humeur }, `${NOMS[nom]} : ${HUMEURS[humeur] || humeur}`), choix, el('p', { class: 'petit' }, `${etat?.recues ?? 0} demande(s) reçue(s)`)),
    el('table', {}, el('thead', {}, el('tr', {}, ...['Heure', 'Opération', 'Résultat', 'Durée', ''].map((t) => el('th', {}, t)))), el('tbody', {}, ...lignes)));
}

function pin(fenetre) {
  const vue = fenetre ? `${fenetre.step}${fenetre.tries_left}` : '';
  if ($('pin').dataset.vue === vue) return;
  Object.assign($('pin'), { hidden: !fenetre }).dataset.vue = vue;
  if (!fenetre) return;
  $('pin-pour').textContent = `${fenetre.wrong ? 'Code faux. ' : ''}${fenetre.holder} : ${fenetre.label || fenetre.purpose}. ${fenetre.tries_left === 1 ? 'Dernier essai avant blocage.' : `${fenetre.tries_left} essais.`}`;
  $('pin-confirmer').hidden = fenetre.step !== 'confirmation';
  if (fenetre.step === 'saisie') Object.assign($('pin-code'), { value: '' }).focus();
}

async function lire() {
  let e;
  try {
    e = await (await fetch('/etat')).json();
  } catch {
    $('dit').textContent = 'Le plateau est arrêté.';
    return;
  }
  $('produit').href = e.produit;
  const lecteurs = e.agent?.readers || [];
  dessiner('lecteurs', lecteurs, () => (lecteurs.length
    ? lecteurs.map((l) => el('p', { class: 'lecteur' }, el('span', {}, `${LECTEURS[l.name] || l.name} : `, el('strong', {}, l.card ? l.card.label : 'vide')),
      ...(l.card ? [el('button', { 'data-cle': `retirer-${l.name}`, onclick: () => geste('/retirer', { reader: l.name }) }, 'Retirer')] : [])))
    : [el('p', {}, "L'agent du poste ne répond pas.")]));
  for (const genre of ['vitale', 'cps']) {
    const cartes = e.cartes.filter((c) => c.genre === genre);
    dessiner(genre, [cartes, lecteurs], () => cartes.map((c) => carte(c, e.agent)));
  }
  dessiner('telephones', e.telephones, () => (e.telephones.length ? e.telephones.map(telephone) : [el('p', {}, 'Le service simulé ne répond pas.')]));
  dessiner('etiquettes', e.etiquettes, () => e.etiquettes.map(etiquette));
  dessiner('papier', e.ordonnances, () => e.ordonnances.map((o, rang) => feuille(o, rang)));
  dessiner('services', e.services, () => Object.entries(e.services).map(([nom, s]) => service(nom, s, e.humeurs)));
  $('ecps').hidden = !e.ecps.length;
  dessiner('ecps-demandes', e.ecps.map(({ reste_s: _reste, ...a }) => a), () => e.ecps.map(appel));
  pin(e.agent?.pin_window);
}

$('pin-form').addEventListener('submit', (e) => { e.preventDefault(); geste('/pin', { chiffres: $('pin-code').value }); });
for (const acte of ['annuler', 'confirmer']) $(`pin-${acte}`).addEventListener('click', () => geste('/pin', { [acte]: true }));
$('libre').addEventListener('submit', (e) => { e.preventDefault(); geste('/scanner', { texte: $('libre-texte').value, device: 'comptoir' }); });
setInterval(() => document.hidden || lire(), 1000);
lire();
