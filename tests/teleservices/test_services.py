"""What a person does with a sending, and the queue screen that shows it."""

import pytest

from pharmacy.models import Audit
from pharmacy.services.vente import VenteRefusee
from teleservices import services
from teleservices.models import Envoi
from tests.teleservices.atelier import deposer, mettre

ETAT = Envoi.Etat
pytestmark = pytest.mark.django_db


@pytest.fixture
def envoi(halle, essai):
    return deposer(halle, essai)


@pytest.mark.parametrize(
    ("avant", "apres"),
    [
        (ETAT.REFUSE, ETAT.A_ENVOYER),
        (ETAT.A_ENVOYER, ETAT.A_ENVOYER),
        (ETAT.INCERTAIN, ETAT.INCERTAIN),
    ],
)
def test_trying_again_makes_it_due_and_a_doubt_stays_a_doubt(
    halle, envoi, avant, apres, django_capture_on_commit_callbacks
):
    mettre(envoi, avant)
    with django_capture_on_commit_callbacks() as sonneries:
        services.envoi_retry(halle.acteur(), envoi.pk)
    envoi.refresh_from_db()
    assert envoi.etat == apres
    assert sonneries
    assert Audit.objects.filter(acte="envoi.relancer", objet=f"envoi:{envoi.pk}").exists()


@pytest.mark.parametrize("etat", [ETAT.EN_VOL, ETAT.ENVOYE, ETAT.ABANDONNE])
def test_what_is_settled_or_in_flight_is_not_tried_again(halle, envoi, etat):
    mettre(envoi, etat, motif_abandon="essai")
    with pytest.raises(VenteRefusee) as refus:
        services.envoi_retry(halle.acteur(), envoi.pk)
    assert refus.value.code == "ENV-001"


@pytest.mark.parametrize("etat", [ETAT.A_ENVOYER, ETAT.REFUSE, ETAT.INCERTAIN])
def test_giving_up_keeps_the_reason_and_tells_the_app(halle, essai, envoi, etat):
    mettre(envoi, etat)
    services.envoi_abandon(halle.acteur(), envoi.pk, "  Saisie sur papier  ")
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.motif_abandon) == (ETAT.ABANDONNE, "Saisie sur papier")
    assert envoi.regle_le is not None
    assert essai.faits == ["dit:abandonne"]
    assert Audit.objects.filter(acte="envoi.abandonner").exists()


@pytest.mark.parametrize("motif", ["", "   "])
def test_giving_up_asks_for_a_reason(halle, envoi, motif):
    with pytest.raises(VenteRefusee) as refus:
        services.envoi_abandon(halle.acteur(), envoi.pk, motif)
    assert refus.value.code == "ENV-002"


@pytest.mark.parametrize(
    ("etat", "code"),
    [(ETAT.ENVOYE, "ENV-003"), (ETAT.ABANDONNE, "ENV-003"), (ETAT.EN_VOL, "ENV-004")],
)
def test_what_is_settled_or_in_flight_is_not_given_up(halle, envoi, etat, code):
    mettre(envoi, etat, motif_abandon="avant")
    with pytest.raises(VenteRefusee) as refus:
        services.envoi_abandon(halle.acteur(), envoi.pk, "essai")
    assert refus.value.code == code
    envoi.refresh_from_db()
    assert envoi.etat == etat


@pytest.mark.exigence("SEC-06")
def test_another_officine_reaches_nothing(port, envoi):
    for acte in (
        lambda: services.envoi_retry(port.acteur("A01"), envoi.pk),
        lambda: services.envoi_abandon(port.acteur("A01"), envoi.pk, "essai"),
    ):
        with pytest.raises(VenteRefusee) as refus:
            acte()
        assert refus.value.code == "ENV-404"


def test_a_preparateur_sees_and_does_not_act(halle, envoi):
    client = halle.client("B01")
    page = client.get("/file/").content.decode()
    assert "en attente d'envoi" in page
    assert "Essayer maintenant" not in page
    for chemin in ("relancer", "abandonner"):
        assert client.post(f"/file/{envoi.pk}/{chemin}/", {"motif": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("etat", "mots"),
    [
        (ETAT.A_ENVOYER, "en attente d'envoi"),
        (ETAT.EN_VOL, "en cours d'envoi"),
        (ETAT.ENVOYE, "accusé reçu"),
        (ETAT.REFUSE, "refusé par le service"),
        (ETAT.INCERTAIN, "incertain, on vérifie"),
        (ETAT.ABANDONNE, "abandonné"),
    ],
)
@pytest.mark.exigence("OPS-14")
def test_the_queue_says_each_state_in_words(halle, envoi, etat, mots):
    mettre(envoi, etat, motif_abandon="Saisie sur papier")
    page = halle.client().get("/file/").content.decode()
    ligne = page[page.index(f'<tr id="envoi-{envoi.pk}">') :].split("</tr>")[0]
    assert mots in ligne
    assert mots in halle.client().get(f"/file/{envoi.pk}/").content.decode()


@pytest.mark.exigence("SEC-06")
def test_the_queue_of_another_officine_shows_nothing(port, envoi):
    client = port.client("A01")
    assert f"envoi-{envoi.pk}" not in client.get("/file/").content.decode()
    assert client.get(f"/file/{envoi.pk}/").status_code == 404
    assert client.post(f"/file/{envoi.pk}/relancer/").status_code == 404


def test_the_header_counts_what_waits_for_a_card(halle, envoi):
    from teleservices.selectors import count_awaiting_card, resume

    for etat in (ETAT.A_ENVOYER, ETAT.INCERTAIN):
        mettre(envoi, etat, dernier_code="assertion_absente")
        assert count_awaiting_card(halle.acteur()) == resume(halle.acteur()).carte == 1
