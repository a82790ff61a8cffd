"""The screens of identity: rights, dialogs, the five faces of the panel."""

import re

import pytest

from ins.models import AppelInsi, PieceControlee
from pharmacy.services.vente import patient_choose
from tests.ins.scene import appel_of, porteur, refuse

pytestmark = pytest.mark.django_db


def _url(comptoir, suite):
    return f"/vente/{comptoir.vente.pk}/{suite}"


def _panneau(client, comptoir):
    """The panel as the page shows it: (face, html)."""
    html = client.get(_url(comptoir, "")).content.decode()
    bloc = re.search(r'<section id="panneau-identite".*?</section>', html, re.S).group(0)
    return re.search(r'data-face="(\w+)"', bloc).group(1), bloc


VUES = [
    ("get", "identite/"),
    ("post", "identite/"),
    ("post", "identite/relancer/"),
    ("get", "qualifier/"),
    ("post", "qualifier/"),
]


@pytest.mark.parametrize(("methode", "suite"), VUES)
def test_another_officine_gets_a_404_for_every_view(comptoir, port, marthe, methode, suite):
    avant = AppelInsi.objects.count()
    reponse = getattr(port.client("A01"), methode)(
        _url(comptoir, suite), {"appel": appel_of(marthe).pk, "reponse": "accepter"}
    )
    assert reponse.status_code == 404
    assert "VTE-404" in reponse.content.decode()
    assert AppelInsi.objects.count() == avant
    assert appel_of(marthe).decision == "en_attente"


@pytest.mark.parametrize(("methode", "suite"), VUES)
def test_the_same_views_answer_to_the_officine(comptoir, marthe, methode, suite):
    reponse = getattr(comptoir.troupe.client(), methode)(_url(comptoir, suite), {})
    assert reponse.status_code in {200, 302, 422}


@pytest.mark.parametrize(("methode", "suite"), VUES)
def test_a_sale_without_patient_says_so(halle, methode, suite):
    vente = halle.vente()
    reponse = getattr(halle.client(), methode)(f"/vente/{vente.pk}/{suite}", {})
    assert reponse.status_code == 409
    assert "INS-001" in reponse.content.decode()


@pytest.mark.exigence("INS-13")
def test_the_dialog_marks_each_difference_with_a_sign_and_preselects_nothing(comptoir, marthe):
    html = comptoir.troupe.client().get(_url(comptoir, "identite/")).content.decode()
    assert html.count("≠ différent") == 1
    assert html.count("+ ajouté") == 3
    assert html.count("= identique") == 2
    assert 'data-ecart="oui"' in html
    assert " checked" not in html
    assert 'value="accepter"' in html


def test_the_dialog_of_another_persons_matricule_offers_no_yes(comptoir, zoe):
    comptoir.read(zoe)
    comptoir.read(
        porteur("2490163220111", "19751231", "ZOE", patronymique="ADRUN", certifie="2751263220749")
    )
    html = comptoir.troupe.client().get(_url(comptoir, "identite/")).content.decode()
    assert 'value="accepter"' not in html
    assert "INS-012" in html


def test_accepting_on_the_screen_then_again(comptoir, marthe):
    client, corps = (
        comptoir.troupe.client(),
        {
            "appel": appel_of(marthe).pk,
            "reponse": "accepter",
            "trait-premier_prenom": "insi",
        },
    )
    assert client.post(_url(comptoir, "identite/"), corps).status_code == 302
    encore = client.post(_url(comptoir, "identite/"), corps)
    assert encore.status_code == 409
    assert "INS-009" in encore.content.decode()


def test_the_answer_of_another_patient_is_not_decided_from_this_sale(comptoir, marthe):
    appel, acteur = appel_of(marthe), comptoir.troupe.acteur()
    patient_choose(acteur, comptoir.vente.pk, comptoir.troupe.patient(), "recherche")
    reponse = comptoir.troupe.client().post(
        _url(comptoir, "identite/"), {"appel": appel.pk, "reponse": "accepter"}
    )
    assert reponse.status_code == 404
    assert appel_of(marthe).decision == "en_attente"


@pytest.mark.exigence("INS-07", "INS-14")
def test_qualifying_on_the_screen(comptoir, zoe):
    patient = comptoir.read(zoe)
    client = comptoir.troupe.client()
    html = client.get(_url(comptoir, "qualifier/")).content.decode()
    assert "Passeport" in html
    assert " checked" not in html
    reponse = client.post(
        _url(comptoir, "qualifier/"),
        {"traits_version": patient.traits_version, "piece": "PA", "reponse": "conforme"},
        HTTP_HX_REQUEST="true",
    )
    assert (reponse.status_code, reponse.content) == (200, b"")
    patient.refresh_from_db()
    assert patient.statut == "QUAL"
    face, bloc = _panneau(client, comptoir)
    assert face == "reponse"
    assert "INS qualifiée" in bloc


@pytest.mark.parametrize(
    "corps", [{}, {"reponse": "conforme"}, {"piece": "PA"}, {"piece": "PC", "reponse": "conforme"}]
)
def test_an_incomplete_check_is_said_and_records_nothing(comptoir, zoe, corps):
    patient = comptoir.read(zoe)
    reponse = comptoir.troupe.client().post(
        _url(comptoir, "qualifier/"), {"traits_version": patient.traits_version, **corps}
    )
    assert reponse.status_code == 422
    assert 'role="alert"' in reponse.content.decode()
    assert not PieceControlee.objects.exists()


def test_the_fragment_is_what_the_page_holds(comptoir, marthe):
    client = comptoir.troupe.client()
    fragment = client.get(_url(comptoir, "identite/"), HTTP_HX_REQUEST="true").content.decode()
    page = client.get(_url(comptoir, "identite/")).content.decode()
    sans_csrf = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    assert sans_csrf.sub("", fragment).strip() in sans_csrf.sub("", page)


# The five faces


def test_face_empty_without_patient(comptoir):
    assert _panneau(comptoir.troupe.client(), comptoir)[0] == "vide"


def test_face_waiting_has_a_clock(comptoir, zoe):
    comptoir.choose(zoe)
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "attente"
    assert re.search(r'class="horloge"\s+data-depuis="20\d\d-', bloc)


def test_face_waiting_gives_up_visibly_at_45_seconds(comptoir, zoe):
    patient = comptoir.choose(zoe)
    comptoir.age(patient, 44)
    assert _panneau(comptoir.troupe.client(), comptoir)[0] == "attente"
    comptoir.age(patient, 45)
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "echec"
    assert "INS-045" in bloc


def test_face_failed_has_a_sentence_a_code_and_a_key(comptoir, zoe, insi):
    insi.humeur("panne_503")
    comptoir.choose(zoe)
    comptoir.work(essais=3)
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "echec"
    assert "INSi est indisponible" in bloc
    assert "http_503" in bloc
    assert "identite/relancer/" in bloc


def test_the_retry_key_asks_again(comptoir, zoe, insi):
    insi.humeur("panne_503", fois=3)
    patient = comptoir.choose(zoe)
    comptoir.work(essais=3)
    reponse = comptoir.troupe.client().post(_url(comptoir, "identite/relancer/"))
    assert reponse.status_code == 302
    comptoir.work()
    patient.refresh_from_db()
    assert patient.statut == "RECUP"


def test_face_to_check_asks_one_question(comptoir, marthe):
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "averifier"
    assert bloc.count("?") == 1


@pytest.mark.exigence("INS-17")
def test_after_a_refusal_the_document_is_asked_no_more(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient, "refusee", "")
    assert _panneau(comptoir.troupe.client(), comptoir)[0] == "reponse"


def test_the_panel_costs_the_same_with_one_call_and_with_nine(
    comptoir, zoe, django_assert_max_num_queries
):
    from ins.panneau import render_panneau
    from pharmacy.rendu import vente_get

    patient = comptoir.read(zoe)
    acteur = comptoir.troupe.acteur()
    for _ in range(9):
        vente = vente_get(acteur, comptoir.vente.pk)
        with django_assert_max_num_queries(3):
            assert 'data-face="averifier"' in render_panneau(vente, acteur)
        comptoir.again(patient)


def test_a_refused_answer_is_said_and_may_be_asked_again(comptoir, marthe):
    refuse(comptoir.troupe.acteur(), appel_of(marthe), "saisie")
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "reponse"
    assert "refusée le" in bloc
    assert "identite/relancer/" in bloc


def test_a_certificate_refused_by_insi_is_said_at_once_and_names_who_to_tell(comptoir, zoe, insi):
    insi.humeur("faute", code="desir_560")
    comptoir.read(zoe)
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "echec"
    assert "Prévenez le titulaire" in bloc


@pytest.mark.exigence("INS-33")
def test_a_doubtful_identity_says_that_insi_is_blocked_and_offers_no_call(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient, "differente", suite="douteuse")
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "reponse"
    assert "appel INSi bloqué" in bloc
    assert "relancer" not in bloc


def test_nobody_found_says_what_to_do_and_its_code(comptoir):
    comptoir.read(porteur("1800163220999", "19800115", "PAUL", patronymique="INCONNU"))
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert face == "echec"
    assert '<span class="code-erreur">01</span>' in bloc
    assert "Vérifiez le nom de naissance" in bloc


def test_a_check_that_came_too_late_is_shown_in_the_dialog(comptoir, zoe):
    patient = comptoir.read(zoe)
    reponse = comptoir.troupe.client().post(
        _url(comptoir, "qualifier/"),
        {"traits_version": patient.traits_version + 1, "piece": "PA", "reponse": "conforme"},
    )
    assert reponse.status_code == 422
    assert "INS-007" in reponse.content.decode()
    assert not PieceControlee.objects.exists()


def test_no_trait_is_in_an_address_nor_the_matricule_on_the_screen(comptoir, zoe):
    comptoir.check(comptoir.read(zoe))
    html = comptoir.troupe.client().get(_url(comptoir, "")).content.decode()
    assert "INS qualifiée" in html
    assert "2751263220749" not in html
    assert not re.search(r'(href|action|hx-\w+)="[^"]*(ADRUN|ZOE|1975)', html)


@pytest.mark.exigence("CTR-20")
@pytest.mark.parametrize("cas", ["vide", "provisoire", "recuperee", "qualifiee"])
def test_no_second_key_means_two_things_on_a_sale(comptoir, zoe, insi, cas):
    if cas == "provisoire":
        insi.humeur("panne_503")
    if cas != "vide":
        patient = comptoir.read(zoe)
    if cas == "qualifiee":
        comptoir.check(patient)
    html = comptoir.troupe.client().get(_url(comptoir, "")).content.decode()
    lettres = re.findall(r'data-officine-touche2="(\w)"', html)
    assert len(lettres) > 6
    assert sorted(lettres) == sorted(set(lettres))
