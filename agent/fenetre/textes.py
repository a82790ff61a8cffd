"""What the window of the code porteur says, in French, from what the agent shows (§5.10)."""

from dataclasses import dataclass
from typing import Any

TITRE = "Code CPS — agent de poste"
LECTEUR = "Saisissez le code sur le lecteur"
CONSIGNE = "Ce code ne se tape que dans cette fenêtre, jamais dans une page."
TROP = "Huit chiffres au plus. Retapez votre code."
MACHINE = "Un lecteur de codes a écrit ici. Retapez votre code au clavier."
COURT = "Le code a quatre à huit chiffres."


@dataclass(frozen=True)
class Affiche:
    """One view of the window, every sentence ready."""

    porteur: str
    id_nat: str
    motif: str
    objets: tuple[str, ...]
    origine: str
    lecteur: str
    essais: str
    alerte: bool
    etape: str
    echec: str = ""

    @property
    def saisie(self) -> bool:
        """Whether digits are typed here now."""
        return self.etape == "saisie"


def build(vue: dict[str, Any]) -> Affiche:
    """Return the sentences of a view sent by the agent; KeyError when a part is missing."""
    essais = int(vue["essais"])
    return Affiche(
        porteur=str(vue["porteur"]),
        id_nat=str(vue["id_nat"]),
        motif=str(vue["purpose"]),
        objets=tuple(ligne for ligne in str(vue["libelle"]).split(" ; ") if ligne),
        origine=str(vue["origine"]),
        lecteur=str(vue["lecteur"]),
        essais=tries(essais),
        alerte=essais == 1,
        etape=str(vue["etape"]),
        echec="Code inexact." if vue["faux"] else "",
    )


def tries(essais: int) -> str:
    """Return how many tries are left, the last one as a warning."""
    if essais == 1:
        return "Dernier essai avant blocage"
    return f"{essais} essais restants"
