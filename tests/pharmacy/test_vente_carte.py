"""One person, three ways in: card, search, prescription; and the card given back at the end."""

from dataclasses import replace
from datetime import date

import pytest

from ordonnance.services import confirmation
from pharmacy.models import Patient, Vente
from pharmacy.services.lecture import _choose, note_card_removed
from pharmacy.services.patient import (
    PorteurCarte,
    Traits,
    is_same_person,
    patient_create,
    patient_same,
)
from pharmacy.services.vente import Boite, ligne_add, patient_choose, vente_terminate
from tests.ordonnance.atelier import GLUCOPHAGE, recuperer

pytestmark = pytest.mark.django_db
CARTE = PorteurCarte(
    nir_assure="2790351215189",
    nir_certifie="2790351215189",
    naissance="19790328",
    rang_gemellaire=1,
    qualite="0",
    nom_usuel="PAT-TROIS",
    nom_patronymique="",
    prenom="DOMINIQUE",
    date_naissance=date(1979, 3, 28),
)


def _lire(troupe, vente, porteur=CARTE):
    return _choose(troupe.acteur(), Vente.objects.get(pk=vente.pk), porteur)


@pytest.fixture
def sans_carte(halle):
    """The patient of the story, whose card was never read."""
    patient = halle.patient()
    Patient.objects.filter(pk=patient.pk).update(carte_empreinte="")
    return patient


def _carte_dabord(troupe, vente):
    _lire(troupe, vente)
    recuperer(troupe, vente)


def _f3_dabord(troupe, vente):
    numerique = recuperer(troupe, vente)
    confirmation.confirm(troupe.acteur(), numerique.pk, patient_verifie=True, conforme=True)
    _lire(troupe, vente)


def _nom_dabord(troupe, vente):
    patient_choose(troupe.acteur(), vente.pk, troupe.patient(), "recherche")
    recuperer(troupe, vente)
    _lire(troupe, vente)


@pytest.mark.exigence("ORD-01", "ORD-02")
@pytest.mark.parametrize("ordre", [_carte_dabord, _f3_dabord, _nom_dabord])
def test_every_order_ends_with_the_same_sale(halle, sans_carte, ordre):
    vente = halle.vente()
    ordre(halle, vente)
    vente.refresh_from_db()
    assert vente.patient == sans_carte
    assert vente.carte_presente
    assert Patient.objects.get(pk=sans_carte.pk).carte_empreinte == CARTE.empreinte
    assert Patient.objects.filter(date_naissance=CARTE.date_naissance).count() == 1


def test_another_persons_card_is_still_refused(halle, sans_carte):
    vente = halle.vente()
    patient_choose(halle.acteur(), vente.pk, sans_carte, "recherche")
    ligne_add(halle.acteur(), vente.pk, Boite(cip13=GLUCOPHAGE))
    for autre in (
        replace(CARTE, prenom="CAMILLE"),
        replace(CARTE, date_naissance=date(1980, 3, 28)),
        replace(CARTE, nom_usuel="AUTRE"),
    ):
        assert _lire(halle, vente, autre).code == "VIT-003"
    vente.refresh_from_db()
    assert vente.patient == sans_carte


def test_a_second_card_of_a_person_does_not_replace_the_first(halle, sans_carte):
    vente = halle.vente()
    _lire(halle, vente)
    ligne_add(halle.acteur(), vente.pk, Boite(cip13=GLUCOPHAGE))
    autre_parent = replace(CARTE, nir_assure="1790351215189", qualite="6")
    assert _lire(halle, vente, autre_parent).ton == "info"
    vente.refresh_from_db()
    assert vente.patient == sans_carte
    assert Patient.objects.get(pk=sans_carte.pk).carte_empreinte == CARTE.empreinte


def test_two_files_alike_are_nobodys(halle):
    traits = Traits("DUPOND-ÉLAN", "", "Zoé Marie", date(2001, 2, 3))
    for prenoms in ("ZOE", "Zoé"):
        patient_create(
            halle.acteur(),
            Patient(
                nom_naissance="DUPOND ELAN",
                premier_prenom=prenoms,
                date_naissance=date(2001, 2, 3),
                sexe="F",
            ),
        )
    deux = list(Patient.objects.filter(nom_naissance="DUPOND ELAN").order_by("pk"))
    assert all(is_same_person(patient, traits) for patient in deux)
    assert patient_same(halle.officine.pk, traits) is None
    Patient.objects.filter(pk=deux[0].pk).update(actif=False)
    assert patient_same(halle.officine.pk, traits) == deux[1]


def test_the_ins_finds_a_file_whatever_its_names(halle):
    inconnue = Traits("AUTRE", "", "NOM", None)
    assert patient_same(halle.officine.pk, inconnue, matricule="279035121518989") == halle.patient()


def test_the_card_given_back_leaves_the_page_of_the_end(halle, sans_carte):
    vente = halle.vente()
    _lire(halle, vente)
    ligne_add(halle.acteur(), vente.pk, Boite(cip13=GLUCOPHAGE))
    vente_terminate(halle.acteur(), vente.pk)
    fin = halle.client().get(f"/vente/{vente.pk}/fin/page/").content.decode()
    assert "Rendez la carte à DOMINIQUE PAT-TROIS." in " ".join(fin.split())
    avant = Vente.objects.get(pk=vente.pk).version
    note_card_removed(halle.acteur(), vente.pk)
    assert Vente.objects.get(pk=vente.pk).version == avant + 1
    etat = halle.client().get(f"/flux/etat?vente={vente.pk}").json()
    bandeau = next(f for f in etat["fragments"] if f["cible"] == "zone-bandeau")
    assert "PAT-TROIS" in bandeau["html"]
    assert "Rendez la carte" not in bandeau["html"]


def test_a_card_left_in_the_reader_is_given_back_to_its_own_person(halle, sans_carte):
    vente = halle.vente()
    _lire(halle, vente)
    autre = patient_create(
        halle.acteur(), Patient(nom_naissance="ESSAI", premier_prenom="ANNE", sexe="F"), vente.pk
    )
    page = halle.client().get(f"/vente/{vente.pk}/").content.decode()
    assert "Carte d'une autre personne dans le lecteur" in page
    assert "Carte Vitale lue" not in page
    ligne_add(halle.acteur(), vente.pk, Boite(cip13=GLUCOPHAGE))
    vente_terminate(halle.acteur(), vente.pk)
    vente.refresh_from_db()
    assert vente.patient == autre
    fin = halle.client().get(f"/vente/{vente.pk}/fin/page/").content.decode()
    assert f"Rendez la carte à {sans_carte.premier_prenom}" in fin
    assert "Rendez la carte à ANNE" not in fin


def test_the_card_of_who_is_served_is_read_and_given_back(halle, sans_carte):
    vente = halle.vente()
    _lire(halle, vente)
    assert "Carte Vitale lue" in halle.client().get(f"/vente/{vente.pk}/").content.decode()
    ligne_add(halle.acteur(), vente.pk, Boite(cip13=GLUCOPHAGE))
    vente_terminate(halle.acteur(), vente.pk)
    fin = halle.client().get(f"/vente/{vente.pk}/fin/page/").content.decode()
    assert f"Rendez la carte à {sans_carte.premier_prenom}" in fin


def test_a_card_given_back_on_another_poste_is_not_this_sale_s(halle, sans_carte):
    vente = halle.vente()
    _lire(halle, vente)
    note_card_removed(halle.acteur("A01", 1), vente.pk)
    vente.refresh_from_db()
    assert vente.carte_presente
    note_card_removed(halle.acteur(), vente.pk)
    vente.refresh_from_db()
    assert not vente.carte_presente
