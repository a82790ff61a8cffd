"""The national identity of who acts, for the services that ask for it: a token per service.

`psc` gives the tokens; the apps above name the services they call. Neither knows the other.
"""

from dataclasses import dataclass
from typing import Protocol

from pharmacy.acteurs import Acteur
from teleservices.errors import NotReady


@dataclass(frozen=True)
class CibleNationale:
    """A connected service: its token endpoint and its scopes (psc.md §1.9).

    `cle` is also that of its breaker. `sensible`: the session is confirmed by the national provider
    before each token. `emetteur_sujet` is what the service calls that provider.
    """

    cle: str
    jeton_url: str
    scope: str
    sensible: bool = False
    emetteur_sujet: str = "psc"


class Fournisseur(Protocol):
    """Who gives the tokens."""

    def jeton_pour(self, acteur: Acteur, cible: str) -> str:
        """Return a token good for one call now; raises a TeleserviceError of the taxonomy."""


_cibles: dict[str, CibleNationale] = {}
_fournisseurs: list[Fournisseur] = []


def register_cible(cible: CibleNationale) -> None:
    """Add a connected service; called from `AppConfig.ready()`."""
    _cibles[cible.cle] = cible


def cible_get(cle: str) -> CibleNationale | None:
    """Return a connected service, None when nobody declared it."""
    return _cibles.get(cle)


def register_fournisseur(fournisseur: Fournisseur) -> None:
    """Say who gives the tokens; called from `AppConfig.ready()`, once."""
    _fournisseurs[:] = [fournisseur]


def jeton_pour(acteur: Acteur, cible: str) -> str:
    """Return the token of a service for who acts on their poste: never kept, never written.

    Raises NotReady when nobody gives tokens here, and what the provider raises.
    """
    if not _fournisseurs:
        raise NotReady("psc_non_regle", "Pro Santé Connect n'est pas réglé. Prévenez le titulaire.")
    return _fournisseurs[0].jeton_pour(acteur, cible)
