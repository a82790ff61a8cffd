"""The e-lecteur at the counter: the right place from anywhere, never a field, none lost.

Each place is tried by both ways in: the agent's scanner, and a scanner that types in the page.
"""

import time

import pytest

from tests.parcours.bureau import DOLIPRANE, until
from tests.parcours.gestes import servir

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]
BOITE = "010" + DOLIPRANE["cip13"] + "1728123110LT1"
MUTUELLE = "AMCSIM1|99999999|HT|001|12345|20271231"


def lire(bureau, voie, texte):
    """Show a code to the scanner of this kind."""
    if voie == "agent":
        bureau.scanner(texte)
    else:
        bureau.rafale(texte)


def rafale_azerty(bureau, texte):
    """An American scanner on a French PC. No layout of Playwright has these keys: built events."""
    azerty = dict(zip("1234567890AQZWM", "&é\"'(-è_çàQAWZ?", strict=True))
    bureau.page.evaluate(
        "(touches) => { for (const key of touches) document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true})); }",
        [azerty.get(c, c) for c in texte] + ["Enter"],
    )


@pytest.fixture(params=["agent", "clavier"])
def voie(request):
    return request.param


def boites(bureau, nombre):
    lignes = bureau.page.locator(".ligne-produit .nombre")
    until(
        lambda: sum(int(n) for n in lignes.all_inner_texts()) == nombre,
        lambda: f"{nombre} boîtes, {lignes.all_inner_texts()}",
    )


@pytest.mark.exigence("AGT-04", "AGT-06", "CTR-20")
def test_a_box_lands_in_the_sale_wherever_the_focus_is(bureau, voie):
    page = bureau.page
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    lire(bureau, voie, DOLIPRANE["cip13"])
    boites(bureau, 1)
    bureau.touche("*")  # a quantity is being typed
    lire(bureau, voie, DOLIPRANE["cip13"])
    boites(bureau, 2)
    bureau.touche("Escape")
    page.locator("details.prescription summary").click()
    for champ in ("#prescripteur-rpps", "#prescripteur-nom"):
        page.locator(champ).fill("12")
        lire(bureau, voie, DOLIPRANE["cip13"])
        boites(bureau, 3 if champ == "#prescripteur-rpps" else 4)
        assert page.locator("#prescripteur-rpps").count() == 1
        assert DOLIPRANE["cip13"][:4] not in page.locator(champ).input_value()


@pytest.mark.exigence("AGT-06")
def test_a_scan_leaves_a_date_as_it_was(bureau):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    servir(bureau, [DOLIPRANE["cip13"]])
    champ = bureau.page.locator("#date-prescription")
    bureau.page.locator("details.prescription summary").click()
    champ.focus()
    bureau.rafale("01AB4CDEFG")  # its first keys are a month and a day
    bureau.statut("(F3)")
    bureau.ecrire("2026")  # the year alone: were anything of the code left, a date would be whole
    assert champ.input_value() == ""


@pytest.mark.exigence("AGT-04", "AGT-06")
def test_a_scan_over_an_open_dialog_or_menu_goes_to_the_sale(bureau, voie):
    page = bureau.page
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.touche("F2")
    bureau.dialogue("Patient de la vente")
    bureau.ecrire("du")
    lire(bureau, voie, DOLIPRANE["cip13"])
    boites(bureau, 1)
    assert page.locator("#recherche-patient").input_value() == "du"
    bureau.dialogue("Patient de la vente")
    bureau.touche("Escape")
    bureau.sans_dialogue()
    bureau.touche("F1")
    bureau.dialogue("Touches")
    lire(bureau, voie, DOLIPRANE["cip13"])
    boites(bureau, 2)
    bureau.touche("Escape")
    bureau.sans_dialogue()


@pytest.mark.exigence("AGT-04")
@pytest.mark.parametrize("depart", ["/", "/patients/"])
def test_a_box_scanned_away_from_a_sale_opens_one(bureau, voie, depart):
    bureau.ouvrir_session()
    bureau.page.goto(bureau.pile.adresse + depart)
    bureau.page.locator("#lecteurs [data-lecteur=e-lecteur][data-etat=pret]").wait_for()
    if depart == "/patients/":
        bureau.page.locator("main input:visible").first.focus()
    lire(bureau, voie, DOLIPRANE["cip13"])
    bureau.page.wait_for_url("**/vente/*/")
    boites(bureau, 1)


@pytest.mark.exigence("AGT-06", "SEC-09")
def test_a_code_scanned_on_a_locked_screen_is_no_password_and_says_what_to_do(bureau):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.seconde("l")
    bureau.page.locator("h1", has_text="Écran verrouillé").wait_for()
    bureau.page.locator("#code").fill("A02")
    secret = bureau.page.locator("[type=password]").first
    secret.focus()
    bureau.ecrire("22")
    bureau.rafale(DOLIPRANE["cip13"])
    bureau.statut("Identifiez-vous")
    assert secret.input_value() == "22"
    assert bureau.page.locator("h1", has_text="Écran verrouillé").count() == 1
    bureau.regarder("lecteur-verrouille")
    bureau.identifier("A02")
    assert bureau.page.locator(".ligne-produit").count() == 0


@pytest.mark.exigence("AGT-07")
@pytest.mark.cas("agent-83")
def test_ten_codes_a_second_lose_none(bureau, voie):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.seconde("n")
    debut = time.monotonic()
    for rang in range(20):
        # The pace of the device; the screen is waited for on what it shows.
        time.sleep(max(0, debut + rang / 10 - time.monotonic()))
        lire(bureau, voie, DOLIPRANE["cip13"])
    boites(bureau, 20)
    assert bureau.page.locator("#recherche-produit").input_value() == ""


@pytest.mark.exigence("AGT-03", "AGT-04")
@pytest.mark.cas("agent-80", "agent-81")
def test_what_means_nothing_here_says_so_is_no_link_and_does_nothing(bureau, voie):
    page = bureau.page
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    url = page.url
    for texte, phrase in (
        ("https://evil.example/?q=<b>x</b>", "Adresse internet"),
        ("javascript:alert(1)", "pas une ordonnance numérique"),
        ("<img src=x onerror=alert(1)>", "pas une ordonnance numérique"),
        ("'; DROP TABLE pharmacy_vente; --", "pas une ordonnance numérique"),
        ("=cmd|' /C calc'!A0", "pas une ordonnance numérique"),
    ):
        page.evaluate("() => document.getElementById('statut-ligne').replaceChildren()")
        lire(bureau, voie, texte)
        bureau.statut(phrase)
        bureau.statut("(F3)")
        assert page.locator("#statut-ligne a, #statut-ligne img, #statut-ligne b").count() == 0
        assert page.url == url
    lire(bureau, voie, MUTUELLE)
    bureau.statut("Attestation de mutuelle lue : pas encore utilisée ici")
    assert "12345" not in page.locator("#statut-ligne").inner_text()
    bureau.regarder("lecteur-mutuelle")
    assert page.locator(".ligne-produit").count() == 0


@pytest.mark.exigence("AGT-05")
@pytest.mark.cas("agent-72", "agent-85")
def test_a_scanner_badly_set_is_said_and_its_box_is_not_half_used(bureau):
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.scanner(f"{BOITE}21SERIE77")  # the separators never came
    boites(bureau, 1)
    bureau.statut("Lot et numéro de série non repris")
    bureau.regarder("lecteur-separateurs")
    rafale_azerty(bureau, f"010{DOLIPRANE['cip13']}17281231")
    boites(bureau, 2)
    rafale_azerty(bureau, f"{BOITE}21SERIE77")
    bureau.statut("autre clavier")
    boites(bureau, 2)
