"""Two counters on one prescription, rows really committed: one order of locks, no deadlock."""

import pytest
from django.db import transaction

from ins.models import Fusion
from ins.services.fusion import Choix, mark_of, merge
from ordonnance.models import Execution, OrdonnanceNumerique
from ordonnance.services import confirmation, correction, validation
from pharmacy.models import Vente
from pharmacy.services.vente import patient_choose, vente_cancel
from teleservices.models import Envoi
from teleservices.services import envoi_retry
from tests.deux_fils import committed, cross
from tests.ins.dossiers import dossier
from tests.ordonnance.atelier import (
    GLUCOPHAGE,
    LEVOTHYROX,
    confirmer,
    recuperer,
    refuser_le_reste,
    servir,
)

pytestmark = pytest.mark.exigence("OPS-14")
TABLES = (
    "teleservices_trace",
    "ins_appelinsi",
    "teleservices_envoi",
    "ins_fusion",
    "ins_evenementidentite",
    "ins_tacheidentite",
    "ordonnance_intervention",
    "ordonnance_ligneexecutee",
    "ordonnance_ecart",
    "ordonnance_execution",
    "ordonnance_saisiecontrole",
    "ordonnance_ordonnanceversion",
    "ordonnance_executionexterne",
    "ordonnance_verrou",
    "ordonnance_ordonnancenumerique",
    "pharmacy_lignedelivrance",
    "pharmacy_delivrance",
    "pharmacy_ligneprescrite",
    "pharmacy_ordonnance",
    "pharmacy_vente",
    "pharmacy_prescripteur",
    "pharmacy_patientversion:pgh_id",
    "pharmacy_patient",
)


@pytest.fixture
def vraie_base(django_db_setup, django_db_blocker):
    """Rows really committed; the owner takes away what the test added."""
    with committed(django_db_blocker, TABLES) as troupe:
        yield troupe


def _confirm(acteur, numerique):
    return confirmation.confirm(acteur, numerique.pk, patient_verifie=True, conforme=True)


def _stop(acteur, numerique):
    return confirmation.stop(acteur, numerique.pk)


@pytest.mark.parametrize("acte", [_confirm, _stop])
def test_an_act_on_a_prescription_and_the_end_of_its_sale_never_deadlock(
    vraie_base, monkeypatch, acte
):
    """The act holds the prescription, the other counter drops the sale, then the act goes on."""
    vente = vraie_base.vente()
    acteur = vraie_base.acteur()
    numerique = recuperer(vraie_base, vente)
    cross(
        monkeypatch,
        vraie_base,
        (confirmation, "vente_locked"),
        lambda: acte(acteur, numerique),
        lambda: vente_cancel(acteur, vente.pk),
    )
    assert Vente.objects.get(pk=vente.pk).etat == Vente.Etat.ANNULEE
    assert OrdonnanceNumerique.objects.get(pk=numerique.pk).etat == "annulee"


def _refused(troupe):
    """An execution whose sending was refused: a person may send it again, or correct it."""
    vente = troupe.vente()
    numerique = confirmer(troupe, vente)
    servir(troupe, vente, GLUCOPHAGE, 2)
    servir(troupe, vente, LEVOTHYROX)
    refuser_le_reste(troupe, numerique, vente)
    execution = validation.validate(troupe.acteur(), numerique.pk)
    envoi = Envoi.objects.filter(operation="ordonnance.executer").latest("pk")
    envoi.etat, envoi.dernier_code, envoi.dernier_message = "refuse", "EPU-008", "Refusé."
    with transaction.atomic():
        envoi.save()
        validation.follow(envoi)
    return execution, envoi


def test_a_retry_and_a_correction_of_one_refused_execution_send_it_once(vraie_base, monkeypatch):
    """The correction holds the prescription, the other counter the row: it is left to them."""
    execution, envoi = _refused(vraie_base)
    acteur = vraie_base.acteur()
    corrige, relance = cross(
        monkeypatch,
        vraie_base,
        (correction, "_dossier"),
        lambda: correction.validate_again(acteur, execution.numerique_id),
        lambda: envoi_retry(acteur, envoi.pk),
    )
    assert corrige == "ORD-026"
    assert relance.etat == Envoi.Etat.A_ENVOYER
    etats = Envoi.objects.filter(sujet=f"exec:{execution.pk}").values_list("etat", flat=True)
    assert list(etats) == [Envoi.Etat.A_ENVOYER]
    assert Execution.objects.get(pk=execution.pk).etat == "a_transmettre"


@pytest.mark.exigence("INS-28")
def test_a_merge_and_the_confirmation_of_a_prescription_never_deadlock(vraie_base, monkeypatch):
    """The confirmation holds the sale, the other counter merges the files of its patient."""
    acteur, vente = vraie_base.acteur("A01"), vraie_base.vente("A01")
    garde, absorbe = [dossier(vraie_base, nom_naissance="CONCURRENTE") for _ in range(2)]
    patient_choose(acteur, vente.pk, absorbe, "recherche")
    numerique = recuperer(vraie_base, vente, code="A01")
    confirmee, fusion = cross(
        monkeypatch,
        vraie_base,
        (confirmation, "compare_patient"),
        lambda: confirmation.confirm(
            acteur, numerique.pk, patient_verifie=True, conforme=True, meme_personne=True
        ),
        lambda: merge(acteur, garde.pk, absorbe.pk, Choix("piece", mark_of(garde, absorbe))),
    )
    assert isinstance(confirmee, OrdonnanceNumerique)
    assert isinstance(fusion, Fusion)
    vente.refresh_from_db()
    assert vente.patient_id == garde.pk
    assert OrdonnanceNumerique.objects.get(pk=numerique.pk).ordonnance.patient_id == garde.pk
