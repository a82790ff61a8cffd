"""A phone laid on a contactless reader: the string of the appli carte Vitale (agent.md §3.3).

The application and its commands are those of our simulator's contract; the real ones are not
public. The string is opaque: recognised by the server, never looked into.
"""

from typing import Any

from agent.cards.base import Canal
from agent.protocol.messages import ErreurAgent

SELECT_APCV = bytes.fromhex("00A4040009F04150435653494D3100")
BLOC, TEXTE_MAX = 256, 4096


def read_apcv(canal: Canal) -> dict[str, Any]:
    """Return what the phone gives. Raises ErreurAgent: E_APCV_MALFORMED, or of the reader."""
    _lu, sw = canal.transmit(SELECT_APCV, rejouable=True)
    if sw != 0x9000:
        raise ErreurAgent("E_APCV_MALFORMED")
    brut = bloc = _read_block(canal, 0)
    while len(bloc) == BLOC and len(brut) <= TEXTE_MAX:
        bloc = _read_block(canal, len(brut))
        brut += bloc
    return {"contexteApCV": check_text(brut), "mode": 2}


def _read_block(canal: Canal, rang: int) -> bytes:
    bloc, sw = canal.transmit(bytes([0x00, 0xB0, rang >> 8, rang & 0xFF, 0x00]), rejouable=True)
    if sw in {0x9000, 0x6282}:
        return bloc
    if sw == 0x6B00 and rang:
        return b""
    raise ErreurAgent("E_APCV_MALFORMED")


def check_text(brut: bytes) -> str:
    """Return the text, printable and at most 4096 characters. Raises ErreurAgent."""
    try:
        texte = brut.decode()
    except UnicodeDecodeError:
        texte = ""
    if not (0 < len(texte) <= TEXTE_MAX and texte.isprintable()):
        raise ErreurAgent("E_APCV_MALFORMED")
    return texte
