"""Application « psc »."""

from django.apps import AppConfig


class PscConfig(AppConfig):
    """Wires the app: checks, settings of the officine, what the local session tells."""

    name = "psc"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and what the core calls."""
        from psc import checks, reglages_officine, suites_de_session
        from psc.services.jetons_services import FournisseurPsc
        from teleservices.identite_nationale import register_fournisseur

        del checks
        reglages_officine.register_all()
        suites_de_session.register_all()
        register_fournisseur(FournisseurPsc())
