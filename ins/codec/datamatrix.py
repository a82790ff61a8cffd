"""The INS datamatrix: a 26-character header, then blocks known by their identifier, in any order.

It carries no signature: anyone can print one. Reading it fills traits and never a status; only INSi
says that they are right. Source: ins.md §4 (format v2.2).
"""

import re
from dataclasses import dataclass, field
from datetime import date

from ins.rules.matricule import check_typed
from ins.rules.oid import is_accepted
from ins.rules.traits import CaractereRefuse, TraitsStricts, normalise

GS = "\x1d"
ENTETE = "IS01" + "0" * 22
_GS_ECRITS = re.compile(r"<GS>|\{GS\}|\^\]|␝|\\x1d|\\u001d", re.IGNORECASE)
_SYMBOLOGIE = re.compile(r"^\][dD][0-9]")
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
_OBLIGATOIRES = ("S1", "S2", "S3", "S4", "S5", "S6")
_COG = re.compile(r"^(\d{5}|2[AB]\d{3})$")
_CLAVIER = re.compile(r"[&é\"'(\-è_çà]{5}|^(is|Is|iS)")

_PHRASES = {
    "entete": "Ce code n'est pas un datamatrix INS.",
    "clavier": "Le lecteur est réglé sur un autre clavier. Changez son réglage, puis scannez.",
    "version": "Version de datamatrix INS non gérée.",
    "separateurs": "Séparateurs perdus, lecture impossible. Réglez le lecteur, puis scannez.",
    "decoupage": "Ce datamatrix INS est mal formé. Saisissez les traits, ou lisez la carte.",
    "double": "Ce datamatrix INS porte deux fois la même donnée : refusé.",
    "manque": "Il manque des données à ce datamatrix INS : refusé.",
    "cle": "La clé du matricule est fausse : datamatrix refusé.",
    "oid": "L'origine de ce matricule n'est pas acceptée ici : datamatrix refusé.",
    "date": "La date de naissance de ce datamatrix n'existe pas : refusé.",
    "sexe": "Le sexe de ce datamatrix n'est ni M ni F : refusé.",
    "nom": "Un nom de ce datamatrix porte un caractère interdit : refusé.",
    "cog": "Le lieu de naissance de ce datamatrix est mal formé : refusé.",
}


class DatamatrixRefuse(ValueError):
    """A code that is not taken; `code` is stable, `phrase` is for the counter."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.phrase = _PHRASES[code]


@dataclass(frozen=True)
class IdentiteScannee:
    """What the code says: a candidate INS and its traits, to be verified by INSi."""

    matricule: str = field(repr=False)
    oid: str
    traits: TraitsStricts = field(repr=False)
    avertissements: tuple[str, ...] = ()


def read_datamatrix(texte: str, environnement: str, aujourd_hui: date) -> IdentiteScannee:
    """Return the identity in a scanned text. Raises DatamatrixRefuse (entete, version, cle…).

    Warnings: `entete_reservee`, `bloc_inconnu`, `separateurs`, `sexe_matricule`.
    Source: ins.md §4.3.
    """
    net = _GS_ECRITS.sub(GS, _SYMBOLOGIE.sub("", texte.strip(" \r\n\t")))
    avertissements = _check_header(net)
    if GS in net:
        blocs, inconnus = _split(net)
        avertissements += inconnus
    else:
        blocs = _split_without_gs(net)
        avertissements += ("separateurs",)
    if any(cle not in blocs for cle in _OBLIGATOIRES):
        raise DatamatrixRefuse("manque")
    return _identity(blocs, avertissements, environnement, aujourd_hui)


def _check_header(net: str) -> tuple[str, ...]:
    if _CLAVIER.match(net[4:26]) or net[:2] in {"is", "Is", "iS"}:
        raise DatamatrixRefuse("clavier")
    if net[:2] != "IS" or not net[2:4].isdigit() or len(net) < len(ENTETE):
        raise DatamatrixRefuse("entete")
    if net[2:4] != "01":
        raise DatamatrixRefuse("version")
    return () if net.startswith(ENTETE) else ("entete_reservee",)


def _split(net: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read block after block; an unknown identifier is skipped up to the next separator."""
    blocs: dict[str, str] = {}
    inconnus: tuple[str, ...] = ()
    position = len(ENTETE)
    while position < len(net):
        if net[position] == GS:
            position += 1
            continue
        cle, debut = net[position : position + 2], position + 2
        suivant = net.find(GS, debut)
        fin_gs = len(net) if suivant < 0 else suivant
        if cle not in _BLOCS:
            inconnus = ("bloc_inconnu",)
            position = fin_gs
            continue
        longueur, fixe = _BLOCS[cle]
        fin = min(debut + longueur, len(net)) if fixe else min(fin_gs, debut + longueur)
        _keep(blocs, cle, net[debut:fin])
        position = fin
    return blocs, inconnus


def _split_without_gs(net: str) -> dict[str, str]:
    """Read a code whose separators were lost: names hold no digit, so « S3 » is always a key."""
    blocs: dict[str, str] = {}
    position = len(ENTETE)
    while position < len(net):
        cle, debut = net[position : position + 2], position + 2
        if cle not in _BLOCS:
            raise DatamatrixRefuse("separateurs")
        longueur, fixe = _BLOCS[cle]
        fin = debut + longueur
        if not fixe:
            suivant = re.compile(r"S[1-7]").search(net, debut)
            fin = min(suivant.start() if suivant else len(net), debut + longueur)
        _keep(blocs, cle, net[debut:fin])
        position = fin
    return blocs


def _keep(blocs: dict[str, str], cle: str, valeur: str) -> None:
    if cle in blocs:
        raise DatamatrixRefuse("double")
    longueur, fixe = _BLOCS[cle]
    if not valeur or (fixe and len(valeur) != longueur) or GS in valeur:
        raise DatamatrixRefuse("decoupage")
    blocs[cle] = valeur


def _identity(
    blocs: dict[str, str],
    avertissements: tuple[str, ...],
    environnement: str,
    aujourd_hui: date,
) -> IdentiteScannee:
    try:
        check_typed(blocs["S1"])
    except ValueError as exc:
        raise DatamatrixRefuse("cle") from exc
    if not is_accepted(blocs["S2"], environnement):
        raise DatamatrixRefuse("oid")
    if blocs["S5"] not in {"M", "F"}:
        raise DatamatrixRefuse("sexe")
    cog = blocs.get("S7", "")
    if cog and not _COG.match(cog):
        raise DatamatrixRefuse("cog")
    prenoms = _name(blocs["S3"])
    traits = TraitsStricts(
        _name(blocs["S4"]),
        prenoms,
        prenoms.split(" ", 1)[0],
        _birth(blocs["S6"], aujourd_hui),
        blocs["S5"],
        cog,
    )
    attendu = {"1": "M", "2": "F"}.get(blocs["S1"][0])
    if attendu is not None and attendu != blocs["S5"]:
        avertissements += ("sexe_matricule",)
    return IdentiteScannee(blocs["S1"], blocs["S2"], traits, avertissements)


def _name(valeur: str) -> str:
    """Return a name that is already in the strict set; a code never needs to be corrected."""
    try:
        if normalise(valeur) == valeur:
            return valeur
    except CaractereRefuse:
        pass
    raise DatamatrixRefuse("nom")


def _birth(valeur: str, aujourd_hui: date) -> date:
    forme = re.fullmatch(r"(\d{2})-(\d{2})-(\d{4})", valeur, re.ASCII)
    if forme is None:
        raise DatamatrixRefuse("date")
    jour, mois, annee = map(int, forme.groups())
    try:
        naissance = date(annee, mois, jour)
    except ValueError as exc:
        raise DatamatrixRefuse("date") from exc
    if naissance > aujourd_hui:
        raise DatamatrixRefuse("date")
    return naissance


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
