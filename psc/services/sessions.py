"""The life of a Pro Santé Connect session: attached, current, parked, resumed, ended.

One operator, one poste: tokens serve their owner alone, where they were obtained (psc.md §3.8).
Everything here writes rows, under the lock of the poste, then of the session; what must be told to
the service leaves after the commit. `psc.services.jetons` talks to it.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from pharmacy import audit, parametres
from pharmacy.acteurs import Acteur
from pharmacy.chiffre import empreinte
from pharmacy.flux import announce_entete
from pharmacy.models import Operateur, Poste
from pharmacy.services.vente import VenteRefusee
from psc.coffre import CoffreFerme, seal, unseal
from psc.echanges import Authentifie, Jetons
from psc.errors import error_of
from psc.models import DeconnexionPsc, InstantanePsc, SessionPsc
from psc.reglages import environnement, read_limites
from psc.reglages_officine import CHANGEMENT
from psc.rules.etats import (
    Echeances,
    Etat,
    SessionVue,
    check_transition,
    compute_deadlines,
    is_resumable,
    state_at,
)
from psc.rules.situation import Situation
from psc.rules.userinfo import Identite
from teleservices.sonnette import ring_task

EN_COURS = (SessionPsc.Etat.ACTIVE, SessionPsc.Etat.A_RECONFIRMER)
GAREES_MAX = 2
GARDER_JETON = timedelta(minutes=15)
GARDER_INSTANTANE = timedelta(hours=24)
TACHE_DECONNECTER = "psc.deconnecter"


def key_digest(cle_session: str) -> str:
    """Return what is kept of the key of a local session: nobody signs in with it."""
    return empreinte("psc.session_locale", cle_session)


def view_of(session: SessionPsc) -> SessionVue:
    """Return a session as the rules see it."""
    return SessionVue(
        session.operateur_id,
        session.poste_id,
        Etat(session.etat),
        Echeances(session.echeance_inactivite, session.echeance_fin),
    )


def state_of(session: SessionPsc, quand: datetime | None = None) -> Etat:
    """Return the state of a session now: its deadlines may have passed since it was written."""
    return state_at(view_of(session), quand or timezone.now())


def _living(officine_id: int) -> "QuerySet[SessionPsc]":
    return SessionPsc.objects.filter(officine_id=officine_id).exclude(etat=SessionPsc.Etat.TERMINEE)


def current(acteur: Acteur, cle_session: str) -> SessionPsc | None:
    """Return the session that this operator has in this very local session, None without one.

    Active or to be confirmed again (`state_of` says which); never a colleague's, never one that is
    parked or over. One query, nothing written. Source: psc.md §3.8, §5.5.
    """
    session = active_of(acteur)
    ici = session is not None and session.session_empreinte == key_digest(cle_session)
    return session if ici else None


def active_of(acteur: Acteur) -> SessionPsc | None:
    """Return the session of this operator on their poste, whatever asks: a page, or a worker.

    Never a colleague's, never one that is parked or over. One query. Source: psc.md §3.8.
    """
    if acteur.poste_id is None:
        return None
    return (
        _living(acteur.officine_id)
        .filter(
            operateur_id=acteur.operateur_id,
            poste_id=acteur.poste_id,
            etat__in=EN_COURS,
            echeance_fin__gt=timezone.now(),
        )
        .select_related("operateur")
        .first()
    )


def attach(
    operateur: Operateur,
    poste: Poste,
    cle_session: str,
    authentifie: Authentifie,
    voie: SessionPsc.Voie,
    situation: Situation | None,
) -> SessionPsc:
    """Return the session of a person just authenticated, in the caller's transaction.

    What was active on the poste ends when it is the same operator's, else is parked; the oldest
    parked beyond two ends. Raises session_terminee when the authentication is four hours old.
    Source: psc.md §3.2, §3.8.
    """
    session = _new(authentifie)
    session.officine_id, session.operateur, session.poste = operateur.officine_id, operateur, poste
    session.session_empreinte = key_digest(cle_session)
    session.voie, session.situation = voie, situation_kept(situation)
    session.moyen = session.moyen or ("MOBILE" if voie == SessionPsc.Voie.CIBA else "")
    _make_room(operateur, poste, session)
    session.save(force_insert=True)
    InstantanePsc.objects.create(
        officine_id=operateur.officine_id,
        session=session,
        contenu=_snapshot(authentifie.identite),
    )
    note(session, "psc.ouvrir", precision=f"{voie}:{session.moyen}"[:40])
    announce_entete(operateur.officine_id)
    return session


def _new(authentifie: Authentifie) -> SessionPsc:
    """Return what the service said, as a row to be completed. Raises session_terminee."""
    maintenant = timezone.now()
    jetons, preuve, identite = authentifie.jetons, authentifie.preuve, authentifie.identite
    quand = _date(preuve.authentifie_le) if preuve.authentifie_le is not None else None
    echeances = compute_deadlines(
        _date(jetons.recu_le),
        jetons.renouvellement_expire_s,
        min(maintenant, quand or maintenant),
        read_limites(),
    )
    if echeances.fin <= maintenant:
        raise error_of("session_terminee")
    session = SessionPsc(
        environnement=environnement(),
        emetteur=settings.PSC_EMETTEUR,
        sub=preuve.sub,
        sid=preuve.sid,
        session_state=jetons.session_state,
        national=identite.national,
        rpps=identite.rpps,
        acr=preuve.acr,
        moyen=identite.moyen,
        authentifie_le=quand,
        derniere_activite=maintenant,
        echeance_inactivite=echeances.inactivite,
        echeance_fin=echeances.fin,
    )
    session.jetons = seal(session.pk, jetons)
    return session


def mark_opener(session: SessionPsc) -> None:
    """Remember that it opened the local session too: its end may lock the poste (psc.md §3.1)."""
    session.ouvre_locale = True
    session.save(update_fields=["ouvre_locale"])


def _date(secondes: float) -> datetime:
    return datetime.fromtimestamp(secondes, UTC)


def _snapshot(identite: Identite) -> bytes:
    return json.dumps(asdict(identite), ensure_ascii=False).encode()


def situation_kept(situation: Situation | None) -> dict[str, Any]:
    """Return what a session keeps of the situation d'exercice chosen; empty for none."""
    if situation is None:
        return {}
    return {
        "cle": situation.cle,
        "profession": situation.exercice.profession,
        "activite": asdict(situation.activite),
    }


def _make_room(operateur: Operateur, poste: Poste, nouvelle: SessionPsc) -> None:
    """End or park what this poste had; a session that goes on at the service is not closed there.

    Signing in again in the same browser may give the same remote session: closing the former would
    close the new one.
    """
    for ancienne in _of_poste(poste):
        if ancienne.operateur_id == operateur.pk:
            meme = bool(nouvelle.sid) and ancienne.sid == nouvelle.sid
            end(ancienne, "remplacee", distante=not meme)
        elif ancienne.etat in EN_COURS:
            _park(ancienne, "remplacee")
    _evict(poste)


def _of_poste(poste: Poste) -> list[SessionPsc]:
    """Return what lives on a poste, which stays locked: its sessions move one at a time."""
    Poste.objects.select_for_update(of=("self",), no_key=True).get(
        pk=poste.pk, officine_id=poste.officine_id
    )
    return list(
        _living(poste.officine_id)
        .select_for_update(of=("self",), no_key=True)
        .filter(poste_id=poste.pk)
        .select_related("operateur", "poste")
        .order_by("cree_le")
    )


def park(acteur: Acteur, motif: str) -> bool:
    """Put aside the session of who leaves their poste; tell whether there was one.

    `motif`: verrouillage, changement. A change of operator ends it when the officine chose so.
    Source: psc.md §3.8.
    """
    poste = _poste(acteur)
    if poste is None:
        return False
    with transaction.atomic():
        siennes = [
            s
            for s in _of_poste(poste)
            if s.operateur_id == acteur.operateur_id and s.etat in EN_COURS
        ]
        for session in siennes:
            finie = motif == "changement" and (
                parametres.valeur(acteur.officine_id, CHANGEMENT) == "terminer"
            )
            if finie:
                end(session, motif)
            else:
                _park(session, motif)
        _evict(poste)
    return bool(siennes)


def _poste(acteur: Acteur) -> Poste | None:
    if acteur.poste_id is None:
        return None
    return Poste.objects.filter(pk=acteur.poste_id, officine_id=acteur.officine_id).first()


def _park(session: SessionPsc, motif: str) -> None:
    if state_of(session) is Etat.TERMINEE:
        end(session, "duree")
        return
    _move(session, Etat.GAREE)
    session.garee_le = timezone.now()
    session.save(update_fields=["etat", "version", "garee_le"])
    note(session, "psc.garer", precision=motif)


def _move(session: SessionPsc, etat: Etat) -> None:
    check_transition(Etat(session.etat), etat)
    session.etat = SessionPsc.Etat(etat.value)
    session.version += 1


def _evict(poste: Poste) -> None:
    """End the oldest parked sessions of a poste beyond two. Source: psc.md §3.8."""
    garees = _living(poste.officine_id).filter(poste_id=poste.pk, etat=SessionPsc.Etat.GAREE)
    for session in garees.select_related("operateur", "poste").order_by("-garee_le")[GAREES_MAX:]:
        end(session, "evincee")


def has_parked(acteur: Acteur) -> bool:
    """Tell whether this operator has a session put aside on their poste. One query."""
    if acteur.poste_id is None:
        return False
    return (
        _living(acteur.officine_id)
        .filter(
            operateur_id=acteur.operateur_id,
            poste_id=acteur.poste_id,
            etat=SessionPsc.Etat.GAREE,
        )
        .exists()
    )


def resume(
    operateur: Operateur,
    poste: Poste,
    cle_session: str,
    par_mot_de_passe: bool,
    precedente: str = "",
) -> SessionPsc | None:
    """Give back their parked session to who returns to the poste; None when there is none.

    By their password; or after a lock, in the same local session (`precedente` is its former key),
    nobody having come between. Past thirty minutes it must be confirmed again; past four hours it
    is over. Source: psc.md §3.8; case 64.
    """
    cles = {key_digest(cle) for cle in (cle_session, precedente) if cle}
    with transaction.atomic():
        lignes = _of_poste(poste)
        for session in lignes:
            if session.operateur_id != operateur.pk or session.etat != SessionPsc.Etat.GAREE:
                continue
            if state_of(session) is Etat.TERMINEE:
                end(session, "duree")
                continue
            if not par_mot_de_passe and session.session_empreinte not in cles:
                continue
            _clear(lignes, session)
            return _give_back(session, cle_session)
    return None


def follow_key(acteur: Acteur, cle_session: str, precedente: str) -> None:
    """Keep the session of who signs in again in their own local session, under its new key."""
    if acteur.poste_id is None or not precedente or precedente == cle_session:
        return
    _living(acteur.officine_id).filter(
        operateur_id=acteur.operateur_id,
        poste_id=acteur.poste_id,
        session_empreinte=key_digest(precedente),
        etat__in=EN_COURS,
    ).update(session_empreinte=key_digest(cle_session), version=F("version") + 1)


def _clear(lignes: list[SessionPsc], gardee: SessionPsc) -> None:
    """Nothing else is active on the poste of a session that comes back."""
    for autre in lignes:
        if autre.pk == gardee.pk or autre.etat not in EN_COURS:
            continue
        if autre.operateur_id == gardee.operateur_id:
            end(autre, "remplacee")
        else:
            _park(autre, "remplacee")


def _give_back(session: SessionPsc, cle_session: str) -> SessionPsc:
    vue = view_of(session)
    ouverte = is_resumable(vue, session.operateur_id, session.poste_id, timezone.now())
    _move(session, Etat.ACTIVE if ouverte else Etat.A_RECONFIRMER)
    session.session_empreinte, session.garee_le = key_digest(cle_session), None
    session.save(update_fields=["etat", "version", "session_empreinte", "garee_le"])
    note(session, "psc.reprendre", precision=session.etat)
    announce_entete(session.officine_id)
    return session


def end(session_psc: SessionPsc, motif: str, *, distante: bool = True) -> bool:
    """End a session: tokens destroyed first; tell whether it was not over already.

    `distante`: the service is told after the commit, by a task, from a copy of the identity token
    kept fifteen minutes at most. `motif` is a code of forty characters. Source: psc.md §3.9.
    """
    with transaction.atomic():
        session = (
            _living(session_psc.officine_id)
            .select_for_update(of=("self",), no_key=True)
            .filter(pk=session_psc.pk)
            .select_related("operateur", "poste")
            .first()
        )
        if session is None:
            return False
        identite = _identity_token(session)
        _move(session, Etat.TERMINEE)
        session.motif_fin, session.jetons, session.garee_le = motif[:40], None, None
        session.save(update_fields=["etat", "version", "motif_fin", "jetons", "garee_le"])
        session.jetons_api.all().delete()
        InstantanePsc.objects.filter(officine_id=session.officine_id, session=session).update(
            purge_le=timezone.now() + GARDER_INSTANTANE
        )
        if distante and identite:
            _close_remotely(session, identite)
        note(session, "psc.terminer", precision=motif)
        announce_entete(session.officine_id)
    return True


def _identity_token(session: SessionPsc) -> str:
    if session.jetons is None:
        return ""
    try:
        return unseal(session.pk, bytes(session.jetons)).identite
    except CoffreFerme:
        return ""


def _close_remotely(session: SessionPsc, identite: str) -> None:
    maintenant = timezone.now()
    seul = Jetons("", "", identite, 0, None, maintenant.timestamp())
    ligne = DeconnexionPsc.objects.create(
        officine_id=session.officine_id,
        session=session,
        jeton=seal(session.pk, seul),
        pas_avant=maintenant,
        garder_jusqua=maintenant + GARDER_JETON,
    )
    officine_id, ligne_id = session.officine_id, ligne.pk
    transaction.on_commit(lambda: ring_task(TACHE_DECONNECTER, officine_id, ligne_id, "interactif"))


def keep(session_psc: SessionPsc, minutes: int | None = None) -> None:
    """Keep a session that its owner leaves aside; its deadlines are those of its last tokens.

    `minutes`: nobody answered, it ends that soon unless it serves again.
    Source: psc.md §3.9, PSC-06.
    """
    with transaction.atomic():
        session = (
            _living(session_psc.officine_id)
            .select_for_update(of=("self",), no_key=True)
            .filter(pk=session_psc.pk)
            .select_related("operateur")
            .first()
        )
        if session is None:
            return
        _extend(session)
        if minutes is not None:
            limite = timezone.now() + timedelta(minutes=minutes)
            session.echeance_fin = min(session.echeance_fin, limite)
            session.echeance_inactivite = min(session.echeance_inactivite, limite)
        session.version += 1
        session.save(update_fields=["echeance_fin", "echeance_inactivite", "version"])
        note(session, "psc.garder", precision="" if minutes is None else "sans_reponse")


def _extend(session: SessionPsc) -> None:
    """Give back the deadlines that the last tokens opened, whatever was lowered since."""
    try:
        jetons = unseal(session.pk, bytes(session.jetons or b""))
    except CoffreFerme:
        return
    echeances = compute_deadlines(
        _date(jetons.recu_le),
        jetons.renouvellement_expire_s,
        session.authentifie_le or session.cree_le,
        read_limites(),
    )
    session.echeance_inactivite, session.echeance_fin = echeances.inactivite, echeances.fin


def close_own(acteur: Acteur, session_id: UUID) -> None:
    """End one of one's own sessions, wherever it is.

    PermissionError for a colleague's, noted as a security event; VenteRefusee (PSC-404) for one
    that is over or was never ours. Source: PSC-08; case 65.
    """
    session = _living(acteur.officine_id).filter(pk=session_id).select_related("operateur").first()
    if session is None:
        raise VenteRefusee("Cette session Pro Santé Connect est déjà fermée.", "PSC-404")
    if session.operateur_id != acteur.operateur_id:
        audit.note(acteur, "psc.securite", f"psc:{session.pk}", resultat="refus", precision="autre")
        raise PermissionError("Cette session n'est pas la vôtre.")
    end(session, "a_distance")


def mark_stale(session_psc: SessionPsc) -> None:
    """Ask for a confirmation: the service could not be reached when it was needed."""
    SessionPsc.objects.filter(
        officine_id=session_psc.officine_id, pk=session_psc.pk, etat=SessionPsc.Etat.ACTIVE
    ).update(etat=SessionPsc.Etat.A_RECONFIRMER, version=F("version") + 1)
    announce_entete(session_psc.officine_id)


def end_of_operateur(officine_id: int, operateur_id: int, motif: str) -> int:
    """End every session of an operator, on every poste; return how many. Source: PSC-14."""
    lignes = list(_living(officine_id).filter(operateur_id=operateur_id).order_by("pk"))
    return sum(end(ligne, motif) for ligne in lignes)


def end_of_poste(acteur: Acteur, motif: str) -> int:
    """End the sessions of an operator on their poste, parked ones too; return how many."""
    if acteur.poste_id is None:
        return 0
    lignes = list(
        _living(acteur.officine_id).filter(
            operateur_id=acteur.operateur_id, poste_id=acteur.poste_id
        )
    )
    return sum(end(ligne, motif) for ligne in lignes)


def note(session: SessionPsc, acte: str, resultat: str = "ok", precision: str = "") -> None:
    """Add a line to the journal in the name of the session's owner, on its poste."""
    audit.note(
        Acteur(session.operateur_id, session.officine_id, session.operateur.role, session.poste_id),
        acte,
        f"psc:{session.pk}",
        resultat=resultat,
        precision=precision,
    )
