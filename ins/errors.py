"""INSi's answers and faults -> our class, the counter's sentence, next step (ins.md §3.4, §3.5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from teleservices.errors import NotReady, OutcomeUnknown, Rejected, TeleserviceError, Unavailable


@dataclass(frozen=True)
class Ligne:
    """One row: class, sentence, next step."""

    classe: type[TeleserviceError]
    message: str
    geste: str


@dataclass(frozen=True)
class Table:
    """The codes of one service; what is said of an unknown one, and the way out of a silence."""

    codes: Mapping[str, Ligne]
    autre: Ligne
    autre_receiver: Ligne
    issue: str = ""

    def row_of(self, code: str, cote: str = "Sender") -> Ligne:
        """Return the row of a code; an unknown one is told apart by its side."""
        return self.codes.get(code) or (self.autre_receiver if cote == "Receiver" else self.autre)

    def error_of(self, code: str, cote: str = "Sender") -> TeleserviceError:
        """Return the error of a code, ready to be raised."""
        ligne = self.row_of(code, cote)
        return ligne.classe(code, f"{ligne.message} {ligne.geste}")

    def sentence_of(self, code: str, message: str = "") -> str:
        """Return what the counter reads: the table's sentence, or the network's with a way out."""
        if not message or code in self.codes:
            ligne = self.row_of(code)
            return f"{ligne.message} {ligne.geste}"
        return message if self.issue in message else f"{message} {self.issue}"


CODES: dict[str, Ligne] = {
    "01": Ligne(
        Rejected,
        "INSi ne trouve pas cette personne.",
        "Vérifiez le nom de naissance, ou essayez autrement (² I).",
    ),
    "02": Ligne(
        Rejected,
        "INSi trouve plusieurs personnes.",
        "Ajoutez les autres prénoms, puis le lieu de naissance.",
    ),
    "verification_01": Ligne(
        Rejected,
        "INSi ne confirme pas cette INS.",
        "Récupérez l'INS par la carte Vitale, ou par les traits (² X).",
    ),
    "verification_02": Ligne(
        Rejected,
        "INSi ne connaît pas ce matricule.",
        "Récupérez l'INS par la carte Vitale, ou par les traits (² X).",
    ),
    "verification_91": Ligne(
        Unavailable, "INSi n'a pas pu vérifier cette INS.", "Relancez plus tard (² I)."
    ),
    "insi_19": Ligne(
        Rejected, "Le nom de naissance manque pour INSi.", "Complétez le nom de naissance."
    ),
    "insi_20": Ligne(Rejected, "Le prénom manque pour INSi.", "Complétez le prénom."),
    "insi_22": Ligne(
        Rejected, "La date de naissance ne convient pas à INSi.", "Vérifiez la date de naissance."
    ),
    "insi_24": Ligne(Rejected, "Le sexe manque pour INSi.", "Complétez le sexe."),
    "insi_102": Ligne(
        Unavailable,
        "INSi n'a pas pu chercher (panne du service).",
        "Poursuivez la délivrance ; relancez plus tard.",
    ),
    "insi_111": Ligne(
        Unavailable, "INSi est indisponible.", "Poursuivez la délivrance ; relancez plus tard."
    ),
    "desir_550": Ligne(
        NotReady, "INSi ne reconnaît pas ce logiciel.", "Prévenez le titulaire et l'éditeur."
    ),
    "desir_560": Ligne(
        NotReady, "Le certificat de l'officine n'ouvre pas INSi.", "Prévenez le titulaire."
    ),
    "service_coupe": Ligne(
        Unavailable, "INSi est indisponible.", "Poursuivez la délivrance ; relancez plus tard."
    ),
    "http_503": Ligne(
        Unavailable, "INSi est indisponible.", "Poursuivez la délivrance ; relancez plus tard."
    ),
    "http_500": Ligne(
        OutcomeUnknown, "INSi a répondu par une erreur.", "Poursuivez la délivrance ; relancez."
    ),
}
_AUTRE_SENDER = Ligne(Rejected, "INSi refuse la demande.", "Vérifiez les traits, puis relancez.")
_AUTRE_RECEIVER = Ligne(
    Unavailable,
    "INSi est momentanément indisponible.",
    "Poursuivez la délivrance ; relancez plus tard.",
)


_TABLE = Table(CODES, _AUTRE_SENDER, _AUTRE_RECEIVER)
row_of, error_of = _TABLE.row_of, _TABLE.error_of


def is_technical(code: str) -> bool:
    """Tell whether a call ended without an answer about the person: it is to be made again.

    A fault about what was sent, or a question of ours that lacks something, is not. Source: ins.md
    §3.5, « Retry ».
    """
    if code in {"", "carte_absente", "traits_incomplets", "identite_incomplete"}:
        return False
    return not (code.startswith("insi_") and row_of(code).classe is Rejected) and not (
        code in CODES and CODES[code].classe is Rejected
    )
