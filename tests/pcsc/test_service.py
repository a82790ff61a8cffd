"""The driver of readers on a real pcscd: killed, restarted, shared, lent, lied to by a slot."""

import asyncio
import base64
import hashlib
import json
import time
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from agent.cards.base import ASigner
from agent.cards.code_porteur import Etape
from agent.cards.pcsc import scard as pcsc
from agent.cards.pcsc.scard import load
from agent.protocol.messages import ErreurAgent
from tests.agent.poste import seul
from tests.agent.temoin import Temoin
from tests.agent.test_pcsc_processus import cpu_s
from tests.pcsc.contrat import fichier

UN = "sim-comptoir-00-00"
IDLE_S = 5


@pytest.fixture
def cartes(banc, tmp_path):
    """Put a card file in a slot of the bench."""

    def inserer(logement, nom, **autres):
        chemin = tmp_path / f"{logement}-{time.monotonic_ns()}.json"
        chemin.write_text(json.dumps(fichier(nom, **autres)), encoding="utf-8")
        banc.insert(logement, chemin)

    return inserer


@asynccontextmanager
async def en_service(dossier):
    """A driver on the real service, its four slots seen empty."""
    async with Temoin(load(), dossier) as agent:
        await agent.etats(*["empty"] * 4)
        yield agent


@asynccontextmanager
async def inseree(cartes, dossier, logement, nom, **autres):
    """A card in one slot, and a driver that told it."""
    async with en_service(dossier) as agent:
        cartes(logement, nom, **autres)
        await agent.fait("card.inserted")
        yield agent


@pytest.mark.exigence("AGT-11")
@pytest.mark.cas("agent-1", "agent-15")
@pytest.mark.parametrize("arret", ["stop", "kill"])
@seul
async def test_the_service_stopped_or_killed_and_started_again(banc, cartes, tmp_path, arret):
    async with inseree(cartes, tmp_path, 0, "vitale-01") as agent:
        assert (await agent.lire())["beneficiaires"]
        depuis = len(agent.dits)
        banc.pcscd(arret)
        await agent.etats("gone", "gone", "gone", "gone")
        assert await agent.refus() == "E_PCSC_UNAVAILABLE"
        assert agent.pilote.degrade() == ["pcsc"]
        banc.pcscd("start")
        await agent.fait("card.inserted", depuis=depuis)
        assert agent.pilote.degrade() == []
        assert (await agent.lire())["beneficiaires"]


@pytest.mark.cas("agent-15")
@seul
async def test_the_service_killed_during_a_reading(banc, cartes, tmp_path):
    lent = {"t0_strict": True, "max_le": 256, "delay_ms": 400}
    async with inseree(cartes, tmp_path, 0, "vitale-01", protocol=lent) as agent:
        lecture = asyncio.create_task(agent.refus())
        await asyncio.to_thread(banc.pcscd, "kill")
        assert await lecture in {"E_PCSC_UNAVAILABLE", "E_READER_GONE"}
        depuis = len(agent.dits)
        await asyncio.to_thread(banc.pcscd, "start")
        await agent.fait("card.inserted", depuis=depuis)
        assert (await agent.lire())["beneficiaires"]


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-7")
@pytest.mark.parametrize("n", [1, 3])
@seul
async def test_a_card_put_back_at_once_is_readable_within_three_seconds(banc, cartes, tmp_path, n):
    """The slot says « empty » for ever: nobody touches it, the agent has it back."""
    pris = {"on": "apdu", "n": n, "do": "pull"}
    async with inseree(cartes, tmp_path, 0, "vitale-01", faults=[pris]) as agent:
        depuis = len(agent.dits)
        debut = time.monotonic()
        assert await agent.refus() == "E_CARD_REMOVED"
        cartes(0, "vitale-02")
        await agent.fait("card.inserted", depuis=depuis)
        assert time.monotonic() - debut < 3
        attendu = fichier("vitale-02")["vitale"]["beneficiaires"][0]["prenom"]
        assert (await agent.lire())["beneficiaires"][0]["prenom"] == attendu


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-11")
@seul
async def test_two_vitales_are_not_chosen_between(cartes, tmp_path):
    async with en_service(tmp_path) as agent:
        cartes(0, "vitale-01")
        cartes(2, "vitale-02")
        await agent.fait(
            "readers.changed", lambda p: sum(r["state"] == "card" for r in p["readers"]) == 2
        )
        with pytest.raises(ErreurAgent) as leve:
            await agent.lire()
        assert leve.value.code == "E_READER_AMBIGUOUS"
        assert len(leve.value.details["readers"]) == 2
        for ident in leve.value.details["readers"]:
            assert (await agent.lire(ident))["beneficiaires"]


class AutreProgramme:
    """Another program of the workstation, on the same reader."""

    def __init__(self, nom, mode):
        self.s = load()
        self.contexte = self.s.establish()
        self.poignee, _ = self.s.connect(self.contexte, nom, mode, pcsc.PROTOCOLES)

    def finir(self):
        self.s.disconnect(self.poignee, pcsc.LAISSER)
        self.s.release(self.contexte)


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-16", "agent-17", "agent-18")
@seul
async def test_another_program_on_the_same_reader(cartes, tmp_path):
    async with inseree(cartes, tmp_path, 0, "vitale-01") as agent:
        nom = agent.pilote.les_lecteurs.named(UN).nom
        seul_ = AutreProgramme(nom, pcsc.MODE_EXCLUSIF)
        debut = time.monotonic()
        assert await agent.refus() == "E_READER_BUSY"
        assert time.monotonic() - debut <= 1.5
        seul_.finir()
        assert (await agent.lire())["beneficiaires"]
        # A transaction is waited for, up to the deadline; then the reader works.
        autre = AutreProgramme(nom, pcsc.MODE_PARTAGE)
        autre.s.begin(autre.poignee)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(agent.lire(), 0.3)
        autre.s.end(autre.poignee, pcsc.LAISSER)
        assert (await agent.lire())["beneficiaires"]
        # Our reset of the Vitale is another's for it, and the other way round.
        autre.s.reconnect(autre.poignee, pcsc.MODE_PARTAGE, pcsc.PROTOCOLES, pcsc.REINITIALISER)
        assert (await agent.lire())["beneficiaires"]
        # Lent, nothing of ours is left open: the other may have it for itself.
        autre.finir()
        await agent.pilote.ceder(UN, 30)
        AutreProgramme(nom, pcsc.MODE_EXCLUSIF).finir()
        agent.pilote.reprendre(UN)
        assert (await agent.lire())["beneficiaires"]


@pytest.mark.cas("agent-17")
@seul
async def test_a_cps_kept_open_and_reset_by_another_program_is_read_again(cartes, tmp_path):
    async with inseree(cartes, tmp_path, 1, "cps-01") as agent:
        lecteurs, carte = agent.pilote.les_lecteurs, agent.pilote.carte("cps")
        lire = lambda canal: canal.transmit(bytes.fromhex("00A4000C023F00"), rejouable=True)  # noqa: E731
        assert await lecteurs.use(carte, lire, garder=True) == (b"", 0x9000)
        autre = AutreProgramme(lecteurs.named(carte.lecteur).nom, pcsc.MODE_PARTAGE)
        autre.s.reconnect(autre.poignee, pcsc.MODE_PARTAGE, pcsc.PROTOCOLES, pcsc.REINITIALISER)
        assert await lecteurs.use(carte, lire, relancable=False) == (b"", 0x9000)
        autre.finir()


@pytest.mark.exigence("AGT-09")
@seul
async def test_a_code_given_is_forgotten_when_the_reader_is_lent(cartes, tmp_path):
    async with inseree(cartes, tmp_path, 1, "cps-01") as agent:
        carte, codes = agent.pilote.carte("cps"), agent.pilote.codes
        demandes = []

        def taper(vue):
            if vue is not None and vue.etape is Etape.SAISIE:
                demandes.append(vue.essais)
                asyncio.get_running_loop().call_soon(codes.send, bytearray(b"1234"))

        codes.au_changement.append(taper)
        public = await agent.pilote.lire_cps(carte)
        der = base64.b64decode(public["certificat_sig_b64"])
        empreintes = [hashlib.sha256(b"texte").digest()]
        demande = ASigner(
            "sig", "RS256", empreintes, "Document", "Essai", hashlib.sha256(der).hexdigest()
        )
        for _ in range(2):
            signees, _der = await agent.pilote.signer(carte, demande)
            cle = x509.load_der_x509_certificate(der).public_key()
            cle.verify(signees[0], b"texte", padding.PKCS1v15(), hashes.SHA256())
        assert len(demandes) == 1
        await agent.pilote.ceder(carte.lecteur, 30)
        autre = AutreProgramme(
            agent.pilote.les_lecteurs.named(carte.lecteur).nom, pcsc.MODE_PARTAGE
        )
        verifie = autre.s.transmit(autre.poignee, 1, bytes.fromhex("00200001"))
        assert verifie.hex() == "63c3"
        autre.finir()
        agent.pilote.reprendre(carte.lecteur)
        await agent.pilote.signer(carte, demande)
        assert demandes == [3, 3]


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-21")
@seul
async def test_a_dropped_exchange_of_a_reading_is_not_seen(cartes, tmp_path):
    perdu = {"on": "apdu", "n": 2, "do": "drop"}
    async with inseree(cartes, tmp_path, 0, "vitale-01", faults=[perdu]) as agent:
        assert (await agent.lire())["beneficiaires"]
        assert agent.noms("card.removed") == []


@pytest.mark.exigence("AGT-01", "AGT-14")
@seul
async def test_a_reader_is_lent_and_taken_back_by_its_page_and_the_agent_rests(
    poste_reel, banc, cartes
):
    async with poste_reel.page() as page:
        cartes(0, "vitale-01")
        lecteur = {"reader": (await page.evenement("card.inserted"))["reader"]}
        assert (await page.demander("reader.yield", max_s=120, **lecteur))["ok"]
        assert await page.code("vitale.read", nonce="n" * 24) == "E_READER_BUSY"
        assert (await page.demander("reader.resume", **lecteur))["ok"]
        assert (await page.lire())["ok"]
        # Told by who may: kept, and this card is then looked for nowhere else.
        droits = page.jeton(scope=["card:read", "admin"])
        assert (await page.demander("auth", token=droits))["ok"]
        assert await page.code("reader.assign", use="fax", **lecteur) == "E_PROTO_PAYLOAD"
        assert await page.code("reader.assign", use="cps", reader="x") == "E_NO_READER"
        assert (await page.demander("reader.assign", use="ignore", **lecteur))["ok"]
        assert await page.code("vitale.read", nonce="n" * 24) == "E_NO_CARD"
        assert (await page.demander("reader.assign", use="vitale", **lecteur))["ok"]
        # Not in front any more: who administers reads all the same, and says so.
        await page.demander("focus.release")
        assert await page.code("vitale.read", nonce="n" * 24) == "E_NOT_FOCUSED"
        assert await page.code("vitale.read", nonce="n" * 24, force=True) == "E_RATE_LIMITED"
        # A card is in, nothing happens: what is spent is the look every two seconds.
        avant = cpu_s(poste_reel.process.pid)
        await asyncio.sleep(IDLE_S)
        assert cpu_s(poste_reel.process.pid) - avant <= 0.01 * IDLE_S + 0.01
