"""The door of the prescription simulator: signature, assertion, contexts, headers (§2.2)."""

import copy
import datetime as dt
import uuid
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod

from simulators.pki import Autorite
from simulators.pki_cps import key_usage
from tests.simulators.client_nu import (
    BAM,
    DS,
    EPU,
    LPS,
    PORTEUR,
    SAML,
    SOAP,
    WSA,
    WSSE,
    Assertion,
    ClientEpu,
    Porteur,
    Simulateur,
    body,
    header,
    now_z,
    sub,
)

E0 = "01K7M4QX9TRB2VWZ3H"


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("ordonnance", tmp_path_factory.mktemp("epu"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def epu(simulateur, tls):
    """A client of the simulator."""
    client = ClientEpu(simulateur.adresse, tls)
    yield client
    client.close()


@pytest.fixture(scope="module")
def sig(tls):
    """The signature pair of the pharmacist."""
    return Porteur.read(tls)


def made(tls, *, autorite="ac-cps", jours=(-1, 30), usage=True, profession=21, cn=PORTEUR):
    """Return a card made for the test, wrong where asked."""
    nom = {"ac-cps": "IGC-SANTE FORT PERSONNES", "ac-etrangere": "ETRANGERE"}[autorite]
    ac = Autorite(tls, autorite, nom)
    cle = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    extensions = []
    if usage is not None:
        extensions.append((_usage(signe=usage), True))
    if profession:
        oid = x509.ObjectIdentifier("1.2.250.1.71.1.2.7")
        extensions.append((x509.UnrecognizedExtension(oid, bytes([2, 1, profession])), False))
    sujet = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    return Porteur(ac.issue(cle, sujet, extensions, jours), cle, cn)


def _usage(*, signe):
    return key_usage("content_commitment" if signe else "digital_signature")


def present(epu, assertion):
    """Consult with this assertion and return the code."""
    return epu.send(epu.wrap(epu.consult_request(E0), assertion)).code


# The signer


def test_a_good_assertion_opens_the_door(epu, sig):
    assert present(epu, Assertion(sig).sign()) == "00"


def test_one_assertion_serves_several_messages(epu, sig):
    texte = etree.tostring(Assertion(sig).sign())

    codes = [present(epu, etree.fromstring(texte)) for _ in range(2)]
    assert codes == ["00", "00"]


@pytest.mark.parametrize(
    ("defaut", "code"),
    [
        ({"autorite": "ac-etrangere"}, "EPU-030"),
        ({"jours": (-30, -1)}, "EPU-030"),
        ({"jours": (1, 30)}, "EPU-030"),
        ({"usage": False}, "EPU-030"),
        ({"usage": None}, "EPU-030"),
        ({"profession": 10}, "EPU-008"),
        ({"profession": 0}, "EPU-008"),
        ({}, "00"),
    ],
    ids=["autre AC", "expiré", "futur", "authentifie", "sans usage", "médecin", "muet", "bon"],
)
def test_the_certificate_of_the_signer_is_checked(epu, tls, defaut, code):
    assert present(epu, Assertion(made(tls, **defaut)).sign()) == code


def test_the_authentication_pair_of_the_card_does_not_sign(epu, tls):
    assert present(epu, Assertion(Porteur.read(tls, usage="auth")).sign()) == "EPU-030"


def test_a_certificate_that_names_the_authority_without_its_signature_is_refused(epu, tls, sig):
    ac = x509.load_pem_x509_certificate((tls / "ac-cps.pem").read_bytes())
    cle = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    maintenant = dt.datetime.now(dt.UTC)
    faux = (
        x509.CertificateBuilder()
        .subject_name(sig.certificat.subject)
        .issuer_name(ac.subject)
        .public_key(cle.public_key())
        .serial_number(1)
        .not_valid_before(maintenant - timedelta(days=1))
        .not_valid_after(maintenant + timedelta(days=1))
        .add_extension(_usage(signe=True), critical=True)
        .sign(cle, hashes.SHA256())
    )

    assert present(epu, Assertion(Porteur(faux, cle, PORTEUR)).sign()) == "EPU-030"


# The signature


@pytest.mark.parametrize(
    "defaut",
    [
        {"c14n": CanonicalizationMethod.CANONICAL_XML_1_0},
        {"c14n": CanonicalizationMethod.CANONICAL_XML_1_1},
        {"c14n": CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0_WITH_COMMENTS},
        {"signature": "rsa-sha512"},
        {"empreinte": "sha512"},
    ],
    ids=["c14n 1.0", "c14n 1.1", "commentaires", "rsa-sha512", "sha512"],
)
def test_other_algorithms_than_those_of_the_specification_are_refused(epu, sig, defaut):
    assert present(epu, Assertion(sig, **defaut).sign()) == "EPU-030"


def _finess(a):
    a.xpath("//*[local-name()='AttributeValue']")[0].text = "130099991"


def _later(a):
    a.find(f"{{{SAML}}}Conditions").set("NotOnOrAfter", now_z(timedelta(days=9)))


def _digest(a):
    a.find(f".//{{{DS}}}DigestValue").text = "A" * 43 + "="


def _value(a):
    valeur = a.find(f".//{{{DS}}}SignatureValue")
    valeur.text = valeur.text[:10] + ("A" if valeur.text[10] != "A" else "B") + valeur.text[11:]


def _no_signature(a):
    a.remove(a.find(f"{{{DS}}}Signature"))


def _no_certificate(a):
    a.find(f".//{{{DS}}}X509Data").clear()


def _two_certificates(a):
    data = a.find(f".//{{{DS}}}X509Data")
    data.append(copy.deepcopy(data[0]))


def _rename(a):
    a.set("ID", f"_{uuid.uuid4()}")


@pytest.mark.parametrize(
    "change",
    [
        _finess,
        _later,
        _digest,
        _value,
        _no_signature,
        _no_certificate,
        _two_certificates,
        _rename,
    ],
)
def test_an_assertion_touched_after_its_signature_is_refused(epu, sig, change):
    assertion = Assertion(sig).sign()
    change(assertion)

    assert present(epu, assertion) == "EPU-030"


def test_a_signed_assertion_hidden_in_a_forged_one_is_refused(epu, sig):
    vraie = Assertion(sig).sign()
    fausse = Assertion(sig, finess="130099991").unsigned()
    fausse.remove(fausse.find(f"{{{DS}}}Signature"))
    signature = vraie.find(f"{{{DS}}}Signature")
    objet = etree.SubElement(signature, f"{{{DS}}}Object")
    interieure = copy.deepcopy(vraie)
    interieure.remove(interieure.find(f"{{{DS}}}Signature"))
    objet.append(interieure)
    fausse.insert(1, signature)
    fausse.set("ID", vraie.get("ID"))

    assert present(epu, fausse) == "EPU-030"


def test_no_assertion_no_entry(epu):
    racine = epu.wrap(epu.consult_request(E0))
    securite = header(racine, WSSE, "Security")
    securite.remove(securite[0])

    assert epu.send(racine).code == "EPU-030"


def test_a_second_assertion_may_follow(epu, sig):
    racine = epu.wrap(epu.consult_request(E0))
    header(racine, WSSE, "Security").append(Assertion(sig, sujet="vitale").unsigned())

    assert epu.send(racine).code == "00"


# What the assertion says


@pytest.mark.parametrize(
    ("defaut", "code"),
    [
        ({"specialite": "01"}, "EPU-030"),
        ({"specialite": ""}, "EPU-030"),
        ({"sujet": "810100000040"}, "EPU-030"),
        ({"issuer": "CN=810100000040,C=FR"}, "EPU-030"),
        ({"issuer": "AUTRE"}, "EPU-030"),
        ({"issuer": "CN=810100000032,C=FR"}, "EPU-030"),
        ({"finess": ""}, "EPU-030"),
        ({"finess": "130099991"}, "EPU-030"),
        ({"audience": "urn:un:autre:service"}, "EPU-030"),
        ({"audience": "urn:sim-epu:1.0.0"}, "00"),
        ({"debut": timedelta(hours=-2)}, "EPU-030"),
        ({"debut": timedelta(minutes=6)}, "EPU-030"),
        ({"debut": timedelta(minutes=4)}, "00"),
        ({"duree": timedelta(seconds=1)}, "EPU-030"),
    ],
)
def test_each_word_of_the_assertion_is_checked(epu, sig, defaut, code):
    assert present(epu, Assertion(sig, **defaut).sign()) == code


@pytest.mark.parametrize("partie", ["Conditions", "Issuer", "Subject", "AttributeStatement"])
def test_an_assertion_signed_without_one_of_its_parts_is_refused(epu, sig, partie):
    element = Assertion(sig).unsigned()
    element.remove(element.find(f"{{{SAML}}}{partie}"))

    assert present(epu, Assertion(sig).sign(element)) == "EPU-030"


@pytest.mark.parametrize(
    ("nom", "valeur", "code"),
    [
        ("RPPS", "10100000040", "EPU-030"),
        ("FINESS", "130099991", "EPU-030"),
    ],
)
def test_the_performer_is_the_signer(epu, nom, valeur, code):
    corps = epu.consult_request(E0)
    corps.find(f"{{{EPU}}}Executant/{{{EPU}}}{nom}").text = valeur

    assert epu.call(corps).code == code


def test_a_physician_does_not_deliver(epu):
    corps = epu.open_request(E0, 1)
    sub(corps.find(f"{{{EPU}}}Executant"), EPU, "Profession", "G15_10/SM26")

    assert epu.call(corps).code == "EPU-008"


# Headers


def _set(espace, bloc, chemin, valeur):
    def change(racine):
        element = header(racine, espace, bloc)
        for nom in chemin:
            element = element.find(f"{{{espace}}}{nom}")
        element.text = valeur

    return change


def _drop(espace, bloc):
    def change(racine):
        racine[0].remove(header(racine, espace, bloc))

    return change


INTERDITS = {
    "MessageID absent": (_drop(WSA, "MessageID"), "EPU-020"),
    "Action absente": (_drop(WSA, "Action"), "EPU-020"),
    "Action d'une autre opération": (
        _set(WSA, "Action", (), "urn:sim-epu:1.0.0:ouvrirExecution"),
        "EPU-020",
    ),
    "contexte BAM absent": (_drop(BAM, "ContexteBAM"), "EPU-020"),
    "contexte LPS absent": (_drop(LPS, "ContexteLPS"), "EPU-020"),
    "version du contexte": (
        lambda r: header(r, BAM, "ContexteBAM").set("Version", "01_00"),
        "EPU-020",
    ),
    "Id du contexte": (_set(LPS, "ContexteLPS", ("Id",), "1"), "EPU-020"),
    "émetteur BAM": (_set(BAM, "ContexteBAM", ("Emetteur",), "130099991"), "EPU-030"),
    "émetteur LPS": (_set(LPS, "ContexteLPS", ("Emetteur",), "130099991"), "EPU-030"),
    "heure BAM": (
        _set(BAM, "ContexteBAM", ("Temps",), now_z(timedelta(minutes=-6))),
        "EPU-030",
    ),
    "heure LPS": (
        _set(LPS, "ContexteLPS", ("Temps",), now_z(timedelta(hours=6))),
        "EPU-030",
    ),
    "logiciel inconnu": (_set(LPS, "ContexteLPS", ("LPS", "IDAM"), "INCONNU"), "EPU-031"),
    "IDAM d'un autre type": (
        lambda r: header(r, LPS, "ContexteLPS").find(f".//{{{LPS}}}IDAM").set("R", "1"),
        "EPU-031",
    ),
    "élément inconnu": (lambda r: sub(body(r)[0], EPU, "Inconnu", "x"), "EPU-020"),
    "autre espace": (
        lambda r: setattr(body(r)[0], "tag", "{urn:autre}consulterPrescriptionRequete"),
        "EPU-020",
    ),
    "deux corps": (lambda r: body(r).append(copy.deepcopy(body(r)[0])), "EPU-020"),
    "sans Security": (_drop(WSSE, "Security"), "EPU-030"),
}


@pytest.mark.parametrize("interdit", list(INTERDITS))
def test_a_forbidden_message_is_refused(epu, interdit):
    change, code = INTERDITS[interdit]
    racine = epu.wrap(epu.consult_request(E0))
    change(racine)

    genre = 'application/soap+xml; charset=utf-8; action="urn:sim-epu:1.0.0:consulterPrescription"'
    assert epu.send(racine, type_contenu=genre).code == code


def test_a_skew_of_four_minutes_is_admitted(epu):
    racine = epu.wrap(epu.consult_request(E0), decalage=timedelta(minutes=-4))

    assert epu.send(racine).code == "00"


def test_a_card_read_may_fill_the_coverage_with_a_compact_date(epu):
    racine = epu.wrap(epu.consult_request(E0))
    couverture = header(racine, BAM, "ContexteBAM").find(f"{{{BAM}}}COUVERTURE")
    sub(couverture, BAM, "GrandRegime", "01")
    assure = sub(sub(couverture, BAM, "ASSURE"), BAM, "Id")
    sub(assure, BAM, "Num", "2790351215189")
    sub(assure, BAM, "Cle", "89")
    sub(sub(couverture, BAM, "BENEFICIAIRE"), BAM, "DateNai", "19790328")

    assert epu.send(racine).code == "00"


@pytest.mark.parametrize(
    "genre",
    [
        "text/xml; charset=utf-8",
        "application/soap+xml; charset=utf-8",
        'application/soap+xml; charset=utf-8; action="urn:sim-epu:1.0.0:ouvrirExecution"',
    ],
)
def test_a_wrong_content_type_is_refused(epu, genre):
    racine = epu.wrap(epu.consult_request(E0))

    assert epu.send(racine, type_contenu=genre).code == "EPU-020"


def test_a_message_identifier_serves_once(epu):
    racine = epu.wrap(epu.consult_request(E0))

    assert [epu.send(racine).code for _ in range(2)] == ["00", "EPU-020"]


def test_soap11_and_entities_are_refused(epu):
    octets = etree.tostring(epu.wrap(epu.consult_request(E0)))
    genre = 'application/soap+xml; charset=utf-8; action="urn:sim-epu:1.0.0:consulterPrescription"'
    vieux = octets.replace(SOAP.encode(), b"http://schemas.xmlsoap.org/soap/envelope/")
    piege = b'<!DOCTYPE x [<!ENTITY a "SCAN">]>' + octets.replace(b">SCAN<", b">&a;<")

    codes = [epu.send(o, type_contenu=genre).code for o in (vieux, piege)]
    assert codes == ["EPU-020", "EPU-020"]


def test_an_operation_that_the_contract_does_not_know_is_refused(epu):
    corps = epu.request("modifierPrescription", E0)

    assert epu.call(corps).code == "EPU-020"
