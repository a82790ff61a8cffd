"""Application « teleservices »."""

from django.apps import AppConfig


class TeleservicesConfig(AppConfig):
    """Wires the app: signatures of the card, numbers of the header."""

    name = "teleservices"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the core calls."""
        from pharmacy.events import (
            CarteCpsLue,
            OperateurParti,
            SessionFermee,
            SituationChoisie,
            subscribe,
        )
        from pharmacy.panels import Compteur, register_compteur
        from pharmacy.postes import signatures
        from pharmacy.restes import Reste, register_reste
        from teleservices import assertions, selectors

        signature = assertions.SignatureActeur("epu")
        signatures.register(
            signatures.ServiceSignature(
                nom="epu",
                purpose="ordonnance",
                libelle="Ordonnance Numérique : s'identifier pour une heure",
                prepare=signature.prepare,
                complete=signature.complete,
                attendue=lambda acteur: assertions.is_awaited(acteur, "epu"),
            )
        )
        subscribe(SessionFermee, assertions.forget_session)
        subscribe(OperateurParti, assertions.forget_operator)
        subscribe(CarteCpsLue, assertions.forget_other_card)
        subscribe(SituationChoisie, assertions.forget_situation)
        register_compteur(Compteur("file", "File d'envoi", "/file/", selectors.count_pending))
        register_compteur(
            Compteur("carte", "à signer par carte", "/file/", selectors.count_awaiting_card)
        )
        register_reste(
            Reste(
                "en attente de sa carte : un autre pharmacien les signe avec la sienne",
                "/file/",
                selectors.count_awaiting_operator,
            )
        )
