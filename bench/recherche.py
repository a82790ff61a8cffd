"""Search of patients: our selector against SQL written by hand, in the same run on the same rows.

150,000 files in one officine, then two million in a hundred officines, loaded by COPY (the triggers
make the words). Ours runs as in the product: application role, row-level security on. By hand runs
as the owner, whom no policy slows, one statement a search, told beforehand which word is the rarest
(« devin »); and told nothing: it looks first, as anyone must (« à la main », what the ratio is to).
« Plan gardé »: ours once more, with the plan PostgreSQL keeps for any value, which it may choose
after a few searches on one connection and which a measure on fresh plans would never show.
"""

import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bench.population import Personne, people
from config.lanceur.pile import Options, Pile

UNE, TOUTES, OFFICINES = 150_000, 2_000_000, 100
ESSAIS, GARDES = 150, 40
CIBLES_MS = {"tape": 15.0, "proche": 60.0}
RAPPORT_MAX = 1.5
COLONNES = (
    "officine_id, nom_naissance, premier_prenom, prenoms_naissance, date_naissance, sexe, "
    "cog_naissance, nom_utilise, prenom_utilise, recherche, statut, date_naissance_interpretee, "
    "nom_a_confirmer, methode, traits_version, attr_homonyme, attr_douteux, attr_fictif, "
    "ins_matricule, ins_empreinte, ins_oid, nir_assure, nir_certifie, naissance_facturation, "
    "rang_gemellaire, carte_empreinte, actif, cree_le, cree_par_id, ins_cle_calculee, "
    "motif_sans_ins"
)
RENDUES = (
    "p.id, p.nom_naissance, p.premier_prenom, p.prenoms_naissance, p.date_naissance, p.sexe, "
    "p.cog_naissance, p.nom_utilise, p.prenom_utilise, p.statut, p.attr_homonyme, p.attr_douteux, "
    "p.attr_fictif, p.vu_le, p.nom_a_confirmer"
)


@dataclass
class Mesure:
    """One kind of search: what the database took, ours and by hand, and who was found."""

    nom: str
    genre: str
    produit: list[float] = field(default_factory=list)
    entier: list[float] = field(default_factory=list)
    main: list[float] = field(default_factory=list)
    devin: list[float] = field(default_factory=list)
    garde: list[float] = field(default_factory=list)
    trouves: int = 0

    def line(self) -> str:
        """Return the row of the table."""
        ratio = statistics.median(self.produit) / statistics.median(self.main)
        temps = " | ".join(map(_couple, (self.devin, self.main, self.produit)))
        retrouves = 100 * self.trouves // len(self.produit)
        suite = f"×{ratio:.2f} | {_couple(self.garde)} | {_couple(self.entier)} | {retrouves} %"
        return f"| {self.nom} | {temps} | {suite} |"


def _p95(valeurs: list[float]) -> float:
    return statistics.quantiles(valeurs, n=20, method="inclusive")[18]


def _couple(valeurs: list[float]) -> str:
    return f"{statistics.median(valeurs):.1f} / {_p95(valeurs):.1f}"


@contextmanager
def prepared_base() -> Iterator[Pile]:
    """Start PostgreSQL and Valkey alone, migrated, with one officine and one operator."""
    dossier = Path(tempfile.mkdtemp(prefix="comptoir-banc-"))
    dossier.chmod(0o711)
    pile = Pile(dossier, Options(durable=False))
    try:
        pile.start_data()
        os.environ.update(
            {n: v for n, v in pile.env.items() if n.startswith(("COMPTOIR", "DJANGO"))}
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", database="proprietaire", verbosity=0)
        yield pile
    finally:
        from django.db import connections

        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]
        pile.stop()


def make_officine(rang: int) -> tuple[int, int]:
    """Return (officine, operator), made by the owner."""
    from pharmacy.models import Officine, Operateur

    officine = Officine.objects.using("proprietaire").create(
        finess=f"99{rang:07d}", nom=f"PHARMACIE DU BANC {rang}"
    )
    operateur = Operateur.objects.using("proprietaire").create(
        officine=officine, code="A01", role="titulaire"
    )
    return officine.pk, operateur.pk


def load(officine: tuple[int, int], personnes: Iterator[Personne]) -> int:
    """Copy people into an officine; return how many."""
    from django.db import connections

    from pharmacy.rules.recherche import file_key

    connexion = connections["proprietaire"]
    connexion.ensure_connection()
    nombre = 0
    maintenant = "2026-01-01 00:00:00+00"
    with (
        connexion.connection.cursor() as curseur,
        curseur.copy(f"COPY pharmacy_patient ({COLONNES}) FROM STDIN") as copie,
    ):
        for p in personnes:
            cle = file_key((p.nom, p.nom_utilise), (p.prenom, p.prenoms))
            copie.write_row(
                (
                    *(officine[0], p.nom, p.prenom, p.prenoms, p.naissance, p.sexe, p.cog),
                    *(p.nom_utilise, "", cle, "PROV", False, False, "SM", 1, False, False, False),
                    *(b"", "", "", b"", b"", "", 1, "", True, maintenant, officine[1], False, ""),
                )
            )
            nombre += 1
    return nombre


def settle() -> None:
    """Leave the tables as the autovacuum leaves them when nobody loads two million rows."""
    from django.db import connections

    with connections["proprietaire"].cursor() as curseur:
        for table in ("pharmacy_patient", "pharmacy_motpatient", "pharmacy_motconnu"):
            curseur.execute(f"VACUUM ANALYZE {table}")


# What is typed


def misspell(mot: str, hasard: random.Random) -> str:
    """Drop, double, change or swap one letter after the first."""
    rang = hasard.randrange(1, len(mot))
    return hasard.choice(
        (
            mot[:rang] + mot[rang + 1 :],
            mot[:rang] + mot[rang] + mot[rang:],
            mot[:rang] + hasard.choice("AEIOURSTLN") + mot[rang + 1 :],
            mot[: rang - 1] + mot[rang] + mot[rang - 1] + mot[rang + 1 :],
        )
    )


def _long_word(nom: str) -> str:
    return max(nom.replace("'", " ").replace("-", " ").split(), key=len)


Frappe = Callable[[Personne, random.Random], str]
FRAPPES: tuple[tuple[str, str, Frappe], ...] = (
    ("trois lettres du nom", "tape", lambda p, _h: _long_word(p.nom)[:3]),
    ("nom entier", "tape", lambda p, _h: p.nom),
    ("nom et début du prénom", "tape", lambda p, _h: f"{p.nom} {p.prenom[:3]}"),
    ("prénom courant et début du nom", "tape", lambda p, _h: f"{p.prenom} {_long_word(p.nom)[:3]}"),
    ("nom et tous les prénoms", "tape", lambda p, _h: f"{p.prenoms} {p.nom}"),
    ("date de naissance", "tape", lambda p, _h: f"{p.naissance:%d/%m/%Y}"),
    ("date et trois lettres", "tape", lambda p, _h: f"{p.naissance:%d%m%Y} {p.prenom[:3]}"),
    ("jour, mois et trois lettres", "tape", lambda p, _h: f"{p.nom[:3]} {p.naissance:%d/%m}"),
    ("nom mal écrit", "proche", lambda p, h: misspell(_long_word(p.nom), h)),
    (
        "nom mal écrit et prénom",
        "proche",
        lambda p, h: f"{misspell(_long_word(p.nom), h)} {p.prenom}",
    ),
    (
        "prénom mal écrit, puis nom mal écrit",
        "proche",
        lambda p, h: f"{misspell(_long_word(p.prenom), h)} {misspell(_long_word(p.nom), h)}",
    ),
    (
        "nom mal écrit et date",
        "proche",
        lambda p, h: f"{misspell(_long_word(p.nom), h)} {p.naissance:%d/%m/%Y}",
    ),
)


# By hand


class ParLaMain:
    """One statement a search, by the owner; the rarest word is known before the clock starts."""

    def __init__(self, officine_id: int) -> None:
        from django.db import connections

        self.officine_id = officine_id
        connections["proprietaire"].ensure_connection()
        self.connexion: Any = connections["proprietaire"].connection

    def prepare(self, texte: str, genre: str) -> list[str]:
        """Return the statements: a look when there is something to choose, then the search."""
        from pharmacy.rules.recherche import parse_typed

        saisie = parse_typed(texte)
        mots = list(saisie.mots)
        if genre == "proche":
            mots = sorted(mots, key=len, reverse=True)
            return [self._near(mots[:4], saisie.jours[0][0] if saisie.jours else "")]
        debuts = [debuts[0] for debuts in saisie.termes]
        cherche = self._typed(sorted(debuts, key=self._count))
        if len(debuts) == 1 or any(len(d) == 8 and d.isdigit() for d in debuts):
            return [cherche]
        return [self._look(debuts), cherche]

    def _look(self, debuts: list[str]) -> str:
        vus = (
            f"(SELECT count(*) FROM (SELECT FROM pharmacy_motpatient WHERE officine_id = "
            f"{self.officine_id} AND {_range(debut)} LIMIT 100) a{rang})"
            for rang, debut in enumerate(debuts)
        )
        return f"SELECT {', '.join(vus)}"

    def _typed(self, debuts: list[str]) -> str:
        suite = "".join(f" AND ' ' || cle LIKE '% {autre}%'" for autre in debuts[1:])
        return (
            f"SELECT {RENDUES} FROM (SELECT patient_id, min(rang) AS rang FROM ("
            f"SELECT patient_id, row_number() OVER () AS rang FROM (SELECT patient_id "
            f"FROM pharmacy_motpatient WHERE officine_id = {self.officine_id} "
            f"AND {_range(debuts[0])}{suite} ORDER BY cle LIMIT 60) a) b GROUP BY 1 "
            f"ORDER BY 2 LIMIT 12) c JOIN pharmacy_patient p ON p.id = c.patient_id "
            "ORDER BY c.rang"
        )

    def _count(self, debut: str) -> int:
        ligne = self.connexion.execute(
            f"SELECT count(*) FROM pharmacy_motpatient WHERE officine_id = {self.officine_id} "
            f"AND {_range(debut)}"
        ).fetchone()
        return int(ligne[0])

    def _near(self, mots: list[str], jour: str) -> str:
        sens = ", ".join(
            f"v{rang} AS (SELECT mot FROM pharmacy_motconnu WHERE officine_id = "
            f"{self.officine_id}::bigint ORDER BY mot <-> '{mot}' LIMIT 25)"
            for rang, mot in enumerate(mots)
        )
        suite = "".join(
            f" AND EXISTS (SELECT FROM v{rang} WHERE ' ' || m.cle || ' ' LIKE '% ' || v{rang}.mot "
            "|| ' %')"
            for rang in range(0 if jour else 1, len(mots))
        )
        rangee = _range(jour, "m.") if jour else "m.cle >= v0.mot AND m.cle < v0.mot || '!'"
        lue = (
            f"SELECT m.patient_id FROM pharmacy_motpatient m WHERE m.officine_id = "
            f"{self.officine_id} AND {rangee}{suite} LIMIT 12"
        )
        source = f"({lue}) m" if jour else f"v0 CROSS JOIN LATERAL ({lue}) m"
        return (
            f"WITH {sens} SELECT {RENDUES} FROM (SELECT DISTINCT m.patient_id FROM {source} "
            "LIMIT 12) c JOIN pharmacy_patient p ON p.id = c.patient_id"
        )

    def play(self, requetes: list[str]) -> float:
        """Return the milliseconds of these statements, rows read."""
        debut = time.perf_counter()
        for requete in requetes:
            self.connexion.execute(requete).fetchall()
        return (time.perf_counter() - debut) * 1000


def _range(debut: str, prefixe: str = "") -> str:
    from pharmacy.rules.recherche import after

    return f"{prefixe}cle >= '{debut}' AND {prefixe}cle < '{after(debut)}'"


# Measures


class Chrono:
    """Adds up what the database takes, as an execute wrapper of Django."""

    def __init__(self) -> None:
        self.total_ms = 0.0

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: ANN401
        """Time one statement (the rows come with it: the cursor is a client one)."""
        debut = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.total_ms += (time.perf_counter() - debut) * 1000


def measure(officine: tuple[int, int], cibles: dict[str, list[Personne]]) -> list[Mesure]:
    """Play every kind of search, by hand and by the product in turn."""
    from pharmacy.acteurs import Acteur
    from pharmacy.isolation.contexte import officine_context

    acteur = Acteur(officine[1], officine[0], "titulaire")
    main = ParLaMain(officine[0])
    mesures = []
    with officine_context(officine[0]):
        for nom, genre, frappe in FRAPPES:
            hasard = random.Random(nom)  # noqa: S311
            mesure = Mesure(nom, genre)
            voulues = [p for p in cibles[genre] if len(_long_word(p.nom)) > 3]
            if genre == "proche":
                voulues = [p for p in voulues if len(_long_word(p.nom)) > 4]
            for rang, personne in enumerate(voulues[: ESSAIS + 5]):
                _play(acteur, main, mesure, personne, frappe(personne, hasard))
                if rang == 4:  # the first ones fill caches
                    mesure = Mesure(nom, genre)
            mesure.garde = _with_kept_plans(acteur, [frappe(p, hasard) for p in voulues[:GARDES]])
            mesures.append(mesure)
    return mesures


def _with_kept_plans(acteur: Any, textes: list[str]) -> list[float]:  # noqa: ANN401
    """Return what the database takes for each search with plans made for any value."""
    from django.db import connection

    from pharmacy.selectors.patient import patient_search

    durees = []
    with connection.cursor() as curseur:
        curseur.execute("SET plan_cache_mode = force_generic_plan")
    for texte in textes:
        chrono = Chrono()
        with connection.execute_wrapper(chrono):
            patient_search(acteur, texte)
        durees.append(chrono.total_ms)
    with connection.cursor() as curseur:
        curseur.execute("RESET plan_cache_mode")
    return durees


def _play(acteur: Any, main: ParLaMain, mesure: Mesure, personne: Personne, texte: str) -> None:  # noqa: ANN401
    from django.db import connection

    from pharmacy.selectors.patient import patient_search

    requetes = main.prepare(texte, mesure.genre)
    main.play(requetes[-1:])  # what the page cache and the plans give, both sides have
    mesure.main.append(main.play(requetes))
    mesure.devin.append(main.play(requetes[-1:]))
    chrono = Chrono()
    debut = time.perf_counter()
    with connection.execute_wrapper(chrono):
        trouves = patient_search(acteur, texte)
    mesure.entier.append((time.perf_counter() - debut) * 1000)
    mesure.produit.append(chrono.total_ms)
    mesure.trouves += trouves.reste or any(
        (p.nom_naissance, p.premier_prenom, p.date_naissance)
        == (personne.nom, personne.prenom, personne.naissance)
        for p in trouves.patients
    )


def _print(titre: str, mesures: list[Mesure]) -> None:
    print(f"\n{titre}\n")
    print(
        "| frappe | devin | à la main | produit, base | rapport | plan gardé | produit, en tout "
        "| retrouvés |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for mesure in mesures:
        print(mesure.line())
    for genre, cible in CIBLES_MS.items():
        pire = max(_p95(m.produit) for m in mesures if m.genre == genre)
        print(f"\n{genre} : pire p95 {pire:.1f} ms, cible {cible:.0f} ms.", end="")
    print(flush=True)


def run(toutes: int = TOUTES) -> None:
    """Load, measure at 150,000, load the rest, measure again."""
    with prepared_base():
        officine = make_officine(1)
        debut = time.perf_counter()
        personnes = list(people(UNE, 1))
        load(officine, iter(personnes))
        print(f"{UNE} dossiers en {time.perf_counter() - debut:.0f} s (COPY, mots compris).")
        settle()
        # Someone who shares both names with a hundred others is not found by a name alone.
        noms = Counter((p.nom, p.prenom) for p in personnes)
        seuls = [p for p in personnes if noms[p.nom, p.prenom] <= 3]
        cibles = {
            "tape": random.Random(2).sample(personnes, 3 * ESSAIS),  # noqa: S311
            "proche": random.Random(2).sample(seuls, 3 * ESSAIS),  # noqa: S311
        }
        _print(f"{UNE} dossiers, une officine (ms, médiane / p95)", measure(officine, cibles))
        if toutes <= UNE:
            return
        debut = time.perf_counter()
        suite = people(toutes - UNE, 3)
        for rang in range(2, OFFICINES + 1):
            load(make_officine(rang), islice(suite, (toutes - UNE) // (OFFICINES - 1)))
        print(f"\nLes autres officines en {time.perf_counter() - debut:.0f} s.")
        settle()
        _print(
            f"{toutes} dossiers, {OFFICINES} officines : la plus grande (ms, médiane / p95)",
            measure(officine, cibles),
        )
        print(flush=True)
