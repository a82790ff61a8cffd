"""What an agent must know, signed, each change one step further (agent.md §5.4, points 5 and 6)."""

import hashlib
from typing import Any

from django.conf import settings
from django.db import transaction

from pharmacy import parametres
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.portes import poste_of_wid
from pharmacy.models import Poste
from pharmacy.motifs import motifs_en_vigueur
from pharmacy.postes import cles
from pharmacy.postes.services import canonical_json, note_sign

TYPE_CONFIG = "agent-config+jwt"
TYPE_APPEL = "agent-poll+jwt"
TRANSPORT = "agent.transport"
CODE_MINUTES = "agent.code_minutes"

parametres.register(
    parametres.Reglage(
        cle=TRANSPORT,
        libelle="Chemin entre la page et l'agent du poste",
        effet="Direct : le navigateur parle à l'agent sur le poste. Relais : tout passe par le "
        "serveur, sans permission du navigateur. Automatique : direct, puis relais après 3 s.",
        panneau="Postes",
        section="Agent",
        defaut="auto",
        choix=(("auto", "Automatique"), ("loopback", "Direct"), ("relais", "Relais")),
    )
)
parametres.register(
    parametres.Reglage(
        cle=CODE_MINUTES,
        libelle="Durée du code porteur sur un poste",
        effet="Minutes pendant lesquelles une CPS signe encore sans redemander son code, comptées "
        "de la dernière signature. 0 : le code est demandé à chaque fois.",
        panneau="Postes",
        section="Agent",
        defaut=15,
        maxi=60,
        desserre=parametres.raises,
    )
)


def build_enrolment(poste: Poste, origine: str) -> dict[str, Any]:
    """Return what the poste's agent must know, with its signature under `config_jws`.

    `config_seq` grows by one whenever the content changed: an agent refuses an older one.
    """
    reglages = parametres.valeurs(poste.officine_id, TRANSPORT, CODE_MINUTES)
    contenu: dict[str, Any] = {
        "wid": poste.wid,
        "etat": "revoque" if poste.etat == Poste.Etat.REVOQUE else "associe",
        "officine": {"finess": poste.officine.finess, "nom": poste.officine.nom},
        "allowed_origins": [origine],
        "issuer": settings.ADRESSE,
        "jwks": cles.server_jwks(),
        "update_keys": [],
        "config": {
            "motifs": motifs_en_vigueur().as_dict(),
            "transport": str(reglages[TRANSPORT]),
            "code_minutes": int(reglages[CODE_MINUTES]),
            "min_agent": settings.AGENT_MINIMUM,
        },
    }
    contenu["config"]["config_seq"] = _rank(poste, contenu)
    return {**contenu, "config_jws": cles.sign(TYPE_CONFIG, contenu)}


def _rank(poste: Poste, contenu: dict[str, Any]) -> int:
    """Return the rank of this content, one further when it is not the last one served."""
    empreinte = hashlib.sha256(canonical_json([contenu, poste.kid])).hexdigest()
    if poste.config_empreinte == empreinte:
        return poste.config_seq
    with transaction.atomic():
        tenu = Poste.objects.select_for_update(of=("self",), no_key=True).get(
            pk=poste.pk, officine_id=poste.officine_id
        )
        if tenu.config_empreinte != empreinte:
            tenu.config_seq += 1
            tenu.config_empreinte = empreinte
            tenu.save(update_fields=["config_seq", "config_empreinte"])
    poste.config_seq, poste.config_empreinte = tenu.config_seq, tenu.config_empreinte
    return tenu.config_seq


def config_for(wid: str, preuve: str) -> dict[str, Any] | None:
    """Return the signed configuration of the agent that proves it holds the key, else None.

    A revoked poste is answered too: that is how its agent learns it. Source: agent.md §5.4.
    """
    trouve = poste_of_wid(wid)
    if trouve is None:
        return None
    officine_id, poste_id = trouve
    with officine_context(officine_id):
        poste = Poste.objects.select_related("officine").get(pk=poste_id, officine_id=officine_id)
        try:
            claims = cles.verify(preuve, TYPE_APPEL, poste.cle_publique)
        except cles.JetonRefuse:
            return None
        if claims.get("iss") != f"agent:{wid}" or claims.get("aud") != settings.ADRESSE:
            return None
        note_sign(poste, claims)
        return build_enrolment(poste, settings.ADRESSE)
