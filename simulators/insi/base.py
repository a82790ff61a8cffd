"""The people INSi knows here: published test identities, and generated ones (all fictitious)."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

FICHIER = Path(__file__).with_name("identites.json")
OID_NIR = "1.2.250.1.213.1.4.8"
OID_NIA = "1.2.250.1.213.1.4.9"


@dataclass(frozen=True)
class Ins:
    """One identifier: thirteen characters, key, authority, period."""

    matricule: str
    cle: str
    oid: str
    debut: str = ""
    fin: str = ""


@dataclass(frozen=True)
class Personne:
    """Someone: traits of the civil status, active and former identifiers, key of the card."""

    nom: str
    prenoms: tuple[str, ...]
    sexe: str
    naissance: str
    lieu: str
    ins: Ins
    historique: tuple[Ins, ...] = ()
    ouvrant_droit: str = ""
    rang: int = 1
    noms_connus: tuple[str, ...] = field(default=())


def nir_key(corps: str) -> str:
    """Return the two-digit key of thirteen characters (2A counts as 19, 2B as 18)."""
    departement = {"2A": "19", "2B": "18"}.get(corps[5:7], corps[5:7])
    return f"{97 - int(corps[:5] + departement + corps[7:]) % 97:02d}"


def _published() -> list[Personne]:
    lignes = json.loads(FICHIER.read_text(encoding="utf-8"))["identites"]
    return [
        Personne(
            ligne["nom"],
            tuple(ligne["prenoms"].split()),
            ligne["sexe"],
            ligne["naissance"],
            ligne["lieu"] or "",
            Ins(ligne["matricule"], ligne["cle"] or "", ligne["oid"]),
            tuple(
                Ins(
                    h["matricule"],
                    h["cle"] or "",
                    h["oid"] or OID_NIR,
                    h["debut"] or "",
                    h["fin"] or "",
                )
                for h in ligne["historique"]
            ),
        )
        for ligne in lignes
    ]


_NOMS = (
    "TESTARD",
    "ESSAI",
    "FICTIF",
    "SPECIMEN",
    "D'EXEMPLE",
    "MODELE-BLANC",
    "LE TEST",
    "ECHANTILLON",
)
_PRENOMS_F = ("ALICE", "BERTHE", "CELINE", "DENISE", "EMMA-ROSE", "FANNY")
_PRENOMS_M = ("ADAM", "BASILE", "CLEMENT", "DAVID", "EMILE", "JEAN-PAUL")
_LIEUX = ("75056", "13055", "2A004", "2B033", "97411", "99352", "67482", "33063")


def _generated(nombre: int) -> list[Personne]:
    """Families on one card, twins, homonyms, Corsica, overseas, abroad, waiting numbers."""
    hasard = random.Random(2026)  # noqa: S311 - the same people at each start
    gens: list[Personne] = []
    for i in range(nombre):
        sexe = hasard.choice("FM")
        annee, mois, jour = hasard.randint(1930, 2024), hasard.randint(1, 12), hasard.randint(1, 28)
        lieu = hasard.choice(_LIEUX)
        departement = lieu[:2]
        corps = f"{'1' if sexe == 'M' else '2'}{annee % 100:02d}{mois:02d}{departement}{lieu[2:]}{i % 1000:03d}"
        prenoms = _PRENOMS_M if sexe == "M" else _PRENOMS_F
        oid = OID_NIA if i % 97 == 0 else OID_NIR
        personne = Personne(
            f"{hasard.choice(_NOMS)}",
            (hasard.choice(prenoms), hasard.choice(prenoms)),
            sexe,
            f"{annee}-{mois:02d}-{jour:02d}",
            lieu,
            Ins(corps, nir_key(corps), oid),
        )
        gens.append(personne)
        if i % 50 == 0 and sexe == "F":
            gens.extend(_twins(personne, i))
    return gens


def _twins(parent: Personne, i: int) -> list[Personne]:
    naissance = "2015-05-0" + str(1 + i % 9)
    return [
        Personne(
            parent.nom,
            (prenom,),
            "F",
            naissance,
            "75056",
            Ins(corps := f"21505750560{40 + i % 10}{rang}"[:13], nir_key(corps), OID_NIR),
            ouvrant_droit=parent.ins.matricule,
            rang=rang,
        )
        for rang, prenom in ((1, "LOUISE"), (2, "JEANNE"))
    ]


def _family() -> list[Personne]:
    """The NESSI family of the specification's example, on one card."""
    mere = "2840763220111"
    return [
        Personne(
            "NESSI", ("MARIE",), "F", "1984-07-12", "63220", Ins(mere, nir_key(mere), OID_NIR)
        ),
        Personne(
            "NESSI",
            ("LEO",),
            "M",
            "2010-08-07",
            "63220",
            Ins("1100863220011", nir_key("1100863220011"), OID_NIR),
            ouvrant_droit=mere,
            rang=1,
        ),
        Personne(
            "NESSI",
            ("LEA",),
            "F",
            "2010-08-07",
            "63220",
            Ins("2100863220012", nir_key("2100863220012"), OID_NIR),
            ouvrant_droit=mere,
            rang=2,
        ),
    ]


def _homonyms() -> list[Personne]:
    """Two boys of one name and one day, told apart by their place of birth (CNDA 2.06)."""
    return [
        Personne(
            "DE VINCI", ("LEONARDO",), "M", "2014-02-01", lieu, Ins(corps, nir_key(corps), OID_NIR)
        )
        for lieu, corps in (("63220", "1140263220101"), ("75056", "1140275056102"))
    ]


def build_base(nombre: int = 3000) -> list[Personne]:
    """Return everyone INSi knows here."""
    return [*_published(), *_family(), *_homonyms(), *_generated(nombre)]


def search_traits(
    base: list[Personne], nom: str, prenoms: list[str], sexe: str, naissance: str, lieu: str
) -> list[Personne]:
    """Return who matches: name, sex and date equal; each first name given is one of theirs."""
    trouves = []
    for p in base:
        if (p.nom, p.sexe, p.naissance) != (nom, sexe, naissance):
            continue
        if not prenoms or not all(prenom in p.prenoms for prenom in prenoms):
            continue
        if lieu and p.lieu and lieu != p.lieu:
            continue
        trouves.append(p)
    return trouves


def search_card(
    base: list[Personne], certifie: str, ouvrant: str, naissance: str, rang: str, nom: str
) -> list[Personne]:
    """Return who matches a card: certified number, else (insured, birth date, rank)."""
    trouves = [
        p for p in base if certifie and p.ins.matricule == certifie and p.naissance == naissance
    ]
    if not trouves:
        trouves = [
            p
            for p in base
            if ouvrant in {p.ouvrant_droit, p.ins.matricule}
            and p.naissance == naissance
            and (not rang or p.rang == int(rang))
        ]
    if len(trouves) > 1 and nom:
        trouves = [p for p in trouves if p.nom == nom] or trouves
    return trouves
