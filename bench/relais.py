"""The relay under load (agent.md §5.12): `python -m bench.relais`, after `make bench-poste`.

The whole stack; pages over their websocket, straight to the agent, then by the server, alone and
eight at once (all that an agent serves). Each asks fifteen times a second, under the limit of
twenty. Milliseconds from a request to its answer.
"""

import asyncio
import contextlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import websockets

from bench.poste import p95
from config.lanceur.pile import Options, Pile, pile_complete
from tests.pile.guichet import Guichet

TOURS, PAUSE_S, ONGLETS = 200, 1 / 15, 8


class Onglet:
    """One page: signed in, known of the agent by its token."""

    def __init__(self, guichet: Guichet, ws: Any) -> None:  # noqa: ANN401 - a websocket
        self.guichet, self.ws = guichet, ws

    async def ask(self, verbe: str, ident: str, **payload: object) -> dict[str, Any]:
        """Send a request and return its answer; events are dropped."""
        await self.ws.send(json.dumps({"v": 1, "type": verbe, "id": ident, "payload": payload}))
        while True:
            lue: dict[str, Any] = json.loads(await self.ws.recv())
            if lue.get("id") == ident:
                return lue

    async def enter(self) -> None:
        """Give the agent a token of the server."""
        bonjour = json.loads(await self.ws.recv())["payload"]
        demande = {"wid": bonjour["wid"], "challenge": bonjour["challenge"]}
        jeton = await asyncio.to_thread(self.guichet.demander, "/api/agent/jetons", **demande)
        assert (await self.ask("auth", "a", token=jeton["token"]))["ok"]

    async def measure(self) -> list[float]:
        """Return how long each request took."""
        durees = []
        for rang in range(TOURS):
            debut = time.perf_counter()
            assert (await self.ask("ping", f"p{rang}"))["ok"]
            durees.append((time.perf_counter() - debut) * 1000)
            await asyncio.sleep(PAUSE_S)
        return durees


@contextlib.asynccontextmanager
async def opened(guichet: Guichet, url: str) -> AsyncIterator[Onglet]:
    """Open a page's websocket as its browser does."""
    cookies = "; ".join(f"{c.name}={c.value}" for c in guichet.http.cookies.jar)
    async with websockets.connect(
        url,
        origin=websockets.Origin(guichet.pile.adresse),
        subprotocols=[websockets.Subprotocol("officine.agent.v1")],
        additional_headers={"Cookie": cookies},
        compression=None,
        proxy=None,
    ) as ws:
        onglet = Onglet(guichet, ws)
        await onglet.enter()
        yield onglet


async def several(guichet: Guichet, url: str, nombre: int) -> list[float]:
    """Return the times of so many pages that ask at once."""
    async with contextlib.AsyncExitStack() as pile:
        onglets = [await pile.enter_async_context(opened(guichet, url)) for _ in range(nombre)]
        mesures = await asyncio.gather(*(onglet.measure() for onglet in onglets))
    return [duree for durees in mesures for duree in durees]


def line(nom: str, durees: list[float], reference: list[float]) -> str:
    """Return a row: median, p95, and the ratio of the medians."""
    milieu = statistics.median(durees)
    return (
        f"| {nom} | {milieu:.1f} | {p95(durees):.1f} "
        f"| ×{milieu / statistics.median(reference):.1f} |"
    )


async def play(pile: Pile) -> list[str]:
    """Return the rows of the table."""
    guichet: Any = Guichet(pile)  # a test's object, without types
    guichet.ouvrir_session()
    trouve = re.search(r'data-officine-agent="(\d+)', guichet.lire("/"))
    assert trouve is not None
    direct = f"ws://127.0.0.1:{trouve[1]}/agent/v1"
    relais = f"{pile.adresse.replace('http', 'ws', 1)}/flux/agent"
    seul = await several(guichet, direct, 1)
    par_relais = await several(guichet, relais, 1)
    pleins = await several(guichet, direct, ONGLETS)
    charge = await several(guichet, relais, ONGLETS)
    return [
        line("direct, une page", seul, seul),
        line("relais, une page", par_relais, seul),
        line("direct, huit pages", pleins, seul),
        line("relais, huit pages", charge, seul),
    ]


def main() -> int:
    """Print the table."""
    with (
        tempfile.TemporaryDirectory() as racine,
        pile_complete(Path(racine) / "pile", Options(durable=False, calme=True)) as pile,
    ):
        lignes = asyncio.run(play(pile))
    sys.stdout.write("| chemin | médiane | p95 | médiane contre direct seul |\n|---|---|---|---|\n")
    sys.stdout.write("\n".join(lignes) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
