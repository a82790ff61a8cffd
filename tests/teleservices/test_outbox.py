"""The row before the call: one per key, rung on commit, released by a signature."""

import json
from base64 import b64decode
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ordonnance.services import recuperation
from teleservices import assertions
from teleservices.models import Envoi
from teleservices.outbox import next_key, release
from teleservices.registre import handler_list
from tests.ordonnance.atelier import NUMERO
from tests.teleservices.atelier import deposer, lire_file, mettre

ETAT = Envoi.Etat
pytestmark = pytest.mark.django_db


@pytest.mark.exigence("OPS-14")
def test_the_same_key_is_the_same_row(halle, essai):
    premier, second = deposer(halle, essai), deposer(halle, essai)
    assert premier.pk == second.pk
    assert deposer(halle, essai, "c2").pk != premier.pk


def test_the_database_itself_holds_one_row_per_key(halle, essai):
    envoi = deposer(halle, essai)
    envoi.pk = None
    with pytest.raises(IntegrityError, match="envoi_cle_unique"), transaction.atomic():
        envoi.save(force_insert=True)


@pytest.mark.parametrize(
    ("champs", "contrainte"),
    [
        ({"etat": "en_vol", "pris_le": None}, "envoi_en_vol_pris"),
        ({"etat": "abandonne", "motif_abandon": ""}, "envoi_abandon_motive"),
    ],
)
def test_the_database_itself_refuses_a_state_that_says_nothing(halle, essai, champs, contrainte):
    envoi = deposer(halle, essai)
    with pytest.raises(IntegrityError, match=contrainte), transaction.atomic():
        Envoi.objects.filter(pk=envoi.pk).update(**champs)


def test_the_bell_rings_once_and_only_on_commit(
    halle, essai, valkey, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        envoi = deposer(halle, essai)
        deposer(halle, essai)
        assert lire_file(valkey, "interactif") == []
    assert [args for _, args in lire_file(valkey, "interactif")] == [[halle.officine.pk, envoi.pk]]


def test_a_batch_rings_in_a_queue_of_its_own(
    halle, essai, valkey, django_capture_on_commit_callbacks
):
    essai.file = "lots"
    with django_capture_on_commit_callbacks(execute=True):
        deposer(halle, essai)
    assert len(lire_file(valkey, "lots")) == 1
    assert lire_file(valkey, "interactif") == []


def test_what_the_counter_waits_for_is_never_in_the_batch_queue():
    attendues = {h.operation for h in handler_list() if h.lecture}
    assert {"ordonnance.consulter", "ordonnance.ouvrir"} <= attendues
    assert all(h.file == "interactif" for h in handler_list() if h.lecture)


@pytest.mark.exigence("SEC-09")
def test_nothing_of_the_patient_is_in_a_message(halle, valkey, django_capture_on_commit_callbacks):
    vente = halle.vente()
    with django_capture_on_commit_callbacks(execute=True):
        recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    [(brut, args)] = lire_file(valkey, "interactif")
    envoi = Envoi.objects.get(operation="ordonnance.consulter")
    assert args == [halle.officine.pk, envoi.pk]
    contenu = brut + b64decode(json.loads(brut)["body"])
    for mot in (NUMERO, "PAT-TROIS", halle.officine.finess, halle.acteur().rpps, "consulter"):
        assert mot.encode() not in contenu


# Signature


@pytest.mark.parametrize("etat", [ETAT.A_ENVOYER, ETAT.INCERTAIN])
@pytest.mark.parametrize("code", sorted(assertions.CODES_CARTE))
def test_a_signature_releases_what_waited_for_the_card(
    halle, essai, etat, code, django_capture_on_commit_callbacks
):
    plus_tard = timezone.now() + timedelta(minutes=2)
    envoi = mettre(deposer(halle, essai), etat, dernier_code=code, pas_avant=plus_tard)
    acteur = halle.acteur()
    with django_capture_on_commit_callbacks() as sonneries:
        assert release(acteur.officine_id, acteur.operateur_id, assertions.CODES_CARTE) == 1
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.dernier_code) == (etat, "")
    assert envoi.pas_avant <= timezone.now()
    assert ["ring_on_commit" in s.__qualname__ for s in sonneries].count(True) == 1


@pytest.mark.parametrize(
    ("code_operateur", "etat", "code"),
    [
        ("A01", ETAT.INCERTAIN, "assertion_absente"),
        ("A02", ETAT.REFUSE, "assertion_absente"),
        ("A02", ETAT.A_ENVOYER, "http_503"),
    ],
    ids=["doute d'un autre", "refusé", "attend le service"],
)
def test_a_signature_releases_nothing_else(halle, essai, code_operateur, etat, code):
    deposer(halle, essai, code=code_operateur)
    Envoi.objects.update(etat=etat, dernier_code=code)
    acteur = halle.acteur("A02")
    assert release(acteur.officine_id, acteur.operateur_id, assertions.CODES_CARTE) == 0


@pytest.mark.parametrize("etat", [ETAT.A_ENVOYER, ETAT.INCERTAIN])
def test_the_card_is_asked_for_while_something_waits_for_it(halle, essai, etat):
    envoi = mettre(deposer(halle, essai), etat, dernier_code="assertion_expiree")
    assert assertions.is_awaited(halle.acteur(), "essai")
    # Another pharmacien may send what never left; only who signed asks about what may have.
    autre = assertions.is_awaited(halle.acteur("A01"), "essai")
    assert autre is (etat == ETAT.A_ENVOYER)
    mettre(envoi, ETAT.ENVOYE)
    assert not assertions.is_awaited(halle.acteur(), "essai")


def test_the_next_key_is_one_that_no_row_has_whatever_became_of_the_rows(halle, essai):
    """Gaps are filled, a row of another subject counts, and beyond the last rank keys go on."""
    officine = halle.officine.pk
    assert next_key(officine, "k") == "k:1"
    for cle in ("k:1", "k:3"):
        deposer(halle, essai, cle)
    assert next_key(officine, "k") == "k:2"
    deposer(halle, essai, "k:2")
    Envoi.objects.filter(cle="k:2").update(sujet="patient:999")
    assert next_key(officine, "k") == "k:4"
    for rang in range(4, 33):
        deposer(halle, essai, f"k:{rang}")
    au_dela = {next_key(officine, "k") for _ in range(5)}
    assert len(au_dela) == 5
    assert not Envoi.objects.filter(cle__in=au_dela).exists()


def test_the_next_key_costs_one_query(halle, essai, django_assert_num_queries):
    deposer(halle, essai, "k:1")
    with django_assert_num_queries(1):
        next_key(halle.officine.pk, "k")
