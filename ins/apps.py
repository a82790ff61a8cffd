"""Application « ins »."""

from django.apps import AppConfig


class InsConfig(AppConfig):
    """Wires the app: subscription, panel, outbox handlers, step before the end, settings."""

    name = "ins"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the core and the outbox call."""
        from ins import cablage_apcv, handlers, panneau, reglages
        from ins.services.appels import on_patient_chosen
        from ins.services.doublons import on_patient_created
        from ins.services.rappels import next_step
        from pharmacy import etapes
        from pharmacy.events import PatientChoisi, PatientCree, subscribe
        from pharmacy.panels import Panneau, register_panneau
        from teleservices import registre

        registre.register(handlers.RecupererVitale())
        registre.register(handlers.RecupererTraits())
        subscribe(PatientChoisi, on_patient_chosen)
        subscribe(PatientCree, on_patient_created)
        cablage_apcv.register_all()
        register_panneau(Panneau("identite", "Identité", 10, panneau.render_panneau))
        etapes.register_avant_fin(next_step)
        reglages.register_all()
