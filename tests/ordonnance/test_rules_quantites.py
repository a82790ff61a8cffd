"""Boxes, units and grams: what is compared, and what is said not to be."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ordonnance.rules.appariement import FaitsProduit
from ordonnance.rules.modele import ExecutionPassee, LignePassee, ProduitPrescrit
from ordonnance.rules.rapprochement import lowest_numero_delivrance, next_numero_delivrance
from tests.ordonnance.prescriptions import (
    GENERIQUE_30,
    METFORMINE_90,
    boite,
    controler,
    ligne,
    prescription,
)


@pytest.mark.cas("ordonnance-C6")
def test_a_partial_delivery_says_why_the_rest_stays():
    ecarts, _ = controler([ligne()], [boite()])
    assert ecarts["Q01"].phrase == "Quantité inférieure : 1 au lieu de 2"
    assert ecarts["Q01"].type_intervention == "NON_DELIVRANCE"
    assert ecarts["Q01"].regle.defaut == "COMMANDE_EN_COURS"


def test_reasons_of_a_partial_delivery_are_reasons_of_non_delivery():
    from ordonnance.rules import motifs

    assert {m.code for m in motifs.PARTIEL} <= {m.code for m in motifs.NON_DELIVRANCE}


@pytest.mark.cas("ordonnance-C8")
def test_one_box_too_many_is_asked_about():
    ecarts, _ = controler([ligne()], [boite(quantite=3)])
    assert set(ecarts) == {"Q04"}


@pytest.mark.cas("ordonnance-C9")
def test_one_large_pack_for_two_small_ones_is_rounded_up():
    ecarts, non_verifiables = controler([ligne()], [boite(METFORMINE_90)])
    assert set(ecarts) == {"S11", "Q03"}
    assert ecarts["Q03"].phrase == "Arrondi au conditionnement : 90 unités au lieu de 60"
    assert (ecarts["Q03"].type_intervention, ecarts["Q03"].regle.defaut) == (
        "MODIFICATION",
        "CONDITIONNEMENT",
    )
    assert non_verifiables == ()


def test_nine_large_packs_for_one_box_need_a_reason():
    ecarts, _ = controler([ligne(quantite=Decimal(1))], [boite(METFORMINE_90, 9)])
    assert ecarts["Q04"].phrase == "Quantité supérieure : 810 unités au lieu de 30"


def test_a_small_pack_of_a_generic_for_a_large_one_is_partial():
    prescrit = ligne(
        quantite=Decimal(1),
        produit=ProduitPrescrit("GLUCOPHAGE", cis="61052830", cip13=METFORMINE_90.cip13),
    )
    ecarts, _ = controler([prescrit], [boite(GENERIQUE_30)], {"l1": METFORMINE_90})
    assert ecarts["Q01"].phrase == "Quantité inférieure : 30 unités au lieu de 90"


def test_a_pack_of_four_weeks_serves_a_pack_of_thirty_days():
    ecarts, _ = controler([ligne()], [boite(replace(GENERIQUE_30, unites=Decimal(28)), 2)])
    assert set(ecarts) == {"S01"}


@pytest.mark.cas("ordonnance-C28")
def test_an_unknown_content_makes_no_false_quantity():
    inconnu = replace(METFORMINE_90, unites=None)
    ecarts, non_verifiables = controler([ligne()], [boite(inconnu)])
    assert set(ecarts) == {"S11"}
    assert non_verifiables == (
        "Nombre de boîtes non vérifiable (autre conditionnement) : GLUCOPHAGE 1000 mg",
    )


def test_more_boxes_than_due_of_an_unknown_content_need_a_reason():
    ecarts, _ = controler([ligne()], [boite(replace(METFORMINE_90, unites=None), 9)])
    assert ecarts["Q04"].phrase == "Quantité supérieure : 9 au lieu de 2"


def test_without_a_quantity_the_posology_says_what_is_due():
    prescrit = ligne(quantite=None, unites_par_jour=Decimal(2), duree_jours=30)
    assert controler([prescrit], [boite(quantite=2)]) == ({}, ())
    ecarts, _ = controler([prescrit], [boite()])
    assert ecarts["Q01"].phrase == "Quantité inférieure : 30 unités au lieu de 60"


def test_grams_are_not_boxes():
    pot = FaitsProduit(libelle="Pommade à l'urée")
    prescrit = ligne(
        nature="PREPARATION",
        produit=ProduitPrescrit("Préparation à l'urée"),
        quantite=Decimal(100),
        unite="g",
    )
    ecarts, non_verifiables = controler(
        [prescrit], [boite(pot, ligne="l1", manuelle=True)], {"l1": FaitsProduit()}
    )
    assert ecarts == {}
    assert non_verifiables[0] == (
        "Quantité non vérifiable en boîtes (100 g prescrits) : Préparation à l'urée"
    )


def test_what_was_already_delivered_at_this_number_is_no_longer_due():
    passee = ExecutionPassee(
        "e1",
        datetime(2026, 1, 13, 10, tzinfo=UTC),
        "",
        0,
        False,
        (LignePassee("L1", "DELIVRE", Decimal(2)),),
    )
    assert controler([ligne()], [], executions=(passee,)) == ({}, ())
    ecarts, _ = controler([ligne()], [boite()], executions=(passee,))
    assert ecarts["Q04"].phrase == "Quantité supérieure : 1 au lieu de 0"
    assert set(controler([ligne()], [], executions=(replace(passee, annulee=True),))[0]) == {"L01"}


def test_a_line_said_delivered_owes_nothing_whatever_the_pack():
    passee = ExecutionPassee(
        "e1",
        datetime(2026, 1, 13, 10, tzinfo=UTC),
        "",
        0,
        False,
        (LignePassee("l1", "DELIVRE", Decimal(1)),),
    )
    assert controler([ligne()], [], executions=(passee,)) == ({}, ())
    partielle = replace(passee, lignes=(LignePassee("l1", "DELIVRE_PARTIEL", Decimal(1)),))
    assert set(controler([ligne()], [], executions=(partielle,))[0]) == {"L01"}
    assert controler([ligne()], [boite()], executions=(partielle,)) == ({}, ())


@pytest.mark.cas("ordonnance-C7")
@pytest.mark.parametrize(
    ("lignes", "propose", "plus_bas"),
    [
        ([{"delivrances_effectuees": 1}, {"delivrances_effectuees": 0}], 1, 0),
        ([{"delivrances_effectuees": 1}, {"renouvellements": 0}], 1, 0),
        ([{"delivrances_effectuees": 1}, {"renouvellements": 0, "statut": "EXECUTEE"}], 1, 1),
        ([{"delivrances_effectuees": 2}, {"statut": "ANNULEE"}], 2, 2),
        ([{"statut": "EXECUTEE", "delivrances_effectuees": 1}], 1, 1),
    ],
)
def test_a_complement_keeps_the_number_of_what_it_completes(lignes, propose, plus_bas):
    lue = prescription(
        *(
            ligne(f"l{rang}", **({"renouvellements": 5} | champs))
            for rang, champs in enumerate(lignes, 1)
        )
    )
    assert next_numero_delivrance(lue) == propose
    assert lowest_numero_delivrance(lue) == plus_bas
