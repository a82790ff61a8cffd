"""Téléservice INSi, recovery with carte Vitale and by traits (ins.md §3.1 to §3.5)."""

import random
import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

from simulators.commun.serveur import Reponse, Requete
from simulators.commun.soap import (
    BAM,
    LPS,
    WSA,
    Message,
    MessageRefuse,
    envelope,
    fault,
    parse,
    text,
)
from simulators.insi.base import Ins, Personne, build_base, search_card, search_traits

RV = "http://www.cnamts.fr/INSiRecVit"
RS = "http://www.cnamts.fr/INSiRecSans"
RES = "http://www.cnamts.fr/INSiResultat"
SIRAM = "urn:siram"
ACTIONS = {
    "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecCarteVitale": f"{{{RV}}}RECVITALE",
    "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite": f"{{{RS}}}RECSANSVITALE",
}
IDAM_CONNUS = {"SIMULATEUR01", "XX00TEST0001"}
_NOM = re.compile(r"^[A-Z'][A-Z '\-]*$")
_UUID = re.compile(r"^uuid:[0-9a-fA-F-]{36}$")


class Faute(Exception):
    """A SOAP fault: detail code, subcode, side, text."""

    def __init__(
        self, code: str, sous_code: str, cote: str, texte: str, severite: str = "erreur"
    ) -> None:
        super().__init__(code)
        self.code, self.sous_code, self.cote, self.texte, self.severite = (
            code,
            sous_code,
            cote,
            texte,
            severite,
        )


class ServiceInsi:
    """Answers from the request and its own base."""

    nom = "INSi"

    def __init__(self, hasard: random.Random, *, calme: bool) -> None:
        self.hasard = hasard
        self.calme = calme
        self.base = build_base()
        self.vus: set[str] = set()
        self.verrou = threading.Lock()

    def oublier(self) -> None:
        """Forget the message identifiers seen."""
        self.vus.clear()

    def identites(self) -> int:
        """Return how many people are known."""
        return len(self.base)

    def controle(self, methode: str, chemin: str, _corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """GET /controle/identites: the published ones."""
        if (methode, chemin) != ("GET", "/controle/identites"):
            raise KeyError(chemin)
        return [
            {"nom": p.nom, "prenoms": " ".join(p.prenoms), "naissance": p.naissance}
            for p in self.base[:20]
        ]

    def traiter(self, requete: Requete) -> Reponse:
        """Answer one request."""
        message_id, operation = "", ""
        try:
            message = parse(requete.corps)
            message_id = text(message.header(WSA, "MessageID"), "")
            operation = message.corps.tag.split("}")[-1]
            self._check_envelope(message, requete, message_id)
            resultat, personne = self._search(message.corps)
            corps = envelope(self._result(resultat, personne), None if self.calme else self.hasard)
            return Reponse(200, corps, resultat, operation, message_id)
        except MessageRefuse as exc:
            faute = Faute("desir_1020", "siram_10", "Sender", "Message non conforme")
            return self._faute(faute, operation, message_id, f"message:{exc}")
        except Faute as exc:
            return self._faute(exc, operation, message_id, exc.code)

    # Envelope

    def _check_envelope(self, message: Message, requete: Requete, message_id: str) -> None:
        if requete.certificat_cn not in {"INSI-MANU", "INSI-AUTO"}:
            raise Faute("desir_560", "siram_100", "Sender", "Droits d'accès insuffisants")
        if not requete.type_contenu.startswith("application/soap+xml"):
            raise MessageRefuse("type_contenu")
        action = text(message.header(WSA, "Action"), "")
        if (
            ACTIONS.get(action) != message.corps.tag
            or f'action="{action}"' not in requete.type_contenu
        ):
            raise MessageRefuse("action")
        if not _UUID.match(message_id):
            raise MessageRefuse("message_id")
        with self.verrou:
            if message_id in self.vus:
                raise MessageRefuse("message_id_rejoue")
            self.vus.add(message_id)
        _check_lps(message)
        _check_bam(message)
        for element in message.racine.iter():
            if (
                len(element) == 0
                and not (element.text or "").strip()
                and not element.tag.endswith("COUVERTURE")
            ):
                raise MessageRefuse("element_vide")

    # Search

    def _search(self, corps: Any) -> tuple[str, Personne | None]:  # noqa: ANN401
        if corps.tag == f"{{{RV}}}RECVITALE":
            trouves = self._by_card(corps)
        else:
            trouves = self._by_traits(corps)
        if not trouves:
            return "01", None
        if len({p.ins.matricule for p in trouves}) > 1:
            return "02", None
        return "00", trouves[0]

    def _by_card(self, corps: Any) -> list[Personne]:  # noqa: ANN401
        _check_order(
            corps,
            ("MatriculeIndividu", "MatriculeOD", "NomNaissance", "DateNaissance", "RangNaissance"),
        )
        naissance = text(corps, RV, "DateNaissance")
        if not re.match(r"^\d{4}-\d{2}-\d{2}$", naissance):
            raise Faute(
                "insi_22", "siram_10", "Sender", "La date de naissance est absente ou mal formée"
            )
        certifie = text(corps, RV, "MatriculeIndividu", "NumIdentifiant")
        ouvrant = text(corps, RV, "MatriculeOD", "NumIdentifiant")
        couverture = corps.getroottree().find(f".//{{{BAM}}}COUVERTURE")
        if text(couverture, BAM, "ASSURE", "Id", "Num") != ouvrant:
            raise Faute(
                "insi_12", "siram_10", "Sender", "La couverture ne correspond pas à l'assuré"
            )
        if text(couverture, BAM, "BENEFICIAIRE", "DateNai") != naissance:
            raise Faute(
                "insi_13", "siram_10", "Sender", "La couverture ne correspond pas au bénéficiaire"
            )
        return search_card(
            self.base,
            certifie,
            ouvrant,
            naissance,
            text(corps, RV, "RangNaissance"),
            text(corps, RV, "NomNaissance"),
        )

    def _by_traits(self, corps: Any) -> list[Personne]:  # noqa: ANN401
        _check_order(corps, ("NomNaissance", "Prenom", "Sexe", "DateNaissance", "LieuNaissance"))
        nom = text(corps, RS, "NomNaissance")
        prenoms = [(e.text or "").strip() for e in corps.findall(f"{{{RS}}}Prenom")]
        if not nom or not _NOM.match(nom):
            raise Faute(
                "insi_19", "siram_10", "Sender", "Le nom de naissance est absent ou mal formé"
            )
        if not prenoms or not all(_NOM.match(p) for p in prenoms):
            raise Faute("insi_20", "siram_10", "Sender", "Le prénom est absent ou mal formé")
        sexe = text(corps, RS, "Sexe")
        if sexe not in {"M", "F"}:
            raise Faute("insi_24", "siram_10", "Sender", "Le format du sexe est incorrect")
        naissance = text(corps, RS, "DateNaissance")
        if not re.match(r"^\d{4}-\d{2}-\d{2}$", naissance):
            raise Faute(
                "insi_22", "siram_10", "Sender", "La date de naissance est absente ou mal formée"
            )
        if (nom, prenoms[0]) in {("DE VINCI", "RUTH"), ("D'AEION", "COEUR")}:
            raise Faute(
                "insi_102", "siram_40", "Receiver", "Erreur technique de recherche", "fatal"
            )
        lieu = text(corps, RS, "LieuNaissance")
        return search_traits(self.base, nom, prenoms, sexe, naissance, lieu)

    # Answers

    def _result(self, code: str, personne: Personne | None) -> Any:  # noqa: ANN401
        prefixe = None if self.calme or self.hasard.random() < 0.5 else "ns2"
        racine = etree.Element(f"{{{RES}}}RESULTAT", nsmap={prefixe: RES})  # type: ignore[dict-item]
        cr = etree.SubElement(racine, f"{{{RES}}}CR")
        libelles = {
            "00": "OK",
            "01": "Aucune identite trouvee",
            "02": "Plusieurs identites trouvees",
        }
        _add(cr, "CodeCR", code)
        _add(cr, "LibelleCR", libelles[code])
        if personne is None:
            return racine
        individu = etree.SubElement(racine, f"{{{RES}}}INDIVIDU")
        _add_ins(etree.SubElement(individu, f"{{{RES}}}INSACTIF"), personne.ins, desordre=False)
        for ancien in personne.historique:
            desordre = not self.calme and self.hasard.random() < 0.5
            _add_ins(etree.SubElement(individu, f"{{{RES}}}INSHISTO"), ancien, desordre=desordre)
        tiq = etree.SubElement(individu, f"{{{RES}}}TIQ")
        _add(tiq, "NomNaissance", personne.nom)
        if not self.calme and self.hasard.random() < 0.3:
            _add(tiq, "Prenom", personne.prenoms[0])
        _add(tiq, "ListePrenom", " ".join(personne.prenoms))
        _add(tiq, "Sexe", personne.sexe)
        _add(tiq, "DateNaissance", personne.naissance)
        if personne.lieu:
            _add(tiq, "LieuNaissance", personne.lieu)
        return racine

    def _faute(self, faute: Faute, operation: str, message_id: str, resultat: str) -> Reponse:
        autre_forme = not self.calme and self.hasard.random() < 0.3
        erreur = etree.Element(f"{{{SIRAM}}}Erreur", nsmap={"siram": SIRAM})
        if autre_forme:
            erreur = etree.Element("Erreur")
            for nom, valeur in (
                ("Code", faute.code),
                ("Severite", faute.severite),
                ("Descriptif", faute.texte),
            ):
                etree.SubElement(erreur, nom).text = valeur
        else:
            erreur.set("code", faute.code)
            erreur.set("severite", faute.severite)
            if message_id:
                erreur.set("messageID", message_id)
            erreur.text = faute.texte
        corps = fault(
            faute.cote, faute.sous_code, faute.texte, erreur, None if self.calme else self.hasard
        )
        return Reponse(500, corps, resultat, operation, message_id)


def _check_lps(message: Message) -> None:
    contexte = message.header(LPS, "ContexteLPS")
    if (
        contexte is None
        or contexte.get("Version") != "01_00"
        or contexte.get("Nature") not in {None, "CTXLPS"}
    ):
        raise MessageRefuse("contexte_lps")
    _check_order(contexte, ("Id", "Temps", "Emetteur", "LPS"))
    _check_identity(contexte, LPS)
    idam = contexte.find(f"{{{LPS}}}LPS/{{{LPS}}}IDAM")
    if idam is None or idam.get("R") != "4" or (idam.text or "") not in IDAM_CONNUS:
        raise Faute("desir_550", "siram_100", "Sender", "Numéro d'autorisation inconnu")


def _check_bam(message: Message) -> None:
    contexte = message.header(BAM, "ContexteBAM")
    if (
        contexte is None
        or contexte.get("Version") != "01_02"
        or contexte.get("Nature") not in {None, "CTXBAM"}
    ):
        raise MessageRefuse("contexte_bam")
    _check_order(contexte, ("Id", "Temps", "Emetteur", "DateRef", "COUVERTURE"))
    _check_identity(contexte, BAM)
    if contexte.find(f"{{{BAM}}}COUVERTURE") is None:
        raise MessageRefuse("couverture")


def _check_identity(contexte: Any, espace: str) -> None:  # noqa: ANN401
    try:
        uuid.UUID(text(contexte, espace, "Id"))
        brut = text(contexte, espace, "Temps")
        if not brut.endswith("Z"):
            raise MessageRefuse("temps_sans_z")
        temps = datetime.fromisoformat(brut.replace("Z", "+00:00"))
    except ValueError as exc:
        raise MessageRefuse("contexte_id_temps") from exc
    if abs(datetime.now(UTC) - temps) > timedelta(minutes=5):
        raise MessageRefuse("temps_decale")


def _check_order(element: Any, ordre: tuple[str, ...]) -> None:  # noqa: ANN401
    rangs = []
    for enfant in element:
        nom = etree.QName(enfant).localname
        if nom not in ordre:
            raise MessageRefuse("element_inconnu")
        rangs.append(ordre.index(nom))
    if rangs != sorted(rangs):
        raise MessageRefuse("ordre")


def _add(parent: Any, nom: str, valeur: str) -> None:  # noqa: ANN401
    etree.SubElement(parent, f"{{{RES}}}{nom}").text = valeur


def _add_ins(parent: Any, ins: Ins, *, desordre: bool) -> None:  # noqa: ANN401
    def dates() -> None:
        if ins.debut:
            _add(parent, "DateDeb", ins.debut)
        if ins.fin:
            _add(parent, "DateFin", ins.fin)

    if desordre:
        dates()
    identifiant = etree.SubElement(parent, f"{{{RES}}}IdIndividu")
    _add(identifiant, "NumIdentifiant", ins.matricule)
    if ins.cle:
        _add(identifiant, "Cle", ins.cle)
    _add(parent, "OID", ins.oid)
    if not desordre:
        dates()
