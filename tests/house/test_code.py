"""The laws of the Python code, read in its syntax."""

import ast
import re
from functools import cache

import pytest

from tests.conftest import RACINE

PRODUIT = (
    "config",
    "pharmacy",
    "teleservices",
    "ins",
    "ordonnance",
    "dmp",
    "mssante",
    "psc",
    "agent",
)
CODE = (*PRODUIT, "simulators", "tests")
LIGNES_MAX = 800
FONCTION_MAX = 40
# Longer than the law, each looked at: a table written as code, or one straight sequence.
FONCTIONS_LONGUES = {
    "ordonnance/services/correction.py:_correct",
    "config/lanceur/pile.py:start_all",
    "config/lanceur/pile.py:_start_product",
    "pharmacy/postes/signatures.py:prepare",
    "ordonnance/codec/reponse.py:_line",
    "ordonnance/services/confirmation.py:confirm",
    "ordonnance/services/validation/ecriture.py:copy_lines",
    "ordonnance/views/controle.py:_render",
    "simulators/ordonnance/donnees.py:living",
    "simulators/ordonnance/donnees.py:refused",
}
# The outbox runner, and: a panel or a count that breaks empties its own slot; a connection of
# unknown state is dropped before the error goes on; a bug of a simulator must not look like a mood;
# a library of others, alone in its process, may raise anything, and its text may quote a card; a
# worker of a reader hands any fault to who waits for its act.
TOUT_ATTRAPE = {
    "agent/cards/pcsc/lecteur.py",
    "agent/cards/pkcs11/ouvrier.py",
    "teleservices/moteur.py",
    "teleservices/balayage.py",
    "agent/server/agent.py",
    "pharmacy/panels.py",
    "pharmacy/rendu.py",
    "pharmacy/isolation/contexte.py",
    "simulators/commun/serveur.py",
}
REGLES = ("ins/rules", "ordonnance/rules", "psc/rules", "pharmacy/rules", "pharmacy/identite.py")
DOCUMENTES = (
    *REGLES,
    "ins/codec",
    "ordonnance/codec",
    "ins/client.py",
    "ordonnance/client.py",
    "ins/services",
    "ordonnance/services",
    "pharmacy/services",
    "teleservices/services.py",
    "psc/client.py",
    "psc/services",
)
TRAITS = {
    "nom",
    "prenom",
    "prenoms",
    "nom_naissance",
    "prenoms_naissance",
    "premier_prenom",
    "nom_utilise",
    "naissance",
    "date_naissance",
    "cog_naissance",
    "sexe",
    "lieu",
    "matricule",
    "nir",
    "nir_assure",
    "nir_certifie",
    "patient",
    "telephone",
    "commentaire",
    "corps",
    "requete",
    "reponse",
    "assertion",
    "jeton",
    "pin",
    "mot_de_passe",
}
# Names of things (a panel, a check, a software), and answers that are codes.
NOMS_DE_CHOSES = {
    "agent/cards/pcsc/choix.py:Prise.nom",
    "agent/cards/pcsc/scard.py:EtatLecteur.nom",
    "config/lanceur/enfants.py:Commande.nom",
    "ins/services/qualification.py:Controle.reponse",
    "ordonnance/views/controle.py:EcartAffiche.reponse",
    "pharmacy/panels.py:Panneau.nom",
    "pharmacy/panels.py:Compteur.nom",
    "pharmacy/postes/signatures.py:ServiceSignature.nom",
    "ordonnance/rules/rapprochement.py:Verification.nom",
    "teleservices/soap/contextes.py:Logiciel.nom",
}


def fichiers(*racines):
    for racine in racines:
        chemin = RACINE / racine
        for fichier in [chemin] if chemin.is_file() else sorted(chemin.rglob("*.py")):
            if "migrations" not in fichier.parts:
                yield fichier


def nom_de(fichier):
    return fichier.relative_to(RACINE).as_posix()


@cache
def arbre(fichier):
    return ast.parse(fichier.read_text(encoding="utf-8"))


def fonctions(*racines):
    """Every function with its file; nested ones too."""
    for fichier in fichiers(*racines):
        for noeud in ast.walk(arbre(fichier)):
            if isinstance(noeud, ast.FunctionDef | ast.AsyncFunctionDef):
                yield fichier, noeud


def publiques(*racines):
    """Yield (file, dotted name, node): functions, classes and their methods."""
    for fichier in fichiers(*racines):
        for noeud in arbre(fichier).body:
            if not isinstance(noeud, ast.FunctionDef | ast.ClassDef) or noeud.name[0] == "_":
                continue
            yield nom_de(fichier), noeud.name, noeud
            for dedans in noeud.body if isinstance(noeud, ast.ClassDef) else []:
                if isinstance(dedans, ast.FunctionDef) and dedans.name[0] != "_":
                    yield nom_de(fichier), f"{noeud.name}.{dedans.name}", dedans


def test_no_file_passes_the_wall():
    longs = {
        nom_de(f): n
        for f in fichiers(*CODE)
        if (n := len(f.read_text(encoding="utf-8").splitlines())) > LIGNES_MAX
    }
    assert longs == {}


def test_no_function_is_long_but_those_listed_and_each_listed_one_is():
    longues = {
        f"{nom_de(fichier)}:{noeud.name}"
        for fichier, noeud in fonctions(*PRODUIT, "simulators")
        if noeud.end_lineno - noeud.lineno + 1 > FONCTION_MAX
    }
    assert longues == FONCTIONS_LONGUES


def test_everything_is_caught_in_the_outbox_runner_and_where_it_is_listed():
    def is_wide(noeud):
        return isinstance(noeud, ast.ExceptHandler) and (
            noeud.type is None
            or any(
                isinstance(n, ast.Name) and n.id in {"Exception", "BaseException"}
                for n in ast.walk(noeud.type)
            )
        )

    larges = {
        nom_de(f) for f in fichiers(*PRODUIT, "simulators") if any(map(is_wide, ast.walk(arbre(f))))
    }
    assert larges == TOUT_ATTRAPE


def test_a_failure_is_never_a_false():
    """An `is_x` answers; anything else raises."""
    coupables = [
        f"{nom_de(fichier)}:{noeud.lineno}"
        for fichier, fonction in fonctions("teleservices", "ins", "ordonnance")
        if not fonction.name.lstrip("_").startswith("is_")
        for noeud in ast.walk(fonction)
        if isinstance(noeud, ast.ExceptHandler)
        for dernier in noeud.body[-1:]
        if isinstance(dernier, ast.Return) and ast.unparse(dernier) == "return False"
    ]
    assert coupables == []


def _is_task(noeud):
    return any(
        "shared_task" in ast.unparse(d) or ".task" in ast.unparse(d) for d in noeud.decorator_list
    )


def test_a_task_takes_an_officine_and_a_row_or_nothing():
    taches = {n.name: [a.arg for a in n.args.args] for _, n in fonctions(*PRODUIT) if _is_task(n)}
    assert taches
    for nom, arguments in taches.items():
        assert arguments == [] or (
            len(arguments) == 2 and arguments[0] == "officine_id" and arguments[1].endswith("_id")
        ), nom


def test_celery_is_rung_by_name_and_only_from_the_bell():
    sonneurs = {
        nom_de(f)
        for f in fichiers(*PRODUIT)
        if re.search(r"send_task|apply_async|\.delay\(", f.read_text(encoding="utf-8"))
    }
    assert sonneurs == {"teleservices/sonnette.py"}


def test_only_the_transport_opens_http():
    ouvreurs = set()
    for fichier in fichiers(
        "pharmacy", "teleservices", "ins", "ordonnance", "dmp", "mssante", "psc"
    ):
        for noeud in ast.walk(arbre(fichier)):
            noms = [a.name for a in noeud.names] if isinstance(noeud, ast.Import) else []
            noms += [noeud.module or ""] if isinstance(noeud, ast.ImportFrom) else []
            if {n.split(".")[0] for n in noms} & {
                "httpx",
                "requests",
                "urllib3",
                "aiohttp",
                "socket",
            }:
                ouvreurs.add(nom_de(fichier))
            if "urllib.request" in noms or "http.client" in noms:
                ouvreurs.add(nom_de(fichier))
    assert ouvreurs == {"teleservices/transport.py"}


def test_each_transport_checks_that_no_transaction_is_open():
    methode = next(
        n for f, n in fonctions("teleservices/transport.py") if n.name == "send" and len(n.body) > 1
    )
    assert ast.unparse(methode.body[1]) == "check_no_transaction()"


def test_rules_and_codecs_know_neither_the_clock_nor_chance():
    interdits = re.compile(r"\b(datetime|date|timezone)\.(now|today|utcnow)\b|\buuid4\b|\brandom\b")
    coupables = [
        nom_de(f)
        for f in fichiers(*REGLES, "ins/codec", "ordonnance/codec", "teleservices/soap")
        if interdits.search(f.read_text(encoding="utf-8"))
    ]
    assert coupables == []


def test_what_is_public_is_explained():
    muets = [
        f"{fichier}:{nom}"
        for fichier, nom, noeud in publiques(*DOCUMENTES)
        if not ast.get_docstring(noeud)
    ]
    assert muets == []


def test_each_rule_says_where_it_comes_from():
    sans = [
        f"{fichier}:{nom}"
        for fichier, nom, noeud in publiques(*REGLES)
        if isinstance(noeud, ast.FunctionDef)
        and "." not in nom
        and "Source:" not in (ast.get_docstring(noeud) or "")
    ]
    assert sans == []


def test_a_trait_is_never_in_a_representation():
    bavards = [
        f"{nom_de(fichier)}:{classe.name}.{champ.target.id}"
        for fichier in fichiers(*PRODUIT)
        if "demonstration" not in fichier.parts
        for classe in ast.walk(arbre(fichier))
        if isinstance(classe, ast.ClassDef)
        and any("dataclass" in ast.unparse(d) for d in classe.decorator_list)
        and not any(isinstance(n, ast.FunctionDef) and n.name == "__repr__" for n in classe.body)
        for champ in classe.body
        if isinstance(champ, ast.AnnAssign)
        and champ.target.id in TRAITS
        and "repr=False" not in (ast.unparse(champ.value) if champ.value else "")
    ]
    assert sorted(set(bavards) ^ NOMS_DE_CHOSES) == []


def test_no_room_is_without_a_name():
    fourre_tout = {"utils", "helpers", "helper", "manager", "data", "info", "misc", "common"}
    assert [nom_de(f) for f in fichiers(*CODE) if {f.stem, f.parent.name} & fourre_tout] == []


def test_a_class_has_no_version_in_its_name():
    classes = [
        f"{nom_de(f)}:{n.name}"
        for f in fichiers(*PRODUIT)
        for n in ast.walk(arbre(f))
        if isinstance(n, ast.ClassDef) and re.search(r"V\d+$", n.name)
    ]
    assert classes == []


def test_a_lock_names_its_table():
    appels = [
        (nom_de(f), {k.arg for k in n.keywords})
        for f in fichiers(*PRODUIT)
        for n in ast.walk(arbre(f))
        if isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr == "select_for_update"
    ]
    assert appels
    assert [fichier for fichier, cles in appels if not {"of", "no_key"} <= cles] == []


def test_a_todo_carries_its_issue():
    sans = [
        f"{nom_de(f)}:{rang}"
        for f in fichiers(*CODE)
        for rang, ligne in enumerate(f.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"#.*\b(TODO|FIXME)\b", ligne) and not re.search(r"#\d+|re\.search", ligne)
    ]
    assert sans == []


def test_no_test_waits_by_the_clock_skips_or_mocks_our_code():
    """`partage` is the one that may say « not played »; a pause between two looks is a poll."""
    mots = re.compile(
        r"pytest\.mark\.(skip|xfail)|pytest\.skip|MagicMock|mock\.patch|monkeypatch\.setattr\(\s*[\"'](?:pharmacy|ins|ordonnance|teleservices)"
    )
    coupables = {
        nom_de(f)
        for f in fichiers("tests")
        if f.name != "test_code.py" and mots.search(f.read_text(encoding="utf-8"))
    }
    assert coupables <= {"tests/conftest.py"}


@pytest.mark.parametrize(
    "module",
    ["ins.errors", "ins.errors_apcv", "ins.errors_adri", "ordonnance.errors"],
)
def test_each_code_of_a_service_has_its_class_its_sentence_and_its_next_step(module):
    from importlib import import_module

    from teleservices.errors import TeleserviceError

    erreurs = import_module(module)
    for code in [*erreurs.CODES, "jamais_vu"]:
        ligne = erreurs.row_of(code)
        assert issubclass(ligne.classe, TeleserviceError)
        for phrase in (ligne.message, ligne.geste):
            assert re.fullmatch(r"[A-ZÀÉÊ«].{4,110}\.", phrase), (code, phrase)
        erreur = erreurs.error_of(code)
        assert (erreur.code, erreur.message_fr) == (code, f"{ligne.message} {ligne.geste}")


# One matter met in several places: blocked, incomplete, moved meanwhile, held by another, absent.
CODES_PARTAGES = {
    *("INS-001", "INS-002", "INS-003", "INS-007", "INS-008", "INS-012", "INS-013"),
    *("INS-017", "INS-018", "INS-076", "INS-090", "INS-404"),
}


def test_a_code_read_out_to_the_support_names_one_refusal():
    ou = {}
    for fichier in fichiers("ins"):
        for noeud in ast.walk(arbre(fichier)):
            if isinstance(noeud, ast.Constant) and re.fullmatch(r"INS-\d{3}", str(noeud.value)):
                ou.setdefault(noeud.value, set()).add(nom_de(fichier))
    assert {code for code, lieux in ou.items() if len(lieux) > 1} == CODES_PARTAGES
