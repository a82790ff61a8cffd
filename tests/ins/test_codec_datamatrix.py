"""The INS datamatrix we write: as published, and read back by the reader of the workstation."""

import json
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.protocol.ins import parse
from ins.codec.datamatrix import GS, ZONE_CALME, build_datamatrix, draw, modules_of
from ins.rules.matricule import nir_key
from ins.rules.traits import TraitsStricts

ADRUN = TraitsStricts("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "F", "63220")
NIR_ADRUN, OID = "275126322074974", "1.2.250.1.213.1.4.8"


def test_the_usual_code_is_written_as_published():
    assert build_datamatrix(NIR_ADRUN, OID, ADRUN) == (
        "IS010000000000000000000000S1275126322074974S21.2.250.1.213.1.4.8\x1dS3ZOE\x1dS4ADRUN"
        "\x1dS5FS631-12-1975S763220"
    )


@pytest.mark.donnees_partagees
@pytest.mark.exigence("INS-36")
def test_the_published_vectors_are_written_to_the_character(partage):
    vecteurs = json.loads((partage / "data/ins/datamatrix-ins-vectors.json").read_text())["vectors"]
    autre_ordre, gs_ecrits = "blocks in another order", "scanner "
    ecrits = [
        v for v in vecteurs if v["valid"] and not v["name"].startswith((autre_ordre, gs_ecrits))
    ]
    assert len(ecrits) >= 6
    for vecteur in ecrits:
        lu = vecteur["parsed"]
        prenoms = lu["prenoms"]
        traits = TraitsStricts(
            lu["nom_naissance"],
            prenoms,
            prenoms.split(" ", 1)[0],
            date.fromisoformat(lu["date_naissance"]),
            lu["sexe"],
            lu["cog"] or "",
        )
        assert build_datamatrix(lu["matricule"], lu["oid"], traits) == vecteur["raw"]


def test_a_block_at_its_longest_takes_no_separator():
    assert "1.4.10S3ZOE" in build_datamatrix(NIR_ADRUN, "1.2.250.1.213.1.4.10", ADRUN)


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
        build_datamatrix(NIR_ADRUN, OID, traits)


def test_a_wrong_key_is_never_written():
    with pytest.raises(ValueError, match="key"):
        build_datamatrix("275126322074975", OID, ADRUN)


noms = st.from_regex(r"[A-Z]{1,30}([ '\-][A-Z]{1,20}){0,2}", fullmatch=True)
corps = st.from_regex(r"[12][0-9]{2}(0[1-9]|1[0-2])([0-9]{2}|2A|2B)[0-9]{6}", fullmatch=True)


@given(
    nom=noms,
    prenoms=noms,
    naissance=st.dates(date(1900, 1, 1), date(2026, 11, 24)),
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
    lu = parse(code.replace(GS, "") if perdus else code)
    assert lu.refus == ""
    assert lu.champs["matricule"] == matricule
    assert lu.champs["nom_naissance"] == nom
    assert lu.champs["prenoms"] == prenoms
    assert lu.champs["date_naissance"] == naissance.isoformat()
    assert (lu.champs["sexe"], lu.champs.get("cog", "")) == (sexe, cog)


@pytest.mark.exigence("INS-36")
def test_the_path_drawn_is_the_symbol_square_by_square_in_its_quiet_zone():
    texte = build_datamatrix(NIR_ADRUN, OID, ADRUN)
    modules = modules_of(texte)
    symbole = draw(texte)
    assert symbole.cote == len(modules) + 2 * ZONE_CALME
    noirs = set()
    for x, y, largeur in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", symbole.trace):
        noirs |= {(int(x) + rang, int(y)) for rang in range(int(largeur))}
    attendus = {
        (x + ZONE_CALME, y + ZONE_CALME)
        for y, ligne in enumerate(modules)
        for x, noir in enumerate(ligne)
        if noir
    }
    assert noirs == attendus
    assert texte not in repr(symbole)
