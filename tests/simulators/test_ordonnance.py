"""The prescription simulator, played by the bare client: life of a prescription."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from tests.simulators.client_nu import EPU, RACINE, ClientEpu, Simulateur

E0 = "01K7M4QX9TRB2VWZ3H"
UNE = "01A2B3C4D5E6F7G8H9"
L1, L2, L3 = (f"6B1F5A10-0C3B-4E0B-9B59-0A4F1C2D100{i}" for i in (1, 2, 3))
AUTRE_OFFICINE = "130099991"
SOUS_MOTIF = "Situations particulières de renouvellement exceptionnel ou réglementaire"
EXCEPTION = {"Type": "MODIFICATION", "Motif": "RENOUVELLEMENT", "SousMotif": SOUS_MOTIF}
REFUS = {"Type": "NON_DELIVRANCE", "Motif": "PATIENT_DISPOSE_DU_PRODUIT"}


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("ordonnance", tmp_path_factory.mktemp("epu"), tls)
    yield processus
    processus.stop()


@pytest.fixture(scope="module")
def schema():
    """The contract."""
    return etree.XMLSchema(etree.parse(RACINE / "docs/contrats/epu.xsd"))


@pytest.fixture
def epu(simulateur, tls, schema):
    """A client of a simulator gone back to its start data; every answer it gets must be valid."""
    simulateur.post("/oublier")
    client = _Verifie(simulateur.adresse, tls)
    client.schema = schema
    yield client
    client.close()


@pytest.fixture
def voisin(simulateur, tls, schema):
    """Another pharmacy, of a simulator gone back to its start data too."""
    simulateur.post("/oublier")
    client = _Verifie(simulateur.adresse, tls, id_nat="810100000040", finess=AUTRE_OFFICINE)
    client.schema = schema
    yield client
    client.close()


class _Verifie(ClientEpu):
    """The bare client, which also checks each answer against the contract."""

    schema = None

    def call(self, corps, **options):
        """Send, and validate what comes back."""
        recu = super().call(corps, **options)
        element = recu.arbre.find(f".//{{{EPU}}}Erreur") if recu.faute else recu.corps
        if recu.text("Statut") != "SUSPENDUE":
            assert self.schema.validate(element), self.schema.error_log
        return recu


def ident(recu):
    """Return (IdExecution, JetonVerrou) of an opening."""
    assert recu.code == "00", recu.details
    return recu.text("IdExecution"), recu.text("JetonVerrou")


def lines(recu):
    """Return the status of each line of a receipt, by identity."""
    return {e.get("idLigne").upper(): e.text for e in recu.corps.findall(f"{{{EPU}}}StatutLigne")}


def unique_line(epu, numero):
    """Return the identity of the only line."""
    return epu.consult(numero).text("IdLigne")


def elsewhere(simulateur, numero, evenement, **autres):
    """Play an event."""
    return simulateur.post("/evenement", numero=numero, evenement=evenement, **autres)


# Consult


@pytest.mark.cas("ordonnance-A1")
def test_the_story_is_served_written_yesterday_for_six_months(epu):
    recu = epu.consult(E0)

    date = datetime.fromisoformat(recu.text("DebutValidite"))
    fin = datetime.fromisoformat(recu.text("FinValidite"))
    assert recu.text("Statut") == "CREEE"
    assert timedelta(hours=6) < datetime.now(UTC) - date < timedelta(hours=48)
    assert timedelta(days=175) < fin - date < timedelta(days=190)
    assert {i.upper() for i in recu.texts("IdLigne")} == {L1, L2, L3}


@pytest.mark.cas("ordonnance-C38")
def test_lines_come_in_another_order_than_their_rank(epu, simulateur):
    rangs = set()
    for _ in range(12):
        elsewhere(simulateur, E0, "debloquer")
        rangs.add(tuple(epu.consult(E0).texts("Rang")))

    assert len(rangs) > 1


def test_what_did_not_change_is_served_in_the_same_words_with_the_right_digest(epu):
    empreintes = []
    for _ in range(5):
        prescription = epu.consult(E0).corps.find(f"{{{EPU}}}Prescription")
        dite = prescription.find(f"{{{EPU}}}EmpreinteSHA256")
        prescription.remove(dite)
        empreintes.append((dite.text, _digest(prescription)))

    assert len(set(empreintes)) == 1
    assert empreintes[0][0] == empreintes[0][1]


def _digest(element):
    def plain(source):
        neuf = etree.Element(source.tag, nsmap={None: EPU})
        neuf.attrib.update(source.attrib)
        neuf.text = None if len(source) else source.text
        neuf.extend([plain(enfant) for enfant in source])
        return neuf

    octets = etree.tostring(plain(element), method="c14n", exclusive=True)
    return hashlib.sha256(octets).hexdigest()


@pytest.mark.cas("ordonnance-B1", "ordonnance-B2")
@pytest.mark.parametrize(
    ("numero", "code"),
    [
        ("01ZZZZZZZZZZZZZZZZ", "EPU-001"),
        ("01K7M4QX9TRB2VWZ3", "EPU-002"),
        ("01k7m4qx9trb2vwz3h", "EPU-002"),
        (" 01K7M4QX9TRB2VWZ3", "EPU-002"),
        ("01ANNV0EE0000004PC", "EPU-003"),
        ("01B10Q0EE0000006RF", "EPU-019"),
    ],
)
def test_what_cannot_be_read_says_why(epu, numero, code):
    recu = epu.consult(numero)

    assert (recu.statut, recu.code, recu.details["cote"]) == (500, code, "Sender")


@pytest.mark.cas("ordonnance-B6", "ordonnance-B7", "ordonnance-B17")
@pytest.mark.parametrize(
    ("numero", "statut"),
    [
        ("01DEJA00E0000007SG", "EXECUTEE"),
        ("01EXP1REE0000005QD", "EXPIREE"),
        ("01VERR00E0000008TH", "EN_COURS"),
        ("01SVSP00E0000010WK", "SUSPENDUE"),
        ("01RENV00E0000012YN", "PARTIELLEMENT_EXECUTEE"),
    ],
)
def test_the_others_are_readable_with_their_status(epu, numero, statut):
    recu = epu.consult(numero)

    assert (recu.code, recu.text("Statut")) == ("00", statut)


def test_every_start_prescription_is_valid_against_the_contract(epu, simulateur):
    numeros = [p["numero"] for p in simulateur.get("/ordonnances")]
    codes = [epu.consult(numero).code for numero in numeros]

    assert len(numeros) > 18
    assert set(codes) == {"00", "EPU-003", "EPU-019"}


@pytest.mark.cas("ordonnance-B9", "ordonnance-B10", "ordonnance-B11", "ordonnance-B12")
@pytest.mark.parametrize(
    ("champs", "averti"),
    [
        ({}, False),
        ({"DateNaissance": "1979-03-29"}, True),
        ({"Sexe": "M"}, True),
        ({"NomNaissance": "DUPONT"}, True),
        ({"NomNaissance": "Pat Trois"}, False),
        ({"Prenoms": "Dominique"}, False),
        ({"Prenoms": "MARIE"}, True),
        ({"DateNaissance": "1979-00-00"}, False),
        ({"Matricule": "2790351215190", "Cle": "88", "OID": "1.2.250.1.213.1.4.10"}, True),
    ],
)
def test_another_beneficiary_is_a_warning_and_no_refusal(epu, champs, averti):
    traits = {
        "NomNaissance": "PAT-TROIS",
        "Prenoms": "DOMINIQUE MARIE-LOUISE",
        "Sexe": "F",
        "DateNaissance": "1979-03-28",
    }
    recu = epu.consult(E0, {**traits, **champs})

    assert recu.code == "00"
    assert (recu.corps.find(f"{{{EPU}}}Avertissement") is not None) == averti


@pytest.mark.cas("ordonnance-B16", "ordonnance-D23")
def test_a_replaced_prescriber_and_a_closed_return_are_served(epu):
    recu = epu.consult("01REMP1ACE0000016R")

    assert recu.corps.find(f".//{{{EPU}}}PrescripteurRemplace") is not None
    assert recu.text("RetourPrescripteurAutorise") == "false"


# Lock


@pytest.mark.cas("ordonnance-B7")
def test_a_lock_is_seen_by_the_neighbour_and_not_by_its_holder(epu, voisin):
    ident(epu.open(E0, 1))

    assert epu.consult(E0).text("Statut") == "CREEE"
    assert voisin.consult(E0).text("Statut") == "EN_COURS"
    refus = voisin.open(E0, 1)
    assert (refus.code, refus.details["reessayable"]) == ("EPU-006", "true")
    assert refus.details["detail"].startswith("Verrou expirant le 20")


@pytest.mark.cas("ordonnance-B8")
def test_opening_again_from_the_same_pharmacy_voids_the_former_token(epu):
    _, vieux = ident(epu.open(E0, 1))
    _, neuf = ident(epu.open(E0, 1))
    ligne = epu.line(L1, quantite="2")

    assert neuf != vieux
    assert epu.execute(E0, 1, [ligne], jeton=vieux).code == "EPU-009"
    assert epu.execute(E0, 1, [ligne], jeton=neuf).code == "00"


def test_the_same_key_gives_the_same_lock(epu):
    corps = epu.open_request(E0, 1)

    assert ident(epu.call(corps)) == ident(epu.call(corps))


@pytest.mark.cas("ordonnance-B9")
def test_a_released_lock_frees_the_neighbour_and_releasing_again_changes_nothing(epu, voisin):
    execution, jeton = ident(epu.open(E0, 1))
    codes = [epu.release(E0, execution, jeton).code for _ in range(2)]

    assert codes == ["00", "00"]
    assert voisin.open(E0, 1).code == "00"


def test_nobody_releases_the_lock_of_another(epu, voisin):
    execution, jeton = ident(epu.open(E0, 1))

    assert voisin.release(E0, execution, jeton).code == "EPU-009"
    assert epu.release(E0, execution, "vrr-faux").code == "EPU-009"
    assert voisin.open(E0, 1).code == "EPU-006"


@pytest.mark.cas("ordonnance-D17")
def test_a_lock_lapses_after_thirty_minutes(epu, voisin, simulateur):
    _, jeton = ident(epu.open(E0, 1))
    simulateur.post("/horloge", decalage_s=29 * 60)
    encore = voisin.open(E0, 1).code
    simulateur.post("/horloge", decalage_s=31 * 60)

    assert encore == "EPU-006"
    assert epu.execute(E0, 1, [epu.line(L1)], jeton=jeton).code == "EPU-009"
    assert voisin.open(E0, 1).code == "00"


@pytest.mark.parametrize(
    ("numero", "code"),
    [
        ("01ANNV0EE0000004PC", "EPU-003"),
        ("01EXP1REE0000005QD", "EPU-004"),
        ("01DEJA00E0000007SG", "EPU-005"),
        ("01VERR00E0000008TH", "EPU-006"),
        ("01DES1GN00000011XM", "EPU-015"),
        ("01B10Q0EE0000006RF", "EPU-019"),
        ("01SVSP00E0000010WK", "EPU-019"),
    ],
)
@pytest.mark.cas("ordonnance-B2", "ordonnance-B6", "ordonnance-B17", "ordonnance-B23")
def test_what_may_not_be_executed_may_not_be_opened(epu, numero, code):
    assert epu.open(numero, 1).code == code


@pytest.mark.cas("ordonnance-B23")
def test_the_designated_dispenser_may_open(voisin):
    assert voisin.open("01DES1GN00000011XM", 1).code == "00"


# Execution


@pytest.mark.cas("ordonnance-D1")
def test_the_story_is_recorded_and_leaves_the_statuses_of_the_example(epu, simulateur):
    execution, jeton = ident(epu.open(E0, 1))
    recu = epu.execute(
        E0,
        1,
        [
            epu.line(
                L1,
                quantite="2",
                cip13="3400939718330",
                interventions=[{"Type": "SUBSTITUTION", "Motif": "GENERIQUE"}],
            ),
            epu.line(L2, cip13="3400930065785"),
            epu.line(L3, "NON_DELIVRE", "0", unite="", interventions=[REFUS]),
        ],
        id=execution,
        jeton=jeton,
    )

    assert (recu.code, recu.text("Rejeu"), recu.text("Version")) == ("00", "false", "2")
    assert recu.text("StatutPrescription") == "PARTIELLEMENT_EXECUTEE"
    assert lines(recu) == {L1: "PARTIELLE", L2: "PARTIELLE", L3: "NON_DELIVREE"}
    assert [e["id_execution"] for e in simulateur.get("/executions") if e["numero"] == E0] == [
        execution
    ]


@pytest.mark.cas("ordonnance-D4")
def test_the_same_key_gives_the_same_receipt_and_one_record(epu, simulateur):
    corps = epu.execute_request(E0, 1, [epu.line(L1)])
    premier, second = epu.call(corps), epu.call(corps)

    assert [premier.text("Rejeu"), second.text("Rejeu")] == ["false", "true"]
    assert premier.text("AccuseReception") == second.text("AccuseReception")
    assert lines(premier) == lines(second)
    assert sum(e["numero"] == E0 for e in simulateur.get("/executions")) == 1


def test_the_same_receipt_comes_back_even_after_the_prescription_changed(epu, simulateur):
    corps = epu.execute_request(E0, 1, [epu.line(L1)])
    premier = epu.call(corps)
    elsewhere(simulateur, E0, "bloquer")
    second = epu.call(corps)

    assert second.text("Rejeu") == "true"
    assert (second.text("Version"), lines(second)) == (premier.text("Version"), lines(premier))


def test_a_key_does_not_serve_for_another_content(epu):
    cle = str(uuid.uuid4())

    assert epu.execute(E0, 1, [epu.line(L1)], cle=cle).code == "00"
    assert epu.execute(E0, 1, [epu.line(L2)], cle=cle).code == "EPU-020"


@pytest.mark.cas("ordonnance-B6")
def test_a_second_complete_execution_is_refused_with_the_place_and_the_day(epu):
    ligne = unique_line(epu, UNE)
    epu.execute(UNE, 1, [epu.line(ligne, quantite="2")])
    recu = epu.execute(UNE, 2, [epu.line(ligne, quantite="2")])

    assert recu.code == "EPU-005"
    assert f"{datetime.now(UTC):%Y}" in recu.details["detail"]
    assert "752026005" in recu.details["detail"]


@pytest.mark.cas("ordonnance-C6", "ordonnance-C7")
def test_a_partial_delivery_is_completed_under_the_same_number(epu):
    ligne = unique_line(epu, UNE)
    partiel = epu.execute(UNE, 1, [epu.line(ligne, "DELIVRE_PARTIEL", "1")])
    entier = epu.execute(UNE, 2, [epu.line(ligne, "DELIVRE", "1")])

    assert partiel.text("StatutPrescription") == "PARTIELLEMENT_EXECUTEE"
    assert entier.text("StatutPrescription") == "EXECUTEE"


@pytest.mark.cas("ordonnance-C9")
def test_one_larger_pack_said_delivered_completes_the_line(epu):
    ligne = unique_line(epu, UNE)

    assert epu.execute(UNE, 1, [epu.line(ligne, quantite="1")]).text("StatutLigne") == "EXECUTEE"


def test_two_packs_of_one_line_add_up(epu):
    ligne = unique_line(epu, UNE)
    deux = [epu.line(ligne, "DELIVRE_PARTIEL", "1") for _ in range(2)]

    assert epu.execute(UNE, 1, deux).text("StatutLigne") == "EXECUTEE"


@pytest.mark.cas("ordonnance-C10")
def test_only_non_deliveries_leave_the_prescription_created(epu):
    ligne = unique_line(epu, UNE)
    rien = epu.execute(UNE, 1, [epu.line(ligne, "NON_DELIVRE", "0", interventions=[REFUS])])

    assert (rien.text("StatutPrescription"), rien.text("StatutLigne")) == ("CREEE", "NON_DELIVREE")
    assert epu.execute(UNE, 2, [epu.line(ligne, quantite="2")]).code == "00"


@pytest.mark.cas("ordonnance-D7")
def test_an_execution_elsewhere_changes_the_version(epu, simulateur):
    lu = int(epu.consult(E0).text("Version"))
    elsewhere(simulateur, E0, "execution_ailleurs", rang=2)

    assert epu.execute(E0, lu, [epu.line(L1)]).code == "EPU-010"
    assert epu.open(E0, lu).code == "EPU-010"
    assert epu.execute(E0, lu + 1, [epu.line(L1)]).code == "00"


def test_an_execution_without_lock_must_say_that_it_was_made_offline(epu):
    assert epu.execute(E0, 1, [epu.line(L1)], hors_ligne=False).code == "EPU-009"
    assert epu.execute(E0, 1, [epu.line(L1)], hors_ligne=True).code == "00"


def test_boxes_that_left_offline_are_heard_while_another_holds_the_lock(epu, voisin):
    _, jeton = ident(voisin.open(E0, 1))

    assert epu.execute(E0, 1, [epu.line(L1)], hors_ligne=True).code == "00"
    assert voisin.execute(E0, 1, [epu.line(L2)], jeton=jeton).code == "EPU-010"


@pytest.mark.cas("ordonnance-D16", "ordonnance-B2")
@pytest.mark.parametrize(("evenement", "code"), [("annuler", "EPU-003"), ("bloquer", "EPU-019")])
def test_what_was_cancelled_between_reading_and_execution_is_refused(
    epu, simulateur, evenement, code
):
    elsewhere(simulateur, E0, evenement)

    assert epu.execute(E0, 1, [epu.line(L1)], hors_ligne=True).code == code


def test_a_prescriber_who_cancels_what_is_begun_closes_it(epu, simulateur):
    epu.execute(E0, 1, [epu.line(L1, quantite="2")])
    statut = elsewhere(simulateur, E0, "annuler")["statut"]
    lu = epu.consult(E0)

    assert (statut, lu.text("Statut")) == ("CLOTUREE", "CLOTUREE")
    assert {e.findtext(f"{{{EPU}}}Statut") for e in lu.corps.iter(f"{{{EPU}}}Ligne")} - {None} == {
        "ANNULEE"
    }
    assert epu.open(E0, 3).code == "EPU-005"


# Renewals


@pytest.mark.cas("ordonnance-C15", "ordonnance-C16")
def test_renewals_are_counted_and_then_used_up(epu):
    for n in range(3):
        recu = epu.execute(E0, n + 1, [epu.line(L2)], n=n)
        assert recu.code == "00"
    lu = epu.consult(E0)

    assert lines(recu)[L2] == "EXECUTEE"
    assert "3" in lu.texts("DelivrancesEffectuees")
    assert epu.execute(E0, 4, [epu.line(L2)], n=3).code == "EPU-011"
    assert epu.execute(E0, 4, [epu.line(L2)], n=0).code == "EPU-011"
    assert epu.execute(E0, 4, [epu.line(L1)], n=6).code == "EPU-011"


@pytest.mark.cas("ordonnance-C13")
def test_a_renewal_too_early_is_recorded_with_a_warning(epu):
    epu.execute(E0, 1, [epu.line(L2)], n=0)
    prochaine = epu.consult(E0).text("ProchaineDelivranceAuPlusTot")
    recu = epu.execute(E0, 2, [epu.line(L2)], n=1)

    attendue = (datetime.now(UTC) + timedelta(days=30)).date()
    assert abs((datetime.fromisoformat(prochaine).date() - attendue).days) <= 1
    avis = recu.corps.find(f"{{{EPU}}}Avertissement")
    assert (recu.code, avis.findtext(f"{{{EPU}}}Code")) == ("00", "EPU-012")


@pytest.mark.cas("ordonnance-C14")
def test_a_renewal_in_its_time_has_no_warning(epu):
    lu = epu.consult("01RENV00E0000012YN")
    ligne = next(
        e for e in lu.corps.iter(f"{{{EPU}}}Ligne") if e.findtext(f"{{{EPU}}}Rang") == "2"
    ).findtext(f"{{{EPU}}}IdLigne")
    recu = epu.execute("01RENV00E0000012YN", 2, [epu.line(ligne)], n=1)

    assert recu.corps.find(f"{{{EPU}}}Avertissement") is None


@pytest.mark.cas("ordonnance-B3", "ordonnance-B4", "ordonnance-B5")
def test_an_expired_one_is_delivered_only_with_the_official_reason(epu):
    numero = "01EXPREN00000018TE"
    ligne = unique_line(epu, numero)
    refus = epu.execute(numero, 1, [epu.line(ligne, quantite="2")], n=6)
    faux = {**EXCEPTION, "SousMotif": SOUS_MOTIF.upper()}
    presque = epu.execute(numero, 1, [epu.line(ligne, interventions=[faux])], n=6)
    admis = epu.execute(
        numero,
        1,
        [epu.line(ligne, quantite="2", interventions=[EXCEPTION])],
        n=6,
        hors_ligne=False,
    )

    assert [refus.code, presque.code, admis.code] == ["EPU-004", "EPU-004", "00"]


@pytest.mark.cas("ordonnance-B5")
def test_the_exception_starts_within_a_month_of_the_expiry(epu):
    ligne = unique_line(epu, "01EXP1REE0000005QD")
    lignes = [epu.line(ligne, interventions=[EXCEPTION])]

    assert epu.execute("01EXP1REE0000005QD", 1, lignes).code == "EPU-004"


def test_the_clock_expires_a_prescription(epu, simulateur):
    simulateur.post("/horloge", decalage_s=200 * 86400)

    assert epu.consult(E0).text("Statut") == "EXPIREE"
    assert epu.open(E0, 1).code == "EPU-004"


# What the execution may not say


@pytest.mark.cas("ordonnance-D10", "ordonnance-D20")
@pytest.mark.parametrize(
    ("ligne", "code"),
    [
        ({"id_ligne": str(uuid.uuid4())}, "EPU-013"),
        ({"quantite": "0"}, "EPU-014"),
        ({"quantite": "-1"}, "EPU-014"),
        ({"quantite": "1.5"}, "EPU-014"),
        ({"quantite": "1.5", "unite": ""}, "EPU-014"),
        ({"resultat": "NON_DELIVRE", "quantite": "1", "interventions": [REFUS]}, "EPU-014"),
        ({"resultat": "HORS_PRESCRIPTION"}, "EPU-014"),
        ({"id_ligne": ""}, "EPU-014"),
        ({"resultat": "NON_DELIVRE", "quantite": "0"}, "EPU-020"),
        (
            {"resultat": "NON_DELIVRE", "quantite": "0", "interventions": [REFUS, REFUS]},
            "EPU-020",
        ),
        (
            {
                "resultat": "NON_DELIVRE",
                "quantite": "0",
                "interventions": [{"Type": "NON_DELIVRANCE", "Motif": "AUTRE"}],
            },
            "EPU-020",
        ),
        ({"id_ligne": "", "resultat": "HORS_PRESCRIPTION"}, "EPU-020"),
        ({"interventions": [{"Type": "SUBSTITUTION", "Motif": "MTE"}]}, "EPU-020"),
        ({"interventions": [{"Type": "SUBSTITUTION", "Motif": "generique"}]}, "EPU-020"),
        ({"sans_produit": True}, "EPU-020"),
        ({"cip13": "340093560171"}, "EPU-020"),
        (
            {"interventions": [{**EXCEPTION, "Commentaire": "a" * 501}]},
            "EPU-020",
        ),
        ({"interventions": [{**EXCEPTION, "Commentaire": "a\tb"}]}, "EPU-020"),
    ],
)
def test_an_incoherent_line_is_refused_and_nothing_is_recorded(epu, simulateur, ligne, code):
    element = epu.line(**{"id_ligne": L1, **ligne})

    assert epu.execute(E0, 1, [element]).code == code
    assert epu.consult(E0).text("Version") == "1"


@pytest.mark.cas("ordonnance-D20")
def test_characters_are_counted_not_bytes(epu):
    commentaire = {**EXCEPTION, "Commentaire": "é😀" * 250}

    assert epu.execute(E0, 1, [epu.line(L1, interventions=[commentaire])]).code == "00"


@pytest.mark.cas("ordonnance-C11")
def test_what_is_added_to_the_prescription_has_no_line(epu):
    ajout = [{"Type": "AJOUT", "Motif": "CONSEIL"}]
    recu = epu.execute(E0, 1, [epu.line("", "HORS_PRESCRIPTION", interventions=ajout)])

    assert (recu.code, recu.text("StatutPrescription")) == ("00", "CREEE")


@pytest.mark.parametrize("cip13", ["3400935601712", "4012345678901", ""])
def test_an_unknown_product_is_recorded_with_a_warning(epu, cip13):
    recu = epu.execute(E0, 1, [epu.line(L1, cip13=cip13)])

    avis = recu.corps.find(f"{{{EPU}}}Avertissement")
    assert (recu.code, avis.findtext(f"{{{EPU}}}Code")) == ("00", "EPU-016")


@pytest.mark.parametrize(("jours", "code"), [(-10, "EPU-004"), (1, "EPU-020")])
def test_a_delivery_before_the_prescription_or_tomorrow_is_refused(epu, jours, code):
    date = datetime.now(UTC) + timedelta(days=jours)

    assert epu.execute(E0, 1, [epu.line(L1)], date=date).code == code


# Cancel, correct, close


@pytest.mark.cas("ordonnance-D12")
def test_a_cancelled_execution_gives_the_first_status_back(epu):
    execution = str(uuid.uuid4())
    epu.execute(E0, 1, [epu.line(L1, quantite="2")], id=execution)
    corps = epu.cancel_request(E0, execution)
    premier, rejeu = epu.call(corps), epu.call(corps)

    assert (premier.code, premier.text("Version")) == ("00", "3")
    assert premier.text("StatutPrescription") == "CREEE"
    assert (rejeu.code, rejeu.text("Version")) == ("00", "3")
    assert epu.cancel(E0, execution).code == "EPU-017"
    assert epu.consult(E0).text("Annulee") == "true"


def test_nobody_cancels_what_another_pharmacy_did(epu, voisin):
    execution = str(uuid.uuid4())
    epu.execute(E0, 1, [epu.line(L1)], id=execution)

    assert voisin.cancel(E0, execution).code == "EPU-017"
    assert epu.cancel(E0, str(uuid.uuid4())).code == "EPU-017"


@pytest.mark.cas("ordonnance-D14")
def test_a_late_cancellation_is_refused(epu, simulateur):
    execution = str(uuid.uuid4())
    epu.execute(E0, 1, [epu.line(L1)], id=execution)
    simulateur.post("/horloge", decalage_s=31 * 86400)

    assert epu.cancel(E0, execution).code == "EPU-018"


@pytest.mark.cas("ordonnance-D13")
def test_a_correction_replaces_in_one_act_even_when_all_was_executed(epu, simulateur):
    ligne = unique_line(epu, UNE)
    fausse = str(uuid.uuid4())
    epu.execute(UNE, 1, [epu.line(ligne, quantite="2")], id=fausse)
    juste = epu.execute(
        UNE, 2, [epu.line(ligne, "DELIVRE_PARTIEL", "1")], remplace=fausse, hors_ligne=False
    )

    assert (juste.code, juste.text("StatutLigne")) == ("00", "PARTIELLE")
    vivantes = [e["annulee"] for e in simulateur.get("/executions") if e["numero"] == UNE]
    assert vivantes == [True, False]


@pytest.mark.cas("ordonnance-D13")
def test_a_refused_correction_leaves_the_former_alive(epu, simulateur):
    vraie = str(uuid.uuid4())
    epu.execute(E0, 1, [epu.line(L1)], id=vraie)
    refus = epu.execute(E0, 2, [epu.line(L1, quantite="-1")], remplace=vraie)
    inconnue = epu.execute(E0, 2, [epu.line(L1)], remplace=str(uuid.uuid4()))

    assert [refus.code, inconnue.code] == ["EPU-014", "EPU-017"]
    assert [e["annulee"] for e in simulateur.get("/executions") if e["numero"] == E0] == [False]


def test_closing_is_done_once_per_key_and_only_on_the_version_read(epu):
    vieille = epu.call(epu.close_request(E0, 9))
    corps = epu.close_request(E0, 1)
    codes = [epu.call(corps).code for _ in range(2)]

    assert (vieille.code, codes) == ("EPU-010", ["00", "00"])
    assert epu.consult(E0).text("Statut") == "CLOTUREE"
    assert epu.call(epu.close_request(E0, 2)).code == "EPU-005"


# Control page


def test_a_prescription_is_created_from_json_with_relative_dates(epu, simulateur):
    cree = simulateur.post(
        "/ordonnances",
        numero="01CREE000000000019",
        beneficiaire={"nom": "ESSAI", "prenoms": "ANNE", "sexe": "F", "naissance": "2020-02-29"},
        lignes=[{"libelle": "Produit « créé »", "quantite": 1, "renouvellements": 2}],
        jours=3,
    )
    lu = epu.consult("01CREE000000000019")

    assert cree["statut"] == "CREEE"
    age = datetime.now(UTC).date() - datetime.fromisoformat(lu.text("DatePrescription")).date()
    assert 2 <= age.days <= 4
    assert lu.text("RenouvellementsPrevus") == "2"


@pytest.mark.parametrize(
    "corps",
    [
        {"numero": "court", "beneficiaire": {}, "lignes": []},
        {
            "numero": "01cree00000000001a",
            "beneficiaire": {"naissance": "2020-01-01"},
            "lignes": [{"libelle": "x", "quantite": 1}],
        },
    ],
)
def test_a_wrong_description_creates_nothing(epu, simulateur, corps):
    avant = simulateur.get("/etat")["connus"]

    assert simulateur.http.post("/ordonnances", json=corps).status_code == 422
    assert simulateur.get("/etat")["connus"] == avant


def test_a_clock_four_minutes_wrong_is_admitted_and_six_refused(epu, simulateur):
    simulateur.post("/horloge", derive_s=240)
    quatre = epu.consult(E0).code
    simulateur.post("/horloge", derive_s=-360)
    six = epu.consult(E0).code

    assert (quatre, six) == ("00", "EPU-030")
