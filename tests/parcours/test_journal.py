"""The titulaire asks who opened a file, by keyboard alone; the journal is sealed meanwhile."""

import pytest

from tests.parcours.bureau import until
from tests.parcours.gestes import bandeau

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


def _find(bureau, texte):
    """From the operator's field, where the focus is, to the file and who opened it."""
    page = bureau.page
    for _ in range(8):
        if page.evaluate("() => document.activeElement.id") == "journal-patient":
            break
        bureau.touche("Tab")
    bureau.ecrire(texte)
    bureau.touche("Enter")
    page.locator(".trouve").wait_for()
    for _ in range(20):
        if page.evaluate("() => document.activeElement.classList.contains('trouve')"):
            break
        bureau.touche("Tab")
    bureau.touche("Enter")
    page.wait_for_url("**/journal/dossier/*/")
    bureau.voir("Qui a ouvert ce dossier")


@pytest.mark.exigence("TIT-13", "TIT-12")
def test_keys_alone_lead_to_who_opened_a_file_and_back(bureau):
    bureau.ouvrir_session("A02")
    bureau.nouvelle_vente()
    bureau.inserer("vitale-01")
    bandeau(bureau, "PAT-TROIS")
    bureau.quitter()
    bureau.retirer("vitale")
    bureau.ouvrir_session("A01")
    page = bureau.page
    page.goto(bureau.pile.adresse + "/")
    bureau.touche("c")
    page.wait_for_url("**/donnees/")
    bureau.touche("9")
    page.wait_for_url("**/journal/")
    _find(bureau, "pat dominique")
    texte = page.locator("main").inner_text()
    assert "(A02)" in texte
    assert "Pharmacien adjoint" in texte
    assert "Vente ouverte" not in texte  # of no file yet
    bureau.regarder("journal-dossier")
    bureau.touche("Escape")
    page.wait_for_url("**/journal/?patient=*")
    bureau.regarder("journal")
    bureau.touche("Escape")
    page.wait_for_url("**/donnees/")


@pytest.mark.exigence("SEC-02")
def test_what_was_just_done_is_sealed_within_the_minute(bureau):
    bureau.ouvrir_session("A01")
    page = bureau.page

    def scelle():
        page.goto(bureau.pile.adresse + "/journal/sceau/")
        return page.locator("code.empreinte").count()

    until(scelle, "le premier sceau", 60)
    assert "attendent leur sceau" not in page.locator("main").inner_text()
    dit = bureau.pile.run_once("manage.py", "verifier_audit")
    assert "Le journal tient." in dit
