"""The parts of a 2D-Doc: header, fields, signature (agent.md §4.5).

Cut, never believed: the signature is checked nowhere here, so nothing of it fills anything.
"""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

GS, RS, US = "\x1d", "\x1e", "\x1f"
# What each version adds after the document type (agent.md §4.5, from memory there).
_SUITES = {"01": (), "02": (), "03": ("perimetre",), "04": ("perimetre", "pays")}
_ENTETE = re.compile(
    r"DC(?P<version>0[1-4])(?P<autorite>[A-Z0-9]{4})(?P<certificat>[A-Z0-9]{4})"
    r"(?P<emission>[0-9A-F]{4})(?P<signature>[0-9A-F]{4})(?P<type>[A-Z0-9]{2})"
)
_EPOQUE = date(2000, 1, 1)
_SANS_DATE = "FFFF"


@dataclass(frozen=True)
class Doc2d:
    """Header by name, blocks as read between separators, signature in Base32, what was wrong.

    A block may hold several fields: their lengths are the server's business.
    """

    entete: dict[str, str]
    blocs: tuple[str, ...] = field(repr=False, default=())
    signature: str = field(repr=False, default="")
    erreurs: tuple[str, ...] = ()

    def as_fields(self) -> dict[str, str]:
        """Return what a reading shows of it: the header, and how many blocks follow."""

        signe = "oui" if self.signature else ""
        return {**self.entete, "blocs": str(len(self.blocs)), "signe": signe}


def is_2ddoc(texte: str) -> bool:
    """Tell whether the text starts like a 2D-Doc of a known version."""
    return re.match(r"DC0[1-4]", texte) is not None


def parse(texte: str) -> Doc2d:
    """Return the parts of a text that `is_2ddoc`. Never raises; a broken header says so.

    A field shorter than its maximum ends with GS, a truncated one with RS; US comes before the
    signature. Dates are days since 1 January 2000, in hexadecimal; FFFF is no date.
    """
    lu = _ENTETE.match(texte)
    if lu is None:
        return Doc2d({"version": texte[2:4]}, erreurs=("2ddoc_entete",))
    entete = {nom: valeur for nom, valeur in lu.groupdict().items() if nom != "signature"}
    entete["emission"] = _date(lu["emission"])
    entete["date_signature"] = _date(lu["signature"])
    reste = texte[lu.end() :]
    erreurs = []
    for nom in _SUITES[lu["version"]]:
        entete[nom], reste = reste[:2], reste[2:]
        if len(entete[nom]) < 2 or not entete[nom].isalnum():
            erreurs.append("2ddoc_entete")
    corps, separateur, signature = reste.partition(US)
    if not (separateur and re.fullmatch(r"[A-Z2-7]+=*", signature)):
        erreurs.append("2ddoc_signature")
    blocs = tuple(bloc for bloc in re.split(f"[{GS}{RS}]", corps) if bloc)
    return Doc2d(entete, blocs, signature, tuple(dict.fromkeys(erreurs)))


def _date(hexa: str) -> str:
    """Return an ISO date, or an empty text for no date."""
    return "" if hexa == _SANS_DATE else (_EPOQUE + timedelta(days=int(hexa, 16))).isoformat()
