"""What lives minutes and must never be a row: kept in Valkey, encrypted, with the end it was given.

Nothing rests on it: a value that vanished is asked for again. Source: ins.md §5.3, point 8.
"""

import logging
from functools import lru_cache

import redis
from django.conf import settings

from pharmacy import chiffre

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=0.5, socket_connect_timeout=0.3)


def _key(officine_id: int, nom: str) -> str:
    return f"comptoir:{officine_id}:ephemere:{nom}"


def keep(officine_id: int, nom: str, valeur: str, duree_s: int) -> None:
    """Keep `valeur` for `duree_s` seconds; without Valkey it is not kept, and the log says so."""
    try:
        _valkey().set(_key(officine_id, nom), chiffre.encrypt(valeur.encode()), ex=max(1, duree_s))
    except redis.RedisError:
        logger.warning("ephemere.valkey_absent")


def read(officine_id: int, nom: str) -> str | None:
    """Return what is kept under `nom`; None when it is over, forgotten, or out of reach."""
    try:
        brut = _valkey().get(_key(officine_id, nom))
    except redis.RedisError:
        logger.warning("ephemere.valkey_absent")
        return None
    return chiffre.decrypt(brut).decode() if isinstance(brut, bytes) else None


def forget(officine_id: int, nom: str) -> None:
    """Forget it now; the end it was given stands when Valkey is out of reach."""
    try:
        _valkey().delete(_key(officine_id, nom))
    except redis.RedisError:
        logger.warning("ephemere.valkey_absent")
