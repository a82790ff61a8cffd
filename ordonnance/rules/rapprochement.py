"""Is it this patient's prescription? The five checks of step 4."""

from dataclasses import dataclass
from datetime import date

from ordonnance.rules.appariement import FINIES
from ordonnance.rules.modele import Beneficiaire, PrescriptionLue
from ordonnance.rules.noms import fold

EXECUTABLES = frozenset({"CREEE", "PARTIELLEMENT_EXECUTEE"})


@dataclass(frozen=True)
class Verification:
    """One check: `signe` is ✓, ✗ or ?."""

    nom: str
    signe: str
    phrase: str


def compare_beneficiaire(patient: Beneficiaire | None, lu: Beneficiaire) -> str:
    """Return IDENTIQUE, COMPATIBLE, DOUTE, DIFFERENTE or NON_COMPAREE.

    By matricule when both have it; else birth date, sex and birth name (folded), first given name
    by prefix. Equal traits under another matricule are a doubt: the sale goes on, someone looks.
    A trait unknown on one side gives no verdict. Source: ordonnance.md §2.5, « beneficiary »; §8,
    B10 to B14.
    """
    if patient is None:
        return "NON_COMPAREE"
    traits = _compare_traits(patient, lu)
    if not (patient.matricule and lu.matricule):
        return traits
    if patient.matricule[:13] == lu.matricule[:13]:
        return "IDENTIQUE"
    return "DOUTE" if traits == "COMPATIBLE" else "DIFFERENTE"


def _compare_traits(patient: Beneficiaire, lu: Beneficiaire) -> str:
    verdicts = (
        _same_birth(patient.naissance, lu.naissance),
        _same_name(patient, lu),
        _same_first_name(patient.prenoms, lu.prenoms),
    )
    if False in verdicts or {patient.sexe, lu.sexe} == {"M", "F"}:
        return "DIFFERENTE"
    return "NON_COMPAREE" if None in verdicts else "COMPATIBLE"


def _same_birth(une: str, autre: str) -> bool | None:
    """Compare two birth dates, by the year alone when one is not of the calendar (lunar)."""
    if not (une and autre):
        return None
    if _is_calendar(une) and _is_calendar(autre):
        return une == autre
    return une[:4] == autre[:4]


def _is_calendar(brut: str) -> bool:
    try:
        date.fromisoformat(brut)
    except ValueError:
        return False
    return True


def _same_name(patient: Beneficiaire, lu: Beneficiaire) -> bool | None:
    """Compare birth names; a name used is evidence for, never against, an unknown birth name."""
    noms = {fold(n) for n in (patient.nom, patient.nom_utilise) if n}
    lus = {fold(n) for n in (lu.nom, lu.nom_utilise if not patient.nom else "") if n}
    if noms & lus:
        return True
    return False if patient.nom and lu.nom else None


def _same_first_name(un: str, autre: str) -> bool | None:
    premier, second = fold(un).split(" ")[0], fold(autre).split(" ")[0]
    if not (premier and second):
        return None
    return premier.startswith(second) or second.startswith(premier)


def is_executable(statut: str) -> bool:
    """Tell whether a status lets us deliver; one we never saw does not.

    Source: ordonnance.md §2.4 (« ne pas exécuter »), §1.5.
    """
    return statut in EXECUTABLES


def check_prescription(
    prescription: PrescriptionLue, identite: str, finess: str, *, avec_patient: bool = False
) -> tuple[Verification, ...]:
    """Return the five checks shown while and after fetching. Source: ordonnance.md §4.1, step 4.

    `avec_patient` tells a file that cannot be compared from a sale without anyone.
    """
    executable = is_executable(prescription.statut)
    designe = prescription.executant_designe
    signes = {"IDENTIQUE": "✓", "COMPATIBLE": "✓", "DIFFERENTE": "✗"}
    phrases = {
        "IDENTIQUE": "même INS",
        "COMPATIBLE": "mêmes traits",
        "DIFFERENTE": "une autre personne",
        "DOUTE": "mêmes traits, autre matricule : identité à vérifier",
        "NON_COMPAREE": "dossier incomplet : vérifiez la personne"
        if avec_patient
        else "aucun patient dans la vente",
    }
    reserve = bool(designe) and designe != finess
    return (
        Verification("Code", "✓", "bien formé"),
        Verification("Numéro", "✓", "connu"),
        Verification("Statut", "✓" if executable else "✗", statut_phrase(prescription)),
        Verification("Bénéficiaire", signes.get(identite, "?"), phrases[identite]),
        Verification(
            "Officine", "✗" if reserve else "✓", "réservée à une autre" if reserve else "libre"
        ),
    )


_STATUTS = {
    "CREEE": "rien n'est encore délivré",
    "PARTIELLEMENT_EXECUTEE": "déjà délivrée en partie",
    "EN_COURS": "ouverte dans une autre pharmacie",
    "EXECUTEE": "entièrement exécutée",
    "CLOTUREE": "close",
    "ANNULEE": "annulée par le prescripteur",
    "EXPIREE": "expirée",
    "BLOQUEE": "bloquée par l'Assurance Maladie",
}


def statut_phrase(prescription: PrescriptionLue) -> str:
    """Return the status in words; an unknown one as it is written. Source: ordonnance.md §1.5."""
    connu = _STATUTS.get(prescription.statut)
    return connu or f"« {prescription.statut_brut} » : ne pas exécuter"


def next_numero_delivrance(prescription: PrescriptionLue) -> int:
    """Return the délivrance number to propose: the one after the last complete one.

    Source: ordonnance.md §1.5 (« Délivrance number ») and §4.1, step 7.
    """
    faites = [
        ligne.delivrances_effectuees for ligne in prescription.lignes if ligne.renouvellements != 0
    ]
    return max(faites, default=0)


def lowest_numero_delivrance(prescription: PrescriptionLue) -> int:
    """Return the lowest délivrance number that some line still lacks: a complement has its number.

    Source: ordonnance.md §1.5 (« A complement has the same number »), §4.7 (« Dû / complément »).
    """
    faites = [
        ligne.delivrances_effectuees for ligne in prescription.lignes if ligne.statut not in FINIES
    ]
    propose = next_numero_delivrance(prescription)
    return min(propose, *faites) if faites else propose
