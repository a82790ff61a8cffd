"""Reads of identity for the counter: last call, answer against file, documents, reminders."""

import json
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.utils import timezone

from ins.codec import DemandeVitale, Individu, InsLu, parse_reponse
from ins.models import (
    AppelInsi,
    EvenementIdentite,
    IdentiteRecue,
    PieceControlee,
    RappelPiece,
    TacheIdentite,
)
from ins.reglages import RAPPELS
from ins.rules.acceptation import Verdict, judge
from ins.rules.dates import parse_birth
from ins.rules.question import Question, dump_question, load_question
from ins.rules.traits import (
    CaractereRefuse,
    TraitsStricts,
    default_first_name,
    diff,
    normalise,
)
from ins.rules.variantes import Contexte, Variante, propose_variants
from pharmacy import chiffre, parametres
from pharmacy.acteurs import Acteur
from pharmacy.figee import Figee
from pharmacy.models import Patient, Vente
from pharmacy.services.patient import Traits, patient_same
from teleservices.disjoncteur import is_to_be_set
from teleservices.models import Envoi, Trace
from teleservices.outbox import first_free, keys_of

RECUPERER_VITALE = "ins.recuperer_vitale"
RECUPERER_TRAITS = "ins.recuperer_traits"
VERIFIER = "ins.verifier"
EN_COURS = (Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL, Envoi.Etat.INCERTAIN)
DERNIER_APPEL, DATE_LUNAIRE = "ins.dernier_appel_liste", "ins.variante_date_lunaire"
APPELS_PAR_VISITE = 10
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
    def ecarts_traits(self) -> tuple[str, ...]:
        """The strict traits that a person must answer for, one by one."""
        return diff(self.local, self.recu)

    @property
    def ancien_matricule(self) -> bool:
        """Whether INSi replaces the matricule of the file by another it knows for the same one."""
        return "matricule" in self.verdict.ecarts

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
        date_interpretee=patient.date_naissance_interpretee,
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


def empreintes_of(matricule: str) -> tuple[str, ...]:
    """Return the digests to look for: former keys too, while they are computed again."""
    return chiffre.empreintes("ins", matricule)


def appel_last(patient: Patient) -> AppelInsi | None:
    """Return the last call made for a file, with its row of the outbox."""
    return (
        AppelInsi.objects.filter(officine_id=patient.officine_id, patient=patient)
        .select_related("envoi")
        .order_by("-declenche_le", "-pk")
        .first()
    )


@dataclass(frozen=True)
class Montre:
    """The last call as the panel shows it, and what tells whether a document is asked for.

    `admis`: the reminders the setting admits; `sollicite`: one was made, or a document refused.
    """

    appel: AppelInsi
    admis: int
    sollicite: bool


def appel_shown(patient: Patient) -> Montre | None:
    """Return what the panel shows of the last call, in one statement; None without a call.

    Neither the answer nor the question is read.
    """
    appel = _MONTRE.first(
        AppelInsi, officine_id=patient.officine_id, patient=patient.pk, quand=timezone.now()
    )
    if appel is None:
        return None
    noms = ["id", *_ENVOI_MONTRE]
    valeurs = [getattr(appel, f"envoi_{nom}") for nom in noms]
    appel.envoi = Envoi.from_db(DEFAULT_DB_ALIAS, noms, valeurs)
    brut = appel.rappels  # type: ignore[attr-defined]  # annotated
    admis = int(parametres.lue(RAPPELS, None if brut is None else json.loads(brut)))
    return Montre(appel, admis, appel.sollicite)  # type: ignore[attr-defined]  # annotated


# What the panel shows of the row of the outbox; the rest is read if someone asks.
_ENVOI_MONTRE = (
    "officine_id",
    "operation",
    "etat",
    "cree_le",
    "dernier_code",
    "dernier_message",
    "attend_service",
)


def _montre(officine_id: int, patient: int, quand: datetime) -> QuerySet[AppelInsi]:
    return (
        AppelInsi.objects.filter(officine_id=officine_id, patient_id=patient)
        .defer("reponse")
        .annotate(
            rappels=parametres.subquery(RAPPELS, officine_id, quand),
            sollicite=Exists(_reminders(officine_id, patient))
            | Exists(_refusals(officine_id, patient)),
            **{f"envoi_{nom}": F(f"envoi__{nom}") for nom in _ENVOI_MONTRE},
        )
        .order_by("-declenche_le", "-pk")[:1]
    )


_MONTRE = Figee(_montre, officine_id=2**50, patient=2**51, quand=datetime(1900, 1, 3, tzinfo=UTC))


def _reminders(officine_id: int, patient: int) -> QuerySet[RappelPiece]:
    """Return the times a document was asked for by itself."""
    return RappelPiece.objects.filter(officine_id=officine_id, patient_id=patient, seul=True)


def _refusals(officine_id: int, patient: int) -> QuerySet[EvenementIdentite]:
    """Return the times a document was refused, or a qualification lost."""
    return EvenementIdentite.objects.filter(
        Q(transition=PIECE_REFUSEE) | Q(statut_avant="QUAL") & ~Q(statut_apres="QUAL"),
        officine_id=officine_id,
        patient_id=patient,
    )


def appel_of_vente(officine_id: int, vente_id: int) -> AppelInsi | None:
    """Return the last call asked in a sale about nobody's file yet."""
    return (
        AppelInsi.objects.filter(
            officine_id=officine_id, patient__isnull=True, envoi__vente_id=vente_id
        )
        .select_related("envoi")
        .order_by("-pk")
        .first()
    )


def appel_list(patient: Patient) -> QuerySet[AppelInsi]:
    """Return the calls made for a file, newest first: who, where, how, answer (INS-35)."""
    return (
        AppelInsi.objects.filter(officine_id=patient.officine_id, patient=patient)
        .select_related("declenche_par", "decide_par", "poste", "envoi")
        .order_by("-declenche_le", "-pk")[:50]
    )


def calls_left(officine_id: int, sujet: str, vente_id: int | None) -> int:
    """Return how many calls this visit still allows about one person; a day is a visit.

    Source: ins.md §3.6, step 7.
    """
    faits = Trace.objects.filter(
        officine_id=officine_id,
        envoi__officine_id=officine_id,
        envoi__sujet=sujet,
        envoi__operation__in=[RECUPERER_VITALE, RECUPERER_TRAITS],
    )
    if vente_id is not None:
        faits = faits.filter(envoi__vente_id=vente_id)
    else:
        faits = faits.filter(envoi__vente_id=None, envoi__cree_le__date=timezone.localdate())
    return max(0, APPELS_PAR_VISITE - faits.count())


def individu_of(appel: AppelInsi) -> Individu | None:
    """Return the person of an answer; None when it holds nobody.

    A verification gives no trait back: « conforme », the person is the one that was read.
    """
    if appel.reponse is None:
        return None
    if appel.operation == VERIFIER:
        return _person_read(appel) if appel.code == "00" else None
    return parse_reponse(bytes(appel.reponse), appel.environnement).individu


def _person_read(appel: AppelInsi) -> Individu | None:
    """Return the person of the INS that a call verified; None when it was the file's own."""
    recue = IdentiteRecue.objects.filter(officine_id=appel.officine_id, appel=appel).first()
    if recue is None or recue.traits is None:
        return None
    traits = json.loads(bytes(recue.traits))
    return Individu(
        actif=InsLu(str(recue.matricule), recue.oid),
        historique=(),
        nom_naissance=traits["nom_naissance"],
        prenom="",
        prenoms=traits["prenoms_naissance"],
        sexe=traits["sexe"],
        naissance=traits["date_naissance"] or "",
        lieu=traits["cog_naissance"],
    )


def recue_pending(patient: Patient) -> IdentiteRecue | None:
    """Return the INS read from outside that waits to be verified for a file (ins.md §2.8)."""
    return (
        IdentiteRecue.objects.filter(
            officine_id=patient.officine_id,
            patient=patient,
            etat=IdentiteRecue.Etat.A_VERIFIER,
            traits__isnull=False,
        )
        .select_related("appel__envoi")
        .order_by("-pk")
        .first()
    )


def dossier_of_ins(officine_id: int, individu: Individu) -> Patient | None:
    """Return the active file that holds this INS, if any (INS-27)."""
    return Patient.objects.filter(
        officine_id=officine_id,
        ins_oid=individu.actif.oid,
        ins_empreinte__in=empreintes_of(individu.actif.matricule),
        actif=True,
    ).first()


def dossier_alike(officine_id: int, individu: Individu) -> Patient | None:
    """Return the one file without INS whose traits are this person's; a twin's may look so.

    Source: ins.md §2.9 (« Search before every creation »).
    """
    recu = traits_received(individu, "")
    meme = patient_same(
        officine_id, Traits(recu.nom_naissance, "", recu.premier_prenom, recu.date_naissance)
    )
    return None if meme is None or meme.ins_empreinte else meme


def compare(appel: AppelInsi, patient: Patient) -> Comparaison | None:
    """Return an answer beside the file as it is now; None when the answer holds nobody."""
    individu = individu_of(appel)
    if individu is None:
        return None
    local, recu = traits_of(patient), traits_received(individu, patient.premier_prenom)
    actif = individu.actif
    anciens = tuple(a.matricule for a in individu.historique if a.matricule != actif.matricule)
    verdict = judge(local, recu, patient.ins_matricule, actif.matricule, anciens)
    porteur = dossier_of_ins(patient.officine_id, individu)
    autre = porteur.pk if porteur is not None and porteur.pk != patient.pk else None
    return Comparaison(appel, local, recu, individu, verdict, autre)


def envois_transmis(patient: Patient) -> QuerySet[Envoi]:
    """Return what left for this person since the INS of the file was taken, newest first.

    Source: ins.md §2.5, T24 and T26 (« list documents already sent under the old INS »).
    """
    ventes = patient.vente_set.values("pk")
    return (
        Envoi.objects.filter(
            Q(vente_id__in=ventes) | Q(sujet=f"patient:{patient.pk}"),
            officine_id=patient.officine_id,
            lecture=False,
            etat=Envoi.Etat.ENVOYE,
            regle_le__gte=patient.ins_obtenu_le or timezone.now(),
        )
        .select_related("operateur")
        .order_by("-regle_le", "-pk")[:50]
    )


def answer_compared(patient: Patient) -> Comparaison | None:
    """Return the last identity INSi gave beside the file; None when it gave none.

    What is asked for a document is the file: INSi's column shows where its traits come from. A
    verification of the file gives no trait.
    """
    donne = ~Q(operation=VERIFIER) | Q(identite_recue__isnull=False)
    appel = (
        AppelInsi.objects.filter(donne, officine_id=patient.officine_id, patient=patient, code="00")
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


def is_reminder_due(patient: Patient, montre: Montre | None = None) -> bool:
    """Tell whether the counter still asks for a document by itself.

    Only while the INS is there and no document was seen; never after a refusal, nor once it was
    asked for as often as the setting says. An identity that lost its qualification starts anew.
    `montre`: what the panel read already.
    Source: requirements INS-06, INS-16 and INS-17.
    """
    if patient.statut != Patient.Statut.RECUP:
        return False
    admis = montre.admis if montre else parametres.entier(patient.officine_id, RAPPELS)
    if montre is not None and not montre.sollicite:
        return admis > 0
    rappels = _reminders(patient.officine_id, patient.pk).values_list(
        Value(_RAPPEL), Value(""), "quand"
    )
    evenements = _refusals(patient.officine_id, patient.pk).values_list(
        "transition", "statut_avant", "quand"
    )
    montres, refusee = 0, False
    for genre, avant, _ in sorted(evenements.union(rappels, all=True), key=itemgetter(2)):
        refusee = genre == PIECE_REFUSEE or (refusee and genre == _RAPPEL)
        montres = 0 if avant == "QUAL" else montres + (genre == _RAPPEL)
    return not refusee and montres < admis


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


def question_file(patient: Patient) -> Question | None:
    """Return the question by the traits of a file; None when INSi would refuse it.

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
    jour = patient.date_naissance.isoformat()
    return Question(nom, tuple(prenoms), patient.sexe, jour, patient.cog_naissance)


def question_of(appel: AppelInsi) -> Question | None:
    """Return the question that a call by traits asked; None for a card."""
    corps = appel.envoi.corps
    return None if corps is None else load_question(bytes(corps))


def empreinte_question(question: Question | DemandeVitale) -> str:
    """Return the keyed digest of a question: the same one is the same call (ins.md §3.5)."""
    if isinstance(question, Question):
        return chiffre.empreinte("insi-question", dump_question(question).decode())
    return chiffre.empreinte("insi-question", *(str(champ) for champ in astuple(question)))


def propositions(appel: AppelInsi, patient: Patient | None) -> list[tuple[str, Variante]]:
    """Return what may be tried after « 01 », each with the digest that names it on the screen.

    What this visit already asked is left out. Source: ins.md §3.6 step 6; INS-23.
    """
    question = question_of(appel) or (question_file(patient) if patient else None)
    if question is None:
        return []
    variantes = list(propose_variants(question, _context(appel, question, patient)))
    if question_of(appel) is None:
        variantes.insert(0, Variante("traits", "Par les traits du dossier", question))
    dejas = set(
        AppelInsi.objects.filter(
            officine_id=appel.officine_id,
            patient=patient,
            envoi__vente_id=appel.envoi.vente_id,
            declenche_le__date=timezone.localdate(),
        ).values_list("empreinte", flat=True)
    )
    nommees = [(empreinte_question(v.question) if v.question else "", v) for v in variantes]
    return [(nom, variante) for nom, variante in nommees if not nom or nom not in dejas]


def _context(appel: AppelInsi, question: Question, patient: Patient | None) -> Contexte:
    if patient is None:
        return Contexte()
    brut = patient.naissance_facturation
    lue = parse_birth(brut)
    lunaire = f"{brut[:4]}-{brut[4:6]}-{brut[6:]}" if lue is not None and lue.interpretee else ""
    if lunaire and parametres.valeur(appel.officine_id, DATE_LUNAIRE) != "oui":
        lunaire = ""
    return Contexte(
        noms_connus=(sendable(patient.nom_naissance), sendable(patient.nom_utilise)),
        nom_incertain=patient.nom_a_confirmer or question.nom == patient.nom_utilise,
        carte=demande_vitale(patient) is not None,
        lunaire=lunaire,
    )


def sendable(nom: str) -> str:
    """Return a name as it may be sent; nothing when it holds what INSi refuses."""
    try:
        return normalise(nom)
    except CaractereRefuse:
        return ""


def relance_since(patient: Patient) -> TacheIdentite | None:
    """Return the open work item « INS à relancer » of a file (INS-32)."""
    return TacheIdentite.objects.filter(
        officine_id=patient.officine_id,
        patient=patient,
        nature=TacheIdentite.Nature.RELANCE,
        close_le__isnull=True,
    ).first()


@dataclass(frozen=True)
class Suivi:
    """A file and where its calls stand, read in one statement."""

    patient: Patient = field(repr=False)
    cle: str
    repondu: bool
    en_cours: bool


def read_suivi(officine_id: int, patient_id: int, debut: str, jours: int) -> Suivi:
    """Return a file, the next key that begins so, and what its calls came to.

    `repondu`: INSi answered on these same traits within `jours` (ins.md §2.7). `en_cours`: some
    call of the file is not settled. Raises Patient.DoesNotExist for another officine's file.
    """
    cles = keys_of(debut)
    patient = _SUIVI.first(
        Patient,
        officine_id=officine_id,
        patient=patient_id,
        cles=cles,
        depuis=timezone.now() - timedelta(days=jours),
    )
    if patient is None:
        raise Patient.DoesNotExist
    lu: Any = patient
    return Suivi(patient, first_free(cles, lu.prises), lu.repondu, lu.en_cours)


def _suivi(officine_id: int, patient: int, cles: list[str], depuis: datetime) -> QuerySet[Patient]:
    prises = Envoi.objects.filter(officine_id=officine_id, cle__in=cles)
    appels = AppelInsi.objects.filter(officine_id=officine_id, patient=OuterRef("pk"))
    repondus = appels.filter(
        operation__in=[RECUPERER_VITALE, RECUPERER_TRAITS],
        code__in=["00", "01", "02"],
        traits_version=OuterRef("traits_version"),
        declenche_le__gte=depuis,
    )
    return Patient.objects.annotate(
        prises=ArraySubquery(prises.values("cle")),
        repondu=Exists(repondus),
        en_cours=Exists(appels.filter(envoi__etat__in=EN_COURS)),
    ).filter(pk=patient, officine_id=officine_id)


_SUIVI = Figee(
    _suivi,
    officine_id=2**50,
    patient=2**51,
    cles=[f"<{cle}>" for cle in keys_of("cle")],
    depuis=datetime(1900, 1, 3, tzinfo=UTC),
)


def count_setting(acteur: Acteur) -> int:
    """Return 1 for the titulaire when INSi refuses this installation's setting (header)."""
    return int(acteur.role == "titulaire" and is_to_be_set("insi"))


def tache_list(patient: Patient) -> QuerySet[TacheIdentite]:
    """Return the open work items about a file, whichever of two files they name first (INS-15)."""
    return TacheIdentite.objects.filter(
        Q(patient=patient) | Q(autre=patient),
        officine_id=patient.officine_id,
        close_le__isnull=True,
    ).order_by("pk")


def is_blocked(patient: Patient) -> bool:
    """Tell whether no national call may be made for this identity.

    Doubtful or fictive (ins.md §2.2); anonymity that the law gives (INS-20).
    """
    anonyme = patient.motif_sans_ins == Patient.MotifSansIns.ANONYMAT
    return patient.attr_douteux or patient.attr_fictif or anonyme


def age_s(appel: AppelInsi) -> float:
    """Return how long ago a call was asked for, in seconds."""
    return (timezone.now() - appel.declenche_le).total_seconds()
