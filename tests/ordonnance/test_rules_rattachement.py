"""Which line a box serves, and in which words a difference of product is told."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ordonnance.rules.appariement import FaitsProduit, assign, compute_rang
from ordonnance.rules.modele import ProduitPrescrit
from ordonnance.rules.transmission import ReponseEcart, missing_answer
from tests.ordonnance.prescriptions import GENERIQUE_30, METFORMINE_30, boite, controler, ligne

COMPRESSES = ligne(
    nature="DISPOSITIF",
    produit=ProduitPrescrit("Compresses IALUSET+, boîte de 10", lpp="1397790"),
    quantite=Decimal(1),
)
PARACETAMOL = ligne(
    produit=ProduitPrescrit("Paracétamol 500 mg comprimé", mv="MV00002306", dci="paracétamol")
)
DOLIPRANE_500 = FaitsProduit(
    cip13="3400935955000",
    cis="60234999",
    libelle="DOLIPRANE 500 mg, comprimé",
    substances=(("PARACÉTAMOL", "500 mg"),),
    forme="comprimé",
)
LIBRE = FaitsProduit(libelle="IALUSET+ compresses")


@pytest.mark.parametrize("statut", ["EXECUTEE", "ANNULEE"])
def test_a_finished_line_takes_no_box(statut):
    ecarts, _ = controler([ligne(statut=statut)], [boite()])
    assert set(ecarts) == {"L02"}
    ecarts, _ = controler([ligne(statut=statut)], [boite(ligne="l1", manuelle=True)])
    assert set(ecarts) == {"L02"}


def test_a_box_without_list_beside_a_finished_line_is_advice():
    sans_liste = replace(METFORMINE_30, liste="")
    assert controler([ligne(statut="ANNULEE")], [boite(sans_liste)]) == ({}, ())


@pytest.mark.cas("ordonnance-C26")
def test_a_line_by_mv_is_served_by_its_substance_strength_and_form():
    assert compute_rang(PARACETAMOL, FaitsProduit(), DOLIPRANE_500) == 2
    ecarts, _ = controler([PARACETAMOL], [boite(DOLIPRANE_500, 2)], {"l1": FaitsProduit()})
    assert ecarts == {}


@pytest.mark.parametrize(
    ("champs", "rang"),
    [
        ({"substances": (("PARACÉTAMOL", "0,5 g"),)}, 2),
        ({"substances": (("CHLORHYDRATE DE PARACÉTAMOL", "560 mg"),)}, 2),
        ({"substances": (("PARACÉTAMOL", "1000 mg"),), "libelle": "DOLIPRANE 1000 mg"}, 8),
        ({"forme": "suppositoire"}, 7),
        ({"substances": (("PARACÉTAMOL", "500 mg"), ("CODÉINE", "30 mg"))}, 10),
        ({"substances": (("IBUPROFÈNE", "500 mg"),)}, 10),
        ({"substances": ()}, 10),
    ],
)
def test_what_a_line_by_name_accepts(champs, rang):
    assert compute_rang(PARACETAMOL, FaitsProduit(), replace(DOLIPRANE_500, **champs)) == rang


def test_micrograms_are_compared_in_milligrams():
    prescrit = ligne(produit=ProduitPrescrit("Lévothyroxine 75 µg comprimé", dci="lévothyroxine"))
    levothyrox = FaitsProduit(
        cis="62080626",
        libelle="LEVOTHYROX 75 microgrammes, comprimé sécable",
        substances=(("LÉVOTHYROXINE SODIQUE", "0,075 mg"),),
        forme="comprimé sécable",
    )
    assert compute_rang(prescrit, FaitsProduit(), levothyrox) == 2


@pytest.mark.exigence("ORD-26")
def test_a_device_is_served_by_its_lpp():
    assert controler([COMPRESSES], [boite(FaitsProduit(lpp="1397790"))], {}) == ({}, ())


@pytest.mark.exigence("ORD-26")
def test_a_free_label_attached_by_hand_serves_a_device():
    ecarts, _ = controler([COMPRESSES], [boite(LIBRE)], {})
    assert set(ecarts) == {"L01"}
    ecarts, non_verifiables = controler([COMPRESSES], [boite(LIBRE, ligne="l1", manuelle=True)], {})
    assert ecarts == {}
    assert non_verifiables == (
        "Produit inconnu de la base, transmis en libellé : Compresses IALUSET+, boîte de 10",
    )


@pytest.mark.parametrize("autre", [FaitsProduit(lpp="1215702"), METFORMINE_30])
def test_another_code_attached_by_hand_to_a_device_is_another_product(autre):
    ecarts, _ = controler([COMPRESSES], [boite(autre, ligne="l1", manuelle=True)], {})
    assert set(ecarts) == {"S08"}


@pytest.mark.cas("ordonnance-C36")
def test_a_box_moved_by_hand_stays_where_it_was_put():
    lignes = (ligne("l1"), ligne("l2", produit=ProduitPrescrit("Autre", cis="60000000")))
    faits = {"l1": METFORMINE_30, "l2": FaitsProduit()}
    (pose,) = assign(lignes, faits, (boite(ligne="l2", manuelle=True),))
    assert (pose.id_ligne, pose.rang) == ("l2", 10)
    (sortie,) = assign(lignes, faits, (boite(manuelle=True),))
    assert sortie.id_ligne is None


def test_only_a_handwritten_line_lifts_a_product_out_of_the_prescription():
    ecarts, _ = controler([ligne(statut="ANNULEE")], [boite()])
    ajout = ecarts["L02"]
    for motif, manque in (
        ("PRESCRIPTION_MANUSCRITE", ""),
        ("AUTRE", "Choisissez un motif."),
        ("", "Choisissez un motif."),
    ):
        reponse = ReponseEcart(motif, commentaire="tout")
        assert missing_answer(ajout, reponse, pharmacien=True) == manque
    assert missing_answer(ajout, ReponseEcart("PRESCRIPTION_MANUSCRITE"), pharmacien=False)


@pytest.mark.cas("ordonnance-C25")
@pytest.mark.parametrize(
    ("forme", "severite"),
    [("suspension buvable", "JUSTIFIER"), ("solution injectable", "BLOQUANT")],
)
def test_another_form_is_told_as_another_form(forme, severite):
    autre = replace(METFORMINE_30, cip13="1", cis="1", libelle="X", groupes=(), forme=forme)
    ecarts, _ = controler([ligne()], [boite(autre, 2)])
    assert set(ecarts) == {"S07"}
    assert ecarts["S07"].severite == severite
    assert ecarts["S07"].phrase.startswith("À vérifier (forme) : X au lieu de GLUCOPHAGE 1000 mg")


@pytest.mark.parametrize(
    "champs", [{"groupes": (("33", 2),)}, {"substances": (("METFORMINE BASE", "390 mg"),)}]
)
@pytest.mark.cas("ordonnance-C24")
def test_another_strength_is_told_as_another_strength(champs):
    autre = replace(METFORMINE_30, cip13="1", cis="1", libelle="X", **{"groupes": (), **champs})
    ecarts, _ = controler([ligne()], [boite(autre, 2)])
    assert set(ecarts) == {"S06"}
    assert ecarts["S06"].phrase.startswith("À vérifier (dosage) : X au lieu de")


def test_another_medicine_attached_by_hand_names_both():
    autre = FaitsProduit(cip13="1", cis="1", libelle="IBUPROFENE 200 mg")
    ecarts, _ = controler([ligne()], [boite(autre, 2, ligne="l1", manuelle=True)])
    assert ecarts["S08"].phrase == (
        "Autre médicament : IBUPROFENE 200 mg au lieu de "
        "GLUCOPHAGE 1000 mg, comprimé pelliculé sécable"
    )


def test_a_princeps_given_for_a_generic_is_no_generic():
    prescrit = ligne(produit=ProduitPrescrit("METFORMINE", cis=GENERIQUE_30.cis, cip13="x"))
    ecarts, _ = controler([prescrit], [boite(quantite=2)], {"l1": GENERIQUE_30})
    assert set(ecarts) == {"S04"}
    assert ecarts["S04"].regle.defaut == "REFUS_PATIENT"


@pytest.mark.cas("ordonnance-C35")
@pytest.mark.parametrize(("faits", "envoye"), [(GENERIQUE_30, "SUBSTITUTION"), (METFORMINE_30, "")])
def test_a_mention_without_reason_is_said_whatever_is_delivered(faits, envoye):
    ecarts, _ = controler([ligne(substituable=False)], [boite(faits, 2)])
    assert set(ecarts) == {"S03"}
    assert ecarts["S03"].type_intervention == envoye


@pytest.mark.cas("ordonnance-C3")
def test_a_generic_of_a_product_kept_with_its_reason_blocks():
    ecarts, _ = controler([ligne(substituable=False, motif_ns="MTE")], [boite(GENERIQUE_30, 2)])
    assert (set(ecarts), ecarts["S02"].severite) == ({"S02"}, "BLOQUANT")
