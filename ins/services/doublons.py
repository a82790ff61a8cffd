"""Duplicates: looked for at night and at each creation, shown to a person, never merged alone.

Every pair is one work item, opened once: the lower file first, the other beside it. A pair that a
person has put aside stays closed, and is not opened again. Source: ins.md §2.9; INS-27, INS-28.
"""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ins.candidats import Proche, fiche_map, pair_list, patient_map, proche_list
from ins.models import RechercheDoublons, TacheIdentite
from ins.rules.doublons import compare_fiches
from ins.services.attributs import set_homonym
from ins.services.commun import announce_patient, sales_showing
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.events import PatientCree
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee, check_droit
from pharmacy.suites import Suite
from teleservices.sonnette import ring_task

ISSUES = {"homonymes": "Deux personnes, homonymes", "deux_personnes": "Deux personnes"}
# A transaction may commit after the search that began before it: it is looked at the next night.
_RECOUVREMENT = timedelta(hours=2)
TACHE = "ins.comparer_dossier"
_PREMIERE_FOIS = datetime(1970, 1, 1, tzinfo=UTC)
_LOT = 1000
_CERTAINES = {"certain", "probable", "possible"}


def search_new(officine_id: int) -> int:
    """Compare what was created or changed since the last search; return how many pairs are new.

    Constant number of queries. Nothing is merged. Source: ins.md §2.9, « Nightly job ».
    """
    debut = timezone.now()
    passage, _ = RechercheDoublons.objects.update_or_create(
        officine_id=officine_id, defaults={"lancee_le": debut}
    )
    depuis = passage.jusqu_au - _RECOUVREMENT if passage.jusqu_au else _PREMIERE_FOIS
    paires = pair_list(officine_id, depuis)
    taches = _judge(officine_id, paires)
    with transaction.atomic():
        # A pair that a creation opened meanwhile is that one: the constraint says so.
        TacheIdentite.objects.bulk_create(taches, batch_size=_LOT, ignore_conflicts=True)
        passage.jusqu_au = debut
        passage.save(update_fields=["jusqu_au"])
        audit.note_system(officine_id, "ins.doublons", resultat=f"{len(taches)}")
        if taches:
            flux.announce_entete(officine_id)
    return len(taches)


def _judge(officine_id: int, paires: list[tuple[int, int]]) -> list[TacheIdentite]:
    """Return the work items of the pairs that the points keep."""
    patients = patient_map(officine_id, (pk for paire in paires for pk in paire))
    fiches = fiche_map(officine_id, patients)
    taches = []
    for un, autre in paires:
        if un not in fiches or autre not in fiches:
            continue
        lu = compare_fiches(fiches[un], fiches[autre])
        if lu.verdict:
            taches.append(_tache(officine_id, un, autre, lu.verdict, lu.score))
    return taches


def _tache(officine_id: int, un: int, autre: int, verdict: str, score: int) -> TacheIdentite:
    return TacheIdentite(
        officine_id=officine_id,
        patient_id=min(un, autre),
        autre_id=max(un, autre),
        nature=TacheIdentite.Nature.DOUBLON,
        precision=verdict,
        score=score,
    )


def on_patient_created(evenement: PatientCree) -> None:
    """Have the new file compared as soon as it stands, by a worker: nobody waits for it.

    A bell that is lost is made up for by the night. Source: ins.md §2.9.
    """
    officine_id, patient_id = evenement.acteur.officine_id, evenement.patient_id
    transaction.on_commit(lambda: ring_task(TACHE, officine_id, patient_id))


def compare_new(officine_id: int, patient_id: int) -> None:
    """Open the work items of a file just created, and tell the sales under way that show it.

    A file merged or gone meanwhile is left. Source: ins.md §2.9.
    """
    with transaction.atomic():
        patient = Patient.objects.filter(pk=patient_id, officine_id=officine_id, actif=True).first()
        if patient is None:
            return
        proches = open_proches(patient)
        if any(p.rapprochement.verdict in _CERTAINES for p in proches):
            suite = Suite(
                f"Un dossier proche existe déjà (n° {proches[0].patient.pk}) : à comparer dans "
                "Données, Identités à traiter.",
                "attention",
            )
            for vente_id in sales_showing(patient):
                flux.announce_suite(officine_id, vente_id, suite.as_dict())


def open_proches(patient: Patient) -> list[Proche]:
    """Open a work item for each file near this one, save those put aside; return them all."""
    proches = proche_list(patient)
    connues = _known(patient) if proches else set()
    TacheIdentite.objects.bulk_create(
        [
            _tache(
                patient.officine_id,
                patient.pk,
                proche.patient.pk,
                proche.rapprochement.verdict,
                proche.rapprochement.score,
            )
            for proche in proches
            if proche.patient.pk not in connues
        ],
        ignore_conflicts=True,
    )
    return proches


def _known(patient: Patient) -> set[int]:
    """Return the files that a work item, open or closed, already names beside this one."""
    paires = TacheIdentite.objects.filter(
        Q(patient=patient) | Q(autre=patient),
        officine_id=patient.officine_id,
        nature=TacheIdentite.Nature.DOUBLON,
    ).values_list("patient_id", "autre_id")
    return {pk for paire in paires for pk in paire if pk} - {patient.pk}


def put_aside(acteur: Acteur, un_id: int, autre_id: int, issue: str) -> None:
    """Say that two files are two people: the pair does not come back.

    « homonymes » marks both files, so that every opening warns. VenteRefusee when a file is gone,
    when the issue is unknown, or when a fictive file would be marked. Source: ins.md §2.9; §6,
    cases 53 and 54.
    """
    check_droit(acteur, "ins.taches")
    if issue not in ISSUES:
        raise VenteRefusee("Dites si les deux personnes sont homonymes.", "INS-103")
    with transaction.atomic():
        deux = pair_locked(acteur, un_id, autre_id)
        if issue == "homonymes":
            _mark(acteur, deux)
        close_pair(acteur, deux, ISSUES[issue])
        for patient in deux:
            audit.note(acteur, "ins.deux_personnes", f"patient:{patient.pk}", patient, issue)
            announce_patient(patient)
        flux.announce_entete(acteur.officine_id)


def pair_locked(acteur: Acteur, un_id: int, autre_id: int) -> tuple[Patient, Patient]:
    """Return both files, locked lower id first: two clerks who cross never wait for each other.

    VenteRefusee when they are one, or when one is no file of the officine any more.
    """
    trouves = {
        patient.pk: patient
        for patient in Patient.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=[un_id, autre_id], officine_id=acteur.officine_id, actif=True)
        .order_by("pk")
    }
    if un_id == autre_id:
        raise VenteRefusee("Choisissez deux dossiers différents.", "INS-104")
    if len(trouves) != 2:
        raise VenteRefusee(
            "Un de ces dossiers n'existe pas dans votre officine, ou est déjà fusionné.", "PAT-404"
        )
    return trouves[un_id], trouves[autre_id]


def _mark(acteur: Acteur, deux: tuple[Patient, Patient]) -> None:
    """Mark both files that are not yet; the story of each says by whom."""
    if any(patient.attr_fictif for patient in deux):
        raise VenteRefusee("Un dossier fictif n'a pas d'homonyme.", "INS-105")
    for patient in deux:
        if not patient.attr_homonyme:
            set_homonym(acteur, patient, ISSUES["homonymes"], pose=True)


def close_pair(acteur: Acteur, deux: tuple[Patient, Patient], issue: str) -> None:
    """Close what is open about two files; a pair never looked at is written closed."""
    un, autre = sorted(patient.pk for patient in deux)
    natures = (TacheIdentite.Nature.DOUBLON, TacheIdentite.Nature.COLLISION)
    paire = Q(patient_id=un, autre_id=autre) | Q(patient_id=autre, autre_id=un)
    faite = {
        "close_le": timezone.now(),
        "close_par_id": acteur.operateur_id,
        "issue": issue[:60],
    }
    siennes = TacheIdentite.objects.filter(
        paire, officine_id=acteur.officine_id, nature__in=natures
    )
    siennes.filter(close_le__isnull=True).update(**faite)
    if not siennes.filter(nature=TacheIdentite.Nature.DOUBLON).exists():
        TacheIdentite.objects.create(
            officine_id=acteur.officine_id,
            patient_id=un,
            autre_id=autre,
            nature=TacheIdentite.Nature.DOUBLON,
            precision="compare",
            **faite,
        )
