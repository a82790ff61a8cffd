"""Where a code goes once read, as the page asks it: used, named, or refused with the next step."""

import json

import pytest

from pharmacy.models import LigneDelivrance, Vente

pytestmark = pytest.mark.django_db
BOITE = "]d20103400935955838"  # DOLIPRANE 1000 mg
CIP = "3400935955838"
GS = "\x1d"


def scanner(troupe, texte, vente=None, **autres):
    """Post a scan; what the page is told."""
    corps = {"text": texte, "canal": "scan", "vente": vente.pk if vente else None, **autres}
    reponse = troupe.client().post("/api/scans", json.dumps(corps), content_type="application/json")
    assert reponse.status_code == 200, reponse.content
    return reponse.json()


@pytest.mark.exigence("AGT-04")
@pytest.mark.cas("agent-71")
def test_a_box_brings_its_lot_expiry_and_serial_number(halle):
    vente = halle.vente()
    suite = scanner(halle, f"{BOITE}1728053110LT1{GS}21S1", vente)
    ligne = vente.lignes.get()
    assert (ligne.lot, ligne.numero_serie, str(ligne.peremption)) == ("LT1", "S1", "2028-05-31")
    assert (suite["ton"], suite["code"]) == ("info", "")


@pytest.mark.exigence("AGT-04")
@pytest.mark.cas("agent-72")
def test_a_box_whose_separators_were_lost_is_added_without_what_is_doubtful(halle):
    vente = halle.vente()
    suite = scanner(halle, f"{BOITE}1728053110ABC21XYZ1234", vente)
    ligne = vente.lignes.get()
    assert (ligne.cip13, ligne.lot, ligne.numero_serie) == (CIP, "", "")
    assert str(ligne.peremption) == "2028-05-31"
    assert "Lot et numéro de série non repris" in suite["phrase"]
    assert "séparateurs perdus" in suite["phrase"]
    assert (suite["ton"], suite["code"]) == ("attention", "SCAN-partiel")


@pytest.mark.parametrize(
    ("suite_du_code", "lot"),
    [("17281331" + "10LT1", "LT1"), (f"10LT1{GS}10LT2", ""), (f"10LT1{GS}99ZZ", "LT1")],
)
def test_a_box_partly_unreadable_is_added_and_the_rest_is_to_be_checked(halle, suite_du_code, lot):
    vente = halle.vente()
    suite = scanner(halle, BOITE + suite_du_code, vente)
    ligne = vente.lignes.get()
    assert (ligne.cip13, ligne.lot, ligne.peremption) == (CIP, lot, None)
    assert "vérifiez lot et péremption sur la boîte" in suite["phrase"]


def test_a_box_whose_key_is_wrong_adds_nothing(halle):
    vente = halle.vente()
    suite = scanner(halle, "]d2010340093595583917280531", vente)
    assert not vente.lignes.exists()
    assert suite["phrase"].endswith("Scannez de nouveau.")
    assert suite["code"] == "SCAN-gs1"


@pytest.mark.exigence("AGT-03", "AGT-04")
@pytest.mark.cas("agent-76")
@pytest.mark.parametrize(
    ("texte", "nom", "code"),
    [
        ("DC04FR0000011FFF20000702FR10SPECIMEN" + GS + "\x1fABC234", "2D-Doc", "SCAN-2ddoc"),
        ("AMCSIM1|99999999|HT|001|12345|20271231", "mutuelle", "SCAN-attestation_amc"),
    ],
)
def test_what_is_not_used_yet_is_named_with_the_next_step(halle, texte, nom, code):
    vente = halle.vente()
    suite = scanner(halle, texte, vente)
    assert (suite["code"], suite["ton"]) == (code, "attention")
    assert nom in suite["phrase"]
    assert "pas encore utilisé" in suite["phrase"]
    assert "(F2)" in suite["phrase"]
    assert "SPECIMEN" not in suite["phrase"]
    assert "12345" not in suite["phrase"]
    assert not vente.lignes.exists()
    tenu = scanner(halle, texte, vente, garder=True)
    assert nom in tenu["phrase"]


def test_in_the_window_of_a_prescription_the_answer_is_about_prescriptions(halle):
    suite = scanner(halle, "DC04FR0000011FFF20000702FR", halle.vente(), ordonnance=True)
    assert suite["phrase"] == "Document 2D-Doc : pas une ordonnance numérique."


@pytest.mark.exigence("AGT-04")
@pytest.mark.cas("agent-80", "agent-81")
@pytest.mark.parametrize(
    "texte",
    [
        "https://evil.example/?x=1",
        "javascript:alert(1)",
        "<script>alert(1)</script>",
        "'; DROP TABLE pharmacy_vente; --",
        "=cmd|' /C calc'!A0",
    ],
)
def test_a_code_that_means_nothing_here_says_so_and_what_to_do(halle, texte):
    vente = halle.vente()
    suite = scanner(halle, texte, vente)
    assert suite["phrase"].endswith("saisissez le numéro d'ordonnance (F3).")
    assert texte not in json.dumps(suite)
    assert suite["aller"] is suite["dialogue"] is None
    ailleurs = scanner(halle, texte)
    assert ailleurs["phrase"].endswith("chercher un produit ou saisir un numéro.")
    assert Vente.objects.count() == 1
    assert not LigneDelivrance.objects.exists()


def test_a_sentence_that_already_tells_what_to_do_is_left_alone(halle):
    suite = scanner(halle, "01K7M4QX9TRB2VWZ3", halle.vente())
    assert suite["phrase"].endswith("saisissez le numéro imprimé sous le code.")
