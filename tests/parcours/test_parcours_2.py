"""Journey 2: new patient, card, INSi alone, passport shown, qualifiée, file created."""

import pytest

from tests.parcours.bureau import DOLIPRANE, new_patient
from tests.parcours.gestes import (
    bandeau,
    demander_une_piece,
    presenter,
    repondre,
    servir,
    terminer,
)
from tests.parcours.materiel import DEUX_PILOTES

pytestmark = [pytest.mark.navigateur, pytest.mark.pile, DEUX_PILOTES]


def une_epouse(bureau):
    """Return (the card of someone whose usual name is DUPONT, her birth name), new to us."""
    if bureau.materiel.nom == "scripte":
        return "vitale-02", "ADRUN ZOE"
    personne, carte = new_patient("DUPONT")
    return carte, f"{personne.nom} {personne.prenoms[0]}"


def montrer_un_passeport(bureau):
    """² Q, « pièce présentée », the passport, Entrée: four acts (INS-14)."""
    demander_une_piece(bureau)
    bureau.touche("1")
    bureau.touche("2")
    bureau.photographier("identite")
    repondre(bureau)


@pytest.mark.exigence("INS-09")
@pytest.mark.exigence("INS-13")
@pytest.mark.exigence("INS-14")
@pytest.mark.exigence("INS-25")
def test_a_new_patient_is_qualified_with_a_passport(bureau):
    carte, naissance = une_epouse(bureau)
    presenter(bureau, carte, "DUPONT")
    bureau.panneau("identite", "INS récupérée")
    bandeau(bureau, naissance)  # the birth name, which the card does not carry
    bandeau(bureau, "récupérée")
    montrer_un_passeport(bureau)
    bandeau(bureau, "qualifiée")
    bureau.panneau("identite", "Pièce contrôlée le")
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)
    assert [e["operation"] for e in bureau.journal("insi")] == ["RECVITALE"]


@pytest.mark.exigence("OPS-14")
def test_with_insi_at_three_seconds_the_sale_goes_on_beside(bureau):
    personne, carte = new_patient()
    bureau.humeur("insi", "lent")
    bureau.humeur("ordonnance", "lent")
    presenter(bureau, carte, personne.nom)
    bureau.panneau("identite", "INSi est interrogé")
    servir(bureau, [DOLIPRANE["cip13"]])
    assert bureau.page.locator("#panneau-identite", has_text="INSi est interrogé").count() == 1
    bureau.panneau("identite", "INS récupérée")
    montrer_un_passeport(bureau)
    bandeau(bureau, "qualifiée")
    terminer(bureau)
    assert len(bureau.journal("insi")) == 1


@pytest.mark.exigence("OPS-15")
def test_with_insi_down_the_sale_ends_and_the_ins_comes_with_the_next_card(bureau):
    personne, carte = new_patient()
    bureau.humeur("insi", "panne_503")
    bureau.humeur("ordonnance", "panne_503")
    presenter(bureau, carte, personne.nom)
    bureau.panneau("identite", "Relancer INSi", 20)
    bandeau(bureau, "provisoire")  # the sex is not on the card: nothing to compare with a passport
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)
    bureau.retirer("vitale")
    bureau.humeur("insi", "normal")
    bureau.touche("End")
    bureau.page.locator(".bandeau-patient[data-vide]").wait_for()
    bureau.inserer(carte)
    bandeau(bureau, "récupérée")
    montrer_un_passeport(bureau)
    bandeau(bureau, "qualifiée")
    assert [e["resultat"] for e in bureau.journal("insi")].count("00") == 1


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-6")
def test_a_card_pulled_during_its_reading_is_said_and_read_when_it_is_back(bureau):
    personne, carte = new_patient()
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.inserer(carte | {"faults": [{"on": "apdu", "n": 3, "do": "pull"}]})
    bureau.statut("retirée")
    assert bureau.page.locator(".bandeau-patient[data-vide]").count() == 1
    bureau.inserer(carte)
    bandeau(bureau, f"{personne.nom} {personne.prenoms[0]}")


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-8")
def test_a_card_exchanged_during_its_reading_puts_only_the_second_person_in_the_sale(bureau):
    (premiere, carte), (seconde, suivante) = new_patient(), new_patient()
    bureau.ouvrir_session()
    bureau.nouvelle_vente()
    bureau.inserer(carte | {"faults": [{"on": "apdu", "do": "delay", "ms": 2000}]})
    bureau.statut("Lecture de la carte")
    bureau.echanger(suivante)
    bandeau(bureau, f"{seconde.nom} {seconde.prenoms[0]}")
    lu = bureau.page.locator(".bandeau-patient").inner_text()
    assert f"{premiere.nom} {premiere.prenoms[0]}" not in lu
