"""The situation d'exercice of a session: shown, chosen, remembered (psc.md §3.7)."""

from dataclasses import dataclass

from django.db import transaction

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Officine
from psc.models import InstantanePsc, RattachementPsc, SessionPsc
from psc.reglages import environnement
from psc.rules.decision import Lien
from psc.rules.situation import Choix, IdentifiantsOfficine, Situation, choose
from psc.services import sessions
from psc.services.identites import load_identite


@dataclass(frozen=True)
class SituationVue:
    """What the service declares of a person, and what is in force in their session."""

    choix: Choix
    cle: str

    @property
    def choisie(self) -> Situation | None:
        """The situation in force, None while none was chosen."""
        return next((s for s in self.choix.toutes if s.cle == self.cle), None)

    @property
    def a_demander(self) -> bool:
        """Whether several are of this officine and none was chosen."""
        return self.choix.issue == "a_demander" and self.choisie is None

    @property
    def hors_officine(self) -> bool:
        """Whether none is of this officine. Source: psc.md §3.7, point 4."""
        return self.choix.issue == "non_rattachee"

    @property
    def sans_activite(self) -> bool:
        """Whether the person has none at all. Source: psc.md §3.7, point 5."""
        return self.choix.issue == "sans_activite"


def view_of(acteur: Acteur, cle_session: str) -> SituationVue | None:
    """Return the situations of the session that an operator has here; None without one."""
    session = sessions.current(acteur, cle_session)
    return None if session is None else _view(session)


def _view(session: SessionPsc) -> SituationVue | None:
    instantane = InstantanePsc.objects.filter(
        officine_id=session.officine_id, session_id=session.pk
    ).first()
    if instantane is None or instantane.contenu is None:
        return None
    finess = Officine.objects.values_list("finess", flat=True).get(pk=session.officine_id)
    exercices = load_identite(instantane.contenu).exercices
    choix = choose(exercices, IdentifiantsOfficine(finess), session.situation.get("cle", ""))
    return SituationVue(choix, session.situation.get("cle", ""))


def choose_key(acteur: Acteur, cle_session: str, cle: str) -> bool:
    """Keep the situation that an operator chose, for this session and the next ones.

    Any that the service declares, knowingly when it is not of this officine. False when there is no
    session, or no such situation. Source: psc.md §3.7 (audited, no new authentication).
    """
    session = sessions.current(acteur, cle_session)
    vue = None if session is None else _view(session)
    if session is None or vue is None:
        return False
    choisie = next((s for s in vue.choix.toutes if s.cle == cle), None)
    if choisie is None:
        return False
    with transaction.atomic():
        session.situation = sessions.situation_kept(choisie)
        session.save(update_fields=["situation"])
        RattachementPsc.objects.filter(
            officine_id=acteur.officine_id,
            operateur_id=acteur.operateur_id,
            environnement=environnement(),
            etat=Lien.PROUVE,
        ).update(situation=cle[:255])
        audit.note(acteur, "psc.situation", f"psc:{session.pk}", precision=cle[:80])
    return True
