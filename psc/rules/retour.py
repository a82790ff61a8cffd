"""What the browser brings back from Pro Santé Connect: read, before anything is believed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

ETAT_MAX = 128
CODE_MAX = 4096
_ERREURS = {
    "access_denied": "retour_annule",
    "login_required": "retour_recommencer",
    "interaction_required": "retour_recommencer",
    "temporarily_unavailable": "psc_indisponible",
    "server_error": "psc_indisponible",
}


class RetourRefuse(ValueError):
    """The way back is not one; the text is a code of `psc.errors`."""


@dataclass(frozen=True)
class Retour:
    """The parameters of a callback: a code, or an error. Both are secrets until used."""

    etat: str = field(repr=False)
    code: str = field(default="", repr=False)
    erreur: str = ""
    emetteur: str = ""


def parse_callback(parametres: Iterable[tuple[str, str]]) -> Retour:
    """Return what a callback says. Raises RetourRefuse for a double, a lack, an excess.

    `error_description` is not even read. Source: psc.md §5.1, point 1.
    """
    lus: dict[str, str] = {}
    for nom, valeur in parametres:
        if nom in lus:
            raise RetourRefuse("retour_double")
        lus[nom] = valeur
    retour = Retour(
        lus.get("state", ""), lus.get("code", ""), lus.get("error", ""), lus.get("iss", "")
    )
    if not 0 < len(retour.etat) <= ETAT_MAX or len(retour.code) > CODE_MAX:
        raise RetourRefuse("retour_illisible")
    if bool(retour.code) == bool(retour.erreur):
        raise RetourRefuse("retour_illisible")
    return retour


def check_issuer(retour: Retour, emetteur: str, *, annonce: bool) -> None:
    """Raise RetourRefuse unless `iss` is ours; absent only where the service announces none.

    Source: psc.md §5.1, point 6 (mix-up defence).
    """
    if (retour.emetteur or annonce) and retour.emetteur != emetteur:
        raise RetourRefuse("retour_emetteur")


def error_code_of(retour: Retour) -> str:
    """Return our code for the error of a callback. Source: psc.md §5.1, point 7."""
    return _ERREURS.get(retour.erreur, "retour_refuse")
