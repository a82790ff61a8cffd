"""The two context headers of the CNAM services, against their own schema (ins.md §3.3)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lxml import etree

from simulators.commun.soap import BAM, LPS, Message, MessageRefuse, check_schema, text

DERIVE_ADMISE = timedelta(minutes=5)
_NOMS = {LPS: "ContexteLPS", BAM: "ContexteBAM"}
_SCHEMAS = {
    espace: etree.XMLSchema(etree.parse(Path(__file__).with_name(fichier)))
    for espace, fichier in ((LPS, "ctxlps.xsd"), (BAM, "ctxbam.xsd"))
}


def context(message: Message, espace: str) -> Any:  # noqa: ANN401 - lxml element
    """Return the context of this namespace, valid against its schema, or refuse the message."""
    nom = _NOMS[espace]
    element = message.header(espace, nom)
    if element is None:
        raise MessageRefuse(f"{nom} absent")
    check_schema(_SCHEMAS[espace], element, nom)
    return element


def instant(brut: str) -> datetime:
    """Return an instant written with its offset, or refuse the message."""
    try:
        lu = datetime.fromisoformat(brut)
    except ValueError as exc:
        raise MessageRefuse("date illisible") from exc
    if lu.tzinfo is None:
        raise MessageRefuse("date sans fuseau")
    return lu


def is_skewed(contexte: Any, espace: str, maintenant: datetime | None = None) -> bool:  # noqa: ANN401
    """Tell whether the time of a context is more than five minutes from the service's."""
    temps = instant(text(contexte, espace, "Temps"))
    return abs((maintenant or datetime.now(UTC)) - temps) > DERIVE_ADMISE


def software(contexte: Any) -> str:  # noqa: ANN401
    """Return the authorisation number of the software; empty when absent or not of kind 4."""
    idam = contexte.find(f"{{{LPS}}}LPS/{{{LPS}}}IDAM")
    return (idam.text or "") if idam is not None and idam.get("R") == "4" else ""
