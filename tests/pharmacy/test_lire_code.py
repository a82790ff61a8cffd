"""`manage.py lire_code`: the JSON always, and an exit code that a script can believe."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

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
