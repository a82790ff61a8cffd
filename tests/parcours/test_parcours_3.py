"""Journey 3: no document, reminded three times, then never; then a refusal."""

import pytest

from tests.parcours.bureau import DOLIPRANE, new_patient, until
from tests.parcours.gestes import (
    bandeau,
    demander_une_piece,
    examiner,
    presenter,
    repondre,
    revenir,
    servir,
    terminer,
)

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]
AUCUNE, REFUS = "3", "4"


def sans_piece(bureau):
    """First sale: the INS comes by itself, no document is shown."""
    bureau.panneau("identite", "INS récupérée")
    demander_une_piece(bureau)
    repondre(bureau, AUCUNE)
    bandeau(bureau, "récupérée")
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)


def rappele(bureau, rang):
    """FIN opens the dialog once; « aucune » again, FIN ends the sale."""
    servir(bureau, [DOLIPRANE["cip13"]])
    bureau.touche("End")
    bureau.dialogue("Contrôler une pièce d'identité")
    bureau.voir(f"Rappel {rang} sur 3")
    if rang == 1:
        assert examiner(bureau.page) == []
        bureau.regarder("identite-rappel")
    repondre(bureau, AUCUNE)
    terminer(bureau)


@pytest.mark.exigence("INS-14", "INS-16", "INS-17", "TIT-06")
def test_reminded_three_times_then_never_then_a_refusal_by_hand(bureau):
    personne, carte = new_patient()
    presenter(bureau, carte, personne.nom)
    sans_piece(bureau)
    for rang in (1, 2, 3):
        revenir(bureau, carte, personne.nom)
        rappele(bureau, rang)
    revenir(bureau, carte, personne.nom)
    servir(bureau, [DOLIPRANE["cip13"]])
    bureau.panneau("identite", "le matricule ne sort pas")
    terminer(bureau)  # FIN ends the sale at once: no dialog
    revenir(bureau, carte, personne.nom)
    demander_une_piece(bureau)
    repondre(bureau, REFUS)
    bureau.seconde("g")
    bureau.voir("Pièce refusée par la personne")
    bureau.voir("par A. MARTIN")
    bureau.regarder("identite-fiche")
    assert examiner(bureau.page) == []
    bureau.touche("Escape")
    bureau.page.wait_for_url("**/vente/*/")
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)
    assert [e["operation"] for e in bureau.journal("insi")] == ["RECVITALE"]


@pytest.mark.exigence("INS-16", "OPS-14")
def test_with_the_services_at_three_seconds_the_reminder_waits_for_nobody(bureau):
    personne, carte = new_patient()
    bureau.humeur("insi", "lent")
    bureau.humeur("ordonnance", "lent")
    presenter(bureau, carte, personne.nom)
    sans_piece(bureau)
    revenir(bureau, carte, personne.nom)
    rappele(bureau, 1)


@pytest.mark.exigence("INS-16", "INS-32", "OPS-15")
def test_with_insi_down_the_reminder_comes_all_the_same(bureau):
    personne, carte = new_patient()
    presenter(bureau, carte, personne.nom)
    sans_piece(bureau)
    bureau.humeur("insi", "panne_503")
    bureau.humeur("ordonnance", "panne_503")
    revenir(bureau, carte, personne.nom)
    bandeau(bureau, "récupérée")
    rappele(bureau, 1)


@pytest.mark.exigence("INS-15")
def test_a_document_that_differs_is_said_trait_by_trait_and_waits(bureau):
    personne, carte = new_patient()
    presenter(bureau, carte, personne.nom)
    bureau.panneau("identite", "INS récupérée")
    demander_une_piece(bureau)
    bureau.touche("2")  # another thing
    bureau.touche("1")  # on an identity card
    bureau.touche("1")  # the birth name
    bureau.touche("5")  # and the sex
    coches = bureau.page.locator("#dialogue [name=ecarts]:checked")
    until(lambda: coches.count() == 2, "deux traits cochés")
    bureau.touches_en_retard("1", "5")
    until(lambda: coches.count() == 0, "les deux touches d'une page occupée")
    bureau.touche("1")
    bureau.touche("5")
    until(lambda: coches.count() == 2, "deux traits cochés de nouveau")
    bureau.regarder("identite-differente")
    assert examiner(bureau.page) == []
    repondre(bureau, "8")  # wait
    bandeau(bureau, "récupérée")
    bureau.page.goto(bureau.pile.adresse + "/identites/")
    bureau.page.locator("tr", has_text=personne.nom).get_by_text("(nom, sexe)").wait_for()
    bureau.regarder("identites")
    assert examiner(bureau.page) == []


@pytest.mark.exigence("INS-18", "INS-20")
def test_someone_anonymous_is_served_and_no_service_hears_of_them(bureau):
    bureau.ouvrir_session("A02")
    bureau.nouvelle_vente()
    bureau.seconde("j")
    bureau.dialogue("Pas d'INS, pourquoi ?")
    assert examiner(bureau.page) == []
    bureau.touche("1")
    bureau.touche("Enter")
    bandeau(bureau, "Identité fictive")
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)
    assert bureau.journal("insi") == []
    # The release of an earlier journey may arrive meanwhile: it is not of this sale.
    recus = {entree["operation"] for entree in bureau.journal("ordonnance")}
    assert recus <= {"libererExecution"}
