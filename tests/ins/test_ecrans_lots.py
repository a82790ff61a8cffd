"""« Vérifier les INS » on the screen: empty, under way, paused, done; by keyboard, without htmx."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ins.models import Verification
from ins.services import lots
from pharmacy.models import Audit, Patient
from teleservices.models import Envoi
from tests.ins.base_ins import fill, work_lots, wrong

pytestmark = pytest.mark.django_db
URL = "/ins/verification/"
HX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def base(halle, insi):
    """No INS but those of the test; the service treats a lot at once."""
    insi.ask("/controle/lots", {"duree_ms": 0})
    Patient.objects.filter(statut__in=["RECUP", "QUAL"]).update(actif=False)
    return halle


def texte(reponse):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reponse.content.decode()))


def test_without_any_ins_the_page_says_so_and_offers_nothing(base):
    page = texte(base.client("A01").get(URL))
    assert "Aucune vérification n'a encore été faite" in page
    assert "Aucun dossier n'a d'INS : rien n'est à vérifier." in page
    assert "Vérifier toutes" not in page


def test_what_may_be_started_is_counted_and_has_its_keys(base, insi):
    fill(base, insi, 2)
    reponse = base.client("A01").get(URL)
    assert "Vérifier 2 INS" in texte(reponse)
    assert "Vérifier toutes les INS : 2" in texte(reponse)
    html = reponse.content.decode()
    assert html.count("autofocus") == 1
    assert re.search(r'value="a_verifier"\s+data-officine-chiffre="1"', html)
    assert re.search(r'value="toutes"\s+data-officine-chiffre="2"', html)


@pytest.mark.exigence("INS-34")
def test_a_campaign_is_followed_to_its_end_and_names_who_was_not_confirmed(base, insi):
    bon, mauvais = fill(base, insi, 2)
    wrong(mauvais, nom_naissance="AUTRENOM")
    client = base.client("A01")
    assert client.post(URL, {"perimetre": "toutes"})["Location"] == URL
    en_cours = client.get(URL)
    assert "0 sur 2 (0 %)" in texte(en_cours)
    assert 'hx-trigger="every 2s"' in en_cours.content.decode()
    work_lots(2)
    etat = client.get(f"{URL}etat/", **HX)
    assert "hx-trigger" not in etat.content.decode()
    assert "1 confirmée 1 non confirmée" in texte(etat)
    assert "2 sur 2 (100 %)" in texte(etat)
    page = texte(client.get(URL))
    assert "AUTRENOM" in page
    assert bon.nom_naissance not in page
    assert "Identité provisoire" in page
    assert Audit.objects.filter(acte="ins.verifier_lot.voir", resultat="1").exists()


def test_the_progress_that_is_asked_alone_is_the_one_of_the_page(base, insi):
    fill(base, insi, 1)
    client = base.client("A01")
    client.post(URL, {"perimetre": "toutes"})
    seul = client.get(f"{URL}etat/", **HX).content.decode().strip()
    jeton = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
    assert jeton.sub("", seul) in jeton.sub("", client.get(URL).content.decode())


def test_pause_resume_and_stop_are_one_key_each_and_work_without_htmx(base, insi):
    fill(base, insi, 1)
    client = base.client("A01")
    client.post(URL, {"perimetre": "toutes"})
    verification = Verification.objects.get()
    agir = f"{URL}{verification.pk}/"
    for acte, mot in (
        ("pause", "Vérification en pause"),
        ("reprendre", "Vérification en cours"),
        ("arreter", "Vérification arrêtée"),
    ):
        if acte == "reprendre":
            assert "Reprendre" in texte(client.get(URL))
        assert client.post(agir, {"acte": acte})["Location"] == URL
        assert mot in texte(client.get(URL))
    assert Envoi.objects.get(operation="ins.verifier_lot").etat == "abandonne"
    refus = client.post(agir, {"acte": "pause"}, **HX)
    assert refus.status_code == 409
    assert "INS-117" in refus.content.decode()
    assert client.post(agir, {"acte": "casser"}).status_code == 409


def test_why_lots_wait_is_said(base, insi):
    fill(base, insi, 1)
    client = base.client("A01")
    client.post(URL, {"perimetre": "toutes"})
    insi.humeur("faute", code="insi_111")
    work_lots()
    assert "INSi est indisponible." in texte(client.get(URL))
    assert "les lots repartent d'eux-mêmes" in texte(client.get(URL))


@pytest.mark.cas("ins-80")
def test_who_asks_for_the_whole_base_is_told_why_not(base, insi):
    fill(base, insi, 1)
    client = base.client("A01")
    assert lots.REFUS_RECUPERATION in texte(client.get(URL)).replace("&#x27;", "'")
    refus = client.post(URL, {"perimetre": "recuperation"})
    assert refus.status_code == 409
    assert "patient par patient" in refus.content.decode()
    assert not Verification.objects.exists()


def test_the_screen_costs_the_same_for_one_lot_or_for_many(base, insi, monkeypatch):
    client = base.client("A01")
    nombres = []
    for taille in (500, 2):
        monkeypatch.setattr(lots, "LOT_MAX", taille)
        fill(base, insi, 6, depuis=taille)
        client.post(URL, {"perimetre": "toutes"})
        client.get(f"{URL}etat/", **HX)
        with CaptureQueriesContext(connection) as requetes:
            client.get(f"{URL}etat/", **HX)
        nombres.append(len(requetes))
        lots.stop(base.acteur("A01"), Verification.objects.latest("pk").pk)
    assert nombres[0] == nombres[1]


def test_only_a_titulaire_finds_the_way_there(base):
    assert URL in base.client("A01").get("/donnees/").content.decode()
    assert URL not in base.client("A02").get("/donnees/").content.decode()
    assert base.client("A02").get(URL).status_code == 403
