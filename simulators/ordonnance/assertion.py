"""The signed assertion of the prescription service (ordonnance.md §2.2, §2.8)."""

import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from simulators.commun.assertion import (
    PROFESSIONS,
    AssertionRefusee,
    check_conditions,
    verified_assertion,
)
from simulators.commun.soap import Message
from simulators.ordonnance.etat import Refus

__all__ = ["PROFESSIONS", "Signataire", "check_assertion"]
AUDIENCE = "urn:sim-epu:1.0.0"
SPECIALITE_OFFICINE = "50"


@dataclass(frozen=True)
class Signataire:
    """Who signed, for which pharmacy."""

    identifiant: str
    finess: str
    profession: int


def check_assertion(
    message: Message, autorite: x509.Certificate, maintenant: datetime | None = None
) -> Signataire:
    """Return the signer of the first assertion; EPU-030 for anything wrong."""
    try:
        lue = verified_assertion(message, autorite, maintenant)
        check_conditions(lue.element, AUDIENCE, maintenant)
    except AssertionRefusee as exc:
        raise Refus("EPU-030", str(exc)) from exc
    if lue.attributs.get("codeSpecialiteAMO") != SPECIALITE_OFFICINE:
        raise Refus("EPU-030", "Spécialité absente ou inattendue")
    finess = lue.attributs.get("identifiantFacturation", "")
    if not re.fullmatch(r"[0-9][0-9AB][0-9]{7}", finess):
        raise Refus("EPU-030", "Identifiant de facturation absent")
    return Signataire(lue.porteur, finess, lue.profession)
