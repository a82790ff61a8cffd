"""Batches of identities to verify: deposited once, treated little by little, then read.

Kept in memory, or in a PostgreSQL database (`--base DSN`) for who measures both sides storing.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import psycopg
from psycopg_pool import ConnectionPool

Resultats = tuple[tuple[str, str], ...]


class LotDifferent(Exception):
    """This IdLot was deposited with another content."""


@dataclass(frozen=True)
class Lot:
    """A batch: what the caller calls it, digest of its content, (reference, code) as sent."""

    id_lot: str
    numero: str
    empreinte: str
    depose_le: float
    resultats: Resultats

    def done(self, duree_ms: int, maintenant: float | None = None) -> int:
        """Return how many identities are treated `duree_ms` being the time of a whole batch."""
        passees = ((maintenant or time.time()) - self.depose_le) * 1000
        if passees >= duree_ms:
            return len(self.resultats)
        return int(len(self.resultats) * passees / duree_ms)


class Magasin(Protocol):
    """Where batches are kept."""

    def deposit(self, id_lot: str, empreinte: str, resultats: Resultats) -> tuple[Lot, bool]:
        """Return (batch, whether it is new); LotDifferent for another content."""

    def read(self, numero: str) -> Lot | None:
        """Return a batch, or None."""

    def everything(self) -> list[Lot]:
        """Return every batch, oldest first."""

    def forget(self) -> None:
        """Forget every batch."""


def _number(rang: int) -> str:
    """Return the number of the batch of this rank today: L, date, four digits."""
    return f"L{int(datetime.now(UTC).strftime('%Y%m%d')) * 10_000 + rang:012d}"


class EnMemoire:
    """Batches that die with the process."""

    def __init__(self) -> None:
        self.verrou = threading.Lock()
        self.rang = 0
        self.par_id: dict[str, Lot] = {}
        self.par_numero: dict[str, Lot] = {}

    def deposit(self, id_lot: str, empreinte: str, resultats: Resultats) -> tuple[Lot, bool]:
        """Return (batch, whether it is new); LotDifferent for another content."""
        with self.verrou:
            connu = self.par_id.get(id_lot)
            if connu is not None:
                if connu.empreinte != empreinte:
                    raise LotDifferent(id_lot)
                return connu, False
            self.rang += 1
            lot = Lot(id_lot, _number(self.rang), empreinte, time.time(), resultats)
            self.par_id[id_lot] = self.par_numero[lot.numero] = lot
            return lot, True

    def read(self, numero: str) -> Lot | None:
        """Return a batch, or None."""
        return self.par_numero.get(numero)

    def everything(self) -> list[Lot]:
        """Return every batch, oldest first."""
        return list(self.par_numero.values())

    def forget(self) -> None:
        """Forget every batch; numbers go on, nobody meets an old one."""
        with self.verrou:
            self.par_id.clear()
            self.par_numero.clear()


_TABLES = """
CREATE TABLE IF NOT EXISTS simulateur_lot (
    rang bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id_lot uuid NOT NULL UNIQUE,
    numero text NOT NULL UNIQUE, empreinte text NOT NULL,
    depose_le double precision NOT NULL);
CREATE TABLE IF NOT EXISTS simulateur_resultat (
    lot bigint NOT NULL REFERENCES simulateur_lot ON DELETE CASCADE, place integer NOT NULL,
    reference text NOT NULL, code text NOT NULL, PRIMARY KEY (lot, place));
"""
_LU = "SELECT rang, id_lot::text, numero, empreinte, depose_le FROM simulateur_lot"


class EnBase:
    """Batches and their results in PostgreSQL."""

    def __init__(self, dsn: str) -> None:
        self.pool = ConnectionPool(dsn, min_size=1, max_size=8, open=True)
        with self.pool.connection() as connexion:
            connexion.execute(_TABLES)

    def deposit(self, id_lot: str, empreinte: str, resultats: Resultats) -> tuple[Lot, bool]:
        """Return (batch, whether it is new); LotDifferent for another content."""
        depose_le = time.time()
        with self.pool.connection() as connexion:
            ligne = connexion.execute(
                "INSERT INTO simulateur_lot (id_lot, numero, empreinte, depose_le)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT (id_lot) DO NOTHING RETURNING rang",
                (id_lot, id_lot, empreinte, depose_le),
            ).fetchone()
            if ligne is None:
                connu = self._read(connexion, "id_lot = %s", id_lot)
                if connu is None or connu.empreinte != empreinte:
                    raise LotDifferent(id_lot)
                return connu, False
            numero = _number(ligne[0])
            connexion.execute(
                "UPDATE simulateur_lot SET numero = %s WHERE rang = %s", (numero, ligne[0])
            )
            copie = "COPY simulateur_resultat (lot, place, reference, code) FROM STDIN"
            with connexion.cursor() as curseur, curseur.copy(copie) as flux:
                for place, (reference, code) in enumerate(resultats):
                    flux.write_row((ligne[0], place, reference, code))
        return Lot(id_lot, numero, empreinte, depose_le, resultats), True

    def _read(
        self, connexion: "psycopg.Connection[tuple[object, ...]]", filtre: str, valeur: str
    ) -> Lot | None:
        ligne = connexion.execute(f"{_LU} WHERE {filtre}", (valeur,)).fetchone()
        if ligne is None:
            return None
        rang, id_lot, numero, empreinte, depose_le = ligne
        resultats = connexion.execute(
            "SELECT reference, code FROM simulateur_resultat WHERE lot = %s ORDER BY place", (rang,)
        ).fetchall()
        lus = tuple((str(reference), str(code)) for reference, code in resultats)
        return Lot(str(id_lot), str(numero), str(empreinte), float(str(depose_le)), lus)

    def read(self, numero: str) -> Lot | None:
        """Return a batch, or None."""
        with self.pool.connection() as connexion:
            return self._read(connexion, "numero = %s", numero)

    def everything(self) -> list[Lot]:
        """Return every batch, oldest first."""
        with self.pool.connection() as connexion:
            lignes = connexion.execute("SELECT numero FROM simulateur_lot ORDER BY rang").fetchall()
        return [lot for (numero,) in lignes if (lot := self.read(str(numero))) is not None]

    def forget(self) -> None:
        """Forget every batch; numbers go on, nobody meets an old one."""
        with self.pool.connection() as connexion:
            connexion.execute("DELETE FROM simulateur_lot")


def build_store(dsn: str) -> Magasin:
    """Return where batches are kept: this database, or memory without one."""
    return EnBase(dsn) if dsn else EnMemoire()
