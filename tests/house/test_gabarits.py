"""Templates: none unused, nothing loaded for nothing, fragments and components in their form."""

import re

import pytest
from django.template import engines
from django.template.loader import render_to_string

from tests.conftest import RACINE

GABARITS = RACINE / "templates"
FICHIERS = sorted(GABARITS.rglob("*.html"))
NOMS = [str(f.relative_to(GABARITS)) for f in FICHIERS]
PRODUIT = [
    f
    for app in ("config", "pharmacy", "teleservices", "ins", "ordonnance", "dmp", "mssante", "psc")
    for f in (RACINE / app).rglob("*.py")
]
BALISES = {"static": ("{% static ",), "django_htmx": ("{% htmx_script",)}
COMPOSANTS = [n for n in NOMS if n.startswith("composants/")]
VALEUR = re.compile(r'(?:if|elif) \w+(?:\.\w+)? == "([\w.]+)"|or \w+ == "([\w.]+)"')


def _texte(nom):
    return (GABARITS / nom).read_text(encoding="utf-8")


def test_every_template_is_used():
    sources = "\n".join(f.read_text(encoding="utf-8") for f in (*PRODUIT, *FICHIERS))
    assert [nom for nom in NOMS if f'"{nom}"' not in sources] == []


@pytest.mark.parametrize("nom", NOMS)
def test_nothing_is_loaded_for_nothing(nom):
    texte = _texte(nom)
    for charge in re.findall(r"{% load ([^%]+) %}", texte):
        for bibliotheque in charge.split():
            assert any(balise in texte for balise in BALISES[bibliotheque]), bibliotheque


@pytest.mark.parametrize("nom", [n for n in NOMS if n.rsplit("/", 1)[-1].startswith("_")])
def test_a_fragment_extends_nothing(nom):
    assert "{% extends" not in _texte(nom)


@pytest.mark.parametrize("nom", [n for n in NOMS if "/" in n and "/_" not in n])
def test_a_page_extends_a_base_and_has_one_heading(nom):
    texte = _texte(nom)
    if nom.startswith("composants/"):
        assert "{% extends" not in texte
        return
    assert texte.startswith('{% extends "base') or "<!DOCTYPE html>" in texte
    titres = texte.count("<h1")
    assert titres == 1 or "{% include gabarit %}" in texte


@pytest.mark.parametrize("nom", COMPOSANTS)
def test_a_component_opens_with_its_parameters(nom):
    assert re.match(r"{# .+ Paramètres? : .+ #}\n", _texte(nom))


@pytest.mark.parametrize("nom", NOMS)
def test_a_component_is_included_with_only_what_it_is_given(nom):
    for inclusion in re.findall(r'{% include "composants/[^%]+%}', _texte(nom)):
        assert inclusion.endswith(" only %}"), inclusion


@pytest.mark.parametrize(
    "nom", [*COMPOSANTS, "teleservices/_etat.html", "pharmacy/_statut_ins.html"]
)
@pytest.mark.django_db
def test_the_showcase_shows_each_component_in_each_state(halle, nom):
    page = " ".join(halle.client().get("/dev/composants").content.decode().split())
    valeurs = {a or b for a, b in VALEUR.findall(_texte(nom))} - {""} or {None}
    for valeur in valeurs:
        rendu = _render(nom, valeur)
        assert rendu in page, valeur


def _render(nom, valeur):
    if nom == "composants/champ.html":
        return '<p class="erreur">Donnez le premier prénom de naissance.</p>'
    contexte = {
        "nom": valeur,
        "envoi": {"etat": valeur},
        "patient": {"statut": valeur},
    }
    return " ".join(render_to_string(nom, contexte).split())


@pytest.mark.django_db
def test_the_showcase_is_not_in_production(halle, settings):
    settings.ENVIRONNEMENT = "production"
    assert halle.client().get("/dev/composants").status_code == 404


def test_an_undefined_variable_is_noticed(indefinies):
    engines["django"].from_string("{{ personne.nom }}").render({})
    engines["django"].from_string("{% if personne %}{% endif %}").render({})
    assert indefinies == ["personne.nom"]
    indefinies.clear()
