"""The matrix of `make exigences`: marks are found wherever they stand, ghosts are refused."""

from tests import exigences
from tests.exigences import Connus, Marque

PAGE = """## 2. INS

| id | the product… |
|---|---|
| INS-01 | stores; see INS-99 |
| INS-02 | keeps |

## 6. Test cases

| # | Case |
|---|---|
| 1 | a |
| A2 | b |

## 7. Open questions

| 9 | not a case |
"""

SOURCE = """
import pytest
pytestmark = pytest.mark.exigence("INS-01")

@pytest.mark.cas("ins-1", "ins-A2")
def test_one(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.cas("ins-1"))])
def test_two(x): ...

class TestThree:
    @pytest.mark.exigence("INS-02")
    async def test_in(self): ...

def aide(): ...
"""


def test_ids_are_the_first_column_and_cases_stand_under_their_title():
    assert exigences.read_requirements(PAGE) == {"INS-01", "INS-02"}
    assert exigences.read_cases(PAGE) == {"1", "A2"}
    assert exigences.read_cases("# rien") == set()


def test_marks_are_read_on_functions_parameters_classes_and_modules():
    lues = [(m.genre, m.ident, m.test) for m in exigences.read_marks(SOURCE, "t.py")]
    assert lues == [
        ("exigence", "INS-01", "t.py::test_one"),
        ("cas", "ins-1", "t.py::test_one"),
        ("cas", "ins-A2", "t.py::test_one"),
        ("exigence", "INS-01", "t.py::test_two"),
        ("cas", "ins-1", "t.py::test_two"),
        ("exigence", "INS-01", "t.py::TestThree.test_in"),
        ("exigence", "INS-02", "t.py::TestThree.test_in"),
    ]


def test_a_ghost_is_named_and_a_known_id_is_not():
    connus = Connus(frozenset({"INS-01"}), {"ins": frozenset({"1"})})
    marques = [
        Marque("exigence", "INS-01", "t"),
        Marque("exigence", "INS-77", "t"),
        Marque("cas", "ins-1", "t"),
        Marque("cas", "ins-2", "t"),
        Marque("cas", "epu-1", "t"),
    ]
    assert [p.split("« ")[1].split(" »")[0] for p in exigences.find_unknown(marques, connus)] == [
        "INS-77",
        "ins-2",
        "epu-1",
    ]


def test_an_id_that_is_computed_cannot_be_followed():
    (marque,) = exigences.read_marks("@pytest.mark.cas(nom)\ndef test_x(): ...", "t.py")
    assert exigences.find_unknown([marque], Connus(frozenset(), {})) == [
        "t.py::test_x : cas « (nom) » n'existe pas"
    ]


def test_what_has_no_test_is_listed():
    connus = Connus(frozenset({"INS-01", "INS-02"}), {"ins": frozenset({"1", "2"})})
    marques = [Marque("exigence", "INS-01", "t.py::x"), Marque("cas", "ins-2", "t.py::x")]
    lignes = exigences.build_matrix(marques, connus).splitlines()
    assert lignes[0] == "Exigences : 1 sur 2"
    assert "Exigences, sans test (1) :" in lignes
    assert "  INS         02" in lignes
    assert "Cas : 1 sur 2" in lignes
    assert "  ins         1" in lignes


def test_without_the_specification_the_matrix_is_printed_and_said_unchecked(tmp_path, capsys):
    assert exigences.main(specification=tmp_path) == 0
    assert "identifiants non vérifiés" in capsys.readouterr().out


def test_a_ghost_makes_the_command_fail(tmp_path, capsys):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_x.py").write_text(
        '@pytest.mark.exigence("INS-77")\ndef test_x(): ...\n', encoding="utf-8"
    )
    (tmp_path / "requirements.md").write_text(PAGE, encoding="utf-8")
    assert exigences.main(tmp_path / "tests", tmp_path) == 1
    assert "INCONNU tests/test_x.py::test_x" in capsys.readouterr().out


def test_every_mark_of_this_suite_names_something_that_exists(partage):
    connus = exigences.read_known(partage / "spec")
    assert connus.exigences is not None
    assert len(connus.exigences) == 250
    assert len(connus.cas["ordonnance"]) == 128
    assert exigences.find_unknown(exigences.read_all(), connus) == []
