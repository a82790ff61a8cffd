"""The titulaire's console: rights, arrivals, departures, sessions closed from afar, by keyboard."""

import time

import pytest

from tests.parcours.bureau import Bureau
from tests.parcours.gestes import examiner

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


@pytest.fixture
def autre(pile, chromium, images, materiel):
    """A colleague's browser, beside."""
    contexte = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="fr-FR")
    bureau = Bureau(pile, contexte.new_page(), images, materiel)
    yield bureau
    contexte.close()


def aller(bureau, chemin):
    bureau.page.goto(bureau.pile.adresse + chemin)


@pytest.mark.exigence("TIT-01", "TIT-02", "CTR-23")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_rooms_of_the_console_are_clean_by_day_and_by_night(bureau, theme):
    bureau.page.emulate_media(color_scheme=theme)
    bureau.ouvrir_session("A01")
    trouve = {}
    for nom, lieu in (
        ("liste", "/equipe/"),
        ("arrivee", "/equipe/arrivee/"),
        ("habilitations", "/equipe/habilitations/"),
        ("sessions", "/equipe/sessions/"),
        ("integrations", "/equipe/integrations/"),
        ("administration", "/administration/"),
        ("second-facteur", "/second-facteur/"),
    ):
        aller(bureau, lieu)
        trouve[nom] = examiner(bureau.page)
        bureau.regarder(f"equipe-{nom}")
    bureau.page.emulate_media(color_scheme=theme)
    aller(bureau, "/equipe/")
    bureau.page.get_by_role("link", name="Alice MARTIN").click()
    for nom, lien in (("droits", "Ses habilitations"), ("depart", "Son départ")):
        fiche = bureau.page.url
        trouve[f"fiche avant {nom}"] = examiner(bureau.page)
        bureau.page.get_by_role("link", name=lien).click()
        bureau.page.wait_for_url("**/equipe/*/*/")
        trouve[nom] = examiner(bureau.page)
        bureau.regarder(f"equipe-{nom}")
        bureau.page.goto(fiche)
    assert {nom: v for nom, v in trouve.items() if v} == {}


@pytest.mark.exigence("TIT-04")
def test_a_session_closed_from_afar_shows_the_sign_in_page_at_once(bureau, autre):
    """The colleague's sale is open: its event stream ends, and the page asks for a code."""
    autre.ouvrir_session("A02")
    autre.nouvelle_vente()
    bureau.ouvrir_session("A01")
    aller(bureau, "/equipe/sessions/")
    bureau.regarder("equipe-sessions-deux")
    bouton = bureau.page.get_by_role("button", name="Fermer la session de A02").first
    bouton.focus()
    bureau.touche("Enter")
    debut = time.monotonic()
    autre.page.wait_for_url("**/connexion/**")
    assert time.monotonic() - debut < 5


def faire_entrer(bureau, code):
    """By keyboard: the sheet, Enter, and the password shown once."""
    aller(bureau, "/equipe/arrivee/")
    for champ, texte in (("code", code), ("prenom", "Noé"), ("nom", "Petit")):
        bureau.page.locator(f"[name={champ}]").focus()
        bureau.ecrire(texte)
    bureau.page.locator("[name=role]").select_option("preparateur")
    bureau.page.locator("[name=nom]").focus()
    bureau.touche("Enter")
    bureau.voir("Mot de passe temporaire de Noé PETIT")
    assert examiner(bureau.page) == []
    bureau.regarder("equipe-temporaire")
    return bureau.page.locator("[role=alert] code").inner_text()


def premiere_connexion(bureau, code, secret):
    """On a poste already open: the temporary password, then one's own, and a PIN."""
    aller(bureau, "/connexion/")
    bureau.page.get_by_role("link", name="Noé PETIT").click()
    bureau.page.get_by_role("link", name="un mot de passe temporaire").click()
    assert bureau.page.locator("#code").input_value() == code
    bureau.page.locator("[name=mot_de_passe]").fill(secret)
    bureau.touche("Enter")
    bureau.voir("choisissez le vôtre")
    assert examiner(bureau.page) == []
    bureau.regarder("equipe-pin")
    for champ, texte in (
        ("nouveau", "un mot de passe neuf"),
        ("confirmation", "un mot de passe neuf"),
        ("pin", "280491"),
        ("pin_confirmation", "280491"),
    ):
        bureau.page.locator(f"[name={champ}]").fill(texte)
    bureau.touche("Enter")
    bureau.page.wait_for_url("**/vente/**")


@pytest.mark.exigence("TIT-01")
def test_someone_arrives_works_and_leaves(bureau, autre):
    bureau.ouvrir_session("A01")
    bureau.administrer("/equipe/arrivee/")
    code = f"N{int(time.time()) % 100000}"
    premiere_connexion(autre, code, faire_entrer(bureau, code))
    aller(bureau, "/equipe/")
    bureau.page.get_by_role("link", name="Noé PETIT").click()
    bureau.page.get_by_role("link", name="Son départ").click()
    bureau.voir("Ses sessions ouvertes : 1")
    bureau.page.get_by_role("button", name="Fermer tous ses accès maintenant").focus()
    bureau.touche("Enter")
    bureau.page.wait_for_url("**/equipe/")
    autre.page.reload()
    autre.page.wait_for_url("**/connexion/**")
    assert autre.page.get_by_role("link", name="Noé PETIT").count() == 0


@pytest.mark.exigence("TIT-03", "SEC-07")
def test_the_administration_mode_opens_stops_the_sale_and_closes_by_a_key(bureau):
    bureau.ouvrir_session("A01")
    bureau.nouvelle_vente()
    vente = bureau.page.url
    aller(bureau, "/equipe/arrivee/")
    bureau.voir("demande le mode administration")
    bureau.regarder("administration-demandee")
    bureau.administrer("/equipe/arrivee/")
    bureau.voir("Administration jusqu'à")
    assert examiner(bureau.page) == []
    bureau.regarder("administration-ouverte")
    bureau.page.goto(vente)
    bureau.voir("aucune vente ne se fait")
    assert examiner(bureau.page) == []
    bureau.regarder("administration-vente")
    assert "Fermer le mode administration et vendre" in bureau.focus()
    bureau.touche("Enter")
    bureau.page.locator(".scene-vente").wait_for()
    assert bureau.page.url == vente
    bureau.administrer("/equipe/")
    bureau.page.wait_for_url("**/equipe/")
    bureau.voir("Administration jusqu'à")
    bureau.seconde("z")
    bureau.page.wait_for_url("**/")
    bureau.page.locator("#administration").wait_for(state="detached")


@pytest.mark.exigence("SEC-07")
def test_the_screens_of_the_second_factor_are_clean(bureau):
    """By keyboard: the password, the key as it is shown, a code that is refused."""
    bureau.ouvrir_session("A02")
    aller(bureau, "/second-facteur/")
    bureau.ecrire("halle-adjointe")
    bureau.touche("Enter")
    bureau.page.locator("img[alt^='Code à scanner']").wait_for()
    bureau.regarder("second-facteur-cle")
    trouve = {}
    for theme in ("light", "dark"):
        bureau.page.emulate_media(color_scheme=theme)
        bureau.page.reload()  # colours change at once on a new page, over a moment on this one
        trouve[theme] = examiner(bureau.page)
    bureau.ecrire("000000")
    bureau.touche("Enter")
    bureau.voir("Code inexact")
    bureau.regarder("second-facteur-refus")
    assert trouve == {"light": [], "dark": []}
