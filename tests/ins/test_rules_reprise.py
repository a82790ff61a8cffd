"""What a line of another software's patient base says, or what is wrong with it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ins.rules.reprise import (
    COLONNES,
    Cadre,
    DossierLu,
    FichierIllisible,
    decode,
    parse_row,
    read_rows,
)
from pharmacy.rules.recherche import fold

CADRE = Cadre(date(2026, 11, 25), "simulateur")
ENTIER = {
    "nom": "Dupont",
    "nom_naissance": "D’Ægidius",
    "nom_utilise": "Dupont",
    "prenom": "Zoé",
    "prenoms": "Zoé Anne",
    "prenom_utilise": "Zozo",
    "date_naissance": "31/12/1975",
    "sexe": "femme",
    "lieu_naissance": "2a004",
    "ins_matricule": "2 75 12 63 220 749 74",
    "ins_oid": "1.2.250.1.213.1.4.8",
    "nir_assure": "2 75 12 63 220 749 74",
    "naissance_carte": "19751231",
    "rang_gemellaire": "2",
    "qualite": "6",
    "derniere_visite": "2026-03-04",
}


def lire(**cellules):
    return parse_row(ENTIER | cellules, CADRE)


@pytest.mark.exigence("INS-01")
@pytest.mark.cas("ins-90")
def test_a_whole_line_is_read_and_its_strict_traits_normalised():
    lu = lire()
    assert isinstance(lu, DossierLu)
    assert (lu.nom_naissance, lu.nom_utilise, lu.nom_a_confirmer) == ("D'AEGIDIUS", "Dupont", False)
    assert (lu.premier_prenom, lu.prenoms_naissance) == ("ZOE", "ZOE ANNE")
    assert (lu.sexe, lu.cog_naissance, lu.vu_le) == ("F", "2A004", date(2026, 3, 4))
    assert (lu.ins_matricule, lu.nir_assure) == ("275126322074974", "2751263220749")
    assert (lu.a_carte, lu.rang_gemellaire, lu.qualite) == (True, 2, "6")


@pytest.mark.cas("ins-90")
def test_a_name_alone_is_the_one_in_use_and_the_birth_name_is_to_confirm():
    lu = parse_row({"nom": "Dupont", "prenom": "Zoé"}, CADRE)
    assert isinstance(lu, DossierLu)
    assert (lu.nom_naissance, lu.nom_utilise, lu.nom_a_confirmer) == ("", "Dupont", True)
    assert (lu.date_naissance, lu.sexe, lu.a_carte, lu.qualite) == (None, "", False, "0")


def test_a_line_never_shows_its_traits():
    for trait in ("AEGIDIUS", "ZOE", "1975", "275126"):
        assert trait not in repr(lire())


@pytest.mark.exigence("INS-03")
@pytest.mark.parametrize(
    ("cellules", "colonnes"),
    [
        ({"nom_naissance": "DUPONT2"}, ["nom_naissance"]),
        ({"nom_naissance": "A" * 101}, ["nom_naissance"]),
        ({"nom_utilise": "-"}, ["nom"]),
        ({"prenom_utilise": "B" * 101}, ["prenom_utilise"]),
        ({"nom": "", "nom_naissance": "", "nom_utilise": ""}, ["nom"]),
        ({"prenom": "", "prenoms": ""}, ["prenom"]),
        ({"prenom": "ANNE"}, ["prenom"]),
        ({"date_naissance": "hier"}, ["date_naissance"]),
        ({"date_naissance": "26/11/2026"}, ["date_naissance"]),
        ({"date_naissance": "00000000"}, ["date_naissance"]),
        ({"sexe": "X"}, ["sexe"]),
        ({"lieu_naissance": "6322"}, ["lieu_naissance"]),
        ({"ins_matricule": "275126322074975"}, ["ins_matricule"]),
        ({"ins_oid": ""}, ["ins_oid"]),
        ({"nir_assure": "12"}, ["nir_assure"]),
        ({"naissance_carte": "31/12/1975"}, ["naissance_carte"]),
        ({"rang_gemellaire": "0"}, ["rang_gemellaire"]),
        ({"derniere_visite": "26/11/2026"}, ["derniere_visite"]),
        ({"derniere_visite": "00/00/2025"}, ["derniere_visite"]),
        ({"prenom": "Z0E", "sexe": "?"}, ["prenom", "sexe"]),
    ],
)
def test_each_mistake_names_its_column(cellules, colonnes):
    fautes = lire(**cellules)
    assert isinstance(fautes, list)
    assert [faute.colonne for faute in fautes] == colonnes
    assert all(faute.phrase.endswith(".") for faute in fautes)


@pytest.mark.cas("ins-34")
def test_a_test_oid_is_refused_in_production():
    essai = ENTIER | {"ins_oid": "1.2.250.1.213.1.4.10"}
    assert isinstance(parse_row(essai, CADRE), DossierLu)
    fautes = parse_row(essai, Cadre(CADRE.aujourdhui, "production"))
    assert isinstance(fautes, list)
    assert fautes[0].colonne == "ins_oid"


@pytest.mark.parametrize(
    ("brut", "jour", "interpretee"),
    [
        ("31/12/1975", date(1975, 12, 31), False),
        ("1.2.1975", date(1975, 2, 1), False),
        ("31-12-1975 00:00", date(1975, 12, 31), False),
        ("1975-12-31T00:00:00", date(1975, 12, 31), False),
        ("20121950", date(1950, 12, 20), False),
        ("19501220", date(1950, 12, 20), False),
        ("00001950", date(1950, 12, 31), True),
        ("19500000", date(1950, 12, 31), True),
    ],
)
@pytest.mark.cas("ins-40")
def test_dates_come_in_the_forms_of_other_softwares(brut, jour, interpretee):
    lu = lire(date_naissance=brut)
    assert isinstance(lu, DossierLu)
    assert (lu.date_naissance, lu.interpretee) == (jour, interpretee)


def test_each_column_is_known_by_its_folded_header():
    assert all(entete == fold(entete) for entete in COLONNES)
    lignes = list(read_rows("Nom d'usage;PRÉNOM;inconnue\nA;B;C\n\n ; ;\nD;E\n"))
    assert lignes == [
        (2, {"nom_utilise": "A", "prenom": "B"}),
        (5, {"nom_utilise": "D", "prenom": "E"}),
    ]


@pytest.mark.parametrize(
    ("texte", "mot"),
    [
        ("", "prenom"),
        ("nom;sexe\nA;F\n", "prenom"),
        ("prenom\nA\n", "nom"),
        ("nom;prenom;nom\nA;B;C\n", "deux fois"),
        ('nom;prenom\n"A;B\n', "guillemets"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(texte, mot):
    with pytest.raises(FichierIllisible, match=mot):
        list(read_rows(texte))


def test_too_many_lines_are_refused():
    with pytest.raises(FichierIllisible, match="coupez"):
        list(read_rows("nom;prenom\nA;B\nC;D\nE;F\n", 2))


@given(st.text(alphabet=st.characters(codec="cp1252", exclude_categories=["Cc"]), max_size=30))
def test_a_text_is_read_back_from_each_encoding(texte):
    assert decode(texte.encode("utf-8")).lstrip("\ufeff") == texte.lstrip("\ufeff")
    assert decode(b"\xef\xbb\xbf" + texte.encode("utf-8")) == texte
    assert decode(texte.encode("utf-16")) == texte
    assert decode(("é" + texte).encode("cp1252")) in {"é" + texte} | {
        ("é" + texte).encode("cp1252").decode("utf-8", "ignore")
    }


def test_what_is_in_no_encoding_is_refused():
    with pytest.raises(FichierIllisible):
        decode(b"\x81\x8d\xff")


@given(st.dictionaries(st.sampled_from(sorted(set(COLONNES.values()))), st.text(max_size=20)))
def test_no_line_whatever_it_holds_breaks_the_reading(cellules):
    lu = parse_row(cellules, CADRE)
    assert isinstance(lu, DossierLu) or all(faute.phrase for faute in lu)
