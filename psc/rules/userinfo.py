"""The UserInfo document read: unknown members ignored, absent ones empty, nothing trusted.

Only what is shown or needed is kept: addresses and telephones are not (psc.md §5.7).
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psc.rules.identifiant import LONGUEUR_MAX, AutreIdentifiant, kind_of, rpps_of

TAILLE_MAX_OCTETS = 256 * 1024
LISTE_MAX = 200
TEXTE_MAX = 200
_SUB_MAX = 255


class UserinfoIllisible(ValueError):
    """The document is not one: its text names the place, never the value."""


@dataclass(frozen=True)
class Activite:
    """One situation d'exercice, as the Annuaire Santé holds it."""

    mode: str = ""
    secteur: str = ""
    section: str = ""
    role: str = ""
    genre: str = ""
    siret: str = ""
    finess: str = ""
    finess_juridique: str = ""
    structure: str = ""
    structure_ancienne: str = ""
    raison_sociale: str = ""
    enseigne: str = ""
    autorite: str = ""


@dataclass(frozen=True)
class Exercice:
    """One exercice professionnel; its name may differ from the civil one."""

    profession: str = ""
    categorie: str = ""
    civilite: str = ""
    nom: str = field(default="", repr=False)
    prenom: str = field(default="", repr=False)
    savoir_faire_type: str = ""
    savoir_faire: str = ""
    activites: tuple[Activite, ...] = ()


@dataclass(frozen=True)
class Identite:
    """Who Pro Santé Connect says was authenticated."""

    sub: str
    national: str
    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    civilite: str
    moyen: str
    roles: tuple[str, ...]
    exercices: tuple[Exercice, ...]
    autres: tuple[AutreIdentifiant, ...]

    @property
    def rpps(self) -> str:
        """The RPPS, empty when there is none. Raises RppsAmbigu or RppsContradictoire."""
        return rpps_of(self.national, self.autres)

    @property
    def genre(self) -> str:
        """What the national identifier designates."""
        return kind_of(self.national)

    @property
    def noms(self) -> tuple[str, ...]:
        """Family name and names of exercise."""
        return (self.nom, *(exercice.nom for exercice in self.exercices))

    @property
    def prenoms(self) -> tuple[str, ...]:
        """First name and first names of exercise."""
        return (self.prenom, *(exercice.prenom for exercice in self.exercices))


_ACTIVITE = {
    "mode": "codeModeExercice",
    "secteur": "codeSecteurDactivite",
    "section": "codeSectionPharmacien",
    "role": "codeRole",
    "genre": "codeGenreActivite",
    "siret": "numeroSiretSite",
    "finess": "numeroFinessSite",
    "finess_juridique": "numeroFinessetablissementJuridique",
    "structure": "identifiantTechniqueDeLaStructure",
    "structure_ancienne": "ancienIdentifiantDeLaStructure",
    "raison_sociale": "raisonSocialeSite",
    "enseigne": "enseigneCommercialeSite",
    "autorite": "autoriteDenregistrement",
}
_EXERCICE = {
    "profession": "codeProfession",
    "categorie": "codeCategorieProfessionnelle",
    "civilite": "codeCiviliteDexercice",
    "nom": "nomDexercice",
    "prenom": "prenomDexercice",
    "savoir_faire_type": "codeTypeSavoirFaire",
    "savoir_faire": "codeSavoirFaire",
}


def read_json(octets: bytes) -> dict[str, Any]:
    """Return the object of a JSON document of 256 KiB at most, in UTF-8, no member twice.

    Raises UserinfoIllisible. Source: psc.md §2.2.
    """
    if len(octets) > TAILLE_MAX_OCTETS:
        raise UserinfoIllisible("taille")
    try:
        lu = json.loads(octets.decode("utf-8"), object_pairs_hook=_once)
    except UserinfoIllisible:
        raise
    except (ValueError, RecursionError) as exc:
        raise UserinfoIllisible("json") from exc
    if not isinstance(lu, dict):
        raise UserinfoIllisible("objet")
    return lu


def _once(paires: list[tuple[str, Any]]) -> dict[str, Any]:
    objet = dict(paires)
    if len(objet) != len(paires):
        raise UserinfoIllisible("membre_double")
    return objet


def parse_userinfo(document: Mapping[str, Any]) -> Identite:
    """Return the identity of a UserInfo document. Raises UserinfoIllisible.

    Source: psc.md §2.2 (parser rules), §2.1 (national identifier).
    """
    pro = _object(document, "SubjectRefPro")
    return Identite(
        sub=_identifier(document, "sub", _SUB_MAX),
        national=_national(document),
        nom=_text(document, "family_name"),
        prenom=_text(document, "given_name"),
        civilite=_text(document, "codeCivilite") or _text(pro, "codeCivilite"),
        moyen=_text(document, "authMode"),
        roles=tuple(_clean(role, "SubjectRole") for role in _list(document, "SubjectRole")),
        exercices=tuple(_exercice(e) for e in _objects(pro, "exercices")),
        autres=tuple(
            AutreIdentifiant(_text(a, "identifiant"), _text(a, "origine"), _rank(a))
            for nom in ("otherIds", "otherIDs")
            for a in _objects(document, nom)
        ),
    )


def _national(document: Mapping[str, Any]) -> str:
    sujet = _text(document, "SubjectNameID")
    prefere = _text(document, "preferred_username")
    if sujet and prefere and sujet != prefere:
        raise UserinfoIllisible("identifiant_national")
    return _identifier(document, "SubjectNameID" if sujet else "preferred_username", LONGUEUR_MAX)


def _exercice(brut: Mapping[str, Any]) -> Exercice:
    champs = {champ: _text(brut, membre) for champ, membre in _EXERCICE.items()}
    activites = tuple(
        Activite(**{champ: _text(a, membre) for champ, membre in _ACTIVITE.items()})
        for a in _objects(brut, "activities")
    )
    return Exercice(**champs, activites=activites)


def _clean(valeur: object, ou: str) -> str:
    """Return a text trimmed, in NFC, without control characters, cut at 200."""
    if valeur is None:
        return ""
    if isinstance(valeur, bool) or not isinstance(valeur, str | int):
        raise UserinfoIllisible(ou)
    texte = unicodedata.normalize("NFC", str(valeur))
    sans = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs"} else c for c in texte)
    return sans.strip()[:TEXTE_MAX]


def _text(objet: Mapping[str, Any], nom: str) -> str:
    return _clean(objet.get(nom), nom)


def _identifier(objet: Mapping[str, Any], nom: str, maximum: int) -> str:
    """Return what identifies: a text, trimmed, never cut, never empty."""
    valeur = objet.get(nom)
    if not isinstance(valeur, str) or not 0 < len(valeur.strip()) <= maximum:
        raise UserinfoIllisible(nom)
    if not valeur.strip().isprintable():
        raise UserinfoIllisible(nom)
    return valeur.strip()


def _rank(objet: Mapping[str, Any]) -> int:
    rang = objet.get("qualite")
    return rang if isinstance(rang, int) and not isinstance(rang, bool) else 0


def _list(objet: Mapping[str, Any], nom: str) -> list[Any]:
    valeur = objet.get(nom)
    if valeur is None:
        return []
    if not isinstance(valeur, list) or len(valeur) > LISTE_MAX:
        raise UserinfoIllisible(nom)
    return valeur


def _objects(objet: Mapping[str, Any], nom: str) -> list[Mapping[str, Any]]:
    elements = _list(objet, nom)
    if not all(isinstance(element, dict) for element in elements):
        raise UserinfoIllisible(nom)
    return elements


def _object(objet: Mapping[str, Any], nom: str) -> Mapping[str, Any]:
    valeur = objet.get(nom)
    if valeur is None:
        return {}
    if not isinstance(valeur, dict):
        raise UserinfoIllisible(nom)
    return valeur
