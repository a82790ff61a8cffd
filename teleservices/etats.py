"""States of an Envoi, as one table; the diagram in docs/ is generated from it.

Theory of operation. A row is born `a_envoyer`. A worker claims it (`en_vol`), calls with no
transaction open, then settles it. What surely did not happen goes back to `a_envoyer` with a later
date; what may have happened becomes `incertain` and is asked about before anything is sent again.
"""

from random import Random

TRANSITIONS: dict[str, frozenset[str]] = {
    "a_envoyer": frozenset({"en_vol", "abandonne"}),
    "en_vol": frozenset({"envoye", "refuse", "incertain", "a_envoyer", "abandonne"}),
    "incertain": frozenset({"envoye", "a_envoyer", "refuse", "abandonne"}),
    "refuse": frozenset({"a_envoyer", "abandonne"}),
    "envoye": frozenset(),
    "abandonne": frozenset(),
}

LIBELLES = {
    "a_envoyer": "En attente d'envoi",
    "en_vol": "En cours d'envoi",
    "envoye": "Envoyé, accusé reçu",
    "refuse": "Refusé",
    "incertain": "Incertain, on vérifie",
    "abandonne": "Abandonné",
}

# Codes of a row that waits for a professional's card to sign; the signature releases it.
ABSENTE, EXPIREE = "assertion_absente", "assertion_expiree"
CODES_CARTE = frozenset({ABSENTE, EXPIREE, "EPU-030"})

# Sendings: 5 s, 30 s, 2 min, 10 min, 30 min, then hourly, for seven days (ordonnance.md §2.7).
_DELAIS_ENVOI_S = (5, 30, 120, 600, 1800, 3600)
# Reads for the counter: three tries, the second at once (design.md, « States of an Envoi »).
_DELAIS_LECTURE_S = (0, 2)
DUREE_ENVOI_S = 7 * 24 * 3600


class TransitionRefusee(ValueError):
    """A move that the table does not hold."""


def check_transition(avant: str, apres: str) -> None:
    """Raise TransitionRefusee unless the table allows `avant` -> `apres`."""
    if apres not in TRANSITIONS[avant]:
        raise TransitionRefusee(f"{avant} -> {apres}")


def next_try_s(
    tentatives: int, *, lecture: bool, hasard: Random, reprises_s: tuple[int, ...] | None = None
) -> int | None:
    """Return in how many seconds to try again after `tentatives` tries; None when it is over.

    `reprises_s` are the delays of a reading that has its own. Those of sendings vary by ±20 % so
    that a thousand officines do not come back together.
    """
    if lecture:
        delais = _DELAIS_LECTURE_S if reprises_s is None else reprises_s
        return delais[tentatives - 1] if tentatives <= len(delais) else None
    delai = _DELAIS_ENVOI_S[min(tentatives, len(_DELAIS_ENVOI_S)) - 1]
    return round(delai * hasard.uniform(0.8, 1.2))
