"""The one XML parser of the product: no DTD, entity or network, bounded size and depth (SEC-09).

Comments and processing instructions are dropped while reading: a text cut by a comment is read
whole, as the canonical form that a signature covers has it.
"""

from typing import Any

from lxml import etree

Element = etree._Element  # noqa: SLF001 - the public name of lxml's element type
PROFONDEUR_MAX = 200


class XmlRefuse(ValueError):
    """Refused XML. `code` is stable; nothing of the content is quoted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_xml(data: bytes, *, max_octets: int = 10_000_000) -> Element:
    """Return the root of `data`. Raises XmlRefuse: xml_trop_gros, xml_dtd, xml_malforme, …

    A document type is refused whatever it holds: nothing we read needs one.
    Source: style.md §4; requirement SEC-09.
    """
    if len(data) > max_octets:
        raise XmlRefuse("xml_trop_gros")
    analyseur = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
        recover=False,
    )
    try:
        racine = etree.fromstring(data, analyseur)  # noqa: TID251 - the hardened parser itself
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise XmlRefuse("xml_dtd" if b"<!DOCTYPE" in data[:100_000] else "xml_malforme") from exc
    docinfo: Any = racine.getroottree().docinfo  # lxml-stubs forgets `doctype`
    if docinfo.doctype or docinfo.internalDTD is not None:
        raise XmlRefuse("xml_dtd")
    if _is_too_deep(racine):
        raise XmlRefuse("xml_trop_profond")
    return racine


def _is_too_deep(racine: Element) -> bool:
    niveau = 0
    for evenement, _ in etree.iterwalk(racine, events=("start", "end")):
        niveau += 1 if evenement == "start" else -1
        if niveau > PROFONDEUR_MAX:
            return True
    return False


def text_of(element: Element | None, espace: str, *chemin: str) -> str:
    """Return the trimmed text found by walking `chemin` in one namespace; empty when absent."""
    for nom in chemin:
        element = element.find(f"{{{espace}}}{nom}") if element is not None else None
    return (element.text or "").strip() if element is not None else ""
