"""Everything an officine has, in open formats: a tar of JSON lines, one file a table.

Read in one snapshot, under the officine's context, table after table from the models: a new one
enters by itself. Nothing is written in clear on a disk: a part is made in memory, then encrypted
(`pharmacy.archive`). Source: requirement TIT-17.
"""

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from pharmacy import audit
from pharmacy.archive import Coffre
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Officine

FORMAT = "comptoir.export.1"
PARTIE = 4_000_000
# Secrets that open something, and what the database draws from the rest: of no use elsewhere.
TABLES_TUES = frozenset(
    {
        "pharmacy_sessionouverte",
        "pharmacy_verrouconnexion",
        "pharmacy_codeenrolement",
        "pharmacy_noncelecture",
        "pharmacy_demandesignature",
        "pharmacy_motpatient",
        "pharmacy_motconnu",
        "teleservices_assertionacteur",
        "psc_tentativepsc",
        "psc_sessionpsc",
        "ordonnance_verrou",
    }
)
COLONNES_TUES = frozenset({"password", "pin"})
# A digest is of a key of this installation.
_EMPREINTES = ("empreinte",)
_LISEZMOI = """Données d'une officine, exportées de Comptoir.

manifeste.json       l'officine, l'heure, et pour chaque fichier ses lignes et son SHA-256
schema.json          les tables : libellé, colonnes, type, ce à quoi chacune renvoie
tables/NOM.NNNN.jsonl  les lignes, une par ligne de texte, en JSON (UTF-8)

Une date est écrite selon ISO 8601, en temps universel ; un nombre décimal, un texte ; un contenu
binaire (document, message) en base 64. Ce que la base garde chiffré est écrit ici en clair.
N'y sont pas : mots de passe, codes, jetons, et ce qui se recalcule (index, empreintes).
"""

# ruff: noqa: SLF001 - `_meta` is Django's public description of a model


def exported_models() -> list[type[Model]]:
    """Return the tables of an export, in the order of their names."""
    return sorted(
        (
            modele
            for modele in apps.get_models()
            if modele._meta.db_table not in TABLES_TUES
            and (
                modele is Officine or any(champ.name == "officine" for champ in modele._meta.fields)
            )
        ),
        key=lambda modele: modele._meta.db_table,
    )


def _columns(modele: type[Model]) -> list[str]:
    return [
        champ.attname
        for champ in modele._meta.concrete_fields
        if champ.column not in COLONNES_TUES and not str(champ.column).endswith(_EMPREINTES)
    ]


class _Encodeur(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:  # noqa: ANN401
        if isinstance(o, bytes | memoryview):
            return base64.b64encode(bytes(o)).decode()
        if isinstance(o, datetime):
            return o.astimezone(UTC).isoformat()
        return super().default(o)


def _schema() -> dict[str, Any]:
    tables = {}
    for modele in exported_models():
        gardees = set(_columns(modele))
        tables[modele._meta.db_table] = {
            "libelle": str(modele._meta.verbose_name),
            "colonnes": {
                champ.attname: {
                    "libelle": str(champ.verbose_name),
                    "type": champ.get_internal_type(),
                    "renvoie_a": champ.related_model._meta.db_table
                    if isinstance(champ.related_model, type)
                    else None,
                }
                for champ in modele._meta.concrete_fields
                if champ.attname in gardees
            },
        }
    return {"format": FORMAT, "tables": tables}


class _Paquet:
    """The tar that is being written, and what its manifest says of it."""

    def __init__(self, sortie: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=sortie, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self.fichiers: dict[str, dict[str, object]] = {}

    def add(self, nom: str, contenu: bytes, lignes: int = 0) -> None:
        """Add a file."""
        entree = tarfile.TarInfo(nom)
        entree.size, entree.mode = len(contenu), 0o600
        self._tar.addfile(entree, io.BytesIO(contenu))
        self.fichiers[nom] = {"lignes": lignes, "sha256": hashlib.sha256(contenu).hexdigest()}

    def close(self) -> None:
        """End the tar."""
        self._tar.close()


def _parts(modele: type[Model], officine_id: int) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of a table by parts that memory holds, and how many each has."""
    cle = "pk" if modele is Officine else "officine_id"
    lignes = modele._base_manager.filter(**{cle: officine_id}).order_by("pk")
    partie, nombre = bytearray(), 0
    for valeurs in lignes.values(*_columns(modele)).iterator(200):
        partie += json.dumps(valeurs, cls=_Encodeur, ensure_ascii=False).encode() + b"\n"
        nombre += 1
        if len(partie) > PARTIE:
            yield bytes(partie), nombre
            partie, nombre = bytearray(), 0
    yield bytes(partie), nombre


def export_officine(officine: Officine, sortie: IO[bytes], cle: str) -> dict[str, int]:
    """Write the encrypted archive of an officine; return how many lines each table has.

    ValueError when the key is too short. The journal of the officine keeps the act.
    """
    coffre = Coffre(sortie, cle)
    paquet = _Paquet(coffre)  # type: ignore[arg-type]  # what tarfile calls of a file
    comptes: dict[str, int] = {}
    with officine_context(officine.pk):
        entier = not connection.in_atomic_block
        with transaction.atomic():
            if entier:  # one snapshot; a caller's transaction has chosen already
                with connection.cursor() as curseur:
                    curseur.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            paquet.add("LISEZMOI.txt", _LISEZMOI.encode())
            paquet.add("schema.json", json.dumps(_schema(), ensure_ascii=False).encode())
            for modele in exported_models():
                table = modele._meta.db_table
                for rang, (partie, nombre) in enumerate(_parts(modele, officine.pk), 1):
                    paquet.add(f"tables/{table}.{rang:04d}.jsonl", partie, nombre)
                    comptes[table] = comptes.get(table, 0) + nombre
        audit.note_system(officine.pk, "officine.exporter")
    manifeste = {
        "format": FORMAT,
        "finess": officine.finess,
        "raison_sociale": officine.nom,
        "le": timezone.now().isoformat(),
        "fichiers": paquet.fichiers,
    }
    paquet.add("manifeste.json", json.dumps(manifeste, ensure_ascii=False).encode())
    paquet.close()
    coffre.close()
    return comptes
