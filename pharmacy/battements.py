"""Heartbeats of the workers: each queue says, through itself, that someone serves it (OPS-16)."""

import logging
import time
from functools import lru_cache

import redis
from django.conf import settings

logger = logging.getLogger(__name__)
FILES = ("interactif", "lots")
# Rung every ten seconds; a worker that has said nothing for a minute is not there.
VIVANT_S = 60
GARDE_S = 3600


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=0.5, socket_connect_timeout=0.3)


def _key(file: str) -> str:
    return f"comptoir:battement:{file}"


def note(file: str) -> None:
    """Write that a queue is served now; without Valkey nothing is written, and the log says so."""
    try:
        _valkey().set(_key(file), repr(time.time()), ex=GARDE_S)
    except redis.RedisError:
        logger.warning("battements.valkey_absent")


def read_ages() -> dict[str, float | None]:
    """Return, for each queue, the seconds since it was last served; None when never or long ago.

    Raises redis.RedisError when the broker does not answer.
    """
    maintenant = time.time()
    lus = _valkey().mget([_key(file) for file in FILES])
    return {
        file: None if brut is None else max(0.0, maintenant - float(brut))
        for file, brut in zip(FILES, lus, strict=True)
    }
