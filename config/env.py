"""Typed readers of the environment: a wrong value stops the start with one sentence.

Any variable `X` may be given as `X_FILE`, the path of a file that holds it (secrets).
"""

import os
from pathlib import Path

PREFIXE = "COMPTOIR_"


class ReglageInvalide(SystemExit):
    """A setting is missing or unreadable; the message is the sentence shown to the installer."""


def _read_raw(nom: str) -> str | None:
    complet = PREFIXE + nom
    valeur = os.environ.get(complet)
    if valeur is not None:
        return valeur
    fichier = os.environ.get(f"{complet}_FILE")
    if fichier is None:
        return None
    try:
        return Path(fichier).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise ReglageInvalide(
            f"{complet}_FILE : le fichier {fichier} n'est pas lisible ({exc.strerror})."
        ) from exc


def texte(nom: str, defaut: str | None = None) -> str:
    """Return the text of a setting; without a default, its absence stops the start."""
    valeur = _read_raw(nom)
    if valeur is not None:
        return valeur
    if defaut is None:
        raise ReglageInvalide(f"{PREFIXE}{nom} n'est pas défini (ni {PREFIXE}{nom}_FILE).")
    return defaut


def entier(nom: str, defaut: int, *, mini: int = 0, maxi: int = 2**31) -> int:
    """Return a whole number between `mini` and `maxi`."""
    brut = _read_raw(nom)
    if brut is None:
        return defaut
    try:
        valeur = int(brut)
    except ValueError as exc:
        raise ReglageInvalide(f"{PREFIXE}{nom} : « {brut} » n'est pas un nombre entier.") from exc
    if not mini <= valeur <= maxi:
        raise ReglageInvalide(f"{PREFIXE}{nom} : {valeur} n'est pas entre {mini} et {maxi}.")
    return valeur


def booleen(nom: str, *, defaut: bool) -> bool:
    """Return oui/non (also 1/0, true/false)."""
    brut = _read_raw(nom)
    if brut is None:
        return defaut
    if brut.lower() in {"oui", "1", "true"}:
        return True
    if brut.lower() in {"non", "0", "false"}:
        return False
    raise ReglageInvalide(f"{PREFIXE}{nom} : « {brut} » n'est ni oui ni non.")


def choix(nom: str, permis: tuple[str, ...], defaut: str) -> str:
    """Return one of the permitted words."""
    valeur = texte(nom, defaut)
    if valeur not in permis:
        raise ReglageInvalide(f"{PREFIXE}{nom} : « {valeur} » n'est pas parmi {', '.join(permis)}.")
    return valeur


def lignes(nom: str, defaut: str | None = None) -> list[str]:
    """Return the non-empty lines of a setting (lists of keys, one a line)."""
    return [ligne.strip() for ligne in texte(nom, defaut).splitlines() if ligne.strip()]
