"""The whole stack, once, and a fresh browser for each journey."""

import os
from pathlib import Path

import pytest

from config.lanceur.pile import Options, pile_complete
from tests.agent.ecran import virtual_screen
from tests.parcours.bureau import Bureau, Images
from tests.parcours.materiel import Scripte, real_readers

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


@pytest.fixture(scope="session")
def materiel(request, pile, tmp_path_factory):
    """Cards in memory, unless a journey says `DEUX_PILOTES`: then virtual cards in pcscd too.

    Where pcscd cannot run, these journeys fail with its sentence: nothing is skipped.
    """
    if getattr(request, "param", "scripte") == "scripte":
        yield Scripte(pile)
        return
    banc = request.getfixturevalue("banc_ouvert")
    dossier = tmp_path_factory.mktemp("pcscd")
    with virtual_screen() as ecran, real_readers(pile, banc, ecran, dossier) as materiel:
        yield materiel


@pytest.fixture
def bureau(pile, chromium, images, materiel):
    """A counter at rest: services normal, readers empty, nobody signed in, a new browser."""
    contexte = chromium.new_context(
        viewport={"width": 1366, "height": 768}, locale="fr-FR", timezone_id="Europe/Paris"
    )
    page = contexte.new_page()
    erreurs = []
    page.on("pageerror", lambda e: erreurs.append(str(e)))
    bureau = Bureau(pile, page, images if materiel.nom == "scripte" else images.beside(), materiel)
    for service in pile.controle:
        bureau.oublier(service)
    materiel.vider()
    yield bureau
    for service in pile.controle:
        bureau.humeur(service, "normal")
    try:
        bureau.quitter()
    finally:
        contexte.close()  # a page left open would read the next journey's card
    assert not erreurs, erreurs
