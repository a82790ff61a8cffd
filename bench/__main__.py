"""Run the bench: start, measure, print. See the package and docs/performance.md."""

import copy
import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.machine import read_cpu_ms, read_processes, started_stack
from bench.navigateur import Navigateur
from config.lanceur.dossiers import RACINE
from config.lanceur.pile import Pile
from tests.simulators.client_nu import Assertion, ClientEpu, ClientInsi

LATENCE_MS = 200
CLIENTS = 8
SEUL, RONDES = 40, 12
REPOS_S = 20.0
ID_NAT = "810100000040"
CIBLE_MS = (60, 120)
# Whose processor time is told: what the product spends, whatever else the machine does.
MESURES = ("web", "interactif", "postgres")


@dataclass
class Serie:
    """Pairs of durations in milliseconds, taken one after the other: bare, then product."""

    nom: str
    nu: list[float] = field(default_factory=list)
    produit: list[float] = field(default_factory=list)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def cpu_line(self) -> str:
        """Return the row of processor time: medians of one act, its sale opened and dropped."""
        cases = " | ".join(f"{statistics.median(lus):.0f}" for lus in self.cpu.values())
        return f"| {self.nom} | {cases} |"

    def line(self) -> str:
        """Return the row of the table: medians, p95, what is added, ratio."""
        nu, produit = statistics.median(self.nu), statistics.median(self.produit)
        ajout, ajout95 = produit - nu, p95(self.produit) - p95(self.nu)
        return (
            f"| {self.nom} | {nu:.0f} / {p95(self.nu):.0f} "
            f"| {produit:.0f} / {p95(self.produit):.0f} | +{ajout:.0f} / +{ajout95:.0f} "
            f"| ×{produit / nu:.2f} | {len(self.produit)} |"
        )


def p95(valeurs: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(valeurs, n=20, method="inclusive")[18]


def call(url: str, corps: dict[str, Any]) -> None:
    """POST to the control API of a simulator."""
    requete = urllib.request.Request(  # noqa: S310 - our own simulator
        url, json.dumps(corps).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(requete, timeout=10):  # noqa: S310
        pass


class Coulisses:
    """The Django side, in a process of its own (bench/coulisses.py)."""

    def __init__(self, pile: Pile) -> None:
        self.processus = subprocess.Popen(
            [sys.executable, "-m", "bench.coulisses"],
            env=pile.env,
            cwd=RACINE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, acte: str, **demande: Any) -> Any:  # noqa: ANN401
        """Ask for one act."""
        assert self.processus.stdin is not None
        assert self.processus.stdout is not None
        self.processus.stdin.write(json.dumps({"acte": acte, **demande}) + "\n")
        self.processus.stdin.flush()
        ligne = self.processus.stdout.readline()
        assert ligne, f"coulisses : {acte}"
        return json.loads(ligne)

    def stop(self) -> None:
        """Close the process."""
        assert self.processus.stdin is not None
        self.processus.stdin.close()
        self.processus.wait(20)


class Banc:
    """Two clients of the same services: the product's browsers, and bare ones."""

    def __init__(self, pile: Pile, coulisses: Coulisses) -> None:
        self.pile = pile
        self.coulisses = coulisses
        self.tls = pile.dossiers.donnees / "tls"
        clients = coulisses.ask("clients", nombre=CLIENTS, tls=str(self.tls))
        self.ecrans = coulisses.ask(
            "ecrans", session=clients[0]["session"], poste=clients[0]["poste"]
        )
        self.navigateurs = [Navigateur(pile.adresse, c) for c in clients]
        self.numeros = [f"01BANC{rang:012d}" for rang in range(CLIENTS)]
        self.personnes = _people()
        for numero in self.numeros:
            call(f"{pile.controle['ordonnance']}/controle/ordonnances", _prescription(numero))
        for service in pile.controle.values():
            call(f"{service}/controle/humeur", {"nom": "normal", "latence_ms": LATENCE_MS})
        self.epu = [self._bare_epu() for _ in range(CLIENTS)]
        insi = pile.env["COMPTOIR_INSI_URL"].rsplit("/", 1)[0]
        self.insi = [ClientInsi(insi, self.tls) for _ in range(CLIENTS)]

    def _bare_epu(self) -> tuple[ClientEpu, Any]:
        client = ClientEpu(
            self.pile.env["COMPTOIR_EPU_URL"].rsplit("/", 1)[0], self.tls, id_nat=ID_NAT
        )
        return client, Assertion(client.porteur, client.finess).sign()

    # One measure: milliseconds of one act

    def bare_scan(self, rang: int) -> float:
        """Fetch a prescription and read its lines, with httpx and lxml alone."""
        client, assertion = self.epu[rang]
        debut = time.perf_counter()
        corps = client.consult_request(self.numeros[rang])
        recu = client.send(client.wrap(corps, copy.deepcopy(assertion)))
        assert len(recu.texts("IdLigne")) == 2, recu.code
        return (time.perf_counter() - debut) * 1000

    def scan(self, rang: int, ensemble: threading.Barrier) -> float:
        """From the POST of the scan to the bytes of the panel that shows the prescriber."""
        navigateur = self.navigateurs[rang]
        with (
            navigateur.sale(),
            navigateur.stream(b'"cible": "panneau-ordonnance"', b"MARCHAND") as ecoute,
        ):
            ensemble.wait(60)
            debut = time.perf_counter()
            navigateur.scan(self.numeros[rang])
            return ecoute.elapsed_ms(debut)

    def bare_card(self, rang: int) -> float:
        """Ask INSi with the card's data and read the matricule."""
        p = self.personnes[rang]
        debut = time.perf_counter()
        recu = self.insi[rang].vitale(
            p["naissance"], certifie=p["matricule"], ouvrant=p["matricule"]
        )
        assert recu.code == "00"
        return (time.perf_counter() - debut) * 1000

    def card(self, rang: int, ensemble: threading.Barrier) -> float:
        """From the POST of the reading's receipt to the bytes of the panel with INSi's answer."""
        navigateur = self.navigateurs[rang]
        marque = b'data-face=\\"averifier\\"'
        with navigateur.sale(), navigateur.stream(b'"panneau-identite"', marque) as ecoute:
            corps = navigateur.prepare_reading(_card(self.personnes[rang]))
            ensemble.wait(60)
            debut = time.perf_counter()
            navigateur.send_reading(corps)
            return ecoute.elapsed_ms(debut)


Acte = Callable[[int, threading.Barrier], float]


def measure(
    banc: Banc, noms: tuple[str, str], actes: tuple[Callable[[int], float], Acte]
) -> list[Serie]:
    """Play both sides in turn: alone `SEUL` times, then eight at once `RONDES` times."""
    nu, produit = actes
    un, huit = Serie(noms[0]), Serie(noms[1])
    personne = threading.Barrier(1)
    for tour in range(SEUL + 3):
        banc.coulisses.ask("oublier")
        brut = nu(0)
        avant = read_cpu_ms(banc.pile, *MESURES)
        paire = brut, produit(0, personne)
        apres = read_cpu_ms(banc.pile, *MESURES)
        if tour >= 3:  # the first ones open connections and fill caches
            un.nu.append(paire[0])
            un.produit.append(paire[1])
            for nom in MESURES:
                un.cpu.setdefault(nom, []).append(apres[nom] - avant[nom])
    with ThreadPoolExecutor(CLIENTS) as pool:
        for tour in range(RONDES + 1):
            banc.coulisses.ask("oublier")
            nus = list(pool.map(nu, range(CLIENTS)))
            barriere = threading.Barrier(CLIENTS)
            produits = list(pool.map(produit, range(CLIENTS), [barriere] * CLIENTS))
            if tour:
                huit.nu += nus
                huit.produit += produits
    return [un, huit]


def _prescription(numero: str) -> dict[str, Any]:
    lignes = [
        {"libelle": "GLUCOPHAGE 1000 mg", "cip13": "3400935601711", "quantite": 2},
        {"libelle": "LEVOTHYROX 75 µg", "cip13": "3400930065785", "quantite": 1},
    ]
    personne = {"nom": "ESSAI", "prenoms": "CAMILLE", "sexe": "F", "naissance": "1980-02-03"}
    return {"numero": numero, "beneficiaire": personne, "lignes": lignes}


def _people() -> list[dict[str, str]]:
    """Return eight official test identities that INSi knows."""
    fichier = RACINE / "simulators/insi/identites.json"
    toutes = json.loads(fichier.read_text(encoding="utf-8"))["identites"]
    return [p for p in toutes if p["oid"].endswith(".4.8")][:CLIENTS]


def _card(personne: dict[str, str]) -> dict[str, Any]:
    beneficiaire = {
        "numero": 1,
        "qualite": "0",
        "nom_usuel": personne["nom"],
        "nom_patronymique": personne["nom"],
        "prenom": personne["prenoms"].split()[0],
        "date_naissance": personne["naissance"].replace("-", ""),
        "rang_gemellaire": 1,
        "nir_certifie": personne["matricule"],
    }
    return {"assure": {"nir": personne["matricule"]}, "beneficiaires": [beneficiaire]}


def main() -> None:
    """Measure everything and print the tables of docs/performance.md."""
    depart = time.perf_counter()
    with started_stack() as (pile, durees):
        repos = read_processes(pile, REPOS_S)
        coulisses = Coulisses(pile)
        try:
            banc = Banc(pile, coulisses)
            series = [
                *measure(
                    banc,
                    ("scan → ordonnance, un poste", "scan → ordonnance, huit ensemble"),
                    (banc.bare_scan, banc.scan),
                ),
                *measure(
                    banc,
                    ("carte → INS, un poste", "carte → INS, huit ensemble"),
                    (banc.bare_card, banc.card),
                ),
            ]
        finally:
            coulisses.stop()
        charge = read_processes(pile, 1.0)
    print(f"\nService à {LATENCE_MS} ms ; millisecondes, médiane / p95 ; cible : {CIBLE_MS}.\n")
    print("| mesure | client nu | produit | ajout | rapport | essais |")
    print("|---|---|---|---|---|---|")
    for serie in series:
        print(serie.line())
    print("\nTemps de processeur d'un acte, vente ouverte et abandonnée comprises (ms).\n")
    print(f"| acte | {' | '.join(MESURES)} |")
    print("|---|---|---|---|")
    for serie in series:
        if serie.cpu:
            print(serie.cpu_line())
    _print_rest(banc, repos, charge, durees)
    print(f"\nDurée du banc : {time.perf_counter() - depart:.0f} s.")


def _print_rest(
    banc: Banc,
    repos: dict[str, tuple[float, float]],
    charge: dict[str, tuple[float, float]],
    durees: dict[str, float],
) -> None:
    from bench.ecrans import ECRANS

    budgets = {e.nom: e for e in ECRANS}
    print("\n| écran | requêtes | budget | octets | budget |\n|---|---|---|---|---|")
    for lu in banc.ecrans:
        budget = budgets[lu["ecran"]]
        print(
            f"| {lu['ecran']} | {lu['requetes']} | {budget.requetes} "
            f"| {lu['octets']} | {budget.octets} |"
        )
    print("\n| processus | Mio au repos | Mio après | CPU au repos |\n|---|---|---|---|")
    for nom, (memoire, cpu) in repos.items():
        print(f"| {nom} | {memoire:.0f} | {charge[nom][0]:.0f} | {cpu:.1f} % |")
    avant, apres = (sum(m for m, _ in lus.values()) for lus in (repos, charge))
    cpu_total = sum(cpu for _, cpu in repos.values())
    print(f"| ensemble | {avant:.0f} | {apres:.0f} | {cpu_total:.1f} % |")
    print()
    for nom, duree in durees.items():
        print(f"{nom} : {duree:.1f} s")


def _chosen() -> None:
    """`python -m bench [recherche|reprise|audit|isolation [N]]`: the short one, or a base."""
    choix, *reste = [*sys.argv[1:], ""]
    if choix == "recherche":
        from bench import recherche

        recherche.run(*(int(n) for n in reste if n))
    elif choix == "reprise":
        from bench import reprise

        reprise.run(*(int(n) for n in reste if n))
    elif choix == "audit":
        from bench import journal

        journal.run(*(int(n) for n in reste if n))
    elif choix == "isolation":
        from bench import isolation

        isolation.run(*(int(n) for n in reste if n))
    else:
        main()


if __name__ == "__main__":
    _chosen()
