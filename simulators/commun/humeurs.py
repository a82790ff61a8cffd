"""Moods and journal of a simulated service, shared by its threads."""

import random
import threading
import time
from datetime import UTC, datetime
from typing import Any

from simulators.commun.types import Reponse, Requete, Service

HUMEURS = (
    "normal",
    "lent",
    "tres_lent",
    "panne",
    "panne_503",
    "reponse_perdue",
    "doublon",
    "absurde",
    "bizarre",
    "faute",
)
ABSURDITES = ("html", "tronque", "coupe", "autre", "vide", "enorme", "dtd", "type_contenu")
_ATTENTES = {"lent": 3.0, "tres_lent": 30.0}
_BOMBE = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
    b"<s:Body><x>&b;</x></s:Body></s:Envelope>"
)


class Etat:
    """Mood and journal, shared by the threads."""

    def __init__(self, service: Service, *, calme: bool) -> None:
        self.service = service
        self.calme = calme
        self.verrou = threading.RLock()
        self.humeur: dict[str, Any] = {"nom": "normal"}
        self.journal: list[dict[str, Any]] = []
        self.echanges: list[tuple[bytes, bytes | None]] = []
        self.fin = threading.Event()
        self.hasard = random.Random(0 if calme else None)  # noqa: S311 - variation, not secrecy

    def take_mood(self, operation: str) -> dict[str, Any]:
        """Return the mood for this request and count it."""
        with self.verrou:
            humeur = dict(self.humeur)
            voulue = humeur.get("operation")
            if voulue and voulue != operation:
                return {"nom": "normal"}
            if "fois" in self.humeur:
                self.humeur["fois"] -= 1
                if self.humeur["fois"] <= 0:
                    self.humeur = {"nom": "normal"}
            return humeur

    def set_mood(self, demande: dict[str, Any]) -> dict[str, Any]:
        """Change the mood and return the state; ValueError when it is not one."""
        nom = demande.get("nom")
        if nom not in HUMEURS:
            raise ValueError("humeur inconnue")
        humeur = {"nom": nom, **_mood_options(demande)}
        if nom == "absurde" and humeur.get("variante", "html") not in ABSURDITES:
            raise ValueError("variante inconnue")
        if nom == "faute" and "code" not in humeur:
            raise ValueError("faute : un code")
        with self.verrou:
            self.humeur = humeur
        return self.state()

    def state(self) -> dict[str, Any]:
        """Return what GET /controle/etat says."""
        with self.verrou:
            return {
                "service": self.service.nom,
                "humeur": dict(self.humeur),
                "maintenant": datetime.now(UTC).isoformat(),
                "recues": len(self.journal),
                "connus": self.service.identites(),
            }

    def note(
        self, requete: Requete, reponse: Reponse, debut: float, nom: str, envoye: bytes | None
    ) -> int:
        """Add the truth of one request; `envoye` is what really leaves, None when nothing does."""
        with self.verrou:
            self.echanges.append((requete.corps, envoye))
            self.journal.append(
                {
                    **reponse.faits,
                    "n": len(self.journal) + 1,
                    "recu_le": datetime.now(UTC).isoformat(),
                    "operation": reponse.operation,
                    "message_id": reponse.message_id,
                    "certificat_cn": requete.certificat_cn,
                    "resultat": reponse.resultat,
                    "reponse_envoyee": envoye is not None,
                    "humeur": nom,
                    "duree_ms": round((time.monotonic() - debut) * 1000),
                }
            )
            return len(self.journal) - 1

    def unsent(self, rang: int, message_id: str) -> None:
        """Say that the answer of this entry never left: the client was gone."""
        with self.verrou:
            if rang < len(self.journal) and self.journal[rang]["message_id"] == message_id:
                self.journal[rang]["reponse_envoyee"] = False
                self.echanges[rang] = (self.echanges[rang][0], None)

    def forget(self) -> None:
        """Go back to the start: no journal, no mood, start data."""
        with self.verrou:
            self.journal.clear()
            self.echanges.clear()
            self.humeur = {"nom": "normal"}
            self.service.oublier()


def _mood_options(demande: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for cle in ("fois", "latence_ms"):
        if demande.get(cle):
            options[cle] = int(demande[cle])
            if options[cle] < 1:
                raise ValueError(f"{cle} : un nombre positif")
    for cle in ("operation", "variante", "code"):
        if demande.get(cle):
            options[cle] = str(demande[cle])
    return options


def waiting_time(humeur: dict[str, Any]) -> float:
    """Return how long this mood waits before it does anything, in seconds."""
    latence: int = humeur.get("latence_ms", 0)
    return _ATTENTES.get(humeur["nom"], 0.0) + latence / 1000


def absurd(etat: Etat, humeur: dict[str, Any], reponse: Reponse) -> tuple[bytes, str, str]:
    """Return (body, content type, kind) of one nonsense among several."""
    genre = humeur.get("variante") or etat.hasard.choice(ABSURDITES)
    corps = {
        "html": b"<html><body>502 Bad Gateway</body></html>",
        "tronque": reponse.corps[: len(reponse.corps) // 2],
        "vide": b"",
        "dtd": _BOMBE,
    }.get(genre, reponse.corps)
    if genre == "enorme":
        corps = b"<x>" + b"A" * 12_000_000 + b"</x>"
    elif genre == "autre":
        corps = etat.service.hors_sujet(reponse.operation)
    types = {"html": "text/html", "type_contenu": "text/plain"}
    return corps, types.get(genre, reponse.type_contenu), genre
