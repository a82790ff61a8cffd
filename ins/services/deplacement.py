"""What points to a file, found in the models themselves: it follows a merge, or it says why not.

A table made tomorrow follows by itself; one that must not is named here with its reason.
"""

from collections.abc import Iterable, Mapping

from django.db.models import ForeignKey, Model, Q, QuerySet
from django.utils import timezone

from ins.models import TacheIdentite
from pharmacy.models import Patient, Vente
from teleservices.models import Envoi

RESTENT: Mapping[str, str] = {
    "pharmacy.Audit.patient": "what was read and done was so under that file; rows are only added",
    "pharmacy.PatientVersion.pgh_obj": "kept by the database itself; rows are only added",
    "pharmacy.PatientVersion.fusionne_dans": "kept by the database itself; rows are only added",
    "pharmacy.MotPatient.patient": "kept by the database itself, which forgets inactive files",
    "pharmacy.MotConnu.patient": "a word of the officine, whoever brought it",
    "pharmacy.Patient.fusionne_dans": "an older merge, undone in its turn",
    "ins.EvenementIdentite.patient": "the story of that file; rows are only added",
    "ins.Fusion.garde": "an older merge, undone in its turn",
    "ins.Fusion.absorbe": "an older merge, undone in its turn",
    "ins.IdentiteVerifiee.patient": "the service answered about that file, in that lot",
    "ins.RappelPiece.patient": "how often that file was asked about; rows are only added",
    "ins.TacheIdentite.patient": "moved by hand: two items about one thing become one",
    "ins.TacheIdentite.autre": "moved by hand: two items about one thing become one",
}
Lignes = dict[str, list[int]]


def pointing_fields() -> list[tuple[str, type[Model], str]]:
    """Return (label, model, field) of every key to a patient, whatever app holds it.

    Sales come first: who works in a sale locks it before what hangs on it, and so does a merge.
    """
    champs = (
        getattr(relation, "field", None)
        for relation in Patient._meta.get_fields(include_hidden=True)  # noqa: SLF001 - public API
        if relation.auto_created and not relation.concrete
    )
    trouves = [
        (str(champ), champ.model, champ.name) for champ in champs if isinstance(champ, ForeignKey)
    ]
    return sorted(trouves, key=lambda trouve: (trouve[1] is not Vente, trouve[0]))


def _rows_of(modele: type[Model], officine_id: int) -> QuerySet[Model]:
    # Every row, whatever the default manager would hide.
    return modele._base_manager.filter(officine_id=officine_id)  # noqa: SLF001 - public API


def move_rows(de: Patient, vers: Patient) -> Lignes:
    """Make the rows of a file those of another; return the ids moved, by label."""
    deplacees: Lignes = {}
    for label, modele, champ in pointing_fields():
        if label in RESTENT:
            continue
        siennes = _rows_of(modele, de.officine_id).filter(**{champ: de.pk})
        ids = list(siennes.order_by("pk").values_list("pk", flat=True))
        if ids:
            siennes.filter(pk__in=ids).update(**{champ: vers.pk})
            deplacees[label] = ids
    return dict(sorted(deplacees.items()))


def give_back(lignes: Mapping[str, list[int]], de: Patient, vers: Patient) -> None:
    """Give rows back to the file they came from; one that has left `de` since stays where it is."""
    for label, modele, champ in pointing_fields():
        if ids := lignes.get(label):
            siennes = _rows_of(modele, de.officine_id).filter(pk__in=ids, **{champ: de.pk})
            siennes.update(**{champ: vers.pk})


def move_taches(absorbe: Patient, garde: Patient) -> Lignes:
    """Move the open work items; one that would double another of the file kept is closed."""
    ouvertes = TacheIdentite.objects.filter(officine_id=garde.officine_id, close_le__isnull=True)
    deja = {
        _subject(tache, garde.pk) for tache in ouvertes.filter(Q(patient=garde) | Q(autre=garde))
    }
    faites: Lignes = {"patient": [], "autre": [], "closes": []}
    for tache in ouvertes.filter(Q(patient=absorbe) | Q(autre=absorbe)).order_by("pk"):
        sujet = _subject(tache, absorbe.pk)
        if sujet in deja or sujet[1] == garde.pk:
            faites["closes"].append(tache.pk)
            continue
        deja.add(sujet)
        faites["patient" if tache.patient_id == absorbe.pk else "autre"].append(tache.pk)
    ici = TacheIdentite.objects.filter(officine_id=garde.officine_id)
    ici.filter(pk__in=faites["patient"]).update(patient=garde)
    ici.filter(pk__in=faites["autre"]).update(autre=garde)
    ici.filter(pk__in=faites["closes"]).update(close_le=timezone.now(), issue="Dossiers fusionnés")
    return faites


def _subject(tache: TacheIdentite, sien: int) -> tuple[str, int | None]:
    """Return what an item says of a file: its nature, and the file beside."""
    autre = tache.autre_id if tache.patient_id == sien else tache.patient_id
    return tache.nature, autre


def give_back_taches(faites: Mapping[str, list[int]], garde: Patient, absorbe: Patient) -> None:
    """Give the work items back; what was closed about the pair itself stays closed."""
    ici = TacheIdentite.objects.filter(officine_id=garde.officine_id)
    ici.filter(pk__in=faites["patient"], patient=garde).update(patient=absorbe)
    ici.filter(pk__in=faites["autre"], autre=garde).update(autre=absorbe)
    paire = Q(patient=garde, autre=absorbe) | Q(patient=absorbe, autre=garde)
    ici.filter(pk__in=faites["closes"]).exclude(paire).update(close_le=None, issue="")


def move_envois(de: Patient, vers: Patient, seulement: Iterable[int] | None = None) -> list[int]:
    """Make the sendings that have not left speak of another file; return their ids.

    A row that a worker holds at this very moment is left: what it asked was about that file.
    """
    attendent = Envoi.objects.filter(
        officine_id=de.officine_id,
        sujet=f"patient:{de.pk}",
        etat__in=[Envoi.Etat.A_ENVOYER, Envoi.Etat.INCERTAIN],
    )
    if seulement is not None:
        attendent = attendent.filter(pk__in=seulement)
    tenus = attendent.select_for_update(of=("self",), no_key=True, skip_locked=True)
    ids = list(tenus.order_by("pk").values_list("pk", flat=True))
    if ids:
        Envoi.objects.filter(officine_id=de.officine_id, pk__in=ids).update(
            sujet=f"patient:{vers.pk}"
        )
    return ids
