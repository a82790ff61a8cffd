"""The agent process with the driver of real readers, on a machine where PC/SC may be absent."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.agent.poste import Poste, seul

IDLE_S = 5


class PostePcsc(Poste):
    """A workstation whose agent runs the PC/SC driver."""

    def pilote(self):
        return ["--pilote", "pcsc", "--vitale", "pcsc_min"]


def cpu_s(pid):
    """Seconds of processor a process used, from the kernel."""
    champs = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(champs[11]) + int(champs[12])) / 100


@pytest.fixture
def poste_sans_service(tmp_path, tls, monkeypatch):
    # A socket nobody listens on: whatever runs on this machine, no service answers here.
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", str(tmp_path / "personne.comm"))
    lance = PostePcsc(tmp_path, tls)
    lance.start()
    yield lance
    lance.stop()


@pytest.mark.exigence("AGT-14")
@pytest.mark.cas("agent-1")
@seul
async def test_without_a_card_service_the_agent_lives_says_so_and_rests(poste_sans_service):
    poste = poste_sans_service
    async with poste.page() as page:
        etat = (await page.demander("state.get"))["payload"]
        assert etat["readers"] == []
        assert await page.code("vitale.read", nonce="n" * 24) == "E_PCSC_UNAVAILABLE"
        assert await page.code("cps.read", nonce="n" * 24) == "E_PCSC_UNAVAILABLE"
        assert (await page.demander("capabilities.get"))["payload"]["simulated"] is False
        avant = cpu_s(poste.process.pid)
        await asyncio.sleep(IDLE_S)  # nothing happens for a while: that is what is measured
        # The kernel counts by hundredths of a second.
        assert cpu_s(poste.process.pid) - avant <= 0.01 * IDLE_S + 0.01
        assert await page.rien("card.inserted")
    journal = [json.loads(ligne) for ligne in poste.journal.read_text().splitlines()]
    assert {"hresult": "8010001D", "event": "pcsc_panne"}.items() <= next(
        ligne for ligne in journal if ligne["event"] == "pcsc_panne"
    ).items()
    assert poste.stop() == 0
