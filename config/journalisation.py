"""Logging: to standard error, one line a record, without any patient data.

Libraries that print bodies, URLs or SQL at DEBUG level are held at WARNING whatever the root level
is, and the whole text is stripped of numbers that look like a NIR. An
exception is shown by its kind and its places in the code, never by its text: a database puts the
values of the row in it.
"""

import logging
import re
import traceback
from datetime import UTC, datetime
from types import TracebackType

_BLANC = "[ \u00a0\u202f]?"
# Nine digits or more, grouped by blanks or not; a NIR of Corsica has a letter inside.
_NOMBRE = re.compile(
    rf"[1-9](?:{_BLANC}\d){{4}}{_BLANC}2[ABab](?:{_BLANC}\d){{6,8}}|\d(?:{_BLANC}\d){{8,}}"
)


# What gives access, wherever a careless line would put it: the name stays, the value goes.
_SECRET = re.compile(
    r"(?i)\b(access_token|refresh_token|id_token|logout_token|client_secret|code_verifier|"
    r"auth_req_id|authorization|cookie|set-cookie|password|mot_de_passe|pin|"
    r"(?:code|state|nonce)(?=[\"']?\s*[=:]\s*[\"']?[\w.~-]{16}))"
    r"([\"']?\s*[=:]\s*[\"']?)((?:bearer|basic)\s+)?[^\s\"'&,;}]+"
)
_JETON = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}|(?i:\bbearer\s+)[\w.~+/=-]{8,}")
_COMMANDE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class LigneSansTrait(logging.Formatter):
    """Write exceptions without what they say, no number that looks like a person's, no secret."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the whole text, traceback included, numbers and secrets replaced."""
        texte = _NOMBRE.sub("[nombre]", super().format(record))
        return _JETON.sub("[jeton]", _SECRET.sub(r"\1\2[secret]", texte))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return one line: what was quoted from outside cannot start another."""
        return _COMMANDE.sub(lambda c: f"\\x{ord(c[0]):02x}", super().formatMessage(record))

    def formatTime(  # noqa: N802 - logging's own name
        self,
        record: logging.LogRecord,
        datefmt: str | None = None,
    ) -> str:
        """Return the instant in UTC, to the millisecond, with its zone."""
        instant = datetime.fromtimestamp(record.created, tz=UTC)
        return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def formatException(  # noqa: N802 - logging's own name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the places and the kinds of an exception and of its causes, outermost last."""
        lignes: list[str] = []
        exc = ei[1]
        while exc is not None:
            lieux = "".join(traceback.format_tb(exc.__traceback__))
            lignes.insert(0, f"{lieux}{type(exc).__module__}.{type(exc).__qualname__}")
            exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
        return "\n\n".join(lignes)


class SansException(logging.Filter):
    """Celery puts the text of an exception in its own sentence: keep its kind alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always; the arguments of a failed task are replaced."""
        if isinstance(record.args, dict) and "exc" in record.args:
            genre = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
            record.args = {**record.args, "exc": genre, "traceback": ""}
        return True


def build_logging() -> dict[str, object]:
    """Return the dictionary for `logging.config.dictConfig`."""
    bavards = ("httpx", "httpcore", "zeep", "urllib3", "django.db.backends", "kombu", "asyncio")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "exception": {"()": "config.journalisation.SansException"},
        },
        "formatters": {
            "ligne": {
                "()": "config.journalisation.LigneSansTrait",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            }
        },
        "handlers": {
            "sortie": {
                "class": "logging.StreamHandler",
                "formatter": "ligne",
                "filters": ["exception"],
            }
        },
        "root": {"handlers": ["sortie"], "level": "INFO"},
        "loggers": {nom: {"level": "WARNING"} for nom in bavards},
    }
