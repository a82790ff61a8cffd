"""Two files of one person: from the work list to the merge, and back; by keyboard alone."""

import pytest

from tests.parcours.bureau import new_patient, until
from tests.parcours.gestes import creer_un_dossier, examiner

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


def avancer_jusqu_a(bureau, selecteur):
    """Tab until an element is reached, as a person does who has no mouse."""
    for _ in range(120):
        bureau.touche("Tab")
        if bureau.page.evaluate("(s) => document.activeElement.matches(s)", selecteur):
            return
    raise AssertionError(f"{selecteur} n'est pas atteint au clavier")


def nettes(bureau, ecran):
    """Axe by day and by night, then both kept for the eye."""
    for theme in ("light", "dark"):
        bureau.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert examiner(bureau.page) == [], (ecran, theme)
    bureau.page.emulate_media(color_scheme="light")
    bureau.regarder(ecran)


def ouvrir_les_identites(bureau):
    """C, then 5: the work list."""
    bureau.page.goto(bureau.pile.adresse + "/")
    bureau.page.locator("[data-officine-lettre=V]").wait_for()
    bureau.touche("c")
    bureau.page.wait_for_url("**/donnees/")
    bureau.touche("5")
    bureau.page.wait_for_url("**/identites/")


def comparer_et_fusionner(bureau, comparer):
    """From the work list: both sides seen, nothing chosen before; 1, 4, Entrée."""
    page = bureau.page
    avancer_jusqu_a(bureau, comparer)
    bureau.touche("Enter")
    page.wait_for_url("**/fusion/*/")
    bureau.voir("Quel dossier gardez-vous")
    assert page.locator("input:checked").count() == 0
    assert page.locator("table.traits th[scope=col]", has_text="Dossier n°").count() == 2
    nettes(bureau, "fusion-deux-dossiers")
    bureau.touche("1")  # the file kept; the focus goes to the next question
    bureau.touche("4")  # made twice by mistake; the focus goes to the button
    assert "Fusionner les deux dossiers" in bureau.focus()
    bureau.touche("Enter")
    page.wait_for_url("**/proches/")
    bureau.voir("Fusions de ce dossier")
    assert page.locator("a.trouve").count() == 0, "l'autre dossier ne s'ouvre plus"
    nettes(bureau, "fusion-faite")


def retrouver_et_annuler(bureau, nom):
    """From the list of merges: what goes back is read, Entrée undoes."""
    page = bureau.page
    bureau.seconde("f")
    page.wait_for_url("**/fusions/")
    ligne = page.locator("tbody tr", has_text=nom)
    adresse = ligne.locator("a").get_attribute("href")
    nettes(bureau, "fusion-liste")
    avancer_jusqu_a(bureau, f'a[href="{adresse}"]')
    bureau.touche("Enter")
    page.wait_for_url(f"**{adresse}")
    assert "Annuler la fusion" in bureau.focus()
    nettes(bureau, "fusion-annuler")
    bureau.touche("Enter")
    page.wait_for_url("**/proches/")
    bureau.voir("Annulée")
    assert page.locator("a.trouve").count() == 1, "les deux dossiers s'ouvrent de nouveau"


@pytest.mark.exigence("INS-28", "CTR-20", "CTR-23")
def test_a_double_of_the_work_list_is_merged_then_separated(bureau):
    personne, _ = new_patient()
    nom = f"{personne.nom} {personne.prenoms[0]}"
    bureau.ouvrir_session("A01")
    bureau.nouvelle_vente()
    creer_un_dossier(bureau, personne)
    creer_un_dossier(bureau, personne)
    bureau.voir("Un dossier porte déjà ces traits")
    assert nom in bureau.focus(), "le dossier qui existe est ce que prend Entrée"
    nettes(bureau, "fusion-creer-quand-meme")
    avancer_jusqu_a(bureau, "#patient-creer .bouton-principal")
    bureau.touche("Enter")
    bureau.sans_dialogue()
    ouvrir_les_identites(bureau)
    comparer = f'a[aria-label="Comparer : {nom}"]'
    doublon = bureau.page.locator(comparer)
    until(lambda: doublon.count() or (bureau.page.reload() and None), "le doublon", 60)
    nettes(bureau, "fusion-a-traiter")
    comparer_et_fusionner(bureau, comparer)
    ouvrir_les_identites(bureau)
    assert doublon.count() == 0, "la question est close"
    retrouver_et_annuler(bureau, nom)
    bureau.touche("Escape")
    bureau.voir("Dossier patient")
