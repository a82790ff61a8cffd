"""SOAP 1.2: hardened reading, envelopes, the contexts of the Assurance Maladie's services."""

from teleservices.soap.enveloppe import (
    Enveloppe,
    Faute,
    build_envelope,
    fault_code,
    parse_envelope,
)
from teleservices.soap.lecture import XmlRefuse, parse_xml

__all__ = [
    "Enveloppe",
    "Faute",
    "XmlRefuse",
    "build_envelope",
    "fault_code",
    "parse_envelope",
    "parse_xml",
]
