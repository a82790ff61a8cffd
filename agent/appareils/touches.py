"""From key positions to what the scanner typed, with its layout and not the PC's (agent.md §4.4).

Caps lock is not looked at: it belongs to the PC's keyboard, and these keys never reach it.
"""

GS = "\x1d"
# Positions of the keys, as Linux numbers them (linux/input-event-codes.h); the scan codes of the
# first set are the same numbers.
ENTREE, ENTREE_PAVE, TAB, ESPACE = 28, 96, 15, 57
CTRL = {29, 97}
MAJ = {42, 54}
ALT, ALTGR = 56, 100
CROCHET = 27
_PAVE = dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True))
_RANGS = ((41, 1), (2, 12), (16, 12), (30, 11), (43, 1), (44, 10), (86, 1))
# Rows: the key left of 1, digits, the two rows of letters, the key by Enter, the last row, the key
# left of its first letter.
_US = (
    "`1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./<",
    '~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"|ZXCVBNM<>?>',
)
_FR = (
    "²&é\"'(-è_çà)=azertyuiop^$qsdfghjklmù*wxcvbn,;:!<",
    "²1234567890°+AZERTYUIOP¨£QSDFGHJKLM%µWXCVBN?./§>",
)
_FR_ALTGR = dict(zip((3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), "~#{[|`\\^@]}", strict=True))


def _place(rangs: tuple[str, str]) -> tuple[dict[int, str], dict[int, str]]:
    codes = [debut + n for debut, longueur in _RANGS for n in range(longueur)]
    return (
        dict(zip(codes, rangs[0], strict=True)),
        dict(zip(codes, rangs[1], strict=True)),
    )


_DISPOSITIONS = {"us": (*_place(_US), {}), "fr": (*_place(_FR), _FR_ALTGR)}


class Clavier:
    """One scanner that types: keys down and up in, text out."""

    def __init__(self, disposition: str = "us", gs: str = "") -> None:
        self._simple, self._maj, self._altgr = _DISPOSITIONS[disposition]
        self._gs = gs
        self._tenues: set[int] = set()
        self._alt = ""

    def press(self, code: int) -> str:
        """Return what this key types, maybe nothing."""
        if code in CTRL | MAJ | {ALT, ALTGR}:
            self._tenues.add(code)
            return ""
        if ALT in self._tenues and code in _PAVE:
            self._alt += _PAVE[code]
            return ""
        caractere = self._character(code)
        return GS if self._gs and caractere == self._gs else caractere

    def release(self, code: int) -> str:
        """Return the character of an Alt and digits sequence that ends here, maybe nothing."""
        self._tenues.discard(code)
        if code != ALT or not self._alt:
            return ""
        numero, self._alt = int(self._alt[-4:]), ""
        return chr(numero) if numero < 256 else ""

    def _character(self, code: int) -> str:
        if code in {ENTREE, ENTREE_PAVE}:
            return "\r"
        if code in {TAB, ESPACE}:
            return "\t" if code == TAB else " "
        if code in _PAVE:
            return _PAVE[code]
        if self._tenues & CTRL and ALTGR not in self._tenues:
            return self._control(code)
        if ALTGR in self._tenues:
            return self._altgr.get(code, "")
        table = self._maj if self._tenues & MAJ else self._simple
        return table.get(code, "")

    def _control(self, code: int) -> str:
        """Return the control character of Ctrl and a key: GS is Ctrl+], STX Ctrl+B.

        The key of ] is the American one, whatever the scanner types otherwise.
        """
        if code == CROCHET:
            return GS
        nom = self._simple.get(code, "").upper()
        return chr(ord(nom) - 64) if "A" <= nom <= "Z" else ""
