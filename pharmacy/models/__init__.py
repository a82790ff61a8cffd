"""Tables of the core, one file per noun."""

from pharmacy.models.administration import CodeSecours, ModeAdministration, SecondFacteur
from pharmacy.models.audit import Audit, BlocAudit
from pharmacy.models.habilitation import Habilitation, SessionOuverte
from pharmacy.models.integration import CleIntegration
from pharmacy.models.officine import Officine, Parametre
from pharmacy.models.operateur import Operateur, VerrouConnexion
from pharmacy.models.ordonnance import LignePrescrite, Ordonnance, Prescripteur
from pharmacy.models.patient import CHAMPS_SUIVIS, CartePatient, Patient, PatientVersion
from pharmacy.models.poste import (
    CodeEnrolement,
    DemandeSignature,
    NonceLecture,
    Poste,
    RecuCarte,
    SituationsCps,
)
from pharmacy.models.produit import Produit
from pharmacy.models.recherche import MotConnu, MotPatient
from pharmacy.models.vente import Delivrance, LigneDelivrance, Stock, Vente

__all__ = [
    "CHAMPS_SUIVIS",
    "Audit",
    "BlocAudit",
    "CartePatient",
    "CleIntegration",
    "CodeEnrolement",
    "CodeSecours",
    "Delivrance",
    "DemandeSignature",
    "Habilitation",
    "LigneDelivrance",
    "LignePrescrite",
    "ModeAdministration",
    "MotConnu",
    "MotPatient",
    "NonceLecture",
    "Officine",
    "Operateur",
    "Ordonnance",
    "Parametre",
    "Patient",
    "PatientVersion",
    "Poste",
    "Prescripteur",
    "Produit",
    "RecuCarte",
    "SecondFacteur",
    "SessionOuverte",
    "SituationsCps",
    "Stock",
    "Vente",
    "VerrouConnexion",
]
