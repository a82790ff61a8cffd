"""The INS block we print: only for a qualified identity, and read back by another library."""

import re
from datetime import date
from html import unescape

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.protocol.ins import parse
from ins.codec.datamatrix import ZONE_CALME, Symbole, build_datamatrix, draw, modules_of
from ins.impression import build_block, may_print
from ins.rules.matricule import nir_key
from ins.rules.traits import TraitsStricts
from pharmacy.identite import ACTIONS
from pharmacy.models import Audit, Patient

OID = "1.2.250.1.213.1.4.8"
MODULE_PX = 4


def rasterise(symbole):
    """Return (bytes, side in pixels) of the grey picture of a symbol: its path is rectangles."""
    noir = [[False] * symbole.cote for _ in range(symbole.cote)]
    morceaux = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", symbole.trace)
    assert "".join(f"M{x} {y}h{n}v1h-{r}z" for x, y, n, r in morceaux) == symbole.trace
    for x, y, largeur, retour in morceaux:
        assert largeur == retour
        for colonne in range(int(x), int(x) + int(largeur)):
            noir[int(y)][colonne] = True
    lignes = []
    for rangee in noir:
        ligne = b"".join((b"\x00" if module else b"\xff") * MODULE_PX for module in rangee)
        lignes += [ligne] * MODULE_PX
    return b"".join(lignes), symbole.cote * MODULE_PX


def read_back(symbole):
    """Return the text that a library we did not write reads in our picture."""
    pixels, cote = rasterise(symbole)
    lus = zxingcpp.read_barcodes(memoryview(pixels).cast("B", (cote, cote)))
    assert [lu.format for lu in lus] == [zxingcpp.BarcodeFormat.DataMatrix]
    return lus[0].bytes.decode("ascii")


def symbol_of(html):
    """Return the symbol that a page draws."""
    cote = re.search(r'class="datamatrix".*?viewBox="0 0 (\d+) \1"', html, re.S).group(1)
    return Symbole(int(cote), re.search(r'<path d="(M[^"]+v1h[^"]+)"', html).group(1))


noms = st.from_regex(r"[A-Z]{1,30}([ '\-][A-Z]{1,20}){0,2}", fullmatch=True)
corps = st.from_regex(r"[12][0-9]{2}(0[1-9]|1[0-2])([0-9]{2}|2A|2B)[0-9]{6}", fullmatch=True)


@pytest.mark.exigence("INS-36")
@settings(max_examples=40)
@given(
    nom=noms,
    prenoms=noms,
    naissance=st.dates(date(1900, 1, 1), date(2026, 11, 24)),
    sexe=st.sampled_from("MF"),
    cog=st.sampled_from(["", "63220", "2A020", "99109"]),
    numero=corps,
    oid=st.sampled_from([OID, "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10"]),
)
def test_what_we_draw_is_read_by_another_library_as_the_same_traits(  # noqa: PLR0913, PLR0917
    nom, prenoms, naissance, sexe, cog, numero, oid
):
    matricule = f"{numero}{nir_key(numero):02d}"
    traits = TraitsStricts(nom, prenoms, prenoms.split(" ", 1)[0], naissance, sexe, cog)
    texte = build_datamatrix(matricule, oid, traits)
    lu = read_back(draw(texte))
    assert lu == texte
    champs = parse(lu).champs
    assert champs["matricule"] == matricule
    assert (champs["oid"], champs["nom_naissance"], champs["prenoms"]) == (oid, nom, prenoms)
    assert champs["date_naissance"] == naissance.isoformat()
    assert (champs["sexe"], champs.get("cog", "")) == (sexe, cog)


def test_the_longest_identity_still_fits_a_symbol():
    traits = TraitsStricts("A" * 100, "B" * 100, "B" * 100, date(1975, 12, 31), "F", "63220")
    texte = build_datamatrix("275126322074974", "1.2.250.1.213.1.4.10", traits)
    assert read_back(draw(texte)) == texte


def test_the_symbol_is_square_with_its_quiet_zone_and_no_gs1_mark():
    symbole = draw("IS01" + "0" * 22)
    modules = modules_of("IS01" + "0" * 22)
    assert ZONE_CALME >= 1
    assert all(len(ligne) == len(modules) for ligne in modules)
    assert symbole.cote == len(modules) + 2 * ZONE_CALME
    pixels, cote = rasterise(symbole)
    marge = ZONE_CALME * MODULE_PX
    assert set(pixels[: cote * marge]) == {255}
    (lu,) = zxingcpp.read_barcodes(memoryview(pixels).cast("B", (cote, cote)))
    assert lu.symbology_identifier == "]d1"


@pytest.fixture
def pat_trois(halle):
    """The qualified patient of the demonstration (an INS of test)."""
    return halle.patient()


@pytest.mark.django_db
@pytest.mark.cas("ins-2")
@pytest.mark.exigence("INS-36")
def test_a_qualified_identity_is_printed_with_its_traits_and_its_symbol(halle, pat_trois):
    reponse = halle.client("A02").get(f"/patients/{pat_trois.pk}/etiquette/")
    assert reponse.status_code == 200
    html = unescape(reponse.content.decode())
    for mot in (pat_trois.nom_naissance, pat_trois.prenoms_naissance, "28/03/1979", "51215"):
        assert mot in html
    assert "Matricule INS (NIR)" in html
    assert "2\u202f79\u202f03\u202f51\u202f215\u202f189\u202f89" in html
    assert "INS à scanner" in html
    lu = parse(read_back(symbol_of(html)))
    assert lu.champs["matricule"] == pat_trois.ins_matricule
    assert lu.champs["nom_naissance"] == pat_trois.nom_naissance
    ligne = Audit.objects.get(acte="ins.imprimer")
    assert (ligne.patient_id, ligne.resultat) == (pat_trois.pk, "ok")


@pytest.mark.django_db
def test_a_name_in_use_is_never_printed_as_a_trait(halle, pat_trois):
    Patient.objects.filter(pk=pat_trois.pk).update(nom_utilise="NOMDUSAGE")
    html = halle.client("A02").get(f"/patients/{pat_trois.pk}/etiquette/").content.decode()
    assert "NOMDUSAGE" not in html


@pytest.mark.django_db
def test_a_waiting_number_says_its_nature(halle, pat_trois):
    Patient.objects.filter(pk=pat_trois.pk).update(ins_oid="1.2.250.1.213.1.4.9")
    html = halle.client("A02").get(f"/patients/{pat_trois.pk}/etiquette/").content.decode()
    assert "Matricule INS (NIA)" in html


@pytest.mark.django_db
@pytest.mark.cas("ins-73", "ins-1")
@pytest.mark.exigence("INS-31", "INS-36")
@pytest.mark.parametrize(
    ("champs", "raison"),
    [
        ({"statut": "RECUP"}, "Identité non qualifiée."),
        ({"statut": "VALI", "ins_empreinte": "", "ins_oid": ""}, "Identité validée, sans INS."),
        ({"statut": "PROV", "ins_empreinte": "", "ins_oid": ""}, "Identité provisoire"),
        (
            {"statut": "PROV", "ins_empreinte": "", "ins_oid": "", "attr_douteux": True},
            "Identité douteuse",
        ),
        ({"sexe": "I"}, "Un trait strict manque"),
        ({"date_naissance": None}, "Un trait strict manque"),
        ({"ins_matricule": "279035121518988"}, "clé inhabituelle"),
    ],
)
def test_what_may_not_be_printed_says_why_and_shows_no_matricule(halle, pat_trois, champs, raison):
    Patient.objects.filter(pk=pat_trois.pk).update(**champs)
    reponse = halle.client("A02").get(f"/patients/{pat_trois.pk}/etiquette/")
    assert reponse.status_code == 409
    html = unescape(reponse.content.decode())
    assert raison in html
    assert "INS-102" in html
    assert "datamatrix" not in html.split("<main")[1].replace("le datamatrix serait refusé", "")
    assert "27903" not in html
    assert Audit.objects.get(acte="ins.imprimer").resultat == "refus"


@pytest.mark.django_db
def test_a_test_authority_is_not_printed_in_production(pat_trois):
    assert may_print(pat_trois, "simulateur").ok
    assert not may_print(pat_trois, "production").ok
    assert "ins.imprimer" in ACTIONS


@pytest.mark.django_db
def test_the_block_names_the_place_of_birth(pat_trois):
    pat_trois.cog_naissance = "99352"
    assert build_block(pat_trois).lieu_nom
    pat_trois.cog_naissance = ""
    assert build_block(pat_trois).lieu_nom == ""
    assert "PAT-TROIS" not in repr(build_block(pat_trois))


@pytest.mark.django_db
def test_somebody_else_s_sheet_does_not_exist(halle, port, pat_trois):
    assert port.client("A01").get(f"/patients/{pat_trois.pk}/etiquette/").status_code == 404
