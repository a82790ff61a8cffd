"""Answers of INSi, read by namespace, kept as given (ins.md §3.4, §3.5)."""

from dataclasses import dataclass, field

from ins.errors import error_of
from ins.rules.matricule import join_returned
from ins.rules.oid import is_accepted
from teleservices.errors import InvalidReply
from teleservices.soap import Faute, XmlRefuse, fault_code, parse_envelope
from teleservices.soap.lecture import Element, text_of

_RES = "http://www.cnamts.fr/INSiResultat"


@dataclass(frozen=True)
class InsLu:
    """One identifier as given, with what is odd about it."""

    matricule: str = field(repr=False)
    oid: str
    date_debut: str = ""
    date_fin: str = ""
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Individu:
    """A person as INSi knows them. Dates stay text: they may be lunar."""

    actif: InsLu
    historique: tuple[InsLu, ...]
    nom_naissance: str = field(repr=False)
    prenom: str = field(repr=False)
    prenoms: str = field(repr=False)
    sexe: str = field(repr=False)
    naissance: str = field(repr=False)
    lieu: str = field(repr=False)


@dataclass(frozen=True)
class ReponseInsi:
    """Code 00 with a person, 01 none, 02 several."""

    code: str
    libelle: str
    individu: Individu | None = field(default=None, repr=False)


def _invalid(code: str) -> InvalidReply:
    return InvalidReply(
        code, "La réponse d'INSi est illisible. Poursuivez la délivrance ; relancez plus tard."
    )


def parse_reponse(data: bytes, environnement: str) -> ReponseInsi:
    """Return the answer. Raises InvalidReply when unreadable or incomplete, or a fault's class.


    Never validates against the schema: live answers bend it. Source: ins.md §3.4, « Parser rules ».
    """
    try:
        enveloppe = parse_envelope(data)
    except XmlRefuse as exc:
        raise _invalid(exc.code) from exc
    if enveloppe.faute is not None:
        raise fault_error(enveloppe.faute)
    resultat = enveloppe.corps
    if resultat is None or resultat.tag != f"{{{_RES}}}RESULTAT":
        raise _invalid("reponse_inattendue")
    code = text_of(resultat, _RES, "CR", "CodeCR")
    libelle = text_of(resultat, _RES, "CR", "LibelleCR")
    if code != "00":
        if code not in {"01", "02"}:
            raise _invalid(f"code_{code[:8]}" if code.isalnum() else "code_absent")
        return ReponseInsi(code, libelle)
    individu = resultat.find(f"{{{_RES}}}INDIVIDU")
    if individu is None:
        raise _invalid("reponse_incomplete")
    return ReponseInsi(code, libelle, _individual(individu, environnement))


def _ins(element: Element) -> InsLu:
    numero = text_of(element, _RES, "IdIndividu", "NumIdentifiant")
    matricule, anomalies = join_returned(numero, text_of(element, _RES, "IdIndividu", "Cle"))
    return InsLu(
        matricule if numero else "",
        text_of(element, _RES, "OID"),
        text_of(element, _RES, "DateDeb"),
        text_of(element, _RES, "DateFin"),
        anomalies,
    )


def _individual(element: Element, environnement: str) -> Individu:
    actif_element = element.find(f"{{{_RES}}}INSACTIF")
    tiq = element.find(f"{{{_RES}}}TIQ")
    if actif_element is None or tiq is None:
        raise _invalid("reponse_incomplete")
    actif = _ins(actif_element)
    champs = {nom: text_of(tiq, _RES, nom) for nom in ("NomNaissance", "DateNaissance", "Sexe")}
    prenoms = text_of(tiq, _RES, "ListePrenom") or text_of(tiq, _RES, "Prenom")
    if not (actif.matricule and actif.oid and prenoms and all(champs.values())):
        raise _invalid("reponse_incomplete")
    if not is_accepted(actif.oid, environnement):
        raise _invalid("oid_refuse")
    return Individu(
        actif=actif,
        historique=tuple(_ins(ancien) for ancien in element.findall(f"{{{_RES}}}INSHISTO")),
        nom_naissance=champs["NomNaissance"],
        prenom=text_of(tiq, _RES, "Prenom"),
        prenoms=prenoms,
        sexe=champs["Sexe"],
        naissance=champs["DateNaissance"],
        lieu=text_of(tiq, _RES, "LieuNaissance"),
    )


def fault_error(faute: Faute) -> Exception:
    """Return the error of a fault, whichever shape its detail has (ins.md §3.5)."""
    return error_of(fault_code(faute), faute.cote)
