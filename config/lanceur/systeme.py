"""`python -m config.lanceur.systeme`: the system packages that the tests need, and only the tests.

What is missing is listed first, then installed where that can be done alone (Debian, as root);
elsewhere one sentence says what to install, and the command fails. Nothing is skipped in silence.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

APT = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-y", "-qq")


@dataclass(frozen=True)
class Besoin:
    """A program, the Debian package that brings it, and what it is for."""

    programmes: tuple[str, ...]
    paquet: str
    motif: str
    variable: str = ""
    module: str = ""

    def find(self, chercher: Callable[[str], str | None] = shutil.which) -> str:
        """Return the path of the program, or the name of the Python module, or an empty text."""
        if self.module:
            return self.module if importlib.util.find_spec(self.module) else ""
        donne = os.environ.get(self.variable, "") if self.variable else ""
        if donne:
            return donne if chercher(donne) else ""
        return next((p for nom in self.programmes if (p := chercher(nom))), "")


CHROMIUM = Besoin(
    ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "chromium",
    "les parcours du comptoir dans un navigateur sans écran",
    "COMPTOIR_CHROMIUM",
)
ECRAN = Besoin(("Xvfb",), "xvfb", "la fenêtre du code porteur, sur un écran virtuel")
TOUCHES = Besoin(("xdotool",), "xdotool", "les touches frappées dans cette fenêtre")
TK = Besoin((), "python3-tk", "cette fenêtre : le module tkinter de Python", module="_tkinter")
BESOINS = (CHROMIUM, ECRAN, TOUCHES, TK)


def missing(chercher: Callable[[str], str | None] = shutil.which) -> list[Besoin]:
    """Return what the machine lacks."""
    return [b for b in BESOINS if not b.find(chercher)]


def _install(manquants: list[Besoin]) -> bool:
    """Install with apt; tell whether every program is there afterwards."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    noms = [b.paquet for b in manquants]
    for commande in (
        (*APT, "update"),
        (*APT, "install", "--no-install-recommends", *noms),
    ):
        subprocess.run(commande, env=env, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
    return not missing()


def main() -> int:
    """Say what is missing, install it or say how; return the exit code."""
    manquants = missing()
    if not manquants:
        return 0
    sys.stdout.write("Paquets système pour les tests :\n")
    for besoin in manquants:
        sys.stdout.write(f"  {besoin.paquet} : {besoin.motif}\n")
    sys.stdout.flush()
    seul = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if seul and _install(manquants):
        return 0
    noms = " ".join(b.paquet for b in missing())
    sys.stderr.write(
        f"Il manque pour les tests : {noms}. Installez-les (Debian : apt install {noms}), "
        "puis relancez.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
