"""The production files: what docker-compose.yml promises, the roles made on a real PostgreSQL."""

import json
import os
import re
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from config import env
from config.lanceur.donnees import Postgres
from config.lanceur.dossiers import make_secrets
from config.lanceur.pile import Options, Pile
from tests.conftest import RACINE

PRODUIT = ["preparation", "web", "interactif", "lots", "beat"]
SECRETES = {
    "COMPTOIR_CLE_SECRETE",
    "COMPTOIR_CLES_CHIFFREMENT",
    "COMPTOIR_CLE_EMPREINTE",
    "COMPTOIR_CLE_AGENT",
    "COMPTOIR_CLES_SCEAU",
    "COMPTOIR_BASE_MOT_DE_PASSE",
    "COMPTOIR_PROPRIETAIRE_MOT_DE_PASSE",
    "POSTGRES_PASSWORD",
}


class Yaml:
    """The part of YAML that our compose files use: blocks, lists, anchors, merges, scalars."""

    def __init__(self, texte):
        self.lignes = [
            (len(ligne) - len(ligne.lstrip()), ligne.strip())
            for ligne in texte.splitlines()
            if ligne.strip() and not ligne.lstrip().startswith("#")
        ]
        self.ancres = {}
        self.rang = 0

    def bloc(self, retrait=0):
        if self.lignes[self.rang][1].startswith("- "):
            return self._liste(retrait)
        resultat, fusion = {}, {}
        while self.rang < len(self.lignes) and self.lignes[self.rang][0] >= retrait:
            ici, ligne = self.lignes[self.rang]
            assert ici == retrait, f"retrait inattendu : {ligne}"
            nom, deux_points, reste = ligne.partition(":")
            assert deux_points, f"ni clé ni liste : {ligne}"
            assert nom not in resultat, f"clé en double : {nom}"
            self.rang += 1
            valeur = self._valeur(reste.strip(), retrait)
            if nom == "<<":
                fusion = valeur
            else:
                resultat[nom] = valeur
        return fusion | resultat

    def _liste(self, retrait):
        resultat = []
        while self.rang < len(self.lignes):
            ici, ligne = self.lignes[self.rang]
            if ici != retrait or not ligne.startswith("- "):
                break
            self.rang += 1
            resultat.append(self._scalaire(ligne[2:]))
        return resultat

    def _valeur(self, brut, retrait):
        ancre = re.fullmatch(r"&([\w-]+)", brut)
        if brut and not ancre:
            return self._scalaire(brut)
        suivant = self.lignes[self.rang][0] if self.rang < len(self.lignes) else 0
        valeur = self.bloc(suivant) if suivant > retrait else None
        if ancre:
            self.ancres[ancre.group(1)] = valeur
        return valeur

    def _scalaire(self, brut):
        if brut.startswith("*"):
            return self.ancres[brut[1:]]
        if brut.startswith(("[", "{", '"')):
            return json.loads(brut)
        return {"true": True, "false": False}.get(brut, int(brut) if brut.isdigit() else brut)


def lire(nom):
    return Yaml((RACINE / nom).read_text(encoding="utf-8")).bloc()


COMPOSE = lire("docker-compose.yml")
SERVICES = COMPOSE["services"]
DEMONSTRATION = lire("docker/demonstration.yml")["services"]["demonstration"]
DOCKERFILE = (RACINE / "docker/Dockerfile").read_text(encoding="utf-8")


def test_the_services_are_those_of_the_documentation():
    page = (RACINE / "docs/deploiement.md").read_text(encoding="utf-8")
    assert sorted(SERVICES) == sorted(["postgres", "valkey", *PRODUIT])
    assert [nom for nom in SERVICES if f"| `{nom}` |" not in page] == []


@pytest.mark.parametrize("nom", SERVICES)
def test_secrets_are_read_from_files_that_the_service_receives(nom):
    service = SERVICES[nom]
    variables = service.get("environment", {})
    assert SECRETES.isdisjoint(variables)
    for variable, valeur in variables.items():
        if variable.endswith("_FILE") or str(valeur).startswith("/run/secrets/"):
            assert valeur.removeprefix("/run/secrets/") in service["secrets"], variable
    for secret in service.get("secrets", []):
        assert COMPOSE["secrets"][secret] == {"file": f"./docker/secrets/{secret}"}


def test_the_folder_of_secrets_is_ignored_by_git():
    assert "secrets/" in (RACINE / "docker/.gitignore").read_text(encoding="utf-8").splitlines()


def test_the_generated_secrets_are_those_of_the_launcher(tmp_path):
    make_secrets(tmp_path)
    faits = {fichier.name for fichier in tmp_path.iterdir()}
    assert faits <= set(COMPOSE["secrets"])
    assert set(COMPOSE["secrets"]) - faits == {
        "ac-serveurs.pem",
        "ac-cps.pem",
        "insi.pem",
        "insi.key",
        "insi-auto.pem",
        "insi-auto.key",
    }


def test_the_password_of_the_owner_goes_to_the_preparation_alone():
    porteurs = [nom for nom in PRODUIT if "base-proprietaire" in SERVICES[nom]["secrets"]]
    assert porteurs == ["preparation"]
    assert "base-app" not in SERVICES["preparation"]["secrets"]
    assert [nom for nom in SERVICES if "base-super" in SERVICES[nom].get("secrets", [])] == [
        "postgres"
    ]


@pytest.mark.parametrize("nom", PRODUIT)
def test_each_variable_given_exists_in_the_settings(nom, monkeypatch):
    lues = set()
    vrai = env._read_raw
    monkeypatch.setattr(env, "_read_raw", lambda v: (lues.add(f"COMPTOIR_{v}"), vrai(v))[1])
    runpy.run_path(str(RACINE / "config/settings.py"))
    donnees = {variable.removesuffix("_FILE") for variable in SERVICES[nom]["environment"]}
    assert sorted(donnees - lues) == []


def test_both_roles_are_named():
    variables = SERVICES["web"]["environment"]
    assert variables["COMPTOIR_BASE_UTILISATEUR"] == "comptoir_app"
    assert variables["COMPTOIR_PROPRIETAIRE_UTILISATEUR"] == "comptoir_proprietaire"


def test_only_the_web_is_published_and_on_loopback():
    publies = {nom: service["ports"] for nom, service in SERVICES.items() if "ports" in service}
    assert publies == {"web": ["127.0.0.1:8000:8000"]}
    assert COMPOSE["networks"]["interne"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["interne"]


def test_what_calls_no_service_has_no_way_out():
    dehors = [nom for nom in SERVICES if "sortie" in SERVICES[nom]["networks"]]
    assert sorted(dehors) == ["interactif", "lots", "web"]


@pytest.mark.parametrize("nom", SERVICES)
def test_a_service_has_a_health_check_unless_it_ends_by_itself(nom):
    assert ("healthcheck" in SERVICES[nom]) == (nom != "preparation")


def test_the_product_waits_for_the_preparation_and_never_races_it():
    for nom in PRODUIT[1:]:
        attente = SERVICES[nom]["depends_on"]
        assert attente["preparation"] == {"condition": "service_completed_successfully"}
    assert SERVICES["preparation"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["preparation"]["restart"] == "no"


@pytest.mark.parametrize("service", [*map(SERVICES.get, PRODUIT), DEMONSTRATION])
def test_our_containers_have_no_power(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("nom", SERVICES)
def test_an_image_is_pinned_and_its_root_is_read_only(nom):
    assert re.search(r":\d+\.\d+", SERVICES[nom]["image"])
    assert SERVICES[nom]["read_only"] is True


def test_the_bell_is_kept_on_disk():
    commande = SERVICES["valkey"]["command"]
    assert commande[commande.index("--appendonly") + 1] == "yes"
    assert SERVICES["valkey"]["volumes"] == ["messages:/data"]


def test_the_workers_run_as_the_launcher_runs_them():
    lanceur = (RACINE / "config/lanceur/pile.py").read_text(encoding="utf-8")
    for nom, places in (("interactif", "16"), ("lots", "12")):
        assert f'("{nom}", "{places}")' in lanceur
        commande = SERVICES[nom]["command"]
        assert commande[commande.index("-Q") + 1] == nom
        assert commande[commande.index("-P") + 1 : commande.index("-P") + 4] == [
            "threads",
            "-c",
            places,
        ]
        for option in [mot for mot in commande if mot.startswith("--without")]:
            assert f'"{option}"' in lanceur


def test_the_image_is_built_from_locked_hashes_and_runs_without_root():
    assert set(re.findall(r"^FROM (python\S+)", DOCKERFILE, re.M)) == {
        "python:3.11.14-slim-bookworm"
    }
    assert "--require-hashes" in DOCKERFILE
    for cible in DOCKERFILE.split("FROM socle AS ")[1:]:
        assert cible.index("USER 10001:10001") < cible.index("CMD [")


def test_the_image_copies_folders_that_exist():
    ignore = (RACINE / "docker/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    gardes = [ligne[1:] for ligne in ignore if ligne.startswith("!")]
    assert ignore[0] == "*"
    assert [nom for nom in gardes if not (RACINE / nom).exists()] == []
    dossiers = {page.parent.name for page in RACINE.glob("*/__init__.py")} - {"tests", "bench"}
    assert dossiers <= set(gardes)


@pytest.fixture(scope="module")
def grappe():
    """A fresh PostgreSQL where only the production's own script made the roles."""
    with tempfile.TemporaryDirectory(prefix="comptoir-roles-", ignore_cleanup_errors=True) as nom:
        dossier = Path(nom)
        dossier.chmod(0o711)
        pile = Pile(dossier, Options(durable=False))
        make_secrets(pile.dossiers.sous("secrets"))
        postgres = Postgres(pile.dossiers, durable=False)
        try:
            postgres.init()
            pile._start(postgres.commande())
            postgres.wait(pile.enfants["postgres"].pid)
            script = subprocess.run(
                ["sh", str(RACINE / "docker/postgres/10-roles.sh")],
                env={
                    "PATH": f"{postgres.bin}:{os.environ['PATH']}",
                    "PGHOST": str(postgres.socket),
                    "PGPASSWORD": postgres.secret("base-super"),
                    "COMPTOIR_SECRETS": str(dossier / "secrets"),
                },
                capture_output=True,
                text=True,
                check=False,
            )
            assert script.returncode == 0, script.stderr
            yield postgres
        finally:
            pile.stop()


def connect(grappe, role, secret, base="comptoir"):
    return psycopg.connect(
        host=str(grappe.socket),
        dbname=base,
        user=role,
        password=grappe.secret(secret),
        autocommit=True,
    )


def test_the_script_makes_two_roles_without_power(grappe):
    with grappe.connect() as connexion:
        roles = connexion.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles "
            "WHERE rolname LIKE 'comptoir%' ORDER BY 1"
        ).fetchall()
    assert roles == [
        ("comptoir_app", False, False, False, False),
        ("comptoir_proprietaire", False, False, False, False),
    ]


def test_the_application_role_owns_nothing_and_creates_nothing(grappe):
    with (
        connect(grappe, "comptoir_app", "base-app") as connexion,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connexion.execute("CREATE TABLE essai (n integer)")
    with grappe.connect() as connexion:
        (proprietaire,) = connexion.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'comptoir'"
        ).fetchone()
    assert proprietaire == "comptoir_proprietaire"


@pytest.mark.exigence("SEC-06")
def test_the_preparation_migrates_and_leaves_every_officine_hidden(grappe):
    """The one-shot service, as it is, in the `production` environment."""
    secrets = grappe.dossiers.donnees / "secrets"
    propre = {n: v for n, v in os.environ.items() if not n.startswith(("COMPTOIR_", "PYTEST"))}
    service = SERVICES["preparation"]["environment"]
    fichiers = {
        nom: str(secrets / valeur.removeprefix("/run/secrets/"))
        for nom, valeur in service.items()
        if nom.endswith("_FILE")
    }
    fait = subprocess.run(
        ["sh", "docker/preparation.sh"],
        cwd=RACINE,
        env={
            **propre,
            **fichiers,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "COMPTOIR_ENVIRONNEMENT": "production",
            "COMPTOIR_ADRESSE": "https://comptoir.invalid",
            "COMPTOIR_BASE_HOTE": str(grappe.socket),
            "COMPTOIR_BASE_PORT": "5432",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert fait.returncode == 0, fait.stderr[-2000:]
    with connect(grappe, "comptoir_proprietaire", "base-proprietaire") as connexion:
        connexion.execute(
            "INSERT INTO pharmacy_officine (id, finess, nom, adresse, numero_am, active) "
            "VALUES (7, '752026005', 'PHARMACIE TEST', '', '', true)"
        )
    with connect(grappe, "comptoir_app", "base-app") as connexion:
        (produits,) = connexion.execute("SELECT count(*) FROM pharmacy_produit").fetchone()
        vues = connexion.execute("SELECT id FROM pharmacy_officine").fetchall()
        connexion.execute("SELECT set_config('comptoir.officine', '7', false)")
        dedans = connexion.execute("SELECT id FROM pharmacy_officine").fetchall()
    assert produits > 100
    assert vues == []
    assert dedans == [(7,)]
