/** Locks the screen after inactivity: the server has the last word, the page goes first. */
const minutes = Number(document.body.dataset.officineVerrou || 0);
let dernier = Date.now();

export function brancher() {
  const verrouiller = document.querySelector('[data-officine-verrouille]');
  if (!minutes || !verrouiller) return;
  for (const nom of ['keydown', 'pointerdown', 'pointermove']) {
    document.addEventListener(nom, () => (dernier = Date.now()), { capture: true, passive: true });
  }
  setInterval(() => Date.now() - dernier > minutes * 60000 && verrouiller.click(), 5000);
}
