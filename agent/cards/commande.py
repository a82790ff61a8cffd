"""The control socket of the scripted driver: a demonstration tray or a test plays the hardware."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.cards.code_porteur import Vue
from agent.cards.scripted import PiloteScripte

Scan = Callable[[str, bytes], None]
Etat = Callable[[], dict[str, Any]]
# What happens to the machine rather than to a reader: its session, its sleep, its services.
Geste = Callable[[dict[str, Any]], None]


class Commande:
    """JSON lines on a private unix socket; one reply line per request."""

    def __init__(
        self, pilote: PiloteScripte, scan: Scan, etat: Etat, gestes: dict[str, Geste] | None = None
    ) -> None:
        self.gestes = gestes or {}
        self.pilote = pilote
        self.scan = scan
        self.etat = etat

    async def serve(self, chemin: Path) -> asyncio.Server:
        """Listen on `chemin`, readable by this user only."""
        chemin.unlink(missing_ok=True)
        serveur = await asyncio.start_unix_server(self._client, path=str(chemin), limit=1_000_000)
        chemin.chmod(0o600)
        return serveur

    async def _client(self, lecture: asyncio.StreamReader, ecriture: asyncio.StreamWriter) -> None:
        try:
            while ligne := await lecture.readline():
                reponse = self._answer(ligne)
                ecriture.write(json.dumps(reponse, ensure_ascii=False).encode() + b"\n")
                await ecriture.drain()
        except (ConnectionError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            ecriture.close()

    def _answer(self, ligne: bytes) -> dict[str, Any]:
        try:
            demande = json.loads(ligne)
            return self._do(demande)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as exc:
            return {"ok": False, "error": "commande", "message": type(exc).__name__}

    def _answer_window(self, verbe: str, chiffres: str) -> dict[str, Any]:
        """Play the person in front of the window: type, confirm the last try, give up."""
        codes = self.pilote.codes
        try:
            pris = {
                "pin": lambda: codes.send(bytearray(chiffres.encode())),
                "pin_confirm": codes.confirm,
                "pin_cancel": codes.cancel,
            }[verbe]()
        except ValueError:
            phrase = "Le code porteur a quatre à huit chiffres."
            return {"ok": False, "error": "chiffres", "message": phrase}
        if not pris:
            phrase = "Aucun code n'est demandé."
            return {"ok": False, "error": "fenetre_fermee", "message": phrase}
        return {"ok": True, "pin_window": describe_window(codes.vue)}

    def _do(self, demande: dict[str, Any]) -> dict[str, Any]:
        verbe, lecteur = demande["verb"], str(demande.get("reader") or "")
        actes: dict[str, Callable[[], object]] = {
            "insert": lambda: self.pilote.inserer(lecteur, demande["card"]),
            "swap": lambda: self.pilote.inserer(lecteur, demande["card"]),
            "remove": lambda: self.pilote.retirer(lecteur),
            "pull": lambda: self.pilote.retirer(lecteur),
            "plug": lambda: self.pilote.brancher(lecteur, present=True),
            "unplug": lambda: self.pilote.brancher(lecteur, present=False),
            "fault": lambda: self.pilote.postes[lecteur].fautes.extend(demande["faults"]),
            "scan": lambda: self.scan(str(demande["device"]), _scan_bytes(demande)),
            "state": lambda: None,
        }
        if verbe in {"pin", "pin_confirm", "pin_cancel"}:
            return self._answer_window(verbe, str(demande.get("digits") or ""))
        if verbe in self.gestes:
            self.gestes[verbe](demande)
            return {"ok": True, "state": self.etat()}
        if lecteur and lecteur not in self.pilote.postes:
            return {"ok": False, "error": "lecteur", "message": "Lecteur inconnu."}
        actes[verbe]()
        return {"ok": True, "state": self.etat()}


def describe_window(vue: Vue | None) -> dict[str, Any] | None:
    """Return what the tray shows of the window; None when it is closed."""
    if vue is None:
        return None
    return {
        "holder": vue.question.porteur,
        "id_nat": vue.question.id_nat,
        "purpose": vue.question.purpose,
        "label": vue.question.libelle,
        "tries_left": vue.essais,
        "reader": vue.question.lecteur,
        "origin": vue.origine,
        "step": str(vue.etape),
        "wrong": vue.faux,
    }


def _scan_bytes(demande: dict[str, Any]) -> bytes:
    if "bytes_b64" in demande:
        return base64.b64decode(demande["bytes_b64"], validate=True)
    # The scanner of the demonstration ends each code with a carriage return, as a real one is set.
    return str(demande["text"]).encode() + b"\r"
