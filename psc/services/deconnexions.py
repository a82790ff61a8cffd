"""Remote sessions to be closed: told to the service after the commit, once more if it was away.

The identity token is kept for that alone, sealed, fifteen minutes at most (psc.md §3.9).
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from pharmacy.flux import announce_entete
from psc.coffre import CoffreFerme, unseal
from psc.models import DeconnexionPsc
from psc.services import coupure, sessions
from teleservices.errors import NotReady, OutcomeUnknown, TeleserviceError, Unavailable

ESSAIS = 2
REPRISE = timedelta(seconds=60)


def close(officine_id: int, ligne_id: int) -> bool:
    """Close one remote session; tell whether it is done with. Two tries, a minute apart.

    After the second the token is destroyed, and its owner is told to close the session themselves.
    """
    ligne = _claim(officine_id, ligne_id)
    if ligne is None or ligne.jeton is None:
        return False
    try:
        jeton = unseal(ligne.session_id, bytes(ligne.jeton)).identite
        coupure.guarded(lambda client: client.end_session(jeton))
    except (Unavailable, OutcomeUnknown, NotReady) as exc:
        _fail(ligne, exc.code)
        return False
    except CoffreFerme:
        pass  # no key opens it any more: nothing left to ask with
    except TeleserviceError as exc:
        # It knows this session no more, or wants a browser: asked again it would say the same.
        sessions.note(ligne.session, "psc.deconnexion_distante", "refus", exc.code)
    ligne.delete()
    announce_entete(officine_id)
    return True


def _claim(officine_id: int, ligne_id: int) -> DeconnexionPsc | None:
    """Take a row that is due, counted: two workers do not close one session twice."""
    maintenant = timezone.now()
    with transaction.atomic():
        ligne = (
            DeconnexionPsc.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
            .filter(officine_id=officine_id, pk=ligne_id, pas_avant__lte=maintenant)
            .first()
        )
        if ligne is None or ligne.jeton is None or ligne.garder_jusqua <= maintenant:
            return None
        ligne.essais += 1
        ligne.pas_avant = maintenant + REPRISE
        ligne.save(update_fields=["essais", "pas_avant"])
    return ligne


def _fail(ligne: DeconnexionPsc, code: str) -> None:
    if ligne.essais >= ESSAIS:
        ligne.jeton, ligne.pas_avant = None, ligne.garder_jusqua
        ligne.save(update_fields=["jeton", "pas_avant"])
    sessions.note(ligne.session, "psc.deconnexion_distante", "refus", code)
    announce_entete(ligne.officine_id)


def sweep(officine_id: int) -> None:
    """Close what waits, forget what is too old to be kept."""
    maintenant = timezone.now()
    ici = DeconnexionPsc.objects.filter(officine_id=officine_id)
    ici.filter(garder_jusqua__lte=maintenant).delete()
    for ligne_id in ici.filter(pas_avant__lte=maintenant).values_list("pk", flat=True)[:100]:
        close(officine_id, ligne_id)
