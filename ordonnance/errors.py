"""EPU codes -> our class, the counter's sentence and next step (ordonnance.md §2.6)."""

from dataclasses import dataclass

from teleservices.errors import (
    NotReady,
    OutcomeUnknown,
    Rejected,
    TeleserviceError,
    Unavailable,
)


@dataclass(frozen=True)
class Ligne:
    """One row of the table."""

    classe: type[TeleserviceError]
    message: str
    geste: str


CODES: dict[str, Ligne] = {
    "EPU-001": Ligne(
        Rejected,
        "Aucune ordonnance numérique ne correspond à ce numéro.",
        "Vérifiez les caractères sous le code, ou continuez sur papier.",
    ),
    "EPU-002": Ligne(
        Rejected,
        "Le numéro lu n'a pas la forme attendue.",
        "Scannez de nouveau, ou saisissez le numéro.",
    ),
    "EPU-003": Ligne(
        Rejected,
        "Le prescripteur a annulé cette ordonnance. Ne pas délivrer.",
        "Appelez le prescripteur.",
    ),
    "EPU-004": Ligne(
        Rejected, "Ordonnance expirée.", "Un renouvellement exceptionnel est peut-être possible."
    ),
    "EPU-005": Ligne(
        Rejected, "Cette ordonnance a déjà été entièrement exécutée.", "Voyez son historique."
    ),
    "EPU-006": Ligne(
        Rejected,
        "Délivrance en cours dans une autre pharmacie.",
        "Attendez, téléphonez, ou continuez sur papier.",
    ),
    "EPU-008": Ligne(
        Rejected, "Votre profil ne permet pas d'exécuter cette ordonnance.", "Changez d'opérateur."
    ),
    "EPU-009": Ligne(Rejected, "La réservation a expiré.", "Elle est rouverte à la relance."),
    "EPU-010": Ligne(
        Rejected,
        "L'ordonnance a changé depuis sa lecture.",
        "Relisez les différences avant de relancer.",
    ),
    "EPU-011": Ligne(
        Rejected,
        "Tous les renouvellements ont été délivrés.",
        "Arrêtez, ou obtenez l'accord du prescripteur.",
    ),
    # Ours to mend, yet final: the service understood and refused; sent again, refused again (D10).
    "EPU-013": Ligne(
        Rejected,
        "Erreur interne : ligne inconnue. L'exécution est gardée.",
        "Appelez le support.",
    ),
    "EPU-014": Ligne(
        Rejected, "Quantité incohérente.", "Revoyez le contrôle, ou abandonnez l'envoi."
    ),
    "EPU-015": Ligne(Rejected, "Ordonnance réservée à une autre officine.", "Orientez le patient."),
    "EPU-017": Ligne(
        Rejected,
        "Aucune exécution à annuler sous cet identifiant.",
        "Vérifiez l'état de l'ordonnance.",
    ),
    "EPU-018": Ligne(Rejected, "Annulation hors délai.", "Gardez une trace écrite."),
    "EPU-019": Ligne(
        Rejected,
        "Ordonnance bloquée par l'Assurance Maladie. Ne pas délivrer avant vérification.",
        "Consultez ASAFO-PHARMA sur amelipro, appelez le prescripteur.",
    ),
    "EPU-020": Ligne(Rejected, "Message refusé. L'exécution est gardée.", "Prévenez le support."),
    "EPU-030": Ligne(
        NotReady, "Votre carte ou votre session n'est plus valable.", "Insérez votre CPS."
    ),
    "EPU-031": Ligne(
        NotReady, "Le logiciel n'est pas reconnu par le service.", "Prévenez le titulaire."
    ),
    "EPU-090": Ligne(
        Unavailable, "Service momentanément indisponible.", "La vente peut continuer."
    ),
    "EPU-091": Ligne(Unavailable, "Service saturé.", "Un nouvel essai part tout seul."),
    "EPU-099": Ligne(
        OutcomeUnknown, "Réponse incertaine.", "Rien n'est renvoyé avant vérification."
    ),
}
AVERTISSEMENTS: dict[str, str] = {
    "EPU-007": "L'ordonnance est au nom d'une autre personne.",
    "EPU-012": "La prochaine délivrance est prévue plus tard.",
    "EPU-016": "Un produit est inconnu du service : il est transmis en libellé.",
}
_INCONNU = Ligne(Rejected, "Le service refuse cette demande.", "Voyez la file d'envoi.")


def row_of(code: str) -> Ligne:
    """Return the row of a code; an unknown one is a refusal that a person reads."""
    return CODES.get(code, _INCONNU)


def error_of(code: str, detail: str = "") -> TeleserviceError:
    """Return the error of a code. `detail` of EPU-091 is a number of seconds to wait."""
    ligne = row_of(code)
    attente = int(detail) if code == "EPU-091" and detail.isascii() and detail.isdigit() else None
    return ligne.classe(code, f"{ligne.message} {ligne.geste}", retry_after_s=attente)
