"""The second wall: every query of the product names the officine, whatever row-level security does.

A chain that starts at `Model.objects`, for a table with an officine, says it by a keyword. Read in
the syntax: what a chain is called on later (a related manager, a queryset kept in a name) started
somewhere that is read here too.
"""

import ast

import pytest
from django.apps import apps

from tests.house.test_code import arbre, fichiers, nom_de

PRODUIT = ("config", "pharmacy", "teleservices", "ins", "ordonnance", "dmp", "mssante", "psc")
GESTIONNAIRES = {"objects", "_base_manager", "_default_manager"}
# The row itself says its officine.
CREENT = {"create", "bulk_create", "bulk_update", "create_operateur", "using"}
# Where no officine can be named, and why.
SANS_OFFICINE = {
    "pharmacy/session/backend.py:_operateur": "Django gives an id alone, in the session's officine",
    "teleservices/balayage.py:doubt": "a row that a named function gave with its officine",
    "teleservices/moteur.py:claim": "rung as (officine, row), in the context of that officine",
    "teleservices/moteur.py:_read": "the row that was claimed",
    "teleservices/moteur.py:_sent": "the row that was claimed",
    "teleservices/moteur.py:_locked": "the row that was claimed",
    "ordonnance/selectors.py:to_regularise": "prefetched for rows that are the officine's",
}


def tables():
    """The models whose rows belong to an officine."""
    return {
        modele.__name__
        for modele in apps.get_models()
        if any(champ.name == "officine" for champ in modele._meta.fields)
    }


def _expanded(module):
    """Names of dicts given as `**name` that hold the officine wherever they are written."""
    ecrits = {}
    for noeud in ast.walk(module):
        if isinstance(noeud, ast.Assign) and isinstance(noeud.value, ast.Dict):
            cles = {c.value for c in noeud.value.keys if isinstance(c, ast.Constant)}
            for cible in noeud.targets:
                if isinstance(cible, ast.Name):
                    ecrits.setdefault(cible.id, []).append("officine_id" in cles)
    return {nom for nom, dits in ecrits.items() if all(dits)}


def _names(valeurs):
    """The names given as values to a statement written by hand."""
    return [n for n in ast.walk(valeurs) if isinstance(n, ast.Name)]


def _chain(noeud, parents):
    """Return (methods, keywords) of the calls made one after the other on a manager."""
    methodes, mots = set(), []
    while True:
        parent = parents.get(noeud)
        if isinstance(parent, ast.Attribute):
            methodes.add(parent.attr)
        elif isinstance(parent, ast.Call) and parent.func is noeud:
            mots += parent.keywords
            if isinstance(noeud, ast.Attribute) and noeud.attr == "raw":
                mots += [ast.keyword(n.id, n) for a in parent.args[1:] for n in _names(a)]
            mots += [k for a in parent.args for k in ast.walk(a) if isinstance(k, ast.keyword)]
        else:
            return methodes, mots
        noeud = parent


def unnamed(module, modeles):
    """Yield the name of each function that reads a table of `modeles` and names no officine."""
    parents = {
        enfant: noeud for noeud in ast.walk(module) for enfant in ast.iter_child_nodes(noeud)
    }
    dicts = _expanded(module)
    for noeud in ast.walk(module):
        if not (isinstance(noeud, ast.Attribute) and noeud.attr in GESTIONNAIRES):
            continue
        if ast.unparse(noeud.value) not in modeles:
            continue
        methodes, mots = _chain(noeud, parents)
        dite = any(
            "officine" in mot.arg
            if mot.arg
            else isinstance(mot.value, ast.Name) and mot.value.id in dicts
            for mot in mots
        )
        if not dite and not methodes & CREENT:
            fonction = noeud
            while fonction in parents and not isinstance(fonction, ast.FunctionDef):
                fonction = parents[fonction]
            yield getattr(fonction, "name", "module")


def test_every_query_of_the_product_names_the_officine():
    modeles = tables()
    trouves = {
        f"{nom_de(fichier)}:{fonction}"
        for fichier in fichiers(*PRODUIT)
        for fonction in unnamed(arbre(fichier), modeles)
    }
    assert trouves == set(SANS_OFFICINE)


@pytest.mark.parametrize(
    ("code", "fautif"),
    [
        ("Vente.objects.get(pk=1)", True),
        ("Vente.objects.select_for_update().filter(pk=1).first()", True),
        ("Vente.objects.filter(Q(pk=1) | Q(pk=2))", True),
        ("Vente.objects.filter(**ici)", True),
        ("ici = {'pk': 1}; Vente.objects.filter(**ici)", True),
        ("ici = {'officine_id': 1}; Vente.objects.filter(**ici)", False),
        ("Vente.objects.filter(pk=1, officine_id=2)", False),
        ("Vente.objects.exclude(pk=1).filter(officine=2)", False),
        ("Vente.objects.create(pk=1)", False),
        ("Vente.objects.raw(TEXTE, [officine_id])", False),
        ("Vente.objects.raw(TEXTE, [pk])", True),
        ("Officine.objects.get(pk=1)", False),
    ],
)
def test_the_wall_sees_what_it_must(code, fautif):
    assert {"Vente", "Patient", "Envoi"} <= tables()
    assert "Officine" not in tables()
    assert list(unnamed(ast.parse(code), tables())) == (["module"] if fautif else [])
