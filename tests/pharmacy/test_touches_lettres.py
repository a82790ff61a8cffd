"""Single-letter shortcuts can be switched off (CTR-20, RGAA 12.12 / WCAG 2.1.4)."""

import pytest

from pharmacy import parametres

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("CTR-20")]


def test_the_page_says_when_letters_alone_do_nothing(halle):
    client = halle.client("A01")
    assert "data-officine-sans-lettres" not in client.get("/").content.decode()
    parametres.modifier(halle.acteur("A01"), "touches.lettres", "sans")
    assert "data-officine-sans-lettres" in client.get("/").content.decode()


def test_several_settings_cost_one_query(halle, django_assert_num_queries):
    acteur = halle.acteur("A01")
    parametres.modifier(acteur, "touches.lettres", "sans")
    parametres.modifier(acteur, "touches.lettres", "avec")
    cles = ("session.verrouillage_minutes", "touches.lettres")
    with django_assert_num_queries(1):
        lues = parametres.valeurs(acteur.officine_id, *cles)
    assert lues == {"session.verrouillage_minutes": 15, "touches.lettres": "avec"}
