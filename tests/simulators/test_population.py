"""The people of the simulators: many, the same at each start, nobody twice, valid numbers."""

import csv
import re
import time
from collections import Counter

import pytest

from simulators.population import build_population
from simulators.population.generees import GENRES, GRAINE, LIEUX, generated, household
from simulators.population.officielles import family, published, special
from simulators.population.personnes import OID_NIA, OID_NIR, completed_date

GENS = build_population()
GENEREES = generated()
NOM = re.compile(r"(?! )[A-Z']+(?:[ -]{1,2}[A-Z']+)*")


def of_kind(genre):
    return [p for p in GENEREES if p.genre == genre]


def bare_key(numero):
    """Return the key of thirteen characters, by the second formula of ins.md §1.2."""
    moins = {"2A": 1_000_000, "2B": 2_000_000}.get(numero[5:7], 0)
    return f"{97 - (int(re.sub('[AB]', '0', numero)) - moins) % 97:02d}"


def test_several_thousand_people_are_there_at_once():
    debut = time.perf_counter()
    gens = build_population.__wrapped__(GRAINE + 1)
    assert time.perf_counter() - debut < 1.5
    assert len(gens) > 5000
    assert set(Counter(p.genre for p in GENS)) == {*GENRES, "officielle", "cas"}


def test_one_seed_gives_the_same_people_and_another_gives_others():
    assert generated(GRAINE) == GENEREES
    autres = generated(GRAINE + 1)
    assert {p.ins.matricule for p in autres} != {p.ins.matricule for p in GENEREES}


def test_a_household_does_not_depend_on_what_was_drawn_before():
    par_foyer = {}
    for p in GENEREES:
        par_foyer.setdefault(p.foyer, []).append(p)
    for genre, (_, nombre) in reversed(GENRES.items()):
        for rang in (nombre - 1, nombre // 2, 0):
            assert list(household(GRAINE, genre, rang)) == par_foyer[f"{genre}-{rang:04d}"]


def test_nobody_shares_a_number_former_ones_included():
    numeros = Counter(p.ins.matricule for p in GENS)
    for p in GENS:
        numeros.update({h.matricule for h in p.historique} - {p.ins.matricule})
    assert [n for n, fois in numeros.items() if fois > 1] == []


@pytest.mark.parametrize("graine", [1, 7, 2026, 99_999])
def test_no_seed_meets_a_published_identity(graine):
    connues = [*published(), *family(), *special()]
    numeros = {i.matricule for p in connues for i in (p.ins, *p.historique)}
    traits = {(p.nom, p.sexe, p.naissance) for p in connues}
    for p in generated(graine):
        assert not numeros & {i.matricule for i in (p.ins, *p.historique)}
        assert (p.nom, p.sexe, p.naissance) not in traits


def test_every_generated_number_has_its_shape_and_its_key():
    for p in GENEREES:
        for ins in (p.ins, *p.historique):
            assert re.fullmatch(r"[12]\d{4}(\d{2}|2A|2B)\d{6}", ins.matricule), p.foyer
            assert ins.cle == bare_key(ins.matricule), p.foyer
        assert p.ins.matricule[0] == {"M": "1", "F": "2"}[p.sexe]
        assert p.ins.matricule[1:3] == p.naissance[2:4]


def test_names_are_in_the_profiles_of_the_service():
    for p in GENEREES:
        assert NOM.fullmatch(p.nom), p.nom
        assert not re.search(r"['][ ']|[ ][']", p.nom), p.nom
        assert 1 <= len(p.prenoms) == len(set(p.prenoms))
        assert all(re.fullmatch(r"[A-Z]+(-[A-Z]+)*", prenom) for prenom in p.prenoms)


def test_a_person_is_told_apart_by_traits_unless_drawn_as_a_homonym():
    vus = Counter(
        (p.nom, p.prenoms[0], p.sexe, p.naissance)
        for p in GENEREES
        if not p.genre.startswith("homonyme")
    )
    assert [k for k, fois in vus.items() if fois > 1] == []


def test_a_family_shares_its_name_and_its_place_and_the_children_are_on_one_card():
    foyers = {}
    for p in of_kind("famille"):
        foyers.setdefault(p.foyer, []).append(p)
    assert len(foyers) > 400
    for pere, mere, *enfants in foyers.values():
        assert enfants
        assert {p.lieu for p in (pere, mere, *enfants)} == {pere.lieu}
        assert {e.nom for e in enfants} == {pere.nom}
        assert {e.ouvrant_droit for e in enfants} <= {pere.ins.matricule, mere.ins.matricule}
        assert len({e.ouvrant_droit for e in enfants}) == 1
        assert len({e.prenoms[0] for e in enfants if e.sexe == "F"}) == sum(
            e.sexe == "F" for e in enfants
        )


def test_twins_share_a_day_and_have_a_rank_and_some_are_marie_and_marie_lou():
    enfants = [p for p in of_kind("jumeaux") if p.ouvrant_droit]
    paires = list(zip(enfants[::2], enfants[1::2], strict=True))
    assert all((a.nom, a.naissance, a.lieu) == (b.nom, b.naissance, b.lieu) for a, b in paires)
    assert all((a.rang, b.rang) == (1, 2) and a.prenoms != b.prenoms for a, b in paires)
    assert {("MARIE",), ("MARIE-LOU",)} <= {p.prenoms for p in enfants}


def test_homonyms_differ_by_the_place_alone_or_by_nothing():
    for genre, lieux in (("homonyme", 2), ("homonyme_meme_lieu", 1)):
        gens = of_kind(genre)
        for a, b in zip(gens[::2], gens[1::2], strict=True):
            assert (a.nom, a.prenoms, a.sexe, a.naissance) == (
                b.nom,
                b.prenoms,
                b.sexe,
                b.naissance,
            )
            assert len({a.lieu, b.lieu}) == lieux


def test_corsica_comes_in_its_three_forms():
    gens = of_kind("corse")
    assert {p.ins.matricule[5:7] for p in gens} == {"2A", "2B", "20"}
    assert {p.lieu[:2] for p in gens} == {"2A", "2B", "20"}
    assert all((p.ins.matricule[5:7] == "20") == (p.naissance < "1976") for p in gens)


def test_overseas_abroad_and_waiting_numbers_are_there():
    assert {p.lieu[:2] for p in of_kind("outre_mer")} == {"97", "98"}
    assert {p.lieu[:2] for p in of_kind("etranger")} == {"99"}
    assert {p.ins.oid for p in of_kind("nia")} == {OID_NIA}
    assert {p.ins.oid for p in GENEREES if p.genre != "nia"} == {OID_NIR}


def test_incomplete_civil_status_is_no_calendar_date():
    gens = of_kind("etat_civil_incomplet")
    assert all(p.naissance.endswith("-00") for p in gens)
    assert {bool(p.dates_admises) for p in gens} == {True, False}
    assert {p.naissance[5:7] > "12" for p in gens} == {True, False}


@pytest.mark.parametrize(
    ("brute", "complete"),
    [
        ("1950-00-00", "1950-12-31"),
        ("1950-20-00", "1950-12-31"),
        ("1962-05-00", "1962-05-01"),
        ("1962-13-17", "1962-01-17"),
        ("1962-05-17", "1962-05-17"),
    ],
)
def test_a_date_is_completed_by_the_rules_of_the_rniv(brute, complete):
    assert completed_date(brute) == complete


def test_history_holds_waiting_numbers_and_another_sex():
    anciens = [h for p in of_kind("historique") for h in p.historique]
    assert {h.oid for h in anciens} == {OID_NIR, OID_NIA}
    assert all(
        p.historique[0].matricule[0] != p.ins.matricule[0] for p in of_kind("changement_sexe")
    )


def test_awkward_names_and_used_names_are_there():
    noms = " ".join(p.nom for p in of_kind("nom_compose"))
    assert all(signe in noms for signe in ("--", "'", " DE ", "D'"))
    mariees = of_kind("epouse")
    assert all(p.nom_usuel and p.nom_usuel != p.nom and p.sexe == "F" for p in mariees)


def test_kinds_own_their_places_and_the_published_identities_own_others():
    tous = [lieu for lieux in LIEUX.values() for lieu in lieux]
    assert len(tous) == len(set(tous))
    places = {i.matricule[5:10] for p in (*published(), *family(), *special()) for i in (p.ins,)}
    assert not places & set(tous)


@pytest.mark.donnees_partagees
def test_places_of_birth_are_in_the_insee_table(partage):
    with (partage / "data/ins/cog-communes-2025.csv").open(encoding="utf-8") as fichier:
        communes = {ligne["code"] for ligne in csv.DictReader(fichier)}
    with (partage / "data/ins/cog-pays-2025.csv").open(encoding="utf-8") as fichier:
        pays = {ligne["code"] for ligne in csv.DictReader(fichier)}
    tous = {lieu for lieux in LIEUX.values() for lieu in lieux if not lieu.startswith("98")}
    assert tous - communes - pays == set()
