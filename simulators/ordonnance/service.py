"""The six operations of the Ordonnance Numérique service over SOAP 1.2 (ordonnance.md §2)."""

import hashlib
import random
import re
import threading
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from signxml import XMLVerifier
from signxml.exceptions import InvalidInput, InvalidSignature

from simulators.commun.serveur import Reponse, Requete
from simulators.commun.soap import (
    BAM,
    LPS,
    WSA,
    WSSE,
    Message,
    MessageRefuse,
    envelope,
    fault,
    parse,
    text,
)
from simulators.ordonnance.donnees import Ligne, Prescription
from simulators.ordonnance.etat import TECHNIQUES, Base, Refus

EPU = "urn:sim:epu:1"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
XSD = Path(__file__).with_name("epu-simulateur.xsd")
IDAM_CONNUS = {"SIMULATEUR01"}
PARIS = ZoneInfo("Europe/Paris")
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
_EXECUTANTS = re.compile(r"^G15_21|^G15_70|^$")


class ServiceEpu:
    """Answers from the request and the base."""

    nom = "Ordonnance Numérique"

    def __init__(self, hasard: random.Random, tls: Path, *, calme: bool) -> None:
        self.hasard = hasard
        self.calme = calme
        self.base = Base()
        self.schema = etree.XMLSchema(etree.parse(XSD))
        self.autorite = x509.load_pem_x509_certificate((tls / "ac-cps.pem").read_bytes())
        self.vus: set[str] = set()
        self.verrou = threading.RLock()

    def oublier(self) -> None:
        """Go back to the start data."""
        self.base.oublier()
        self.vus.clear()

    def identites(self) -> int:
        """Return how many prescriptions are known."""
        return len(self.base.prescriptions)

    # Control

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """Prescriptions, events, clock, recorded executions."""
        routes = {
            ("GET", "/controle/ordonnances"): self._c_list,
            ("POST", "/controle/evenement"): self._c_event,
            ("POST", "/controle/horloge"): self._c_clock,
            ("GET", "/controle/executions"): self._c_executions,
        }
        with self.verrou:
            return routes[(methode, chemin)](corps)

    def _c_list(self, _corps: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "numero": p.numero,
                "pourquoi": p.pourquoi,
                "statut": self.base.base_status(p),
                "version": p.version,
                "patient": f"{p.beneficiaire['nom']} {p.beneficiaire['prenoms'].split()[0]}",
                "lignes": [
                    {"libelle": ligne.faits["libelle"], "cip13": ligne.faits.get("cip13", "")}
                    for ligne in p.lignes
                ],
            }
            for p in self.base.prescriptions.values()
        ]

    def _c_event(self, corps: dict[str, Any]) -> dict[str, Any]:
        p = self.base.prescriptions[str(corps["numero"])]
        evenement = str(corps["evenement"])
        if evenement == "annuler":
            p.annulee = self.base.now()
        elif evenement in {"bloquer", "debloquer"}:
            p.bloquee = evenement == "bloquer"
        elif evenement == "expirer":
            p.fin = self.base.now() - timedelta(seconds=1)
        elif evenement == "verrou_ailleurs":
            p.verrou = {
                "finess": "130099991",
                "jeton": "x",
                "id": "x",
                "expire": self.base.now() + timedelta(minutes=30),
            }
        elif evenement == "execution_ailleurs":
            ligne = p.lignes[0]
            p.executions[f"2d5e1c90-7c0e-4d0a-9c37-6f5b2a8d4e{len(p.executions):02d}"] = {
                "finess": "130099991",
                "date": self.base.now(),
                "numero_delivrance": 0,
                "annulee": False,
                "lignes": [(ligne.id, "DELIVRE", float(ligne.faits.get("quantite") or 1))],
            }
        else:
            raise ValueError("evenement inconnu")
        p.version += 1
        return {"version": p.version}

    def _c_clock(self, corps: dict[str, Any]) -> dict[str, Any]:
        self.base.decalage = timedelta(seconds=float(corps["decalage_s"]))
        return {"maintenant": self.base.now().isoformat()}

    def _c_executions(self, _corps: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "numero": p.numero,
                "id_execution": ident,
                "annulee": e["annulee"],
                "finess": e["finess"],
                "numero_delivrance": e["numero_delivrance"],
                "lignes": [list(ligne) for ligne in e["lignes"]],
            }
            for p in self.base.prescriptions.values()
            for ident, e in p.executions.items()
        ]

    # Requests

    def traiter(self, requete: Requete) -> Reponse:
        """Answer one request; nothing but the signed element and the body is believed."""
        message_id, operation = "", ""
        faits: dict[str, Any] = {}
        try:
            message = parse(requete.corps)
            message_id = text(message.header(WSA, "MessageID"), "")
            operation = OPERATIONS.get(etree.QName(message.corps).localname, "")
            faits = _facts(message.corps)
            with self.verrou:
                if requete.bizarre and self.hasard.random() < 0.05:
                    raise Refus("EPU-091", "Service saturé", "3")
                self._check(message, requete, operation, message_id)
                corps = getattr(self, f"_o_{operation}")(message.corps, requete, faits)
            octets = envelope(corps, None if self.calme else self.hasard)
            return Reponse(200, octets, "00", operation, message_id, faits)
        except MessageRefuse as exc:
            return self._fault(
                Refus("EPU-020", f"Message invalide ({exc})"), operation, message_id, faits
            )
        except Refus as exc:
            return self._fault(exc, operation, message_id, faits)

    def _check(self, message: Message, requete: Requete, operation: str, message_id: str) -> None:
        if not operation or etree.QName(message.corps).namespace != EPU:
            raise Refus("EPU-020", "Opération inconnue")
        action = f"urn:sim-epu:1.0.0:{operation}"
        if (
            text(message.header(WSA, "Action"), "") != action
            or f'action="{action}"' not in requete.type_contenu
        ):
            raise Refus("EPU-020", "Action incohérente")
        if not re.match(r"^uuid:[0-9a-fA-F-]{36}$", message_id) or message_id in self.vus:
            raise Refus("EPU-020", "MessageID absent ou rejoué")
        self.vus.add(message_id)
        numero = text(message.corps, EPU, "NumeroPrescription")
        if not re.match(r"^[0-9A-Z]{18}$", numero):
            raise Refus("EPU-002", "Numéro mal formé")
        if not self.schema.validate(message.corps):
            erreurs = self.schema.error_log
            raise Refus(
                "EPU-020", f"Message hors schéma, ligne {erreurs[0].line if erreurs else 0}"
            )
        finess = self._check_assertion(message)
        self._check_contexts(message, finess)

    def _check_assertion(self, message: Message) -> str:
        """Return the FINESS of the verified assertion; EPU-030 for anything wrong."""
        securite = message.header(WSSE, "Security")
        assertions = securite.findall(f"{{{SAML}}}Assertion") if securite is not None else []
        if len(assertions) != 1:
            raise Refus("EPU-030", "Assertion absente")
        signee, certificat = self._verified(assertions[0])
        maintenant = datetime.now(UTC)
        conditions = signee.find(f"{{{SAML}}}Conditions")
        if conditions is None:
            raise Refus("EPU-030", "Assertion sans validité")
        debut, fin = (_instant(conditions.get(nom, "")) for nom in ("NotBefore", "NotOnOrAfter"))
        if not debut - timedelta(minutes=5) <= maintenant < fin:
            raise Refus("EPU-030", "Assertion expirée")
        sujet = text(signee, SAML, "Subject", "NameID")
        cn = certificat.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        executant = message.corps.find(f"{{{EPU}}}Executant")
        attributs = {
            a.get("Name"): text(a, SAML, "AttributeValue")
            for a in signee.iter(f"{{{SAML}}}Attribute")
        }
        if sujet != cn or attributs.get("codeSpecialiteAMO") != "50":
            raise Refus("EPU-030", "Assertion incohérente")
        finess = attributs.get("identifiantFacturation") or ""
        if executant is not None:
            if (
                "8" + text(executant, EPU, "RPPS") != sujet
                or text(executant, EPU, "FINESS") != finess
            ):
                raise Refus("EPU-030", "Exécutant différent de l'assertion")
            if not _EXECUTANTS.match(text(executant, EPU, "Profession")):
                raise Refus("EPU-008", "Profession non habilitée")
        return finess

    def _verified(self, assertion: Any) -> tuple[Any, x509.Certificate]:  # noqa: ANN401
        """Return the element whose signature was verified, and the signer's certificate."""
        try:
            brut = (
                assertion.findtext(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate") or ""
            )
            certificat = x509.load_pem_x509_certificate(
                f"-----BEGIN CERTIFICATE-----\n{brut.strip()}\n-----END CERTIFICATE-----".encode()
            )
            self._check_chain(certificat)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                resultat = XMLVerifier().verify(
                    etree.tostring(assertion),
                    x509_cert=brut.strip(),
                    id_attribute="ID",
                    ignore_ambiguous_key_info=True,
                )
        except (InvalidSignature, InvalidInput, ValueError, etree.XMLSyntaxError) as exc:
            raise Refus("EPU-030", "Signature de l'assertion refusée") from exc
        unique = resultat[0] if isinstance(resultat, list) else resultat
        signee = unique.signed_xml
        if (
            signee is None
            or signee.tag != f"{{{SAML}}}Assertion"
            or signee.get("ID") != assertion.get("ID")
        ):
            raise Refus("EPU-030", "La signature ne couvre pas l'assertion")
        return signee, certificat

    def _check_chain(self, certificat: x509.Certificate) -> None:
        from cryptography.exceptions import InvalidSignature as Fausse

        publique = self.autorite.public_key()
        assert isinstance(publique, ec.EllipticCurvePublicKey)  # noqa: S101
        assert certificat.signature_hash_algorithm is not None  # noqa: S101
        try:
            publique.verify(
                certificat.signature,
                certificat.tbs_certificate_bytes,
                ec.ECDSA(certificat.signature_hash_algorithm),
            )
        except Fausse as exc:
            raise Refus("EPU-030", "Certificat d'une autre autorité") from exc
        maintenant = datetime.now(UTC)
        if not certificat.not_valid_before_utc <= maintenant <= certificat.not_valid_after_utc:
            raise Refus("EPU-030", "Certificat expiré")
        usage = certificat.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.content_commitment:
            raise Refus("EPU-030", "Certificat qui ne signe pas")

    def _check_contexts(self, message: Message, finess: str) -> None:
        for espace, nom, version, nature in (
            (BAM, "ContexteBAM", "01_02", "CTXBAM"),
            (LPS, "ContexteLPS", "01_00", "CTXLPS"),
        ):
            contexte = message.header(espace, nom)
            if (
                contexte is None
                or contexte.get("Version") != version
                or contexte.get("Nature") != nature
            ):
                raise Refus("EPU-020", f"{nom} absent ou de version inconnue")
            if text(contexte, espace, "Emetteur") != finess:
                raise Refus("EPU-030", f"{nom} : émetteur différent de l'assertion")
            if abs(_instant(text(contexte, espace, "Temps")) - datetime.now(UTC)) > timedelta(
                minutes=5
            ):
                raise Refus("EPU-030", f"{nom} : horloge décalée")
        idam = message.header(LPS, "ContexteLPS").find(f"{{{LPS}}}LPS/{{{LPS}}}IDAM")
        if idam is None or idam.get("R") != "4" or idam.text not in IDAM_CONNUS:
            raise Refus("EPU-031", "Logiciel non reconnu")

    # Operations

    def _o_consulterPrescription(self, corps: Any, requete: Requete, _faits: dict[str, Any]) -> Any:  # noqa: ANN401, N802
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        finess = text(corps, EPU, "Executant", "FINESS")
        statut = self.base.base_status(p)
        if statut == "ANNULEE":
            raise Refus(
                "EPU-003", "Prescription annulée par le prescripteur", f"{p.annulee:%Y-%m-%d}"
            )
        if statut == "BLOQUEE":
            raise Refus("EPU-019", "Prescription bloquée par l'Assurance Maladie")
        reponse = _reply("consulterPrescription")
        if _differs(corps.find(f"{{{EPU}}}Beneficiaire"), p.beneficiaire):
            avertissement = etree.SubElement(reponse, f"{{{EPU}}}Avertissement")
            _sub(avertissement, "Code", "EPU-007")
            _sub(avertissement, "Libelle", "Bénéficiaire différent")
        reponse.append(self._prescription(p, finess, bizarre=requete.bizarre))
        return reponse

    def _prescription(self, p: Prescription, finess: str, *, bizarre: bool) -> Any:  # noqa: ANN401
        element = etree.Element(f"{{{EPU}}}Prescription", nsmap={"epu": EPU})
        _sub(element, "Numero", p.numero)
        _sub(element, "Version", str(p.version))
        _sub(element, "Statut", self.base.status(p, finess))
        _sub(element, "DatePrescription", p.date.date().isoformat())
        _sub(element, "DebutValidite", self._stamp(p.date))
        if p.fin:
            _sub(element, "FinValidite", self._stamp(p.fin))
        for genre in p.types:
            _sub(element, "Type", genre)
        _sub(element, "RetourPrescripteurAutorise", "true")
        _beneficiary(element, p.beneficiaire)
        _prescriber(element, p.prescripteur)
        lignes = list(p.lignes)
        if not self.calme:
            self.hasard.shuffle(lignes)
        for ligne in lignes:
            self._line(element, p, ligne)
        for ident, execution in p.executions.items():
            _past(element, ident, execution)
        if bizarre:
            etree.SubElement(element, f"{{{EPU}}}ChampInconnu").text = "à ignorer & sans danger"
        condense = hashlib.sha256(etree.tostring(element, method="c14n")).hexdigest()
        _sub(element, "EmpreinteSHA256", condense)
        return element

    def _stamp(self, instant: datetime) -> str:
        if self.calme or self.hasard.random() < 0.5:
            return instant.astimezone(PARIS).isoformat(timespec="seconds")
        return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _line(self, parent: Any, p: Prescription, ligne: Ligne) -> None:  # noqa: ANN401
        f = ligne.faits
        statut, completes = self.base.line_status(p, ligne)
        element = etree.SubElement(parent, f"{{{EPU}}}Ligne")
        minuscule = not self.calme and self.hasard.random() < 0.5
        _sub(element, "IdLigne", ligne.id.lower() if minuscule else ligne.id)
        _sub(element, "Rang", str(ligne.rang))
        _sub(element, "Nature", f.get("nature", "MEDICAMENT"))
        _sub(element, "Statut", statut)
        produit = etree.SubElement(element, f"{{{EPU}}}Produit")
        for nom, cle in (
            ("CIS", "cis"),
            ("CIP13", "cip13"),
            ("LPP", "lpp"),
            ("ATC", "atc"),
            ("Libelle", "libelle"),
            ("DCI", "dci"),
        ):
            if f.get(cle):
                _sub(produit, nom, f[cle])
        duree = int(f.get("duree", 30))
        _sub(element, "PosologieTexte", f["posologie"])
        _sub(element, "DebutTraitement", p.date.date().isoformat())
        _sub(element, "FinTraitement", (p.date + timedelta(days=duree - 1)).date().isoformat())
        _sub(element, "DureeJours", str(duree))
        if f.get("unites"):
            _sub(element, "UnitesParJour", f["unites"])
        _sub(element, "QuantitePrescrite", str(f["quantite"]))
        _sub(element, "UniteQuantite", "BOITE")
        if ligne.renouvellements is not None:
            _sub(element, "RenouvellementsPrevus", str(ligne.renouvellements))
        _sub(element, "DelivrancesEffectuees", str(completes))
        if "substituable" in f:
            _sub(element, "Substituable", "true" if f["substituable"] else "false")
        if f.get("motif"):
            _sub(element, "MotifNonSubstituable", f["motif"])
        for nom, valeur in (
            ("ALD", f.get("ald", False)),
            ("ATMP", False),
            ("Prevention", False),
            ("NonRemboursable", False),
        ):
            _sub(element, nom, "true" if valeur else "false")
        if f.get("instruction"):
            _sub(element, "InstructionPatient", f["instruction"])

    def _o_ouvrirExecution(self, corps: Any, _requete: Requete, faits: dict[str, Any]) -> Any:  # noqa: ANN401, N802
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        cle, contenu = text(corps, EPU, "CleIdempotence"), _digest(corps)
        verrou = self.base.once(cle, contenu)
        if verrou is None:
            version = int(text(corps, EPU, "VersionConnue"))
            verrou = dict(self.base.open(p, text(corps, EPU, "Executant", "FINESS"), version))
            self.base.cles[cle.lower()] = (contenu, verrou)
        faits["verrou"] = True
        reponse = _reply("ouvrirExecution")
        _sub(reponse, "IdExecution", verrou["id"])
        _sub(reponse, "JetonVerrou", verrou["jeton"])
        _sub(reponse, "ExpireLe", self._stamp(verrou["expire"]))
        return reponse

    def _o_enregistrerExecution(self, corps: Any, _requete: Requete, faits: dict[str, Any]) -> Any:  # noqa: ANN401, N802
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        cle, contenu = text(corps, EPU, "CleIdempotence"), _digest(corps)
        recu = self.base.once(cle, contenu)
        faits["nouvelle"] = recu is None
        if recu is None:
            recu = self.base.execute(p, _execution(corps))
            self.base.cles[cle.lower()] = (contenu, recu)
        reponse = _reply("enregistrerExecution")
        _sub(reponse, "AccuseReception", recu["accuse"])
        _sub(reponse, "Horodatage", self._stamp(recu["horodatage"]))
        _sub(reponse, "Rejeu", "false" if faits["nouvelle"] else "true")
        _sub(reponse, "Version", str(recu["version"]))
        _sub(reponse, "StatutPrescription", self.base.base_status(p))
        for ligne in p.lignes:
            statut = etree.SubElement(reponse, f"{{{EPU}}}StatutLigne")
            statut.set("idLigne", ligne.id)
            statut.text = self.base.line_status(p, ligne)[0]
        return reponse

    def _o_annulerExecution(self, corps: Any, _requete: Requete, _faits: dict[str, Any]) -> Any:  # noqa: ANN401, N802
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        cle, contenu = text(corps, EPU, "CleIdempotence"), _digest(corps)
        if self.base.once(cle, contenu) is None:
            self.base.cancel(
                p, text(corps, EPU, "IdExecution").lower(), text(corps, EPU, "Executant", "FINESS")
            )
            self.base.cles[cle.lower()] = (contenu, {})
        reponse = _reply("annulerExecution")
        _sub(reponse, "Version", str(p.version))
        _sub(reponse, "StatutPrescription", self.base.base_status(p))
        return reponse

    def _o_libererExecution(self, corps: Any, _requete: Requete, _faits: dict[str, Any]) -> Any:  # noqa: ANN401, N802
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        if p.verrou and p.verrou["jeton"] == text(corps, EPU, "JetonVerrou"):
            p.verrou = None
        return _reply("libererExecution")

    def _o_cloturerPrescription(self, corps: Any, _requete: Requete, _faits: dict[str, Any]) -> Any:  # noqa: ANN401, N802
        p = self.base.get(text(corps, EPU, "NumeroPrescription"))
        self.base.check_living(p, text(corps, EPU, "Executant", "FINESS"))
        p.cloturee = True
        p.version += 1
        reponse = _reply("cloturerPrescription")
        _sub(reponse, "StatutPrescription", self.base.base_status(p))
        return reponse

    def _fault(
        self, refus: Refus, operation: str, message_id: str, faits: dict[str, Any]
    ) -> Reponse:
        erreur = etree.Element(f"{{{EPU}}}Erreur", nsmap={"epu": EPU})
        technique = refus.code in TECHNIQUES
        _sub(erreur, "Code", refus.code)
        _sub(erreur, "Libelle", refus.libelle)
        _sub(erreur, "Gravite", "TECHNIQUE" if technique else "BLOQUANT")
        _sub(
            erreur,
            "Reessayable",
            "true" if refus.code in {"EPU-006", "EPU-090", "EPU-091"} else "false",
        )
        if refus.detail:
            _sub(erreur, "Detail", refus.detail)
        cote = "Receiver" if refus.code.startswith("EPU-09") else "Sender"
        octets = fault(cote, "", refus.libelle, erreur, None if self.calme else self.hasard)
        return Reponse(500, octets, refus.code, operation, message_id, faits)


def _reply(operation: str) -> Any:  # noqa: ANN401
    reponse = etree.Element(f"{{{EPU}}}{operation}Reponse", nsmap={"epu": EPU})
    cr = etree.SubElement(reponse, f"{{{EPU}}}CR")
    _sub(cr, "CodeCR", "00")
    _sub(cr, "LibelleCR", "OK")
    return reponse


def _sub(parent: Any, nom: str, valeur: str) -> Any:  # noqa: ANN401
    element = etree.SubElement(parent, f"{{{EPU}}}{nom}")
    element.text = valeur
    return element


def _instant(brut: str) -> datetime:
    try:
        lu = datetime.fromisoformat(brut.replace("Z", "+00:00"))
    except ValueError as exc:
        raise Refus("EPU-020", "Date illisible") from exc
    if lu.tzinfo is None:
        raise Refus("EPU-020", "Date sans fuseau")
    return lu


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


def _execution(corps: Any) -> dict[str, Any]:  # noqa: ANN401
    lignes = []
    for ligne in corps.findall(f"{{{EPU}}}Ligne"):
        interventions = [text(i, EPU, "Type") for i in ligne.findall(f"{{{EPU}}}Intervention")]
        lignes.append(
            (
                text(ligne, EPU, "IdLigne"),
                text(ligne, EPU, "Resultat"),
                float(text(ligne, EPU, "Quantite")),
                interventions,
            )
        )
    return {
        "id": text(corps, EPU, "IdExecution").lower(),
        "version": int(text(corps, EPU, "VersionConnue")),
        "jeton": text(corps, EPU, "JetonVerrou"),
        "remplace": text(corps, EPU, "RemplaceExecution").lower(),
        "hors_ligne": text(corps, EPU, "SaisieHorsLigne") == "true",
        "date": _instant(text(corps, EPU, "DateDelivrance")),
        "numero_delivrance": int(text(corps, EPU, "NumeroDelivrance")),
        "finess": text(corps, EPU, "Executant", "FINESS"),
        "lignes": lignes,
    }


def _differs(demande: Any, connu: dict[str, Any]) -> bool:  # noqa: ANN401
    if demande is None:
        return False
    matricule = text(demande, EPU, "INS", "Matricule")
    if matricule and connu.get("ins"):
        return bool(matricule != connu["ins"][0])
    return text(demande, EPU, "DateNaissance") != connu["naissance"]


def _beneficiary(parent: Any, qui: dict[str, Any]) -> None:  # noqa: ANN401
    element = etree.SubElement(parent, f"{{{EPU}}}Beneficiaire")
    if qui.get("ins"):
        ins = etree.SubElement(element, f"{{{EPU}}}INS")
        for nom, valeur in zip(("Matricule", "Cle", "OID"), qui["ins"], strict=True):
            _sub(ins, nom, valeur)
    for nom, cle in (
        ("NomNaissance", "nom"),
        ("Prenoms", "prenoms"),
        ("Sexe", "sexe"),
        ("DateNaissance", "naissance"),
        ("LieuNaissance", "lieu"),
    ):
        if qui.get(cle):
            _sub(element, nom, qui[cle])


def _prescriber(parent: Any, qui: dict[str, Any]) -> None:  # noqa: ANN401
    element = etree.SubElement(parent, f"{{{EPU}}}Prescripteur")
    for nom, cle in (
        ("RPPS", "rpps"),
        ("FINESS", "finess"),
        ("Nom", "nom"),
        ("Prenom", "prenom"),
        ("Profession", "profession"),
        ("Telephone", "telephone"),
    ):
        _sub(element, nom, qui[cle])


def _past(parent: Any, ident: str, execution: dict[str, Any]) -> None:  # noqa: ANN401
    element = etree.SubElement(parent, f"{{{EPU}}}Execution")
    _sub(element, "IdExecution", ident)
    _sub(
        element, "DateDelivrance", execution["date"].astimezone(PARIS).isoformat(timespec="seconds")
    )
    _sub(element, "FINESS", execution["finess"])
    _sub(element, "NumeroDelivrance", str(execution["numero_delivrance"]))
    _sub(element, "Annulee", "true" if execution["annulee"] else "false")
    for id_ligne, resultat, quantite in execution["lignes"]:
        if not id_ligne:
            continue
        ligne = etree.SubElement(element, f"{{{EPU}}}Ligne")
        _sub(ligne, "IdLigne", id_ligne)
        _sub(ligne, "Resultat", resultat)
        _sub(ligne, "Quantite", f"{quantite:g}")
