"""The UserInfo document: what is kept of it, what makes it no document at all."""

import json

import pytest

from psc.rules.identifiant import RppsContradictoire
from psc.rules.situation import IdentifiantsOfficine, choose
from psc.rules.userinfo import (
    LISTE_MAX,
    TAILLE_MAX_OCTETS,
    TEXTE_MAX,
    UserinfoIllisible,
    parse_userinfo,
    read_json,
)
from tests.psc.personnes import AUTRE_FINESS, FINESS, activite, document, exercice, identite

OFFICINE = IdentifiantsOfficine(FINESS, "750000001", "12345678900017")


@pytest.mark.donnees_partagees
@pytest.mark.exigence("PSC-09")
@pytest.mark.parametrize(
    ("nom", "rpps", "exercices", "activites"),
    [
        ("userinfo-carte-medecin-2-activites", "99700427885", 1, 2),
        pytest.param(
            "userinfo-carte-otherIDs-majuscules",
            "99700245667",
            1,
            2,
            marks=pytest.mark.cas("psc-26"),
        ),
        ("userinfo-edit-medecin-5-activites", "", 1, 5),
        ("userinfo-edit-pedicure-podologue-2023", "", 1, 1),
        ("userinfo-sans-exercice", "", 0, 0),
    ],
)
def test_each_genuine_document_is_read(partage, nom, rpps, exercices, activites):
    brut = (partage / f"data/psc/genuine/{nom}.json").read_bytes()
    lue = parse_userinfo(read_json(brut))
    assert lue.rpps == rpps
    assert len(lue.exercices) == exercices
    assert sum(len(e.activites) for e in lue.exercices) == activites
    assert lue.sub
    assert lue.nom


@pytest.mark.donnees_partagees
@pytest.mark.exigence("PSC-15")
def test_each_person_of_the_specification_is_read(partage):
    lues = {}
    for fichier in (partage / "data/psc/synthetic").glob("userinfo-*.json"):
        lue = parse_userinfo(read_json(fichier.read_bytes()))
        professions = {e.profession for e in lue.exercices}
        lues[lue.national] = (lue.genre, lue.rpps, professions)
    assert len(lues) == 8
    assert lues["899700900030"] == ("rpps", "99700900030", {"39"})
    assert lues["899700900048"] == ("rpps", "99700900048", {"60"})
    assert lues["30B0330011/CPE0001"] == ("etablissement", "", set())
    uuid = next(n for n in lues if n.startswith("d2c6b2a4"))
    assert lues[uuid] == ("uuid", "99700900071", {"21"})


@pytest.mark.exigence("PSC-09")
def test_only_what_is_needed_is_kept_and_nothing_of_it_shows_in_a_representation():
    lue = identite(inconnu={"a": 1}, email_verified=False)
    assert lue.noms == ("ESSAI", "ESSAI")
    assert lue.prenoms == ("ALBA", "ALBA")
    assert (lue.civilite, lue.moyen, lue.roles) == ("MME", "CARD", ("21^1.2.250.1.213.1.1.5.5",))
    assert lue.exercices[0].activites[0].raison_sociale == "PHARMACIE D'ESSAI"
    assert "0100000000" not in repr(lue)
    assert "ALBA" not in repr(lue)


def test_a_bare_document_is_enough():
    lue = parse_userinfo({"sub": "s", "preferred_username": "899700123459"})
    assert (lue.national, lue.rpps, lue.exercices, lue.autres) == (
        "899700123459",
        "99700123459",
        (),
        (),
    )


def test_the_civility_is_read_in_both_places_and_null_is_nothing():
    dedans = document(codeCivilite="", family_name=None)
    assert parse_userinfo(dedans).civilite == "MME"
    assert parse_userinfo(dedans).nom == ""
    assert identite(SubjectRefPro=None).civilite == "MME"
    assert identite(SubjectRole=None, codeCivilite=7).civilite == "7"


def test_both_spellings_of_the_other_identifiers_count_together():
    contredit = document(otherIDs=[{"identifiant": "899700900022", "origine": "RPPS"}])
    with pytest.raises(RppsContradictoire):
        _ = parse_userinfo(contredit).rpps


@pytest.mark.parametrize(("rang", "lu"), [(2, 2), ("2", 0), (True, 0), (None, 0)])
def test_a_rank_that_is_no_number_is_none(rang, lu):
    autres = [{"identifiant": "x", "origine": "PSI", "qualite": rang}]
    assert identite(otherIds=autres).autres[0].qualite == lu


@pytest.mark.cas("psc-56")
def test_a_name_of_structure_is_a_text_cut_without_control_characters():
    long = "<script>alert(1)</script>\x00\u202e" + "A" * 10_000
    lue = identite(exercices=[exercice(activite(raisonSocialeSite=long))])
    nom = lue.exercices[0].activites[0].raison_sociale
    assert len(nom) == TEXTE_MAX
    assert nom.startswith("<script>alert(1)</script>  A")


@pytest.mark.cas("psc-57")
@pytest.mark.parametrize(
    "faux",
    [
        {"sub": None},
        {"sub": "  "},
        {"sub": "x" * 256},
        {"sub": 12},
        {"sub": "a\ud800"},
        {"SubjectNameID": "", "preferred_username": ""},
        {"SubjectNameID": "9" * 65, "preferred_username": ""},
        {"SubjectNameID": "899700900014"},
        {"family_name": ["A"]},
        {"family_name": True},
        {"SubjectRefPro": []},
        {"SubjectRefPro": {"exercices": {}}},
        {"SubjectRefPro": {"exercices": [[]]}},
        {"SubjectRefPro": {"exercices": [{"activities": {}}]}},
        {"SubjectRefPro": {"exercices": [{}] * (LISTE_MAX + 1)}},
        {"otherIds": "RPPS"},
        {"SubjectRole": [{}]},
    ],
)
def test_what_is_not_where_it_should_be_refuses_the_document(faux):
    with pytest.raises(UserinfoIllisible):
        parse_userinfo(document(**faux))


@pytest.mark.cas("psc-57")
@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html>Erreur</html>",
        b"[]",
        b'{"sub": "\xff"}',
        b'{"sub": "a", "sub": "b"}',
        b"[" * 100_000,
        b'{"a":"' + b"x" * TAILLE_MAX_OCTETS + b'"}',
    ],
)
def test_what_is_no_json_object_is_refused(octets):
    with pytest.raises(UserinfoIllisible):
        read_json(octets)


def test_a_document_just_as_large_as_allowed_is_read():
    brut = json.dumps(document()).encode()
    brut += b" " * (TAILLE_MAX_OCTETS - len(brut))
    assert parse_userinfo(read_json(brut)).rpps == "99700123459"


@pytest.mark.cas("psc-2")
def test_the_activity_of_this_officine_is_chosen_by_itself():
    lue = identite(exercices=[exercice(activite(AUTRE_FINESS), activite(section="D", mode="S"))])
    choix = choose(lue.exercices, OFFICINE)
    assert (choix.issue, choix.retenue) == ("automatique", choix.candidates[0])
    assert choix.retenue.activite.finess == FINESS
    assert len(choix.toutes) == 2


@pytest.mark.cas("psc-5")
def test_two_exercices_leave_both_selectable():
    hopital = exercice(activite("750000009", "SA01", "H"), nom="AUTRE")
    choix = choose(identite(exercices=[hopital, exercice(activite())]).exercices, OFFICINE)
    assert (choix.issue, choix.retenue.exercice.nom) == ("automatique", "ESSAI")
    assert [s.exercice.nom for s in choix.toutes] == ["AUTRE", "ESSAI"]


@pytest.mark.cas("psc-4")
def test_an_activity_elsewhere_is_not_attached():
    infirmier = exercice(activite("", "SA07", "", identifiantTechniqueDeLaStructure="R1"))
    choix = choose(identite(exercices=[infirmier]).exercices, OFFICINE)
    assert (choix.issue, choix.retenue, choix.candidates) == ("non_rattachee", None, ())
    assert len(choix.toutes) == 1


@pytest.mark.cas("psc-6")
@pytest.mark.parametrize("exercices", [[], [exercice()]])
def test_nobody_is_lost_for_want_of_an_activity(exercices):
    choix = choose(identite(exercices=exercices).exercices, OFFICINE)
    assert choix.issue == "sans_activite"


@pytest.mark.parametrize(
    "membres",
    [
        {"numeroFinessSite": FINESS},
        {"identifiantTechniqueDeLaStructure": f" f{FINESS} "},
        {"numeroSiretSite": "12345678900017"},
        {"numeroFinessetablissementJuridique": "750000001"},
    ],
)
def test_each_identifier_of_the_officine_attaches(membres):
    vide = {"numeroFinessSite": "", "identifiantTechniqueDeLaStructure": ""}
    lue = identite(exercices=[exercice(activite("", **{**vide, **membres}))])
    assert choose(lue.exercices, OFFICINE).issue == "automatique"


def test_an_identifier_that_nobody_has_attaches_nothing():
    vide = activite("", identifiantTechniqueDeLaStructure="")
    lue = identite(exercices=[exercice(vide, vide)])
    for officine in (OFFICINE, IdentifiantsOfficine(""), IdentifiantsOfficine(FINESS)):
        assert choose(lue.exercices, officine).issue == "non_rattachee"


def test_several_activities_here_are_asked_and_the_former_answer_is_proposed():
    exercices = identite(
        exercices=[
            exercice(
                activite(section="A"), activite(section="D", mode="S"), activite(secteur="SA01")
            )
        ]
    ).exercices
    premier = choose(exercices, OFFICINE)
    assert (premier.issue, premier.retenue, len(premier.candidates)) == ("a_demander", None, 2)
    cle = premier.candidates[1].cle
    assert cle == f"21|F{FINESS}|S|D"
    assert choose(exercices, OFFICINE, cle).retenue == premier.candidates[1]
    assert choose(exercices, OFFICINE, "autre").retenue is None
