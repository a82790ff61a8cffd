"""What each screen, and each step of an act, may cost: queries and bytes; never a time."""

import json
import time

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.ecrans import ECRANS, Ecran, measure, signed_client
from ordonnance.codec.reponse import parse_prescription
from ordonnance.services import recuperation
from pharmacy.models import Patient
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import Boite, ligne_add
from pharmacy.views.flux import Ecoute
from teleservices import moteur
from teleservices.models import Envoi
from teleservices.registre import Reponse, handler_get
from teleservices.transport import Echange
from tests.conftest import RACINE
from tests.ordonnance.atelier import NUMERO, exemple, recuperer

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


# From the scan to the prescription shown, step by step: savepoints counted, officine not.


def _scan(client, vente):
    corps = {"text": NUMERO, "canal": "scan", "vente": vente.pk}
    reponse = client.post("/api/scans", json.dumps(corps), content_type="application/json")
    assert reponse.status_code == 200
    return Envoi.objects.get(operation="ordonnance.consulter")


def test_a_scan_stays_within_its_queries(halle):
    client, vente = halle.client(), halle.vente()
    client.get("/")
    with CaptureQueriesContext(connection) as prises:
        _scan(client, vente)
    sql = [q["sql"] for q in prises.captured_queries]
    assert len(sql) <= 19, "\n".join(sql)


def test_a_settling_stays_within_its_queries(halle):
    """A first prescription, whose prescriber is new: nothing is looked for twice."""
    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    envoi = Envoi.objects.get()
    envoi.etat, envoi.pris_le = Envoi.Etat.EN_VOL, timezone.now()
    envoi.save(update_fields=["etat", "pris_le"])
    octets = exemple("02-consulter-reponse")
    reponse = Reponse(
        parse_prescription(octets), Echange("m", b"<q/>", octets, 200, 12, time.time())
    )
    with CaptureQueriesContext(connection) as prises:
        moteur.settle(handler_get(envoi.operation), envoi, reponse)
    sql = [q["sql"] for q in prises.captured_queries]
    numerique.refresh_from_db()
    assert numerique.etat == "recuperee"
    assert len(sql) <= 17, "\n".join(sql)


def test_a_message_of_the_stream_stays_within_its_queries(halle):
    """The session, the sale, the prescription and its control: each read once for both parts."""
    cle = halle.client().cookies[settings.SESSION_COOKIE_NAME].value
    vente = halle.vente()
    recuperer(halle, vente)
    ecoute = Ecoute(halle.acteur(), vente.pk, cle)
    with CaptureQueriesContext(connection) as prises:
        un = ecoute.read(["ordonnance"])
    seul = [q["sql"] for q in prises.captured_queries]
    with CaptureQueriesContext(connection) as prises:
        deux = ecoute.read(["ordonnance", "lignes"])
    ensemble = [q["sql"] for q in prises.captured_queries]
    assert (len(un), len(deux)) == (1, 2)
    assert len(seul) <= 7, "\n".join(seul)
    assert len(ensemble) <= len(seul) + 1, "\n".join(ensemble)
