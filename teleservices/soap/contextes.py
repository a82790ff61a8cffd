"""Header blocks shared by the Assurance Maladie's services (ins.md §3.3, ordonnance.md §2.2)."""

from dataclasses import dataclass, field

from lxml import etree

from teleservices.soap.enveloppe import WSA, WSSE
from teleservices.soap.lecture import Element

LPS = "urn:siram:lps:ctxlps"
BAM = "urn:siram:bam:ctxbam"


@dataclass(frozen=True)
class Logiciel:
    """Who calls, as software: authorisation number, version, installation, name."""

    idam: str
    version: str
    instance: str
    nom: str


@dataclass(frozen=True)
class Couverture:
    """Billing identity of a card, for ContexteBAM. Dates in the form the service wants."""

    nir_assure: str = field(repr=False)
    naissance: str = field(repr=False)
    rang: int = 1
    nir_certifie: str = field(default="", repr=False)


@dataclass(frozen=True)
class EnteteEnvoi:
    """What changes at each sending: identifiers and time are arguments, never made here."""

    message_id: str
    action: str
    contexte_id: str
    temps: str
    emetteur: str
    logiciel: Logiciel
    couverture: Couverture | None = field(default=None, repr=False)
    assertion: Element | None = field(default=None, repr=False)


def _sub(parent: Element, espace: str, nom: str, valeur: str = "") -> Element:
    element = etree.SubElement(parent, f"{{{espace}}}{nom}")
    if valeur:
        element.text = valeur
    return element


def build_headers(entete: EnteteEnvoi) -> list[Element]:
    """Return wsa:Action, wsa:MessageID, wsse:Security when there is an assertion, LPS and BAM."""
    action = etree.Element(f"{{{WSA}}}Action", nsmap={"wsa": WSA})
    action.text = entete.action
    message = etree.Element(f"{{{WSA}}}MessageID", nsmap={"wsa": WSA})
    message.text = f"uuid:{entete.message_id}"
    blocs = [action, message]
    if entete.assertion is not None:
        securite = etree.Element(f"{{{WSSE}}}Security", nsmap={"wsse": WSSE})
        securite.append(entete.assertion)
        blocs.append(securite)
    return [*blocs, _lps(entete), _bam(entete)]


def _lps(entete: EnteteEnvoi) -> Element:
    """Return ContexteLPS, children in the order of the schema. Source: ins.md §3.3."""
    bloc = etree.Element(f"{{{LPS}}}ContexteLPS", nsmap={"lps": LPS})
    bloc.set("Nature", "CTXLPS")
    bloc.set("Version", "01_00")
    _sub(bloc, LPS, "Id", entete.contexte_id)
    _sub(bloc, LPS, "Temps", entete.temps)
    _sub(bloc, LPS, "Emetteur", entete.emetteur)
    logiciel = _sub(bloc, LPS, "LPS")
    _sub(logiciel, LPS, "IDAM", entete.logiciel.idam).set("R", "4")
    _sub(logiciel, LPS, "Version", entete.logiciel.version)
    _sub(logiciel, LPS, "Instance", entete.logiciel.instance)
    _sub(logiciel, LPS, "Nom", entete.logiciel.nom)
    return bloc


def _bam(entete: EnteteEnvoi) -> Element:
    """Return ContexteBAM; COUVERTURE is always there, empty without a card. Source: ins.md §3.3."""
    bloc = etree.Element(f"{{{BAM}}}ContexteBAM", nsmap={"bam": BAM})
    bloc.set("Nature", "CTXBAM")
    bloc.set("Version", "01_02")
    _sub(bloc, BAM, "Id", entete.contexte_id)
    _sub(bloc, BAM, "Temps", entete.temps)
    _sub(bloc, BAM, "Emetteur", entete.emetteur)
    couverture = _sub(bloc, BAM, "COUVERTURE")
    if entete.couverture is not None:
        _fill(couverture, entete.couverture)
    return bloc


def _fill(element: Element, couverture: Couverture) -> None:
    identifiant = _sub(_sub(element, BAM, "ASSURE"), BAM, "Id")
    _sub(identifiant, BAM, "Num", couverture.nir_assure)
    beneficiaire = _sub(element, BAM, "BENEFICIAIRE")
    if couverture.nir_certifie:
        _sub(_sub(beneficiaire, BAM, "Nir"), BAM, "Num", couverture.nir_certifie)
    _sub(beneficiaire, BAM, "DateNai", couverture.naissance)
    _sub(beneficiaire, BAM, "Rang", str(couverture.rang))
