"""Journey 5: a minor brought by a parent, livret de famille and the parent's identity card."""

import copy
import random

import pytest

from simulators.population import build_population
from tests.parcours.bureau import DOLIPRANE, read_card
from tests.parcours.gestes import (
    bandeau,
    demander_une_piece,
    examiner,
    repondre,
    servir,
    terminer,
)
from tests.parcours.materiel import DEUX_PILOTES

pytestmark = [pytest.mark.navigateur, pytest.mark.pile, DEUX_PILOTES]
FAMILLE = "vitale-03"  # NESSI: the mother, and the twins LEO and LEA, sixteen years old
PRESENTEE, LIVRET, CNI_DU_PARENT = "1", "4", "1"
_GENS = {p.ins.matricule: p for p in build_population() if p.genre == "famille"}
_ENFANTS = [p for p in _GENS.values() if p.ouvrant_droit and p.naissance > "2012"]
_hasard = random.SystemRandom()


def venir(bureau, carte, rang, nom):
    """The parent's card: nobody is preselected, the child is chosen by a digit (AGT-08)."""
    bureau.ouvrir_session("A02")
    bureau.nouvelle_vente()
    choisir(bureau, carte, rang, nom)


def choisir(bureau, carte, rang, nom):
    bureau.inserer(carte)
    bureau.dialogue("Pour qui ?")
    bureau.touche(rang)
    bandeau(bureau, nom)


def montrer_le_livret(bureau):
    """« Pièce présentée », livret de famille, the parent's document, Entrée: four keys."""
    demander_une_piece(bureau)
    bureau.touche(PRESENTEE)
    bureau.voir("Personne mineure")
    bureau.touche(LIVRET)
    assert "Carte nationale" in bureau.focus()  # the question is now the parent's
    bureau.regarder("identite-mineur")
    assert examiner(bureau.page) == []
    repondre(bureau, CNI_DU_PARENT)


def famille_nouvelle():
    """Return (a child, the card of the family): invented people whom INSi knows."""
    enfant = _ENFANTS.pop(_hasard.randrange(len(_ENFANTS)))
    parent = _GENS[enfant.ouvrant_droit]
    carte = copy.deepcopy(read_card(FAMILLE))
    carte["vitale"]["assure"] |= {"nir": parent.ins.matricule, "cle": parent.ins.cle}
    for beneficiaire, qui in zip(carte["vitale"]["beneficiaires"], (parent, enfant), strict=False):
        beneficiaire |= {
            "nom_usuel": qui.nom,
            "nom_patronymique": qui.nom,
            "prenom": qui.prenoms[0],
            "date_naissance": qui.naissance.replace("-", ""),
            "nir_certifie": qui.ins.matricule,
            "cle_nir_certifie": qui.ins.cle,
        }
    return enfant, carte


def un_enfant(bureau, prenom, rang):
    """(who, the card, its digit): one of the twins where this reader tells them apart."""
    if bureau.materiel.tells_twins:
        return f"NESSI {prenom}", FAMILLE, rang
    enfant, carte = famille_nouvelle()
    return f"{enfant.nom} {enfant.prenoms[0]}", carte, "2"


@pytest.mark.exigence("INS-07", "INS-08", "AGT-08")
def test_a_child_is_qualified_by_the_livret_and_the_parents_card(bureau):
    nom, carte, rang = un_enfant(bureau, "LEO", "2")
    venir(bureau, carte, rang, nom)
    bureau.panneau("identite", "INS récupérée")
    montrer_le_livret(bureau)
    bandeau(bureau, "qualifiée")
    bureau.seconde("g")
    bureau.voir("Livret de famille, avec carte nationale d'identité du représentant légal")
    bureau.touche("Escape")
    bureau.page.wait_for_url("**/vente/*/")
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)


@pytest.mark.exigence("INS-08", "OPS-14")
def test_with_the_services_at_three_seconds(bureau):
    bureau.humeur("insi", "lent")
    bureau.humeur("ordonnance", "lent")
    nom, carte, rang = un_enfant(bureau, "LEA", "3")
    venir(bureau, carte, rang, nom)
    bureau.panneau("identite", "INSi est interrogé")
    servir(bureau, [DOLIPRANE["cip13"]])
    bureau.panneau("identite", "INS récupérée")
    montrer_le_livret(bureau)
    bandeau(bureau, "qualifiée")
    terminer(bureau)


@pytest.mark.exigence("INS-08", "INS-32", "OPS-15")
def test_with_insi_down_the_child_is_served_and_qualified_the_next_time(bureau):
    enfant, carte = famille_nouvelle()
    bureau.humeur("insi", "panne_503")
    bureau.humeur("ordonnance", "panne_503")
    venir(bureau, carte, "2", f"{enfant.nom} {enfant.prenoms[0]}")
    bureau.panneau("identite", "Relancer INSi", 20)
    bandeau(bureau, "provisoire")
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)
    bureau.retirer("vitale")
    bureau.humeur("insi", "normal")
    bureau.touche("End")
    bureau.page.locator(".bandeau-patient[data-vide]").wait_for()
    choisir(bureau, carte, "2", f"{enfant.nom} {enfant.prenoms[0]}")
    bandeau(bureau, "récupérée")
    montrer_le_livret(bureau)
    bandeau(bureau, "qualifiée")


@pytest.mark.exigence("AGT-08")
def test_twins_are_told_apart_or_neither_is_taken(bureau):
    bureau.ouvrir_session("A02")
    bureau.nouvelle_vente()
    bureau.inserer(FAMILLE)
    bureau.dialogue("Pour qui ?")
    bureau.touche("2")
    if bureau.materiel.tells_twins:
        bandeau(bureau, "NESSI LEO")
        return
    bureau.voir("ce lecteur ne les distingue pas")
    bureau.voir("VIT-008")
    assert bureau.page.locator(".bandeau-patient[data-vide]").count() == 1
