"""A query written once answers as if it were written each time."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pharmacy.figee import Figee
from pharmacy.models import Operateur

pytestmark = pytest.mark.django_db
LOIN = 2**50


def operateur(officine_id, codes, jour):
    ici = Operateur.objects.en_poste(jour).filter(officine_id=officine_id)
    return ici.filter(code__in=codes).order_by("code")


def figee():
    return Figee(operateur, officine_id=LOIN, codes=["<un>", "<deux>"], jour=date(1900, 1, 2))


def test_each_call_has_its_own_values_and_one_text(halle):
    ici, figees = halle.officine.pk, figee()
    jour = date(2026, 11, 25)
    with CaptureQueriesContext(connection) as prises:
        un = figees.first(Operateur, officine_id=ici, codes=["A01", "A01"], jour=jour)
        deux = figees.first(Operateur, officine_id=ici, codes=["B01", "A02"], jour=jour)
    assert (un.code, deux.code) == ("A01", "A02")
    assert len(prises) == 2
    noms = [champ.attname for champ in Operateur._meta.concrete_fields]
    attendu = Operateur.objects.get(pk=un.pk)
    assert [getattr(un, nom) for nom in noms] == [getattr(attendu, nom) for nom in noms]


def test_the_day_is_that_of_the_call(halle):
    ici = halle.officine.pk
    Operateur.objects.filter(officine_id=ici, code="A02").update(depart=date(2026, 11, 25))
    figees, elle = figee(), {"officine_id": ici, "codes": ["A02", "A02"]}
    assert figees.first(Operateur, **elle, jour=date(2026, 11, 25)).code == "A02"
    assert figees.first(Operateur, **elle, jour=date(2026, 11, 26)) is None


def test_rows_come_as_tuples(halle):
    figees = Figee(
        lambda officine_id: (
            Operateur.objects.filter(officine_id=officine_id)
            .order_by("code")
            .values_list("code", "role")
        ),
        officine_id=LOIN,
    )
    assert figees.rows(officine_id=halle.officine.pk)[0] == ("A01", "titulaire")
    assert figees.rows(officine_id=LOIN) == []


@pytest.mark.parametrize("jour", [date(2026, 11, 25), datetime(2026, 11, 25, tzinfo=UTC)])
def test_an_hour_that_would_stay_for_ever_is_refused(halle, jour):
    figees = Figee(
        lambda officine_id: Operateur.objects.filter(officine_id=officine_id, depart__lt=jour),
        officine_id=LOIN,
    )
    with pytest.raises(ValueError, match="fige"):
        figees.first(Operateur, officine_id=halle.officine.pk)


def test_two_examples_that_could_be_taken_for_one_another_are_refused(halle):
    figees = Figee(
        lambda un, deux: Operateur.objects.filter(officine_id=un, pk=deux), un=LOIN, deux=LOIN
    )
    with pytest.raises(ValueError, match="deux"):
        figees.first(Operateur, un=1, deux=2)
