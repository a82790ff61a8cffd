"""Moods in which a simulated service is of no use, whichever it is."""

PANNES = (
    ("panne_503", {}),
    ("panne", {}),
    ("reponse_perdue", {}),
    ("absurde", {"variante": "html"}),
    ("absurde", {"variante": "tronque"}),
    ("absurde", {"variante": "vide"}),
    ("absurde", {"variante": "enorme"}),
)
