"""Requests built by zeep from the WSDL and schemas we wrote; zeep never talks nor reads replies."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import Error as ZeepError
from zeep.transports import Transport

from teleservices.soap.lecture import Element

CONTRATS = Path(__file__).resolve().parent.parent.parent / "docs" / "contrats"


class ContratRefuse(ValueError):
    """What we were about to send does not fit the contract: a mistake of ours, nothing is sent."""


class _SansReseau(Transport):
    """Loads files of this project and refuses everything else."""

    def __init__(self) -> None:
        super().__init__(cache=None)  # type: ignore[no-untyped-call]  # zeep has no types

    def load(self, url: str) -> bytes:
        chemin = Path(url.removeprefix("file://"))
        if chemin.resolve().parent != CONTRATS:
            raise ContratRefuse("schema_exterieur")
        return chemin.read_bytes()

    def post(self, address: str, message: object, headers: object) -> Any:  # noqa: ANN401
        del address, message, headers
        raise ContratRefuse("zeep_ne_parle_pas")


@lru_cache(maxsize=4)
def _client(wsdl: str) -> Client:
    reglages = Settings(strict=True, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True)
    return Client(str(CONTRATS / wsdl), transport=_SansReseau(), settings=reglages)


def build_body(wsdl: str, schema: str, qname: str, contenu: dict[str, Any]) -> bytes:
    """Return the body element `qname` filled with `contenu`, as exclusive canonical XML.

    zeep gives the order and the names; the schema itself has the last word (zeep checks neither
    patterns nor enumerations). Raises ContratRefuse when the content does not fit.
    """
    try:
        element = _client(wsdl).get_element(qname)
        parent = etree.Element("corps")
        element.render(parent, element(**contenu))
    except (ZeepError, TypeError, LookupError) as exc:
        raise ContratRefuse("contenu_hors_contrat") from exc
    check_body(schema, parent[0])
    return etree.tostring(parent[0], method="c14n", exclusive=True)


def check_body(schema: str, element: Element) -> None:
    """Raise ContratRefuse unless a body built by hand fits a schema of docs/contrats."""
    if not _schema(schema).validate(element):
        raise ContratRefuse("corps_hors_schema")


@lru_cache(maxsize=8)
def _schema(fichier: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(CONTRATS / fichier)))  # a file of this project
