"""BER tag, length, value, as the CPS stores them (agent.md §1.3, §1.5). Pure."""

from collections.abc import Iterator

BOURRAGE = frozenset({0x00, 0xFF})


class TlvFaux(ValueError):
    """A length that goes beyond the bytes, or a form we do not read."""


def items(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, value); padding (`00` or `FF` where a tag is due) ends the parse.

    Lengths are read in their short form and in `81` to `83`. Raises TlvFaux when cut.
    """
    rang = 0
    while rang < len(octets) and octets[rang] not in BOURRAGE:
        tag, rang = _tag(octets, rang)
        longueur, rang = _length(octets, rang)
        if rang + longueur > len(octets):
            raise TlvFaux("longueur")
        yield tag, octets[rang : rang + longueur]
        rang += longueur


def _tag(octets: bytes, rang: int) -> tuple[int, int]:
    tag, suite = octets[rang], octets[rang] & 0x1F == 0x1F
    rang += 1
    while suite:
        if rang >= len(octets) or tag > 0xFFFF:
            raise TlvFaux("tag")
        suite = bool(octets[rang] & 0x80)
        tag, rang = tag << 8 | octets[rang], rang + 1
    return tag, rang


def _length(octets: bytes, rang: int) -> tuple[int, int]:
    if rang >= len(octets):
        raise TlvFaux("longueur")
    premier, rang = octets[rang], rang + 1
    if premier < 0x80:
        return premier, rang
    nombre = premier & 0x7F
    if not 1 <= nombre <= 3 or rang + nombre > len(octets):
        raise TlvFaux("longueur")
    return int.from_bytes(octets[rang : rang + nombre]), rang + nombre


def is_constructed(tag: int) -> bool:
    """Tell whether the value of this tag is itself made of TLV."""
    premier = tag
    while premier > 0xFF:
        premier >>= 8
    return bool(premier & 0x20)


def find(octets: bytes, voulu: int, profondeur: int = 6) -> bytes | None:
    """Return the first value of this tag, looked for inside constructed values; None if absent.

    Raises TlvFaux.
    """
    for tag, valeur in items(octets):
        if tag == voulu:
            return valeur
        if is_constructed(tag) and profondeur:
            trouve = find(valeur, voulu, profondeur - 1)
            if trouve is not None:
                return trouve
    return None


def encode(tag: int, valeur: bytes) -> bytes:
    """Return the TLV of a value, with the shortest length."""
    nom = tag.to_bytes((tag.bit_length() + 7) // 8)
    if len(valeur) < 0x80:
        return nom + bytes([len(valeur)]) + valeur
    longueur = len(valeur).to_bytes((len(valeur).bit_length() + 7) // 8)
    return nom + bytes([0x80 | len(longueur)]) + longueur + valeur
