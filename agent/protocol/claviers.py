"""Repair of a scan typed through the wrong keyboard (agent.md §4.4, ordonnance.md §1.4)."""

# What a French keyboard types, and what an American one types with the same key: the row of
# digits, then the rest; unshifted, then shifted (agent.md §4.4).
_VERS_US = dict(
    zip(
        "&é\"'(-è_çà)" + "1234567890°" + "azqwm,;:!ù*$" + "AZQWM?./§%µ£",
        "1234567890-" + "!@#$%^&*()_" + "qwaz;m,./'\\]" + 'QWAZ:M<>?"|}',
        strict=True,
    )
)
_VERS_FR = {us: fr for fr, us in _VERS_US.items()}
_INDICES = set("à&é\"'(-è_ç?")
_INDICES_US = set("!@#$%^*")
_CHIFFRES = str.maketrans("&é\"'(-è_çà", "1234567890")


def repair_azerty(texte: str) -> str | None:
    """Return what the scanner meant when a US scanner types on an AZERTY PC, else None.

    Only tried when the text holds a character that a French keyboard puts on the digit row.
    A dead circumflex swallows the next key: such a text is never trusted.
    """
    if not (_INDICES & set(texte)) or "^" in texte or "¨" in texte:
        return None
    return "".join(_VERS_US.get(c, c) for c in texte)


def repair_qwerty(texte: str) -> str | None:
    """Return what the scanner meant when a French scanner types on a QWERTY PC, else None.

    The bracket is the dead circumflex of the other side: such a text is never trusted.
    """
    if not (_INDICES_US & set(texte)) or "[" in texte or "{" in texte:
        return None
    return "".join(_VERS_FR.get(c, c) for c in texte)


def repair_shift(texte: str) -> str | None:
    """Return what a French scanner meant when caps lock undid its shift key, else None.

    Digits come out as the signs of their keys, capitals as small letters, each in its place.
    """
    if not (_INDICES & set(texte)) or texte.lower() != texte or texte.upper() == texte:
        return None
    return texte.translate(_CHIFFRES).upper()


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
