"""Application « pharmacy »."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "pharmacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the routes of the codes the core understands."""
        from django.contrib.auth.signals import user_logged_in

        from pharmacy.events import CarteCpsLue, SessionFermee, subscribe
        from pharmacy.scans import register_routes
        from pharmacy.services import situation
        from pharmacy.session.middleware import note_authentication

        register_routes()
        user_logged_in.connect(note_authentication, dispatch_uid="pharmacy.session")
        subscribe(SessionFermee, situation.forget_session)
        subscribe(CarteCpsLue, situation.forget_other_card)
