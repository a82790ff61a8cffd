"""SOAP 1.2 envelopes, read by namespace and never by prefix."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

from teleservices.soap.lecture import Element, XmlRefuse, parse_xml

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


@dataclass(frozen=True)
class Faute:
    """A SOAP fault: side, subcode, text for the user, detail element."""

    cote: str
    sous_code: str
    raison: str
    detail: Element | None = field(repr=False)


@dataclass(frozen=True)
class Enveloppe:
    """One body element, or one fault."""

    corps: Element | None = field(repr=False)
    faute: Faute | None


def parse_envelope(data: bytes, *, max_octets: int = 2_000_000) -> Enveloppe:
    """Return the envelope in `data`. Raises XmlRefuse (soap_enveloppe, soap_corps, xml_…)."""
    racine = parse_xml(data, max_octets=max_octets)
    if racine.tag != f"{{{SOAP}}}Envelope":
        raise XmlRefuse("soap_enveloppe")
    corps = racine.findall(f"{{{SOAP}}}Body")
    elements = list(corps[0].iterchildren("*")) if len(corps) == 1 else []
    if len(elements) != 1:
        raise XmlRefuse("soap_corps")
    if elements[0].tag == f"{{{SOAP}}}Fault":
        return Enveloppe(None, _fault(elements[0]))
    return Enveloppe(elements[0], None)


def fault_code(faute: Faute) -> str:
    """Return the service's own code of a fault, whichever shape its detail has (ins.md §3.5)."""
    code = faute.sous_code or "faute"
    if faute.detail is not None:
        code = faute.detail.get("code") or ""
        for element in faute.detail.iter("{*}Code"):
            code = code or (element.text or "").strip()
    return "".join(c for c in code if c.isalnum() or c == "_")[:20] or "faute"


def _local(valeur: str) -> str:
    return valeur.strip().rsplit(":", 1)[-1]


def _fault(element: Element) -> Faute:
    def text(chemin: str) -> str:
        trouve = element.find(chemin, {"s": SOAP})
        return (trouve.text or "").strip() if trouve is not None else ""

    detail = element.find(f"{{{SOAP}}}Detail")
    dedans = next(detail.iterchildren("*"), None) if detail is not None else None
    return Faute(
        _local(text("s:Code/s:Value")),
        _local(text("s:Code/s:Subcode/s:Value")),
        text("s:Reason/s:Text"),
        dedans,
    )


def build_envelope(entetes: Sequence[Element], corps: Element) -> bytes:
    """Return an envelope; header blocks are inserted as they are (a signed one keeps its bytes)."""
    racine = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    entete = etree.SubElement(racine, f"{{{SOAP}}}Header")
    entete.extend(entetes)
    etree.SubElement(racine, f"{{{SOAP}}}Body").append(corps)
    return etree.tostring(racine, xml_declaration=True, encoding="UTF-8")
