"""The INS datamatrix (ins.md §4): what it says, and why it is refused.

It carries no signature: anyone prints one. It fills a search, and INSi alone confirms.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

GS = "\x1d"
_ENTETE = re.compile(r"^IS[0-9]{2}.{22}S[1-7]", re.DOTALL)
_GS_ECRITS = re.compile(r"<GS>|\{GS\}|\^\]|␝|\\x1d", re.IGNORECASE)
_CHAMPS = {"S1": 15, "S2": 20, "S3": 100, "S4": 100, "S5": 1, "S6": 10, "S7": 5}
_FIXES = {"S1", "S5", "S6", "S7"}
_NOMS = {
    "S1": "matricule",
    "S2": "oid",
    "S3": "prenoms",
    "S4": "nom_naissance",
    "S5": "sexe",
    "S6": "date_naissance",
    "S7": "cog",
}
_OIDS = {f"1.2.250.1.213.1.4.{n}" for n in (8, 9, 10, 11)}
# A digit is left to the server, which names it: here a name is only told from its neighbours.
_NOM = re.compile(r"[A-Z0-9 '\-]+")
_LIEU = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")
_INCONNU = re.compile(r"[A-Z][A-Z0-9]")
# What a reader set for another keyboard makes of the header, and of the dots of an OID.
_ENTETE_ABIME = re.compile(r"^[Ii][SsZz][àé&\"'(\-è_ç)!;:,]{2}")
_OID_ABIME = re.compile(r"1[^0-9.A-Z]2[^0-9.A-Z]250[^0-9.A-Z]1")
_MATRICULE = re.compile(r"[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{8}")

PHRASES = {
    "ins_version": "Version de datamatrix INS non gérée. Continuez par le nom (F2).",
    "ins_decoupage": "Code d'identité (INS) illisible. Scannez de nouveau.",
    "ins_doublon": "Code d'identité (INS) refusé : un trait y est écrit deux fois.",
    "ins_incomplet": "Code d'identité (INS) incomplet : un trait obligatoire manque.",
    "ins_cle": "Code d'identité (INS) refusé : la clé du matricule est fausse.",
    "ins_oid": "Code d'identité (INS) refusé : ce matricule n'est pas une INS.",
    "ins_date": "Code d'identité (INS) refusé : la date de naissance n'existe pas.",
    "ins_sexe": "Code d'identité (INS) refusé : le sexe n'est ni M ni F.",
    "ins_lieu": "Code d'identité (INS) refusé : le lieu de naissance est mal formé.",
    "ins_nom": "Code d'identité (INS) refusé : un nom contient un caractère interdit.",
    "ins_clavier": "Code d'identité (INS) abîmé : le lecteur est réglé pour un autre clavier. "
    "Réglez-le, puis scannez de nouveau ; sinon, continuez par le nom (F2).",
}
GS_PERDUS = "ins_gs_perdus"
# Alerts: the code is read, and something about it is said.
BLOC_INCONNU, SEXE_MATRICULE, ENTETE = "ins_bloc_inconnu", "ins_sexe_matricule", "ins_entete"


@dataclass(frozen=True)
class Ins:
    """Fields by name, dates as ISO text. `refus` is the code of PHRASES that stops the reading."""

    champs: dict[str, str] = field(repr=False)
    erreurs: tuple[str, ...] = ()
    refus: str = ""


def is_ins(texte: str) -> bool:
    """Tell whether the header is that of an INS datamatrix. Source: ins.md §4.1."""
    return _ENTETE.match(texte) is not None


def is_damaged(texte: str) -> bool:
    """Tell whether this was an INS datamatrix before a wrong keyboard typed it (ins.md §4.3)."""
    return _ENTETE_ABIME.match(texte) is not None and len(texte) > 60


def parse(texte: str) -> Ins:
    """Return what the datamatrix says. Never raises; only for a text that `is_ins`.

    A variable field ends with GS, except at its maximum length or at the end. Separators lost on
    the way are found again, since a name holds no digit. A field of an unknown identifier is
    skipped, and said. Source: ins.md §4.3.
    """
    if texte[2:4] != "01":
        return Ins({}, ("ins_version",), "ins_version")
    corps = _GS_ECRITS.sub(GS, texte[26:])
    alertes = [] if texte[4:26] == "0" * 22 else [ENTETE]
    lu = _split(corps)
    if GS not in corps and (isinstance(lu, str) or not _is_complete(lu)):
        lu = _split_without_gs(corps)
        alertes.append(GS_PERDUS)
    if isinstance(lu, str):
        return Ins({}, (*alertes, lu), lu)
    if lu.pop("", None) is not None:
        alertes.append(BLOC_INCONNU)
    champs = {_NOMS[cle]: valeur for cle, valeur in lu.items()}
    refus = _judge(lu)
    if refus:
        return Ins(champs, (*alertes, refus), refus)
    champs["date_naissance"] = _iso(champs["date_naissance"])
    if not _is_sex_of(champs["matricule"], champs["sexe"]):
        alertes.append(SEXE_MATRICULE)
    return Ins(champs, tuple(alertes))


def _split(corps: str) -> dict[str, str] | str:
    """Return the fields, an empty key standing for what was skipped; or the code of a refusal."""
    blocs: dict[str, str] = {}
    position = 0
    while position < len(corps):
        cle, debut = corps[position : position + 2], position + 2
        if corps[position] == GS:
            position += 1
            continue
        if cle in blocs:
            return "ins_doublon"
        if cle not in _CHAMPS:
            if not _INCONNU.fullmatch(cle):
                return "ins_decoupage"
            blocs[""] = cle
            fin_gs = corps.find(GS, debut)
            position = fin_gs if fin_gs >= 0 else len(corps)
            continue
        fin = min(len(corps), debut + _CHAMPS[cle])
        if cle not in _FIXES and (fin_gs := corps.find(GS, debut, fin)) >= 0:
            fin = fin_gs
        blocs[cle] = corps[debut:fin]
        position = fin
    return blocs


def _split_without_gs(corps: str) -> dict[str, str] | str:
    """Return the fields when no separator arrived: the next « S » and digit starts a field."""
    blocs: dict[str, str] = {}
    reste = corps
    while reste:
        cle = reste[:2]
        if cle in blocs:
            return "ins_doublon"
        if cle not in _CHAMPS:
            return "ins_decoupage"
        maximum = _CHAMPS[cle]
        suivant = None if cle in _FIXES else re.search(r"S[1-7]", reste[2 : 4 + maximum])
        blocs[cle] = reste[2 : 2 + (suivant.start() if suivant else maximum)]
        reste = reste[2 + len(blocs[cle]) :]
    return blocs


def _is_complete(blocs: dict[str, str]) -> bool:
    return all(blocs.get(cle) for cle in ("S1", "S2", "S3", "S4", "S5", "S6"))


def _judge(blocs: dict[str, str]) -> str:
    """Return the first code of PHRASES against these fields, or an empty text."""
    if not _is_complete(blocs):
        return "ins_incomplet"
    controles = (
        ("ins_clavier", _OID_ABIME.match(blocs["S2"]) is None),
        ("ins_oid", blocs["S2"] in _OIDS),
        ("ins_cle", is_key_right(blocs["S1"])),
        ("ins_sexe", blocs["S5"] in {"M", "F"}),
        ("ins_date", bool(_iso(blocs["S6"]))),
        ("ins_lieu", _LIEU.fullmatch(blocs.get("S7", "00000")) is not None),
        ("ins_nom", all(_NOM.fullmatch(blocs[cle]) for cle in ("S3", "S4"))),
    )
    return next((code for code, juste in controles if not juste), "")


def _is_sex_of(matricule: str, sexe: str) -> bool:
    """Tell whether the first digit agrees with the sex; other digits say nothing (ins.md §1.2)."""
    return {"1": "M", "2": "F"}.get(matricule[0], sexe) == sexe


def is_key_right(matricule: str) -> bool:
    """Tell whether fifteen characters end with the key of the thirteen others.

    Corsica counts as a number: 2A as 19, 2B as 18. Source: ins.md §1.2, agent.md §2.3.
    """
    if not _MATRICULE.fullmatch(matricule):
        return False
    corse = {"2A": "19", "2B": "18"}.get(matricule[5:7], matricule[5:7])
    return 97 - int(matricule[:5] + corse + matricule[7:13]) % 97 == int(matricule[13:])


def _iso(brut: str) -> str:
    """Return JJ-MM-AAAA as ISO text; empty when the calendar does not know it."""
    if not re.fullmatch(r"[0-9]{2}-[0-9]{2}-[0-9]{4}", brut):
        return ""
    try:
        return datetime.strptime(brut, "%d-%m-%Y").date().isoformat()  # noqa: DTZ007 - a date
    except ValueError:
        return ""
