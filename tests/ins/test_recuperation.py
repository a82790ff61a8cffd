"""From the card to the identity: what INSi answers, and what the file becomes."""

from dataclasses import replace

import pytest

from ins.models import AppelInsi, EvenementIdentite, HistoriqueIns
from ins.services import appels
from ins.services.appels import on_patient_chosen, retry
from pharmacy.events import PatientChoisi
from pharmacy.models import Audit, Patient, Vente
from pharmacy.services.vente import VenteRefusee, patient_choose
from teleservices.balayage import doubt
from teleservices.models import Envoi, Trace
from teleservices.moteur import claim, process
from tests.ins.humeurs import PANNES
from tests.ins.scene import appel_of, porteur

pytestmark = pytest.mark.django_db


@pytest.mark.exigence("INS-09", "INS-21")
@pytest.mark.cas("ins-1")
def test_card_read_and_answer_agreeing_gives_the_ins_without_any_act(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert patient.statut == "RECUP"
    assert patient.ins_matricule == "275126322074974"
    assert (patient.nom_naissance, patient.nom_utilise, patient.sexe) == ("ADRUN", "DUPONT", "F")
    appel = appel_of(patient)
    assert (appel.code, appel.decision) == ("00", "acceptee")
    assert EvenementIdentite.objects.get(patient=patient).transition == "T6"


@pytest.mark.exigence("INS-10")
def test_the_number_of_the_card_goes_without_its_key_and_without_the_usual_name(
    comptoir, zoe, insi
):
    comptoir.read(zoe)
    requete = insi.ask("/controle/journal/1")["requete"]
    assert "2751263220749<" in requete
    assert "DUPONT" not in requete
    assert insi.journal()[0]["certificat_cn"] == "INSI-MANU"


@pytest.mark.exigence("INS-35")
def test_each_call_keeps_who_where_when_and_its_code(comptoir, zoe):
    patient = comptoir.read(zoe)
    appel = appel_of(patient)
    assert appel.declenche_par == comptoir.troupe.operateurs["A02"]
    assert appel.envoi.poste == comptoir.troupe.postes[0]
    assert appel.operation == "ins.recuperer_vitale"
    assert appel.recu_le >= appel.declenche_le
    assert Trace.objects.get(envoi=appel.envoi).resultat == "ok"


def test_a_known_qualified_patient_is_not_asked_about_again(comptoir):
    patient = comptoir.troupe.patient()
    patient_choose(comptoir.troupe.acteur(), comptoir.vente.pk, patient, "vitale")
    assert not Envoi.objects.filter(service="insi").exists()


def test_a_patient_found_by_name_is_not_asked_about(comptoir, zoe):
    patient = comptoir.choose(zoe)
    AppelInsi.objects.all().delete()
    Envoi.objects.all().delete()
    patient_choose(comptoir.troupe.acteur(), comptoir.vente.pk, patient, "recherche")
    assert not Envoi.objects.exists()


@pytest.mark.cas("ins-49", "ins-93")
def test_two_readings_of_one_card_make_one_call(comptoir, zoe, insi):
    comptoir.choose(zoe)
    comptoir.choose(zoe)
    comptoir.work()
    comptoir.choose(zoe)
    comptoir.work()
    assert len(insi.journal()) == 1


@pytest.mark.exigence("INS-33")
@pytest.mark.cas("ins-44")
def test_a_doubtful_identity_is_never_asked_about(comptoir, zoe):
    patient = comptoir.choose(zoe)
    AppelInsi.objects.all().delete()
    Envoi.objects.all().delete()
    Patient.objects.filter(pk=patient.pk).update(attr_douteux=True)
    acteur = comptoir.troupe.acteur()
    on_patient_chosen(PatientChoisi(acteur, comptoir.vente.pk, patient.pk, "vitale"))
    assert not Envoi.objects.exists()
    with pytest.raises(VenteRefusee) as refus:
        retry(acteur, comptoir.vente.pk)
    assert refus.value.code == "INS-002"


@pytest.mark.exigence("INS-21")
def test_nobody_found_stores_nothing_in_the_file(comptoir):
    patient = comptoir.read(porteur("1800163220999", "19800115", "PAUL", patronymique="INCONNU"))
    assert (patient.statut, patient.ins_empreinte) == ("PROV", "")
    assert appel_of(patient).code == "01"


def test_an_answer_01_of_today_is_not_asked_again_by_the_same_card(comptoir, insi):
    inconnu = porteur("1800163220999", "19800115", "PAUL", patronymique="INCONNU")
    comptoir.read(inconnu)
    comptoir.read(inconnu)
    assert len(insi.journal()) == 1


@pytest.mark.cas("ins-12")
@pytest.mark.exigence("INS-01")
def test_apostrophes_and_hyphens_round_trip(comptoir):
    carte = porteur(
        "1010663220754", "20010617", "PIERRE-ALAIN", patronymique="D'ARTAGNAN DE L'HERAULT"
    )
    patient = comptoir.read(carte)
    assert patient.nom_naissance == "D'ARTAGNAN DE L'HERAULT"
    assert patient.premier_prenom == "PIERRE-ALAIN"
    assert patient.prenoms_naissance == "PIERRE-ALAIN MURIEL FLORIANT"


@pytest.mark.cas("ins-28")
def test_former_matricules_are_kept_as_given(comptoir):
    carte = porteur("1090763220834", "20090714", "PIERRE-ALAIN", patronymique="ECETINSI")
    patient = comptoir.read(carte)
    anciens = HistoriqueIns.objects.filter(patient=patient).order_by("rang")
    assert {h.matricule for h in anciens} == {"209076322083439", "209066322012355"}


@pytest.mark.cas("ins-26")
def test_a_wrong_key_given_by_insi_is_kept_as_it_came(comptoir):
    carte = porteur("1810363220456", "19810324", "GATIEN", patronymique="HERMANN")
    patient = comptoir.read(carte)
    assert patient.statut == "RECUP"
    assert patient.ins_matricule == "181036322045660"


@pytest.mark.cas("ins-58")
@pytest.mark.exigence("INS-24")
def test_a_different_first_name_waits_for_a_person_and_changes_nothing(comptoir):
    patient = comptoir.read(porteur("2751263220749", "19751231", "MARTHE", patronymique="ADRUN"))
    assert (patient.statut, patient.premier_prenom, patient.sexe) == ("PROV", "MARTHE", "")
    assert appel_of(patient).decision == "en_attente"


@pytest.mark.cas("ins-50")
@pytest.mark.exigence("INS-27")
def test_an_ins_held_by_another_file_is_not_taken(comptoir, zoe):
    premier = comptoir.read(zoe)
    autre = comptoir.read(
        porteur("2490163220111", "19751231", "ZOE", patronymique="ADRUN", certifie="2751263220749")
    )
    assert autre.pk != premier.pk
    assert autre.statut == "PROV"
    assert appel_of(autre).decision == "en_attente"


@pytest.mark.exigence("INS-32")
@pytest.mark.cas("ins-47", "ins-94")
@pytest.mark.parametrize(
    ("nom", "faits"),
    [
        *PANNES,
        ("absurde", {"variante": "autre"}),
        ("absurde", {"variante": "dtd"}),
        ("faute", {"code": "insi_102"}),
        ("faute", {"code": "insi_111"}),
    ],
)
def test_a_broken_service_changes_nothing_and_gives_up_after_three_more_tries(
    comptoir, zoe, insi, nom, faits
):
    insi.humeur(nom, **faits)
    patient = comptoir.choose(zoe)
    comptoir.work(essais=5)
    patient.refresh_from_db()
    appel = appel_of(patient)
    assert patient.statut == "PROV"
    assert appel.envoi.etat == "abandonne"
    assert appel.code
    assert len(insi.journal()) in {0, 4}


@pytest.mark.parametrize("nom", ["panne_503", "panne", "reponse_perdue", "absurde", "doublon"])
def test_a_service_that_recovers_at_once_gives_the_ins_all_the_same(comptoir, zoe, insi, nom):
    insi.humeur(nom, fois=1)
    patient = comptoir.choose(zoe)
    comptoir.work(essais=2)
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert EvenementIdentite.objects.filter(patient=patient).count() == 1


def test_an_odd_but_legal_answer_is_read_the_same(comptoir, zoe, insi):
    insi.humeur("bizarre")
    assert comptoir.read(zoe).ins_matricule == "275126322074974"


@pytest.mark.cas("ins-48")
@pytest.mark.parametrize("code", ["desir_550", "desir_560"])
def test_a_refused_installation_is_our_own_business_and_is_not_retried_at_once(
    comptoir, zoe, insi, code
):
    insi.humeur("faute", code=code)
    patient = comptoir.read(zoe)
    appel = appel_of(patient)
    assert (appel.code, appel.envoi.etat) == (code, "a_envoyer")
    assert appel.envoi.pas_avant > appel.declenche_le
    assert patient.statut == "PROV"


def test_a_fault_of_the_sender_is_refused_without_a_second_try(comptoir, zoe, insi):
    insi.humeur("faute", code="insi_19")
    patient = comptoir.choose(zoe)
    comptoir.work(essais=3)
    assert appel_of(patient).envoi.etat == "refuse"
    assert len(insi.journal()) == 1


def test_a_slow_service_is_given_its_time(comptoir, zoe, insi):
    insi.humeur("normal", latence_ms=400)
    assert comptoir.read(zoe).statut == "RECUP"


def test_beyond_the_budget_of_the_counter_nothing_more_is_sent(comptoir, zoe, insi):
    patient = comptoir.choose(zoe)
    comptoir.age(patient, 46)
    comptoir.work()
    assert appel_of(patient).envoi.etat == "refuse"
    assert insi.journal() == []


@pytest.mark.cas("ins-91")
def test_nothing_of_the_patient_is_in_the_logs(comptoir, caplog):
    caplog.set_level("INFO")
    comptoir.read(porteur("1810363220456", "19810324", "GATIEN", patronymique="HERMANN"))
    lignes = " ".join(enregistrement.getMessage() for enregistrement in caplog.records)
    assert "ins.anomalie" in lignes
    assert not any(trait in lignes for trait in ("HERMANN", "GATIEN", "1810363220456"))


@pytest.mark.exigence("INS-31")
def test_what_insi_said_is_not_readable_in_the_database(comptoir, zoe):
    from django.db import connection

    patient = comptoir.read(zoe)
    with connection.cursor() as curseur:
        curseur.execute("SELECT reponse FROM ins_appelinsi WHERE patient_id = %s", [patient.pk])
        brut = bytes(curseur.fetchone()[0])
        curseur.execute("SELECT ins_matricule FROM pharmacy_patient WHERE id = %s", [patient.pk])
        matricule = bytes(curseur.fetchone()[0])
    assert brut
    assert b"ADRUN" not in brut
    assert b"275126322074974" not in matricule


def test_the_pages_of_the_sale_are_told(comptoir, zoe):
    avant = Vente.objects.get(pk=comptoir.vente.pk).version
    comptoir.choose(zoe)
    milieu = Vente.objects.get(pk=comptoir.vente.pk).version
    comptoir.work()
    apres = Vente.objects.get(pk=comptoir.vente.pk).version
    assert avant < milieu < apres


def test_a_call_is_audited(comptoir, zoe):
    patient = comptoir.choose(zoe)
    assert Audit.objects.filter(acte="ins.appeler", patient_id=patient.pk).count() == 1


def test_without_card_the_traits_of_the_file_are_asked(comptoir, insi):
    acteur = comptoir.troupe.acteur()
    patient = _typed(
        acteur, nom="TCHITCHI", prenoms="OLA CATARINA BELLA", sexe="F", jour="1936-06-21"
    )
    patient_choose(acteur, comptoir.vente.pk, patient, "recherche")
    retry(acteur, comptoir.vente.pk)
    comptoir.work()
    appel = appel_of(patient)
    assert (appel.operation, appel.code) == ("ins.recuperer_traits", "00")
    assert [e["resultat"] for e in insi.journal()] == ["01", "00"]
    assert appel.decision == "en_attente"


@pytest.mark.cas("ins-42")
def test_without_card_and_without_sex_nothing_is_asked(comptoir):
    acteur = comptoir.troupe.acteur()
    patient = _typed(acteur, nom="TCHITCHI", prenoms="OLA", sexe="", jour="1936-06-21")
    patient_choose(acteur, comptoir.vente.pk, patient, "recherche")
    with pytest.raises(VenteRefusee) as refus:
        retry(acteur, comptoir.vente.pk)
    assert refus.value.code == "INS-003"


def _typed(acteur, *, nom, prenoms, sexe, jour):
    from datetime import date

    from pharmacy.services.patient import patient_create

    return patient_create(
        acteur,
        Patient(
            nom_naissance=nom,
            premier_prenom=prenoms.split(" ")[0],
            prenoms_naissance=prenoms,
            sexe=sexe,
            date_naissance=date.fromisoformat(jour),
        ),
    )


def test_the_page_of_the_sale_is_told_what_to_do_next(
    comptoir, zoe, monkeypatch, django_capture_on_commit_callbacks
):
    from pharmacy import flux

    dits = []
    monkeypatch.setattr(flux, "_publish", lambda _canal, message: dits.append(message))
    patient = comptoir.choose(zoe)
    with django_capture_on_commit_callbacks(execute=True):
        comptoir.work()
    fragments = {nom for message in dits for nom in message.get("fragments", [])}
    assert {"identite", "bandeau"} <= fragments
    phrases = [message["suite"]["phrase"] for message in dits if "suite" in message]
    assert len(phrases) == 1
    assert "contrôlez une pièce" in phrases[0]
    assert patient.nom_utilise not in str(dits)


@pytest.mark.cas("ins-49", "ins-93")
def test_asking_again_at_once_is_the_same_call(comptoir, zoe, insi):
    patient = comptoir.choose(zoe)
    acteur = comptoir.troupe.acteur()
    pendant = retry(acteur, comptoir.vente.pk)
    comptoir.work()
    assert pendant == appel_of(patient)
    assert len(insi.journal()) == 1


def test_the_row_that_waits_beyond_the_budget_does_not_stop_a_new_call(comptoir, zoe):
    patient = comptoir.choose(zoe)
    comptoir.age(patient, 46)
    retry(comptoir.troupe.acteur(), comptoir.vente.pk)
    assert AppelInsi.objects.filter(patient=patient).count() == 2


def test_asking_without_patient_or_from_another_officine_is_refused(comptoir, port):
    for acteur, code in ((comptoir.troupe.acteur(), "INS-001"), (port.acteur("A01"), "VTE-404")):
        with pytest.raises(VenteRefusee) as refus:
            retry(acteur, comptoir.vente.pk)
        assert refus.value.code == code


def test_an_answer_for_an_identity_made_doubtful_meanwhile_is_not_taken(comptoir, zoe):
    patient = comptoir.choose(zoe)
    Patient.objects.filter(pk=patient.pk).update(attr_douteux=True)
    comptoir.work()
    patient.refresh_from_db()
    assert (patient.statut, patient.nom_naissance, appel_of(patient).decision) == (
        "PROV",
        "",
        "sans_objet",
    )


def test_two_readings_at_the_same_instant_meet_on_one_row(comptoir, zoe, monkeypatch):
    # What each of two transactions sees before the other commits: no call, the same free key.
    lire, cles = appels.read_suivi, []

    def read(*faits):
        suivi = lire(*faits)
        cles.append(suivi.cle)
        return replace(suivi, cle=cles[0], en_cours=False)

    monkeypatch.setattr(appels, "read_suivi", read)
    comptoir.choose(zoe)
    patient = comptoir.choose(zoe)
    assert AppelInsi.objects.filter(patient=patient).count() == 1
    assert Audit.objects.filter(acte="ins.appeler", patient_id=patient.pk).count() == 1


def test_a_worker_killed_before_settling_costs_one_more_question_and_nothing_else(
    comptoir, zoe, insi
):
    patient = comptoir.choose(zoe)
    envoi = appel_of(patient).envoi
    claim(envoi.pk)
    doubt(envoi.pk)
    process(envoi.pk)
    process(envoi.pk)
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert EvenementIdentite.objects.filter(patient=patient).count() == 1
    assert len(insi.journal()) == 1
