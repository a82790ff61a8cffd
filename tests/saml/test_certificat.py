"""What a card's certificate says, and who issued it, whatever the kind of key."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from teleservices.saml.certificat import is_issued_by, read_cps_certificate

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


def certificat(cle, signataire=None, sujet="810100000032"):
    nom = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, sujet)] if sujet else [])
    maintenant = datetime.now(UTC)
    signataire = signataire or cle
    condense = None if isinstance(signataire, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return (
        x509.CertificateBuilder()
        .subject_name(nom)
        .issuer_name(nom)
        .public_key(cle.public_key())
        .serial_number(7)
        .not_valid_before(maintenant)
        .not_valid_after(maintenant + timedelta(days=1))
        .sign(signataire, condense)
    )


@pytest.fixture(scope="module")
def cles():
    return {
        "ec": ec.generate_private_key(ec.SECP256R1()),
        "rsa": rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }


@pytest.mark.parametrize(("genre", "reconnu"), [("ec", True), ("rsa", True), ("ed25519", False)])
@pytest.mark.exigence("SEC-09")
def test_only_the_algorithms_we_verify_make_an_authority(cles, genre, reconnu):
    autorite = certificat(cles[genre]).public_bytes(PEM)
    carte = certificat(cles["ec"], cles[genre]).public_bytes(DER)
    assert is_issued_by(carte, autorite) is reconnu


@pytest.mark.parametrize("genre", ["ec", "rsa"])
@pytest.mark.exigence("SEC-09")
def test_the_signature_of_another_key_is_not_the_authoritys(cles, genre):
    autre = {"ec": ec.generate_private_key(ec.SECP256R1()), "rsa": cles["rsa"]}[genre]
    signataire = rsa.generate_private_key(65537, 2048) if genre == "rsa" else cles["ec"]
    autorite = certificat(autre).public_bytes(PEM)
    assert not is_issued_by(certificat(cles["ec"], signataire).public_bytes(DER), autorite)


def test_a_certificate_signed_without_a_digest_is_not_our_authoritys(cles):
    carte = certificat(cles["ec"], cles["ed25519"]).public_bytes(DER)
    for genre in ("ec", "rsa"):
        assert not is_issued_by(carte, certificat(cles[genre]).public_bytes(PEM))


def test_a_certificate_without_usage_nor_profession_signs_nothing(cles):
    lu = read_cps_certificate(certificat(cles["ec"]).public_bytes(DER))
    assert (lu.signe, lu.profession, lu.type_carte, lu.id_nat) == (
        False,
        None,
        None,
        "810100000032",
    )


def test_a_certificate_without_name_has_no_holder(cles):
    assert read_cps_certificate(certificat(cles["ec"], sujet="").public_bytes(DER)).id_nat == ""


def test_bytes_that_are_no_certificate_are_refused():
    with pytest.raises(ValueError, match="asn1"):
        read_cps_certificate(b"\x30\x03abc")


def test_the_holders_name_does_not_show(cps):
    assert "ROUSSEAU" not in repr(read_cps_certificate(cps.certificate))
