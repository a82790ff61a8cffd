"""Moods and journal of the prescription simulator: what was lost, doubled, nonsense."""

import threading
import uuid

import httpx
import pytest
from lxml import etree

from tests.simulators.client_nu import EPU, ClientEpu, Simulateur

E0 = "01K7M4QX9TRB2VWZ3H"
L1 = "6B1F5A10-0C3B-4E0B-9B59-0A4F1C2D1001"


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("ordonnance", tmp_path_factory.mktemp("epu"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def epu(simulateur, tls):
    """A client of a simulator gone back to its start data."""
    simulateur.post("/oublier")
    client = ClientEpu(simulateur.adresse, tls)
    yield client
    client.close()


def recorded(simulateur):
    """Return how many executions E0 carries."""
    return sum(e["numero"] == E0 for e in simulateur.get("/executions"))


@pytest.mark.cas("ordonnance-D2")
def test_a_lost_reply_was_executed_and_the_journal_says_both(epu, simulateur):
    execution = str(uuid.uuid4())
    corps = epu.execute_request(E0, 1, [epu.line(L1)], id=execution)
    simulateur.humeur("reponse_perdue", fois=1, operation="enregistrerExecution")
    with pytest.raises(httpx.TransportError):
        epu.call(corps)
    entree = simulateur.journal()[-1]
    detail = simulateur.get(f"/journal/{entree['n']}")
    lu = epu.consult(E0)
    rejeu = epu.call(corps)

    assert (entree["resultat"], entree["reponse_envoyee"]) == ("00", False)
    assert (entree["humeur"], entree["id_execution"]) == ("reponse_perdue", execution)
    assert detail["reponse"] is None
    assert execution in detail["requete"]
    assert execution in [i.lower() for i in lu.texts("IdExecution")]
    assert rejeu.text("Rejeu") == "true"
    assert recorded(simulateur) == 1


@pytest.mark.cas("ordonnance-D3")
def test_a_cut_before_recording_executes_nothing(epu, simulateur):
    corps = epu.execute_request(E0, 1, [epu.line(L1)])
    simulateur.humeur("panne", fois=1)
    with pytest.raises(httpx.TransportError):
        epu.call(corps)
    entree = simulateur.journal()[-1]

    assert (entree["resultat"], entree["reponse_envoyee"]) == ("coupe", False)
    assert recorded(simulateur) == 0
    assert epu.call(corps).text("Rejeu") == "false"


def test_unavailable_is_http_503_and_executes_nothing(epu, simulateur):
    simulateur.humeur("panne_503", fois=1)
    reponse = epu.post(epu.wrap(epu.execute_request(E0, 1, [epu.line(L1)])))

    assert reponse.status_code == 503
    assert recorded(simulateur) == 0
    assert simulateur.journal()[-1]["resultat"] == "503"


@pytest.mark.cas("ordonnance-D4")
def test_a_doubled_message_is_processed_twice_and_recorded_once(epu, simulateur):
    simulateur.humeur("doublon", fois=1)
    recu = epu.execute(E0, 1, [epu.line(L1)])
    deux = simulateur.journal()[-2:]

    assert (recu.code, recu.text("Rejeu")) == ("00", "true")
    assert [(e["resultat"], e["reponse_envoyee"], e["nouvelle"]) for e in deux] == [
        ("00", False, True),
        ("00", True, False),
    ]
    assert recorded(simulateur) == 1


@pytest.mark.cas("ordonnance-B20")
def test_a_slow_reply_is_late_and_executed_once(epu, simulateur):
    simulateur.humeur("normal", latence_ms=700, fois=1)
    with pytest.raises(httpx.ReadTimeout):
        epu.call(epu.execute_request(E0, 1, [epu.line(L1)]), delai=0.2)
    entree = _wait_entry(simulateur)

    assert (entree["resultat"], entree["reponse_envoyee"]) == ("00", False)
    assert entree["duree_ms"] >= 700
    assert recorded(simulateur) == 1


def _wait_entry(simulateur):
    """Wait, without guessing a delay, for the entry of a client that left."""
    essai = threading.Event()
    for _ in range(200):
        entrees = simulateur.journal()
        if entrees:
            return entrees[-1]
        essai.wait(0.05)
    raise AssertionError("rien au journal")


def test_the_slow_mood_takes_three_seconds(epu, simulateur):
    simulateur.humeur("lent", fois=1)
    epu.consult(E0)

    assert 3000 <= simulateur.journal()[-1]["duree_ms"] < 10000


@pytest.mark.cas("ordonnance-B21")
@pytest.mark.parametrize(
    ("variante", "verifie"),
    [
        ("html", lambda r: r.headers["content-type"] == "text/html"),
        ("vide", lambda r: r.content == b""),
        ("dtd", lambda r: r.content.startswith(b"<!DOCTYPE")),
        ("enorme", lambda r: len(r.content) > 12_000_000),
        ("autre", lambda r: b"libererExecutionReponse" in r.content),
        ("type_contenu", lambda r: r.headers["content-type"] == "text/plain"),
    ],
)
def test_each_nonsense_can_be_asked_for_and_is_what_the_journal_shows(
    epu, simulateur, variante, verifie
):
    simulateur.humeur("absurde", variante=variante, fois=1)
    reponse = epu.post(epu.wrap(epu.consult_request(E0)))
    entree = simulateur.journal()[-1]

    assert reponse.status_code == 200
    assert verifie(reponse)
    assert entree["absurdite"] == variante
    envoye = simulateur.get(f"/journal/{entree['n']}")["reponse"]
    assert envoye == reponse.content.decode()


def test_a_truncated_reply_is_not_xml(epu, simulateur):
    simulateur.humeur("absurde", variante="tronque", fois=1)
    reponse = epu.post(epu.wrap(epu.consult_request(E0)))

    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(reponse.content)


def test_a_reply_may_be_cut_in_the_middle(epu, simulateur):
    simulateur.humeur("absurde", variante="coupe", fois=1)

    with pytest.raises(httpx.TransportError):
        epu.consult(E0)


@pytest.mark.cas("ordonnance-B18", "ordonnance-B19")
def test_an_odd_reply_has_unknown_elements_and_no_unknown_lines(epu, simulateur):
    simulateur.humeur("bizarre", operation="consulterPrescription")
    recus = [r for r in (epu.consult(E0) for _ in range(10)) if r.code == "00"]

    assert recus
    for recu in recus:
        assert recu.text("ChampInconnu")
        assert recu.text("Suivant")
        assert {i.upper() for i in recu.texts("IdLigne")} >= {L1}


@pytest.mark.cas("ordonnance-D9")
def test_overload_says_how_long_to_wait(epu, simulateur):
    simulateur.humeur("faute", code="EPU-091", fois=1)
    recu = epu.execute(E0, 1, [epu.line(L1)])

    assert (recu.code, recu.details["detail"], recu.details["cote"]) == (
        "EPU-091",
        "3",
        "Receiver",
    )
    assert recu.details["reessayable"] == "true"
    assert recorded(simulateur) == 0


def test_an_internal_error_comes_after_the_execution(epu, simulateur):
    corps = epu.execute_request(E0, 1, [epu.line(L1)])
    simulateur.humeur("faute", code="EPU-099", fois=1)
    faute = epu.call(corps)
    rejeu = epu.call(corps)

    assert (faute.code, faute.details["reessayable"]) == ("EPU-099", "false")
    assert rejeu.text("Rejeu") == "true"
    assert recorded(simulateur) == 1


def test_a_mood_is_for_one_operation_and_a_number_of_times(epu, simulateur):
    simulateur.humeur("panne_503", operation="ouvrirExecution", fois=2)
    autre = epu.consult(E0).code
    statuts = [epu.post(epu.wrap(epu.open_request(E0, 1))).status_code for _ in range(3)]

    assert (autre, statuts) == ("00", [503, 503, 200])
    assert simulateur.get("/etat")["humeur"] == {"nom": "normal"}


@pytest.mark.parametrize(
    "humeur",
    [
        {"nom": "triste"},
        {"nom": "lent", "fois": "deux"},
        {"nom": "normal", "latence_ms": -5},
        {"nom": "absurde", "variante": "inconnue"},
        {"nom": "faute"},
    ],
)
def test_a_mood_that_is_not_one_changes_nothing(simulateur, humeur):
    avant = simulateur.get("/etat")["humeur"]

    assert simulateur.http.post("/humeur", json=humeur).status_code == 422
    assert simulateur.get("/etat")["humeur"] == avant


def test_two_pharmacies_at_once_get_one_lock(epu, simulateur, tls):
    autre = ClientEpu(simulateur.adresse, tls, id_nat="810100000040", finess="130099991")
    codes = []
    fils = [
        threading.Thread(target=lambda c=c: codes.append(c.open(E0, 1).code)) for c in (epu, autre)
    ]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    autre.close()

    assert sorted(codes) == ["00", "EPU-006"]


@pytest.mark.cas("ordonnance-D5")
def test_the_same_execution_sent_by_two_at_once_is_recorded_once(epu, simulateur):
    corps = epu.execute_request(E0, 1, [epu.line(L1)])
    rejeux = []
    fils = [
        threading.Thread(target=lambda: rejeux.append(epu.call(corps).text("Rejeu")))
        for _ in range(4)
    ]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)

    assert sorted(rejeux) == ["false", "true", "true", "true"]
    assert recorded(simulateur) == 1


def test_the_journal_names_no_number_and_no_patient(epu, simulateur):
    epu.consult(E0, {"NomNaissance": "PAT-TROIS", "DateNaissance": "1979-03-28"})
    entree = simulateur.journal()[-1]

    assert entree["numero"] == E0[-4:]
    assert "PAT-TROIS" not in str(entree)
    assert E0 not in str(entree)


@pytest.mark.parametrize(
    ("methode", "chemin", "statut"),
    [("GET", "/journal/99", 404), ("GET", "/journal/0", 404), ("GET", "/rien", 404)],
)
def test_an_unknown_control_path_is_said(epu, simulateur, methode, chemin, statut):
    assert epu.consult(E0).code == "00"
    assert simulateur.http.request(methode, chemin).status_code == statut


def test_calm_variation_is_none(tls, tmp_path):
    calme = Simulateur("ordonnance", tmp_path, tls, calme=True)
    client = ClientEpu(calme.adresse, tls)
    try:
        recus = [client.consult(E0) for _ in range(3)]
    finally:
        client.close()
        calme.stop()

    assert len({r.octets for r in recus}) == 1
    assert recus[0].texts("Rang") == ["1", "2", "3"]
    assert recus[0].corps.prefix == "epu"
    assert EPU in recus[0].corps.tag
