"""One-time codes of an authenticator application: thirty lines of RFC 6238, on `hmac`."""

import base64
import hashlib
import hmac
from urllib.parse import quote, urlencode

PAS_S = 30
CHIFFRES = 6
DERIVE = 1


def compute_code(secret: bytes, pas: int, chiffres: int = CHIFFRES) -> str:
    """Return the code of a step (thirty seconds since 1970), as many digits as asked.

    Source: RFC 6238, §4 and appendix B; RFC 4226, §5.3 (dynamic truncation).
    """
    condense = hmac.new(secret, pas.to_bytes(8, "big"), hashlib.sha1).digest()
    rang = condense[-1] & 0x0F
    nombre = int.from_bytes(condense[rang : rang + 4], "big") & 0x7FFFFFFF
    return str(nombre % 10**chiffres).zfill(chiffres)


def step_of(instant: float) -> int:
    """Return the step of an instant (seconds since 1970). Source: RFC 6238, §4.2."""
    return int(instant // PAS_S)


def find_step(secret: bytes, code: str, instant: float, dernier: int) -> int | None:
    """Return the step whose code this is, one step of drift each way; None when there is none.

    A step up to `dernier`, the last one used, is never taken again. Every candidate is compared,
    in constant time. Source: RFC 6238, §5.2 (drift, one use).
    """
    ici = step_of(instant)
    trouve = None
    for pas in range(ici - DERIVE, ici + DERIVE + 1):
        bon = hmac.compare_digest(compute_code(secret, pas).encode(), code.encode())
        if bon and pas > dernier:
            trouve = pas
    return trouve


def read_key(texte: str) -> bytes:
    """Return the bytes of a key written in base 32, spaces or not. Source: RFC 4648, §6."""
    net = texte.replace(" ", "").upper()
    return base64.b32decode(net + "=" * (-len(net) % 8))


def show_key(secret: bytes) -> str:
    """Return a key in groups of four, for who types it. Source: RFC 4648, §6."""
    net = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(net[i : i + 4] for i in range(0, len(net), 4))


def build_uri(secret: bytes, emetteur: str, compte: str) -> str:
    """Return what the QR code says to the application: issuer, account, key.

    Source: RFC 6238, §4 (30 s, SHA-1: what every application takes).
    """
    champs = {
        "secret": show_key(secret).replace(" ", ""),
        "issuer": emetteur,
        "algorithm": "SHA1",
        "digits": str(CHIFFRES),
        "period": str(PAS_S),
    }
    return f"otpauth://totp/{quote(emetteur)}:{quote(compte)}?{urlencode(champs, quote_via=quote)}"
