"""The counter between journeys: hands that change, screens that lock, scans that fall anywhere."""

import time

import pytest

from tests.parcours.bureau import DOLIPRANE, new_patient, until
from tests.parcours.gestes import confirmer, lire_et_signer, servir, terminer_sans_piece

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


def vente_entamee(bureau, code="A02"):
    bureau.ouvrir_session(code)
    bureau.nouvelle_vente()
    servir(bureau, [DOLIPRANE["cip13"]])
    return bureau.page.url


@pytest.mark.exigence("CTR-23", "CTR-11")
def test_a_colleague_takes_over_in_two_seconds_and_the_sale_stays(bureau):
    url = vente_entamee(bureau)
    bureau.seconde("l")
    bureau.page.locator("h1", has_text="Écran verrouillé").wait_for()
    debut = time.monotonic()
    bureau.page.keyboard.type("B01", delay=40)
    bureau.touche("Tab")
    bureau.page.keyboard.type("330033", delay=40)
    bureau.touche("Enter")
    bureau.page.locator("summary", has_text="S. LEROY").wait_for()
    assert time.monotonic() - debut < 2
    bureau.code = "B01"
    assert bureau.page.url == url
    assert bureau.page.locator(".ligne-produit").count() == 1


@pytest.mark.exigence("SEC-09", "CTR-12")
def test_left_alone_the_screen_locks_and_the_code_brings_the_sale_back(bureau):
    bureau.page.clock.install()
    url = vente_entamee(bureau)
    bureau.page.clock.fast_forward("14:00")
    assert bureau.page.url == url
    bureau.page.clock.fast_forward("02:00")
    bureau.page.locator("h1", has_text="Écran verrouillé").wait_for()
    bureau.page.goto(url)  # the server holds the lock, not the page
    assert "/connexion/" in bureau.page.url
    bureau.identifier("A02")
    assert bureau.page.url == url
    assert bureau.page.locator(".ligne-produit").count() == 1


@pytest.mark.exigence("CTR-20")
def test_a_scan_while_a_person_answers_is_held_named_and_offered(bureau):
    numero = bureau.prescrire()
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.inserer("vitale-01")
    bureau.voir("PAT-TROIS DOMINIQUE")
    lire_et_signer(bureau, numero)
    bureau.dialogue("Ordonnance récupérée")
    bureau.boite(DOLIPRANE["cip13"])
    bureau.statut("Code lu, gardé : une boîte de médicament")
    assert bureau.page.locator("#dialogue input:checked").count() == 0
    assert bureau.page.locator(".ligne-produit").count() == 0
    bureau.touche("Escape")
    bureau.voir("Utiliser ce code")
    assert bureau.page.locator(".ligne-produit").count() == 0
    bureau.seconde("u")
    bureau.page.locator(".ligne-produit").wait_for()


@pytest.mark.exigence("CTR-20")
def test_a_keyboard_scanner_never_lands_in_a_field_nor_presses_a_button(bureau):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.seconde("n")
    champ = bureau.page.locator("#recherche-produit")
    bureau.ecrire("doli")
    bureau.rafale(DOLIPRANE["cip13"])
    bureau.page.locator(".ligne-produit", has_text="DOLIPRANE").wait_for()
    assert champ.input_value() == "doli"
    bureau.touche("F2")
    bureau.dialogue("Patient de la vente")
    bureau.rafale(DOLIPRANE["cip13"])
    bureau.statut("DOLIPRANE 1000 mg : 2 boîtes")
    assert bureau.page.locator("#recherche-patient").input_value() == ""
    bureau.dialogue("Patient de la vente")  # its Enter pressed nothing


@pytest.mark.exigence("CTR-20")
def test_plus_minus_a_number_and_delete_act_on_the_marked_product(bureau):  # noqa: PLR0915
    vente_entamee(bureau)
    bureau.touche("F1")
    bureau.voir("Retirer le produit (ligne marquée)")
    bureau.touche("Escape")
    bureau.sans_dialogue()
    bureau.scanner(DOLIPRANE["cip13"])  # no serial number: several boxes in one row
    lignes = bureau.page.locator(".ligne-produit")
    lignes.nth(1).wait_for()
    bureau.page.locator("[data-officine-touche=End]").focus()
    nombre = lignes.nth(1).locator(".nombre")

    def boites(attendu):
        until(lambda: nombre.inner_text() == attendu, lambda: f"{attendu}, {nombre.inner_text()}")

    depart = int(nombre.inner_text())
    bureau.touche("+")
    boites(str(depart + 1))
    bureau.touche("-")
    boites(str(depart))
    for touche in ("*", "1", "2"):
        bureau.touche(touche)
    bureau.statut("× 12")
    bureau.touche("Enter")
    boites("12")
    assert bureau.page.locator("#dialogue[open]").count() == 0  # its Enter validated nothing
    bureau.touche("*")
    bureau.touche("Escape")  # leaves the number, not the sale
    bureau.seconde("n")
    for touche in ("+", "-", "Delete"):
        bureau.touche(touche)  # in a field a key writes
    assert bureau.page.locator("#recherche-produit").input_value() == "+-"
    boites("12")
    bureau.page.locator("[data-officine-touche=End]").focus()
    bureau.touche("Delete")
    until(lambda: lignes.count() == 1, "la ligne marquée retirée")
    bureau.touche("+")  # a box with a serial number counts for one
    bureau.statut("Une boîte sérialisée compte pour une")


@pytest.mark.exigence("CTR-20")
def test_fin_or_enter_held_down_validates_nothing_unseen(bureau):
    numero = bureau.prescrire()
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.inserer("vitale-01")
    bureau.voir("PAT-TROIS DOMINIQUE")
    lire_et_signer(bureau, numero)
    bureau.dialogue("Ordonnance récupérée")
    confirmer(bureau)
    servir(bureau)
    for touche in ("End", "Enter"):
        bureau.page.locator("[data-officine-touche=End]").focus()
        bureau.page.keyboard.down(touche)
        bureau.dialogue("Contrôle d'ordonnance")
        for _ in range(10):
            bureau.page.keyboard.down(touche)  # the system's repeat
            bureau.page.wait_for_timeout(33)
        bureau.page.wait_for_timeout(200)
        bureau.page.keyboard.up(touche)
        bureau.dialogue("Contrôle d'ordonnance")
        bureau.touche("Escape")
        bureau.sans_dialogue()


@pytest.mark.exigence("OPS-14")
def test_our_own_server_away_is_said_and_the_page_recovers_by_itself(bureau):
    url = vente_entamee(bureau)
    bureau.serveur(debout=False)
    try:
        bureau.boite(DOLIPRANE["cip13"])
        bureau.statut("Le serveur du comptoir ne répond pas")
        bureau.page.locator("#panne-serveur").wait_for()
        bureau.touche("F2")
        assert bureau.page.locator("#dialogue[open]").count() == 0
    finally:
        bureau.serveur(debout=True)
    bureau.page.locator("#panne-serveur").wait_for(state="hidden", timeout=30000)
    servir(bureau, [DOLIPRANE["cip13"]])
    assert bureau.page.url == url
    assert bureau.page.locator(".ligne-produit").count() == 2


@pytest.mark.exigence("CTR-20")
def test_a_card_left_in_the_reader_is_named_until_it_leaves(bureau):
    personne, carte = new_patient()
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.inserer(carte)
    bureau.page.locator(".bandeau-patient", has_text=personne.nom).wait_for()
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer_sans_piece(bureau)
    bureau.voir(f"Rendez la carte à {personne.prenoms[0]}")
    bureau.retirer("vitale")
    bureau.page.get_by_text("Rendez la carte").wait_for(state="detached")  # told by the stream


def test_a_locked_colleague_leaves_no_signature_to_the_next(bureau):
    """Another operator's session never signs with the card of the one before."""
    numero = bureau.prescrire()
    bureau.ouvrir_session("A02")
    bureau.nouvelle_vente()
    bureau.inserer("vitale-01")
    bureau.voir("PAT-TROIS DOMINIQUE")
    lire_et_signer(bureau, numero)
    bureau.dialogue("Ordonnance récupérée")
    bureau.touche("9")
    bureau.sans_dialogue()
    bureau.retirer("cps")
    bureau.seconde("l")
    bureau.identifier("A01")
    bureau.code = "A01"
    lire_et_signer(bureau, numero)  # asked again: the first signature is hers
    bureau.dialogue("Ordonnance récupérée")
    bureau.touche("9")
    bureau.sans_dialogue()


@pytest.mark.exigence("CTR-20")
def test_letters_alone_do_nothing_when_the_setting_says_so(bureau):
    bureau.ouvrir_session("A01")
    bureau.page.goto(bureau.pile.adresse + "/")
    bureau.page.evaluate("() => (document.body.dataset.officineSansLettres = '')")
    bureau.touche("j")
    bureau.seconde("j")  # ² then the letter still acts, or says that it does nothing here
    assert bureau.page.url == bureau.pile.adresse + "/"
    bureau.page.evaluate("() => delete document.body.dataset.officineSansLettres")
    bureau.touche("j")
    bureau.page.wait_for_url("**/patients/")
