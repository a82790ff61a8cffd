"""SOAP 1.2 seen from a service: hardened reading, answers with changing prefixes."""

import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lxml import etree

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
LPS = "urn:siram:lps:ctxlps"
BAM = "urn:siram:bam:ctxbam"
PREFIXES = ("soap", "S", "env", "SOAP-ENV")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class MessageRefuse(ValueError):
    """The message is not acceptable; the text is a reason for the journal."""


@dataclass(frozen=True)
class Message:
    """An envelope: headers, the one body element."""

    entete: Any
    corps: Any
    racine: Any

    def header(self, espace: str, nom: str) -> Any:  # noqa: ANN401 - lxml element
        """Return a header block, or None; twice the same block is refused."""
        blocs = self.entete.findall(f"{{{espace}}}{nom}") if self.entete is not None else []
        if len(blocs) > 1:
            raise MessageRefuse(f"entete_double:{nom}")
        return blocs[0] if blocs else None


def parse(octets: bytes) -> Message:
    """Return the message. Refuses DTD, entities, anything but SOAP 1.2 with one body element."""
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
    document: Any = racine.getroottree().docinfo
    if document.doctype or document.internalDTD is not None:
        raise MessageRefuse("dtd")
    if (document.encoding or "UTF-8").upper() != "UTF-8":
        raise MessageRefuse("encodage")
    if any(not isinstance(element.tag, str) for element in racine.iter()):
        raise MessageRefuse("instruction_xml")
    if racine.tag != f"{{{SOAP}}}Envelope":
        raise MessageRefuse("pas_soap12")
    if [e.tag for e in racine] != [f"{{{SOAP}}}Header", f"{{{SOAP}}}Body"] or len(racine[1]) != 1:
        raise MessageRefuse("enveloppe")
    return Message(racine[0], racine[1][0], racine)


def check_schema(schema: Any, element: Any, quoi: str) -> None:  # noqa: ANN401
    """Refuse an element that its schema refuses, naming where, never the value."""
    if not schema.validate(element):
        erreurs = list(schema.error_log)
        raise MessageRefuse(f"{quoi} hors schéma : {erreurs[0].path if erreurs else ''}")


def message_id(message: Message) -> str:
    """Return wsa:MessageID, `uuid:` and a UUID (ins.md §3.3), or refuse it."""
    brut = raw(message.header(WSA, "MessageID"))
    try:
        lu = UUID(brut.removeprefix("uuid:"))
    except ValueError as exc:
        raise MessageRefuse("message_id") from exc
    if brut.lower() != f"uuid:{lu}":
        raise MessageRefuse("message_id")
    return brut


def envelope(corps: Any, hasard: random.Random | None = None) -> bytes:  # noqa: ANN401
    """Return an answer around `corps`; with `hasard`, prefixes and layout of the day."""
    prefixe = hasard.choice(PREFIXES) if hasard else "soap"
    interieur = hasard.choice(PREFIXES) if hasard else "soap"
    racine = etree.Element(f"{{{SOAP}}}Envelope", nsmap={prefixe: SOAP})
    if hasard and hasard.random() < 0.3:
        etree.SubElement(racine, f"{{{SOAP}}}Header")
    etree.SubElement(racine, f"{{{SOAP}}}Body", nsmap={interieur: SOAP}).append(corps)
    if hasard and hasard.random() < 0.3:
        corps.append(etree.Comment(" commentaire du service "))
    joli = bool(hasard and hasard.random() < 0.3)
    return bytes(etree.tostring(racine, xml_declaration=True, encoding="UTF-8", pretty_print=joli))


def fault(
    cote: str,
    sous_code: str,
    texte: str,
    details: list[Any],
    hasard: random.Random | None = None,
) -> bytes:
    """Return a SOAP 1.2 fault; `cote` is Sender or Receiver, `details` the children of Detail."""
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
    element.set(_XML_LANG, hasard.choice(("fr", "en")) if hasard else "fr")
    if details:
        etree.SubElement(faute, f"{{{SOAP}}}Detail").extend(details)
    return bytes(etree.tostring(racine, xml_declaration=True, encoding="UTF-8"))


def raw(element: Any) -> str:  # noqa: ANN401
    """Return the text of an element as sent, blanks kept; empty without one."""
    return (element.text or "") if element is not None else ""


def text(element: Any, espace: str, *chemin: str) -> str:  # noqa: ANN401
    """Return the text found by walking `chemin` (of the element itself without one), as sent."""
    for nom in chemin:
        element = element.find(f"{{{espace}}}{nom}") if element is not None else None
    return raw(element)
