"""The readers: what the monitor sees is told to the pages, what they ask is done (§5.9).

Everything here runs on the agent's loop. The monitor's thread and the readers' hand over.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

from agent import journal
from agent.cards.atr import is_sound
from agent.cards.base import Canal, Carte, Emettre
from agent.cards.pcsc.affectations import Affectations, take_apart
from agent.cards.pcsc.choix import GENRE, Prise, choose
from agent.cards.pcsc.erreurs import translate
from agent.cards.pcsc.lecteur import Ouvrier, Travail
from agent.cards.pcsc.moniteur import Moniteur, Vue
from agent.cards.pcsc.scard import CHANGED, EtatLecteur, Scard
from agent.protocol.messages import ErreurAgent

# Seconds a slot has to come back by itself once its card was lost (§6.5, point 13).
REPRISE_S = 1.5
# Threads of one reader that may be stuck in an exchange that never ends.
PERDUS_MAX = 3
EVENEMENTS = {"vitale": "vitale", "cps": "cps", "apcv": "apcv_nfc", "autre": "autre"}

T = TypeVar("T")


class Lecteurs:
    """The readers: who is there, which card, and one thread for each."""

    def __init__(self, scard: Scard, emettre: Emettre, affectations: Affectations) -> None:
        self._scard = scard
        self.emettre = emettre
        self._affectations = affectations
        self.prises: dict[str, Prise] = {}
        self.panne: ErreurAgent | None = ErreurAgent("E_PCSC_UNAVAILABLE", reason="demarrage")
        # Called with the prise whose card leaves: the holder's code goes with it.
        self.au_retrait: list[Callable[[Prise, str], None]] = []
        self._dits: tuple[list[dict[str, Any]], bool] | None = None
        self._ouvriers: dict[str, Ouvrier] = {}
        self._perdus: dict[str, list[Ouvrier]] = {}
        self._lachees: set[str] = set()
        self._retours: dict[str, asyncio.TimerHandle] = {}
        self._taches: set[asyncio.Task[None]] = set()
        self._moniteur: Moniteur | None = None

    def start(self) -> None:
        """Begin to watch, from the running loop."""
        boucle = asyncio.get_running_loop()

        def dire(vue: Vue) -> None:
            with contextlib.suppress(RuntimeError):  # the loop closed while the thread looked
                boucle.call_soon_threadsafe(self.see, vue)

        self._moniteur = Moniteur(self._scard, dire)
        self._moniteur.start()

    async def stop(self) -> None:
        """Close the cards and the service."""
        if self._moniteur is not None:
            await asyncio.to_thread(self._moniteur.stop)
        for ouvrier in self._ouvriers.values():
            ouvrier.abandon()
        for tache in self._taches:
            tache.cancel()

    def wake(self) -> None:
        """Start again from nothing: the workstation slept (§5.11)."""
        for nom in list(self._ouvriers):
            self._ouvriers.pop(nom).abandon()
        if self._moniteur is not None:
            self._moniteur.wake()

    # What the monitor saw

    def see(self, vue: Vue) -> None:
        """Tell the pages what changed since the last view: cards first, then the readers once."""
        if vue.panne is not None:
            self.panne = translate(vue.panne)
            if self._scard.motif:
                self.panne.details["reason"] = self._scard.motif
        else:
            self.panne = None
        presents = {etat.nom for etat in vue.lecteurs}
        for prise in self.prises.values():
            if prise.branche and prise.nom not in presents:
                self._unplug(prise)
        for etat in vue.lecteurs:
            self._see_reader(etat, vue.series.get(etat.nom, ""))
        self.refresh()

    def refresh(self) -> None:
        """Give each reader its use, and tell the pages if anything they show changed."""
        branchees = [p for p in self.prises.values() if p.branche]
        for prise in branchees:
            prise.usage = self._affectations.use(prise.materiel, [p.materiel for p in branchees])
        lecteurs = self.describe()
        dits = (lecteurs, self.panne is None)
        if dits != self._dits:
            self._dits = dits
            self.emettre("readers.changed", {"readers": lecteurs})

    def _unplug(self, prise: Prise) -> None:
        if prise.insertion:
            self._remove(prise)
        prise.branche = False
        self._lachees.discard(prise.nom)
        self._affectations.unplugged(prise.materiel)
        if (ouvrier := self._ouvriers.pop(prise.nom, None)) is not None:
            ouvrier.abandon()

    def _see_reader(self, etat: EtatLecteur, serie: str) -> None:
        materiel = take_apart(etat.nom, serie)
        prise = self.prises.setdefault(etat.nom, Prise(etat.nom, materiel, etat))
        avant, prise.etat, prise.materiel, prise.branche = prise.etat, etat, materiel, True
        if prise.insertion and (not etat.presente or etat.compteur != avant.compteur):
            self._remove(prise)
        if not etat.presente or etat.compteur != avant.compteur:
            self._lachees.discard(prise.nom)
        change = (avant.muette, avant.atr) != (etat.muette, etat.atr)
        if etat.presente and prise.nom not in self._lachees and (change or not prise.insertion):
            self._insert(prise)

    def _insert(self, prise: Prise) -> None:
        prise.insertion = uuid4().hex[:12]
        classe = prise.classe
        prise.contenu = classe.kind
        if prise.etat.muette or not is_sound(prise.etat.atr):
            self.tell_error(prise, "E_CARD_MUTE" if prise.etat.muette else "E_CARD_UNKNOWN")
            return
        vu = {"reader": prise.ident, "kind": EVENEMENTS[classe.kind]}
        if classe.generation:
            vu["generation"] = classe.generation
        vu |= {"insertion_id": prise.insertion, "atr_class": classe.classe}
        self.emettre("card.inserted", vu)

    def tell_error(self, prise: Prise, code: str) -> None:
        """Tell that the card in a reader cannot be used."""
        self.emettre("card.error", {"reader": prise.ident, "code": code})

    def _remove(self, prise: Prise) -> None:
        """Tell that a card left; what was given for it is forgotten."""
        insertion, prise.insertion = prise.insertion, ""
        for retrait in self.au_retrait:
            retrait(prise, insertion)
        if (ouvrier := self._ouvriers.get(prise.nom)) is not None:
            ouvrier.release()
        genre = EVENEMENTS[prise.contenu]
        self.emettre(
            "card.removed", {"reader": prise.ident, "kind": genre, "insertion_id": insertion}
        )

    # What the pages see and ask

    def describe(self) -> list[dict[str, Any]]:
        """Return the readers as `state.get` and `readers.changed` show them."""
        usages = self._shown_uses()
        return [
            {
                "name": prise.nom,
                "id": prise.ident,
                "kind": "nfc" if prise.sans_contact else "contact",
                "use": usages[prise.nom],
                "assigned": prise.usage or None,
                "state": _state(prise),
                "insertion_id": prise.insertion or None,
            }
            for prise in self.prises.values()
        ]

    def _shown_uses(self) -> dict[str, str]:
        """Return what the screen calls each reader: told, else the card in it or its last one.

        A reader that never held a card takes a name nobody has; nothing is decided by it.
        """
        usages = {
            p.nom: GENRE.get(p.usage, p.usage) if p.usage else _known(p.contenu)
            for p in self.prises.values()
        }
        libres = [genre for genre in ("vitale", "cps") if genre not in usages.values()]
        for nom in [nom for nom, usage in usages.items() if not usage][: len(libres)]:
            usages[nom] = libres.pop(0)
        return usages

    def find(self, genre: str, ident: str = "") -> Prise:
        """Return the reader an operation is for. Raises ErreurAgent."""
        if self.panne is not None:
            raise self.panne
        return choose(genre, list(self.prises.values()), ident)

    def named(self, ident: str) -> Prise:
        """Return a plugged reader by its name in messages. Raises ErreurAgent."""
        for prise in self.prises.values():
            if prise.branche and prise.ident == ident:
                return prise
        raise ErreurAgent("E_NO_READER")

    def assign(self, ident: str, usage: str) -> None:
        """Keep what a reader serves. Raises ErreurAgent."""
        prise = self.named(ident)
        try:
            self._affectations.assign(prise.materiel, usage)
        except ValueError as exc:
            raise ErreurAgent("E_PROTO_PAYLOAD", path="use") from exc
        self.refresh()

    async def lend(self, ident: str, duree_s: float) -> None:
        """Leave a reader to another program for a while, its card closed. Raises ErreurAgent."""
        prise = self.named(ident)
        prise.cede = True
        if (ouvrier := self._ouvriers.get(prise.nom)) is not None:
            await asyncio.wrap_future(ouvrier.release())
        self._cancel_return(prise)
        self._retours[prise.nom] = asyncio.get_running_loop().call_later(
            duree_s, self._take_back, prise
        )
        self.refresh()

    def resume(self, ident: str) -> None:
        """Take a lent reader back. Raises ErreurAgent."""
        self._take_back(self.named(ident))

    def _take_back(self, prise: Prise) -> None:
        self._cancel_return(prise)
        prise.cede = False
        self.refresh()

    def _cancel_return(self, prise: Prise) -> None:
        if (retour := self._retours.pop(prise.nom, None)) is not None:
            retour.cancel()

    # Cards

    async def use(
        self,
        carte: Carte,
        acte: Callable[[Canal], T],
        *,
        garder: bool = False,
        relancable: bool = True,
        reset: bool = False,
    ) -> T:
        """Play an act on a card, in its reader's thread. Raises ErreurAgent.

        The card must be the one in the reader from the beginning to the end: what is read is of
        one insertion (case 8). Cancelled: the thread is left to end alone, and replaced.
        """
        prise = next((p for p in self.prises.values() if p.ident == carte.lecteur), None)
        if prise is None or not prise.branche:
            raise ErreurAgent("E_READER_GONE")
        self._check_same(prise, carte)
        travail = Travail(
            acte, prise.etat.compteur, garder=garder, relancable=relancable, reset=reset
        )
        ouvrier = self._worker(prise)
        try:
            resultat: T = await asyncio.wrap_future(ouvrier.ask(travail))
        except asyncio.CancelledError:
            self._lose(prise, ouvrier)
            raise
        except ErreurAgent as erreur:
            raise self._explain(prise, carte, erreur) from erreur
        if prise.insertion:
            self._check_same(prise, carte)
        return resultat

    def forget_code(self) -> None:
        """Have every CPS forget the code it was given."""
        for prise in self.prises.values():
            if prise.branche and prise.holds("cps"):
                with contextlib.suppress(ErreurAgent):
                    self._worker(prise).forget()

    def _check_same(self, prise: Prise, carte: Carte) -> None:
        if prise.insertion != carte.insertion_id:
            raise ErreurAgent("E_CARD_CHANGED" if prise.insertion else "E_CARD_REMOVED")

    def _worker(self, prise: Prise) -> Ouvrier:
        if prise.nom not in self._ouvriers:
            perdus = [o for o in self._perdus.get(prise.nom, []) if o.alive]
            self._perdus[prise.nom] = perdus
            if len(perdus) >= PERDUS_MAX:
                raise ErreurAgent("E_READER_BUSY", reason="bloque")
            self._ouvriers[prise.nom] = Ouvrier(self._scard, prise.nom)
        return self._ouvriers[prise.nom]

    def _lose(self, prise: Prise, ouvrier: Ouvrier) -> None:
        """Leave a thread that may never answer; the reader gets another."""
        ouvrier.abandon()
        if self._ouvriers.get(prise.nom) is ouvrier:
            del self._ouvriers[prise.nom]
        self._perdus.setdefault(prise.nom, []).append(ouvrier)

    def _explain(self, prise: Prise, carte: Carte, erreur: ErreurAgent) -> ErreurAgent:
        """Return what happened, seen from the reader: gone, another card, or the card alone."""
        if erreur.code == "E_PCSC_UNAVAILABLE":
            return erreur
        if not prise.branche:
            return ErreurAgent("E_READER_GONE")
        if erreur.code in {"E_CARD_MUTE", "E_CARD_UNKNOWN"} and prise.contenu != "autre":
            self.tell_error(prise, erreur.code)
        if erreur.code not in {"E_CARD_REMOVED", "E_NO_CARD", "E_CARD_CHANGED"}:
            return erreur
        if prise.insertion and prise.insertion != carte.insertion_id:
            return ErreurAgent("E_CARD_CHANGED")
        self._let_go(prise)
        return ErreurAgent("E_CARD_REMOVED") if erreur.code == "E_NO_CARD" else erreur

    def _let_go(self, prise: Prise) -> None:
        """Tell that the card left before the service noticed, and see to the slot afterwards."""
        if prise.insertion:
            self._lachees.add(prise.nom)
            self._remove(prise)
            self.refresh()
        tache = asyncio.create_task(self._revive(prise))
        self._taches.add(tache)
        tache.add_done_callback(self._taches.discard)

    async def _revive(self, prise: Prise) -> None:
        """Have a slot back without human action: it may say « empty » with a card in it, for ever.

        A card that was put back, or never left, is told as another insertion.
        """
        await asyncio.sleep(REPRISE_S)
        if prise.insertion or not prise.branche or prise.cede or self.panne is not None:
            return
        try:
            etat = await asyncio.wrap_future(self._worker(prise).revive())
        except ErreurAgent as erreur:
            journal.note("pcsc_fente", code=erreur.code)
            return
        if prise.branche:
            self._lachees.discard(prise.nom)
            self._see_reader(replace(etat, etat=etat.etat & ~CHANGED), prise.materiel.serie)
            self.refresh()


def _known(contenu: str) -> str:
    return "" if contenu == "autre" else contenu


def _state(prise: Prise) -> str:
    if not prise.branche:
        return "gone"
    if prise.cede:
        return "yielded"
    if not prise.insertion:
        return "empty"
    return "mute" if prise.etat.muette else "card"
