"""SOAP faults of the CNAM services (ins.md §3.5), in the two forms seen."""

from dataclasses import dataclass
from typing import Any

from lxml import etree

from simulators.commun.soap import fault
from simulators.commun.types import Hasard

SIRAM = "urn:siram"


@dataclass(frozen=True)
class Faute:
    """A SOAP fault: detail code, side, subcode, severity, text for the user."""

    code: str
    texte: str
    cote: str = "Sender"
    sous_code: str = ""
    severite: str = "erreur"


def by_code(*fautes: Faute) -> dict[str, Faute]:
    """Return faults by their code."""
    return {faute.code: faute for faute in fautes}


# The table of ins.md §3.5 gives no subcode for desir_560 and desir_1020.
COMMUNES = by_code(
    Faute("desir_550", "Numéro d'autorisation inconnu", "Sender", "siram_100"),
    Faute("desir_560", "Droits d'accès insuffisants"),
    Faute("desir_1020", "Message non conforme"),
)


class Refus(Exception):
    """The request is refused by the fault of this code; `raison` is for the journal."""

    def __init__(self, code: str, raison: str = "") -> None:
        super().__init__(raison or code)
        self.code = code
        self.raison = raison


def write(faute: Faute, message_id: str, alea: Hasard, *, autre_forme: bool = False) -> bytes:
    """Return the envelope of a fault; `autre_forme` asks for Detail/{Code,Severite,Descriptif}."""
    if autre_forme or alea.often(0.3):
        details: list[Any] = []
        for nom, valeur in (
            ("Code", faute.code),
            ("Severite", faute.severite),
            ("Descriptif", faute.texte),
        ):
            details.append(etree.Element(nom))
            details[-1].text = valeur
    else:
        erreur = etree.Element(f"{{{SIRAM}}}Erreur", nsmap={"siram": SIRAM})
        erreur.set("code", faute.code)
        erreur.set("severite", faute.severite)
        if message_id and not alea.often(0.3):
            erreur.set("messageID", message_id)
        erreur.text = faute.texte
        details = [erreur]
    hasard = None if alea.calme else alea.hasard
    return fault(faute.cote, faute.sous_code, faute.texte, details, hasard)
