"""Téléservice INSi, recovery with carte Vitale and by traits (ins.md §3.1 to §3.5, §3.10)."""

import dataclasses
import random
import re
import threading
from pathlib import Path
from typing import Any

from lxml import etree

from simulators.commun.contextes import context, is_skewed, software
from simulators.commun.soap import (
    BAM,
    LPS,
    WSA,
    WSSE,
    Message,
    MessageRefuse,
    check_schema,
    message_id,
    parse,
    raw,
    text,
)
from simulators.commun.types import Reponse, Requete
from simulators.insi.base import (
    OID_NIR,
    Ins,
    Personne,
    build_base,
    nir_key,
    search_card,
    search_traits,
)
from simulators.insi.reponses import FAUTES, Redacteur, Refus

RV = "http://www.cnamts.fr/INSiRecVit"
RS = "http://www.cnamts.fr/INSiRecSans"
_SERVICE = "urn:ServiceIdentiteCertifiee:1.0.0:"
ACTIONS = {
    f"{_SERVICE}rechercherInsAvecCarteVitale": f"{{{RV}}}RECVITALE",
    f"{_SERVICE}rechercherInsAvecTraitsIdentite": f"{{{RS}}}RECSANSVITALE",
}
CERTIFICATS = {"INSI-MANU", "INSI-AUTO"}
IDAM_CONNUS = {"SIMULATEUR01", "XX00TEST0001"}
# Source: ins.md §3.5, answered whatever the base holds, as the qualification platform does.
EN_PANNE = {("DE VINCI", "RUTH"), ("D'AEION", "COEUR")}
_LETTRES = re.compile(r"[A-Z'][A-Z' -]{0,99}")
_MAL_JOINTS = re.compile(r"[ '][ ']")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COG = re.compile(r"[0-9][0-9AB][0-9]{3}")
_SCHEMAS = {
    tag: etree.XMLSchema(etree.parse(Path(__file__).with_name(fichier)))
    for tag, fichier in (
        (f"{{{RV}}}RECVITALE", "recvitale.xsd"),
        (f"{{{RS}}}RECSANSVITALE", "recsansvitale.xsd"),
    )
}


class ServiceInsi:
    """Answers from the request and its own base."""

    nom = "INSi"
    chemin = "/lps"

    def __init__(self, hasard: random.Random, *, calme: bool) -> None:
        self.redacteur = Redacteur(hasard, calme=calme)
        self.verrou = threading.Lock()
        self.base = build_base()
        self.vus: set[str] = set()

    def oublier(self) -> None:
        """Forget the identifiers seen and every change made to the people."""
        with self.verrou:
            self.vus.clear()
            self.base = build_base()

    def identites(self) -> int:
        """Return how many people are known."""
        return len(self.base)

    # Control

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """GET /controle/identites; POST /controle/evenement {nom, prenom, evenement, …}."""
        if (methode, chemin) == ("GET", "/controle/identites"):
            return [_shown(p) for p in self.base[:30]]
        if (methode, chemin) == ("POST", "/controle/evenement"):
            with self.verrou:
                return self._event(corps)
        raise LookupError(chemin)

    def _event(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Change someone: a definitive number, another number without link, other traits."""
        rang = next(
            (
                i
                for i, p in enumerate(self.base)
                if p.nom == corps["nom"] and corps["prenom"] in p.prenoms
            ),
            None,
        )
        if rang is None:
            raise LookupError("personne")
        avant = self.base[rang]
        evenement = str(corps["evenement"])
        if evenement in {"nir_definitif", "autre_matricule"}:
            ordre = (int(avant.ins.matricule[10:]) + 500) % 1000
            numero = f"{avant.ins.matricule[:10]}{ordre:03d}"
            neuf = Ins(numero, nir_key(numero), OID_NIR)
            histoire = (avant.ins, *avant.historique) if evenement == "nir_definitif" else ()
            apres = dataclasses.replace(avant, ins=neuf, historique=histoire)
        elif evenement == "traits":
            champs = {c: str(corps[c]) for c in ("naissance", "lieu", "sexe") if c in corps}
            apres = dataclasses.replace(avant, **champs)  # type: ignore[arg-type]
        else:
            raise ValueError("evenement inconnu")
        self.base[rang] = apres
        return _shown(apres)

    # Requests

    def traiter(self, requete: Requete) -> Reponse:
        """Answer one request."""
        identifiant, operation = "", ""
        etranges = self.redacteur.oddities(bizarre=requete.bizarre, variante=requete.variante)
        try:
            _check_certificate(requete)
            message = parse(requete.corps)
            operation = etree.QName(message.corps).localname
            identifiant = message_id(message)
            self._check(message, requete, identifiant)
            _inject(requete)
            code, personne = self._search(message)
            octets = self.redacteur.answer(code, personne, etranges)
            return Reponse(200, octets, code, operation, identifiant)
        except MessageRefuse as exc:
            octets = self.redacteur.fault(FAUTES["desir_1020"], identifiant, etranges)
            faits = {"raison": str(exc)}
            return Reponse(500, octets, "desir_1020", operation, identifiant, faits)
        except Refus as exc:
            octets = self.redacteur.fault(exc.faute, identifiant, etranges)
            return Reponse(500, octets, exc.faute.code, operation, identifiant)

    def hors_sujet(self, operation: str) -> bytes:
        """Return an answer of another service of the same house."""
        del operation
        return (
            b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
            b'<r:RESULTAT xmlns:r="urn:ald:1.0.0"><r:CR><r:CodeCR>00</r:CodeCR>'
            b"<r:LibelleCR>OK</r:LibelleCR></r:CR></r:RESULTAT></s:Body></s:Envelope>"
        )

    # Envelope (§3.1 to §3.3, §3.10)

    def _check(self, message: Message, requete: Requete, identifiant: str) -> None:
        genre, charset, action = requete.media()
        if (genre, charset) != ("application/soap+xml", "utf-8"):
            raise MessageRefuse("type_contenu")
        if raw(message.header(WSA, "Action")) != action or ACTIONS.get(action) != message.corps.tag:
            raise MessageRefuse("action")
        if message.header(WSSE, "Security") is not None:
            raise MessageRefuse("security_avec_certificat_de_structure")
        self._check_contexts(message, requete, identifiant)
        for element in message.racine.iter():
            vide = len(element) == 0 and not raw(element).strip()
            if vide and element.tag != f"{{{BAM}}}COUVERTURE":
                raise MessageRefuse("element_vide")
        check_schema(_SCHEMAS[message.corps.tag], message.corps, "corps")

    def _check_contexts(self, message: Message, requete: Requete, identifiant: str) -> None:
        identifiants = [identifiant]
        for espace in (LPS, BAM):
            contexte = context(message, espace)
            if not text(contexte, espace, "Temps").endswith("Z"):
                raise MessageRefuse("temps_sans_z")
            if is_skewed(contexte, espace):
                raise MessageRefuse("temps_decale")
            if text(contexte, espace, "Emetteur") not in {"", requete.certificat_ou}:
                raise MessageRefuse("emetteur_different_du_certificat")
            identifiants.append(f"{espace} {text(contexte, espace, 'Id').lower()}")
        with self.verrou:
            if self.vus & set(identifiants) and not requete.doublon:
                raise MessageRefuse("message_rejoue")
            self.vus.update(identifiants)
        if software(context(message, LPS)) not in IDAM_CONNUS:
            raise Refus("desir_550")

    # Search (§3.4)

    def _search(self, message: Message) -> tuple[str, Personne | None]:
        if message.corps.tag == f"{{{RV}}}RECVITALE":
            trouves = self._by_card(message)
        else:
            trouves = self._by_traits(message.corps)
        if not trouves:
            return "01", None
        if len({p.ins.matricule for p in trouves}) > 1:
            return "02", None
        return "00", trouves[0]

    def _by_card(self, message: Message) -> list[Personne]:
        corps = message.corps
        naissance = text(corps, RV, "DateNaissance")
        if not _DATE.fullmatch(naissance):
            raise Refus("insi_22")
        certifie = text(corps, RV, "MatriculeIndividu", "NumIdentifiant")
        ouvrant = text(corps, RV, "MatriculeOD", "NumIdentifiant")
        rang = text(corps, RV, "RangNaissance")
        couverture = context(message, BAM).find(f"{{{BAM}}}COUVERTURE")
        if not (certifie or ouvrant) or text(couverture, BAM, "ASSURE", "Id", "Num") != ouvrant:
            raise Refus("insi_12")
        beneficiaire = couverture.find(f"{{{BAM}}}BENEFICIAIRE")
        repete = (
            text(beneficiaire, BAM, "Nir", "Num"),
            text(beneficiaire, BAM, "DateNai"),
            text(beneficiaire, BAM, "Rang"),
        )
        if repete != (certifie, naissance, rang):
            raise Refus("insi_13")
        nom = text(corps, RV, "NomNaissance")
        if nom and not is_name(nom):
            raise Refus("insi_19")
        return search_card(self.base, certifie, ouvrant, naissance, rang, nom)

    def _by_traits(self, corps: Any) -> list[Personne]:  # noqa: ANN401
        nom = text(corps, RS, "NomNaissance")
        prenoms = [raw(e) for e in corps.findall(f"{{{RS}}}Prenom")]
        sexe = text(corps, RS, "Sexe")
        naissance = text(corps, RS, "DateNaissance")
        lieu = text(corps, RS, "LieuNaissance")
        for code, bon in (
            ("insi_19", is_name(nom)),
            ("insi_20", bool(prenoms) and all(is_first_name(p) for p in prenoms)),
            ("insi_24", sexe in {"M", "F"}),
            ("insi_22", bool(_DATE.fullmatch(naissance))),
            ("insi_23", not lieu or bool(_COG.fullmatch(lieu))),
        ):
            if not bon:
                raise Refus(code)
        if (nom, prenoms[0]) in EN_PANNE:
            raise Refus("insi_102")
        return search_traits(self.base, nom, prenoms, sexe, naissance, lieu)


def _check_certificate(requete: Requete) -> None:
    """Refuse any subject but the two exact names (§3.2)."""
    if requete.certificat_cn not in CERTIFICATS:
        raise Refus("desir_560")


def _inject(requete: Requete) -> None:
    """Answer the fault asked for by the control page or the header of a test (§3.10)."""
    if requete.faute:
        raise Refus(requete.faute if requete.faute in FAUTES else "insi_102")


def is_name(valeur: str) -> bool:
    """Tell whether a birth name is in the profile NOM.

    Source: ins.md §1.4, EF_INS01_03 and EF_INS10_01.
    """
    return bool(_LETTRES.fullmatch(valeur)) and not _MAL_JOINTS.search(valeur) and valeur[-1] != " "


def is_first_name(valeur: str) -> bool:
    """Tell whether a first name is in the profile PRENOM.

    Source: ins.md §1.4, EF_INS10_02.
    """
    return is_name(valeur) and "--" not in valeur and valeur[-1] not in "-'"


def _shown(personne: Personne) -> dict[str, Any]:
    return {
        "nom": personne.nom,
        "prenoms": " ".join(personne.prenoms),
        "sexe": personne.sexe,
        "naissance": personne.naissance,
        "lieu": personne.lieu,
        "matricule": personne.ins.matricule,
        "oid": personne.ins.oid,
    }
