"""What a refusal of PC/SC means for the operator (agent.md §5.9, observed). Pure."""

from agent.protocol.messages import ErreurAgent

POIGNEE_MORTE, SANS_CARTE, OCCUPE = 0x80100003, 0x8010000C, 0x8010000B
LECTEUR_INCONNU, LECTEUR_PARTI = 0x80100009, 0x80100017
NON_TRANSMIS, REINITIALISEE, RETIREE = 0x80100016, 0x80100068, 0x80100069
INTERDIT = 0x8010006A
# The service stopped (during a wait, then after), or Windows stopped it with its last reader.
HORS_SERVICE = frozenset({0x80100013, 0x8010001D, 0x8010001E, INTERDIT})

_CODES = {
    SANS_CARTE: "E_NO_CARD",
    OCCUPE: "E_READER_BUSY",
    LECTEUR_INCONNU: "E_READER_GONE",
    LECTEUR_PARTI: "E_READER_GONE",
    NON_TRANSMIS: "E_CARD_REMOVED",
    RETIREE: "E_CARD_REMOVED",
    REINITIALISEE: "E_CARD_PROTOCOL",
    0x8010002F: "E_CARD_PROTOCOL",
    0x80100066: "E_CARD_MUTE",
    0x80100067: "E_CARD_MUTE",
    0x8010000F: "E_CARD_UNKNOWN",
    0x80100015: "E_CARD_UNKNOWN",
    0x80100065: "E_CARD_UNKNOWN",
    0x8010002E: "E_NO_READER",
}


def translate(code: int) -> ErreurAgent:
    """Return our error for a 32-bit PC/SC code. Source: agent.md §5.9, table.

    What is not in the table is a defect of ours: `E_INTERNAL`, with the number.
    """
    if code == INTERDIT:
        return ErreurAgent("E_PCSC_UNAVAILABLE", reason="polkit")
    if code in HORS_SERVICE:
        return ErreurAgent("E_PCSC_UNAVAILABLE")
    if _CODES.get(code) == "E_CARD_UNKNOWN":
        return ErreurAgent("E_CARD_UNKNOWN", atr_class="autre")
    if code in _CODES:
        return ErreurAgent(_CODES[code])
    return ErreurAgent("E_INTERNAL", hresult=f"{code:08X}")
