"""The control by digits: each difference takes its own, in order."""

import pytest

from tests.parcours.test_parcours_1 import commencer, confirmer, envoyees, recuperer

pytestmark = [pytest.mark.navigateur, pytest.mark.pile]


@pytest.mark.exigence("ORD-14")
def test_each_digit_answers_the_next_difference(bureau):
    commencer(bureau)
    recuperer(bureau)
    confirmer(bureau)
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
    assert len(envoyees(bureau)) == 1
