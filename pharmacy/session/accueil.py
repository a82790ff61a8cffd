"""What must be read at the sign-in, before anything else: the apps above put their pages there."""

from collections.abc import Callable

from django.urls import reverse

from pharmacy.models import Operateur

_avis: list[tuple[str, Callable[[Operateur], bool]]] = []


def register_avis(route: str, attend: Callable[[Operateur], bool]) -> None:
    """Add a page; `attend` says whether something waits for an operator there, in one query.

    Called from `AppConfig.ready()`. The page leads on to the address it is given as « suite ».
    """
    if (route, attend) not in _avis:
        _avis.append((route, attend))


def notice_of(operateur: Operateur) -> str:
    """Return the address of what waits for an operator; empty, nearly always."""
    return next((reverse(route) for route, attend in _avis if attend(operateur)), "")
