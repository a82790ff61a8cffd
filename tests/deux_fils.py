"""Two counters at once, on rows really committed: one order of locks, nobody stuck."""

import threading
import time
from contextlib import contextmanager

from django.db import DatabaseError, connection, connections

from pharmacy.demonstration.donnees import HALLE
from pharmacy.isolation.contexte import officine_context
from pharmacy.services.vente import VenteRefusee
from tests.troupe import officine_of

DELAI_S = 20


@contextmanager
def committed(deblocage, tables):
    """Work in the officine, rows really committed; the owner takes away what was added.

    `tables`: what may be added to, those that point to others first; « table:key » when the key is
    not `id`.
    """
    with deblocage.unblock():
        proprietaire = connections["proprietaire"]
        cles = [(table, cle or "id") for table, _, cle in (t.partition(":") for t in tables)]
        dernier = {}
        with proprietaire.cursor() as curseur:
            for table, cle in cles:
                curseur.execute(f"SELECT coalesce(max({cle}), 0) FROM {table}")  # noqa: S608 - ours
                dernier[table] = curseur.fetchone()[0]
        with officine_of(HALLE) as troupe:
            yield troupe
        with proprietaire.cursor() as curseur:
            for table, cle in cles:
                curseur.execute(f"DELETE FROM {table} WHERE {cle} > %s", [dernier[table]])  # noqa: S608
        for connexion in connections.all():
            connexion.close()


def someone_waits():
    """Wait until a transaction waits for a row that another one holds."""
    fin = time.monotonic() + DELAI_S
    while time.monotonic() < fin:
        with connection.cursor() as curseur:
            curseur.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if curseur.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def _run(troupe, rendus, rang, acte):
    with officine_context(troupe.officine.pk):
        try:
            rendus[rang] = acte()
        except VenteRefusee as exc:
            rendus[rang] = exc.code
        except DatabaseError as exc:
            rendus[rang] = exc
    connection.close()


def _join(fils, rendus):
    for fil in fils:
        fil.join(2 * DELAI_S)
        assert not fil.is_alive()
    assert [r for r in rendus if isinstance(r, DatabaseError)] == []
    return rendus


def together(troupe, *actes):
    """Run each act in a thread of its own, all at once; return what each gave, or its refusal."""
    depart = threading.Barrier(len(actes))
    rendus = [None] * len(actes)

    def court(rang):
        depart.wait(DELAI_S)
        _run(troupe, rendus, rang, actes[rang])

    fils = [threading.Thread(target=court, args=(rang,)) for rang in range(len(actes))]
    for fil in fils:
        fil.start()
    return _join(fils, rendus)


def cross(monkeypatch, troupe, arret, premier, second):
    """Stop `premier` at its call of `arret` until `second`, begun then, waits; then let it go on.

    `arret` is (module, name of a function it calls). Return what each gave, or its refusal.
    """
    vraie, tenue, rendus = getattr(*arret), threading.Event(), [None, None]
    fils = [
        threading.Thread(target=_run, args=(troupe, rendus, rang, acte))
        for rang, acte in enumerate((premier, second))
    ]

    def arrete(*args, **options):
        if threading.current_thread() is fils[0] and not tenue.is_set():
            tenue.set()
            someone_waits()
        return vraie(*args, **options)

    monkeypatch.setattr(*arret, arrete)
    fils[0].start()
    assert tenue.wait(DELAI_S)
    fils[1].start()
    return _join(fils, rendus)
