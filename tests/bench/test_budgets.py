"""What each screen may cost: queries and bytes; never a time."""

import pytest

from bench.ecrans import ECRANS, Ecran, measure, signed_client
from pharmacy.models import Patient
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import Boite, ligne_add
from tests.conftest import RACINE

pytestmark = pytest.mark.django_db


@pytest.mark.exigence("OPS-14")
@pytest.mark.parametrize("ecran", ECRANS, ids=lambda e: e.nom)
def test_a_screen_stays_within_its_budget(halle, ecran):
    cout = measure(halle.client(), ecran)
    assert cout.requetes <= ecran.requetes, "\n".join(cout.sql)
    assert cout.octets <= ecran.octets


@pytest.mark.parametrize("ecran", ECRANS, ids=lambda e: e.nom)
def test_a_budget_is_not_a_wish(halle, ecran):
    """A budget twice what is spent guards nothing."""
    cout = measure(halle.client(), ecran)
    assert ecran.requetes <= 2 * cout.requetes
    assert ecran.octets <= 2 * cout.octets


def test_ten_products_cost_the_queries_of_one(halle):
    ecran = next(e for e in ECRANS if e.nom == "Vente")
    client = halle.client()
    vente = halle.vente()
    ligne_add(halle.acteur(), vente.pk, Boite(libelle="Article 0"))
    un = measure(client, ecran)
    for rang in range(1, 10):
        ligne_add(halle.acteur(), vente.pk, Boite(libelle=f"Article {rang}"))
    dix = measure(client, ecran)
    assert dix.octets > un.octets
    assert dix.requetes == un.requetes


def test_ten_patients_cost_the_queries_of_one(halle):
    ecran = Ecran("Patients", "/patients/", 0, 0, "essai")
    client = halle.client()

    def creer(nombre):
        for rang in range(nombre):
            patient_create(
                halle.acteur(), Patient(nom_naissance=f"ESSAI{rang}", premier_prenom="LEO")
            )

    creer(1)
    un = measure(client, ecran)
    creer(9)
    dix = measure(client, ecran)
    assert dix.octets > un.octets
    assert dix.requetes == un.requetes


def test_the_screens_are_those_of_the_documentation(halle):
    page = (RACINE / "docs/performance.md").read_text(encoding="utf-8")
    for ecran in ECRANS:
        octets = f"{ecran.octets:,}".replace(",", " ")
        assert f"| {ecran.nom} | " in page
        assert f" | {ecran.requetes} | " in page
        assert octets in page


def test_a_browser_of_the_bench_is_signed_in(halle):
    client = halle.client()
    session = client.cookies["comptoir_session"].value
    poste = client.cookies["comptoir_poste"].value
    assert signed_client(session, poste).get("/").status_code == 200
