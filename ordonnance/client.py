"""The adapter to the Ordonnance Numérique service: the only thing the product sees of it.

One call, one envelope, one exchange kept as proof. Source: ordonnance.md §2.2, §2.7, §2.9.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from uuid import uuid4

from django.conf import settings

from ordonnance.codec.demande import envelopper
from teleservices.errors import InvalidReply, OutcomeUnknown, TeleserviceError, Unavailable
from teleservices.registre import attach_evidence, send_kept
from teleservices.saml import read_assertion
from teleservices.soap.contextes import EnteteEnvoi, Logiciel
from teleservices.tls import Materiel
from teleservices.transport import Echange, HttpsTransport, Requete, Transport

# Seconds to wait for the whole reply, by operation. Source: ordonnance.md §2.7.
LECTURE_S = {
    "consulterPrescription": 8.0,
    "ouvrirExecution": 5.0,
    "enregistrerExecution": 15.0,
    "libererExecution": 8.0,
}
_ACTION = "urn:sim-epu:1.0.0:"


@dataclass(frozen=True)
class Appel:
    """What a handler sends: frozen body, and the operator's signed assertion."""

    operation: str
    corps: bytes = field(repr=False)
    assertion: bytes = field(repr=False)
    finess: str
    contexte: dict[str, str] = field(default_factory=dict, repr=False)


@lru_cache(maxsize=1)
def _transport() -> Transport:
    return HttpsTransport(Materiel(settings.TLS_AC))


def send(appel: Appel, transport: Transport | None = None) -> Echange:
    """Send once and return the exchange; its reply may still be a fault (read by the codec).

    Raises Unavailable when it surely did not arrive, OutcomeUnknown when it may have, InvalidReply
    for what is not XML.
    """
    message_id = str(uuid4())
    action = _ACTION + appel.operation
    maintenant = datetime.now(UTC)
    message = envelopper(
        appel.corps,
        EnteteEnvoi(
            message_id=message_id,
            action=action,
            contexte_id=str(uuid4()),
            temps=maintenant.strftime("%Y-%m-%dT%H:%M:%SZ"),
            emetteur=appel.finess,
            logiciel=Logiciel(
                settings.EPU_IDAM, settings.VERSION, settings.INSTANCE_LPS, settings.NOM_LPS
            ),
            assertion=read_assertion(appel.assertion),
        ),
    )
    retour, echange = send_kept(
        transport or _transport(),
        Requete(
            url=settings.EPU_URL,
            corps=message,
            entetes={"Content-Type": f'application/soap+xml; charset=UTF-8; action="{action}"'},
            lecture_s=LECTURE_S[appel.operation],
        ),
        message_id,
    )
    _check_http(retour.statut, retour.type_contenu, echange)
    return echange


def _check_http(statut: int, type_contenu: str, echange: Echange) -> None:
    """Tell a SOAP reply (a fault included) from what a proxy or a broken server says."""
    if "xml" in type_contenu and statut in {200, 400, 500}:
        return
    erreur: TeleserviceError
    if statut in {502, 503, 504}:
        erreur = Unavailable(f"http_{statut}", "Service momentanément indisponible.")
    elif statut >= 500:
        erreur = OutcomeUnknown(f"http_{statut}", "Réponse incertaine du service.")
    else:
        erreur = InvalidReply(f"http_{statut}", "La réponse du service est illisible.")
    raise attach_evidence(erreur, echange)
