"""Reads of the journal (TIT-12, TIT-13): pages by key, never a count; who opened a file.

Every read is bounded by dates: only the months asked for are opened. Rows of the journal name
operators and postes by number; their names come from two small reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, Count, Max, Min, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.functional import cached_property

from pharmacy.acteurs import Acteur
from pharmacy.audit import ROLE_CLE
from pharmacy.models import Audit, CleIntegration, Operateur, Patient, Poste
from pharmacy.rules.actes import FAMILLES, LIBELLES, actes_of, famille_of, libelle_of

PAGE = 50
EXPORT_MAX = 20_000
JOURS = 31


@dataclass(frozen=True)
class Criteres:
    """What is searched; zero, empty or None mean « any ». Days are included, both of them.

    `dossiers`: the file and those merged into it (`same_files`). `acces`: only what was done in
    files, not who read the journal about them.
    """

    du: date
    au: date
    operateur_id: int = 0
    patient_id: int = 0
    acte: str = ""
    dossiers: tuple[int, ...] = ()
    acces: bool = False
    avant: tuple[datetime, int] | None = None


@dataclass(frozen=True)
class Ligne:
    """One line as the screen says it."""

    numero: int
    quand: datetime
    operateur: str
    role: str
    poste: str
    acte: str
    objet: str
    patient_id: int | None
    resultat: str
    precision: str


@dataclass(frozen=True)
class Page:
    """Lines, newest first, and the key of the next page (empty: nothing older in these days)."""

    lignes: list[Ligne]
    suite: str


@dataclass(frozen=True)
class Passage:
    """What one operator did in a file: how many acts, the first and the last."""

    operateur: str
    role: str
    nombre: int
    premier: datetime
    dernier: datetime


class Noms:
    """Names of the operators and postes of an officine, those that left included."""

    def __init__(self, officine_id: int) -> None:
        self.operateurs = {
            o.pk: o
            for o in Operateur.objects.filter(officine_id=officine_id)
            .only("code", "nom", "prenom")
            .order_by("code")
        }
        self.postes = dict(
            Poste.objects.filter(officine_id=officine_id).values_list("pk", "libelle")
        )
        self.roles = dict(Operateur.Role.choices) | {ROLE_CLE: "Clé d'intégration"}
        self.officine_id = officine_id

    @cached_property
    def cles(self) -> dict[str, str]:
        """The tools by the public part of their key; read when a line names one."""
        lignes = CleIntegration.objects.filter(officine_id=self.officine_id)
        return dict(lignes.values_list("repere", "nom"))

    def operateur(self, pk: int | None, role: str = "", precision: str = "") -> str:
        """Return « ROUSSEAU Hélène (A01) », the tool of a key, or who acts and is nobody."""
        if role == ROLE_CLE:
            return f"{self.cles.get(precision, 'Outil')} (clé {precision})"
        if pk is None:
            return "Comptoir, sans personne"
        trouve = self.operateurs.get(pk)
        if trouve is None:
            return f"opérateur n° {pk}"
        return f"{trouve.nom} {trouve.prenom} ({trouve.code})"

    def line(self, a: Audit) -> Ligne:
        """Return a line with its words."""
        return Ligne(
            numero=a.pk,
            quand=a.quand,
            operateur=self.operateur(a.operateur_id, a.role, a.precision),
            role=str(self.roles.get(a.role, a.role)),
            poste=self.postes.get(a.poste_id, "") if a.poste_id else "",
            acte=libelle_of(a.acte),
            objet="" if a.objet == f"patient:{a.patient_id}" else a.objet,
            patient_id=a.patient_id,
            resultat=a.resultat,
            precision="" if a.role == ROLE_CLE else a.precision,
        )


def default_days() -> tuple[date, date]:
    """Return the days searched when none is given: the last month."""
    aujourdhui = timezone.localdate()
    return aujourdhui - timedelta(days=JOURS - 1), aujourdhui


def journal_page(acteur: Acteur, criteres: Criteres, noms: Noms) -> Page:
    """Return a page of the journal: one query, whatever its size."""
    lues = _play(acteur.officine_id, criteres, PAGE + 1)
    montrees = lues[:PAGE]
    suite = write_key(montrees[-1]) if len(lues) > PAGE else ""
    return Page([noms.line(a) for a in montrees], suite)


def journal_export(acteur: Acteur, criteres: Criteres, noms: Noms) -> tuple[list[Ligne], bool]:
    """Return (the lines to export, newest first, whether older ones were left out)."""
    lues = _play(acteur.officine_id, criteres, EXPORT_MAX + 1)
    return [noms.line(a) for a in lues[:EXPORT_MAX]], len(lues) > EXPORT_MAX


def _play(officine_id: int, criteres: Criteres, limite: int) -> list[Audit]:
    """Return the newest lines.

    An act with an operator, or several acts, may be common or rare: the plan is made for the values
    at hand, not kept for any (kept, it reads an officine from end to end for six rare acts).
    """
    lignes = _search(officine_id, criteres)[:limite]
    if not criteres.acte or (not criteres.operateur_id and len(actes_of(criteres.acte)) == 1):
        return list(lignes)
    with transaction.atomic():
        with connection.cursor() as curseur:
            curseur.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        return list(lignes)


def _search(officine_id: int, criteres: Criteres) -> QuerySet[Audit]:
    lignes = Audit.objects.filter(
        officine_id=officine_id,
        quand__gte=_midnight(criteres.du),
        quand__lt=_midnight(criteres.au + timedelta(days=1)),
    )
    if criteres.acces:
        lignes = lignes.filter(genre__in=(Audit.Genre.DOSSIER, Audit.Genre.MSSANTE))
    if criteres.operateur_id:
        lignes = lignes.filter(operateur_id=criteres.operateur_id)
    if criteres.patient_id:
        numeros = criteres.dossiers or (criteres.patient_id,)
        un = len(numeros) == 1
        lignes = (
            lignes.filter(patient_id=numeros[0]) if un else lignes.filter(patient_id__in=numeros)
        )
    if criteres.acte:
        actes = actes_of(criteres.acte)
        lignes = lignes.filter(acte=actes[0]) if len(actes) == 1 else lignes.filter(acte__in=actes)
    if criteres.avant:
        quand, numero = criteres.avant
        # The first condition is the one an index starts from; the second drops what was shown.
        lignes = lignes.filter(quand__lte=quand).filter(Q(quand__lt=quand) | Q(pk__lt=numero))
    return lignes.order_by("-quand", "-pk")


def _midnight(jour: date) -> datetime:
    return timezone.make_aware(datetime(jour.year, jour.month, jour.day))  # noqa: DTZ001


def write_key(ligne: Audit) -> str:
    """Return the key of what comes after a line: an instant and a number, no trait."""
    return f"{ligne.quand.astimezone(timezone.get_fixed_timezone(0)):%Y%m%d%H%M%S%f}-{ligne.pk}"


def read_key(texte: str) -> tuple[datetime, int] | None:
    """Return what `write_key` wrote; None for anything else."""
    quand, tiret, numero = texte.partition("-")
    if not (tiret and numero.isascii() and numero.isdigit() and len(numero) < 19):
        return None
    try:
        lu = datetime.strptime(f"{quand}+0000", "%Y%m%d%H%M%S%f%z")
    except ValueError:
        return None
    return lu, int(numero)


def same_files(officine_id: int, patient_id: int) -> tuple[int, ...]:
    """Return a file and those merged into it: what was read under their numbers was of them."""
    fusionnes = Patient.objects.filter(officine_id=officine_id, fusionne_dans_id=patient_id)
    return (patient_id, *fusionnes.values_list("pk", flat=True))


def who_opened(acteur: Acteur, criteres: Criteres, noms: Noms) -> list[Passage]:
    """Return who acted in a file between two days, the last one first (TIT-13)."""
    rangees: Iterable[Any] = (
        _search(acteur.officine_id, replace(criteres, avant=None))
        .order_by()
        .annotate(cle=Case(When(role=ROLE_CLE, then="precision"), default=Value("")))
        .values("operateur_id", "role", "cle")
        .annotate(nombre=Count("pk"), premier=Min("quand"), dernier=Max("quand"))
        .order_by("-dernier")
    )
    return [
        Passage(
            operateur=noms.operateur(r["operateur_id"], r["role"], r["cle"]),
            role=str(noms.roles.get(r["role"], r["role"])),
            nombre=r["nombre"],
            premier=r["premier"],
            dernier=r["dernier"],
        )
        for r in rangees
    ]


def familles() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the acts by family, as the screen offers them."""
    return [
        (
            nom,
            [
                (prefixe, f"{nom} : tout"),
                *sorted(
                    ((a, mots) for a, mots in LIBELLES.items() if famille_of(a) == prefixe),
                    key=lambda couple: couple[1],
                ),
            ],
        )
        for prefixe, nom in FAMILLES.items()
        if actes_of(prefixe)
    ]
