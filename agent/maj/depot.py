"""The versions of the agent on this workstation, side by side, and the way back (agent.md §5.13).

`versions/<version>/` holds each one unpacked; `actuelle.json` says which one starts, the one
before, and how many times it started without saying that it was ready.
"""

import hashlib
import io
import shutil
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from agent.fichiers import read_object, write_object
from agent.maj.manifeste import Artefact, rank
from agent.protocol.messages import ErreurAgent

ESSAIS_MAX = 3
TAILLE_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Etat:
    """Which version starts. `echouee`: the last one that never became ready, for the report."""

    version: str = ""
    precedente: str = ""
    essais: int = 0
    echouee: str = ""


class Depot:
    """The folder of the versions."""

    def __init__(self, dossier: Path) -> None:
        self.dossier = dossier
        self._fichier = dossier / "actuelle.json"

    def etat(self) -> Etat:
        """Return what starts; the version delivered by the installer when nothing is written."""
        lu = read_object(self._fichier)
        try:
            return Etat(
                str(lu["version"]), str(lu["precedente"]), int(lu["essais"]), str(lu["echouee"])
            )
        except (ValueError, KeyError, TypeError):
            return Etat()

    def path(self, version: str) -> Path:
        """Return where a version is unpacked. ValueError for what is no version."""
        rank(version)
        return self.dossier / "versions" / version

    def install(self, version: str, artefact: Artefact, octets: bytes) -> None:
        """Unpack a file beside the running version. Raises E_UPDATE_SIGNATURE; nothing is started.

        The hash of the signed manifest is checked first: nothing of another file is opened.
        """
        if len(octets) != artefact.size or hashlib.sha256(octets).hexdigest() != artefact.sha256:
            raise ErreurAgent("E_UPDATE_SIGNATURE", motif="empreinte")
        cible = self.path(version)
        provisoire = cible.with_name(cible.name + ".tmp")
        shutil.rmtree(provisoire, ignore_errors=True)
        provisoire.mkdir(parents=True, mode=0o700)
        try:
            with zipfile.ZipFile(io.BytesIO(octets)) as archive:
                _check_names(archive)
                archive.extractall(provisoire)
        except (zipfile.BadZipFile, OSError, ValueError) as exc:
            shutil.rmtree(provisoire, ignore_errors=True)
            raise ErreurAgent("E_UPDATE_SIGNATURE", motif="archive") from exc
        shutil.rmtree(cible, ignore_errors=True)
        provisoire.replace(cible)

    def switch(self, version: str) -> None:
        """Have this version start next time; the current one is kept for the way back."""
        tenu = self.etat()
        self._write(Etat(version, tenu.version, 0, ""))
        self._clean()

    def begin(self) -> Etat:
        """Count a start; after three that never became ready, go back to the version before."""
        tenu = self.etat()
        if not tenu.version:
            return tenu
        if tenu.essais >= ESSAIS_MAX:
            tenu = Etat(tenu.precedente, "", 0, tenu.version)
        else:
            tenu = replace(tenu, essais=tenu.essais + 1)
        self._write(tenu)
        return tenu

    def ready(self) -> None:
        """The running version serves: its failed starts are forgotten."""
        tenu = self.etat()
        if tenu.essais:
            self._write(replace(tenu, essais=0))

    def _clean(self) -> None:
        """Remove versions that are neither started nor kept for the way back."""
        tenu = self.etat()
        for vieille in (self.dossier / "versions").glob("*"):
            if vieille.name not in {tenu.version, tenu.precedente}:
                shutil.rmtree(vieille, ignore_errors=True)

    def _write(self, etat: Etat) -> None:
        write_object(self._fichier, asdict(etat), durable=True)


def _check_names(archive: zipfile.ZipFile) -> None:
    """Refuse what would be written outside of the folder, or would fill the disk."""
    if sum(info.file_size for info in archive.infolist()) > TAILLE_MAX:
        raise ValueError("taille")
    for nom in archive.namelist():
        chemin = PurePosixPath(nom)
        if chemin.is_absolute() or ".." in chemin.parts or "\\" in nom or ":" in nom:
            raise ValueError("nom")
