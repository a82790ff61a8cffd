"""The public documents of the provider (discovery, keys): kept, renewed at their age, checked.

They survive a restart during an outage (psc.md §5.3). A document that fails its check never takes
the place of one that passed. Whoever forges an unknown key cannot make us ask more than once a
minute, whatever the number of processes: the floor is claimed in the store.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from psc.errors import error_of
from teleservices.errors import TeleserviceError

logger = logging.getLogger(__name__)
PLANCHER_S = 60.0
T = TypeVar("T")


@dataclass(frozen=True)
class Garde:
    """A document as it was received, and when (seconds since the epoch)."""

    contenu: bytes
    lu_le: float


class Magasin(Protocol):
    """Where the documents live; shared by every process of the installation."""

    def read(self, nom: str) -> Garde | None:
        """Return a document, None when there is none."""

    def keep(self, nom: str, garde: Garde) -> None:
        """Replace a document."""

    def claim(self, nom: str, quand: float, plancher_s: float) -> bool:
        """Tell whether a new request may leave now, and count it: one per `plancher_s`."""


class MagasinMemoire:
    """A store of this process alone."""

    def __init__(self) -> None:
        self._gardes: dict[str, Garde] = {}
        self._essais: dict[str, float] = {}
        self._verrou = threading.Lock()

    def read(self, nom: str) -> Garde | None:
        """Return a document, None when there is none."""
        return self._gardes.get(nom)

    def keep(self, nom: str, garde: Garde) -> None:
        """Replace a document."""
        self._gardes[nom] = garde

    def claim(self, nom: str, quand: float, plancher_s: float) -> bool:
        """Tell whether a new request may leave now, and count it."""
        with self._verrou:
            dernier = self._essais.get(nom)
            if dernier is not None and 0 <= quand - dernier < plancher_s:
                return False
            self._essais[nom] = quand
            return True


class Document(Generic[T]):
    """One document: `lire` asks for it, `verifier` checks and reads it."""

    def __init__(
        self,
        nom: str,
        age_max_s: float,
        lire: Callable[[], bytes],
        verifier: Callable[[bytes], T],
        magasin: Magasin,
        horloge: Callable[[], float],
    ) -> None:
        self.nom = nom
        self.age_max_s = age_max_s
        self._lire = lire
        self._verifier = verifier
        self._magasin = magasin
        self._horloge = horloge
        self._lu: tuple[bytes, T] | None = None

    def get(self) -> T:
        """Return the document; the former one while a new one cannot be had.

        Raises the error of the network, or of the check, when there is none at all.
        """
        garde = self._magasin.read(self.nom)
        if garde is None:
            # First need: no floor, or two processes that start together would refuse each other.
            return self.ask()
        age = self._horloge() - garde.lu_le
        if not 0 <= age < self.age_max_s:
            self.renew()
            garde = self._magasin.read(self.nom) or garde
        return self._parse(garde.contenu)

    def renew(self) -> bool:
        """Ask again, once per minute at most; tell whether the document was replaced."""
        if not self._magasin.claim(self.nom, self._horloge(), PLANCHER_S):
            return False
        try:
            self.ask()
        except TeleserviceError as erreur:
            logger.warning("psc.document_refuse %s %s", self.nom, erreur.code)
            return False
        return True

    def ask(self) -> T:
        """Ask now and keep the answer. Raises the error of the network, or of the check."""
        contenu = self._lire()
        lu = self._verifier(contenu)
        self._magasin.keep(self.nom, Garde(contenu, self._horloge()))
        self._lu = (contenu, lu)
        return lu

    def _parse(self, contenu: bytes) -> T:
        """Return what was read of these very bytes; they are read once."""
        if self._lu is None or self._lu[0] != contenu:
            self._lu = (contenu, self._verifier(contenu))
        return self._lu[1]


def refuse_document() -> TeleserviceError:
    """Return the error of a document that is not what it must be."""
    return error_of("psc_document")
