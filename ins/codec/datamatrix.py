"""The INS datamatrix we print: a 26-character header, then blocks known by their identifier.

Reading is `agent.protocol.ins`. The code carries no signature, anyone can print one: reading it
fills a search and never a status. Source: ins.md §4 (format v2.2).
"""

from dataclasses import dataclass, field

from ppf.datamatrix import DataMatrix

from ins.rules.matricule import check_typed
from ins.rules.traits import TraitsStricts

GS = "\x1d"
# White modules around the symbol; the norm wants one.
ZONE_CALME = 2
ENTETE = "IS01" + "0" * 22
# Identifier -> (maximum length, fixed).
_BLOCS = {
    "S1": (15, True),
    "S2": (20, False),
    "S3": (100, False),
    "S4": (100, False),
    "S5": (1, True),
    "S6": (10, True),
    "S7": (5, True),
}


def build_datamatrix(matricule: str, oid: str, traits: TraitsStricts) -> str:
    """Return the text of the code of a qualified identity, blocks in their usual order.

    A variable block ends with GS unless it is full or last. Raises ValueError for an identity that
    cannot be written: a date missing, a sex other than M or F, a wrong key.
    Source: ins.md §4.1, §4.2.
    """
    check_typed(matricule)
    if traits.date_naissance is None or traits.sexe not in {"M", "F"}:
        raise ValueError("identity without date or sex")
    blocs = [
        ("S1", matricule),
        ("S2", oid),
        ("S3", traits.prenoms_naissance),
        ("S4", traits.nom_naissance),
        ("S5", traits.sexe),
        ("S6", f"{traits.date_naissance:%d-%m-%Y}"),
    ]
    if traits.cog_naissance:
        blocs.append(("S7", traits.cog_naissance))
    texte = ENTETE
    for rang, (cle, valeur) in enumerate(blocs, 1):
        longueur, fixe = _BLOCS[cle]
        if not 1 <= len(valeur) <= longueur:
            raise ValueError(f"block {cle}")
        plein = fixe or len(valeur) == longueur
        texte += cle + valeur + ("" if plein or rang == len(blocs) else GS)
    return texte


@dataclass(frozen=True)
class Symbole:
    """A symbol ready to be drawn: side in modules, quiet zone included, and one SVG path."""

    cote: int
    trace: str = field(repr=False)


def draw(texte: str) -> Symbole:
    """Return the symbol of a text: ECC 200, square, a quiet zone of two modules on each side.

    One path of black runs on whole units, that a printer keeps sharp. Not GS1: no FNC1 starts it.
    Source: ins.md §4.2 (at least one module of quiet zone).
    """
    modules = modules_of(texte)
    traits = []
    for y, ligne in enumerate(modules, ZONE_CALME):
        x = 0
        while x < len(ligne):
            debut = x
            while x < len(ligne) and ligne[x]:
                x += 1
            if x > debut:
                traits.append(f"M{debut + ZONE_CALME} {y}h{x - debut}v1h-{x - debut}z")
            x += 1
    return Symbole(len(modules) + 2 * ZONE_CALME, "".join(traits))


def modules_of(texte: str) -> list[list[bool]]:
    """Return the modules of the symbol, row by row, true when black; no quiet zone."""
    return [[bool(module) for module in ligne] for ligne in DataMatrix(texte).matrix]
