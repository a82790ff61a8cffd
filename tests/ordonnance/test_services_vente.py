"""The prescription follows its sale: held, dropped, given to another patient, ended on paper."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ordonnance.models import OrdonnanceNumerique, Verrou
from ordonnance.rules.modele import Verrou as VerrouLu
from ordonnance.selectors import dossier_of
from ordonnance.services import confirmation, recuperation, validation
from pharmacy.models import Audit, Patient, Vente
from pharmacy.services.vente import (
    VenteRefusee,
    patient_choose,
    vente_cancel,
    vente_hold,
    vente_resume,
    vente_terminate,
)
from teleservices.models import Envoi
from tests.ordonnance.atelier import (
    GLUCOPHAGE,
    LEVOTHYROX,
    NUMERO,
    confirmer,
    recevoir,
    recuperer,
    refuser_le_reste,
    servir,
)

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}


def test_resuming_a_held_sale_keeps_one_begun_by_f3(halle):
    tenue = halle.vente()
    recuperation.fetch(halle.acteur(), tenue.pk, "01K7M4QX9TRB2VWZ3J", "SCAN")
    vente_hold(halle.acteur(), tenue.pk)
    f3 = halle.vente()
    recuperation.fetch(halle.acteur(), f3.pk, NUMERO, "SCAN")
    vente_resume(halle.acteur(), tenue.pk)
    assert Vente.objects.get(pk=f3.pk).etat == "en_attente"
    assert OrdonnanceNumerique.objects.get(numero=NUMERO).etat == "lue"


def verrou_lu():
    return VerrouLu(
        "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d9999", "jeton", timezone.now() + timedelta(minutes=30)
    )


def test_a_lock_that_arrives_after_the_stop_is_given_back(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    envoi = Envoi.objects.get(operation="ordonnance.ouvrir")
    confirmation.stop(halle.acteur(), numerique.pk)
    assert not Envoi.objects.filter(operation="ordonnance.liberer").exists()
    confirmation.keep_lock(envoi, verrou_lu())
    assert not Verrou.objects.exists()
    assert Envoi.objects.filter(operation="ordonnance.liberer").count() == 1


def test_dropping_a_sale_on_paper_drops_its_regularisation(halle):
    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    recuperation.to_paper(halle.acteur(), numerique.pk)
    vente_cancel(halle.acteur(), vente.pk)
    numerique.refresh_from_db()
    assert numerique.etat == "annulee"
    assert Envoi.objects.get(operation="ordonnance.regulariser").etat == "abandonne"


def _autre(troupe):
    return Patient.objects.create(
        officine=troupe.officine,
        nom_naissance="AUTRE",
        premier_prenom="JEAN",
        date_naissance="1950-01-01",
        sexe="M",
        cree_par=troupe.operateurs["A01"],
    )


@pytest.mark.exigence("ORD-09")
def test_a_confirmed_prescription_holds_its_patient(halle):
    vente = halle.vente()
    confirmer(halle, vente)
    with pytest.raises(VenteRefusee) as refus:
        patient_choose(halle.acteur(), vente.pk, _autre(halle), "recherche")
    assert refus.value.code == "ORD-R06"
    assert Vente.objects.get(pk=vente.pk).patient == halle.patient()


def test_a_patient_changed_before_the_confirmation_is_compared_again(halle):
    vente = halle.vente()
    patient_choose(halle.acteur(), vente.pk, halle.patient(), "recherche")
    numerique = recuperer(halle, vente)
    patient_choose(halle.acteur(), vente.pk, _autre(halle), "recherche")
    panneau = halle.client().get(f"/vente/{vente.pk}/ordonnance/panneau/", **HX).content.decode()
    assert "Bénéficiaire : une autre personne" in panneau
    with pytest.raises(VenteRefusee) as refus:
        confirmation.confirm(halle.acteur(), numerique.pk, patient_verifie=True, conforme=True)
    assert refus.value.code == "ORD-R06"


def test_the_control_compares_the_patient_as_it_is_now(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    Patient.objects.filter(pk=halle.patient().pk).update(
        date_naissance="1950-01-01", statut="PROV", ins_empreinte="", ins_oid=""
    )
    assert "R06" in {e.code for e in dossier_of(numerique, Vente.objects.get(pk=vente.pk)).ecarts}


def _sur_papier(troupe, **options):
    """E0 delivered from the paper, the service answering after the sale."""
    vente = troupe.vente()
    patient_choose(troupe.acteur(), vente.pk, troupe.patient(), "recherche")
    numerique = recuperation.fetch(troupe.acteur(), vente.pk, NUMERO, "SCAN")
    recuperation.to_paper(troupe.acteur(), numerique.pk)
    servir(troupe, vente, GLUCOPHAGE, 2)
    servir(troupe, vente, LEVOTHYROX)
    recevoir(numerique, "ordonnance.regulariser", **options)
    numerique.refresh_from_db()
    return vente, numerique


def test_a_paper_delivery_is_validated_only_once_the_sale_is_over(halle):
    vente, numerique = _sur_papier(halle)
    confirmation.choose_renewal(halle.acteur(), numerique.pk, 0)
    refuser_le_reste(halle, numerique, vente)
    with pytest.raises(VenteRefusee) as refus:
        validation.validate(halle.acteur(), numerique.pk)
    assert refus.value.code == "ORD-021"
    vente_terminate(halle.acteur(), vente.pk)
    execution = validation.validate(halle.acteur("A01", 1), numerique.pk)
    vente.refresh_from_db()
    assert execution.date_delivrance == vente.terminee_le
    corps = bytes(Envoi.objects.get(operation="ordonnance.executer").corps)
    assert b"BeneficiaireConfirme>false<" in corps
    assert b"SaisieHorsLigne>true<" in corps


def test_a_paper_delivery_asks_its_number_before_its_control(halle):
    vente, numerique = _sur_papier(halle)
    vente_terminate(halle.acteur(), vente.pk)
    refuser_le_reste(halle, numerique, vente)
    with pytest.raises(VenteRefusee) as refus:
        validation.validate(halle.acteur(), numerique.pk)
    assert refus.value.code == "ORD-025"
    base = f"/vente/{vente.pk}/ordonnance/{numerique.pk}"
    ouverte = halle.client().get(f"{base}/controle/", **HX)
    assert f"{base}/renouvellement/" in ouverte.headers["HX-Trigger"]
    suite = halle.client().post(f"{base}/renouvellement/", {"numero": "1"}, **HX)
    assert f"{base}/controle/" in suite.headers["HX-Trigger"]
    assert validation.validate(halle.acteur(), numerique.pk).numero_delivrance == 1


@pytest.mark.cas("ordonnance-D16")
@pytest.mark.exigence("ORD-22")
def test_a_delivery_at_risk_is_never_sent_and_is_closed_with_a_reason(halle):
    vente, numerique = _sur_papier(halle, modifie=[("<epu:Statut>CREEE<", "<epu:Statut>ANNULEE<")])
    vente_terminate(halle.acteur(), vente.pk)
    confirmation.choose_renewal(halle.acteur(), numerique.pk, 0)
    refuser_le_reste(halle, numerique, vente)
    with pytest.raises(VenteRefusee) as refus:
        validation.validate(halle.acteur(), numerique.pk)
    assert refus.value.code == "ORD-022"
    assert "annulée par le prescripteur" in refus.value.phrase
    url = f"/vente/{vente.pk}/ordonnance/{numerique.pk}/clore/"
    assert halle.client("B01").post(url, {"motif": "vu"}).status_code == 403
    assert halle.client().post(url, {"motif": " "}).status_code == 409
    assert halle.client().post(url, {"motif": "Prescripteur appelé"}).status_code == 302
    numerique.refresh_from_db()
    assert (numerique.etat, numerique.motif_cloture) == ("annulee", "Prescripteur appelé")
    assert Audit.objects.filter(acte="ordonnance.clore").exists()
    assert (
        "Rien à régulariser" in halle.client().get("/ordonnances/a-regulariser/").content.decode()
    )


def test_a_number_nobody_knows_does_not_stay_to_regularise_for_ever(halle):
    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    recuperation.to_paper(halle.acteur(), numerique.pk)
    servir(halle, vente, GLUCOPHAGE)
    vente_terminate(halle.acteur(), vente.pk)
    Envoi.objects.filter(operation="ordonnance.regulariser").update(
        etat="refuse", dernier_code="EPU-001", dernier_message="Numéro inconnu."
    )
    liste = halle.client().get("/ordonnances/a-regulariser/").content.decode()
    assert "Redemander" in liste
    assert "Clore sans envoi" in liste
    halle.client().post(f"/vente/{vente.pk}/ordonnance/{numerique.pk}/relancer/")
    assert Envoi.objects.filter(operation="ordonnance.regulariser").count() == 2
    confirmation.close_paper(halle.acteur(), numerique.pk, "Numéro mal lu")
    assert set(
        Envoi.objects.filter(operation="ordonnance.regulariser").values_list("etat", flat=True)
    ) == {"abandonne"}


def test_an_answer_during_the_choice_of_the_paper_opens_the_confirmation(halle):
    vente = halle.vente()
    numerique = recuperer(halle, vente)
    url = f"/vente/{vente.pk}/ordonnance/{numerique.pk}/papier/"
    page = halle.client().post(url, **HX)
    suite = page.headers["HX-Trigger"].encode().decode("unicode_escape")
    assert "vient d'arriver" in suite
    assert f"/ordonnance/{numerique.pk}/confirmation/" in suite
    numerique.refresh_from_db()
    assert numerique.etat == "recuperee"


def test_a_move_that_is_no_longer_possible_is_a_sentence_with_its_status(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    page = halle.client().post(f"/vente/{vente.pk}/ordonnance/{numerique.pk}/papier/", **HX)
    assert page.status_code == 409
    assert "en délivrance" in page.content.decode()
