"""A CPS in memory, from its JSON file (agent.md §7.3), for the scripted driver: real keys."""

import base64
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from agent.cards.base import EtatPin
from agent.cards.code_porteur import wipe
from agent.fichiers import read_object, write_object
from agent.protocol.messages import ErreurAgent

CHAMPS = (
    "id_nat",
    "nom",
    "prenom",
    "profession",
    "profession_libelle",
    "specialites",
    "type",
    "serie",
    "generation",
    "valide_du",
    "valide_au",
)


class CpsScripte:
    """One CPS of the demonstration (see `agent.cards.cps.usage.Cps`). Tries are kept in a file."""

    def __init__(self, fichier: dict[str, Any], cles: Path, essais: Path) -> None:
        cps = fichier.get("cps")
        pin = cps.get("pin") if isinstance(cps, dict) else None
        if not (isinstance(cps, dict) and isinstance(pin, dict)):
            raise ErreurAgent("E_CPS_READ")
        if not all(isinstance(pin.get(nom), int) for nom in ("tries_max", "tries_left")):
            raise ErreurAgent("E_CPS_READ")
        self._cps, self._pin = cps, pin
        self._cles, self._fichier_essais = cles, essais

    def public(self) -> dict[str, Any]:
        """Return identity and certificates, without the code."""
        return {
            **{champ: self._cps.get(champ) for champ in CHAMPS},
            "nominative": bool(self._cps.get("nom") or self._cps.get("prenom")),
            **{f"certificat_{cle}_b64": self._certificate(cle) for cle in ("auth", "sig")},
        }

    def _certificate(self, cle: str) -> str:
        try:
            fichier = self._cles / str(self._cps["keys"][cle]["cert_file"])
            return base64.b64encode(fichier.read_bytes()).decode()
        except (KeyError, TypeError, OSError) as exc:
            raise ErreurAgent("E_CPS_CERT") from exc

    def situations(self) -> list[dict[str, Any]]:
        """Return the situations of the file, indexes as they are."""
        lues = self._cps.get("situations")
        return [dict(s) for s in lues if isinstance(s, dict)] if isinstance(lues, list) else []

    # The code

    def _known_tries(self) -> dict[str, Any]:
        return read_object(self._fichier_essais)

    def pin_state(self) -> EtatPin:
        """Return the tries left, as the file of tries or the card says."""
        connu = self._known_tries().get(str(self._cps.get("serie")))
        reste = connu if isinstance(connu, int) else int(self._pin["tries_left"])
        return EtatPin("a_presenter" if reste else "bloquee", reste)

    def login(self, code: bytearray | None) -> EtatPin:
        """Spend one try for one keystroke made for it; the code is wiped whatever happens."""
        if code is None:
            raise ErreurAgent("E_NOT_SUPPORTED")
        juste = code == str(self._pin["value"]).encode()
        wipe(code)
        reste = int(self._pin["tries_max"]) if juste else self.pin_state().essais - 1
        connus = {**self._known_tries(), str(self._cps.get("serie")): max(0, reste)}
        write_object(self._fichier_essais, connus)
        if not juste:
            code_erreur = "E_CPS_PIN_WRONG" if reste > 0 else "E_CPS_PIN_LOCKED"
            raise ErreurAgent(code_erreur, tries_left=max(0, reste))
        return EtatPin("presentee", reste)

    def logout(self) -> None:
        """Do nothing: the code given is not kept here."""

    # Signatures

    def algorithms(self, cle: str) -> frozenset[str]:
        """Return what a card of this generation signs with."""
        psse = self._cps.get("generation") == "CPS4" and cle == "sig"
        return frozenset({"RS256", "PS256"} if psse else {"RS256"})

    def sign(self, cle: str, alg: str, empreintes: list[bytes]) -> list[bytes]:
        """Return the signatures of SHA-256 digests."""
        forme: padding.AsymmetricPadding = padding.PKCS1v15()
        if alg == "PS256":
            forme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        privee = self._private_key(cle)
        return [privee.sign(e, forme, Prehashed(hashes.SHA256())) for e in empreintes]

    def _private_key(self, cle: str) -> rsa.RSAPrivateKey:
        try:
            pem = (self._cles / str(self._cps["keys"][cle]["pem_file"])).read_bytes()
            privee = serialization.load_pem_private_key(pem, None)
        except (KeyError, OSError, ValueError, UnsupportedAlgorithm) as exc:
            raise ErreurAgent("E_CPS_READ") from exc
        if not isinstance(privee, rsa.RSAPrivateKey):
            raise ErreurAgent("E_SIGN_ALG")
        return privee
