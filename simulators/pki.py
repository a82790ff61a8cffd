"""Test certificates: every subject says TEST, keys are made on this machine and never committed.

`python -m simulators.pki DIR` is idempotent: what is valid for seven more days is kept.
"""

import datetime as dt
import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulators import pki_cps
from simulators.cartes import carte_list

Cle = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_UN_JOUR = dt.timedelta(days=1)


def _name(cn: str, ou: str = "") -> x509.Name:
    attributs = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "COMPTOIR TEST"),
    ]
    for oid, valeur in (
        (NameOID.ORGANIZATIONAL_UNIT_NAME, ou),
        (NameOID.COMMON_NAME, cn),
    ):
        if valeur:
            attributs.append(x509.NameAttribute(oid, valeur))
    return x509.Name(attributs)


def _write(chemin: Path, octets: bytes, mode: int = 0o600) -> None:
    chemin.parent.mkdir(parents=True, exist_ok=True)
    provisoire = chemin.with_suffix(chemin.suffix + ".tmp")
    fd = os.open(provisoire, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "wb") as sortie:
        sortie.write(octets)
    provisoire.rename(chemin)


def _pem(cle: Cle) -> bytes:
    return cle.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Autorite:
    """A test authority, kept in a folder."""

    def __init__(
        self, dossier: Path, nom: str, cn: str = "", sujet: x509.Name | None = None
    ) -> None:
        self.fichier = dossier / f"{nom}.pem"
        cle_fichier = dossier / f"{nom}.key"
        if _is_fresh(self.fichier) and cle_fichier.exists():
            cle = serialization.load_pem_private_key(cle_fichier.read_bytes(), None)
            assert isinstance(cle, ec.EllipticCurvePrivateKey)  # noqa: S101
            self.cle: ec.EllipticCurvePrivateKey = cle
            self.certificat = x509.load_pem_x509_certificate(self.fichier.read_bytes())
            return
        self.cle = ec.generate_private_key(ec.SECP256R1())
        sujet = sujet or _name(f"TEST AC {cn}")
        maintenant = dt.datetime.now(dt.UTC)
        self.certificat = (
            x509.CertificateBuilder()
            .subject_name(sujet)
            .issuer_name(sujet)
            .public_key(self.cle.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(maintenant - _UN_JOUR)
            .not_valid_after(maintenant + dt.timedelta(days=1000))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(pki_cps.key_usage("key_cert_sign", "crl_sign"), critical=True)
            .sign(self.cle, hashes.SHA256())
        )
        _write(cle_fichier, _pem(self.cle))
        _write(self.fichier, self.certificat.public_bytes(serialization.Encoding.PEM), 0o644)

    def issue(
        self,
        cle: Cle,
        sujet: x509.Name,
        extensions: list[tuple[x509.ExtensionType, bool]],
        validite: tuple[int, int] = (-1, 365),
    ) -> x509.Certificate:
        """Return a certificate valid from/to the given days from now."""
        maintenant = dt.datetime.now(dt.UTC)
        fabrique = (
            x509.CertificateBuilder()
            .subject_name(sujet)
            .issuer_name(self.certificat.subject)
            .public_key(cle.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(maintenant + dt.timedelta(days=validite[0]))
            .not_valid_after(maintenant + dt.timedelta(days=validite[1]))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.cle.public_key()),
                critical=False,
            )
        )
        for extension, critique in extensions:
            fabrique = fabrique.add_extension(extension, critical=critique)
        return fabrique.sign(self.cle, hashes.SHA256())


def _is_fresh(chemin: Path) -> bool:
    try:
        certificat = x509.load_pem_x509_certificate(chemin.read_bytes())
    except (OSError, ValueError):
        return False
    reste = certificat.not_valid_after_utc - dt.datetime.now(dt.UTC)
    return reste > dt.timedelta(days=7)


def _serveur(ac: Autorite, dossier: Path, nom: str, validite: tuple[int, int] = (-1, 365)) -> None:
    if _is_fresh(dossier / f"{nom}.pem") and validite[1] > 0:
        return
    cle = ec.generate_private_key(ec.SECP256R1())
    noms = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    )
    certificat = ac.issue(
        cle,
        _name("TEST services simulés"),
        [(noms, False), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)],
        validite,
    )
    _write(dossier / f"{nom}.key", _pem(cle))
    _write(dossier / f"{nom}.pem", certificat.public_bytes(serialization.Encoding.PEM), 0o644)


def _structure(ac: Autorite, dossier: Path, nom: str, cn: str) -> None:
    if _is_fresh(dossier / f"{nom}.pem"):
        return
    cle = ec.generate_private_key(ec.SECP256R1())
    certificat = ac.issue(
        cle,
        _name(cn, ou="1752026005"),
        [
            (pki_cps.key_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        ],
    )
    _write(dossier / f"{nom}.key", _pem(cle))
    _write(dossier / f"{nom}.pem", certificat.public_bytes(serialization.Encoding.PEM), 0o644)


def _token_key(fichier: Path) -> None:
    """One key of Pro Santé Connect: it signs tokens, or is published and serves nothing."""
    if not fichier.exists():
        _write(fichier, _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))


def _cps(ac: Autorite, dossier: Path, cps: dict[str, Any]) -> None:
    """One authentication and one signature pair per card."""
    validite = cps.get("certificat_jours", [-1, 365])
    for usage in ("auth", "sig"):
        noms = cps["keys"][usage]
        der, pem = dossier / noms["cert_file"], dossier / noms["cert_file"].replace(".der", ".pem")
        if _is_fresh(pem) or (validite[1] < 0 and pem.exists()):
            continue
        cle = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificat = ac.issue(
            cle, pki_cps.subject(cps), pki_cps.extensions(cps, usage), (validite[0], validite[1])
        )
        _write(dossier / noms["pem_file"], _pem(cle))
        _write(der, certificat.public_bytes(serialization.Encoding.DER), 0o644)
        _write(pem, certificat.public_bytes(serialization.Encoding.PEM), 0o644)


def _autorite_cps(dossier: Path, igc: str) -> Autorite:
    nom = "ac-cps-ancienne" if igc == pki_cps.ANCIENNE else "ac-cps"
    return Autorite(dossier, nom, sujet=pki_cps.issuer_name(igc))


def build_card(dossier: Path, carte: dict[str, Any]) -> None:
    """Make the keys of one card file, under the authority of its generation; none for a Vitale."""
    if carte["kind"] == "cps":
        cps = carte["cps"]
        _cps(_autorite_cps(dossier, str(cps.get("igc", ""))), dossier, cps)


def build_all(dossier: Path) -> None:
    """Make every authority, certificate and card key of the demonstration."""
    dossier.mkdir(parents=True, exist_ok=True)
    serveurs = Autorite(dossier, "ac-serveurs", "SERVEURS")
    structures = Autorite(dossier, "ac-structures", "IGC-SANTE ELEMENTAIRE ORGANISATIONS")
    cps = _autorite_cps(dossier, "")
    etrangere = Autorite(dossier, "ac-etrangere", "ETRANGERE")
    _serveur(serveurs, dossier, "serveur")
    _serveur(serveurs, dossier, "serveur-perime", (-30, -1))
    _structure(structures, dossier, "insi-auto", "INSI-AUTO")
    _structure(structures, dossier, "insi-manu", "INSI-MANU")
    _structure(structures, dossier, "refuse-autre-cn", "AUTRE")
    _structure(etrangere, dossier, "refuse-autre-ac", "INSI-AUTO")
    _structure(structures, dossier, "psc-edc", "COMPTOIR-PSC")
    for usage in ("signature", "chiffrement"):
        _token_key(dossier / "psc" / f"{usage}.key")
    for carte in carte_list("cps"):
        _cps(cps, dossier, carte["cps"])


if __name__ == "__main__":
    build_all(Path(sys.argv[1]))
