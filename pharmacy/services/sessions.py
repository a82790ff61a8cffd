"""The open sessions of an officine: noted when they open, closed from afar at once (TIT-04)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.events import (
    AccesRetires,
    SessionFermee,
    SessionOuverteParOperateur,
    publish,
)
from pharmacy.flux import announce_entete
from pharmacy.models import Operateur, Poste, SessionOuverte
from pharmacy.services.vente import VenteRefusee
from pharmacy.session.middleware import acteur_of, heure
from pharmacy.session.verrou import note_lock


@dataclass(frozen=True)
class SessionVue:
    """One open session, as the list shows it."""

    pk: int
    operateur: Operateur
    poste: Poste | None
    ouverte_le: datetime
    dernier_acte: datetime
    verrouillee: bool
    ici: bool
    complement: str = ""


# What an app above says of (operator, poste): one heading, one reading for the whole list.
_complements: list[Callable[[int], dict[tuple[int, int], str]]] = []


def register_complement(lire: Callable[[int], dict[tuple[int, int], str]]) -> None:
    """Say more of each open session; called from `AppConfig.ready()`."""
    _complements[:] = [lire]


def _complement(officine_id: int) -> dict[tuple[int, int], str]:
    return _complements[0](officine_id) if _complements else {}


def note_opening(
    operateur: Operateur,
    poste: Poste | None,
    cle: str,
    precedente: str | None = None,
    *,
    par_mot_de_passe: bool = False,
) -> None:
    """Keep who opened which session where; the one it follows, and the dead ones, are forgotten.

    `cle` and `precedente` are keys of Django's sessions. The apps above are told who is there.
    """
    ici = SessionOuverte.objects.filter(officine_id=operateur.officine_id)
    vivante = Session.objects.filter(
        session_key=OuterRef("cle"), expire_date__gt=timezone.now()
    ).exclude(session_key=precedente or "")
    with transaction.atomic():
        ici.filter(~Exists(vivante)).delete()
        SessionOuverte.objects.create(
            officine_id=operateur.officine_id, operateur=operateur, poste=poste, cle=cle
        )
        acteur = acteur_of(operateur, poste)
        publish(SessionOuverteParOperateur(acteur, cle, precedente or "", par_mot_de_passe))


def lock_from_outside(officine_id: int, operateur_id: int, poste_id: int) -> int:
    """Lock what an operator has open on a workstation; return how many. Nothing is lost by it.

    In the caller's transaction. The event streams find a locked session and end.
    """
    lignes = SessionOuverte.objects.filter(
        officine_id=officine_id, operateur_id=operateur_id, poste_id=poste_id
    ).select_related("operateur", "poste")
    verrouillees = 0
    for ligne in lignes:
        session = SessionStore(session_key=ligne.cle)
        if session.get(SESSION_KEY) != str(operateur_id) or session.get("verrouillee"):
            continue
        session["verrouillee"] = True
        session.save()
        verrouillees += 1
        note_lock(acteur_of(ligne.operateur, ligne.poste))
    return verrouillees


def forget(officine_id: int, cle: str | None) -> None:
    """Forget a session that its operator closes."""
    SessionOuverte.objects.filter(officine_id=officine_id, cle=cle or "").delete()


def session_list(officine_id: int, cle: str | None) -> list[SessionVue]:
    """Return the open sessions, the latest act first; `cle` is the reader's own. Two queries."""
    vivantes = Session.objects.filter(
        session_key=OuterRef("cle"), expire_date__gt=timezone.now()
    ).values("session_data")
    lignes = (
        SessionOuverte.objects.filter(officine_id=officine_id)
        .annotate(contenu=Subquery(vivantes[:1]))
        .exclude(contenu=None)
        .select_related("operateur", "poste")
    )
    dits = _complement(officine_id)
    vues = [_show(ligne, cle, dits) for ligne in lignes]
    return sorted((v for v in vues if v is not None), key=lambda v: v.dernier_acte, reverse=True)


def _show(
    ligne: SessionOuverte, cle: str | None, dits: dict[tuple[int, int], str]
) -> SessionVue | None:
    contenu = SessionStore().decode(ligne.contenu)  # type: ignore[attr-defined]
    if contenu.get(SESSION_KEY) != str(ligne.operateur_id):
        return None
    return SessionVue(
        pk=ligne.pk,
        operateur=ligne.operateur,
        poste=ligne.poste,
        ouverte_le=ligne.ouverte_le,
        dernier_acte=heure(float(contenu.get("activite", ligne.ouverte_le.timestamp()))),
        verrouillee=bool(contenu.get("verrouillee")),
        ici=ligne.cle == cle,
        complement=dits.get((ligne.operateur_id, ligne.poste_id or 0), ""),
    )


def close_from_afar(acteur: Acteur, session_id: int, cle: str | None) -> None:
    """End somebody's session now. VenteRefusee when it is over, or the reader's own.

    PermissionError without the right.
    """
    decision = peut(acteur, "sessions.fermer")
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())
    with transaction.atomic():
        ligne = (
            SessionOuverte.objects.filter(pk=session_id, officine_id=acteur.officine_id)
            .select_related("operateur", "poste")
            .first()
        )
        if ligne is None:
            raise VenteRefusee("Cette session est déjà fermée.", "SES-404")
        if ligne.cle == cle:
            raise VenteRefusee(
                "Cette session est la vôtre : fermez-la par « Se déconnecter ».", "SES-001"
            )
        audit.note(acteur, "session.fermer_a_distance", f"operateur:{ligne.operateur_id}")
        _close([ligne])


def close_all(operateur: Operateur) -> int:
    """End every session of an operator now, in the caller's transaction; return how many."""
    lignes = list(
        SessionOuverte.objects.filter(
            officine_id=operateur.officine_id, operateur_id=operateur.pk
        ).select_related("operateur", "poste")
    )
    with transaction.atomic():
        _close(lignes)
        publish(AccesRetires(operateur.officine_id, operateur.pk))
    announce_entete(operateur.officine_id)
    return len(lignes)


def close_officine(officine_id: int) -> int:
    """End every session of an officine now, in the caller's transaction; return how many."""
    lignes = list(
        SessionOuverte.objects.filter(officine_id=officine_id).select_related("operateur", "poste")
    )
    _close(lignes)
    announce_entete(officine_id)
    return len(lignes)


def _close(lignes: list[SessionOuverte]) -> None:
    """Delete Django's rows, which ends the sessions, and wake the streams, which then end."""
    Session.objects.filter(session_key__in=[ligne.cle for ligne in lignes]).delete()
    for ligne in lignes:
        SessionOuverte.objects.filter(officine_id=ligne.officine_id, pk=ligne.pk).delete()
        publish(SessionFermee(acteur_of(ligne.operateur, ligne.poste), "a_distance"))
        announce_entete(ligne.officine_id)
