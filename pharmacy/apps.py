"""Application « pharmacy »."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    """Wires the app: subscriptions, panels, outbox handlers, readers."""

    name = "pharmacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the routes of the codes the core understands."""
        # Django alone announces it: no event of ours can.
        from django.db.models.signals import post_migrate  # noqa: TID251

        from pharmacy.events import CarteCpsLue, SessionFermee, subscribe
        from pharmacy.isolation.renvois import enclose
        from pharmacy.scans import register_routes
        from pharmacy.services import cles, situation

        post_migrate.connect(enclose, sender=self)
        register_routes()
        cles.register_all()
        subscribe(SessionFermee, situation.forget_session)
        subscribe(CarteCpsLue, situation.forget_other_card)
