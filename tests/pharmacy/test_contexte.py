"""The officine written in a connection: none is left in one that goes back to the pool."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from pharmacy.isolation.contexte import officine_context, write_officine

pytestmark = pytest.mark.exigence("SEC-06")
LIRE = "SELECT current_setting('comptoir.officine', true)"


@pytest.fixture
def ailleurs(django_db_setup, django_db_blocker):
    """Run in a thread of its own, whose connection comes from the pool."""

    def run(acte):
        with django_db_blocker.unblock(), ThreadPoolExecutor(1) as fil:
            return fil.submit(acte).result(30)

    return run


def _given_back():
    """Give the connection back; return the officine that is still written in it."""
    brute = connection.connection
    connection.close()
    assert connection.connection is None
    with brute.cursor() as curseur:
        return curseur.execute(LIRE).fetchone()[0]


def test_a_connection_given_back_inside_a_context_forgets_it(ailleurs):
    def acte():
        with officine_context(7):
            connection.ensure_connection()
            return _given_back()

    assert not ailleurs(acte)


def test_a_connection_that_left_its_context_is_blank(ailleurs):
    def acte():
        connection.ensure_connection()
        with officine_context(7):
            pass
        return _given_back()

    assert not ailleurs(acte)


def test_what_a_rollback_brings_back_is_forgotten_too(ailleurs):
    """The officine wiped inside a transaction returns with its rollback."""

    def acte():
        connection.ensure_connection()
        write_officine(connection, 7)
        with transaction.atomic():
            write_officine(connection, None)
            transaction.set_rollback(True)
        with connection.cursor() as curseur:
            curseur.execute(LIRE)
            assert curseur.fetchone()[0] == "7"
        return _given_back()

    assert not ailleurs(acte)


def test_a_context_entered_again_is_forgotten_too(ailleurs):
    def acte():
        connection.ensure_connection()
        with officine_context(7):
            pass
        write_officine(connection, 8)
        return _given_back()

    assert not ailleurs(acte)
