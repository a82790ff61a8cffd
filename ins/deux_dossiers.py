"""Two files side by side, and the merges of an officine: what their screens show."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from ins.candidats import fiche_map
from ins.models import Fusion, PieceControlee
from ins.reglages import tolerances_of
from ins.rules.doublons import PHRASES, compare_fiches
from ins.rules.fusion import REFUS, FusionRefusee, plan_merge
from ins.rules.pieces import piece_get
from ins.rules.traits import comparison_key
from ins.selectors import piece_active
from ins.services.fusion import CODES, conflict_list, cote_of, mark_of
from ins.services.separation import last_day, reason_kept
from pharmacy.acteurs import Acteur
from pharmacy.http import read_id
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee
from pharmacy.templatetags.comptoir import masque

_TRAITS = (
    ("nom_naissance", "Nom de naissance"),
    ("prenoms_naissance", "Prénoms de naissance"),
    ("premier_prenom", "Premier prénom"),
    ("date_naissance", "Date de naissance"),
    ("sexe", "Sexe"),
    ("cog_naissance", "Lieu de naissance (code)"),
    ("nom_utilise", "Nom utilisé"),
    ("prenom_utilise", "Prénom utilisé"),
)
_STATUTS = dict(Patient.Statut.choices)
VERDICTS: Mapping[str, tuple[str, str]] = {
    "certain": ("Une même INS parle des deux dossiers.", "alerte"),
    "jumeaux": (
        "Jumeaux peut-être : comparez le rang gémellaire et le matricule. Rien n'est relié.",
        "alerte",
    ),
    "homonyme": (
        "Homonymes peut-être : deux personnes du même nom, nées le même jour.",
        "attention",
    ),
    "probable": ("Doublon probable.", "attention"),
    "possible": ("Doublon possible.", "attention"),
    "": ("Peu de traits communs.", "info"),
}
CONFLITS = {
    "nom_utilise": "Quel nom utilisé gardez-vous ?",
    "prenom_utilise": "Quel prénom utilisé gardez-vous ?",
    "carte": "Quelle carte Vitale sert à la facturation ?",
}


@dataclass(frozen=True)
class Ligne:
    """One row of the table: what each file says, and in words how they stand to each other."""

    libelle: str
    gauche: date | str | None = field(repr=False)
    droite: date | str | None = field(repr=False)
    signe: str = ""
    ecart: bool = False


@dataclass(frozen=True)
class Garder:
    """One of the two ways to merge, and what the file kept will be."""

    patient: Patient = field(repr=False)
    effet: str


@dataclass(frozen=True)
class Conflit:
    """What both files say otherwise: the field, the question, each file with its value."""

    champ: str
    question: str
    valeurs: list[tuple[int, str]] = field(repr=False)
    choisi: int = 0


@dataclass(frozen=True)
class Face:
    """The two files face to face, as the screen shows them. `refus`: why they cannot be merged."""

    gauche: Patient
    droite: Patient
    lignes: list[Ligne]
    indices: str
    verdict: str
    ton: str
    refus: str
    code: str
    garder: list[Garder]
    conflits: list[Conflit]
    vues: str


def pair_get(acteur: Acteur, un_id: int, autre_id: int) -> tuple[Patient, Patient]:
    """Return two active files of the officine. VenteRefusee (404) otherwise."""
    trouves = Patient.objects.filter(officine_id=acteur.officine_id, actif=True).in_bulk(
        [un_id, autre_id]
    )
    if un_id == autre_id or len(trouves) != 2:
        raise VenteRefusee(
            "Un de ces dossiers n'existe pas dans votre officine, ou est déjà fusionné.", "PAT-404"
        )
    return trouves[un_id], trouves[autre_id]


def face_of(gauche: Patient, droite: Patient, choisis: Mapping[str, str]) -> Face:
    """Return everything a person needs to answer: one and the same, or two? Ten queries at most.

    `choisis` is what was already answered, shown again after a refusal.
    """
    fiches = fiche_map(gauche.officine_id, {p.pk: p for p in (gauche, droite)})
    lu = compare_fiches(fiches[gauche.pk], fiches[droite.pk])
    verdict, ton = VERDICTS[lu.verdict]
    code, garder = _ways(gauche, droite)
    return Face(
        gauche=gauche,
        droite=droite,
        lignes=_rows(gauche, droite),
        indices=", ".join(PHRASES[indice] for indice in lu.indices),
        verdict=verdict,
        ton=ton,
        refus=REFUS.get(code, ""),
        code=CODES.get(code, ""),
        garder=garder,
        conflits=_choices(gauche, droite, choisis),
        vues=mark_of(gauche, droite),
    )


def _ways(gauche: Patient, droite: Patient) -> tuple[str, list[Garder]]:
    """Return why no merge is possible, or what each of the two gives."""
    cotes = cote_of(gauche), cote_of(droite)
    tolerances = tolerances_of(gauche.officine_id)
    garder = []
    for patient, deux in ((gauche, cotes), (droite, cotes[::-1])):
        try:
            plan = plan_merge(*deux, tolerances)
        except FusionRefusee as exc:
            return str(exc), []
        dont = "ses" if plan.source == "garde" else "les"
        suite = "" if plan.source == "garde" else " de l'autre dossier"
        statut = _STATUTS[plan.statut].lower()
        garder.append(Garder(patient, f"Il garde {dont} traits{suite} : {statut}."))
    return "", garder


def _choices(gauche: Patient, droite: Patient, choisis: Mapping[str, str]) -> list[Conflit]:
    return [
        Conflit(
            nom,
            CONFLITS[nom],
            [(p.pk, _value(p, nom)) for p in (gauche, droite)],
            read_id(choisis.get(nom)),
        )
        for nom in conflict_list(gauche, droite)
    ]


def _value(patient: Patient, nom: str) -> str:
    if nom != "carte":
        return str(getattr(patient, nom))
    return f"Celle du dossier n° {patient.pk}, rang {patient.rang_gemellaire}"


def _rows(gauche: Patient, droite: Patient) -> list[Ligne]:
    deux = (gauche, droite)
    ventes = dict(
        Vente.objects.filter(officine_id=gauche.officine_id, patient__in=deux)
        .values_list("patient")
        .annotate(nombre=Count("pk"))
    )
    lignes = [
        _compared(libelle, getattr(gauche, nom), getattr(droite, nom)) for nom, libelle in _TRAITS
    ]
    faits = (
        ("Rang gémellaire (carte Vitale)", [_rank(p) for p in deux]),
        ("Matricule INS", [p.ins_matricule and masque(p.ins_matricule) for p in deux]),
    )
    lignes += [_compared(libelle, *valeurs) for libelle, valeurs in faits]
    autres = (
        ("Pièce contrôlée", [_piece(piece_active(p)) for p in deux]),
        ("Carte Vitale", ["lue" if p.carte_empreinte else "" for p in deux]),
        ("Dernière visite", [p.vu_le for p in deux]),
        ("Ventes", [str(ventes.get(p.pk, 0)) for p in deux]),
        ("Dossier créé le", [timezone.localdate(p.cree_le) for p in deux]),
    )
    return lignes + [Ligne(libelle, *valeurs) for libelle, valeurs in autres]


def _compared(libelle: str, gauche: date | str | None, droite: date | str | None) -> Ligne:
    if not (gauche and droite):
        return Ligne(libelle, gauche, droite)
    if gauche == droite:
        return Ligne(libelle, gauche, droite, "= identique")
    if comparison_key(str(gauche)) == comparison_key(str(droite)):
        return Ligne(libelle, gauche, droite, "≈ proche")
    return Ligne(libelle, gauche, droite, "≠ différent", ecart=True)


def _rank(patient: Patient) -> str:
    return str(patient.rang_gemellaire) if patient.carte_empreinte else ""


def _piece(piece: PieceControlee | None) -> str:
    if piece is None:
        return ""
    jour = timezone.localtime(piece.controlee_le)
    return f"{piece_get(piece.type_piece).libelle}, vue le {jour:%d/%m/%Y}"


# The merges of the officine


@dataclass(frozen=True)
class FusionAffichee:
    """A merge in a list: until when it may be undone, or why not."""

    fusion: Fusion
    jusqu_au: date
    raison: str


def fusion_list(acteur: Acteur, patient: Patient | None = None) -> list[FusionAffichee]:
    """Return the last hundred merges, of the officine or of one file, newest first."""
    fusions: QuerySet[Fusion] = Fusion.objects.filter(officine_id=acteur.officine_id)
    if patient is not None:
        fusions = fusions.filter(Q(garde=patient) | Q(absorbe=patient))
    lues = list(
        fusions.select_related("garde", "absorbe", "faite_par", "annulee_par").order_by("-pk")[:100]
    )
    # Only the last merge of a file is undone: those above tell, no query for each.
    reprises: set[int] = set()
    affichees = []
    for fusion in lues:
        affichees.append(_shown(fusion, reprises))
        if fusion.annulee_le is None:
            reprises |= {fusion.garde_id, fusion.absorbe_id}
    return affichees


def _shown(fusion: Fusion, reprises: set[int]) -> FusionAffichee:
    jusqu_au = timezone.localdate(last_day(fusion))
    raison = ""
    if fusion.annulee_le is not None:
        raison = "Annulée"
    elif timezone.now() > last_day(fusion):
        raison = "Plus de 30 jours"
    elif fusion.garde_id in reprises:
        raison = "Annulez d'abord la plus récente"
    return FusionAffichee(fusion, jusqu_au, raison)


_MOTS = {
    "pharmacy.Vente.patient": ("vente", "ventes"),
    "pharmacy.Ordonnance.patient": ("ordonnance", "ordonnances"),
    "ins.PieceControlee.patient": ("pièce contrôlée", "pièces contrôlées"),
    "ins.AppelInsi.patient": ("appel à INSi", "appels à INSi"),
    "ins.IdentiteRecue.patient": ("identité reçue", "identités reçues"),
    "ins.HistoriqueIns.patient": ("ancien matricule", "anciens matricules"),
    "pharmacy.CartePatient.patient": ("carte", "cartes"),
}


@dataclass(frozen=True)
class Retour:
    """What undoing a merge will do: what goes back, what stays, or why it may not be."""

    fusion: Fusion
    reviennent: list[str]
    restent: int
    jusqu_au: date
    raison: str
    code: str


def return_of(fusion: Fusion) -> Retour:
    """Return what undoing this merge will do, before it is done. Source: INS-28."""
    lignes = json.loads(bytes(fusion.avant))["lignes"]
    reviennent = [
        f"{len(ids)} {_MOTS[label][len(ids) > 1]}"
        for label, ids in lignes.items()
        if label in _MOTS
    ]
    depuis = Vente.objects.filter(
        officine_id=fusion.officine_id, patient=fusion.garde, ouverte_le__gte=fusion.faite_le
    )
    raison, code = reason_kept(fusion) or ("", "")
    return Retour(
        fusion, reviennent, depuis.count(), timezone.localdate(last_day(fusion)), raison, code
    )
