"""What waits of a patient among the identities to look at, for the band (CTR-14)."""

from ins.selectors import tache_list
from ins.services.taches import Nature
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import Patient
from pharmacy.panels import CompteurPatient, register_compteur_patient

# What the search of duplicates takes for two people of one name (ins.rules.doublons).
_HOMONYMES = frozenset({"homonyme", "jumeaux"})


def _waiting(patient: Patient) -> tuple[int, int]:
    """Return how many work items wait about a patient: homonyms detected, the others.

    One statement for both, kept on the patient that this page was drawn with.
    """
    lus: tuple[int, int] | None = patient.__dict__.get("_points")
    if lus is None:
        points = list(tache_list(patient).values_list("nature", "precision"))
        homonymes = sum(n == Nature.DOUBLON and p in _HOMONYMES for n, p in points)
        lus = patient.__dict__["_points"] = (homonymes, len(points) - homonymes)
    return lus


def count_homonymes(patient: Patient, acteur: Acteur) -> int:
    """Return how many files may be homonyms of this one, nobody having said so yet.

    « Homonyme détecté » (HOMD), shown at each opening; « avéré » (HOMA) is the mark that a person
    sets. Source: ins.md §2.2; INS-33.
    """
    return _waiting(patient)[0] if peut(acteur, "ins.taches").ok else 0


def count_taches(patient: Patient, acteur: Acteur) -> int:
    """Return how many other work items wait about a patient; 0 without the right.

    Source: CTR-14.
    """
    return _waiting(patient)[1] if peut(acteur, "ins.taches").ok else 0


def register_all() -> None:
    """Add the counts to the band; called from `AppConfig.ready()`."""
    register_compteur_patient(
        CompteurPatient(
            "ins-homonymes",
            "homonyme possible",
            "homonymes possibles",
            lambda patient: f"/patient/{patient.pk}/proches/",
            count_homonymes,
        )
    )
    register_compteur_patient(
        CompteurPatient(
            "ins-taches",
            "point d'identité à traiter",
            "points d'identité à traiter",
            lambda patient: f"/patients/{patient.pk}/identite/",
            count_taches,
        )
    )
