"""The applications of a CPS and their commands (agent.md §1.3): IAS-ECC, ChipDoc, CPS2ter.

Keys of the simulated cards (§7.3): 02 authentication, 01 signature; CPS4: 20 and 01.
"""

from simulators.pcsc.apdu import (
    ABSENT,
    CLASSE,
    CONDITIONS,
    DONNEES,
    INSTRUCTION,
    LONGUEUR,
    P1_P2,
    PAS_DE_CODE,
    REFERENCE,
    Commande,
    Refus,
    tlv,
    tlvs,
    untlv,
)
from simulators.pcsc.cles import SHA1, SHA256, Paire
from simulators.pcsc.code import CodePorteur
from simulators.pcsc.fichiers import Arbre
from simulators.pcsc.hachage import finish_on_card

AID_IAS = bytes.fromhex("E828BD080F8025000001FF0010")
AID_IAS_SANS_CONTACT = bytes.fromhex("E828BD080F8025000001FF0020")
AID_CHIPDOC = bytes.fromhex("8025000001FF0100")
AID_CPS2TER = bytes.fromhex("8025000001FF0002")
AID_RELANCE = bytes.fromhex("A0000001510000")
_AUTH, _SIGN = 0x02, 0x01
_AUTH_4, _SIGN_4 = 0x20, 0x81
_ALG_IAS = {0x12: SHA1, 0x42: SHA256}
_ALG_DERNIER_TOUR = {0x10: SHA1, 0x40: SHA256}
_ALG_4 = {0x0A: (SHA1, False), 0x15: (SHA1, True), 0x28: (SHA256, False), 0x2C: (SHA256, True)}
_MF = b"\x3f\x00"


class _Cle:
    """The key chosen by MANAGE SECURITY ENVIRONMENT: for what, with which algorithm."""

    def __init__(self, pour: str = "", hachage: str = "", pss: bool = False) -> None:
        self.pour, self.hachage, self.pss = pour, hachage, pss


class _Volet:
    """What IAS-ECC and ChipDoc share: files by path, the code, keys under the code."""

    aid = AID_IAS

    def __init__(self, arbre: Arbre, code: CodePorteur, paires: dict[str, Paire]) -> None:
        self.arbre, self.code, self.paires = arbre, code, paires
        self.libre = False
        self.reset()

    def reset(self) -> None:
        """Nothing selected, no key chosen."""
        self.arbre.reset()
        self.choisi = False
        self.cle = _Cle()
        self.empreinte = b""

    def _select(self, c: Commande) -> bytes:
        if c.p2 not in (0x04, 0x0C):
            raise Refus(P1_P2)
        if c.p1 == 0x04:
            if c.data != self.aid:
                raise Refus(ABSENT)
            self.choisi = True
            self.arbre.select("3F000001")
        elif c.p1 == 0x00:
            if c.data != _MF:
                raise Refus(ABSENT)
            self.arbre.select("3F00")
        elif c.p1 == 0x09:
            if not c.data.startswith(_MF) or len(c.data) % 2:
                raise Refus(ABSENT)
            self.arbre.select(c.data.hex().upper())
        else:
            raise Refus(P1_P2)
        return self.arbre.fci() if c.p2 == 0x04 else b""

    def _verify(self, c: Commande) -> bytes:
        if c.p1 or c.p2 != self.code.ref:
            raise Refus(REFERENCE)
        if c.data:
            self.code.verify(c.data)
        elif self.code.state() != 0x9000:
            raise Refus(self.code.state())
        return b""

    def _key(self, pour: str) -> Paire:
        """The pair, when it was chosen for this and the code was presented."""
        if not self.libre and not self.code.presente:
            raise Refus(PAS_DE_CODE)
        if self.cle.pour != pour:
            raise Refus(CONDITIONS)
        return self.paires["sig" if pour == "signer" else "auth"]

    def _sign(self, c: Commande) -> bytes:
        paire = self._key("signer")
        empreinte, self.empreinte = c.data or self.empreinte, b""
        return paire.sign(empreinte, self.cle.hachage, self.cle.pss)


class Ias(_Volet):
    """IAS-ECC, class 00. Without contact: another AID, no code, authentication only."""

    def __init__(
        self, arbre: Arbre, code: CodePorteur, paires: dict[str, Paire], sans_contact: bool
    ) -> None:
        super().__init__(arbre, code, paires)
        self.libre = sans_contact
        self.aid = AID_IAS_SANS_CONTACT if sans_contact else AID_IAS

    def execute(self, c: Commande) -> bytes:
        """One command of class 00."""
        match c.ins:
            case 0xA4:
                return self._select(c)
            case 0xB0:
                return self.arbre.read(c, self.code.presente)
            case 0x22:
                return self._choose_key(c)
            case 0x88 if c.p1p2 == 0:
                return self._key("authentifier").authenticate(c.data)
            case 0x20 | 0xCB | 0x2A if not self.libre:
                return {0x20: self._verify, 0xCB: self._counter, 0x2A: self._operate}[c.ins](c)
        raise Refus(INSTRUCTION)

    def _counter(self, c: Commande) -> bytes:
        """GET DATA of the code's object, from the root: tries, tries left, uses left."""
        voulu = bytes.fromhex("4D087006BF81") + bytes([self.code.ref]) + bytes.fromhex("02A080")
        if c.p1p2 != 0x3FFF:
            raise Refus(P1_P2)
        if c.data != voulu or self.arbre.courant != "3F00":
            raise Refus(REFERENCE)
        elements = [(0x9A, bytes([self.code.max])), (0x9B, bytes([self.code.reste]))]
        if self.code.usage is not None:
            elements.append((0x9D, self.code.usage.to_bytes(2, "big")))
        return tlv(0x70, tlv(0xBF8100 | self.code.ref, tlv(0xA0, tlvs(elements))))

    def _choose_key(self, c: Commande) -> bytes:
        """MSE SET: the application first (6985), then A4, B6, AA or B8."""
        self.cle = _Cle()
        if not self.choisi:
            raise Refus(CONDITIONS)
        dit = untlv(c.data)
        alg = int.from_bytes(dit.get(0x80, b""), "big")
        if c.p1p2 == 0x41AA and alg in _ALG_DERNIER_TOUR:
            self.cle = _Cle("hacher", _ALG_DERNIER_TOUR[alg])
            return b""
        pour, ref = {
            0x41A4: ("authentifier", _AUTH),
            0x41B6: ("signer", _SIGN),
            0x41B8: ("dechiffrer", _AUTH),
        }.get(c.p1p2, ("", 0))
        if not pour:
            raise Refus(P1_P2 if c.p1p2 != 0x41AA else DONNEES)
        permis = {"authentifier": {0x02}, "signer": _ALG_IAS.keys(), "dechiffrer": {0x1A}}[pour]
        if alg not in permis:
            raise Refus(DONNEES)
        if dit.get(0x84) != bytes([ref]) or (self.libre and pour != "authentifier"):
            raise Refus(REFERENCE)
        self.cle = _Cle(pour, _ALG_IAS.get(alg, ""))
        return b""

    def _operate(self, c: Commande) -> bytes:
        """PSO: sign, hash the last round, decipher."""
        if c.p1p2 == 0x9E9A:
            return self._sign(c)
        if c.p1p2 == 0x90A0:
            if self.cle.pour != "hacher":
                raise Refus(CONDITIONS)
            dit = untlv(c.data)
            self.empreinte = finish_on_card(self.cle.hachage, dit.get(0x90, b""), dit.get(0x80))
            return b""
        if c.p1p2 == 0x8086:
            if c.data[:1] != b"\x81":
                raise Refus(DONNEES)
            return self._key("dechiffrer").decipher(c.data[1:])
        raise Refus(P1_P2)


class ChipDoc(_Volet):
    """The applet of a CPS4, class 01."""

    aid = AID_CHIPDOC

    def __init__(self, arbre: Arbre, code: CodePorteur, paires: dict[str, Paire]) -> None:
        self._perdue = False
        super().__init__(arbre, code, paires)

    def reset(self) -> None:
        """Nothing selected; what was to be lost at the next command still is."""
        super().reset()
        self._a_relancer = self._relance = False

    def lose(self) -> None:
        """The next command but SELECT answers 6985, until the sequence of §1.3 was done."""
        self._perdue = True

    def execute(self, c: Commande) -> bytes:
        """One command of class 01; Refus(6985) while the applet is not selected."""
        if c.ins == 0xA4 and c.p1 == 0x04:
            return self._applet(c)
        if self._perdue:
            self._perdue, self._a_relancer, self.choisi = False, True, False
        if not self.choisi:
            raise Refus(CONDITIONS)
        verbes = {0xA4: self._select, 0x20: self._verify, 0x22: self._choose_key}
        if c.ins in verbes:
            return verbes[c.ins](c)
        if c.ins == 0xB0:
            return self.arbre.read(c, self.code.presente)
        if c.ins == 0x2A and c.p1p2 == 0x9E9A:
            return self._sign(c)
        if c.ins == 0x2A and c.p1p2 == 0x8086:
            return self._key("authentifier").raw(c.data)
        raise Refus(INSTRUCTION)

    def reselected_below(self) -> None:
        """The CPS2ter volet was selected: second step of the sequence."""
        if self._relance:
            self._a_relancer = False

    def _applet(self, c: Commande) -> bytes:
        if c.data == AID_RELANCE:
            self._relance, self.choisi = True, False
            return b""
        if c.data == self.aid and self._a_relancer:
            raise Refus(CONDITIONS)
        self._relance = False
        return self._select(c)

    def _choose_key(self, c: Commande) -> bytes:
        self.cle = _Cle()
        if c.p1p2 == 0x81B6:
            if len(c.data) != 4 or c.data[:2] != b"\x91\x02" or c.data[2] not in _ALG_4:
                raise Refus(DONNEES)
            if c.data[3] != _SIGN_4:
                raise Refus(REFERENCE)
            self.cle = _Cle("signer", *_ALG_4[c.data[2]])
        elif c.p1p2 == 0x41B8:
            if untlv(c.data) != {0x83: bytes([_AUTH_4])}:
                raise Refus(REFERENCE)
            self.cle = _Cle("authentifier")
        else:
            raise Refus(P1_P2)
        return b""


class Choix:
    """Class 00 of a CPS4: nothing but the selection of the CPS2ter volet."""

    def __init__(self, ancien: "Cps2ter", chipdoc: ChipDoc) -> None:
        self._ancien, self._chipdoc = ancien, chipdoc

    def reset(self) -> None:
        """Each volet resets itself."""

    def execute(self, c: Commande) -> bytes:
        """SELECT by AID; any other file is absent, any other command not known."""
        if c.ins != 0xA4:
            raise Refus(INSTRUCTION)
        if c.p1 != 0x04 or c.data != AID_CPS2TER:
            raise Refus(ABSENT)
        self._ancien.choose()
        self._chipdoc.reselected_below()
        return b""


class Cps2ter:
    """The old volet, class A0, with status words of its own (§1.3)."""

    def __init__(self, arbre: Arbre, code: CodePorteur) -> None:
        self.arbre, self.code = arbre, code
        self.to_choose = False
        self.reset()

    def reset(self) -> None:
        """Back to the root; on a CPS4 the volet must be selected again."""
        self.arbre.reset()
        self._choisi = False

    def choose(self) -> None:
        """Selected by its AID."""
        self._choisi = True
        self.arbre.reset()

    def execute(self, c: Commande) -> bytes:
        """One command of class A0; Refus with the words of the volet."""
        if self.to_choose and not self._choisi:
            raise Refus(CLASSE)
        try:
            return self._execute(c)
        except Refus as refus:
            ancien = {ABSENT: 0x9404, PAS_DE_CODE: 0x9804, 0x6986: 0x9408, 0x6983: 0x9840}
            raise Refus(ancien.get(refus.sw, refus.sw)) from refus

    def _execute(self, c: Commande) -> bytes:
        if c.ins == 0xA4:
            if c.p1p2:
                raise Refus(0x6B00)
            if len(c.data) != 2:
                raise Refus(LONGUEUR)
            self.arbre.step(c.data.hex().upper())
            return self.arbre.old_fci()
        if c.ins == 0xB0:
            return self.arbre.read(c, self.code.presente)
        if c.ins == 0x20:
            if c.p1 or c.p2 != self.code.ref:
                raise Refus(0x6B00)
            self.code.verify(c.data)
            return b""
        raise Refus(INSTRUCTION)
