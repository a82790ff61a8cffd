"""The six-digit PIN of an operator."""


def is_guessable(pin: str) -> bool:
    """Tell whether a PIN is tried first by who guesses: one digit six times, or a straight run.

    >>> is_guessable("000000"), is_guessable("345678"), is_guessable("220022")
    (True, True, False)

    Source: design.md, « Signing in » (six-digit PIN); SEC-07.
    """
    suite = "01234567890123456789"
    return len(set(pin)) == 1 or pin in suite or pin in suite[::-1]
