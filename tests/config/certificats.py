"""Certificates made for a test: of an environment or another, valid or over."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificat(dossier, organisation="COMPTOIR TEST", jours=300):
    """Write a certificate that ends in `jours` days; return its path as text (its key beside)."""
    cle = ec.generate_private_key(ec.SECP256R1())
    nom = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, "752026005"),
        ]
    )
    maintenant = datetime.now(UTC)
    signe = (
        x509.CertificateBuilder()
        .subject_name(nom)
        .issuer_name(nom)
        .public_key(cle.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(maintenant - timedelta(days=400))
        .not_valid_after(maintenant + timedelta(days=jours, hours=1))
        .sign(cle, hashes.SHA256())
    )
    fichier = dossier / f"{organisation}-{jours}.pem"
    fichier.write_bytes(signe.public_bytes(serialization.Encoding.PEM))
    fichier.with_suffix(".key").write_bytes(
        cle.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(fichier)


def poser(settings, chemin):
    """Make it the certificate of the officine, with its key."""
    settings.INSI_CERTIFICAT = chemin
    settings.INSI_CLE = chemin.removesuffix(".pem") + ".key"
    settings.INSI_CERTIFICAT_AUTO = settings.INSI_CLE_AUTO = ""
