"""Logging: to standard error, one line a record, without any patient data.

Libraries that print bodies, URLs or SQL at DEBUG level are held at WARNING whatever the root level
is. The whole text is cleaned, traceback included: a database error quotes the row that it refused.
"""

import logging
import re

_BLANC = "[ \u00a0\u202f]?"
# Nine digits or more, grouped by blanks or not; a NIR of Corsica has a letter inside.
_NOMBRE = re.compile(
    rf"[1-9](?:{_BLANC}\d){{4}}{_BLANC}2[ABab](?:{_BLANC}\d){{6,8}}|\d(?:{_BLANC}\d){{8,}}"
)
# « DETAIL: Failing row contains (…) »: the values, whatever they are.
_DETAIL = re.compile(r"^DETAIL:.*?(?=\n(?:HINT:|CONTEXT:|\n)|\Z)", re.DOTALL | re.MULTILINE)


class LigneSansTrait(logging.Formatter):
    """Format a record, then erase numbers that look like a NIR, and rows quoted by PostgreSQL."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the whole text, traceback too, without them."""
        return _NOMBRE.sub("[nombre]", _DETAIL.sub("DETAIL: [effacé]", super().format(record)))


def build_logging() -> dict[str, object]:
    """Return the dictionary for `logging.config.dictConfig`."""
    bavards = ("httpx", "httpcore", "zeep", "urllib3", "django.db.backends", "kombu", "asyncio")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "ligne": {
                "()": "config.journalisation.LigneSansTrait",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            }
        },
        "handlers": {"sortie": {"class": "logging.StreamHandler", "formatter": "ligne"}},
        "root": {"handlers": ["sortie"], "level": "INFO"},
        "loggers": {nom: {"level": "WARNING"} for nom in bavards},
    }
