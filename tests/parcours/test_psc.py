"""Journey 12: Pro Santé Connect in a window beside the counter, by keyboard (psc.md §3.6).

The simulated service's page is somebody else's: a person clicks there; everything of ours is keys.
"""

from contextlib import contextmanager

import pytest

from tests.parcours.attente import until
from tests.parcours.gestes import bandeau, examiner

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


@contextmanager
def fenetre(bureau):
    """Enter on the button opens a window; what it becomes is closed at the end, as by a person."""
    lien = bureau.page.locator("a.bouton-psc")
    lien.wait_for()
    lien.focus()
    with bureau.page.context.expect_page() as ouverte:
        bureau.touche("Enter")
    page = ouverte.value
    page.get_by_role("heading", name="Qui s'identifie").wait_for()
    yield page
    page.close()


def choisir(page, qui):
    """Answer at Pro Santé Connect as this person."""
    page.locator(f'button[value="{qui}"]').click()


def revenir(bureau, page, texte):
    """The window says it; looked at, clean for axe."""
    page.get_by_text(texte).first.wait_for(timeout=25000)
    assert examiner(page) == []


def aller(bureau, chemin="/connexion/"):
    bureau.page.goto(bureau.pile.adresse + chemin)


@pytest.mark.exigence("PSC-01", "PSC-03", "PSC-04")
@pytest.mark.cas("psc-1")
def test_one_signs_in_from_the_window_beside_and_the_counter_follows(bureau):
    aller(bureau)
    assert examiner(bureau.page) == []
    bureau.regarder("psc-connexion")
    with fenetre(bureau) as page:
        bureau.voir("répondez dans la fenêtre ouverte")
        bureau.regarder("psc-attente")
        choisir(page, "martin CARD")
        revenir(bureau, page, "vous êtes connecté")
        assert page.get_by_text("Vous pouvez fermer cette fenêtre").count()
        bureau.images.look(page, "psc-ouverte")
        bureau.page.wait_for_url("**/vente/**")
    assert bureau.page.locator("header.entete").inner_text().count("A. MARTIN")
    bureau.regarder("psc-entete")


@pytest.mark.exigence("PSC-07", "PSC-13")
@pytest.mark.cas("psc-11")
def test_a_sale_is_kept_while_one_authenticates_beside_it(bureau):
    bureau.ouvrir_session("A02")
    bureau.nouvelle_vente()
    bureau.inserer("vitale-01")
    bandeau(bureau, "PAT-TROIS")
    vente = bureau.page.url
    bureau.page.locator("#psc-entete-lien").focus()
    bureau.touche("Enter")
    bureau.dialogue("Pro Santé Connect")
    bureau.regarder("psc-dialogue")
    with fenetre(bureau) as page:
        choisir(page, "martin MOBILE")
        revenir(bureau, page, "vous êtes connecté")
        bureau.page.locator("#psc-suivi", has_text="connecté").wait_for()
    bureau.touche("Escape")
    bureau.sans_dialogue()
    assert bureau.page.url == vente
    bandeau(bureau, "PAT-TROIS")
    bureau.page.locator("#psc-entete", has_text="A. MARTIN").wait_for()


@pytest.mark.cas("psc-61", "psc-62")
def test_another_identity_is_a_question_and_staying_is_the_first_answer(bureau):
    bureau.ouvrir_session("A02")
    aller(bureau, "/patients/")
    bureau.page.locator("#psc-entete-lien").focus()
    bureau.touche("Enter")
    bureau.dialogue("Pro Santé Connect")
    with fenetre(bureau) as page:
        choisir(page, "rousseau CARD")
        revenir(bureau, page, "Qui travaille sur ce poste")
        bureau.images.look(page, "psc-choisir")
        bureau.page.get_by_text("répondez ici").wait_for()
        assert page.evaluate("document.activeElement.innerText") == "Rester Alice MARTIN"
        page.keyboard.press("Enter")
        revenir(bureau, page, "Vous restez l'opérateur du poste")
        bureau.images.look(page, "psc-reste")
    aller(bureau, "/patients/")
    assert "A. MARTIN" in bureau.page.locator("header.entete").inner_text()


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-12")
def test_somebody_unknown_opens_nothing_and_can_ask(bureau):
    aller(bureau)
    with fenetre(bureau) as page:
        choisir(page, "alice CARD")
        revenir(bureau, page, "Aucun opérateur rattaché")
        bureau.images.look(page, "psc-lier")
        page.locator("form:has(input[value=abandonner]) button").press("Enter")
        revenir(bureau, page, "Connexion abandonnée")
    bureau.voir("Connexion abandonnée")
    assert bureau.page.locator("#code").is_visible()


@pytest.mark.exigence("PSC-02")
@pytest.mark.cas("psc-10", "psc-80")
def test_when_the_service_is_down_the_code_opens_as_ever(bureau):
    bureau.humeur("psc", "panne")
    aller(bureau)
    lien = bureau.page.locator("a.bouton-psc")
    lien.focus()
    with bureau.page.context.expect_page() as ouverte:
        bureau.touche("Enter")
    ouverte.value.wait_for_load_state()
    ouverte.value.close()
    bureau.identifier("A02")
    bureau.page.wait_for_url("**/vente/**")


@pytest.mark.exigence("PSC-03")
def test_another_browser_shows_the_number_and_the_counter_opens_alone(bureau, chromium):
    """The desktop shell: a ticket, a number to compare, and a browser that keeps no session."""
    aller(bureau)
    bureau.page.get_by_role("button", name="Dans un autre navigateur").press("Enter")
    bureau.voir("L'autre navigateur doit montrer ce numéro")
    assert examiner(bureau.page) == []
    bureau.regarder("psc-billet")
    numero = bureau.page.locator(".psc-numero").inner_text()
    adresse = bureau.page.locator("a.bouton-principal").get_attribute("href")
    ailleurs = chromium.new_context(locale="fr-FR")
    page = ailleurs.new_page()
    page.goto(bureau.pile.adresse + adresse)
    assert f"numéro {numero}. Continuer" in page.locator("h1").inner_text()
    assert examiner(page) == []
    bureau.images.look(page, "psc-numero")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Qui s'identifie").wait_for()
    choisir(page, "martin CARD")
    page.get_by_text("Authentification faite").wait_for()
    bureau.images.look(page, "psc-ailleurs")
    ailleurs.close()
    bureau.page.wait_for_url("**/vente/**")
    until(lambda: "A. MARTIN" in bureau.page.locator("header.entete").inner_text(), "la session")
