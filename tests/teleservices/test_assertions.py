"""The operator's assertion: signed by their own card, kept an hour, destroyed when they leave."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.utils import timezone

from pharmacy.events import CarteCpsLue, SessionFermee
from pharmacy.postes.signatures import SignatureRefusee
from teleservices import assertions
from teleservices.errors import NotReady
from teleservices.models import AssertionActeur, Envoi
from tests.teleservices.atelier import deposer, mettre

pytestmark = pytest.mark.django_db
EPU = assertions.SignatureActeur("epu")


@pytest.fixture
def acteur(halle):
    """The titulaire, whose card the tests hold."""
    return halle.acteur("A01")


@pytest.fixture
def envoi(halle, essai):
    essai.service = "epu"
    return deposer(halle, essai, code="A01")


def signer(troupe, acteur, cps, signataire=None):
    a_signer = EPU.prepare(acteur, cps.certificate)
    signature = (signataire or cps).sign(a_signer.digest)
    poste = troupe.postes[0]
    return EPU.complete(acteur, poste, a_signer.prepare, signature, cps.certificate)


def test_a_signature_serves_the_workers_for_an_hour(halle, acteur, cps, envoi):
    assert not assertions.is_signed(acteur, "epu")
    assert signer(halle, acteur, cps) == "Signé."
    assert assertions.is_signed(acteur, "epu")
    assert b"810100000032" in assertions.assertion_for(envoi)
    assert not assertions.is_signed(halle.acteur("A02"), "epu")


def test_signing_again_replaces_and_releases_what_waited(halle, acteur, cps, envoi):
    signer(halle, acteur, cps)
    mettre(envoi, Envoi.Etat.INCERTAIN, dernier_code="assertion_expiree")
    assert signer(halle, acteur, cps) == "Signé. 1 envoi(s) repris."
    assert AssertionActeur.objects.count() == 1


def test_without_a_signature_nothing_leaves(envoi):
    with pytest.raises(NotReady, match="assertion_absente"):
        assertions.assertion_for(envoi)


def test_a_signature_about_to_expire_is_not_used(halle, acteur, cps, envoi):
    signer(halle, acteur, cps)
    bientot = timezone.now() + assertions.MARGE - timedelta(seconds=1)
    AssertionActeur.objects.update(expire_le=bientot)
    assert not assertions.is_signed(acteur, "epu")
    with pytest.raises(NotReady, match="assertion_expiree"):
        assertions.assertion_for(envoi)


@pytest.mark.exigence("SEC-09")
def test_another_keys_signature_is_refused_and_nothing_is_kept(halle, acteur, cps, autre_cps):
    with pytest.raises(SignatureRefusee) as refus:
        signer(halle, acteur, cps, autre_cps)
    assert refus.value.code == "signature_fausse"
    assert not AssertionActeur.objects.exists()


# Whose card


def refus_de(acteur, certificat):
    with pytest.raises(SignatureRefusee) as refus:
        EPU.prepare(acteur, certificat)
    return refus.value.code


@pytest.mark.exigence("SEC-09")
def test_only_the_operators_own_card_signs(halle, acteur, cps, autre_cps):
    assert refus_de(acteur, autre_cps.certificate) == "autre_titulaire"
    assert refus_de(halle.acteur("A02"), cps.certificate) == "autre_titulaire"
    # Who has no card works under a pharmacien's (ordonnance.md §2.8).
    assert EPU.prepare(halle.acteur("B01"), cps.certificate)
    assert refus_de(acteur, b"pas un certificat") == "certificat"


def carte(autorite, *, debut=-1, fin=1, signe=True):
    """A card of an authority of the tests, in the titulaire's name."""
    nom = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "810100000032")])
    maintenant = datetime.now(UTC)
    usages = dict.fromkeys(
        [
            "digital_signature",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(nom)
        .issuer_name(nom)
        .public_key(autorite.public_key())
        .serial_number(7)
        .not_valid_before(maintenant + timedelta(days=debut))
        .not_valid_after(maintenant + timedelta(days=fin))
        .add_extension(x509.KeyUsage(content_commitment=signe, **usages), critical=True)
        .sign(autorite, hashes.SHA256())
    )


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, None),
        ({"debut": -9, "fin": -1}, "certificat_date"),
        ({"debut": 1, "fin": 9}, "certificat_date"),
        ({"signe": False}, "certificat_date"),
    ],
)
def test_a_card_out_of_date_or_not_made_to_sign_is_refused(
    halle, acteur, settings, tmp_path, options, code
):
    autorite = rsa.generate_private_key(65537, 2048)
    pem = tmp_path / "ac.pem"
    pem.write_bytes(carte(autorite).public_bytes(serialization.Encoding.PEM))
    der = carte(autorite, **options).public_bytes(serialization.Encoding.DER)
    assert refus_de(acteur, der) == "certificat_ac"
    settings.CPS_AC = str(pem)
    if code is None:
        assert EPU.prepare(acteur, der).digest
    else:
        assert refus_de(acteur, der) == code


# Departure


def test_leaving_the_workstation_destroys_the_signature(halle, acteur, cps):
    signer(halle, acteur, cps)
    assertions.forget_session(SessionFermee(halle.acteur("A01", 1)))
    assertions.forget_session(SessionFermee(halle.acteur("A02")))
    assert assertions.is_signed(acteur, "epu")
    assertions.forget_session(SessionFermee(acteur))
    assert not AssertionActeur.objects.exists()


def test_another_card_on_the_workstation_destroys_the_signature(halle, acteur, cps):
    signer(halle, acteur, cps)
    assertions.forget_other_card(CarteCpsLue(acteur, "810100000032", "x"))
    assert assertions.is_signed(acteur, "epu")
    assertions.forget_other_card(CarteCpsLue(halle.acteur("A02"), "810100000040", "x"))
    assert not AssertionActeur.objects.exists()
