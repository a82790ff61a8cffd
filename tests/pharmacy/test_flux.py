"""The event stream stops with the session that opened it."""

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from pharmacy.models import Operateur
from pharmacy.views.flux import Ecoute, Partie

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("SEC-06")]


@pytest.fixture
def ecoute(halle):
    client = halle.client()
    cle = client.cookies[settings.SESSION_COOKIE_NAME].value
    return Ecoute(halle.acteur(), halle.vente().pk, cle)


def change(ecoute, **valeurs):
    session = SessionStore(ecoute.session)
    session.update(valeurs)
    session.save()


def test_who_is_there_reads_the_parts_of_the_sale(ecoute):
    assert {f["cible"] for f in ecoute.read(["bandeau", "lignes"])}


def test_a_locked_session_reads_nothing_more(ecoute):
    change(ecoute, verrouillee=True)
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])


def test_a_session_left_alone_reads_nothing_more(ecoute):
    change(ecoute, activite=timezone.now().timestamp() - 3 * 3600)
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])


def test_a_session_that_is_closed_reads_nothing_more(ecoute):
    SessionStore(ecoute.session).flush()
    with pytest.raises(Partie):
        ecoute.read([])


def test_another_operator_on_the_same_session_ends_the_stream(ecoute, halle):
    change(ecoute, _auth_user_id=str(halle.operateurs["A01"].pk))
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])


@pytest.mark.parametrize("champs", [{"actif": False}, {"role": "apprenti"}])
def test_an_operator_who_left_or_changed_role_ends_the_stream(ecoute, champs):
    Operateur.objects.filter(pk=ecoute.acteur.operateur_id).update(**champs)
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])


def test_another_officine_reads_no_part(ecoute, port):
    cle = port.client("A01").cookies[settings.SESSION_COOKIE_NAME].value
    assert Ecoute(port.acteur("A01"), ecoute.vente_id, cle).read(["bandeau"]) == []
