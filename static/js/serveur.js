/** Talks to our own server: JSON both ways, CSRF header, one French sentence when it fails. */
const corps = document.body.dataset;
export const vente = corps.officineVente || null;

const COUPE = {
  phrase: 'Le serveur du comptoir ne répond pas. Réessayez dans un instant.',
  ton: 'alerte',
  code: 'RES-001',
};

/**
 * POST `donnees`; returns {ok, statut, reponse}. Never throws: a cut network answers a Suite.
 * @param {string} url
 * @param {object} donnees
 */
export async function poster(url, donnees) {
  try {
    const retour = await fetch(url, {
      method: 'POST',
      credentials: 'same-origin',
      redirect: 'error',
      headers: {
        'Content-Type': 'application/json',
        'X-CSRFToken': document.querySelector('meta[name="csrf"]').content,
      },
      body: JSON.stringify(donnees),
    });
    const reponse = retour.status === 204 ? {} : await retour.json();
    return { ok: retour.ok, statut: retour.status, reponse };
  } catch {
    return { ok: false, statut: 0, reponse: COUPE };
  }
}
