"""The control socket of the bench: one line in, one line out (agent.md §7.4).

`insert SLOT FILE`, `remove SLOT`, `pull SLOT N` (vanishes at the N-th next command), `swap SLOT
FILE [MS [GAP_MS]]`, `fault SLOT JSON`, `clear SLOT` (its faults), `reset` (the tries of the
codes), `pcscd start|stop|kill`, `state`. Answers: `ok …` or `error …`.
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulators.cartes import DOSSIER
from simulators.pcsc.apdu import CarteInvalide
from simulators.pcsc.cartes import CarteVirtuelle, load_card
from simulators.pcsc.logement import Logement, swap_later
from simulators.pcsc.service import PORTS, ServicePcsc
from simulators.pki import build_card

_LIGNE_MAX = 65536


class Tableau:
    """What the control socket commands: four slots and the service."""

    def __init__(self, service: ServicePcsc, cles: Path, etat: Path) -> None:
        self.service, self.cles, self.etat = service, cles, etat
        self.logements = [Logement(port) for port in PORTS]
        self._verbes: dict[str, Callable[[str], object]] = {
            "insert": self._insert,
            "remove": lambda reste: self._slot(reste).remove(),
            "pull": self._pull,
            "swap": self._swap,
            "fault": self._fault,
            "clear": lambda reste: self._card(reste).fautes.clear(),
            "pcscd": self._pcscd,
            "reset": lambda _: self._forget(),
            "state": lambda _: json.dumps([self._label(s) for s in self.logements]),
        }

    def command(self, ligne: str) -> str:
        """Do one line; return the answer."""
        verbe, _, reste = ligne.strip().partition(" ")
        try:
            fait = self._verbes[verbe](reste)
        except (KeyError, IndexError):
            return f"error commande inconnue : {ligne.strip()}"
        except (OSError, ValueError, RuntimeError) as exc:
            return f"error {exc}"
        return f"ok {fait}" if isinstance(fait, str) else "ok"

    def _slot(self, texte: str) -> Logement:
        return self.logements[int(texte.split(maxsplit=1)[0])]

    def _card(self, texte: str) -> CarteVirtuelle:
        carte = self._slot(texte).carte
        if carte is None:
            raise CarteInvalide("le logement est vide")
        return carte

    def _label(self, logement: Logement) -> str | None:
        return str(logement.carte.fichier["label"]) if logement.carte else None

    def _load(self, nom: str, voisin: Path = DOSSIER) -> tuple[CarteVirtuelle, Path]:
        """Read a card file by path, by name, or beside another; make its keys at the first use."""
        candidats = (Path(nom), DOSSIER / nom, DOSSIER / f"{nom}.json", voisin / nom)
        chemin = next((c for c in candidats if c.is_file()), None)
        if chemin is None:
            raise CarteInvalide(f"fichier de carte introuvable : {nom}")
        fichier: dict[str, Any] = json.loads(chemin.read_text(encoding="utf-8"))
        build_card(self.cles, fichier)
        return load_card(fichier, self.cles, self.etat), chemin

    def _forget(self) -> None:
        for fichier in self.etat.glob("*.json"):
            fichier.unlink()

    def _insert(self, reste: str) -> None:
        _, nom = reste.split(" ", 1)
        logement = self._slot(reste)
        carte, chemin = self._load(nom.strip())
        logement.insert(carte)
        faute = carte.fautes.swap()
        if faute is not None:
            swap_later(logement, faute, self._load(str(faute["to"]), chemin.parent)[0])

    def _pull(self, reste: str) -> None:
        n = int(reste.split()[1])
        self._card(reste).fautes.arm({"on": "apdu", "n": n, "do": "pull"})

    def _swap(self, reste: str) -> None:
        _, nom, *durees = reste.split()
        faute = dict(zip(("after_ms", "gap_ms"), durees, strict=False))
        swap_later(self._slot(reste), faute, self._load(nom)[0])

    def _fault(self, reste: str) -> None:
        self._card(reste).fautes.arm(json.loads(reste.split(" ", 1)[1]))

    def _pcscd(self, reste: str) -> None:
        if reste == "start":
            self.service.start()
            for logement in self.logements:
                logement.connect()
        elif reste in ("stop", "kill"):
            self.service.stop(hard=reste == "kill")
        else:
            raise CarteInvalide(f"pcscd {reste} : start, stop ou kill")


def serve(tableau: Tableau, prise: socket.socket) -> None:
    """Answer the control socket until it is closed."""
    while True:
        try:
            client, _ = prise.accept()
        except OSError:
            return
        with client, client.makefile("rw", encoding="utf-8") as flux:
            ligne = flux.readline(_LIGNE_MAX)
            flux.write(tableau.command(ligne) + "\n")
