"""The strict traits typed by hand: what they cost, who may, and the one that costs nothing."""

import re
from datetime import date

import pytest

from ins.models import EvenementIdentite, HistoriqueIns, PieceControlee, TacheIdentite
from ins.reglages import APPRENTI_QUALIFIE
from ins.services.taches import open_tache
from pharmacy.models import Operateur, Patient
from pharmacy.parametres import modifier
from pharmacy.services.patient import patient_create

pytestmark = pytest.mark.django_db


def _url(patient):
    return f"/patients/{patient.pk}/identite/traits/"


def _corps(patient, **autres):
    """What the form holds when nothing is touched."""
    jour = patient.date_naissance
    return {
        "nom_naissance": patient.nom_naissance,
        "prenoms_naissance": patient.prenoms_naissance,
        "premier_prenom": patient.premier_prenom,
        "date_naissance": jour.strftime("%d/%m/%Y") if jour else "",
        "sexe": patient.sexe,
        "cog_naissance": patient.cog_naissance,
        "traits_version": patient.traits_version,
        **autres,
    }


def _modifier(comptoir, patient, code="A02", **autres):
    reponse = comptoir.troupe.client(code).post(_url(patient), _corps(patient, **autres))
    patient.refresh_from_db()
    return reponse


def _dernier(patient):
    return EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()


@pytest.fixture
def qualifie(comptoir, zoe):
    """ADRUN ZOE, qualified."""
    patient = comptoir.read(zoe)
    comptoir.check(patient)
    patient.refresh_from_db()
    return patient


@pytest.fixture
def provisoire(comptoir):
    """A file known by its used name only."""
    return patient_create(
        comptoir.troupe.acteur(),
        Patient(nom_naissance="DUPONT", premier_prenom="ZOE", date_naissance=date(1975, 12, 31)),
    )


@pytest.mark.cas("ins-74")
@pytest.mark.exigence("INS-30")
def test_a_strict_trait_edited_takes_the_ins_and_the_document_away(comptoir, qualifie):
    ecran = comptoir.troupe.client().get(_url(qualifie)).content.decode().replace("&#x27;", "'")
    assert "Modifier un trait fait perdre l'INS et le contrôle de la pièce" in ecran
    reponse = _modifier(comptoir, qualifie, nom_naissance="Durand", motif="Erreur de saisie")
    assert reponse["Location"] == f"/patients/{qualifie.pk}/identite/"
    assert (qualifie.statut, qualifie.nom_naissance, qualifie.ins_oid) == ("PROV", "DURAND", "")
    assert HistoriqueIns.objects.get().matricule == "275126322074974"
    assert not PieceControlee.objects.filter(active=True).exists()
    assert (_dernier(qualifie).transition, _dernier(qualifie).motif) == ("T16", "Erreur de saisie")


@pytest.mark.cas("ins-74")
def test_without_a_reason_nothing_changes(comptoir, qualifie):
    reponse = _modifier(comptoir, qualifie, nom_naissance="DURAND")
    assert (reponse.status_code, "INS-070" in reponse.content.decode()) == (422, True)
    assert (qualifie.statut, qualifie.nom_naissance) == ("QUAL", "ADRUN")


@pytest.mark.cas("ins-74")
@pytest.mark.exigence("INS-30")
@pytest.mark.parametrize("role", ["preparateur", "apprenti", "etudiant"])
def test_a_preparateur_is_refused_the_strict_traits(comptoir, qualifie, role):
    Operateur.objects.filter(pk=comptoir.troupe.operateurs["B01"].pk).update(role=role)
    reponse = _modifier(comptoir, qualifie, "B01", sexe="M", motif="erreur")
    assert reponse.status_code == 403
    assert (qualifie.statut, qualifie.sexe) == ("QUAL", "F")
    ecran = comptoir.troupe.client("B01").get(_url(qualifie)).content.decode()
    assert "Votre profil ne permet que le premier prénom" in ecran


@pytest.mark.cas("ins-75")
def test_the_first_name_inside_its_rule_costs_nothing(comptoir, qualifie):
    Patient.objects.filter(pk=qualifie.pk).update(prenoms_naissance="ZOE MARIE ANNE")
    qualifie.refresh_from_db()
    reponse = _modifier(comptoir, qualifie, "B01", premier_prenom="Zoé-Marie")
    assert reponse.status_code == 302
    assert (qualifie.statut, qualifie.premier_prenom) == ("QUAL", "ZOE-MARIE")
    assert _dernier(qualifie).transition == "PREN"
    assert PieceControlee.objects.get().active is True


@pytest.mark.cas("ins-16")
def test_the_second_of_the_list_is_not_a_first_name(comptoir, qualifie):
    Patient.objects.filter(pk=qualifie.pk).update(prenoms_naissance="ZOE MARIE")
    qualifie.refresh_from_db()
    reponse = _modifier(comptoir, qualifie, premier_prenom="MARIE")
    assert (reponse.status_code, "INS-081" in reponse.content.decode()) == (422, True)
    assert qualifie.premier_prenom == "ZOE"


@pytest.mark.cas("ins-20")
def test_the_birth_name_given_the_husbands_one_becomes_the_used_name(comptoir, provisoire):
    open_tache(provisoire, "nom")
    Patient.objects.filter(pk=provisoire.pk).update(nom_a_confirmer=True)
    reponse = _modifier(comptoir, provisoire, "B01", nom_naissance="ADRUN", garder_nom="on")
    assert reponse.status_code == 302
    assert (provisoire.nom_naissance, provisoire.nom_utilise) == ("ADRUN", "DUPONT")
    assert provisoire.nom_a_confirmer is False
    assert TacheIdentite.objects.get().issue == "Traits saisis à la main"
    for nom in ("adrun", "dupont"):
        trouve = comptoir.troupe.client().post("/patients/", {"q": nom}).content.decode()
        assert f"/patients/{provisoire.pk}/" in trouve


@pytest.mark.cas("ins-21")
def test_an_empty_used_name_shows_the_birth_name_and_stays_empty(comptoir, provisoire):
    reponse = _modifier(comptoir, provisoire, nom_naissance="ADRUN")
    assert reponse.status_code == 302
    assert (provisoire.nom_utilise, provisoire.prenom_utilise) == ("", "")
    html = comptoir.troupe.client().get(f"/patients/{provisoire.pk}/").content.decode()
    bandeau = re.search(r'class="bandeau-patient".*?</div>', html, re.S).group(0)
    assert "ADRUN ZOE" in bandeau
    assert "utilise" not in bandeau


@pytest.mark.cas("ins-40")
@pytest.mark.parametrize(
    ("brut", "jour"),
    [
        ("1962", date(1962, 12, 31)),
        ("05/1962", date(1962, 5, 1)),
        ("00/00/1962", date(1962, 12, 31)),
    ],
)
def test_a_year_alone_is_completed_and_marked_and_the_billing_date_is_left(
    comptoir, provisoire, brut, jour
):
    Patient.objects.filter(pk=provisoire.pk).update(naissance_facturation="19620000")
    reponse = _modifier(comptoir, provisoire, date_naissance=brut)
    assert reponse.status_code == 302
    assert (provisoire.date_naissance, provisoire.date_naissance_interpretee) == (jour, True)
    assert provisoire.naissance_facturation == "19620000"
    html = comptoir.troupe.client().get(f"/patients/{provisoire.pk}/").content.decode()
    assert f"{jour:%d/%m/%Y} (interprétée)" in html
    _modifier(comptoir, provisoire, sexe="F")
    assert provisoire.date_naissance_interpretee is True


@pytest.mark.parametrize(
    ("champ", "brut", "phrase"),
    [
        ("nom_naissance", "N/A", "« / » n'est pas permis"),
        ("date_naissance", "31/12/2999", "n'est pas possible"),
        ("date_naissance", "hier", "sous la forme 22/12/1975"),
        ("date_naissance", "01/01/1800", "sous la forme 22/12/1975"),
        ("cog_naissance", "6322", "cinq caractères"),
        ("premier_prenom", "", "premier prénom de naissance"),
        ("nom_naissance", "-MARTIN", "ne commence pas par un trait d'union"),
        ("nom_naissance", "D''ARC", "D'ARC"),
        ("premier_prenom", "ANNE--MARIE", "ANNE-MARIE"),
    ],
)
def test_what_cannot_be_a_trait_is_said_and_nothing_is_written(
    comptoir, provisoire, champ, brut, phrase
):
    reponse = _modifier(comptoir, provisoire, **{champ: brut})
    assert reponse.status_code == 422
    assert phrase in reponse.content.decode().replace("&#x27;", "'")
    assert provisoire.traits_version == 1


def test_nothing_touched_or_a_file_changed_meanwhile_is_said(comptoir, provisoire):
    reponse = _modifier(comptoir, provisoire)
    assert (reponse.status_code, "INS-080" in reponse.content.decode()) == (422, True)
    reponse = _modifier(comptoir, provisoire, sexe="F", traits_version=7)
    assert (reponse.status_code, "INS-007" in reponse.content.decode()) == (422, True)


def test_a_document_that_proves_nothing_validates_nothing(comptoir, qualifie):
    for piece in ("PC", "LEP", "XX"):
        reponse = _modifier(comptoir, qualifie, nom_naissance="DURAND", motif="m", piece=piece)
        assert reponse.status_code == 422
    assert (qualifie.statut, qualifie.nom_naissance) == ("QUAL", "ADRUN")


@pytest.mark.cas("ins-86")
@pytest.mark.parametrize(("piece", "representant"), [("CC", ""), ("LEP", "CN")])
def test_a_document_of_minors_validates_no_adult_by_its_traits(
    comptoir, qualifie, piece, representant
):
    reponse = _modifier(
        comptoir,
        qualifie,
        nom_naissance="DURAND",
        motif="m",
        piece=piece,
        representant=representant,
    )
    assert (reponse.status_code, "INS-063" in reponse.content.decode()) == (422, True)
    assert (qualifie.statut, qualifie.nom_naissance) == ("QUAL", "ADRUN")


@pytest.mark.exigence("INS-30")
def test_who_may_not_qualify_validates_nothing_by_naming_a_document(comptoir, provisoire):
    Operateur.objects.filter(pk=comptoir.troupe.operateurs["B01"].pk).update(role="apprenti")
    modifier(comptoir.troupe.acteur("A01"), APPRENTI_QUALIFIE, "non")
    reponse = _modifier(comptoir, provisoire, "B01", nom_naissance="ADRUN", sexe="F", piece="CN")
    assert reponse.status_code == 403
    assert (provisoire.statut, provisoire.nom_naissance) == ("PROV", "DUPONT")
    assert not PieceControlee.objects.exists()
