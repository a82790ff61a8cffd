"""The matrix of requirements, cases and tests: `make exigences`.

Marks are read from the source (AST): nothing is imported, no server starts. The known ids come from
the specification beside the checkout when it is there; without it the marks are printed and said
unchecked. Exit 1 when a mark names an id that does not exist.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SPECIFICATION = TESTS.parent.parent / "shared" / "spec"
MARQUES = ("exigence", "cas")
PAGES = ("ordonnance", "ins", "dmp", "mssante", "psc", "agent")
_EXIGENCE = re.compile(r"^\| ([A-Z]{3}-\d{2}) \|", re.M)
_CAS = re.compile(r"^\| (?:\*\*)?([A-Z]{0,3}-?\d+[a-z]?)(?:\*\*)? \|", re.M)
_TITRE_CAS = re.compile(r"^## (?:\d+\. )?(?:Test cases|Cases)$", re.M)


@dataclass(frozen=True)
class Marque:
    """One id on one test: `genre` is exigence or cas."""

    genre: str
    ident: str
    test: str


@dataclass(frozen=True)
class Connus:
    """What the specification numbers; None where it is not here to say."""

    exigences: frozenset[str] | None
    cas: dict[str, frozenset[str]]


def read_requirements(texte: str) -> frozenset[str]:
    """Return the ids that have a line of their own in requirements.md."""
    return frozenset(_EXIGENCE.findall(texte))


def read_cases(texte: str) -> frozenset[str]:
    """Return the numbers of the cases of a page: first column under its « cases » title."""
    titres = list(_TITRE_CAS.finditer(texte))
    if not titres:
        return frozenset()
    suite = re.split(r"^## ", texte[titres[-1].end() :], maxsplit=1, flags=re.M)[0]
    return frozenset(_CAS.findall(suite))


def read_known(dossier: Path) -> Connus:
    """Return the ids of the specification folder, or nothing when it is not there."""
    page = dossier / "requirements.md"
    if not page.exists():
        return Connus(None, {})
    cas = {
        nom: read_cases((dossier / f"{nom}.md").read_text(encoding="utf-8"))
        for nom in PAGES
        if (dossier / f"{nom}.md").exists()
    }
    return Connus(read_requirements(page.read_text(encoding="utf-8")), cas)


def read_marks(source: str, fichier: str) -> Iterator[Marque]:
    """Yield the marks of one test file: on functions, classes, `pytestmark` and `pytest.param`."""
    yield from _walk(ast.parse(source), fichier, "", ())


def _walk(
    noeud: ast.AST, fichier: str, chemin: str, herites: tuple[tuple[str, str], ...]
) -> Iterator[Marque]:
    corps = getattr(noeud, "body", [])
    if isinstance(noeud, ast.Module | ast.ClassDef):
        herites += tuple(_of_pytestmark(corps))
    for enfant in corps:
        if not isinstance(enfant, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        propres = tuple(m for d in enfant.decorator_list for m in _of_tree(d))
        if isinstance(enfant, ast.ClassDef):
            yield from _walk(enfant, fichier, f"{chemin}{enfant.name}.", herites + propres)
        elif enfant.name.startswith("test"):
            for genre, ident in dict.fromkeys(herites + propres):
                yield Marque(genre, ident, f"{fichier}::{chemin}{enfant.name}")


def _of_pytestmark(corps: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    for instruction in corps:
        if isinstance(instruction, ast.Assign) and any(
            isinstance(c, ast.Name) and c.id == "pytestmark" for c in instruction.targets
        ):
            yield from _of_tree(instruction.value)


def _of_tree(arbre: ast.AST) -> Iterator[tuple[str, str]]:
    for noeud in ast.walk(arbre):
        if not (isinstance(noeud, ast.Call) and isinstance(noeud.func, ast.Attribute)):
            continue
        porteur = noeud.func.value
        nom = porteur.attr if isinstance(porteur, ast.Attribute) else getattr(porteur, "id", "")
        if noeud.func.attr in MARQUES and nom == "mark":
            yield from ((noeud.func.attr, _literal(argument)) for argument in noeud.args)


def _literal(noeud: ast.expr) -> str:
    return str(noeud.value) if isinstance(noeud, ast.Constant) else f"({ast.unparse(noeud)})"


def read_all(dossier: Path = TESTS) -> list[Marque]:
    """Return every mark of every test file."""
    return [
        marque
        for fichier in sorted(dossier.rglob("test_*.py"))
        for marque in read_marks(
            fichier.read_text(encoding="utf-8"), str(fichier.relative_to(dossier.parent))
        )
    ]


def find_unknown(marques: Iterable[Marque], connus: Connus) -> list[str]:
    """Return one sentence per mark whose id is not in the specification."""
    if connus.exigences is None:
        return []
    return [
        f"{m.test} : {m.genre} « {m.ident} » n'existe pas"
        for m in marques
        if not _exists(m, connus)
    ]


def _exists(marque: Marque, connus: Connus) -> bool:
    if marque.genre == "exigence":
        return connus.exigences is not None and marque.ident in connus.exigences
    page, _, numero = marque.ident.partition("-")
    return numero in connus.cas.get(page, frozenset())


def _sort_key(ident: str) -> tuple[str | int, ...]:
    return tuple(int(p) if p.isdigit() else p for p in re.split(r"(\d+)", ident))


def build_matrix(marques: list[Marque], connus: Connus) -> str:
    """Return the matrix, what has no test last, and the count of each."""
    lignes = []
    for genre, titre, tous in (
        ("exigence", "Exigences", connus.exigences or frozenset()),
        ("cas", "Cas", frozenset(f"{p}-{n}" for p, numeros in connus.cas.items() for n in numeros)),
    ):
        tests: dict[str, list[str]] = {}
        for marque in marques:
            if marque.genre == genre:
                tests.setdefault(marque.ident, []).append(marque.test)
        sans = sorted(tous - tests.keys(), key=_sort_key)
        couverts = len(tests.keys() & tous) if tous else len(tests)
        lignes += ["", f"{titre} : {couverts}" + (f" sur {len(tous)}" if tous else "")]
        for ident in sorted(tests, key=_sort_key):
            lignes += [f"  {ident:<16} {tests[ident][0]}"]
            lignes += [f"  {'':<16} {test}" for test in tests[ident][1:]]
        if sans:
            lignes += [f"{titre}, sans test ({len(sans)}) :", *_by_page(sans)]
    return "\n".join(lignes[1:])


def _by_page(idents: list[str]) -> list[str]:
    groupes: dict[str, list[str]] = {}
    for ident in idents:
        page, _, numero = ident.partition("-")
        groupes.setdefault(page, []).append(numero)
    return [f"  {page:<11} {' '.join(numeros)}" for page, numeros in groupes.items()]


def main(dossier: Path = TESTS, specification: Path = SPECIFICATION) -> int:
    """Print the matrix; return 1 when a mark names nothing."""
    marques, connus = read_all(dossier), read_known(specification)
    sys.stdout.write(build_matrix(marques, connus) + "\n")
    if connus.exigences is None:
        sys.stdout.write(
            "\nLa spécification n'est pas à côté du dépôt : identifiants non vérifiés.\n"
        )
    inconnus = find_unknown(marques, connus)
    for phrase in inconnus:
        sys.stdout.write(f"INCONNU {phrase}\n")
    return 1 if inconnus else 0


if __name__ == "__main__":
    sys.exit(main())
