"""What this workstation lacks, in plain French sentences and without any person's data (§5.13).

Facts are short codes and numbers, as in the log; sentences are constant. `python -m agent diagnose`
prints them, the verb `diag.get` returns the same text: what is seen is what would be sent.
"""

import http.client
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path

from agent import VERSION, confiance, web
from agent.cards.atr import classify_atr
from agent.cards.pcsc import scard
from agent.cards.pkcs11.bibliotheque import find_library

BON, ATTENTION, PANNE = "ok", "attention", "panne"
SIGNES = {BON: "✓", ATTENTION: "!", PANNE: "✗"}
HORLOGE_S = 90
PORTS = (28173, 28174, 28175)
# Programs that share the readers (agent.md §5.9), by the name of their process.
CONCURRENTS = ("galsvw32", "galss", "juxtalink", "dmpconnect", "jfse", "srvsvcnam", "cps3_sso")
TRACES = ("CPS3_PCS11_TRACES", "CPS3_DEBUG")
REGLES = ("/etc/opt/chrome/policies/managed", "/etc/chromium/policies/managed")
_IDENT = re.compile(r"^[A-Za-z0-9_.:\-]{1,64}\Z")


@dataclass(frozen=True)
class Constat:
    """One fact: what it is about, how bad, its sentence."""

    sujet: str
    niveau: str
    phrase: str


def ident(texte: str) -> str:
    """Return a short identifier, « ? » for anything else: nothing else may be in a report."""
    court = texte.replace(" ", "_")
    return court if _IDENT.match(court) and not re.search("[0-9]{13}", court) else "?"


def examine(dossier: Path, racine: Path = Path("/"), ports: Iterable[int] = PORTS) -> list[Constat]:
    """Return every fact, worst news included; nothing raises."""
    constats = [_version()]
    examens: tuple[Callable[[], list[Constat]], ...] = (
        lambda: check_files(dossier),
        lambda: check_server(dossier),
        lambda: check_agent(ports),
        lambda: check_browsers(racine),
        lambda: check_readers(scard.load()),
        check_library,
        lambda: check_traces(os.environ),
        lambda: check_rivals(processes(racine / "proc")),
        lambda: check_devices(racine),
        lambda: check_window(os.environ, sys.platform),
    )
    for examen in examens:
        constats += examen()
    return constats


def report(constats: Iterable[Constat]) -> str:
    """Return the text shown, and sent if the person sends it."""
    return "".join(f"{SIGNES[c.niveau]} {c.phrase}\n" for c in constats)


def _version() -> Constat:
    systeme = ident(f"{platform.system()}-{platform.release()}")
    python = ident(platform.python_version())
    return Constat("version", BON, f"Agent {VERSION}, {systeme}, Python {python}.")


def check_files(dossier: Path) -> list[Constat]:
    """The key and the enrolment: present, and read by this user only."""
    try:
        confiance.load_enrolment(dossier)
        confiance.load_key(dossier, create=False)
    except (SystemExit, OSError, ValueError):
        return [
            Constat(
                "association",
                PANNE,
                "Ce poste n'est associé à aucune officine. Faites un code dans « Postes », puis "
                "« python -m agent enroler ».",
            )
        ]
    constats = [Constat("association", BON, "Ce poste est associé à son officine.")]
    ouverts = [n for n in (confiance.CLE, confiance.ENROLEMENT) if _is_open(dossier / n)]
    if ouverts:
        constats.append(
            Constat(
                "fichiers",
                PANNE,
                f"D'autres utilisateurs lisent {' et '.join(ouverts)}. Retirez-leur ce droit "
                "(chmod 600).",
            )
        )
    return constats


def _is_open(fichier: Path) -> bool:
    return os.name == "posix" and fichier.exists() and bool(fichier.stat().st_mode & 0o077)


def check_server(dossier: Path) -> list[Constat]:
    """The server of the enrolment answers, and its clock is ours."""
    try:
        tenu, _motifs = confiance.load_enrolment(dossier)
    except SystemExit:
        return []
    debut = time.time()
    date = server_date(tenu.emetteur)
    if date is None:
        return [
            Constat(
                "serveur",
                PANNE,
                "Le serveur de l'officine ne répond pas. Vérifiez le réseau, puis l'adresse.",
            )
        ]
    decalage = round(date - (debut + time.time()) / 2)
    constats = [Constat("serveur", BON, "Le serveur de l'officine répond.")]
    if abs(decalage) > HORLOGE_S:
        constats.append(
            Constat(
                "horloge",
                PANNE,
                f"L'horloge de ce poste est décalée de {abs(decalage)} s. Réglez-la.",
            )
        )
    else:
        constats.append(Constat("horloge", BON, "L'horloge est à l'heure du serveur."))
    return constats


def server_date(adresse: str) -> float | None:
    """Return the time of a server by its `Date`, None when it does not answer."""
    try:
        prise = web.connect(adresse)
        try:
            prise.request("GET", "/.well-known/agent-jwks.json")
            date = prise.getresponse().getheader("Date")
        finally:
            prise.close()
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (OSError, ValueError, http.client.HTTPException):
        return None


def check_agent(ports: Iterable[int]) -> list[Constat]:
    """An agent of this session answers the pages."""
    for port in ports:
        if _answers(port):
            return [Constat("agent", BON, f"L'agent répond sur le port {port}.")]
    return [
        Constat("agent", ATTENTION, "Aucun agent ne répond sur ce poste. Lancez-le, ou redémarrez.")
    ]


def _answers(port: int) -> bool:
    prise = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        prise.request("GET", "/agent/v1/ping")
        return prise.getresponse().status == 204
    except (OSError, http.client.HTTPException):
        return False
    finally:
        prise.close()


def check_browsers(racine: Path) -> list[Constat]:
    """The rule of the officine that lets its pages reach the agent without asking."""
    if not sys.platform.startswith("linux"):
        return []
    poses = [r for r in REGLES if (racine / r.lstrip("/") / "comptoir.json").exists()]
    if poses:
        return [Constat("navigateur", BON, "Le navigateur autorise l'officine à joindre l'agent.")]
    return [
        Constat(
            "navigateur",
            ATTENTION,
            "Aucune règle de navigateur n'est posée : il demandera une fois la permission.",
        )
    ]


def check_readers(pcsc: scard.Scard) -> list[Constat]:
    """The card service, its readers, and what is in them, by class of card only."""
    try:
        contexte = pcsc.establish()
    except scard.ErreurScard:
        manque = pcsc.motif == "pyscard"
        return [
            Constat(
                "cartes",
                PANNE,
                "Le module pyscard n'est pas installé : aucune carte n'est lue."
                if manque
                else "Le service de cartes à puce ne répond pas. Redémarrez le poste.",
            )
        ]
    try:
        noms = pcsc.readers(contexte)
        lus = pcsc.wait(contexte, 0, [scard.EtatLecteur(n) for n in noms]) if noms else []
    except scard.ErreurScard:
        return [Constat("lecteurs", PANNE, "Les lecteurs ne répondent pas. Rebranchez-les.")]
    finally:
        with suppress(scard.ErreurScard):
            pcsc.release(contexte)
    if not noms:
        return [Constat("lecteurs", PANNE, "Aucun lecteur de cartes n'est branché.")]
    return [_reader(etat) for etat in lus or []]


def _reader(etat: scard.EtatLecteur) -> Constat:
    nom = ident(etat.nom)
    if etat.muette:
        phrase = f"Lecteur {nom} : carte muette. Vérifiez son sens."
        return Constat("lecteurs", ATTENTION, phrase)
    if not etat.presente:
        return Constat("lecteurs", BON, f"Lecteur {nom} : vide.")
    classe = ident(classify_atr(etat.atr).classe)
    return Constat("lecteurs", BON, f"Lecteur {nom} : carte de classe {classe}.")


def check_library() -> list[Constat]:
    """The official library of the CPS."""
    bits = 64 if sys.maxsize > 2**32 else 32
    if find_library(sys.platform, os.environ, bits=bits, donne=""):
        return [Constat("cryptolib", BON, "La Cryptolib CPS est installée.")]
    return [
        Constat(
            "cryptolib",
            ATTENTION,
            f"La Cryptolib CPS ({bits} bits) n'est pas trouvée : rien n'est signé par la carte. "
            "Installez-la.",
        )
    ]


def check_traces(env: "os._Environ[str] | dict[str, str]") -> list[Constat]:
    """Traces of the official library hold what the card exchanged (agent.md §1.4)."""
    actives = [nom for nom in TRACES if env.get(nom, "0") not in {"", "0"}]
    if not actives:
        return []
    return [
        Constat(
            "traces",
            ATTENTION,
            f"Traces CPS actives ({', '.join(actives)}) : elles gardent ce que la carte échange. "
            "Coupez-les, effacez leurs fichiers.",
        )
    ]


def processes(proc: Path) -> list[str]:
    """Return the names of the programs that run, from the table of the kernel; none elsewhere."""
    noms = []
    for fichier in proc.glob("[0-9]*/comm"):
        with suppress(OSError):
            noms.append(fichier.read_text(errors="replace").strip())
    return noms


def check_rivals(noms: Iterable[str]) -> list[Constat]:
    """Other programs that share the readers."""
    vus = sorted({c for c in CONCURRENTS for n in noms if n.lower().startswith(c)})
    return [
        Constat(
            "concurrents",
            ATTENTION,
            f"{nom} tourne et partage les lecteurs : s'ils sont « utilisés par un autre logiciel »,"
            " fermez-le.",
        )
        for nom in vus
    ]


def check_devices(racine: Path, permis: Callable[[Path, int], bool] = os.access) -> list[Constat]:
    """Scanners that the system shows and that this user may not read."""
    dossier = racine / "dev"
    vus = sorted([*dossier.glob("ttyACM*"), *dossier.glob("ttyUSB*")])
    fermes = [ident(d.name) for d in vus if not permis(d, os.R_OK | os.W_OK)]
    if fermes:
        return [
            Constat(
                "droits",
                PANNE,
                f"Vous n'avez pas le droit de lire {', '.join(fermes)}. Posez la règle udev du "
                "guide, puis rebranchez l'e-lecteur.",
            )
        ]
    if not vus:
        return [Constat("e-lecteur", BON, "Aucun e-lecteur en port série : il écrit au clavier.")]
    noms = ", ".join(ident(d.name) for d in vus)
    return [Constat("e-lecteur", BON, f"E-lecteur lisible : {noms}.")]


def check_window(env: "os._Environ[str] | dict[str, str]", systeme: str) -> list[Constat]:
    """What the window of the code porteur needs."""
    if find_spec("_tkinter") is None:
        return [
            Constat(
                "fenetre",
                PANNE,
                "Tk manque : la fenêtre du code porteur ne s'ouvre pas. Installez python3-tk.",
            )
        ]
    if systeme.startswith("linux") and not env.get("DISPLAY"):
        return [
            Constat(
                "fenetre",
                PANNE,
                "Aucun écran (DISPLAY) : la fenêtre du code porteur ne s'ouvre pas. Lancez l'agent "
                "depuis la session.",
            )
        ]
    return [Constat("fenetre", BON, "La fenêtre du code porteur peut s'ouvrir.")]


def run(dossier: Path) -> int:
    """Print the report; 1 when something does not work."""
    constats = examine(dossier)
    largeur = min(100, shutil.get_terminal_size((100, 20)).columns)
    sys.stdout.write(report(constats))
    pannes = sum(c.niveau == PANNE for c in constats)
    fin = f"{pannes} panne à réparer." if pannes == 1 else f"{pannes} pannes à réparer."
    sys.stdout.write("─" * largeur + "\n" + (fin if pannes else "Rien à réparer.") + "\n")
    return 1 if pannes else 0
