"""The measures for the host: times, statements, queue, breakers; no officine, nobody."""

import re
from datetime import timedelta

import pytest
import redis
from django.test import Client
from django.utils import timezone

from config import mesures
from pharmacy import battements
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Officine, Patient
from teleservices import disjoncteur
from teleservices.models import Disjoncteur, Envoi

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("OPS-16")]
LIGNE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="[^"\\\n]*",?)+)\})? (-?[0-9.e+-]+|\+Inf)')


@pytest.fixture
def lire(monkeypatch):
    """Read the measures as the host on its machine: {(name, labels): value}."""
    monkeypatch.setattr(mesures, "registre", mesures.Registre())

    def read():
        texte = Client(HTTP_HOST="127.0.0.1").get("/metriques").content.decode()
        lues = {}
        for ligne in texte.splitlines():
            if not ligne.startswith("#"):
                lu = LIGNE.fullmatch(ligne)
                assert lu, ligne
                lues[lu[1], lu[2] or ""] = float(lu[3])
        return lues

    return read


def envoi(troupe, etat, age_s, service="insi", **autres):
    with officine_context(troupe.officine.pk):
        ligne = Envoi.objects.create(
            officine=troupe.officine,
            service=service,
            operation="ins.essai",
            cle=f"{etat}-{age_s}-{service}",
            sujet="patient:1",
            etat=etat,
            file="lots",
            operateur=troupe.operateurs["A01"],
            pas_avant=timezone.now(),
            **autres,
        )
        Envoi.objects.filter(officine=troupe.officine, pk=ligne.pk).update(
            cree_le=timezone.now() - timedelta(seconds=age_s)
        )


def test_requests_are_timed_and_counted_by_the_name_of_their_view(halle, lire):
    client = halle.client("A01")
    for _ in range(3):
        client.get("/patients/")
    client.get("/n-existe-pas/")
    lues = lire()
    assert lues["comptoir_requetes_total", 'vue="patients",statut="2xx"'] == 3
    assert lues["comptoir_requetes_total", 'vue="aucune",statut="4xx"'] == 1
    assert lues["comptoir_instructions_sql_total", 'vue="patients"'] >= 9
    seaux = [
        v
        for (nom, mots), v in lues.items()
        if nom == "comptoir_requete_duree_secondes_bucket" and 'vue="patients"' in mots
    ]
    assert seaux == sorted(seaux)
    assert (len(seaux), seaux[-1]) == (len(mesures.BORNES_S) + 1, 3)
    assert lues["comptoir_requete_duree_secondes_count", 'vue="patients"'] == 3
    assert lues["comptoir_requete_duree_secondes_sum", 'vue="patients"'] > 0


def test_a_great_number_is_written_to_its_last_digit(lire):
    for _ in range(2):
        mesures.registre.note("grande", 200, 0.01, 6_172_839)
    assert lire()["comptoir_instructions_sql_total", 'vue="grande"'] == 12_345_678


def test_the_queue_of_all_the_officines_is_counted_and_aged_by_service(halle, port, lire):
    envoi(halle, "a_envoyer", 600)
    envoi(port, "a_envoyer", 30)
    envoi(port, "refuse", 90, service="epu")
    envoi(port, "envoye", 5000, service="epu")
    lues = lire()
    assert lues["comptoir_file_envois", 'service="insi",etat="a_envoyer"'] == 2
    assert 600 <= lues["comptoir_file_age_secondes", 'service="insi",etat="a_envoyer"'] < 700
    assert 90 <= lues["comptoir_file_age_secondes", 'service="epu",etat="refuse"'] < 190
    assert ("comptoir_file_envois", 'service="epu",etat="envoye"') not in lues


def test_the_state_of_a_breaker_is_one_among_all(lire):
    maintenant = timezone.now()
    for _ in range(disjoncteur.SEUIL):
        disjoncteur.note_failure("insi", "delai", maintenant)
    disjoncteur.note_success("epu", maintenant)
    lues = lire()
    for service, attendu in (("insi", "en_pause"), ("epu", "disponible")):
        etats = {
            etat: lues["comptoir_service_etat", f'service="{service}",etat="{etat}"']
            for etat in mesures.ETATS_SERVICE
        }
        assert etats == {etat: float(etat == attendu) for etat in mesures.ETATS_SERVICE}
    Disjoncteur.objects.filter(service="epu").update(a_regler="desir_550")
    assert lire()["comptoir_service_etat", 'service="epu",etat="a_regler"'] == 1


def test_the_version_the_workers_and_what_does_not_answer_are_said(lire, monkeypatch, settings):
    battements.note("lots")
    mots = f'version="{settings.VERSION}",environnement="simulateur"'
    lues = lire()
    assert lues["comptoir_version_info", mots] == 1
    assert lues["comptoir_ouvrier_age_secondes", 'file="lots"'] < 60
    assert lues["comptoir_base_joignable", ""] == lues["comptoir_messages_joignables", ""] == 1

    def muet():
        raise redis.ConnectionError

    monkeypatch.setattr(battements, "_valkey", muet)
    monkeypatch.setattr(mesures, "_queue", _without_database)
    lues = lire()
    assert lues["comptoir_base_joignable", ""] == lues["comptoir_messages_joignables", ""] == 0


def _without_database():
    raise mesures.DatabaseError


@pytest.mark.exigence("SEC-08")
def test_no_officine_and_nobody_is_in_the_measures(halle, port, lire):
    halle.client("A01").get(f"/patients/{halle.patient().pk}/")
    envoi(halle, "refuse", 10, dernier_message="INSi ne connaît pas PAT-TROIS")
    lire()
    texte = Client(HTTP_HOST="127.0.0.1").get("/metriques").content.decode()
    mots = {o.nom for o in (halle.officine, port.officine)}
    mots |= {o.finess for o in (halle.officine, port.officine)}
    mots |= {p.nom_naissance for p in Patient.objects.filter(officine=halle.officine)} - {""}
    mots |= {o.nom for o in halle.operateurs.values()}
    assert Officine.objects.exists()
    assert [mot for mot in mots if mot in texte] == []
    etiquettes = set(re.findall(r'([a-z]+)="', texte))
    assert etiquettes <= {
        "vue",
        "statut",
        "le",
        "service",
        "etat",
        "version",
        "environnement",
        "file",
    }


@pytest.mark.parametrize(
    ("entetes", "statut"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "192.168.1.20"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ({"HTTP_FORWARDED": "for=127.0.0.1"}, 403),
    ],
)
def test_without_a_key_only_this_machine_reads_and_no_proxy_of_it(entetes, statut):
    reponse = Client(HTTP_HOST="127.0.0.1").get("/metriques", **entetes)
    assert reponse.status_code == statut
    assert (b"comptoir_" in reponse.content) == (statut == 200)


@pytest.mark.parametrize(
    ("dite", "statut"),
    [("Bearer le-bon", 200), ("Bearer un-autre", 403), ("le-bö", 403), ("", 403)],
)
def test_with_a_key_the_key_alone_reads_from_anywhere(settings, dite, statut):
    settings.CLE_METRIQUES = "le-bon"
    client = Client(HTTP_HOST="127.0.0.1")
    reponse = client.get("/metriques", HTTP_AUTHORIZATION=dite, REMOTE_ADDR="192.168.1.20")
    assert reponse.status_code == statut
    assert client.get("/metriques").status_code == 403
