"""Application « ordonnance »."""

from django.apps import AppConfig


class OrdonnanceConfig(AppConfig):
    """Wires the app: subscriptions, panel, outbox handlers, scans, the step before FIN."""

    name = "ordonnance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the core and the outbox call."""
        from ordonnance import attentes, etape, handlers, panneau, scan
        from ordonnance.codec.cda import read_epmeddm
        from ordonnance.services import confirmation
        from ordonnance.services.commun import SERVICE, sign_as
        from pharmacy import codes, etapes, rendu
        from pharmacy.events import AbandonDemande, PatientChoisi, VenteAbandonnee, subscribe
        from pharmacy.panels import Compteur, Panneau, register_compteur, register_panneau
        from teleservices import registre
        from teleservices.cda import lecteurs

        for handler in (
            handlers.Consulter(),
            handlers.Regulariser(),
            handlers.Relire(),
            handlers.Ouvrir(),
            handlers.Liberer(),
            handlers.Executer(),
        ):
            registre.register(handler)
        registre.register_signed_body(SERVICE, sign_as)
        lecteurs.register("eP-MED-DM", read_epmeddm)
        codes.register("ordonnance", scan.route_ordonnance)
        etapes.register_avant_fin(etape.next_step)
        rendu.register_prescrites(panneau.render_prescrites)
        register_panneau(Panneau("ordonnance", "Ordonnance", 20, panneau.render_panneau))
        register_compteur(
            Compteur(
                "regulariser",
                "À régulariser",
                "/ordonnances/a-regulariser/",
                etape.count_to_regularise,
            )
        )
        attentes.register_all()
        subscribe(AbandonDemande, confirmation.on_abandon_asked)
        subscribe(VenteAbandonnee, confirmation.on_vente_abandoned)
        subscribe(PatientChoisi, confirmation.on_patient_chosen)
