"""SOAP 1.2 seen from a service: hardened reading, faults with changing prefixes."""

import random
from dataclasses import dataclass
from typing import Any

from lxml import etree

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
LPS = "urn:siram:lps:ctxlps"
BAM = "urn:siram:bam:ctxbam"
PREFIXES = ("soap", "S", "env", "SOAP-ENV")


class MessageRefuse(ValueError):
    """The message is not acceptable; the text is a reason for the journal."""


@dataclass(frozen=True)
class Message:
    """An envelope: headers, the one body element."""

    entete: Any
    corps: Any
    racine: Any

    def header(self, espace: str, nom: str) -> Any:  # noqa: ANN401 - lxml element
        """Return a header block, or None."""
        return self.entete.find(f"{{{espace}}}{nom}") if self.entete is not None else None


def parse(octets: bytes) -> Message:
    """Return the message. Refuses DTD, entities, anything but SOAP 1.2 with one body element."""
    if b"<!DOCTYPE" in octets[:100_000] or b"<!ENTITY" in octets[:100_000]:
        raise MessageRefuse("dtd")
    analyseur = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        racine = etree.fromstring(octets, analyseur)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise MessageRefuse("xml") from exc
    if racine.tag != f"{{{SOAP}}}Envelope":
        raise MessageRefuse("pas_soap12")
    corps = racine.find(f"{{{SOAP}}}Body")
    if corps is None or len(corps) != 1:
        raise MessageRefuse("corps")
    return Message(racine.find(f"{{{SOAP}}}Header"), corps[0], racine)


def envelope(corps: Any, hasard: random.Random | None = None) -> bytes:  # noqa: ANN401
    """Return an answer around `corps`, with a prefix of the day."""
    prefixe = hasard.choice(PREFIXES) if hasard else "soap"
    racine = etree.Element(f"{{{SOAP}}}Envelope", nsmap={prefixe: SOAP})
    if hasard and hasard.random() < 0.3:
        etree.SubElement(racine, f"{{{SOAP}}}Header")
    etree.SubElement(racine, f"{{{SOAP}}}Body").append(corps)
    return bytes(etree.tostring(racine, xml_declaration=True, encoding="UTF-8"))


def fault(
    cote: str,
    sous_code: str,
    texte: str,
    detail: Any,
    hasard: random.Random | None = None,
) -> bytes:
    """Return a SOAP 1.2 fault; `cote` is Sender or Receiver."""
    prefixe = hasard.choice(PREFIXES) if hasard else "soap"
    racine = etree.Element(f"{{{SOAP}}}Envelope", nsmap={prefixe: SOAP})
    corps = etree.SubElement(racine, f"{{{SOAP}}}Body")
    faute = etree.SubElement(corps, f"{{{SOAP}}}Fault")
    code = etree.SubElement(faute, f"{{{SOAP}}}Code")
    etree.SubElement(code, f"{{{SOAP}}}Value").text = f"{prefixe}:{cote}"
    if sous_code:
        sous = etree.SubElement(code, f"{{{SOAP}}}Subcode")
        etree.SubElement(sous, f"{{{SOAP}}}Value").text = f"{prefixe}:{sous_code}"
    raison = etree.SubElement(faute, f"{{{SOAP}}}Reason")
    element = etree.SubElement(raison, f"{{{SOAP}}}Text")
    element.text = texte
    element.set("{http://www.w3.org/XML/1998/namespace}lang", "fr")
    if detail is not None:
        etree.SubElement(faute, f"{{{SOAP}}}Detail").append(detail)
    return bytes(etree.tostring(racine, xml_declaration=True, encoding="UTF-8"))


def text(element: Any, espace: str, *chemin: str) -> str:  # noqa: ANN401
    """Return the text found by walking `chemin` (of the element itself without one)."""
    for nom in chemin:
        element = element.find(f"{{{espace}}}{nom}") if element is not None else None
    return (element.text or "").strip() if element is not None else ""
