"""Requests read into plain objects, and what is checked of them beyond the schema."""

import hashlib
import re
import unicodedata
from decimal import Decimal
from typing import Any

from lxml import etree

from simulators.commun.contextes import instant
from simulators.commun.soap import MessageRefuse, raw, text
from simulators.ordonnance.assertion import Signataire
from simulators.ordonnance.etat import Refus
from simulators.ordonnance.regles import ExecutionRecue, InterventionRecue, LigneRecue
from simulators.ordonnance.reponses import EPU

_PROFESSION = re.compile(r"G15_(?:21|70)(?:/.*)?")
_CONTROLE = re.compile(r"[\x00-\x1f\x7f]")


def check_texts(corps: Any) -> None:  # noqa: ANN401
    """Refuse control characters in the free texts (§2.4)."""
    for nom in ("Commentaire", "CommentairePrescripteur"):
        for element in corps.iter(f"{{{EPU}}}{nom}"):
            if _CONTROLE.search(raw(element)):
                raise MessageRefuse(f"caractère de contrôle dans {nom}")


def check_performer(corps: Any, signataire: Signataire) -> None:  # noqa: ANN401
    """Refuse an Executant that is not the signer, or of another profession."""
    executant = corps.find(f"{{{EPU}}}Executant")
    if executant is None:
        return
    if f"8{text(executant, EPU, 'RPPS')}" != signataire.identifiant:
        raise Refus("EPU-030", "L'exécutant n'est pas le signataire de l'assertion")
    if text(executant, EPU, "FINESS") != signataire.finess:
        raise Refus("EPU-030", "L'officine de l'exécutant n'est pas celle de l'assertion")
    profession = text(executant, EPU, "Profession")
    if profession and not _PROFESSION.fullmatch(profession):
        raise Refus("EPU-008", "Profession non habilitée")


def body_digest(corps: Any) -> str:  # noqa: ANN401
    return hashlib.sha256(etree.tostring(corps, method="c14n", exclusive=True)).hexdigest()


def facts(corps: Any) -> dict[str, Any]:  # noqa: ANN401
    faits: dict[str, Any] = {}
    for cle, nom in (
        ("numero", "NumeroPrescription"),
        ("id_execution", "IdExecution"),
        ("cle", "CleIdempotence"),
    ):
        valeur = text(corps, EPU, nom)
        if valeur:
            faits[cle] = valeur[-4:] if cle == "numero" else valeur
    return faits


def read_execution(corps: Any, finess: str) -> ExecutionRecue:  # noqa: ANN401
    return ExecutionRecue(
        id=text(corps, EPU, "IdExecution").lower(),
        version=int(text(corps, EPU, "VersionConnue")),
        jeton=text(corps, EPU, "JetonVerrou"),
        remplace=text(corps, EPU, "RemplaceExecution").lower(),
        hors_ligne=text(corps, EPU, "SaisieHorsLigne").strip() in {"true", "1"},
        date=instant(text(corps, EPU, "DateDelivrance").strip()),
        numero_delivrance=int(text(corps, EPU, "NumeroDelivrance")),
        finess=finess,
        lignes=tuple(_read_line(ligne) for ligne in corps.findall(f"{{{EPU}}}Ligne")),
    )


def _read_line(ligne: Any) -> LigneRecue:  # noqa: ANN401
    produit = ligne.find(f"{{{EPU}}}Produit")
    return LigneRecue(
        id_ligne=text(ligne, EPU, "IdLigne"),
        resultat=text(ligne, EPU, "Resultat"),
        quantite=Decimal(text(ligne, EPU, "Quantite").strip()),
        unite=text(ligne, EPU, "UniteQuantite"),
        produit=produit is not None,
        cip13=text(produit, EPU, "CIP13"),
        lpp=text(produit, EPU, "LPP"),
        autre_code=any(text(produit, EPU, nom) for nom in ("CIS", "UCD13", "MV")),
        interventions=tuple(
            InterventionRecue(
                text(i, EPU, "Type"),
                text(i, EPU, "Motif"),
                text(i, EPU, "SousMotif"),
                text(i, EPU, "Commentaire"),
            )
            for i in ligne.findall(f"{{{EPU}}}Intervention")
        ),
    )


def _fold(nom: str) -> str:
    """Return a name without case, accents, hyphens, apostrophes."""
    plat = unicodedata.normalize("NFD", nom.upper())
    lettres = "".join(c for c in plat if not unicodedata.combining(c))
    return " ".join(re.sub(r"[-'’]", " ", lettres).split())


def is_another(demande: Any, connu: dict[str, Any]) -> bool:  # noqa: ANN401
    """Tell whether the patient of the sale is another: by matricule, else by traits (§2.5)."""
    if demande is None:
        return False
    matricule = text(demande, EPU, "INS", "Matricule")
    if matricule and connu.get("ins"):
        return bool(matricule != connu["ins"][0])
    naissance, sue = text(demande, EPU, "DateNaissance"), str(connu["naissance"])
    lunaire = any(part in {"00"} for date in (naissance, sue) for part in date.split("-"))
    if (naissance[:4] != sue[:4]) if lunaire else (naissance != sue):
        return True
    for nom, cle in (("Sexe", "sexe"), ("NomNaissance", "nom")):
        dit, su = _fold(text(demande, EPU, nom)), _fold(str(connu.get(cle, "")))
        if dit and su and dit != su:
            return True
    dits, sus = _fold(text(demande, EPU, "Prenoms")), _fold(str(connu.get("prenoms", "")))
    return bool(dits and sus and not (dits.startswith(sus) or sus.startswith(dits)))
