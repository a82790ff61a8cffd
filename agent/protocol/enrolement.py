"""The short code that pairs a workstation, and the six digits both sides show (agent.md §5.4)."""

import hashlib
import hmac

# Crockford's base 32: no I, L, O nor U; those letters are read as the digits they look like.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LONGUEUR = 8
_LUES = str.maketrans({"I": "1", "L": "1", "O": "0"})


def tidy_code(brut: str) -> str:
    """Return the code as it was drawn, whatever its case and its spaces; "" when it is not one."""
    code = "".join(c for c in brut.upper() if c not in " -\t\u00a0\u202f").translate(_LUES)
    return code if len(code) == LONGUEUR and all(c in ALPHABET for c in code) else ""


def show_code(code: str) -> str:
    """Return the code in two groups, as it is read aloud."""
    return f"{code[:4]} {code[4:]}"


def comparison_code(code: str, cle_publique: str, cle_serveur: str) -> str:
    """Return the six digits that show both sides hold the same keys.

    HMAC-SHA-256 keyed by the code over the workstation's key then the server key's id, as their
    base64url texts; the first four bytes, modulo a million. Source: agent.md §5.4, point 4.
    """
    digest = hmac.new(
        code.encode(), f"{cle_publique}{cle_serveur}".encode(), hashlib.sha256
    ).digest()
    return f"{int.from_bytes(digest[:4], 'big') % 1_000_000:06d}"
