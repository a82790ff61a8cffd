"""Requests of INSi recovery (ins.md §3.3, §3.4)."""

from dataclasses import dataclass, field

from teleservices.soap import build_envelope, parse_xml
from teleservices.soap.contextes import EnteteEnvoi, build_headers
from teleservices.soap.contrat import build_body
from teleservices.soap.lecture import Element

_RV = "http://www.cnamts.fr/INSiRecVit"
_RS = "http://www.cnamts.fr/INSiRecSans"
ACTIONS = {
    "vitale": "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecCarteVitale",
    "traits": "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite",
}


@dataclass(frozen=True)
class DemandeVitale:
    """What a card gives. Dates « AAAA-MM-JJ », possibly lunar: as stored, never corrected."""

    nir_assure: str = field(repr=False)
    nir_certifie: str = field(repr=False)
    nom: str = field(repr=False)
    naissance: str = field(repr=False)
    rang: int


@dataclass(frozen=True)
class DemandeTraits:
    """Typed traits: birth name, first names in order, sex, birth date, place."""

    nom: str = field(repr=False)
    prenoms: tuple[str, ...] = field(repr=False)
    sexe: str = field(repr=False)
    naissance: str = field(repr=False)
    lieu: str = field(default="", repr=False)


def corps_vitale(demande: DemandeVitale) -> bytes:
    """Return RECVITALE. Only the number without its key is sent (ins.md §3.4)."""
    contenu: dict[str, object] = {}
    if demande.nir_certifie:
        contenu["MatriculeIndividu"] = {"NumIdentifiant": demande.nir_certifie}
    contenu["MatriculeOD"] = {"NumIdentifiant": demande.nir_assure}
    if demande.nom:
        contenu["NomNaissance"] = demande.nom
    contenu["DateNaissance"] = demande.naissance
    contenu["RangNaissance"] = str(demande.rang)
    return build_body("insi.wsdl", "insi-vitale.xsd", f"{{{_RV}}}RECVITALE", contenu)


def corps_traits(demande: DemandeTraits) -> bytes:
    """Return RECSANSVITALE, one element per first name, no empty element (ins.md §3.4)."""
    contenu: dict[str, object] = {
        "NomNaissance": demande.nom,
        "Prenom": list(demande.prenoms),
        "Sexe": demande.sexe,
        "DateNaissance": demande.naissance,
    }
    if demande.lieu:
        contenu["LieuNaissance"] = demande.lieu
    return build_body("insi.wsdl", "insi-traits.xsd", f"{{{_RS}}}RECSANSVITALE", contenu)


def envelopper(corps: bytes | Element, entete: EnteteEnvoi) -> bytes:
    """Return the whole message; the structure certificate speaks for us, no wsse:Security."""
    element = parse_xml(corps) if isinstance(corps, bytes) else corps
    return build_envelope(build_headers(entete), element)
