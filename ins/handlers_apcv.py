"""Outbox handlers of the appli carte Vitale and of ADRi."""

import json

from django.utils import timezone

from ins.client_adri import AdriClient, adri_client
from ins.client_apcv import ApcvClient, Renouvellement, apcv_client
from ins.codec.adri import DemandeDroits
from ins.codec.apcv import DemandeContexte
from ins.errors_adri import error_of as error_of_adri
from ins.errors_apcv import error_of as error_of_apcv
from ins.models import ContexteApcv, DroitsAssure
from ins.selectors_apcv import BUDGET_S
from ins.services import apcv, droits
from pharmacy.models import Operateur
from teleservices.models import Envoi
from teleservices.registre import Reponse


class _Lecture:
    """What they share: asked for at the counter, ended within three tries, no doubt to lift."""

    file: str = Envoi.File.INTERACTIF
    lecture = True
    replayable = True

    def ask(self, _demande: object) -> Reponse | None:
        """A reading has no doubt to lift."""
        return None


def _is_late(envoi: Envoi) -> bool:
    return (timezone.now() - envoi.cree_le).total_seconds() > BUDGET_S


def _presented(envoi: Envoi) -> tuple[int, str]:
    """Return how and what was presented. Rejected once the counter gave up, or it was wiped."""
    if envoi.corps is None or _is_late(envoi):
        raise error_of_apcv("delai_depasse")
    corps = json.loads(bytes(envoi.corps))
    return int(corps["mode"]), str(corps["chaine"])


def _professional(envoi: Envoi) -> str:
    """Return the number of who reads; who has none works under the titulaire's.

    Source: agent.md §3.2 (2); ins.md §3.2, « Identifier shapes »; CSP L4241-1.
    """
    rpps = envoi.operateur.rpps
    if not rpps:
        rpps = (
            Operateur.objects.en_poste()
            .filter(officine_id=envoi.officine_id, role=Operateur.Role.TITULAIRE)
            .exclude(rpps="")
            .order_by("pk")
            .values_list("rpps", flat=True)
            .first()
            or ""
        )
    if not rpps:
        raise error_of_apcv("APCV_PS_NON_AUTORISE")
    return f"8{rpps}"


class Ouvrir(_Lecture):
    """Give the presented string, get the persons it speaks for (ins.md §5.3)."""

    operation, service = apcv.OUVRIR, "apcv"

    def prepare(self, envoi: Envoi) -> tuple[ApcvClient, DemandeContexte]:
        """Return the client and the question. NotReady without our certificate."""
        mode, chaine = _presented(envoi)
        demande = DemandeContexte(
            mode=mode,
            chaine=chaine,
            ps=_professional(envoi),
            structure=f"1{envoi.officine.finess}",
            poste=envoi.poste.wid if envoi.poste is not None else "comptoir",
        )
        return apcv_client(), demande

    def call(self, demande: tuple[ApcvClient, DemandeContexte]) -> Reponse:
        """Return the context."""
        client, question = demande
        return client.ouvrir(question)

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Keep the persons read until one is chosen."""
        apcv.record(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Say why, forget the string."""
        apcv.record_failure(envoi)


class Renouveler(_Lecture):
    """A new presentation for the invoice under way (agent.md §3.3)."""

    operation, service = apcv.RENOUVELER, "apcv"

    def prepare(self, envoi: Envoi) -> tuple[ApcvClient, Renouvellement]:
        """Return the client and the question. NotReady without our certificate."""
        mode, chaine = _presented(envoi)
        contexte = ContexteApcv.objects.select_related("prolonge").get(
            officine_id=envoi.officine_id, envoi=envoi
        )
        assert contexte.prolonge is not None  # noqa: S101 - a renewal always prolongs something
        demande = Renouvellement(
            contexte.prolonge.identifiant, mode, chaine, f"V-{contexte.vente_id}"
        )
        return apcv_client(), demande

    def call(self, demande: tuple[ApcvClient, Renouvellement]) -> Reponse:
        """Return the new validity."""
        client, question = demande
        return client.renouveler(question)

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Put it in the place of the former."""
        apcv.record_renewal(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Say why, forget the string; the former validity stands."""
        apcv.record_failure(envoi)


class Fermer(_Lecture):
    """Delete a context that the end of the sale made useless; three tries, then it dies alone."""

    operation, service = apcv.FERMER, "apcv"

    def prepare(self, envoi: Envoi) -> tuple[ApcvClient, str]:
        """Return the client and the context. NotReady without our certificate."""
        contexte = ContexteApcv.objects.get(
            officine_id=envoi.officine_id, pk=int(envoi.sujet.removeprefix("apcv:"))
        )
        if contexte.expire_le is None or contexte.expire_le <= timezone.now():
            raise error_of_apcv("APCV_CONTEXTE_INCONNU")
        return apcv_client(), contexte.identifiant

    def call(self, demande: tuple[ApcvClient, str]) -> Reponse:
        """Delete it."""
        client, identifiant = demande
        return client.fermer(identifiant)

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Nothing is kept of a context that is closed."""

    def fail(self, envoi: Envoi) -> None:
        """It ends by itself at its hour."""


class Consulter(_Lecture):
    """The rights of a beneficiary at the date of the care (CTR-18)."""

    operation, service = droits.CONSULTER, "adri"

    def prepare(self, envoi: Envoi) -> tuple[AdriClient, DemandeDroits]:
        """Return the client and the question. NotReady without our certificate."""
        if _is_late(envoi):
            raise error_of_adri("delai_depasse")
        ligne = DroitsAssure.objects.select_related("patient").get(
            officine_id=envoi.officine_id, envoi=envoi
        )
        patient = ligne.patient
        if patient.attr_fictif:
            raise error_of_adri("identite_fictive")
        brut = patient.naissance_facturation
        demande = DemandeDroits(
            nir_assure=str(patient.nir_assure)[:13],
            naissance=f"{brut[:4]}-{brut[4:6]}-{brut[6:]}",
            rang=patient.rang_gemellaire,
            jour=ligne.date_soins,
        )
        return adri_client(), demande

    def call(self, demande: tuple[AdriClient, DemandeDroits]) -> Reponse:
        """Return the rights, or why there are none."""
        client, question = demande
        return client.consulter(question)

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Keep them, dated."""
        droits.record(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Say why."""
        droits.record_failure(envoi)
