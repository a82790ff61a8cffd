"""The control by digits: each difference takes its own, in order."""

import pytest

from tests.parcours.bureau import GLUCOPHAGE, IALUSET, LEVOTHYROX
from tests.parcours.gestes import confirmer, lire_et_signer, recues, servir
from tests.parcours.test_parcours_1 import commencer

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]
TROIS_LIGNES = ((GLUCOPHAGE, 5), (LEVOTHYROX, 2), (IALUSET, 0))  # the third is a device


def recuperer(bureau):
    numero = bureau.prescrire(TROIS_LIGNES)
    commencer(bureau)
    lire_et_signer(bureau, numero)
    bureau.dialogue("Ordonnance récupérée")
    confirmer(bureau)


@pytest.mark.exigence("ORD-14")
def test_each_digit_answers_the_next_difference(bureau):
    recuperer(bureau)
    bureau.touche("End")
    bureau.dialogue("Contrôle d'ordonnance")
    for chiffre in "235":
        bureau.touche(chiffre)
    coches = bureau.page.locator("#dialogue input:checked").evaluate_all(
        "radios => radios.map((radio) => radio.value)"
    )
    assert coches == ["REFUS_PATIENT", "NON_DEMANDE_CE_JOUR", "RUPTURE"]
    bureau.touche("End")
    bureau.panneau("ordonnance", "accusé reçu")
    bureau.touche("End")
    bureau.voir("Vente terminée")
    assert len(recues(bureau)) == 1


@pytest.mark.exigence("ORD-26")
def test_the_device_is_served_by_key_m_and_everything_is_conform(bureau):
    recuperer(bureau)
    servir(bureau)
    lignes = bureau.page.locator(".ligne-produit").count()
    bureau.ecrire("ialuset")
    bureau.page.get_by_text("Ajouter avec ce libellé libre").click()
    bureau.page.locator(".ligne-produit").nth(lignes).wait_for()
    bureau.seconde("M")
    bureau.dialogue("Rattacher quel produit ?")
    bureau.touche(str(lignes + 1))
    bureau.dialogue("Rattacher à quelle ligne ?")
    bureau.touche("3")
    bureau.sans_dialogue()
    bureau.touche("End")
    bureau.dialogue("Contrôle d'ordonnance")
    assert "Conforme à l'ordonnance" in bureau.page.locator("#dialogue").inner_text()
    bureau.touche("End")
    bureau.panneau("ordonnance", "accusé reçu")
    bureau.touche("End")
    bureau.voir("Vente terminée")
    assert [e["resultat"] for e in recues(bureau)] == ["00"]
