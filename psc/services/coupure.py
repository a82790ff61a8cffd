"""A call to Pro Santé Connect behind its breaker, and what each call teaches: down, refused, late.

No sign-in page waits for the service: it reads `is_down`, which asks the database alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from psc.client import PscClient
from psc.documents import Garde
from psc.errors import error_of
from psc.services import acces
from teleservices import disjoncteur
from teleservices.errors import OutcomeUnknown, TeleserviceError, Unavailable
from teleservices.models import Disjoncteur

SERVICE = "psc"
T = TypeVar("T")
_HORLOGE_RELUE = timedelta(minutes=10)
_HORLOGE_BOUGE_S = 5


def guarded(appel: Callable[[PscClient], T], service: str = SERVICE) -> T:
    """Call the service unless its breaker is open. Raises what the client raises.

    Unavailable (psc_indisponible) without any call when it is open. `service` names the breaker: a
    connected service has its own.
    """
    maintenant = timezone.now()
    if disjoncteur.is_passing(service, maintenant) is not None:
        raise error_of("psc_indisponible")
    client = acces.psc_client()
    try:
        recu = appel(client)
    except (Unavailable, OutcomeUnknown) as exc:
        disjoncteur.note_failure(service, exc.code, maintenant)
        raise
    except TeleserviceError as exc:
        disjoncteur.note_success(service, maintenant)
        if exc.code == "client_refuse":
            disjoncteur.note_setting(service, exc.code)
        raise
    finally:
        _note_clock(client.ecart_s)
    disjoncteur.note_success(service, maintenant, repondu=True)
    return recu


def is_down() -> bool:
    """Tell whether the breaker is open: nothing is asked of the network, nothing written."""
    return Disjoncteur.objects.filter(
        service=SERVICE,
        environnement=settings.ENVIRONNEMENT,
        ouvert_jusqua__gt=timezone.now(),
    ).exists()


def _clock_name() -> str:
    return f"{settings.PSC_EMETTEUR} horloge"


def _note_clock(ecart_s: float | None) -> None:
    """Keep by how much our clock is ahead, when it moved or was not noted for ten minutes."""
    if ecart_s is None:
        return
    maintenant = timezone.now()
    ancien = read_clock()
    if (
        ancien is not None
        and abs(ancien[0] - ecart_s) < _HORLOGE_BOUGE_S
        and maintenant - ancien[1] < _HORLOGE_RELUE
    ):
        return
    garde = Garde(f"{ecart_s:.0f}".encode(), maintenant.timestamp())
    acces.MagasinBase().keep(_clock_name(), garde)


def read_clock() -> tuple[int, datetime] | None:
    """Return by how many seconds our clock was ahead, and when it was seen; None when never."""
    garde = acces.MagasinBase().read(_clock_name())
    if garde is None:
        return None
    quand = datetime.fromtimestamp(garde.lu_le, timezone.get_current_timezone())
    return int(garde.contenu), quand
