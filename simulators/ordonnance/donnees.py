"""Start data of the service: fictitious prescriptions, dated from the running clock."""

import datetime as dt
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from simulators.ordonnance.catalogue import (
    ADRUN,
    DOLIPRANE,
    GLUCOPHAGE,
    IALUSET,
    LEVOTHYROX,
    LPP_INCONNU,
    MARCHAND,
    MARCHAND_REMPLACE,
    NESSI,
    PARACETAMOL_MV,
    PAT_TROIS,
    PORT,
    PREPARATION,
    SKENAN,
    TRAMADOL,
)

PARIS = ZoneInfo("Europe/Paris")


@dataclass
class Ligne:
    """A prescribed line; what was delivered of it is in the executions."""

    id: str
    rang: int
    faits: dict[str, Any]
    renouvellements: int | None = 0
    annulee: bool = False


@dataclass
class Passee:
    """An execution recorded: (line, result, quantity) each."""

    finess: str
    date: datetime
    numero_delivrance: int
    lignes: list[tuple[str, str, float]]
    annulee: bool = False
    exceptionnelle: bool = False


@dataclass
class Verrou:
    """The lock of one pharmacy."""

    finess: str
    jeton: str
    id: str
    expire: datetime


@dataclass
class Prescription:
    """A prescription of the base."""

    numero: str
    pourquoi: str
    beneficiaire: dict[str, Any]
    prescripteur: dict[str, Any]
    lignes: list[Ligne]
    date: datetime
    fin: datetime | None
    types: list[str] = field(default_factory=list)
    version: int = 1
    retour: bool = True
    souhaitee: dt.date | None = None
    remplace: dict[str, Any] | None = None
    designe: dict[str, Any] | None = None
    commentaire: str = ""
    annulee: datetime | None = None
    bloquee: bool = False
    cloturee: bool = False
    statut_inconnu: str = ""
    executions: dict[str, Passee] = field(default_factory=dict)
    verrou: Verrou | None = None


# Source: ordonnance-examples/02: line identities of the story, equal to those of its CDA (§2.4).
_HISTOIRE_IDS = "6B1F5A10-0C3B-4E0B-9B59-0A4F1C2D10"
_HISTOIRE = "01K7M4QX9TRB2VWZ3H"
_AUTRE_OFFICINE = "130099991"


def _lignes(numero: str, produits: list[tuple[dict[str, Any], int | None]]) -> list[Ligne]:
    return [
        Ligne(
            f"{_HISTOIRE_IDS}{rang:02d}"
            if numero == _HISTOIRE
            else str(uuid5(NAMESPACE_URL, f"{numero}:{rang}")).upper(),
            rang,
            dict(produit),
            renouvellements,
        )
        for rang, (produit, renouvellements) in enumerate(produits, 1)
    ]


def add_months(instant: datetime, mois: int) -> datetime:
    """Return the same day and hour some months later, or the last day of that month."""
    annee, reste = divmod(instant.month - 1 + mois, 12)
    for jour in range(instant.day, instant.day - 4, -1):
        try:
            return instant.replace(year=instant.year + annee, month=reste + 1, day=jour)
        except ValueError:
            continue
    raise ValueError("date")


class _Fabrique:
    """Makes prescriptions dated from the running clock."""

    def __init__(self, maintenant: datetime) -> None:
        self.maintenant = maintenant
        jour = maintenant.astimezone(PARIS).date() - timedelta(days=1)
        self.hier = datetime.combine(jour, time(9, 30), PARIS)

    def une(
        self,
        numero: str,
        pourquoi: str,
        qui: dict[str, Any],
        produits: list[tuple[dict[str, Any], int | None]],
        **autres: Any,  # noqa: ANN401
    ) -> Prescription:
        """Return a prescription written `jours` ago (yesterday), valid `mois` (six)."""
        ecrite = self.hier - timedelta(days=autres.pop("jours", 1) - 1)
        mois = autres.pop("mois", 6)
        fin = add_months(ecrite, mois) if mois else None
        if fin and autres.pop("minuit", False):
            fin = fin.replace(hour=23, minute=59, second=59)
        medecin = autres.pop("prescripteur", MARCHAND)
        return Prescription(
            numero, pourquoi, qui, medecin, _lignes(numero, produits), ecrite, fin, **autres
        )

    def living(self) -> list[Prescription]:
        """Prescriptions that may be executed."""
        une = self.une
        histoire: list[tuple[dict[str, Any], int | None]]
        histoire = [(GLUCOPHAGE, 5), (LEVOTHYROX, 2), (IALUSET, 0)]
        long = "« Libellé » de 250 caractères & d'essai "
        bavarde = {**DOLIPRANE, "libelle": (long * 7)[:250]}
        longue = [
            ({**DOLIPRANE, "libelle": f"Essai n° {i} & « guillemets »"}, 0) for i in range(1, 15)
        ]
        return [
            une(
                _HISTOIRE,
                "La démonstration : trois lignes, bizone, renouvelable.",
                PAT_TROIS,
                histoire,
                types=["BIZONE"],
            ),
            une("01A2B3C4D5E6F7G8H9", "Une ligne, non renouvelable.", PAT_TROIS, [(DOLIPRANE, 0)]),
            une(
                "01ADRVNZ0E0000002K",
                "Pour ADRUN Zoé : deux lignes, validité à 23:59:59.",
                ADRUN,
                [(LEVOTHYROX, 2), (DOLIPRANE, 0)],
                minuit=True,
            ),
            une("01NESS10E0000003MB", "Un enfant sans INS.", NESSI, [(DOLIPRANE, 0)]),
            une("0110NG00E0000009VJ", "Quinze lignes.", PAT_TROIS, [(bavarde, 0), *longue]),
            une(
                "0140LGNS0000000X1Y",
                "Quarante lignes.",
                PAT_TROIS,
                [({**DOLIPRANE, "libelle": f"Essai n° {i}"}, 0) for i in range(1, 41)],
            ),
            une(
                "01S2TBPZ2JCNZZYGHZ",
                "Numéro de l'exemple public de l'ANS.",
                PAT_TROIS,
                [(GLUCOPHAGE, 1)],
            ),
            une("01STVP00E0000013ZN", "Stupéfiant.", ADRUN, [(SKENAN, 0)], types=["SECURISEE"]),
            une(
                "01TRAMAD0000000141",
                "Tramadol, sans date de fin, renouvelable sans nombre.",
                ADRUN,
                [(TRAMADOL, None)],
                mois=0,
                types=["SECURISEE"],
            ),
            une(
                "01BRVT00E0000015AQ",
                "Produits sans CIP : virtuel, préparation, LPP inconnu.",
                PAT_TROIS,
                [(PARACETAMOL_MV, 1), (PREPARATION, 0), (LPP_INCONNU, 0)],
            ),
            une(
                "01REMP1ACE0000016R",
                "Médecin remplacé, prescripteur sans retour, date souhaitée, commentaire.",
                PAT_TROIS,
                [(DOLIPRANE, 0)],
                remplace=MARCHAND_REMPLACE,
                retour=False,
                souhaitee=self.hier.date() + timedelta(days=2),
                commentaire="Patient prévenu.\nRappeler si fièvre > 39 °C.",
            ),
            une(
                "011VNA1RE0000017SD",
                "Date de naissance lunaire.",
                {"nom": "LUNAIRE", "prenoms": "AMINA", "sexe": "F", "naissance": "1950-00-00"},
                [(DOLIPRANE, 0)],
            ),
        ]

    def refused(self) -> list[Prescription]:
        """Prescriptions that may not be executed, each for its reason."""
        une = self.une
        return [
            une(
                "01ANNV0EE0000004PC",
                "Annulée par le prescripteur.",
                PAT_TROIS,
                [(DOLIPRANE, 0)],
                annulee=self.hier + timedelta(hours=2),
            ),
            une(
                "01EXP1REE0000005QD",
                "Expirée depuis longtemps.",
                PAT_TROIS,
                [(GLUCOPHAGE, 0)],
                jours=400,
            ),
            une(
                "01EXPREN00000018TE",
                "Expirée depuis peu, renouvelable : dispensation exceptionnelle possible.",
                PAT_TROIS,
                [(GLUCOPHAGE, 5)],
                jours=195,
            ),
            une(
                "01B10Q0EE0000006RF",
                "Bloquée par l'Assurance Maladie.",
                PAT_TROIS,
                [(DOLIPRANE, 0)],
                bloquee=True,
            ),
            une(
                "01DEJA00E0000007SG", "Entièrement exécutée ailleurs.", PAT_TROIS, [(DOLIPRANE, 0)]
            ),
            une(
                "01VERR00E0000008TH",
                "Réservée par une autre pharmacie.",
                PAT_TROIS,
                [(DOLIPRANE, 0)],
            ),
            une(
                "01SVSP00E0000010WK",
                "Statut inconnu (SUSPENDUE).",
                PAT_TROIS,
                [(DOLIPRANE, 0)],
                statut_inconnu="SUSPENDUE",
            ),
            une(
                "01DES1GN00000011XM",
                "Réservée à une pharmacie désignée.",
                PAT_TROIS,
                [(TRAMADOL, 0)],
                designe=PORT,
            ),
            une(
                "01RENV00E0000012YN",
                "Renouvelable, première délivrance faite ailleurs il y a un mois.",
                PAT_TROIS,
                [(GLUCOPHAGE, 5), (LEVOTHYROX, 2)],
                jours=32,
            ),
        ]


def _past(p: Prescription, ident: str, date_delivrance: datetime) -> None:
    p.executions[ident] = Passee(
        _AUTRE_OFFICINE,
        date_delivrance,
        0,
        [(ligne.id, "DELIVRE", float(ligne.faits["quantite"])) for ligne in p.lignes],
    )
    p.version += 1


def build(maintenant: datetime) -> dict[str, Prescription]:
    """Return the start prescriptions, by number."""
    fabrique = _Fabrique(maintenant)
    base = {p.numero: p for p in (*fabrique.living(), *fabrique.refused())}
    _past(
        base["01DEJA00E0000007SG"],
        "0d5e1c90-7c0e-4d0a-9c37-6f5b2a8d4e11",
        maintenant - timedelta(hours=20),
    )
    _past(
        base["01RENV00E0000012YN"],
        "0d5e1c90-7c0e-4d0a-9c37-6f5b2a8d4e12",
        fabrique.hier - timedelta(days=30),
    )
    base["01VERR00E0000008TH"].verrou = Verrou(
        _AUTRE_OFFICINE,
        "vrr-ailleurs",
        "1d5e1c90-7c0e-4d0a-9c37-6f5b2a8d4e12",
        maintenant + timedelta(hours=8),
    )
    return base


def from_json(corps: dict[str, Any], maintenant: datetime) -> Prescription:
    """Return a prescription from a description; dates are relative to the running clock.

    {"numero", "beneficiaire": {"nom","prenoms","sexe","naissance","lieu"?,"ins"?: [m, cle, oid]},
    "lignes": [{"libelle","posologie"?,"quantite","renouvellements"?, codes…}], "jours"?: age,
    "mois"?: validity, "types"?, "retour"?, "designe"?, "remplace"?, "commentaire"?, "pourquoi"?}
    """
    produits: list[tuple[dict[str, Any], int | None]] = []
    for ligne in corps["lignes"]:
        faits = {"posologie": "", **ligne}
        produits.append((faits, faits.pop("renouvellements", 0)))
        if not faits.get("libelle") or float(faits.get("quantite") or 0) <= 0:
            raise ValueError("ligne : libelle et quantite")
    numero = str(corps["numero"])
    if len(numero) != 18 or not produits:
        raise ValueError("numero de 18 caractères et au moins une ligne")
    admis = ("jours", "mois", "types", "retour", "designe", "remplace", "commentaire", "minuit")
    autres = {cle: corps[cle] for cle in admis if cle in corps}
    return _Fabrique(maintenant).une(
        numero, str(corps.get("pourquoi", "Créée")), dict(corps["beneficiaire"]), produits, **autres
    )
