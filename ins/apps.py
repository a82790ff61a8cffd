"""Application « ins »."""

from django.apps import AppConfig


class InsConfig(AppConfig):
    """Wires the app: subscription, panel, outbox handlers, the setting of the reminders."""

    name = "ins"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the core and the outbox call."""
        from ins import handlers, panneau
        from ins.selectors import RAPPELS
        from ins.services.appels import on_patient_chosen
        from ins.services.doublons import on_patient_created
        from pharmacy import parametres
        from pharmacy.events import PatientChoisi, PatientCree, subscribe
        from pharmacy.panels import Panneau, register_panneau
        from teleservices import registre

        registre.register(handlers.RecupererVitale())
        registre.register(handlers.RecupererTraits())
        subscribe(PatientChoisi, on_patient_chosen)
        subscribe(PatientCree, on_patient_created)
        register_panneau(Panneau("identite", "Identité", 10, panneau.render_panneau))
        parametres.register(
            parametres.Reglage(
                cle=RAPPELS,
                libelle="Rappels du contrôle d'identité",
                effet="Sans pièce présentée, le contrôle est redemandé ce nombre de fois aux "
                "délivrances suivantes.",
                panneau="Client · Identitovigilance",
                defaut=3,
                mini=0,
                maxi=20,
            )
        )
