"""A bare client of the simulated services, written from the specification pages alone.

httpx, lxml, signxml and nothing of the product: what it accepts and sends is a second reading
of the specification. The tests of the simulators and the benches use it.
"""

import contextlib
import copy
import json
import os
import ssl
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import XMLSigner

RACINE = Path(__file__).resolve().parents[2]
SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
LPS = "urn:siram:lps:ctxlps"
BAM = "urn:siram:bam:ctxbam"
SIRAM = "urn:siram"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
RV = "http://www.cnamts.fr/INSiRecVit"
RS = "http://www.cnamts.fr/INSiRecSans"
RES = "http://www.cnamts.fr/INSiResultat"
EPU = "urn:sim:epu:1"
TRAITS = "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite"
VITALE = "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecCarteVitale"
FINESS = "752026005"
PORTEUR = "810100000032"


# Processes


class Simulateur:
    """One simulator in a process of its own, and its control API."""

    def __init__(
        self, module: str, dossier: Path, tls: Path, *options: str, calme: bool = False
    ) -> None:
        pret = dossier / f"{module}-{uuid.uuid4().hex}.json"
        commande = [sys.executable, "-m", f"simulators.{module}", "--port", "0"]
        commande += ["--controle-port", "0", "--tls", str(tls), "--pret", str(pret), *options]
        self.processus = subprocess.Popen(
            [*commande, "--calme"] if calme else commande, cwd=RACINE, env=dict(os.environ)
        )
        infos = self._wait(pret)
        self.adresse = f"https://127.0.0.1:{infos['port']}"
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{infos['controle_port']}/controle", trust_env=False
        )

    def _wait(self, pret: Path) -> dict[str, Any]:
        limite = time.monotonic() + 30
        while time.monotonic() < limite:
            if self.processus.poll() is not None:
                raise RuntimeError(f"simulateur arrêté : {self.processus.returncode}")
            with contextlib.suppress(OSError, ValueError):
                infos: dict[str, Any] = json.loads(pret.read_text())
                return infos
            time.sleep(0.02)
        raise TimeoutError(pret)

    def get(self, chemin: str) -> Any:
        """Read the control API."""
        return self.http.get(chemin).raise_for_status().json()

    def post(self, chemin: str, **corps: Any) -> Any:
        """Act through the control API."""
        return self.http.post(chemin, json=corps).raise_for_status().json()

    def humeur(self, nom: str, **options: Any) -> Any:
        """Set the mood."""
        return self.post("/humeur", nom=nom, **options)

    def journal(self) -> list[dict[str, Any]]:
        """Return the journal."""
        entrees: list[dict[str, Any]] = self.get("/journal")["entrees"]
        return entrees

    def stop(self) -> None:
        """Stop the process that was started here."""
        self.http.close()
        self.processus.terminate()
        self.processus.wait(10)


# Answers


@dataclass(frozen=True)
class Recu:
    """An answer: HTTP status, tree, and the code it carries (CodeCR or that of the fault)."""

    statut: int
    octets: bytes
    arbre: Any
    code: str
    faute: bool
    details: dict[str, str] = field(default_factory=dict)

    @property
    def corps(self) -> Any:
        """The one element of the body."""
        return next(e for e in self.arbre.find(f"{{{SOAP}}}Body") if isinstance(e.tag, str))

    def text(self, nom: str) -> str | None:
        """Return the text of the first element of this local name."""
        trouves = self.arbre.xpath("//*[local-name()=$n]", n=nom)
        return trouves[0].text if trouves else None

    def texts(self, nom: str) -> list[str]:
        """Return the texts of every element of this local name."""
        return [e.text for e in self.arbre.xpath("//*[local-name()=$n]", n=nom)]


def read(reponse: httpx.Response) -> Recu:
    """Parse an answer by namespaces, never by prefixes."""
    analyseur = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    arbre = etree.fromstring(reponse.content, analyseur)
    faute = arbre.find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault")
    if faute is None:
        codes = [e.text for e in arbre.iter() if str(e.tag).endswith(("}CodeCR", "}Code"))]
        code = codes[0] if codes else ""
        return Recu(reponse.status_code, reponse.content, arbre, code, faute=False)
    details = {"cote": faute.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Value").split(":")[-1]}
    sous = faute.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Subcode/{{{SOAP}}}Value") or ""
    details["sous_code"] = sous.split(":")[-1]
    detail = faute.find(f"{{{SOAP}}}Detail")
    siram = detail.find(f"{{{SIRAM}}}Erreur")
    if siram is not None:
        details.update(siram.attrib)
    for element in detail.iter():
        if len(element) == 0 and element is not siram:
            details[etree.QName(element).localname.lower()] = element.text
    return Recu(
        reponse.status_code, reponse.content, arbre, details["code"], faute=True, details=details
    )


# Envelopes


def sub(parent: Any, espace: str, nom: str, valeur: str | None = None, **attributs: str) -> Any:
    """Append an element."""
    element = etree.SubElement(parent, f"{{{espace}}}{nom}", attributs)
    element.text = valeur
    return element


def now_z(decalage: timedelta = timedelta(0)) -> str:
    """Return the time in UTC with Z, milliseconds."""
    instant = datetime.now(UTC) + decalage
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def envelope(action: str, emetteur: str, decalage: timedelta = timedelta(0)) -> Any:
    """Return an envelope with its headers and an empty body."""
    racine = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    entete = sub(racine, SOAP, "Header")
    sub(entete, WSA, "Action", action)
    sub(entete, WSA, "MessageID", f"uuid:{uuid.uuid4()}")
    contexte = sub(entete, LPS, "ContexteLPS", Nature="CTXLPS", Version="01_00")
    sub(contexte, LPS, "Id", str(uuid.uuid4()))
    sub(contexte, LPS, "Temps", now_z(decalage))
    sub(contexte, LPS, "Emetteur", emetteur)
    logiciel = sub(contexte, LPS, "LPS")
    sub(logiciel, LPS, "IDAM", "SIMULATEUR01", R="4")
    sub(logiciel, LPS, "Version", "1.0.0")
    sub(logiciel, LPS, "Instance", "c0a8f6e2-0b61-4d39-9a7d-6b8a1f2e3d44")
    sub(logiciel, LPS, "Nom", "urn:lps:client-nu:1.0.0")
    contexte = sub(entete, BAM, "ContexteBAM", Nature="CTXBAM", Version="01_02")
    sub(contexte, BAM, "Id", str(uuid.uuid4()))
    sub(contexte, BAM, "Temps", now_z(decalage))
    sub(contexte, BAM, "Emetteur", emetteur)
    sub(contexte, BAM, "COUVERTURE")
    sub(racine, SOAP, "Body")
    return racine


def header(racine: Any, espace: str, nom: str) -> Any:
    """Return a header block."""
    return racine.find(f"{{{SOAP}}}Header/{{{espace}}}{nom}")


def body(racine: Any) -> Any:
    """Return the Body."""
    return racine.find(f"{{{SOAP}}}Body")


class _Client:
    """What both clients share: TLS, content type, sending."""

    def __init__(self, url: str, tls: Path, certificat: str | None = None) -> None:
        contexte = ssl.create_default_context(cafile=str(tls / "ac-serveurs.pem"))
        if certificat:
            contexte.load_cert_chain(tls / f"{certificat}.pem", tls / f"{certificat}.key")
        self.url = url
        self.http = httpx.Client(verify=contexte, timeout=20, trust_env=False)

    def post(
        self,
        racine: Any,
        *,
        type_contenu: str | None = None,
        entetes: dict[str, str] | None = None,
        delai: float | None = None,
    ) -> httpx.Response:
        """Send an envelope (tree or bytes); the content type carries its wsa:Action."""
        octets = racine if isinstance(racine, bytes) else etree.tostring(racine, encoding="UTF-8")
        if type_contenu is None:
            arbre = etree.fromstring(octets)
            action = arbre.findtext(f"{{{SOAP}}}Header/{{{WSA}}}Action")
            type_contenu = f'application/soap+xml; charset=utf-8; action="{action}"'
        return self.http.post(
            self.url,
            content=octets,
            headers={"Content-Type": type_contenu, **(entetes or {})},
            timeout=httpx.Timeout(20, read=delai or 20),
        )

    def send(self, racine: Any, **options: Any) -> Recu:
        """Send and parse."""
        return read(self.post(racine, **options))

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


class ClientInsi(_Client):
    """INSi by structure certificate (ins.md §3)."""

    def __init__(self, adresse: str, tls: Path, certificat: str | None = "insi-auto") -> None:
        super().__init__(f"{adresse}/lps", tls, certificat)

    def traits_envelope(
        self, nom: str, prenoms: list[str], sexe: str, naissance: str, lieu: str = ""
    ) -> Any:
        """Return the envelope of WS_INS2."""
        racine = envelope(TRAITS, f"1{FINESS}")
        corps = sub(body(racine), RS, "RECSANSVITALE")
        sub(corps, RS, "NomNaissance", nom)
        for prenom in prenoms:
            sub(corps, RS, "Prenom", prenom)
        sub(corps, RS, "Sexe", sexe)
        sub(corps, RS, "DateNaissance", naissance)
        if lieu:
            sub(corps, RS, "LieuNaissance", lieu)
        return racine

    def traits(
        self, nom: str, prenoms: str | list[str], sexe: str, naissance: str, lieu: str = ""
    ) -> Recu:
        """Search by traits."""
        liste = [prenoms] if isinstance(prenoms, str) else prenoms
        return self.send(self.traits_envelope(nom, liste, sexe, naissance, lieu))

    def vitale_envelope(
        self,
        naissance: str,
        *,
        certifie: str = "",
        ouvrant: str = "",
        nom: str = "",
        rang: str = "",
    ) -> Any:
        """Return the envelope of WS_INS1: the card's data, repeated in the coverage."""
        racine = envelope(VITALE, f"1{FINESS}")
        couverture = header(racine, BAM, "ContexteBAM").find(f"{{{BAM}}}COUVERTURE")
        corps = sub(body(racine), RV, "RECVITALE")
        if ouvrant:
            assure = sub(sub(couverture, BAM, "ASSURE"), BAM, "Id")
            sub(assure, BAM, "Num", ouvrant)
        beneficiaire = sub(couverture, BAM, "BENEFICIAIRE")
        if certifie:
            sub(sub(beneficiaire, BAM, "Nir"), BAM, "Num", certifie)
            sub(sub(corps, RV, "MatriculeIndividu"), RV, "NumIdentifiant", certifie)
        if ouvrant:
            sub(sub(corps, RV, "MatriculeOD"), RV, "NumIdentifiant", ouvrant)
        if nom:
            sub(corps, RV, "NomNaissance", nom)
        sub(beneficiaire, BAM, "DateNai", naissance)
        sub(corps, RV, "DateNaissance", naissance)
        if rang:
            sub(beneficiaire, BAM, "Rang", rang)
            sub(corps, RV, "RangNaissance", rang)
        return racine

    def vitale(self, naissance: str, **carte: str) -> Recu:
        """Search by carte Vitale."""
        return self.send(self.vitale_envelope(naissance, **carte))


@dataclass
class Porteur:
    """A professional card on disk: certificate and key of one usage."""

    certificat: x509.Certificate
    cle: Any
    identifiant: str

    @classmethod
    def read(cls, tls: Path, id_nat: str = PORTEUR, usage: str = "sig") -> "Porteur":
        """Read the pair of a card made by simulators.pki."""
        base = tls / "cps" / f"{id_nat.replace('/', '-')}-{usage}"
        certificat = x509.load_pem_x509_certificate(base.with_name(base.name + ".pem").read_bytes())
        cle = serialization.load_pem_private_key(
            base.with_name(base.name + ".key").read_bytes(), None
        )
        return cls(certificat, cle, id_nat)


@dataclass
class Assertion:
    """What goes into a PS assertion; every field may be put wrong."""

    porteur: Porteur
    finess: str = FINESS
    specialite: str = "50"
    sujet: str = ""
    issuer: str = ""
    audience: str = ""
    debut: timedelta = timedelta(seconds=-1)
    duree: timedelta = timedelta(hours=1)
    decalage: timedelta = timedelta(0)
    c14n: CanonicalizationMethod = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
    signature: str = "rsa-sha256"
    empreinte: str = "sha256"

    def unsigned(self) -> Any:
        """Return the element before signature, with the place of the signature."""
        debut = self.debut + self.decalage
        racine = etree.Element(f"{{{SAML}}}Assertion", nsmap={"saml": SAML})
        racine.set("ID", f"_{uuid.uuid4()}")
        racine.set("IssueInstant", now_z(debut))
        racine.set("Version", "2.0")
        sujet = self.sujet or self.porteur.identifiant
        nom = self.issuer or self.porteur.certificat.subject.rfc4514_string()
        issuer = sub(racine, SAML, "Issuer", nom)
        issuer.set("Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName")
        # The prefix must be that of the signer: lxml drops a second one when the element moves.
        etree.SubElement(racine, f"{{{DS}}}Signature", {"Id": "placeholder"}, nsmap={"ds": DS})
        nameid = sub(sub(racine, SAML, "Subject"), SAML, "NameID", sujet)
        nameid.set("NameQualifier", "CPS")
        conditions = sub(racine, SAML, "Conditions")
        conditions.set("NotBefore", now_z(debut))
        conditions.set("NotOnOrAfter", now_z(debut + self.duree))
        if self.audience:
            restriction = sub(conditions, SAML, "AudienceRestriction")
            sub(restriction, SAML, "Audience", self.audience)
        enonce = sub(racine, SAML, "AttributeStatement")
        for nom, valeur in (
            ("identifiantFacturation", self.finess),
            ("codeSpecialiteAMO", self.specialite),
        ):
            if valeur:
                attribut = sub(enonce, SAML, "Attribute", Name=nom)
                sub(attribut, SAML, "AttributeValue", valeur)
        return racine

    def sign(self, element: Any | None = None) -> Any:
        """Return the signed assertion."""
        signeur = XMLSigner(
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=self.signature,
            digest_algorithm=self.empreinte,
            c14n_algorithm=self.c14n,
        )
        element = self.unsigned() if element is None else element
        pem = self.porteur.certificat.public_bytes(serialization.Encoding.PEM).decode()
        return signeur.sign(
            element, key=self.porteur.cle, cert=pem, reference_uri=f"#{element.get('ID')}"
        )


class ClientEpu(_Client):
    """The prescription service by a signed assertion (ordonnance.md §2)."""

    def __init__(
        self, adresse: str, tls: Path, *, id_nat: str = PORTEUR, finess: str = FINESS
    ) -> None:
        super().__init__(f"{adresse}/epu", tls)
        self.porteur = Porteur.read(tls, id_nat)
        self.finess = finess
        self.vues: dict[str, list[str]] = {}

    def wrap(
        self,
        corps: Any,
        assertion: Any | None = None,
        *,
        decalage: timedelta = timedelta(0),
    ) -> Any:
        """Return the envelope around a request element, with a signed assertion."""
        operation = etree.QName(corps).localname.removesuffix("Requete")
        racine = envelope(f"urn:sim-epu:1.0.0:{operation}", self.finess, decalage)
        if assertion is None:
            assertion = Assertion(self.porteur, self.finess, decalage=decalage).sign()
        securite = sub(racine[0], WSSE, "Security")
        securite.append(assertion)
        body(racine).append(copy.deepcopy(corps))
        return racine

    def call(self, corps: Any, **options: Any) -> Recu:
        """Send a request element in a new envelope."""
        return self.send(self.wrap(corps), **options)

    def request(self, operation: str, numero: str) -> Any:
        """Return the start of a request."""
        corps = etree.Element(f"{{{EPU}}}{operation}Requete", nsmap={"epu": EPU})
        sub(corps, EPU, "NumeroPrescription", numero)
        return corps

    def performer(self, corps: Any) -> None:
        """Append the Executant."""
        element = sub(corps, EPU, "Executant")
        sub(element, EPU, "RPPS", self.porteur.identifiant[1:])
        sub(element, EPU, "FINESS", self.finess)

    def consult_request(self, numero: str, beneficiaire: dict[str, str] | None = None) -> Any:
        """Return consulterPrescriptionRequete."""
        corps = self.request("consulterPrescription", numero)
        sub(corps, EPU, "Origine", "SCAN")
        if beneficiaire:
            element = sub(corps, EPU, "Beneficiaire")
            if "Matricule" in beneficiaire:
                ins = sub(element, EPU, "INS")
                for nom in ("Matricule", "Cle", "OID"):
                    sub(ins, EPU, nom, beneficiaire[nom])
            for nom in ("NomNaissance", "Prenoms", "Sexe", "DateNaissance"):
                if nom in beneficiaire:
                    sub(element, EPU, nom, beneficiaire[nom])
        self.performer(corps)
        return corps

    def consult(self, numero: str, beneficiaire: dict[str, str] | None = None) -> Recu:
        """Consult."""
        return self.call(self.consult_request(numero, beneficiaire))

    def open_request(self, numero: str, version: int, cle: str | None = None) -> Any:
        """Return ouvrirExecutionRequete."""
        corps = self.request("ouvrirExecution", numero)
        sub(corps, EPU, "VersionConnue", str(version))
        sub(corps, EPU, "CleIdempotence", cle or str(uuid.uuid4()))
        self.performer(corps)
        return corps

    def open(self, numero: str, version: int) -> Recu:
        """Take the lock."""
        return self.call(self.open_request(numero, version))

    def line(
        self, id_ligne: str, resultat: str = "DELIVRE", quantite: str = "1", **autres: Any
    ) -> Any:
        """Return one line; `autres`: cip13, libelle, unite, interventions, sans_produit."""
        element = etree.Element(f"{{{EPU}}}Ligne", nsmap={"epu": EPU})
        sub(element, EPU, "IdLigneExecutee", str(uuid.uuid4()))
        if id_ligne:
            sub(element, EPU, "IdLigne", id_ligne)
        sub(element, EPU, "Resultat", resultat)
        if resultat != "NON_DELIVRE" and not autres.get("sans_produit"):
            produit = sub(element, EPU, "Produit")
            if autres.get("cip13", "3400935601711"):
                sub(produit, EPU, "CIP13", autres.get("cip13", "3400935601711"))
            sub(produit, EPU, "Libelle", autres.get("libelle", "Produit"))
        sub(element, EPU, "Quantite", quantite)
        if autres.get("unite", "BOITE"):
            sub(element, EPU, "UniteQuantite", autres.get("unite", "BOITE"))
        for intervention in autres.get("interventions", ()):
            bloc = sub(element, EPU, "Intervention")
            for nom in ("Type", "Motif", "SousMotif", "Commentaire"):
                if nom in intervention:
                    sub(bloc, EPU, nom, intervention[nom])
        return element

    def execute_request(self, numero: str, version: int, lignes: list[Any], **autres: Any) -> Any:
        """Return the request; `autres`: id, jeton, cle, remplace, hors_ligne, date, n."""
        corps = self.request("enregistrerExecution", numero)
        sub(corps, EPU, "VersionConnue", str(version))
        sub(corps, EPU, "IdExecution", autres.get("id") or str(uuid.uuid4()))
        if autres.get("jeton"):
            sub(corps, EPU, "JetonVerrou", autres["jeton"])
        sub(corps, EPU, "CleIdempotence", autres.get("cle") or str(uuid.uuid4()))
        if autres.get("remplace"):
            sub(corps, EPU, "RemplaceExecution", autres["remplace"])
        sub(corps, EPU, "ModeTransmission", "PHASE_2")
        hors_ligne = autres.get("hors_ligne", not autres.get("jeton"))
        sub(corps, EPU, "SaisieHorsLigne", "true" if hors_ligne else "false")
        instant = autres.get("date") or datetime.now(UTC)
        sub(corps, EPU, "DateDelivrance", instant.isoformat(timespec="seconds"))
        sub(corps, EPU, "NumeroDelivrance", str(autres.get("n", 0)))
        self.performer(corps)
        sub(corps, EPU, "BeneficiaireConfirme", "true")
        corps.extend(lignes)
        if "commentaire" in autres:
            sub(corps, EPU, "CommentairePrescripteur", autres["commentaire"])
        return corps

    def execute(self, numero: str, version: int, lignes: list[Any], **autres: Any) -> Recu:
        """Record an execution."""
        return self.call(self.execute_request(numero, version, lignes, **autres))

    def cancel_request(self, numero: str, ident: str, cle: str | None = None) -> Any:
        """Return annulerExecutionRequete."""
        corps = self.request("annulerExecution", numero)
        sub(corps, EPU, "IdExecution", ident)
        sub(corps, EPU, "CleIdempotence", cle or str(uuid.uuid4()))
        sub(corps, EPU, "Motif", "FACTURE_ANNULEE")
        self.performer(corps)
        return corps

    def cancel(self, numero: str, ident: str) -> Recu:
        """Cancel an execution."""
        return self.call(self.cancel_request(numero, ident))

    def release(self, numero: str, ident: str, jeton: str) -> Recu:
        """Give the lock back."""
        corps = self.request("libererExecution", numero)
        sub(corps, EPU, "IdExecution", ident)
        sub(corps, EPU, "JetonVerrou", jeton)
        return self.call(corps)

    def close_request(self, numero: str, version: int, cle: str | None = None) -> Any:
        """Return cloturerPrescriptionRequete."""
        corps = self.request("cloturerPrescription", numero)
        sub(corps, EPU, "VersionConnue", str(version))
        sub(corps, EPU, "CleIdempotence", cle or str(uuid.uuid4()))
        sub(corps, EPU, "Motif", "DECES")
        self.performer(corps)
        return corps
