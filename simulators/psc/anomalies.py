"""What the service does wrong, or oddly, on demand: armed by name, played once at its place."""

import random
from collections.abc import Iterable
from typing import Any

from simulators.commun.types import Requete

# Place where each is played: its names. The legal ones are drawn by the mood « bizarre ».
LEGALES: dict[str, tuple[str, ...]] = {
    "retour": ("sans_session_state",),
    "id_token": ("acr_eidas3", "aud_liste", "sans_typ", "sans_noms", "nonce_repete"),
    "jeton": ("sans_rotation", "bearer_minuscule", "sans_refresh_expires_in", "membre_en_plus"),
    "userinfo": ("userinfo_jwt", "autre_graphie", "membre_inconnu", "sans_auth_mode"),
    "ciba": ("sans_intervalle",),
    "echange": ("cnf_rfc8705", "sans_issued_token_type"),
    "logout_token": ("typ_logout_jwt", "sub_seul"),
}
ILLEGALES: dict[str, tuple[str, ...]] = {
    "autorisation": ("prompt_ignore",),
    "retour": (
        *("iss_absent", "iss_autre", "state_altere", "state_absent", "state_double"),
        *("code_double", "erreur_balisage", "erreur_temporaire"),
    ),
    "id_token": (
        *("nonce_faux", "nonce_absent", "iss_faux", "sub_autre", "sub_vide"),
        *("aud_autre", "aud_liste_sans_azp", "azp_autre"),
        *("expire_25", "expire_90", "iat_futur", "iat_ancien", "nbf_futur"),
        *("acr_absent", "acr_eidas0", "auth_time_ancien", "auth_time_absent", "auth_time_zero"),
        *("at_hash_faux", "typ_bearer", "evenement", "subject_name_id_autre"),
        *("alg_none", "hs256_secret", "hs256_cle_publique", "signature_fausse"),
        *("kid_inconnu", "sans_kid", "cle_retiree", "cle_embarquee", "crit"),
        "logout_token_rendu",
    ),
    "jeton": ("sans_id_token", "sans_access_token", "token_type_mac", "expires_in_zero"),
    "userinfo": (
        *("userinfo_401", "userinfo_500", "userinfo_html", "userinfo_vide", "userinfo_1mio"),
        *("userinfo_sub_autre", "userinfo_subject_autre", "exercices_objet", "autre_personne"),
        *("userinfo_jwt_faux", "userinfo_jwt_aud_autre", "listes_de_1000"),
    ),
    "decouverte": ("emetteur_autre", "hote_interdit", "http", "decouverte_500"),
    "cles": ("cles_500", "cles_vides"),
    "echange": ("cnf_autre",),
    "logout_token": (
        *("sans_evenement", "avec_nonce", "logout_aud_autre", "logout_iat_ancien"),
        *("logout_alg_none", "typ_id", "rejoue", "sans_sujet", "logout_iss_autre"),
    ),
}
LIEUX = {
    nom: lieu for table in (LEGALES, ILLEGALES) for lieu, noms in table.items() for nom in noms
}


class Anomalies:
    """The armed ones, and those that the mood of the request at work asks for."""

    def __init__(self, hasard: random.Random) -> None:
        self.hasard = hasard
        self.armees: dict[str, int] = {}
        self.requete: Requete | None = None
        self.jouees: list[str] = []

    def arm(self, noms: Iterable[str], fois: int) -> None:
        """Arm for the next `fois` times; ValueError when one does not exist."""
        for nom in noms:
            if nom not in LIEUX:
                raise ValueError(f"anomalie inconnue : {nom}")
            self.armees[nom] = fois

    def begin(self, requete: Requete | None) -> None:
        """Note the request at work; None when it is the control API that acts."""
        self.requete = requete
        self.jouees = []

    def take(self, lieu: str) -> frozenset[str]:
        """Return those to play at this place now, and count them."""
        voulues = {nom for nom in self.armees if LIEUX[nom] == lieu}
        for nom in voulues:
            self.armees[nom] -= 1
            if self.armees[nom] <= 0:
                del self.armees[nom]
        voulues |= self._of_mood(lieu)
        self.jouees.extend(sorted(voulues))
        return frozenset(voulues)

    def _of_mood(self, lieu: str) -> set[str]:
        requete = self.requete
        if requete is None or not requete.bizarre:
            return set()
        if requete.variante:
            return {requete.variante} if LIEUX.get(requete.variante) == lieu else set()
        return {nom for nom in LEGALES.get(lieu, ()) if self.hasard.random() < 0.5}

    def shown(self) -> dict[str, Any]:
        """Return what the control API says."""
        return {"armees": dict(self.armees), "legales": LEGALES, "illegales": ILLEGALES}
