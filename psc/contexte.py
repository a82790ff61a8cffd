"""What every page may show of Pro Santé Connect: whether it is on, and whether it answers."""

import time
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from teleservices.models import Disjoncteur


@dataclass
class PscDeLaPage:
    """Read when a template asks, never by a call: the sign-in page waits for nobody."""

    actif: bool
    instant: int

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


def psc(request: HttpRequest) -> dict[str, object]:
    """Return the context of the button."""
    del request
    return {"psc": PscDeLaPage(settings.PSC_ACTIF, int(time.time()))}
