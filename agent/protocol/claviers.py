"""Repair of a scan typed through the wrong keyboard (agent.md §4.4, ordonnance.md §1.4)."""

# Positions that carry digits and letters, unshifted and shifted.
_VERS_US = {
    "&": "1",
    "é": "2",
    '"': "3",
    "'": "4",
    "(": "5",
    "-": "6",
    "è": "7",
    "_": "8",
    "ç": "9",
    "à": "0",
    ")": "-",
    "q": "a",
    "a": "q",
    "z": "w",
    "w": "z",
    "m": ";",
    ",": "m",
    ";": ",",
    ":": ".",
    "!": "/",
    "ù": "'",
    "Q": "A",
    "A": "Q",
    "Z": "W",
    "W": "Z",
    "M": ":",
    "?": "M",
    "$": "]",
    "§": "?",
}
_INDICES = set("à&é\"'(-è_ç?")


def repair_azerty(texte: str) -> str | None:
    """Return what the scanner meant when a US scanner types on an AZERTY PC, else None.

    Only tried when the text holds a character that a French keyboard puts on the digit row.
    A dead circumflex swallows the next key: such a text is never trusted.
    """
    if not (_INDICES & set(texte)) or "^" in texte or "¨" in texte:
        return None
    return "".join(_VERS_US.get(c, c) for c in texte)


def repair_caps_lock(texte: str) -> str | None:
    """Return a candidate when caps lock swapped letters on AZERTY: to be proposed, never believed.

    Digits come out right, letters lower-case and moved (A/Q, Z/W, M as a comma).
    Source: ordonnance.md §1.4, step 8.
    """
    if texte != texte.lower() or not texte.isascii():
        return None
    table = {"a": "Q", "q": "A", "z": "W", "w": "Z", ",": "M", ";": ",", "m": ";"}
    repare = "".join(table.get(c, c.upper()) for c in texte)
    return repare if repare.isalnum() else None
