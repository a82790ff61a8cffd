"""The laws of the screens: templates, JavaScript, words, headers."""

import ast
import re
import subprocess

import pytest

from tests.conftest import RACINE
from tests.house.test_code import PRODUIT, arbre, fichiers, nom_de

GABARITS = sorted((RACINE / "templates").rglob("*.html"))
SCRIPTS = sorted((RACINE / "static/js").glob("*.js"))
# Fragments that another template has already rendered and escaped.
DEJA_RENDU = {
    "templates/pharmacy/vente.html": 3,
    "templates/pharmacy/_lignes.html": 1,
    "templates/pharmacy/_fragment.html": 1,
    "templates/pharmacy/fin.html": 1,
}
JS_EN_TOUT, JS_PAR_FICHIER = 720, 150
BANNIS = re.compile(r"veuillez|erreur inattendue|oups|s'il vous plaît|merci de", re.I)


def balises(texte):
    return re.findall(r"<[a-zA-Z][^<>]*>", re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", texte))


@pytest.mark.exigence("SEC-10")
@pytest.mark.parametrize("page", GABARITS, ids=nom_de)
def test_no_handler_no_style_and_no_script_in_a_template(page):
    texte = page.read_text(encoding="utf-8")
    for balise in balises(texte):
        assert not re.search(r"\s(on[a-z]+|style|hx-on[:\w-]*)\s*=", balise), balise
        assert not re.search(r"=\s*[\"']?\s*(javascript|js):", balise, re.I), balise
    for ouverture, dedans in re.findall(r"(<script\b[^>]*>)(.*?)</script>", texte, re.S):
        assert "nonce" in ouverture
        assert dedans.strip() == "" or 'type="application/json"' in ouverture
    assert "<style" not in texte


@pytest.mark.exigence("SEC-10")
def test_html_is_trusted_only_where_a_template_made_it():
    confiance = {
        nom_de(page): n
        for page in GABARITS
        if (n := len(re.findall(r"\|safe\b|autoescape off|\|safeseq", page.read_text("utf-8"))))
    }
    assert confiance == DEJA_RENDU
    python = [
        nom_de(f)
        for f in fichiers(*PRODUIT)
        if re.search(r"\bmark_safe|SafeString\(", f.read_text("utf-8"))
    ]
    assert python == []


@pytest.mark.exigence("SEC-10")
@pytest.mark.parametrize("adresse", ["/", "/connexion/", "/n-existe-pas/"])
def test_each_answer_forbids_what_is_not_ours_and_draws_a_new_nonce(halle, adresse):
    client = halle.client()
    nonces = set()
    for _ in range(2):
        reponse = client.get(adresse)
        politique = dict(
            p.strip().split(" ", 1)
            for p in reponse["Content-Security-Policy"].split(";")
            if p.strip()
        )
        assert politique["default-src"] == "'none'"
        assert "unsafe" not in reponse["Content-Security-Policy"]
        assert politique["frame-ancestors"] == politique["base-uri"] == "'none'"
        (nonce,) = re.findall(r"'nonce-([\w-]{20,})'", politique["script-src"])
        nonces.add(nonce)
        for script in re.findall(r"<script\b[^>]*>", reponse.content.decode()):
            assert f'nonce="{nonce}"' in script
    assert len(nonces) == 2


def test_htmx_evaluates_nothing():
    base = (RACINE / "templates/base.html").read_text(encoding="utf-8")
    assert re.search(r'"allowEval"\s*:\s*false', base)


def test_our_javascript_stays_small():
    lignes = {s.name: len(s.read_text(encoding="utf-8").splitlines()) for s in SCRIPTS}
    assert {nom: n for nom, n in lignes.items() if n > JS_PAR_FICHIER} == {}
    assert sum(lignes.values()) <= JS_EN_TOUT


@pytest.mark.exigence("SEC-10")
@pytest.mark.parametrize("script", SCRIPTS, ids=nom_de)
def test_a_script_evaluates_nothing(script):
    texte = script.read_text(encoding="utf-8")
    assert not re.search(r"\beval\(|new Function|document\.write|insertAdjacentHTML", texte)


@pytest.mark.exigence("SEC-10")
def test_a_script_reads_no_global_that_a_page_could_name():
    """An element's name or id becomes a property of window and document: none is read as one."""
    plateforme = {
        *("document.activeElement", "document.addEventListener", "document.body"),
        *("document.createElement", "document.dispatchEvent", "document.getElementById"),
        *("document.hidden", "document.querySelector", "document.querySelectorAll"),
        *("window.addEventListener", "window.location", "window.htmx"),  # htmx: its own script
    }
    lus = set()
    for script in SCRIPTS:
        texte = script.read_text(encoding="utf-8")
        lus |= set(re.findall(r"\b(?:window|document|globalThis|self)\.\w+", texte))
        assert not re.search(r"\b(?:window|document|globalThis|self)\[", texte), script.name
        assert not re.search(r"^\s*var |addEventListener\('message', [^)]*\bwindow", texte, re.M)
    assert lus == plateforme
    assert 'type="module"' in (RACINE / "templates/base.html").read_text(encoding="utf-8")


def test_html_enters_a_page_by_one_door_only():
    """The stream's fragments, made by the server's templates, through a <template> element."""
    portes = [
        (s.name, ligne.strip())
        for s in SCRIPTS
        for ligne in s.read_text(encoding="utf-8").splitlines()
        if re.search(r"\.(inner|outer)HTML\s*=", ligne)
    ]
    assert portes == [("flux.js", "modele.innerHTML = html;")]


def phrases():
    """Every text that may reach a screen: templates without tags, sentences of the code."""
    for page in GABARITS:
        texte = re.sub(r"\{%.*?%\}|\{#.*?#\}|<!--.*?-->", " ", page.read_text("utf-8"), flags=re.S)
        for bout in re.split(r"<[^<>]*>|\{\{.*?\}\}", texte):
            if bout.strip():
                yield nom_de(page), bout.strip()
    for fichier in fichiers(*PRODUIT):
        documents = {
            id(n.body[0].value)
            for n in ast.walk(arbre(fichier))
            if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(n) is not None
        }
        textes = [
            n.value
            for n in ast.walk(arbre(fichier))
            if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in documents
        ]
        for texte in textes:
            if re.match(r"[A-ZÀÉÊ«][^\n]* [^\n]*[.»?!]$", texte):
                yield nom_de(fichier), texte


def test_the_sentences_of_the_screens_are_found():
    toutes = [phrase for _, phrase in phrases()]
    assert len(toutes) > 200
    assert "INSi ne trouve pas cette personne." in toutes


def test_no_screen_begs_shouts_or_shrugs():
    coupables = [(f, p) for f, p in phrases() if BANNIS.search(p) or "!" in p.replace("!=", "")]
    assert coupables == []


def test_no_file_names_a_machine_a_registry_or_a_key():
    """Read in what git holds, this file and the pages' own test apart."""
    suivis = subprocess.run(
        ["git", "ls-files", "-z"], cwd=RACINE, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    motifs = re.compile(
        r"/w[o]rk/|/r[o]ot/|/home/(?!comptoir)\w+/|p[y]pi\.[o]rg|python[h]osted|npm[j]s\.[a-z]+"
        r"|proxy\.golang|-----BEGIN [A-Z ]*PRIVATE KEY"
    )
    coupables = []
    for nom in filter(None, suivis):
        if nom in {"tests/house/test_ecrans.py", "tests/house/test_docs.py"}:
            continue
        texte = (RACINE / nom).read_bytes().decode("utf-8", errors="ignore")
        if motifs.search(texte):
            coupables.append(nom)
    assert coupables == []
