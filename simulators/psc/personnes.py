"""The invented professionals: those of the demonstration, of psc.md §2.5, and hard cases."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from simulators.psc.documents import (
    Lieu,
    activity,
    assistant,
    holder,
    practice,
    rpps_entries,
    userinfo,
)

CARTE, MOBILE = "CARD", "MOBILE"
TOUS = (CARTE, MOBILE)
MARCHE = Lieu(
    "PHARMACIE DU MARCHE TEST",
    finess="0B0330011",
    finess_juridique="1B0330019",
    enseigne="PHARMACIE DU MARCHE",
    voie=("12", "R", "DU MARCHE"),
    bureau="33000 BORDEAUX",
    postal="33000",
    commune="33063",
)
QUAIS = Lieu(
    "PHARMACIE DES QUAIS TEST",
    finess="0B0330029",
    finess_juridique="1B0330027",
    voie=("3", "QU", "DES CHARTRONS"),
    bureau="33000 BORDEAUX",
    postal="33000",
    commune="33063",
)
HOPITAL = Lieu(
    "HOPITAL GENERIQUE TEST",
    "SA01",
    finess="0B0339990",
    finess_juridique="1B0339990",
    postal="33000",
)
CABINET = Lieu(
    "CABINET INFIRMIER TEST", "SA07", rang="R900001", ancien="499700900048001", postal="33000"
)
CABINET_MEDICAL = Lieu(
    "CABINET MEDICAL TEST", "SA07", rang="R900002", ancien="499700900097001", postal="33000"
)
HALLE = Lieu(
    "PHARMACIE DE LA HALLE",
    finess="752026005",
    finess_juridique="750099990",
    voie=("3", "PL", "DE LA HALLE"),
    bureau="75002 PARIS",
    postal="75002",
    commune="75102",
)
PORT = Lieu(
    "PHARMACIE DU PORT",
    finess="130099991",
    finess_juridique="130099983",
    voie=("12", "QU", "DU PORT"),
    bureau="13002 MARSEILLE",
    postal="13002",
    commune="13202",
)
OUTRE_MER = Lieu(
    "PHARMACIE DU LAGON TEST",
    finess="9B0100014",
    finess_juridique="9B0100022",
    postal="97400",
    commune="97411",
)
BALISES = Lieu('<img src=x onerror="alert(1)"> & FILS', finess="0B0330037", postal="33000")
LONGUE = Lieu("PHARMACIE " + "TRES LONGUE " * 832 + "FIN", finess="0B0330045", postal="33000")
UUID_GAELLE = "d2c6b2a4-83a1-4d4b-94e8-73982a9600a1"


@dataclass(frozen=True)
class Personne:
    """Someone whom the service knows, and the means they have."""

    cle: str
    groupe: str
    pourquoi: str
    document: dict[str, Any]
    moyens: tuple[str, ...] = TOUS

    @property
    def identifiant(self) -> str:
        """The national identifier."""
        return str(self.document["SubjectNameID"])

    @property
    def sub(self) -> str:
        """The subject of the tokens."""
        return str(self.document["sub"])

    @cached_property
    def nom(self) -> str:
        """First name and family name."""
        return f"{self.document.get('given_name', '')} {self.document.get('family_name', '')}"

    def shown(self) -> dict[str, Any]:
        """Return what the control API says of them."""
        return {
            "cle": self.cle,
            "groupe": self.groupe,
            "nom": self.nom,
            "identifiant": self.identifiant,
            "pourquoi": self.pourquoi,
            "moyens": list(self.moyens),
        }


def _person(
    cle: str,
    pourquoi: str,
    document: dict[str, Any],
    moyens: tuple[str, ...] = TOUS,
) -> Personne:
    return Personne(cle, "", pourquoi, document, moyens)


_LAGON = activity(OUTRE_MER, "L", "E", "FON-03", "CNOP/CNOP/CNOP")
_CINQ = [activity(lieu) for lieu in (HOPITAL, CABINET_MEDICAL, MARCHE, QUAIS, HALLE)]
_BALISES = [assistant(BALISES), assistant(LONGUE)]
_HOPITAL = activity(HOPITAL, "S", "H", "FON-37", "CNOP/CNOP/ARS")
_CABINET = activity(CABINET, "L", "", "", "ONI/ONI/ONI")
_ADJOINT = [assistant(MARCHE)]
_PSI = {"identifiant": UUID_GAELLE, "origine": "PSI", "qualite": 2}
_EDIT = {"identifiant": "ANS20231124000001", "origine": "EDIT", "qualite": 1}

DEMONSTRATION = (
    _person(
        "rousseau",
        "Titulaire de la pharmacie de la Halle.",
        userinfo(
            "810100000032",
            ("M", "JULIEN", "ROUSSEAU"),
            [practice("21", "JULIEN", "ROUSSEAU", [holder(HALLE)])],
        ),
    ),
    _person(
        "martin",
        "Adjointe à la Halle.",
        userinfo(
            "810100000040",
            ("MME", "ALICE", "MARTIN"),
            [practice("21", "ALICE", "MARTIN", [assistant(HALLE)])],
        ),
    ),
    _person(
        "leroy",
        "Préparateur à la Halle : carte d'établissement, sans RPPS.",
        userinfo("3752026005/0003", ("M", "SAM", "LEROY"), [], lieu=HALLE),
        (CARTE,),
    ),
    _person(
        "blanc",
        "Titulaire de la pharmacie du Port : une autre officine.",
        userinfo(
            "810100000057",
            ("MME", "INES", "BLANC"),
            [practice("21", "INES", "BLANC", [holder(PORT)])],
        ),
    ),
    _person(
        "inconnue",
        "Pharmacienne qu'aucune officine ne connaît.",
        userinfo(
            "899700900089",
            ("MME", "NADIA", "INCONNUE"),
            [practice("21", "NADIA", "INCONNUE", [assistant(QUAIS)])],
        ),
    ),
)
# psc.md §2.5
SPECIFICATION = (
    _person(
        "alice",
        "Titulaire.",
        userinfo(
            "899700900014",
            ("MME", "ALICE", "TITULAIRE"),
            [practice("21", "ALICE", "TITULAIRE", [holder(MARCHE)])],
        ),
    ),
    _person(
        "bruno",
        "Adjoint dans deux officines.",
        userinfo(
            "899700900022",
            ("M", "BRUNO", "ADJOINT"),
            [practice("21", "BRUNO", "ADJOINT", [assistant(MARCHE), assistant(QUAIS)])],
            moyen=MOBILE,
        ),
    ),
    _person(
        "chloe",
        "Préparatrice : e-CPS, sans carte.",
        userinfo(
            "899700900030",
            ("MME", "CHLOE", "PREPARATRICE"),
            [practice("39", "CHLOE", "PREPARATRICE", [activity(MARCHE)], "")],
            moyen=MOBILE,
        ),
        (MOBILE,),
    ),
    _person(
        "david",
        "Infirmier.",
        userinfo(
            "899700900048",
            ("M", "DAVID", "INFIRMIER"),
            [practice("60", "DAVID", "INFIRMIER", [_CABINET], "")],
            moyen=MOBILE,
        ),
    ),
    _person(
        "elise",
        "Deux exercices : officine et hôpital.",
        userinfo(
            "899700900055",
            ("MME", "ELISE", "POLYVALENTE"),
            [
                practice("21", "ELISE", "POLYVALENTE", [assistant(MARCHE)]),
                practice("21", "ELISE", "POLYVALENTE-MARTIN", [_HOPITAL]),
            ],
        ),
    ),
    _person(
        "farid",
        "Remplaçant, sans activité.",
        userinfo(
            "899700900063",
            ("M", "FARID", "REMPLACANT"),
            [practice("21", "FARID", "REMPLACANT", [])],
            moyen=MOBILE,
        ),
    ),
    _person(
        "gaelle",
        "Identifiant UUID ; le RPPS est dans les autres identifiants.",
        userinfo(
            UUID_GAELLE,
            ("MME", "GAELLE", "FUSIONNEE"),
            [practice("21", "GAELLE", "FUSIONNEE", [holder(QUAIS)])],
            autres=[*rpps_entries("899700900071"), _PSI],
            moyen=MOBILE,
        ),
    ),
    _person(
        "hugo",
        "Carte d'établissement, sans RPPS.",
        userinfo("30B0330011/CPE0001", ("M", "HUGO", "EMPLOYE"), [], lieu=MARCHE),
        (CARTE,),
    ),
)
# Refused, or read with care: psc.md §2.1, §7 cases 15, 24 to 27, 56.
DIFFICILES = (
    _person(
        "medecin",
        "Médecin.",
        userinfo(
            "899700900097",
            ("M", "LOUIS", "MEDECIN"),
            [practice("10", "LOUIS", "MEDECIN", [activity(CABINET_MEDICAL, "L")])],
        ),
    ),
    _person(
        "hospitaliere",
        "Préparatrice hospitalière (38).",
        userinfo(
            "899700900105",
            ("MME", "PAULE", "HOSPITALIERE"),
            [practice("38", "PAULE", "HOSPITALIERE", [activity(HOPITAL)], "")],
        ),
    ),
    _person(
        "lagon",
        "Titulaire outre-mer (section E).",
        userinfo(
            "899700900113",
            ("MME", "MAEVA", "LAGON"),
            [practice("21", "MAEVA", "LAGON", [_LAGON])],
        ),
    ),
    _person(
        "lefevre",
        "Nom sans accent ni trait.",
        userinfo(
            "899700900121",
            ("MME", "ANNE", "LEFEVRE NOEL"),
            [practice("21", "ANNE", "LEFEVRE NOEL", _ADJOINT)],
        ),
    ),
    _person(
        "deux-rpps",
        "Deux RPPS : ambiguë.",
        userinfo(
            "0b6f6c1e-52f2-4c0e-9a55-6d0d4b0f3c11",
            ("MME", "JEANNE", "AMBIGUE"),
            [practice("21", "JEANNE", "AMBIGUE", _ADJOINT)],
            autres=rpps_entries("899700900147", "899700900154"),
        ),
    ),
    _person(
        "rpps-autre",
        "L'identifiant dit un RPPS, la liste en dit un autre.",
        userinfo(
            "899700900162",
            ("M", "KARIM", "CONTRADICTOIRE"),
            [practice("21", "KARIM", "CONTRADICTOIRE", _ADJOINT)],
            autres=rpps_entries("899700900170"),
        ),
    ),
    _person(
        "cabinet",
        "Employée d'un cabinet : le RPPS est celui de l'employeur.",
        userinfo("699700900014/3", ("MME", "LENA", "EMPLOYEE"), []),
    ),
    _person(
        "edit",
        "Identité du bac à sable faite avec EDIT, cinq activités.",
        userinfo(
            "ANS20231124000001",
            ("M", "MARCO", "EDIT"),
            [practice("10", "MARCO", "EDIT", _CINQ)],
            autres=[_EDIT],
            moyen=MOBILE,
        ),
        (MOBILE,),
    ),
    _person(
        "balises",
        "Des balises dans les noms, une raison sociale de 10 000 caractères.",
        userinfo(
            "899700900188",
            ("MME", "<B>NOE</B>", "O'BALISE & CIE"),
            [practice("21", "NOE", "O'BALISE", _BALISES)],
        ),
    ),
    _person(
        "sans-ecps",
        "N'a qu'une carte : le téléphone est refusé.",
        userinfo(
            "899700900196",
            ("MME", "ODILE", "SANSMOBILE"),
            [practice("21", "ODILE", "SANSMOBILE", _ADJOINT)],
        ),
        (CARTE,),
    ),
)
GROUPES = {
    "Officines de démonstration": DEMONSTRATION,
    "Cas de la spécification": SPECIFICATION,
    "Cas difficiles": DIFFICILES,
}


def everyone() -> dict[str, Personne]:
    """Return the people of the start, by key."""
    return {p.cle: replace(p, groupe=groupe) for groupe, gens in GROUPES.items() for p in gens}


def from_json(corps: dict[str, Any]) -> Personne:
    """Read a person declared by the control API; ValueError when there is no identity in it."""
    document = corps["document"]
    if not isinstance(document, dict) or not {"sub", "SubjectNameID"} <= set(document):
        raise ValueError("document : sub et SubjectNameID")
    moyens = tuple(map(str, corps.get("moyens", TOUS)))
    if not set(moyens) <= set(TOUS):
        raise ValueError("moyens : CARD ou MOBILE")
    cle = str(corps["cle"])
    return Personne(cle, "Déclarées", str(corps.get("pourquoi", "")), document, moyens)
