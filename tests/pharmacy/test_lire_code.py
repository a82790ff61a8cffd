"""`manage.py lire_code`: the JSON always, and an exit code that a script can believe."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from pharmacy.motifs import motifs_en_vigueur
from tests.outils import lire_tsv_codes

pytestmark = pytest.mark.django_db
CAS = lire_tsv_codes()


def _lire(texte, *options):
    """Return (exit code, JSON object)."""
    sortie, code = StringIO(), 0
    try:
        call_command("lire_code", *options, "--", texte, stdout=sortie)
    except SystemExit as exc:
        code = exc.code
    return code, json.loads(sortie.getvalue())


@pytest.mark.exigence("AGT-04", "ORD-25")
@pytest.mark.parametrize(
    ("contenu", "canal", "classe", "suite"),
    [(c[1], c[2], c[3], c[5]) for c in CAS],
    ids=[c[0] for c in CAS],
)
def test_what_the_screen_refuses_exits_with_one_and_the_rest_with_zero(
    contenu, canal, classe, suite
):
    code, lu = _lire(contenu, "--canal", canal)
    assert (lu["classe"], lu["suite"]) == (classe, suite)
    assert code == int(suite in {"refus", "rien"})


GENRES = {
    "gs1": (
        r"]d201034009300657851728053110LT1\x1d21S1",
        0,
        {"cip13": "3400930065785", "lot": "LT1"},
    ),
    "ins_datamatrix": (
        r"IS010000000000000000000000S1279035121518989S21.2.250.1.213.1.4.10"
        r"S3DOMINIQUE\x1dS4PAT-TROIS\x1dS5FS628-03-1979S751215",
        0,
        {"date_naissance": "1979-03-28", "oid": "1.2.250.1.213.1.4.10"},
    ),
    "2ddoc": (
        r"]d1DC04FR0000011FFF20000702FR10SPECIMEN\x1d\x1fABC234",
        1,
        {"version": "04", "type": "07", "emission": "2022-06-05", "signe": "oui"},
    ),
    "apcv": (r"]Q1APCVSIM1.xyz", 0, {"contexte": "APCVSIM1.xyz"}),
    "ordonnance": (r"]Q101K7M4QX9TRB2VWZ3H", 0, {}),
    "attestation_amc": (r"]d1AMCSIM1|9|HT", 0, {"brut": "AMCSIM1|9|HT"}),
    "ean13": (r"]E04006381333931", 0, {"ean13": "4006381333931", "cip13": ""}),
    "acl7": (r"]A04949729", 0, {"cip7": "4949729"}),
    "url": (r"https://example.org/", 1, {}),
    "badge": (r"OP-0012", 0, {"badge": "OP-0012"}),
    "inconnu": (r"Bonjour", 1, {}),
}


@pytest.mark.exigence("AGT-04")
@pytest.mark.parametrize("classe", GENRES)
def test_every_class_of_the_specification_has_its_kind_and_its_fields(classe, settings):
    settings.BADGE_REGEX = "^OP-[0-9]{4}$"
    motifs_en_vigueur.cache_clear()
    try:
        texte, attendu, champs = GENRES[classe]
        code, lu = _lire(texte, "--echappe")
    finally:
        motifs_en_vigueur.cache_clear()
    assert (code, lu["classe"]) == (attendu, classe)
    assert champs.items() <= lu["champs"].items()
    assert {"suite", "message", "erreurs", "symbole", "repare", "ambigu", "candidats"} <= set(lu)


@pytest.mark.cas("agent-72")
def test_what_is_wrong_in_a_code_is_told_field_by_field():
    for texte, erreurs in (
        (r"]d2010340093006578517281331", ["date_17"]),
        (r"]d201034009300657851728053199ZZ", ["ai_inconnu"]),
        (r"]d2010340093006578617280531", ["gtin_cle"]),
        (r"DC04??", ["2ddoc_entete"]),
    ):
        assert _lire(texte, "--echappe")[1]["erreurs"] == erreurs
    perdu = _lire("]d20103400930065785" + "1728053110ABC21XYZ1234")[1]
    assert perdu["ambigu"] is True
    assert len(perdu["candidats"]) >= 2
    assert perdu["champs"]["lot"] == ""


@pytest.mark.exigence("INS-12", "AGT-04")
def test_every_published_datamatrix_of_an_ins_is_read_or_refused_as_written(partage):
    fichier = partage / "data/ins/datamatrix-ins-vectors.json"
    vecteurs = json.loads(fichier.read_text(encoding="utf-8"))["vectors"]
    assert len(vecteurs) == 15
    for vecteur in vecteurs:
        code, lu = _lire(vecteur["raw"])
        assert code == int(not vecteur["valid"]), vecteur["name"]
        if vecteur["valid"]:
            attendu = {nom: v for nom, v in vecteur["parsed"].items() if v is not None}
            assert (lu["classe"], lu["champs"]) == ("ins_datamatrix", attendu), vecteur["name"]
        else:
            assert lu["suite"] == "refus"
            assert lu["message"]


@pytest.mark.parametrize(
    ("texte", "code", "classe"),
    [
        (r"\x0201K7M4QX9TRB2VWZ3H\x03\r", 0, "ordonnance"),
        (r"01K7M4QX\x009TRB2VWZ3H", 1, "inconnu"),
        (r"]d20103400930065785\u001d21\\", 0, "gs1"),
        (r"\ud800", 1, "inconnu"),
        (r"\r\n", 1, "rejet"),
        ("é", 1, "inconnu"),
    ],
)
def test_escaped_text_is_read_as_the_device_sends_it(texte, code, classe):
    obtenu, lu = _lire(texte, "--echappe")
    assert (obtenu, lu["classe"]) == (code, classe)


@pytest.mark.parametrize("texte", [r"\q", "01K7\\", r"\x4", r"\u12", r"\xzz"])
def test_a_broken_escape_is_a_sentence(texte):
    with pytest.raises(CommandError, match="Échappement inconnu"):
        _lire(texte, "--echappe")


def test_bytes_that_are_no_text_still_give_json():
    octet = "\udc80"  # what Python makes of a byte 0x80 on the command line
    assert _lire(octet)[0] == 1
    code, lu = _lire(f"APCVSIM1.{octet}")
    assert (code, lu["champs"]["contexte"]) == (0, f"APCVSIM1.{octet}")
