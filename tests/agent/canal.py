"""A channel to a virtual card of `simulators.pcsc`, in process: what PC/SC does, without it."""

from agent.protocol.messages import ErreurAgent
from simulators.pcsc.apdu import CarteRetiree
from simulators.pcsc.cartes import load_card
from tests.agent.poste import carte

ATR_CPS4 = "3B9B188001001225006480040100009044"
ATR_SANS_CONTACT = "3B8F80010031B86404B0ECC1739401808290000E"


def cps(nom, **champs):
    """The file of a CPS of the demonstration, its content changed at will."""
    fichier = carte(nom)
    generation = champs.get("generation", "CPS3")
    atr = ATR_CPS4 if generation == "CPS4" else fichier["atr"]
    faults = champs.pop("faults", [])
    protocole = {"t0_strict": True}
    return {
        **fichier,
        "atr": champs.pop("atr", atr),
        "protocol": protocole,
        "faults": faults,
        "cps": {**fichier["cps"], **champs},
    }


class CanalVirtuel:
    """`61xx` and `6Cxx` followed; what is replayed is written down, as what was sent."""

    def __init__(self, fichier, tls):
        self.carte = load_card(fichier, tls)
        self.atr = self.carte.atr
        self.envoyes = []

    def _une(self, apdu):
        self.envoyes.append(bytes(apdu))
        try:
            brut = self.carte.apdu(bytes(apdu))
        except CarteRetiree:
            raise ErreurAgent("E_CARD_REMOVED") from None
        return brut

    def _suivie(self, apdu):
        brut, lu = self._une(apdu), b""
        if len(brut) == 2 and brut[0] == 0x6C:
            brut = self._une(apdu[:-1] + brut[1:2])
        while len(brut) >= 2 and brut[-2] == 0x61:
            lu += brut[:-2]
            brut = self._une(bytes([apdu[0] & 0xEF, 0xC0, 0, 0, brut[-1]]))
        return None if len(brut) < 2 else (lu + brut[:-2], int.from_bytes(brut[-2:]))

    def transmit(self, apdu, *, rejouable=False):
        for _ in range(4 if rejouable else 1):
            reponse = self._suivie(apdu)
            if reponse is not None:
                return reponse
        raise ErreurAgent("E_CARD_REMOVED")

    def sent(self, debut):
        """How many commands began so."""
        return sum(1 for a in self.envoyes if a.hex().upper().startswith(debut))
