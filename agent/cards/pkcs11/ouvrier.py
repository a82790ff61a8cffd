"""The process that loads the library, and how the agent speaks to it (agent.md §1.7).

The library keeps the process for itself: when it crashes, hangs or loses the card, the process is
killed and another is started; the code must then be given again. The digits cross a private pipe.
"""

import contextlib
import multiprocessing
import threading
from multiprocessing.connection import Connection
from typing import Any

from agent.cards.base import EtatPin
from agent.cards.code_porteur import wipe
from agent.cards.cps.usage import CodePerdu
from agent.protocol.messages import ErreurAgent

DELAI_S = 30.0
PAVE_S = 75.0
# PKCS#11 v2.40: what ends the process, and what it means for the person (§1.7).
RETIREE = {0x32: "CKR_DEVICE_REMOVED", 0xE0: "CKR_TOKEN_NOT_PRESENT"}
MALADE = {0x05: "CKR_GENERAL_ERROR", 0x30: "CKR_DEVICE_ERROR", 0xB3: "CKR_SESSION_HANDLE_INVALID"}
NON_CONNECTE, MECANISME, ABANDONNE = 0x101, 0x70, 0x50
ACTUA = 0x80000001


def translate(ckr: int) -> tuple[str, dict[str, Any], bool]:
    """Return (code, details, fatal) of a CKR; fatal: the process is not to be trusted any more."""
    if ckr in RETIREE:
        return "E_CARD_REMOVED", {}, True
    if ckr in MALADE:
        return "E_CARD_PROTOCOL", {"reason": MALADE[ckr]}, True
    code = {
        ACTUA: "E_CPS_BAD_ACTUA",
        MECANISME: "E_SIGN_ALG",
        ABANDONNE: "E_CPS_PIN_CANCELLED",
    }.get(ckr)
    return (code, {}, False) if code else ("E_CPS_READ", {"reason": f"CKR_{ckr:X}"}, False)


def serve(prise: Connection, chemin: str) -> None:
    """Run in the process: load the library, then answer until the pipe closes."""
    from agent.cards.pkcs11.jeton import Jeton

    try:
        jeton = Jeton(chemin)
    except Exception:  # noqa: BLE001 - whatever the library or its absence says
        prise.send(("erreur", "E_CPS_LIB_MISSING", {}, True))
        return
    prise.send(("ok", None))
    with contextlib.suppress(EOFError):
        while True:
            verbe, args, avec_code = prise.recv()
            code = bytearray(prise.recv_bytes()) if avec_code else None
            prise.send(_answer(jeton, verbe, args, code))


def _answer(jeton: Any, verbe: str, args: tuple[Any, ...], code: bytearray | None) -> Any:  # noqa: ANN401 - any verb
    try:
        if verbe == "login":
            return ("ok", jeton.login(*args, code))
        return ("ok", getattr(jeton, verbe)(*args))
    except CodePerdu:
        return ("code_perdu",)
    except ErreurAgent as erreur:
        return ("erreur", erreur.code, erreur.details, False)
    except Exception as exc:  # noqa: BLE001 - PyKCS11Error, or anything the library does
        valeur = getattr(exc, "value", None)
        if valeur == NON_CONNECTE:
            return ("code_perdu",)
        return ("erreur", *translate(valeur if isinstance(valeur, int) else 0x05))


class Ouvrier:
    """The worker's process, started when needed. Blocking; one call at a time."""

    def __init__(self, chemin: str, delai_s: float = DELAI_S) -> None:
        self.chemin = chemin
        self._delai_s = delai_s
        self._tour = threading.Lock()
        self._processus: multiprocessing.process.BaseProcess | None = None
        self._prise: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The worker's process, if it runs."""
        return None if self._processus is None else self._processus.pid

    def call(
        self, verbe: str, *args: object, code: bytearray | None = None, pave: bool = False
    ) -> Any:  # noqa: ANN401 - any verb
        """Have the worker do something. Raises ErreurAgent, CodePerdu.

        A worker that dies gives E_INTERNAL, one that does not answer E_TIMEOUT; the next call
        starts another. `code` is wiped.
        """
        with self._tour:
            try:
                prise = self._prise or self._start()
                prise.send((verbe, args, code is not None))
                if code is not None:
                    prise.send_bytes(code)
                return self._result(prise, PAVE_S if pave else self._delai_s)
            except (EOFError, OSError) as exc:
                self.kill()
                raise ErreurAgent("E_INTERNAL", ref="pkcs11") from exc
            finally:
                if code is not None:
                    wipe(code)

    def _start(self) -> Connection:
        contexte = multiprocessing.get_context("spawn")
        ici, la_bas = contexte.Pipe()
        processus = contexte.Process(target=serve, args=(la_bas, self.chemin), daemon=True)
        processus.start()
        la_bas.close()
        self._processus, self._prise = processus, ici
        self._result(ici, self._delai_s)
        return ici

    def _result(self, prise: Connection, delai_s: float) -> Any:  # noqa: ANN401 - any verb
        if not prise.poll(delai_s):
            self.kill()
            raise ErreurAgent("E_TIMEOUT")
        genre, *reste = prise.recv()
        if genre == "code_perdu":
            raise CodePerdu
        if genre == "erreur":
            code, details, fatal = reste
            if fatal:
                self.kill()
            raise ErreurAgent(code, **details)
        return reste[0]

    def kill(self) -> None:
        """End the worker at once, from any thread; what waits for it fails."""
        processus, self._processus = self._processus, None
        prise, self._prise = self._prise, None
        if processus is not None:
            processus.kill()
            processus.join()
        if prise is not None and not self._tour.locked():
            prise.close()


class CpsPkcs11:
    """One CPS through the worker (see `agent.cards.cps.usage.Cps`)."""

    def __init__(self, lien: Ouvrier, lecteur: str = "") -> None:
        self._lien = lien
        self._lecteur = lecteur

    def public(self) -> dict[str, Any]:
        """Return identity and certificates, without the code."""
        lu: dict[str, Any] = self._lien.call("public", self._lecteur)
        return lu

    def pin_state(self) -> EtatPin:
        """Return the counter the token tells."""
        etat: EtatPin = self._lien.call("pin_state", self._lecteur)
        return etat

    def login(self, code: bytearray | None) -> EtatPin:
        """Give the code, once."""
        etat: EtatPin = self._lien.call("login", self._lecteur, code=code, pave=code is None)
        return etat

    def situations(self) -> list[dict[str, Any]]:
        """Return the situations; CodePerdu when the code is due."""
        lues: list[dict[str, Any]] = self._lien.call("situations", self._lecteur)
        return lues

    def algorithms(self, cle: str) -> frozenset[str]:
        """Return what the token signs with; its library does not tell one key from another."""
        del cle
        return frozenset(self._lien.call("algorithms", self._lecteur))

    def sign(self, cle: str, alg: str, empreintes: list[bytes]) -> list[bytes]:
        """Return the signatures of SHA-256 digests; CodePerdu when the code is due."""
        if alg not in self.algorithms(cle):
            raise ErreurAgent("E_SIGN_ALG")
        signees: list[bytes] = self._lien.call("sign", self._lecteur, cle, alg, empreintes)
        return signees

    def logout(self) -> None:
        """End the worker: the library forgets the code with it."""
        self._lien.kill()
