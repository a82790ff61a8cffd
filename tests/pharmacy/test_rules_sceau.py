"""The seal, pure: bytes that anyone recomputes, and what breaks a link."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from pharmacy.rules.sceau import (
    COLONNES,
    CleInconnue,
    Maillon,
    compute_seal,
    digest_lines,
    digest_month,
    encode_line,
    key_mark,
    link_fault,
)

pytestmark = pytest.mark.exigence("SEC-02")
CLES = ["la-cle", "l-ancienne"]
QUAND = datetime(2026, 11, 25, 13, 0, 0, 120, tzinfo=UTC)
LIGNE = (7, 1, "dossier", QUAND, 2, "titulaire", 3, "patient.ouvrir", "patient:4", 4, "ok", "")
MAILLON = Maillon(
    officine_id=1,
    genre="dossier",
    rang=2,
    nature="lignes",
    mois=date(2026, 11, 1),
    apres=6,
    dernier=9,
    nombre=1,
    empreinte=digest_lines([LIGNE]),
    precedent="f" * 64,
    cle=key_mark("la-cle"),
    scelle_le=QUAND,
)


def test_a_line_is_the_json_of_its_columns_in_universal_time():
    assert len(LIGNE) == len(COLONNES)
    attendu = (
        b'[7,1,"dossier","2026-11-25T13:00:00.000120+00:00",2,"titulaire",3,"patient.ouvrir",'
        b'"patient:4",4,"ok",""]\n'
    )
    assert encode_line(LIGNE) == attendu
    ailleurs = (*LIGNE[:3], QUAND.astimezone(timezone(timedelta(hours=1))), *LIGNE[4:])
    assert encode_line(ailleurs) == attendu
    assert digest_lines([LIGNE, LIGNE]) == hashlib.sha256(attendu * 2).hexdigest()


@pytest.mark.parametrize("rang", range(len(COLONNES)))
def test_each_column_counts(rang):
    autre = (*LIGNE[:rang], QUAND + timedelta(microseconds=1) if rang == 3 else "autre",
             *LIGNE[rang + 1 :])  # fmt: skip
    assert digest_lines([autre]) != digest_lines([LIGNE])


def test_columns_do_not_run_into_one_another():
    un = (*LIGNE[:10], "a", "b")
    assert encode_line((*LIGNE[:10], "ab", "")) != encode_line(un)
    assert encode_line((*LIGNE[:10], 'a","b', "")) != encode_line(un)
    assert encode_line((*LIGNE[:9], None, "ok", "")) != encode_line((*LIGNE[:9], "", "ok", ""))


def test_the_seal_is_an_hmac_that_anyone_with_the_key_recomputes():
    message = json.dumps(
        ["comptoir.sceau.1", 1, "dossier", 2, "lignes", "2026-11-01", 6, 9, 1, MAILLON.empreinte,
         "f" * 64, MAILLON.cle, "2026-11-25T13:00:00.000120+00:00"],
        separators=(",", ":"),
    )  # fmt: skip
    attendu = hmac.new(b"la-cle", message.encode(), hashlib.sha256).hexdigest()
    assert compute_seal(MAILLON, CLES) == attendu
    assert link_fault(MAILLON, attendu, (1, "f" * 64), CLES) == ""


def test_a_seal_under_a_key_of_nobody_is_told():
    with pytest.raises(CleInconnue):
        compute_seal(replace(MAILLON, cle="00000000"), CLES)
    assert link_fault(replace(MAILLON, cle="0"), "", (1, "f" * 64), CLES) == "cle"


@pytest.mark.parametrize(
    ("avant", "faute"),
    [((0, "f" * 64), "rang"), ((2, "f" * 64), "rang"), ((1, "e" * 64), "chaine")],
)
def test_a_link_follows_the_one_before(avant, faute):
    assert link_fault(MAILLON, compute_seal(MAILLON, CLES), avant, CLES) == faute


@pytest.mark.parametrize("champ", [c for c in Maillon.__dataclass_fields__ if c != "cle"])
def test_each_field_of_a_link_is_sealed(champ):
    valeur = getattr(MAILLON, champ)
    autre = {
        int: lambda v: v + 1,
        str: lambda v: v + "x",
        date: lambda v: v + timedelta(days=31),
        datetime: lambda v: v + timedelta(seconds=1),
    }[type(valeur)](valeur)
    change = replace(MAILLON, **{champ: autre})
    assert compute_seal(change, CLES) != compute_seal(MAILLON, CLES)


def test_the_mark_of_a_key_says_nothing_of_it():
    assert key_mark("la-cle") != key_mark("l-ancienne")
    assert "cle" not in key_mark("la-cle")


def test_what_is_kept_of_a_month_depends_on_each_block_and_on_their_order():
    assert digest_month(["a", "b"]) != digest_month(["b", "a"])
    assert digest_month(["ab"]) != digest_month(["a", "b"])
