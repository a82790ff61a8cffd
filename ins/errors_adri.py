"""Answers and faults of ADRi -> our class, the counter's sentence, next step (docs/contrats)."""

from ins.errors import Ligne
from teleservices.errors import NotReady, OutcomeUnknown, Rejected, TeleserviceError, Unavailable

_PLUS_TARD = "La délivrance continue ; relancez les droits plus tard."

CODES: dict[str, Ligne] = {
    "01": Ligne(
        Rejected,
        "L'Assurance Maladie ne connaît pas ce bénéficiaire.",
        "Demandez l'attestation de droits ; la délivrance continue.",
    ),
    "02": Ligne(
        Rejected,
        "Aucun droit n'est ouvert à cette date.",
        "Demandez l'attestation de droits, ou facturez sans tiers payant.",
    ),
    "desir_550": Ligne(
        NotReady, "ADRi ne reconnaît pas ce logiciel.", "Prévenez le titulaire et l'éditeur."
    ),
    "desir_560": Ligne(
        NotReady, "Le certificat de l'officine n'ouvre pas ADRi.", "Prévenez le titulaire."
    ),
    "adri_40": Ligne(Unavailable, "Le service des droits est indisponible.", _PLUS_TARD),
    "http_503": Ligne(Unavailable, "Le service des droits est indisponible.", _PLUS_TARD),
    "http_500": Ligne(
        OutcomeUnknown, "Le service des droits a répondu par une erreur.", _PLUS_TARD
    ),
    "identite_fictive": Ligne(
        Rejected, "Identité fictive : ses droits ne se demandent pas.", "Poursuivez la délivrance."
    ),
    "delai_depasse": Ligne(Rejected, "Le service des droits n'a pas répondu à temps.", _PLUS_TARD),
}
_AUTRE = Ligne(Rejected, "Le service des droits refuse la demande.", _PLUS_TARD)
_AUTRE_RECEIVER = CODES["http_503"]


def row_of(code: str, cote: str = "Sender") -> Ligne:
    """Return the row of a code; an unknown one is told apart by its side."""
    return CODES.get(code) or (_AUTRE_RECEIVER if cote == "Receiver" else _AUTRE)


def error_of(code: str, cote: str = "Sender") -> TeleserviceError:
    """Return the error of a code, ready to be raised."""
    ligne = row_of(code, cote)
    return ligne.classe(code, f"{ligne.message} {ligne.geste}")


def sentence_of(code: str, message: str = "") -> str:
    """Return what the counter reads: the table's sentence, or the network's with a way out."""
    if not message or code in CODES:
        ligne = row_of(code)
        return f"{ligne.message} {ligne.geste}"
    return message if _PLUS_TARD in message else f"{message} {_PLUS_TARD}"
