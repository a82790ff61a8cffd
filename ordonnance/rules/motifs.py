"""Coded reasons (ordonnance.md §4.6), in the order of the digit keys."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Motif:
    """A reason: code sent, words on screen, whether a comment is required."""

    code: str
    libelle: str
    commentaire_requis: bool = False


NON_DELIVRANCE = (
    Motif("PATIENT_DISPOSE_DU_PRODUIT", "Le patient en a encore"),
    Motif("REFUS_PATIENT", "Refus du patient"),
    Motif("NON_DEMANDE_CE_JOUR", "Non demandé ce jour"),
    Motif("COMMANDE_EN_COURS", "Commande en cours"),
    Motif("RUPTURE", "Rupture"),
    Motif("DELAI_NON_ECOULE", "Délai non écoulé"),
    Motif("CONTRE_INDICATION", "Contre-indication"),
    Motif("AVIS_PRESCRIPTEUR", "Avis du prescripteur"),
    Motif("AUTRE", "Autre (à préciser)", commentaire_requis=True),
)
SUBSTITUTION = (
    Motif("GENERIQUE", "Générique"),
    Motif("RUPTURE", "Rupture"),
    Motif("REFUS_PATIENT", "Refus du générique"),
    Motif("AUTRE", "Autre (à préciser)", commentaire_requis=True),
)
MODIFICATION = (
    Motif("ACCORD_PRESCRIPTEUR", "Accord du prescripteur"),
    Motif("CONDITIONNEMENT", "Conditionnement"),
    Motif("DEPART_EN_VOYAGE", "Départ en voyage"),
    Motif("PERTE_OU_VOL", "Perte ou vol"),
    Motif("RUPTURE", "Rupture"),
    Motif("AUTRE", "Autre (à préciser)", commentaire_requis=True),
)
PARTIEL = (
    Motif("COMMANDE_EN_COURS", "Commande en cours"),
    Motif("PATIENT_DISPOSE_DU_PRODUIT", "Le patient en a encore"),
    Motif("REFUS_PATIENT", "Refus du patient"),
    Motif("RUPTURE", "Rupture"),
    Motif("AUTRE", "Autre (à préciser)", commentaire_requis=True),
)
FORME = (Motif("FORME_EQUIVALENTE", "Forme équivalente"), *MODIFICATION)
# L02 is lifted by a line the prescriber wrote by hand, and by nothing else (§4.5).
MANUSCRITE = (Motif("PRESCRIPTION_MANUSCRITE", "Ligne manuscrite du prescripteur"),)
# Kept with the difference, never sent: the contract carries `BeneficiaireConfirme` (§4.5, R06).
IDENTITE = (
    Motif("IDENTITE_VERIFIEE", "C'est la même personne : pièce d'identité vue"),
    Motif("AUTRE", "Autre (à préciser)", commentaire_requis=True),
)
