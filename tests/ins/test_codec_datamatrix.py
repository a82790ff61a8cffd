"""The INS datamatrix: the published vectors, other orders, lost separators, hostile texts."""

import contextlib
import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ins.codec.datamatrix import (
    ENTETE,
    GS,
    DatamatrixRefuse,
    build_datamatrix,
    read_datamatrix,
)
from ins.rules.matricule import nir_key
from ins.rules.traits import TraitsStricts

JOUR = date(2026, 11, 24)
ADRUN = TraitsStricts("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "F", "63220")
BON = build_datamatrix("275126322074974", "1.2.250.1.213.1.4.8", ADRUN)


def lire(texte, environnement="simulateur"):
    return read_datamatrix(texte, environnement, JOUR)


@pytest.mark.donnees_partagees
@pytest.mark.exigence("INS-12")
def test_every_published_vector_is_read_or_refused_as_said(partage):
    vecteurs = json.loads((partage / "data/ins/datamatrix-ins-vectors.json").read_text())["vectors"]
    assert len(vecteurs) >= 15
    for vecteur in vecteurs:
        if not vecteur["valid"]:
            with pytest.raises(DatamatrixRefuse):
                lire(vecteur["raw"])
            continue
        lue, attendu = lire(vecteur["raw"]), vecteur["parsed"]
        assert lue.matricule == attendu["matricule"], vecteur["name"]
        assert lue.oid == attendu["oid"]
        assert lue.traits.prenoms_naissance == attendu["prenoms"]
        assert lue.traits.nom_naissance == attendu["nom_naissance"]
        assert lue.traits.sexe == attendu["sexe"]
        assert str(lue.traits.date_naissance) == attendu["date_naissance"]
        assert lue.traits.cog_naissance == (attendu["cog"] or "")


def test_the_usual_code_is_written_as_published():
    assert BON == (
        "IS010000000000000000000000S1275126322074974S21.2.250.1.213.1.4.8\x1dS3ZOE\x1dS4ADRUN"
        "\x1dS5FS631-12-1975S763220"
    )


def test_a_block_at_its_longest_takes_no_separator():
    code = build_datamatrix("275126322074974", "1.2.250.1.213.1.4.10", ADRUN)
    assert "1.4.10S3ZOE" in code


@pytest.mark.parametrize(
    ("oid", "environnement"),
    [("1.2.250.1.213.1.4.10", "production"), ("1.2.250.1.213.1.4.2", "simulateur")],
)
def test_an_authority_not_accepted_here_is_refused(oid, environnement):
    code = build_datamatrix("275126322074974", oid, ADRUN)
    with pytest.raises(DatamatrixRefuse, match="oid"):
        lire(code, environnement)


@pytest.mark.parametrize("ecrit", ["<GS>", "{GS}", "^]", "␝", "\\x1d", "<gs>"])
def test_separators_written_out_are_read(ecrit):
    assert lire("]d1" + BON.replace(GS, ecrit) + "\r\n") == lire(BON)


def test_lost_separators_are_read_and_said():
    lue = lire(BON.replace(GS, ""))
    assert lue.traits == ADRUN
    assert lue.avertissements == ("separateurs",)


def test_a_name_that_ends_with_s_survives_lost_separators():
    jacques = TraitsStricts("DURANS", "JACQUES", "JACQUES", date(1975, 12, 31), "F", "63220")
    code = build_datamatrix("275126322074974", "1.2.250.1.213.1.4.8", jacques)
    assert lire(code.replace(GS, "")).traits == jacques


@pytest.mark.parametrize(
    ("texte", "code"),
    [
        ("", "entete"),
        ("IS", "entete"),
        ("DC04" + BON[4:], "entete"),
        ("IS02" + BON[4:], "version"),
        (BON.lower(), "clavier"),
        ("IS01" + "à" * 22 + BON[26:], "clavier"),
        (BON.replace("S5F", ""), "manque"),
        (BON + "S5F", "double"),
        (BON.replace("S5F", "S5X"), "sexe"),
        (BON.replace("31-12-1975", "31-02-1975"), "date"),
        (BON.replace("31-12-1975", "31-12-2975"), "date"),
        (BON.replace("31-12-1975", "1975-12-31"), "date"),
        (BON.replace("ADRUN", "ADR4N"), "nom"),
        (BON.replace("ADRUN", "Adrun"), "nom"),
        (BON.replace("S763220", "S76322A"), "cog"),
        (BON.replace("S763220", "S7632"), "decoupage"),
        (BON.replace("S3ZOE", "S3"), "decoupage"),
        (BON.replace("974S2", "975S2"), "cle"),
        (ENTETE + "X9", "separateurs"),
        (ENTETE, "manque"),
    ],
)
def test_what_is_wrong_is_refused_with_a_stable_code_and_a_sentence(texte, code):
    with pytest.raises(DatamatrixRefuse) as refus:
        lire(texte)
    assert refus.value.code == code
    assert refus.value.phrase.endswith(".")


def test_reserved_zeros_unknown_blocks_and_another_sex_are_said_and_read():
    code = "IS011" + "0" * 21 + BON[26:] + GS + "Z9quelque chose" + GS
    assert lire(code).avertissements == ("entete_reservee", "bloc_inconnu")
    autre = TraitsStricts("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "M", "")
    assert lire(
        build_datamatrix("275126322074974", "1.2.250.1.213.1.4.8", autre)
    ).avertissements == ("sexe_matricule",)


@pytest.mark.parametrize(
    "traits",
    [
        TraitsStricts("ADRUN", "ZOE", "ZOE", None, "F"),
        TraitsStricts("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "I"),
        TraitsStricts("", "ZOE", "ZOE", date(1975, 12, 31), "F"),
        TraitsStricts("A" * 101, "ZOE", "ZOE", date(1975, 12, 31), "F"),
    ],
)
def test_an_identity_that_cannot_be_written_is_refused(traits):
    with pytest.raises(ValueError, match=r"identity|block"):
        build_datamatrix("275126322074974", "1.2.250.1.213.1.4.8", traits)


def test_a_representation_shows_neither_matricule_nor_name():
    assert "ADRUN" not in repr(lire(BON))
    assert "275126" not in repr(lire(BON))


noms = st.from_regex(r"[A-Z]{1,30}([ '\-][A-Z]{1,20}){0,2}", fullmatch=True)
corps = st.from_regex(r"[12][0-9]{2}(0[1-9]|1[0-2])([0-9]{2}|2A|2B)[0-9]{6}", fullmatch=True)


@given(
    nom=noms,
    prenoms=noms,
    naissance=st.dates(date(1900, 1, 1), JOUR),
    sexe=st.sampled_from("MF"),
    cog=st.sampled_from(["", "63220", "2A020", "99109"]),
    numero=corps,
    oid=st.sampled_from(["8", "9", "10"]),
    perdus=st.booleans(),
)
def test_what_is_written_is_read_back_even_without_separators(  # noqa: PLR0913, PLR0917
    nom, prenoms, naissance, sexe, cog, numero, oid, perdus
):
    traits = TraitsStricts(nom, prenoms, prenoms.split(" ", 1)[0], naissance, sexe, cog)
    matricule = f"{numero}{nir_key(numero):02d}"
    code = build_datamatrix(matricule, f"1.2.250.1.213.1.4.{oid}", traits)
    lue = lire(code.replace(GS, "") if perdus else code)
    assert (lue.matricule, lue.traits) == (matricule, traits)


@given(st.text(max_size=150))
def test_no_text_ever_raises_anything_else(texte):
    for essai in (texte, ENTETE + texte, BON[:70] + texte):
        with contextlib.suppress(DatamatrixRefuse):
            lire(essai)
