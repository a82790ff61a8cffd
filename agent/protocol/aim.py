"""The AIM identifier of a reading: which symbol the device saw (agent.md §4.3)."""

import re

_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
SYMBOLES = {
    "]d2": "GS1 DataMatrix",
    "]d1": "DataMatrix",
    "]Q1": "QR",
    "]Q3": "GS1 QR",
    "]C1": "GS1-128",
    "]C0": "Code 128",
    "]E0": "EAN-13",
    "]E4": "EAN-8",
    "]A0": "Code 39",
    "]e0": "GS1 DataBar",
    "]L0": "PDF417",
    "]z0": "Aztec",
}
# Announced by FNC1 in first position: the content is made of GS1 fields, whatever it looks like.
GS1 = frozenset({"]d2", "]C1", "]Q3", "]e0"})


def split(texte: str) -> tuple[str, str]:
    """Return (text without its identifier, identifier); the second is empty when none was sent."""
    trouve = _AIM.match(texte)
    aim = trouve.group(0) if trouve else ""
    return texte[len(aim) :], aim
