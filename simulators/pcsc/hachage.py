"""The last round of a hash computed by the card from the state it is given (IAS rule, §1.3)."""

import struct
from math import isqrt

from simulators.pcsc.apdu import DONNEES, Refus
from simulators.pcsc.cles import SHA1

_M = 0xFFFFFFFF
_BLOC = 64


def _primes(n: int) -> list[int]:
    premiers: list[int] = []
    i = 2
    while len(premiers) < n:
        if all(i % p for p in premiers):
            premiers.append(i)
        i += 1
    return premiers


def _cube(n: int) -> int:
    """Integer cube root."""
    bas, haut = 0, 1 << ((n.bit_length() + 2) // 3 + 1)
    while bas < haut - 1:
        milieu = (bas + haut) // 2
        bas, haut = (milieu, haut) if milieu**3 <= n else (bas, milieu)
    return bas


# FIPS 180-4: the first 32 bits of the fractional part of the cube roots of the first 64 primes.
_K256 = [_cube(p << 96) & _M for p in _primes(64)]
# SHA-1: of the square roots of 2, 3, 5 and 10.
_K1 = [isqrt(n << 60) for n in (2, 3, 5, 10)]


def _rotl(x: int, n: int) -> int:
    return (x << n | x >> (32 - n)) & _M


def _rotr(x: int, n: int) -> int:
    return _rotl(x, 32 - n)


def _round_sha1(etat: list[int], bloc: bytes) -> list[int]:
    w = list(struct.unpack(">16I", bloc))
    for t in range(16, 80):
        w.append(_rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1))
    a, b, c, d, e = etat
    for t in range(80):
        quart = t // 20
        f = (b & c | ~b & d, b ^ c ^ d, b & c | b & d | c & d, b ^ c ^ d)[quart]
        a, b, c, d, e = (_rotl(a, 5) + f + e + _K1[quart] + w[t]) & _M, a, _rotl(b, 30), c, d
    return [(x + y) & _M for x, y in zip(etat, (a, b, c, d, e), strict=True)]


def _round_sha256(etat: list[int], bloc: bytes) -> list[int]:
    w = list(struct.unpack(">16I", bloc))
    for t in range(16, 64):
        s0 = _rotr(w[t - 15], 7) ^ _rotr(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = _rotr(w[t - 2], 17) ^ _rotr(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append((w[t - 16] + s0 + w[t - 7] + s1) & _M)
    a, b, c, d, e, f, g, h = etat
    for t in range(64):
        s1 = _rotr(e, 6) ^ _rotr(e, 11) ^ _rotr(e, 25)
        t1 = h + s1 + (e & f ^ ~e & g) + _K256[t] + w[t]
        s0 = _rotr(a, 2) ^ _rotr(a, 13) ^ _rotr(a, 22)
        t2 = s0 + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & _M, a, b, c, (d + t1) & _M, e, f, g
    return [(x + y) & _M for x, y in zip(etat, (a, b, c, d, e, f, g, h), strict=True)]


def finish_on_card(hachage: str, debut: bytes, dernier: bytes | None) -> bytes:
    """Return the digest: `debut` is the state and the bits hashed so far, `dernier` the end.

    Refus(6A80) when the lengths are not those of the algorithm, or the last block over 64 bytes.
    """
    mots, tour = (5, _round_sha1) if hachage == SHA1 else (8, _round_sha256)
    if dernier is None or len(dernier) > _BLOC or len(debut) != mots * 4 + 8:
        raise Refus(DONNEES)
    etat = list(struct.unpack(f">{mots}I", debut[: mots * 4]))
    bits = int.from_bytes(debut[mots * 4 :], "big")
    if bits % (_BLOC * 8):
        raise Refus(DONNEES)
    fin = dernier + b"\x80"
    fin += bytes(-(len(fin) + 8) % _BLOC) + struct.pack(">Q", bits + len(dernier) * 8)
    for i in range(0, len(fin), _BLOC):
        etat = tour(etat, fin[i : i + _BLOC])
    return struct.pack(f">{mots}I", *etat)
