"""Application « ins »."""

from django.apps import AppConfig


class InsConfig(AppConfig):
    """Wires the app: subscription, panel, outbox handlers, the setting of the reminders."""

    name = "ins"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the core and the outbox call."""
        from ins import handlers, handlers_apcv, panneau, panneau_droits, scan
        from ins.selectors import RAPPELS
        from ins.services import apcv, droits
        from ins.services.appels import on_patient_chosen
        from pharmacy import codes, parametres
        from pharmacy.events import PatientChoisi, VenteAbandonnee, VenteTerminee, subscribe
        from pharmacy.panels import Panneau, register_panneau
        from pharmacy.services import lecture
        from teleservices import registre

        registre.register(handlers.RecupererVitale())
        registre.register(handlers.RecupererTraits())
        for handler in (
            handlers_apcv.Ouvrir(),
            handlers_apcv.Renouveler(),
            handlers_apcv.Fermer(),
            handlers_apcv.Consulter(),
        ):
            registre.register(handler)
        codes.register("apcv", scan.route_apcv)
        lecture.register_route("apcv.read_nfc", scan.read_nfc)
        subscribe(PatientChoisi, on_patient_chosen)
        subscribe(PatientChoisi, droits.on_patient_chosen)
        subscribe(VenteTerminee, apcv.on_sale_over)
        subscribe(VenteAbandonnee, apcv.on_sale_over)
        register_panneau(Panneau("identite", "Identité", 10, panneau.render_panneau))
        register_panneau(Panneau("droits", "Carte et droits", 15, panneau_droits.render_panneau))
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
