"""Is it this patient's prescription? The five checks of step 4."""

from dataclasses import dataclass

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
    """Return IDENTIQUE, COMPATIBLE, DIFFERENTE or NON_COMPAREE.

    By matricule when both have it; else birth date, sex and birth name (folded), first given name
    by prefix. A different matricule with equal traits is a doubt, told DIFFERENTE.
    Source: ordonnance.md §2.5, « beneficiary ».
    """
    if patient is None:
        return "NON_COMPAREE"
    if patient.matricule and lu.matricule:
        return "IDENTIQUE" if patient.matricule[:13] == lu.matricule[:13] else "DIFFERENTE"
    if not (patient.naissance and lu.naissance):
        return "NON_COMPAREE"
    if patient.naissance != lu.naissance:
        return "DIFFERENTE"
    if patient.sexe and lu.sexe and patient.sexe != lu.sexe:
        return "DIFFERENTE"
    noms = {fold(n) for n in (patient.nom, patient.nom_utilise) if n}
    if lu.nom and noms and fold(lu.nom) not in noms:
        return "DIFFERENTE"
    prenom, autre = fold(patient.prenoms).split(" "), fold(lu.prenoms).split(" ")
    if not (autre[0].startswith(prenom[0]) or prenom[0].startswith(autre[0])):
        return "DIFFERENTE"
    return "COMPATIBLE"


def is_executable(statut: str) -> bool:
    """Tell whether a status lets us deliver; one we never saw does not.

    Source: ordonnance.md §2.4 (« ne pas exécuter »), §1.5.
    """
    return statut in EXECUTABLES


def check_prescription(
    prescription: PrescriptionLue, identite: str, finess: str
) -> tuple[Verification, ...]:
    """Return the five checks shown while and after fetching. Source: ordonnance.md §4.1, step 4."""
    executable = is_executable(prescription.statut)
    designe = prescription.executant_designe
    signes = {"IDENTIQUE": "✓", "COMPATIBLE": "✓", "DIFFERENTE": "✗", "NON_COMPAREE": "?"}
    phrases = {
        "IDENTIQUE": "même INS",
        "COMPATIBLE": "mêmes traits",
        "DIFFERENTE": "une autre personne",
        "NON_COMPAREE": "aucun patient dans la vente",
    }
    reserve = bool(designe) and designe != finess
    return (
        Verification("Code", "✓", "bien formé"),
        Verification("Numéro", "✓", "connu"),
        Verification("Statut", "✓" if executable else "✗", statut_phrase(prescription)),
        Verification("Bénéficiaire", signes[identite], phrases[identite]),
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
