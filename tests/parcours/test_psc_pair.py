"""Journey 12 at the independent provider: their page in the window, ours at the counter."""

import json
from dataclasses import replace

import pytest

from config.lanceur.pile import PSC_ALERTE, PSC_FIN, PSC_RETOUR
from tests.psc.pair import Independant
from tests.psc.pairs import ALICE, PAR_CERTIFICAT, declared_there, document

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]
MARTIN = "810100000040"


def martin(partage):
    """The operator A02 of the demonstration, as the document of a titulaire says somebody."""
    texte = json.dumps(document(partage, ALICE)).replace(ALICE, MARTIN)
    return texte.replace("TITULAIRE", "MARTIN")


@pytest.fixture
def ailleurs(pile, partage, tmp_path):
    """The web process of the stack, declared at the independent provider; put back at the end."""
    (tmp_path / "userinfo-martin.json").write_text(martin(partage))
    service = {
        **declared_there(PAR_CERTIFICAT, pile.adresse + PSC_ALERTE),
        "client_id": pile.env["COMPTOIR_PSC_CLIENT_ID"],
        "redirect_uris": [pile.adresse + PSC_RETOUR],
        "post_logout_redirect_uris": [pile.adresse + PSC_FIN],
    }
    pair = Independant(tmp_path, pile.dossiers.sous("tls"), tmp_path, [service])
    reglages = {
        "COMPTOIR_PSC_EMETTEUR": f"{pair.adresse}/auth/realms/esante-wallet",
        "COMPTOIR_PSC_HOTES": pair.adresse.removeprefix("https://"),
    }
    web = pile.enfants["web"]
    avant = web.commande
    pile.arreter("web")
    web.commande = replace(avant, env={**avant.env, **reglages})
    pile.demarrer("web")
    yield pair
    pile.arreter("web")
    web.commande = avant
    pile.demarrer("web")
    pair.stop()


@pytest.fixture
def page(chromium):
    """A browser that does not know the authority of our tests."""
    contexte = chromium.new_context(locale="fr-FR", ignore_https_errors=True)
    yield contexte.new_page()
    contexte.close()


@pytest.mark.exigence("PSC-01", "PSC-03", "PSC-10")
@pytest.mark.cas("psc-98", "psc-1")
def test_one_signs_in_at_a_provider_that_nobody_here_wrote(pile, ailleurs, page):
    page.goto(f"{pile.adresse}/connexion/")
    lien = page.locator("a.bouton-psc")
    lien.focus()
    with page.context.expect_page() as ouverte:
        page.keyboard.press("Enter")
    fenetre = ouverte.value
    fenetre.get_by_role("button", name="ALICE MARTIN").click()
    fenetre.get_by_text("vous êtes connecté").first.wait_for(timeout=25000)
    assert fenetre.url.startswith(pile.adresse)
    page.wait_for_url("**/vente/**")
    assert "A. MARTIN" in page.locator("header.entete").inner_text()
