/** The single router of scans, whatever brought them: agent or keyboard wedge. */
import { apresFermeture, fermer, retient } from './dialogue.js';
import { poster, vente } from './serveur.js';
import { appliquer, dire, proposer } from './suite.js';

let file = Promise.resolve();

async function envoyer(scan) {
  const code2d = Boolean(document.querySelector('#dialogue [data-officine-code2d]'));
  const { ok, reponse } = await poster('/api/scans', { ...scan, vente, ordonnance: code2d });
  if (ok && code2d) fermer();
  appliquer(reponse);
}

async function garder(scan) {
  const { reponse } = await poster('/api/scans', { ...scan, vente, garder: true });
  dire(reponse.phrase, reponse.ton, reponse.code);
  apresFermeture(() => {
    dire(reponse.phrase, reponse.ton, reponse.code);
    proposer('Utiliser ce code (² U)', () => recevoir(scan));
  });
}

/**
 * Sends a scan to the server, one at a time and in order; held while a person answers for something.
 * @param {{text: string, canal: string, bytes_b64?: string, aim?: string}} scan
 */
export function recevoir(scan) {
  file = file.then(() => (retient() ? garder(scan) : envoyer(scan)));
  return file;
}
