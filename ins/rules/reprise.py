"""The patient base of a former software: what a line of its CSV says, or what is wrong with it.

A name that was only « nom » is the name in use: the birth name is to be confirmed, whatever the
former software believed. Nothing here gives a status (ins.md §6, case 90).
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from ins.rules import oid as oids
from ins.rules.dates import DateLue, parse_birth
from ins.rules.matricule import check_typed
from ins.rules.traits import CaractereRefuse, is_first_name_consistent, normalise
from pharmacy.rules.recherche import fold

LIGNES_MAX = 300_000
# Header as folded -> our column. One column, several words that former softwares use.
COLONNES = {
    "NOM": "nom",
    "NOM USUEL": "nom_utilise",
    "NOM UTILISE": "nom_utilise",
    "NOM D USAGE": "nom_utilise",
    "NOM NAISSANCE": "nom_naissance",
    "NOM DE NAISSANCE": "nom_naissance",
    "NOM PATRONYMIQUE": "nom_naissance",
    "PRENOM": "prenom",
    "PREMIER PRENOM": "prenom",
    "PRENOMS": "prenoms",
    "PRENOMS DE NAISSANCE": "prenoms",
    "PRENOM UTILISE": "prenom_utilise",
    "DATE NAISSANCE": "date_naissance",
    "DATE DE NAISSANCE": "date_naissance",
    "NAISSANCE": "date_naissance",
    "SEXE": "sexe",
    "LIEU NAISSANCE": "lieu_naissance",
    "CODE LIEU DE NAISSANCE": "lieu_naissance",
    "INS": "ins_matricule",
    "INS MATRICULE": "ins_matricule",
    "MATRICULE INS": "ins_matricule",
    "INS OID": "ins_oid",
    "OID": "ins_oid",
    "NIR": "nir_assure",
    "NIR ASSURE": "nir_assure",
    "RANG GEMELLAIRE": "rang_gemellaire",
    "QUALITE": "qualite",
    "NAISSANCE CARTE": "naissance_carte",
    "DERNIERE VISITE": "derniere_visite",
}
SEXES = {"M": "M", "H": "M", "1": "M", "HOMME": "M", "MASCULIN": "M", "F": "F", "2": "F"} | {
    "FEMME": "F",
    "FEMININ": "F",
    "I": "I",
    "": "",
}


class FichierIllisible(ValueError):
    """The file as a whole cannot be read; the text is the sentence for the screen."""


@dataclass(frozen=True)
class Faute:
    """What is wrong in one column of one line; never the value itself."""

    colonne: str
    phrase: str


@dataclass(frozen=True)
class DossierLu:
    """One line, ready to become a file « provisoire »."""

    nom_naissance: str = field(repr=False)
    nom_utilise: str = field(repr=False)
    nom_a_confirmer: bool
    premier_prenom: str = field(repr=False)
    prenoms_naissance: str = field(repr=False)
    prenom_utilise: str = field(repr=False)
    date_naissance: date | None = field(repr=False)
    interpretee: bool
    sexe: str = field(repr=False)
    cog_naissance: str = field(repr=False)
    ins_matricule: str = field(repr=False)
    ins_oid: str
    nir_assure: str = field(repr=False)
    naissance_carte: str = field(repr=False)
    rang_gemellaire: int
    qualite: str
    vu_le: date | None

    @property
    def a_carte(self) -> bool:
        """Whether the line says enough to know the carte Vitale again."""
        return bool(self.nir_assure and self.naissance_carte)


@dataclass(frozen=True)
class Cadre:
    """What a line is judged by: the day, and the environment (which OIDs are real)."""

    aujourdhui: date
    environnement: str


def decode(octets: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 with its mark, or Windows-1252.

    Raises FichierIllisible. Source: docs/import.md, requirement INS-01.
    """
    codages = ("utf-16",) if octets[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "cp1252")
    for codage in codages:
        try:
            return octets.decode(codage)
        except UnicodeDecodeError:
            continue
    raise FichierIllisible("Ce fichier n'est ni en UTF-8 ni en Windows-1252.")


def read_rows(texte: str, lignes_max: int = LIGNES_MAX) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number in the file, our columns) of each line that is not empty.

    The separator is the one that the header uses most, of ; , and tab. Raises FichierIllisible on a
    header without names, a repeated column, a broken quote or too many lines.
    Source: docs/import.md, requirement INS-01.
    """
    premiere = texte.split("\n", 1)[0]
    separateur = max(";,\t", key=premiere.count)
    lecteur = csv.reader(io.StringIO(texte), delimiter=separateur, strict=True)
    try:
        entete = _header(next(lecteur, []))
        for rang, cellules in enumerate(lecteur):
            if rang >= lignes_max:
                raise FichierIllisible(f"Plus de {lignes_max} lignes : coupez le fichier en deux.")
            if any(cellule.strip() for cellule in cellules):
                paires = zip(entete, cellules, strict=False)
                yield lecteur.line_num, {nom: v.strip() for nom, v in paires if nom}
    except csv.Error as exc:
        raise FichierIllisible(
            f"Ligne {lecteur.line_num} : guillemets ou caractère illisibles."
        ) from exc


def _header(cellules: list[str]) -> list[str]:
    noms = [COLONNES.get(fold(cellule), "") for cellule in cellules]
    connus = [nom for nom in noms if nom]
    if len(connus) != len(set(connus)):
        raise FichierIllisible("Une colonne est donnée deux fois : gardez-en une.")
    if "prenom" not in connus and "prenoms" not in connus:
        raise FichierIllisible("La première ligne ne nomme pas de colonne « prenom ».")
    if not {"nom", "nom_naissance", "nom_utilise"} & set(connus):
        raise FichierIllisible("La première ligne ne nomme pas de colonne « nom ».")
    return noms


def parse_row(cellules: dict[str, str], cadre: Cadre) -> DossierLu | list[Faute]:
    """Return the file that a line describes, or every mistake it holds.

    Source: ins.md §1.2 (key of an imported matricule), §1.3, §1.4, §6 case 90.
    """
    fautes: list[Faute] = []
    noms = _names(cellules, fautes)
    naissance = _birth(cellules.get("date_naissance", ""), cadre, fautes)
    ins = _ins(cellules, cadre, fautes)
    carte = _card(cellules, fautes)
    brut = cellules.get("sexe", "")
    sexe = SEXES.get(fold(brut) or brut)
    if sexe is None:
        fautes.append(Faute("sexe", "Sexe inconnu : M, F ou I."))
    lieu = cellules.get("lieu_naissance", "").upper()
    if lieu and not re.fullmatch(r"(\d{2}|2[AB])\d{3}", lieu, re.ASCII):
        fautes.append(Faute("lieu_naissance", "Code du lieu de naissance : cinq caractères."))
    vu_le = _visit(cellules.get("derniere_visite", ""), cadre, fautes)
    if fautes or sexe is None:
        return fautes
    return DossierLu(
        nom_naissance=noms.naissance,
        nom_utilise=noms.utilise,
        nom_a_confirmer=not noms.naissance,
        premier_prenom=noms.premier,
        prenoms_naissance=noms.liste,
        prenom_utilise=noms.prenom_utilise,
        date_naissance=naissance.jour if naissance else None,
        interpretee=naissance is not None and naissance.interpretee,
        sexe=sexe,
        cog_naissance=lieu,
        ins_matricule=ins[0],
        ins_oid=ins[1],
        nir_assure=carte[0],
        naissance_carte=carte[1],
        rang_gemellaire=carte[2],
        qualite=cellules.get("qualite", "") or "0",
        vu_le=vu_le,
    )


def _strict(cellules: dict[str, str], colonne: str, fautes: list[Faute]) -> str:
    try:
        texte = normalise(cellules.get(colonne, ""))
    except CaractereRefuse as exc:
        fautes.append(Faute(colonne, str(exc)))
        return ""
    if len(texte) > 100:
        fautes.append(Faute(colonne, "Plus de cent caractères."))
    return texte


@dataclass(frozen=True)
class _Noms:
    naissance: str = field(repr=False)
    utilise: str = field(repr=False)
    premier: str = field(repr=False)
    liste: str = field(repr=False)
    prenom_utilise: str = field(repr=False)


def _names(cellules: dict[str, str], fautes: list[Faute]) -> "_Noms":
    """Return the names: a « nom » alone is the one in use, the birth name is to be confirmed."""
    avant = len(fautes)
    naissance = _strict(cellules, "nom_naissance", fautes)
    liste = _strict(cellules, "prenoms", fautes)
    prenom = _strict(cellules, "prenom", fautes) or liste.split(" ", 1)[0]
    utilise = cellules.get("nom_utilise") or cellules.get("nom", "")
    prenom_utilise = cellules.get("prenom_utilise", "")
    for colonne, texte in (("nom", utilise), ("prenom_utilise", prenom_utilise)):
        if len(texte) > 100 or (texte and not fold(texte)):
            fautes.append(Faute(colonne, "Ce nom est vide de lettres, ou trop long."))
    if len(fautes) == avant:
        if not (naissance or utilise):
            fautes.append(Faute("nom", "Le nom manque."))
        if not prenom:
            fautes.append(Faute("prenom", "Le prénom manque."))
        elif liste and not is_first_name_consistent(prenom, liste):
            fautes.append(Faute("prenom", "Le prénom n'est pas le début de la liste des prénoms."))
    autre = "" if naissance and fold(utilise) == fold(naissance) else utilise
    return _Noms(naissance, autre, prenom, liste, prenom_utilise)


def _read_date(brut: str) -> DateLue | None:
    """Return JJ/MM/AAAA, AAAA-MM-JJ, JJMMAAAA or AAAAMMJJ, completed when it is not a date."""
    if lue := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?", brut, re.ASCII):
        return parse_birth("".join(lue.groups()))
    if lue := re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: .*)?", brut, re.ASCII):
        jour, mois, annee = lue.groups()
        return parse_birth(f"{annee}{mois:0>2}{jour:0>2}")
    if not re.fullmatch(r"\d{8}", brut, re.ASCII):
        return None
    lues = [parse_birth(brut[4:] + brut[2:4] + brut[:2]), parse_birth(brut)]
    possibles = [lue for lue in lues if lue is not None]
    return next((lue for lue in possibles if not lue.interpretee), next(iter(possibles), None))


def _birth(brut: str, cadre: Cadre, fautes: list[Faute]) -> DateLue | None:
    if not brut:
        return None
    lue = _read_date(brut)
    if lue is None or lue.jour > cadre.aujourdhui:
        fautes.append(Faute("date_naissance", "Date illisible ou impossible : JJ/MM/AAAA."))
        return None
    return lue


def _visit(brut: str, cadre: Cadre, fautes: list[Faute]) -> date | None:
    lue = _read_date(brut) if brut else None
    if brut and (lue is None or lue.interpretee or lue.jour > cadre.aujourdhui):
        fautes.append(Faute("derniere_visite", "Date illisible ou à venir : JJ/MM/AAAA."))
        return None
    return lue.jour if lue else None


def _ins(cellules: dict[str, str], cadre: Cadre, fautes: list[Faute]) -> tuple[str, str]:
    """Return (matricule, OID) of a former INS: a candidate to verify, never a status."""
    matricule = re.sub(r"\s", "", cellules.get("ins_matricule", "")).upper()
    oid = cellules.get("ins_oid", "")
    if not matricule:
        return "", ""
    try:
        check_typed(matricule)
    except ValueError:
        fautes.append(Faute("ins_matricule", "Matricule INS faux : quinze caractères, clé exacte."))
    if not oids.is_accepted(oid, cadre.environnement):
        fautes.append(Faute("ins_oid", "Une INS ne va pas sans son OID, admis ici."))
    return matricule, oid


def _card(cellules: dict[str, str], fautes: list[Faute]) -> tuple[str, str, int]:
    """Return (NIR of the insured, birth date as on the card, rank): what knows a card again."""
    nir = re.sub(r"\s", "", cellules.get("nir_assure", "")).upper()
    naissance = cellules.get("naissance_carte", "")
    rang = cellules.get("rang_gemellaire", "") or "1"
    if nir and not re.fullmatch(r"\d{5}(\d\d|2[AB])\d{6}(\d\d)?", nir, re.ASCII):
        fautes.append(Faute("nir_assure", "NIR de l'assuré : treize ou quinze caractères."))
    if naissance and not re.fullmatch(r"\d{8}", naissance, re.ASCII):
        fautes.append(Faute("naissance_carte", "Date de la carte : AAAAMMJJ, telle que lue."))
    if not re.fullmatch(r"[1-9]", rang, re.ASCII):
        fautes.append(Faute("rang_gemellaire", "Rang gémellaire : de 1 à 9."))
        rang = "1"
    return nir[:13], naissance, int(rang)
