"""Rows really committed: workers at the same time, and transactions that must not be open."""

import threading

import pytest
from django.db import transaction
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from teleservices import disjoncteur, moteur
from teleservices.models import Disjoncteur, Envoi
from teleservices.outbox import Demande, enqueue
from teleservices.services import envois_stop
from tests.teleservices.atelier import SERVICE, deposer

ETAT = Envoi.Etat


def ensemble(nombre, officine_id, acte):
    """Run `acte` in threads that start together; return what each returned."""
    depart = threading.Barrier(nombre)
    rendus = []

    def courir():
        with officine_context(officine_id):
            depart.wait()
            rendus.append(acte())
        transaction.get_connection().close()

    fils = [threading.Thread(target=courir) for _ in range(nombre)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(30)
    return rendus


@pytest.mark.exigence("OPS-14")
def test_a_row_claimed_by_ten_workers_at_once_is_called_once(vraie_base, essai):
    envoi = deposer(vraie_base, essai)
    ensemble(10, vraie_base.officine.pk, lambda: moteur.process(envoi.pk))
    assert essai.faits.count("appel") == 1
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.tentatives) == (ETAT.ENVOYE, 1)


def test_the_same_key_enqueued_by_ten_counters_at_once_is_one_row(vraie_base, essai):
    rendus = ensemble(10, vraie_base.officine.pk, lambda: deposer(vraie_base, essai).pk)
    assert len(rendus) == 10
    assert len(set(rendus)) == 1


def test_one_probe_goes_when_the_pause_is_over(vraie_base):
    maintenant = timezone.now()
    Disjoncteur.objects.create(
        service=SERVICE, environnement="simulateur", echecs=5, ouvert_jusqua=maintenant
    )
    rendus = ensemble(
        10, vraie_base.officine.pk, lambda: disjoncteur.is_passing(SERVICE, maintenant)
    )
    assert [r for r in rendus if r is None] == [None]
    assert len(rendus) == 10


def test_no_transaction_is_open_while_the_service_is_called(vraie_base, essai):
    envoi = deposer(vraie_base, essai)
    vu = []
    essai.avant_appel = lambda _: vu.append(transaction.get_connection().in_atomic_block)
    moteur.process(envoi.pk)
    assert vu == [False]


def test_a_claim_refuses_to_hide_in_a_transaction(vraie_base, essai):
    envoi = deposer(vraie_base, essai)
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        moteur.claim(envoi.pk)
    assert Envoi.objects.get(pk=envoi.pk).etat == ETAT.A_ENVOYER


def test_a_row_is_not_enqueued_outside_the_transaction_of_what_it_serves(vraie_base, essai):
    with pytest.raises(RuntimeError, match="outside a transaction"):
        enqueue(vraie_base.acteur(), Demande(essai.operation, "s", "c"))


def test_rows_are_not_stopped_outside_the_transaction_of_what_stops_them(vraie_base, essai):
    envoi = deposer(vraie_base, essai)
    with pytest.raises(RuntimeError, match="outside a transaction"):
        envois_stop(vraie_base.officine.pk, envoi.sujet, "motif")
    assert Envoi.objects.get(pk=envoi.pk).etat == ETAT.A_ENVOYER
