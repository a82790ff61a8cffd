"""Who may do what to an identity: the matrix of ins.md §2.6, role by role, act by act."""

import pytest

from ins.services.habilitations import check_identite, peut_identite
from pharmacy import parametres
from pharmacy.acteurs import Acteur

pytestmark = pytest.mark.django_db
# Rights of the lines of the table: create, call and accept; evidence; strict traits and steps
# back; doubt; lift a doubt, merge; import and mass verification.
DROITS = {
    "patient.creer": "TARPEX",
    "ins.appeler": "TARPEX",
    "ins.qualifier": "TARPex",
    "ins.traits": "TAR",
    "ins.douter": "TARPEX",
    "ins.lever_doute": "Tar",
    "ins.fusionner": "Tar",
    "ins.voir_preuves": "TARP",
    "ins.taches": "TARPEX",
    "ins.verifier_lot": "T",
    "ins.importer": "T",
    "parametres.modifier": "T",
}
ROLES = {
    "T": "titulaire",
    "A": "adjoint",
    "R": "remplacant",
    "P": "preparateur",
    "E": "etudiant",
    "X": "apprenti",
    "-": "administratif",
}


def _acteur(troupe, role):
    return Acteur(troupe.operateurs["A02"].pk, troupe.officine.pk, role)


@pytest.mark.parametrize("lettre", ROLES)
@pytest.mark.parametrize("droit", DROITS)
def test_the_matrix_as_it_is_by_default(halle, droit, lettre):
    attendu = lettre in DROITS[droit].upper()
    assert peut_identite(_acteur(halle, ROLES[lettre]), droit).ok is attendu


@pytest.mark.parametrize("lettre", ROLES)
@pytest.mark.parametrize("droit", DROITS)
def test_the_titulaire_may_only_take_away(halle, droit, lettre):
    """A small letter is a « yes » that the setting takes away; nothing is ever added."""
    acteur = halle.acteur("A01")
    parametres.modifier(acteur, "ins.apprenti_qualifie", "non")
    parametres.modifier(acteur, "ins.adjoint_fusionne", "non")
    attendu = lettre in DROITS[droit]
    decision = peut_identite(_acteur(halle, ROLES[lettre]), droit)
    assert decision.ok is attendu
    assert bool(decision.phrase and decision.geste) is not attendu


def test_a_refusal_is_a_sentence(halle):
    with pytest.raises(PermissionError, match="Votre profil ne permet pas de"):
        check_identite(_acteur(halle, "administratif"), "ins.qualifier")
    check_identite(_acteur(halle, "apprenti"), "ins.qualifier")
