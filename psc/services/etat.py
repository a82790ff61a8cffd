"""What a screen shows of Pro Santé Connect for who works here: read, never asked of the service."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from pharmacy.acteurs import Acteur
from pharmacy.models import Poste
from psc.models import DeconnexionPsc, InstantanePsc, SessionPsc, TentativePsc
from psc.rules.etats import Etat, is_ending
from psc.services import sessions, tentatives
from psc.services.identites import load_identite

MOYENS = {"CARD": "carte", "MOBILE": "mobile"}


@dataclass(frozen=True)
class EtatVu:
    """The header's slot: state, whose identity, by what, for how long (psc.md §3.2).

    `a_fermer`: the service did not confirm the end of a former session of this operator.
    """

    etat: Etat
    quand: datetime
    nom: str = field(default="", repr=False)
    moyen: str = ""
    fin: datetime | None = None
    finit: bool = False
    a_fermer: bool = False

    @property
    def nom_court(self) -> str:
        """« A. MARTIN », as the header shows it."""
        prenom, _, nom = self.nom.partition(" ")
        return f"{prenom[:1]}. {nom}" if nom else prenom

    @property
    def reste(self) -> timedelta:
        """How long before the four hours are over."""
        return max(timedelta(0), (self.fin or self.quand) - self.quand)

    @property
    def reste_mots(self) -> str:
        """« 3 h 12 », « 8 min »."""
        minutes = int(self.reste.total_seconds()) // 60
        return f"{minutes // 60} h {minutes % 60:02d}" if minutes >= 60 else f"{minutes} min"


@dataclass(frozen=True)
class SessionVue:
    """One line of an operator's own list, or of the titulaire's."""

    session: SessionPsc
    etat: Etat
    moyen: str
    ici: bool


def read_header(acteur: Acteur, cle_session: str) -> EtatVu:
    """Return what the header says. Two queries; a third for the name of who is connected."""
    maintenant = timezone.now()
    if acteur.poste_id is None:
        return EtatVu(Etat.ABSENTE, maintenant)
    session = (
        _of_operateur(acteur)
        .filter(poste_id=acteur.poste_id)
        .order_by("etat")  # active, then à reconfirmer, then garée
        .first()
    )
    en_cours = session is not None and session.etat != SessionPsc.Etat.GAREE
    if (
        session is not None
        and en_cours
        and session.session_empreinte == sessions.key_digest(cle_session)
    ):
        return _connected(session, maintenant)
    attend, a_fermer = _around(acteur, acteur.poste_id, cle_session)
    if attend:
        return EtatVu(Etat.EN_ATTENTE, maintenant, a_fermer=a_fermer)
    if session is not None and not en_cours:
        return EtatVu(Etat.GAREE, maintenant, fin=session.echeance_fin, a_fermer=a_fermer)
    return EtatVu(Etat.ABSENTE, maintenant, a_fermer=a_fermer)


def _of_operateur(acteur: Acteur) -> "QuerySet[SessionPsc]":
    return (
        SessionPsc.objects.filter(
            officine_id=acteur.officine_id,
            operateur_id=acteur.operateur_id,
            echeance_fin__gt=timezone.now(),
        )
        .exclude(etat=SessionPsc.Etat.TERMINEE)
        .defer("jetons")
    )


def _connected(session: SessionPsc, maintenant: datetime) -> EtatVu:
    return EtatVu(
        sessions.state_of(session, maintenant),
        maintenant,
        name_of(session),
        MOYENS.get(session.moyen, ""),
        session.echeance_fin,
        is_ending(sessions.view_of(session).echeances, maintenant),
    )


def name_of(session: SessionPsc) -> str:
    """Return the name that the service gave; empty once it was forgotten."""
    ligne = InstantanePsc.objects.filter(
        officine_id=session.officine_id, session_id=session.pk
    ).first()
    if ligne is None or ligne.contenu is None:
        return ""
    identite = load_identite(ligne.contenu)
    return f"{identite.prenom} {identite.nom}".strip()


def _around(acteur: Acteur, poste_id: int, cle_session: str) -> tuple[bool, bool]:
    """Tell whether an attempt of this session is open, and a remote session not closed."""
    attente = TentativePsc.objects.filter(
        officine_id=acteur.officine_id,
        poste_id=OuterRef("pk"),
        session_empreinte=tentatives.digest(cle_session),
        consommee_le=None,
        issue="",
        expire_le__gt=timezone.now(),
    )
    restes = DeconnexionPsc.objects.filter(
        officine_id=acteur.officine_id,
        session__operateur_id=acteur.operateur_id,
        session__poste_id=OuterRef("pk"),
        jeton=None,
    )
    ligne = (
        Poste.objects.filter(officine_id=acteur.officine_id, pk=poste_id)
        .values_list(Exists(attente), Exists(restes))
        .first()
    )
    return ligne or (False, False)


def previous_sign_in(acteur: Acteur, cle_session: str) -> SessionPsc | None:
    """Return the last session before the one here: its date and poste are shown (PSC-13)."""
    return (
        SessionPsc.objects.filter(officine_id=acteur.officine_id, operateur_id=acteur.operateur_id)
        .exclude(session_empreinte=sessions.key_digest(cle_session), etat__in=sessions.EN_COURS)
        .select_related("poste")
        .defer("jetons")
        .order_by("-cree_le")
        .first()
    )


def own_sessions(acteur: Acteur, cle_session: str) -> list[SessionVue]:
    """Return the sessions of an operator on every poste, theirs here first. Source: PSC-08."""
    ici = sessions.key_digest(cle_session)
    vues = [
        SessionVue(
            ligne,
            sessions.state_of(ligne),
            MOYENS.get(ligne.moyen, ""),
            ligne.session_empreinte == ici,
        )
        for ligne in _of_operateur(acteur).select_related("poste").order_by("cree_le")
    ]
    return sorted(vues, key=lambda vue: not vue.ici)


def words_by_operator(officine_id: int) -> dict[tuple[int, int], str]:
    """Return, by (operator, poste), what the titulaire's list of open sessions says of them."""
    if not settings.PSC_ACTIF:
        return {}
    lignes = (
        SessionPsc.objects.filter(officine_id=officine_id, echeance_fin__gt=timezone.now())
        .exclude(etat=SessionPsc.Etat.TERMINEE)
        .defer("jetons")
    )
    return {(s.operateur_id, s.poste_id): LIBELLES[sessions.state_of(s)] for s in lignes}


LIBELLES = {
    Etat.ABSENTE: "aucune",
    Etat.EN_ATTENTE: "en cours",
    Etat.ACTIVE: "connecté",
    Etat.A_RECONFIRMER: "à reconfirmer",
    Etat.GAREE: "en attente",
    Etat.TERMINEE: "terminée",
}
