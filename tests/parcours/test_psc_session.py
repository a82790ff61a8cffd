"""Journey 12, the life of a session: kept, given back to its owner, closed here or over there."""

import pytest

from tests.parcours.attente import until
from tests.parcours.bureau import MOTS_DE_PASSE, call
from tests.parcours.gestes import examiner
from tests.parcours.test_psc import aller, choisir, fenetre, revenir

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


def entete(bureau, texte):
    bureau.page.locator("#psc-entete", has_text=texte).wait_for()


def regarder(bureau, chemin, nom):
    """Open a page of ours, clean for axe, and keep it for the eye."""
    aller(bureau, chemin)
    bureau.page.locator("h1, h2").first.wait_for()
    assert examiner(bureau.page) == []
    bureau.regarder(nom)


def arriver(bureau, qui="martin CARD"):
    """Sign in by Pro Santé Connect; the counter follows."""
    aller(bureau)
    with fenetre(bureau) as page:
        choisir(page, qui)
        revenir(bureau, page, "vous êtes connecté")
        bureau.page.wait_for_url("**/vente/**")
    entete(bureau, "A. MARTIN")


def prendre(bureau, code, *, mot_de_passe=False):
    """A colleague takes the poste, or its owner comes back: code, then what is asked."""
    aller(bureau, "/patients/")
    bureau.seconde("l")
    bureau.page.wait_for_url("**/connexion/**")
    if mot_de_passe:
        aller(bureau, f"/connexion/?code={code}&mot_de_passe=oui")
        bureau.page.locator("#mot_de_passe").fill(MOTS_DE_PASSE[code])
        bureau.touche("Enter")
        bureau.page.locator("header.entete").wait_for()
    else:
        bureau.identifier(code)


@pytest.mark.exigence("PSC-06", "PSC-08", "CTR-11")
@pytest.mark.cas("psc-63", "psc-64", "psc-73", "psc-74")
def test_kept_on_leaving_given_back_to_its_owner_alone_then_closed(bureau):
    arriver(bureau)
    regarder(bureau, "/psc/quitter?suite=/patients/", "psc-quitter")
    bureau.voir("Garder la connexion Pro Santé Connect active ?")
    assert "Déconnecter" in bureau.focus()
    bureau.touche("g")
    bureau.page.wait_for_url("**/patients/")
    entete(bureau, "A. MARTIN")

    prendre(bureau, "A01")
    entete(bureau, "se connecter")
    regarder(bureau, "/equipe/sessions/", "psc-titulaire-sessions")
    regarder(bureau, "/psc/health", "psc-etat-du-service")
    prendre(bureau, "A02")
    entete(bureau, "en attente")
    bureau.regarder("psc-garee")
    prendre(bureau, "A02", mot_de_passe=True)
    entete(bureau, "A. MARTIN")

    regarder(bureau, "/psc/sessions/", "psc-mes-sessions")
    aller(bureau, "/patients/")
    bureau.page.locator("#psc-entete-lien").focus()
    bureau.touche("Enter")
    bureau.dialogue("Pro Santé Connect")
    bureau.regarder("psc-session")
    bureau.page.get_by_role("button", name="Se déconnecter de Pro Santé Connect").press("Enter")
    entete(bureau, "se connecter")
    until(
        lambda: any(e["operation"] == "deconnexion" for e in bureau.journal("psc")),
        "la fin dite à Pro Santé Connect",
    )


@pytest.mark.exigence("PSC-14")
@pytest.mark.cas("psc-77")
def test_the_service_closes_it_and_the_poste_that_it_opened_locks(bureau):
    arriver(bureau)
    controle = bureau.pile.controle["psc"]
    (session,) = [s for s in call(f"{controle}/controle/sessions") if s["vivante"]]
    call(f"{controle}/controle/deconnexion", {"sid": session["sid"]})
    verrouille = bureau.page.locator("h1", has_text="Écran verrouillé")

    def relire():
        aller(bureau, "/patients/")
        return verrouille.count()

    until(relire, "le poste verrouillé")  # told by the service, from its side
    bureau.identifier("A02")
    entete(bureau, "se connecter")
