"""Outbox handlers of INSi: prepare reads, call talks, settle writes. Both are readings."""

from django.utils import timezone

from ins.client import InsiClient, insi_client
from ins.codec import DemandeTraits, DemandeVitale
from ins.selectors import RECUPERER_TRAITS, RECUPERER_VITALE, demande_traits, demande_vitale
from ins.services import appels
from pharmacy.identite import peut_sortir_de
from pharmacy.models import Patient
from teleservices.errors import Rejected
from teleservices.models import Envoi
from teleservices.registre import Reponse

SERVICE = "insi"


def _patient_of(envoi: Envoi) -> Patient:
    """Return the file to ask about.

    Rejected, and seen on the panel, when the counter's 45 s are over or the gate is now shut.
    """
    if (timezone.now() - envoi.cree_le).total_seconds() > appels.BUDGET_S:
        raise Rejected(
            envoi.dernier_code or "delai_depasse",
            envoi.dernier_message
            or "INSi n'a pas répondu à temps. Poursuivez la délivrance ; relancez plus tard.",
        )
    patient = Patient.objects.get(pk=int(envoi.sujet.removeprefix("patient:")))
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
        appels.record(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Show what the failure means."""
        appels.record_failure(envoi)


class RecupererVitale(_Lecture):
    """WS_INS1: recovery with what the carte Vitale said (ins.md §3.4)."""

    operation = RECUPERER_VITALE

    def prepare(self, envoi: Envoi) -> tuple[InsiClient, DemandeVitale]:
        """Return the client and the question. NotReady without our certificate."""
        demande = demande_vitale(_patient_of(envoi))
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
    """WS_INS2: recovery by the traits of the file (ins.md §3.4, §3.6)."""

    operation = RECUPERER_TRAITS

    def prepare(self, envoi: Envoi) -> tuple[InsiClient, DemandeTraits]:
        """Return the client and the question. NotReady without our certificate."""
        demande = demande_traits(_patient_of(envoi))
        if demande is None:
            raise Rejected("traits_incomplets", "Il manque un trait que INSi demande.")
        return insi_client(), demande

    def call(self, demande: tuple[InsiClient, DemandeTraits]) -> Reponse:
        """Return INSi's answer: 00, 01 or 02."""
        client, question = demande
        return client.recuperer_traits(question)

    def ask(self, _demande: tuple[InsiClient, DemandeTraits]) -> Reponse | None:
        """A reading has no doubt to lift."""
        return None
