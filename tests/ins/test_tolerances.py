"""Differences between a document and the traits: which count, and what the officine may change."""

import re
from dataclasses import replace
from datetime import date

import pytest

from ins.reglages import TOLERANCES, tolerances_of, tolerated_words
from ins.rules.traits import (
    Tolerances,
    TraitsStricts,
    diff,
    diff_piece,
    is_same_completed,
    is_same_town,
)
from pharmacy import parametres
from tests.ins.dossiers import dossier, fuse, with_ins, with_piece
from tests.ins.scene import accept, appel_of

ANNE = TraitsStricts("NOVEL", "ANNE MARIE", "ANNE", date(1971, 3, 2), "F", "75056")


@pytest.mark.parametrize(
    ("vus", "champ", "ecart"),
    [
        (replace(ANNE, prenoms_naissance="ANNE"), "prenoms_suivants", "prenoms_naissance"),
        (replace(ANNE, prenoms_naissance=""), "prenoms_suivants", "prenoms_naissance"),
        (replace(ANNE, cog_naissance=""), "lieu_absent", "cog_naissance"),
        (replace(ANNE, cog_naissance="75115"), "arrondissement", "cog_naissance"),
        (
            replace(ANNE, date_naissance=date(1971, 12, 31), date_interpretee=True),
            "date_interpretee",
            "date_naissance",
        ),
    ],
)
def test_what_is_tolerated_counts_once_the_officine_says_so(vus, champ, ecart):
    assert diff_piece(vus, ANNE) == ()
    assert diff_piece(vus, ANNE, replace(Tolerances(), **{champ: False})) == (ecart,)
    autres = {nom: False for nom in Tolerances.__dataclass_fields__ if nom != champ}
    assert diff_piece(vus, ANNE, replace(Tolerances(), **autres)) == ()


@pytest.mark.parametrize(
    ("champ", "valeur"),
    [
        ("nom_naissance", "DUPONT"),
        ("premier_prenom", "MARIE"),
        ("date_naissance", date(1971, 3, 3)),
        ("date_naissance", date(1971, 12, 31)),
        ("sexe", "M"),
        ("cog_naissance", "69123"),
        ("cog_naissance", "13201"),
    ],
)
def test_what_diverges_is_never_tolerated(champ, valeur):
    """A date that nobody completed is a date, even the 31st of December."""
    assert diff_piece(replace(ANNE, **{champ: valeur}), ANNE) == (champ,)


def test_separators_accents_and_corsica_never_count():
    corse = replace(ANNE, cog_naissance="2A020")
    vus = replace(
        corse, nom_naissance="NOVEL", cog_naissance="20020", prenoms_naissance="ANNE-MARIE"
    )
    rien = Tolerances(*[False] * 4)
    assert diff_piece(replace(vus, premier_prenom="ANNE"), corse, rien) == ()


def test_what_insi_answers_is_still_shown_whole():
    """Tolerances are about a document; an answer that differs waits for a person (§3.6, 8)."""
    assert diff(replace(ANNE, cog_naissance="75115"), ANNE) == ("cog_naissance",)
    interpretee = replace(ANNE, date_naissance=date(1971, 12, 31), date_interpretee=True)
    assert diff(interpretee, ANNE) == ("date_naissance",)


@pytest.mark.parametrize(
    ("un", "autre", "meme"),
    [
        ("75056", "75115", True),
        ("69385", "69123", True),
        ("13055", "13201", True),
        ("75101", "75115", False),
        ("75056", "69385", False),
        ("", "75056", False),
        ("75056", "", False),
    ],
)
def test_an_arrondissement_is_its_town(un, autre, meme):
    assert is_same_town(un, autre) is meme


@pytest.mark.parametrize(
    ("completee", "reelle", "peut"),
    [
        (date(1950, 12, 31), date(1950, 6, 12), True),
        (date(1962, 5, 1), date(1962, 5, 17), True),
        (date(1962, 5, 1), date(1962, 6, 1), False),
        (date(1962, 5, 1), date(1962, 6, 17), False),
        (date(1962, 1, 17), date(1962, 6, 17), True),
        (date(1962, 1, 17), date(1962, 6, 18), False),
        (date(1962, 1, 1), date(1962, 1, 17), True),
        (date(1962, 1, 1), date(1962, 6, 1), True),
        (date(1962, 1, 1), date(1962, 6, 17), False),
        (date(1950, 12, 31), date(1951, 6, 12), False),
        (date(1962, 5, 17), date(1962, 5, 17), True),
    ],
)
def test_a_completed_day_stands_for_what_it_may_have_been(completee, reelle, peut):
    assert is_same_completed(completee, reelle) is peut


# In the officine


def _ne_comptent_pas(page):
    return re.search(r"Ne comptent pas : ([^<]*)\.", page).group(1)


def _refuser(halle, cle):
    parametres.modifier(halle.administrateur(), cle, "non")


@pytest.mark.django_db
@pytest.mark.exigence("TIT-06")
@pytest.mark.parametrize("cle", list(TOLERANCES))
def test_each_is_a_setting_of_identitovigilance_said_on_the_dialog(halle, cle):
    champ, mot, *_ = TOLERANCES[cle]
    patient = dossier(halle)
    url = f"/patients/{patient.pk}/identite/qualifier/"
    page = halle.client("A01").get(url).content.decode()
    assert tolerances_of(halle.officine.pk) == Tolerances()
    assert mot in _ne_comptent_pas(page)
    sections = {reglage.cle: reglage.section for reglage in parametres.reglage_list()}
    assert sections[cle] == "Identitovigilance"
    _refuser(halle, cle)
    assert tolerances_of(halle.officine.pk) == replace(Tolerances(), **{champ: False})
    assert mot not in tolerated_words(halle.officine.pk)
    assert mot not in _ne_comptent_pas(halle.client("A01").get(url).content.decode())


@pytest.mark.django_db
@pytest.mark.cas("ins-4", "ins-5")
@pytest.mark.parametrize(("tolere", "statut"), [(True, "QUAL"), (False, "RECUP")])
def test_a_document_without_place_agrees_with_insi_unless_the_officine_wants_it(
    comptoir, tolere, statut
):
    """VALI then INSi 00: the file had no place, INSi gives one (T8, else T9)."""
    acteur = comptoir.troupe.acteur()
    if not tolere:
        _refuser(comptoir.troupe, "ins.tolerer_lieu")
    patient = comptoir.controlee(date(1975, 12, 31))
    appel = appel_of(patient)
    if appel.decision == "en_attente":
        accept(acteur, appel)
    patient.refresh_from_db()
    assert patient.cog_naissance
    assert patient.statut == statut


@pytest.mark.django_db
@pytest.mark.exigence("INS-28")
@pytest.mark.parametrize(("tolere", "statut"), [(True, "QUAL"), (False, "RECUP")])
def test_a_merge_weighs_a_document_by_the_same_settings(halle, tolere, statut):
    if not tolere:
        _refuser(halle, "ins.tolerer_lieu")
    ins = with_ins(dossier(halle, cog_naissance="63220"))
    piece = with_piece(dossier(halle))
    fuse(halle, ins, piece)
    assert ins.statut == statut
