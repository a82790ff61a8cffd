"""What waits of a patient among the identities to look at, for the band (CTR-14)."""

from ins.selectors import count_taches_of
from pharmacy.panels import CompteurPatient, register_compteur_patient


def register_all() -> None:
    """Add the count to the band; called from `AppConfig.ready()`."""
    register_compteur_patient(
        CompteurPatient(
            "ins-taches",
            "point d'identité à traiter",
            "points d'identité à traiter",
            lambda patient: f"/patients/{patient.pk}/identite/",
            count_taches_of,
        )
    )
