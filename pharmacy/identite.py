"""The one gate: may this identity go out, in which form? Pure (ins.md §2.1, « Gate table »)."""

from pharmacy.decision import Decision

# action -> statuses that allow it.
_TOUS = frozenset({"PROV", "RECUP", "VALI", "QUAL"})
ACTIONS: dict[str, frozenset[str]] = {
    "delivrer": _TOUS,
    "ordonnance.lire": _TOUS,
    "matricule.transmettre": frozenset({"QUAL"}),
    "dmp.alimenter": frozenset({"QUAL"}),
    "message.patient": frozenset({"QUAL"}),
    "message.professionnel": _TOUS,
    "ins.imprimer": frozenset({"QUAL"}),
}
_RAISONS = {
    "PROV": ("Identité provisoire : l'INS n'est pas récupérée.", "Lisez la carte Vitale."),
    "RECUP": ("Identité non qualifiée.", "Contrôlez une pièce d'identité (Q)."),
    "VALI": ("Identité validée, sans INS.", "Interrogez INSi."),
}


def peut_sortir(action: str, statut: str) -> Decision:
    """Tell whether an identity of this status allows `action`; KeyError for an unknown action.

    Only a qualified identity puts the matricule in what leaves (EXI SI 08). Source: ins.md §2.1.
    """
    if statut in ACTIONS[action]:
        return Decision(ok=True)
    phrase, geste = _RAISONS[statut]
    return Decision(ok=False, phrase=phrase, geste=geste)
