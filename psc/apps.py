"""Application « psc »."""

from django.apps import AppConfig


class PscConfig(AppConfig):
    """Wires the app: checks, settings of the officine, what the core tells, what is to be read."""

    name = "psc"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, what the core calls, and how what is sealed follows the keys."""
        from pharmacy.events import RppsChange, subscribe
        from pharmacy.services.cles import register_scelle
        from pharmacy.services.sessions import register_complement
        from pharmacy.session.accueil import register_avis
        from psc import checks, coffre, reglages_officine, suites_de_session
        from psc.services import etat, rattachements
        from psc.services.jetons_services import FournisseurPsc
        from teleservices.identite_nationale import register_fournisseur

        register_scelle("psc.SessionPsc", "jetons", coffre.renew)
        del checks
        reglages_officine.register_all()
        suites_de_session.register_all()
        register_complement(etat.words_by_operator)
        register_fournisseur(FournisseurPsc())
        subscribe(RppsChange, rattachements.follow_sheet)
        register_avis("psc_mon_lien", rattachements.has_notice)
