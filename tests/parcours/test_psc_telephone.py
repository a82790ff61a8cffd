"""« Valider sur mon téléphone », by keyboard: approved, then refused, then given up."""

import pytest

from tests.parcours.attente import until
from tests.parcours.bureau import call
from tests.parcours.gestes import examiner
from tests.parcours.test_psc_session import arriver, entete

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]
NATIONAL = "810100000040"


def telephones(bureau):
    """What waits on telephones."""
    return call(f"{bureau.pile.controle['psc']}/controle/telephones")


def repondre(bureau, geste):
    """The person answers on the telephone; the number shown there is returned."""
    appel = until(lambda: (telephones(bureau) or [None])[-1], "la demande sur le téléphone")
    assert appel["identifiant"] == NATIONAL
    adresse = f"{bureau.pile.controle['psc']}/controle/telephone"
    call(adresse, {"ref": appel["ref"], "geste": geste})
    return appel["numero"]


def quitter_psc(bureau):
    """Close what the window opened, and stay at the counter."""
    bureau.page.goto(bureau.pile.adresse + "/patients/")
    bureau.page.locator("#psc-entete-lien").press("Enter")
    bureau.dialogue("Pro Santé Connect")
    bureau.page.get_by_role("button", name="Se déconnecter de Pro Santé Connect").press("Enter")
    entete(bureau, "se connecter")


def demander(bureau):
    """From the header, by keys, to the number on the screen."""
    bureau.page.goto(bureau.pile.adresse + "/patients/")
    bureau.page.locator("#psc-entete-lien").press("Enter")
    bureau.dialogue("Pro Santé Connect")
    bureau.page.get_by_role("link", name="Valider sur mon téléphone").press("Enter")
    bureau.page.wait_for_url("**/psc/ciba?**")
    assert "Envoyer la demande" in bureau.focus()
    assert examiner(bureau.page) == []
    bureau.regarder("psc-telephone-depart")
    bureau.touche("Enter")
    nombre = bureau.page.locator(".ciba-nombre")
    nombre.wait_for()
    return nombre.inner_text()


@pytest.mark.exigence("PSC-13", "PSC-08")
@pytest.mark.cas("psc-83", "psc-84", "psc-86")
def test_the_telephone_approves_then_refuses(bureau):
    arriver(bureau)
    quitter_psc(bureau)

    nombre = demander(bureau)
    bureau.voir("pour approuver sur le téléphone")
    assert examiner(bureau.page) == []
    bureau.regarder("psc-telephone-attente")
    assert repondre(bureau, "approuver") == nombre
    bureau.page.wait_for_url("**/patients/")
    entete(bureau, "A. MARTIN mobile")
    bureau.regarder("psc-telephone-connecte")
    quitter_psc(bureau)

    nombre = demander(bureau)
    assert repondre(bureau, "refuser") == nombre
    bureau.voir("Demande refusée sur le téléphone.")
    assert examiner(bureau.page) == []
    bureau.regarder("psc-telephone-refus")
    bureau.page.get_by_role("link", name="Continuer sans").press("Enter")
    bureau.page.wait_for_url("**/patients/")
    entete(bureau, "se connecter")


@pytest.mark.exigence("PSC-16")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_rooms_of_links_and_of_the_telephone_are_clean(bureau, theme):
    bureau.page.emulate_media(color_scheme=theme)
    bureau.ouvrir_session("A01")
    trouve = {}
    for nom, lieu in (
        ("rattachements", "/psc/rattachements/"),
        ("mon-rattachement", "/psc/mon-rattachement/"),
        ("e-cps", "/psc/e-cps"),
        ("telephone", "/psc/ciba"),
    ):
        bureau.page.goto(bureau.pile.adresse + lieu)
        trouve[nom] = examiner(bureau.page)
        bureau.regarder(f"psc-{nom}-{theme}")
    bureau.page.goto(bureau.pile.adresse + "/psc/rattachements/")
    for code in ("A02", "B01"):
        bureau.page.locator("tr", has_text=code).get_by_role("link").press("Enter")
        bureau.page.wait_for_url("**/psc/rattachements/*/")
        trouve[code] = examiner(bureau.page)
        bureau.regarder(f"psc-rattachement-{code}-{theme}")
        bureau.touche("Escape")
        bureau.page.wait_for_url("**/psc/rattachements/")
    assert {nom: fautes for nom, fautes in trouve.items() if fautes} == {}
