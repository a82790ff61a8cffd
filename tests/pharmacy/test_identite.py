"""The gate: the table of ins.md §2.1 row by row, then what no status can help."""

from itertools import product

import pytest

from pharmacy.identite import ACTIONS, EtatIdentite, peut_sortir, peut_sortir_de

STATUTS = ("PROV", "RECUP", "VALI", "QUAL")
# action -> what each status answers: no, yes under the local identity, yes with the INS.
TABLE = {
    "delivrer": "loc loc loc ins",
    "ordonnance.lire": "loc loc loc ins",
    "matricule.transmettre": "non non non ins",
    "document.produire": "non non loc ins",
    "dmp.alimenter": "non non non ins",
    "message.patient": "non non non ins",
    "message.professionnel": "loc loc loc ins",
    "ins.imprimer": "non non non ins",
    "insi.recuperer": "loc loc loc ins",
    "insi.verifier": "non loc non ins",
}
MOTS = {"non": "", "loc": "locale", "ins": "ins"}
ETATS = [
    EtatIdentite(statut, douteuse, fictive, anonyme, lieu_connu=lieu, decedee=mort)
    for statut, douteuse, fictive, anonyme, lieu, mort in product(STATUTS, *[(False, True)] * 5)
]


def test_the_table_speaks_of_every_action():
    assert set(TABLE) == set(ACTIONS)


@pytest.mark.exigence("INS-31")
@pytest.mark.parametrize(("action", "ligne"), TABLE.items())
def test_each_row_of_the_table(action, ligne):
    for statut, mot in zip(STATUTS, ligne.split(), strict=True):
        sortie = peut_sortir(action, statut)
        assert (sortie.ok, sortie.forme) == (mot != "non", MOTS[mot]), statut
        assert bool(sortie.phrase and sortie.geste) is not sortie.ok


@pytest.mark.exigence("INS-31")
@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_the_ins_never_goes_out_of_an_identity_that_is_not_qualified(action):
    for etat in ETATS:
        sortie = peut_sortir_de(action, etat, confirme=True)
        assert sortie.forme != "ins" or etat.statut == "QUAL"
        assert sortie.ok is (sortie.forme != "")


@pytest.mark.exigence("INS-18")
def test_nothing_ever_blocks_a_delivery():
    assert all(peut_sortir_de("delivrer", etat).ok for etat in ETATS)


@pytest.mark.exigence("INS-20")
@pytest.mark.cas("ins-84")
@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"delivrer", "message.professionnel"}))
def test_nothing_national_goes_out_of_a_person_under_anonymity(action):
    sortie = peut_sortir_de(action, EtatIdentite("QUAL", anonyme=True), confirme=True)
    assert not sortie.ok
    assert "Anonymat" in sortie.phrase


@pytest.mark.exigence("INS-33")
@pytest.mark.parametrize("champ", ["douteuse", "fictive"])
def test_a_doubtful_or_fictive_identity_makes_no_insi_call(champ):
    sortie = peut_sortir_de("insi.recuperer", EtatIdentite("PROV", **{champ: True}))
    assert not sortie.ok
    assert champ in sortie.phrase.lower()


@pytest.mark.cas("ins-88")
@pytest.mark.parametrize("manque", ["lieu_connu", "sexe_connu"])
def test_a_qualified_identity_without_all_its_traits_makes_no_document(manque):
    incomplete = EtatIdentite("QUAL", **{manque: False})
    assert not peut_sortir_de("document.produire", incomplete).ok
    assert not peut_sortir_de("dmp.alimenter", incomplete).ok
    assert peut_sortir_de("document.produire", EtatIdentite("VALI", **{manque: False})).ok


@pytest.mark.cas("ins-89")
def test_a_validated_identity_makes_documents_under_its_local_number():
    assert peut_sortir("document.produire", "VALI").forme == "locale"


@pytest.mark.cas("ins-81")
def test_after_a_death_the_act_is_chosen():
    morte = EtatIdentite("QUAL", decedee=True)
    assert not peut_sortir_de("dmp.alimenter", morte).ok
    assert peut_sortir_de("dmp.alimenter", morte, confirme=True).ok
    assert peut_sortir_de("delivrer", morte).ok


def test_an_unknown_action_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        peut_sortir("autre", "QUAL")
