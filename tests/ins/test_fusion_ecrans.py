"""Screens of two files: face to face, merged by key, put aside, undone; read by a tired person."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ins.models import Fusion, TacheIdentite
from ins.services.fusion import mark_of
from pharmacy.models import Operateur, Patient, Vente
from pharmacy.templatetags.comptoir import masque
from tests.ins.dossiers import LEO, ZOE, dossier, fuse, with_ins

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("INS-28")]


@pytest.fixture
def paire(halle):
    """A qualified file and a provisional one, whose used names and cards differ."""
    qual = dossier(
        halle,
        nom_utilise="DUPONT",
        prenoms_naissance="ZOE ANNE",
        cog_naissance="63220",
        carte_empreinte="a",
    )
    with_ins(qual, piece=True)
    prov = dossier(halle, nom_utilise="MARTIN", carte_empreinte="b", rang_gemellaire=2)
    Vente.objects.create(
        officine=halle.officine, etat="terminee", ouverte_par=prov.cree_par, patient=prov
    )
    return qual, prov


def _url(paire, suite=""):
    return f"/patient/{paire[0].pk}/fusion/{paire[1].pk}/{suite}"


def _page(reponse):
    return " ".join(unescape(reponse.content.decode()).split())


def _corps(paire, **champs):
    un, autre = paire
    return {
        "vues": mark_of(un, autre),
        "garde": un.pk,
        "nom_utilise": autre.pk,
        "carte": un.pk,
        "motif": "piece",
        **champs,
    }


def test_both_files_are_shown_before_anything_is_chosen(halle, paire):
    page = _page(halle.client("A01").get(_url(paire)))
    for attendu in (
        "INS qualifiée",
        "Identité provisoire, sans INS",
        masque(ZOE),
        "Passeport, vue le",
        "DUPONT",
        "MARTIN",
        "= identique",
        "≠ différent",
        'name="garde"',
        'name="nom_utilise"',
        'name="carte"',
        "Il garde ses traits : identité qualifiée.",
        "Il garde les traits de l'autre dossier : identité qualifiée.",
        "La fusion s'annule pendant 30 jours.",
    ):
        assert attendu in page, attendu
    assert " checked" not in page
    assert ZOE not in page
    assert 'name="prenom_utilise"' not in page
    ventes = re.search(r"Ventes</th> <td> ?(\d) ?</td> <td> ?(\d) ?</td>", page)
    assert ventes.groups() == ("0", "1")


@pytest.mark.cas("ins-52")
def test_merging_on_the_screen_then_undoing_on_the_screen(halle, paire):
    qual, prov = paire
    client = halle.client("A01")
    reponse = client.post(_url(paire), _corps(paire))
    assert (reponse.status_code, reponse["Location"]) == (302, f"/patient/{qual.pk}/proches/")
    qual.refresh_from_db()
    prov.refresh_from_db()
    assert (qual.statut, qual.nom_utilise, prov.fusionne_dans) == ("QUAL", "MARTIN", qual)
    fusion = Fusion.objects.get()
    jour = timezone.localdate(fusion.faite_le + timedelta(days=30))
    page = _page(client.get(f"/patient/{qual.pk}/proches/"))
    assert f"jusqu'au {jour:%d/%m/%Y}" in page
    assert "Ce dossier est fusionné dans le" in _page(client.get(f"/patient/{prov.pk}/proches/"))
    page = _page(client.get(f"/fusions/{fusion.pk}/annuler/"))
    assert "Lui reviennent : 1 carte, 1 vente." in page
    assert "Aucune vente n'a été faite depuis la fusion." in page
    assert client.post(f"/fusions/{fusion.pk}/annuler/").status_code == 302
    prov.refresh_from_db()
    assert prov.actif
    assert "Annulée le" in _page(client.get("/fusions/"))


def test_what_was_made_since_is_told_before_undoing(halle, paire):
    fusion = fuse(halle, *paire, nom_utilise=paire[0].pk, carte=paire[0].pk)
    for _ in range(2):
        Vente.objects.create(
            officine=halle.officine, ouverte_par=paire[0].cree_par, patient=paire[0]
        )
    page = _page(halle.client("A01").get(f"/fusions/{fusion.pk}/annuler/"))
    assert f"2 ventes faites depuis la fusion restent au dossier n° {paire[0].pk}" in page


def test_a_merge_too_old_shows_why_and_no_button(halle, paire):
    fusion = fuse(halle, *paire, nom_utilise=paire[0].pk, carte=paire[0].pk)
    Fusion.objects.update(faite_le=timezone.now() - timedelta(days=31))
    client = halle.client("A01")
    page = _page(client.get(f"/fusions/{fusion.pk}/annuler/"))
    assert "INS-119" in page
    assert "Annuler la fusion" not in page
    assert "Plus de 30 jours" in _page(client.get("/fusions/"))
    reponse = client.post(f"/fusions/{fusion.pk}/annuler/")
    assert (reponse.status_code, "INS-119" in _page(reponse)) == (409, True)


def test_only_the_last_merge_of_a_file_offers_to_be_undone(halle, paire):
    fuse(halle, *paire, nom_utilise=paire[0].pk, carte=paire[0].pk)
    fuse(halle, paire[0], dossier(halle))
    page = _page(halle.client("A01").get("/fusions/"))
    assert page.count("/annuler/") == 1
    assert "Annulez d'abord la plus récente" in page


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"garde": ""}, "Choisissez le dossier que vous gardez."),
        ({"garde": "1"}, "Choisissez le dossier que vous gardez."),
        ({"motif": ""}, "Dites pourquoi ces dossiers sont ceux d'une personne."),
        ({"motif": "x"}, "Choisissez un des motifs proposés."),
        ({"nom_utilise": ""}, "Choisissez le nom utilisé à garder. (INS-111)"),
        ({"carte": ""}, "Choisissez la carte à garder. (INS-111)"),
        ({"vues": "1.1.PROV 2.1.PROV"}, "Un des dossiers a changé depuis : relisez-les. (INS-110)"),
    ],
)
def test_what_is_missing_is_said_and_nothing_typed_is_lost(halle, paire, champs, phrase):
    reponse = halle.client("A01").post(_url(paire), _corps(paire, **champs))
    assert reponse.status_code == 422
    page = _page(reponse)
    assert phrase in page
    attendus = {"garde": paire[0].pk, "nom_utilise": paire[1].pk, "motif": "piece"}
    for nom, valeur in attendus.items():
        if nom not in champs:
            assert re.search(rf'name="{nom}" value="{valeur}"[^>]* checked', page), nom
    assert not Fusion.objects.exists()


@pytest.mark.cas("ins-51")
def test_two_ins_that_differ_offer_no_merge(halle, paire):
    with_ins(paire[1], LEO)
    page = _page(halle.client("A01").get(_url(paire)))
    assert "INS-106" in page
    assert "Homonymes peut-être" in page or "Jumeaux peut-être" in page
    assert "Fusionner les deux dossiers" not in page
    assert "Marquer les deux dossiers homonymes" in page


@pytest.mark.cas("ins-54")
def test_twins_of_one_first_name_show_rank_and_matricule(halle, paire):
    with_ins(paire[1], LEO)
    page = _page(halle.client("A02").get(_url(paire)))
    assert "Jumeaux peut-être : comparez le rang gémellaire et le matricule." in page
    assert "rangs gémellaires différents" in page
    assert {masque(ZOE), masque(LEO)} <= set(re.findall(r"\d•+\d{3}", page))


@pytest.mark.cas("ins-53")
def test_one_key_marks_twins_homonymes(halle, paire):
    client = halle.client("A02")
    reponse = client.post(_url(paire, "ecarter/"), {"issue": "homonymes"})
    assert reponse.status_code == 302
    assert Patient.objects.filter(attr_homonyme=True).count() == 2
    assert TacheIdentite.objects.get().issue == "Deux personnes, homonymes"
    assert "Homonyme" in _page(client.get(f"/patients/{paire[0].pk}/"))


def test_who_may_not_merge_compares_and_is_told_so(halle, paire):
    Operateur.objects.filter(pk=halle.operateurs["B01"].pk).update(role="preparateur")
    client = halle.client("B01")
    page = _page(client.get(_url(paire)))
    assert "Votre profil ne permet pas de fusionner deux dossiers." in page
    assert "Fusionner les deux dossiers" not in page
    assert client.post(_url(paire), _corps(paire)).status_code == 403
    assert client.get("/fusions/").status_code == 403
    assert not Fusion.objects.exists()


def test_near_files_are_listed_nearest_first_and_nothing_else(halle, paire):
    loin = dossier(halle, nom_naissance="MARTIN", date_naissance=date(1950, 1, 2))
    client = halle.client("A02")
    page = _page(client.get(f"/patient/{paire[0].pk}/proches/"))
    assert _url(paire) in page
    assert f"fusion/{loin.pk}/" not in page
    seul = _page(client.get(f"/patient/{loin.pk}/proches/"))
    assert "Aucun dossier de l'officine ne ressemble à celui-ci." in seul
    assert "Aucune fusion." in seul


def test_a_merged_file_is_compared_no_more(halle, paire):
    fuse(halle, *paire, nom_utilise=paire[0].pk, carte=paire[0].pk)
    reponse = halle.client("A01").get(_url(paire))
    assert (reponse.status_code, "PAT-404" in _page(reponse)) == (404, True)
    assert (
        halle.client("A01").get(f"/patient/{paire[0].pk}/fusion/{paire[0].pk}/").status_code == 404
    )


def test_the_screens_cost_a_few_queries(halle, paire):
    client = halle.client("A01")
    for url, budget in ((_url(paire), 22), (f"/patient/{paire[0].pk}/proches/", 25)):
        client.get(url)
        with CaptureQueriesContext(connection) as requetes:
            assert client.get(url).status_code == 200
        assert len(requetes) <= budget, url
