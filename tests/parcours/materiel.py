"""The hardware of the counter by one interface: in memory, or through the system's own services.

`Scripte` moves cards, codes and scans through the control socket of the agent. `Pcscd` plugs the
same cards into a real pcscd, types the code in the agent's own window, and writes the codes
scanned in a pseudo-terminal where the agent finds a serial scanner.
"""

import json
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.appareils import gestion
from tests.agent.ecran import Mains
from tests.agent.prises import DATALOGIC, ZEBRA, Prises, reglage
from tests.parcours.attente import until
from tests.pcsc.pcsc_nu import LECTEURS, Pcsc, empty

_PCSCD = pytest.param("pcscd", marks=pytest.mark.pcsc)
DEUX_PILOTES = pytest.mark.parametrize(
    "materiel", ["scripte", _PCSCD], indirect=True, scope="session"
)
VRAIS_LECTEURS = pytest.mark.parametrize("materiel", [_PCSCD], indirect=True, scope="session")
PORTS = {"comptoir": "ttyACM0", "patient": "ttyACM1"}
PILOTE = ("--pilote", "pcsc", "--vitale", "pcsc_min", "--cps", "apdu")
# Long enough for pcscd, which looks at a slot every 0.4 s, to see it empty.
VIDE_MS = 800


class Scripte:
    """Readers, scanners and window in memory."""

    nom = "scripte"
    tells_twins = True

    def __init__(self, pile):
        self._commande = str(pile.agent_commande)

    def agent(self, **demande):
        """One act of the tray; the agent's answer."""
        with socket.socket(socket.AF_UNIX) as prise:
            prise.settimeout(10)
            prise.connect(self._commande)
            prise.sendall(json.dumps(demande).encode() + b"\n")
            reponse = json.loads(prise.makefile().readline())
        assert reponse["ok"], reponse
        return reponse

    def inserer(self, lecteur, carte):
        self.agent(verb="insert", reader=lecteur, card=carte)

    def retirer(self, lecteur):
        self.agent(verb="remove", reader=lecteur)

    def echanger(self, lecteur, carte):
        self.agent(verb="swap", reader=lecteur, card=carte)

    def vider(self):
        for lecteur in ("vitale", "cps", "apcv"):
            self.retirer(lecteur)

    def scanner(self, cote, texte):
        self.agent(verb="scan", device=cote, text=texte)

    def code(self, chiffres):
        def asked():
            fenetre = self.agent(verb="state")["state"]["pin_window"]
            return fenetre and fenetre["step"] == "saisie"  # not while a former code is tried

        until(asked, "la fenêtre du code")
        self.agent(verb="pin", digits=chiffres)


class Pcscd:
    """A double reader and a contactless one on the bench, a screen, two serial scanners.

    The minimal reading of a Vitale has no rank of birth: it does not tell twins apart.
    """

    nom = "pcscd"
    tells_twins = False
    LOGEMENTS = {"vitale": 0, "cps": 1, "apcv": 2}

    def __init__(self, banc, mains, prises, dossier, cles):
        self._banc, self._mains, self._prises = banc, mains, prises
        self._dossier, self._cles = dossier, cles
        self._rang = 0

    def inserer(self, lecteur, carte):
        """Put a card in, once the service saw the slot empty: sooner, it is not seen (§6.5)."""
        logement = self.LOGEMENTS[lecteur]
        self._wait_empty(logement)
        self._banc.insert(logement, self._write(carte))

    def retirer(self, lecteur):
        logement = self.LOGEMENTS[lecteur]
        self._banc.remove(logement)
        self._wait_empty(logement)

    def echanger(self, lecteur, carte):
        self._banc.swap(self.LOGEMENTS[lecteur], self._write(carte), 0, VIDE_MS)

    def vider(self):
        empty(self._banc)

    def service(self, ordre):
        """The service of cards of the machine: `stop`, `kill`, `start`."""
        self._banc.pcscd(ordre)

    def scanner(self, cote, texte):
        self._prises.envoyer(PORTS[cote], texte.encode() + b"\r")

    def code(self, chiffres):
        self._mains.wait(ouverte=True)
        self._mains.tape(*chiffres, "Return")

    def _wait_empty(self, logement):
        with Pcsc() as pcsc:
            until(lambda: not pcsc.present(LECTEURS[logement]), "le logement vu vide")

    def _write(self, carte):
        """The card as a file; a CPS has the keys of the authority that this stack believes."""
        if carte["kind"] == "cps":
            cles = {
                usage: {champ: str(self._cles / nom) for champ, nom in noms.items()}
                for usage, noms in carte["cps"]["keys"].items()
            }
            carte = carte | {"cps": carte["cps"] | {"keys": cles}}
        self._rang += 1
        chemin = self._dossier / f"carte-{self._rang}.json"
        chemin.write_text(json.dumps(carte), encoding="utf-8")
        return chemin


Materiel = Scripte | Pcscd


@contextmanager
def real_readers(pile, banc, ecran, dossier):
    """The agent of the stack on the readers of the bench; as it was at the end."""
    prises = Prises(dossier / "systeme")
    roles = {"comptoir": ZEBRA, "patient": DATALOGIC}
    for role, identite in roles.items():
        prises.brancher(PORTS[role], identite)
    agent = pile.dossiers.sous("agent")
    gestion.save(agent, [reglage(*role) for role in roles.items()])
    commande = pile.enfants["agent"].commande
    args, env = commande.args, commande.env
    pile.arreter("agent")
    commande.args = [*args, *PILOTE, "--racine", str(prises.racine)]
    commande.env = {**env, "PCSCLITE_CSOCK_NAME": banc.adresse, "DISPLAY": ecran}
    try:
        pile.demarrer("agent")
        pid = pile.enfants["agent"].pid
        # What is written before a port is open is not a scan: it is thrown away.
        until(lambda: prises.ttys() <= _opened(pid), "les lecteurs de codes ouverts")
        yield Pcscd(banc, Mains(ecran), prises, dossier, pile.dossiers.sous("tls"))
    finally:
        pile.arreter("agent")
        commande.args, commande.env = args, env
        (agent / gestion.FICHIER).unlink()
        for port in PORTS.values():
            prises.retirer(port)
        pile.demarrer("agent")


def _opened(pid):
    """The files a process holds open, by their names."""
    return {str(lien.readlink()) for lien in Path(f"/proc/{pid}/fd").iterdir()}
