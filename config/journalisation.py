"""Logging: to standard error, one line a record, without any patient data.

Libraries that print bodies, URLs or SQL at DEBUG level are held at WARNING whatever the root level
is, and what reaches a handler is stripped of long runs of digits (a NIR mistyped somewhere).
"""

import logging
import re

_DIGITS = re.compile(r"\d{9,}")


class EffaceNombres(logging.Filter):
    """Replace runs of nine digits or more (NIR, RPPS, CIP) before a record is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always; the record is rewritten in place when it holds such a run."""
        message = record.getMessage()
        masque = _DIGITS.sub("[nombre]", message)
        if masque != message:
            record.msg, record.args = masque, ()
        return True


def build_logging() -> dict[str, object]:
    """Return the dictionary for `logging.config.dictConfig`."""
    bavards = ("httpx", "httpcore", "zeep", "urllib3", "django.db.backends", "kombu", "asyncio")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"efface": {"()": "config.journalisation.EffaceNombres"}},
        "formatters": {"ligne": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "sortie": {
                "class": "logging.StreamHandler",
                "formatter": "ligne",
                "filters": ["efface"],
            }
        },
        "root": {"handlers": ["sortie"], "level": "INFO"},
        "loggers": {nom: {"level": "WARNING"} for nom in bavards},
    }
