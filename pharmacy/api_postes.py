"""Doors for agents, which have no session: pairing, configuration, keys of the server.

Each opens on its own proof: a short code, or a text signed by the workstation's key.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from pharmacy import contrat_agent
from pharmacy.corps import CorpsJson
from pharmacy.postes import cles, configuration, enrolement
from pharmacy.suites import Suite


class VueMachine(APIView):
    """Base: no session, no cookie, JSON in and out."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes = [CorpsJson]
    droit = None


class ParAdresse(SimpleRateThrottle):
    """A person types a code a few times; whoever tries more is made to wait."""

    rate = "90/min"

    def get_cache_key(self, request: Request, _view: APIView) -> str:
        """Return one counter per address of the network."""
        return f"enrolement:{request.META.get('REMOTE_ADDR')}"


class Enrolements(VueMachine):
    """POST {code, public_key, agent_version, os, display_name}: an agent asks to be paired."""

    throttle_classes = [ParAdresse]

    @contrat_agent.ENROLEMENTS
    def post(self, request: Request) -> Response:
        """202 until the titulaire confirms, then 200 with the signed enrolment; 403 otherwise."""
        corps = request.data if isinstance(request.data, dict) else {}
        try:
            reponse = enrolement.ask(corps)
        except enrolement.EnrolementRefuse as exc:
            suite = Suite(exc.phrase, "alerte", code=exc.code)
            return Response(suite.as_dict(), status=exc.statut)
        attend = "config_jws" not in reponse
        return Response(reponse, status=status.HTTP_202_ACCEPTED if attend else status.HTTP_200_OK)


class Configuration(VueMachine):
    """GET with `Authorization: Poste <JWS>`: the signed configuration of this agent."""

    @contrat_agent.CONFIGURATION
    def get(self, request: Request, wid: str) -> Response:
        """Answer the agent that proves it is `wid`; 403 otherwise, 401 to who shows no proof."""
        genre, _, preuve = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        reponse = None
        if genre == "Poste" and len(preuve) <= 4096:
            reponse = configuration.config_for(wid, preuve)
        if reponse is None:
            suite = Suite("Cet agent n'est pas reconnu. Associez-le.", "alerte", code="ENR-004")
            if not genre:
                return Response(suite.as_dict(), status=401, headers={"WWW-Authenticate": "Poste"})
            return Response(suite.as_dict(), status=status.HTTP_403_FORBIDDEN)
        return Response(reponse)


class Jwks(VueMachine):
    """GET: the public keys under which this server signs for agents."""

    @contrat_agent.JWKS
    def get(self, _request: Request) -> Response:
        """Answer the JWKS: two keys during a rotation."""
        return Response(cles.server_jwks())


class Manifeste(VueMachine):
    """GET: the manifest of the agent's updates, as the publisher signed it (agent.md §5.13)."""

    @contrat_agent.MANIFESTE
    def get(self, _request: Request) -> Response:
        """Answer the signed text; 404 when this server offers none. The agent verifies it."""
        fichier = settings.AGENT_MANIFESTE
        try:
            jeton = Path(fichier).read_text(encoding="ascii").strip() if fichier else ""
        except (OSError, ValueError):
            jeton = ""
        if not jeton:
            suite = Suite("Ce serveur n'offre pas de mise à jour d'agent.", "info", code="MAJ-404")
            return Response(suite.as_dict(), status=status.HTTP_404_NOT_FOUND)
        return Response({"manifeste": jeton})
