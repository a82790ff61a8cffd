"""What a card receives and answers, byte by byte: ISO 7816-4 short commands, TLV, status words."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

OK = 0x9000
LONGUEUR = 0x6700
PAS_DE_CODE = 0x6982
BLOQUE = 0x6983
CONDITIONS = 0x6985
SANS_FICHIER = 0x6986
DONNEES = 0x6A80
ABSENT = 0x6A82
P1_P2 = 0x6A86
REFERENCE = 0x6A88
DECALAGE = 0x6B00
INSTRUCTION = 0x6D00
CLASSE = 0x6E00
RIEN_A_RENDRE = 0x6F00


class Refus(Exception):
    """The card refuses with this status word."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


class CarteRetiree(Exception):
    """The card left the reader: nothing is answered."""


class CarteInvalide(ValueError):
    """The card file is refused at load; the sentence says why."""


@dataclass(frozen=True)
class Commande:
    """One command; `le` is None when absent, 256 when the byte is 00."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    @property
    def p1p2(self) -> int:
        """The two parameters as one number."""
        return self.p1 << 8 | self.p2

    def with_data(self, data: bytes) -> "Commande":
        """Return the same command, out of its chain, with all its data."""
        return replace(self, cla=self.cla & ~0x10, data=data)


def parse(octets: bytes) -> Commande:
    """Read a short command, cases 1 to 4; Refus(6700) when the lengths do not agree."""
    if len(octets) < 4:
        raise Refus(LONGUEUR)
    tete = Commande(*octets[:4])
    if len(octets) == 4:
        return tete
    if len(octets) == 5:
        return replace(tete, le=octets[4] or 256)
    lc, reste = octets[4], octets[5:]
    if not lc or len(reste) not in (lc, lc + 1):
        raise Refus(LONGUEUR)
    le = (reste[lc] or 256) if len(reste) > lc else None
    return replace(tete, data=reste[:lc], le=le)


def status(sw: int) -> bytes:
    """Return a status word as it goes out."""
    return sw.to_bytes(2, "big")


def tlv(tag: int, valeur: bytes) -> bytes:
    """Return tag, BER length, value."""
    n = len(valeur)
    taille = bytes([n]) if n < 0x80 else bytes([0x81, n]) if n < 0x100 else b"\x82" + _deux(n)
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + taille + valeur


def tlvs(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """Return several TLV one after the other."""
    return b"".join(tlv(tag, valeur) for tag, valeur in elements)


def untlv(octets: bytes) -> dict[int, bytes]:
    """Read the one-byte tags of a command's data; Refus(6A80) when it is not that."""
    lus: dict[int, bytes] = {}
    i = 0
    while i < len(octets):
        if i + 2 > len(octets) or i + 2 + octets[i + 1] > len(octets):
            raise Refus(DONNEES)
        lus[octets[i]] = octets[i + 2 : i + 2 + octets[i + 1]]
        i += 2 + octets[i + 1]
    return lus


def bcd(chiffres: str) -> bytes:
    """Return digits two by byte."""
    return bytes.fromhex(chiffres)


def _deux(n: int) -> bytes:
    return n.to_bytes(2, "big")
