"""Two files of one person made one: everything follows, and enough is kept to undo it.

Theory of operation. Both files are locked, lower id first. The absorbed one is set inactive and
otherwise left as it is: it is the proof of what it was. What pointed to it points to the kept one
(`deplacement`). The identity that stays is chosen by the rules, its status computed from evidence.
Source: ins.md §2.5 (T27), §2.9; requirement INS-28.
"""

import json
from dataclasses import dataclass, field

from django.db import transaction

from ins.models import Fusion, PieceControlee
from ins.reglages import tolerances_of
from ins.rules.fusion import REFUS, Cote, FusionRefusee, Plan, plan_merge
from ins.rules.statut import transition_number
from ins.selectors import piece_active, traits_of
from ins.services.commun import announce_patient, load_traits, note_event
from ins.services.deplacement import move_envois, move_rows, move_taches
from ins.services.doublons import close_pair, pair_locked
from ins.services.habilitations import check_identite
from ins.services.retrait import statut_of
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.models import CartePatient, Patient
from pharmacy.services.patient import compute_recherche
from pharmacy.services.vente import VenteRefusee

MOTIFS = {
    "piece": "Une pièce d'identité montre la même personne",
    "personne": "La personne confirme que c'est elle",
    "ins": "Même INS, ou même carte Vitale",
    "saisie": "Dossier créé en double par erreur",
}
CODES = {"ins_differentes": "INS-106", "douteux": "INS-107", "fictif": "INS-108"}
# Each column of a file: it goes with the identity, with the card, is chosen, or is carried over.
TRAITS = (
    "nom_naissance",
    "prenoms_naissance",
    "premier_prenom",
    "date_naissance",
    "sexe",
    "cog_naissance",
)
RECUEIL = (*TRAITS, "date_naissance_interpretee", "nom_a_confirmer", "methode")
INS = (
    "ins_matricule",
    "ins_empreinte",
    "ins_oid",
    "ins_obtenu_le",
    "ins_verifie_le",
    "ins_cle_calculee",
)
CARTE = (
    "nir_assure",
    "nir_certifie",
    "naissance_facturation",
    "rang_gemellaire",
    "carte_empreinte",
)
CHOISIES = ("nom_utilise", "prenom_utilise")
REPORTEES = ("vu_le", "decede_le", "motif_sans_ins", "attr_homonyme")
CALCULEES = ("traits_version", "ins_traits_version", "statut", "recherche")
GARDEES = ("id", "officine", "actif", "fusionne_dans", "cree_le", "cree_par")
REFUSEES = ("attr_douteux", "attr_fictif")
IDENTITE = (*RECUEIL, *INS)
SUIVIES = (*IDENTITE, *CARTE, *CHOISIES, *REPORTEES, *CALCULEES)


@dataclass(frozen=True)
class Choix:
    """What a person chose: whose names and card (ids of files), why, and what was looked at."""

    motif: str
    vues: str
    nom_utilise: int = field(default=0, repr=False)
    prenom_utilise: int = 0
    carte: int = 0


def merge(acteur: Acteur, garde_id: int, absorbe_id: int, choix: Choix) -> Fusion:
    """Make two files one; return what keeps the means to undo it.

    VenteRefusee when a file is gone or changed since it was looked at, when they are two people
    (different INS), marked, or when something is left to choose. PermissionError without the right.
    Source: ins.md §2.5, T27; INS-28; §6, cases 51 and 52.
    """
    check_identite(acteur, "ins.fusionner")
    if choix.motif not in MOTIFS:
        raise VenteRefusee("Dites pourquoi ces dossiers sont ceux d'une personne.", "INS-109")
    with transaction.atomic():
        garde, absorbe = pair_locked(acteur, garde_id, absorbe_id)
        if choix.vues != mark_of(garde, absorbe):
            raise VenteRefusee("Un des dossiers a changé depuis : relisez-les.", "INS-110")
        plan = _plan(garde, absorbe)
        _check_choices(garde, absorbe, choix)
        fusion = _merge(acteur, garde, absorbe, plan, choix)
        _tell(acteur, fusion, choix)
    return fusion


def mark_of(un: Patient, autre: Patient) -> str:
    """Return what tells two files as they are, whatever their order."""
    return " ".join(
        f"{p.pk}.{p.traits_version}.{p.statut}" for p in sorted((un, autre), key=lambda p: p.pk)
    )


def cote_of(patient: Patient) -> Cote:
    """Return a file as the rules of a merge see it."""
    piece = piece_active(patient)
    compte = piece is not None and piece.traits_version == patient.traits_version
    return Cote(
        traits=traits_of(patient),
        ins=f"{patient.ins_oid}:{patient.ins_empreinte}" if patient.ins_empreinte else "",
        piece=load_traits(bytes(piece.traits_vus)) if piece is not None and compte else None,
        douteux=patient.attr_douteux,
        fictif=patient.attr_fictif,
        anonyme=patient.motif_sans_ins == Patient.MotifSansIns.ANONYMAT,
    )


def conflict_list(un: Patient, autre: Patient) -> list[str]:
    """Return what a person must choose: used names and card, where both files hold another."""
    duels = [*CHOISIES, "carte_empreinte"]
    return [
        "carte" if nom == "carte_empreinte" else nom
        for nom in duels
        if getattr(un, nom) and getattr(autre, nom) and getattr(un, nom) != getattr(autre, nom)
    ]


def _plan(garde: Patient, absorbe: Patient) -> Plan:
    try:
        return plan_merge(cote_of(garde), cote_of(absorbe), tolerances_of(garde.officine_id))
    except FusionRefusee as exc:
        raise VenteRefusee(REFUS[str(exc)], CODES[str(exc)]) from exc


def _check_choices(garde: Patient, absorbe: Patient, choix: Choix) -> None:
    for nom in conflict_list(garde, absorbe):
        if getattr(choix, nom) not in {garde.pk, absorbe.pk}:
            quoi = {"nom_utilise": "le nom utilisé", "prenom_utilise": "le prénom utilisé"}
            raise VenteRefusee(f"Choisissez {quoi.get(nom, 'la carte')} à garder.", "INS-111")


def _merge(acteur: Acteur, garde: Patient, absorbe: Patient, plan: Plan, choix: Choix) -> Fusion:
    avant: dict[str, object] = {"garde": dump_columns(garde), "pieces": _pieces(garde, absorbe)}
    statut, traits = garde.statut, traits_of(garde)
    tenue = {"garde": piece_active(garde), "absorbe": piece_active(absorbe)}.get(plan.piece)
    avant["tenue"] = tenue and tenue.pk
    close_pair(acteur, (garde, absorbe), "Dossiers fusionnés")
    _remember_cards(garde, absorbe, choix)
    avant["taches"] = move_taches(absorbe, garde)
    avant["lignes"] = move_rows(absorbe, garde)
    avant["envois"] = move_envois(absorbe, garde)
    # The absorbed file first: what is unique among active files is free before it is taken.
    absorbe.actif, absorbe.fusionne_dans = False, garde
    absorbe.save(update_fields=["actif", "fusionne_dans"])
    _write(garde, absorbe, plan, choix)
    _keep_piece(garde, tenue)
    garde.statut = statut_of(garde)
    garde.save(update_fields=list(SUIVIES))
    avant["apres"] = dump_columns(garde)
    motif, numero = MOTIFS[choix.motif], transition_number("fusion", statut)
    note_event(garde, acteur.operateur_id, numero, (statut, traits), motif)
    note_event(absorbe, acteur.operateur_id, numero, (absorbe.statut, traits_of(absorbe)), motif)
    return Fusion.objects.create(
        officine_id=garde.officine_id,
        garde=garde,
        absorbe=absorbe,
        avant=json.dumps(avant, default=str).encode(),
        faite_par_id=acteur.operateur_id,
    )


def _tell(acteur: Acteur, fusion: Fusion, choix: Choix) -> None:
    for patient in (fusion.garde, fusion.absorbe):
        audit.note(acteur, "ins.fusionner", f"fusion:{fusion.pk}", patient, precision=choix.motif)
    announce_patient(fusion.garde)
    flux.announce_entete(fusion.officine_id)


def dump_columns(patient: Patient) -> dict[str, object]:
    """Return the columns that a merge may change."""
    return {nom: getattr(patient, nom) for nom in SUIVIES}


def _pieces(garde: Patient, absorbe: Patient) -> list[tuple[int, int, bool, int]]:
    """Return (id, file, active, version) of the documents of both files."""
    return list(
        PieceControlee.objects.filter(
            officine_id=garde.officine_id, patient__in=[garde, absorbe]
        ).values_list("pk", "patient_id", "active", "traits_version")
    )


def _remember_cards(garde: Patient, absorbe: Patient, choix: Choix) -> None:
    """Write among the other cards what will not be the card of the file: it still finds it.

    The absorbed file's is written for it, so that it moves, and goes back, with the rest.
    """
    if not absorbe.carte_empreinte:
        return
    for patient in (absorbe, garde) if choix.carte == absorbe.pk else (absorbe,):
        CartePatient.objects.get_or_create(
            officine_id=patient.officine_id,
            empreinte=patient.carte_empreinte,
            defaults={"patient": patient},
        )


def _write(garde: Patient, absorbe: Patient, plan: Plan, choix: Choix) -> None:
    """Give the kept file the identity, the names and the card that stay."""
    version = garde.traits_version
    if plan.source == "absorbe":
        for nom in IDENTITE:
            setattr(garde, nom, getattr(absorbe, nom))
        garde.traits_version = max(version, absorbe.traits_version) + 1
    elif plan.traits != traits_of(garde):
        _fill(garde, absorbe)
        garde.traits_version = version + 1
    garde.ins_traits_version = garde.traits_version if garde.ins_empreinte else None
    _carry(garde, absorbe, choix)
    garde.recherche = compute_recherche(garde)


def _fill(garde: Patient, absorbe: Patient) -> None:
    if not garde.date_naissance:
        garde.date_naissance_interpretee = absorbe.date_naissance_interpretee
    if not garde.nom_naissance:
        garde.nom_a_confirmer = absorbe.nom_a_confirmer
    for nom in TRAITS:
        setattr(garde, nom, getattr(garde, nom) or getattr(absorbe, nom))


def _carry(garde: Patient, absorbe: Patient, choix: Choix) -> None:
    """Bring what the file kept has not, and what was chosen."""
    for nom in CHOISIES:
        choisi = absorbe if getattr(choix, nom) == absorbe.pk else garde
        autre = garde if choisi is absorbe else absorbe
        setattr(garde, nom, getattr(choisi, nom) or getattr(autre, nom))
    if absorbe.carte_empreinte and (not garde.carte_empreinte or choix.carte == absorbe.pk):
        for nom in CARTE:
            setattr(garde, nom, getattr(absorbe, nom))
    garde.vu_le = max(filter(None, (garde.vu_le, absorbe.vu_le)), default=None)
    garde.decede_le = garde.decede_le or absorbe.decede_le
    garde.motif_sans_ins = garde.motif_sans_ins or absorbe.motif_sans_ins
    garde.attr_homonyme = garde.attr_homonyme or absorbe.attr_homonyme


def _keep_piece(garde: Patient, tenue: PieceControlee | None) -> None:
    """Leave active the one document that counts, on the traits as they are now."""
    siennes = PieceControlee.objects.filter(officine_id=garde.officine_id, patient=garde)
    siennes.filter(active=True).update(active=False)
    if tenue is not None:
        siennes.filter(pk=tenue.pk).update(active=True, traits_version=garde.traits_version)
