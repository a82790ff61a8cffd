"""Key M: the whole prescription of the demonstration is served, device included."""

import pytest
from lxml import etree, html

from ordonnance.models import OrdonnanceNumerique
from ordonnance.selectors import dossier_of
from ordonnance.services import rattachement, validation
from ordonnance.services.rattachement import AUTO, HORS, attach
from pharmacy.models import Vente
from pharmacy.services.vente import Boite, VenteRefusee, ligne_add
from teleservices.models import Envoi
from tests.ordonnance.atelier import GLUCOPHAGE, LEVOTHYROX, confirmer, servir

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}
L_GLUCOPHAGE = "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d1001"
L_LEVOTHYROX = "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d1002"
L_COMPRESSES = "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d1003"
LPP = "1397790"


def _dossier(numerique, vente):
    return dossier_of(numerique, Vente.objects.select_related("patient").get(pk=vente.pk))


def _libre(troupe, vente, libelle="IALUSET+ compresses"):
    return ligne_add(troupe.acteur(), vente.pk, Boite(libelle=libelle))


def _scene(troupe):
    vente = troupe.vente()
    numerique = confirmer(troupe, vente)
    servir(troupe, vente, GLUCOPHAGE, 2)
    servir(troupe, vente, LEVOTHYROX)
    return vente, numerique


@pytest.mark.exigence("ORD-26")
def test_the_prescription_of_the_demonstration_is_entirely_served_by_a_free_label(halle):
    vente, numerique = _scene(halle)
    compresses = _libre(halle, vente)
    assert [e.code for e in _dossier(numerique, vente).ecarts] == ["L01"]
    attach(halle.acteur(), numerique.pk, compresses.pk, L_COMPRESSES)
    assert _dossier(numerique, vente).ecarts == ()
    execution = validation.validate(halle.acteur(), numerique.pk)
    assert set(execution.lignes.values_list("resultat", "rattachement")) == {
        ("DELIVRE", "AUTO 0"),
        ("DELIVRE", "MANUEL"),
    }
    compresses.refresh_from_db()
    assert compresses.ligne_prescrite.id_national == L_COMPRESSES


@pytest.mark.exigence("ORD-26")
@pytest.mark.parametrize("geste", ["scan", "recherche"])
def test_an_lpp_code_serves_the_device_it_names(halle, geste):
    from agent.protocol.classification import lire_code
    from pharmacy.codes import Scan, route_scan
    from pharmacy.motifs import motifs_en_vigueur
    from pharmacy.selectors.produit import produit_libelle

    vente, numerique = _scene(halle)
    if geste == "scan":
        code = lire_code(LPP, "scan", motifs_en_vigueur(), nom_produit=produit_libelle)
        route_scan(Scan(halle.acteur(), vente, code, "scan"))
    else:
        halle.client().post(f"/vente/{vente.pk}/produits/", {"libelle": LPP}, **HX)
    assert _dossier(numerique, vente).ecarts == ()
    validation.validate(halle.acteur(), numerique.pk)
    corps = etree.fromstring(bytes(Envoi.objects.get(operation="ordonnance.executer").corps))
    assert [e.text for e in corps.iter("{urn:sim:epu:1}LPP")] == [LPP]


def test_a_seven_digit_code_that_nothing_prescribes_is_still_unknown(halle):
    vente, _ = _scene(halle)
    halle.client().post(f"/vente/{vente.pk}/produits/", {"libelle": "9999999"}, **HX)
    assert vente.lignes.get(cip13="").lpp == ""


@pytest.mark.cas("ordonnance-C36")
def test_a_product_moved_by_hand_stays_after_a_rescan_and_comes_back_when_asked(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    boite = servir(halle, vente, LEVOTHYROX)
    for choix, attendu in (
        (L_GLUCOPHAGE, L_GLUCOPHAGE),
        (HORS, None),
        (AUTO, L_LEVOTHYROX),
        (L_GLUCOPHAGE, L_GLUCOPHAGE),
    ):
        attach(halle.acteur(), numerique.pk, boite.pk, choix)
        assert _dossier(numerique, vente).rattachements[0].id_ligne == attendu
    servir(halle, vente, LEVOTHYROX)
    dossier = _dossier(numerique, vente)
    assert [r.id_ligne for r in dossier.rattachements] == [L_GLUCOPHAGE]
    assert "S08" in {e.code for e in dossier.ecarts}


def test_a_choice_by_hand_outlives_a_new_reading_of_the_lines(halle):
    vente, numerique = _scene(halle)
    compresses = _libre(halle, vente)
    attach(halle.acteur(), numerique.pk, compresses.pk, L_COMPRESSES)
    numerique.ordonnance.lignes.all().delete()
    assert _dossier(numerique, vente).servies(L_COMPRESSES)


def test_what_cannot_take_a_product_is_refused(halle):
    vente, numerique = _scene(halle)
    compresses = _libre(halle, vente)
    numerique.ordonnance.lignes.filter(id_national=L_COMPRESSES).update(statut="ANNULEE")
    for produit_id, choix, code in (
        (compresses.pk, L_COMPRESSES, "ORD-018"),
        (compresses.pk, "", "ORD-018"),
        (0, L_GLUCOPHAGE, "VTE-404"),
    ):
        with pytest.raises(VenteRefusee) as refus:
            attach(halle.acteur(), numerique.pk, produit_id, choix)
        assert refus.value.code == code
    OrdonnanceNumerique.objects.filter(pk=numerique.pk).update(etat="a_transmettre")
    with pytest.raises(VenteRefusee) as refus:
        rattachement.attach(halle.acteur(), numerique.pk, compresses.pk, AUTO)
    assert refus.value.code == "ORD-017"


def test_the_dialog_asks_the_product_then_the_line_each_by_a_digit(halle):
    vente, numerique = _scene(halle)
    client = halle.client()
    assert 'data-officine-lettre="M"' in client.get(f"/vente/{vente.pk}/").content.decode()
    compresses = _libre(halle, vente)
    url = f"/vente/{vente.pk}/ordonnance/{numerique.pk}/rattacher/"
    page = html.fromstring(client.get(url, **HX).content)
    liens = page.xpath("//a[@data-officine-chiffre]/@hx-get")
    assert len(liens) == 3
    page = html.fromstring(client.get(liens[2], **HX).content)
    assert page.xpath("//button/@data-officine-chiffre") == ["1", "2", "3", "0"]
    (choix,) = page.xpath("//button[@data-officine-chiffre='3']/@value")
    donnees = {"produit": compresses.pk, "choix": choix}
    assert client.post(url, donnees, **HX).content == b""
    suite = client.post(url, donnees | {"retour": "controle"}, **HX)
    assert "/controle/" in suite.headers["HX-Trigger"]
    assert "rattaché à la main" in client.get(f"/vente/{vente.pk}/").content.decode()


def test_without_a_product_there_is_nothing_to_attach(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    page = halle.client().get(f"/vente/{vente.pk}/ordonnance/{numerique.pk}/rattacher/", **HX)
    assert page.status_code == 409
    assert "scannez-le d'abord" in html.fromstring(page.content).text_content()


def test_another_poste_attaches_nothing_to_a_sale_under_way(halle):
    vente, numerique = _scene(halle)
    compresses = _libre(halle, vente)
    with pytest.raises(VenteRefusee) as refus:
        attach(halle.acteur("A01", 1), numerique.pk, compresses.pk, L_COMPRESSES)
    assert refus.value.code == "VTE-010"
    assert attach(halle.acteur(), numerique.pk, compresses.pk, L_COMPRESSES).rattachement_manuel
