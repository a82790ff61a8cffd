"""Taking over 150,000 patients from a CSV, against a bare COPY of the same rows, in the same run.

Both end with the same files and the same words to search them by. The bare one is told the columns,
checks nothing, and runs as the owner, whom no policy slows.
"""

import csv
import io
import time

from bench.population import Personne, people
from bench.recherche import UNE, load, make_officine, prepared_base


def _csv(personnes: list[Personne]) -> bytes:
    texte = io.StringIO()
    feuille = csv.writer(texte, delimiter=";")
    feuille.writerow(["nom de naissance", "nom utilisé", "prénoms", "date de naissance", "sexe"])
    for p in personnes:
        nom = p.nom_utilise or ""
        feuille.writerow([p.nom, nom, p.prenoms, f"{p.naissance:%d/%m/%Y}", p.sexe])
    return texte.getvalue().encode("cp1252")


def run(nombre: int = UNE) -> None:
    """Load both ways, in two officines of one base, and print the ratio."""
    with prepared_base():
        from ins.services import reprise
        from pharmacy.acteurs import Acteur
        from pharmacy.isolation.contexte import officine_context

        personnes = list(people(nombre, 1))
        octets = _csv(personnes)
        debut = time.perf_counter()
        load(make_officine(1), iter(personnes))
        nu = time.perf_counter() - debut
        officine, operateur = make_officine(2)
        acteur = Acteur(operateur, officine, "titulaire")
        with officine_context(officine):
            debut = time.perf_counter()
            pk = reprise.deposit(acteur, octets).pk
            reprise.advance(officine, pk)
            lue = time.perf_counter() - debut
            reprise.confirm(acteur, pk)
            reprise.advance(officine, pk)
            total = time.perf_counter() - debut
            fait = reprise.import_get(acteur, pk)
        print("| reprise | COPY nu | lecture | lecture et écriture | rapport | créés | doublons |")
        print("|---|---|---|---|---|---|---|")
        print(
            f"| {nombre} lignes | {nu:.1f} s | {lue:.1f} s | {total:.1f} s | ×{total / nu:.2f} "
            f"| {fait.crees} | {fait.doublons} |",
            flush=True,
        )
