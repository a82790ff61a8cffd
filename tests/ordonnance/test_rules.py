"""Rules of the workflow, of names and of what goes out."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordonnance.rules.appariement import Boite, FaitsProduit, Rattachement
from ordonnance.rules.controle import Ecart
from ordonnance.rules.etats import LIBELLES, TRANSITIONS, TransitionRefusee, check_transition
from ordonnance.rules.modele import (
    Beneficiaire,
    LigneLue,
    PrescriptionLue,
    ProduitPrescrit,
    Professionnel,
    prescription_as_dict,
)
from ordonnance.rules.motifs import MODIFICATION, NON_DELIVRANCE, PARTIEL, SUBSTITUTION
from ordonnance.rules.noms import fold
from ordonnance.rules.transmission import (
    DetailBoite,
    ReponseEcart,
    build_lines,
    missing_answer,
)

ETATS = sorted(TRANSITIONS)


@pytest.mark.exigence("ORD-31")
@pytest.mark.parametrize("avant", ETATS)
@pytest.mark.parametrize("apres", ETATS)
def test_a_move_is_in_the_table_or_refused(avant, apres):
    if apres in TRANSITIONS[avant]:
        check_transition(avant, apres)
    else:
        with pytest.raises(TransitionRefusee, match=f"{avant} -> {apres}"):
            check_transition(avant, apres)


@pytest.mark.exigence("ORD-31")
def test_every_state_has_its_words_is_reached_and_may_end():
    assert set(LIBELLES) == set(TRANSITIONS)
    atteints, reste = set(), ["lue"]
    while reste:
        etat = reste.pop()
        if etat not in atteints:
            atteints.add(etat)
            reste.extend(TRANSITIONS[etat])
    assert atteints == set(TRANSITIONS)
    assert TRANSITIONS["annulee"] == frozenset()


@pytest.mark.parametrize(
    ("texte", "plie"),
    [
        ("D’Æion", "D ION"),
        ("Lévothyroxine-sodique", "LEVOTHYROXINE SODIQUE"),
        ("  ", ""),
        ("É è Ç", "E E C"),
    ],
)
def test_a_name_is_folded_to_its_letters(texte, plie):
    assert fold(texte) == plie


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing_and_leaves_plain_words(texte):
    plie = fold(texte)
    assert fold(plie) == plie
    assert set(plie) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")


def test_each_list_of_reasons_ends_by_another_that_asks_for_words():
    for liste in (NON_DELIVRANCE, SUBSTITUTION, MODIFICATION, PARTIEL):
        assert len({m.code for m in liste}) == len(liste) <= 9
        assert [m.code for m in liste if m.commentaire_requis] == ["AUTRE"]
        assert liste[-1].code == "AUTRE"


def _ligne(ident="l1", rang=1, **autres):
    return LigneLue(ident, rang, "MEDICAMENT", ProduitPrescrit("GLUCOPHAGE", cis="1"), **autres)


def _prescription(*lignes):
    return PrescriptionLue(
        "01K7M4QX9TRB2VWZ3H",
        1,
        "CREEE",
        "CREEE",
        date(2026, 1, 12),
        Beneficiaire(),
        Professionnel(),
        lignes,
    )


def test_a_prescription_becomes_plain_values():
    lue = replace(
        _prescription(_ligne(quantite=Decimal("2.50"), debut=date(2026, 1, 12))),
        debut_validite=datetime(2026, 1, 12, 9, 30, tzinfo=UTC),
    )
    plat = prescription_as_dict(lue)
    assert plat["date_prescription"] == "2026-01-12"
    assert plat["debut_validite"] == "2026-01-12T09:30:00+00:00"
    assert plat["lignes"][0]["quantite"] == "2.5"
    assert plat["lignes"][0]["debut"] == "2026-01-12"
    assert plat["lignes"][0]["produit"]["libelle"] == "GLUCOPHAGE"
    assert plat["fin_validite"] is None


def _ecart(code, severite, id_ligne="l1", boite=None):
    return Ecart(code, severite, "x", id_ligne, boite)


@pytest.mark.cas("ordonnance-C37")
@pytest.mark.parametrize(
    ("ecart", "reponse", "pharmacien", "demande"),
    [
        (_ecart("L02", "BLOQUANT"), ReponseEcart("PRESCRIPTION_MANUSCRITE"), False, "pharmacien"),
        (_ecart("L02", "BLOQUANT"), ReponseEcart("PRESCRIPTION_MANUSCRITE"), True, ""),
        (_ecart("S11", "INFO"), None, False, ""),
        (_ecart("L01", "JUSTIFIER"), None, False, "motif"),
        (_ecart("L01", "JUSTIFIER"), ReponseEcart("INVENTE"), False, "motif"),
        (_ecart("L01", "JUSTIFIER"), ReponseEcart("RUPTURE"), False, ""),
        (_ecart("L01", "JUSTIFIER"), ReponseEcart("AUTRE"), False, "Précisez"),
        (_ecart("L01", "JUSTIFIER"), ReponseEcart("AUTRE", commentaire="  "), False, "Précisez"),
        (_ecart("L01", "JUSTIFIER"), ReponseEcart("AUTRE", commentaire="dû"), False, ""),
        (_ecart("Q01", "JUSTIFIER"), None, False, ""),
        (_ecart("S02", "BLOQUANT"), ReponseEcart("RUPTURE"), True, "accord"),
        (_ecart("S02", "BLOQUANT"), ReponseEcart("RUPTURE", date(2026, 1, 13)), True, ""),
    ],
)
def test_what_is_still_asked_is_one_sentence_or_nothing(ecart, reponse, pharmacien, demande):
    dit = missing_answer(ecart, reponse, pharmacien=pharmacien)
    assert (demande in dit) if demande else dit == ""


def _boite(ident, quantite=1, ligne="l1", libelle="GLUCOPHAGE", rang=0):
    faits = FaitsProduit(cip13=f"34009{ident:08d}", cis="1", libelle=libelle, liste="I")
    return Rattachement(Boite(ident, faits, quantite, ligne), ligne, rang)


class Numeros:
    """Identifiers in order."""

    def __init__(self):
        self.rang = 0

    def __call__(self):
        self.rang += 1
        return f"id-{self.rang}"


def _build(prescription, rattachements, ecarts=(), reponses=None, details=None):
    return build_lines(
        prescription, rattachements, ecarts, reponses or {}, details or {}, Numeros()
    )


@pytest.mark.cas("ordonnance-C1")
def test_a_conform_line_goes_out_with_what_is_printed_on_the_box():
    detail = DetailBoite("MB4471", date(2028, 5, 31), "7H2K94QT0001")
    (envoyee,) = _build(_prescription(_ligne()), (_boite(7, 2),), details={7: detail})
    assert (envoyee.id, envoyee.id_ligne, envoyee.resultat) == ("id-1", "l1", "DELIVRE")
    assert envoyee.quantite == 2
    assert (envoyee.lot, envoyee.peremption, envoyee.numero_serie) == (
        "MB4471",
        date(2028, 5, 31),
        "7H2K94QT0001",
    )
    assert envoyee.interventions == ()


@pytest.mark.cas("ordonnance-C6")
def test_a_partial_line_says_its_reason_once_on_its_first_box():
    ecart = _ecart("Q01", "JUSTIFIER")
    lignes = _build(_prescription(_ligne(quantite=Decimal(3))), (_boite(7), _boite(8)), (ecart,))
    assert [x.resultat for x in lignes] == ["DELIVRE_PARTIEL", "DELIVRE_PARTIEL"]
    assert [len(x.interventions) for x in lignes] == [1, 0]
    assert lignes[0].interventions[0].motif == "COMMANDE_EN_COURS"


@pytest.mark.cas("ordonnance-C2", "ordonnance-C3")
def test_a_difference_of_one_box_is_said_on_that_box_with_the_agreement():
    ecart = _ecart("S02", "BLOQUANT", boite=8)
    reponse = ReponseEcart("RUPTURE", date(2026, 1, 13), "prescripteur joint")
    lignes = _build(_prescription(_ligne()), (_boite(7), _boite(8)), (ecart,), {ecart.cle: reponse})
    assert lignes[0].interventions == ()
    (dite,) = lignes[1].interventions
    assert (dite.type, dite.motif, dite.commentaire) == (
        "SUBSTITUTION",
        "RUPTURE",
        "prescripteur joint",
    )
    assert (dite.accord_obtenu, dite.accord_date) == (True, date(2026, 1, 13))


@pytest.mark.cas("ordonnance-C10")
def test_an_undelivered_line_goes_out_with_zero_and_its_reason():
    ecart = _ecart("L01", "JUSTIFIER")
    (envoyee,) = _build(
        _prescription(_ligne()), (), (ecart,), {ecart.cle: ReponseEcart("REFUS_PATIENT")}
    )
    assert (envoyee.resultat, envoyee.quantite, envoyee.produit) == ("NON_DELIVRE", 0, None)
    assert envoyee.interventions[0].motif == "REFUS_PATIENT"
    assert envoyee.interventions[0].accord_obtenu is None


def test_a_line_already_served_and_without_difference_is_not_sent():
    assert _build(_prescription(_ligne()), ()) == ()


@pytest.mark.cas("ordonnance-C11")
def test_a_medicine_added_goes_out_without_line():
    ecart = _ecart("L02", "BLOQUANT", None, 9)
    (envoyee,) = _build(
        _prescription(),
        (_boite(9, ligne=None, libelle="AMOXICILLINE"),),
        (ecart,),
        {ecart.cle: ReponseEcart("PRESCRIPTION_MANUSCRITE")},
    )
    assert (envoyee.id_ligne, envoyee.resultat) == ("", "HORS_PRESCRIPTION")
    assert envoyee.produit.libelle == "AMOXICILLINE"
    assert envoyee.interventions[0].type == "AJOUT"


@pytest.mark.cas("ordonnance-C12")
def test_advice_attached_to_no_line_is_not_sent():
    assert _build(_prescription(), (_boite(9, ligne=None, libelle="DENTIFRICE"),)) == ()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.booleans())
def test_each_box_goes_out_once_and_each_executed_line_has_its_own_number(boites, manque):
    """Whatever is attached to whatever, nothing is lost and nothing is said twice."""
    lignes = tuple(_ligne(f"l{n}", n + 1) for n in range(4))
    attachees = tuple(_boite(i, i + 1, f"l{n}") for i, n in enumerate(boites))
    ecarts = tuple(
        _ecart("L01", "JUSTIFIER", ligne.id)
        for ligne in lignes
        if manque and ligne.id not in {r.id_ligne for r in attachees}
    )
    envoyees = _build(_prescription(*lignes), attachees, ecarts)
    assert len({e.id for e in envoyees}) == len(envoyees) == len(attachees) + len(ecarts)
    assert sum(e.quantite for e in envoyees) == sum(r.boite.quantite for r in attachees)
