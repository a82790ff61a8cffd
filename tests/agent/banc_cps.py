"""A driver of real readers, a CPS, and a person in front of the window of its code."""

import asyncio
import hashlib

import pytest

from agent.cards.base import ASigner
from agent.cards.cps.signature import check_own
from agent.cards.pcsc.pilote import PilotePcsc
from agent.protocol.messages import ErreurAgent
from simulators.pcsc.cartes import load_card
from tests.agent.canal import cps
from tests.agent.scard_feint import ScardFeint

UN, DEUX = "SIM Comptoir 00 00", "SIM Comptoir 00 01"
MARTIN = "810100000040"
EMPREINTES = [hashlib.sha256(bytes([n])).digest() for n in range(3)]


class Banc:
    """A driver, its readers, and a person in front of its window."""

    def __init__(self, tls, dossier, scard=None):
        self.tls, self.dits = tls, []
        self.scard = scard or ScardFeint(UN, DEUX)
        self.pilote = PilotePcsc(self.scard, self.entendre, dossier, "pcsc_min")
        self.du_nouveau = asyncio.Event()
        self.fenetres, self.saisies = [], []
        self.pilote.codes.au_changement.append(self.voir)

    def entendre(self, nom, payload):
        self.dits.append((nom, payload))
        self.du_nouveau.set()

    def voir(self, vue):
        if vue is not None and vue.etape == "saisie":
            self.fenetres.append(vue)
            if self.saisies:
                self.pilote.codes.send(bytearray(self.saisies.pop(0)))
        self.du_nouveau.set()

    async def __aenter__(self):
        await self.pilote.start()
        return self

    async def __aexit__(self, *_exc):
        await self.pilote.stop()

    async def jusqu_a(self, vrai):
        async with asyncio.timeout(10):
            while not vrai():
                self.du_nouveau.clear()
                await self.du_nouveau.wait()

    async def inserer(self, nom="cps-martin", lecteur=UN, **champs):
        carte = load_card(cps(nom, **champs), self.tls)
        avant = len(self.dits)
        self.scard.inserer(lecteur, carte)
        await self.jusqu_a(lambda: any(d[0] == "card.inserted" for d in self.dits[avant:]))
        return carte

    def certificat(self, cle="sig"):
        return (self.tls / f"cps/{MARTIN}-{cle}.der").read_bytes()

    async def signer(self, lecteur="", alg="RS256"):
        empreinte = hashlib.sha256(self.certificat()).hexdigest()
        demande = ASigner("sig", alg, EMPREINTES, "Ordonnance Numérique", "Trois", empreinte)
        signees, der = await self.pilote.signer(self.pilote.carte("cps", lecteur), demande)
        check_own(der, alg, EMPREINTES, signees)
        return signees

    async def refus(self, acte):
        with pytest.raises(ErreurAgent) as leve:
            await acte
        return leve.value.code
