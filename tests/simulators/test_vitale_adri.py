"""Rights given by the simulator: the cards of the tray, everyone of the population."""

import copy
import uuid

import pytest
from lxml import etree

from simulators.population import build_population
from tests.conftest import RACINE
from tests.simulators.client_carte import ADRI, ClientCarte
from tests.simulators.client_nu import (
    BAM,
    LPS,
    WSA,
    Simulateur,
    body,
    header,
    now_z,
    read,
    timedelta,
)

SCHEMA = etree.XMLSchema(etree.parse(RACINE / "docs/contrats/adri.xsd"))
PAT_TROIS = ("2790351215189", "1979-03-28")
EXPIRE = ("1870275115005", "1987-02-03")
GENS = build_population()


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("vitale", tmp_path_factory.mktemp("vitale"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def carte(simulateur, tls):
    """A client of a simulator gone back to its start data."""
    simulateur.post("/oublier")
    client = ClientCarte(simulateur, tls)
    yield client
    client.close()


def rights(carte, *demande):
    """Ask, check the answer against the contract, return it."""
    recu = read(carte.post(carte.rights_envelope(*demande)))
    assert SCHEMA.validate(recu.corps), SCHEMA.error_log
    return recu


def test_the_rights_of_a_card_are_those_it_carries(carte):
    recu = rights(carte, *PAT_TROIS)

    assert (recu.code, recu.text("Libelle")) == ("00", "Droits ouverts")
    assert [recu.text(n) for n in ("Regime", "Caisse", "Centre", "Debut", "Fin")] == [
        "01",
        "751",
        "0001",
        "2024-01-01",
        "2030-12-31",
    ]
    assert recu.texts("Exoneration") == ["ALD"]
    assert recu.text("ComplementaireSanteSolidaire") == "false"


@pytest.mark.parametrize(
    ("demande", "code"),
    [
        ((*EXPIRE, "1", "2023-12-31"), "00"),
        ((*EXPIRE, "1", "2024-01-01"), "02"),
        ((*PAT_TROIS, "1", "2023-12-31"), "02"),
        ((*PAT_TROIS, "2"), "01"),
        ((PAT_TROIS[0], "1979-03-29"), "01"),
        (("2790351215190", "1979-03-28"), "01"),
        # The lunar date and the twins of the cards.
        (("1502099352045", "1950-20-00"), "00"),
        (("2840763220111", "2010-08-07", "2"), "00"),
        (("2840763220111", "2010-08-07", "3"), "01"),
    ],
)
def test_rights_are_those_of_one_person_on_one_day(carte, demande, code):
    recu = rights(carte, *demande)

    assert recu.code == code
    assert bool(recu.texts("Droits")) == (code == "00")


def test_everyone_of_the_population_is_known_and_some_have_no_right(carte):
    codes = []
    for p in [p for p in GENS if p.genre in {"famille", "jumeaux"}][:120]:
        numero = p.ouvrant_droit or p.ins.matricule
        codes.append(rights(carte, numero, p.naissance, str(p.rang)).code)

    assert set(codes) == {"00", "02"}
    assert codes.count("02") < 20


# Requests that the contract forbids


def _text(nom, valeur):
    def change(racine):
        body(racine)[0].find(f"{{{ADRI}}}{nom}").text = valeur

    return change


def _without(nom):
    def change(racine):
        corps = body(racine)[0]
        corps.remove(corps.find(f"{{{ADRI}}}{nom}"))

    return change


def _swap(racine):
    corps = body(racine)[0]
    corps.append(corps[0])


def _drop(espace, bloc):
    return lambda racine: racine[0].remove(header(racine, espace, bloc))


def _no_coverage(racine):
    contexte = header(racine, BAM, "ContexteBAM")
    contexte.remove(contexte.find(f"{{{BAM}}}COUVERTURE"))


def _old(racine):
    temps = header(racine, LPS, "ContexteLPS").find(f"{{{LPS}}}Temps")
    temps.text = now_z(timedelta(minutes=-6))


HORS_CONTRAT = {
    **{f"sans {nom}": _without(nom) for nom in ("NirAssure", "DateNaissance", "RangGemellaire")},
    "sans DateSoins": _without("DateSoins"),
    "numéro avec sa clé": _text("NirAssure", "279035121518989"),
    "date de carte": _text("DateNaissance", "19790328"),
    "naissance impossible": _text("DateNaissance", "1950-02-30"),
    "rang zéro": _text("RangGemellaire", "0"),
    "rang de dix": _text("RangGemellaire", "10"),
    "rang sans fin": _text("RangGemellaire", "1" * 5000),
    "jour impossible": _text("DateSoins", "2026-02-30"),
    "jour avec fuseau": _text("DateSoins", "2026-03-14+01:00"),
    "année de cinq chiffres": _text("DateSoins", "12026-03-14"),
    "année d'avant": _text("DateSoins", "-2026-03-14"),
    "élément vide": _text("NirAssure", None),
    "ordre": _swap,
    "action absente": _drop(WSA, "Action"),
    "sans identifiant": _drop(WSA, "MessageID"),
    "contexte LPS absent": _drop(LPS, "ContexteLPS"),
    "contexte BAM absent": _drop(BAM, "ContexteBAM"),
    "COUVERTURE absente": _no_coverage,
    "heure d'il y a six minutes": _old,
}


@pytest.mark.parametrize("interdit", list(HORS_CONTRAT))
def test_a_forbidden_request_is_a_fault(carte, simulateur, interdit):
    racine = carte.rights_envelope(*PAT_TROIS)
    HORS_CONTRAT[interdit](racine)
    recu = read(carte.post(racine))

    assert (recu.statut, recu.code, recu.details["cote"]) == (500, "desir_1020", "Sender")
    assert simulateur.journal()[-1]["resultat"] == "desir_1020"


def test_a_message_serves_once_and_the_software_is_known(carte):
    racine = carte.rights_envelope(*PAT_TROIS)
    inconnu = copy.deepcopy(racine)
    for espace, bloc in ((LPS, "ContexteLPS"), (BAM, "ContexteBAM")):
        header(inconnu, espace, bloc).find(f"{{{espace}}}Id").text = str(uuid.uuid4())
    header(inconnu, WSA, "MessageID").text = f"uuid:{uuid.uuid4()}"
    header(inconnu, LPS, "ContexteLPS").find(f".//{{{LPS}}}IDAM").text = "INCONNU"

    assert [read(carte.post(racine)).code for _ in range(2)] == ["00", "desir_1020"]
    assert read(carte.post(inconnu)).code == "desir_550"


def test_rights_are_asked_with_the_certificate_of_the_structure(simulateur, tls):
    """The same two names as INSi (docs/contrats/README.md): another opens nothing."""
    simulateur.post("/oublier")
    autre, manuel = (ClientCarte(simulateur, tls, nom) for nom in ("refuse-autre-cn", "insi-manu"))
    refuse = read(autre.post(autre.rights_envelope(*PAT_TROIS)))
    pris = read(manuel.post(manuel.rights_envelope(*PAT_TROIS)))
    autre.close()
    manuel.close()

    assert (refuse.statut, refuse.code, refuse.details["cote"]) == (500, "desir_560", "Sender")
    assert pris.code == "00"


# Moods


@pytest.mark.parametrize(
    ("code", "cote", "sous_code"),
    [("adri_40", "Receiver", "siram_40"), ("desir_550", "Sender", "siram_100")],
)
def test_a_fault_is_injected_by_header_and_by_mood(carte, simulateur, code, cote, sous_code):
    entete = {"X-Simulateur-Faute": code}
    par_entete = read(carte.post(carte.rights_envelope(*PAT_TROIS), **entete))
    simulateur.humeur("faute", code=code, fois=1, operation="consulterDroits")
    par_humeur = read(carte.post(carte.rights_envelope(*PAT_TROIS)))

    for recu in (par_entete, par_humeur):
        assert (recu.statut, recu.code) == (500, code)
        assert (recu.details["cote"], recu.details["sous_code"]) == (cote, sous_code)


def test_rights_may_be_down_while_contexts_are_given(carte, simulateur):
    simulateur.humeur("panne_503", operation="consulterDroits")

    assert carte.post(carte.rights_envelope(*PAT_TROIS)).status_code == 503
    assert carte.create(carte.code("titulaire")).status_code == 201


@pytest.mark.parametrize(
    ("variante", "absent"),
    [("sans_fin", "Fin"), ("sans_centre", "Centre"), ("sans_css", "ComplementaireSanteSolidaire")],
)
def test_what_is_optional_may_miss(carte, simulateur, variante, absent):
    simulateur.humeur("bizarre", variante=variante, fois=1)

    assert rights(carte, *PAT_TROIS).text(absent) is None
    assert rights(carte, *PAT_TROIS).text(absent) is not None


def test_every_exoneration_may_come_at_once(carte, simulateur):
    simulateur.humeur("bizarre", variante="exonerations", fois=1)

    assert rights(carte, *PAT_TROIS).texts("Exoneration") == [
        *("ALD", "MATERNITE", "INVALIDITE", "ATMP")
    ]


def test_odd_answers_are_of_the_contract(carte, simulateur):
    simulateur.humeur("bizarre")
    lus = [rights(carte, *PAT_TROIS) for _ in range(20)]

    assert {r.code for r in lus} == {"00"}
    assert {r.text("Fin") is None for r in lus} == {True, False}


@pytest.mark.parametrize("variante", ["html", "vide", "tronque", "autre", "dtd"])
def test_nonsense_comes_with_http_200(carte, simulateur, variante):
    simulateur.humeur("absurde", variante=variante, fois=1)
    reponse = carte.post(carte.rights_envelope(*PAT_TROIS))

    assert reponse.status_code == 200
    assert b"Droits ouverts" not in reponse.content or variante == "tronque"
