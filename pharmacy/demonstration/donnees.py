"""The demonstration officines: invented people and official test identities only (SEC-17)."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class OperateurDemo:
    """An operator with its demonstration secrets (printed at the start, never used elsewhere)."""

    code: str
    prenom: str
    nom: str
    role: str
    rpps: str
    mot_de_passe: str
    pin: str
    totp: str = ""


@dataclass(frozen=True)
class OfficineDemo:
    """An officine, its postes and its people."""

    finess: str
    nom: str
    adresse: str
    postes: tuple[tuple[str, str], ...]
    operateurs: tuple[OperateurDemo, ...]


HALLE = OfficineDemo(
    finess="752026005",
    nom="PHARMACIE DE LA HALLE",
    adresse="3 place de la Halle, 75002 Paris",
    postes=(("comptoir-1", "Comptoir 1"), ("comptoir-2", "Comptoir 2")),
    operateurs=(
        OperateurDemo(
            "A01",
            "Julien",
            "ROUSSEAU",
            "titulaire",
            "10100000032",
            "halle-titulaire",
            "110011",
            "D3MQ TATJ VLXN 5ZKS DEMO HALL EAAA AAAA",
        ),
        OperateurDemo(
            "A02", "Alice", "MARTIN", "adjoint", "10100000040", "halle-adjointe", "220022"
        ),
        OperateurDemo("B01", "Sam", "LEROY", "preparateur", "", "halle-preparateur", "330033"),
    ),
)
PORT = OfficineDemo(
    finess="130099991",
    nom="PHARMACIE DU PORT",
    adresse="12 quai du Port, 13002 Marseille",
    postes=(("comptoir-1", "Comptoir 1"),),
    operateurs=(
        OperateurDemo(
            "A01",
            "Inès",
            "BLANC",
            "titulaire",
            "10100000057",
            "port-titulaire",
            "440044",
            "D3MQ TATJ VLXN 5ZKS DEMO PORT AAAA AAAA",
        ),
    ),
)
OFFICINES = (HALLE, PORT)


@dataclass(frozen=True)
class PatientDemo:
    """The patient of the story of the specification, known and qualified in the demonstration."""

    nom_naissance: str
    prenoms: str
    premier_prenom: str
    naissance: date
    sexe: str
    cog: str
    matricule: str
    oid: str
    nir_assure: str


# Public test identity of the ANS examples (test OID); see spec ordonnance, « The story ».
PAT_TROIS = PatientDemo(
    nom_naissance="PAT-TROIS",
    prenoms="DOMINIQUE MARIE-LOUISE",
    premier_prenom="DOMINIQUE",
    naissance=date(1979, 3, 28),
    sexe="F",
    cog="51215",
    matricule="279035121518989",
    oid="1.2.250.1.213.1.4.10",
    nir_assure="2790351215189",
)
