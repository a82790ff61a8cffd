"""What a lot brings back: dates refreshed, INS withdrawn, work items, all of it set by set.

Source: ins.md §2.5 (T19 to T21), §3.7; requirement INS-34.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils import timezone

from ins.codec.verification import (
    A_REDEMANDER,
    CONFORME,
    INCONNU,
    NON_CONFORME,
    Depot,
    Releve,
    is_sendable,
)
from ins.models import IdentiteVerifiee, LotVerification, TacheIdentite
from ins.services.lots import advance
from ins.services.retrait_lot import withdraw_many
from ins.suivi_lots import identities_of
from pharmacy import audit
from pharmacy.models import Patient, Vente
from teleservices.models import Envoi
from teleservices.registre import Reponse

MOTIF = "INSi ne confirme pas cette INS"
PRECISIONS = {NON_CONFORME: "non conforme", INCONNU: "matricule inconnu"}
# Code of a lot that holds nobody any more: nothing was sent, nothing needs a person.
LOT_VIDE = "lot_vide"
# Rows of a young campaign have no statistics yet: each statement is written so that whatever the
# planner believes of them, it follows the primary key (hence `+ 0`, which hides an index).
_CODES = """
    UPDATE ins_identiteverifiee v SET code = lus.code
    FROM unnest(%(cles)s::bigint[], %(codes)s::text[]) AS lus(cle, code)
    WHERE v.id = lus.cle AND v.lot_id + 0 = %(lot)s AND v.officine_id = %(officine)s
"""
_CHANGEES = """
    UPDATE ins_identiteverifiee v SET code = %(changee)s
    WHERE v.lot_id = %(lot)s AND v.officine_id = %(officine)s AND NOT EXISTS (
        SELECT 1 FROM pharmacy_patient p
        WHERE p.id = v.patient_id AND p.officine_id = v.officine_id AND p.actif
        AND p.traits_version = v.traits_version AND p.ins_empreinte = v.empreinte
    )
"""
_DATER = """
    UPDATE pharmacy_patient p SET ins_verifie_le = %(quand)s
    FROM ins_identiteverifiee v
    WHERE v.lot_id = %(lot)s AND v.officine_id = %(officine)s AND v.code = %(code)s
    AND p.id = v.patient_id AND p.officine_id = v.officine_id
    AND p.traits_version = v.traits_version AND p.ins_empreinte = v.empreinte
"""
_ECARTEES = (IdentiteVerifiee.CHANGEE, IdentiteVerifiee.NON_ENVOYABLE)
_MORT = (Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE)


def record_lot(envoi: Envoi, reponse: Reponse) -> None:
    """Write what the service said of a lot: deposited, still working, lost, or its results.

    Runs in the settling transaction. A lot that the service has lost is deposited again.
    """
    lot = LotVerification.objects.select_related("verification").get(
        officine_id=envoi.officine_id, envoi=envoi
    )
    if isinstance(reponse.contenu, Depot):
        lot.numero, lot.depose_le = reponse.contenu.numero, timezone.now()
        lot.save(update_fields=["numero", "depose_le"])
    elif reponse.contenu.etat == "TERMINE":
        lot.numero = lot.numero or reponse.accuse
        _apply(lot, reponse.contenu)
    elif reponse.contenu.etat == "INCONNU":
        lot.numero, lot.depose_le = "", None
        lot.save(update_fields=["numero", "depose_le"])


def record_lot_failure(envoi: Envoi) -> None:
    """Close a lot that was refused or given up: nothing changes in any file (T12, case 79)."""
    if envoi.etat not in _MORT:
        return
    lot = LotVerification.objects.filter(officine_id=envoi.officine_id, envoi=envoi).first()
    if lot is None:
        return
    vide = envoi.dernier_code == LOT_VIDE
    touchees = IdentiteVerifiee.objects.filter(
        officine_id=lot.officine_id, lot=lot, code=""
    ).update(code=IdentiteVerifiee.CHANGEE if vide else IdentiteVerifiee.ECHEC)
    lot.ecartees, lot.non_verifiees = (touchees, 0) if vide else (0, touchees)
    lot.releve_le = timezone.now()
    lot.save(update_fields=["ecartees", "non_verifiees", "releve_le"])
    if vide:
        _forget(envoi, "Les identités de ce lot ont toutes changé")
    audit.note_system(envoi.officine_id, "ins.lot", f"lot:{lot.pk}", "echec")
    advance(lot.verification_id, lot.officine_id)


def _forget(envoi: Envoi, motif: str) -> None:
    """Give the row up: the queue of sendings shows what needs a person, and this needs nobody."""
    Envoi.objects.filter(pk=envoi.pk, officine_id=envoi.officine_id, etat=Envoi.Etat.REFUSE).update(
        etat=Envoi.Etat.ABANDONNE, motif_abandon=motif
    )


def _apply(lot: LotVerification, releve: Releve) -> None:
    """Give each identity what became of it, then write each consequence for all of them at once."""
    _write_codes(lot, releve)
    nombres = _numbers(lot)
    refuses = _lock_refused(lot) if nombres.keys() & PRECISIONS.keys() else []
    if len(refuses) < sum(nombres.get(code, 0) for code in PRECISIONS):
        nombres = _numbers(lot)
    if nombres.get(CONFORME):
        _date_confirmed(lot)
    if refuses:
        _withdraw(lot, refuses)
    _count(lot, nombres)
    audit.note_system(lot.officine_id, "ins.lot", f"lot:{lot.pk}", "ok")
    advance(lot.verification_id, lot.officine_id)


def _numbers(lot: LotVerification) -> dict[str, int]:
    return dict(_rows(lot).order_by("code").values_list("code").annotate(nombre=Count("pk")))


def _rows(lot: LotVerification) -> QuerySet[IdentiteVerifiee]:
    return IdentiteVerifiee.objects.filter(officine_id=lot.officine_id, lot=lot)


def _write_codes(lot: LotVerification, releve: Releve) -> None:
    """Write the code of each identity: the service's, or ours when the answer is not about it."""
    lus = [r for r in releve.resultats if r.reference.isdigit()]
    faits: dict[str, int | str | list[int] | list[str]] = {
        "lot": lot.pk,
        "officine": lot.officine_id,
        "cles": [int(r.reference) for r in lus],
        "codes": [r.code for r in lus],
        "changee": IdentiteVerifiee.CHANGEE,
    }
    if lot.releve_le is not None:
        _rows(lot).update(code="")  # refused once, sent again by a person
    with connection.cursor() as curseur:
        curseur.execute(_CODES, faits)
        repondues = curseur.rowcount
        curseur.execute(_CHANGEES, faits)
    if repondues < lot.nombre:
        _name_unanswered(lot)


def _name_unanswered(lot: LotVerification) -> None:
    """Tell those the answer does not name: never sent, or forgotten by the service."""
    envoyables = [int(i.reference) for i in identities_of(lot) if is_sendable(i)]
    muettes = _rows(lot).filter(code="")
    muettes.filter(pk__in=envoyables).update(code=A_REDEMANDER)
    muettes.update(code=IdentiteVerifiee.NON_ENVOYABLE)


def _lock_refused(lot: LotVerification) -> list[tuple[Patient, str]]:
    """Return the files not confirmed, locked, with their code; one that changed is left alone."""
    lignes = {
        ligne.patient_id: ligne for ligne in _rows(lot).filter(code__in=PRECISIONS).order_by("pk")
    }
    gardes = [
        (patient, lignes[patient.pk].code)
        for patient in Patient.objects.select_for_update(of=("self",), no_key=True)
        .filter(officine_id=lot.officine_id, actif=True, pk__in=lignes)
        .order_by("pk")
        if (patient.traits_version, patient.ins_empreinte)
        == (lignes[patient.pk].traits_version, lignes[patient.pk].empreinte)
    ]
    partis = lignes.keys() - {patient.pk for patient, _ in gardes}
    if partis:
        _rows(lot).filter(patient_id__in=partis).update(code=IdentiteVerifiee.CHANGEE)
    return gardes


def _date_confirmed(lot: LotVerification) -> None:
    """Date the confirmed INS; one that changed since keeps its own."""
    with connection.cursor() as curseur:
        curseur.execute(
            _DATER,
            {
                "lot": lot.pk,
                "officine": lot.officine_id,
                "code": CONFORME,
                "quand": timezone.now(),
            },
        )


def _count(lot: LotVerification, nombres: Mapping[str, int]) -> None:
    lot.conformes = nombres.get(CONFORME, 0)
    lot.non_conformes = sum(nombres.get(code, 0) for code in PRECISIONS)
    lot.ecartees = sum(nombres.get(code, 0) for code in _ECARTEES)
    lot.non_verifiees = sum(nombres.values()) - lot.conformes - lot.non_conformes - lot.ecartees
    lot.releve_le = timezone.now()
    lot.save(
        update_fields=[
            "numero",
            "conformes",
            "non_conformes",
            "ecartees",
            "non_verifiees",
            "releve_le",
        ]
    )


def _withdraw(lot: LotVerification, refuses: list[tuple[Patient, str]]) -> None:
    """Take the INS off the files INSi does not confirm, and leave a work item for each."""
    patients = [patient for patient, _ in refuses]
    envoyes = sent_counts(lot.officine_id, {p.pk: p.ins_obtenu_le for p in patients})
    withdraw_many(patients, lot.verification.demandee_par_id, MOTIF)
    taches = [
        (patient, TacheIdentite.Nature.VERIFICATION, PRECISIONS[code]) for patient, code in refuses
    ]
    taches += [
        (patient, TacheIdentite.Nature.TRANSMIS, f"{envoyes[patient.pk]} envoi(s)")
        for patient in patients
        if patient.pk in envoyes
    ]
    TacheIdentite.objects.bulk_create(
        (
            TacheIdentite(
                officine_id=lot.officine_id, patient=patient, nature=nature, precision=precision
            )
            for patient, nature, precision in taches
        ),
        ignore_conflicts=True,
    )


def sent_counts(officine_id: int, obtenues: Mapping[int, datetime | None]) -> dict[int, int]:
    """Return, by file, how many sendings left for its sales since its INS was obtained."""
    ventes: dict[int, int] = dict(
        Vente.objects.filter(officine_id=officine_id, patient__in=obtenues).values_list(
            "pk", "patient__pk"
        )
    )
    envois = Envoi.objects.filter(
        officine_id=officine_id,
        vente_id__in=ventes,
        lecture=False,
        etat=Envoi.Etat.ENVOYE,
        regle_le__isnull=False,
    ).values_list("vente_id", "regle_le")
    nombres: dict[int, int] = {}
    for vente_id, regle_le in envois:
        patient_id = ventes[vente_id or 0]
        depuis = obtenues[patient_id]
        if depuis and regle_le and regle_le >= depuis:
            nombres[patient_id] = nombres.get(patient_id, 0) + 1
    return nombres
