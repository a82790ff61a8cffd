"""Situations d'exercice of a card: which is in force, who changes it, what it voids."""

import pytest

from pharmacy.events import CarteCpsLue, SessionFermee
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, DemandeSignature, SituationsCps
from pharmacy.parametres import modifier
from pharmacy.postes.configuration import CODE_MINUTES
from pharmacy.postes.signatures import SignatureRefusee
from pharmacy.services import situation
from teleservices import assertions
from teleservices.models import AssertionActeur
from tests.pharmacy.page_agent import Agent

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("AGT-01")]
HX = {"hx-request": "true"}
ID_NAT = "810100000032"
AILLEURS = "752099991"
EPU = assertions.SignatureActeur("epu")


def une(index, finess, nom="PHARMACIE DE LA HALLE", secteur="SA33"):
    return {
        "index": index,
        "raison_sociale": nom,
        "struct_id_nat": f"1{finess}" if finess else "4",
        "secteur": secteur,
    }


@pytest.fixture
def agent(halle, tmp_path):
    return Agent(halle, tmp_path / "halle")


def lire(agent, *lues, id_nat=ID_NAT):
    data = {"situations": list(lues), "id_nat": id_nat}
    return agent.post("lectures", agent.lecture(data, op="cps.situations")).json()


def ailleurs_aussi(agent):
    """The card of who practises here and in another pharmacy."""
    ici = agent.troupe.officine.finess
    return lire(agent, une(1, AILLEURS, "PHARMACIE DU PORT"), une(3, ici))


def page(agent, suite="", **options):
    reponse = agent.client.get(f"/situation/{suite}", headers=HX, **options)
    assert reponse.status_code == 200
    return reponse.content.decode().replace("&#x27;", "'")


def changer(agent, **corps):
    return agent.client.post("/situation/", corps, headers=HX)


def signer(agent, cps):
    return agent.post("terminer", agent.signature(cps)).json()


# What the card says


def test_before_it_is_read_the_page_says_for_whom_the_card_signs_and_how_to_read_it(agent):
    assert "SIT-001" in page(agent)
    assert "Situation d'exercice" in page(agent, "active/")
    lue = agent.client.get("/situation/").content.decode()  # a whole page, without htmx
    assert "SIT-001" in lue
    assert "<h1" in lue


def test_the_situation_in_force_is_shown_and_the_other_said_to_be_elsewhere(agent):
    ailleurs_aussi(agent)
    lue = page(agent)
    assert lue.count("en vigueur") == 2  # once in the sentence
    assert lue.count("autre que cette officine") == 1
    assert lue.index("PHARMACIE DU PORT") < lue.index("autre que cette officine")
    assert "Exerce pour PHARMACIE DE LA HALLE" in page(agent, "active/")


def test_a_card_without_a_situation_is_said(agent):
    lire(agent)
    assert "SIT-002" in page(agent)


def test_a_structure_that_is_no_finess_and_what_the_card_lacks(agent):
    lire(agent, {"index": 2}, {"index": 4, "struct_id_nat": "339172288100052"})
    lue = page(agent)
    assert lue.count("sans FINESS") == 2
    assert "situation 2 de la carte" in lue
    assert "situation à choisir" in page(agent, "active/")


# The choice


def test_another_situation_is_chosen_traced_and_kept_for_this_card(agent):
    ailleurs_aussi(agent)
    suite = changer(agent, index="1")
    assert "PHARMACIE DU PORT" in suite.headers["HX-Trigger"]
    assert "Exerce pour PHARMACIE DU PORT" in page(agent, "active/")
    assert Audit.objects.get(acte="cps.situation").precision == "1"
    ailleurs_aussi(agent)  # the same card, put in again
    assert "Exerce pour PHARMACIE DU PORT" in page(agent, "active/")
    ici = agent.troupe.officine.finess
    lire(agent, une(1, AILLEURS), une(3, ici), id_nat="810100000040")
    assert SituationsCps.objects.get().choisie == 3


@pytest.mark.parametrize("index", ["2", "", "x", "99999999999999999999"])
def test_a_situation_the_card_lacks_is_not_chosen(agent, index):
    ailleurs_aussi(agent)
    assert changer(agent, index=index).status_code == 404
    assert SituationsCps.objects.get().choisie == 3


def test_without_a_card_read_or_without_the_right_nothing_is_chosen(agent, halle):
    assert changer(agent, index="1").status_code == 404
    with officine_context(halle.officine.pk):
        ailleurs_aussi(agent)
        administratif = halle.acteur("A01").__class__(1, halle.officine.pk, "administratif")
        with pytest.raises(PermissionError):
            situation.choose(administratif, 1)


def test_the_other_poste_and_the_other_officine_have_their_own(agent, halle, port):
    ailleurs_aussi(agent)
    with officine_context(halle.officine.pk):
        assert situation.situations_of(halle.acteur("A01", 1)) is None
    with officine_context(port.officine.pk):
        assert situation.situations_of(port.acteur("A01")) is None


def test_the_budget_of_the_situation_in_force(agent, halle, django_assert_num_queries):
    ailleurs_aussi(agent)
    acteur = halle.acteur("A01")
    with officine_context(halle.officine.pk), django_assert_num_queries(1):
        assert situation.active_of(acteur, ID_NAT).index == 3
    with officine_context(halle.officine.pk):
        assert situation.active_of(halle.acteur("A01"), "810100000040") is None


def test_asked_for_by_hand_the_reading_shows_its_result(agent):
    demande = changer(agent, lire="oui").headers["HX-Trigger"]
    assert '"lire": "cps.situations"' in demande
    assert ailleurs_aussi(agent)["dialogue"] == "/situation/"
    assert ailleurs_aussi(agent)["dialogue"] is None  # asked once
    assert agent.client.post("/situation/", {"lire": "oui"}).status_code == 302


# What is signed


def test_what_is_signed_carries_the_situation_in_force(agent, cps):
    ailleurs_aussi(agent)
    assert signer(agent, cps)["phrase"] == "Signé pour PHARMACIE DE LA HALLE."
    gardee = AssertionActeur.objects.get()
    assert gardee.situation == 3
    assert f">{agent.troupe.officine.finess}<".encode() in bytes(gardee.assertion)
    changer(agent, index="1")
    assert not AssertionActeur.objects.exists()  # void: the card is asked again
    assert signer(agent, cps)["phrase"] == "Signé pour PHARMACIE DU PORT."
    gardee = AssertionActeur.objects.get()
    assert gardee.situation == 1
    assert f">{AILLEURS}<".encode() in bytes(gardee.assertion)


def test_the_same_situation_chosen_again_voids_nothing(agent, cps):
    ailleurs_aussi(agent)
    signer(agent, cps)
    changer(agent, index="3")
    assert AssertionActeur.objects.get().situation == 3


def test_what_was_prepared_for_the_former_situation_is_not_completed(agent, cps):
    ailleurs_aussi(agent)
    prepare = agent.signature(cps)
    changer(agent, index="1")
    reponse = agent.post("terminer", prepare)
    assert (reponse.status_code, reponse.json()["code"]) == (409, "demande_inconnue")
    assert DemandeSignature.objects.get().etat == DemandeSignature.Etat.REFUSEE
    assert not AssertionActeur.objects.exists()


def test_a_situation_without_finess_signs_for_nobody(agent, cps, halle):
    lire(agent, une(2, ""))
    changer(agent, index="2")
    with officine_context(halle.officine.pk), pytest.raises(SignatureRefusee) as refus:
        EPU.prepare(halle.acteur("A01"), cps.certificate)
    assert refus.value.code == "situation_sans_finess"


def test_the_first_signature_has_the_situations_read_the_next_does_not(agent, cps):
    assert signer(agent, cps)["lire"] == "cps.situations"
    ailleurs_aussi(agent)
    assert signer(agent, cps)["lire"] is None


def test_where_the_code_is_asked_each_time_nothing_more_is_read_for_it(agent, cps, halle):
    with officine_context(halle.officine.pk):
        modifier(halle.acteur("A01"), CODE_MINUTES, "0")
    assert signer(agent, cps)["lire"] is None


# The end


def test_another_card_or_a_departure_forgets_them(agent, halle):
    ailleurs_aussi(agent)
    acteur = halle.acteur("A01")
    with officine_context(halle.officine.pk):
        situation.forget_other_card(CarteCpsLue(acteur, ID_NAT, "x"))
        situation.forget_session(SessionFermee(halle.acteur("A01", 1)))
        assert SituationsCps.objects.exists()
        situation.forget_other_card(CarteCpsLue(acteur, "810100000040", "x"))
        assert not SituationsCps.objects.exists()
    ailleurs_aussi(agent)
    agent.client.post("/deconnexion/")
    with officine_context(halle.officine.pk):
        assert not SituationsCps.objects.exists()
