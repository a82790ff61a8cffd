"""What every part of the service shares: addresses, people, services, keys, memory."""

import hashlib
import secrets
from pathlib import Path
from random import Random
from typing import Any

from simulators.commun.types import Certificat
from simulators.psc.anomalies import Anomalies
from simulators.psc.cles import Trousseau
from simulators.psc.clients import Client, Registre
from simulators.psc.etat import Memoire
from simulators.psc.personnes import Personne, everyone

BASE = "/psc-simulateur"
ROYAUME = f"{BASE}/auth/realms/esante-wallet"
OIDC = f"{ROYAUME}/protocol/openid-connect"
API = f"{BASE}/realms/signsessiondata"
PORTAIL = f"{BASE}/wallet/auth"
SCOPES = (
    *("openid", "microprofile-jwt", "rpps", "referentiel", "web-origins", "basic", "identity"),
    *("acr", "offline_access", "eidas1", "profile", "roles", "email", "scope_all", "phone"),
    *("interop", "scope_1", "address", "scope_2", "eidas2"),
)


def thumbprint(certificat: Certificat) -> bytes:
    """Return the SHA-256 of a certificate, empty without one (RFC 8705 §3.1)."""
    return hashlib.sha256(certificat.der).digest() if certificat.der else b""


class Fond:
    """Shared by every endpoint; used under the lock of the service."""

    def __init__(self, hasard: Random, tls: Path, clients: tuple[Client, ...]) -> None:
        self.tls = tls
        self.memoire = Memoire()
        self.trousseau = Trousseau(tls)
        self.registre = Registre(clients)
        self.anomalies = Anomalies(hasard)
        self.personnes = everyone()
        self.cle_interne = secrets.token_bytes(32)
        self.adresse = ""
        self.portail = ""

    def forget(self) -> None:
        """Go back to the start."""
        self.memoire.forget()
        self.trousseau.forget()
        self.registre.forget()
        self.anomalies.armees.clear()
        self.personnes = everyone()

    @property
    def emetteur(self) -> str:
        """The issuer."""
        return self.adresse + ROYAUME

    @property
    def emetteur_api(self) -> str:
        """The issuer of the tokens of the API."""
        return self.adresse + API

    def by_identifier(self, identifiant: str) -> Personne | None:
        """Return who has this national identifier."""
        return next((p for p in self.personnes.values() if p.identifiant == identifiant), None)

    def other_than(self, personne: Personne) -> Personne:
        """Return someone else."""
        return next(p for p in self.personnes.values() if p.sub != personne.sub)

    def shown(self) -> dict[str, Any]:
        """Return where everything is."""
        return {
            "emetteur": self.emetteur,
            "decouverte": f"{self.emetteur}/.well-known/wallet-openid-configuration",
            "portail": self.portail + PORTAIL,
            "proxy": f"{self.adresse}{BASE}/proxy",
            "echange": f"{self.emetteur_api}/protocol/openid-connect/token",
        }
