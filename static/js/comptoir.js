/** Entry: the counter's modules, and the lock. The page works without them; they make it fast. */
import './agent.js';
import './flux.js';
import './rafale.js';

const minutes = Number(document.body.dataset.officineVerrou || 0);
const verrouiller = document.querySelector('[data-officine-verrouille]');
let dernier = Date.now();

/** Locks after inactivity in every tab: the server has the last word, the page goes first. */
function veiller() {
  // A date to come, left by a clock since set back, is dropped.
  const ailleurs = Number(localStorage.getItem('actif'));
  if (ailleurs > dernier && ailleurs <= Date.now()) dernier = ailleurs;
  localStorage.setItem('actif', dernier);
  if (Date.now() - dernier > minutes * 60000) verrouiller.click();
}

if (minutes && verrouiller) {
  for (const nom of ['keydown', 'pointerdown', 'pointermove']) {
    document.addEventListener(nom, () => (dernier = Date.now()), { capture: true, passive: true });
  }
  setInterval(veiller, 5000);
}
