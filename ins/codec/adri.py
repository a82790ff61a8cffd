"""Rights at a date of care (ADRi): OUR contract with our simulator (`urn:sim:adri:1`).

The official interface is not public; whatever names a field of it lives here.
Source: docs/contrats/adri.xsd; requirement CTR-18.
"""

from dataclasses import dataclass, field
from datetime import date

from lxml import etree

from ins.errors_adri import error_of
from teleservices.errors import InvalidReply
from teleservices.soap import XmlRefuse, fault_code, parse_envelope
from teleservices.soap.contrat import check_body
from teleservices.soap.lecture import Element, text_of

_NS = "urn:sim:adri:1"
ACTION = "urn:sim:adri:1:consulterDroits"


@dataclass(frozen=True)
class DemandeDroits:
    """Billing identity of a beneficiary, as the card gives it, and the day of the care."""

    nir_assure: str = field(repr=False)
    naissance: str = field(repr=False)
    rang: int
    jour: date


@dataclass(frozen=True)
class Droits:
    """What is open at the date asked. `fin` None: no end is known; `css` None: not said."""

    regime: str
    caisse: str
    centre: str
    debut: date
    fin: date | None
    exonerations: tuple[str, ...] = field(repr=False)
    css: bool | None = field(repr=False)


@dataclass(frozen=True)
class ReponseDroits:
    """Code 00 with rights, 01 unknown beneficiary, 02 nothing open at this date."""

    code: str
    libelle: str
    droits: Droits | None = field(default=None, repr=False)


def corps_droits(demande: DemandeDroits) -> bytes:
    """Return the question. Raises ContratRefuse when a field does not fit the contract."""
    racine = etree.Element(f"{{{_NS}}}consulterDroitsRequete", nsmap={"adri": _NS})
    for nom, valeur in (
        ("NirAssure", demande.nir_assure),
        ("DateNaissance", demande.naissance),
        ("RangGemellaire", str(demande.rang)),
        ("DateSoins", demande.jour.isoformat()),
    ):
        etree.SubElement(racine, f"{{{_NS}}}{nom}").text = valeur
    check_body("adri.xsd", racine)
    return etree.tostring(racine, method="c14n", exclusive=True)


def parse_droits(octets: bytes) -> ReponseDroits:
    """Return the answer. InvalidReply when unreadable, or the class of a fault."""
    try:
        enveloppe = parse_envelope(octets)
    except XmlRefuse as exc:
        raise _invalid(exc.code) from exc
    if enveloppe.faute is not None:
        raise error_of(fault_code(enveloppe.faute), enveloppe.faute.cote)
    reponse = enveloppe.corps
    if reponse is None or reponse.tag != f"{{{_NS}}}consulterDroitsReponse":
        raise _invalid("reponse_inattendue")
    code, libelle = text_of(reponse, _NS, "Code"), text_of(reponse, _NS, "Libelle")
    if code in {"01", "02"}:
        return ReponseDroits(code, libelle)
    droits = reponse.find(f"{{{_NS}}}Droits")
    if code != "00" or droits is None:
        raise _invalid("reponse_incomplete" if code == "00" else "code_inattendu")
    return ReponseDroits(code, libelle, _rights(droits))


def _invalid(code: str) -> InvalidReply:
    return InvalidReply(
        code, "La réponse sur les droits est illisible. La délivrance continue ; relancez."
    )


def _rights(element: Element) -> Droits:
    try:
        debut = date.fromisoformat(text_of(element, _NS, "Debut"))
        brut = text_of(element, _NS, "Fin")
        fin = date.fromisoformat(brut) if brut else None
    except ValueError as exc:
        raise _invalid("date_illisible") from exc
    css = text_of(element, _NS, "ComplementaireSanteSolidaire")
    return Droits(
        regime=text_of(element, _NS, "Regime")[:2],
        caisse=text_of(element, _NS, "Caisse")[:3],
        centre=text_of(element, _NS, "Centre")[:4],
        debut=debut,
        fin=fin,
        exonerations=tuple(
            (e.text or "").strip()[:12] for e in element.findall(f"{{{_NS}}}Exoneration")
        ),
        css=None if not css else css in {"true", "1"},
    )
