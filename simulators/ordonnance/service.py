"""The six operations of the Ordonnance Numérique service over SOAP 1.2 (ordonnance.md §2)."""

import dataclasses
import hashlib
import random
import re
import threading
import unicodedata
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography import x509
from lxml import etree

from simulators.commun.contextes import context, instant, is_skewed, software
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
from simulators.ordonnance.regles import ExecutionRecue, InterventionRecue, LigneRecue
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
_PROFESSION = re.compile(r"G15_(?:21|70)(?:/.*)?")
_CONTROLE = re.compile(r"[\x00-\x1f\x7f]")


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
            faits = _facts(message.corps)
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
        _check_texts(message.corps)
        _check_performer(message.corps, signataire)
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
        if _differs(corps.find(f"{{{EPU}}}Beneficiaire"), p.beneficiaire):
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
        cle, contenu = text(corps, EPU, "CleIdempotence"), _digest(corps)
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
        cle, contenu = text(corps, EPU, "CleIdempotence"), _digest(corps)
        recu = self.base.once(cle, contenu)
        nouvelle = faits["nouvelle"] = recu is None
        if recu is None:
            recu = self.base.execute(p, _execution(corps, finess))
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
        cle, contenu = text(corps, EPU, "CleIdempotence"), _digest(corps)
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
        cle, contenu = text(corps, EPU, "CleIdempotence"), _digest(corps)
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


def _check_texts(corps: Any) -> None:  # noqa: ANN401
    """Refuse control characters in the free texts (§2.4)."""
    for nom in ("Commentaire", "CommentairePrescripteur"):
        for element in corps.iter(f"{{{EPU}}}{nom}"):
            if _CONTROLE.search(raw(element)):
                raise MessageRefuse(f"caractère de contrôle dans {nom}")


def _check_performer(corps: Any, signataire: Signataire) -> None:  # noqa: ANN401
    """Refuse an Executant that is not the signer, or of another profession."""
    executant = corps.find(f"{{{EPU}}}Executant")
    if executant is None:
        return
    if f"8{text(executant, EPU, 'RPPS')}" != signataire.identifiant:
        raise Refus("EPU-030", "L'exécutant n'est pas le signataire de l'assertion")
    if text(executant, EPU, "FINESS") != signataire.finess:
        raise Refus("EPU-030", "L'officine de l'exécutant n'est pas celle de l'assertion")
    profession = text(executant, EPU, "Profession")
    if profession and not _PROFESSION.fullmatch(profession):
        raise Refus("EPU-008", "Profession non habilitée")


def _digest(corps: Any) -> str:  # noqa: ANN401
    return hashlib.sha256(etree.tostring(corps, method="c14n", exclusive=True)).hexdigest()


def _facts(corps: Any) -> dict[str, Any]:  # noqa: ANN401
    faits: dict[str, Any] = {}
    for cle, nom in (
        ("numero", "NumeroPrescription"),
        ("id_execution", "IdExecution"),
        ("cle", "CleIdempotence"),
    ):
        valeur = text(corps, EPU, nom)
        if valeur:
            faits[cle] = valeur[-4:] if cle == "numero" else valeur
    return faits


def _execution(corps: Any, finess: str) -> ExecutionRecue:  # noqa: ANN401
    return ExecutionRecue(
        id=text(corps, EPU, "IdExecution").lower(),
        version=int(text(corps, EPU, "VersionConnue")),
        jeton=text(corps, EPU, "JetonVerrou"),
        remplace=text(corps, EPU, "RemplaceExecution").lower(),
        hors_ligne=text(corps, EPU, "SaisieHorsLigne").strip() in {"true", "1"},
        date=instant(text(corps, EPU, "DateDelivrance").strip()),
        numero_delivrance=int(text(corps, EPU, "NumeroDelivrance")),
        finess=finess,
        lignes=tuple(_line(ligne) for ligne in corps.findall(f"{{{EPU}}}Ligne")),
    )


def _line(ligne: Any) -> LigneRecue:  # noqa: ANN401
    produit = ligne.find(f"{{{EPU}}}Produit")
    return LigneRecue(
        id_ligne=text(ligne, EPU, "IdLigne"),
        resultat=text(ligne, EPU, "Resultat"),
        quantite=Decimal(text(ligne, EPU, "Quantite").strip()),
        unite=text(ligne, EPU, "UniteQuantite"),
        produit=produit is not None,
        cip13=text(produit, EPU, "CIP13"),
        lpp=text(produit, EPU, "LPP"),
        autre_code=any(text(produit, EPU, nom) for nom in ("CIS", "UCD13", "MV")),
        interventions=tuple(
            InterventionRecue(
                text(i, EPU, "Type"),
                text(i, EPU, "Motif"),
                text(i, EPU, "SousMotif"),
                text(i, EPU, "Commentaire"),
            )
            for i in ligne.findall(f"{{{EPU}}}Intervention")
        ),
    )


def _fold(nom: str) -> str:
    """Return a name without case, accents, hyphens, apostrophes."""
    plat = unicodedata.normalize("NFD", nom.upper())
    lettres = "".join(c for c in plat if not unicodedata.combining(c))
    return " ".join(re.sub(r"[-'’]", " ", lettres).split())


def _differs(demande: Any, connu: dict[str, Any]) -> bool:  # noqa: ANN401
    """Tell whether the patient of the sale is another: by matricule, else by traits (§2.5)."""
    if demande is None:
        return False
    matricule = text(demande, EPU, "INS", "Matricule")
    if matricule and connu.get("ins"):
        return bool(matricule != connu["ins"][0])
    naissance, sue = text(demande, EPU, "DateNaissance"), str(connu["naissance"])
    lunaire = any(part in {"00"} for date in (naissance, sue) for part in date.split("-"))
    if (naissance[:4] != sue[:4]) if lunaire else (naissance != sue):
        return True
    for nom, cle in (("Sexe", "sexe"), ("NomNaissance", "nom")):
        dit, su = _fold(text(demande, EPU, nom)), _fold(str(connu.get(cle, "")))
        if dit and su and dit != su:
            return True
    dits, sus = _fold(text(demande, EPU, "Prenoms")), _fold(str(connu.get("prenoms", "")))
    return bool(dits and sus and not (dits.startswith(sus) or sus.startswith(dits)))
