"""Two titulaires attach one identity at the same moment, on rows really committed."""

import threading

import pytest
from django.db import connection

from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Operateur
from pharmacy.services.equipe import SaisieRefusee
from psc.services import rattachements
from tests.deux_fils import committed

TABLES = ("psc_rattachementpsc",)
NATIONAL = "30B0330011/CPE0009"


def _declare(troupe, code, depart, issues):
    with officine_context(troupe.officine.pk):
        depart.wait()
        try:
            rattachements.declare(
                troupe.acteur("A01"),
                troupe.operateurs[code].pk,
                rattachements.read_typed("", NATIONAL),
            )
            issues.append("fait")
        except SaisieRefusee as exc:
            issues.append(exc.champ)
    connection.close()


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-17")
def test_one_of_two_succeeds_and_the_other_is_told(django_db_setup, django_db_blocker):
    """Each in its own connection: the constraint decides, its refusal is a sentence."""
    with committed(django_db_blocker, TABLES) as troupe:
        depart, issues = threading.Barrier(2, timeout=20), []
        fils = [
            threading.Thread(target=_declare, args=(troupe, code, depart, issues))
            for code in ("A02", "B01")
        ]
        try:
            for fil in fils:
                fil.start()
            for fil in fils:
                fil.join(30)
            assert sorted(issues) == ["fait", "national"]
        finally:
            alice = troupe.operateurs["A02"]
            Operateur.objects.filter(pk=alice.pk).update(rpps=alice.rpps)
