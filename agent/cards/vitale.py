"""The normalised object of a carte Vitale (agent.md §7.1), whatever read it. Pure."""

from datetime import datetime
from typing import Any

from agent.protocol import ins
from agent.protocol.messages import ErreurAgent


def check_vitale(data: object) -> None:
    """Refuse what is not the normalised object of a card (agent.md §7.1). Raises ErreurAgent."""
    if not isinstance(data, dict) or not isinstance(data.get("assure"), dict):
        raise ErreurAgent("E_VITALE_DATA", block="assure")
    porteurs = data.get("beneficiaires")
    if not isinstance(porteurs, list) or not all(_is_porteur(p) for p in porteurs):
        raise ErreurAgent("E_VITALE_DATA", block="beneficiaires")


def _is_porteur(porteur: object) -> bool:
    return isinstance(porteur, dict) and isinstance(porteur.get("date_naissance"), str)


def is_key_right(assure: dict[str, Any]) -> bool:
    """Tell whether the key of the insured person's NIR is right; an absent one is not judged."""
    nir, cle = assure.get("nir"), assure.get("cle")
    if not (isinstance(nir, str) and isinstance(cle, str)):
        return True
    return ins.is_key_right(nir + cle)


# What the official component reads only beside a CPS, and the name each block has in `limites`.
_SOUS_CPS = {"droits_amo": "droits", "couverture": "ald", "mutuelle": "mutuelle", "amc": "mutuelle"}


def keep_administrative(data: dict[str, Any]) -> list[str]:
    """Forget in `data` what is not read without a CPS; return the names of what is missing.

    A block not read is null; an empty list would mean that it was read, and empty. Source: agent.md
    §2.3 (error 61441), §7.1.
    """
    for beneficiaire in data["beneficiaires"]:
        beneficiaire.update(dict.fromkeys(_SOUS_CPS))
    data["accidents_travail"] = None
    return [*dict.fromkeys(_SOUS_CPS.values()), "at"]


def iso_date(brut: str) -> str | None:
    """Return `AAAAMMJJ` as an ISO date; None for a lunar one, kept as it is (agent.md §2.3)."""
    if len(brut) != 8:
        return None
    try:
        return datetime.strptime(brut, "%Y%m%d").date().isoformat()  # noqa: DTZ007 - a date
    except ValueError:
        return None
