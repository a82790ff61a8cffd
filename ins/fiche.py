"""The identity of a patient on one page: what it rests on, what happened, what may go out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from ins.actes import acts_for
from ins.models import (
    AppelInsi,
    EvenementIdentite,
    HistoriqueIns,
    IdentiteRecue,
    PieceControlee,
)
from ins.rules.oid import is_nia
from ins.rules.pieces import piece_get
from ins.selectors import tache_list, traits_of
from ins.services import copies
from ins.services.commun import load_traits
from ins.services.habilitations import peut_identite
from pharmacy.acteurs import Acteur, peut
from pharmacy.identite import peut_sortir_de
from pharmacy.models import Patient, PatientVersion

PREUVES, COPIES = "ins.voir_preuves", copies.DROIT
LIMITE = 50
_SORTIES = (
    ("delivrer", "Délivrer et facturer"),
    ("ordonnance.lire", "Lire une Ordonnance Numérique"),
    ("insi.recuperer", "Interroger INSi"),
    ("ins.imprimer", "Imprimer l'INS et son datamatrix"),
    ("dmp.alimenter", "Alimenter le DMP"),
    ("message.patient", "Écrire à la personne par Mon espace santé"),
    ("message.professionnel", "Écrire à un professionnel, sans matricule"),
)
_TRANSITIONS = {
    "T1": "Dossier créé",
    "T2": "Dossier créé depuis INSi",
    "T3": "Appli carte Vitale lue",
    "T4": "Dossier créé depuis un datamatrix",
    "T5": "Dossier créé depuis un document reçu",
    "T6": "INS récupérée",
    "T7": "Pièce conforme, sans INS",
    "T8": "INS récupérée, pièce déjà vue",
    "T9": "INS récupérée, pièce contredite",
    "T10": "Pièce conforme",
    "T11": "Réponse d'INSi refusée",
    "T13": "Identité déqualifiée",
    "T14": "Récupération annulée",
    "T15": "Identité dévalidée",
    "T16": "Traits stricts modifiés",
    "T17": "Identité douteuse ou fictive",
    "T18": "Marque levée",
    "T19": "INS vérifiée, conforme",
    "T20": "INS vérifiée, non conforme",
    "T21": "INS vérifiée, non conforme",
    "T22": "INS reçue de nouveau, identique",
    "T23": "INSi donne d'autres traits",
    "T24": "INSi donne un nouveau matricule",
    "T25": "INSi donne un matricule sans lien",
    "T26": "Le NIR remplace le numéro d'attente",
    "T27": "Dossiers fusionnés",
    "T28": "Dossiers séparés",
    "T29": "Décès",
    "T30": "Anonymat demandé",
    "PIEA": "Aucune pièce présentée",
    "PIER": "Pièce refusée par la personne",
    "PIED": "Pièce différente des traits",
    "PREN": "Premier prénom modifié",
    "HOMP": "Homonyme signalé",
    "HOML": "Homonyme plus signalé",
    "MOTP": "Pas d'INS : raison donnée",
    "MOTL": "L'INS peut de nouveau être demandée",
}
_SUIVIS = (
    ("nom_naissance", "nom de naissance"),
    ("premier_prenom", "premier prénom"),
    ("prenoms_naissance", "prénoms"),
    ("date_naissance", "date de naissance"),
    ("sexe", "sexe"),
    ("cog_naissance", "lieu de naissance"),
    ("nom_utilise", "nom utilisé"),
    ("prenom_utilise", "prénom utilisé"),
)
# The files merged into one, and those merged into them before.
_ABSORBES = """
WITH RECURSIVE absorbe AS (
    SELECT id FROM pharmacy_patient
    WHERE officine_id = %(officine)s AND fusionne_dans_id = %(patient)s
    UNION
    SELECT p.id FROM pharmacy_patient p JOIN absorbe ON p.fusionne_dans_id = absorbe.id
    WHERE p.officine_id = %(officine)s
)
SELECT id FROM absorbe
"""
# A change and its event are written together: what is farther apart is not the same act.
_ENSEMBLE = timedelta(seconds=5)


@dataclass(frozen=True)
class Changement:
    """One trait that moved: what it was, what it became."""

    libelle: str
    avant: object
    apres: object

    def __repr__(self) -> str:
        return f"Changement({self.libelle})"


def read_fiche(acteur: Acteur, patient: Patient, *, en_clair: bool) -> dict[str, Any]:
    """Return what the page shows. `en_clair`: matricules whole, for who holds the right.

    A fixed number of queries, whatever the length of the story. Source: ins.md §1.5, case 92.
    """
    voit = peut_identite(acteur, PREUVES).ok
    ici = {"officine_id": acteur.officine_id, "patient": patient}
    return {
        "voit": voit,
        "en_clair": voit and en_clair,
        "nia": is_nia(patient.ins_oid),
        "pieces": _documents(ici) if voit else [],
        "copies": peut(acteur, COPIES).ok,
        "copier": peut(acteur, COPIES).ok and copies.are_kept(acteur.officine_id),
        "appels": AppelInsi.objects.filter(**ici)
        .select_related("declenche_par", "poste")
        .order_by("-declenche_le", "-pk")[:LIMITE],
        "anciennes": _former(ici),
        "recues": IdentiteRecue.objects.filter(**ici).order_by("-pk")[:LIMITE],
        "recit": _story(patient),
        "taches": tache_list(patient),
        "sorties": [
            {"libelle": libelle, "decision": peut_sortir_de(action, patient.etat_identite)}
            for action, libelle in _SORTIES
        ],
        "actes": [
            {"acte": acte, "titre": acte.title_for(patient), "interdit": interdit}
            for acte, interdit in acts_for(acteur, patient)
        ],
    }


def _documents(ici: dict[str, Any]) -> list[dict[str, Any]]:
    pieces = (
        PieceControlee.objects.filter(**ici)
        .select_related("controlee_par", "copie")
        .defer("copie__contenu")
        .order_by("-pk")
    )
    return [
        {"piece": piece, "libelle": name_of_piece(piece), "copie": getattr(piece, "copie", None)}
        for piece in pieces[:LIMITE]
    ]


def name_of_piece(piece: PieceControlee) -> str:
    """Return a document in words, with the representative's beside it."""
    libelle = _word(piece.type_piece)
    if piece.piece_representant:
        return f"{libelle}, avec {_word(piece.piece_representant).lower()} du représentant légal"
    return libelle


def _word(code: str) -> str:
    try:
        return piece_get(code).libelle
    except KeyError:
        return code


def _former(ici: dict[str, Any]) -> list[dict[str, Any]]:
    lignes = HistoriqueIns.objects.filter(**ici).order_by("-rang")[:LIMITE]
    return [{"ins": ligne, "nia": is_nia(ligne.oid)} for ligne in lignes]


def _absorbed(patient: Patient) -> list[Patient]:
    """Return the files that became this one: their story stayed on them (ins.md §2.5, T27)."""
    with connection.cursor() as curseur:
        curseur.execute(_ABSORBES, {"officine": patient.officine_id, "patient": patient.pk})
        cles = [cle for (cle,) in curseur.fetchall()]
    return (
        list(Patient.objects.filter(officine_id=patient.officine_id, pk__in=cles)) if cles else []
    )


def _story(patient: Patient) -> list[dict[str, Any]]:
    """Return what happened, newest first: acts with their author, and the traits that moved.

    To this file, and to those merged into it.
    """
    dossiers = [patient, *_absorbed(patient)]
    evenements = list(
        EvenementIdentite.objects.filter(officine_id=patient.officine_id, patient__in=dossiers)
        .select_related("operateur")
        .order_by("-quand", "-pk")[:LIMITE]
    )
    actes = [_told(evenement) for evenement in evenements]
    for ancien, changements in _changes(dossiers):
        acte = _act_of(actes, ancien)
        if acte is None:
            actes.append(_alone(ancien, changements))
        else:
            acte["changements"] = changements
    return sorted(actes, key=lambda acte: acte["quand"], reverse=True)


def _told(evenement: EvenementIdentite) -> dict[str, Any]:
    return {
        "dossier": evenement.patient_id,
        "quand": evenement.quand,
        "qui": evenement.operateur.nom_court,
        "quoi": _TRANSITIONS.get(evenement.transition, evenement.transition),
        "motif": evenement.motif,
        "avant": evenement.statut_avant,
        "apres": evenement.statut_apres,
        "traits": load_traits(bytes(evenement.avant)) if evenement.avant else None,
        "changements": [],
    }


def _act_of(actes: list[dict[str, Any]], ancien: PatientVersion) -> dict[str, Any] | None:
    """Return the newest act of this file that started from these traits, when they were left."""
    traits = traits_of(ancien)
    for acte in actes:
        if acte["dossier"] != ancien.pgh_obj_id:
            continue
        proche = abs(acte["quand"] - ancien.pgh_created_at) < _ENSEMBLE
        if proche and acte["traits"] == traits and not acte["changements"]:
            return acte
    return None


def _alone(ancien: PatientVersion, changements: list[Changement]) -> dict[str, Any]:
    """A change that no act of identity tells: the file, an import, an order of the base."""
    return {
        "dossier": ancien.pgh_obj_id,
        "quand": ancien.pgh_created_at,
        "qui": "",
        "quoi": "Dossier modifié",
        "motif": "",
        "avant": "",
        "apres": "",
        "traits": None,
        "changements": changements,
    }


def _changes(dossiers: list[Patient]) -> list[tuple[PatientVersion, list[Changement]]]:
    """Return the traits that moved, from the states the database itself kept (INS-24)."""
    suivants: dict[int, Any] = {dossier.pk: dossier for dossier in dossiers}
    anciens = PatientVersion.objects.filter(
        officine_id=dossiers[0].officine_id, pgh_obj__in=suivants
    ).order_by("-pgh_id")
    changements = []
    for ancien in anciens[:LIMITE]:
        suivant = suivants[ancien.pgh_obj_id]
        ecarts = [
            Changement(libelle, getattr(ancien, nom), getattr(suivant, nom))
            for nom, libelle in _SUIVIS
            if getattr(ancien, nom) != getattr(suivant, nom)
        ]
        if ecarts:
            changements.append((ancien, ecarts))
        suivants[ancien.pgh_obj_id] = ancien
    return changements
