"""The endpoint of the cards: no client certificate, a signed assertion (ins.md §3.2)."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from simulators.pki import Autorite, _name
from simulators.pki_cps import key_usage
from tests.simulators.client_nu import (
    DS,
    LPS,
    SAML,
    WSSE,
    Assertion,
    ClientInsi,
    Porteur,
    Simulateur,
    header,
    sub,
)

ADRUN = ("ADRUN", ["ZOE"], "F", "1975-12-31")
AUDIENCE = "urn:ServiceIdentiteCertifiee:1.0.0"


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("insi", tmp_path_factory.mktemp("insi"), tls, "--assertion")
    yield processus
    processus.stop()


@pytest.fixture
def insi(simulateur, tls):
    """A client without certificate."""
    simulateur.post("/oublier")
    client = ClientInsi(simulateur.adresse, tls, None)
    yield client
    client.close()


@pytest.fixture
def porteur(tls):
    """The titulaire's signature pair."""
    return Porteur.read(tls)


def unsigned(porteur, **faits):
    """Return the assertion that INSi wants, before its signature."""
    element = Assertion(porteur, specialite="", **faits).unsigned()
    enonce = element.find(f"{{{SAML}}}AttributeStatement")
    attribut = sub(enonce, SAML, "Attribute", Name="secteurActivite")
    sub(attribut, SAML, "AttributeValue", "SA33")
    return element


def ask(insi, assertion, emetteur="1752026005"):
    """Search ADRUN Zoé with this assertion; return the code."""
    racine = insi.traits_envelope(*ADRUN)
    header(racine, LPS, "ContexteLPS").find(f"{{{LPS}}}Emetteur").text = emetteur
    if assertion is not None:
        sub(racine[0], WSSE, "Security").append(assertion)
    return insi.send(racine).code


def test_a_signed_assertion_opens_the_door(insi, porteur):
    assert ask(insi, Assertion(porteur).sign(unsigned(porteur))) == "00"


def test_conditions_are_optional_and_the_issuer_may_be_the_person(insi, porteur):
    element = unsigned(porteur)
    element.remove(element.find(f"{{{SAML}}}Conditions"))

    assert ask(insi, Assertion(porteur).sign(element), emetteur=porteur.identifiant) == "00"


def test_without_assertion_nothing_is_answered(insi, simulateur):
    assert ask(insi, None) == "desir_560"
    assert simulateur.journal()[-1]["raison"] == "Assertion absente"


def _text(chemin, valeur):
    def change(assertion):
        element = assertion.find("/".join(f"{{{SAML}}}{nom}" for nom in chemin))
        element.text = valeur

    return change


def _drop_signature(assertion):
    assertion.remove(assertion.find(f"{{{DS}}}Signature"))


def _flip(assertion):
    valeur = assertion.find(f"{{{DS}}}Signature/{{{DS}}}SignatureValue")
    net = "".join(valeur.text.split())
    valeur.text = ("B" if net[0] == "A" else "A") + net[1:]


def _other_id(assertion):
    assertion.set("ID", "_00000000-0000-0000-0000-000000000000")


ABIMEES = {
    "signature fausse": _flip,
    "signature absente": _drop_signature,
    "sujet changé après signature": _text(("Subject", "NameID"), "899900000001"),
    "facturation changée après signature": _text(
        ("AttributeStatement", "Attribute", "AttributeValue"), "130099991"
    ),
    "identifiant changé": _other_id,
}


@pytest.mark.parametrize("abimee", list(ABIMEES))
def test_an_assertion_touched_after_its_signature_is_refused(insi, porteur, abimee):
    assertion = etree.fromstring(etree.tostring(Assertion(porteur).sign(unsigned(porteur))))
    ABIMEES[abimee](assertion)

    assert ask(insi, assertion) == "desir_560"


def _attribute(nom, valeur):
    def change(element):
        for attribut in element.iter(f"{{{SAML}}}Attribute"):
            if attribut.get("Name") == nom:
                attribut[0].text = valeur

    return change


def _speciality(element):
    attribut = sub(element.find(f"{{{SAML}}}AttributeStatement"), SAML, "Attribute")
    attribut.set("Name", "codeSpecialite")
    sub(attribut, SAML, "AttributeValue", "50")


def _qualifier(element):
    element.find(f"{{{SAML}}}Subject/{{{SAML}}}NameID").set("NameQualifier", "PSC")


def _issuer_format(element):
    del element.find(f"{{{SAML}}}Issuer").attrib["Format"]


def _version(element):
    element.set("Version", "1.1")


FAUSSES = {
    "identifiant de facturation mal formé": _attribute("identifiantFacturation", "752"),
    "secteur absent": _attribute("secteurActivite", "officine"),
    "spécialité pour un pharmacien": _speciality,
    "qualificatif d'un autre moyen": _qualifier,
    "émetteur sans son format": _issuer_format,
    "autre version de SAML": _version,
}


@pytest.mark.parametrize("fausse", list(FAUSSES))
def test_a_signed_assertion_that_says_something_else_is_refused(insi, porteur, fausse):
    element = unsigned(porteur)
    FAUSSES[fausse](element)

    assert ask(insi, Assertion(porteur).sign(element)) == "desir_560"


@pytest.mark.parametrize(
    ("faits", "code"),
    [
        ({"decalage": timedelta(hours=-2)}, "desir_560"),
        ({"decalage": timedelta(minutes=20)}, "desir_560"),
        ({"duree": timedelta(seconds=0)}, "desir_560"),
        ({"audience": "urn:sim-epu:1.0.0"}, "desir_560"),
        ({"audience": AUDIENCE}, "00"),
        ({"sujet": "810100000040"}, "desir_560"),
        ({"issuer": "CN=810100000040,C=FR"}, "desir_560"),
        # The right person, in a name that is not the whole subject of the card.
        ({"issuer": "CN=810100000032,C=FR"}, "desir_560"),
        ({"issuer": "CN=810100000032"}, "desir_560"),
        ({"issuer": "CN=810100000032,O=AUTRE,C=FR"}, "desir_560"),
    ],
)
def test_times_audience_and_names_are_checked(insi, porteur, faits, code):
    assert ask(insi, Assertion(porteur).sign(unsigned(porteur, **faits))) == code


def test_the_issuer_is_the_subject_whole_in_either_order(insi, porteur):
    endroit = porteur.certificat.subject.rfc4514_string()
    envers = ",".join(reversed(endroit.split(",")))
    for nom in (endroit, envers):
        assert ask(insi, Assertion(porteur).sign(unsigned(porteur, issuer=nom))) == "00", nom
    for nom in (endroit.replace("CN=", "CN=0"), endroit.rpartition(",")[0]):
        assert ask(insi, Assertion(porteur).sign(unsigned(porteur, issuer=nom))) == "desir_560", nom


@pytest.mark.parametrize(
    ("signature", "empreinte"), [("rsa-sha512", "sha256"), ("rsa-sha256", "sha512")]
)
def test_another_algorithm_is_refused(insi, porteur, signature, empreinte):
    signeur = Assertion(porteur, signature=signature, empreinte=empreinte)

    assert ask(insi, signeur.sign(unsigned(porteur))) == "desir_560"


def test_the_authentication_key_signs_nothing(insi, tls):
    auth = Porteur.read(tls, usage="auth")

    assert ask(insi, Assertion(auth).sign(unsigned(auth))) == "desir_560"


def test_a_card_of_another_authority_is_refused(insi, porteur, tmp_path):
    cle = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificat = Autorite(tmp_path, "ac", "AUTRE").issue(
        cle, _name(porteur.identifiant), [(key_usage("content_commitment"), True)]
    )
    faux = Porteur(certificat, cle, porteur.identifiant)

    assert ask(insi, Assertion(faux).sign(unsigned(faux))) == "desir_560"


def test_the_issuer_of_the_context_is_that_of_the_assertion(insi, porteur):
    assertion = Assertion(porteur).sign(unsigned(porteur))

    assert ask(insi, assertion, emetteur="1130099991") == "desir_1020"
