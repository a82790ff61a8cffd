"""Outbox handlers of INSi: prepare reads, call talks, settle writes. Both are readings."""

from django.utils import timezone

from ins.client import InsiClient, Recherche, insi_client
from ins.codec import DemandeTraits, DemandeVitale
from ins.rules.question import load_question
from ins.selectors import (
    DERNIER_APPEL,
    RECUPERER_TRAITS,
    RECUPERER_VITALE,
    calls_left,
    demande_vitale,
)
from ins.services import appels, reponses
from pharmacy import parametres
from pharmacy.identite import peut_sortir_de
from pharmacy.models import Patient
from teleservices.errors import Rejected
from teleservices.models import Envoi
from teleservices.registre import Reponse

SERVICE = "insi"
# After the first try, in the background (ins.md §3.5, « Retry »), in seconds.
REPRISES_S = (2, 8, 30)


def check_in_time(envoi: Envoi) -> None:
    """Raise Rejected, seen on the panel, once the counter's 45 s are over."""
    if (timezone.now() - envoi.cree_le).total_seconds() > appels.BUDGET_S:
        raise Rejected(
            envoi.dernier_code or "delai_depasse",
            envoi.dernier_message
            or "INSi n'a pas répondu à temps. Poursuivez la délivrance ; relancez plus tard.",
        )


def check_gate(envoi: Envoi) -> Patient | None:
    """Return the file the question is about, if there is one already.

    Rejected, and seen on the panel, when the gate was shut since the question was asked.
    """
    genre, _, numero = envoi.sujet.partition(":")
    if genre != "patient":
        return None
    patient = Patient.objects.get(pk=int(numero), officine_id=envoi.officine_id)
    sortie = peut_sortir_de("insi.recuperer", patient.etat_identite, confirme=True)
    if not sortie.ok:
        raise Rejected("identite_bloquee", f"{sortie.phrase} {sortie.geste}")
    return patient


class _Lecture:
    """What both recoveries share: asked for at the counter, safe to ask again."""

    service = SERVICE
    file: str = Envoi.File.INTERACTIF
    lecture = True
    replayable = True

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Take the answer, or leave it to a person."""
        reponses.record(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Show what the failure means."""
        reponses.record_failure(envoi)


class RecupererVitale(_Lecture):
    """WS_INS1: recovery with what the carte Vitale said (ins.md §3.4)."""

    operation = RECUPERER_VITALE

    def prepare(self, envoi: Envoi) -> tuple[InsiClient, DemandeVitale]:
        """Return the client and the question. NotReady without our certificate."""
        check_in_time(envoi)
        patient = check_gate(envoi)
        demande = demande_vitale(patient) if patient is not None else None
        if demande is None:
            raise Rejected("carte_absente", "Le dossier n'a plus les données d'une carte Vitale.")
        return insi_client(), demande

    def call(self, demande: tuple[InsiClient, DemandeVitale]) -> Reponse:
        """Return INSi's answer: 00, 01 or 02."""
        client, question = demande
        return client.recuperer_vitale(question)

    def ask(self, _demande: tuple[InsiClient, DemandeVitale]) -> Reponse | None:
        """A reading has no doubt to lift."""
        return None


class RecupererTraits(_Lecture):
    """WS_INS2: recovery by the traits frozen in the row (ins.md §3.4, §3.6)."""

    operation = RECUPERER_TRAITS

    def prepare(self, envoi: Envoi) -> tuple[InsiClient, DemandeTraits, Recherche]:
        """Return the client, the question and how to try it. NotReady without our certificate."""
        check_in_time(envoi)
        check_gate(envoi)
        if envoi.corps is None:
            raise Rejected("traits_incomplets", "Il manque un trait que INSi demande.")
        question = load_question(bytes(envoi.corps))
        demande = DemandeTraits(
            question.nom, question.prenoms, question.sexe, question.naissance, question.lieu
        )
        mode = Recherche(
            str(parametres.valeur(envoi.officine_id, DERNIER_APPEL)),
            calls_left(envoi.officine_id, envoi.sujet, envoi.vente_id),
            ensemble=question.ensemble,
        )
        return insi_client(), demande, mode

    def call(self, demande: tuple[InsiClient, DemandeTraits, Recherche]) -> Reponse:
        """Return INSi's answer: 00, 01 or 02."""
        client, question, mode = demande
        return client.recuperer_traits(question, mode)

    def ask(self, _demande: tuple[InsiClient, DemandeTraits, Recherche]) -> Reponse | None:
        """A reading has no doubt to lift."""
        return None
