"""Taking the INS off many files at once, in a fixed number of queries (verification by lots).

Same effects as `retrait.withdraw_ins` for « verification_ko », file by file; a test compares them.
Source: ins.md §2.5 (T20, T21).
"""

from collections.abc import Sequence

from django.utils import timezone

from ins.models import EvenementIdentite, HistoriqueIns, PieceControlee
from ins.rules.statut import Preuves, compute_statut, transition_number
from ins.selectors import traits_of
from ins.services.commun import FRAGMENTS, dump_traits
from ins.services.retrait import INS_EFFACEE
from pharmacy import flux
from pharmacy.models import Patient, Vente

DECLENCHEUR = "verification_ko"


def withdraw_many(patients: Sequence[Patient], operateur_id: int, motif: str) -> None:
    """Take the INS off files of one officine, locked by the caller, that INSi does not confirm.

    Documents are kept: a file whose document still agrees becomes « validée », others
    « provisoire ». Raises ValueError when a status is neither RECUP nor QUAL. Source: ins.md §2.5.
    """
    if not patients:
        return
    _keep_former(patients)
    pieces = _pieces(patients)
    evenements, vali = [], []
    for patient in patients:
        avant = (patient.statut, traits_of(patient))
        numero = transition_number(DECLENCHEUR, patient.statut)
        for champ, valeur in INS_EFFACEE.items():
            setattr(patient, champ, valeur)
        patient.statut = compute_statut(
            Preuves(patient.traits_version, None, pieces.get(patient.pk))
        )
        if patient.statut == Patient.Statut.VALI:
            vali.append(patient.pk)
        evenements.append(
            EvenementIdentite(
                officine_id=patient.officine_id,
                patient=patient,
                operateur_id=operateur_id,
                transition=numero,
                statut_avant=avant[0],
                statut_apres=patient.statut,
                motif=motif,
                avant=dump_traits(avant[1]),
            )
        )
    _write(patients, vali)
    EvenementIdentite.objects.bulk_create(evenements)
    _announce(patients)


def _write(patients: Sequence[Patient], vali: list[int]) -> None:
    """Empty the INS columns and set the two statuses that may result."""
    vises = Patient.objects.filter(officine_id=patients[0].officine_id)
    autres = [patient.pk for patient in patients if patient.pk not in set(vali)]
    for cles, statut in ((vali, Patient.Statut.VALI), (autres, Patient.Statut.PROV)):
        if cles:
            vises.filter(pk__in=cles).update(**INS_EFFACEE, statut=statut)


def _keep_former(patients: Sequence[Patient]) -> None:
    """Keep each matricule that goes: once per file, with the day it left."""
    maintenant = timezone.now()
    anciens = HistoriqueIns.objects.filter(
        officine_id=patients[0].officine_id, patient__in=patients
    )
    connus: dict[tuple[int, str, str], int] = {}
    rangs: dict[int, int] = {}
    for cle, patient_id, empreinte, oid in anciens.values_list(
        "pk", "patient_id", "empreinte", "oid"
    ):
        connus[patient_id, empreinte, oid] = cle
        rangs[patient_id] = rangs.get(patient_id, 0) + 1
    revus, neufs = [], []
    for patient in patients:
        deja = connus.get((patient.pk, patient.ins_empreinte, patient.ins_oid))
        if deja is not None:
            revus.append(deja)
            continue
        neufs.append(
            HistoriqueIns(
                officine_id=patient.officine_id,
                patient=patient,
                rang=rangs.get(patient.pk, 0) + 1,
                matricule=str(patient.ins_matricule),
                empreinte=patient.ins_empreinte,
                oid=patient.ins_oid,
                retiree_le=maintenant,
            )
        )
    anciens.filter(pk__in=revus).update(retiree_le=maintenant)
    HistoriqueIns.objects.bulk_create(neufs)


def _pieces(patients: Sequence[Patient]) -> dict[int, int]:
    """Return, by file, the version of the traits that its high-confidence document backs."""
    return dict(
        PieceControlee.objects.filter(
            officine_id=patients[0].officine_id,
            patient__in=patients,
            active=True,
            coherente=True,
            niveau="fort",
        )
        .order_by("patient_id", "pk")
        .values_list("patient_id", "traits_version")
    )


def _announce(patients: Sequence[Patient]) -> None:
    """Ring the sales under way that show one of these files."""
    ventes = Vente.objects.filter(
        officine_id=patients[0].officine_id,
        patient__in=patients,
        etat__in=[Vente.Etat.OUVERTE, Vente.Etat.CONTROLEE],
    ).values_list("pk", flat=True)
    for numero in sorted(ventes):
        flux.announce_vente(patients[0].officine_id, numero, *FRAGMENTS)
