"""Reads of identity for the counter: last call, answer against file, documents, reminders."""

from dataclasses import dataclass, field
from operator import itemgetter

from django.db.models import Q, Value
from django.utils import timezone

from ins.codec import DemandeTraits, DemandeVitale, Individu, parse_reponse
from ins.models import (
    AppelInsi,
    EvenementIdentite,
    PieceControlee,
    RappelPiece,
)
from ins.reglages import RAPPELS
from ins.rules.acceptation import Verdict, judge
from ins.rules.dates import parse_birth
from ins.rules.traits import CaractereRefuse, TraitsStricts, default_first_name, normalise
from pharmacy import chiffre, parametres
from pharmacy.models import Patient, Vente
from teleservices.models import Envoi

RECUPERER_VITALE = "ins.recuperer_vitale"
RECUPERER_TRAITS = "ins.recuperer_traits"
EN_COURS = (Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL, Envoi.Etat.INCERTAIN)
SANS_PIECE, PIECE_REFUSEE, PIECE_DIFFERENTE = "PIEA", "PIER", "PIED"
_RAPPEL = "rappel"


@dataclass(frozen=True)
class Comparaison:
    """An answer of INSi beside the file, and what the rules say of it."""

    appel: AppelInsi
    local: TraitsStricts = field(repr=False)
    recu: TraitsStricts = field(repr=False)
    individu: Individu = field(repr=False)
    verdict: Verdict
    autre_dossier: int | None = None

    @property
    def acceptable(self) -> bool:
        """Whether a person may accept it: same matricule line, and nobody else's."""
        return self.verdict.suite != "alerter" and self.autre_dossier is None


def traits_of(patient: Patient) -> TraitsStricts:
    """Return the strict traits of a file; an undetermined sex counts as unknown (ins.md §1.3)."""
    return TraitsStricts(
        nom_naissance=patient.nom_naissance,
        prenoms_naissance=patient.prenoms_naissance,
        premier_prenom=patient.premier_prenom,
        date_naissance=patient.date_naissance,
        sexe="" if patient.sexe == Patient.Sexe.INDETERMINE else patient.sexe,
        cog_naissance=patient.cog_naissance,
    )


def traits_received(individu: Individu, premier_local: str) -> TraitsStricts:
    """Return the strict traits INSi gives; its date may be lunar and is completed by rule."""
    lue = parse_birth(individu.naissance)
    return TraitsStricts(
        nom_naissance=individu.nom_naissance,
        prenoms_naissance=individu.prenoms,
        premier_prenom=default_first_name(individu.prenoms, premier_local),
        date_naissance=lue.jour if lue else None,
        sexe=individu.sexe,
        cog_naissance=individu.lieu,
    )


def empreinte_of(matricule: str) -> str:
    """Return the keyed digest of a matricule; with its OID it finds a file without reading it."""
    return chiffre.empreinte("ins", matricule)


def appel_last(patient: Patient) -> AppelInsi | None:
    """Return the last call made for a file, with its row of the outbox."""
    return (
        AppelInsi.objects.filter(officine_id=patient.officine_id, patient=patient)
        .select_related("envoi")
        .order_by("-declenche_le", "-pk")
        .first()
    )


def compare(appel: AppelInsi, patient: Patient) -> Comparaison | None:
    """Return an answer beside the file as it is now; None when the answer holds nobody."""
    if appel.reponse is None:
        return None
    individu = parse_reponse(bytes(appel.reponse), appel.environnement).individu
    if individu is None:
        return None
    local, recu = traits_of(patient), traits_received(individu, patient.premier_prenom)
    actif = individu.actif
    anciens = tuple(a.matricule for a in individu.historique if a.matricule != actif.matricule)
    verdict = judge(local, recu, patient.ins_matricule, actif.matricule, anciens)
    autre = (
        Patient.objects.filter(
            officine_id=patient.officine_id,
            ins_oid=actif.oid,
            ins_empreinte=empreinte_of(actif.matricule),
            actif=True,
        )
        .exclude(pk=patient.pk)
        .values_list("pk", flat=True)
        .first()
    )
    return Comparaison(appel, local, recu, individu, verdict, autre)


def answer_compared(patient: Patient) -> Comparaison | None:
    """Return the last identity INSi gave beside the file; None when it gave none.

    What is asked for a document is the file: INSi's column shows where its traits come from.
    """
    appel = (
        AppelInsi.objects.filter(officine_id=patient.officine_id, patient=patient, code="00")
        .exclude(decision=AppelInsi.Decision.REFUSEE)
        .order_by("-declenche_le", "-pk")
        .first()
    )
    return compare(appel, patient) if appel is not None else None


def piece_active(patient: Patient) -> PieceControlee | None:
    """Return the high-confidence document that the identity rests on, if any."""
    return (
        PieceControlee.objects.filter(
            officine_id=patient.officine_id,
            patient=patient,
            active=True,
            coherente=True,
            niveau="fort",
        )
        .select_related("controlee_par")
        .order_by("-pk")
        .first()
    )


def is_reminder_due(patient: Patient) -> bool:
    """Tell whether the counter still asks for a document by itself.

    Only while the INS is there and no document was seen; never after a refusal, nor once it was
    asked for as often as the setting says. An identity that lost its qualification starts anew.
    Source: requirements INS-06, INS-16 and INS-17.
    """
    if patient.statut != Patient.Statut.RECUP:
        return False
    ici = {"officine_id": patient.officine_id, "patient": patient}
    rappels = RappelPiece.objects.filter(**ici, seul=True).values_list(
        Value(_RAPPEL), Value(""), "quand"
    )
    evenements = EvenementIdentite.objects.filter(
        Q(transition=PIECE_REFUSEE) | Q(statut_avant="QUAL") & ~Q(statut_apres="QUAL"), **ici
    ).values_list("transition", "statut_avant", "quand")
    montres, refusee = 0, False
    for genre, avant, _ in sorted(evenements.union(rappels, all=True), key=itemgetter(2)):
        refusee = genre == PIECE_REFUSEE or (refusee and genre == _RAPPEL)
        montres = 0 if avant == "QUAL" else montres + (genre == _RAPPEL)
    return not refusee and montres < parametres.entier(patient.officine_id, RAPPELS)


def rappel_rank(patient: Patient, vente: Vente) -> int:
    """Return the rank of the reminder of this sale, 0 when the dialog did not open by itself."""
    rappels = RappelPiece.objects.filter(
        officine_id=patient.officine_id, patient=patient, seul=True
    ).order_by("pk")
    ventes = list(rappels.values_list("vente_id", flat=True))
    return ventes.index(vente.pk) + 1 if vente.pk in ventes else 0


def demande_vitale(patient: Patient) -> DemandeVitale | None:
    """Return what the card said, as it said it; None without a card's number and date.

    The name goes only when the file has a birth name: never the usual one. Source: ins.md §5.1.
    """
    brut = patient.naissance_facturation
    if not (patient.nir_assure or patient.nir_certifie) or len(brut) != 8:
        return None
    return DemandeVitale(
        nir_assure=patient.nir_assure,
        nir_certifie=patient.nir_certifie,
        nom=patient.nom_naissance,
        naissance=f"{brut[:4]}-{brut[4:6]}-{brut[6:]}",
        rang=patient.rang_gemellaire,
    )


def demande_traits(patient: Patient) -> DemandeTraits | None:
    """Return what the file holds for a search by traits; None when INSi would refuse it.

    Birth name, one first name, sex M or F and birth date are what the service wants. Source:
    ins.md §3.4, §3.6 steps 1 and 2.
    """
    try:
        nom = normalise(patient.nom_naissance)
        prenoms = normalise(patient.prenoms_naissance or patient.premier_prenom).split(" ")
    except CaractereRefuse:
        return None
    if not (nom and prenoms[0] and patient.date_naissance and patient.sexe in {"M", "F"}):
        return None
    return DemandeTraits(
        nom, tuple(prenoms), patient.sexe, patient.date_naissance.isoformat(), patient.cog_naissance
    )


def is_blocked(patient: Patient) -> bool:
    """Tell whether no national call may be made for this identity (ins.md §2.2)."""
    return patient.attr_douteux or patient.attr_fictif


def age_s(appel: AppelInsi) -> float:
    """Return how long ago a call was asked for, in seconds."""
    return (timezone.now() - appel.declenche_le).total_seconds()
