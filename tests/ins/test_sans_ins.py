"""« Pas d'INS, pourquoi »: asking stops, the sale goes on; anonymity speaks to nobody."""

import pytest

from ins.models import AppelInsi, EvenementIdentite
from ins.services.sans_ins import note_reason
from ordonnance.services import recuperation
from pharmacy.identite import ACTIONS, peut_sortir_de
from pharmacy.models import Patient
from pharmacy.services.vente import (
    Boite,
    VenteRefusee,
    ligne_add,
    patient_choose,
    vente_terminate,
)
from teleservices.models import Envoi
from tests.ordonnance.atelier import NUMERO

pytestmark = pytest.mark.django_db


def _url(comptoir):
    return f"/vente/{comptoir.vente.pk}/sans-ins/"


def _refus(acte, *arguments):
    with pytest.raises(VenteRefusee) as refus:
        acte(*arguments)
    return refus.value.code


@pytest.mark.exigence("INS-18")
@pytest.mark.parametrize("motif", ["etranger", "non_prouvee", "refus"])
def test_a_reason_stops_the_prompts_and_never_the_sale(comptoir, zoe, insi, motif):
    insi.humeur("panne_503")
    patient = comptoir.read(zoe)
    insi.humeur("normal")
    reponse = comptoir.troupe.client("B01").post(_url(comptoir), {"motif": motif})
    assert reponse["Location"] == f"/vente/{comptoir.vente.pk}/"
    patient.refresh_from_db()
    assert patient.motif_sans_ins == motif
    evenement = EvenementIdentite.objects.get(patient=patient)
    assert (evenement.transition, evenement.operateur.code) == ("MOTP", "B01")
    appels = AppelInsi.objects.count()
    comptoir.choose(zoe)
    assert AppelInsi.objects.count() == appels
    ligne_add(comptoir.troupe.acteur(), comptoir.vente.pk, Boite(libelle="Article"))
    assert vente_terminate(comptoir.troupe.acteur(), comptoir.vente.pk).est_finie


@pytest.mark.exigence("INS-18")
def test_the_reason_is_taken_back_and_insi_may_be_asked_again(comptoir, zoe, insi):
    insi.humeur("panne_503")
    patient = comptoir.read(zoe)
    insi.humeur("normal")
    client = comptoir.troupe.client()
    client.post(_url(comptoir), {"motif": "refus"})
    assert "Aujourd'hui" in client.get(_url(comptoir)).content.decode().replace("&#x27;", "'")
    client.post(_url(comptoir), {"motif": "aucun"})
    patient.refresh_from_db()
    assert patient.motif_sans_ins == ""
    comptoir.again(patient)
    assert patient.statut == "RECUP"


def test_a_reason_makes_no_sense_for_who_has_an_ins_or_out_of_the_list(comptoir, zoe):
    patient = comptoir.read(zoe)
    acteur, client = comptoir.troupe.acteur(), comptoir.troupe.client()
    assert _refus(note_reason, acteur, patient.pk, "refus") == "INS-085"
    assert _refus(note_reason, acteur, patient.pk, "parce que") == "INS-083"
    assert _refus(note_reason, acteur, patient.pk, "anonymat") == "INS-084"
    for corps in ({}, {"motif": "parce que"}, {"motif": "refus"}):
        assert client.post(_url(comptoir), corps).status_code == 422


def test_without_a_patient_only_anonymity_is_offered(comptoir):
    client = comptoir.troupe.client()
    html = client.get(_url(comptoir)).content.decode()
    assert html.count('type="radio"') == 1
    assert 'value="anonymat"' in html
    assert client.post(_url(comptoir), {"motif": "refus"}).status_code == 422


# Anonymity


@pytest.fixture
def anonyme(comptoir, zoe):
    """Someone anonymous, in a sale where a card was read before."""
    connu = comptoir.read(zoe)
    comptoir.troupe.client().post(_url(comptoir), {"motif": "anonymat"})
    comptoir.vente.refresh_from_db()
    assert comptoir.vente.patient_id != connu.pk
    return comptoir.vente.patient


@pytest.mark.cas("ins-84")
@pytest.mark.exigence("INS-20")
def test_anonymous_care_is_a_fictive_file_of_its_own_linked_to_nothing(comptoir, zoe, anonyme):
    assert (anonyme.attr_fictif, anonyme.statut, anonyme.ins_oid) == (True, "PROV", "")
    assert (anonyme.carte_empreinte, str(anonyme.nir_assure), anonyme.date_naissance) == (
        "",
        "",
        None,
    )
    assert (comptoir.vente.carte_presente, comptoir.vente.carte_de) == (False, None)
    evenement = EvenementIdentite.objects.get(patient=anonyme)
    assert (evenement.transition, evenement.statut_avant) == ("T30", "")
    assert Patient.objects.get(nom_naissance="ADRUN").statut == "RECUP"


@pytest.mark.cas("ins-84")
@pytest.mark.exigence("INS-20")
def test_no_national_call_of_any_kind_for_someone_anonymous(comptoir, anonyme):
    acteur, client = comptoir.troupe.acteur(), comptoir.troupe.client()
    avant = Envoi.objects.count()
    reponse = client.post(f"/vente/{comptoir.vente.pk}/identite/relancer/")
    assert reponse.status_code == 409
    assert _refus(recuperation.fetch, acteur, comptoir.vente.pk, NUMERO, "SCAN") == "ORD-028"
    assert Envoi.objects.count() == avant
    for action, regle in ACTIONS.items():
        if regle.nationale or regle.porte_ins:
            assert not peut_sortir_de(action, anonyme.etat_identite).ok, action


@pytest.mark.exigence("INS-20")
def test_a_call_already_in_the_queue_does_not_leave_once_the_gate_is_shut(comptoir, zoe, insi):
    patient = comptoir.choose(zoe)
    Patient.objects.filter(pk=patient.pk).update(attr_fictif=True, motif_sans_ins="anonymat")
    comptoir.work()
    assert insi.journal() == []
    assert AppelInsi.objects.get().code == "identite_bloquee"


@pytest.mark.exigence("INS-20")
def test_someone_anonymous_does_not_enter_a_sale_with_an_ordonnance_numerique(comptoir, anonyme):
    from pharmacy.services.vente import vente_hold, vente_open

    acteur = comptoir.troupe.acteur()
    vente_hold(acteur, comptoir.vente.pk)
    autre = vente_open(acteur)
    recuperation.fetch(acteur, autre.pk, NUMERO, "SCAN")
    assert _refus(patient_choose, acteur, autre.pk, anonyme, "recherche") == "VTE-013"


@pytest.mark.exigence("INS-20")
def test_an_anonymous_file_stays_apart(comptoir, anonyme):
    from ins.services.attributs import clear_fiction

    acteur = comptoir.troupe.acteur("A01")
    assert _refus(clear_fiction, acteur, anonyme.pk, "motif") == "INS-076"
    assert _refus(note_reason, acteur, anonyme.pk, "") == "INS-076"
    html = comptoir.troupe.client("A01").get(f"/patients/{anonyme.pk}/identite/").content.decode()
    assert "Anonymat prévu par la loi : rien ne part de cette personne." in html


def test_from_the_file_the_reasons_but_anonymity(comptoir, marthe):
    client = comptoir.troupe.client()
    url = f"/patients/{marthe.pk}/identite/sans-ins/"
    html = client.get(url).content.decode()
    assert 'value="etranger"' in html
    assert 'value="anonymat"' not in html
    assert client.post(url, {"motif": "anonymat"}).status_code == 422
    assert client.post(url, {"motif": "refus"})["Location"] == f"/patients/{marthe.pk}/identite/"
