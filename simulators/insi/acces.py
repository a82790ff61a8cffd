"""Who may call INSi: a structure by its TLS certificate, or a card by its assertion (ins.md §3.2).

Two endpoints, never both: with a structure certificate no assertion is accepted, and the reverse.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from simulators.commun.assertion import (
    PROFESSIONS,
    SAML,
    AssertionRefusee,
    Verifiee,
    check_conditions,
    issued_at,
    verified_assertion,
)
from simulators.commun.contextes import DERIVE_ADMISE, context
from simulators.commun.fautes import Refus
from simulators.commun.soap import BAM, LPS, WSSE, Message, MessageRefuse, text
from simulators.commun.types import Requete

CERTIFICATS = {"INSI-MANU", "INSI-AUTO"}
AUDIENCE = "urn:ServiceIdentiteCertifiee:1.0.0"
DUREE = timedelta(hours=1)
X509_SUBJECT = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
_FACTURATION = re.compile(r"[0-9][0-9AB][0-9]{7}")
_SECTEUR = re.compile(r"SA[0-9]{2}")


def check_structure(requete: Requete) -> None:
    """Refuse any subject but the two exact names (§3.2)."""
    if requete.certificat_cn not in CERTIFICATS:
        raise Refus("desir_560", "certificat")


def check_no_assertion(message: Message) -> None:
    """Refuse an assertion beside a structure certificate (§3.2)."""
    if message.header(WSSE, "Security") is not None:
        raise MessageRefuse("security_avec_certificat_de_structure")


class ParAssertion:
    """The endpoint of the cards."""

    def __init__(self, tls: Path) -> None:
        self.autorite = x509.load_pem_x509_certificate((tls / "ac-cps.pem").read_bytes())

    def check(self, message: Message) -> None:
        """Refuse, by desir_560, an assertion that is absent, false, old or of nobody allowed."""
        try:
            lue = verified_assertion(message, self.autorite)
            _check_times(lue)
            _check_issuer(lue)
        except AssertionRefusee as exc:
            raise Refus("desir_560", str(exc)) from exc
        facturation = lue.attributs.get("identifiantFacturation", "")
        raison = _problem(lue, facturation)
        if raison:
            raise Refus("desir_560", raison)
        permis = {"", lue.porteur, facturation, f"1{facturation}"}
        for espace in (LPS, BAM):
            if text(context(message, espace), espace, "Emetteur") not in permis:
                raise MessageRefuse("emetteur_different_de_l_assertion")


def _check_times(lue: Verifiee) -> None:
    """An assertion lives about one hour; its conditions, when it has some, say less."""
    emise, maintenant = issued_at(lue.element), datetime.now(UTC)
    if emise - DERIVE_ADMISE > maintenant:
        raise AssertionRefusee("Assertion pas encore valable")
    if maintenant >= emise + DUREE + DERIVE_ADMISE:
        raise AssertionRefusee("Assertion expirée")
    if lue.element.find(f"{{{SAML}}}Conditions") is not None:
        check_conditions(lue.element, AUDIENCE)


def _check_issuer(lue: Verifiee) -> None:
    """Refuse an issuer that is not told as the subject of a certificate (§3.2)."""
    if lue.element.find(f"{{{SAML}}}Issuer").get("Format") != X509_SUBJECT:
        raise AssertionRefusee("Format de l'émetteur de l'assertion")


def _problem(lue: Verifiee, facturation: str) -> str:
    """Return why the person attested may not ask, or an empty text."""
    nameid = lue.element.find(f"{{{SAML}}}Subject/{{{SAML}}}NameID")
    if nameid.get("NameQualifier") != "CPS":
        return "qualificatif du sujet"
    if lue.profession not in PROFESSIONS:
        return "profession"
    if not _FACTURATION.fullmatch(facturation):
        return "identifiant de facturation"
    if not _SECTEUR.fullmatch(lue.attributs.get("secteurActivite", "")):
        return "secteur d'activité"
    if {"codeSpecialite", "codeSpecialiteAMO"} & set(lue.attributs):
        return "spécialité d'un pharmacien"
    return ""
