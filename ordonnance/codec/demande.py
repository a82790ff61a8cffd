"""Requests of the EPU contract: bodies frozen at enqueue, envelopes made at each sending (§5.3)."""

from typing import Any

from lxml import etree

from ordonnance.rules.modele import (
    Beneficiaire,
    ExecutionAEnvoyer,
    InterventionAEnvoyer,
    LigneAEnvoyer,
    ProduitPrescrit,
    Professionnel,
)
from teleservices.soap import build_envelope, parse_xml
from teleservices.soap.contextes import EnteteEnvoi, build_headers
from teleservices.soap.contrat import ContratRefuse, build_body

_EPU = "urn:sim:epu:1"


def _build(nom: str, contenu: dict[str, Any]) -> bytes:
    return build_body("epu.wsdl", "epu.xsd", f"{{{_EPU}}}{nom}Requete", _clean(contenu))


def _clean(valeur: Any) -> Any:  # noqa: ANN401 - nested plain values
    """Drop what is absent: no empty element ever leaves. Refuse C0 control characters."""
    if isinstance(valeur, dict):
        propres = {cle: _clean(v) for cle, v in valeur.items()}
        return {cle: v for cle, v in propres.items() if v not in (None, "", {})}
    if isinstance(valeur, list):
        return [_clean(v) for v in valeur]
    if isinstance(valeur, str) and any(ord(c) < 32 and c not in "\n\t" for c in valeur):
        raise ContratRefuse("caractere_de_controle")
    return valeur


def _professional(qui: Professionnel) -> dict[str, Any]:
    return {
        "RPPS": qui.rpps,
        "FINESS": qui.finess,
        "Nom": qui.nom,
        "Prenom": qui.prenom,
        "Profession": qui.profession,
    }


def _beneficiary(qui: Beneficiaire | None) -> dict[str, Any] | None:
    if qui is None or not qui.naissance:
        return None
    ins = None
    if qui.matricule and qui.oid:
        ins = {
            "Matricule": qui.matricule[:13],
            "Cle": qui.cle or qui.matricule[13:15],
            "OID": qui.oid,
        }
    return {
        "INS": ins,
        "NomNaissance": qui.nom,
        "Prenoms": qui.prenoms,
        "Sexe": qui.sexe if qui.sexe in {"M", "F"} else "",
        "DateNaissance": qui.naissance,
    }


def corps_consulter(
    numero: str, origine: str, executant: Professionnel, patient: Beneficiaire | None
) -> bytes:
    """Return consulterPrescriptionRequete. `origine`: SCAN, SAISIE or MSSANTE."""
    return _build(
        "consulterPrescription",
        {
            "NumeroPrescription": numero,
            "Origine": origine,
            "Beneficiaire": _beneficiary(patient),
            "Executant": _professional(executant),
        },
    )


def is_about(corps: bytes, qui: Beneficiaire | None) -> bool:
    """Tell whether a frozen consultation names nobody else than this person, as known now.

    Source: ordonnance.md §2.5.
    """
    personne = parse_xml(corps).find(f"{{{_EPU}}}Beneficiaire")
    if personne is None:
        return True
    dit = {etree.QName(e).localname: e.text for e in personne.iter() if not len(e)}
    return dit == _leaves(_clean(_beneficiary(qui)) or {})


def _leaves(objet: dict[str, Any]) -> dict[str, str]:
    """Return the texts of a nested object, by the name of their own element."""
    feuilles: dict[str, str] = {}
    for cle, valeur in objet.items():
        feuilles |= _leaves(valeur) if isinstance(valeur, dict) else {cle: valeur}
    return feuilles


def corps_sans_beneficiaire(corps: bytes) -> bytes:
    """Return a frozen consultation that names nobody: the number alone finds the prescription.

    Source: ordonnance.md §2.5 (the person is optional); ins.md §2.5, T17.
    """
    racine = parse_xml(corps)
    personne = racine.find(f"{{{_EPU}}}Beneficiaire")
    if personne is None:
        return corps
    racine.remove(personne)
    return etree.tostring(racine)


def corps_ouvrir(numero: str, version: int, cle: str, executant: Professionnel) -> bytes:
    """Return ouvrirExecutionRequete."""
    return _build(
        "ouvrirExecution",
        {
            "NumeroPrescription": numero,
            "VersionConnue": version,
            "CleIdempotence": cle,
            "Executant": _professional(executant),
        },
    )


def corps_liberer(numero: str, id_execution: str, jeton: str) -> bytes:
    """Return libererExecutionRequete."""
    return _build(
        "libererExecution",
        {"NumeroPrescription": numero, "IdExecution": id_execution, "JetonVerrou": jeton},
    )


def corps_executer(execution: ExecutionAEnvoyer) -> bytes:
    """Return enregistrerExecutionRequete: the bytes frozen with the sale, sent as they are.

    Raises ContratRefuse when the execution does not fit: nothing is then promised.
    """
    return _build(
        "enregistrerExecution",
        {
            "NumeroPrescription": execution.numero,
            "VersionConnue": execution.version_connue,
            "IdExecution": execution.id,
            "JetonVerrou": execution.jeton,
            "CleIdempotence": execution.cle,
            "RemplaceExecution": execution.remplace,
            "ModeTransmission": execution.mode,
            "SaisieHorsLigne": execution.hors_ligne,
            "DateDelivrance": execution.date_delivrance,
            "NumeroDelivrance": execution.numero_delivrance,
            "Executant": _professional(execution.executant),
            "BeneficiaireConfirme": execution.beneficiaire_confirme,
            "Ligne": [_line(ligne) for ligne in execution.lignes],
            "CommentairePrescripteur": execution.commentaire,
        },
    )


def corps_sans_verrou(corps: bytes, cle: str) -> bytes:
    """Return a frozen execution without its lapsed lock, under a new key; nothing else moves.

    Source: ordonnance.md §2.3 (« the lock is advisory »), §2.6 (EPU-009, automatic once).
    """
    racine = parse_xml(corps)
    jeton = racine.find(f"{{{_EPU}}}JetonVerrou")
    if jeton is not None:
        racine.remove(jeton)
    for nom, valeur in (("CleIdempotence", cle), ("SaisieHorsLigne", "true")):
        element = racine.find(f"{{{_EPU}}}{nom}")
        if element is None:
            raise ContratRefuse(nom)
        element.text = valeur
    return etree.tostring(racine)


def corps_signe_par(corps: bytes, executant: Professionnel) -> bytes:
    """Return a frozen body that names another Executant: who signs it. Nothing else moves.

    Source: ordonnance.md §2.8. A body without Executant (release of a lock) is returned as it is.
    """
    racine = parse_xml(corps)
    element = racine.find(f"{{{_EPU}}}Executant")
    if element is None:
        return corps
    for enfant in list(element):
        element.remove(enfant)
    for nom, valeur in _professional(executant).items():
        if valeur:
            etree.SubElement(element, f"{{{_EPU}}}{nom}").text = valeur
    return etree.tostring(racine)


def _line(ligne: LigneAEnvoyer) -> dict[str, Any]:
    return {
        "IdLigneExecutee": ligne.id,
        "IdLigne": ligne.id_ligne,
        "Resultat": ligne.resultat,
        "Produit": _product(ligne),
        "Quantite": ligne.quantite,
        "UniteQuantite": "BOITE" if ligne.quantite else "",
        "Intervention": [_intervention(i) for i in ligne.interventions],
    }


def _product(ligne: LigneAEnvoyer) -> dict[str, Any] | None:
    produit: ProduitPrescrit | None = ligne.produit
    if produit is None:
        return None
    return {
        "CIS": produit.cis,
        "CIP13": produit.cip13,
        "LPP": produit.lpp,
        "Libelle": produit.libelle,
        "Lot": ligne.lot,
        "Peremption": ligne.peremption,
        "NumeroSerie": ligne.numero_serie,
    }


def _intervention(intervention: InterventionAEnvoyer) -> dict[str, Any]:
    accord = None
    if intervention.accord_obtenu is not None:
        accord = {"Obtenu": intervention.accord_obtenu, "Date": intervention.accord_date}
    return {
        "Type": intervention.type,
        "Motif": intervention.motif,
        "SousMotif": intervention.sous_motif,
        "AccordPrescripteur": accord,
        "Commentaire": intervention.commentaire,
    }


def envelopper(corps: bytes, entete: EnteteEnvoi) -> bytes:
    """Return the whole message around frozen bytes; the signed assertion is inserted untouched."""
    return build_envelope(build_headers(entete), parse_xml(corps))
