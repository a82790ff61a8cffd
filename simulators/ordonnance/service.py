"""The six operations of the Ordonnance Numérique service over SOAP 1.2 (ordonnance.md §2)."""

import dataclasses
import random
import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography import x509
from lxml import etree

from simulators.commun.contextes import context, is_skewed, software
from simulators.commun.soap import (
    BAM,
    LPS,
    WSA,
    Message,
    MessageRefuse,
    check_schema,
    message_id,
    parse,
    raw,
    text,
)
from simulators.commun.types import Reponse, Requete
from simulators.ordonnance.assertion import PROFESSIONS, Signataire, check_assertion
from simulators.ordonnance.donnees import Passee, Prescription, Verrou, from_json
from simulators.ordonnance.etat import VERROU, Base, Refus
from simulators.ordonnance.lecture import (
    body_digest,
    check_performer,
    check_texts,
    facts,
    is_another,
    read_execution,
)
from simulators.ordonnance.reponses import EPU, Redacteur, add

XSD = Path(__file__).with_name("epu-simulateur.xsd")
IDAM_CONNUS = {"SIMULATEUR01"}
OPERATIONS = {
    f"{nom}Requete": nom
    for nom in (
        "consulterPrescription",
        "ouvrirExecution",
        "enregistrerExecution",
        "annulerExecution",
        "libererExecution",
        "cloturerPrescription",
    )
}
# Faults that the control page or a test may ask for; EPU-099 is answered after executing.
FAUTES = {
    "EPU-008": "Professionnel non habilité",
    "EPU-010": "L'ordonnance a changé depuis sa lecture",
    "EPU-020": "Message invalide",
    "EPU-030": "Authentification refusée",
    "EPU-031": "Logiciel non reconnu",
    "EPU-090": "Service momentanément indisponible",
    "EPU-091": "Service saturé",
    "EPU-099": "Erreur interne",
}
ATTENTE_S = "3"
_AILLEURS = "130099991"
_NUMERO = re.compile(r"[0-9A-Z]{18}")


class ServiceEpu:
    """Answers from the request and the base."""

    nom = "Ordonnance Numérique"
    chemin = "/epu"

    def __init__(self, hasard: random.Random, tls: Path, *, calme: bool) -> None:
        self.hasard = hasard
        self.base = Base()
        self.redacteur = Redacteur(self.base, hasard, calme=calme)
        self.schema = etree.XMLSchema(etree.parse(XSD))
        self.autorite = x509.load_pem_x509_certificate((tls / "ac-cps.pem").read_bytes())
        self.vus: set[str] = set()
        self.derive = timedelta(0)
        self.verrou = threading.RLock()

    def connait(self, methode: str, chemin: str) -> bool:
        """Tell whether something answers there."""
        return (methode, chemin) == ("POST", self.chemin)

    def operation(self, requete: Requete) -> str:
        """Return the operation asked, for the moods."""
        return requete.action_name()

    def oublier(self) -> None:
        """Go back to the start data."""
        with self.verrou:
            self.base.oublier()
            self.vus.clear()
            self.derive = timedelta(0)

    def identites(self) -> int:
        """Return how many prescriptions are known."""
        return len(self.base.prescriptions)

    # Control

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """Prescriptions (list, create), events, clock, recorded executions."""
        routes = {
            ("GET", "/controle/ordonnances"): self._c_list,
            ("POST", "/controle/ordonnances"): self._c_create,
            ("POST", "/controle/evenement"): self._c_event,
            ("POST", "/controle/horloge"): self._c_clock,
            ("GET", "/controle/executions"): self._c_executions,
        }
        with self.verrou:
            return routes[(methode, chemin)](corps)

    def _c_list(self, _corps: dict[str, Any]) -> list[dict[str, Any]]:
        return [self._shown(p) for p in self.base.prescriptions.values()]

    def _shown(self, p: Prescription) -> dict[str, Any]:
        prenoms = str(p.beneficiaire.get("prenoms", "")).split()
        return {
            "numero": p.numero,
            "pourquoi": p.pourquoi,
            "statut": self.base.base_status(p),
            "version": p.version,
            "patient": " ".join([str(p.beneficiaire.get("nom", "")), *prenoms[:1]]).strip(),
            "lignes": [
                {
                    "id": ligne.id,
                    "libelle": ligne.faits["libelle"],
                    "cip13": ligne.faits.get("cip13", ""),
                }
                for ligne in p.lignes
            ],
        }

    def _c_create(self, corps: dict[str, Any]) -> dict[str, Any]:
        p = from_json(corps, self.base.now())
        element = self.redacteur.reply("consulterPrescription")
        element.append(self.redacteur.prescription(p, "", bizarre=False))
        if p.numero in self.base.prescriptions:
            raise ValueError("numero déjà connu")
        check_schema(self.schema, element, "ordonnance")
        self.base.prescriptions[p.numero] = p
        return self._shown(p)

    def _c_event(self, corps: dict[str, Any]) -> dict[str, Any]:
        p = self.base.prescriptions[str(corps["numero"])]
        evenement = str(corps["evenement"])
        if evenement == "annuler":
            self.base.cancel_by_prescriber(p)
        elif evenement in {"bloquer", "debloquer"}:
            p.bloquee = evenement == "bloquer"
            p.version += 1
        elif evenement == "expirer":
            p.fin = self.base.now() - timedelta(seconds=1)
        elif evenement == "verrou_ailleurs":
            p.verrou = Verrou(_AILLEURS, "vrr-ailleurs", str(uuid4()), self.base.now() + VERROU)
        elif evenement == "verrou_perime":
            if p.verrou:
                p.verrou.expire = self.base.now() - timedelta(seconds=1)
        elif evenement == "execution_ailleurs":
            self._executed_elsewhere(p, corps)
        else:
            raise ValueError("evenement inconnu")
        return {"version": p.version, "statut": self.base.base_status(p)}

    def _executed_elsewhere(self, p: Prescription, corps: dict[str, Any]) -> None:
        ligne = p.lignes[int(corps.get("rang", 1)) - 1]
        quantite = float(corps.get("quantite") or ligne.faits.get("quantite") or 1)
        p.executions[str(uuid4())] = Passee(
            _AILLEURS,
            self.base.now(),
            int(corps.get("numero_delivrance", 0)),
            [(ligne.id, str(corps.get("resultat", "DELIVRE")), quantite)],
        )
        p.version += 1

    def _c_clock(self, corps: dict[str, Any]) -> dict[str, Any]:
        """`decalage_s` moves the life of prescriptions; `derive_s` puts the clock itself wrong."""
        self.base.decalage = timedelta(seconds=float(corps.get("decalage_s", 0)))
        self.derive = timedelta(seconds=float(corps.get("derive_s", 0)))
        return {"maintenant": self.base.now().isoformat()}

    def _c_executions(self, _corps: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "numero": p.numero,
                "id_execution": ident,
                "annulee": e.annulee,
                "finess": e.finess,
                "numero_delivrance": e.numero_delivrance,
                "lignes": [list(ligne) for ligne in e.lignes],
            }
            for p in self.base.prescriptions.values()
            for ident, e in p.executions.items()
        ]

    # Requests

    def traiter(self, requete: Requete) -> Reponse:
        """Answer one request; nothing but the signed element and the body is believed."""
        identifiant, operation = "", ""
        faits: dict[str, Any] = {}
        try:
            message = parse(requete.corps)
            operation = OPERATIONS.get(etree.QName(message.corps).localname, "")
            faits = facts(message.corps)
            identifiant = message_id(message)
            with self.verrou:
                self._inject(requete)
                finess = self._check(message, requete, operation, identifiant).finess
                corps = getattr(self, f"_o_{operation}")(message.corps, requete, faits, finess)
            _break_after(requete)
            octets = self.redacteur.send(corps)
            return Reponse(200, octets, "00", operation, identifiant, faits)
        except MessageRefuse as exc:
            refus = Refus("EPU-020", f"Message invalide ({exc})")
        except Refus as exc:
            refus = exc
        octets = self.redacteur.fault(refus)
        return Reponse(500, octets, refus.code, operation, identifiant, faits)

    def hors_sujet(self, operation: str) -> bytes:
        """Return a well-formed answer of another operation."""
        autre = "cloturerPrescription" if operation == "libererExecution" else "libererExecution"
        return self.redacteur.send(self.redacteur.reply(autre))

    def _inject(self, requete: Requete) -> None:
        """Answer the fault asked for, or « saturé » on 5 % of the odd days (§2.10)."""
        if requete.faute == "EPU-091" or (requete.bizarre and self.hasard.random() < 0.05):
            raise Refus("EPU-091", FAUTES["EPU-091"], ATTENTE_S)
        if requete.faute and requete.faute != "EPU-099":
            raise Refus(requete.faute, FAUTES.get(requete.faute, "Refus demandé"))

    # Envelope (§2.2)

    def _check(
        self, message: Message, requete: Requete, operation: str, identifiant: str
    ) -> Signataire:
        if not operation or etree.QName(message.corps).namespace != EPU:
            raise MessageRefuse("opération inconnue")
        genre, charset, action = requete.media()
        if (genre, charset) != ("application/soap+xml", "utf-8"):
            raise MessageRefuse("type de contenu")
        voulue = f"urn:sim-epu:1.0.0:{operation}"
        if raw(message.header(WSA, "Action")) != voulue or action != voulue:
            raise MessageRefuse("action")
        if identifiant in self.vus and not requete.doublon:
            raise MessageRefuse("MessageID rejoué")
        self.vus.add(identifiant)
        signataire = self._check_access(message)
        numero = message.corps.find(f"{{{EPU}}}NumeroPrescription")
        if numero is not None and not _NUMERO.fullmatch(raw(numero)):
            raise Refus("EPU-002", "Le numéro n'a pas la forme attendue")
        check_schema(self.schema, message.corps, "corps")
        check_texts(message.corps)
        check_performer(message.corps, signataire)
        return signataire

    def _check_access(self, message: Message) -> Signataire:
        """Check contexts and assertion together: same issuer, same time, known software."""
        contextes = {espace: context(message, espace) for espace in (BAM, LPS)}
        maintenant = self.base.now() - self.base.decalage + self.derive
        signataire = check_assertion(message, self.autorite, maintenant)
        for espace, contexte in contextes.items():
            if text(contexte, espace, "Emetteur") != signataire.finess:
                raise Refus("EPU-030", "Contexte : émetteur différent de l'assertion")
            if is_skewed(contexte, espace, maintenant):
                raise Refus("EPU-030", "Contexte : horloge décalée")
        if software(contextes[LPS]) not in IDAM_CONNUS:
            raise Refus("EPU-031", "Logiciel non reconnu")
        if signataire.profession not in PROFESSIONS:
            raise Refus("EPU-008", "Profession non habilitée")
        return signataire

    # Operations (§2.3)

    def _o_consulterPrescription(  # noqa: N802
        self,
        corps: Any,  # noqa: ANN401
        requete: Requete,
        _faits: dict[str, Any],
        finess: str,
    ) -> Any:  # noqa: ANN401
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        self.base.check_readable(p)
        avertissements = []
        if is_another(corps.find(f"{{{EPU}}}Beneficiaire"), p.beneficiaire):
            avertissements.append(("EPU-007", "L'ordonnance est au nom d'une autre personne"))
        reponse = self.redacteur.reply("consulterPrescription", avertissements)
        reponse.append(self.redacteur.prescription(p, finess, bizarre=requete.bizarre))
        return reponse

    def _o_ouvrirExecution(  # noqa: N802
        self,
        corps: Any,  # noqa: ANN401
        _requete: Requete,
        faits: dict[str, Any],
        finess: str,
    ) -> Any:  # noqa: ANN401
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        cle, contenu = text(corps, EPU, "CleIdempotence"), body_digest(corps)
        connu = self.base.once(cle, contenu)
        faits["nouvelle"] = connu is None
        if connu is None:
            verrou = self.base.open(p, finess, int(text(corps, EPU, "VersionConnue")))
            connu = dataclasses.asdict(verrou)
            self.base.cles[cle.lower()] = (contenu, connu)
        reponse = self.redacteur.reply("ouvrirExecution")
        add(reponse, "IdExecution", connu["id"])
        add(reponse, "JetonVerrou", connu["jeton"])
        add(reponse, "ExpireLe", self.redacteur.stamp(connu["expire"]))
        return reponse

    def _o_enregistrerExecution(  # noqa: N802
        self,
        corps: Any,  # noqa: ANN401
        requete: Requete,
        faits: dict[str, Any],
        finess: str,
    ) -> Any:  # noqa: ANN401
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        cle, contenu = text(corps, EPU, "CleIdempotence"), body_digest(corps)
        recu = self.base.once(cle, contenu)
        nouvelle = faits["nouvelle"] = recu is None
        if recu is None:
            recu = self.base.execute(p, read_execution(corps, finess))
            self.base.cles[cle.lower()] = (contenu, recu)
        return self.redacteur.receipt(recu, rejeu=not nouvelle, bizarre=requete.bizarre)

    def _o_annulerExecution(  # noqa: N802
        self,
        corps: Any,  # noqa: ANN401
        _requete: Requete,
        faits: dict[str, Any],
        finess: str,
    ) -> Any:  # noqa: ANN401
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        cle, contenu = text(corps, EPU, "CleIdempotence"), body_digest(corps)
        recu = self.base.once(cle, contenu)
        faits["nouvelle"] = recu is None
        if recu is None:
            self.base.cancel(p, text(corps, EPU, "IdExecution").lower(), finess)
            recu = {"version": p.version, "statut": self.base.base_status(p)}
            self.base.cles[cle.lower()] = (contenu, recu)
        reponse = self.redacteur.reply("annulerExecution")
        add(reponse, "Version", str(recu["version"]))
        add(reponse, "StatutPrescription", recu["statut"])
        return reponse

    def _o_libererExecution(  # noqa: N802
        self,
        corps: Any,  # noqa: ANN401
        _requete: Requete,
        _faits: dict[str, Any],
        finess: str,
    ) -> Any:  # noqa: ANN401
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        ident, jeton = text(corps, EPU, "IdExecution").lower(), text(corps, EPU, "JetonVerrou")
        self.base.release(p, finess, ident, jeton)
        return self.redacteur.reply("libererExecution")

    def _o_cloturerPrescription(  # noqa: N802
        self,
        corps: Any,  # noqa: ANN401
        _requete: Requete,
        faits: dict[str, Any],
        finess: str,
    ) -> Any:  # noqa: ANN401
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        cle, contenu = text(corps, EPU, "CleIdempotence"), body_digest(corps)
        recu = self.base.once(cle, contenu)
        faits["nouvelle"] = recu is None
        if recu is None:
            self.base.close(p, finess, int(text(corps, EPU, "VersionConnue")))
            recu = {"statut": self.base.base_status(p)}
            self.base.cles[cle.lower()] = (contenu, recu)
        reponse = self.redacteur.reply("cloturerPrescription")
        add(reponse, "StatutPrescription", recu["statut"])
        return reponse


def _break_after(requete: Requete) -> None:
    """Answer « erreur interne » once the request was executed: the outcome is unknown."""
    if requete.faute == "EPU-099":
        raise Refus("EPU-099", FAUTES["EPU-099"])
