"""Counters of requests, shared by every process: kept in Valkey, a minute at a time."""

import logging
import time
from functools import lru_cache

import redis
from django.conf import settings

logger = logging.getLogger(__name__)
FENETRE_S = 60


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=0.5, socket_connect_timeout=0.3)


def _key(nom: str) -> str:
    return f"comptoir:debit:{nom}:{int(time.time()) // FENETRE_S}"


def count(nom: str) -> int:
    """Count one more under `nom` in this minute and return how many; 0 without Valkey.

    It protects from load, not from guessing: without its counter a request goes through.
    """
    try:
        lot = _valkey().pipeline()
        lot.incr(_key(nom))
        lot.expire(_key(nom), 2 * FENETRE_S)
        return int(lot.execute()[0])
    except redis.RedisError:
        logger.warning("debit.valkey_absent")
        return 0


def wait_s() -> int:
    """Return the seconds left in this minute."""
    return FENETRE_S - int(time.time()) % FENETRE_S
