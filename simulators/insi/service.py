"""Téléservice INSi: recovery with carte Vitale and by traits, verification (ins.md §3)."""

import argparse
import dataclasses
import random
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from lxml import etree

from simulators.commun.contextes import context
from simulators.commun.fautes import Refus
from simulators.commun.reception import Reception
from simulators.commun.soap import (
    BAM,
    Message,
    MessageRefuse,
    message_id,
    parse,
    raw,
    text,
)
from simulators.commun.types import Reponse, Requete
from simulators.insi import verification
from simulators.insi.acces import ParAssertion, check_no_assertion, check_structure
from simulators.insi.base import (
    OID_NIR,
    Ins,
    Personne,
    Registre,
    nir_key,
    search_card,
    search_traits,
)
from simulators.insi.lots import EnBase, build_store
from simulators.insi.reponses import FAUTES, Redacteur
from simulators.population import build_population
from simulators.population.generees import GRAINE
from simulators.population.personnes import is_birth

RV = "http://www.cnamts.fr/INSiRecVit"
RS = "http://www.cnamts.fr/INSiRecSans"
_SERVICE = "urn:ServiceIdentiteCertifiee:1.0.0:"
ACTIONS = {
    f"{_SERVICE}rechercherInsAvecCarteVitale": f"{{{RV}}}RECVITALE",
    f"{_SERVICE}rechercherInsAvecTraitsIdentite": f"{{{RS}}}RECSANSVITALE",
}
LOT_MS = 1500
# Source: ins.md §3.5, answered whatever the base holds, as the qualification platform does.
EN_PANNE = {("DE VINCI", "RUTH"), ("D'AEION", "COEUR")}
_LETTRES = re.compile(r"[A-Z'][A-Z' -]{0,99}")
_MAL_JOINTS = re.compile(r"[ '][ ']")
_COG = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")
_SCHEMAS = {
    tag: etree.XMLSchema(etree.parse(Path(__file__).with_name(fichier)))
    for tag, fichier in (
        (f"{{{RV}}}RECVITALE", "recvitale.xsd"),
        (f"{{{RS}}}RECSANSVITALE", "recsansvitale.xsd"),
    )
}


def declare_options(analyse: argparse.ArgumentParser) -> None:
    """Add the options of this service."""
    analyse.add_argument("--graine", type=int, default=GRAINE, help="the generated people")
    analyse.add_argument(
        "--assertion", action="store_true", help="the endpoint of the cards: no client certificate"
    )
    analyse.add_argument("--lot-ms", type=int, default=LOT_MS, help="time that a batch takes")
    analyse.add_argument("--base", default="", help="DSN where batches are kept, else in memory")


class ServiceInsi:
    """Answers from the request and its own base."""

    nom = "INSi"
    chemin = "/lps"

    def __init__(self, hasard: random.Random, options: argparse.Namespace) -> None:
        self.redacteur = Redacteur(hasard, calme=options.calme)
        self.verrou = threading.Lock()
        self.depart = Registre(build_population(options.graine))
        self.base = self.depart
        self.reception = Reception(
            ACTIONS | verification.ACTIONS, _SCHEMAS | verification.build_schemas()
        )
        self.par_assertion = ParAssertion(options.tls) if options.assertion else None
        self.verification = verification.Verification(
            build_store(options.base), hasard, calme=options.calme
        )
        self.lot_ms = self.verification.duree_ms = options.lot_ms

    def connait(self, methode: str, chemin: str) -> bool:
        """Tell whether something answers there."""
        return (methode, chemin) == ("POST", self.chemin)

    def operation(self, requete: Requete) -> str:
        """Return the operation asked, for the moods."""
        return requete.action_name()

    def oublier(self) -> None:
        """Forget the identifiers seen, the batches and every change made to the people."""
        with self.verrou:
            self.reception.forget()
            self.verification.magasin.forget()
            self.verification.duree_ms = self.lot_ms
            self.base = self.depart

    def identites(self) -> int:
        """Return how many people are known."""
        return len(self.base.gens)

    # Control

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """People (list, change one), kinds of people, batches: simulators/README.md."""
        routes = {
            ("GET", "/controle/identites"): self._people,
            ("GET", "/controle/genres"): self._kinds,
            ("POST", "/controle/evenement"): self._event,
            ("GET", "/controle/lots"): self._batches,
            ("POST", "/controle/lots"): self._batch_settings,
        }
        with self.verrou:
            return routes[(methode, chemin)](corps)

    def _people(self, demande: dict[str, Any]) -> list[dict[str, Any]]:
        """Return one page of the people: {genre?, depuis?, nombre? (30), foyer?, nom?}."""
        gens = [
            p
            for p in self.base.gens
            if all(getattr(p, c) == demande[c] for c in ("genre", "foyer", "nom") if c in demande)
        ]
        depuis = max(0, int(demande.get("depuis", 0)))
        return [_shown(p) for p in gens[depuis : depuis + int(demande.get("nombre", 30))]]

    def _kinds(self, _demande: dict[str, Any]) -> dict[str, int]:
        return dict(Counter(p.genre for p in self.base.gens))

    def _batches(self, _demande: dict[str, Any]) -> list[dict[str, Any]]:
        duree = self.verification.duree_ms
        return [
            {
                "id_lot": lot.id_lot,
                "numero": lot.numero,
                "nombre": len(lot.resultats),
                "traitees": lot.done(duree),
                "codes": dict(Counter(code for _, code in lot.resultats)),
            }
            for lot in self.verification.magasin.everything()
        ]

    def _batch_settings(self, demande: dict[str, Any]) -> dict[str, Any]:
        """Change the time that a batch takes, or where batches are kept: {duree_ms?, base?}."""
        duree = int(demande.get("duree_ms", self.verification.duree_ms))
        if duree < 0:
            raise ValueError("duree_ms : un nombre positif")
        self.verification.duree_ms = duree
        if "base" in demande:
            self.verification.magasin = build_store(str(demande["base"]))
        return {"duree_ms": duree, "en_base": isinstance(self.verification.magasin, EnBase)}

    def _event(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Change someone: a definitive number, another number without link, other traits."""
        rang = self.base.find(str(corps["nom"]), str(corps["prenom"]))
        avant = self.base.gens[rang]
        evenement = str(corps["evenement"])
        if evenement in {"nir_definitif", "autre_matricule"}:
            numero = self.base.free_number(avant.ins.matricule)
            neuf = Ins(numero, nir_key(numero), OID_NIR)
            histoire = (avant.ins, *avant.historique) if evenement == "nir_definitif" else ()
            apres = dataclasses.replace(avant, ins=neuf, historique=histoire)
        elif evenement == "traits":
            champs = {c: str(corps[c]) for c in ("naissance", "lieu", "sexe") if c in corps}
            apres = dataclasses.replace(avant, **champs)  # type: ignore[arg-type]
        else:
            raise ValueError("evenement inconnu")
        self.base = self.base.replaced(rang, apres)
        return _shown(apres)

    # Requests

    def traiter(self, requete: Requete) -> Reponse:
        """Answer one request."""
        identifiant, operation = "", ""
        etranges = self.redacteur.oddities(bizarre=requete.bizarre, variante=requete.variante)
        try:
            if self.par_assertion is None:
                check_structure(requete)
            message = parse(requete.corps)
            operation = etree.QName(message.corps).localname
            identifiant = message_id(message)
            self._check_access(message)
            self.reception.check(message, requete, identifiant)
            _inject(requete)
            octets, dit, faits = self._serve(message, etranges)
            return Reponse(200, octets, dit, operation, identifiant, faits)
        except MessageRefuse as exc:
            code, raison = "desir_1020", str(exc)
        except Refus as exc:
            code, raison = exc.code, exc.raison
        octets = self.redacteur.fault(code, identifiant, etranges)
        faits = {"raison": raison} if raison else {}
        return Reponse(500, octets, code, operation, identifiant, faits)

    def _check_access(self, message: Message) -> None:
        if self.par_assertion is None:
            check_no_assertion(message)
        else:
            self.par_assertion.check(message)

    def _serve(self, message: Message, etranges: set[str]) -> tuple[bytes, str, dict[str, Any]]:
        if message.corps.tag in verification.ACTIONS.values():
            return self.verification.answer(self.base, message.corps, etranges)
        code, personne = self._search(message)
        return self.redacteur.answer(code, personne, etranges), code, {}

    def hors_sujet(self, operation: str) -> bytes:
        """Return an answer of another service of the same house."""
        del operation
        return (
            b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
            b'<r:RESULTAT xmlns:r="urn:ald:1.0.0"><r:CR><r:CodeCR>00</r:CodeCR>'
            b"<r:LibelleCR>OK</r:LibelleCR></r:CR></r:RESULTAT></s:Body></s:Envelope>"
        )

    # Search (§3.4)

    def _search(self, message: Message) -> tuple[str, Personne | None]:
        if message.corps.tag == f"{{{RV}}}RECVITALE":
            trouves = self._by_card(message)
        else:
            _check_no_coverage(message)
            trouves = self._by_traits(message.corps)
        if not trouves:
            return "01", None
        if len({p.ins.matricule for p in trouves}) > 1:
            return "02", None
        return "00", trouves[0]

    def _by_card(self, message: Message) -> list[Personne]:
        corps = message.corps
        naissance = text(corps, RV, "DateNaissance")
        if not is_birth(naissance):
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
            ("insi_22", is_birth(naissance)),
            ("insi_23", not lieu or bool(_COG.fullmatch(lieu))),
        ):
            if not bon:
                raise Refus(code)
        if (nom, prenoms[0]) in EN_PANNE:
            raise Refus("insi_102")
        return search_traits(self.base, nom, prenoms, sexe, naissance, lieu)


def _inject(requete: Requete) -> None:
    """Answer the fault asked for by the control page or the header of a test (§3.10)."""
    if requete.faute:
        raise Refus(requete.faute if requete.faute in FAUTES else "insi_102")


def _check_no_coverage(message: Message) -> None:
    """Refuse a coverage that says something: it is empty for a search by traits (§3.3)."""
    if len(context(message, BAM).find(f"{{{BAM}}}COUVERTURE")):
        raise MessageRefuse("couverture_non_vide")


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
        "cle": personne.ins.cle,
        "oid": personne.ins.oid,
        "historique": [h.matricule for h in personne.historique],
        "nom_usuel": personne.nom_usuel,
        "ouvrant_droit": personne.ouvrant_droit,
        "rang": personne.rang,
        "genre": personne.genre,
        "foyer": personne.foyer,
    }
