"""The queue: what needs a person first, why and what comes, and a good empty screen."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from pharmacy.models import Audit
from teleservices.models import Envoi

pytestmark = pytest.mark.django_db
TAGS = re.compile(r"<[^>]+>")


@pytest.fixture
def poser(halle):
    def poser(etat, **champs):
        numero = Envoi.objects.count()
        champs.setdefault("pas_avant", timezone.now() + timedelta(hours=1))
        return Envoi.objects.create(
            officine=halle.officine,
            service="epu",
            operation="ordonnance.liberer",
            cle=f"cle-{numero}",
            sujet=f"on:{numero}",
            etat=etat,
            file="lots",
            operateur=halle.operateurs["A02"],
            **champs,
        )

    return poser


def _page(client, url="/file/"):
    return " ".join(TAGS.sub(" ", client.get(url).content.decode()).split())


def _ordre(client):
    return [
        int(pk) for pk in re.findall(r'id="envoi-(\d+)"', client.get("/file/").content.decode())
    ]


def test_what_needs_a_person_comes_first(halle, poser):
    envoye = poser("envoye", regle_le=timezone.now())
    attente = poser("a_envoyer")
    carte = poser("a_envoyer", dernier_code="assertion_absente")
    incertain = poser("incertain")
    refuse = poser("refuse")
    attendu = [refuse.pk, incertain.pk, carte.pk, attente.pk, envoye.pk]
    assert _ordre(halle.client("A01")) == attendu


def test_the_first_row_has_the_focus(halle, poser):
    premier = poser("refuse")
    html = " ".join(halle.client("A01").get("/file/").content.decode().split())
    assert f'<a href="/file/{premier.pk}/" autofocus>' in html


def test_an_empty_queue_says_when_the_last_one_was_accepted(halle, poser):
    client = halle.client("A01")
    assert "Rien n'attend." in _page(client)
    assert "Aucun envoi" in _page(client)
    le = timezone.make_aware(datetime(2026, 3, 4, 14, 2))  # noqa: DTZ001 - made aware
    poser("envoye", regle_le=le, horodatage_service=le)
    page = _page(client)
    assert "Rien n'attend." in page
    assert "Dernier envoi accepté le 04/03/2026 à 14:02" in page
    assert "accusé reçu à 14:02" in page


def test_waiting_says_since_when_why_and_the_next_try(halle, poser):
    quand = timezone.now() + timedelta(minutes=30)
    poser(
        "a_envoyer",
        tentatives=3,
        pas_avant=quand,
        dernier_message="Le service est indisponible.",
        dernier_code="http_503",
    )
    page = _page(halle.client("A01"))
    assert "Le service est indisponible. http_503" in page
    assert f"3 essais, prochain à {timezone.localtime(quand):%H:%M}" in page
    assert f"{timezone.localtime():%d/%m %H:}" in page


def test_what_waits_for_a_card_promises_no_hour(halle, poser):
    poser("a_envoyer", tentatives=1, dernier_code="assertion_expiree")
    page = _page(halle.client("A01"))
    assert "repart dès que la carte a signé" in page
    assert "prochain à" not in page
    assert "Insérez votre carte CPS et signez" in page


def test_refused_says_why_and_can_be_sent_again(halle, poser):
    envoi = poser("refuse", dernier_message="La date est fausse. Corrigez-la.", dernier_code="X-1")
    client = halle.client("A01")
    assert "La date est fausse. Corrigez-la. X-1" in _page(client)
    assert client.post(f"/file/{envoi.pk}/relancer/").status_code == 302
    envoi.refresh_from_db()
    assert envoi.etat == "a_envoyer"
    assert Audit.objects.filter(acte="envoi.relancer", objet=f"envoi:{envoi.pk}").exists()


def test_uncertain_is_verified_and_never_sent_blindly(halle, poser):
    envoi = poser("incertain")
    client = halle.client("A01")
    assert "Vérifier maintenant" in _page(client)
    client.post(f"/file/{envoi.pk}/relancer/")
    envoi.refresh_from_db()
    assert envoi.etat == "incertain"
    assert envoi.pas_avant <= timezone.now()


@pytest.mark.parametrize("etat", ["a_envoyer", "refuse", "incertain"])
def test_giving_up_keeps_its_reason(halle, poser, etat):
    envoi = poser(etat)
    client = halle.client("A01")
    sans = client.post(f"/file/{envoi.pk}/abandonner/", {"motif": "  "})
    assert (sans.status_code, "ENV-002" in sans.content.decode()) == (409, True)
    client.post(f"/file/{envoi.pk}/abandonner/", {"motif": "saisie deux fois"})
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.motif_abandon) == ("abandonne", "saisie deux fois")
    assert "saisie deux fois" in _page(client)


@pytest.mark.parametrize("etat", ["en_vol", "envoye", "abandonne"])
def test_what_is_settled_or_in_flight_is_neither_sent_again_nor_given_up(halle, poser, etat):
    champs = {"motif_abandon": "x"} if etat == "abandonne" else {}
    envoi = poser(etat, pris_le=timezone.now(), **champs)
    client = halle.client("A01")
    assert "Ce que vous pouvez faire" not in _page(client, f"/file/{envoi.pk}/")
    for acte in ("relancer", "abandonner"):
        reponse = client.post(f"/file/{envoi.pk}/{acte}/", {"motif": "non"})
        assert reponse.status_code == 409
    envoi.refresh_from_db()
    assert envoi.etat == etat


def test_a_preparateur_sees_the_queue_and_no_act(halle, poser):
    envoi = poser("refuse")
    client = halle.client("B01")
    assert "Renvoyer" not in _page(client)
    assert "revient à un pharmacien" in _page(client)
    assert "Ce que vous pouvez faire" not in _page(client, f"/file/{envoi.pk}/")


@pytest.mark.parametrize("filtre", ["refuse", "incertain", "a_envoyer", "envoye", "abandonne"])
def test_each_filter_keeps_its_state_only(halle, poser, filtre):
    for etat in ("refuse", "incertain", "a_envoyer", "envoye"):
        poser(etat)
    poser("abandonne", motif_abandon="x")
    html = halle.client("A01").get(f"/file/?etat={filtre}").content.decode()
    assert len(re.findall(r'id="envoi-', html)) == 1
