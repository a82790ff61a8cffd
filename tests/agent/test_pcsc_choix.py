"""Which reader an operation is for, and what each reader was told to serve (agent.md §5.9)."""

import json

import pytest

from agent.cards.pcsc import scard as pcsc
from agent.cards.pcsc.affectations import Affectations, Materiel, take_apart
from agent.cards.pcsc.choix import Prise, choose
from agent.cards.pcsc.scard import EtatLecteur
from agent.protocol.messages import ERREURS, ErreurAgent, build_error
from tests.agent.scard_feint import CPS_ATR, TELEPHONE_ATR, VITALE_ATR

VIEILLE_ATR, BANQUE_ATR = "3F6525002209699000", "3B029000"


def prise(nom="Lecteur A 00 00", atr=None, usage="", **champs):
    octets = bytes.fromhex(atr or "")
    etat = EtatLecteur(nom, pcsc.EMPTY if atr is None else pcsc.PRESENT, octets)
    insertion = "" if atr is None else f"i-{nom}"
    return Prise(nom, take_apart(nom), etat, usage, insertion=insertion, **champs)


def choix(genre, *prises, ident=""):
    try:
        return choose(genre, prises, ident).nom
    except ErreurAgent as erreur:
        return (erreur.code, *erreur.details.values())


A, B, C = "Lecteur A 00 00", "Lecteur B 00 00", "Lecteur C 00 00"


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-5", "agent-10", "agent-11")
@pytest.mark.parametrize(
    ("genre", "prises", "attendu"),
    [
        # By its card.
        ("vitale", [prise(A, CPS_ATR), prise(B, VITALE_ATR)], B),
        ("cps", [prise(A, CPS_ATR), prise(B, VITALE_ATR)], A),
        ("apcv", [prise(A, CPS_ATR), prise(B, TELEPHONE_ATR)], B),
        # Told first: a card elsewhere is not looked for, and what is there is named.
        ("vitale", [prise(A, VITALE_ATR), prise(B, VITALE_ATR, "vitale")], B),
        ("vitale", [prise(A, VITALE_ATR), prise(B, None, "vitale")], ("E_NO_CARD",)),
        ("vitale", [prise(A, VITALE_ATR), prise(B, CPS_ATR, "vitale")], ("E_CARD_UNKNOWN", "cps")),
        # Told to serve something else, or nothing: never taken for this.
        ("vitale", [prise(A, VITALE_ATR, "cps")], ("E_NO_READER",)),
        ("vitale", [prise(A, VITALE_ATR, "ignore"), prise(B)], ("E_NO_CARD",)),
        # Never « the first one ».
        (
            "vitale",
            [prise(A, VITALE_ATR), prise(B, VITALE_ATR)],
            ("E_READER_AMBIGUOUS", ["lecteur-a-00-00", "lecteur-b-00-00"]),
        ),
        (
            "vitale",
            [prise(A, VITALE_ATR, "vitale"), prise(B, VITALE_ATR, "vitale")],
            ("E_READER_AMBIGUOUS", ["lecteur-a-00-00", "lecteur-b-00-00"]),
        ),
        # What is wrong is named.
        ("vitale", [], ("E_NO_READER",)),
        ("vitale", [prise(A, VITALE_ATR, branche=False)], ("E_NO_READER",)),
        ("vitale", [prise(A), prise(B)], ("E_NO_CARD",)),
        ("vitale", [prise(A, CPS_ATR), prise(B)], ("E_NO_CARD",)),
        ("vitale", [prise(A, CPS_ATR), prise(B, CPS_ATR)], ("E_CARD_UNKNOWN", "cps")),
        ("vitale", [prise(A, ""), prise(B)], ("E_CARD_MUTE",)),
        ("vitale", [prise(A, VIEILLE_ATR), prise(B)], ("E_CARD_UNKNOWN", "vitale1")),
        ("cps", [prise(A, BANQUE_ATR), prise(B)], ("E_CARD_UNKNOWN", "autre")),
        ("apcv", [prise(A, VITALE_ATR), prise(B)], ("E_APCV_NOT_PRESENTED",)),
        ("vitale", [prise(A, VITALE_ATR, cede=True)], ("E_READER_BUSY", "cede")),
    ],
)
def test_the_reader_is_told_or_known_by_its_card_or_the_only_one(genre, prises, attendu):
    assert choix(genre, *prises) == attendu


def test_a_reader_that_is_named_is_the_one_whatever_it_serves():
    prises = [prise(A, VITALE_ATR, "cps"), prise(B, VITALE_ATR)]
    assert choix("vitale", *prises, ident="lecteur-a-00-00") == A
    assert choix("vitale", *prises, ident="lecteur-z") == ("E_NO_READER",)
    assert choix("cps", *prises, ident="lecteur-b-00-00") == ("E_CARD_UNKNOWN", "vitale2")


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-10")
def test_the_sentence_names_the_card_that_was_found():
    def phrase(classe):
        erreur = ErreurAgent("E_CARD_UNKNOWN", atr_class=classe)
        return json.loads(build_error("r1", erreur))["error"]["message"]

    assert "carte de professionnel" in phrase("cps")
    assert "ancienne génération" in phrase("vitale1")
    assert "carte Vitale" in phrase("vitale2")
    assert phrase("autre") == phrase(None) == ERREURS["E_CARD_UNKNOWN"][1]


@pytest.mark.cas("agent-12")
@pytest.mark.parametrize(
    ("nom", "serie", "attendu"),
    [
        ("Lecteur A 01 00", "", Materiel("Lecteur A", "01", "00", "")),
        ("Lecteur A (123) 0A 01", "S", Materiel("Lecteur A (123)", "0A", "01", "S")),
        ("Gemplus USB 1", "", Materiel("Gemplus USB", "1", "", "")),
        ("Lecteur", "", Materiel("Lecteur", "", "", "")),
    ],
)
def test_a_reader_s_name_is_taken_apart(nom, serie, attendu):
    assert take_apart(nom, serie) == attendu


def test_virtual_and_contactless_readers_are_told_by_their_names():
    assert prise("SIM Comptoir 00 00").virtuelle
    assert prise("Virtual PCD 00 00").virtuelle
    assert not prise("SIMPLE Reader 00 00").virtuelle
    assert prise("Lecteur NFC 00 00").sans_contact
    assert not prise("Lecteur Clair 00 00").sans_contact


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-12")
def test_uses_are_kept_across_restarts_and_twins_are_asked_again(tmp_path):
    fichier = tmp_path / "lecteurs.json"
    seul, un, deux = (take_apart(nom) for nom in ("Seul 00 00", "Bleu 00 00", "Bleu 01 00"))
    numerote = take_apart("Bleu 02 00", "S1")
    affectations = Affectations(fichier)
    assert affectations.use(seul, [seul]) == ""
    for materiel, usage in ((seul, "vitale"), (un, "vitale"), (deux, "cps"), (numerote, "nfc")):
        affectations.assign(materiel, usage)
        assert affectations.use(materiel, [un, deux, seul]) == usage
    with pytest.raises(ValueError, match="usage"):
        affectations.assign(un, "fax")
    autre = Affectations(fichier)
    assert autre.use(seul, [seul]) == "vitale"
    assert autre.use(numerote, [un, deux]) == "nfc"
    # After a restart nobody saw whether the twins were moved; one of them alone may be either.
    assert [autre.use(m, [un, deux]) for m in (un, deux)] == ["", ""]
    assert autre.use(un, [un]) == ""
    affectations.unplugged(seul)
    assert affectations.use(un, [un, deux]) == "vitale"
    affectations.unplugged(deux)
    assert [affectations.use(m, [un, deux]) for m in (un, deux)] == ["", ""]


@pytest.mark.parametrize("contenu", ["", "{", "[]", '{"Seul|#00|00": "fax"}'])
def test_a_broken_file_of_uses_has_the_workstation_asked_again(tmp_path, contenu):
    fichier = tmp_path / "lecteurs.json"
    fichier.write_text(contenu, encoding="utf-8")
    seul = take_apart("Seul 00 00")
    assert Affectations(fichier).use(seul, [seul]) == ""
