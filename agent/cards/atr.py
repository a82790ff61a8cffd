"""What a card says of itself when it is powered (agent.md §1.1, §2.1, §3.3). Pure."""

from dataclasses import dataclass

VITALE, CPS, APCV, AUTRE = "vitale", "cps", "apcv", "autre"
_ASIP = bytes.fromhex("001225006480")
_CPS_SANS_CONTACT = bytes.fromhex("3B8F80010031B86404B0ECC173940180829000")
# The pre-issuing data of a contactless CPS3 varies from one card to another, and so its checksum.
_VARIABLES = frozenset({8, 9, 11})
_GENERATIONS = (
    (bytes.fromhex("3B9B18"), "CPS4"),
    (bytes.fromhex("3BDC18"), "CPS4"),
    (bytes.fromhex("3BAC"), "CPS3"),
)
_TELEPHONE = bytes.fromhex("3B80800101")


@dataclass(frozen=True)
class ClasseAtr:
    """What an ATR tells: `kind` (vitale, cps, apcv, autre), generation, and the word of events."""

    kind: str
    generation: str
    classe: str


def is_sound(atr: bytes) -> bool:
    """Tell whether these bytes have the shape of an ATR. Source: ISO 7816-3 §8.2."""
    return _historical(atr) is not None


def historical_bytes(atr: bytes) -> bytes:
    """Return the historical bytes; nothing when the ATR is cut. Source: ISO 7816-3 §8.2."""
    return _historical(atr) or b""


def _historical(atr: bytes) -> bytes | None:
    if len(atr) < 2 or atr[0] not in {0x3B, 0x3F}:
        return None
    nombre, presents, debut = atr[1] & 0x0F, atr[1] >> 4, 2
    while presents:
        debut += presents.bit_count()
        if debut > len(atr):
            return None
        presents = atr[debut - 1] >> 4 if presents & 0x8 else 0
    return atr[debut : debut + nombre] if debut + nombre <= len(atr) else None


def classify_atr(atr: bytes) -> ClasseAtr:
    """Return what card this is; never raises. Source: agent.md §1.1 and §2.1, rules [D].

    A CPS told by the loose rule alone is of generation « inconnue »: read through PKCS#11 only.
    """
    if atr.startswith(bytes.fromhex("3B75130000")) and atr.endswith(bytes.fromhex("09EA9000")):
        return ClasseAtr(VITALE, "V2", "vitale2")
    if atr.startswith(bytes.fromhex("3F652500")) and atr.endswith(bytes.fromhex("9000")):
        return ClasseAtr(VITALE, "V1", "vitale1")
    if _is_contactless_cps(atr):
        return ClasseAtr(CPS, "CPS3-CL", "cps")
    if _ASIP in historical_bytes(atr):
        generation = next((g for tete, g in _GENERATIONS if atr.startswith(tete)), "inconnue")
        return ClasseAtr(CPS, generation, "cps")
    if atr == _TELEPHONE:
        return ClasseAtr(APCV, "", "apcv")
    return ClasseAtr(AUTRE, "", "autre")


def _is_contactless_cps(atr: bytes) -> bool:
    attendu = _CPS_SANS_CONTACT
    return len(atr) == len(attendu) + 1 and all(
        rang in _VARIABLES or octet == attendu[rang] for rang, octet in enumerate(atr[:-1])
    )
