"""Every dialog: what it shows, what it keeps, and that another officine sees none of it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from lxml import html

from tests.ordonnance.atelier import GLUCOPHAGE, LEVOTHYROX, NUMERO, confirmer, recuperer, servir

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}


L01_COMPRESSES = "L01:6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d1003:"


def _base(vente, numerique):
    return f"/vente/{vente.pk}/ordonnance/{numerique.pk}"


def _vu(page):
    return html.fromstring(page.content).xpath("//input[@name='vu']/@value")[0]


def test_the_window_proposes_a_look_alike_and_waits(halle):
    vente = halle.vente()
    url = f"/vente/{vente.pk}/ordonnance/saisie/"
    page = halle.client().post(url, {"numero": "O1K7M4QX9TRB2VWZ3H"}, **HX)
    assert page.status_code == 422
    assert "Utiliser 01K7M4 QX9TRB 2VWZ3H" in page.content.decode()
    suite = halle.client().post(url, {"numero": "O1K7M4QX9TRB2VWZ3H", "confirme": NUMERO}, **HX)
    assert suite.status_code == 200
    assert "signer" in suite.headers["HX-Trigger"]


def test_what_was_typed_is_not_lost(halle):
    vente = halle.vente()
    page = halle.client().post(f"/vente/{vente.pk}/ordonnance/saisie/", {"numero": "01K7M4"}, **HX)
    assert 'value="01K7M4"' in page.content.decode()
    assert "18 caractères, 6 lus" in page.content.decode()


def test_the_confirmation_shows_both_persons_and_asks_two_boxes(halle):
    vente = halle.vente()
    numerique = recuperer(halle, vente)
    page = halle.client().get(_base(vente, numerique) + "/confirmation/", **HX).content.decode()
    assert "Patient vérifié" in page
    assert "Ordonnance conforme au papier présenté" in page
    assert "28/03/1979" in page


def test_the_control_says_what_is_still_asked(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    url = _base(vente, numerique) + "/controle/"
    page = halle.client().post(url, {}, **HX)
    assert page.status_code == 422
    assert "1 réponse à renseigner" in page.content.decode()
    fini = halle.client().post(
        url, {f"motif-{L01_COMPRESSES}": "REFUS_PATIENT", "vu": _vu(page)}, **HX
    )
    assert fini.status_code == 200
    assert "Contrôle validé" in fini.headers["HX-Trigger"].encode().decode("unicode_escape")


def test_answers_are_kept_when_the_window_is_left(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    base = _base(vente, numerique)
    garde = halle.client().post(
        base + "/controle/reponses/", {f"motif-{L01_COMPRESSES}": "RUPTURE"}, **HX
    )
    assert garde.status_code == 204
    page = halle.client("A01").get(base + "/controle/", **HX).content.decode()
    assert 'value="RUPTURE" data-officine-chiffre="5" checked' in " ".join(page.split())


def test_a_reason_out_of_the_list_is_refused(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    page = halle.client().post(
        _base(vente, numerique) + "/controle/", {f"motif-{L01_COMPRESSES}": "PARCE_QUE"}, **HX
    )
    assert page.status_code == 422
    assert "pas dans la liste" in page.content.decode()


@pytest.mark.parametrize(
    ("methode", "chemin"),
    [
        ("get", "/vente/{v}/ordonnance/saisie/"),
        ("post", "/vente/{v}/ordonnance/saisie/"),
        ("post", "/vente/{v}/ordonnance/{n}/relancer/"),
        ("post", "/vente/{v}/ordonnance/{n}/papier/"),
        ("post", "/vente/{v}/ordonnance/{n}/arreter/"),
        ("get", "/vente/{v}/ordonnance/{n}/attente/"),
        ("get", "/vente/{v}/ordonnance/{n}/confirmation/"),
        ("post", "/vente/{v}/ordonnance/{n}/confirmation/"),
        ("get", "/vente/{v}/ordonnance/{n}/renouvellement/"),
        ("post", "/vente/{v}/ordonnance/{n}/renouvellement/"),
        ("get", "/vente/{v}/ordonnance/{n}/controle/"),
        ("post", "/vente/{v}/ordonnance/{n}/controle/"),
        ("post", "/vente/{v}/ordonnance/{n}/controle/reponses/"),
        ("get", "/vente/{v}/ordonnance/{n}/rattacher/"),
        ("post", "/vente/{v}/ordonnance/{n}/rattacher/"),
    ],
)
@pytest.mark.exigence("SEC-06")
def test_another_officine_gets_a_404_and_no_word_of_the_patient(halle, port, methode, chemin):
    vente = halle.vente()
    numerique = recuperer(halle, vente)
    url = chemin.format(v=vente.pk, n=numerique.pk)
    reponse = getattr(port.client("A01"), methode)(url, **HX)
    assert reponse.status_code == 404
    assert "PAT-TROIS" not in reponse.content.decode()


def test_the_work_list_of_another_officine_is_empty(halle, port):
    from ordonnance.services import recuperation

    numerique = recuperation.fetch(halle.acteur(), halle.vente().pk, NUMERO, "SCAN")
    recuperation.to_paper(halle.acteur(), numerique.pk)
    chez_nous = halle.client().get("/ordonnances/a-regulariser/").content.decode()
    ailleurs = port.client("A01").get("/ordonnances/a-regulariser/").content.decode()
    assert "Demandé au service" in chez_nous
    assert "Rien à régulariser" in ailleurs


def test_the_sale_screen_stays_within_its_queries(halle):
    vente = halle.vente()
    confirmer(halle, vente)
    client = halle.client()
    with CaptureQueriesContext(connection) as peu:
        client.get(f"/vente/{vente.pk}/")
    for cip in (GLUCOPHAGE, LEVOTHYROX):
        servir(halle, vente, cip)
    with CaptureQueriesContext(connection) as beaucoup:
        client.get(f"/vente/{vente.pk}/")
    assert len(beaucoup) <= len(peu)
    assert len(beaucoup) <= 45


def test_a_pharmacien_may_say_that_it_is_the_same_person_and_a_preparateur_may_not(halle):
    from pharmacy.models import Patient, Vente

    vente = halle.vente()
    autre = Patient.objects.create(
        officine=halle.officine,
        cree_par=halle.operateurs["A01"],
        nom_naissance="AUTRE",
        premier_prenom="JEAN",
        date_naissance="1950-01-01",
        sexe="M",
    )
    Vente.objects.filter(pk=vente.pk).update(patient=autre)
    url = _base(vente, recuperer(halle, vente)) + "/confirmation/"
    page = halle.client("B01").get(url, **HX).content.decode()
    assert "un pharmacien le confirme ici" in page
    assert "Confirmer</button>" not in page
    page = halle.client().get(url, **HX).content.decode()
    assert 'name="meme_personne"' in page
    cases = {"patient": "oui", "conforme": "oui"}
    assert halle.client().post(url, cases, **HX).status_code == 422
    fini = halle.client().post(url, cases | {"meme_personne": "oui"}, **HX)
    assert "renouvellement" in fini.headers["HX-Trigger"]


def test_a_confirmed_prescription_may_still_be_taken_out(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    page = halle.client().get(_base(vente, numerique) + "/confirmation/", **HX).content.decode()
    assert "Arrêter : retirer l'ordonnance" in page


def test_an_answer_stays_with_its_line_when_a_scan_adds_a_difference(halle):
    from ordonnance.models import SaisieControle

    vente = halle.vente()
    numerique = confirmer(halle, vente)
    url = _base(vente, numerique) + "/controle/"
    affichee = halle.client().get(url, **HX)
    servir(halle, vente, GLUCOPHAGE, 2)
    halle.client().post(url + "reponses/", {f"motif-{L01_COMPRESSES}": "RUPTURE"}, **HX)
    assert list(SaisieControle.objects.values_list("cle", "motif")) == [(L01_COMPRESSES, "RUPTURE")]
    relu = halle.client().post(url, {"vu": _vu(affichee)}, **HX)
    assert relu.status_code == 409
    assert "La vente a changé" in relu.content.decode()
    assert _vu(relu) != _vu(affichee)


def test_what_was_not_read_is_not_validated(halle):
    from ordonnance.models import Execution

    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    url = _base(vente, numerique) + "/controle/"
    reponses = {f"motif-{L01_COMPRESSES}": "RUPTURE", "vu": _vu(halle.client().get(url, **HX))}
    autre = servir(halle, vente, "3400935955838")
    assert halle.client().post(url, reponses, **HX).status_code == 409
    assert not Execution.objects.exists()
    from pharmacy.services.vente import ligne_change

    ligne_change(halle.acteur(), vente.pk, autre.pk, 0)
    assert halle.client().post(url, reponses, **HX).status_code == 200


def test_the_focus_starts_at_the_first_answer_due_else_on_valider(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 1)
    servir(halle, vente, LEVOTHYROX)
    url = _base(vente, numerique) + "/controle/"
    page = html.fromstring(halle.client().get(url, **HX).content)
    assert len(page.xpath("//fieldset[@data-officine-question]")) == 2
    assert page.xpath("//*[@autofocus]/@name") == [f"motif-{L01_COMPRESSES}"]
    halle.client().post(url + "reponses/", {f"motif-{L01_COMPRESSES}": "RUPTURE"}, **HX)
    page = html.fromstring(halle.client().get(url, **HX).content)
    assert page.xpath("//*[@autofocus]/@data-officine-touche") == ["End"]
