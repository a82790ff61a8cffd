"""A tool of the officine: it has a key and reads by it, with no session and no cookie."""

import redis
from django.conf import settings
from django.test import Client

from pharmacy.isolation.contexte import officine_context
from pharmacy.services import integrations

V1 = "/api/integration/v1"


class Outil:
    """What a tool asks, by the key that the titulaire of its officine gave it."""

    def __init__(self, troupe, *portees, nom="Tableau de bord"):
        self.troupe = troupe
        with officine_context(troupe.officine.pk):
            donnee = integrations.create(troupe.acteur("A01"), nom, list(portees), "90")
        self.cle, self.secret = donnee.cle, donnee.secret
        self.client = Client(HTTP_HOST="127.0.0.1")

    def get(self, chemin, secret=None, **entetes):
        return self.client.get(
            f"{V1}/{chemin}", HTTP_AUTHORIZATION=f"Bearer {secret or self.secret}", **entetes
        )

    def json(self, chemin, **entetes):
        reponse = self.get(chemin, **entetes)
        assert reponse.status_code == 200, reponse.content
        return reponse.json()


def probleme(reponse, code):
    """A refusal is a problem, with its sentence and its code."""
    contenu = reponse.json()
    assert (reponse.status_code, contenu["code"]) == (contenu["status"], code), reponse.content
    assert reponse["Content-Type"] == "application/problem+json"
    assert contenu["detail"].endswith(".")
    return contenu


def forget_counts():
    """What other tests counted in this minute is over."""
    valkey = redis.Redis.from_url(settings.VALKEY_URL)
    for cle in valkey.scan_iter("comptoir:debit:*"):
        valkey.delete(cle)
