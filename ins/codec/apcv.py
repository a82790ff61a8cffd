"""Contexts of the appli carte Vitale, in JSON: OUR contract with our simulator (`urn:sim:apcv:1`).

The real interface is not public; whatever names a field of it lives here. The scanned string is
opaque: never read, never kept. Source: docs/contrats/apcv.schema.json; agent.md §3; ins.md §5.3.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ins.rules.dates import parse_birth
from ins.rules.matricule import FORME
from ins.rules.oid import is_accepted
from ins.rules.traits import TraitsStricts, default_first_name
from teleservices.errors import InvalidReply

_PARIS = ZoneInfo("Europe/Paris")
_LONG = 100
_EFFACE = "valeur-non-conservee"
_SECRETS = frozenset({"token"})
_USAGES = frozenset({"titulaire", "delegue"})


@dataclass(frozen=True)
class DemandeContexte:
    """What opens a context: the string as read, who reads it, where, on which workstation."""

    mode: int
    chaine: str = field(repr=False)
    ps: str
    structure: str
    poste: str


@dataclass(frozen=True)
class Validite:
    """A context, its secret, and the instant it ends."""

    identifiant: str
    jeton: str = field(repr=False)
    fin: datetime


@dataclass(frozen=True)
class InsApcv:
    """The INS of a beneficiary as the State gives it; a date may have been interpreted."""

    matricule: str = field(repr=False)
    oid: str
    traits: TraitsStricts = field(repr=False)
    date_interpretee: bool = False


@dataclass(frozen=True)
class BeneficiaireApcv:
    """One person of the context: billing identity as on a card, and the INS when it is given."""

    numero: int
    qualite: str
    nom_usuel: str = field(repr=False)
    nom_patronymique: str = field(repr=False)
    prenom: str = field(repr=False)
    naissance: str = field(repr=False)
    rang: int
    nir_certifie: str = field(repr=False)
    ins: InsApcv | None = field(repr=False)


@dataclass(frozen=True)
class ContexteLu:
    """What a presentation gives: a validity, and the persons it speaks for."""

    validite: Validite
    usage: str
    demonstration: bool
    nir_assure: str = field(repr=False)
    beneficiaires: tuple[BeneficiaireApcv, ...] = field(repr=False)

    def beneficiaire(self, numero: int) -> BeneficiaireApcv | None:
        """Return the person of this number, or None."""
        return next((b for b in self.beneficiaires if b.numero == numero), None)


def build_contexte(demande: DemandeContexte) -> bytes:
    """Return the body that opens a context."""
    return _dump(
        {
            "mode": demande.mode,
            "contexteApCV": demande.chaine,
            "ps": {"idNat": demande.ps},
            "structure": {"idNat": demande.structure},
            "poste": demande.poste,
        }
    )


def build_renouvellement(mode: int, chaine: str, facture: str) -> bytes:
    """Return the body that renews a context by a new presentation."""
    return _dump({"mode": mode, "contexteApCV": chaine, "facture": facture})


def _dump(objet: dict[str, Any]) -> bytes:
    return json.dumps(objet, ensure_ascii=False, separators=(",", ":")).encode()


def scrub(octets: bytes) -> bytes:
    """Return a message without the presented string nor the token: what a journal may keep.

    What is not a JSON object is not kept at all: a secret might stand anywhere in it.
    """
    if not octets:
        return b""
    try:
        objet = _load(octets)
    except InvalidReply:
        return b'{"illisible":true}'
    return _dump(_clean(objet))


def _clean(objet: dict[str, Any]) -> dict[str, Any]:
    propre: dict[str, Any] = {}
    for nom, valeur in objet.items():
        if isinstance(valeur, dict):
            propre[nom] = _clean(valeur)
        else:
            secret = nom in _SECRETS or (nom == "contexteApCV" and isinstance(valeur, str))
            propre[nom] = _EFFACE if secret else valeur
    return propre


def parse_contexte(octets: bytes, environnement: str) -> ContexteLu:
    """Return the context. InvalidReply when a field misses or an OID is not of this environment."""
    objet = _load(octets)
    usage = _text(objet, "usage", r"[a-z]{1,20}")
    if usage not in _USAGES or type(objet.get("demonstration")) is not bool:
        raise _invalid("champ_usage")
    bruts = objet.get("beneficiaires")
    if type(bruts) is not list or not 1 <= len(bruts) <= 19:
        raise _invalid("champ_beneficiaires")
    beneficiaires = tuple(_beneficiary(_object(b, "beneficiaires"), environnement) for b in bruts)
    if len({b.numero for b in beneficiaires}) != len(beneficiaires):
        raise _invalid("champ_numero")
    return ContexteLu(
        validite=_validity(objet),
        usage=usage,
        demonstration=bool(objet["demonstration"]),
        nir_assure=_nir(objet, "nirAssure"),
        beneficiaires=beneficiaires,
    )


def parse_renouvellement(octets: bytes) -> Validite:
    """Return the new validity. InvalidReply when it cannot be read."""
    return _validity(_load(octets))


def parse_erreur(octets: bytes) -> str:
    """Return the code of a refusal; empty when the body is not one."""
    try:
        code = _load(octets).get("code")
    except InvalidReply:
        return ""
    return code if isinstance(code, str) and re.fullmatch(r"[A-Z_]{1,40}", code) else ""


def _load(octets: bytes) -> dict[str, Any]:
    try:
        return _object(json.loads(octets), "corps")
    except (ValueError, RecursionError) as exc:
        raise _invalid("json") from exc


def _object(valeur: object, nom: str) -> dict[str, Any]:
    if type(valeur) is not dict:
        raise _invalid(f"champ_{nom}")
    return valeur


def _invalid(code: str) -> InvalidReply:
    return InvalidReply(
        code,
        "La réponse de l'appli carte Vitale est illisible. "
        "Prenez la carte Vitale, ou continuez par le nom (F2).",
    )


def _text(objet: dict[str, Any], nom: str, motif: str, defaut: str | None = None) -> str:
    """Return a text of this shape; `defaut` when the field is absent and may be."""
    valeur = objet.get(nom, defaut)
    if not isinstance(valeur, str) or (valeur != defaut and not re.fullmatch(motif, valeur)):
        raise _invalid(f"champ_{nom}")
    return valeur.strip()


def _name(objet: dict[str, Any], nom: str, *, vide: bool = False) -> str:
    valeur = objet.get(nom, "" if vide else None)
    if not isinstance(valeur, str) or len(valeur) > _LONG or not (valeur.isprintable()):
        raise _invalid(f"champ_{nom}")
    if not (vide or valeur.strip()):
        raise _invalid(f"champ_{nom}")
    return valeur.strip()


def _nir(objet: dict[str, Any], nom: str, defaut: str | None = None) -> str:
    """Return the thirteen characters of a billing number given with its key."""
    return _text(objet, nom, r"[0-9]{5}([0-9]{2}|2A|2B)[0-9]{8}", defaut)[:13]


def _number(objet: dict[str, Any], nom: str, maximum: int) -> int:
    valeur = objet.get(nom)
    if type(valeur) is not int or not 1 <= valeur <= maximum:
        raise _invalid(f"champ_{nom}")
    return valeur


def _validity(objet: dict[str, Any]) -> Validite:
    contexte = _object(objet.get("contexteApCV"), "contexteApCV")
    brut = _text(contexte, "dateFinValidite", r"[0-9]{14}")
    try:
        fin = datetime.strptime(brut, "%Y%m%d%H%M%S").replace(tzinfo=_PARIS)
    except ValueError as exc:
        raise _invalid("champ_dateFinValidite") from exc
    return Validite(
        _text(contexte, "identifiant", r"c_[A-Za-z0-9]{8,40}"),
        _text(contexte, "token", r"[\x21-\x7e]{16,400}"),
        fin,
    )


def _beneficiary(objet: dict[str, Any], environnement: str) -> BeneficiaireApcv:
    ins = objet.get("ins")
    return BeneficiaireApcv(
        numero=_number(objet, "numero", 19),
        qualite=_text(objet, "qualite", r"[0-9]{1,2}"),
        nom_usuel=_name(objet, "nomUsuel", vide=True),
        nom_patronymique=_name(objet, "nomPatronymique", vide=True),
        prenom=_name(objet, "prenom", vide=True),
        naissance=_text(objet, "dateNaissance", r"[0-9]{8}"),
        rang=_number(objet, "rangGemellaire", 9),
        nir_certifie=_nir(objet, "nirCertifie", ""),
        ins=None if ins is None else _ins(_object(ins, "ins"), environnement),
    )


def _ins(objet: dict[str, Any], environnement: str) -> InsApcv:
    """Return the INS block; its key is kept as given, as INSi's is (ins.md §1.2)."""
    if _text(objet, "statut", r"[A-Z]{1,20}") != "QUALIFIEE":
        raise _invalid("champ_statut")
    matricule = _text(objet, "matricule", r"[0-9A-B]{15}")
    oid = _text(objet, "oid", r"[0-9.]{1,24}")
    if not (FORME.match(matricule[:13]) and matricule[13:].isdigit()):
        raise _invalid("champ_matricule")
    if not is_accepted(oid, environnement):
        raise _invalid("oid_refuse")
    lue = parse_birth(_text(objet, "dateNaissance", r"[0-9]{4}-[0-9]{2}-[0-9]{2}"))
    if lue is None:
        raise _invalid("date_illisible")
    prenoms = _name(objet, "prenomsNaissance")
    return InsApcv(
        matricule,
        oid,
        TraitsStricts(
            nom_naissance=_name(objet, "nomNaissance"),
            prenoms_naissance=prenoms,
            premier_prenom=default_first_name(prenoms, _name(objet, "prenom1")),
            date_naissance=lue.jour,
            sexe=_text(objet, "sexe", r"[MF]"),
            cog_naissance=_text(objet, "lieuNaissance", r"[0-9]{5}|2[AB][0-9]{3}", ""),
        ),
        lue.interpretee,
    )
