"""The table of birth places: names of codes, its date and its source."""

import csv

import pytest

from ins.referentiel.lieux import FICHIER, place_label, table_date


@pytest.mark.exigence("INS-01")
@pytest.mark.parametrize(
    ("code", "nom"),
    [
        ("63113", "Clermont-Ferrand"),
        ("2A004", "Ajaccio"),
        ("20004", "Ajaccio"),
        ("20033", "Bastia"),
        ("97411", "Saint-Denis"),
        ("99352", "Algérie"),
        ("75116", "Paris 16e Arrondissement"),
        ("99999", "Lieu inconnu"),
        ("63999", ""),
        ("", ""),
    ],
)
def test_a_code_has_its_name_and_an_unknown_one_has_none(code, nom):
    assert place_label(code) == nom


def test_the_table_says_its_date_and_its_source():
    assert table_date() == "2025-01-01"
    assert "INSEE, Licence Ouverte" in FICHIER.read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.donnees_partagees
def test_every_commune_of_the_shared_table_is_there(partage):
    with (partage / "data/ins/cog-communes-2025.csv").open(encoding="utf-8") as fichier:
        communes = [row for row in csv.DictReader(fichier) if row["type"] == "COM"]
    assert len(communes) > 34000
    assert [r["code"] for r in communes if place_label(r["code"]) != r["name"]] == []
