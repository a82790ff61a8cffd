"""Verification of an identity, alone or by lots: our contract `insi-verification.xsd`.

The official XML (WS_INS3 to 5) is not public: every remote name below is ours, in a namespace that
reaches no real service. Source: ins.md §3.7.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

from ins.codec.reponse import fault_error
from teleservices.errors import InvalidReply
from teleservices.soap import XmlRefuse, parse_envelope
from teleservices.soap.contrat import check_body
from teleservices.soap.lecture import Element, text_of

ESPACE = "urn:sim:insi-verification:1"
ACTIONS = {
    "verifier": f"{ESPACE}:verifierIdentite",
    "deposer": f"{ESPACE}:deposerLot",
    "relever": f"{ESPACE}:releverLot",
}
LOT_MAX = 500
CONFORME, NON_CONFORME, INCONNU, A_REDEMANDER = "00", "01", "02", "91"
CODES = frozenset({CONFORME, NON_CONFORME, INCONNU, A_REDEMANDER})
_SCHEMA = "insi-verification.xsd"
_REF, _CODE, _LIBELLE = (f"{{{ESPACE}}}{nom}" for nom in ("Reference", "Code", "Libelle"))
_REFERENCE = re.compile(r"[A-Za-z0-9\-]{1,36}")
_FORMES = {
    "matricule": re.compile(r"[0-9]{5}([0-9]{2}|2A|2B)[0-9]{8}"),
    "oid": re.compile(r"1\.2\.250\.1\.213\.1\.4\.(8|9|10|11)"),
    "nom": re.compile(r"[A-Z '\-]{1,100}"),
    "prenoms": re.compile(r"[A-Z '\-]{1,100}"),
    "sexe": re.compile(r"[MF]"),
    "naissance": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "lieu": re.compile(r"([0-9]{5}|2[AB][0-9]{3})?"),
}


@dataclass(frozen=True)
class IdentiteAVerifier:
    """An INS and its traits. `reference` is ours, opaque, given back as it is; never a trait."""

    reference: str
    matricule: str = field(repr=False)
    oid: str
    nom: str = field(repr=False)
    prenoms: str = field(repr=False)
    sexe: str = field(repr=False)
    naissance: str = field(repr=False)
    lieu: str = field(default="", repr=False)


@dataclass(frozen=True)
class Resultat:
    """What the service says of one identity; the right traits are never given back."""

    reference: str
    code: str
    libelle: str


@dataclass(frozen=True)
class Depot:
    """The service took a lot: its own number, and how many identities it holds."""

    numero: str
    nombre: int


@dataclass(frozen=True)
class Releve:
    """Where a lot stands: EN_COURS, TERMINE (with its results) or INCONNU."""

    etat: str
    traitees: int
    nombre: int
    resultats: tuple[Resultat, ...] = ()


def is_sendable(identite: IdentiteAVerifier) -> bool:
    """Tell whether the contract can carry an identity: one that cannot would spoil its whole lot.

    Source: ins.md §3.7; type Identite of our contract.
    """
    return all(forme.fullmatch(getattr(identite, nom)) for nom, forme in _FORMES.items())


def corps_verifier(identite: IdentiteAVerifier) -> Element:
    """Return verifierIdentiteRequete. ContratRefuse when the identity does not fit."""
    racine = _root("verifierIdentiteRequete")
    _add_identity(racine, identite)
    return _checked(racine)


def corps_deposer(id_lot: str, identites: Sequence[IdentiteAVerifier]) -> Element:
    """Return deposerLotRequete: 1 to 500 identities under an id that makes the deposit idempotent.

    ContratRefuse beyond, or when an identity does not fit. Source: ins.md §3.7.
    """
    racine = _root("deposerLotRequete")
    _sub(racine, "IdLot", id_lot)
    for identite in identites:
        _add_identity(racine, identite)
    return _checked(racine)


def corps_relever(numero: str) -> Element:
    """Return releverLotRequete for the number that the service gave."""
    racine = _root("releverLotRequete")
    _sub(racine, "NumeroLot", numero)
    return _checked(racine)


def parse_verification(data: bytes) -> Resultat:
    """Return the result of one identity. InvalidReply when unreadable, or a fault's class."""
    corps = _body(data, "verifierIdentiteReponse")
    resultat = corps.find(f"{{{ESPACE}}}Resultat")
    if resultat is None:
        raise _invalid("reponse_incomplete")
    return _result(resultat)


def parse_depot(data: bytes) -> Depot:
    """Return the number of a deposited lot. InvalidReply when unreadable, or a fault's class."""
    corps = _body(data, "deposerLotReponse")
    numero = text_of(corps, ESPACE, "NumeroLot")
    if not re.fullmatch(r"L[0-9]{12}", numero):
        raise _invalid("reponse_incomplete")
    return Depot(numero, _count(corps, "Nombre"))


def parse_releve(data: bytes) -> Releve:
    """Return where a lot stands. InvalidReply when unreadable or inconsistent, or a fault's class.

    A finished lot gives one result for each of its identities: fewer is no answer.
    """
    corps = _body(data, "releverLotReponse")
    etat = text_of(corps, ESPACE, "Etat")
    if etat not in {"EN_COURS", "TERMINE", "INCONNU"}:
        raise _invalid("etat_inconnu")
    resultats: tuple[Resultat, ...] = ()
    nombre = _count(corps, "Nombre")
    if etat == "TERMINE":
        resultats = tuple(_result(r) for r in corps.iterfind(f"{{{ESPACE}}}Resultat"))
        if len({r.reference for r in resultats}) != nombre:
            raise _invalid("reponse_incomplete")
    return Releve(etat, _count(corps, "Traitees"), nombre, resultats)


def _root(nom: str) -> Element:
    return etree.Element(f"{{{ESPACE}}}{nom}", nsmap={None: ESPACE})  # type: ignore[dict-item]  # the stubs forget the default namespace


def _sub(parent: Element, nom: str, valeur: str) -> None:
    etree.SubElement(parent, f"{{{ESPACE}}}{nom}").text = valeur


def _add_identity(racine: Element, identite: IdentiteAVerifier) -> None:
    element = etree.SubElement(racine, f"{{{ESPACE}}}Identite")
    for nom, valeur in (
        ("Reference", identite.reference),
        ("Matricule", identite.matricule[:13]),
        ("Cle", identite.matricule[13:]),
        ("OID", identite.oid),
        ("NomNaissance", identite.nom),
        ("Prenoms", identite.prenoms),
        ("Sexe", identite.sexe),
        ("DateNaissance", identite.naissance),
    ):
        _sub(element, nom, valeur)
    if identite.lieu:
        _sub(element, "LieuNaissance", identite.lieu)


def _checked(racine: Element) -> Element:
    check_body(_SCHEMA, racine)
    return racine


def _invalid(code: str) -> InvalidReply:
    return InvalidReply(code, "La réponse d'INSi est illisible. La vérification reprendra.")


def _body(data: bytes, nom: str) -> Element:
    try:
        enveloppe = parse_envelope(data)
    except XmlRefuse as exc:
        raise _invalid(exc.code) from exc
    if enveloppe.faute is not None:
        raise fault_error(enveloppe.faute)
    if enveloppe.corps is None or enveloppe.corps.tag != f"{{{ESPACE}}}{nom}":
        raise _invalid("reponse_inattendue")
    return enveloppe.corps


def _count(corps: Element, nom: str) -> int:
    texte = text_of(corps, ESPACE, nom)
    if not re.fullmatch(r"[0-9]{1,3}", texte) or int(texte) > LOT_MAX:
        raise _invalid("reponse_incomplete")
    return int(texte)


def _result(element: Element) -> Resultat:
    champs = {enfant.tag: (enfant.text or "").strip() for enfant in element}
    reference, code = champs.get(_REF, ""), champs.get(_CODE, "")
    if code not in CODES or not _REFERENCE.fullmatch(reference):
        raise _invalid("code_inconnu")
    return Resultat(reference, code, champs.get(_LIBELLE, ""))
