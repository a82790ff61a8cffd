"""The digits of the code porteur while they are typed: one bytearray, wiped (agent.md §5.10).

Nothing of Tk here. The key decides, not what the layout writes with it: the top row of an AZERTY
keyboard gives digits without Shift, and the keypad does without NumLock.
"""

MAX, MIN = 8, 4
# A reader of codes writes like a keyboard, faster than fingers: milliseconds between two keys.
MACHINE_MS = 35
INTERVALLES_MACHINE = 3

_PAVE_X11 = dict(zip((90, 87, 88, 89, 83, 84, 85, 79, 80, 81), range(10), strict=True))
_HAUT_X11 = {**{10 + rang: rang + 1 for rang in range(9)}, 19: 0}
_WIN32 = {**{0x30 + n: n for n in range(10)}, **{0x60 + n: n for n in range(10)}}
_CODES = {"x11": {**_HAUT_X11, **_PAVE_X11}, "win32": _WIN32}


def digit_of(keysym: str, keycode: int, systeme: str) -> int | None:
    """Return the digit of a key, whatever the layout; None for any other key.

    `systeme` is what Tk calls its windowing system: x11, win32, aqua.
    """
    code = _CODES.get(systeme, {}).get(keycode)
    if code is not None:
        return code
    nom = keysym.removeprefix("KP_")
    return int(nom) if len(nom) == 1 and nom in "0123456789" else None


class Saisie:
    """Four to eight digits. `trop`: more keys came than a code has; `machine`: too fast for hands.

    Either empties the field at Enter instead of spending a try of the card.
    """

    def __init__(self) -> None:
        self._chiffres = bytearray(MAX)
        self.longueur = 0
        self.trop = False
        self._dernier = 0
        self._rapides = 0

    @property
    def machine(self) -> bool:
        """Whether a reader of codes wrote this."""
        return self._rapides >= INTERVALLES_MACHINE

    @property
    def prete(self) -> bool:
        """Whether what is typed may be a code."""
        return MIN <= self.longueur <= MAX and not self.trop and not self.machine

    def press(self, chiffre: int, instant_ms: int) -> None:
        """Add a digit typed at this instant (milliseconds of the display's clock)."""
        vite = self.longueur > 0 and 0 <= instant_ms - self._dernier < MACHINE_MS
        self._rapides += 1 if vite else 0
        self._dernier = instant_ms
        if self.longueur == MAX:
            self.trop = True
            return
        self._chiffres[self.longueur] = 0x30 + chiffre
        self.longueur += 1

    def erase(self) -> None:
        """Remove the last digit."""
        if self.longueur:
            self.longueur -= 1
            self._chiffres[self.longueur] = 0
        self.trop = False

    def clear(self) -> None:
        """Overwrite and forget everything."""
        self._chiffres[:] = bytes(MAX)
        self.longueur = self._rapides = 0
        self.trop = False

    def take(self) -> bytearray:
        """Return the code, for the caller to wipe; the field is empty. ValueError if not ready."""
        if not self.prete:
            raise ValueError("chiffres")
        code = self._chiffres[: self.longueur]
        self.clear()
        return code
