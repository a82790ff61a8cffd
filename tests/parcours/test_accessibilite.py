"""axe-core finds nothing on the main screens, by day and by night; and what axe does not see."""

import pytest

from tests.parcours.bureau import GLUCOPHAGE
from tests.parcours.gestes import examiner

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]
ECRANS = {
    "accueil": "/",
    "patients": "/patients/?q=pat",
    "nouveau dossier": "/patients/nouveau/",
    "données": "/donnees/",
    "reprise de patients": "/donnees/reprise/",
    "paramètres": "/parametres/officine/",
    "équipe": "/equipe/",
    "arrivée": "/equipe/arrivee/",
    "habilitations": "/equipe/habilitations/",
    "sessions": "/equipe/sessions/",
    "postes": "/postes/",
    "réglages du client": "/parametres/officine/?panneau=client",
    "identités à traiter": "/identites/",
    "file": "/file/",
    "fusions": "/fusions/",
    "régulariser": "/ordonnances/a-regulariser/",
    "journal": "/journal/",
    "qui a ouvert ce dossier": "/journal/dossier/1/",
    "sceau du journal": "/journal/sceau/",
    "composants": "/dev/composants",
    "refus": "/vente/999999/",
}


@pytest.fixture(params=["light", "dark"])
def theme(bureau, request):
    bureau.page.emulate_media(color_scheme=request.param)
    return request.param


@pytest.mark.exigence("CTR-23")
def test_the_sign_in_page_is_clean(bureau, theme):
    bureau.page.goto(bureau.pile.adresse + "/connexion/")
    assert examiner(bureau.page) == [], theme


@pytest.mark.exigence("CTR-23")
def test_the_screens_around_the_sale_are_clean(bureau, theme):
    bureau.ouvrir_session("A01")
    trouve = {}
    for nom, url in ECRANS.items():
        bureau.page.goto(bureau.pile.adresse + url)
        trouve[nom] = examiner(bureau.page)
    assert {nom: v for nom, v in trouve.items() if v} == {}, theme


@pytest.mark.exigence("CTR-23")
def test_the_sale_and_its_windows_are_clean(bureau, theme):
    bureau.ouvrir_session("A01")
    bureau.nouvelle_vente()
    trouve = {"vide": examiner(bureau.page)}
    bureau.inserer("vitale-01")
    bureau.voir("PAT-TROIS DOMINIQUE")
    bureau.boite(GLUCOPHAGE["cip13"])
    bureau.page.locator(".ligne-produit").first.wait_for()
    trouve["entamée"] = examiner(bureau.page)
    for touche, titre in (("F1", "Touches"), ("F2", "Patient"), ("F3", "Ordonnance Numérique")):
        bureau.touche(touche)
        bureau.dialogue(titre)
        trouve[titre] = examiner(bureau.page)
        bureau.touche("Escape")
        bureau.sans_dialogue()
    assert {nom: v for nom, v in trouve.items() if v} == {}, theme


@pytest.mark.exigence("CTR-20")
@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/donnees/",
        "/patients/",
        "/file/",
        "/equipe/",
        "/equipe/arrivee/",
        "/postes/",
        "/donnees/reprise/",
        "/journal/",
    ],
)
def test_the_keyboard_reaches_everything_and_the_focus_is_seen(bureau, url):
    """Tab walks through every control, none hidden, and each one has its ring."""
    bureau.ouvrir_session("A01")
    page = bureau.page
    page.goto(bureau.pile.adresse + url)
    attendus = page.evaluate(
        "() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select,"
        " summary')].filter((e) => e.checkVisibility() && !e.disabled).length"
    )
    page.evaluate("() => document.activeElement.blur()")
    vus = set()
    for _ in range(2 * attendus + 4):
        page.keyboard.press("Tab")
        vu = page.evaluate(
            "() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " e.dataset.vu ||= String(document.querySelectorAll('[data-vu]').length + 1);"
            " return [e.tagName, e.dataset.vu, s.outlineStyle, parseFloat(s.outlineWidth)]; }"
        )
        if vu[0] == "BODY":  # the end of the page: the next Tab is its start
            continue
        assert vu[2] != "none", vu
        assert vu[3] >= 3, vu
        vus.add(vu[1])
    assert len(vus) == attendus


@pytest.mark.exigence("CTR-20")
def test_keys_alone_lead_from_home_to_a_setting_and_back(bureau):
    bureau.ouvrir_session("A01")
    page = bureau.page
    page.goto(bureau.pile.adresse + "/")
    bureau.touche("c")
    page.wait_for_url("**/donnees/")
    bureau.touche("1")
    page.wait_for_url("**/parametres/officine/")
    bureau.touche("Escape")
    page.wait_for_url("**/donnees/")
    bureau.touche("j")
    page.wait_for_url("**/patients/")
    bureau.ecrire("pat")
    page.locator(".trouve").wait_for()
    bureau.touche("Tab")
    bureau.touche("Enter")
    bureau.voir("Dossier patient")
    bureau.touche("Escape")
    page.wait_for_url("**/patients/")
    bureau.touche("Escape")
    page.locator(".acte-grand").first.wait_for()
    bureau.touche("e")
    page.wait_for_url("**/file/")


@pytest.mark.parametrize("largeur", [1366, 1024])
@pytest.mark.parametrize("url", [*ECRANS.values()])
def test_nothing_is_wider_than_the_screen(bureau, url, largeur):
    bureau.page.set_viewport_size({"width": largeur, "height": 768})
    bureau.ouvrir_session("A01")
    bureau.page.goto(bureau.pile.adresse + url)
    depasse = bureau.page.evaluate(
        "() => { const l = document.documentElement.clientWidth;"
        " return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()"
        " && !e.closest('.hors-ecran, .tableau-cadre, svg')"
        " && e.getBoundingClientRect().right > l + 1)"
        ".map((e) => e.className || e.tagName).slice(0, 3); }"
    )
    assert depasse == []
