"""A journal of its own, really committed, and what its owner can do to it without the key."""

# ruff: noqa: S608 - statements made of our own names

from contextlib import contextmanager
from datetime import timedelta

from django.db import connections

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, Officine
from pharmacy.services import sceau

FINESS = "990000991"
TABLES = ("pharmacy_audit", "pharmacy_blocaudit")


def proprietaire(ordre, parametres=None):
    """Run a statement under the owner role; return its rows."""
    with connections["proprietaire"].cursor() as curseur:
        curseur.execute(ordre, parametres)
        return curseur.fetchall() if curseur.description else curseur.rowcount


@contextmanager
def pouvoir():
    """The owner gives itself the rights that the installation took from it."""
    for table in TABLES:
        proprietaire(f"GRANT UPDATE, DELETE ON {table} TO CURRENT_USER")
    try:
        yield
    finally:
        for table in TABLES:
            proprietaire(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM CURRENT_USER")


def forcer(ordre, parametres=None):
    """Tamper as the owner of the tables: a change that touches no row is a test that lies."""
    with pouvoir():
        touchees = proprietaire(ordre, parametres)
    assert touchees, ordre


class Registre:
    """The journal of one officine, written and sealed by the product."""

    def __init__(self, officine_id):
        self.officine_id = officine_id
        self.acteur = Acteur(7_001, officine_id, "titulaire", 7_002)

    def noter(self, nombre=3, acte="patient.ouvrir"):
        """Note acts, each its own transaction."""
        for rang in range(nombre):
            audit.note(self.acteur, acte, f"patient:{rang}", 9_000 + rang)

    def sceller(self, genre="dossier"):
        """Seal up to now; return how many links were made."""
        borne = sceau.read_bound()
        assert borne is not None
        return sceau.seal(self.officine_id, genre, borne)

    def blocs(self, *lots, genre="dossier"):
        """Note and seal, a link for each lot."""
        for nombre in lots:
            self.noter(nombre)
            assert self.sceller(genre) == 1

    def lignes(self):
        """The numbers of the lines, in order."""
        return list(
            Audit.objects.filter(officine_id=self.officine_id)
            .order_by("pk")
            .values_list("pk", flat=True)
        )

    def vieillir(self, de):
        """Make every line older, as time would: before any seal."""
        forcer(
            "UPDATE pharmacy_audit SET quand = quand - %s WHERE officine_id = %s",
            [timedelta(**de), self.officine_id],
        )


@contextmanager
def registre_ouvert():
    """An officine made by the owner, in its context; taken away after."""
    with pouvoir():  # what other tests left committed is of no officine of ours
        for table in TABLES:
            proprietaire(f"DELETE FROM {table}")
    officine = Officine.objects.using("proprietaire").create(finess=FINESS, nom="PHARMACIE SCEAU")
    try:
        with officine_context(officine.pk):
            yield Registre(officine.pk)
    finally:
        with pouvoir():
            for table in TABLES:
                proprietaire(f"DELETE FROM {table} WHERE officine_id = %s", [officine.pk])
        proprietaire("DELETE FROM pharmacy_parametre WHERE officine_id = %s", [officine.pk])
        proprietaire("DELETE FROM pharmacy_officine WHERE id = %s", [officine.pk])
        for connexion in connections.all():
            connexion.close()
