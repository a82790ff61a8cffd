"""Moods and journal of the INSi simulator."""

import httpx
import pytest
from lxml import etree

from tests.simulators.client_nu import ClientInsi, Simulateur

ADRUN = ("ADRUN", "ZOE", "F", "1975-12-31")


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("insi", tmp_path_factory.mktemp("insi"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def insi(simulateur, tls):
    """A client of a simulator gone back to its start data."""
    simulateur.post("/oublier")
    client = ClientInsi(simulateur.adresse, tls)
    yield client
    client.close()


@pytest.mark.cas("ins-47")
@pytest.mark.parametrize(("humeur", "resultat"), [("panne", "coupe"), ("reponse_perdue", "00")])
def test_a_cut_is_told_by_the_journal(insi, simulateur, humeur, resultat):
    simulateur.humeur(humeur, fois=1)
    with pytest.raises(httpx.TransportError):
        insi.traits(*ADRUN)
    entree = simulateur.journal()[-1]

    assert (entree["resultat"], entree["reponse_envoyee"]) == (resultat, False)
    assert simulateur.get(f"/journal/{entree['n']}")["reponse"] is None
    assert insi.traits(*ADRUN).code == "00"


@pytest.mark.cas("ins-47")
def test_unavailable_is_http_503(insi, simulateur):
    simulateur.humeur("panne_503", fois=1)
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])

    assert [insi.post(racine).status_code for _ in range(2)] == [503, 200]


@pytest.mark.cas("ins-47", "ins-48")
@pytest.mark.parametrize(
    ("code", "cote", "sous_code", "severite"),
    [
        ("insi_102", "Receiver", "siram_40", "fatal"),
        ("insi_111", "Receiver", "siram_40", "fatale"),
        ("desir_550", "Sender", "siram_100", "erreur"),
        ("desir_560", "Sender", "", "erreur"),
    ],
)
def test_a_fault_is_injected_by_header_and_by_mood(
    insi, simulateur, code, cote, sous_code, severite
):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    par_entete = insi.send(racine, entetes={"X-Simulateur-Faute": code})
    simulateur.humeur("faute", code=code, fois=1)
    par_humeur = insi.traits(*ADRUN)

    for recu in (par_entete, par_humeur):
        assert (recu.statut, recu.code) == (500, code)
        assert (recu.details["cote"], recu.details["sous_code"]) == (cote, sous_code)
        assert recu.details["severite"] == severite


@pytest.mark.cas("ins-94", "ins-37")
@pytest.mark.parametrize(
    ("variante", "verifie"),
    [
        ("html", lambda r: r.content.startswith(b"<html>")),
        ("vide", lambda r: r.content == b""),
        ("dtd", lambda r: b"<!ENTITY" in r.content),
        ("enorme", lambda r: len(r.content) > 12_000_000),
        ("autre", lambda r: b"urn:ald:1.0.0" in r.content),
        ("type_contenu", lambda r: r.headers["content-type"] == "text/plain"),
    ],
)
def test_each_nonsense_comes_with_http_200(insi, simulateur, variante, verifie):
    simulateur.humeur("absurde", variante=variante, fois=1)
    reponse = insi.post(insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:]))
    entree = simulateur.journal()[-1]

    assert reponse.status_code == 200
    assert verifie(reponse)
    assert simulateur.get(f"/journal/{entree['n']}")["reponse"] == reponse.content.decode()


def test_a_truncated_reply_is_not_xml(insi, simulateur):
    simulateur.humeur("absurde", variante="tronque", fois=1)
    reponse = insi.post(insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:]))

    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(reponse.content)


def test_nonsense_is_drawn_when_not_chosen(insi, simulateur):
    simulateur.humeur("absurde")
    for _ in range(12):
        racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
        try:
            insi.post(racine)
        except httpx.TransportError:
            continue

    assert len({e["absurdite"] for e in simulateur.journal()}) > 2


def test_a_doubled_message_is_answered_once_and_noted_twice(insi, simulateur):
    simulateur.humeur("doublon", fois=1)
    recu = insi.traits(*ADRUN)

    assert recu.code == "00"
    assert [(e["resultat"], e["reponse_envoyee"]) for e in simulateur.journal()] == [
        ("00", False),
        ("00", True),
    ]


def test_odd_replies_still_name_the_right_person(insi, simulateur):
    simulateur.humeur("bizarre")
    recus = [insi.traits(*ADRUN) for _ in range(20)]

    assert {r.text("NumIdentifiant") for r in recus} == {"2751263220749"}
    assert {r.text("Cle") for r in recus} == {"74", None}
    assert {r.text("Information") is None for r in recus} == {True, False}


def test_latency_delays_one_operation_only(insi, simulateur):
    simulateur.humeur("normal", latence_ms=400, operation="rechercherInsAvecTraitsIdentite")
    insi.traits(*ADRUN)
    insi.vitale("1975-12-31", certifie="2751263220749")
    traits, vitale = simulateur.journal()

    assert traits["duree_ms"] >= 400
    assert vitale["duree_ms"] < 400


def test_the_journal_tells_what_was_asked_and_names_nobody(insi, simulateur):
    insi.traits(*ADRUN)
    entree = simulateur.journal()[-1]

    assert (entree["n"], entree["operation"], entree["certificat_cn"]) == (
        1,
        "RECSANSVITALE",
        "INSI-AUTO",
    )
    assert entree["message_id"].startswith("uuid:")
    assert "ADRUN" not in str(entree)
    assert simulateur.get("/journal?depuis=1")["entrees"] == []
