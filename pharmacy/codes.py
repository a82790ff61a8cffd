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


def route_scan(scan: Scan) -> Suite:
    """Send a scan where it belongs; a class without a place is refused with its sentence."""
    if scan.code.suite == "refus" or scan.code.classe not in _routes:
        phrase = scan.code.message or "Ce code n'a pas de place ici."
        return Suite(phrase=phrase, ton="attention", code=f"SCAN-{scan.code.classe}")
    return _routes[scan.code.classe](scan)
