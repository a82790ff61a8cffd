"""`python -m agent.maj.signer`: make an update key, sign a manifest. On a machine kept offline."""

import argparse
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import jws
from agent.fichiers import write_private
from agent.maj.manifeste import TYPE, rank


def make_key(fichier: Path) -> dict[str, str]:
    """Write a private key, 0600; return its public half as `cles.json` lists it."""
    cle = Ed25519PrivateKey.generate()
    pem = cle.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(fichier, pem)
    x = jws.public_raw(cle)
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": jws.thumbprint(x)}


def build(
    cle: Ed25519PrivateKey, version: str, fichiers: list[tuple[str, str, str, bytes]], jours: int
) -> str:
    """Return the signed manifest of files given as (os, arch, url, bytes). ValueError."""
    rank(version)
    maintenant = datetime.now(UTC).replace(microsecond=0)
    contenu = {
        "version": version,
        "min_protocol": 1,
        "released_at": maintenant.isoformat(),
        "expires": (maintenant + timedelta(days=jours)).isoformat(),
        "artifacts": [
            {
                "os": systeme,
                "arch": machine,
                "url": url,
                "sha256": hashlib.sha256(octets).hexdigest(),
                "size": len(octets),
            }
            for systeme, machine, url, octets in fichiers
        ],
    }
    return jws.sign(cle, TYPE, contenu)


def main() -> int:
    """Do what the command line asks."""
    analyse = argparse.ArgumentParser(prog="python -m agent.maj.signer")
    verbes = analyse.add_subparsers(dest="verbe", required=True)
    cle = verbes.add_parser("cle", help="crée une clé et imprime sa moitié publique")
    cle.add_argument("fichier", type=Path)
    signe = verbes.add_parser("manifeste", help="imprime le manifeste signé d'une version")
    signe.add_argument("--cle", type=Path, required=True)
    signe.add_argument("--version", required=True)
    signe.add_argument("--jours", type=int, default=60)
    signe.add_argument(
        "--fichier",
        nargs=4,
        action="append",
        metavar=("OS", "ARCH", "URL", "CHEMIN"),
        required=True,
    )
    options = analyse.parse_args()
    if options.verbe == "cle":
        sys.stdout.write(json.dumps(make_key(options.fichier)) + "\n")
        return 0
    lue = serialization.load_pem_private_key(options.cle.read_bytes(), None)
    if not isinstance(lue, Ed25519PrivateKey):
        raise SystemExit("Cette clé n'est pas une clé Ed25519.")
    fichiers = [(o, a, url, Path(chemin).read_bytes()) for o, a, url, chemin in options.fichier]
    sys.stdout.write(build(lue, options.version, fichiers, options.jours) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
