"""The extract of medicines: read, checked, loaded in one transaction."""

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from agent.protocol.gs1 import is_check_digit_right
from pharmacy.models import Produit
from pharmacy.rules.recherche import search_key

FICHIER = Path(__file__).with_name("medicaments.tsv")


class ReferentielRefuse(ValueError):
    """The table is not what it should be: nothing was loaded."""


def read_table(chemin: Path = FICHIER) -> list[Produit]:
    """Return the products of the table. Raises ReferentielRefuse at the first wrong key."""
    lignes = chemin.read_text(encoding="utf-8").splitlines()
    jour = next(ligne.split("=", 1)[1] for ligne in lignes if ligne.startswith("# donnees_du="))
    utiles = [ligne for ligne in lignes if not ligne.startswith("#")]
    produits = [
        _build(row, date.fromisoformat(jour)) for row in csv.DictReader(utiles, delimiter="\t")
    ]
    for produit in produits:
        if not is_check_digit_right(produit.cip13):
            raise ReferentielRefuse("a CIP13 has a wrong key")
    return produits


def _build(row: dict[str, str], jour: date) -> Produit:
    return Produit(
        cip13=row["cip13"],
        cip7=row["cip7"],
        cis=row["cis"],
        libelle=row["libelle"],
        presentation=row["presentation"],
        dci=row["dci"],
        substances=json.loads(row["substances"]),
        forme=row["forme"],
        groupes=json.loads(row["groupes"]),
        liste=row["liste"],
        unites=Decimal(row["unites"]) if row["unites"] else None,
        prix_centimes=int(row["prix_centimes"]) if row["prix_centimes"] else None,
        recherche=search_key(row["libelle"], row["dci"])[:300],
        donnees_du=jour,
    )


def load(base: str = "proprietaire") -> int:
    """Replace the whole table in one transaction, under the owner role; return the count."""
    produits = read_table()
    with transaction.atomic(using=base):
        Produit.objects.using(base).all().delete()
        Produit.objects.using(base).bulk_create(produits)
    return len(produits)
