"""The fifty contents of the specification, and hostile text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.protocol.classification import Motifs, is_cip7, lire_code
from tests.outils import lire_tsv_codes

CAS = lire_tsv_codes()
NOMS = {"3400930065785": "LEVOTHYROX 75"}


@pytest.mark.exigence("ORD-25", "AGT-04", "AGT-05")
@pytest.mark.parametrize(
    ("ident", "contenu", "canal", "classe", "numero", "suite", "message"),
    CAS,
    ids=[c[0] for c in CAS],
)
def test_each_content_of_the_specification_is_read_as_written(  # noqa: PLR0913, PLR0917
    ident, contenu, canal, classe, numero, suite, message
):
    lu = lire_code(contenu, canal, nom_produit=NOMS.get)
    assert (lu.classe, lu.suite, lu.numero) == (classe, suite, numero)
    attendu = re.sub(
        r"\s*\((journal|double|réparation|échantillon|casse|lettres cyr)[^)]*\)", "", message
    )
    attendu = re.sub(r"^puis EPU-001.*", "", attendu).strip()
    assert lu.message == attendu


def test_a_second_grammar_is_data_and_not_code():
    motifs = Motifs(ordonnance=r"^ZZ[0-9]{6}$", alphabet="Z0123456789", longueur=8)
    assert lire_code("ZZ123456", "scan", motifs).numero == "ZZ123456"
    assert lire_code("01K7M4QX9TRB2VWZ3H", "scan", motifs).classe == "inconnu"


@given(st.text(max_size=120), st.sampled_from(["scan", "clavier", "saisie"]))
def test_no_text_ever_raises(texte, canal):
    lu = lire_code(texte, canal)
    assert lu.suite in {"appel", "confirmation", "aiguillage", "refus", "rien"}


def test_a_reading_does_not_show_its_content():
    assert "01K7M4" not in repr(lire_code("01K7M4QX9TRB2VWZ3H", "scan"))


def test_old_cip7_key_is_weights_two_to_seven_modulo_eleven():
    assert is_cip7("4949729") is True
    assert is_cip7("4949728") is False
    assert is_cip7("49497²9") is False


def test_a_cip7_without_key_is_read_when_the_medicines_know_it():
    assert (
        lire_code("3006578", "scan", nom_produit={"3006578": "LEVOTHYROX 75"}.get).classe == "acl7"
    )
    assert lire_code("3006578", "scan").classe == "inconnu"
