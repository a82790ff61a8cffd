"""Which reader an operation is for: told > by its card > the only one; never « the first » (§5.9).

Pure: works on what the monitor saw.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.cards.atr import ClasseAtr, classify_atr
from agent.cards.pcsc.affectations import Materiel
from agent.cards.pcsc.scard import EtatLecteur
from agent.protocol.messages import ErreurAgent

# The use of `reader.assign` that serves each kind of card.
USAGE = {"vitale": "vitale", "cps": "cps", "apcv": "nfc"}
GENRE = {usage: genre for genre, usage in USAGE.items()}
# Names a virtual reader gives itself: what it holds is simulated, and its receipts say so.
_VIRTUEL = re.compile(r"SIM |Virtual PCD|vpcd", re.IGNORECASE)
_SANS_CONTACT = re.compile(r"\b(?:nfc|picc|cl|contactless|sans contact)\b", re.IGNORECASE)


@dataclass
class Prise:
    """A reader as the driver knows it, plugged or gone."""

    nom: str
    materiel: Materiel
    etat: EtatLecteur = field(repr=False)
    usage: str = ""
    branche: bool = True
    cede: bool = False
    # Empty without a card; a new one at every insertion.
    insertion: str = ""
    # The kind of the card in it, or of the last one: what the screen calls it while it is empty.
    contenu: str = "autre"

    @property
    def ident(self) -> str:
        """The name of this reader in messages and receipts."""
        return re.sub(r"[^a-z0-9]+", "-", self.nom.lower()).strip("-")[:60]

    @property
    def classe(self) -> ClasseAtr:
        """What the card in it is, by its ATR."""
        return classify_atr(self.etat.atr)

    @property
    def virtuelle(self) -> bool:
        """Whether this is a virtual reader: what it reads is simulated."""
        return _VIRTUEL.match(self.nom) is not None

    @property
    def sans_contact(self) -> bool:
        """Whether its name says that it reads without contact."""
        return _SANS_CONTACT.search(self.nom) is not None

    def holds(self, genre: str) -> bool:
        """Tell whether it holds a card of this kind that can be read."""
        lisible = bool(self.insertion) and not self.etat.muette
        return lisible and self.classe.kind == genre and self.classe.generation != "V1"


def choose(genre: str, prises: Sequence[Prise], ident: str = "") -> Prise:
    """Return the reader that holds the card of this kind. Raises ErreurAgent, which names why."""
    branchees = [p for p in prises if p.branche]
    if ident:
        possibles = [p for p in branchees if p.ident == ident]
    else:
        possibles = _candidates(genre, branchees)
    if not possibles:
        raise ErreurAgent("E_NO_READER")
    bonnes = [p for p in possibles if p.holds(genre)]
    if len(bonnes) > 1:
        raise ErreurAgent("E_READER_AMBIGUOUS", readers=[p.ident for p in bonnes])
    if not bonnes:
        raise _absence(genre, possibles)
    if bonnes[0].cede:
        raise ErreurAgent("E_READER_BUSY", reason="cede")
    return bonnes[0]


def _candidates(genre: str, branchees: Sequence[Prise]) -> list[Prise]:
    """Return the readers told to serve this kind; failing that, those told nothing."""
    dediees = [p for p in branchees if p.usage == USAGE[genre]]
    return dediees or [p for p in branchees if not p.usage]


def _absence(genre: str, possibles: Sequence[Prise]) -> ErreurAgent:
    """Say what is wrong with what is there: mute, too old, another card; or nothing is there."""
    pleines = [p for p in possibles if p.insertion]
    if any(p.etat.muette for p in pleines):
        return ErreurAgent("E_CARD_MUTE")
    etrangeres = [p for p in pleines if p.classe.kind in {genre, "autre"}]
    if not etrangeres and len(pleines) == len(possibles):
        etrangeres = pleines
    if etrangeres:
        return ErreurAgent("E_CARD_UNKNOWN", atr_class=etrangeres[0].classe.classe)
    return ErreurAgent("E_APCV_NOT_PRESENTED" if genre == "apcv" else "E_NO_CARD")
