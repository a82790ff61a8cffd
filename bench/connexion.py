"""Signing in under load beside one bare Argon2 verification: `make bench-connexion`.

The product: one POST of the form, from its token to the redirection, the page read before. Bare:
the same Argon2 (same memory, passes and lanes) on the same password, nothing else; both alone,
then eight at once, in turn. Argon2 is meant to be slow and is nearly all of it: what is judged is
what the product adds. The processes share the cores: eight at once say how they queue.
"""

import re
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
from argon2 import PasswordHasher

from bench.__main__ import CLIENTS, Coulisses, Serie
from bench.machine import read_cpu_ms, started_stack

SEUL, RONDES = 30, 8
CODE, MOT_DE_PASSE, PIN = "A02", "halle-adjointe", "220022"
# Those of Django's Argon2PasswordHasher, which the product uses as it is.
PASSES, MEMOIRE_KIO, VOIES = 2, 102_400, 8
DELAI_S = 60.0


class Porte:
    """A browser of one poste, at the door."""

    def __init__(self, adresse: str, poste: str) -> None:
        self.http = httpx.Client(
            base_url=adresse,
            cookies={"comptoir_poste": poste},
            timeout=DELAI_S,
            trust_env=False,
            headers={"Origin": adresse},
        )

    def enter(self, saisie: dict[str, str]) -> float:
        """Sign in; return the milliseconds of the POST. The session is closed, unmeasured."""
        jeton = self._token("/connexion/")
        debut = time.perf_counter()
        reponse = self.http.post(
            "/connexion/", data=saisie | {"code": CODE, "csrfmiddlewaretoken": jeton}
        )
        duree = (time.perf_counter() - debut) * 1000
        assert reponse.status_code == 302, reponse.text
        sortie = {"csrfmiddlewaretoken": self._token("/donnees/")}
        assert self.http.post("/deconnexion/", data=sortie).status_code == 302
        return duree

    def _token(self, chemin: str) -> str:
        page = self.http.get(chemin).raise_for_status().text
        trouve = re.search(r'<meta name="csrf" content="([^"]+)"', page)
        assert trouve is not None, chemin
        return trouve[1]


def verify_bare(hacheur: PasswordHasher, empreinte: str) -> float:
    """Check one password with Argon2 alone; return milliseconds."""
    debut = time.perf_counter()
    assert hacheur.verify(empreinte, MOT_DE_PASSE)
    return (time.perf_counter() - debut) * 1000


def measure(
    nom: str, nu: Callable[[], float], portes: list[Porte], saisie: dict[str, str], seul: int
) -> tuple[Serie, Serie]:
    """Play both sides in turn: alone `seul` times, then all the doors at once."""
    un, tous = Serie(f"{nom}, un poste"), Serie(f"{nom}, {len(portes)} ensemble")
    for tour in range(seul + 2):
        paire = nu(), portes[0].enter(saisie)
        if tour >= 2:  # the first ones open connections and fill caches
            un.nu.append(paire[0])
            un.produit.append(paire[1])
    with ThreadPoolExecutor(len(portes)) as pool:
        for _ in range(max(2, seul * RONDES // SEUL)):
            barriere = threading.Barrier(len(portes))
            tous.nu += list(pool.map(lambda b: _together(b, nu), [barriere] * len(portes)))
            tous.produit += list(pool.map(lambda p: p.enter(saisie), portes))
    return un, tous


def _together(barriere: threading.Barrier, acte: Callable[[], float]) -> float:
    barriere.wait(DELAI_S)
    return acte()


def run(seul: int = SEUL, clients: int = CLIENTS) -> None:
    """Measure and print the table of docs/performance.md."""
    hacheur = PasswordHasher(time_cost=PASSES, memory_cost=MEMOIRE_KIO, parallelism=VOIES)
    empreinte = hacheur.hash(MOT_DE_PASSE)
    with started_stack() as (pile, _durees):
        coulisses = Coulisses(pile)
        try:
            faits = coulisses.ask("clients", nombre=clients, tls=str(pile.dossiers.donnees / "tls"))
            portes = [Porte(pile.adresse, client["poste"]) for client in faits]
            for porte in portes:  # the password opens each poste for the day
                porte.enter({"mot_de_passe": MOT_DE_PASSE})
            avant, debut = read_cpu_ms(pile, "web", "postgres"), time.perf_counter()
            series = [
                serie
                for nom, saisie in (
                    ("mot de passe", {"mot_de_passe": MOT_DE_PASSE}),
                    ("PIN", {"pin": PIN}),
                )
                for serie in measure(
                    nom, lambda: verify_bare(hacheur, empreinte), portes, saisie, seul
                )
            ]
            apres = read_cpu_ms(pile, "web", "postgres")
        finally:
            coulisses.stop()
    print("\nMillisecondes, médiane / p95. Argon2 : 100 Mio, deux passes, huit voies.\n")
    print("| ouverture de session | Argon2 nu | produit | ajout | rapport | essais |")
    print("|---|---|---|---|---|---|")
    for serie in series:
        print(serie.line())
    total = sum(len(serie.produit) for serie in series)
    par_acte = {nom: (apres[nom] - avant[nom]) / total for nom in avant}
    web, base = par_acte["web"], par_acte["postgres"]
    print(f"\n{total} ouvertures en {time.perf_counter() - debut:.0f} s. Processeur de chacune,")
    print(f"pages et fermeture comprises : {web:.0f} ms web, {base:.0f} ms base.")
    seules = statistics.median(series[0].nu)
    print(f"Une vérification Argon2 seule : {seules:.0f} ms.")


if __name__ == "__main__":
    run(*(int(n) for n in sys.argv[1:]))
