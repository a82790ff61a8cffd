"""A person answers for an identity: takes or refuses INSi's answer, checks a document."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.utils import timezone

from ins.models import EvenementIdentite, HistoriqueIns, PieceControlee, TacheIdentite
from ins.selectors import compare
from ins.services.acceptation import InsDejaPortee, apply, doubt
from ins.services.appels import retry
from ins.services.qualification import Controle, qualify
from pharmacy.models import Patient
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import VenteRefusee, patient_choose
from teleservices.models import Envoi
from tests.ins.scene import accept, appel_of, porteur, refuse

pytestmark = pytest.mark.django_db


@pytest.mark.exigence("INS-24")
def test_accepting_replaces_every_strict_trait_and_keeps_the_former_ones(comptoir, marthe):
    accept(comptoir.troupe.acteur(), appel_of(marthe))
    marthe.refresh_from_db()
    assert (marthe.statut, marthe.premier_prenom, marthe.sexe) == ("RECUP", "ZOE", "F")
    evenement = EvenementIdentite.objects.get(patient=marthe)
    assert evenement.transition == "T6"
    assert json.loads(bytes(evenement.avant))["premier_prenom"] == "MARTHE"


def test_an_answer_accepted_twice_is_refused(comptoir, marthe):
    acteur, appel = comptoir.troupe.acteur(), appel_of(marthe)
    accept(acteur, appel)
    with pytest.raises(VenteRefusee) as refus:
        accept(acteur, appel)
    assert refus.value.code == "INS-009"
    assert EvenementIdentite.objects.filter(patient=marthe).count() == 1


@pytest.mark.cas("ins-6")
def test_refusing_keeps_the_file_and_the_reason(comptoir, marthe):
    refuse(comptoir.troupe.acteur(), appel_of(marthe))
    marthe.refresh_from_db()
    assert (marthe.statut, marthe.premier_prenom, marthe.ins_empreinte) == ("PROV", "MARTHE", "")
    evenement = EvenementIdentite.objects.get(patient=marthe)
    assert (evenement.transition, bool(evenement.motif)) == ("T11", True)
    assert appel_of(marthe).decide_par == comptoir.troupe.operateurs["A02"]


def test_refusing_without_a_reason_is_refused(comptoir, marthe):
    with pytest.raises(VenteRefusee) as refus:
        refuse(comptoir.troupe.acteur(), appel_of(marthe), "parce que")
    assert refus.value.code == "INS-013"
    assert appel_of(marthe).decision == "en_attente"


def test_another_officine_decides_nothing(comptoir, port, marthe):
    with pytest.raises(VenteRefusee) as refus:
        accept(port.acteur("A01"), appel_of(marthe))
    assert refus.value.code == "INS-404"
    assert appel_of(marthe).decision == "en_attente"


@pytest.mark.cas("ins-50")
def test_an_ins_held_by_another_file_cannot_be_accepted(comptoir, zoe):
    comptoir.read(zoe)
    autre = comptoir.read(
        porteur("2490163220111", "19751231", "ZOE", patronymique="ADRUN", certifie="2751263220749")
    )
    with pytest.raises(VenteRefusee) as refus:
        accept(comptoir.troupe.acteur(), appel_of(autre))
    assert refus.value.code == "INS-012"
    autre.refresh_from_db()
    assert autre.statut == "PROV"
    tache = TacheIdentite.objects.get(patient=autre, nature="collision")
    assert tache.autre.ins_matricule == "275126322074974"
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/identite/").content.decode()
    assert f'href="/patients/{tache.autre_id}/"' in html


@pytest.mark.exigence("INS-04", "INS-05", "INS-08")
@pytest.mark.cas("ins-2")
def test_a_passport_that_agrees_qualifies_the_identity(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient)
    patient.refresh_from_db()
    assert patient.statut == "QUAL"
    piece = PieceControlee.objects.get(patient=patient)
    assert (piece.type_piece, piece.niveau, piece.active) == ("PA", "fort", True)
    assert piece.controlee_par == comptoir.troupe.operateurs["A02"]
    dernier = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert dernier.transition == "T10"


@pytest.mark.parametrize("code", ["A01", "A02", "B01"])
def test_who_works_at_the_counter_may_qualify(comptoir, zoe, code):
    patient = comptoir.read(zoe)
    assert comptoir.check(patient, code=code).statut == "QUAL"


@pytest.mark.cas("ins-85")
def test_a_driving_licence_leaves_the_status_as_it_is(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert comptoir.check(patient, piece="PC").statut == "RECUP"
    assert not PieceControlee.objects.filter(active=True).exists()


@pytest.mark.exigence("INS-15")
def test_a_document_that_differs_does_not_qualify(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert comptoir.check(patient, "differente").statut == "RECUP"
    assert PieceControlee.objects.get(patient=patient).coherente is False


def test_a_later_document_that_differs_takes_the_qualification_away(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient)
    assert comptoir.check(patient, "differente", "CN").statut == "RECUP"


@pytest.mark.cas("ins-44")
@pytest.mark.exigence("INS-33")
def test_a_document_of_somebody_else_makes_the_identity_doubtful(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient)
    comptoir.check(patient, "differente", suite="douteuse")
    patient.refresh_from_db()
    assert (patient.statut, patient.ins_matricule, patient.attr_douteux) == ("PROV", "", True)
    assert not PieceControlee.objects.filter(active=True).exists()


@pytest.mark.exigence("INS-17")
def test_a_refusal_to_show_a_document_keeps_the_status_and_who_wrote_it(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert comptoir.check(patient, "refusee", "").statut == "RECUP"
    evenement = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert (evenement.transition, evenement.operateur.code) == ("PIER", "A02")
    assert not PieceControlee.objects.exists()


def test_traits_changed_meanwhile_stop_the_check(comptoir, zoe):
    patient = comptoir.read(zoe)
    vue = Controle("conforme", patient.traits_version - 1, "PA")
    with pytest.raises(VenteRefusee) as refus:
        qualify(comptoir.troupe.acteur(), patient.pk, vue)
    assert refus.value.code == "INS-007"


def test_blank_traits_cannot_be_checked(comptoir, zoe, insi):
    insi.humeur("panne_503")
    patient = comptoir.read(zoe)
    with pytest.raises(VenteRefusee) as refus:
        comptoir.check(patient)
    assert refus.value.code == "INS-006"


@pytest.mark.cas("ins-3", "ins-4")
def test_a_validated_identity_confirmed_by_insi_is_qualified_without_a_new_document(comptoir):
    acteur = comptoir.troupe.acteur()
    patient = patient_create(
        acteur,
        Patient(
            nom_naissance="ADRUN",
            premier_prenom="ZOE",
            sexe="F",
            date_naissance=date(1975, 12, 31),
        ),
    )
    patient_choose(acteur, comptoir.vente.pk, patient, "recherche")
    assert comptoir.check(patient, piece="CN").statut == "VALI"
    retry(acteur, comptoir.vente.pk)
    comptoir.work()
    patient.refresh_from_db()
    assert patient.statut == "QUAL"
    dernier = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert dernier.transition == "T8"


@pytest.mark.cas("ins-5")
def test_a_validated_identity_contradicted_by_insi_needs_a_new_document(comptoir):
    acteur = comptoir.troupe.acteur()
    patient = comptoir.controlee(date(1975, 12, 30))
    appel = appel_of(patient)
    assert appel.decision == "en_attente"
    accept(acteur, appel)
    patient.refresh_from_db()
    assert (patient.statut, patient.date_naissance) == ("RECUP", date(1975, 12, 31))
    assert PieceControlee.objects.get(patient=patient).active is False
    dernier = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert dernier.transition == "T9"


def _qualified(comptoir, carte):
    patient = comptoir.read(carte)
    comptoir.check(patient)
    patient.refresh_from_db()
    return patient


@pytest.mark.exigence("INS-06")
def test_the_same_answer_again_keeps_the_qualification(comptoir, zoe):
    patient = _qualified(comptoir, zoe)
    comptoir.again(patient)
    assert patient.statut == "QUAL"
    dernier = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert dernier.transition == "T22"


@pytest.mark.cas("ins-32")
def test_a_definitive_number_is_taken_once_a_person_said_it_is_the_same_one(comptoir, insi):
    carte = porteur("1090763220888", "20090701", "MATRICULE", patronymique="PROVISOIRE")
    patient = _qualified(comptoir, carte)
    assert patient.ins_oid.endswith(".9")
    insi.ask(
        "/controle/evenement",
        {"nom": "PROVISOIRE", "prenom": "MATRICULE", "evenement": "nir_definitif"},
    )
    Patient.objects.filter(pk=patient.pk).update(nir_assure="", nir_certifie="")
    appel = comptoir.again(patient)
    assert appel.decision == "en_attente"
    accept(comptoir.troupe.acteur(), appel)
    patient.refresh_from_db()
    assert (patient.statut, patient.ins_oid[-2:]) == ("QUAL", ".8")
    assert HistoriqueIns.objects.get(patient=patient).oid.endswith(".9")


@pytest.mark.cas("ins-32")
@pytest.mark.exigence("INS-24")
def test_what_left_under_the_former_ins_is_shown_and_becomes_a_work_item(comptoir, insi):
    carte = porteur("1090763220888", "20090701", "MATRICULE", patronymique="PROVISOIRE")
    patient = _qualified(comptoir, carte)
    for rang, etat in enumerate(("envoye", "envoye", "abandonne")):
        Envoi.objects.create(
            officine=comptoir.troupe.officine,
            service="epu",
            operation="ordonnance.executer",
            cle=f"cle-transmis-{rang}",
            sujet=f"patient:{patient.pk}",
            etat=etat,
            file="lots",
            motif_abandon="essai",
            operateur=comptoir.troupe.operateurs["A01"],
            pas_avant=timezone.now(),
            regle_le=timezone.now() + timedelta(days=2),
        )
    insi.ask(
        "/controle/evenement",
        {"nom": "PROVISOIRE", "prenom": "MATRICULE", "evenement": "nir_definitif"},
    )
    Patient.objects.filter(pk=patient.pk).update(nir_assure="", nir_certifie="")
    appel = comptoir.again(patient)
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/identite/").content.decode()
    assert "Est-ce bien la même personne ?" in html
    assert "2 envois déjà partis sous l'ancienne INS" in html
    assert html.count("Transmission d'une exécution") == 2
    accept(comptoir.troupe.acteur(), appel)
    tache = TacheIdentite.objects.get(patient=patient, nature="transmis")
    assert (tache.score, tache.close_le) == (2, None)
    dernier = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert dernier.transition == "T26"


def _other_matricule(comptoir, zoe, insi):
    """A qualified file for which INSi now gives another number, without link."""
    patient = _qualified(comptoir, zoe)
    insi.ask(
        "/controle/evenement", {"nom": "ADRUN", "prenom": "ZOE", "evenement": "autre_matricule"}
    )
    Patient.objects.filter(pk=patient.pk).update(nir_assure="", nir_certifie="")
    return patient, comptoir.again(patient)


@pytest.mark.cas("ins-33")
@pytest.mark.exigence("INS-33")
def test_another_matricule_is_a_red_alert_that_proposes_the_doubt(comptoir, zoe, insi):
    patient, appel = _other_matricule(comptoir, zoe, insi)
    tache = TacheIdentite.objects.get(patient=patient, nature="autre_matricule")
    assert tache.close_le is None
    dernier = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert (dernier.transition, dernier.statut_apres) == ("T25", "QUAL")
    client, url = comptoir.troupe.client(), f"/vente/{comptoir.vente.pk}/identite/"
    html = client.get(url).content.decode()
    assert 'value="accepter"' not in html
    assert 'value="douteuse"' in html
    assert client.post(url, {"appel": appel.pk, "reponse": "douteuse"}).status_code == 302
    patient.refresh_from_db()
    assert (patient.statut, patient.attr_douteux, patient.ins_matricule) == ("PROV", True, "")
    tache.refresh_from_db()
    assert tache.close_le is not None


def test_an_answer_that_is_no_alert_makes_nobody_doubtful(comptoir, marthe):
    with pytest.raises(VenteRefusee) as refus:
        doubt(comptoir.troupe.acteur(), appel_of(marthe).pk)
    assert refus.value.code == "INS-022"
    with pytest.raises(VenteRefusee) as refus:
        doubt(comptoir.troupe.acteur(), 0)
    assert refus.value.code == "INS-404"


@pytest.mark.cas("ins-33")
def test_another_matricule_without_link_is_blocked(comptoir, zoe, insi):
    patient = _qualified(comptoir, zoe)
    insi.ask(
        "/controle/evenement", {"nom": "ADRUN", "prenom": "ZOE", "evenement": "autre_matricule"}
    )
    Patient.objects.filter(pk=patient.pk).update(nir_assure="", nir_certifie="")
    appel = comptoir.again(patient)
    with pytest.raises(VenteRefusee) as refus:
        accept(comptoir.troupe.acteur(), appel)
    assert refus.value.code == "INS-011"
    patient.refresh_from_db()
    assert (patient.statut, patient.ins_matricule) == ("QUAL", "275126322074974")


def test_a_race_for_one_ins_leaves_the_second_file_as_it_was(comptoir, zoe):
    comptoir.read(zoe)
    autre = comptoir.read(
        porteur("2490163220111", "19751231", "ZOE", patronymique="ADRUN", certifie="2751263220749")
    )
    vue = replace(compare(appel_of(autre), autre), autre_dossier=None)
    with pytest.raises(InsDejaPortee):
        apply(autre, vue, comptoir.troupe.operateurs["A02"].pk)
    autre.refresh_from_db()
    assert (autre.statut, autre.ins_empreinte, autre.traits_version) == ("PROV", "", 1)
    assert not EvenementIdentite.objects.filter(patient=autre).exists()


def test_an_identity_made_doubtful_meanwhile_does_not_take_the_answer(comptoir, marthe):
    Patient.objects.filter(pk=marthe.pk).update(attr_douteux=True)
    with pytest.raises(VenteRefusee) as refus:
        accept(comptoir.troupe.acteur(), appel_of(marthe))
    assert refus.value.code == "INS-002"


def test_an_unknown_document_or_answer_is_refused(comptoir, zoe):
    patient = comptoir.read(zoe)
    for reponse, piece, code in (("conforme", "XX", "INS-008"), ("oui", "PA", "INS-005")):
        with pytest.raises(VenteRefusee) as refus:
            comptoir.check(patient, reponse, piece)
        assert refus.value.code == code


def test_who_works_in_the_office_only_does_not_qualify(comptoir, zoe):
    patient = comptoir.read(zoe)
    acteur = replace(comptoir.troupe.acteur(), role="administratif")
    with pytest.raises(PermissionError):
        qualify(acteur, patient.pk, Controle("conforme", patient.traits_version, "PA"))
    with pytest.raises(PermissionError):
        accept(acteur, appel_of(patient))
    with pytest.raises(PermissionError):
        retry(acteur, comptoir.vente.pk)
