"""A carte Vitale and the people on it: who is asked about, and what is never copied."""

import re

import pytest

from ins.services.appels import retry
from pharmacy.models import Patient, RecuCarte
from pharmacy.postes.services import Lecture
from pharmacy.services.lecture import beneficiaire_choose, vitale_route
from pharmacy.services.patient import PorteurCarte, patient_of_card
from pharmacy.services.vente import VenteRefusee
from tests.ins.scene import appel_of, porteur

pytestmark = pytest.mark.django_db
MERE, PERE = "2840763220111", "1830763220112"


def _carte(*personnes, nature="R"):
    """A reading of a card: insured mother, and the people on it."""
    return {
        "carte": {"nature": nature},
        "assure": {"nir": MERE},
        "beneficiaires": [
            {
                "prenom": prenom,
                "nom_usuel": "NESSI",
                "nom_patronymique": patronymique,
                "date_naissance": naissance,
                "rang_gemellaire": rang,
                "qualite": qualite,
            }
            for prenom, patronymique, naissance, rang, qualite in personnes
        ],
    }


FAMILLE = _carte(
    ("MARIE", "", "19840712", 1, "0"),
    ("LEO", "NESSI", "20100807", 1, "6"),
    ("LEA", "NESSI", "20100807", 2, "6"),
    ("ADAM", "NESSI", "20150101", 1, "6"),
)


def _read(comptoir, donnees):
    acteur = comptoir.troupe.acteur()
    recu = RecuCarte.objects.create(
        officine=comptoir.troupe.officine,
        jti="jti-beneficiaires",
        poste=comptoir.troupe.postes[0],
        operateur=comptoir.troupe.operateurs["A02"],
        operation="vitale.read",
        data_sha256="0" * 64,
        simule=True,
    )
    return recu, vitale_route(acteur, comptoir.vente, Lecture("vitale.read", donnees, recu, True))


def _child(nir, rang=1, prenom="LEO", naissance="20100807"):
    return PorteurCarte(nir, "", naissance, rang, "6", "", "NESSI", prenom, _jour(naissance))


def _jour(brut):
    return porteur("", brut, "").date_naissance


@pytest.mark.cas("ins-56")
@pytest.mark.exigence("INS-10")
def test_nobody_is_chosen_beforehand_and_the_chosen_rank_is_the_one_asked(comptoir, insi):
    recu, suite = _read(comptoir, FAMILLE)
    assert suite.dialogue == f"/vente/{comptoir.vente.pk}/beneficiaires/{recu.pk}/"
    comptoir.vente.refresh_from_db()
    assert comptoir.vente.patient is None
    html = comptoir.troupe.client().get(suite.dialogue).content.decode()
    assert html.count('name="rang"') == 4
    # Enter is always safe: the one control with the focus chooses nobody.
    assert re.findall(r"<(\w+)[^>]*\bautofocus", html) == ["a"]
    assert " checked" not in html
    beneficiaire_choose(comptoir.troupe.acteur(), comptoir.vente, recu.pk, 2)
    comptoir.work()
    comptoir.vente.refresh_from_db()
    assert comptoir.vente.patient.premier_prenom == "LEA"
    requete = insi.ask("/controle/journal/1")["requete"]
    assert "RangNaissance>2<" in requete
    assert "Rang>2<" in requete
    assert comptoir.vente.patient.ins_matricule[:13] == "2100863220012"


@pytest.mark.cas("ins-57")
def test_a_usual_name_is_never_a_birth_name(comptoir, insi):
    insi.humeur("panne_503")
    patient = comptoir.choose(porteur(MERE, "19840712", "MARIE", usuel="NESSI"))
    assert (patient.nom_naissance, patient.nom_utilise) == ("", "NESSI")
    comptoir.work()
    assert "NESSI" not in insi.ask("/controle/journal/1")["requete"]


@pytest.mark.cas("ins-55")
@pytest.mark.exigence("INS-02")
def test_a_child_on_two_parents_cards_is_one_file_with_one_ins(comptoir, insi):
    de_la_mere = comptoir.read(_child(MERE))
    assert de_la_mere.ins_matricule[:13] == "1100863220011"
    du_pere = patient_of_card(comptoir.troupe.acteur(), _child(PERE))
    assert du_pere.pk == de_la_mere.pk
    assert str(du_pere.nir_assure) == MERE
    assert str(du_pere.ins_matricule) == str(de_la_mere.ins_matricule)
    retry(comptoir.troupe.acteur(), comptoir.vente.pk)
    comptoir.work()
    assert appel_of(du_pere).decision == "acceptee"


@pytest.mark.cas("ins-54")
@pytest.mark.exigence("INS-02")
def test_twins_of_one_first_name_are_not_linked_by_themselves(comptoir):
    un = comptoir.choose(_child(MERE))
    for autre in (_child(MERE, rang=2), _child(PERE, rang=2)):
        assert patient_of_card(comptoir.troupe.acteur(), autre).pk != un.pk
    assert Patient.objects.filter(premier_prenom="LEO", nom_naissance="NESSI").count() == 3


@pytest.mark.cas("ins-54")
@pytest.mark.exigence("INS-02")
def test_twins_a_reading_does_not_tell_apart_are_left_to_their_names(comptoir):
    sans_rang = _carte(
        ("LEO", None, "20100807", None, None),
        ("LEA", None, "20100807", None, None),
        ("ADAM", None, "20150101", None, None),
    )
    recu, _suite = _read(comptoir, sans_rang)
    for rang in (0, 1):
        with pytest.raises(VenteRefusee) as refus:
            beneficiaire_choose(comptoir.troupe.acteur(), comptoir.vente, recu.pk, rang)
        assert refus.value.code == "VIT-008"
    assert not Patient.objects.filter(premier_prenom__in=["LEO", "LEA"]).exists()
    beneficiaire_choose(comptoir.troupe.acteur(), comptoir.vente, recu.pk, 2)
    comptoir.vente.refresh_from_db()
    assert comptoir.vente.patient.premier_prenom == "ADAM"


@pytest.mark.cas("ins-59")
@pytest.mark.parametrize(
    ("nature", "environnement", "refusee"),
    [
        ("T", "production", True),
        ("D", "production", True),
        ("R", "production", False),
        ("T", "simulateur", False),
    ],
)
def test_a_test_card_opens_nothing_in_production(
    comptoir, settings, nature, environnement, refusee
):
    settings.ENVIRONNEMENT = environnement
    _, suite = _read(comptoir, _carte(("MARIE", "NESSI", "19840712", 1, "0"), nature=nature))
    assert (suite.code == "VIT-007") is refusee
    comptoir.vente.refresh_from_db()
    assert (comptoir.vente.patient is None) is refusee
