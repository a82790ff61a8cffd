"""The keys of an installation rotate: what a former one wrote is written again under the current.

Theory of operation. Each encrypted value begins with the mark of its key, so that SQL finds what is
left; batches are short transactions, rows locked in the order of their numbers, and change a value
only if it is still the one that was read. Killed anywhere, the command starts again and finds less
to do. What the application may only add (former states, events) is written by the owner role.

A keyed digest cannot be opened: it is computed again from what it is the digest of, which is
encrypted beside it. Former digests find their rows meanwhile (`chiffre.empreintes`). A card that
was read for a file and is kept as a digest alone waits for its next reading.
Source: requirement SEC-13.
"""

# ruff: noqa: S608, SLF001 - statements made of the names of our own columns, read in `_meta`

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import Field, Model

from pharmacy import chiffre
from pharmacy.chiffre import OctetsChiffres, TexteChiffre

LOT = 100
# « qualité » of a beneficiary on a card: it enters the digest and is kept nowhere else.
_QUALITES = "0123456789"
_EMPREINTE = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True)
class Colonne:
    """A column whose values are written again, and who may write it."""

    table: str
    cle: str
    type_cle: str
    champ: str
    alias: str

    @property
    def libelle(self) -> str:
        """« table.column », as the command prints it."""
        return f"{self.table}.{self.champ}"


# From the columns of a row, the parts of every digest that may have been made of them.
Parts = Callable[..., Iterator[tuple[str, ...]]]
_sources: list[tuple[str, tuple[str, ...], Parts]] = []
_empreintes: list[tuple[str, str]] = []
_porteurs: list[tuple[str, str]] = []
_scelles: list[tuple[str, str, Callable[[Any, bytes], bytes | None]]] = []


def register_source(modele: str, champs: tuple[str, ...], parts: Parts) -> None:
    """Tell from what digests are made; called from `AppConfig.ready()`."""
    _sources.append((modele, champs, parts))


def register_empreinte(modele: str, champ: str) -> None:
    """Tell where a digest is kept."""
    _empreintes.append((modele, champ))


def register_porteur(modele: str, champ: str) -> None:
    """Tell which encrypted content names digests in its text."""
    _porteurs.append((modele, champ))


def register_scelle(modele: str, champ: str, renew: Callable[[Any, bytes], bytes | None]) -> None:
    """Tell of a column sealed in its own way; `renew` returns None for what is current."""
    _scelles.append((modele, champ, renew))


def register_all() -> None:
    """Register the digests of the core."""
    register_source("pharmacy.Patient", ("ins_matricule",), ins_parts)
    register_source(
        "pharmacy.Patient", ("nir_assure", "naissance_facturation", "rang_gemellaire"), _card_parts
    )
    for modele, champ in (
        ("Patient", "ins_empreinte"),
        ("Patient", "carte_empreinte"),
        ("CartePatient", "empreinte"),
        ("PatientVersion", "ins_empreinte"),
    ):
        register_empreinte(f"pharmacy.{modele}", champ)


def ins_parts(matricule: str) -> Iterator[tuple[str, ...]]:
    """Yield the parts of the digest of a matricule."""
    if matricule:
        yield ("ins", matricule)


def _card_parts(nir: str, naissance: str, rang: int) -> Iterator[tuple[str, ...]]:
    if nir:
        for qualite in _QUALITES:
            yield ("vitale", nir, naissance, str(rang), qualite)


def _column(modele: type[Model], champ: str) -> Colonne:
    """Describe a column; the owner writes what the application may only add."""
    table, cle = modele._meta.db_table, modele._meta.pk
    with connection.cursor() as curseur:
        curseur.execute("SELECT has_table_privilege(current_user, %s, 'UPDATE')", [table])
        alias = "default" if curseur.fetchone()[0] else "proprietaire"
    type_cle = str(cle.rel_db_type(connection))
    return Colonne(table, str(cle.column), type_cle, champ, alias)


def is_encrypted(champ: "Field[Any, Any]") -> bool:
    """Tell whether a field is written by `pharmacy.chiffre`."""
    return isinstance(champ, OctetsChiffres | TexteChiffre)


def encrypted_columns() -> list[Colonne]:
    """Return every encrypted column, read from the models: a new one enters by itself."""
    return [
        _column(modele, str(champ.column))
        for modele in apps.get_models()
        for champ in modele._meta.concrete_fields
        if is_encrypted(champ)
    ]


def rotate(officine_id: int) -> Iterator[tuple[str, int]]:
    """Write again what former keys wrote in an officine; yield (column, values) at each batch.

    Runs in the officine's context. What no key opens is left as it is: `remaining` counts it.
    """
    for colonne in encrypted_columns():
        yield from _rotate(colonne, officine_id, _to_do(colonne, officine_id), _again)
    for nom, champ, renew in _scelles:
        colonne = _column(apps.get_model(nom), champ)
        yield from _rotate(colonne, officine_id, _all(colonne, officine_id), renew)
    if settings.CLES_EMPREINTE_ANCIENNES:
        yield from _rotate_digests(officine_id)


def _lots(cles: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (cles[debut : debut + LOT] for debut in range(0, len(cles), LOT))


def _again(_cle: object, octets: bytes) -> bytes:
    return chiffre.encrypt(chiffre.decrypt(octets))


def _current() -> str:
    return chiffre.key_mark(settings.CLES_CHIFFREMENT[0])


def _pleine(colonne: Colonne) -> str:
    return f'officine_id = %s AND "{colonne.champ}" IS NOT NULL AND length("{colonne.champ}") > 0'


def _to_do(colonne: Colonne, officine_id: int) -> list[Any]:
    """Return the keys of the rows that another key wrote, in order."""
    return _read(
        f'SELECT "{colonne.cle}" FROM "{colonne.table}" WHERE {_pleine(colonne)} '
        f'AND substring("{colonne.champ}" FROM 1 FOR {chiffre.MARQUE}) <> %s ORDER BY 1',
        [officine_id, _current().encode()],
    )


def _all(colonne: Colonne, officine_id: int) -> list[Any]:
    return _read(
        f'SELECT "{colonne.cle}" FROM "{colonne.table}" WHERE {_pleine(colonne)} ORDER BY 1',
        [officine_id],
    )


def _read(ordre: str, parametres: list[Any]) -> list[Any]:
    with connection.cursor() as curseur:
        curseur.execute(ordre, parametres)
        return [ligne[0] for ligne in curseur.fetchall()]


def _rotate(
    colonne: Colonne,
    officine_id: int,
    cles: list[Any],
    renew: Callable[[Any, bytes], bytes | None],
) -> Iterator[tuple[str, int]]:
    for lot in _lots(cles):
        with transaction.atomic(using=colonne.alias):
            lues = _hold(colonne, officine_id, lot)
            neuves = ((cle, _renewed(renew, cle, bytes(lu))) for cle, lu in lues if lu)
            faites = _write(colonne, officine_id, [n for n in neuves if n[1] is not None])
        if faites:
            yield colonne.libelle, faites


def _renewed(
    renew: Callable[[Any, bytes], bytes | None], cle: object, octets: bytes
) -> bytes | None:
    try:
        return renew(cle, octets)
    except ValueError:
        return None


def _hold(colonne: Colonne, officine_id: int, cles: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Lock rows in the order of their keys; return what they hold."""
    with connections[colonne.alias].cursor() as curseur:
        curseur.execute(
            f'SELECT "{colonne.cle}", "{colonne.champ}" FROM "{colonne.table}" '
            f'WHERE officine_id = %s AND "{colonne.cle}" = ANY(%s::{colonne.type_cle}[]) '
            f'ORDER BY "{colonne.cle}" FOR NO KEY UPDATE',
            [officine_id, list(cles)],
        )
        return list(curseur.fetchall())


def _write(colonne: Colonne, officine_id: int, valeurs: Sequence[tuple[Any, Any]]) -> int:
    """Write held rows; the database keeps no former state of what means the same."""
    if not valeurs:
        return 0
    genre = "bytea" if isinstance(valeurs[0][1], bytes) else "text"
    with connections[colonne.alias].cursor() as curseur:
        curseur.execute(
            "SELECT set_config('pgtrigger.ignore', coalesce(array_agg(tgname)::text, '{}'), true) "
            "FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
            [colonne.table],
        )
        curseur.execute(
            f'UPDATE "{colonne.table}" t SET "{colonne.champ}" = v.neuve '
            f"FROM unnest(%s::{colonne.type_cle}[], %s::{genre}[]) v(cle, neuve) "
            f'WHERE t.officine_id = %s AND t."{colonne.cle}" = v.cle',
            [[c for c, _ in valeurs], [v for _, v in valeurs], officine_id],
        )
        faites = int(curseur.rowcount)
        curseur.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")
    return faites


# Digests


def digest_map(officine_id: int) -> dict[str, str]:
    """Return the current digest by each former one, for what an officine can compute again."""
    neuves: dict[str, str] = {}
    for nom, champs, parts in _sources:
        lignes = apps.get_model(nom)._base_manager.filter(officine_id=officine_id)
        for valeurs in lignes.values_list(*champs).iterator(2000):
            for morceaux in parts(*valeurs):
                courante, *anciennes = chiffre.empreintes(*morceaux)
                neuves |= dict.fromkeys(anciennes, courante)
    return neuves


def _rotate_digests(officine_id: int) -> Iterator[tuple[str, int]]:
    neuves = digest_map(officine_id)
    for nom, champ in _empreintes:
        colonne = _column(apps.get_model(nom), champ)
        lues = _digests(colonne, officine_id)
        a_faire = [cle for cle, empreinte in lues if empreinte in neuves]
        for lot in _lots(a_faire):
            yield colonne.libelle, _write_digests(colonne, officine_id, lot, neuves)

    def again(_cle: object, octets: bytes) -> bytes | None:
        clair = chiffre.unpack(chiffre.decrypt(octets))
        neuf = _EMPREINTE.sub(lambda m: neuves.get(m[0].decode(), m[0].decode()).encode(), clair)
        return None if neuf == clair else chiffre.encrypt(chiffre.pack(neuf))

    for nom, champ in _porteurs:
        colonne = _column(apps.get_model(nom), champ)
        yield from _rotate(colonne, officine_id, _all(colonne, officine_id), again)


def _digests(colonne: Colonne, officine_id: int) -> list[tuple[Any, str]]:
    with connection.cursor() as curseur:
        curseur.execute(
            f'SELECT "{colonne.cle}", "{colonne.champ}" FROM "{colonne.table}" '
            f"WHERE officine_id = %s AND \"{colonne.champ}\" <> '' ORDER BY 1",
            [officine_id],
        )
        return list(curseur.fetchall())


def _write_digests(
    colonne: Colonne, officine_id: int, lot: Sequence[Any], neuves: dict[str, str]
) -> int:
    """Write a batch; where a row made meanwhile has the digest already, one by one around it."""
    try:
        return _write_held(colonne, officine_id, lot, neuves)
    except IntegrityError:
        if len(lot) == 1:
            return 0
    return sum(_write_digests(colonne, officine_id, [cle], neuves) for cle in lot)


def _write_held(
    colonne: Colonne, officine_id: int, lot: Sequence[Any], neuves: dict[str, str]
) -> int:
    with transaction.atomic(using=colonne.alias):
        tenues = _hold(colonne, officine_id, lot)
        valeurs = [(cle, neuves[lue]) for cle, lue in tenues if lue in neuves]
        return _write(colonne, officine_id, valeurs)


# What is left


def remaining(officine_id: int) -> dict[str, int]:
    """Return how many values of an officine each key wrote, by its mark; empty: before marks."""
    restes: dict[str, int] = {}
    for colonne in encrypted_columns():
        with connection.cursor() as curseur:
            curseur.execute(
                f'SELECT substring("{colonne.champ}" FROM 1 FOR {chiffre.MARQUE}), count(*) '
                f'FROM "{colonne.table}" WHERE {_pleine(colonne)} GROUP BY 1',
                [officine_id],
            )
            for marque, nombre in curseur.fetchall():
                texte = bytes(marque).decode("latin-1")
                connue = texte if texte.endswith(".") else ""
                restes[connue] = restes.get(connue, 0) + nombre
    return restes


def digests_left(officine_id: int) -> dict[str, int]:
    """Return how many digests a former key made, by column, of those that can be computed again.

    A card kept as a digest alone is counted nowhere: nobody can tell which key made it.
    """
    if not settings.CLES_EMPREINTE_ANCIENNES:
        return {}
    neuves = digest_map(officine_id)
    comptes: dict[str, int] = {}
    for nom, champ in _empreintes:
        colonne = _column(apps.get_model(nom), champ)
        nombre = sum(lue in neuves for _, lue in _digests(colonne, officine_id))
        if nombre:
            comptes[colonne.libelle] = nombre
    return comptes


def left(officine_id: int) -> int:
    """Return how many values of an officine are not under the current keys."""
    autres = sum(n for marque, n in remaining(officine_id).items() if marque != _current())
    return autres + sum(digests_left(officine_id).values())
