"""Who came back from Pro Santé Connect, written and read again: encrypted wherever it rests."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psc.echanges import Authentifie, Jetons
from psc.jetons import JetonIdentite
from psc.rules.identifiant import AutreIdentifiant
from psc.rules.userinfo import Activite, Exercice, Identite


class IdentiteIllisible(ValueError):
    """What was kept is not of this row: nothing of it is used."""


def dump_identite(identite: Identite) -> bytes:
    """Return an identity as bytes, for an encrypted column."""
    return json.dumps(asdict(identite)).encode()


def load_identite(octets: bytes) -> Identite:
    """Return the identity that `dump_identite` wrote."""
    return _identite(json.loads(bytes(octets)))


def dump_authentifie(tentative_id: UUID, authentifie: Authentifie) -> bytes:
    """Return the person, proof and tokens that wait on an attempt, bound to it."""
    return json.dumps({"tentative": str(tentative_id), **asdict(authentifie)}).encode()


def load_authentifie(tentative_id: UUID, octets: bytes) -> Authentifie:
    """Return who waits on an attempt. Raises IdentiteIllisible when it was another's."""
    lu = json.loads(bytes(octets))
    if lu.get("tentative") != str(tentative_id):
        raise IdentiteIllisible("another attempt")
    return Authentifie(
        Jetons(**lu["jetons"]), JetonIdentite(**lu["preuve"]), _identite(lu["identite"])
    )


def _identite(lu: Mapping[str, Any]) -> Identite:
    return Identite(
        **{
            **lu,
            "roles": tuple(lu["roles"]),
            "autres": tuple(AutreIdentifiant(**autre) for autre in lu["autres"]),
            "exercices": tuple(
                Exercice(
                    **{**e, "activites": tuple(Activite(**activite) for activite in e["activites"])}
                )
                for e in lu["exercices"]
            ),
        }
    )
