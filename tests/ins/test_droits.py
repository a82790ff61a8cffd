"""The rights of who is at the counter, asked of ADRi: never waited for, dated, said in words."""

from datetime import timedelta

import pytest
from django.test import TestCase
from django.utils import timezone

from ins.models import DroitsAssure
from pharmacy.models import Audit, Patient
from pharmacy.services.patient import patient_of_card
from pharmacy.services.vente import patient_choose
from teleservices.models import Envoi
from tests.ins.humeurs import PANNES
from tests.ins.scene import porteur
from tests.ins.telephone import ADRUN

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("CTR-18")]


@pytest.fixture
def comptoir_droits(appli, settings):
    """The services of the card, rights included."""
    settings.ADRI_URL = f"https://127.0.0.1:{appli.vitale.port}/adri"
    return appli


def lire_carte(appli, moyen="vitale", **traits):
    carte = porteur(
        **({"nir": ADRUN, "naissance": "19751231", "prenom": "ZOE", "usuel": "DUPONT"} | traits)
    )
    acteur = appli.troupe.acteur()
    with TestCase.captureOnCommitCallbacks(execute=True):
        patient = patient_of_card(acteur, carte)
        patient_choose(acteur, appli.vente.pk, patient, moyen)
    return patient


def adri(appli):
    """The worker's turn for rights only."""
    from teleservices.moteur import process

    for envoi in Envoi.objects.filter(service="adri", etat="a_envoyer"):
        Envoi.objects.filter(pk=envoi.pk).update(pas_avant=timezone.now())
        process(envoi.pk)


def test_after_a_card_the_rights_are_asked_by_themselves_and_shown(comptoir_droits):
    patient = lire_carte(comptoir_droits)
    face, html = comptoir_droits.panneau()
    assert face == "attente"
    assert "interrogée" in html
    adri(comptoir_droits)
    droits = DroitsAssure.objects.get(patient=patient)
    assert droits.code == "00"
    assert droits.date_soins == timezone.localdate()
    face, html = comptoir_droits.panneau()
    assert face == "reponse"
    assert f"régime {droits.regime}, caisse {droits.caisse}" in html


def test_after_an_appli_the_rights_are_asked_as_well(comptoir_droits):
    with TestCase.captureOnCommitCallbacks(execute=True):
        patient = comptoir_droits.take("connue")
    comptoir_droits.work()
    assert DroitsAssure.objects.get(patient=patient).recu_le is not None
    html = comptoir_droits.panneau()[1]
    assert "valable encore" in html
    assert "Droits ouverts" in html


def test_a_patient_found_by_name_is_not_asked_about_but_may_be(comptoir_droits):
    patient = lire_carte(comptoir_droits, moyen="recherche")
    assert not Envoi.objects.filter(service="adri").exists()
    face, html = comptoir_droits.panneau()
    assert face == "vide"
    assert "Demander les droits" in html
    url = f"/vente/{comptoir_droits.vente.pk}/droits/demander/"
    client = comptoir_droits.troupe.client()
    assert client.post(url, HTTP_HX_REQUEST="true").status_code == 200
    assert client.post(url, HTTP_HX_REQUEST="true").status_code == 200  # the same question
    assert Envoi.objects.filter(service="adri").count() == 1
    assert Audit.objects.filter(acte="ins.droits.demander", patient_id=patient.pk).exists()


def test_two_readings_of_the_day_make_one_question(comptoir_droits):
    lire_carte(comptoir_droits)
    lire_carte(comptoir_droits)
    adri(comptoir_droits)
    lire_carte(comptoir_droits)
    assert Envoi.objects.filter(service="adri").count() == 1


def test_the_next_day_the_rights_known_are_old_and_asked_again(comptoir_droits):
    lire_carte(comptoir_droits)
    adri(comptoir_droits)
    hier = timezone.now() - timedelta(days=1)
    DroitsAssure.objects.update(recu_le=hier, date_soins=hier.date())
    assert "Relancer les droits" in comptoir_droits.panneau()[1]
    Envoi.objects.filter(service="adri").update(cle="hier")
    lire_carte(comptoir_droits)
    assert Envoi.objects.filter(service="adri").count() == 2


def test_ald_and_the_complementaire_are_said_in_words_and_exempt_nothing_by_themselves(
    comptoir_droits,
):
    comptoir_droits.vitale.humeur("bizarre", variante="exonerations")
    patient = lire_carte(comptoir_droits)
    adri(comptoir_droits)
    droits = DroitsAssure.objects.get(patient=patient)
    assert str(droits.exonerations)
    assert 'class="badge"' in comptoir_droits.panneau()[1]
    DroitsAssure.objects.update(exonerations="ALD MATERNITE AUTRE", css="oui")
    html = comptoir_droits.panneau()[1]
    for mot in ("ALD", "Maternité", "AUTRE", "Complémentaire santé solidaire", "chaque produit"):
        assert mot in html


def test_in_the_database_health_and_means_are_not_readable(comptoir_droits):
    from django.db import connection

    lire_carte(comptoir_droits)
    adri(comptoir_droits)
    droits = DroitsAssure.objects.get()
    droits.exonerations, droits.css = "ALD", "oui"
    droits.save()
    with connection.cursor() as curseur:
        curseur.execute("SELECT exonerations, css FROM ins_droitsassure")
        brut = b"".join(bytes(v) for v in curseur.fetchone())
    assert b"ALD" not in brut
    assert b"oui" not in brut


@pytest.mark.parametrize("variante", ["sans_fin", "sans_centre", "sans_css"])
def test_an_odd_but_legal_answer_is_shown_all_the_same(comptoir_droits, variante):
    comptoir_droits.vitale.humeur("bizarre", variante=variante)
    lire_carte(comptoir_droits)
    adri(comptoir_droits)
    assert comptoir_droits.panneau()[0] == "reponse"


def test_a_beneficiary_unknown_of_the_service_is_said_with_what_to_do(comptoir_droits):
    lire_carte(comptoir_droits, nir="1800163220999", prenom="PAUL", naissance="19800115")
    adri(comptoir_droits)
    assert DroitsAssure.objects.get().code == "01"
    face, html = comptoir_droits.panneau()
    assert face == "averifier"
    assert "attestation de droits" in html


def test_no_right_at_this_date_is_said_with_what_to_do(comptoir_droits):
    lire_carte(comptoir_droits)
    adri(comptoir_droits)
    DroitsAssure.objects.update(code="02")
    assert "sans tiers payant" in comptoir_droits.panneau()[1]


@pytest.mark.exigence("OPS-15")
@pytest.mark.parametrize(
    ("nom", "faits"),
    [
        *PANNES,
        ("faute", {"code": "adri_40"}),
        ("faute", {"code": "desir_1020"}),
        ("faute", {"code": "desir_550"}),
    ],
)
def test_a_broken_service_never_stops_the_delivery(comptoir_droits, nom, faits):
    comptoir_droits.vitale.humeur(nom, **faits)
    patient = lire_carte(comptoir_droits)
    for _ in range(4):
        adri(comptoir_droits)
    face, html = comptoir_droits.panneau()
    assert face == "echec"
    assert "élivrance continue" in html or "Prévenez" in html
    assert "Relancer les droits" in html
    assert comptoir_droits.patient() == patient
    comptoir_droits.vitale.humeur("normal")
    from teleservices.models import Disjoncteur

    Disjoncteur.objects.all().delete()
    url = f"/vente/{comptoir_droits.vente.pk}/droits/demander/"
    Envoi.objects.filter(service="adri", etat="a_envoyer").update(etat="refuse")
    comptoir_droits.troupe.client().post(url)
    adri(comptoir_droits)
    assert comptoir_droits.panneau()[0] == "reponse"


def test_beyond_45_seconds_the_panel_gives_up_and_nothing_more_is_sent(comptoir_droits):
    lire_carte(comptoir_droits)
    vieux = timezone.now() - timedelta(seconds=46)
    DroitsAssure.objects.update(demande_le=vieux)
    Envoi.objects.filter(service="adri").update(cree_le=vieux)
    assert comptoir_droits.panneau()[0] == "echec"
    adri(comptoir_droits)
    assert Envoi.objects.get(service="adri").etat == "refuse"


@pytest.mark.parametrize("cas", ["adresse", "numero", "patient", "vente"])
def test_what_misses_is_said(comptoir_droits, settings, cas):
    vente = comptoir_droits.vente.pk
    if cas != "patient":
        patient = lire_carte(comptoir_droits, moyen="recherche")
        if cas == "numero":
            Patient.objects.filter(pk=patient.pk).update(naissance_facturation="")
    if cas == "adresse":
        settings.ADRI_URL = ""
    if cas == "vente":
        vente = 0
    reponse = comptoir_droits.troupe.client().post(f"/vente/{vente}/droits/demander/")
    code = {"adresse": "ADR-000", "numero": "ADR-001", "patient": "INS-001", "vente": "VTE-404"}
    assert code[cas] in reponse.content.decode()


def test_without_address_nothing_is_asked_and_the_panel_says_what_it_is_for(appli):
    lire_carte(appli)
    assert not Envoi.objects.filter(service="adri").exists()
    face, html = appli.panneau()
    assert face == "vide"
    assert "Scannez l&#x27;appli" in html or "Scannez l'appli" in html


@pytest.mark.cas("ins-44")
def test_rights_that_wait_are_not_asked_once_the_identity_is_fictive(comptoir_droits):
    patient = lire_carte(comptoir_droits)
    Patient.objects.filter(pk=patient.pk).update(attr_fictif=True)
    adri(comptoir_droits)
    envoi = Envoi.objects.get(service="adri")
    assert (envoi.etat, envoi.dernier_code) == ("refuse", "identite_fictive")
    assert comptoir_droits.vitale.journal() == []
