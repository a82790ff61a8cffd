"""The driver of real readers (see `agent.cards.base.Pilote`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.cards import apcv_nfc, vitale_min, vitale_sesam
from agent.cards.base import Canal, Carte, Emettre, EtatPin
from agent.cards.pcsc.affectations import Affectations
from agent.cards.pcsc.choix import Prise
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

    def __init__(self, scard: Scard, emettre: Emettre, dossier: Path, vitale: str) -> None:
        self.les_lecteurs = Lecteurs(scard, emettre, Affectations(dossier / "lecteurs.json"))
        self.les_lecteurs.au_retrait.append(self._forget_card)
        self._source = vitale
        self._pin = EtatPin("absente", 0)

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
        """Start again from nothing: the machine slept."""
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
        """Leave a reader to another program."""
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
        """Say that no reading of the CPS is installed yet."""
        raise ErreurAgent("E_CPS_LIB_MISSING")

    def pin_state(self) -> EtatPin:
        """Return where the holder's code stands."""
        return self._pin

    def pin_lock(self) -> None:
        """Forget the code."""

    async def signer(
        self,
        carte: Carte,
        cle: str,
        empreintes: list[bytes],
        demande: tuple[str, str],
        cert_sha256: str,
    ) -> tuple[list[bytes], bytes]:
        """Say that no signature is installed yet."""
        raise ErreurAgent("E_CPS_LIB_MISSING")

    def _forget_card(self, prise: Prise) -> None:
        if prise.contenu == "cps":
            self._pin = EtatPin("absente", 0)
