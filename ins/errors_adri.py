"""Answers and faults of ADRi -> our class, the counter's sentence, next step (docs/contrats)."""

from ins.errors import Ligne, Table
from teleservices.errors import NotReady, OutcomeUnknown, Rejected, Unavailable

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
_TABLE = Table(CODES, _AUTRE, CODES["http_503"], _PLUS_TARD)
row_of, error_of, sentence_of = _TABLE.row_of, _TABLE.error_of, _TABLE.sentence_of
