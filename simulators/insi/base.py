"""The people INSi knows here: published test identities, and generated ones (all fictitious)."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    dates_admises: tuple[str, ...] = ()


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


def _generated(nombre: int, connus: set[str]) -> list[Personne]:
    """Adults of every place, twins on a parent's card, waiting numbers; nobody shares a number."""
    hasard = random.Random(2026)  # noqa: S311 - the same people at each start
    gens: list[Personne] = []
    for i in range(nombre):
        sexe = hasard.choice("FM")
        annee, mois, jour = hasard.randint(1930, 2004), hasard.randint(1, 12), hasard.randint(1, 28)
        lieu = hasard.choice(_LIEUX)
        debut = f"{'1' if sexe == 'M' else '2'}{annee % 100:02d}{mois:02d}{lieu}"
        prenoms = tuple(hasard.sample(_PRENOMS_M if sexe == "M" else _PRENOMS_F, 2))
        nom = hasard.choice(_NOMS)
        naissance = f"{annee}-{mois:02d}-{jour:02d}"
        ins = _number(debut, i % 1000, connus, OID_NIA if i % 97 == 0 else OID_NIR)
        personne = Personne(nom, prenoms, sexe, naissance, lieu, ins)
        gens.append(personne)
        if i % 50 == 0 and sexe == "F":
            gens.extend(_twins(personne, i, connus))
    return gens


def _number(debut: str, ordre: int, connus: set[str], oid: str = OID_NIR) -> Ins:
    """Return a number of thirteen characters that nobody has yet."""
    while (corps := f"{debut}{ordre:03d}") in connus:
        ordre = (ordre + 1) % 1000
    connus.add(corps)
    return Ins(corps, nir_key(corps), oid)


def _twins(parent: Personne, i: int, connus: set[str]) -> list[Personne]:
    naissance = f"2015-05-{1 + i % 28:02d}"
    return [
        Personne(
            parent.nom,
            (prenom,),
            "F",
            naissance,
            "75056",
            _number("2150575056", i % 1000, connus),
            ouvrant_droit=parent.ins.matricule,
            rang=rang,
        )
        for rang, prenom in ((1, "LOUISE"), (2, "JEANNE"))
    ]


def _family() -> list[Personne]:
    """The NESSI family of the specification's example, on one card: mother and twins."""
    mere = "2840763220111"
    return [
        _someone("NESSI MARIE F 1984-07-12 63220", mere),
        _someone("NESSI LEO M 2010-08-07 63220", "1100863220011", ouvrant_droit=mere, rang=1),
        _someone("NESSI LEA F 2010-08-07 63220", "2100863220012", ouvrant_droit=mere, rang=2),
    ]


def _someone(traits: str, corps: str, **autres: Any) -> Personne:  # noqa: ANN401
    nom, prenoms, sexe, naissance, lieu = traits.rsplit(" ", 4)
    cle = autres.pop("cle", nir_key(corps))
    return Personne(
        nom, tuple(prenoms.split("+")), sexe, naissance, lieu, Ins(corps, cle, OID_NIR), **autres
    )


def _special() -> list[Personne]:
    """Cases of the specification that no published identity plays (all fictitious)."""
    return [
        # CNDA 2.06: one name and day, two places; then (case 19) one place too.
        _someone("DE VINCI LEONARDO M 2014-02-01 63220", "1140263220101"),
        _someone("DE VINCI LEONARDO M 2014-02-01 75056", "1140275056102"),
        _someone("HOMONYME CAMILLE F 1988-03-08 63220", "2880363220201"),
        _someone("HOMONYME CAMILLE F 1988-03-08 63220", "2880363220202"),
        # Lunar dates (cases 38 and 39): the first is also found by its completed date.
        _someone(
            "LUNAIRE AMINA F 1950-00-00 99352", "2500099352123", dates_admises=("1950-12-31",)
        ),
        _someone("LUNAIRE BAKARI M 1962-05-00 99350", "1620599350124"),
        _someone("LUNAIRE AMAR M 1950-20-00 99352", "1502099352045"),
        # An answer without key (case 27), a compound first name (15), twins (53), another OID (34).
        _someone("SANSCLE IRENE F 1971-11-02 63220", "2711163220301", cle=""),
        _someone("TRAIT-DUNION JEAN-PIERRE+ALAIN M 1966-04-14 63220", "1660463220302"),
        _someone("JUMELLES MARIE F 2012-09-09 63220", "2120963220303"),
        _someone("JUMELLES MARIE-LOU F 2012-09-09 63220", "2120963220304", rang=2),
    ]


def build_base(nombre: int = 3000) -> list[Personne]:
    """Return everyone INSi knows here."""
    gens = [*_published(), *_family(), *_special()]
    return [*gens, *_generated(nombre, {p.ins.matricule for p in gens})]


def _same_place(demande: str, connu: str) -> bool:
    """Compare two COG; 20, 2A and 2B are one Corsica (ins.md §1.3)."""
    corse = {"20", "2A", "2B"}
    if demande[:2] in corse and connu[:2] in corse:
        return demande[2:] == connu[2:]
    return demande == connu


def _has_first_name(personne: Personne, prenom: str) -> bool:
    """Tell whether a value names one first name, or the whole list, of someone."""
    return prenom in personne.prenoms or prenom == " ".join(personne.prenoms)


def search_traits(
    base: list[Personne], nom: str, prenoms: list[str], sexe: str, naissance: str, lieu: str
) -> list[Personne]:
    """Return who matches: name, sex and date equal; each first name given is one of theirs."""
    return [
        p
        for p in base
        if (p.nom, p.sexe) == (nom, sexe)
        and naissance in {p.naissance, *p.dates_admises}
        and all(_has_first_name(p, prenom) for prenom in prenoms)
        and (not lieu or not p.lieu or _same_place(lieu, p.lieu))
    ]


def search_card(
    base: list[Personne], certifie: str, ouvrant: str, naissance: str, rang: str, nom: str
) -> list[Personne]:
    """Return who matches a card: certified number, else (insured, birth date, rank)."""
    if certifie:
        trouves = [p for p in base if p.ins.matricule == certifie and p.naissance == naissance]
        if trouves:
            return trouves
    if not ouvrant:
        return []
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
