/** Locks the screen after inactivity: the server has the last word, the page goes first. */
const minutes = Number(document.body.dataset.officineVerrou || 0);
let dernier = Date.now();

function verrouiller() {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/verrouiller/';
  const jeton = document.querySelector('meta[name="csrf"]').content;
  for (const [nom, valeur] of [['csrfmiddlewaretoken', jeton], ['suite', window.location.pathname]]) {
    const champ = document.createElement('input');
    champ.type = 'hidden';
    champ.name = nom;
    champ.value = valeur;
    form.append(champ);
  }
  document.body.append(form);
  form.submit();
}

export function brancher() {
  if (!minutes) return;
  for (const nom of ['keydown', 'pointerdown', 'pointermove']) {
    document.addEventListener(nom, () => (dernier = Date.now()), { capture: true, passive: true });
  }
  setInterval(() => {
    if (Date.now() - dernier > minutes * 60000) verrouiller();
  }, 5000);
}
