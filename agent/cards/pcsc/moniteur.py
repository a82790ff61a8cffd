"""One thread that watches the readers, survives the service, and says what it sees (§5.9)."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agent import journal
from agent.cards.pcsc.erreurs import LECTEUR_INCONNU, LECTEUR_PARTI
from agent.cards.pcsc.scard import (
    ANNULE,
    BRANCHEMENTS,
    CHANGED,
    UNAWARE,
    ErreurScard,
    EtatLecteur,
    Scard,
)

ATTENTE_MS = 2000
# Seconds before the service is tried again: 1, 2, then every 5.
REPRISES_S = (1.0, 2.0, 5.0)
REPRISE_LISTE_S = 0.1


@dataclass(frozen=True)
class Vue:
    """The readers at one moment, or the code of the service that does not answer."""

    lecteurs: tuple[EtatLecteur, ...] = ()
    series: dict[str, str] = field(default_factory=dict)
    panne: int | None = None


class Moniteur:
    """Calls `dire` from its thread with each new view; never twice the same."""

    def __init__(self, scard: Scard, dire: Callable[[Vue], None]) -> None:
        self._scard = scard
        self._dire = dire
        self._fini = threading.Event()
        self._contexte: int | None = None
        self._verrou = threading.Lock()
        self._derniere: Vue | None = None
        self._fil = threading.Thread(target=self._run, name="pcsc-moniteur", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._fil.start()

    def stop(self) -> None:
        """Stop watching; returns once the thread ended, or after a second."""
        self._fini.set()
        self.wake()
        self._fil.join(1)

    def wake(self) -> None:
        """Look again now, with a new context: the workstation slept, or the watch ends."""
        with self._verrou, contextlib.suppress(ErreurScard):
            if self._contexte is not None:
                self._scard.cancel(self._contexte)

    def _run(self) -> None:
        essais = 0
        while not self._fini.is_set():
            try:
                self._open()
                essais = 0
                self._watch()
            except ErreurScard as erreur:
                if erreur.code == ANNULE:
                    continue
                journal.note("pcsc_panne", hresult=f"{erreur.code:08X}")
                self._tell(Vue(panne=erreur.code))
                self._fini.wait(REPRISES_S[min(essais, len(REPRISES_S) - 1)])
                essais += 1
            finally:
                self._close()

    def _open(self) -> None:
        contexte = self._scard.establish()
        with self._verrou:
            self._contexte = contexte

    def _close(self) -> None:
        with self._verrou:
            contexte, self._contexte = self._contexte, None
        if contexte is not None:
            with contextlib.suppress(ErreurScard):
                self._scard.release(contexte)

    def _watch(self) -> None:
        assert self._contexte is not None  # noqa: S101 - opened just before
        connus: dict[str, EtatLecteur] = {}
        branchements = EtatLecteur(BRANCHEMENTS)
        series: dict[str, str] = {}
        while not self._fini.is_set():
            noms = self._scard.readers(self._contexte)
            series = {
                n: series[n] if n in series else self._scard.serial(self._contexte, n) for n in noms
            }
            connus = {nom: connus.get(nom, EtatLecteur(nom)) for nom in noms}
            if UNAWARE not in {e.etat for e in connus.values()}:
                self._tell(Vue(tuple(connus.values()), series))
            try:
                vus = self._scard.wait(self._contexte, ATTENTE_MS, [*connus.values(), branchements])
            except ErreurScard as erreur:
                if erreur.code not in {LECTEUR_INCONNU, LECTEUR_PARTI}:
                    raise
                # A reader went between the list and the wait: look at the list again.
                connus, series = {}, {}
                self._fini.wait(REPRISE_LISTE_S)
                continue
            for vu in vus or ():
                # The call wants the last known state back, without the mark of the change.
                etat = replace(vu, etat=vu.etat & ~CHANGED)
                if vu.nom == BRANCHEMENTS:
                    branchements = etat
                else:
                    connus[vu.nom] = etat

    def _tell(self, vue: Vue) -> None:
        if vue != self._derniere:
            self._derniere = vue
            self._dire(vue)
