"""`python -m agent enroler`: pair this workstation by the short code of the page « Postes »."""

import platform
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import VERSION, confiance, jws, web
from agent.policy import Enrolement
from agent.protocol.enrolement import comparison_code, tidy_code

CHEMIN = "/api/agent/enrolements"
TOUR_S = 1.0
Montrer = Callable[[str], None]


class EnrolementRefuse(Exception):
    """The pairing stops; the text is a French sentence with the next step."""


class Enroleur:
    """One pairing: a key made for it, the code, the digits to compare, the signed answer.

    A window calls `ask` again and again, as `run` does: it returns None until the titulaire says
    yes. Nothing is written before the answer is verified.
    """

    def __init__(self, serveur: str, code: str) -> None:
        try:
            self.serveur = web.check_address(serveur)
        except ValueError as exc:
            raise EnrolementRefuse(
                "Cette adresse ne convient pas. Donnez celle de Comptoir, qui commence par https://."
            ) from exc
        self.code = tidy_code(code)
        if not self.code:
            raise EnrolementRefuse("Le code a huit caractères. Relisez-le dans « Postes ».")
        self.cle = Ed25519PrivateKey.generate()
        self.cle_serveur = ""

    @property
    def comparaison(self) -> str:
        """Return the six digits to show, "" before the server answered."""
        publique = jws.public_raw(self.cle)
        return comparison_code(self.code, publique, self.cle_serveur) if self.cle_serveur else ""

    def ask(self) -> dict[str, Any] | None:
        """Ask once (blocking); return the verified enrolment, None while it is to be confirmed.

        Raises EnrolementRefuse when it goes no further, WebRefuse when the server is not reached.
        """
        corps = {
            "code": self.code,
            "public_key": jws.public_raw(self.cle),
            "agent_version": VERSION,
            "os": f"{platform.system()} {platform.release()}",
            "display_name": socket.gethostname(),
        }
        statut, lu = web.call(self.serveur, CHEMIN, corps)
        if not isinstance(lu, dict):
            raise EnrolementRefuse("Cette adresse n'est pas celle d'un serveur Comptoir.")
        if statut == 202:
            self._hold_key(str(lu.get("server_key_id") or ""))
            return None
        if statut != 200:
            phrase = str(lu.get("phrase") or "Le serveur refuse cette association.")
            raise EnrolementRefuse(f"{phrase} {lu.get('code') or ''}".strip())
        self._check(lu)
        return lu

    def _hold_key(self, cle: str) -> None:
        """The digits were computed with one key of the server: it does not change any more."""
        if self.cle_serveur and cle != self.cle_serveur:
            raise EnrolementRefuse("Le serveur a changé de clé. Recommencez avec un nouveau code.")
        self.cle_serveur = cle

    def _check(self, objet: dict[str, Any]) -> Enrolement:
        try:
            cles = [c for c in objet["jwks"]["keys"] if jws.thumbprint(c["x"]) == c["kid"]]
            comparee = [c for c in cles if c["kid"] == self.cle_serveur]
            enrole = confiance.read_signed(objet, comparee)
        except (confiance.ConfigRefusee, KeyError, TypeError, AttributeError) as exc:
            raise EnrolementRefuse(
                "La réponse n'est pas signée par la clé comparée. Recommencez avec un nouveau code."
            ) from exc
        if enrole.emetteur != self.serveur:
            raise EnrolementRefuse(
                f"Ce serveur se donne une autre adresse : {enrole.emetteur}. Reprenez avec elle."
            )
        return enrole

    def save(self, dossier: Path, objet: dict[str, Any]) -> None:
        """Keep the key then the enrolment; the receipts start again."""
        confiance.save_key(dossier, self.cle)
        (dossier / "dernier-recu").unlink(missing_ok=True)
        confiance.save_enrolment(dossier, objet)


def run(dossier: Path, serveur: str, code: str) -> None:
    """Pair from a terminal; SystemExit with a sentence when it fails."""
    code = code or input("Code de la page « Postes » : ")
    try:
        enroleur = Enroleur(serveur, code)
        montre = ""
        while (objet := enroleur.ask()) is None:
            if enroleur.comparaison != montre:
                montre = enroleur.comparaison
                sys.stdout.write(
                    f"Comparez ces six chiffres avec la page « Postes » : {montre}\n"
                    "S'ils sont les mêmes, confirmez là-bas. Ce terminal attend.\n"
                )
                sys.stdout.flush()
            time.sleep(TOUR_S)
    except EnrolementRefuse as exc:
        raise SystemExit(str(exc)) from exc
    except web.WebRefuse as exc:
        raise SystemExit("Le serveur ne répond pas à cette adresse. Vérifiez-la.") from exc
    enroleur.save(dossier, objet)
    sys.stdout.write(f"Poste associé à {objet['officine']['nom']}.\n")
