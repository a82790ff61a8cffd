"""Refusals of the apCV service -> our class, the counter's sentence, next step (agent.md §3.3)."""

from ins.errors import Ligne, Table
from teleservices.errors import OutcomeUnknown, Rejected, Unavailable

_NOUVEAU = "Faites présenter un nouveau code, ou prenez la carte Vitale."
_AUTREMENT = "Prenez la carte Vitale, ou continuez par le nom (F2)."

CODES: dict[str, Ligne] = {
    "APCV_MALFORME": Ligne(Rejected, "Ce code d'appli carte Vitale n'est pas valable.", _NOUVEAU),
    "APCV_DEJA_UTILISE": Ligne(Rejected, "Ce code d'appli carte Vitale a déjà servi.", _NOUVEAU),
    "APCV_EXPIRE": Ligne(Rejected, "Ce code d'appli carte Vitale a expiré.", _NOUVEAU),
    "APCV_PS_NON_AUTORISE": Ligne(
        Rejected, "L'appli carte Vitale ne reconnaît pas cette officine.", _AUTREMENT
    ),
    "APCV_CONTEXTE_INCONNU": Ligne(
        Rejected, "La lecture de l'appli carte Vitale est terminée.", _NOUVEAU
    ),
    "APCV_ASSURE_DIFFERENT": Ligne(
        Rejected,
        "Ce code est celui d'un autre assuré que celui de la vente.",
        "Mettez la vente en attente (² A) pour cette personne, puis scannez de nouveau.",
    ),
    "APCV_INDISPONIBLE": Ligne(
        Unavailable, "Le service de l'appli carte Vitale est indisponible.", _AUTREMENT
    ),
    "http_503": Ligne(
        Unavailable, "Le service de l'appli carte Vitale est indisponible.", _AUTREMENT
    ),
    "http_500": Ligne(
        OutcomeUnknown, "Le service de l'appli carte Vitale a répondu par une erreur.", _AUTREMENT
    ),
    # Ours: no answer in time, a reading of demonstration.
    "delai_depasse": Ligne(
        Rejected, "Le service de l'appli carte Vitale n'a pas répondu à temps.", _AUTREMENT
    ),
    "APCV_DEMONSTRATION": Ligne(
        Rejected, "Appli de démonstration : elle ne qualifie personne.", _AUTREMENT
    ),
}
_AUTRE = Ligne(Rejected, "Le service de l'appli carte Vitale refuse la lecture.", _AUTREMENT)
_TABLE = Table(CODES, _AUTRE, CODES["http_503"], _AUTREMENT)
row_of, error_of, sentence_of = _TABLE.row_of, _TABLE.error_of, _TABLE.sentence_of
