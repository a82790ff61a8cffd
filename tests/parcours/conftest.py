"""The whole stack, once, and a fresh browser for each journey."""

import os
from pathlib import Path

import pytest

from config.lanceur.pile import Options, pile_complete
from tests.parcours.bureau import Bureau, Images

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/images"
CHROMIUM = os.environ.get("COMPTOIR_CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def pile(tmp_path_factory):
    """PostgreSQL, Valkey, simulators, agent, web, workers, beat: real processes."""
    # Calm: these journeys are about the counter; the whims of the services have their own tests.
    # The breaker's pause, ten seconds there, is two here: journeys wait for its end, not less.
    options = Options(durable=False, calme=True, env={"COMPTOIR_DISJONCTEUR_S": "2"})
    with pile_complete(tmp_path_factory.mktemp("pile"), options) as pile:
        yield pile


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Pictures go to the guide only when COMPTOIR_CAPTURES=1; other times none is taken."""
    voulues = os.environ.get("COMPTOIR_CAPTURES") == "1"
    essais = Path(os.environ.get("COMPTOIR_CAPTURES_ESSAIS") or tmp_path_factory.mktemp("essais"))
    if voulues:
        GUIDE.mkdir(parents=True, exist_ok=True)
        essais.mkdir(parents=True, exist_ok=True)
    return Images(GUIDE if voulues else None, essais)


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as moteur:
        navigateur = moteur.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield navigateur
        navigateur.close()


@pytest.fixture
def bureau(pile, chromium, images):
    """A counter at rest: services normal, readers empty, nobody signed in, a new browser."""
    contexte = chromium.new_context(
        viewport={"width": 1366, "height": 768}, locale="fr-FR", timezone_id="Europe/Paris"
    )
    page = contexte.new_page()
    erreurs = []
    page.on("pageerror", lambda e: erreurs.append(str(e)))
    bureau = Bureau(pile, page, images)
    for service in pile.controle:
        bureau.oublier(service)
    for lecteur in ("vitale", "cps", "apcv"):
        bureau.retirer(lecteur)
    yield bureau
    for service in pile.controle:
        bureau.humeur(service, "normal")
    try:
        bureau.quitter()
    finally:
        contexte.close()  # a page left open would read the next journey's card
    assert not erreurs, erreurs
