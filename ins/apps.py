"""Application « ins »."""

from django.apps import AppConfig


class InsConfig(AppConfig):
    """Wires the app: subscription, panel, outbox handlers, the setting of the reminders."""

    name = "ins"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the core and the outbox call."""
        from ins import (
            attentes,
            cablage_apcv,
            handlers,
            handlers_verification,
            panneau,
            reglages,
            reglages_appels,
            scan,
        )
        from ins.selectors import count_setting
        from ins.services import cles
        from ins.services.appels import on_patient_chosen
        from ins.services.creation import tell_creation
        from ins.services.doublons import on_patient_created
        from ins.services.rappels import next_step
        from pharmacy import etapes
        from pharmacy.events import PatientChoisi, PatientCree, subscribe
        from pharmacy.panels import Compteur, Panneau, register_compteur, register_panneau
        from teleservices import registre

        registre.register(handlers.RecupererVitale(), handlers.REPRISES_S)
        registre.register(handlers.RecupererTraits(), handlers.REPRISES_S)
        handlers_verification.register_all()
        scan.register_routes()
        subscribe(PatientChoisi, on_patient_chosen)
        subscribe(PatientCree, tell_creation)
        subscribe(PatientCree, on_patient_created)
        cablage_apcv.register_all()
        register_panneau(Panneau("identite", "Identité", 10, panneau.render_panneau))
        register_compteur(
            Compteur("insi-reglage", "réglage d'INSi à corriger", "/file/", count_setting)
        )
        attentes.register_all()
        cles.register_all()
        reglages_appels.register_all()
        etapes.register_avant_fin(next_step)
        reglages.register_all()
