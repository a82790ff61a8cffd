"""The paired scanners: found, opened, lost, found on another port (agent.md §4.1, case 87)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import journal
from agent.appareils.base import Branche, Flux, Partage, Pilote, Reglage
from agent.fichiers import write_object
from agent.protocol.messages import ERREURS

if TYPE_CHECKING:
    from agent.server.scans import Scans

TOUR_S = 1.0
FICHIER = "appareils.json"


def load(dossier: Path) -> list[Reglage]:
    """Return the paired scanners of this workstation; what cannot be read is said and left out."""
    fichier = dossier / FICHIER
    if not fichier.exists():
        return []
    reglages: list[Reglage] = []
    try:
        objets = json.loads(fichier.read_text(encoding="utf-8"))["appareils"]
        for objet in objets:
            reglages.append(Reglage.from_dict(objet))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        journal.note("appareils_illisibles", classe=type(exc).__name__)
    return reglages


def save(dossier: Path, reglages: list[Reglage]) -> None:
    """Write the paired scanners, whole or not at all."""
    write_object(dossier / FICHIER, {"appareils": [r.as_dict() for r in reglages]})


@dataclass
class Suivi:
    """One paired scanner: `gone`, `ready`, or `shared` when its keys go to every window."""

    reglage: Reglage
    etat: str = "gone"
    flux: Flux | None = field(default=None, repr=False)
    chemin: str = ""


class Appareils:
    """Watches for the paired scanners; their bytes go to `scans`, their state to `changed`."""

    def __init__(
        self,
        reglages: list[Reglage],
        pilotes: list[Pilote],
        scans: Scans,
        changed: Callable[[], None],
    ) -> None:
        self._suivis = [Suivi(r) for r in reglages]
        self._pilotes = {p.nom: p for p in pilotes}
        self._scans = scans
        self._changed = changed
        for reglage in reglages:
            scans.declare(reglage.device, reglage.role, reglage.silence_s)

    async def watch(self) -> None:
        """Look every second for what was plugged in; never returns."""
        while True:
            self.look()
            await asyncio.sleep(TOUR_S)

    def look(self) -> None:
        """Open what is there and not yet ours; notice a shared keyboard that left."""
        if not self._suivis:
            return
        branches = {nom: pilote.list_plugged() for nom, pilote in self._pilotes.items()}
        for suivi in self._suivis:
            if suivi.flux is None:
                self._open(suivi, branches.get(suivi.reglage.pilote, []))

    def _open(self, suivi: Suivi, branches: list[Branche]) -> None:
        prises = {s.chemin for s in self._suivis if s.flux is not None}
        candidates = [
            b
            for b in branches
            if suivi.reglage.identite.matches(b.identite) and b.chemin not in prises
        ]
        etat = "gone"
        for branche in candidates:
            try:
                flux = self._pilotes[suivi.reglage.pilote].open(branche, suivi.reglage)
            except Partage:
                etat = "shared"
                continue
            except OSError:
                continue
            suivi.flux, suivi.chemin, etat = flux, branche.chemin, "ready"
            asyncio.get_running_loop().add_reader(flux.fileno(), self._on_bytes, suivi, flux)
            break
        self._become(suivi, etat)

    def _on_bytes(self, suivi: Suivi, flux: Flux) -> None:
        try:
            octets = flux.read()
        except OSError:
            self._lose(suivi, flux)
            return
        if octets:
            self._scans.on_bytes(suivi.reglage.device, octets)

    def _lose(self, suivi: Suivi, flux: Flux) -> None:
        """The scanner left: what was half read is dropped, never taken for a code."""
        asyncio.get_running_loop().remove_reader(flux.fileno())
        flux.close()
        suivi.flux = None
        self._scans.drop(suivi.reglage.device)
        self._become(suivi, "gone")

    def _become(self, suivi: Suivi, etat: str) -> None:
        if suivi.etat == etat:
            return
        suivi.etat = etat
        journal.note("lecteur", device=suivi.reglage.device, etat=etat)
        self._changed()

    def close(self) -> None:
        """Give every scanner back."""
        for suivi in self._suivis:
            if suivi.flux is not None:
                asyncio.get_running_loop().remove_reader(suivi.flux.fileno())
                suivi.flux.close()
                suivi.flux = None

    def states(self) -> list[dict[str, Any]]:
        """Return what `state.get` and `agent.status` say of each scanner; no content."""
        return [
            {
                "device": s.reglage.device,
                "role": s.reglage.role,
                "driver": s.reglage.pilote,
                "state": s.etat,
                "degraded": "clavier_partage" if s.etat == "shared" else None,
                "error": _gone() if s.etat == "gone" else None,
                "dropped": self._scans.dropped(s.reglage.device),
            }
            for s in self._suivis
        ]


def _gone() -> dict[str, str]:
    return {"code": "E_SCANNER_GONE", "message": ERREURS["E_SCANNER_GONE"][1]}
