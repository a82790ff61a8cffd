"""What every driver of a CPS does alike: the window, the right card, signatures verified (§5.7).

A driver only says how to play an act on a card (`Acces`): in memory, in a reader's thread, in the
process of the PKCS#11 library.
"""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from agent import operation
from agent.cards.base import ASigner, Carte, Emettre, EtatPin
from agent.cards.code_porteur import CodePorteur, Question
from agent.cards.cps.signature import check_own
from agent.protocol.messages import ErreurAgent

T = TypeVar("T")
# After these, whatever kept the code is no longer there (§1.7).
RUPTURES = frozenset({"E_INTERNAL", "E_TIMEOUT", "E_CARD_PROTOCOL"})
ABSENTE = EtatPin("absente", 0)


class CodePerdu(Exception):
    """The card no longer holds the code as given: it must be asked for again."""


class Cps(Protocol):
    """One CPS, opened. Blocking: used where a card may be slow. Raises ErreurAgent."""

    def public(self) -> dict[str, Any]:
        """Return identity and certificates, without the code."""

    def pin_state(self) -> EtatPin:
        """Return the counter, read from the card."""

    def login(self, code: bytearray | None) -> EtatPin:
        """Give the code (None: typed on the reader), once; wipes `code`."""

    def situations(self) -> list[dict[str, Any]]:
        """Return the situations; CodePerdu when the code is due."""

    def algorithms(self, cle: str) -> frozenset[str]:
        """Return what this key signs with."""

    def sign(self, cle: str, alg: str, empreintes: list[bytes]) -> list[bytes]:
        """Return the signatures of SHA-256 digests; CodePerdu when the code is due."""

    def logout(self) -> None:
        """Have the card forget the code."""


class Acces(Protocol):
    """How a driver plays an act on a card."""

    @property
    def nom(self) -> str | None:
        """The name of this way to a card; None when what it needs is not installed."""

    async def use(self, carte: Carte, acte: Callable[[Cps], T], *, code: bool = False) -> T:
        """Play an act. `code`: it gives the code or needs it, and is never played again."""

    def leave(self) -> None:
        """Close the card: the code given to it is forgotten."""

    def forget_card(self) -> None:
        """Trust nothing kept of a card that left."""


class _Presentation:
    """The card behind the window (see `CarteCode`)."""

    def __init__(self, usage: "UsageCps", carte: Carte) -> None:
        self._usage = usage
        self._carte = carte

    async def etat(self) -> EtatPin:
        """Return the counter of this card."""
        return await self._usage.etat(self._carte)

    async def presenter(self, code: bytearray | None) -> EtatPin:
        """Give the code to this card."""
        return await self._usage.present(self._carte, code)


class UsageCps:
    """The CPS of the workstation: its holder, its code, what it signs."""

    def __init__(self, acces: Acces, codes: CodePorteur, emettre: Emettre) -> None:
        self._acces = acces
        self.codes = codes
        self._emettre = emettre
        self._lu: tuple[str, dict[str, Any]] = ("", {})
        self._compteur: tuple[str, EtatPin] = ("", ABSENTE)
        codes.a_l_oubli.append(acces.leave)

    @property
    def nom(self) -> str | None:
        """The name of what reads a CPS here; None when its library is missing."""
        return self._acces.nom

    async def lire(self, carte: Carte) -> dict[str, Any]:
        """Return the public object of `cps.read`."""
        return {**await self._read_public(carte), "simulated": carte.simulee}

    async def situations(self, carte: Carte) -> dict[str, Any]:
        """Return whose card it is and its situations d'exercice, the code asked for if due."""
        public = await self._public(carte)
        lues = await self._with_code(
            carte, "Lire les situations d'exercice", "", lambda cps: cps.situations()
        )
        return {
            "id_nat": public.get("id_nat"),
            "serie": public.get("serie"),
            "situations": lues,
            "simulated": carte.simulee,
        }

    async def signer(self, carte: Carte, demande: ASigner) -> tuple[list[bytes], bytes]:
        """Return (signatures, certificate); nothing reaches the card before the checks.

        Raises E_CPS_NOT_MATCHING (another card than the request's), E_CPS_EXPIRED, E_SIGN_ALG.
        """
        operation.progress("certificat", 10)
        public = await self._public(carte)
        der = base64.b64decode(public[f"certificat_{demande.cle}_b64"])
        if hashlib.sha256(der).hexdigest() != demande.cert_sha256:
            raise ErreurAgent("E_CPS_NOT_MATCHING")
        if str(public.get("valide_au") or "9999") < datetime.now().astimezone().date().isoformat():
            raise ErreurAgent("E_CPS_EXPIRED")
        connus = await self._use(carte, lambda cps: cps.algorithms(demande.cle))
        if demande.alg not in connus:
            raise ErreurAgent("E_SIGN_ALG")
        signees = await self._with_code(
            carte,
            demande.purpose,
            demande.libelle,
            lambda cps: cps.sign(demande.cle, demande.alg, list(demande.empreintes)),
        )
        check_own(der, demande.alg, demande.empreintes, signees)
        self.codes.touch()
        operation.progress("signature", 100)
        return signees, der

    # The code

    def pin_state(self, carte: Carte | None) -> EtatPin:
        """Return where the code of the card in the reader stands, as last known."""
        if carte is None:
            return ABSENTE
        insertion, connu = self._compteur
        if insertion != carte.insertion_id:
            return EtatPin("inconnue", 0)
        donne = self.codes.is_given(carte.insertion_id) and connu.essais > 0
        return EtatPin("presentee" if donne else connu.etat, connu.essais, connu.pave)

    async def etat(self, carte: Carte) -> EtatPin:
        """Return where the code stands, its counter read from the card."""
        lu = await self._use(carte, lambda cps: cps.pin_state())
        self._compteur = (carte.insertion_id, lu)
        return self.pin_state(carte)

    async def present(self, carte: Carte, code: bytearray | None) -> EtatPin:
        """Give the code to the card. Raises E_CPS_PIN_WRONG, E_CPS_PIN_LOCKED."""
        lu = await self._use(carte, lambda cps: cps.login(code), code=True)
        _, connu = self._compteur
        self._compteur = (carte.insertion_id, EtatPin("a_presenter", lu.essais, connu.pave))
        return lu

    def lock(self, carte: Carte | None) -> None:
        """Forget the code, and tell the pages."""
        self.codes.lock()
        etat = self.pin_state(carte)
        self._emettre("cps.pin", {"state": etat.etat, "tries_left": etat.essais})

    def card_removed(self, insertion: str) -> None:
        """Forget everything of a card that left; its window closes."""
        self.codes.card_removed(insertion)
        if insertion in {self._lu[0], self._compteur[0]}:
            self._acces.forget_card()
        if self._lu[0] == insertion:
            self._lu = ("", {})
        if self._compteur[0] == insertion:
            self._compteur = ("", ABSENTE)

    # Acts

    async def _use(self, carte: Carte, acte: Callable[[Cps], T], *, code: bool = False) -> T:
        """Play an act. What broke off may have lost the code with it: it will be asked again."""
        try:
            return await self._acces.use(carte, acte, code=code)
        except asyncio.CancelledError:
            self.codes.lock()
            raise
        except ErreurAgent as erreur:
            if erreur.code in RUPTURES:
                self.codes.lock()
            raise

    async def _read_public(self, carte: Carte) -> dict[str, Any]:
        public = await self._use(carte, lambda cps: cps.public())
        self._lu = (carte.insertion_id, public)
        return public

    async def _public(self, carte: Carte) -> dict[str, Any]:
        """Return the public part, read once for each insertion."""
        insertion, public = self._lu
        return public if insertion == carte.insertion_id else await self._read_public(carte)

    async def _with_code(
        self, carte: Carte, purpose: str, libelle: str, acte: Callable[[Cps], T]
    ) -> T:
        """Play an act once the code is given; asked again, once, when the card forgot it."""
        _, public = self._lu
        nom = f"{public.get('prenom') or ''} {public.get('nom') or ''}".strip()
        ident = str(public.get("id_nat") or "")
        question = Question(
            nom or ident, ident, purpose, libelle, carte.lecteur, carte.insertion_id
        )
        presentation = _Presentation(self, carte)
        try:
            for reste in (True, False):
                operation.progress("code", 30)
                await self.codes.obtain(question, presentation)
                operation.progress("carte", 60)
                try:
                    return await self._use(carte, acte, code=True)
                except CodePerdu as exc:
                    self.codes.lock()
                    if not reste:
                        raise ErreurAgent("E_CPS_READ") from exc
        finally:
            self.codes.end()
        raise AssertionError
