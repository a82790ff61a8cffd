"""What waits of a patient among their Ordonnances Numériques, for the band (CTR-14)."""

from collections.abc import Callable

from django.db.models import Count, Q

from ordonnance.models import OrdonnanceNumerique
from ordonnance.selectors import ACTIVES
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import Patient, Vente
from pharmacy.panels import CompteurPatient, register_compteur_patient

_FILTRES = {
    "regulariser": Q(etat="papier"),
    "suivre": Q(etat__in=["a_transmettre", "incertaine", "a_corriger"]),
    "attente": Q(etat__in=ACTIVES, ordonnance__vente__etat=Vente.Etat.EN_ATTENTE),
}
# Name, right, words, and where what is counted is seen.
_COMPTEURS = (
    (
        "regulariser",
        "ordonnance.lire",
        "ordonnance à régulariser",
        "ordonnances à régulariser",
        "/ordonnances/a-regulariser/",
    ),
    ("suivre", "file.voir", "exécution à suivre", "exécutions à suivre", "/file/"),
    (
        "attente",
        "ordonnance.lire",
        "ordonnance dans une vente en attente",
        "ordonnances dans une vente en attente",
        "/",
    ),
)


def count_waiting(patient: Patient) -> dict[str, int]:
    """Return what waits of a patient: to be completed, sent and not settled, put aside.

    One statement for the three, kept on the patient that this page was drawn with.
    Source: CTR-14; ordonnance.md §1.6.
    """
    lus: dict[str, int] | None = patient.__dict__.get("_attentes")
    if lus is None:
        siennes = OrdonnanceNumerique.objects.filter(
            officine_id=patient.officine_id, ordonnance__vente__patient=patient
        )
        lus = siennes.aggregate(**{nom: Count("pk", filter=q) for nom, q in _FILTRES.items()})
        patient.__dict__["_attentes"] = lus
    return lus


def _counter(nom: str, droit: str) -> Callable[[Patient, Acteur], int]:
    return lambda patient, acteur: count_waiting(patient)[nom] if peut(acteur, droit).ok else 0


def register_all() -> None:
    """Add the counts to the band; called from `AppConfig.ready()`."""
    for nom, droit, singulier, pluriel, adresse in _COMPTEURS:
        register_compteur_patient(
            CompteurPatient(
                f"ordonnance-{nom}",
                singulier,
                pluriel,
                lambda _patient, adresse=adresse: adresse,  # type: ignore[misc]
                _counter(nom, droit),
            )
        )
