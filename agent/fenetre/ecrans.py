"""Where the window goes: in the middle of the screen that has the mouse (agent.md §5.10)."""

import re
import shutil
import subprocess

# (left, top, width, height), in pixels of the whole desktop
Rectangle = tuple[int, int, int, int]
_ECRAN = re.compile(r"\b([0-9]+)(?:/[0-9]+)?x([0-9]+)(?:/[0-9]+)?\+([0-9]+)\+([0-9]+)\b")


def parse_monitors(texte: str) -> list[Rectangle]:
    """Return the screens of `xrandr --listmonitors`."""
    lus = []
    for ligne in texte.splitlines():
        if trouve := _ECRAN.search(ligne):
            largeur, hauteur, gauche, haut = map(int, trouve.groups())
            lus.append((gauche, haut, largeur, hauteur))
    return lus


def monitors() -> list[Rectangle]:
    """Return the screens the display tells of; none where nothing tells."""
    outil = shutil.which("xrandr")
    if outil is None:
        return []
    try:
        lu = subprocess.run(  # noqa: S603 - a fixed command, found on the path
            [outil, "--listmonitors"], capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_monitors(lu.stdout)


def place(
    souris: tuple[int, int], taille: tuple[int, int], bureau: Rectangle, ecrans: list[Rectangle]
) -> tuple[int, int]:
    """Return the left and top of a window centred where the mouse is, whole inside that screen."""
    x, y = souris
    gauche, haut, largeur, hauteur = next(
        (e for e in ecrans if e[0] <= x < e[0] + e[2] and e[1] <= y < e[1] + e[3]), bureau
    )
    return (
        gauche + max(0, (largeur - taille[0]) // 2),
        haut + max(0, (hauteur - taille[1]) // 2),
    )
