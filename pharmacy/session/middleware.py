"""`request.acteur`, `request.poste` and the lock after inactivity."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from pharmacy import parametres
from pharmacy.acteurs import Acteur
from pharmacy.figee import Figee
from pharmacy.models import Operateur, Poste
from pharmacy.models.habilitation import ecarts_of_row, ecarts_read
from pharmacy.session.backend import VERROUILLAGE
from pharmacy.session.verrou import note_lock

_ECRITURE_S = 20
# When the operator of a session last gave a secret (timestamp).
AUTHENTIFIEE = "authentifiee"
# What a page asks by itself: nobody acts.
PASSIFS = (
    *("/flux", "/api/agent/jetons", "/api/agent/presence"),
    *("/psc/etat", "/psc/tentative", "/psc/ciba", "/administration/etat"),
)


class SessionComptoirMiddleware:
    """Attach the actor; a session left alone beyond the setting becomes locked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Run the request with `acteur` (None before sign-in or while locked) and `poste`."""
        request.acteur = None  # type: ignore[attr-defined]
        request.poste = _poste_of(request)  # type: ignore[attr-defined]
        operateur = request.user
        if isinstance(operateur, Operateur):
            _refresh_lock(request, operateur)
            if not request.session.get("verrouillee"):
                request.acteur = replace(  # type: ignore[attr-defined]
                    acteur_of(operateur, request.poste),  # type: ignore[attr-defined]
                    administration=administration_of(request, operateur),
                )
        return self.get_response(request)


def acteur_of(operateur: Operateur, poste: Poste | None) -> Acteur:
    """Return the plain actor of an operator on a workstation.

    What the titulaire decided of their rights comes with the row of a session; else it is read.
    """
    if not hasattr(operateur, "ecarts"):
        ligne = Operateur.objects.filter(
            officine_id=operateur.officine_id, pk=operateur.pk
        ).values_list(ecarts_of_row())
        operateur.ecarts = ligne[0][0] if ligne else []  # type: ignore[attr-defined]
    return Acteur(
        operateur_id=operateur.pk,
        officine_id=operateur.officine_id,
        role=operateur.role,
        poste_id=poste.pk if poste else None,
        rpps=operateur.rpps,
        ecarts=ecarts_read(operateur.ecarts),  # type: ignore[attr-defined]
    )


def administration_of(request: HttpRequest, operateur: Operateur) -> datetime | None:
    """Return until when this very session has its administration mode open."""
    modes: list[str] = operateur.modes  # type: ignore[attr-defined]  # read by OperateurBackend
    debut = f"{request.session.session_key} "
    jusqua = next((mode.removeprefix(debut) for mode in modes if mode.startswith(debut)), None)
    return datetime.fromtimestamp(float(jusqua), tz=UTC) if jusqua else None


def _poste_of(request: HttpRequest) -> Poste | None:
    cookie: tuple[int, int] | None = request.poste_cookie  # type: ignore[attr-defined]
    if cookie is None or request.session.get("officine") not in {None, cookie[0]}:
        return None
    return _POSTE.first(Poste, officine_id=cookie[0], pk=cookie[1])


def _poste(officine_id: int, pk: int) -> "QuerySet[Poste]":
    siens = Poste.objects.filter(officine_id=officine_id, pk=pk)
    return siens.exclude(etat=Poste.Etat.REVOQUE)


# Read at each request.
_POSTE = Figee(_poste, officine_id=2**50, pk=2**51)


def _refresh_lock(request: HttpRequest, operateur: Operateur) -> None:
    """Lock when the delay is over; otherwise remember the activity, at most every 20 seconds.

    What the page does by itself (event stream, polling, agent) is not an activity.
    """
    maintenant = timezone.now().timestamp()
    minutes = operateur.verrouillage  # type: ignore[attr-defined]  # read by OperateurBackend
    if is_over(request.session, minutes, maintenant):
        if not request.session.get("verrouillee"):
            request.session["verrouillee"] = True
            note_lock(acteur_of(operateur, request.poste))  # type: ignore[attr-defined]
        return
    dernier = float(request.session["activite"])
    passif = request.path.startswith(PASSIFS)
    if not passif and maintenant - dernier > _ECRITURE_S:
        request.session["activite"] = maintenant


def _present(
    cle: str, pk: int, officine_id: int, role: str, jour: date, quand: datetime
) -> "QuerySet[Operateur, tuple[Any, ...]]":
    ouvertes = Session.objects.filter(session_key=cle, expire_date__gt=quand)
    return (
        Operateur.objects.en_poste(jour)
        .filter(officine_id=officine_id, pk=pk, role=role)
        .order_by()
        .values_list(
            Subquery(ouvertes.values("session_data")[:1]),
            parametres.subquery(VERROUILLAGE, officine_id, quand),
            ecarts_of_row(),
        )
    )


# Read at each message of an event stream.
_PRESENT = Figee(
    _present,
    cle="<session>",
    pk=2**50,
    officine_id=2**51,
    role="<role>",
    jour=date(1900, 1, 2),
    quand=datetime(1900, 1, 3, tzinfo=UTC),
)


def is_present(session_key: str, acteur: Acteur) -> bool:
    """Tell whether this operator is still signed in, unlocked and active in this session, with
    the rights they had when it was asked.

    For what outlives a request: an event stream stops with the session that opened it. One query.
    """
    maintenant = timezone.now()
    lignes = _PRESENT.rows(
        cle=session_key,
        pk=acteur.operateur_id,
        officine_id=acteur.officine_id,
        role=acteur.role,
        jour=timezone.localdate(),
        quand=maintenant,
    )
    if not lignes:
        return False
    donnees, brut, ecarts = lignes[0]
    minutes = None if brut is None else json.loads(brut)
    if donnees is None or ecarts_read(ecarts) != acteur.ecarts:
        return False
    session = SessionStore().decode(donnees)
    if session.get(SESSION_KEY) != str(acteur.operateur_id) or session.get("verrouillee"):
        return False
    return not is_over(session, minutes, maintenant.timestamp())


def is_over(
    session: SessionBase | dict[str, Any], minutes: parametres.Valeur | None, maintenant: float
) -> bool:
    """Tell whether who is there must say again who they are: idle too long, or signed in too long.

    A session that does not say since when is over. `maintenant` is a timestamp.
    """
    actif, signe = (float(session.get(cle, 0)) for cle in ("activite", AUTHENTIFIEE))
    return (
        maintenant - actif > _delay_s(minutes) or maintenant - signe > settings.SESSION_COOKIE_AGE
    )


def note_authentication(request: HttpRequest, **_autres: object) -> None:
    """Write in the session when its operator gave a secret (Django's `user_logged_in`)."""
    request.session[AUTHENTIFIEE] = timezone.now().timestamp()


def _delay_s(minutes: parametres.Valeur | None) -> int:
    return 60 * int(parametres.lue(VERROUILLAGE, minutes))


def heure(instant: float) -> datetime:
    """Return the aware datetime of a timestamp kept in a session."""
    return datetime.fromtimestamp(instant, tz=timezone.get_current_timezone())
