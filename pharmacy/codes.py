"""Where a scanned code goes: each class of code has one route, filled by the apps in `ready()`."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.protocol.classification import CodeLu
from pharmacy.acteurs import Acteur
from pharmacy.models import Vente
from pharmacy.suites import Suite


@dataclass(frozen=True)
class Scan:
    """A code read for a sale. `vers_ordonnance`: the « Code 2D » window was open."""

    acteur: Acteur
    vente: Vente | None
    code: CodeLu
    canal: str
    vers_ordonnance: bool = False


Route = Callable[[Scan], Suite]
_routes: dict[str, Route] = {}


def register(classe: str, route: Route) -> None:
    """Say where codes of `classe` go; called from `AppConfig.ready()`."""
    _routes[classe] = route


# Recognised, and used nowhere yet: said by name, with what to do instead.
_PAS_ENCORE = {
    "2ddoc": "Document 2D-Doc lu : pas encore utilisé ici. Lisez-le sur le papier ; pour le "
    "patient, prenez sa carte Vitale ou son nom (F2).",
    "attestation_amc": "Attestation de mutuelle lue : pas encore utilisée ici. Gardez-la pour la "
    "facturation ; pour le patient, prenez sa carte Vitale ou son nom (F2).",
    "badge": "Badge lu : pas encore utilisé ici. Pour changer d'opérateur, tapez ² L puis votre "
    "code.",
}
_ETRANGERS = {"url", "inconnu"}


def route_scan(scan: Scan) -> Suite:
    """Send a scan where it belongs; a class without a place is named, with the next step."""
    if scan.code.suite == "refus" or scan.code.classe not in _routes:
        return Suite(phrase=_refusal(scan), ton="attention", code=f"SCAN-{scan.code.classe}")
    return _routes[scan.code.classe](scan)


def _refusal(scan: Scan) -> str:
    """Return the sentence of a code that nothing takes, wherever the focus was."""
    code = scan.code
    phrase = code.message or "Ce code n'a pas de place ici."
    if scan.vers_ordonnance:
        return phrase
    if code.classe in _PAS_ENCORE and "clavier" not in code.erreurs:
        return _PAS_ENCORE[code.classe]
    if code.classe not in _ETRANGERS or "cannez" in phrase or "aisissez" in phrase:
        return phrase
    if scan.vente is None:
        return f"{phrase} Ouvrez une vente (V) pour chercher un produit ou saisir un numéro."
    return f"{phrase} Cherchez le produit (² N), ou saisissez le numéro d'ordonnance (F3)."
