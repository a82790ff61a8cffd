"""UserInfo documents (psc.md §2.2), built from the few facts that differ."""

import re
from dataclasses import dataclass
from typing import Any

FEDERATION = "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd"
_SECTEUR, _ROLE = "1.2.250.1.71.4.2.4", "1.2.250.1.213.1.1.5.5"


@dataclass(frozen=True)
class Lieu:
    """A structure; `finess` is empty for a practice, known by its rank."""

    raison: str
    secteur: str = "SA33"
    finess: str = ""
    finess_juridique: str = ""
    rang: str = ""
    ancien: str = ""
    enseigne: str = ""
    voie: tuple[str, str, str] = ("", "", "")
    bureau: str = ""
    postal: str = ""
    commune: str = ""

    @property
    def technique(self) -> str:
        """F and the FINESS, or R and a rank."""
        return f"F{self.finess}" if self.finess else self.rang

    def members(self) -> dict[str, str]:
        """Return the members of an activity that come from the structure."""
        numero, genre, libelle = self.voie
        return {
            "numeroSiretSite": "",
            "numeroSirenSite": "",
            "numeroFinessSite": self.finess,
            "numeroFinessetablissementJuridique": self.finess_juridique,
            "identifiantTechniqueDeLaStructure": self.technique,
            "raisonSocialeSite": self.raison,
            "enseigneCommercialeSite": self.enseigne,
            "complementDestinataire": "",
            "complementPointGeographique": "",
            "numeroVoie": numero,
            "indiceRepetitionVoie": "",
            "codeTypeDeVoie": genre,
            "libelleVoie": libelle,
            "mentionDistribution": "",
            "bureauCedex": self.bureau,
            "codePostal": self.postal,
            "codeCommune": self.commune,
            "codePays": "99000" if self.commune else "",
            "telephone": "",
            "telephone2": "",
            "telecopie": "",
            "adresseEMail": "",
            "codeDepartement": self.postal[:2] if self.commune else "",
            "ancienIdentifiantDeLaStructure": self.ancien or f"1{self.finess}",
        }


def activity(
    lieu: Lieu, mode: str = "S", section: str = "", role: str = "", autorite: str = ""
) -> dict[str, str]:
    """Return one situation d'exercice."""
    return {
        "codeModeExercice": mode,
        "codeSecteurDactivite": lieu.secteur,
        "codeSectionPharmacien": section,
        "codeRole": role,
        "codeGenreActivite": "GENR01",
        **lieu.members(),
        "autoriteDenregistrement": autorite,
    }


def holder(lieu: Lieu) -> dict[str, str]:
    """Return the activity of a titulaire there."""
    return activity(lieu, "L", "A", "FON-03", "CNOP/CNOP/CNOP")


def assistant(lieu: Lieu) -> dict[str, str]:
    """Return the activity of an adjoint there."""
    return activity(lieu, "S", "D", "FON-05", "CNOP/CNOP/CNOP")


def practice(
    profession: str, prenom: str, nom: str, activites: list[dict[str, str]], civilite: str = "DR"
) -> dict[str, Any]:
    """Return one exercice professionnel."""
    return {
        "codeProfession": profession,
        "codeCategorieProfessionnelle": "C",
        "codeCiviliteDexercice": civilite,
        "nomDexercice": nom,
        "prenomDexercice": prenom,
        "codeTypeSavoirFaire": "",
        "codeSavoirFaire": "",
        "activities": activites,
    }


def rpps_entries(*rpps: str) -> list[dict[str, Any]]:
    """Return the other identifiers of someone whose RPPS are these."""
    return [{"identifiant": r, "origine": "RPPS", "qualite": 1} for r in rpps]


def _first_structure(exercices: list[dict[str, Any]], lieu: Lieu | None) -> tuple[str, str, str]:
    """Return (name, technical id, sector) of the first activity, else of `lieu`."""
    for exercice in exercices:
        for activite in exercice["activities"]:
            return (
                activite["raisonSocialeSite"],
                activite["identifiantTechniqueDeLaStructure"],
                activite["codeSecteurDactivite"],
            )
    return (lieu.raison, lieu.technique, lieu.secteur) if lieu else ("", "", "")


def userinfo(
    identifiant: str,
    personne: tuple[str, str, str],
    exercices: list[dict[str, Any]],
    *,
    lieu: Lieu | None = None,
    autres: list[dict[str, Any]] | None = None,
    moyen: str = "CARD",
) -> dict[str, Any]:
    """Return the document of (civility, first name, family name).

    `lieu` is the structure of who has no activity; `autres` the other identifiers when they are
    not simply the RPPS of the identifier.
    """
    civilite, prenom, nom = personne
    raison, technique, secteur = _first_structure(exercices, lieu)
    if autres is None:
        autres = rpps_entries(identifiant) if re.fullmatch(r"8\d{11}", identifiant) else []
    professions = dict.fromkeys(e["codeProfession"] for e in exercices)
    return {
        "Secteur_Activite": f"{secteur}^{_SECTEUR}" if secteur else "",
        "sub": f"{FEDERATION}:{identifiant}",
        "SubjectOrganization": raison,
        "Mode_Acces_Raison": "",
        "preferred_username": identifiant,
        "codeCivilite": civilite,
        "given_name": prenom,
        "Acces_Regulation_Medicale": "FAUX",
        "UITVersion": "1.0",
        "authMode": moyen,
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
        "SubjectRefPro": {"codeCivilite": civilite, "exercices": exercices},
        "SubjectOrganizationID": technique,
        "SubjectRole": [f"{p}^{_ROLE}" for p in professions],
        "PSI_Locale": "1.2.250.1.213.1.3.1.1",
        "otherIds": autres,
        "SubjectNameID": identifiant,
        "family_name": nom,
    }
