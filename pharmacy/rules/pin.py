"""The six-digit PIN of an operator."""

# Tried in the first hundred by who guesses, and told by none of the rules below.
# fmt: off
_CONNUS = frozenset({
    "112233", "445566", "778899", "332211", "147258", "258369", "159753", "159357", "147852",
    "741852", "789456", "456789", "456123", "123654", "321654", "102030", "010203", "123789",
    "147369", "963852", "142536", "135790", "246810", "100000", "200000", "123455", "123467",
})
# fmt: on


def is_guessable(pin: str) -> bool:
    """Tell whether a PIN is tried first by who guesses: a straight run, a motif repeated, or one
    that everybody takes.

    >>> is_guessable("000000"), is_guessable("345678"), is_guessable("121212")
    (True, True, True)
    >>> is_guessable("220022")
    False

    Source: design.md, « Signing in » (six-digit PIN); SEC-07 (weak codes refused).
    """
    suite = "01234567890123456789"
    repete = any(pin == pin[:n] * (6 // n) for n in (1, 2, 3))
    return repete or pin in suite or pin in suite[::-1] or pin in _CONNUS
