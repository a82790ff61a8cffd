"""Journey 6: an appli carte Vitale on the e-lecteur, the person chosen, qualifiée at once.

It ends at « qualifiée »: the DMP comes later.
"""

import pytest

from tests.parcours.bureau import DOLIPRANE, new_patient, until
from tests.parcours.gestes import examiner, servir, terminer, terminer_sans_piece
from tests.parcours.materiel import DEUX_PILOTES

pytestmark = [pytest.mark.navigateur, pytest.mark.pile, DEUX_PILOTES]


def personne():
    return new_patient()[0]


def commencer(bureau, code="A02"):
    bureau.ouvrir_session(code)
    bureau.nouvelle_vente()


def bandeau(bureau, qui, statut="qualifiée"):
    prenom = qui.prenoms[0]
    bureau.page.locator(".bandeau-patient", has_text=f"{qui.nom} {prenom}").wait_for()
    bureau.page.locator(".bandeau-patient", has_text=statut).wait_for()


def contextes(bureau):
    return [e["operation"] for e in bureau.journal("vitale") if "ontexte" in e["operation"]]


@pytest.mark.exigence("INS-19")
@pytest.mark.exigence("AGT-03")
@pytest.mark.exigence("AGT-04")
@pytest.mark.cas("ins-61")
def test_a_child_is_chosen_by_one_key_and_qualified_at_once(bureau):
    parent, enfant = personne(), personne()
    commencer(bureau)
    bureau.e_lecteur(bureau.telephone(bureau.foyer([parent, enfant])))
    bureau.dialogue("Pour qui ?")
    liste = bureau.page.locator("#dialogue .choix-grand")
    assert liste.count() == 2
    assert enfant.nom in liste.nth(1).inner_text()
    assert "Plus tard" in bureau.focus()  # nobody is preselected: Enter chooses nobody
    assert examiner(bureau.page) == []
    bureau.touche("2")
    bureau.sans_dialogue()
    bandeau(bureau, enfant)
    bureau.panneau("droits", "valable encore 30")
    bureau.panneau("droits", "Droits")
    assert bureau.page.locator("#panneau-identite", has_text="INS qualifiée").count() == 1
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer(bureau)
    assert bureau.journal("insi") == []
    until(lambda: call_closed(bureau), "le contexte fermé chez le service")


def call_closed(bureau):
    from tests.parcours.bureau import call

    return call(f"{bureau.pile.controle['vitale']}/controle/contextes") == []


@pytest.mark.exigence("INS-19")
@pytest.mark.cas("ins-60")
def test_alone_the_holder_is_ready_under_enter(bureau):
    qui = personne()
    commencer(bureau)
    bureau.e_lecteur(bureau.telephone(bureau.foyer([qui])))
    bureau.dialogue("Pour qui ?")
    assert qui.nom in bureau.focus()
    bureau.touche("Enter")
    bureau.sans_dialogue()
    bandeau(bureau, qui)
    assert bureau.journal("insi") == []


@pytest.mark.exigence("AGT-03")
def test_a_phone_laid_on_the_contactless_reader_does_the_same(bureau):
    qui = personne()
    commencer(bureau)
    bureau.poser(bureau.telephone(bureau.foyer([qui])))
    bureau.dialogue("Pour qui ?")
    bureau.touche("1")
    bureau.sans_dialogue()
    bandeau(bureau, qui)


@pytest.mark.cas("agent-79")
def test_with_somebody_else_in_the_sale_both_are_shown_and_nothing_is_mixed(bureau):
    qui = personne()
    commencer(bureau)
    bureau.inserer("vitale-01")
    bureau.voir("PAT-TROIS DOMINIQUE")
    bureau.e_lecteur(bureau.telephone(bureau.foyer([qui], usage="delegue")))
    bureau.dialogue("Pour qui ?")
    bureau.voir("personne déléguée")
    bureau.touche("1")
    bureau.dialogue("Une autre personne est dans la vente")
    bureau.voir("≠ différent")
    assert examiner(bureau.page) == []
    assert "ne rien changer" in bureau.focus()  # Enter is always safe
    bureau.touche("1")
    bureau.sans_dialogue()
    bandeau(bureau, qui)


@pytest.mark.cas("ins-62")
@pytest.mark.cas("agent-78")
def test_an_old_code_is_refused_and_the_next_one_works(bureau):
    qui = personne()
    commencer(bureau)
    foyer = bureau.foyer([qui])
    bureau.e_lecteur(bureau.telephone(foyer, age_s=400))
    bureau.panneau("droits", "a expiré")
    bureau.statut("a expiré")
    assert bureau.page.locator("#dialogue[open]").count() == 0
    bureau.e_lecteur(bureau.telephone(foyer))
    bureau.dialogue("Pour qui ?")
    bureau.touche("1")
    bandeau(bureau, qui)


@pytest.mark.exigence("OPS-14")
def test_at_three_seconds_the_sale_goes_on_beside(bureau):
    qui = personne()
    bureau.humeur("vitale", "lent")
    bureau.humeur("insi", "lent")
    commencer(bureau)
    bureau.e_lecteur(bureau.telephone(bureau.foyer([qui])))
    bureau.panneau("droits", "lecture en cours")
    servir(bureau, [DOLIPRANE["cip13"]])
    assert bureau.page.locator("#panneau-droits", has_text="lecture en cours").count() == 1
    bureau.dialogue("Pour qui ?")
    bureau.touche("1")
    bureau.sans_dialogue()
    bandeau(bureau, qui)
    terminer(bureau)
    assert bureau.journal("insi") == []


@pytest.mark.exigence("OPS-15")
def test_down_the_screen_says_so_and_the_plastic_card_takes_over(bureau):
    qui, carte = new_patient()
    bureau.humeur("vitale", "panne_503")
    commencer(bureau)
    bureau.e_lecteur(bureau.telephone(bureau.foyer([qui])))
    bureau.panneau("droits", "Prenez la carte Vitale, ou continuez par le nom (F2)")
    bureau.inserer(carte)
    bandeau(bureau, qui, "récupérée")
    servir(bureau, [DOLIPRANE["cip13"]])
    terminer_sans_piece(bureau)
