"""From a card put in the reader to the panel filled in the browser: `make bench-poste`, then.

The whole stack, Chromium, the agent on cards in memory, then on a real pcscd with virtual cards
(where it runs; a sentence says so where it does not). In the same run, with no page open, a bare
pyscard sees the same card come and reads the same files. The service of cards looks at its slots
every 0.4 s: that wait is in both. The person is known and qualified: no national service is called.
"""

import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from agent.cards.vitale_min import read_vitale
from bench.poste import CanalNu, CarteReprise, p95
from config.lanceur.pile import Options, Pile, pile_complete

TOURS = 15
CARTE = "vitale-01"
REMPLI = (
    "() => document.querySelector('.bandeau-patient')?.textContent.includes('PAT-TROIS')"
    " && document.querySelector('#panneau-identite')?.textContent.includes('qualifiée')"
)


def elapsed_ms(acte: Callable[[], Any]) -> float:
    """Return how long an act lasts, in milliseconds."""
    debut = time.perf_counter()
    acte()
    return (time.perf_counter() - debut) * 1000


def bare(materiel: Any) -> float:  # noqa: ANN401 - a test's object
    """Return how long plain pyscard takes to see the card come and to read it."""
    from smartcard import scard

    nu = _of_tests("pcsc.pcsc_nu")
    carte = _of_tests("parcours.bureau").read_card(CARTE)

    def seen_and_read() -> None:
        materiel.inserer("vitale", carte)
        while not etat & scard.SCARD_STATE_PRESENT:
            _wait_change()
        while not _is_read(pcsc, nu.LECTEURS[0]):
            pass

    with nu.Pcsc() as pcsc:
        etat = pcsc.state(nu.LECTEURS[0])[0]

        def _wait_change() -> None:
            nonlocal etat
            ((_, etat, _),) = nu.must(
                scard.SCardGetStatusChange(pcsc.contexte, 5000, [(nu.LECTEURS[0], etat)])
            )

        duree = elapsed_ms(seen_and_read)
    materiel.retirer("vitale")
    return duree


def _is_read(pcsc: Any, lecteur: str) -> bool:  # noqa: ANN401 - a test's object
    canal = CanalNu(pcsc, lecteur)
    try:
        read_vitale(canal)
    except CarteReprise:  # by the agent, which looks at what came
        return False
    finally:
        canal.close()
    return True


def panel(bureau: Any) -> float:  # noqa: ANN401 - a test's object
    """Return how long the page takes to show who the card is of, in a sale just opened."""
    bureau.nouvelle_vente()

    def filled() -> None:
        bureau.inserer(CARTE)
        bureau.page.wait_for_function(REMPLI, timeout=20_000)

    duree = elapsed_ms(filled)
    bureau.retirer("vitale")
    bureau._submit("/annuler/")  # noqa: SLF001 - the journeys' own act
    bureau.page.wait_for_url(f"{bureau.pile.adresse}/")
    bureau.page.goto("about:blank")
    return duree


def _of_tests(module: str) -> Any:  # noqa: ANN401 - the journeys' modules have no types
    return importlib.import_module(f"tests.{module}")


def line(nom: str, nus: list[float], pages: list[float]) -> str:
    """Return a row: median / p95 of the bare reading, of the panel, and what is added."""
    nu = f"{statistics.median(nus):.0f} / {p95(nus):.0f}" if nus else "—"
    ajout = statistics.median(pages) - (statistics.median(nus) if nus else 0.0)
    return f"| {nom} | {nu} | {statistics.median(pages):.0f} / {p95(pages):.0f} | +{ajout:.0f} |"


@contextmanager
def counter(pile: Pile, materiel: Any) -> Iterator[Any]:  # noqa: ANN401 - tests' objects
    """Lend a counter signed in, in headless Chromium."""
    from playwright.sync_api import sync_playwright

    decor = _of_tests("parcours.bureau")
    chromium = _of_tests("parcours.conftest").CHROMIUM
    with sync_playwright() as moteur:
        navigateur = moteur.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = navigateur.new_page(viewport={"width": 1366, "height": 768}, locale="fr-FR")
        bureau = decor.Bureau(pile, page, decor.Images(None, Path()), materiel)
        materiel.vider()
        bureau.ouvrir_session("A02")
        yield bureau
        navigateur.close()


def measure(pile: Pile, materiel: Any, nom: str, *, reel: bool) -> str:  # noqa: ANN401
    """Play both sides in turn and return the row; the first turn fills caches."""
    nus: list[float] = []
    pages: list[float] = []
    with counter(pile, materiel) as bureau:
        for tour in range(TOURS + 1):
            nu = bare(materiel) if reel else 0.0
            page = panel(bureau)
            if tour:
                pages.append(page)
                nus += [nu] if reel else []
    return line(nom, nus, pages)


def play_real(pile: Pile, dossier: Path) -> list[str]:
    """Return the row of the real service; none, and a sentence, where it does not run."""
    from simulators.pcsc.banc import Banc, BancImpossible

    try:
        with ExitStack() as ouverts:
            banc = ouverts.enter_context(Banc())
            os.environ["PCSCLITE_CSOCK_NAME"] = banc.adresse
            ecran = ouverts.enter_context(_of_tests("agent.ecran").virtual_screen())
            prets = _of_tests("parcours.materiel").real_readers(pile, banc, ecran, dossier)
            materiel = ouverts.enter_context(prets)
            return [measure(pile, materiel, "carte insérée → panneau rempli, pcscd", reel=True)]
    except (BancImpossible, ImportError) as exc:
        sys.stderr.write(f"Sans pcscd, mesuré avec le seul pilote scripté : {exc}\n")
        return []


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as racine:
        dossier = Path(racine)
        dossier.chmod(0o711)
        with pile_complete(dossier / "pile", Options(durable=True, calme=True)) as pile:
            scripte = _of_tests("parcours.materiel").Scripte(pile)
            nom = "carte insérée → panneau rempli"
            lignes = [measure(pile, scripte, f"{nom}, pilote scripté", reel=False)]
            (dossier / "pcscd").mkdir()
            lignes += play_real(pile, dossier / "pcscd")
    sys.stdout.write("| mesure | nu | panneau | ajout à la médiane |\n|---|---|---|---|\n")
    sys.stdout.write("\n".join(lignes) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
