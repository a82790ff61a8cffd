"""Invented professionals, and the documents that the service would give of them."""

from psc.rules.userinfo import parse_userinfo

FINESS = "752026005"
AUTRE_FINESS = "692026006"


def activite(finess=FINESS, secteur="SA33", section="A", mode="L", **membres):
    """One activity, with some of the members of a genuine document."""
    return {
        "codeModeExercice": mode,
        "codeSecteurDactivite": secteur,
        "codeSectionPharmacien": section,
        "codeRole": "",
        "numeroSiretSite": "",
        "numeroFinessSite": finess,
        "numeroFinessetablissementJuridique": "",
        "identifiantTechniqueDeLaStructure": f"F{finess}",
        "raisonSocialeSite": "PHARMACIE D'ESSAI",
        "telephone": "0100000000",
        **membres,
    }


def exercice(*activites, profession="21", nom="ESSAI", prenom="ALBA"):
    """One exercice with its activities."""
    return {
        "codeProfession": profession,
        "codeCategorieProfessionnelle": "C",
        "codeCiviliteDexercice": "DR",
        "nomDexercice": nom,
        "prenomDexercice": prenom,
        "activities": list(activites),
    }


def document(national="899700123459", exercices=None, **membres):
    """One UserInfo document; `otherIds` says the RPPS again when there is one."""
    autres = [{"identifiant": national, "origine": "RPPS", "qualite": 1}]
    return {
        "sub": f"f:11111111-2222-4333-8444-555555555555:{national}",
        "SubjectNameID": national,
        "preferred_username": national,
        "given_name": "ALBA",
        "family_name": "ESSAI",
        "codeCivilite": "MME",
        "authMode": "CARD",
        "SubjectRole": ["21^1.2.250.1.213.1.1.5.5"],
        "SubjectRefPro": {
            "codeCivilite": "MME",
            "exercices": [exercice(activite())] if exercices is None else exercices,
        },
        "otherIds": autres if national.startswith("8") and len(national) == 12 else [],
        **membres,
    }


def identite(*args, **kwargs):
    """The identity read in such a document."""
    return parse_userinfo(document(*args, **kwargs))
