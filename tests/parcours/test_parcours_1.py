"""Journey 1: known patient, card, identity qualified, scanned prescription, all as prescribed."""

import pytest

from tests.parcours.bureau import CPS, E0, GLUCOPHAGE, LEVOTHYROX, until

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


def commencer(bureau, code="A02"):
    bureau.ouvrir_session(code)
    bureau.nouvelle_vente()
    bureau.inserer("vitale-01")
    bureau.voir("PAT-TROIS DOMINIQUE")


def recuperer(bureau, code="A02", delai_s=10.0):
    bureau.scanner(E0)
    bureau.statut("Insérez votre carte CPS")
    bureau.inserer(CPS[code])
    bureau.code_porteur()
    bureau.dialogue("Ordonnance récupérée", delai_s)


def confirmer(bureau):
    bureau.touche("1")
    bureau.touche("2")
    bureau.touche("Enter")
    bureau.dialogue("Numéro de renouvellement")
    bureau.touche("Enter")
    bureau.sans_dialogue()


def servir(bureau):
    for cip in (GLUCOPHAGE, GLUCOPHAGE, LEVOTHYROX):
        avant = bureau.page.locator(".ligne-produit").count()
        bureau.boite(cip)
        bureau.page.locator(".ligne-produit").nth(avant).wait_for()


def controler(bureau):
    """FIN, the one undelivered line answered by a digit, FIN."""
    bureau.touche("End")
    bureau.dialogue("Contrôle d'ordonnance")
    bureau.touche("2")
    bureau.touche("End")
    bureau.statut("Contrôle validé")
    bureau.sans_dialogue()


def envoyees(bureau):
    return [e for e in bureau.journal("ordonnance") if e["operation"] == "enregistrerExecution"]


@pytest.mark.exigence("ORD-03")
@pytest.mark.exigence("ORD-14")
@pytest.mark.exigence("ORD-16")
@pytest.mark.exigence("CTR-20")
def test_the_prescription_is_delivered_and_reported_once(bureau):
    commencer(bureau)
    bureau.photographier("vente")
    recuperer(bureau)
    bureau.photographier("ordonnance")
    confirmer(bureau)
    servir(bureau)
    bureau.touche("End")
    bureau.dialogue("Contrôle d'ordonnance")
    bureau.photographier("controle")
    bureau.touche("2")
    bureau.touche("End")
    bureau.panneau("ordonnance", "accusé reçu")
    bureau.touche("End")
    bureau.voir("Vente terminée")
    bureau.voir("Rendez la carte")
    bureau.photographier("fin")
    assert len(envoyees(bureau)) == 1
    assert len(bureau.executions()) == 1


@pytest.mark.exigence("OPS-14")
def test_with_every_service_at_three_seconds_the_counter_waits_for_nothing(bureau):
    bureau.humeur("ordonnance", "lent")
    bureau.humeur("insi", "lent")
    commencer(bureau)
    bureau.scanner(E0)
    bureau.statut("Insérez votre carte CPS")
    bureau.inserer(CPS["A02"])
    bureau.code_porteur()
    bureau.panneau("ordonnance", "Récupération")
    bureau.boite(GLUCOPHAGE)
    bureau.page.locator(".ligne-produit").first.wait_for(timeout=1500)
    bureau.dialogue("Ordonnance récupérée", 12)
    confirmer(bureau)
    bureau.boite(GLUCOPHAGE)
    bureau.page.locator(".ligne-produit").nth(1).wait_for()
    bureau.boite(LEVOTHYROX)
    bureau.page.locator(".ligne-produit").nth(2).wait_for()
    controler(bureau)
    bureau.panneau("ordonnance", "En attente d'envoi")
    bureau.touche("End")
    bureau.voir("Vente terminée")
    until(lambda: len(bureau.executions()) == 1, "l'exécution chez le service")


@pytest.mark.exigence("OPS-15")
def test_all_down_the_sale_ends_on_paper_and_the_work_waits(bureau):
    bureau.humeur("ordonnance", "panne_503")
    bureau.humeur("insi", "panne_503")
    commencer(bureau)
    bureau.scanner(E0)
    bureau.statut("Insérez votre carte CPS")
    bureau.inserer(CPS["A02"])
    bureau.code_porteur()
    bureau.panneau("ordonnance", "Continuer sur papier", 45)
    servir(bureau)
    bureau.touche("End")
    bureau.dialogue("Ordonnance non récupérée")
    bureau.touche("1")
    bureau.panneau("ordonnance", "Délivrée d'après le papier")
    bureau.touche("End")
    bureau.voir("Vente terminée")
    bureau.humeur("ordonnance", "normal")
    bureau.page.goto(bureau.pile.adresse + "/ordonnances/a-regulariser/")
    until(
        lambda: (
            bureau.page.reload() is not None
            and bureau.page.get_by_text("Reçu, à contrôler").count()
        ),
        "le contenu redemandé",
        60,
    )
    bureau.page.get_by_text("Contrôler et envoyer").first.press("Enter")
    bureau.dialogue("Contrôle d'ordonnance")
    bureau.touche("2")
    bureau.touche("End")
    until(lambda: len(bureau.executions()) == 1, "l'exécution régularisée")


@pytest.mark.exigence("OPS-14")
def test_down_after_the_control_the_execution_leaves_by_itself(bureau):
    commencer(bureau)
    recuperer(bureau)
    confirmer(bureau)
    servir(bureau)
    bureau.humeur("ordonnance", "panne_503")
    controler(bureau)
    bureau.panneau("ordonnance", "En attente d'envoi")
    bureau.touche("End")
    bureau.voir("Vente terminée")
    bureau.voir("En attente d'envoi")
    assert bureau.executions() == []
    bureau.humeur("ordonnance", "normal")
    until(lambda: len(bureau.executions()) == 1, "l'exécution partie d'elle-même", 60)
    bureau.page.goto(bureau.pile.adresse + "/file/")
    bureau.voir("accusé reçu")
    bureau.photographier("file")
