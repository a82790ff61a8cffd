"""CDA eP-MED-DM level 3, read into the same dataclasses as the base's answer (ordonnance.md §3).

What is legally seen is the narrative: a line keeps its text, a code we do not know keeps its words,
an absent flag stays unknown. A document that is not such a prescription is refused with a sentence.
"""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict

from ordonnance.rules.modele import (
    Beneficiaire,
    LigneLue,
    PrescriptionLue,
    ProduitPrescrit,
    Professionnel,
    prescription_as_dict,
)
from ordonnance.rules.noms import fold
from teleservices.cda.lecteurs import CdaIllisible
from teleservices.soap.lecture import Element, XmlRefuse, parse_xml

V3 = "urn:hl7-org:v3"
_NS = {"h": V3}
MODELE = "1.2.250.1.213.1.1.1.39"
EPU_RACINE = "1.2.250.1.215.500.1.1"
_CODES = {
    "1.2.250.1.213.2.3.1": "cis",
    "1.2.250.1.213.2.3.2": "cip13",
    "1.2.250.1.213.2.59": "mv",
    "1.2.250.1.213.2.62": "ucd13",
    "1.2.250.1.215.200.2.1": "lpp",
    "1.2.250.1.213.2.68": "emdn",
    "2.16.840.1.113883.6.73": "atc",
}
_FLAGS = {
    "MED-574": "ald",
    "GEN-180": "atmp",
    "GEN-295": "prevention",
    "GEN-181": "non_remboursable",
    "GEN-179": "hors_amm",
}
_TYPES = {
    "MED-1096": "BIZONE",
    "MED-1097": "EXCEPTION",
    "MED-1098": "SECURISEE",
    "MED-1132": "GRAND_APPAREILLAGE",
    "MED-1094": "DOMICILE",
    "MED-1095": "URGENCE",
    "MED-1159": "AFFECTION_MILITAIRE",
}
_MOTIFS_NS = ("MTE", "EFG", "CIF")


def _one(element: Element, chemin: str) -> Element | None:
    return element.find(chemin, _NS)


def _all(element: Element, chemin: str) -> list[Element]:
    return list(element.findall(chemin, _NS))


def _has_template(element: Element, racine: str) -> bool:
    return any(t.get("root") == racine for t in _all(element, "h:templateId"))


def _words(element: Element | None) -> str:
    if element is None:
        return ""
    return " ".join("".join(str(t) for t in element.itertext()).split())


def _date(brut: str | None) -> date | None:
    try:
        return date(int((brut or "")[:4]), int((brut or "")[4:6]), int((brut or "")[6:8]))
    except ValueError:
        return None


_INSTANT = re.compile(r"(\d{12})(\d{2})?(?:\.\d+)?([+-]\d{4})")


def _instant(brut: str | None) -> datetime | None:
    """Return a time that has its zone; seconds may be absent, and are never made of minutes."""
    lu = _INSTANT.fullmatch(brut or "")
    if lu is None:
        return None
    try:
        return datetime.strptime(f"{lu[1]}{lu[2] or '00'}{lu[3]}", "%Y%m%d%H%M%S%z")
    except ValueError:
        return None


def _decimal(brut: str | None) -> Decimal | None:
    try:
        return Decimal(brut) if brut else None
    except InvalidOperation:
        return None


def parse_epmeddm(data: bytes) -> PrescriptionLue:
    """Return the prescription of a document, all versions 2022.01 to 2024.01.

    Raises CdaIllisible: cda_xml (hostile or broken), cda_autre (not a CDA), cda_modele (another
    document), cda_incomplet (no line). Source: ordonnance.md §3.1 to §3.8.
    """
    try:
        racine = parse_xml(data)
    except XmlRefuse as exc:
        raise CdaIllisible(
            "cda_xml", f"Ce fichier n'est pas un XML acceptable ({exc.code})."
        ) from exc
    if racine.tag != f"{{{V3}}}ClinicalDocument":
        raise CdaIllisible("cda_autre", "Ce fichier n'est pas un document CDA.")
    if not _has_template(racine, MODELE):
        raise CdaIllisible("cda_modele", "Ce document CDA n'est pas une prescription eP-MED-DM.")
    lignes = _lines(racine)
    if not lignes:
        raise CdaIllisible("cda_incomplet", "Cette prescription ne porte aucune ligne structurée.")
    acte = _one(racine, "h:documentationOf/h:serviceEvent")
    return PrescriptionLue(
        numero=_numero(racine),
        version=None,
        statut="",
        statut_brut="",
        date_prescription=_date(_attr(racine, "h:effectiveTime")),
        beneficiaire=_patient(racine),
        prescripteur=_author(racine),
        lignes=lignes,
        debut_validite=_instant(_attr(acte, "h:effectiveTime/h:low")),
        fin_validite=_instant(_attr(acte, "h:effectiveTime/h:high")),
        types=_types(racine),
        document_id=_identifier(_one(racine, "h:id")),
        commentaire=_comment(racine),
    )


def read_epmeddm(data: bytes) -> dict[str, Any]:
    """Return the prescription of a document as plain JSON values (support command)."""
    lu = prescription_as_dict(parse_epmeddm(data))
    return {
        "patient": lu.pop("beneficiaire"),
        "auteur": lu.pop("prescripteur"),
        "lignes": lu.pop("lignes"),
        **lu,
    }


def _attr(element: Element | None, chemin: str, nom: str = "value") -> str:
    trouve = _one(element, chemin) if element is not None else None
    return (trouve.get(nom) or "") if trouve is not None else ""


def _identifier(element: Element | None) -> str:
    if element is None:
        return ""
    racine, extension = element.get("root") or "", element.get("extension") or ""
    return f"{racine}^{extension}" if extension else racine


def _numero(racine: Element) -> str:
    for ident in _all(racine, "h:documentationOf/h:serviceEvent/h:id"):
        if ident.get("root") == EPU_RACINE:
            return ident.get("extension") or ""
    return ""


def _types(racine: Element) -> tuple[str, ...]:
    codes = [e.get("code") or "" for e in _all(racine, "h:documentationOf/h:serviceEvent/h:code")]
    return tuple(_TYPES[code] for code in codes if code in _TYPES)


def _patient(racine: Element) -> Beneficiaire:
    role = _one(racine, "h:recordTarget/h:patientRole")
    if role is None:
        return Beneficiaire()
    ins = next(
        (i for i in _all(role, "h:id") if (i.get("root") or "").startswith("1.2.250.1.213.1.4.")),
        None,
    )
    matricule = (ins.get("extension") or "") if ins is not None else ""
    noms = _all(role, "h:patient/h:name/h:family")
    naissance = next((n for n in noms if n.get("qualifier") == "BR"), noms[0] if noms else None)
    utilise = next((n for n in noms if n.get("qualifier") in {"SP", "CL"}), None)
    prenoms = [p for p in _all(role, "h:patient/h:name/h:given") if p.get("qualifier") is None]
    jour = _date(_attr(role, "h:patient/h:birthTime"))
    return Beneficiaire(
        nom=_words(naissance),
        prenoms=" ".join(_words(p) for p in prenoms)
        or _words(_one(role, "h:patient/h:name/h:given")),
        sexe=_attr(role, "h:patient/h:administrativeGenderCode", "code"),
        naissance=jour.isoformat() if jour else _attr(role, "h:patient/h:birthTime"),
        matricule=matricule[:13],
        cle=matricule[13:15],
        oid=(ins.get("root") or "") if ins is not None else "",
        nom_utilise=_words(utilise),
        lieu=_words(_one(role, "h:patient/h:birthplace/h:place/h:addr/h:county")),
    )


def _author(racine: Element) -> Professionnel:
    auteur = _one(racine, "h:author/h:assignedAuthor")
    if auteur is None:
        return Professionnel()
    ident = _attr(auteur, "h:id", "extension")
    structure = _attr(auteur, "h:representedOrganization/h:id", "extension")
    return Professionnel(
        rpps=ident[1:] if ident.startswith("8") and len(ident) == 12 else ident,
        finess=structure[1:] if structure.startswith("1") and len(structure) == 10 else structure,
        nom=_words(_one(auteur, "h:assignedPerson/h:name/h:family")),
        prenom=_words(_one(auteur, "h:assignedPerson/h:name/h:given")),
        profession=_attr(auteur, "h:code", "code"),
        telephone=_attr(auteur, "h:telecom").removeprefix("tel:"),
    )


def _sections(racine: Element) -> list[Element]:
    return _all(racine, ".//h:section")


def _comment(racine: Element) -> str:
    for section in _sections(racine):
        if _attr(section, "h:code", "code") == "55112-7":
            return _words(_one(section, "h:text"))
    return ""


def _lines(racine: Element) -> tuple[LigneLue, ...]:
    lignes: list[LigneLue] = []
    for section in _sections(racine):
        code = _attr(section, "h:code", "code")
        if code == "57828-6":
            for acte in _all(section, "h:entry/h:substanceAdministration"):
                lignes.append(_medicine(section, acte, len(lignes) + 1))
        elif code == "46264-8":
            for acte in _all(section, "h:entry/h:supply"):
                lignes.append(_device(section, acte, len(lignes) + 1))
    return tuple(lignes)


def _narrative(section: Element, acte: Element) -> str:
    """Return the text the line points at: what the prescriber wrote. Source: ordonnance.md §3.8."""
    reference = (_attr(acte, "h:text/h:reference") or "").lstrip("#")
    if not reference:
        return _words(_one(acte, "h:text"))
    return _by_id(section, reference)


def _by_id(section: Element, reference: str) -> str:
    """Return the words of the narrative element that carries this ID."""
    return next((_words(e) for e in section.iter() if e.get("ID") == reference), "")


_POSOLOGIE = (
    "effectiveTime",
    "doseQuantity",
    "rateQuantity",
    "maxDoseQuantity",
    "routeCode",
    "approachSiteCode",
)


def _posology(section: Element, acte: Element) -> str:
    """Return how to take it, in the words of the narrative and in its order.

    Sub-lines (split, tapered) follow each other. When nothing points at the narrative, the row
    of the table is kept: what is legally seen is the text. Source: ordonnance.md §3.3, §3.8.
    """
    morceaux: list[str] = []
    for element in acte.iter(*(f"{{{V3}}}{nom}" for nom in _POSOLOGIE)):
        dits = [
            _by_id(section, (r.get("value") or "").lstrip("#"))
            for r in element.iter(f"{{{V3}}}reference")
        ]
        phrase = " à ".join(mot for mot in dits if mot and mot != "-")
        if phrase and phrase not in morceaux:
            morceaux.append(phrase)
    return " · ".join(morceaux) or _row(section, acte)


def _row(section: Element, acte: Element) -> str:
    reference = _attr(acte, "h:text/h:reference").lstrip("#")
    element = next((e for e in section.iter() if e.get("ID") == reference), None)
    while element is not None and element.tag != f"{{{V3}}}tr":
        element = element.getparent()
    return _words(element)


def _repeats(acte: Element) -> int | None:
    valeur = _attr(acte, "h:repeatNumber")
    return int(valeur) if valeur.isascii() and valeur.isdigit() else None


def _period(acte: Element) -> tuple[date | None, date | None]:
    for temps in _all(acte, "h:effectiveTime"):
        if _one(temps, "h:low") is not None or _one(temps, "h:high") is not None:
            return _date(_attr(temps, "h:low")), _date(_attr(temps, "h:high"))
    return None, None


class _Drapeaux(TypedDict):
    ald: bool | None
    atmp: bool | None
    prevention: bool | None
    non_remboursable: bool | None
    hors_amm: bool | None


def _flags(acte: Element) -> _Drapeaux:
    lus: dict[str, bool | None] = dict.fromkeys(_FLAGS.values())
    for observation in _all(acte, "h:entryRelationship/h:observation"):
        nom = _FLAGS.get(_attr(observation, "h:code", "code"))
        if nom:
            lus[nom] = {"true": True, "false": False}.get(_attr(observation, "h:value"))
    return _Drapeaux(
        ald=lus["ald"],
        atmp=lus["atmp"],
        prevention=lus["prevention"],
        non_remboursable=lus["non_remboursable"],
        hors_amm=lus["hors_amm"],
    )


def _instruction(acte: Element, section: Element, code: str) -> str:
    for relation in _all(acte, "h:entryRelationship/h:act"):
        if _attr(relation, "h:code", "code") == code:
            dite = _narrative(section, relation)
            return "" if dite == "-" else dite  # a dash fills an empty cell
    return ""


def _reason(texte: str) -> str:
    """Return MTE, EFG or CIF, written as such or in words; empty when the text says neither."""
    mots = fold(texte).split()
    dit = next((motif for motif in _MOTIFS_NS if motif in mots), "")
    return dit or ("MTE" if "MARGE THERAPEUTIQUE ETROITE" in fold(texte) else "")


def _substitution(acte: Element, section: Element) -> tuple[bool | None, str]:
    """Return (substitutable, reason). The reason stands only in words (§3.3, last paragraph)."""
    for relation in _all(acte, "h:entryRelationship/h:act"):
        if not _has_template(relation, "1.2.250.1.213.1.1.3.87"):
            continue
        code = _attr(relation, "h:code", "code")
        texte = (
            _narrative(section, relation) + " " + _words(_one(relation, "h:code/h:originalText"))
        )
        reference = _attr(relation, "h:code/h:originalText/h:reference").lstrip("#")
        if reference:
            texte += " " + _by_id(section, reference)
        motif = _reason(texte)
        return {"G": True, "N": False}.get(code), motif
    return None, ""


def _quantity(acte: Element) -> tuple[Decimal | None, str]:
    for relation in _all(acte, "h:entryRelationship/h:supply"):
        quantite = _one(relation, "h:quantity")
        if quantite is not None:
            return _decimal(quantite.get("value")), quantite.get("unit") or ""
    return None, ""


def _product(materiel: Element | None, texte: str) -> ProduitPrescrit:
    codes: dict[str, str] = {}
    libelle = ""
    if materiel is not None:
        libelle = _words(_one(materiel, "h:name"))
        for element in (
            *_all(materiel, "h:code"),
            *_all(materiel, ".//h:translation"),
            *materiel.iter("{*}code"),
        ):
            nom = _CODES.get(element.get("codeSystem") or "")
            if nom and element.get("code"):
                codes.setdefault(nom, element.get("code") or "")
                libelle = libelle or element.get("displayName") or ""
    return ProduitPrescrit(libelle=libelle or texte[:200] or "Produit sans libellé", **codes)


def _medicine(section: Element, acte: Element, rang: int) -> LigneLue:
    texte = _narrative(section, acte)
    debut, fin = _period(acte)
    posologie = _posology(section, acte)
    quantite, unite = _quantity(acte)
    substituable, motif = _substitution(acte, section)
    return LigneLue(
        id=_attr(acte, "h:id", "root").lower(),
        rang=rang,
        nature="MEDICAMENT",
        produit=_product(
            _one(acte, "h:consumable/h:manufacturedProduct/h:manufacturedMaterial"), texte
        ),
        posologie=posologie,
        debut=debut,
        fin=fin,
        duree_jours=(fin - debut).days + 1 if debut and fin and fin >= debut else None,
        quantite=quantite,
        unite=unite,
        renouvellements=_repeats(acte),
        substituable=substituable,
        motif_ns=motif,
        instruction_dispensateur=_instruction(acte, section, "FINSTRUCT"),
        instruction_patient=_instruction(acte, section, "PINSTRUCT"),
        **_flags(acte),
    )


def _device(section: Element, acte: Element, rang: int) -> LigneLue:
    texte = _narrative(section, acte)
    debut, fin = _period(acte)
    posologie = _posology(section, acte)
    appareil = _one(acte, "h:participant/h:participantRole/h:playingDevice")
    return LigneLue(
        id=_attr(acte, "h:id", "root").lower(),
        rang=rang,
        nature="DISPOSITIF",
        produit=_product(appareil, texte),
        posologie=posologie,
        debut=debut,
        fin=fin,
        quantite=_decimal(_attr(acte, "h:quantity")),
        unite=_attr(acte, "h:quantity", "unit"),
        renouvellements=_repeats(acte),
        **_flags(acte),
    )
