"""What the agent adds between a card, or a scanner, and the page: `make bench-poste`.

A real agent process; a page over its websocket; cards by the scripted driver, and by a real pcscd
with virtual cards where the bench of `tests/pcsc` runs (a sentence says so where it does not). A
bare reader asks the same card the same files in turn, in the same run. Milliseconds.
"""

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from agent.cards.scripted import PiloteScripte
from agent.cards.vitale_min import read_vitale
from simulators.pki import build_all
from tests.agent.poste import CARTES, Poste

TOURS = 60
CIBLE_AJOUT_MS = 30.0
BOITE = b"3400930065785\r"


def p95(valeurs: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(valeurs, n=20, method="inclusive")[18]


def line(nom: str, nu: list[float], produit: list[float]) -> str:
    """Return a row: median / p95 of the bare reading, of the page, and what is added."""
    ajout = p95(produit) - p95(nu)
    verdict = "tenu" if ajout < CIBLE_AJOUT_MS else "MANQUÉ"
    return (
        f"| {nom} | {statistics.median(nu):.1f} / {p95(nu):.1f} "
        f"| {statistics.median(produit):.1f} / {p95(produit):.1f} | +{ajout:.1f} {verdict} |"
    )


async def timed(acte: Callable[[], Awaitable[Any]]) -> float:
    """Return how long an act lasts, in milliseconds."""
    debut = time.perf_counter()
    await acte()
    return (time.perf_counter() - debut) * 1000


@contextlib.contextmanager
def started(fabrique: Any, dossier: Path, tls: Path) -> Iterator[Any]:  # noqa: ANN401 - a test's
    """Run a workstation of the tests."""
    dossier.mkdir()
    poste = fabrique(dossier, tls)
    poste.start()
    try:
        yield poste
    finally:
        poste.stop()


async def scripted(poste: Any) -> list[str]:  # noqa: ANN401 - a test's object
    """Cards in memory: inserted → told → read with its receipt; a scan → its event."""
    seul = PiloteScripte(poste.tls, lambda *_: None, poste.dossier / "nu.json")
    lue = json.loads((CARTES / "vitale-01.json").read_text(encoding="utf-8"))
    nus: list[float] = []
    pages: list[float] = []
    scans: list[float] = []
    async with poste.page() as page:

        async def bare() -> None:
            seul.inserer("vitale", lue)
            await seul.lire_vitale(seul.carte("vitale"))

        async def inserted() -> None:
            await asyncio.to_thread(poste.geste, "insert", reader="vitale", card=lue)
            await page.evenement("card.inserted")
            assert (await page.lire())["ok"]

        async def scanned() -> None:
            await asyncio.to_thread(poste.octets, BOITE)
            await page.evenement("scan")

        for _ in range(TOURS):
            nus.append(await timed(bare))
            pages.append(await timed(inserted))
            scans.append(await timed(scanned))
            poste.geste("remove", reader="vitale")
            await page.evenement("card.removed")
            await asyncio.sleep(0.3)  # the agent slows whoever asks faster than a counter does
    return [
        line("carte insérée → lue avec son reçu, pilote scripté", nus, pages),
        line("octets du lecteur → scan dans la page", [0.0] * TOURS, scans),
    ]


class CarteReprise(Exception):
    """Another program reset the card meanwhile: whoever was reading begins again."""


class CanalNu:
    """A card through plain pyscard."""

    def __init__(self, pcsc: Any, lecteur: str) -> None:  # noqa: ANN401 - a test's object
        self._pcsc, self._poignee = pcsc, pcsc.connect(lecteur)
        self.atr = pcsc.state(lecteur)[1]

    def transmit(self, apdu: bytes, *, rejouable: bool = False) -> tuple[bytes, int]:
        """Return (data, status word), 6Cxx followed. Raises CarteReprise."""
        del rejouable
        lu = self._pcsc.send(self._poignee, apdu.hex())[1]
        if not lu:
            raise CarteReprise
        if lu[-2] == 0x6C:
            lu = self._pcsc.send(self._poignee, (apdu[:-1] + lu[-1:]).hex())[1]
        return lu[:-2], int.from_bytes(lu[-2:])

    def close(self) -> None:
        """Leave the card."""
        from smartcard import scard

        scard.SCardDisconnect(self._poignee, scard.SCARD_RESET_CARD)


async def real(poste: Any, banc: Any, lecteur: str) -> list[str]:  # noqa: ANN401 - tests' objects
    """A virtual card behind a real pcscd: its files read bare, then asked by the page, in turn."""
    from tests.pcsc.pcsc_nu import Pcsc

    nus: list[float] = []
    pages: list[float] = []
    async with poste.page() as page:
        banc.insert(0, CARTES / "vitale-01.json")
        vu = await page.evenement("card.inserted")
        with Pcsc() as pcsc:

            async def bare() -> None:
                canal = CanalNu(pcsc, lecteur)
                await asyncio.to_thread(read_vitale, canal)
                canal.close()

            async def asked() -> None:
                assert (await page.lire(reader=vu["reader"]))["ok"]

            for _ in range(TOURS // 2):
                nus.append(await timed(bare))
                pages.append(await timed(asked))
                await asyncio.sleep(1.05)  # one reading a second of the same card (§5.11)
    return [line("carte lue, pcscd", nus, pages)]


def play_real(dossier: Path, tls: Path) -> list[str]:
    """Return the rows of the real service; none, and a sentence, where it does not run."""
    from simulators.pcsc.banc import Banc, BancImpossible

    try:
        with Banc() as banc:
            os.environ["PCSCLITE_CSOCK_NAME"] = banc.adresse
            from tests.pcsc.conftest import PosteReel
            from tests.pcsc.pcsc_nu import LECTEURS

            with started(PosteReel, dossier, tls) as poste:
                return asyncio.run(real(poste, banc, LECTEURS[0]))
    except (BancImpossible, ImportError) as exc:
        sys.stderr.write(f"Sans pcscd, mesuré avec le seul pilote scripté : {exc}\n")
        return []


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as racine:
        tls = Path(racine) / "tls"
        build_all(tls)
        with started(Poste, Path(racine) / "agent", tls) as poste:
            lignes = asyncio.run(scripted(poste))
        lignes += play_real(Path(racine) / "agent-reel", tls)
    sys.stdout.write("| mesure | nu | page | ajout au p95 |\n|---|---|---|---|\n")
    sys.stdout.write("\n".join(lignes) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
