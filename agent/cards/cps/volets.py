"""The CPS by APDU (agent.md §1.2, §1.3): CPS3 by its IAS-ECC volet, CPS4 by ChipDoc.

A CPS4 that emulates a CPS3 does not know the class of ChipDoc: it is driven as a CPS3. Where the
first volet holds no situation, those of the CPS2ter volet are read.

Used from a reader's thread, between the beginning and the end of a transaction; each method
selects what it needs, since another program may have used the card in between. Only SELECT, READ
BINARY and GET DATA may be played again: a code or a signature never is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from agent.cards.atr import classify_atr
from agent.cards.base import Canal, EtatPin
from agent.cards.code_porteur import wipe
from agent.cards.cps import signature, situations, tlv
from agent.cards.cps.public import build_public
from agent.cards.cps.usage import CodePerdu
from agent.protocol.messages import ErreurAgent

T = TypeVar("T")

OK, ABSENT, PERDU, SANS_CODE, BLOQUE = 0x9000, 0x6A82, 0x6985, 0x6982, 0x6983
CLASSE_INCONNUE = 0x6E00
# Words of the CPS2ter volet: no such file, code due (§1.3).
ANCIEN_ABSENT, ANCIEN_SANS_CODE = 0x9404, 0x9804
FIN = frozenset({0x6B00, 0x6282})
LECTURE_MAX, FICHIER_MAX = 0xE7, 0x7FFF
ESSAIS_MAX = 3
SITUATIONS_MAX = 16
MF = bytes.fromhex("3F00")
EF_SN, EF_ACTUA = bytes.fromhex("3F00D003"), bytes.fromhex("3F00D010")
AID_CPS3 = bytes.fromhex("E828BD080F8025000001FF0010")
AID_CHIPDOC = bytes.fromhex("8025000001FF0100")
AID_CPS2TER = bytes.fromhex("8025000001FF0002")
SITUATIONS_CPS2TER = 0x4010
# After `69 85`: what has the applet selected again, as the official library does it (§1.3).
RETOUR_CPS4 = tuple(
    bytes.fromhex(h)
    for h in (
        "01A4040C07A0000001510000",
        "00A4040C088025000001FF0002",
        "01A4040C088025000001FF0100",
    )
)


@dataclass(frozen=True)
class Reglages:
    """What no public source confirms (agent.md §9, point 5): kept in one place.

    The paths of certificates and of CPS_INFO_PS and the references of the keys are those of our
    virtual cards; `reglages` of the driver replaces them the day a real card says otherwise.
    """

    certificats: dict[str, bytes]
    cles: dict[str, int]
    info_ps: bytes
    situations: bytes
    ref_code: int = 1


REGLAGES = Reglages(
    certificats={"auth": bytes.fromhex("3F000001A001"), "sig": bytes.fromhex("3F000001A002")},
    cles={"auth": 0x02, "sig": 0x01},
    info_ps=bytes.fromhex("3F000001D102"),
    situations=bytes.fromhex("3F000001D120"),
)
CLE_AUTH_CPS4 = 0x20


class _AppletPerdu(Exception):
    """A CPS4 answered `69 85`: its applet must be selected again, and the act begun again."""


class CpsApdu:
    """One CPS on a Canal. Blocking. Raises ErreurAgent, and CodePerdu where a code is due."""

    def __init__(self, canal: Canal, reglages: Reglages = REGLAGES) -> None:
        self._canal = canal
        self._reglages = reglages
        self.generation = classify_atr(canal.atr).generation
        if self.generation == "CPS3-CL":
            # No code exists there: it proves a card, not the will of its holder (§1.3).
            raise ErreurAgent("E_NOT_SUPPORTED", reason="sans_contact")
        if self.generation not in {"CPS3", "CPS4"}:
            raise ErreurAgent("E_CPS_LIB_MISSING", reason="generation")
        self._cps4 = self.generation == "CPS4"
        self._cla = 0x01 if self._cps4 else 0x00

    # Reading

    def public(self) -> dict[str, Any]:
        """Return identity and certificates, without the code.

        Raises E_CARD_UNKNOWN (other issuer), E_CPS_BAD_ACTUA, E_CPS_CERT, E_CPS_READ.
        """
        self._select_application()
        serie = self._serial()
        self._check_actua()
        ders = {cle: self._certificate(cle) for cle in ("auth", "sig")}
        return build_public(
            ders, serie, self.generation, lambda: self._read(self._reglages.info_ps)
        )

    def situations(self) -> list[dict[str, Any]]:
        """Return the situations d'exercice the card holds, indexes as they are, holes too."""
        self._select_application()
        base, lues = self._reglages.situations, []
        for index in range(1, SITUATIONS_MAX + 1):
            octets = self._read(base[:-1] + bytes([base[-1] + index - 1]))
            if octets:
                lues.append(situations.read_situation(index, octets))
        return lues or self._old_situations()

    def _old_situations(self) -> list[dict[str, Any]]:
        """Return the situations of the CPS2ter volet; none when the card does not show it."""
        if self._cps4:
            choix = b"\x00\xa4\x04\x0c" + bytes([len(AID_CPS2TER)]) + AID_CPS2TER
            if self._canal.transmit(choix, rejouable=True)[1] != OK:
                return []
        lues = []
        for index in range(1, SITUATIONS_MAX + 1):
            octets = self._read_old(SITUATIONS_CPS2TER + index - 1)
            if octets is None:
                break
            if octets:
                lues.append(situations.read_situation(index, octets))
        return lues

    def _read_old(self, fid: int) -> bytes | None:
        """Return a file of the CPS2ter volet's root, empty when absent, None without the volet."""
        fci = b""
        for pas in (MF, fid.to_bytes(2)):
            fci, mot = self._transmit_old(b"\xa0\xa4\x00\x00\x02" + pas)
            if mot == ANCIEN_ABSENT:
                return b""
            if mot != OK:
                return None
        if len(fci) < 4 or fci[0] != 0x85:
            return None
        lu, taille = b"", int.from_bytes(fci[2:4])
        while len(lu) < taille:
            voulu = min(LECTURE_MAX, taille - len(lu))
            tete = b"\xa0\xb0" + len(lu).to_bytes(2)
            octets, mot = self._transmit_old(tete + bytes([voulu]))
            if mot == ANCIEN_SANS_CODE:
                raise CodePerdu
            if mot != OK or not octets:
                raise _unexpected(mot)
            lu += octets
        return lu

    def _transmit_old(self, apdu: bytes) -> tuple[bytes, int]:
        """Send a command of class A0; `9F xx` is followed by GET RESPONSE of that class (§1.3)."""
        octets, mot = self._canal.transmit(apdu, rejouable=True)
        if mot >> 8 != 0x9F:
            return octets, mot
        return self._canal.transmit(b"\xa0\xc0\x00\x00" + bytes([mot & 0xFF]), rejouable=True)

    def _serial(self) -> str:
        try:
            return situations.read_serial(self._read(EF_SN) or b"")
        except situations.ContenuFaux as exc:
            raise ErreurAgent("E_CARD_UNKNOWN", atr_class="cps") from exc

    def _check_actua(self) -> None:
        octets = self._read(EF_ACTUA)
        if octets is None:
            return
        try:
            situations.check_actua(octets)
        except situations.ContenuFaux as exc:
            raise ErreurAgent("E_CPS_BAD_ACTUA") from exc

    def _certificate(self, cle: str) -> bytes:
        octets = self._read(self._reglages.certificats[cle])
        if not octets:
            raise ErreurAgent("E_CPS_CERT")
        return octets

    # The code

    def pin_state(self) -> EtatPin:
        """Return the counter, read from the card: none left is « bloquée »."""
        self._select_application()
        essais = self._steady(self._counter_cps4 if self._cps4 else self._counter_cps3)
        return EtatPin("a_presenter" if essais else "bloquee", essais)

    def login(self, code: bytearray | None) -> EtatPin:
        """Give the code to the card, once; the code is wiped whatever happens.

        Raises E_CPS_PIN_WRONG or E_CPS_PIN_LOCKED with `tries_left`. Source: agent.md §1.3.
        """
        if code is None:
            raise ErreurAgent("E_NOT_SUPPORTED", reason="pave")
        commande = bytearray([self._cla, 0x20, 0x00, self._reglages.ref_code, len(code)]) + code
        try:
            self._select_application()
            avant = self._steady(self._counter_cps4) if self._cps4 else 0
            _, mot = self._canal.transmit(commande)  # type: ignore[arg-type]
            if mot == PERDU and self._cps4 and self._found_again() == avant:
                # The applet was lost: the card did not look at the code and counted nothing.
                _, mot = self._canal.transmit(commande)  # type: ignore[arg-type]
        finally:
            wipe(code)
            wipe(commande)
        if mot == OK:
            return EtatPin("presentee", ESSAIS_MAX)
        if mot in {BLOQUE, 0x63C0}:
            raise ErreurAgent("E_CPS_PIN_LOCKED", tries_left=0)
        if mot >> 4 == 0x63C:
            raise ErreurAgent("E_CPS_PIN_WRONG", tries_left=mot & 0x0F)
        raise _unexpected(mot)

    def logout(self) -> None:
        """Leave the application: the code is forgotten by the card when its power is cut."""
        self._transmit(b"\x00\xa4\x00\x0c\x02" + MF, rejouable=True)

    def _found_again(self) -> int:
        self._reselect()
        return self._steady(self._counter_cps4)

    def _counter_cps3(self) -> int:
        self._select(b"\x00\xa4\x00\x0c\x02" + MF)
        demande = bytes.fromhex("00CB3FFF0A4D087006BF81")
        demande += bytes([self._reglages.ref_code]) + bytes.fromhex("02A08000")
        octets, mot = self._transmit(demande, rejouable=True)
        if mot != OK:
            raise _unexpected(mot)
        try:
            reste, usage = tlv.find(octets, 0x9B), tlv.find(octets, 0x9D)
        except tlv.TlvFaux as exc:
            raise ErreurAgent("E_CPS_READ") from exc
        if not reste:
            raise ErreurAgent("E_CPS_READ")
        # A usage counter at zero means « treat as no try left » (§1.3).
        epuise = bool(usage) and not any(usage or b"")
        self._select_application()
        return 0 if epuise else int.from_bytes(reste)

    def _counter_cps4(self) -> int:
        _, mot = self._transmit(bytes([0x01, 0x20, 0x00, self._reglages.ref_code]))
        if mot == OK:
            return ESSAIS_MAX
        if mot == BLOQUE:
            return 0
        if mot >> 4 == 0x63C:
            return mot & 0x0F
        raise _unexpected(mot)

    # Signatures

    def algorithms(self, cle: str) -> frozenset[str]:
        """Return what this key signs: RSA-PSS by the signature key of a CPS4 only (§1.4)."""
        return frozenset({"RS256", "PS256"} if self._cps4 and cle == "sig" else {"RS256"})

    def sign(self, cle: str, alg: str, empreintes: list[bytes]) -> list[bytes]:
        """Return the signatures of SHA-256 digests. CodePerdu when the code is due.

        Raises E_SIGN_ALG, E_SIGN_FAILED. No exchange of a signature is ever played again.
        """
        if alg not in self.algorithms(cle):
            raise ErreurAgent("E_SIGN_ALG")
        self._select_application()
        if self._cps4:
            return [self._steady(partial(self._sign_cps4, cle, alg, e)) for e in empreintes]
        return [self._sign_cps3(cle, e) for e in empreintes]

    def _sign_cps3(self, cle: str, empreinte: bytes) -> bytes:
        reference = self._reglages.cles[cle]
        if cle == "auth":
            self._prepare(bytes.fromhex("002241A406800102") + bytes([0x84, 1, reference]))
            donnees = signature.digest_info(empreinte)
            return self._signed(b"\x00\x88\x00\x00" + bytes([len(donnees)]) + donnees + b"\x00")
        self._prepare(bytes.fromhex("002241B606800142") + bytes([0x84, 1, reference]))
        return self._signed(b"\x00\x2a\x9e\x9a" + bytes([len(empreinte)]) + empreinte + b"\x00")

    def _sign_cps4(self, cle: str, alg: str, empreinte: bytes) -> bytes:
        if cle == "auth":
            self._prepare(bytes.fromhex("012241B8038301") + bytes([CLE_AUTH_CPS4]))
            return self._chained(signature.pkcs1_block(empreinte, 256))
        code = 0x2C if alg == "PS256" else 0x28
        reference = self._reglages.cles[cle] | 0x80
        self._prepare(bytes.fromhex("012281B6049102") + bytes([code, reference]))
        return self._signed(b"\x01\x2a\x9e\x9a" + bytes([len(empreinte)]) + empreinte + b"\x00")

    def _prepare(self, apdu: bytes) -> None:
        """Choose the key (MSE SET)."""
        _, mot = self._transmit(apdu)
        if mot != OK:
            raise _refused(mot)

    def _chained(self, bloc: bytes) -> bytes:
        """Send a block longer than a command, in chained commands; the last answer signs."""
        morceaux = [bloc[i : i + LECTURE_MAX] for i in range(0, len(bloc), LECTURE_MAX)]
        for morceau in morceaux[:-1]:
            _, mot = self._transmit(b"\x11\x2a\x80\x86" + bytes([len(morceau)]) + morceau)
            if mot != OK:
                raise _refused(mot)
        return self._signed(b"\x01\x2a\x80\x86" + bytes([len(morceaux[-1])]) + morceaux[-1] + b"\0")

    def _signed(self, apdu: bytes) -> bytes:
        signee, mot = self._transmit(apdu)
        if mot != OK:
            raise _refused(mot)
        return signee

    # Exchanges

    def _transmit(self, apdu: bytes, *, rejouable: bool = False) -> tuple[bytes, int]:
        octets, mot = self._canal.transmit(apdu, rejouable=rejouable)
        if mot == PERDU and self._cps4:
            raise _AppletPerdu
        return octets, mot

    def _steady(self, acte: Callable[[], T]) -> T:
        """Play an act; a CPS4 that lost its applet finds it again, and it begins again, once."""
        try:
            return acte()
        except _AppletPerdu:
            self._reselect()
        try:
            return acte()
        except _AppletPerdu as exc:
            raise _unexpected(PERDU) from exc

    def _reselect(self) -> None:
        for apdu in RETOUR_CPS4:
            self._canal.transmit(apdu, rejouable=True)

    def _select_application(self) -> None:
        """Select the application; a CPS4 that does not know its own class emulates a CPS3."""
        aid = AID_CHIPDOC if self._cps4 else AID_CPS3
        apdu = bytes([self._cla, 0xA4, 0x04, 0x0C, len(aid)]) + aid
        mot = self._steady(lambda: self._transmit(apdu, rejouable=True)[1])
        if mot == CLASSE_INCONNUE and self._cps4:
            self._cps4, self._cla = False, 0x00
            self._select_application()
        else:
            _check_selected(mot)

    def _select(self, apdu: bytes) -> None:
        _, mot = self._transmit(apdu, rejouable=True)
        _check_selected(mot)

    def _read(self, chemin: bytes) -> bytes | None:
        """Return a whole file by its absolute path; None when the card has none."""
        return self._steady(lambda: self._read_file(chemin))

    def _read_file(self, chemin: bytes) -> bytes | None:
        tete = bytes([self._cla, 0xA4, 0x09, 0x04, len(chemin)])
        fci, mot = self._transmit(tete + chemin + b"\x00", rejouable=True)
        if mot == ABSENT:
            return None
        if mot == SANS_CODE:
            raise CodePerdu
        if mot != OK:
            raise _unexpected(mot)
        return self._read_selected(_size(fci))

    def _read_selected(self, taille: int) -> bytes:
        lu = b""
        while len(lu) < taille:
            voulu = min(LECTURE_MAX, taille - len(lu))
            tete = bytes([self._cla, 0xB0]) + len(lu).to_bytes(2)
            octets, mot = self._transmit(tete + bytes([voulu]), rejouable=True)
            if mot == SANS_CODE:
                raise CodePerdu
            if mot != OK and mot not in FIN:
                raise _unexpected(mot)
            lu += octets
            if not octets or mot in FIN:
                break
        return lu


def _size(fci: bytes) -> int:
    """Return the size an FCI gives (`80`, else `81`); without one, a file ends where it ends."""
    try:
        taille = tlv.find(fci, 0x80) or tlv.find(fci, 0x81)
    except tlv.TlvFaux as exc:
        raise ErreurAgent("E_CPS_READ") from exc
    return min(int.from_bytes(taille), FICHIER_MAX) if taille else FICHIER_MAX


def _check_selected(mot: int) -> None:
    if mot == ABSENT:
        raise ErreurAgent("E_CARD_UNKNOWN", atr_class="cps")
    if mot != OK:
        raise _unexpected(mot)


def _unexpected(mot: int) -> ErreurAgent:
    return ErreurAgent("E_CARD_PROTOCOL", sw=f"{mot:04X}")


def _refused(mot: int) -> Exception:
    return CodePerdu() if mot == SANS_CODE else ErreurAgent("E_SIGN_FAILED", sw=f"{mot:04X}")
