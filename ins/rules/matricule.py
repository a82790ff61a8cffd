"""The matricule: thirteen characters and a key."""

import re

FORME = re.compile(r"^[0-9]{5}([0-9]{2}|2A|2B)[0-9]{6}$")


def nir_key(corps: str) -> int:
    """Return the control key (1 to 97) of the thirteen characters of a matricule.

    Corsica counts as a number: 2A as 19, 2B as 18, in the département position only.
    Raises ValueError if `corps` is not a matricule body. Source: ins.md §1.2.
    """
    departement = {"2A": "19", "2B": "18"}.get(corps[5:7], corps[5:7])
    chiffres = corps[:5] + departement + corps[7:]
    if len(chiffres) != 13 or not (chiffres.isascii() and chiffres.isdigit()):
        raise ValueError("not a matricule body")
    return 97 - int(chiffres) % 97


def check_typed(matricule: str) -> None:
    """Raise ValueError unless fifteen characters typed or scanned carry the right key.

    What INSi returns is never checked so: it is kept as it came. Source: ins.md §1.2.
    """
    ascii_seul = len(matricule) == 15 and matricule.isascii()
    if not (ascii_seul and FORME.match(matricule[:13]) and matricule[13:].isdigit()):
        raise ValueError("matricule shape")
    if nir_key(matricule[:13]) != int(matricule[13:]):
        raise ValueError("matricule key")


def join_returned(numero: str, cle: str) -> tuple[str, tuple[str, ...]]:
    """Return (fifteen characters, anomalies) of what INSi gave: kept as given, never repaired.

    Without a key, it is computed and said (`cle_calculee`). Source: ins.md §1.2.
    """
    try:
        calculee = f"{nir_key(numero):02d}"
    except ValueError:
        return numero + cle, ("matricule_forme",)
    if not cle:
        return numero + calculee, ("cle_calculee",)
    return numero + cle, () if cle == calculee else ("cle_incoherente",)
