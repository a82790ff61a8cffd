"""Steps 9 to 11: the control answered, validated, and its execution promised (§4.1, §5.3)."""

from ordonnance.services.validation.ecriture import copy_lines, lines_to_send, validate
from ordonnance.services.validation.promesse import Verrouillage, promise
from ordonnance.services.validation.reponses import (
    ControleChange,
    ControleIncomplet,
    check_answers,
    missing_answers,
    save_answers,
)
from ordonnance.services.validation.suivi import follow

__all__ = [
    "ControleChange",
    "ControleIncomplet",
    "Verrouillage",
    "check_answers",
    "copy_lines",
    "follow",
    "lines_to_send",
    "missing_answers",
    "promise",
    "save_answers",
    "validate",
]
