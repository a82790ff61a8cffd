"""The event stream's bell: after a commit, tell the pages of a sale which parts changed.

Valkey carries ids and names of parts only; the stream reads the database and sends the HTML. A
lost bell loses nothing: the page asks again by itself when the stream is silent.
"""

import json
import logging
from functools import lru_cache

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from pharmacy.models import Vente

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=0.5, socket_connect_timeout=0.3)


def canal_vente(officine_id: int, vente_id: int) -> str:
    """Return the channel of one sale."""
    return f"comptoir:{officine_id}:vente:{vente_id}"


def canal_officine(officine_id: int) -> str:
    """Return the channel of the header's numbers of one officine."""
    return f"comptoir:{officine_id}:entete"


def _publish(canal: str, message: dict[str, object]) -> None:
    try:
        _valkey().publish(canal, json.dumps(message))
    except redis.RedisError:
        logger.warning("flux.valkey_absent")


def announce_vente(
    officine_id: int, vente_id: int, *noms: str, suite: dict[str, object] | None = None
) -> None:
    """Raise the version of the sale now, and ring its pages once the transaction commits."""
    Vente.objects.filter(pk=vente_id, officine_id=officine_id).update(version=F("version") + 1)
    ring_vente(officine_id, vente_id, *noms, suite=suite)


def raise_versions(officine_id: int, patient_id: int, vente_id: int | None) -> list[int]:
    """Raise the version of the sales under way that show a patient, and of the one that asked.

    One statement, in the order of their numbers: two settlings never wait for each other crosswise.
    Return the sales to ring.
    """
    with connection.cursor() as curseur:
        curseur.execute(
            "WITH lues AS (SELECT id FROM pharmacy_vente WHERE officine_id = %s::bigint AND "
            "(patient_id = %s::bigint AND etat IN ('ouverte', 'controlee') OR id = %s::bigint) "
            "ORDER BY id FOR NO KEY UPDATE) "
            "UPDATE pharmacy_vente v SET version = v.version + 1 FROM lues WHERE v.id = lues.id "
            "AND v.officine_id = %s::bigint RETURNING v.id",
            [officine_id, patient_id, vente_id, officine_id],
        )
        return sorted(numero for (numero,) in curseur.fetchall())


def ring_vente(
    officine_id: int, vente_id: int, *noms: str, suite: dict[str, object] | None = None
) -> None:
    """Ring the pages of a sale, after commit; its version was raised with what changed.

    `suite` is the next step of the page, in the same message: who listens is checked once.
    """
    message: dict[str, object] = {"fragments": list(noms)}
    if suite is not None:
        message["suite"] = suite
    transaction.on_commit(lambda: _publish(canal_vente(officine_id, vente_id), message))


def announce_suite(officine_id: int, vente_id: int, suite: dict[str, object]) -> None:
    """Push a next step (phrase, dialogue to open) to the pages of a sale, after commit."""
    transaction.on_commit(lambda: _publish(canal_vente(officine_id, vente_id), {"suite": suite}))


def announce_entete(officine_id: int) -> None:
    """Ring every page of the officine: the header's numbers changed."""
    transaction.on_commit(lambda: _publish(canal_officine(officine_id), {"fragments": ["entete"]}))
