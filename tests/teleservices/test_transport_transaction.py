"""No call inside a transaction: the transport itself refuses, before anything leaves."""

import socket

import pytest
from django.db import connection, transaction

from teleservices.errors import Unavailable
from teleservices.tls import Materiel
from teleservices.transport import (
    HttpsTransport,
    Requete,
    TransactionOuverte,
    check_no_transaction,
)


@pytest.fixture
def appel(tls):
    """A call to a port where nobody listens."""
    with socket.socket() as prise:
        prise.bind(("127.0.0.1", 0))
        port = prise.getsockname()[1]
    transport = HttpsTransport(Materiel(str(tls / "ac-serveurs.pem")))
    requete = Requete(f"https://127.0.0.1:{port}/", b"x", {}, lecture_s=1.0)
    yield lambda: transport.send(requete)
    transport._client().close()


@pytest.mark.usefixtures("db")
def test_inside_a_transaction_nothing_leaves(appel):
    with transaction.atomic(), pytest.raises(TransactionOuverte):
        appel()


@pytest.mark.usefixtures("db")
def test_outside_a_transaction_the_network_answers_for_itself(appel):
    with pytest.raises(Unavailable) as leve:
        appel()
    assert leve.value.code == "reseau_injoignable"


@pytest.mark.usefixtures("db")
def test_a_transaction_inside_another_is_still_one_and_leaving_both_frees():
    with transaction.atomic():
        with transaction.atomic(), pytest.raises(TransactionOuverte):
            check_no_transaction()
        with pytest.raises(TransactionOuverte):
            check_no_transaction()
    check_no_transaction()


@pytest.mark.django_db(databases=["default", "proprietaire"])
def test_the_owners_connection_counts_as_well():
    with transaction.atomic(using="proprietaire"), pytest.raises(TransactionOuverte):
        check_no_transaction()
    assert connection.alias == "default"


def test_without_a_database_there_is_nothing_to_hold():
    check_no_transaction()
