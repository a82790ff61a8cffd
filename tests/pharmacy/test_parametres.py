"""The settings page: where each stands, what it does, who changed it, found by a word."""

import re

import pytest
from django.utils.html import escape

from pharmacy import parametres
from pharmacy.models import Parametre
from pharmacy.views.parametres import ENTREES

pytestmark = pytest.mark.django_db
URL = "/parametres/officine/"
RAPPELS = "ins.rappels_piece"


def _lire(client, requete=""):
    return client.get(URL + requete).content.decode()


def _reglage(html, cle):
    """The form of one setting."""
    return next(f for f in re.findall(r"<form class=\"reglage\".*?</form>", html, re.S) if cle in f)


@pytest.mark.exigence("TIT-06")
def test_the_reminders_stand_under_client_identitovigilance_three_by_default_zero_to_nine(halle):
    html = _lire(halle.client("A01"), "?panneau=client")
    fil = re.search(r"Fil d'Ariane.*?</nav>", html, re.S).group(0)
    assert re.findall(r">\s*([^<>]+?)\s*</(?:a|li)>", fil)[:3] == [
        "Paramètres Officine",
        "Paramètres",
        "Client",
    ]
    assert re.search(r"<h2[^>]*>Client</h2>\s*<h3[^>]*>Identitovigilance</h3>", html)
    assert "Postes</h2>" not in html
    assert "Par défaut : 3." in " ".join(_reglage(html, RAPPELS).split())
    acteur = halle.acteur("A01")
    for brut in ("0", "9"):
        assert parametres.modifier(acteur, RAPPELS, brut).valeur == int(brut)
    for brut in ("10", "-1", "trois", ""):
        with pytest.raises(parametres.ValeurRefusee):
            parametres.modifier(acteur, RAPPELS, brut)


@pytest.mark.exigence("TIT-08")
def test_each_setting_says_its_default_its_effect_who_changed_it_and_what_it_was(halle):
    client = halle.client("A01")
    assert client.post(URL + "?q=rappels", {"cle": RAPPELS, "valeur": "5"})["Location"] == (
        URL + "?q=rappels"
    )
    client.post(URL, {"cle": RAPPELS, "valeur": "2"})
    bloc = " ".join(_reglage(_lire(client), RAPPELS).split())
    assert "se rouvre de lui-même" in bloc
    assert "Par défaut : 3." in bloc
    assert re.search(r"Changé le \d\d/\d\d/\d{4} à \d\d:\d\d par J. ROUSSEAU", bloc)
    assert re.findall(r'<li class="aide">(\w+), (?:le|par)', bloc) == ["2", "5", "3"]
    assert 'value="2"' in bloc


@pytest.mark.exigence("TIT-08")
@pytest.mark.parametrize("mot", ["perimee", "PÉRIMÉE piece", "identitovigilance périmée"])
def test_a_word_finds_a_setting_whatever_its_accents(halle, mot):
    html = _lire(halle.client("A01"), f"?q={mot}")
    assert "ins.piece_perimee_acceptee" in html
    assert "session.verrouillage_minutes" not in html


def test_a_word_that_finds_nothing_says_so_and_the_way_back(halle):
    html = _lire(halle.client("A01"), "?q=zzz&panneau=nulle-part")
    assert "Aucun réglage ne contient « zzz »." in html
    assert "voyez tous les réglages" in html


def test_a_value_refused_is_said_and_the_former_one_stays(halle):
    client = halle.client("A01")
    reponse = client.post(URL, {"cle": RAPPELS, "valeur": "12"})
    assert reponse.status_code == 422
    assert "donnez un nombre entre 0 et 9" in reponse.content.decode()
    assert client.post(URL, {"cle": "inconnu", "valeur": "1"}).status_code == 422
    assert not Parametre.objects.exists()


def test_who_may_only_read_sees_no_button(halle):
    html = _lire(halle.client("B01"))
    assert "Seul le titulaire change ces réglages." in html
    assert "Enregistrer" not in html


def test_the_page_costs_the_same_with_one_value_and_with_ten(halle, django_assert_max_num_queries):
    client = halle.client("A01")
    _lire(client)
    for rang in range(10):
        parametres.modifier(halle.acteur("A01"), RAPPELS, str(rang % 9))
        with django_assert_max_num_queries(9):
            _lire(client)


@pytest.mark.parametrize(
    ("brut", "garde"), [("", ""), ("ecn, TC", "eCN TC"), ("eCN eCN", "eCN"), (" in ", "IN")]
)
def test_codes_of_documents_are_tidied(halle, brut, garde):
    ligne = parametres.modifier(halle.acteur("A01"), "ins.pieces_ajoutees", brut)
    assert ligne.valeur == garde


@pytest.mark.parametrize("brut", ["PC", "XX", "eCN CV"])
def test_a_document_that_proves_nothing_cannot_be_added(halle, brut):
    with pytest.raises(parametres.ValeurRefusee, match="n'est pas un code de pièce"):
        parametres.modifier(halle.acteur("A01"), "ins.pieces_ajoutees", brut)


@pytest.mark.exigence("CTR-20")
@pytest.mark.parametrize("code", ["A01", "A02", "B01"])
def test_each_key_of_the_data_menu_is_one_entry_the_same_for_everybody(halle, code):
    page = halle.client(code).get("/donnees/").content.decode()
    touches = re.findall(r'data-officine-chiffre="(\d)"', page)
    assert touches
    assert len(set(touches)) == len(touches)
    montrees = dict(zip(touches, re.findall(r"<strong>(.*?)</strong>", page), strict=True))
    tout = {str(rang): escape(entree.titre) for rang, entree in enumerate(ENTREES, 1)}
    assert montrees.items() <= tout.items()
    assert (montrees == tout) is (code == "A01")
