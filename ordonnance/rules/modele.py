"""A prescription and its execution in our own words, whatever served them (ordonnance.md §2.9)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Beneficiaire:
    """Whom the prescription is for; the date stays text (it may be lunar)."""

    nom: str = field(default="", repr=False)
    prenoms: str = field(default="", repr=False)
    sexe: str = field(default="", repr=False)
    naissance: str = field(default="", repr=False)
    matricule: str = field(default="", repr=False)
    cle: str = field(default="", repr=False)
    oid: str = ""
    nom_utilise: str = field(default="", repr=False)
    rang: int | None = None
    lieu: str = field(default="", repr=False)


@dataclass(frozen=True)
class Professionnel:
    """Who prescribed, or who executes."""

    rpps: str = ""
    finess: str = ""
    nom: str = field(default="", repr=False)
    prenom: str = field(default="", repr=False)
    profession: str = ""
    telephone: str = field(default="", repr=False)


@dataclass(frozen=True)
class ProduitPrescrit:
    """What is prescribed: any of these codes, and always a label."""

    libelle: str
    cis: str = ""
    cip13: str = ""
    ucd13: str = ""
    mv: str = ""
    lpp: str = ""
    emdn: str = ""
    atc: str = ""
    dci: str = ""


@dataclass(frozen=True)
class LigneLue:
    """One prescribed line. None means unknown, and is never read as false or zero."""

    id: str
    rang: int
    nature: str
    produit: ProduitPrescrit
    statut: str = ""
    posologie: str = ""
    debut: date | None = None
    fin: date | None = None
    duree_jours: int | None = None
    unites_par_jour: Decimal | None = None
    quantite: Decimal | None = None
    unite: str = ""
    renouvellements: int | None = None
    delivrances_effectuees: int = 0
    prochaine_au_plus_tot: date | None = None
    substituable: bool | None = None
    motif_ns: str = ""
    ald: bool | None = None
    atmp: bool | None = None
    prevention: bool | None = None
    non_remboursable: bool | None = None
    hors_amm: bool | None = None
    instruction_dispensateur: str = ""
    instruction_patient: str = ""


@dataclass(frozen=True)
class LignePassee:
    """What one past execution did of one line."""

    id_ligne: str
    resultat: str
    quantite: Decimal


@dataclass(frozen=True)
class ExecutionPassee:
    """An execution the base already knows."""

    id: str
    date: datetime
    finess: str
    numero_delivrance: int
    annulee: bool
    lignes: tuple[LignePassee, ...] = ()


@dataclass(frozen=True)
class PrescriptionLue:
    """A prescription, from the base or from a document."""

    numero: str
    version: int | None
    statut: str
    statut_brut: str
    date_prescription: date | None
    beneficiaire: Beneficiaire
    prescripteur: Professionnel
    lignes: tuple[LigneLue, ...]
    executions: tuple[ExecutionPassee, ...] = ()
    debut_validite: datetime | None = None
    fin_validite: datetime | None = None
    date_souhaitee: date | None = None
    types: tuple[str, ...] = ()
    retour_autorise: bool | None = None
    executant_designe: str = ""
    commentaire: str = field(default="", repr=False)
    empreinte: str = ""
    document_id: str = ""
    avertissements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verrou:
    """The lock the service gave."""

    id_execution: str
    jeton: str = field(repr=False)
    expire: datetime


@dataclass(frozen=True)
class InterventionAEnvoyer:
    """What is said about a line: type and coded reason."""

    type: str
    motif: str
    sous_motif: str = ""
    accord_obtenu: bool | None = None
    accord_date: date | None = None
    commentaire: str = field(default="", repr=False)


@dataclass(frozen=True)
class LigneAEnvoyer:
    """One executed line."""

    id: str
    id_ligne: str
    resultat: str
    quantite: Decimal
    produit: ProduitPrescrit | None = None
    lot: str = ""
    peremption: date | None = None
    numero_serie: str = ""
    interventions: tuple[InterventionAEnvoyer, ...] = ()
    rattachement: str = ""


@dataclass(frozen=True)
class ExecutionAEnvoyer:
    """An execution, complete, as it is frozen at the validation."""

    id: str
    cle: str
    numero: str
    version_connue: int
    jeton: str = field(repr=False)
    mode: str
    hors_ligne: bool
    date_delivrance: datetime
    numero_delivrance: int
    executant: Professionnel
    lignes: tuple[LigneAEnvoyer, ...]
    beneficiaire_confirme: bool
    commentaire: str = field(default="", repr=False)
    remplace: str = ""


@dataclass(frozen=True)
class Accuse:
    """The receipt of an execution."""

    recu: str
    horodatage: datetime | None
    version: int | None
    rejeu: bool
    statut: str = ""


def prescription_as_dict(prescription: PrescriptionLue) -> dict[str, Any]:
    """Return the prescription as plain JSON values (support command).

    Source: ordonnance.md §2.9.
    """
    from dataclasses import asdict

    return {cle: _plain(valeur) for cle, valeur in asdict(prescription).items()}


def _plain(valeur: object) -> Any:  # noqa: ANN401
    if isinstance(valeur, dict):
        return {cle: _plain(v) for cle, v in valeur.items()}
    if isinstance(valeur, list | tuple):
        return [_plain(v) for v in valeur]
    if isinstance(valeur, Decimal):
        return format(valeur.normalize(), "f")
    if isinstance(valeur, date | datetime):
        return valeur.isoformat()
    return valeur
