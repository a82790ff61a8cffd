"""What the service refuses or notices in an execution (ordonnance.md §2.4, §2.5, §4.6)."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

SOUS_MOTIF_OFFICIEL = "Situations particulières de renouvellement exceptionnel ou réglementaire"
_LISTES = {
    "NON_DELIVRANCE": (
        "PATIENT_DISPOSE_DU_PRODUIT REFUS_PATIENT NON_DEMANDE_CE_JOUR COMMANDE_EN_COURS RUPTURE "
        "DELAI_NON_ECOULE ORDONNANCE_PERIMEE RENOUVELLEMENT_EPUISE DEJA_DELIVRE_AILLEURS "
        "CONTRE_INDICATION INTERACTION ALLERGIE SURDOSAGE PRODUIT_NON_IDENTIFIE RESERVE_HOPITAL "
        "SUSPICION_FRAUDE NON_REMBOURSE_REFUSE AVIS_PRESCRIPTEUR DECES AUTRE"
    ),
    "SUBSTITUTION": ("GENERIQUE BIOSIMILAIRE HYBRIDE IMPORT_PARALLELE RUPTURE REFUS_PATIENT AUTRE"),
    "MODIFICATION": (
        "ACCORD_PRESCRIPTEUR RENOUVELLEMENT RENOUVELLEMENT_LISTE_II CONDITIONNEMENT "
        "DOSAGE_EQUIVALENT FORME_EQUIVALENTE POSOLOGIE_ADAPTEE RUPTURE DEDUCTION_STUPEFIANT "
        "MENTION_EXPRESSE DATE_SOUHAITEE DEPART_EN_VOYAGE PERTE_OU_VOL DUREE_REGLEMENTAIRE "
        "AUTRE"
    ),
    "AJOUT": "PRESCRIPTION_MANUSCRITE CONSEIL AUTRE",
}
MOTIFS = {genre: frozenset(liste.split()) for genre, liste in _LISTES.items()}
_BOITES = {"", "BOITE"}
_CIP13 = re.compile(r"34009[0-9]{8}")


@dataclass(frozen=True)
class InterventionRecue:
    """One intervention of a line."""

    genre: str
    motif: str
    sous_motif: str = ""
    commentaire: str = ""


@dataclass(frozen=True)
class LigneRecue:
    """One line of an execution as received."""

    id_ligne: str
    resultat: str
    quantite: Decimal
    unite: str = ""
    produit: bool = False
    cip13: str = ""
    lpp: str = ""
    autre_code: bool = False
    interventions: tuple[InterventionRecue, ...] = ()

    def is_delivery(self) -> bool:
        """Tell whether something of a prescribed line leaves."""
        return self.resultat in {"DELIVRE", "DELIVRE_PARTIEL"}

    def is_exceptional(self) -> bool:
        """Tell whether the line declares the exceptional renewal, letter for letter (§1.8.6)."""
        return any(
            (i.genre, i.motif, i.sous_motif)
            == ("MODIFICATION", "RENOUVELLEMENT", SOUS_MOTIF_OFFICIEL)
            for i in self.interventions
        )


@dataclass(frozen=True)
class ExecutionRecue:
    """One execution as received."""

    id: str
    version: int
    jeton: str
    remplace: str
    hors_ligne: bool
    date: datetime
    numero_delivrance: int
    finess: str
    lignes: tuple[LigneRecue, ...] = field(default=())

    def is_exceptional(self) -> bool:
        """Tell whether every delivered line declares the exceptional renewal."""
        livrees = [ligne for ligne in self.lignes if ligne.is_delivery()]
        return bool(livrees) and all(ligne.is_exceptional() for ligne in livrees)


def quantity_error(ligne: LigneRecue) -> str:
    """Return why EPU-014, or nothing: integer boxes > 0, or a decimal with its unit."""
    if (ligne.resultat == "HORS_PRESCRIPTION") != (not ligne.id_ligne):
        return "Ligne et résultat incohérents"
    if (ligne.resultat == "NON_DELIVRE") != (ligne.quantite == 0) or ligne.quantite < 0:
        return "Quantité incohérente"
    if ligne.unite in _BOITES and ligne.quantite != ligne.quantite.to_integral_value():
        return "Nombre de boîtes non entier"
    return ""


def shape_error(ligne: LigneRecue) -> str:
    """Return why EPU-020, or nothing: product, interventions, reasons."""
    if ligne.resultat != "NON_DELIVRE" and not ligne.produit:
        return "Ligne délivrée sans produit"
    genres = [i.genre for i in ligne.interventions]
    # A partial delivery may also say, by a NON_DELIVRANCE, why the rest stays (§8, C6).
    if ligne.resultat == "NON_DELIVRE" and genres.count("NON_DELIVRANCE") != 1:
        return "Il faut une intervention NON_DELIVRANCE et une seule"
    if genres.count("AJOUT") != (1 if ligne.resultat == "HORS_PRESCRIPTION" else 0):
        return "Il faut une intervention AJOUT, et une seule, hors prescription"
    return next((e for e in map(_reason_error, ligne.interventions) if e), "")


def _reason_error(i: InterventionRecue) -> str:
    if i.motif not in MOTIFS[i.genre]:
        return f"Motif inconnu pour {i.genre}"
    if (i.genre, i.motif) == ("NON_DELIVRANCE", "AUTRE") and not i.commentaire.strip():
        return "Motif AUTRE sans commentaire"
    return ""


def is_known_product(ligne: LigneRecue, lpp_connus: set[str]) -> bool:
    """Tell whether the service knows the product (else EPU-016, a warning)."""
    if ligne.cip13:
        if not _CIP13.fullmatch(ligne.cip13):
            return False
        poids = sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(ligne.cip13))
        return poids % 10 == 0
    return ligne.lpp in lpp_connus if ligne.lpp else ligne.autre_code
