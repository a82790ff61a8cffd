"""An INS datamatrix read at the counter: whose file it is, and what a person makes of it.

Theory of operation. The code carries no signature: it finds a file, or fills a new one, and is
never believed. What was read waits, encrypted, for the answer of a person (`LectureDatamatrix`),
until the end of the sale at most;
where the file stands is worked out again at that answer. An INS that the file does not hold is kept
aside (`IdentiteRecue`) until INSi has verified it. Source: ins.md §2.5 (T4), §2.8, §4.3; INS-12.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ins.models import IdentiteRecue, LectureDatamatrix, TacheIdentite
from ins.rules.lecture import Trouve, judge_reading
from ins.rules.oid import is_accepted
from ins.rules.statut import transition_number
from ins.rules.traits import CaractereRefuse, TraitsStricts, default_first_name, diff, normalise
from ins.selectors import empreinte_of, empreintes_of, traits_of
from ins.services.commun import dump_traits, note_event, patient_locked
from ins.services.taches import open_tache
from ins.services.verification import is_callable, verify_recue
from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.events import VenteAbandonnee, VenteTerminee
from pharmacy.models import Patient, Vente
from pharmacy.services.patient import Traits, is_same_person, patient_create
from pharmacy.services.vente import VenteRefusee, check_droit, patient_choose

MOYEN = "datamatrix"
# A reading that nobody answered is forgotten when another comes this long after.
_OUBLI = timedelta(hours=1)


@dataclass(frozen=True)
class Lue:
    """An identity as a code says it. `alertes` are codes of `agent.protocol.ins`."""

    matricule: str = field(repr=False)
    oid: str
    nom: str = field(repr=False)
    prenoms: str = field(repr=False)
    date_naissance: date = field(repr=False)
    sexe: str = field(repr=False)
    cog: str = field(default="", repr=False)
    alertes: tuple[str, ...] = ()

    def traits(self, premier_local: str = "") -> TraitsStricts:
        """Return its strict traits, with the first name of the file when it agrees."""
        return TraitsStricts(
            self.nom,
            self.prenoms,
            default_first_name(self.prenoms, premier_local),
            self.date_naissance,
            self.sexe,
            self.cog,
        )


@dataclass(frozen=True)
class Situation:
    """Where the officine stands before a reading: what it is (`judge_reading`), and whose files."""

    genre: str
    dossiers: tuple[Patient, ...] = ()


def check_reading(champs: Mapping[str, str], alertes: tuple[str, ...]) -> Lue:
    """Return what was read. VenteRefusee for what this installation cannot take.

    An authority of test in production, a name outside the set, a birth to come or before 1870.
    Source: ins.md §1.1, §1.3, §4.3 step 8.
    """
    if not is_accepted(champs["oid"], settings.ENVIRONNEMENT):
        raise VenteRefusee(
            "Code d'identité (INS) de test : il n'est pas accepté ici. Continuez par le nom (F2).",
            "INS-096",
        )
    try:
        nom, prenoms = normalise(champs["nom_naissance"]), normalise(champs["prenoms"])
    except CaractereRefuse as exc:
        raise VenteRefusee(f"Code d'identité (INS) refusé : {exc}", "INS-097") from exc
    jour = date.fromisoformat(champs["date_naissance"])
    if jour > timezone.localdate() or jour.year < 1870:
        raise VenteRefusee(
            "Code d'identité (INS) refusé : la date de naissance n'est pas possible.", "INS-098"
        )
    return Lue(
        champs["matricule"],
        champs["oid"],
        nom,
        prenoms,
        jour,
        champs["sexe"],
        champs.get("cog", ""),
        alertes,
    )


def find(officine_id: int, lue: Lue) -> Situation:
    """Return which files of the officine a reading may be about. Source: ins.md §2.8, §2.9."""
    actifs = Patient.objects.filter(officine_id=officine_id, actif=True)
    porteur = actifs.filter(ins_oid=lue.oid, ins_empreinte__in=empreintes_of(lue.matricule)).first()
    if porteur is not None:
        ecarts = diff(traits_of(porteur), lue.traits(porteur.premier_prenom))
        return Situation(judge_reading(porte=True, ecarts=ecarts, memes=()), (porteur,))
    cherche = Traits(lue.nom, "", lue.prenoms.split(" ", 1)[0], lue.date_naissance)
    memes = [
        patient
        for patient in actifs.filter(date_naissance=lue.date_naissance).order_by("pk")
        if patient.sexe in {"", "I", lue.sexe} and is_same_person(patient, cherche)
    ]
    genre = judge_reading(
        porte=False, ecarts=(), memes=tuple(Trouve(bool(p.ins_empreinte)) for p in memes)
    )
    libres = tuple(p for p in memes if not p.ins_empreinte)
    return Situation(genre, tuple(memes) if genre == "collision" else libres)


def keep(acteur: Acteur, vente: Vente, lue: Lue) -> LectureDatamatrix:
    """Keep a reading until it is answered; those nobody answered before it are forgotten."""
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        ouvertes = LectureDatamatrix.objects.filter(
            officine_id=acteur.officine_id, close_le__isnull=True
        )
        for anciennes in (
            ouvertes.filter(vente=vente),
            ouvertes.filter(lue_le__lt=timezone.now() - _OUBLI),
        ):
            anciennes.update(donnees=None, close_le=timezone.now())
        return LectureDatamatrix.objects.create(
            officine_id=acteur.officine_id,
            vente=vente,
            poste_id=acteur.poste_id,
            operateur_id=acteur.operateur_id,
            donnees=_dump(lue),
        )


def alert(acteur: Acteur, situation: Situation) -> None:
    """Leave a work item on each file whose traits come with another person's INS (case 72)."""
    with transaction.atomic():
        for patient in situation.dossiers:
            open_tache(patient, TacheIdentite.Nature.COLLISION, precision="datamatrix")
            audit.note(acteur, "ins.collision", f"patient:{patient.pk}", patient)


def load(acteur: Acteur, vente_id: int, lecture_id: int) -> tuple[LectureDatamatrix, Lue]:
    """Return a reading of this sale and poste that waits for its answer. VenteRefusee otherwise."""
    lecture = (
        LectureDatamatrix.objects.filter(
            officine_id=acteur.officine_id, pk=lecture_id, vente_id=vente_id
        )
        .select_related("vente__patient")
        .first()
    )
    if lecture is None or lecture.poste_id != acteur.poste_id:
        raise VenteRefusee("Cette lecture n'existe pas sur ce poste.", "INS-404")
    if lecture.donnees is None:
        raise VenteRefusee("Ce code a déjà servi. Scannez-le de nouveau.", "INS-099")
    return lecture, _load(bytes(lecture.donnees))


def _load_locked(acteur: Acteur, vente_id: int, lecture_id: int) -> tuple[LectureDatamatrix, Lue]:
    """Return a reading as `load`, locked: of two answers at once, the second finds it served."""
    LectureDatamatrix.objects.select_for_update(of=("self",), no_key=True).filter(
        officine_id=acteur.officine_id, pk=lecture_id
    ).first()
    return load(acteur, vente_id, lecture_id)


def take(acteur: Acteur, vente_id: int, lecture_id: int, patient_id: int) -> Patient:
    """Put the file of a reading in the sale; an INS it does not hold is kept aside and verified.

    VenteRefusee when the file is no longer one the reading may be about. No call when the file
    already holds this INS with these traits. Source: ins.md §2.8, §6 cases 71 and 72.
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        lecture, lue = _load_locked(acteur, vente_id, lecture_id)
        situation = find(acteur.officine_id, lue)
        if situation.genre == "collision" or patient_id not in {p.pk for p in situation.dossiers}:
            raise VenteRefusee("Le dossier a changé entre-temps. Scannez de nouveau.", "INS-100")
        patient = patient_locked(acteur, patient_id)
        patient_choose(acteur, vente_id, patient, MOYEN)
        if situation.genre != "meme" and is_callable(patient):
            verify_recue(acteur, _put_aside(acteur, patient, lue), vente_id)
        _close(lecture)
        audit.note(acteur, "ins.code", f"vente:{vente_id}", patient, precision=situation.genre)
    return patient


def create(acteur: Acteur, vente_id: int, lecture_id: int, *, verifier: bool) -> Patient:
    """Make the file of somebody the officine does not know, its traits those of the code (T4).

    The status is « provisoire »; the INS is kept aside, to verify, at once when `verifier`.
    VenteRefusee when a file is this person's. Source: ins.md §2.5 (T4), §6 case 66; INS-25.
    """
    check_droit(acteur, "ins.appeler")
    with transaction.atomic():
        lecture, lue = _load_locked(acteur, vente_id, lecture_id)
        if find(acteur.officine_id, lue).genre not in {"inconnu", "sans_ins"}:
            raise VenteRefusee(
                "Un dossier de l'officine porte déjà cette identité. Scannez de nouveau.", "INS-100"
            )
        traits = lue.traits()
        patient = patient_create(
            acteur,
            Patient(
                nom_naissance=traits.nom_naissance,
                prenoms_naissance=traits.prenoms_naissance,
                premier_prenom=traits.premier_prenom,
                date_naissance=traits.date_naissance,
                sexe=traits.sexe,
                cog_naissance=traits.cog_naissance,
                methode=Patient.Methode.CODE,
            ),
            vente_id,
        )
        numero = transition_number("datamatrix", "")
        note_event(patient, acteur.operateur_id, numero, ("", traits), "")
        recue = _put_aside(acteur, patient, lue)
        if verifier:
            verify_recue(acteur, recue, vente_id)
        _close(lecture)
        audit.note(acteur, "ins.code", f"vente:{vente_id}", patient, precision="creer")
    return patient


def _put_aside(acteur: Acteur, patient: Patient, lue: Lue) -> IdentiteRecue:
    """Return the candidate INS of a file, made when the same one does not wait already."""
    empreinte = empreinte_of(lue.matricule)
    attend = IdentiteRecue.objects.filter(
        officine_id=patient.officine_id,
        patient=patient,
        empreinte=empreinte,
        oid=lue.oid,
        etat=IdentiteRecue.Etat.A_VERIFIER,
    ).first()
    if attend is not None:
        attend.traits = dump_traits(lue.traits(patient.premier_prenom))
        attend.save(update_fields=["traits"])
        return attend
    return IdentiteRecue.objects.create(
        officine_id=patient.officine_id,
        patient=patient,
        source=IdentiteRecue.Source.DATAMATRIX,
        matricule=lue.matricule,
        empreinte=empreinte,
        oid=lue.oid,
        traits=dump_traits(lue.traits(patient.premier_prenom)),
        recue_par_id=acteur.operateur_id,
    )


def on_sale_over(evenement: VenteTerminee | VenteAbandonnee) -> None:
    """Forget what was read in a sale that ends and nobody answered."""
    LectureDatamatrix.objects.filter(
        officine_id=evenement.acteur.officine_id,
        vente_id=evenement.vente_id,
        close_le__isnull=True,
    ).update(donnees=None, close_le=timezone.now())


def _close(lecture: LectureDatamatrix) -> None:
    lecture.donnees = None
    lecture.close_le = timezone.now()
    lecture.save(update_fields=["donnees", "close_le"])


def _dump(lue: Lue) -> bytes:
    return json.dumps(
        {
            "matricule": lue.matricule,
            "oid": lue.oid,
            "nom": lue.nom,
            "prenoms": lue.prenoms,
            "date_naissance": lue.date_naissance.isoformat(),
            "sexe": lue.sexe,
            "cog": lue.cog,
            "alertes": list(lue.alertes),
        }
    ).encode()


def _load(octets: bytes) -> Lue:
    champs = json.loads(octets)
    return Lue(
        **{
            **champs,
            "date_naissance": date.fromisoformat(champs["date_naissance"]),
            "alertes": tuple(champs["alertes"]),
        }
    )
