"""The seal of the journal: links made by a task, never on the path of an act, and their check.

Source: design (« Audit seal »), SEC-02. A link covers the lines up to a bound that nobody can still
add under: the last number drawn, once every transaction that held the table at that instant ended.
"""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.journal import GENRES, SEQUENCE
from pharmacy.models import Audit, BlocAudit
from pharmacy.rules.sceau import COLONNES, Maillon, compute_seal, digest_lines, key_mark

logger = logging.getLogger(__name__)
# A line waits so long at least: fewer, larger links. Sealed well under the minute of the alert.
ATTENTE_S = 20
BLOC_MAX = 10_000
# How long before the last bound a line may say it was written (see A_SCELLER).
MARGE = timedelta(minutes=10)
_PATIENCE_S, _PAUSE_S = 3.0, 0.02


@dataclass(frozen=True)
class Borne:
    """A number under which every line is there, and when it was read (clock of the database)."""

    numero: int
    quand: datetime


def read_bound(patience_s: float = _PATIENCE_S) -> Borne | None:
    """Return the bound; None when a transaction that held the journal has not ended in time.

    Reads the last number drawn, then who holds the table: whoever drew a number up to it and is
    not committed is among them.
    """
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT pg_sequence_last_value(%s::regclass), clock_timestamp()", [SEQUENCE]
        )
        numero, quand = curseur.fetchone()
        tenants = _holders(curseur)
        fin = time.monotonic() + patience_s
        while tenants and time.monotonic() < fin:
            time.sleep(_PAUSE_S)
            tenants &= _holders(curseur)
    return None if tenants else Borne(numero or 0, quand)


def _holders(curseur: Any) -> set[str]:  # noqa: ANN401 - Django's cursor
    curseur.execute(
        "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted "
        "AND relation = 'pharmacy_audit'::regclass AND mode = 'RowExclusiveLock' "
        "AND pid <> pg_backend_pid() "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return {ligne[0] for ligne in curseur.fetchall()}


def seal_due(attente_s: int = ATTENTE_S) -> int:
    """Seal every officine and kind whose lines wait; return how many links were made.

    One that the database refuses is told at the end: it stops none of the others.
    """
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT officine_id, genre FROM comptoir_journal_a_sceller(%s)", [attente_s]
        )
        dues = curseur.fetchall()
    borne = read_bound() if dues else None
    if borne is None:
        if dues:
            logger.warning("sceau.attend officines=%s", len({ligne[0] for ligne in dues}))
        return 0
    faits, pannes = 0, []
    for officine_id, genre in dues:
        try:
            with officine_context(officine_id):
                faits += seal(officine_id, genre, borne)
        except (DatabaseError, OSError, ValueError, LookupError, ImproperlyConfigured) as exc:
            logger.exception("sceau.panne officine=%s genre=%s", officine_id, genre)
            pannes.append(exc)
    if pannes:
        raise ExceptionGroup("journals not sealed", pannes)
    return faits


def seal_rest(officine_id: int) -> int:
    """Seal whatever an officine has left, however old; return how many links were made.

    What the frequent task does not look for: a journal that was there before its first seal.
    """
    borne = read_bound()
    return sum(seal(officine_id, genre, borne) for genre in GENRES) if borne else 0


def seal(officine_id: int, genre: str, borne: Borne) -> int:
    """Seal the lines of one chain up to a bound; return how many links were made.

    Two sealers never write one chain: the second leaves it to the first. The head of the chain is
    then kept outside the database.
    """
    with transaction.atomic():
        if not _hold(officine_id, genre):
            return 0
        tete = last_link(officine_id, genre)
        if tete is not None and borne.numero <= tete.dernier:
            return 0
        faits = 0
        for mois, apres, dernier, lignes in _slices(officine_id, genre, tete, borne):
            tete = _append(
                Maillon(
                    officine_id=officine_id,
                    genre=genre,
                    rang=tete.rang + 1 if tete else 1,
                    nature=BlocAudit.Nature.LIGNES,
                    mois=mois,
                    apres=apres,
                    dernier=dernier,
                    nombre=len(lignes),
                    empreinte=digest_lines(lignes),
                    precedent=tete.sceau if tete else "",
                    cle=current_mark(),
                    scelle_le=borne.quand,
                )
            )
            faits += 1
    if faits and tete is not None:
        keep_head(tete)
    return faits


def current_mark() -> str:
    """Return the mark of the key that seals now; ImproperlyConfigured when there is none."""
    if not settings.CLES_SCEAU:
        raise ImproperlyConfigured("COMPTOIR_CLES_SCEAU est vide.")
    return key_mark(settings.CLES_SCEAU[0])


def seal_removal(officine_id: int, genre: str, mois: date, nombre: int, empreinte: str) -> None:
    """Add the link that says that a month leaves: its lines may then be absent, and only then."""
    with transaction.atomic():
        if not _hold(officine_id, genre):
            return
        tete = last_link(officine_id, genre)
        if tete is None:
            return
        tete = _append(
            Maillon(
                officine_id=officine_id,
                genre=genre,
                rang=tete.rang + 1,
                nature=BlocAudit.Nature.RETRAIT,
                mois=mois,
                apres=tete.dernier,
                dernier=tete.dernier,
                nombre=nombre,
                empreinte=empreinte,
                precedent=tete.sceau,
                cle=current_mark(),
                # What is written since the last bound still waits: the margin stays where it is.
                scelle_le=tete.scelle_le,
            )
        )
    keep_head(tete)


def last_link(officine_id: int, genre: str) -> BlocAudit | None:
    """Return the head of a chain, None when nothing is sealed yet."""
    return BlocAudit.objects.filter(officine_id=officine_id, genre=genre).order_by("-rang").first()


def _hold(officine_id: int, genre: str) -> bool:
    """Take the chain for this transaction; False when another sealer has it."""
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext('comptoir.sceau'), %s)",
            [(officine_id * len(GENRES) + GENRES.index(genre)) % 2**31],
        )
        return bool(curseur.fetchone()[0])


def _append(maillon: Maillon) -> BlocAudit:
    return BlocAudit.objects.create(
        **vars(maillon), sceau=compute_seal(maillon, settings.CLES_SCEAU)
    )


Tranche = tuple[date, int, int, list[tuple[Any, ...]]]


def _slices(
    officine_id: int, genre: str, tete: BlocAudit | None, borne: Borne
) -> Iterator[Tranche]:
    """Yield (month, excluded bound, bound, lines), month by month, BLOC_MAX lines at most."""
    toutes = Audit.objects.filter(officine_id=officine_id, genre=genre)
    depuis = tete.scelle_le - MARGE if tete else _first(toutes)
    if depuis is None:
        return
    debut_chaine = tete.dernier if tete else 0
    for mois in months(depuis, borne.quand + MARGE):
        apres = debut_chaine
        du_mois = toutes.filter(
            quand__gte=max(depuis, start_of(mois)), quand__lt=start_of(following(mois))
        )
        while True:
            lignes = list(
                du_mois.filter(pk__gt=apres, pk__lte=borne.numero)
                .order_by("pk")
                .values_list(*COLONNES)[: BLOC_MAX + 1]
            )
            if not lignes:
                break
            coupe = len(lignes) > BLOC_MAX
            dernier = lignes[BLOC_MAX - 1][0] if coupe else borne.numero
            yield mois, apres, dernier, lignes[:BLOC_MAX]
            apres = dernier
            if not coupe:
                break


def _first(lignes: Any) -> datetime | None:  # noqa: ANN401 - a QuerySet
    premiere: datetime | None = lignes.order_by("quand").values_list("quand", flat=True).first()
    return premiere


def start_of(mois: date) -> datetime:
    """Return the first instant of a month of the journal (UTC)."""
    return datetime(mois.year, mois.month, 1, tzinfo=UTC)


def following(mois: date) -> date:
    """Return the first day of the next month."""
    return date(mois.year + mois.month // 12, mois.month % 12 + 1, 1)


def months(debut: datetime, fin: datetime) -> Iterator[date]:
    """Yield the first day of each month (UTC) from one instant to another, both included."""
    mois = debut.astimezone(UTC).date().replace(day=1)
    while mois <= fin.astimezone(UTC).date():
        yield mois
        mois = following(mois)


# Heads, kept where the owner of the tables does not write


def _head_file(officine_id: int) -> Path | None:
    return (
        Path(settings.AUDIT_TETES) / f"officine-{officine_id}.json"
        if settings.AUDIT_TETES
        else None
    )


def read_heads(officine_id: int) -> dict[str, tuple[int, str]] | None:
    """Return (rank, seal) of the head last kept outside, by kind; None where none is kept.

    Raises ValueError when the file is not one of ours.
    """
    fichier = _head_file(officine_id)
    if fichier is None:
        return None
    try:
        lu = json.loads(fichier.read_text(encoding="utf-8"))
        return {genre: (int(tete["rang"]), str(tete["sceau"])) for genre, tete in lu.items()}
    except FileNotFoundError:
        return {}
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not a file of heads") from exc


def keep_head(bloc: BlocAudit) -> None:
    """Write the head of a chain outside the database, whole or not at all (OSError).

    It is what a cut at the end cannot take away (design, « head printed and exported daily »).
    """
    fichier = _head_file(bloc.officine_id)
    if fichier is None:
        return
    tetes = read_heads(bloc.officine_id) or {}
    contenu = {
        genre: {"rang": rang, "sceau": sceau}
        for genre, (rang, sceau) in (tetes | {bloc.genre: (bloc.rang, bloc.sceau)}).items()
    }
    fichier.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    provisoire = fichier.with_suffix(".tmp")
    provisoire.write_text(json.dumps(contenu, indent=1), encoding="utf-8")
    provisoire.replace(fichier)
