"""Doors for agents, which have no session: pairing, configuration, keys of the server.

Each opens on its own proof: a short code, or a text signed by the workstation's key.
"""

from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

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

    def get(self, request: Request, wid: str) -> Response:
        """Answer the agent that proves it is `wid`; 403 otherwise, whoever is named."""
        genre, _, preuve = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        reponse = None
        if genre == "Poste" and len(preuve) <= 4096:
            reponse = configuration.config_for(wid, preuve)
        if reponse is None:
            suite = Suite("Cet agent n'est pas reconnu. Associez-le.", "alerte", code="ENR-004")
            return Response(suite.as_dict(), status=status.HTTP_403_FORBIDDEN)
        return Response(reponse)


class Jwks(VueMachine):
    """GET: the public keys under which this server signs for agents."""

    def get(self, _request: Request) -> Response:
        """Answer the JWKS: two keys during a rotation."""
        return Response(cles.server_jwks())
