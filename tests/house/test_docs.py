"""The documents say what the code does: decisions, settings, states, words, links."""

import ast
import hashlib
import re
import runpy

import pytest

from config import env
from ordonnance.rules import etats as etats_ordonnance
from teleservices import etats as etats_envoi
from tests.conftest import RACINE

DOCS = RACINE / "docs"
DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))
PAGES = sorted(
    [
        *RACINE.glob("*.md"),
        *(page for page in DOCS.rglob("*.md")),
        *(page for page in RACINE.glob("*/README.md") if not page.parent.name.startswith(".")),
    ]
)
RUBRIQUES = ["Status", "Context", "Decision", "Consequences"]
CAPTURES = ["connexion", "portail", "vente", "identite", "ordonnance", "controle", "fin", "file"]
# Read elsewhere than in settings: the scripts of docker/, the launcher.
AILLEURS = {"COMPTOIR_SECRETS", "COMPTOIR_X", "COMPTOIR_DONNEES"}
LICENCE_SHA256 = "0d96a4ff68ad6d4b6f1f30f713b18d5184912ba8dd389f86aa7710db079abcb0"


def nom_de(page):
    return str(page.relative_to(RACINE))


def variables_lues(monkeypatch):
    """The names that settings.py asks the environment for, whatever their values."""
    lues = set()
    vrai = env._read_raw

    def note(nom):
        lues.add(f"COMPTOIR_{nom}")
        return vrai(nom)

    monkeypatch.setattr(env, "_read_raw", note)
    runpy.run_path(str(RACINE / "config/settings.py"))
    return lues


def directes(fichier):
    lignes = (RACINE / fichier).read_text(encoding="utf-8").splitlines()
    return [
        re.split(r"[\[<>=!~ ;]", ligne, maxsplit=1)[0]
        for ligne in lignes
        if ligne and not ligne.startswith(("#", "-"))
    ]


def ancre(titre):
    """The anchor that a forge gives to a heading."""
    return re.sub(r"[^\w\- ]", "", titre.strip().lower()).replace(" ", "-")


def ancres(page):
    return {ancre(t) for t in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)}


def dessin(transitions):
    """The state diagram of a table, as docs/architecture.md shows it."""
    lignes = ["stateDiagram-v2", f"    [*] --> {next(iter(transitions))}"]
    for avant, apres in transitions.items():
        lignes += [f"    {avant} --> {suivant}" for suivant in sorted(apres)]
        if not apres:
            lignes.append(f"    {avant} --> [*]")
    return "\n".join(lignes)


@pytest.mark.parametrize("page", DECISIONS, ids=nom_de)
def test_a_decision_has_its_four_parts_none_empty(page):
    texte = page.read_text(encoding="utf-8")
    parties = re.split(r"^## ", texte, flags=re.M)
    assert [partie.split("\n", 1)[0] for partie in parties[1:]] == RUBRIQUES
    assert all(partie.split("\n", 1)[1].strip() for partie in parties[1:])


@pytest.mark.parametrize("page", DECISIONS, ids=nom_de)
def test_a_decision_carries_its_number_and_fits_on_one_page(page):
    texte = page.read_text(encoding="utf-8")
    assert texte.startswith(f"# {page.name[:4]}. ")
    assert len(texte.splitlines()) <= 60


def test_decisions_are_numbered_without_hole_and_listed():
    numeros = [int(page.name[:4]) for page in DECISIONS]
    assert numeros == list(range(1, len(numeros) + 1))
    index = (DOCS / "adr/README.md").read_text(encoding="utf-8")
    assert [page.name for page in DECISIONS if f"]({page.name})" not in index] == []


@pytest.mark.parametrize("fichier", ["requirements.in", "requirements-dev.in"])
def test_each_direct_dependency_has_a_decision(fichier):
    decisions = "\n".join(page.read_text(encoding="utf-8") for page in DECISIONS)
    nommees = {
        nom.split("[", 1)[0].lower() for nom in re.findall(r"`([A-Za-z0-9_.\[\]-]+)`", decisions)
    }
    assert [nom for nom in directes(fichier) if nom.lower() not in nommees] == []


def test_each_variable_read_by_the_settings_is_documented(monkeypatch):
    page = (DOCS / "deploiement.md").read_text(encoding="utf-8")
    citees = set(re.findall(r"`(COMPTOIR_[A-Z_]+)`", page))
    lues = variables_lues(monkeypatch)
    assert "COMPTOIR_PROPRIETAIRE_MOT_DE_PASSE" in lues
    assert sorted(lues - citees) == []


def test_no_documented_variable_is_a_ghost(monkeypatch):
    page = (DOCS / "deploiement.md").read_text(encoding="utf-8")
    citees = {
        nom.removesuffix("_FILE").rstrip("_") for nom in re.findall(r"COMPTOIR_[A-Z_]+", page)
    }
    assert sorted(citees - variables_lues(monkeypatch) - AILLEURS) == []


def test_only_the_settings_read_the_environment_of_the_product():
    coupables = []
    for dossier in ("pharmacy", "teleservices", "ins", "ordonnance", "dmp", "mssante", "psc"):
        for fichier in (RACINE / dossier).rglob("*.py"):
            texte = fichier.read_text(encoding="utf-8")
            if re.search(r"os\.environ|os\.getenv|from config", texte):
                coupables.append(nom_de(fichier))
    assert coupables == []


@pytest.mark.parametrize("page", PAGES, ids=nom_de)
def test_links_between_pages_resolve(page):
    texte = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    casses = []
    for lien in re.findall(r"\]\(([^)\s]+)\)", texte):
        if lien.startswith(("http://", "https://", "mailto:", "images/")):
            continue
        chemin, _, fragment = lien.partition("#")
        cible = (page.parent / chemin).resolve() if chemin else page
        if not cible.exists() or (fragment and fragment not in ancres(cible)):
            casses.append(lien)
    assert casses == []


def test_the_guide_shows_each_picture_and_no_other():
    texte = (DOCS / "guide/index.md").read_text(encoding="utf-8")
    montrees = re.findall(r"\]\(images/([a-z-]+)\.png\)", texte)
    assert sorted(montrees) == sorted(CAPTURES)


def test_the_screens_of_the_guide_are_all_there_once_one_is():
    dossier = DOCS / "guide/images"
    presentes = {image.stem for image in dossier.glob("*.png")}
    assert presentes in (set(), set(CAPTURES))


@pytest.mark.parametrize(
    ("nom", "transitions"),
    [("envoi", etats_envoi.TRANSITIONS), ("ordonnance", etats_ordonnance.TRANSITIONS)],
)
def test_the_state_diagrams_are_those_of_the_code(nom, transitions):
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    bloc = re.search(rf"<!-- états : {nom} -->\s*```mermaid\n(.*?)\n```", page, re.S)
    assert bloc is not None
    assert bloc.group(1) == dessin(transitions)


def test_each_source_quoted_by_the_code_is_listed():
    page = (DOCS / "sources.md").read_text(encoding="utf-8").split("## Texts", 1)[0]
    connues = re.findall(r"^\| `?([A-Za-z.]+)`? \|", page, re.M)
    est_exigence = re.compile(r"^§|\b[A-Z]{3}-\d{2}\b")
    inconnues = []
    for dossier in ("pharmacy", "teleservices", "ins", "ordonnance", "psc", "agent", "config"):
        for fichier in (RACINE / dossier).rglob("*.py"):
            for source in re.findall(r"Source: ([^\n]*)", fichier.read_text(encoding="utf-8")):
                if not (est_exigence.search(source) or any(nom in source for nom in connues)):
                    inconnues.append(f"{nom_de(fichier)} : {source}")
    assert inconnues == []


def test_each_table_has_its_word_in_the_glossary():
    glossaire = (DOCS / "glossaire.md").read_text(encoding="utf-8")
    absents = []
    for dossier in ("pharmacy", "teleservices", "ins", "ordonnance", "psc"):
        fichiers = [*(RACINE / dossier).glob("models.py"), *(RACINE / dossier).glob("models/*.py")]
        for fichier in fichiers:
            arbre = ast.parse(fichier.read_text(encoding="utf-8"))
            for noeud in arbre.body:
                tables = isinstance(noeud, ast.ClassDef) and any(
                    isinstance(n, ast.ClassDef) and n.name == "Meta" for n in noeud.body
                )
                if tables and f"`{noeud.name}`" not in glossaire:
                    absents.append(noeud.name)
    assert absents == []


@pytest.mark.parametrize("page", PAGES, ids=nom_de)
def test_no_page_names_a_machine(page):
    texte = page.read_text(encoding="utf-8")
    assert (
        re.findall(r"/work/|/root/|/home/\w+|pypi\.org|pythonhosted|npmjs|proxy\.golang", texte)
        == []
    )


def test_the_readme_gives_the_command_that_ci_runs():
    readme = (RACINE / "README.md").read_text(encoding="utf-8")
    commande = (RACINE / ".ci/run").read_text(encoding="utf-8").splitlines()[-1]
    assert commande.removeprefix("exec ") in re.findall(r"```sh\n(.*?)\n```", readme, re.S)


def test_the_readme_names_every_folder_of_the_house():
    readme = (RACINE / "README.md").read_text(encoding="utf-8")
    dossiers = {page.parent.name for page in RACINE.glob("*/__init__.py")} - {"tests", "bench"}
    assert sorted(nom for nom in dossiers if f"`{nom}/`" not in readme) == []


def test_the_licence_is_the_one_decided_and_its_text_unchanged():
    assert hashlib.sha256((RACINE / "LICENSE").read_bytes()).hexdigest() == LICENCE_SHA256
    assert "AGPL-3.0-or-later" in (RACINE / "README.md").read_text(encoding="utf-8")
    assert "AGPL-3.0-or-later" in DECISIONS[0].read_text(encoding="utf-8")
