"""What a lot brings back: dates refreshed, INS withdrawn, work items, all of it set by set.

Source: ins.md §2.5 (T19 to T21), §3.7; requirement INS-34.
"""

from collections.abc import Mapping
from datetime import datetime

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
    Envoi.objects.filter(pk=envoi.pk, etat=Envoi.Etat.REFUSE).update(
        etat=Envoi.Etat.ABANDONNE, motif_abandon=motif
    )


def _apply(lot: LotVerification, releve: Releve) -> None:
    """Sort the identities of a lot by what became of them, then write each group at once."""
    groupes = _sort(lot, {r.reference: r.code for r in releve.resultats})
    lignes = IdentiteVerifiee.objects.filter(officine_id=lot.officine_id, lot=lot)
    for code, membres in groupes.items():
        lignes.filter(pk__in=[cle for cle, _ in membres]).update(code=code)
    conformes = [patient_id for _, patient_id in groupes.get(CONFORME, [])]
    if conformes:
        Patient.objects.filter(officine_id=lot.officine_id, pk__in=conformes).update(
            ins_verifie_le=timezone.now()
        )
    refuses = {patient_id: code for code in PRECISIONS for _, patient_id in groupes.get(code, [])}
    if refuses:
        _withdraw(lot, refuses)
    _count(lot, {code: len(membres) for code, membres in groupes.items()})
    audit.note_system(lot.officine_id, "ins.lot", f"lot:{lot.pk}", "ok")
    advance(lot.verification_id, lot.officine_id)


def _sort(lot: LotVerification, codes: Mapping[str, str]) -> dict[str, list[tuple[int, int]]]:
    """Return, by code, the rows and their files; the files are locked, in the order of their ids.

    An identity that changed since it was listed keeps what it has: the answer is not about it.
    """
    lignes = list(
        IdentiteVerifiee.objects.filter(officine_id=lot.officine_id, lot=lot)
        .order_by("patient_id")
        .values_list("pk", "patient_id", "traits_version", "empreinte")
    )
    actuels = {
        cle: (version, empreinte)
        for cle, version, empreinte in Patient.objects.select_for_update(of=("self",), no_key=True)
        .filter(
            officine_id=lot.officine_id,
            actif=True,
            pk__in=[patient_id for _, patient_id, _, _ in lignes],
        )
        .order_by("pk")
        .values_list("pk", "traits_version", "ins_empreinte")
    }
    sans_reponse = _without_answer(lot, {str(cle) for cle, *_ in lignes} - codes.keys())
    groupes: dict[str, list[tuple[int, int]]] = {}
    for cle, patient_id, version, empreinte in lignes:
        code = codes.get(str(cle)) or sans_reponse[str(cle)]
        if actuels.get(patient_id) != (version, empreinte):
            code = IdentiteVerifiee.CHANGEE
        groupes.setdefault(code, []).append((cle, patient_id))
    return groupes


def _without_answer(lot: LotVerification, references: set[str]) -> dict[str, str]:
    """Return the code of identities that the answer does not name: never sent, or forgotten."""
    if not references:
        return {}
    envoyables = {i.reference for i in identities_of(lot) if is_sendable(i)}
    return {
        reference: A_REDEMANDER if reference in envoyables else IdentiteVerifiee.NON_ENVOYABLE
        for reference in references
    }


def _count(lot: LotVerification, nombres: Mapping[str, int]) -> None:
    lot.conformes = nombres.get(CONFORME, 0)
    lot.non_conformes = sum(nombres.get(code, 0) for code in PRECISIONS)
    lot.ecartees = sum(nombres.get(code, 0) for code in _ECARTEES)
    lot.non_verifiees = sum(nombres.values()) - lot.conformes - lot.non_conformes - lot.ecartees
    lot.releve_le = timezone.now()
    lot.save(update_fields=["conformes", "non_conformes", "ecartees", "non_verifiees", "releve_le"])


def _withdraw(lot: LotVerification, refuses: Mapping[int, str]) -> None:
    """Take the INS off the files INSi does not confirm, and leave a work item for each."""
    patients = list(
        Patient.objects.filter(officine_id=lot.officine_id, pk__in=refuses).order_by("pk")
    )
    envoyes = sent_counts(lot.officine_id, {p.pk: p.ins_obtenu_le for p in patients})
    withdraw_many(patients, lot.verification.demandee_par_id, MOTIF)
    taches = [
        (patient, TacheIdentite.Nature.VERIFICATION, PRECISIONS[refuses[patient.pk]])
        for patient in patients
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
