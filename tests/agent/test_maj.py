"""Updates: only what the publisher signed, only when nobody needs the agent, with a way back."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import VERSION, dossiers, jws
from agent.cards.base import EtatPin
from agent.confiance import NON_ENROLE
from agent.maj import lanceur, manifeste, signer
from agent.maj.depot import ESSAIS_MAX, Depot
from agent.maj.manifeste import Artefact, Manifeste
from agent.maj.service import REPOS_S, MiseAJour, download
from agent.policy import Enrolement
from agent.protocol.messages import ErreurAgent
from tests.agent.poste import RACINE, executer, jwk, seul
from tests.agent.serveur_factice import serveur_factice

pytestmark = pytest.mark.exigence("AGT-13")
CLE, AUTRE, RELEVE = (Ed25519PrivateKey.generate() for _ in range(3))
CLES = [jwk(CLE), jwk(RELEVE)]
NEUVE = "9.0.0"


def archive(**fichiers):
    tampon = io.BytesIO()
    with zipfile.ZipFile(tampon, "w") as zip_:
        for nom, texte in (fichiers or {"agent/__init__.py": f'VERSION = "{NEUVE}"\n'}).items():
            zip_.writestr(nom, texte)
    return tampon.getvalue()


def signe(cle=CLE, version=NEUVE, url="https://maj.example/a.whl", octets=b"x", jours=30):
    return signer.build(cle, version, [("any", "any", url, octets)], jours)


def verifie(jeton, **autres):
    options = {"tenue": VERSION, "protocole": 1, "maintenant": datetime.now(UTC), **autres}
    return manifeste.check(jeton, CLES, **options)


def motif(jeton, **autres):
    with pytest.raises(ErreurAgent) as refus:
        verifie(jeton, **autres)
    assert refus.value.code == "E_UPDATE_SIGNATURE"
    return refus.value.details["motif"]


# Manifest


@pytest.mark.parametrize("cle", [CLE, RELEVE])
def test_either_pinned_key_signs_a_newer_version(cle):
    offert = verifie(signe(cle))
    assert isinstance(offert, Manifeste)
    assert offert.version == NEUVE
    assert offert.artefact("linux", "x86_64") is not None


@pytest.mark.cas("agent-94")
def test_a_manifest_signed_by_anyone_else_altered_older_or_out_of_date_is_refused():
    bon = signe()
    tete, corps, signature = bon.split(".")
    assert motif(signe(AUTRE)) == "signature"
    assert motif(f"{tete}.{corps[:-2]}AA.{signature}") == "signature"
    assert motif("") == "signature"
    assert motif(signe(version="0.0.9")) == "ancienne"
    assert motif(bon, maintenant=datetime.now(UTC) + timedelta(days=31)) == "perime"


@pytest.mark.parametrize(
    "change",
    [{"version": 3}, {"artifacts": []}, {"expires": "demain"}, {"expires": "2030-01-01T00:00:00"}],
)
def test_a_signed_manifest_that_says_nothing_sensible_is_refused(change):
    claims = {
        "version": NEUVE,
        "min_protocol": 1,
        "released_at": "2026-11-25T00:00:00+00:00",
        "expires": "2030-01-01T00:00:00+00:00",
        "artifacts": [{"os": "any", "arch": "any", "url": "u", "sha256": "s", "size": 1}],
    }
    assert verifie(jws.sign(CLE, manifeste.TYPE, claims)) is not None
    assert motif(jws.sign(CLE, manifeste.TYPE, {**claims, **change})) == "forme"


def test_a_token_of_the_server_is_no_manifest():
    """Whoever holds the server installs nothing: neither its key nor its types of text."""
    assert motif(jws.sign(CLE, "agent-config+jwt", {})) == "signature"


def test_this_very_version_is_nothing_new():
    assert verifie(signe(version=VERSION)) is None


def test_no_key_is_published_yet_so_nothing_is_installed():
    assert manifeste.pinned_keys() == []


# Versions side by side


def artefact(octets, **autres):
    empreinte = hashlib.sha256(octets).hexdigest()
    return Artefact("any", "any", "u", **{"sha256": empreinte, "size": len(octets), **autres})


def installe(depot, version=NEUVE):
    octets = archive()
    depot.install(version, artefact(octets), octets)
    depot.switch(version)


@pytest.mark.parametrize(
    ("octets", "autres", "pourquoi"),
    [
        (archive(), {"sha256": "0" * 64}, "empreinte"),
        (archive(), {"size": 1}, "empreinte"),
        (b"pas une archive", {}, "archive"),
        (archive(**{"../../dehors": "x"}), {}, "archive"),
        (archive(**{"/etc/dehors": "x"}), {}, "archive"),
    ],
)
def test_a_file_that_is_not_the_signed_one_or_leaves_its_folder_is_not_unpacked(
    tmp_path, octets, autres, pourquoi
):
    depot = Depot(tmp_path / "maj")
    with pytest.raises(ErreurAgent) as refus:
        depot.install(NEUVE, artefact(octets, **autres), octets)
    assert refus.value.details["motif"] == pourquoi
    assert not list(tmp_path.rglob("dehors"))
    assert not depot.path(NEUVE).exists()
    assert depot.etat().version == ""


def test_a_version_that_is_a_path_is_refused(tmp_path):
    octets = archive()
    with pytest.raises(ValueError, match=r"invalid literal|version"):
        Depot(tmp_path).install("../..", artefact(octets), octets)


def test_three_failed_starts_go_back_to_the_version_before_and_say_so(tmp_path):
    depot = Depot(tmp_path)
    installe(depot, "8.0.0")
    depot.begin()
    depot.ready()
    installe(depot)
    for _ in range(ESSAIS_MAX):
        assert depot.begin().version == NEUVE
    revenu = depot.begin()
    assert (revenu.version, revenu.echouee) == ("8.0.0", NEUVE)
    assert depot.path("8.0.0").is_dir()


def test_a_version_that_serves_keeps_its_place_and_the_one_before(tmp_path):
    depot = Depot(tmp_path)
    for version in ("7.0.0", "8.0.0", NEUVE):
        installe(depot, version)
    for _ in range(10):
        assert depot.begin().version == NEUVE
        depot.ready()
    assert sorted(d.name for d in (tmp_path / "versions").iterdir()) == ["8.0.0", NEUVE]


@pytest.mark.parametrize("texte", ["", "{}", '{"version": 3}', "null", "[]"])
def test_a_broken_state_starts_what_the_installer_delivered(tmp_path, texte):
    (tmp_path / "actuelle.json").write_text(texte)
    depot = Depot(tmp_path)
    assert depot.etat().version == ""
    assert lanceur.environment(["servir"], {}, depot) is None


def test_the_launcher_starts_the_newer_version_for_serving_only(tmp_path):
    depot = Depot(tmp_path)
    installe(depot)
    env = lanceur.environment(["servir"], {"A": "1"}, depot)
    assert env == {"A": "1", "PYTHONPATH": str(depot.path(NEUVE))}
    assert lanceur.environment(["diagnose"], {}, depot) is None
    shutil.rmtree(depot.path(NEUVE))
    assert lanceur.environment(["servir"], {}, depot) is None


# Applying


class AgentFeint:
    """An agent that is busy at will."""

    def __init__(self, adresse=""):
        self.enrolement = Enrolement("p_1", (adresse,), adresse, []) if adresse else NON_ENROLE
        self.occupe = False
        self.enrole = bool(adresse)

    def is_busy(self):
        return self.occupe


@pytest.fixture
def horloge(monkeypatch):
    """The clock of the service, moved at will."""

    class Horloge:
        t = 10_000.0

    monkeypatch.setattr("agent.maj.service.time.monotonic", lambda: Horloge.t)
    return Horloge


@pytest.mark.cas("agent-95")
def test_an_update_waits_for_five_minutes_without_anyone(tmp_path, horloge):
    agent, parti = AgentFeint(), []
    maj = MiseAJour(agent, Depot(tmp_path), lambda: parti.append(1), CLES)
    octets = archive()
    maj.depot.install(NEUVE, artefact(octets), octets)
    maj.prete = NEUVE
    horloge.t += REPOS_S + 1
    agent.occupe = True  # the window is open, or a code was given
    assert not maj.apply()
    agent.occupe = False
    horloge.t += REPOS_S - 1
    assert not maj.apply()
    assert maj.depot.etat().version == ""
    horloge.t += 2
    assert maj.apply()
    assert parti
    assert maj.depot.etat().version == NEUVE


@pytest.mark.cas("agent-95")
def test_the_window_of_the_code_and_a_given_code_are_someone():
    from agent.protocol.classification import Motifs
    from agent.server.agent import Agent
    from agent.server.onglets import Connexion

    class PiloteFeint:
        etat = "a_presenter"

        def pin_state(self):
            return EtatPin(self.etat, 3)

    agent = Agent(NON_ENROLE, None, Motifs())
    agent.pilote = PiloteFeint()
    assert not agent.is_busy()
    agent.pilote.etat = "presentee"
    assert agent.is_busy()
    agent.pilote.etat = "a_presenter"
    onglet = Connexion(None, None)
    agent.onglets.connexions.append(onglet)
    assert not agent.is_busy()
    onglet.en_vol["r1"] = object()  # cps.sign, its window open
    assert agent.is_busy()


def test_the_server_offers_the_agent_prepares_and_nothing_runs_yet(tmp_path):
    with serveur_factice() as serveur:
        octets = archive()
        serveur.reponses["/api/agent/maj/manifeste"] = {
            "manifeste": signe(url=f"{serveur.adresse}/a.whl", octets=octets)
        }
        serveur.reponses["/a.whl"] = octets
        maj = MiseAJour(AgentFeint(serveur.adresse), Depot(tmp_path), lambda: None, CLES)
        lu = asyncio.run(maj.check())
    assert lu == {"current": VERSION, "available": NEUVE, "mandatory": False}
    assert maj.prete == NEUVE
    assert maj.depot.etat().version == ""
    assert (maj.depot.path(NEUVE) / "agent/__init__.py").exists()


@pytest.mark.parametrize(
    "url", ["http://ailleurs.example/a.whl", "file:///etc/passwd", "ftp://a/b"]
)
def test_a_file_comes_by_https_or_from_this_machine_only(url):
    with pytest.raises(ErreurAgent) as refus:
        download(url, 10)
    assert refus.value.details["motif"] == "telechargement"


@pytest.mark.cas("agent-62", "agent-94")
@seul
async def test_a_page_asks_for_updates_and_is_told_what_runs(poste):
    async with poste.page(auth=False) as page:
        jeton = page.jeton(scope=["admin"])
        assert (await page.demander("auth", token=jeton))["ok"]
        lu = (await page.demander("agent.update.check"))["payload"]
    assert lu == {"current": VERSION, "available": None, "mandatory": False}


# The tool, the wheel


def test_the_signing_tool_makes_a_key_and_a_manifest_the_agent_accepts(tmp_path):
    fichier, wheel = tmp_path / "cle.pem", tmp_path / "a.whl"
    wheel.write_bytes(archive())

    def joue(*args):
        return subprocess.run(
            [sys.executable, "-m", "agent.maj.signer", *map(str, args)],
            cwd=RACINE,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    publique = json.loads(joue("cle", fichier))
    assert fichier.stat().st_mode & 0o077 == 0
    jeton = joue(
        *("manifeste", "--cle", fichier, "--version", NEUVE),
        *("--fichier", "any", "any", "https://maj.example/a.whl", wheel),
    )
    offert = manifeste.check(
        jeton, [publique], tenue=VERSION, protocole=1, maintenant=datetime.now(UTC)
    )
    assert offert.artefacts[0].size == wheel.stat().st_size


def test_the_wheel_lists_every_package_of_the_agent():
    projet = tomllib.loads((RACINE / "agent/pyproject.toml").read_text(encoding="utf-8"))
    trouves = {
        ".".join(init.parent.relative_to(RACINE).parts)
        for init in (RACINE / "agent").rglob("__init__.py")
        if "build" not in init.parts
    }
    assert set(projet["tool"]["setuptools"]["packages"]) == trouves


DEPENDANCES = ("websockets", "cryptography", "cffi", "_cffi_backend", "pycparser")


def test_the_wheel_builds_installs_in_an_empty_environment_and_runs(roue, tmp_path):
    """Only its two dependencies are lent to it; nothing of the server is there."""
    vide = tmp_path / "vide"
    venv.create(vide, with_pip=False, symlinks=True)
    dossier = next((vide / "lib").glob("python*")) / "site-packages"
    executer(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
        *("--target", dossier, roue),
    )
    site = Path(__import__("websockets").__file__).parents[1]
    for nom in DEPENDANCES:
        for lu in [*site.glob(nom), *site.glob(f"{nom}.*.so")]:
            (dossier / lu.name).symlink_to(lu)
    python = vide / "bin/python"
    assert executer(python, "-m", "agent", "--version").strip() == VERSION
    nu = subprocess.run(
        [python, "-c", "from agent.maj.lanceur import main; main()", "diagnose"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pannes à réparer" in nu.stdout, nu.stderr
    sans = subprocess.run([python, "-c", "import django"], capture_output=True, check=False)
    assert sans.returncode != 0


@pytest.mark.parametrize(
    ("systeme", "env", "attendu"),
    [
        ("linux", {}, "/chez/a/.local/share/agent-poste"),
        ("linux", {"XDG_DATA_HOME": "/d"}, "/d/agent-poste"),
        ("darwin", {}, "/chez/a/Library/Application Support/agent-poste"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/agent-poste"),
    ],
)
def test_the_folder_of_an_installed_agent(systeme, env, attendu):
    assert dossiers.default(env, systeme, Path("/chez/a")) == Path(attendu)
