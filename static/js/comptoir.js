/** Entrée : les modules du comptoir. La page marche sans eux ; ils la rendent rapide. */
import { brancher as brancherAgent } from './agent.js';
import { brancher as brancherDialogue } from './dialogue.js';
import { brancher as brancherFlux } from './flux.js';
import { brancher as brancherSuite } from './suite.js';
import { brancher as brancherTouches } from './touches.js';
import { brancher as brancherVerrou } from './verrou.js';

for (const brancher of [
  brancherSuite,
  brancherDialogue,
  brancherTouches,
  brancherFlux,
  brancherAgent,
  brancherVerrou,
]) {
  brancher();
}
