"""What every page may show of Pro Santé Connect: whether it is on, and whether it answers."""

import time
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from pharmacy.acteurs import Acteur
from psc.services.etat import EtatVu, read_header
from teleservices.models import Disjoncteur


@dataclass
class PscDeLaPage:
    """Read when a template asks, never by a call: the sign-in page waits for nobody."""

    actif: bool
    instant: int
    request: HttpRequest

    @property
    def telephone(self) -> bool:
        """Whether the telephone may be called. No query."""
        return self.actif and bool(settings.PSC_CIBA)

    @cached_property
    def indisponible(self) -> bool:
        """Whether the breaker is open: the button says so (case 80). One query."""
        return Disjoncteur.objects.filter(
            service="psc", environnement=settings.ENVIRONNEMENT, ouvert_jusqua__gt=timezone.now()
        ).exists()

    @cached_property
    def etat(self) -> EtatVu | None:
        """What the header shows of who works here; None for nobody. Two or three queries."""
        acteur: Acteur | None = getattr(self.request, "acteur", None)
        cle = self.request.session.session_key
        if acteur is None or cle is None or not self.actif:
            return None
        return read_header(acteur, cle)


def psc(request: HttpRequest) -> dict[str, object]:
    """Return the context of the button and of the header."""
    return {"psc": PscDeLaPage(settings.PSC_ACTIF, int(time.time()), request)}
