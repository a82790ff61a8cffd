"""The adapter to the apCV service: open, renew, close a context. OUR contract (docs/contrats).

JSON over HTTPS, the certificate of the structure speaks for the officine. The presented string and
the token are in no exchange that is kept. Source: agent.md §3.3; ins.md §5.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from django.conf import settings

from ins.client import _transport
from ins.codec.apcv import (
    DemandeContexte,
    build_contexte,
    build_renouvellement,
    parse_contexte,
    parse_erreur,
    parse_renouvellement,
    scrub,
)
from ins.errors_apcv import error_of
from teleservices.errors import InvalidReply, NotReady, TeleserviceError
from teleservices.registre import Reponse, attach_evidence, send_kept
from teleservices.tls import read_certificate
from teleservices.transport import Requete, Transport

# Seconds for one reply; three tries hold in the 45 s of the counter.
LECTURE_S = 8.0
_REFUS = frozenset({400, 403, 404, 409, 410, 422})
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True)
class Renouvellement:
    """A new presentation for the same invoice; `identifiant` is the context it prolongs."""

    identifiant: str
    mode: int
    chaine: str = field(repr=False)
    facture: str


class ApcvClient:
    """Talks to the apCV service. Every method raises the taxonomy of `teleservices.errors`."""

    def __init__(self, url: str, environnement: str, transport: Transport) -> None:
        self.url = url.rstrip("/")
        self.environnement = environnement
        self.transport = transport

    def ouvrir(self, demande: DemandeContexte) -> Reponse:
        """Give the presented string; return a `ContexteLu`. The string serves once."""
        return self._send(
            "POST", "", build_contexte(demande), lambda o: parse_contexte(o, self.environnement)
        )

    def renouveler(self, demande: Renouvellement) -> Reponse:
        """Prolong a context by a new presentation; return its new `Validite`."""
        corps = build_renouvellement(demande.mode, demande.chaine, demande.facture)
        return self._send("POST", f"/{demande.identifiant}/renouveler", corps, parse_renouvellement)

    def fermer(self, identifiant: str) -> Reponse:
        """Delete a context that serves no more."""
        return self._send("DELETE", f"/{identifiant}", b"", lambda _octets: None)

    def _send(
        self,
        methode: Literal["POST", "DELETE"],
        chemin: str,
        corps: bytes,
        lire: Callable[[bytes], Any],
    ) -> Reponse:
        requete = Requete(
            url=f"{self.url}{chemin}",
            corps=corps,
            entetes=_JSON,
            lecture_s=LECTURE_S,
            methode=methode,
        )
        retour, echange = send_kept(self.transport, requete, str(uuid4()), scrub)
        try:
            _check_http(retour.statut, retour.type_contenu, retour.corps)
            return Reponse(lire(retour.corps), echange)
        except TeleserviceError as erreur:
            raise attach_evidence(erreur, echange) from erreur


def _check_http(statut: int, type_contenu: str, corps: bytes) -> None:
    """Return for an answer; raise a refusal of the contract, or what a broken server says."""
    if statut == 204 or (statut in {200, 201} and "json" in type_contenu):
        return
    code = parse_erreur(corps)
    if statut in {*_REFUS, 503} and code:
        raise error_of(code, "Receiver" if statut == 503 else "Sender")
    if statut in {502, 503, 504}:
        raise error_of("http_503", "Receiver")
    if statut >= 500:
        raise error_of("http_500", "Receiver")
    raise InvalidReply(
        f"http_{statut}",
        "La réponse de l'appli carte Vitale est illisible. "
        "Prenez la carte Vitale, ou continuez par le nom (F2).",
    )


def apcv_client() -> ApcvClient:
    """Return the client of this installation. NotReady when the certificate cannot be read."""
    try:
        read_certificate(settings.VITALE_CERTIFICAT)
    except (OSError, ValueError) as exc:
        raise NotReady(
            "certificat_absent", "Le certificat de l'officine est illisible. Prévenez le titulaire."
        ) from exc
    return ApcvClient(
        settings.APCV_URL,
        settings.ENVIRONNEMENT,
        _transport(settings.TLS_AC, settings.VITALE_CERTIFICAT, settings.VITALE_CLE),
    )
