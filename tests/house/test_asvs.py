"""docs/asvs.md says the whole truth: each item once, each test there, nothing open in silence."""

import ast
import re

import pytest
from django.conf import settings

from pharmacy import parametres
from pharmacy.mots_de_passe import disclosed
from pharmacy.rules import mot_de_passe
from pharmacy.services import connexion, secret
from tests.conftest import RACINE

pytestmark = pytest.mark.exigence("SEC-10")
PAGE = RACINE / "docs/asvs.md"
# Levels of the items of ASVS 5.0.0, in their order: V3, V6, V7, V8, V10 and V16.
NIVEAUX = {
    "3.1": "3",
    "3.2": "113",
    "3.3": "12223",
    "3.4": "11222233",
    "3.5": "11122333",
    "3.6": "3",
    "3.7": "22333",
    "6.1": "122",
    "6.2": "111111112222",
    "6.3": "11223333",
    "6.4": "112233",
    "6.5": "22222333",
    "6.6": "2223",
    "6.7": "33",
    "6.8": "2222",
    "7.1": "222",
    "7.2": "1111",
    "7.3": "22",
    "7.4": "11222",
    "7.5": "223",
    "7.6": "22",
    "8.1": "1233",
    "8.2": "1123",
    "8.3": "133",
    "8.4": "23",
    "10.1": "22",
    "10.2": "223",
    "10.3": "22223",
    "10.4": "1111122222233333",
    "10.5": "22222",
    "10.6": "22",
    "10.7": "222",
    "16.1": "2",
    "16.2": "22222",
    "16.3": "2222",
    "16.4": "222",
    "16.5": "2223",
}
ATTENDUS = {
    f"{section}.{rang}": niveau
    for section, niveaux in NIVEAUX.items()
    for rang, niveau in enumerate(niveaux, 1)
}
ETATS = ("tenu", "sans objet", "ouvert")


def _lignes():
    motif = r"^\| (\d+\.\d+\.\d+) \| (\d) \| ([^|]+) \| ([^|]+) \| (.+) \|$"
    return re.findall(motif, PAGE.read_text(encoding="utf-8"), re.M)


LIGNES = _lignes()


def _tests_of(fichier):
    return {
        n.name
        for n in ast.parse((RACINE / fichier).read_text(encoding="utf-8")).body
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_item_is_there_once_at_its_level():
    assert [numero for numero, *_ in LIGNES] == list(ATTENDUS)
    assert {numero: niveau for numero, niveau, *_ in LIGNES} == ATTENDUS


@pytest.mark.parametrize("ligne", LIGNES, ids=lambda ligne: ligne[0])
def test_a_row_is_short_and_has_its_test_or_its_reason(ligne):
    _numero, _niveau, mots, etat, preuve = ligne
    assert etat in ETATS
    assert 1 < len(mots.split()) <= 12
    nomme = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", preuve)
    if etat == "tenu":
        assert nomme, preuve
        assert nomme[2] in _tests_of(nomme[1]), preuve
    else:
        assert nomme is None
        assert len(preuve) > 1


def test_what_is_open_is_counted_and_listed():
    page = PAGE.read_text(encoding="utf-8")
    nombres = {etat: sum(x[3] == etat for x in LIGNES) for etat in ETATS}
    tenus, sans, ouverts = (nombres[etat] for etat in ETATS)
    assert f"Items: {tenus} tenus, {sans} sans objet, {ouverts} ouverts." in page
    liste = page.split("## Open", 1)[1].split("\n## ", 1)[0]
    dits = dict(re.findall(r"^- \*\*([\d.]+)\*\*: (.+)\.$", liste, re.M))
    assert dits == {numero: raison for numero, *_, etat, raison in LIGNES if etat == "ouvert"}


def _section(titre):
    return PAGE.read_text(encoding="utf-8").split(f"### {titre}\n", 1)[1].split("\n##", 1)[0]


def test_the_decisions_that_the_standard_asks_for_are_written_and_are_those_of_the_code():
    entrees, mots, sessions = (_section(t) for t in ("Ways in", "Passwords", "Sessions"))
    assert f"after {connexion.ESSAIS} failures" in entrees
    assert f"{connexion.PREMIER_BLOCAGE_S} s of wait" in entrees
    assert f"up to {connexion.BLOCAGE_MAX_S // 60} minutes" in entrees
    assert secret.ESSAIS_A_DIRE == 3
    assert "Three refusals" in " ".join(entrees.split())
    longueur = settings.AUTH_PASSWORD_VALIDATORS[0]["OPTIONS"]["min_length"]
    assert f"{longueur} characters at least" in mots
    assert f"the {len(disclosed()):,} most disclosed" in mots
    assert f"{mot_de_passe.RESTE_MIN} characters must stay" in " ".join(mots.split())
    (verrou,) = [r for r in parametres.reglage_list() if r.cle == "session.verrouillage_minutes"]
    assert f"{verrou.defaut} minutes by default, a setting from {verrou.mini} to {verrou.maxi}" in (
        sessions
    )
    assert f"At most {settings.SESSION_COOKIE_AGE // 3600} hours" in sessions
    for titre in ("Rights", "Logs", "Browsers"):
        assert len(_section(titre)) > 300


def test_each_file_that_opens_a_session_is_in_the_page():
    """Whoever calls Django's doors is a way in, and is written as one."""
    portes = re.compile(r"\b(login|update_session_auth_hash)\(request\b|\bSessionStore\(\)")
    connus = _section("Ways in")
    ouvrent = {
        fichier.relative_to(RACINE).as_posix()
        for app in ("pharmacy", "ins", "ordonnance", "teleservices", "psc", "config")
        for fichier in (RACINE / app).rglob("*.py")
        if portes.search(fichier.read_text(encoding="utf-8").replace("SessionStore().decode", ""))
    }
    assert ouvrent
    assert {fichier for fichier in ouvrent if f"`{fichier}`" not in connus} == set()
