"""Fixtures shared by every test: embedded servers, certificates, the cast, the shared data."""

import os
import tempfile
from pathlib import Path

import django
import pytest

RACINE = Path(__file__).resolve().parent.parent
PARTAGE = RACINE.parent / "shared"
_etat: dict[str, object] = {"absents": 0}


def pytest_configure(config):
    """Start PostgreSQL and Valkey in each process that plays tests, before Django is set up."""
    repartit = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if repartit or config.option.collectonly or "COMPTOIR_BASE_HOTE" in os.environ:
        return
    from config.lanceur.pile import Options, Pile
    from simulators.pki import build_all

    dossier = Path(tempfile.mkdtemp(prefix="comptoir-tests-"))
    dossier.chmod(0o711)
    pile = Pile(dossier, Options(durable=False))
    pile.start_data("comptoir_test")
    tls = dossier / "tls"
    build_all(tls)
    os.environ.update({n: v for n, v in pile.env.items() if n.startswith(("COMPTOIR_", "DJANGO_"))})
    os.environ.update(
        {
            "COMPTOIR_TLS_AC": str(tls / "ac-serveurs.pem"),
            "COMPTOIR_INSI_CERTIFICAT": str(tls / "insi-manu.pem"),
            "COMPTOIR_INSI_CLE": str(tls / "insi-manu.key"),
            "COMPTOIR_INSI_CERTIFICAT_AUTO": str(tls / "insi-auto.pem"),
            "COMPTOIR_INSI_CLE_AUTO": str(tls / "insi-auto.key"),
            "COMPTOIR_CPS_AC": str(tls / "ac-cps.pem"),
            "COMPTOIR_AGENT_PORT": "28173",
        }
    )
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    _etat.update(pile=pile, tls=tls, dossier=dossier)
    # pytest-django would read the settings before the servers are up: it finds them ready instead.
    django.setup()


def pytest_itemcollected(item):
    """Mark what plugs virtual cards."""
    if "banc_ouvert" in item.fixturenames or item.path.parent.name == "pcsc":
        item.add_marker(pytest.mark.pcsc)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give the stacks a process and the browser another, when tests are shared out by scope.

    What plugs virtual cards goes with the browser: there is one bench, and some journeys use it.
    (`xdist_group` does not do it: pytest-xdist 3.8 and pytest 9.2 do not agree on it.)
    """
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class StacksApart(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "pile" if nodeid.startswith(("tests/pile/", "tests/lanceur/")) else "navigateur"

    return StacksApart(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Play the stacks last, then the browser: its engine keeps an event loop in this thread.

    The journeys through pcscd close the march: their agent is started once. Each group keeps the
    random order it was given.
    """

    def group(item):
        navigateur, pile, pcsc = (
            item.get_closest_marker(nom) is not None for nom in ("navigateur", "pile", "pcsc")
        )
        return navigateur, pile, navigateur and pcsc

    items.sort(key=group)


def pytest_sessionfinish(session):
    """Tell the process that shares out the tests how many wanted the shared data."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["absents"] = _etat["absents"]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Add what each process counted."""
    _etat["absents"] += getattr(node, "workeroutput", {}).get("absents", 0)


def pytest_unconfigure(config):
    """Stop what was started; leave nothing behind."""
    import shutil

    pile = _etat.pop("pile", None)
    if pile is not None:
        pile.stop()
        shutil.rmtree(_etat["dossier"], ignore_errors=True)


def pytest_terminal_summary(terminalreporter):
    """Say, and not in silence, which tests wanted the shared data."""
    if _etat["absents"]:
        terminalreporter.write_line(
            f"{_etat['absents']} test(s) lisent les données partagées, absentes ici : non joués."
        )


@pytest.fixture
def partage(request):
    """The shared public data; without them the test is counted and said in the summary."""
    if not PARTAGE.exists():
        if os.environ.get("CI"):
            pytest.fail("the shared data must be there in CI")
        _etat["absents"] += 1
        pytest.skip("données partagées absentes")
    return PARTAGE


@pytest.fixture(scope="session")
def banc_ouvert():
    """The bench of virtual cards (tests/pcsc): this process and its children reach its pcscd."""
    from simulators.pcsc.banc import Banc

    with Banc() as banc, pytest.MonkeyPatch.context() as env:
        env.setenv("PCSCLITE_CSOCK_NAME", banc.adresse)
        yield banc


@pytest.fixture
def banc(banc_ouvert):
    """The bench with pcscd running, every slot empty and seen empty, full tries for the codes."""
    from tests.pcsc.pcsc_nu import empty

    empty(banc_ouvert)
    yield banc_ouvert
    empty(banc_ouvert)


@pytest.fixture(scope="session")
def tls():
    """The folder of test certificates."""
    return _etat["tls"]


def _signer(tls, id_nat):
    from cryptography.hazmat.primitives import serialization

    from teleservices.xmldsig import SoftwareSigner

    cle = serialization.load_pem_private_key((tls / f"cps/{id_nat}-sig.key").read_bytes(), None)
    return SoftwareSigner(cle, (tls / f"cps/{id_nat}-sig.der").read_bytes())


@pytest.fixture(scope="session")
def cps(tls):
    """The titulaire's signature key."""
    return _signer(tls, "810100000032")


@pytest.fixture(scope="session")
def autre_cps(tls):
    """Another pharmacist's signature key."""
    return _signer(tls, "810100000040")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker):
    """Migrate under the owner role, fill the cast once; tests run under the application role."""
    from django.core.management import call_command

    from pharmacy.demonstration.donnees import OFFICINES
    from pharmacy.management.commands.demonstration import fill
    from pharmacy.referentiel import medicaments

    with django_db_blocker.unblock():
        call_command("migrate", database="proprietaire", verbosity=0)
        medicaments.load("proprietaire")
        for demo in OFFICINES:
            fill(demo)


@pytest.fixture
def halle(db):
    """The demonstration officine, its people and postes; the test runs in its context."""
    from pharmacy.demonstration.donnees import HALLE
    from tests.troupe import officine_of

    with officine_of(HALLE) as officine:
        yield officine


@pytest.fixture
def port(db):
    """The other officine: its operator must never see anything of the first."""
    from pharmacy.demonstration.donnees import PORT
    from tests.troupe import read_officine

    return read_officine(PORT)


class _Indefinie(str):
    """Django asks for the text of an undefined variable: its name is kept."""

    __slots__ = ("noms",)

    def __new__(cls, noms):
        texte = super().__new__(cls, "%s")
        texte.noms = noms
        return texte

    def __mod__(self, nom):
        self.noms.append(str(nom))
        return ""


@pytest.fixture(autouse=True)
def indefinies(request):
    """An undefined template variable fails the test that rendered it."""
    if "pile" in request.fixturenames or not django.apps.apps.ready:
        yield []
        return
    from django.template import engines

    moteur = engines["django"].engine
    noms: list[str] = []
    moteur.string_if_invalid = _Indefinie(noms)
    yield noms
    moteur.string_if_invalid = ""
    assert noms == [], f"variables indéfinies dans un gabarit : {sorted(set(noms))}"
