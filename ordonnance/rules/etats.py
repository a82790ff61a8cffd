"""Local states of the workflow (ORD-31): one table, any other move is refused."""

TRANSITIONS: dict[str, frozenset[str]] = {
    "lue": frozenset({"recuperee", "papier", "annulee"}),
    "recuperee": frozenset({"confirmee", "annulee"}),
    "confirmee": frozenset({"en_delivrance", "annulee"}),
    "en_delivrance": frozenset({"controlee", "confirmee", "annulee"}),
    "controlee": frozenset({"a_transmettre", "en_delivrance", "annulee"}),
    "papier": frozenset({"a_transmettre", "annulee"}),
    "a_transmettre": frozenset({"transmise", "incertaine", "a_corriger", "annulee"}),
    "incertaine": frozenset({"transmise", "a_transmettre", "a_corriger"}),
    "a_corriger": frozenset({"a_transmettre", "annulee"}),
    "transmise": frozenset({"a_transmettre", "annulee"}),
    "annulee": frozenset(),
}
LIBELLES = {
    "lue": "lue, récupération en cours",
    "recuperee": "récupérée, à confirmer",
    "confirmee": "confirmée",
    "en_delivrance": "en délivrance",
    "controlee": "contrôlée",
    "papier": "délivrée sur papier, à régulariser",
    "a_transmettre": "en attente d'envoi",
    "transmise": "exécution transmise, accusé reçu",
    "incertaine": "incertaine, on vérifie",
    "a_corriger": "refusée, à corriger",
    "annulee": "annulée",
}


class TransitionRefusee(ValueError):
    """A move that the table does not hold."""


def check_transition(avant: str, apres: str) -> None:
    """Raise TransitionRefusee unless `avant` -> `apres` is in the table.

    Source: ordonnance.md §1.6.
    """
    if apres not in TRANSITIONS[avant]:
        raise TransitionRefusee(f"{avant} -> {apres}")
