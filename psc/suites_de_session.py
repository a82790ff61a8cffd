"""What the local session does to the national one: the core tells, we write rows (psc.md §3.8)."""

from pharmacy.events import (
    AccesRetires,
    OperateurParti,
    RppsChange,
    SessionFermee,
    SessionOuverteParOperateur,
    SessionVerrouillee,
    subscribe,
)
from pharmacy.models import Operateur, Poste
from psc.services import sessions


def on_closed(evenement: SessionFermee) -> None:
    """Sign-out ends it, from afar too; a colleague who takes the place parks it."""
    if evenement.motif == "changement":
        sessions.park(evenement.acteur, "changement")
    else:
        sessions.end_of_poste(evenement.acteur, evenement.motif)


def on_locked(evenement: SessionVerrouillee) -> None:
    """Nobody is in front of a locked screen."""
    sessions.park(evenement.acteur, "verrouillage")


def on_opened(evenement: SessionOuverteParOperateur) -> None:
    """Who returns may find their session again."""
    acteur = evenement.acteur
    if acteur.poste_id is None:
        return
    sessions.follow_key(acteur, evenement.cle, evenement.precedente)
    if not sessions.has_parked(acteur):
        return
    sessions.resume(
        Operateur.objects.get(officine_id=acteur.officine_id, pk=acteur.operateur_id),
        Poste.objects.get(officine_id=acteur.officine_id, pk=acteur.poste_id),
        evenement.cle,
        evenement.par_mot_de_passe,
        evenement.precedente,
    )


def on_access_removed(evenement: AccesRetires) -> None:
    """Departure, new password: nothing stays, parked or not (case 20)."""
    sessions.end_of_operateur(evenement.officine_id, evenement.operateur_id, "acces_retire")


def on_left(evenement: OperateurParti) -> None:
    """Whoever left has no national session either."""
    sessions.end_of_operateur(evenement.officine_id, evenement.operateur_id, "depart")


def on_rpps_changed(evenement: RppsChange) -> None:
    """What another RPPS proved is void (case 21)."""
    sessions.end_of_operateur(evenement.acteur.officine_id, evenement.operateur_id, "rpps_change")


def register_all() -> None:
    """Subscribe; called from `AppConfig.ready()`."""
    subscribe(SessionFermee, on_closed)
    subscribe(SessionVerrouillee, on_locked)
    subscribe(SessionOuverteParOperateur, on_opened)
    subscribe(AccesRetires, on_access_removed)
    subscribe(OperateurParti, on_left)
    subscribe(RppsChange, on_rpps_changed)
