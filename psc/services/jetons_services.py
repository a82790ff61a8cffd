"""Tokens for who acts: fresh, renewed once at a time, exchanged for those of connected services.

No token leaves this process: it goes from here to the call that needs it. A renewal is one flight
per session, under an advisory lock of the database held by no transaction (psc.md §5.5).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from pharmacy.acteurs import Acteur
from psc.coffre import CoffreFerme, seal, unseal
from psc.echanges import Cible, Jetons
from psc.errors import error_of
from psc.jetons import JetonIdentite
from psc.models import JetonApi, SessionPsc
from psc.reglages import read_limites
from psc.rules.etats import Etat, compute_deadlines, must_renew
from psc.services import coupure, sessions
from teleservices.errors import InvalidReply, TeleserviceError
from teleservices.identite_nationale import CibleNationale, cible_get

ATTENTE_VOL = "12s"
DUREE_ACTE = timedelta(minutes=5)
_ACTIVITE = timedelta(minutes=1)


def access_token(acteur: Acteur, cle_session: str) -> str:
    """Return an access token with fifteen seconds left at least, renewed if it must be.

    Never a colleague's, nor one of another poste or local session. Raises session_absente,
    session_a_reconfirmer (nobody acted for thirty minutes), session_terminee, or what the service
    raises: the local session is unchanged in any case. Source: psc.md §5.5.
    """
    return _fresh(_usable(sessions.current(acteur, cle_session))).acces


def begin_act(acteur: Acteur, cle_session: str, duree: timedelta = DUREE_ACTE) -> str:
    """Return a token for an act that takes `duree`; refuse now rather than in the middle.

    Raises as `access_token`, and session_finit when the four hours end before the act would.
    Source: PSC-11.
    """
    session = _usable(sessions.current(acteur, cle_session))
    if session.echeance_fin - timezone.now() < duree:
        raise error_of("session_finit")
    return _fresh(session).acces


def check_alive(acteur: Acteur, cle_session: str) -> str:
    """Return a token that the service itself says is good, before a sensitive act.

    Raises as `access_token`; session_terminee when the service holds it for nothing any more, and
    the session is then over here too. Source: psc.md §1.6.
    """
    return _introspected(_usable(sessions.current(acteur, cle_session)))


def _usable(session: SessionPsc | None) -> SessionPsc:
    """Return a session that an action may use; past its idle deadline nobody renews it."""
    if session is None:
        raise error_of("session_absente")
    if timezone.now() >= session.echeance_inactivite:
        raise error_of("session_a_reconfirmer")
    return session


def _introspected(session: SessionPsc) -> str:
    acces = _fresh(session).acces
    if not coupure.guarded(lambda client: client.introspect(acces)):
        sessions.end(session, "revoquee", distante=False)
        raise error_of("session_terminee")
    return acces


def _open(session: SessionPsc) -> Jetons:
    """Return the tokens of a session; one that does not open ends it (case 66)."""
    try:
        return unseal(session.pk, bytes(session.jetons or b""))
    except CoffreFerme as exc:
        sessions.note(session, "psc.securite", "refus", "coffre")
        sessions.end(session, "coffre", distante=False)
        raise error_of("session_terminee") from exc


def _expiry(jetons: Jetons) -> datetime:
    return datetime.fromtimestamp(jetons.recu_le + jetons.expire_s, UTC)


def _fresh(session: SessionPsc, perime: str = "") -> Jetons:
    """Return tokens good for fifteen seconds, other than `perime` which the service refused."""
    jetons = _open(session)
    if jetons.acces != perime and not must_renew(_expiry(jetons), timezone.now()):
        _note_use(session)
        return jetons
    with _single_flight(session.pk):
        relue = (
            SessionPsc.objects.filter(
                officine_id=session.officine_id, pk=session.pk, etat__in=sessions.EN_COURS
            )
            .select_related("operateur")
            .first()
        )
        if relue is None:
            raise error_of("session_terminee")
        jetons = _open(_usable(relue))
        if jetons.acces != perime and not must_renew(_expiry(jetons), timezone.now()):
            return jetons
        return _renew(relue, jetons)


def _note_use(session: SessionPsc) -> None:
    maintenant = timezone.now()
    if maintenant - session.derniere_activite > _ACTIVITE:
        SessionPsc.objects.filter(officine_id=session.officine_id, pk=session.pk).update(
            derniere_activite=maintenant
        )


@contextmanager
def _single_flight(session_id: UUID) -> Iterator[None]:
    """Hold a session's renewal: the others wait, then find the new tokens.

    The lock belongs to the connection, no transaction is open meanwhile, and a process that dies
    gives it back. OutcomeUnknown (psc_sans_reponse) when the one who holds it takes too long.
    """
    cle = int.from_bytes(session_id.bytes[:8], "big", signed=True)
    with connection.cursor() as curseur:
        curseur.execute("SELECT set_config('lock_timeout', %s, false)", [ATTENTE_VOL])
        try:
            curseur.execute("SELECT pg_advisory_lock(%s)", [cle])
        except OperationalError as exc:
            raise error_of("psc_sans_reponse") from exc
        finally:
            curseur.execute("RESET lock_timeout")
    try:
        yield
    finally:
        with connection.cursor() as curseur:
            curseur.execute("SELECT pg_advisory_unlock(%s)", [cle])


def _start(session: SessionPsc) -> datetime:
    return session.authentifie_le or session.cree_le


def _renew(session: SessionPsc, jetons: Jetons) -> Jetons:
    if not jetons.renouvellement:
        raise error_of("session_a_reconfirmer")
    preuve = JetonIdentite(session.sub, session.acr, None, session.sid, session.national)
    depart = _start(session).timestamp()
    try:
        recus = coupure.guarded(lambda client: client.renew(jetons, preuve, depart))
    except TeleserviceError as exc:
        _settle_failure(session, exc)
        raise
    _keep(session, recus)
    return recus


def _settle_failure(session: SessionPsc, erreur: TeleserviceError) -> None:
    """Write what a renewal that failed means: over, suspect, or to be confirmed again (§5.5)."""
    if erreur.code == "session_terminee":
        sessions.end(session, "expiree", distante=False)
        return
    sessions.note(session, "psc.renouveler", "refus", erreur.code)
    if isinstance(erreur, InvalidReply) and erreur.code.startswith("jeton_"):
        sessions.note(session, "psc.securite", "refus", erreur.code)
        sessions.end(session, erreur.code)
        return
    sessions.mark_stale(session)


def _keep(session: SessionPsc, recus: Jetons) -> None:
    """Replace the tokens, all of them. What ended meanwhile stays over, what was parked, parked."""
    echeances = compute_deadlines(
        datetime.fromtimestamp(recus.recu_le, UTC),
        recus.renouvellement_expire_s,
        _start(session),
        read_limites(),
    )
    with transaction.atomic():
        ligne = (
            SessionPsc.objects.select_for_update(of=("self",), no_key=True)
            .filter(officine_id=session.officine_id, pk=session.pk)
            .exclude(etat=SessionPsc.Etat.TERMINEE)
            .first()
        )
        if ligne is None:
            raise error_of("session_terminee")
        ligne.jetons = seal(ligne.pk, recus)
        ligne.echeance_inactivite, ligne.echeance_fin = echeances.inactivite, echeances.fin
        ligne.derniere_activite, ligne.session_state = timezone.now(), recus.session_state
        if ligne.etat == Etat.A_RECONFIRMER:
            ligne.etat = SessionPsc.Etat.ACTIVE
        ligne.version += 1
        ligne.save()
    if ligne.etat == SessionPsc.Etat.GAREE:
        raise error_of("session_absente")


# Connected services.


class FournisseurPsc:
    """What `teleservices.identite_nationale` calls: the tokens of who acts, by their session."""

    def jeton_pour(self, acteur: Acteur, cible: str) -> str:
        """Return the token of a connected service for who acts on their poste."""
        return token_for(acteur, cible)


def token_for(acteur: Acteur, cible: str) -> str:
    """Return the token of a connected service: the one kept, or one exchanged now.

    The owner's active session on their poste, whatever asks (page or worker). A sensitive service
    is asked for only once Pro Santé Connect confirmed the session. Raises as `access_token`, and
    cible_inconnue. Source: psc.md §1.9; cases 94, 97.
    """
    service = cible_get(cible)
    if service is None:
        raise error_of("cible_inconnue")
    session = _usable(sessions.active_of(acteur))
    if service.sensible:
        _introspected(session)
    gardes = _kept(session, cible)
    if gardes is not None:
        return gardes.acces
    recus = _exchange(session, service)
    _keep_api(session, cible, recus)
    return recus.acces


def _row_of(session: SessionPsc, cible: str) -> UUID:
    """Return what seals a service's token: this session and this service, nothing else."""
    return uuid5(session.pk, f"jeton:{cible}")


def _kept(session: SessionPsc, cible: str) -> Jetons | None:
    ligne = JetonApi.objects.filter(
        officine_id=session.officine_id, session=session, cible=cible
    ).first()
    if ligne is None or must_renew(ligne.expire_le, timezone.now()):
        return None
    try:
        return unseal(_row_of(session, cible), bytes(ligne.jetons))
    except CoffreFerme:
        sessions.note(session, "psc.securite", "refus", "coffre")
        return None


def _exchange(session: SessionPsc, service: CibleNationale) -> Jetons:
    """Exchange a fresh token; refused as too old, renew once and try once more."""
    cible = Cible(service.jeton_url, service.scope, service.emetteur_sujet)
    acces = _fresh(session).acces
    try:
        return _exchange_once(session, service, cible, acces)
    except TeleserviceError as exc:
        if exc.code != "jeton_perime":
            raise
    return _exchange_once(session, service, cible, _fresh(session, perime=acces).acces)


def _exchange_once(
    session: SessionPsc, service: CibleNationale, cible: Cible, acces: str
) -> Jetons:
    try:
        return coupure.guarded(lambda client: client.exchange(acces, cible), service.cle)
    except TeleserviceError as exc:
        sessions.note(session, "psc.echanger", "refus", f"{service.cle}:{exc.code}"[:40])
        raise


def _keep_api(session: SessionPsc, cible: str, recus: Jetons) -> None:
    """Keep a service's token with its session; nothing when the session ended meanwhile."""
    with transaction.atomic():
        vivante = (
            SessionPsc.objects.select_for_update(of=("self",), no_key=True)
            .filter(officine_id=session.officine_id, pk=session.pk)
            .exclude(etat=SessionPsc.Etat.TERMINEE)
            .first()
        )
        if vivante is None:
            raise error_of("session_terminee")
        JetonApi.objects.update_or_create(
            officine_id=session.officine_id,
            session=vivante,
            cible=cible,
            defaults={
                "jetons": seal(_row_of(session, cible), recus),
                "expire_le": _expiry(recus),
            },
        )
        sessions.note(session, "psc.echanger", precision=cible)
