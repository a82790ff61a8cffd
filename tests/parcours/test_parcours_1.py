"""Journey 1: known patient, card, identity qualified, scanned prescription, all as prescribed."""

import pytest

from tests.parcours.bureau import GLUCOPHAGE, LEVOTHYROX, until
from tests.parcours.gestes import confirmer, controler, lire_et_signer, recues, servir, terminer
from tests.parcours.materiel import DEUX_PILOTES

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


def commencer(bureau, *, connecte=False):
    if not connecte:
        bureau.ouvrir_session("A02")
    bureau.nouvelle_vente()
    bureau.inserer("vitale-01")
    bureau.voir("PAT-TROIS DOMINIQUE")


@pytest.mark.exigence("INS-06")
@pytest.mark.exigence("ORD-03")
@pytest.mark.exigence("ORD-14")
@pytest.mark.exigence("ORD-16")
@pytest.mark.exigence("CTR-10")
@pytest.mark.exigence("CTR-20")
@DEUX_PILOTES
def test_the_prescription_is_delivered_and_reported_once(bureau):
    numero = bureau.prescrire()
    bureau.page.goto(bureau.pile.adresse + "/connexion/")
    bureau.photographier("connexion")
    bureau.ouvrir_session("A02")
    bureau.page.goto(bureau.pile.adresse + "/")
    bureau.photographier("portail")
    commencer(bureau, connecte=True)
    bureau.voir("qualifiée")
    lire_et_signer(bureau, numero)
    bureau.dialogue("Ordonnance récupérée")
    bureau.photographier("ordonnance")
    confirmer(bureau)
    servir(bureau)
    bureau.photographier("vente")
    controler(bureau)
    bureau.panneau("ordonnance", "accusé reçu")
    terminer(bureau)
    bureau.voir("Rendez la carte à DOMINIQUE PAT-TROIS")
    bureau.photographier("fin")
    assert [e["resultat"] for e in recues(bureau)] == ["00"]
    assert len(bureau.executions(numero)) == 1
    assert bureau.journal("insi") == []  # already qualified: nothing is asked again


@pytest.mark.exigence("OPS-14")
@DEUX_PILOTES
def test_with_every_service_at_three_seconds_the_counter_waits_for_nothing(bureau):
    numero = bureau.prescrire()
    bureau.humeur("ordonnance", "lent")
    bureau.humeur("insi", "lent")
    commencer(bureau)
    lire_et_signer(bureau, numero)
    bureau.panneau("ordonnance", "Récupération")
    servir(bureau, [GLUCOPHAGE["cip13"]])  # while the service thinks
    assert bureau.page.locator("#panneau-ordonnance", has_text="Récupération").count() == 1
    bureau.dialogue("Ordonnance récupérée")
    confirmer(bureau)
    servir(bureau, [GLUCOPHAGE["cip13"], LEVOTHYROX["cip13"]])
    controler(bureau)
    bureau.panneau("ordonnance", "En attente d'envoi", 2)
    terminer(bureau)
    assert bureau.executions(numero) == []  # the sale did not wait for it
    until(lambda: bureau.executions(numero), "l'exécution chez le service")
    bureau.panneau("ordonnance", "accusé reçu")
    assert len(recues(bureau)) == 1


@pytest.mark.exigence("OPS-15")
@DEUX_PILOTES
def test_all_down_the_sale_ends_on_paper_and_the_work_waits(bureau):
    numero = bureau.prescrire()
    bureau.humeur("ordonnance", "panne_503")
    bureau.humeur("insi", "panne_503")
    commencer(bureau)
    lire_et_signer(bureau, numero)
    bureau.panneau("ordonnance", "Relancer", 20)
    servir(bureau)
    bureau.touche("End")
    bureau.dialogue("Ordonnance non récupérée")
    bureau.touche("1")
    bureau.panneau("ordonnance", "Délivrée d'après le papier")
    terminer(bureau)
    assert bureau.executions(numero) == []
    bureau.humeur("ordonnance", "normal")
    bureau.page.goto(bureau.pile.adresse + "/ordonnances/a-regulariser/")
    ligne = bureau.page.locator("tr", has_text="Reçu, à contrôler")
    until(lambda: ligne.count() or (bureau.page.reload() and None), "le contenu redemandé", 60)
    ligne.get_by_text("Contrôler et envoyer").press("Enter")
    bureau.dialogue("Numéro de renouvellement")
    bureau.touche("Enter")
    bureau.dialogue("Contrôle d'ordonnance")
    bureau.touche("End")
    until(lambda: bureau.executions(numero), "l'exécution régularisée")
    bureau.voir("Rien à régulariser")  # the page went back to the list by itself
    assert len(bureau.executions(numero)) == len(recues(bureau)) == 1


@pytest.mark.exigence("OPS-14")
@pytest.mark.exigence("OPS-15")
@DEUX_PILOTES
def test_down_after_the_control_the_execution_leaves_by_itself(bureau):
    numero = bureau.prescrire()
    commencer(bureau)
    lire_et_signer(bureau, numero)
    bureau.dialogue("Ordonnance récupérée")
    confirmer(bureau)
    servir(bureau)
    bureau.humeur("ordonnance", "panne_503")
    controler(bureau)
    bureau.panneau("ordonnance", "En attente d'envoi")
    terminer(bureau)
    bureau.panneau("ordonnance", "Elle part seule dès qu'il revient")
    bureau.page.goto(bureau.pile.adresse + "/file/")
    bureau.voir("En attente d'envoi")
    bureau.photographier("file")
    assert bureau.executions(numero) == []
    bureau.humeur("ordonnance", "normal")
    until(lambda: bureau.executions(numero), "l'exécution partie d'elle-même", 60)
    assert len(bureau.executions(numero)) == 1
    assert [e["resultat"] for e in recues(bureau)].count("00") == 1
