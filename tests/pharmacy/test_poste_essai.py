"""« Tester ce poste » : a gesture a device, and what the server received, proved."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from pharmacy.models import RecuCarte
from pharmacy.postes import essai
from tests.pharmacy.test_api_agent import Agent

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("AGT-14")]


@pytest.fixture
def agent(halle, tmp_path):
    return Agent(halle, tmp_path / "halle")


def page(agent, suite=""):
    reponse = agent.client.get(f"/postes/{agent.troupe.postes[0].pk}/essai/{suite}")
    assert reponse.status_code == 200
    return reponse.content.decode()


def test_nothing_read_yet_waits_and_says_what_to_do(agent):
    lue = page(agent)
    assert lue.count("en attente") == len(essai.APPAREILS) + 1  # once in the heading
    for nom, geste in essai.APPAREILS.values():
        assert nom in lue
        assert geste.replace("'", "&#x27;") in lue


def test_a_proved_reading_turns_its_own_line_and_shows_nothing_of_the_card(agent):
    agent.post("lectures", agent.lecture())
    lue = page(agent, "etat/")
    assert lue.count("lue à") == 1
    assert lue.count("lecteur simulé") == 1
    assert lue.count("en attente") == 2
    assert "MARTIN" not in lue
    assert "2790351215189" not in lue


def test_a_forged_reading_turns_no_line(agent):
    corps = agent.lecture()
    corps["receipt"] = corps["receipt"][:-4] + "AAAA"
    agent.post("lectures", corps)
    assert "lue à" not in page(agent, "etat/")


def test_an_old_reading_is_no_trial(agent):
    agent.post("lectures", agent.lecture())
    with officine_context(agent.troupe.officine.pk):
        RecuCarte.objects.update(recu_le=timezone.now() - timedelta(minutes=11))
    assert "lue à" not in page(agent, "etat/")


def test_a_poste_without_agent_says_so_and_what_to_do(halle, agent):
    autre = halle.postes[1]
    reponse = agent.client.get(f"/postes/{autre.pk}/essai/").content.decode()
    assert "POS-010" in reponse


def test_the_budget_of_a_trial(halle, agent, django_assert_num_queries):
    agent.post("lectures", agent.lecture())
    with officine_context(halle.officine.pk), django_assert_num_queries(1):
        essai.trials(halle.acteur("A01"), halle.postes[0], timezone.now())


def test_who_does_not_manage_postes_sees_none(halle):
    with officine_context(halle.officine.pk), pytest.raises(PermissionError):
        essai.trials(halle.acteur("B01"), halle.postes[0], timezone.now())


def test_from_another_browser_the_page_says_where_to_go(halle, agent):
    poste = halle.postes[0].pk
    autre = halle.client("A01", poste=1).get(f"/postes/{poste}/essai/")
    assert "POS-011" in autre.content.decode()


def test_who_tries_a_card_stays_on_the_page_of_the_trial(agent):
    """Elsewhere, a card read without a sale leads to the sales."""
    vers_vente = agent.post("lectures", agent.lecture()).json()
    assert vers_vente["aller"] == "/vente/"
    corps = json.dumps(agent.lecture())
    essai_ = f"http://127.0.0.1/postes/{agent.troupe.postes[0].pk}/essai/"
    reponse = agent.client.post(
        "/api/agent/lectures", corps, content_type="application/json", headers={"referer": essai_}
    ).json()
    assert (reponse["phrase"], reponse.get("aller")) == ("Carte lue.", None)
