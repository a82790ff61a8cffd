"""What the files and certificates of a CPS say: pure decoders, any bytes at all (agent.md §1)."""

import contextlib
import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from agent.cards.cps import certificat, signature, situations, tlv
from agent.protocol.messages import ErreurAgent

TAGS = st.sampled_from([0x04, 0x30, 0x80, 0x86, 0xEE, 0x9B, 0x5F37, 0x7F21, 0xBF8101])


@given(st.lists(st.tuples(TAGS, st.binary(max_size=300))), st.integers(0, 40))
def test_what_was_encoded_is_read_back_and_padding_ends_it(suite, bourrage):
    octets = b"".join(tlv.encode(tag, valeur) for tag, valeur in suite)
    assert list(tlv.items(octets + bytes(bourrage))) == suite
    assert list(tlv.items(octets + b"\xff" * bourrage)) == suite


@pytest.mark.cas("agent-22")
@given(st.lists(st.tuples(TAGS, st.binary(max_size=300)), min_size=1), st.data())
def test_bytes_cut_anywhere_are_refused_or_shorter_never_longer(suite, data):
    octets = b"".join(tlv.encode(tag, valeur) for tag, valeur in suite)
    coupe = octets[: data.draw(st.integers(0, len(octets) - 1))]
    with contextlib.suppress(tlv.TlvFaux):
        assert list(tlv.items(coupe)) == suite[: len(list(tlv.items(coupe)))]


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_named_fault(octets):
    for lire, fautes in (
        (lambda o: list(tlv.items(o)), tlv.TlvFaux),
        (lambda o: tlv.find(o, 0x9B), tlv.TlvFaux),
        (lambda o: situations.read_situation(1, o), ()),
        (situations.read_specialite, ()),
        (situations.read_serial, situations.ContenuFaux),
        (situations.check_actua, situations.ContenuFaux),
        (certificat.identify, situations.ContenuFaux),
    ):
        with contextlib.suppress(*([fautes] if fautes else [])):
            lire(octets)


def test_lengths_of_every_form_and_tags_of_several_bytes():
    assert list(tlv.items(bytes.fromhex("84810141"))) == [(0x84, b"A")]
    assert list(tlv.items(bytes.fromhex("8483000001415F370142"))) == [(0x84, b"A"), (0x5F37, b"B")]
    for faux in ("84", "8480", "8482FF", "84840000000141", "5F", "1F81818101", "8402AA"):
        with pytest.raises(tlv.TlvFaux):
            list(tlv.items(bytes.fromhex(faux)))
    assert tlv.find(bytes.fromhex("7006BF810102A000"), 0x9B) is None
    assert tlv.find(bytes.fromhex("7009BF810105A0039B0102"), 0x9B) == b"\x02"


def test_the_counter_is_found_as_deep_as_the_card_puts_it():
    donnees = tlv.encode(0xA0, bytes.fromhex("9A01039B0102"))
    assert tlv.find(tlv.encode(0x70, tlv.encode(0xBF8101, donnees)), 0x9B) == b"\x02"


@given(st.text(min_size=1, max_size=60).map(str.strip).filter(lambda t: t and "\x00" not in t))
def test_texts_are_read_in_utf8(texte):
    octets = tlv.encode(0xEE, tlv.encode(0x84, f" {texte} ".encode()))
    assert situations.read_situation(2, octets)["raison_sociale"] == texte.strip(" \x00")


def test_a_situation_is_read_whatever_else_it_holds():
    contenu = b"".join(
        tlv.encode(tag, valeur)
        for tag, valeur in (
            (0x80, b"\x01"),
            (0x84, "PHARMACIE DE L'ÉGLISE ".encode("latin-1")),
            (0x87, b"inconnu"),
            (0x85, b"1750012345"),
            (0x86, b"SA33"),
        )
    )
    assert situations.read_situation(3, tlv.encode(0xEE, contenu)) == {
        "index": 3,
        "raison_sociale": "PHARMACIE DE L'ÉGLISE",
        "struct_id_nat": "1750012345",
        "secteur": "SA33",
    }
    # A file we cannot parse still ends with its sector: the official sample reads only that.
    vide = {"index": 1, "raison_sociale": None, "struct_id_nat": None}
    assert situations.read_situation(1, b"\xee\x7f....SA07") == {**vide, "secteur": "SA07"}
    assert situations.read_situation(1, b"\xee\x7f") == {**vide, "secteur": None}
    assert situations.read_situation(1, b"") == {**vide, "secteur": None}


def test_a_speciality_is_the_last_four_characters():
    assert situations.read_specialite(b"\xec\x06\x82\x04SM26\x00\x00") == "SM26"
    assert situations.read_specialite(b"\xec\x00") is None


def test_a_serial_is_ten_digits_of_this_issuer():
    bon = bytes.fromhex("5A0A80250000012500577253")
    assert situations.read_serial(bon) == "2500577253"
    for faux in (b"", bon[:-1], b"\x5a\x0a\x80\x25\x00\x00\x02" + bon[7:], bon[:-1] + b"\xfa"):
        with pytest.raises(situations.ContenuFaux):
            situations.read_serial(faux)


DEBUT, FIN = (
    tlv.encode(0x81, bytes.fromhex("20260301101500")),
    tlv.encode(0x82, bytes.fromhex("20260301101700")),
)


@pytest.mark.cas("agent-47")
def test_an_update_has_a_start_and_an_end():
    situations.check_actua(tlv.encode(0xEC, DEBUT + FIN) + bytes(20))
    for faux in (
        b"",
        bytes(20),
        tlv.encode(0xEC, b""),
        tlv.encode(0xEC, DEBUT),
        tlv.encode(0xEC, FIN),
        tlv.encode(0xEC, DEBUT + tlv.encode(0x82, b"")),
        tlv.encode(0xEC, DEBUT + tlv.encode(0x82, bytes(7))),
        tlv.encode(0xEC, DEBUT + FIN)[:-3],
    ):
        with pytest.raises(situations.ContenuFaux):
            situations.check_actua(faux)


# Certificates of both generations

RSA = rsa.generate_private_key(65537, 2048)
EXTENSIONS = {
    "1.2.250.1.71.1.2.2": "020100",
    "1.2.250.1.71.1.2.3": "1315" + b"8025000001/2500577253".hex(),
    "1.2.250.1.71.1.2.5": "040180",
    "1.2.250.1.71.1.2.7": "020115",
    "1.2.250.1.71.4.2.5": "30060C04" + b"SM26".hex(),
}


def attribut(oid, texte):
    return x509.NameAttribute(oid, texte)


def delivrer(rdns, cle=RSA, **extensions):
    """A certificate whose subject has these RDNs, one of them of several values."""
    jour = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    fabrique = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.RelativeDistinguishedName(r) for r in rdns]))
        .issuer_name(x509.Name([attribut(NameOID.COMMON_NAME, "AC")]))
        .public_key(cle.public_key())
        .serial_number(7)
        .not_valid_before(jour)
        .not_valid_after(jour + dt.timedelta(days=1095))
    )
    for oid, valeur in (EXTENSIONS | extensions).items():
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(valeur))
        fabrique = fabrique.add_extension(extension, critical=False)
    return fabrique.sign(cle, hashes.SHA256()).public_bytes(Encoding.DER)


PERSONNE = [
    attribut(NameOID.COMMON_NAME, "899700000021"),
    attribut(NameOID.SURNAME, "OFFICINE"),
    attribut(NameOID.GIVEN_NAME, "ALICE"),
]
FR = [attribut(NameOID.COUNTRY_NAME, "FR")]


@pytest.mark.exigence("AGT-01")
@pytest.mark.parametrize(
    ("rdns", "organisation"),
    [
        (
            [
                FR,
                [attribut(NameOID.ORGANIZATION_NAME, "TEST")],
                [attribut(NameOID.ORGANIZATIONAL_UNIT_NAME, "Pharmacien")],
                PERSONNE,
            ],
            "TEST",
        ),
        ([FR, [attribut(NameOID.TITLE, "Pharmacien")], PERSONNE], None),
    ],
    ids=["IGC-CPS", "IGC-Sante"],
)
def test_both_generations_of_certificates_name_their_holder(rdns, organisation):
    assert certificat.identify(delivrer(rdns)) == {
        "id_nat": "899700000021",
        "nom": "OFFICINE",
        "prenom": "ALICE",
        "nominative": True,
        "organisation": organisation,
        "profession": 21,
        "profession_libelle": "Pharmacien",
        "specialites": ["SM26"],
        "type": 0,
        "serie": "2500577253",
        "valide_du": "2026-01-01",
        "valide_au": "2028-12-31",
    }


@pytest.mark.cas("agent-34")
def test_a_nameless_cpe_takes_its_name_from_its_organisation():
    nom = "PHARMACIE DE LA GARE"
    rdns = [
        FR,
        [attribut(NameOID.ORGANIZATION_NAME, nom)],
        [attribut(NameOID.COMMON_NAME, "3275001234/0007")],
    ]
    lu = certificat.identify(delivrer(rdns, **{"1.2.250.1.71.1.2.2": "020102"}))
    assert (lu["nom"], lu["prenom"], lu["nominative"], lu["type"]) == (
        nom,
        "3275001234/0007",
        False,
        2,
    )


def test_a_certificate_that_names_nobody_or_breaks_its_extensions_is_refused():
    for der in (
        b"",
        b"\x30\x03\x02\x01\x00",
        delivrer([FR]),
        delivrer([FR, PERSONNE], **{"1.2.250.1.71.1.2.7": "0203"}),
        delivrer([FR, PERSONNE], **{"1.2.250.1.71.4.2.5": "30020C04"}),
    ):
        with pytest.raises(situations.ContenuFaux):
            certificat.identify(der)
    nu = certificat.identify(
        delivrer([FR, PERSONNE], **dict.fromkeys(list(EXTENSIONS)[:2], "0500"))
    )
    assert (nu["serie"], nu["type"]) == (None, None)


# Signatures


@given(st.binary(max_size=64))
def test_the_digest_info_is_built_here_for_sha256_only(empreinte):
    if len(empreinte) == 32:
        bloc = signature.pkcs1_block(empreinte, 256)
        assert bloc.endswith(b"\x00" + signature.digest_info(empreinte))
        assert len(bloc) == 256
    else:
        with pytest.raises(ValueError, match="32"):
            signature.digest_info(empreinte)


def test_our_own_check_of_a_signature():
    der, empreinte = delivrer([FR, PERSONNE]), hashlib.sha256(b"texte").digest()
    signee = RSA.sign(b"texte", padding.PKCS1v15(), hashes.SHA256())
    signature.check_own(der, "RS256", [empreinte], [signee])
    elliptique = delivrer([FR, PERSONNE], ec.generate_private_key(ec.SECP256R1()))
    for autre, signatures, attendu in (
        (der, [signee[::-1]], "E_SIGN_FAILED"),
        (der, [b""], "E_SIGN_FAILED"),
        (der, [], "E_SIGN_FAILED"),
        (elliptique, [signee], "E_SIGN_FAILED"),
        (b"x", [signee], "E_CPS_CERT"),
    ):
        with pytest.raises(ErreurAgent) as refus:
            signature.check_own(autre, "RS256", [empreinte], signatures)
        assert refus.value.code == attendu
