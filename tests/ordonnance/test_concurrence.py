"""Two counters on one prescription, rows really committed: one order of locks, no deadlock."""

import threading
import time

import pytest
from django.db import DatabaseError, connection, connections

from ordonnance.models import OrdonnanceNumerique
from ordonnance.services import confirmation
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Vente
from pharmacy.services.vente import VenteRefusee, vente_cancel
from tests.ordonnance.atelier import recuperer

TABLES = (
    "teleservices_trace",
    "teleservices_envoi",
    "ordonnance_saisiecontrole",
    "ordonnance_ordonnanceversion",
    "ordonnance_executionexterne",
    "ordonnance_verrou",
    "ordonnance_ordonnancenumerique",
    "pharmacy_ligneprescrite",
    "pharmacy_ordonnance",
    "pharmacy_vente",
    "pharmacy_prescripteur",
)
DELAI_S = 20


@pytest.fixture
def vraie_base(django_db_setup, django_db_blocker):
    """Rows really committed; the owner takes away what the test added."""
    from pharmacy.demonstration.donnees import HALLE
    from tests.troupe import officine_of

    with django_db_blocker.unblock():
        proprietaire = connections["proprietaire"]
        with proprietaire.cursor() as curseur:
            dernier = {}
            for table in TABLES:
                curseur.execute(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608 - ours
                dernier[table] = curseur.fetchone()[0]
        with officine_of(HALLE) as troupe:
            yield troupe
        with proprietaire.cursor() as curseur:
            for table in TABLES:
                curseur.execute(f"DELETE FROM {table} WHERE id > %s", [dernier[table]])  # noqa: S608
        for connexion in connections.all():
            connexion.close()


def _someone_waits():
    """Wait until a transaction waits for a row that another one holds."""
    fin = time.monotonic() + DELAI_S
    while time.monotonic() < fin:
        with connection.cursor() as curseur:
            curseur.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if curseur.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def _confirm(acteur, numerique):
    confirmation.confirm(acteur, numerique.pk, patient_verifie=True, conforme=True)


def _stop(acteur, numerique):
    confirmation.stop(acteur, numerique.pk)


@pytest.mark.exigence("OPS-14")
@pytest.mark.parametrize("acte", [_confirm, _stop])
def test_an_act_on_a_prescription_and_the_end_of_its_sale_never_deadlock(
    vraie_base, monkeypatch, acte
):
    """The act holds the prescription, the other counter drops the sale, then the act goes on."""
    vente = vraie_base.vente()
    acteur = vraie_base.acteur()
    numerique = recuperer(vraie_base, vente)
    vraie_vente_locked = confirmation.vente_locked
    tenue = threading.Event()
    rendus = {}

    def vente_locked(*args):
        tenue.set()
        _someone_waits()
        return vraie_vente_locked(*args)

    def run(nom, faire):
        with officine_context(vraie_base.officine.pk):
            try:
                rendus[nom] = faire()
            except (DatabaseError, VenteRefusee) as exc:
                rendus[nom] = exc
        connection.close()

    monkeypatch.setattr(confirmation, "vente_locked", vente_locked)
    agit = threading.Thread(target=run, args=("acte", lambda: acte(acteur, numerique)))
    abandonne = threading.Thread(
        target=run, args=("abandon", lambda: vente_cancel(acteur, vente.pk))
    )
    agit.start()
    assert tenue.wait(DELAI_S)
    abandonne.start()
    for fil in (agit, abandonne):
        fil.join(2 * DELAI_S)
    erreurs = [r for r in rendus.values() if isinstance(r, Exception)]
    assert [e for e in erreurs if not isinstance(e, VenteRefusee)] == []
    assert set(rendus) == {"acte", "abandon"}
    assert Vente.objects.get(pk=vente.pk).etat == Vente.Etat.ANNULEE
    assert OrdonnanceNumerique.objects.get(pk=numerique.pk).etat == "annulee"
