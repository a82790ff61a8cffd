"""The driver of real readers (see `agent.cards.base.Pilote`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.cards import apcv_nfc, vitale_min, vitale_sesam
from agent.cards.base import ASigner, Canal, Carte, Emettre, EtatPin
from agent.cards.code_porteur import CodePorteur
from agent.cards.cps.usage import Acces, UsageCps
from agent.cards.pcsc.affectations import Affectations
from agent.cards.pcsc.choix import Prise
from agent.cards.pcsc.cps import AccesPcsc
from agent.cards.pcsc.lecteurs import Lecteurs
from agent.cards.pcsc.scard import Scard
from agent.protocol.messages import ErreurAgent

# What reads a carte Vitale, by the name the workstation gives it (agent.md §2.4).
VITALES: dict[str, Callable[[Canal], dict[str, Any]]] = {
    "pcsc_min": vitale_min.read_vitale,
    "sesam": vitale_sesam.read_vitale,
}


class PilotePcsc:
    """Readers and cards through PC/SC; a reader that is virtual says so in each receipt."""

    nom = "pcsc"

    def __init__(
        self,
        scard: Scard,
        emettre: Emettre,
        dossier: Path,
        vitale: str,
        cps: Callable[[Lecteurs], Acces] = AccesPcsc,
        codes: CodePorteur | None = None,
    ) -> None:
        self.les_lecteurs = Lecteurs(scard, emettre, Affectations(dossier / "lecteurs.json"))
        self.les_lecteurs.au_retrait.append(self._forget_card)
        self._source = vitale
        self.codes = codes or CodePorteur(emettre)
        self.cps = UsageCps(cps(self.les_lecteurs), self.codes, emettre)

    @property
    def simule(self) -> bool:
        """Whether a virtual reader is here: no production server believes this workstation."""
        return any(p.virtuelle and p.branche for p in self.les_lecteurs.prises.values())

    async def start(self) -> None:
        """Begin to watch the readers."""
        self.les_lecteurs.start()

    async def stop(self) -> None:
        """Close what is open."""
        await self.les_lecteurs.stop()

    # Readers

    def lecteurs(self) -> list[dict[str, Any]]:
        """Return the readers and what they hold."""
        return self.les_lecteurs.describe()

    def degrade(self) -> list[str]:
        """Return « pcsc » while the service does not answer."""
        return [] if self.les_lecteurs.panne is None else ["pcsc"]

    def reveil(self) -> None:
        """Start again from nothing, the code forgotten: the machine slept."""
        self.codes.lock()
        self.les_lecteurs.wake()

    def carte(self, genre: str, lecteur: str = "") -> Carte:
        """Return the card of a kind; ErreurAgent when absent, mute, or ambiguous."""
        prise = self.les_lecteurs.find(genre, lecteur)
        return Carte(
            prise.ident,
            genre,
            prise.insertion,
            prise.etat.atr.hex().upper(),
            prise.classe.generation,
            prise.virtuelle,
        )

    async def ceder(self, lecteur: str, duree_s: float) -> None:
        """Leave a reader to another program; a code given to its card goes first."""
        if self.les_lecteurs.named(lecteur).holds("cps"):
            self.codes.lock()
        await self.les_lecteurs.lend(lecteur, duree_s)

    def reprendre(self, lecteur: str) -> None:
        """Take a lent reader back."""
        self.les_lecteurs.resume(lecteur)

    def affecter(self, lecteur: str, usage: str) -> None:
        """Say what a reader serves."""
        self.les_lecteurs.assign(lecteur, usage)

    # Vitale and phone

    async def lire_vitale(self, carte: Carte) -> dict[str, Any]:
        """Return the normalised object of §7.1; which blocks were not read is in `limites`."""
        lu = await self.les_lecteurs.use(carte, VITALES[self._source], reset=True)
        return {
            **lu,
            "source": self._source,
            "simulated": carte.simulee,
            "atr": carte.atr,
            "cps_absente": not any(p.holds("cps") for p in self.les_lecteurs.prises.values()),
        }

    async def lire_apcv(self, carte: Carte) -> dict[str, Any]:
        """Return the string of the phone, as it gives it."""
        return await self.les_lecteurs.use(carte, apcv_nfc.read_apcv, reset=True)

    # CPS

    async def lire_cps(self, carte: Carte) -> dict[str, Any]:
        """Return identity and certificates, without the code."""
        return await self.cps.lire(carte)

    async def lire_situations(self, carte: Carte) -> dict[str, Any]:
        """Return the situations d'exercice, the code asked for if it must be."""
        return await self.cps.situations(carte)

    def nom_cps(self) -> str | None:
        """Return the name of what reads a CPS here; None when its library is missing."""
        return self.cps.nom

    def pin_state(self) -> EtatPin:
        """Return where the holder's code stands, as last known."""
        return self.cps.pin_state(self._carte_cps())

    async def lire_pin(self) -> EtatPin:
        """Return where the holder's code stands, its counter read from the card."""
        carte = self._carte_cps()
        return self.cps.pin_state(None) if carte is None else await self.cps.etat(carte)

    def pin_lock(self) -> None:
        """Forget the code."""
        self.cps.lock(self._carte_cps())

    async def signer(self, carte: Carte, demande: ASigner) -> tuple[list[bytes], bytes]:
        """Ask for the code if needed, then sign each SHA-256 digest."""
        return await self.cps.signer(carte, demande)

    def _carte_cps(self) -> Carte | None:
        try:
            return self.carte("cps")
        except ErreurAgent:
            return None

    def _forget_card(self, _prise: Prise, insertion: str) -> None:
        self.cps.card_removed(insertion)
