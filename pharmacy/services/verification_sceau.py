"""Checking the seal: the chain, what each link covers, what waits, and the heads kept outside.

Source: SEC-02 (« a chain of hashes verified daily »). The first broken link is told, with its kind.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max, Min, Q
from django.utils import timezone

from pharmacy import audit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.journal import GENRES
from pharmacy.models import Audit, BlocAudit
from pharmacy.rules.sceau import COLONNES, Maillon, digest_lines, link_fault
from pharmacy.services.sceau import (
    MARGE,
    following,
    last_link,
    months,
    read_heads,
    seal_rest,
    start_of,
)

logger = logging.getLogger(__name__)
DELAI = timedelta(minutes=1)
_LOT = 5_000
PHRASES = {
    "rang": "un bloc manque, ou n'est pas à sa place",
    "chaine": "ce bloc ne suit pas le précédent",
    "cle": "aucune clé de l'installation n'a scellé ce bloc",
    "sceau": "ce bloc a été changé",
    "lignes": "les lignes de ce bloc ne sont plus celles qui ont été scellées",
    "ajout": "une ligne a été ajoutée sous ce bloc",
    "fin": "la fin du journal a été coupée : la tête gardée hors de la base n'y est plus",
    "tete": "la tête gardée hors de la base n'est pas celle du journal",
    "tete_absente": "aucune tête n'est gardée hors de la base",
    "attente": "des lignes attendent leur sceau depuis plus d'une minute",
}


@dataclass(frozen=True)
class Defaut:
    """What is wrong: the kind of lines, the link (0: none), a code of PHRASES."""

    genre: str
    rang: int
    code: str

    @property
    def phrase(self) -> str:
        """Return it as a person reads it."""
        ou = f"bloc {self.rang} : " if self.rang else ""
        return f"{Audit.Genre(self.genre).label}, {ou}{PHRASES[self.code]}."


@dataclass
class Bilan:
    """What a check read, and the faults of each kind, the first link first."""

    officine_id: int
    blocs: int = 0
    lignes: int = 0
    retires: int = 0
    defauts: list[Defaut] = field(default_factory=list)
    tetes: dict[str, BlocAudit] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.defauts

    @property
    def code(self) -> str:
        """Return what the journal keeps of the check: `ok`, or the first fault."""
        return f"{self.defauts[0].code}" if self.defauts else "ok"


def verify(officine_id: int) -> Bilan:
    """Check the whole journal of an officine, in its context."""
    bilan = Bilan(officine_id)
    tetes = _heads(officine_id)
    for genre in GENRES:
        _verify_kind(bilan, genre, tetes)
    return bilan


def verify_all() -> list[Bilan]:
    """Check every officine, each in its context, and note in its journal what was found."""
    bilans = []
    for officine_id in _officines():
        with officine_context(officine_id):
            bilan = verify(officine_id)
            audit.note_system(officine_id, "journal.verifier", resultat=bilan.code)
        bilans.append(bilan)
    return bilans


def _officines() -> list[int]:
    with connection.cursor() as curseur:
        curseur.execute("SELECT officine_id FROM comptoir_journal_officines()")
        return [ligne[0] for ligne in curseur.fetchall()]


def _heads(officine_id: int) -> dict[str, tuple[int, str]] | None:
    try:
        return read_heads(officine_id)
    except (ValueError, OSError):
        return {}


def _verify_kind(bilan: Bilan, genre: str, tetes: dict[str, tuple[int, str]] | None) -> None:
    """Check one chain; only its first fault is told, then what waits."""
    officine_id = bilan.officine_id
    maintenant = timezone.now()
    tete = last_link(officine_id, genre)
    rompu = _check_chain(bilan, genre)
    defauts = [rompu]
    bornes = (tete.dernier, tete.scelle_le) if tete else (0, None)
    for mois in _months_of(officine_id, genre, bornes[0]):
        defauts.append(check_month(bilan, genre, mois, bornes[0]))
    # Beside a broken link its lines stand under none: the link is the fault.
    trouves = sorted(
        (d for d in defauts if d is not None and (rompu is None or d.code != "ajout")),
        key=lambda d: d.rang,
    )
    fin = _check_head(officine_id, genre, tete, tetes)
    bilan.defauts += trouves[:1] or ([fin] if fin else [])
    if waiting(officine_id, genre, bornes[0], maintenant):
        bilan.defauts.append(Defaut(genre, 0, "attente"))
    if tete is not None:
        bilan.tetes[genre] = tete


def waiting(officine_id: int, genre: str, borne: int, maintenant: datetime) -> bool:
    """Tell whether lines above the last bound have waited for a minute, or come from tomorrow."""
    ailleurs = Q(quand__lt=maintenant - DELAI) | Q(quand__gt=maintenant + MARGE)
    return Audit.objects.filter(
        ailleurs, officine_id=officine_id, genre=genre, pk__gt=borne
    ).exists()


def _check_chain(bilan: Bilan, genre: str) -> Defaut | None:
    """Follow the links from the first; the first that does not hold is the fault."""
    avant = (0, "")
    blocs = BlocAudit.objects.filter(officine_id=bilan.officine_id, genre=genre).order_by("rang")
    for bloc in _by_lots(blocs, "rang"):
        code = link_fault(_maillon(bloc), bloc.sceau, avant, settings.CLES_SCEAU)
        if code:
            return Defaut(genre, bloc.rang, code)
        avant = (bloc.rang, bloc.sceau)
        bilan.blocs += 1
    return None


def _maillon(bloc: BlocAudit) -> Maillon:
    return Maillon(**{nom: getattr(bloc, nom) for nom in Maillon.__dataclass_fields__})


def _by_lots(lignes: Any, cle: str, depart: int = 0) -> Iterator[Any]:  # noqa: ANN401 - QuerySets
    """Yield rows in the order of a number, a lot of them in memory at a time."""
    while True:
        lot = list(lignes.filter(**{f"{cle}__gt": depart}).order_by(cle)[:_LOT])
        yield from lot
        if len(lot) < _LOT:
            return
        dernier = lot[-1]
        depart = dernier[0] if isinstance(dernier, tuple) else getattr(dernier, cle)


def _months_of(officine_id: int, genre: str, borne: int) -> Iterator[date]:
    """Yield each month that a link covers or that a line says it is of."""
    lignes = Audit.objects.filter(officine_id=officine_id, genre=genre)
    vus = lignes.aggregate(debut=Min("quand"), fin=Max("quand"))
    blocs = BlocAudit.objects.filter(officine_id=officine_id, genre=genre)
    couverts = blocs.aggregate(debut=Min("mois"), fin=Max("mois"))
    debuts = [vus["debut"]] if vus["debut"] else []
    fins = [vus["fin"]] if vus["fin"] else []
    if couverts["debut"]:
        debuts.append(start_of(couverts["debut"]))
        fins.append(start_of(couverts["fin"]))
    if debuts and borne:
        yield from months(min(debuts), max(fins))


def check_month(bilan: Bilan, genre: str, mois: date, borne: int | None = None) -> Defaut | None:
    """Read the lines of a month beside its links: each line under one link, none besides.

    `borne`: lines above that number are not sealed yet; None when none may be left.
    """
    officine_id = bilan.officine_id
    lignes = Audit.objects.filter(
        officine_id=officine_id,
        genre=genre,
        quand__gte=start_of(mois),
        quand__lt=start_of(following(mois)),
    )
    if borne is not None:
        lignes = lignes.filter(pk__lte=borne)
    blocs = BlocAudit.objects.filter(officine_id=officine_id, genre=genre, mois=mois)
    if blocs.filter(nature=BlocAudit.Nature.RETRAIT).exists() and not lignes.exists():
        bilan.retires += 1
        return None
    suite = _by_lots(lignes.values_list(*COLONNES), "id")
    attente: list[Any] = []
    rang = 0
    for bloc in _by_lots(blocs.filter(nature=BlocAudit.Nature.LIGNES), "rang"):
        rang = bloc.rang
        dedans, avant = _take(suite, attente, bloc.apres, bloc.dernier)
        bilan.lignes += len(dedans)
        if avant:
            return Defaut(genre, rang, "ajout")
        if len(dedans) != bloc.nombre or digest_lines(dedans) != bloc.empreinte:
            return Defaut(genre, rang, "lignes")
    if attente or next(suite, None) is not None:
        return Defaut(genre, rang or 1, "ajout")
    return None


def _take(
    suite: Iterator[Any], attente: list[Any], apres: int, dernier: int
) -> tuple[list[Any], bool]:
    """Return (lines of a link, whether one stood before it); what follows waits in `attente`."""
    dedans: list[Any] = []
    avant = False
    while True:
        ligne = attente.pop() if attente else next(suite, None)
        if ligne is None:
            return dedans, avant
        if ligne[0] > dernier:
            attente.append(ligne)
            return dedans, avant
        if ligne[0] > apres:
            dedans.append(ligne)
        else:
            avant = True


def _check_head(
    officine_id: int,
    genre: str,
    tete: BlocAudit | None,
    tetes: dict[str, tuple[int, str]] | None,
) -> Defaut | None:
    """Compare with the head kept outside: the only thing that shows a cut at the end."""
    if tetes is None:
        return None
    gardee = tetes.get(genre)
    if gardee is None:
        return Defaut(genre, tete.rang, "tete_absente") if tete else None
    rang, sceau = gardee
    if tete is None or tete.rang < rang:
        return Defaut(genre, rang, "fin")
    bloc = BlocAudit.objects.filter(officine_id=officine_id, genre=genre, rang=rang).first()
    return None if bloc is not None and bloc.sceau == sceau else Defaut(genre, rang, "tete")


def verify_daily() -> list[Bilan]:
    """Seal what is left, check everything, log what does not hold, export the heads (design).

    Raises OSError when the heads cannot be written: their folder is the installer's.
    """
    for officine_id in _officines():
        with officine_context(officine_id):
            seal_rest(officine_id)
    bilans = verify_all()
    for bilan in bilans:
        for defaut in bilan.defauts:
            logger.error(
                "journal.rompu officine=%s genre=%s bloc=%s code=%s",
                bilan.officine_id,
                defaut.genre,
                defaut.rang,
                defaut.code,
            )
    export_heads(bilans, timezone.localdate())
    return bilans


def export_heads(bilans: list[Bilan], jour: date) -> Path | None:
    """Write the heads of a day beside the others, to be printed or copied away; None: no folder."""
    if not settings.AUDIT_TETES:
        return None
    dossier = Path(settings.AUDIT_TETES)
    dossier.mkdir(parents=True, exist_ok=True, mode=0o700)
    fichier = dossier / f"tetes-{jour:%Y-%m-%d}.txt"
    fichier.write_text(
        "".join(f"{ligne}\n" for bilan in bilans for ligne in head_lines(bilan)), encoding="utf-8"
    )
    return fichier


def head_lines(bilan: Bilan) -> list[str]:
    """Return the heads of a journal, one a line: officine, kind, rank, seal, when."""
    return [
        f"officine {bilan.officine_id} {genre} bloc {bloc.rang} {bloc.sceau} "
        f"{bloc.scelle_le:%Y-%m-%dT%H:%M:%SZ}"
        for genre, bloc in bilan.tetes.items()
    ]
