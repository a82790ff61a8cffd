"""« Tester ce poste » : a gesture a device, and what the server received, proved."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from agent import diagnostic
from agent.protocol.messages import VERBES
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, RecuCarte
from pharmacy.postes import essai
from tests.pharmacy.page_agent import Agent, claims_of

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
    acteur = halle.acteur("A01")
    with officine_context(halle.officine.pk), django_assert_num_queries(1):
        essai.trials(acteur, halle.postes[0], timezone.now())


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


# What the agent may be asked there, and what is made of its answers


def portees(agent, **corps):
    reponse = agent.post("jetons", {"wid": agent.wid, "challenge": "c" * 43, **corps}).json()
    claims = claims_of(reponse["token"])
    assert claims["exp"] - claims["iat"] == 300
    assert (claims["sub"], claims["aud"], claims["cnonce"]) == (
        str(agent.troupe.operateurs[agent.code].pk),
        f"agent:{agent.wid}",
        "c" * 43,
    )
    return set(claims["scope"])


@pytest.mark.cas("agent-57")
@pytest.mark.exigence("AGT-09")
def test_the_page_of_the_trial_alone_gets_the_scopes_that_manage_a_poste(agent):
    comptoir = {"card:read", "cps:read", "cps:sign", "scan"}
    assert portees(agent) == portees(agent, essai="oui") == comptoir
    assert not Audit.objects.filter(acte="poste.essayer").exists()
    assert portees(agent, essai=True) == comptoir | {"admin", "diag"}
    assert {VERBES[verbe] for verbe in essai.VERBES} <= {"", "admin", "diag"}
    assert Audit.objects.get(acte="poste.essayer").objet == f"poste:{agent.troupe.postes[0].pk}"


@pytest.mark.exigence("AGT-09")
def test_who_does_not_manage_postes_never_gets_them(agent, halle):
    agent.client, agent.code = halle.client("B01"), "B01"
    assert portees(agent, essai=True) == {"card:read", "cps:read", "cps:sign", "scan"}
    assert not Audit.objects.filter(acte="poste.essayer").exists()


def dire(agent, verbe, reponse=None, htmx="true", **champs):
    corps = {**champs, **({} if reponse is None else {"reponse": json.dumps(reponse)})}
    lue = agent.client.post(
        f"/postes/{agent.troupe.postes[0].pk}/essai/agent/{verbe}/",
        corps,
        headers={"hx-request": htmx} if htmx else {},
    )
    assert lue.status_code == 200, lue.content
    return lue.content.decode().replace("&#x27;", "'")


def test_each_reader_is_shown_with_what_it_serves_and_may_serve(agent):
    lecteurs = [
        {"id": "acr-00", "name": "ACR39U 00 00", "use": "vitale", "state": "card"},
        {"id": "acr-01", "name": "ACR39U 01 00", "use": "apcv", "state": "gone"},
        {"id": "x", "name": "<b>Neuf</b>", "use": "fax", "state": "?"},
        "rien",
    ]
    scanners = [{"device": "patient", "role": "patient", "state": "shared"}]
    lue = dire(agent, "state.get", {"readers": lecteurs, "scanners": scanners})
    assert lue.count("<select") == 3
    assert lue.count("selected") == 2
    assert 'value="vitale"\n' in lue
    for mots in ("carte présente", "débranché", "état inconnu", "E-lecteur côté patient"):
        assert mots in lue
    assert "<b>Neuf" not in lue
    assert "écrit aussi dans les autres fenêtres" in lue
    assert "POS-013" in dire(agent, "state.get", {"readers": [], "scanners": []})


def test_an_assignment_is_said_and_traced_and_so_is_its_refusal(agent):
    assert "L'agent a retenu : Carte CPS" in dire(agent, "reader.assign", {}, use="cps")
    refus = {"erreur": {"code": "E_NO_READER", "message": "x"}}
    assert "Aucun lecteur branché" in dire(agent, "reader.assign", refus, use="nfc")
    lignes = Audit.objects.filter(acte="poste.lecteur").order_by("pk")
    assert [(a.resultat, a.precision) for a in lignes] == [("ok", "cps"), ("E_NO_READER", "nfc")]


def test_the_diagnosis_is_the_sentences_of_the_agent(agent):
    constats = [
        diagnostic.Constat("version", diagnostic.BON, "Agent 1.4.0."),
        diagnostic.Constat("cartes", diagnostic.PANNE, "Aucun lecteur de cartes n'est branché."),
        diagnostic.Constat("navigateur", diagnostic.ATTENTION, "Aucune règle n'est posée."),
    ]
    lue = dire(agent, "diag.get", {"constats": [c.__dict__ for c in constats]})
    for constat, mot in zip(constats, ("Bon.", "À réparer.", "À savoir."), strict=True):
        assert constat.phrase in lue
        assert mot in lue


@pytest.mark.exigence("AGT-13")
@pytest.mark.parametrize(
    ("reponse", "dit", "ton"),
    [
        ({"current": "1.4.0", "available": None, "mandatory": False}, "n'en offre pas", "ok"),
        ({"current": "1.4.0", "available": "1.5.0", "mandatory": False}, "1.5.0", "attention"),
        ({"current": "1.4.0", "available": "1.5.0", "mandatory": True}, "1.5.0", "alerte"),
        ({"current": "1.4.0", "available": None, "mandatory": True}, "appelez le", "alerte"),
        ({"erreur": {"code": "E_UPDATE_SIGNATURE"}}, "pas de l'éditeur", "alerte"),
    ],
)
def test_the_version_and_what_the_server_offers(agent, reponse, dit, ton):
    lue = dire(agent, "agent.update.check", reponse)
    assert dit in lue
    assert f'data-ton="{ton}"' in lue


@pytest.mark.parametrize(
    "reponse",
    [None, 1, [], {"erreur": 1}, {"erreur": {"code": "E_<b>", "message": "<b>mot</b>"}}],
)
@pytest.mark.parametrize("verbe", sorted(essai.VERBES))
def test_a_silent_or_foreign_answer_is_one_sentence_of_ours(agent, verbe, reponse):
    lue = dire(agent, verbe, reponse)
    assert "POS-012" in lue
    assert "<b>" not in lue


def test_without_htmx_the_whole_page_comes_back_and_says_the_agent_was_not_asked(agent):
    lue = dire(agent, "diag.get", htmx="")
    assert "POS-012" in lue
    assert "<h1>Tester" in lue


def test_an_unknown_gesture_is_refused(agent):
    adresse = f"/postes/{agent.troupe.postes[0].pk}/essai/agent/cps.sign/"
    assert agent.client.post(adresse, {"reponse": "{}"}).status_code == 404


def test_the_budget_of_an_answer(halle, agent, django_assert_num_queries):
    acteur = halle.acteur("A01")
    with officine_context(halle.officine.pk), django_assert_num_queries(0):
        essai.read_answer(acteur, halle.postes[0], "state.get", {"reponse": "{}"})
    with officine_context(halle.officine.pk), pytest.raises(PermissionError):
        essai.read_answer(halle.acteur("B01"), halle.postes[0], "diag.get", {"reponse": "{}"})
