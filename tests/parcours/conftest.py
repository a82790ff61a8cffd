"""The whole stack, once, and a fresh browser for each journey."""

import os

import pytest

from config.lanceur.pile import Options, pile_complete
from tests.parcours.bureau import Bureau

CHROMIUM = os.environ.get("COMPTOIR_CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def pile(tmp_path_factory):
    """PostgreSQL, Valkey, simulators, agent, web, workers, beat: real processes."""
    with pile_complete(tmp_path_factory.mktemp("pile"), Options(durable=False)) as pile:
        yield pile


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as moteur:
        navigateur = moteur.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield navigateur
        navigateur.close()


@pytest.fixture
def bureau(pile, chromium):
    """A counter at rest: services normal, readers empty, a new browser."""
    contexte = chromium.new_context(
        viewport={"width": 1366, "height": 768}, locale="fr-FR", timezone_id="Europe/Paris"
    )
    page = contexte.new_page()
    erreurs = []
    page.on("pageerror", lambda e: erreurs.append(str(e)))
    bureau = Bureau(pile, page)
    for service in ("insi", "ordonnance"):
        bureau.humeur(service, "normal")
        bureau.oublier(service)
    for lecteur in ("vitale", "cps"):
        bureau.retirer(lecteur)
    yield bureau
    for service in ("insi", "ordonnance"):
        bureau.humeur(service, "normal")
    if page.locator("header.entete").count():
        bureau.abandonner()
    contexte.close()
    assert not erreurs, erreurs
