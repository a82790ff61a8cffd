"""The relay's bell: what a process tells the one that holds an agent's connection (agent.md §5.12).

Valkey carries ids, and frames encrypted under the installation's key: no trait is readable there.
"""

import json
import logging
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import transaction

from pharmacy.chiffre import decrypt, encrypt

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=0.5, socket_connect_timeout=0.3)


def canal_agent(poste_id: int) -> str:
    """Return the channel that the holder of an agent's connection listens to."""
    return f"comptoir:relais:agent:{poste_id}"


def canal_page(poste_id: int, page: str) -> str:
    """Return the channel that one page listens to."""
    return f"comptoir:relais:page:{poste_id}:{page}"


def seal(trame: dict[str, Any]) -> bytes:
    """Return a frame as Valkey may carry it."""
    return encrypt(json.dumps(trame, ensure_ascii=False).encode())


def unseal(octets: bytes) -> dict[str, Any]:
    """Return the frame; ValueError when it is not ours."""
    return dict(json.loads(decrypt(octets)))


def ring_config(poste_id: int) -> None:
    """Tell the agent of a poste, after commit, that its configuration changed (or its end)."""

    def ring() -> None:
        try:
            _valkey().publish(canal_agent(poste_id), seal({"t": "config"}))
        except redis.RedisError:
            logger.warning("relais.valkey_absent")

    transaction.on_commit(ring)
