"""What the identity panel says once the sale is over: nothing that cannot be done any more."""

import pytest
from bs4 import BeautifulSoup

from pharmacy.services.vente import Boite, ligne_add
from tests.ins.scene import porteur

pytestmark = pytest.mark.django_db


def _fin(comptoir):
    """FIN; return the address it leads to."""
    reponse = comptoir.troupe.client().post(f"/vente/{comptoir.vente.pk}/fin/")
    assert reponse.status_code == 302
    return reponse["Location"]


def _panneau(comptoir, url):
    page = BeautifulSoup(comptoir.troupe.client().get(url).content.decode(), "html.parser")
    panneau = page.find(id="panneau-identite")
    assert panneau is not None, url
    return panneau


def _serve(comptoir):
    ligne_add(comptoir.troupe.acteur(), comptoir.vente.pk, Boite(libelle="Article"))


@pytest.mark.exigence("INS-16", "INS-32")
def test_after_the_document_asked_for_by_fin_the_panel_says_what_was_done(comptoir, zoe):
    patient = comptoir.read(zoe)
    _serve(comptoir)
    dialogue = _fin(comptoir)
    assert dialogue.endswith("/qualifier/")
    champs = {"reponse": "conforme", "piece": "PA", "traits_version": patient.traits_version}
    assert comptoir.troupe.client().post(dialogue, champs).status_code == 302
    for aller in (lambda: f"/vente/{comptoir.vente.pk}/", lambda: _fin(comptoir)):
        texte = " ".join(_panneau(comptoir, aller()).text.split())
        assert "Pièce contrôlée le" in texte
        assert "Insérez" not in texte


@pytest.mark.parametrize("qui", ["personne", "recup", "averifier", "sans_ins"])
def test_a_sale_that_is_over_asks_for_nothing(comptoir, zoe, qui):
    if qui == "recup":
        comptoir.check(comptoir.read(zoe), "aucune", "")
    elif qui == "averifier":
        comptoir.read(porteur("2751263220749", "19751231", "MARTHE", patronymique="ADRUN"))
    elif qui == "sans_ins":
        comptoir.choose(porteur("2990163220111", "19990101", "INCONNUE", usuel="PERSONNE"))
        comptoir.work()
    _serve(comptoir)
    url = _fin(comptoir)
    if "/fin/page/" not in url:
        url = _fin(comptoir)
    panneau = _panneau(comptoir, url)
    texte = " ".join(panneau.text.split())
    assert not panneau.find_all(["a", "button"])
    for demande in ("Insérez", "Est-ce bien", "présente-t-elle", "saisissez", "Créer"):
        assert demande not in texte, texte


def test_no_panel_of_a_sale_that_is_over_asks_for_a_scan(comptoir):
    _serve(comptoir)
    page = comptoir.troupe.client().get(_fin(comptoir)).content.decode()
    for panneau in BeautifulSoup(page, "html.parser").find_all(class_="panneau"):
        texte = " ".join(panneau.text.split())
        assert "Scannez" not in texte
        assert "Insérez" not in texte
    assert "Pas d'Ordonnance Numérique dans cette vente." in page
