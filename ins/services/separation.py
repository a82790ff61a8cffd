"""A merge undone, for thirty days: what moved goes back, what was made since stays.

Theory of operation. The absorbed file was left as it was: it is set active again. The kept file
takes back what it had, save what was changed since: an INS or a document that a person took away
does not come back, an INS got since stays, one that is the other's leaves. Versions of traits never
go down: evidence of one version never counts for another. Merges of one file are undone last first.
Source: ins.md §2.5 (T28); requirement INS-28.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ins.models import Fusion, PieceControlee
from ins.reglages import tolerances_of
from ins.rules.fusion import is_proved
from ins.rules.statut import transition_number
from ins.rules.traits import TraitsStricts
from ins.selectors import traits_of
from ins.services.commun import announce_patient, load_traits, note_event
from ins.services.deplacement import give_back, give_back_taches, move_envois
from ins.services.fusion import CARTE, CHOISIES, INS, RECUEIL, REPORTEES, SUIVIES, TRAITS
from ins.services.habilitations import check_identite
from ins.services.retrait import statut_of
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.chiffre import TexteChiffre
from pharmacy.models import Patient
from pharmacy.services.patient import compute_recherche
from pharmacy.services.vente import VenteRefusee

DELAI = timedelta(days=30)
_MOTIF = "Fusion annulée"
Colonnes = Mapping[str, Any]


def separate(acteur: Acteur, fusion_id: int) -> Fusion:
    """Undo a merge; return it. Both statuses are computed again from evidence.

    VenteRefusee when it is unknown, already undone, older than thirty days, followed by another
    merge of the same file, or when another file has taken the INS or the card meanwhile.
    PermissionError without the right. Source: ins.md §2.5, T28; INS-28; §6, case 52.
    """
    check_identite(acteur, "ins.fusionner")
    with transaction.atomic():
        garde, absorbe = _both(acteur, fusion_id)
        fusion = fusion_get(acteur, fusion_id)
        refus = reason_kept(fusion)
        if refus:
            raise VenteRefusee(*refus)
        try:
            with transaction.atomic():
                _separate(acteur, fusion, garde, absorbe)
        except IntegrityError as exc:
            raise VenteRefusee(
                "Un autre dossier porte depuis l'INS ou la carte de ce dossier : la fusion ne "
                "s'annule plus.",
                "INS-121",
            ) from exc
        fusion.annulee_le, fusion.annulee_par_id = timezone.now(), acteur.operateur_id
        fusion.save(update_fields=["annulee_le", "annulee_par"])
        for patient in (garde, absorbe):
            audit.note(acteur, "ins.separer", f"fusion:{fusion.pk}", patient)
            announce_patient(patient)
        flux.announce_entete(acteur.officine_id)
    return fusion


def fusion_get(acteur: Acteur, fusion_id: int) -> Fusion:
    """Return a merge of the officine, with its two files. VenteRefusee (404) otherwise."""
    fusion = (
        Fusion.objects.filter(pk=fusion_id, officine_id=acteur.officine_id)
        .select_related("garde", "absorbe", "faite_par", "annulee_par")
        .first()
    )
    if fusion is None:
        raise VenteRefusee("Cette fusion n'existe pas dans votre officine.", "INS-404")
    return fusion


def last_day(fusion: Fusion) -> datetime:
    """Return until when a merge may be undone. Source: INS-28."""
    return fusion.faite_le + DELAI


def reason_kept(fusion: Fusion) -> tuple[str, str] | None:
    """Return why a merge may not be undone (sentence, code); None when it may."""
    if fusion.annulee_le is not None:
        return "Cette fusion est déjà annulée.", "INS-118"
    if timezone.now() > last_day(fusion):
        jour = timezone.localtime(fusion.faite_le)
        return (
            f"Une fusion s'annule pendant 30 jours ; celle-ci est du {jour:%d/%m/%Y}.",
            "INS-119",
        )
    ici = Fusion.objects.filter(officine_id=fusion.officine_id, annulee_le__isnull=True)
    suivantes = ici.filter(Q(garde=fusion.garde_id) | Q(absorbe=fusion.garde_id), pk__gt=fusion.pk)
    if suivantes.exists():
        return "Ce dossier a été fusionné de nouveau : annulez d'abord la dernière.", "INS-120"
    return None


def _both(acteur: Acteur, fusion_id: int) -> tuple[Patient, Patient]:
    """Return the two files, locked lower id first (as a merge does), the kept one first."""
    fusion = fusion_get(acteur, fusion_id)
    verrouilles = {
        patient.pk: patient
        for patient in Patient.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=[fusion.garde_id, fusion.absorbe_id], officine_id=acteur.officine_id)
        .order_by("pk")
    }
    return verrouilles[fusion.garde_id], verrouilles[fusion.absorbe_id]


def _separate(acteur: Acteur, fusion: Fusion, garde: Patient, absorbe: Patient) -> None:
    avant = json.loads(bytes(fusion.avant))
    statut, traits = garde.statut, traits_of(garde)
    give_back_taches(avant["taches"], garde, absorbe)
    give_back(avant["lignes"], garde, absorbe)
    move_envois(garde, absorbe, avant["envois"])
    _restore(garde, absorbe, read_columns(avant["garde"]), read_columns(avant["apres"]))
    _restore_pieces(garde, absorbe, avant)
    garde.statut, garde.recherche = statut_of(garde), compute_recherche(garde)
    # The kept file first: what it gives back is free before the other takes it again.
    garde.save(update_fields=list(SUIVIES))
    absorbe.actif, absorbe.fusionne_dans = True, None
    absorbe.statut = statut_of(absorbe)
    absorbe.save(update_fields=["actif", "fusionne_dans", "statut"])
    numero = transition_number("separation", statut)
    note_event(garde, acteur.operateur_id, numero, (statut, traits), _MOTIF)
    note_event(absorbe, acteur.operateur_id, numero, (absorbe.statut, traits_of(absorbe)), _MOTIF)


def read_columns(lues: Colonnes) -> dict[str, Any]:
    """Return columns kept as JSON in the types of the model."""
    champs = {champ.name: champ for champ in Patient._meta.concrete_fields}  # noqa: SLF001 - public
    return {
        nom: valeur if isinstance(champs[nom], TexteChiffre) else champs[nom].to_python(valeur)
        for nom, valeur in lues.items()
    }


def _restore(garde: Patient, absorbe: Patient, avant: Colonnes, apres: Colonnes) -> None:
    """Give the kept file what it had, where nobody changed it since, or where it is the other's."""
    siens = {nom: getattr(garde, nom) for nom in SUIVIES}
    _restore_identity(garde, absorbe, avant, apres)
    carte_de_lautre = siens["carte_empreinte"] in {absorbe.carte_empreinte} - {""}
    if carte_de_lautre or _is_same(siens, apres, CARTE):
        _take(garde, avant, CARTE)
    for nom in (*CHOISIES, *REPORTEES):
        if siens[nom] == apres[nom]:
            setattr(garde, nom, avant[nom])


def _restore_identity(garde: Patient, absorbe: Patient, avant: Colonnes, apres: Colonnes) -> None:
    siens = {nom: getattr(garde, nom) for nom in SUIVIES}
    ins = siens["ins_empreinte"]
    de_lautre = ins in {absorbe.ins_empreinte} - {""}
    if not de_lautre and (ins not in {"", apres["ins_empreinte"]} or _is_edited(siens, apres)):
        return
    _take(garde, avant, RECUEIL)
    if de_lautre or ins == apres["ins_empreinte"]:
        _take(garde, avant, INS)
    if not _is_same(siens, avant, TRAITS):
        garde.traits_version = siens["traits_version"] + 1
    garde.ins_traits_version = garde.traits_version if garde.ins_empreinte else None


def _is_edited(siens: Colonnes, apres: Colonnes) -> bool:
    return not _is_same(siens, apres, TRAITS)


def _is_same(siens: Colonnes, autres: Colonnes, noms: tuple[str, ...]) -> bool:
    return all(siens[nom] == autres[nom] for nom in noms)


def _take(garde: Patient, avant: Colonnes, noms: tuple[str, ...]) -> None:
    for nom in noms:
        setattr(garde, nom, avant[nom])


def _restore_pieces(garde: Patient, absorbe: Patient, avant: Mapping[str, Any]) -> None:
    """Give each document back to its file, worth what it was; see « Theory of operation »."""
    version = {garde.pk: avant["garde"]["traits_version"], absorbe.pk: absorbe.traits_version}
    connues = {pk: (a_qui, active, lue) for pk, a_qui, active, lue in avant["pieces"]}
    ici = PieceControlee.objects.filter(officine_id=garde.officine_id)
    recente = ici.filter(patient=garde, active=True).exclude(pk__in=connues).exists()
    pieces = list(ici.filter(pk__in=connues))
    tolerances = tolerances_of(garde.officine_id)
    for piece in pieces:
        a_qui, active, lue = connues[piece.pk]
        comptait = active and lue == version[a_qui]
        if a_qui == absorbe.pk:
            piece.active, piece.traits_version = active, lue
            continue
        retiree = piece.pk == avant["tenue"] and not piece.active
        vaut = not (recente or retiree or garde.attr_douteux or garde.attr_fictif)
        piece.active = comptait and vaut and is_proved(_seen(piece), traits_of(garde), tolerances)
        piece.traits_version = garde.traits_version if piece.active else lue
    PieceControlee.objects.bulk_update(pieces, ["active", "traits_version"])


def _seen(piece: PieceControlee) -> TraitsStricts:
    return load_traits(bytes(piece.traits_vus))
