"""JSON doors for the page and the agent: tokens, nonces, readings, signatures, scans."""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import replace
from typing import Any

from rest_framework import exceptions, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView, exception_handler

from agent.protocol.classification import lire_code
from pharmacy import audit, contrat_agent
from pharmacy.acteurs import Acteur, peut
from pharmacy.codes import Scan, route_scan
from pharmacy.corps import CorpsJson
from pharmacy.http import note_refusal, read_id
from pharmacy.models import Poste, Vente
from pharmacy.motifs import motifs_en_vigueur
from pharmacy.postes import cles, services, signatures
from pharmacy.selectors.produit import produit_libelle
from pharmacy.services import lecture
from pharmacy.services.vente import VenteRefusee
from pharmacy.suites import Suite

TEXTE_MAX = 8192


class ActeurHabilite(BasePermission):
    """An operator is signed in, the session is not locked, and their role holds the right."""

    message = "Votre session est fermée ou verrouillée. Identifiez-vous."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether there is an actor; PermissionError, with its sentence, without the right."""
        acteur: Acteur | None = getattr(request._request, "acteur", None)  # noqa: SLF001
        if acteur is None:
            return False
        decision = peut(acteur, view.droit)  # type: ignore[attr-defined]
        if not decision.ok:
            raise PermissionError(f"{decision.phrase} {decision.geste}".strip())
        return True


PHRASES = {
    401: ActeurHabilite.message,
    403: ActeurHabilite.message,
    429: "Trop de lectures à la fois : vérifiez l'appareil, attendez quelques secondes.",
}


def build_error_reply(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return every refusal as a Suite: a sentence, a tone, a stable code."""
    if isinstance(exc, services.LectureRefusee | signatures.SignatureRefusee | VenteRefusee):
        suite = Suite(exc.phrase, "alerte", code=exc.code)
        return Response(suite.as_dict(), status=status.HTTP_409_CONFLICT)
    if isinstance(exc, PermissionError):
        note_refusal(context["request"]._request, getattr(context["view"], "droit", None))  # noqa: SLF001
        return Response(Suite(str(exc), "alerte", code="DROIT").as_dict(), status=403)
    reponse = exception_handler(exc, context)
    if reponse is not None:
        code = reponse.status_code
        phrase = PHRASES.get(code, "Demande mal formée.")
        reponse.data = Suite(phrase, "alerte", code=f"HTTP-{code}").as_dict()
    return reponse


class VueAgent(APIView):
    """Base: the actor, the poste and the session of the request; `droit` is the right it needs."""

    permission_classes = [ActeurHabilite]
    parser_classes = [CorpsJson]
    droit = "vente"

    @property
    def acteur(self) -> Acteur:
        """The signed-in actor (the permission proved it)."""
        acteur: Acteur = self.request._request.acteur  # type: ignore[attr-defined]  # noqa: SLF001
        return acteur

    @property
    def poste(self) -> Poste:
        """The workstation of this browser, with a paired agent."""
        poste: Poste | None = self.request._request.poste  # type: ignore[attr-defined]  # noqa: SLF001
        if poste is None or poste.etat != Poste.Etat.ASSOCIE:
            raise services.LectureRefusee("poste_sans_agent", "Ce poste n'a pas d'agent associé.")
        return poste

    @property
    def sid(self) -> str:
        """Digest of the web session."""
        return services.session_hash(self.request._request.session.session_key)  # noqa: SLF001

    @property
    def corps(self) -> dict[str, Any]:
        """The body of the request; ParseError (400) when it is not an object."""
        corps = self.request.data
        if not isinstance(corps, dict):
            raise exceptions.ParseError("corps")
        return corps

    def vente(self, brut: object) -> Vente | None:
        """Return the sale named by the page, in this officine only."""
        return Vente.objects.filter(pk=read_id(brut), officine_id=self.acteur.officine_id).first()

    def text(self, nom: str, maximum: int = TEXTE_MAX) -> str:
        """Return a text field of the body; ParseError when absent, too long, or with a NUL."""
        valeur = self.raw_text(nom, maximum)
        if "\0" in valeur:
            raise exceptions.ParseError(nom)
        return valeur

    def raw_text(self, nom: str, maximum: int) -> str:
        """Return a text field whatever it holds: what a device read may hold a NUL."""
        valeur = self.corps.get(nom)
        if not isinstance(valeur, str) or len(valeur) > maximum:
            raise exceptions.ParseError(nom)
        return valeur

    def octets(self, nom: str) -> bytes:
        """Return a base64 field as bytes."""
        try:
            return b64decode(self.text(nom, 20_000), validate=True)
        except (Base64Error, ValueError) as exc:
            raise exceptions.ParseError(nom) from exc


class Jetons(VueAgent):
    """POST: a token for the connection of this page to its agent."""

    droit = "session"

    @contrat_agent.JETONS
    def post(self, _request: Request) -> Response:
        """Answer a token bound to the challenge. 409 when the agent is another poste's."""
        if self.text("wid", 40) != self.poste.wid:
            raise services.LectureRefusee("autre_poste", "Cet agent est celui d'un autre poste.")
        jeton, expire = services.issue_token(
            self.acteur,
            self.poste,
            sid=self.sid,
            challenge=self.text("challenge", 100),
            essai=self.corps.get("essai") is True,
        )
        return Response({"token": jeton, "expires_at": expire.isoformat()})


class Presence(VueAgent):
    """POST: the agent's proof that it holds the workstation's key."""

    droit = "session"

    @contrat_agent.PRESENCE
    def post(self, _request: Request) -> Response:
        """Mark the poste alive; 409 when the proof is not its own."""
        try:
            services.note_presence(self.poste, self.text("proof"), sid=self.sid)
        except cles.JetonRefuse as exc:
            raise services.LectureRefusee(
                "preuve", "L'agent de ce poste n'est pas reconnu."
            ) from exc
        return Response(status=status.HTTP_204_NO_CONTENT)


class Nonces(VueAgent):
    """POST: one number for one reading."""

    @contrat_agent.NONCES
    def post(self, _request: Request) -> Response:
        """Answer a nonce; 400 for an unknown operation."""
        operation = self.text("op", 20)
        if operation not in services.OPERATIONS:
            raise exceptions.ParseError("op")
        nonce = services.issue_nonce(self.acteur, self.poste, sid=self.sid, operation=operation)
        return Response({"nonce": nonce})


class Lectures(VueAgent):
    """POST: what a card said, with the agent's receipt."""

    @contrat_agent.LECTURES
    def post(self, request: Request) -> Response:
        """Believe it only if the receipt proves it, then send it where it belongs."""
        operation = self.text("op", 20)
        if operation not in lecture.ROUTES:
            raise exceptions.ParseError("op")
        lue = services.verify_reading(
            self.acteur,
            self.poste,
            sid=self.sid,
            operation=operation,
            data=self.corps.get("data"),
            receipt=self.text("receipt", 20_000),
        )
        suite = lecture.lecture_route(self.acteur, self.vente(self.corps.get("vente")), lue)
        if operation == "cps.situations" and self.request._request.session.pop(  # noqa: SLF001
            lecture.SITUATION_URL, None
        ):
            suite = replace(suite, dialogue=lecture.SITUATION_URL)
        # Who tries a reader stays on the page of the trial, which shows the receipt.
        if suite.aller and request.META.get("HTTP_REFERER", "").endswith("/essai/"):
            suite = Suite("Carte lue.")
        return Response(suite.as_dict())


class CarteRetiree(VueAgent):
    """POST: the carte Vitale left the reader."""

    @contrat_agent.CARTE_RETIREE
    def post(self, _request: Request) -> Response:
        """Forget that a card is in the reader."""
        vente = self.vente(self.corps.get("vente"))
        if vente is not None:
            lecture.note_card_removed(self.acteur, vente.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SignaturePreparer(VueAgent):
    """POST: ask for a signature by the operator's card."""

    @contrat_agent.PREPARER
    def post(self, _request: Request) -> Response:
        """Answer the request the agent will show; 400 for an unknown service."""
        try:
            jti, demande = signatures.prepare(
                self.acteur, self.poste, self.text("service", 20), self.octets("certificat_b64")
            )
        except KeyError as exc:
            raise exceptions.ParseError("service") from exc
        return Response({"id": jti, "request": demande})


class SignatureTerminer(VueAgent):
    """POST: the card's signature, with the agent's receipt."""

    @contrat_agent.TERMINER
    def post(self, _request: Request) -> Response:
        """Close the request; what waited for this signature leaves now."""
        demande = self.text("id", 64)
        items = self.corps.get("signatures")
        if not (isinstance(items, list) and len(items) == 1 and isinstance(items[0], dict)):
            raise exceptions.ParseError("signatures")
        try:
            signature = b64decode(str(items[0].get("sig_b64") or ""), validate=True)
        except (Base64Error, ValueError) as exc:
            raise exceptions.ParseError("signatures") from exc
        certificat = self.octets("certificate_b64")
        services.keep_sign_receipt(
            self.acteur,
            self.poste,
            sid=self.sid,
            demande=demande,
            items=items,
            receipt=self.text("receipt", 20_000),
        )
        phrase = signatures.complete(self.acteur, self.poste, demande, signature, certificat)
        lire = lecture.situations_wanted(self.acteur)
        return Response(Suite(phrase, lire=lire).as_dict())


_NOMS = {
    "ordonnance": "une Ordonnance Numérique",
    "gs1": "une boîte de médicament",
    "ean13": "un produit",
    "acl7": "un produit",
    "ins_datamatrix": "un code d'identité (INS)",
    "apcv": "une appli carte Vitale",
    "2ddoc": "un document 2D-Doc",
    "attestation_amc": "une attestation de mutuelle",
    "badge": "un badge",
    "url": "une adresse internet",
}


def held_suite(classe: str) -> Suite:
    """Name a scan that came while a person was answering for something; it is not used yet."""
    nom = _NOMS.get(classe, "un code non reconnu")
    return Suite(f"Code lu, gardé : {nom}. Répondez d'abord à la fenêtre.", "attention")


class Rafale(SimpleRateThrottle):
    """Thirty scans a second per session: beyond, a device is faulty."""

    rate = "1800/min"

    def get_cache_key(self, request: Request, _view: APIView) -> str:
        """Return one counter per session."""
        return f"scan:{request._request.session.session_key}"  # noqa: SLF001


class Scans(VueAgent):
    """POST: a code read by a device (through the agent or the page), or typed."""

    throttle_classes = [Rafale]

    @contrat_agent.SCANS
    def post(self, _request: Request) -> Response:
        """Classify it here (the page's opinion does not count) and send it where it belongs."""
        canal = self.text("canal", 10)
        if canal not in {"scan", "clavier", "saisie"}:
            raise exceptions.ParseError("canal")
        code = lire_code(
            self.raw_text("text", 5000), canal, motifs_en_vigueur(), nom_produit=produit_libelle
        )
        vente = self.vente(self.corps.get("vente"))
        try:
            if self.corps.get("garder"):
                return Response(held_suite(code.classe).as_dict())
            suite = route_scan(
                Scan(self.acteur, vente, code, canal, bool(self.corps.get("ordonnance")))
            )
        finally:
            # Whatever came of it; who is at the counter does not wait for this line.
            audit.note(self.acteur, "scan", f"classe:{code.classe}", resultat=code.suite)
        return Response(suite.as_dict())
