"""`python -m config.lanceur.systeme`: the system packages that the tests need, and only the tests.

What is missing is listed first, then installed where that can be done alone (Debian, as root);
elsewhere one sentence says what to install, and the command fails. Nothing is skipped in silence.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VPCD = Path(__file__).resolve().parents[2] / ".comptoir" / "banc" / "vpcd"
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-y", "-qq")


def locate(nom: str) -> str | None:
    """Return where a program is, or a file given by its whole path; None otherwise."""
    if nom.startswith("/"):
        return nom if Path(nom).exists() else None
    return shutil.which(nom)


@dataclass(frozen=True)
class Besoin:
    """A program or a file, the Debian package that brings it, and what it is for.

    With `dossier` the package is unpacked there and never installed.
    """

    programmes: tuple[str, ...]
    paquet: str
    motif: str
    variable: str = ""
    dossier: Path | None = None

    def find(self, chercher: Callable[[str], str | None] = locate) -> str:
        """Return the path of the program, or an empty text."""
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
VPCD_SO = VPCD / "usr/lib/pcsc/drivers/serial/libifdvpcd.so"
BESOINS = (
    CHROMIUM,
    Besoin(("pcscd", "/usr/sbin/pcscd"), "pcscd", "le service des lecteurs de cartes"),
    Besoin(("/usr/include/PCSC/winscard.h",), "libpcsclite-dev", "la liaison avec ce service"),
    Besoin(("gcc",), "gcc", "la construction de cette liaison"),
    Besoin((f"{sysconfig.get_path('include')}/Python.h",), "python3-dev", "la même construction"),
    Besoin(("softhsm2-util",), "softhsm2", "une CPS par PKCS#11"),
    Besoin(
        (str(VPCD_SO),),
        "vsmartcard-vpcd",
        "le lecteur virtuel, déballé sans être installé",
        "COMPTOIR_VPCD",
        VPCD,
    ),
)


def missing(chercher: Callable[[str], str | None] = locate) -> list[Besoin]:
    """Return what the machine lacks."""
    return [b for b in BESOINS if not b.find(chercher)]


def _install(manquants: list[Besoin]) -> bool:
    """Install with apt; tell whether every program is there afterwards."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    noms = [b.paquet for b in manquants if b.dossier is None]
    commandes: list[tuple[str, ...]] = [(*APT, "update")]
    if noms:
        commandes.append((*APT, "install", "--no-install-recommends", *noms))
    for commande in commandes:
        subprocess.run(commande, env=env, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
    for besoin in manquants:
        if besoin.dossier is not None:
            _unpack(besoin.paquet, besoin.dossier)
    return not missing()


def _unpack(paquet: str, dossier: Path) -> None:
    """Download a package and open it in a folder: none of its scripts runs."""
    with tempfile.TemporaryDirectory() as ici:
        chercher = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", paquet)
        subprocess.run(chercher, cwd=ici, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
        for fichier in Path(ici).glob("*.deb"):
            dossier.mkdir(parents=True, exist_ok=True)
            ouvrir = ("dpkg-deb", "-x", str(fichier), str(dossier))
            subprocess.run(ouvrir, check=False)  # noqa: S603


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
    sys.stderr.write(advice(missing()))
    return 1


def advice(manquants: list[Besoin]) -> str:
    """Return what to do by hand: install, and unpack what must not be installed."""
    noms = " ".join(b.paquet for b in manquants if b.dossier is None)
    phrases = []
    if noms:
        phrases.append(
            f"Il manque pour les tests : {noms}. Installez-les (Debian : apt install {noms}), "
            "puis relancez.\n"
        )
    phrases += [
        f"Il manque pour les tests : {b.paquet}, à déballer sans l'installer (apt-get download "
        f"{b.paquet}, puis dpkg-deb -x {b.paquet}_*.deb {b.dossier}).\n"
        for b in manquants
        if b.dossier is not None
    ]
    return "".join(phrases)


if __name__ == "__main__":
    sys.exit(main())
