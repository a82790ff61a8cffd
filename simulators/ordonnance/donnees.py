"""Start data of the service: fictitious prescriptions, dated from the running clock.

Product codes are real ones (Base de données publique des médicaments, mai 2026).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

PAT_TROIS = {
    "ins": ("2790351215189", "89", "1.2.250.1.213.1.4.10"),
    "nom": "PAT-TROIS",
    "prenoms": "DOMINIQUE MARIE-LOUISE",
    "sexe": "F",
    "naissance": "1979-03-28",
    "lieu": "51215",
}
ADRUN = {
    "ins": ("2751263220749", "74", "1.2.250.1.213.1.4.8"),
    "nom": "ADRUN",
    "prenoms": "ZOE",
    "sexe": "F",
    "naissance": "1975-12-31",
    "lieu": "63220",
}
NESSI = {"nom": "NESSI", "prenoms": "LEO", "sexe": "M", "naissance": "2010-08-07"}
MARCHAND = {
    "rpps": "10100000024",
    "finess": "750990012",
    "nom": "MARCHAND",
    "prenom": "Claire",
    "profession": "G15_10/SM26",
    "telephone": "0100000001",
}

GLUCOPHAGE = {
    "cis": "61052830",
    "cip13": "3400935601711",
    "atc": "A10BA02",
    "dci": "metformine",
    "libelle": "GLUCOPHAGE 1000 mg, comprimé pelliculé sécable",
    "posologie": "1 comprimé matin et soir",
    "unites": "2",
    "quantite": 2,
    "substituable": True,
    "ald": True,
}
LEVOTHYROX = {
    "cis": "62080626",
    "cip13": "3400930065785",
    "atc": "H03AA01",
    "dci": "lévothyroxine sodique",
    "libelle": "LEVOTHYROX 75 microgrammes, comprimé sécable",
    "posologie": "1 comprimé par jour",
    "unites": "1",
    "quantite": 1,
    "substituable": False,
    "motif": "MTE",
    "instruction": "À prendre le matin à jeun, 30 minutes avant le petit déjeuner",
}
IALUSET = {
    "lpp": "1397790",
    "nature": "DISPOSITIF",
    "quantite": 1,
    "duree": 10,
    "libelle": "Compresses acide hyaluronique et sulfadiazine argentique IALUSET+, boîte de 10",
    "posologie": "1 application par jour",
}
DOLIPRANE = {
    "cis": "60234100",
    "cip13": "3400935955838",
    "atc": "N02BE01",
    "dci": "paracétamol",
    "libelle": "DOLIPRANE 1000 mg, comprimé",
    "posologie": "1 comprimé si douleur, 3 par jour au plus",
    "quantite": 2,
    "substituable": True,
}


@dataclass
class Ligne:
    """A prescribed line and what was delivered of it."""

    id: str
    rang: int
    faits: dict[str, Any]
    renouvellements: int | None = 0
    annulee: bool = False


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
    annulee: datetime | None = None
    bloquee: bool = False
    cloturee: bool = False
    partie_annulee: bool = False
    statut_inconnu: str = ""
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    verrou: dict[str, Any] | None = None


def _lignes(numero: str, produits: list[tuple[dict[str, Any], int | None]]) -> list[Ligne]:
    return [
        Ligne(
            str(uuid5(NAMESPACE_URL, f"{numero}:{rang}")).upper(),
            rang,
            dict(produit),
            renouvellements,
        )
        for rang, (produit, renouvellements) in enumerate(produits, 1)
    ]


def build(maintenant: datetime) -> dict[str, Prescription]:
    """Return the start prescriptions, by number."""
    hier = (maintenant - timedelta(days=1)).replace(hour=9, minute=30, second=0, microsecond=0)
    six_mois = hier + timedelta(days=182)
    histoire = [(GLUCOPHAGE, 5), (LEVOTHYROX, 2), (IALUSET, 0)]
    longue = [
        ({**DOLIPRANE, "libelle": f"Produit d'essai n° {i} & « guillemets »"}, 0)
        for i in range(1, 16)
    ]

    def une(
        numero: str, pourquoi: str, qui: dict[str, Any], produits: list[Any], **autres: Any
    ) -> Prescription:
        ecrite = autres.pop("date", hier)
        fin = autres.pop("fin", six_mois)
        return Prescription(
            numero, pourquoi, qui, MARCHAND, _lignes(numero, produits), ecrite, fin, **autres
        )

    liste = [
        une(
            "01K7M4QX9TRB2VWZ3H",
            "La démonstration : trois lignes, bizone, renouvelable.",
            PAT_TROIS,
            histoire,
            types=["BIZONE"],
        ),
        une(
            "01A2B3C4D5E6F7G8H9",
            "Une ligne, sans renouvellement, même patiente.",
            PAT_TROIS,
            [(DOLIPRANE, 0)],
        ),
        une(
            "01ADRVNZ0E0000002K",
            "Pour ADRUN Zoé : deux lignes.",
            ADRUN,
            [(LEVOTHYROX, 2), (DOLIPRANE, 0)],
        ),
        une("01NESS10E0000003MB", "Un enfant sans INS.", NESSI, [(DOLIPRANE, 0)]),
        une(
            "01ANNV0EE0000004PC",
            "Annulée par le prescripteur.",
            PAT_TROIS,
            [(DOLIPRANE, 0)],
            annulee=hier,
        ),
        une(
            "01EXP1REE0000005QD",
            "Expirée.",
            PAT_TROIS,
            [(GLUCOPHAGE, 0)],
            date=hier - timedelta(days=400),
            fin=hier - timedelta(days=200),
        ),
        une(
            "01B10Q0EE0000006RF",
            "Bloquée par l'Assurance Maladie.",
            PAT_TROIS,
            [(DOLIPRANE, 0)],
            bloquee=True,
        ),
        une(
            "01DEJA00E0000007SG", "Déjà entièrement exécutée ailleurs.", PAT_TROIS, [(DOLIPRANE, 0)]
        ),
        une("01VERR00E0000008TH", "Réservée par une autre pharmacie.", PAT_TROIS, [(DOLIPRANE, 0)]),
        une("0110NG00E0000009VJ", "Quinze lignes.", PAT_TROIS, longue),
        une(
            "01SVSP00E0000010WK",
            "Statut inconnu (SUSPENDUE).",
            PAT_TROIS,
            [(DOLIPRANE, 0)],
            statut_inconnu="SUSPENDUE",
        ),
        une(
            "01S2TBPZ2JCNZZYGHZ",
            "Numéro de l'exemple public de l'ANS.",
            PAT_TROIS,
            [(GLUCOPHAGE, 1)],
        ),
    ]
    base = {p.numero: p for p in liste}
    deja = base["01DEJA00E0000007SG"]
    deja.executions["0d5e1c90-7c0e-4d0a-9c37-6f5b2a8d4e11"] = {
        "finess": "130099991",
        "date": maintenant - timedelta(hours=20),
        "numero_delivrance": 0,
        "annulee": False,
        "lignes": [(deja.lignes[0].id, "DELIVRE", 2)],
    }
    base["01VERR00E0000008TH"].verrou = {
        "finess": "130099991",
        "jeton": "vrr-ailleurs",
        "id": "1d5e1c90-7c0e-4d0a-9c37-6f5b2a8d4e12",
        "expire": maintenant + timedelta(hours=8),
    }
    return base
