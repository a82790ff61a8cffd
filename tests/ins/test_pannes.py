"""INSi down, slow or refusing us: three more tries, « à relancer », the alert, the next visit."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ins.handlers import REPRISES_S
from ins.models import AppelInsi, TacheIdentite
from ins.rules.question import Question
from ins.services.appels import Cible, ask_traits, retry
from pharmacy.models import Patient
from teleservices.disjoncteur import SEUIL
from teleservices.models import Disjoncteur, Envoi
from teleservices.moteur import process
from tests.ins.scene import appel_of, porteur

pytestmark = pytest.mark.django_db


def _taches(patient, *, ouvertes=True):
    taches = TacheIdentite.objects.filter(patient=patient, nature="relance")
    return list(taches.filter(close_le__isnull=ouvertes))


def _panneau(comptoir):
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/").content.decode()
    return html.split('id="panneau-identite"')[1].split("</section>")[0]


def _next_visit(comptoir, patient, jours):
    """The file as it will be in `jours`, and a new sale."""
    avant = timezone.now() - timedelta(days=jours)
    AppelInsi.objects.filter(patient=patient).update(declenche_le=avant)
    Envoi.objects.filter(sujet=f"patient:{patient.pk}").update(cree_le=avant)


@pytest.mark.cas("ins-47")
@pytest.mark.exigence("INS-32")
def test_three_more_tries_follow_at_two_eight_and_thirty_seconds(comptoir, zoe, insi):
    insi.humeur("faute", code="insi_111")
    patient = comptoir.choose(zoe)
    envoi = appel_of(patient).envoi
    for attendu in REPRISES_S:
        process(envoi.pk)
        envoi.refresh_from_db()
        assert envoi.etat == "a_envoyer"
        delai = (envoi.pas_avant - timezone.now()).total_seconds()
        assert attendu - 1 < delai <= attendu
        assert _taches(patient) == []
        Envoi.objects.filter(pk=envoi.pk).update(pas_avant=timezone.now())
        Disjoncteur.objects.update(ouvert_jusqua=None, echecs=0)
    process(envoi.pk)
    envoi.refresh_from_db()
    assert envoi.etat == "abandonne"
    (tache,) = _taches(patient)
    assert tache.precision == "insi_111"
    assert REPRISES_S == (2, 8, 30)


@pytest.mark.cas("ins-47")
def test_the_first_failure_is_said_at_once_and_the_next_try_too(comptoir, zoe, insi):
    insi.humeur("faute", code="insi_111", fois=1)
    patient = comptoir.choose(zoe)
    comptoir.work()
    bloc = _panneau(comptoir)
    assert 'data-face="echec"' in bloc
    assert "Un nouvel essai suit en arrière-plan" in bloc
    retry(comptoir.troupe.acteur(), comptoir.vente.pk)
    envoi = appel_of(patient).envoi
    assert envoi.pas_avant <= timezone.now()
    process(envoi.pk)
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert AppelInsi.objects.filter(patient=patient).count() == 1


@pytest.mark.cas("ins-47")
def test_after_five_failures_nothing_leaves_and_the_panel_says_to_go_on(comptoir, zoe, insi):
    insi.humeur("panne_503")
    patient = comptoir.choose(zoe)
    comptoir.work(essais=4)
    autre = comptoir.choose(porteur("1800163220999", "19800115", "PAUL", patronymique="INCONNU"))
    comptoir.work()
    assert Disjoncteur.objects.get(service="insi").echecs >= SEUIL
    retry(comptoir.troupe.acteur(), comptoir.vente.pk)
    comptoir.work()
    appel = appel_of(autre)
    assert appel.envoi.etat == "abandonne"
    assert appel.code == "service_coupe"
    bloc = _panneau(comptoir)
    assert "INSi est indisponible. Poursuivez la délivrance" in bloc
    assert [t.precision for t in _taches(patient)] == ["http_503"]
    assert [t.precision for t in _taches(autre)] == ["service_coupe"]


@pytest.mark.exigence("INS-32")
@pytest.mark.cas("ins-79")
def test_what_waits_is_proposed_at_the_next_visit_and_closed_by_an_answer(comptoir, zoe, insi):
    insi.humeur("panne_503", fois=4)
    patient = comptoir.choose(zoe)
    comptoir.work(essais=4)
    assert len(_taches(patient)) == 1
    patient.refresh_from_db()
    assert patient.statut == "PROV"
    _next_visit(comptoir, patient, 3)
    comptoir.read(zoe)
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert _taches(patient) == []
    assert len(_taches(patient, ouvertes=False)) == 1


@pytest.mark.exigence("INS-32")
def test_a_patient_found_by_name_shows_that_the_call_is_to_be_made_again(comptoir, zoe, insi):
    from pharmacy.services.vente import patient_choose

    insi.humeur("panne_503", fois=4)
    patient = comptoir.choose(zoe)
    comptoir.work(essais=4)
    _next_visit(comptoir, patient, 3)
    AppelInsi.objects.filter(patient=patient).delete()
    patient_choose(comptoir.troupe.acteur(), comptoir.vente.pk, patient, "recherche")
    bloc = _panneau(comptoir)
    assert "INS à relancer" in bloc
    assert "Relancer INSi" in bloc


@pytest.mark.parametrize("faute", ["insi_19", "insi_20"])
def test_a_question_that_insi_refuses_is_not_to_be_asked_again_as_it_is(comptoir, zoe, insi, faute):
    insi.humeur("faute", code=faute)
    patient = comptoir.read(zoe)
    assert appel_of(patient).envoi.etat == "refuse"
    assert _taches(patient) == []


def test_an_identity_made_doubtful_leaves_nothing_to_ask_again(comptoir, zoe, insi):
    insi.humeur("panne_503")
    patient = comptoir.choose(zoe)
    Patient.objects.filter(pk=patient.pk).update(attr_douteux=True)
    comptoir.work(essais=4)
    assert _taches(patient) == []


def test_an_unknown_person_s_question_without_answer_leaves_no_work_item(comptoir, insi):
    insi.humeur("panne_503")
    question = Question("ADRUN", ("ZOE",), "F", "1975-12-31")
    ask_traits(comptoir.troupe.acteur(), Cible(comptoir.vente.pk), question)
    comptoir.work(essais=4)
    assert "Relancer INSi" in _panneau(comptoir)
    assert not TacheIdentite.objects.exists()


# Our own setting


@pytest.mark.cas("ins-48")
@pytest.mark.parametrize("code", ["desir_550", "desir_560"])
def test_a_setting_that_insi_refuses_is_told_to_the_titulaire_until_it_answers(
    comptoir, zoe, insi, code
):
    insi.humeur("faute", code=code, fois=1)
    patient = comptoir.read(zoe)
    assert len(insi.journal()) == 1
    titulaire, adjointe = comptoir.troupe.client("A01"), comptoir.troupe.client("A02")
    assert "réglage d&#x27;INSi à corriger" in titulaire.get("/").content.decode()
    assert "réglage d&#x27;INSi à corriger" not in adjointe.get("/").content.decode()
    file = titulaire.get("/file/").content.decode()
    assert f"réglage de l'installation refusé ({code})" in file
    assert "prévenez le titulaire et l'éditeur" in file
    assert Disjoncteur.objects.get(service="insi").echecs == 0
    _next_visit(comptoir, patient, 1)
    comptoir.work()
    assert len(insi.journal()) == 1
    comptoir.read(zoe)
    assert "réglage d&#x27;INSi à corriger" not in titulaire.get("/").content.decode()


# When the software may ask by itself


@pytest.mark.exigence("INS-09")
@pytest.mark.parametrize(("jours", "appels"), [(0, 1), (29, 1), (31, 2)])
def test_an_answer_01_is_asked_again_by_itself_after_thirty_days_only(
    comptoir, insi, jours, appels
):
    inconnu = porteur("1800163220999", "19800115", "PAUL", patronymique="INCONNU")
    patient = comptoir.read(inconnu)
    _next_visit(comptoir, patient, jours)
    comptoir.read(inconnu)
    assert len(insi.journal()) == appels


def test_traits_that_changed_are_asked_about_before_thirty_days(comptoir, insi):
    inconnu = porteur("1800163220999", "19800115", "PAUL", patronymique="INCONNU")
    patient = comptoir.read(inconnu)
    _next_visit(comptoir, patient, 5)
    Patient.objects.filter(pk=patient.pk).update(nom_naissance="CONNU", traits_version=2)
    comptoir.read(inconnu)
    assert len(insi.journal()) == 2


@pytest.mark.exigence("INS-18", "INS-20")
@pytest.mark.cas("ins-81", "ins-82")
@pytest.mark.parametrize(
    "faits",
    [
        {"decede_le": timezone.localdate()},
        {"motif_sans_ins": "etranger"},
        {"motif_sans_ins": "anonymat"},
        {"attr_fictif": True},
    ],
)
def test_the_software_never_asks_by_itself_for_them(comptoir, zoe, insi, faits):
    patient = comptoir.choose(zoe)
    AppelInsi.objects.all().delete()
    Envoi.objects.all().delete()
    Patient.objects.filter(pk=patient.pk).update(**faits)
    comptoir.read(zoe)
    assert insi.journal() == []
