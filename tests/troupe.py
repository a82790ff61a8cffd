"""The cast of the tests: officines, people, postes, and browsers signed in as one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from pharmacy.acteurs import Acteur
from pharmacy.demonstration.donnees import OfficineDemo
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import (
    COOKIE_POSTE,
    officine_of_finess,
    poste_cookie_build,
)
from pharmacy.models import ModeAdministration, Officine, Operateur, Patient, Poste, Vente
from pharmacy.services.administration import DUREE
from pharmacy.session.middleware import acteur_of


@dataclass(frozen=True)
class Troupe:
    """One officine with its people, by operator code, and its postes."""

    officine: Officine
    operateurs: dict[str, Operateur]
    postes: tuple[Poste, ...]

    def acteur(self, code: str = "A02", poste: int = 0) -> Acteur:
        """The plain actor of an operator at a poste."""
        return acteur_of(self.operateurs[code], self.postes[poste])

    def administrateur(self, code: str = "A01", poste: int = 0) -> Acteur:
        """The same with their administration mode open."""
        return replace(self.acteur(code, poste), administration=timezone.now() + DUREE)

    def administration(self, code: str = "A01", poste: int = 0) -> Client:
        """A browser signed in as this operator, its administration mode open."""
        return self.administrer(self.client(code, poste), code)

    def administrer(self, client: Client, code: str = "A01") -> Client:
        """Open the mode in the session of a browser that this operator signed in."""
        with officine_context(self.officine.pk):
            ModeAdministration.objects.create(
                officine=self.officine,
                operateur=self.operateurs[code],
                cle=client.cookies[settings.SESSION_COOKIE_NAME].value,
                moyen="totp",
                jusqua=timezone.now() + DUREE,
            )
        return client

    def client(self, code: str = "A02", poste: int = 0) -> Client:
        """A browser of this poste, signed in as this operator."""
        client = self.navigateur(poste)
        operateur = self.operateurs[code]
        session = SessionStore()
        session[SESSION_KEY] = str(operateur.pk)
        session[BACKEND_SESSION_KEY] = "pharmacy.session.backend.OperateurBackend"
        session[HASH_SESSION_KEY] = operateur.get_session_auth_hash()
        session["officine"] = self.officine.pk
        session["verrouillee"] = False
        session["activite"] = session["authentifiee"] = timezone.now().timestamp()
        session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
        return client

    def navigateur(self, poste: int = 0) -> Client:
        """A browser of this poste, nobody signed in."""
        client = Client(HTTP_HOST="127.0.0.1", raise_request_exception=True)
        valeur = poste_cookie_build(self.officine.pk, self.postes[poste].pk)
        client.cookies[COOKIE_POSTE] = valeur
        return client

    def vente(self, code: str = "A02", poste: int = 0) -> Vente:
        """An open sale on a poste."""
        from pharmacy.services.vente import vente_open

        return vente_open(self.acteur(code, poste))

    def patient(self) -> Patient:
        """The patient of the story, known and qualified."""
        return Patient.objects.get(officine=self.officine, nom_naissance="PAT-TROIS")


def read_officine(demo: OfficineDemo) -> Troupe:
    """Return an officine of the demonstration, read in its own context."""
    officine_id = officine_of_finess(demo.finess)
    assert officine_id is not None
    with officine_context(officine_id):
        return Troupe(
            Officine.objects.get(pk=officine_id),
            {o.code: o for o in Operateur.objects.order_by("code")},
            tuple(Poste.objects.order_by("code")),
        )


@contextmanager
def officine_of(demo: OfficineDemo) -> Iterator[Troupe]:
    """Work inside an officine of the demonstration."""
    troupe = read_officine(demo)
    with officine_context(troupe.officine.pk):
        yield troupe
