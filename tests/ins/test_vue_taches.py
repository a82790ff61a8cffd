"""« Identités à traiter »: what, why, since when, what next; filtered, by pages, closed."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ins.models import TacheIdentite
from ins.services.taches import open_tache
from ins.views.taches import _ISSUES, _SUITES
from pharmacy.models import Patient

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("INS-34")]


def _lire(client, suite=""):
    reponse = client.get(f"/identites/{suite}")
    assert reponse.status_code == 200
    return " ".join(reponse.content.decode().replace("&#x27;", "'").split())


def _patient(halle, rang=0):
    return Patient.objects.create(
        officine=halle.officine,
        nom_naissance=f"ESSAI{rang:02d}",
        premier_prenom="LEO",
        cree_par=halle.operateurs["A02"],
    )


def test_nothing_waits_is_a_good_screen(halle):
    html = _lire(halle.client())
    assert "Aucune identité à traiter." in html
    assert "Rien n'attend." in html


def test_each_row_says_who_why_since_when_and_what_next(halle):
    patient = _patient(halle)
    tache = open_tache(patient, "piece_differente", precision="nom, sexe")
    html = _lire(halle.client("B01"))
    for morceau in (
        f'<a href="/patients/{patient.pk}/identite/">ESSAI00 LEO</a>',
        "La pièce montre autre chose",
        "(nom, sexe)",
        f"{tache.ouverte_le:%d/%m/%Y}",
        "Revoir la pièce avec la personne",
        f'href="/identites/{tache.pk}/clore/"',
        "1 question attend une personne.",
    ):
        assert morceau in html


def test_a_nature_alone_and_the_surest_duplicate_first(halle):
    faible, fort = _patient(halle, 1), _patient(halle, 2)
    open_tache(faible, "doublon", autre=halle.patient(), score=65)
    open_tache(fort, "doublon", autre=halle.patient(), score=100)
    open_tache(_patient(halle, 3), "relance")
    html = _lire(halle.client(), "?nature=doublon")
    assert re.findall(r"ESSAI\d\d", html.split("<tbody>")[1])[:1] == ["ESSAI02"]
    assert "ESSAI03" not in html
    assert "Doublon possible (2)" in html
    assert "Toutes (3)" in html
    assert "ESSAI03" in _lire(halle.client(), "?nature=inconnue")


def test_pages_and_a_cost_that_does_not_grow(halle):
    client = halle.client()
    open_tache(_patient(halle), "relance")
    _lire(client)
    comptes = []
    for nombre in (0, 29):
        for rang in range(nombre):
            open_tache(_patient(halle, rang + 1), "relance")
        with CaptureQueriesContext(connection) as requetes:
            html = _lire(client)
        comptes.append(len(requetes))
    assert comptes[0] == comptes[1]
    assert len(re.findall(r'<th scope="row">', html)) == 25
    assert "Page 1 sur 2" in html
    suite = _lire(client, "?nature=relance&page=2")
    assert len(re.findall(r'<th scope="row">', suite)) == 5
    assert "Page précédente" in suite


def test_another_officine_sees_none_of_them(halle, port):
    from pharmacy.isolation.contexte import officine_context

    tache = open_tache(_patient(halle), "relance")
    client = port.client("A01")
    assert "ESSAI00" not in _lire(client)
    assert client.get(f"/identites/{tache.pk}/clore/").status_code == 404
    assert client.post(f"/identites/{tache.pk}/clore/", {"issue": "x"}).status_code == 404
    with officine_context(halle.officine.pk):
        assert TacheIdentite.objects.get(pk=tache.pk).close_le is None


@pytest.mark.parametrize(
    ("corps", "issue"),
    [
        ({"issue": "INS récupérée"}, "INS récupérée"),
        ({"issue": "autre", "autre": "Personne partie"}, "Personne partie"),
        ({"autre": "Personne partie"}, "Personne partie"),
    ],
)
def test_closed_with_an_issue_proposed_or_in_a_few_words(halle, corps, issue):
    tache = open_tache(_patient(halle), "relance")
    client = halle.client("B01")
    assert "INS récupérée" in client.get(f"/identites/{tache.pk}/clore/").content.decode()
    assert client.post(f"/identites/{tache.pk}/clore/", corps)["Location"] == "/identites/"
    tache.refresh_from_db()
    assert (tache.issue, tache.close_par.code) == (issue, "B01")
    assert "ESSAI00" not in _lire(client)


def test_closed_without_a_word_or_twice_is_said(halle):
    tache = open_tache(_patient(halle), "relance")
    client = halle.client()
    url = f"/identites/{tache.pk}/clore/"
    vide = client.post(url, {"issue": "autre"})
    assert (vide.status_code, "INS-061" in vide.content.decode()) == (422, True)
    client.post(url, {"issue": "fait"})
    encore = client.post(url, {"issue": "fait"})
    assert (encore.status_code, "INS-062" in encore.content.decode()) == (422, True)


def test_every_nature_has_its_next_act_and_two_issues():
    natures = set(TacheIdentite.Nature)
    assert set(_SUITES) == natures
    assert {nature for nature, issues in _ISSUES.items() if len(issues) == 2} == natures


def test_the_list_is_reached_from_home_and_from_data(halle):
    client = halle.client()
    for url in ("/", "/donnees/"):
        assert 'href="/identites/"' in client.get(url).content.decode()
