"""What the data files of a CPS say (agent.md §1.2, §1.5). Pure; unknown tags are skipped."""

import re
from datetime import datetime
from typing import Any

from agent.cards.cps import tlv

EMETTEUR = bytes.fromhex("8025000001")
_RAISON, _STRUCTURE, _SECTEUR, _SITUATION = 0x84, 0x85, 0x86, 0xEE
_CODE = re.compile(r"[A-Z0-9]{4}")


class ContenuFaux(ValueError):
    """A file of the card that does not hold what it must; the text names the file."""


def text(octets: bytes) -> str:
    """Return the text of a value: UTF-8, else ISO 8859-1, trimmed (§1.5)."""
    try:
        lu = octets.decode("utf-8")
    except UnicodeDecodeError:
        lu = octets.decode("latin-1")
    return lu.strip(" \x00")


def last_four(octets: bytes) -> str | None:
    """Return the last four characters when they have the shape of a code, as a fallback (§1.5)."""
    queue = octets.rstrip(b"\x00\xff ")[-4:].decode("latin-1")
    return queue if _CODE.fullmatch(queue) else None


def read_situation(index: int, octets: bytes) -> dict[str, Any]:
    """Return a situation d'exercice: index, raison_sociale, struct_id_nat, secteur.

    What the card does not say is None. Source: agent.md §1.5 (`EE { 84, 85, 86 }`).
    """
    champs: dict[int, bytes] = {}
    try:
        for tag, valeur in tlv.items(tlv.find(octets, _SITUATION) or b""):
            champs.setdefault(tag, valeur)
    except tlv.TlvFaux:
        champs = {}
    secteur = text(champs[_SECTEUR]) if _SECTEUR in champs else last_four(octets)
    return {
        "index": index,
        "raison_sociale": text(champs[_RAISON]) if _RAISON in champs else None,
        "struct_id_nat": text(champs[_STRUCTURE]) if _STRUCTURE in champs else None,
        "secteur": secteur,
    }


def read_specialite(octets: bytes) -> str | None:
    """Return the code of table R01 that CPS_INFO_PS ends with, or None. Source: agent.md §1.5."""
    return last_four(octets)


def read_serial(octets: bytes) -> str:
    """Return the ten digits of EF.SN.ICC; ContenuFaux when the issuer is another (§1.1, §1.2)."""
    serie = octets[7:12].hex()
    if octets[2:7] != EMETTEUR or len(serie) != 10 or not serie.isdecimal():
        raise ContenuFaux("EF_SN")
    return serie


def check_actua(octets: bytes) -> None:
    """Refuse a card whose update was cut: start (`81`) and end (`82`), both dates (§1.2).

    Raises ContenuFaux. An absent file is no fault: the card was never updated.
    """
    try:
        modele = tlv.find(octets, 0xEC) or b""
        instants = dict(tlv.items(modele))
    except tlv.TlvFaux as exc:
        raise ContenuFaux("EF_ACTUA") from exc
    if not all(_is_instant(instants.get(tag, b"")) for tag in (0x81, 0x82)):
        raise ContenuFaux("EF_ACTUA")


def _is_instant(octets: bytes) -> bool:
    """Tell whether these are the fourteen BCD digits of a date and time."""
    if len(octets) != 7:
        return False
    try:
        datetime.strptime(octets.hex(), "%Y%m%d%H%M%S")  # noqa: DTZ007 - a shape, not an instant
    except ValueError:
        return False
    return True
