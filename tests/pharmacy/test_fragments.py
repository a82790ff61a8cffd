"""The fragment law: a page after its swap is the page loaded fresh; and the budgets of queries."""

import re

import pytest
from bs4 import BeautifulSoup
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pharmacy.models import Patient, Vente
from pharmacy.services.patient import compute_recherche
from pharmacy.services.vente import Boite, ligne_add, patient_choose
from teleservices.models import Envoi
from tests.ordonnance.atelier import GLUCOPHAGE, LEVOTHYROX, confirmer, recuperer

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}
VARIABLE = re.compile(
    r'(csrfmiddlewaretoken" value|name="csrf" content|nonce)="[^"]*"|"X-CSRFToken": "[^"]*"'
)


def _soupe(reponse):
    return BeautifulSoup(VARIABLE.sub("", reponse.content.decode()), "html.parser")


def _plat(noeud):
    return " ".join(str(noeud).split())


def _swap(page, cible, fragment, *, tout=False):
    """Do what htmx does: replace the inside of `cible`, or the element itself."""
    element = page.find(id=cible)
    assert element is not None, cible
    if tout:
        element.replace_with(fragment)
    else:
        element.clear()
        element.append(fragment)
    return page


def _meme(avant, apres):
    assert _plat(avant.body) == _plat(apres.body)


def test_patients_found_while_typing_are_those_of_the_page(halle):
    client = halle.client()
    page = _soupe(client.get("/patients/"))
    fragment = _soupe(client.post("/patients/", {"q": "pat"}, **HX))
    fraiche = _soupe(client.post("/patients/", {"q": "pat"}))
    page.find(id="recherche-patient")["value"] = "pat"  # what the person typed
    _meme(_swap(page, "patients-liste", fragment), fraiche)


def _agir(client, vente, chemin, corps):
    """POST by htmx on the sale shown; return the page swapped and the page loaded fresh."""
    page = _soupe(client.get(f"/vente/{vente.pk}/"))
    reponse = client.post(f"/vente/{vente.pk}/{chemin}", corps, **HX)
    assert reponse.status_code == 200
    return _swap(page, "zone-lignes", _soupe(reponse), tout=True), _soupe(
        client.get(f"/vente/{vente.pk}/")
    )


def _zone(page):
    return page.find(id="zone-lignes")


@pytest.mark.parametrize(
    ("chemin", "corps"),
    [
        ("produits/", {"cip": GLUCOPHAGE}),
        ("lignes/{ligne}/", {"quantite": "3"}),
        ("lignes/{ligne}/", {"quantite": "0"}),
        ("prescription/", {"date_prescription": "2026-01-12"}),
    ],
)
def test_an_act_on_the_lines_swaps_what_a_fresh_page_shows(halle, chemin, corps):
    vente = halle.vente()
    ligne = ligne_add(halle.acteur(), vente.pk, Boite(cip13=LEVOTHYROX))
    ligne_add(halle.acteur(), vente.pk, Boite(libelle="PANSEMENT"))
    apres, fraiche = _agir(halle.client(), vente, chemin.format(ligne=ligne.pk), corps)
    assert _plat(_zone(apres)) == _plat(_zone(fraiche))


def test_putting_back_the_last_row_swaps_what_a_fresh_page_shows(halle):
    vente = halle.vente()
    client = halle.client()
    ligne = ligne_add(halle.acteur(), vente.pk, Boite(cip13=LEVOTHYROX))
    ligne_add(halle.acteur(), vente.pk, Boite(libelle="PANSEMENT"))
    client.post(f"/vente/{vente.pk}/lignes/{ligne.pk}/", {"quantite": "0"})
    apres, fraiche = _agir(client, vente, "retablir/", {})
    assert _plat(_zone(apres)) == _plat(_zone(fraiche))


@pytest.mark.parametrize("etape", ["vide", "patient", "recuperee", "confirmee", "servie"])
def test_the_stream_sends_the_very_parts_of_the_page(halle, etape):
    vente = halle.vente()
    if etape in {"patient", "servie"}:
        patient_choose(halle.acteur(), vente.pk, halle.patient(), "recherche")
    if etape == "recuperee":
        recuperer(halle, vente)
    if etape in {"confirmee", "servie"}:
        confirmer(halle, vente)
    if etape == "servie":
        ligne_add(halle.acteur(), vente.pk, Boite(cip13=GLUCOPHAGE))
    client = halle.client()
    page = _soupe(client.get(f"/vente/{vente.pk}/"))
    fragments = client.get(f"/flux/etat?vente={vente.pk}").json()["fragments"]
    assert {"zone-bandeau", "zone-lignes", "zone-entete"} < {f["cible"] for f in fragments}
    for fragment in fragments:
        recu = BeautifulSoup(VARIABLE.sub("", fragment["html"]), "html.parser")
        if fragment["cible"] == "zone-entete":  # the page holds it without version
            assert _plat(recu.find("ul")) == _plat(page.find(id="zone-entete").find("ul"))
            continue
        cible = fragment["cible"]
        assert _plat(recu.find(id=cible)) == _plat(page.find(id=cible))


DIALOGUES = {
    "touches": "/touches/",
    "patient": "/vente/{v}/patient/",
    "creer": "/patients/nouveau/?vente={v}",
    "identite": "/vente/{v}/identite/",
    "qualifier": "/vente/{v}/qualifier/",
    "saisie": "/vente/{v}/ordonnance/saisie/",
    "confirmation": "/vente/{v}/ordonnance/{n}/confirmation/",
    "renouvellement": "/vente/{v}/ordonnance/{n}/renouvellement/",
    "controle": "/vente/{v}/ordonnance/{n}/controle/",
    "attente": "/vente/{v}/ordonnance/{n}/attente/",
}


@pytest.mark.parametrize("nom", DIALOGUES)
def test_a_dialog_is_a_page_too_and_the_same_fragment(halle, nom):
    vente = halle.vente()
    patient_choose(halle.acteur(), vente.pk, halle.patient(), "recherche")
    numerique = confirmer(halle, vente)
    url = DIALOGUES[nom].format(v=vente.pk, n=numerique.pk)
    client = halle.client()
    fragment, page = _soupe(client.get(url, **HX)), _soupe(client.get(url))
    assert page.find("header", class_="entete") is not None
    assert fragment.find("header", class_="entete") is None
    assert _plat(fragment) in _plat(page)


# Budgets: the number is written, and ten rows cost what one costs.


def _patients(troupe, combien):
    for rang in range(combien):
        patient = Patient(
            officine=troupe.officine,
            nom_naissance=f"ZOLA{rang}",
            premier_prenom="ANNE",
            date_naissance="1980-02-01",
            sexe="F",
            cree_par=troupe.operateurs["A01"],
        )
        patient.recherche = compute_recherche(patient)
        patient.save()


def _envois(troupe, combien):
    for rang in range(combien):
        Envoi.objects.create(
            officine=troupe.officine,
            service="epu",
            operation="ordonnance.liberer",
            cle=f"budget-{rang}",
            sujet=f"on:{rang}",
            etat="refuse",
            file="lots",
            operateur=troupe.operateurs["A01"],
            pas_avant=timezone.now(),
        )


def _attente(troupe, combien):
    for _ in range(combien):
        Vente.objects.create(
            officine=troupe.officine,
            poste=troupe.postes[0],
            etat="en_attente",
            patient=troupe.patient(),
            ouverte_par=troupe.operateurs["A01"],
        )


def _operateurs(troupe, combien):
    from pharmacy.models import Operateur

    for rang in range(combien):
        Operateur.objects.create(officine=troupe.officine, code=f"Z{rang}", role="apprenti")


def _lignes(troupe, combien):
    vente = troupe.vente("A01")
    for rang in range(combien):
        ligne_add(troupe.acteur("A01"), vente.pk, Boite(libelle=f"PRODUIT {rang}"))


ECRANS = {
    "/patients/": (_patients, 11),
    "/file/": (_envois, 15),
    "/": (_attente, 12),
    "/equipe/": (_operateurs, 11),
    "/vente/{v}/": (_lignes, 16),
}


@pytest.mark.parametrize("url", ECRANS)
def test_ten_rows_cost_the_queries_of_one(halle, url):
    remplir, budget = ECRANS[url]
    client = halle.client("A01")
    if "{v}" in url:
        url = url.format(v=halle.vente("A01").pk)
    remplir(halle, 1)
    comptes = [_compte(client, url)]
    for modele in (Envoi, Vente):
        if remplir in {_envois, _attente}:
            modele.objects.filter(etat__in=["refuse", "en_attente"]).delete()
    if remplir is _patients:
        Patient.objects.filter(nom_naissance="ZOLA0").delete()
    elif remplir is _operateurs:
        type(halle.operateurs["A01"]).objects.filter(code="Z0").delete()
    remplir(halle, 10)
    comptes.append(_compte(client, url))
    assert comptes[1] == comptes[0]
    assert comptes[1] <= budget, comptes


def _compte(client, url):
    def voir():
        return client.post(url, {"q": "zola"}) if url == "/patients/" else client.get(url)

    voir()
    with CaptureQueriesContext(connection) as requetes:
        assert voir().status_code == 200
    return len(requetes)
