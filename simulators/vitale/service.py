"""One process for both services of the card: contexts (JSON) and rights (SOAP)."""

import argparse
import random
import threading
from typing import Any

from simulators.commun.types import Reponse, Requete
from simulators.population.generees import GRAINE
from simulators.vitale.adri import Adri
from simulators.vitale.apcv import Apcv, operation_of
from simulators.vitale.foyers import Annuaire


def declare_options(analyse: argparse.ArgumentParser) -> None:
    """Add the options of this service."""
    analyse.add_argument("--graine", type=int, default=GRAINE, help="the generated people")


class ServiceVitale:
    """Answers from the request, the codes minted here and the people of the identity base."""

    nom = "Appli carte Vitale et ADRi"
    chemin_adri = "/adri"

    def __init__(self, hasard: random.Random, options: argparse.Namespace) -> None:
        self.verrou = threading.RLock()
        self.annuaire = Annuaire(options.graine)
        self.apcv = Apcv(self.annuaire, hasard)
        self.adri = Adri(options.graine, hasard, calme=options.calme)

    def connait(self, methode: str, chemin: str) -> bool:
        """Tell whether something answers there."""
        return (methode, chemin) == ("POST", self.chemin_adri) or bool(
            operation_of(methode, chemin)
        )

    def operation(self, requete: Requete) -> str:
        """Return the operation asked, for the moods."""
        return operation_of(requete.methode, requete.chemin) or "consulterDroits"

    def traiter(self, requete: Requete) -> Reponse:
        """Answer one request."""
        if requete.chemin == self.chemin_adri:
            return self.adri.answer(requete)
        with self.verrou:
            return self.apcv.answer(requete)

    def hors_sujet(self, operation: str) -> bytes:
        """Return an answer of another service."""
        if operation == "consulterDroits":
            return (
                b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
                b'<r:RESULTAT xmlns:r="urn:ald:1.0.0"><r:Code>00</r:Code></r:RESULTAT>'
                b"</s:Body></s:Envelope>"
            )
        return b'{"ald": {"code": "00", "libelle": "OK"}}'

    def oublier(self) -> None:
        """Go back to the start: households, codes, contexts, who may ask."""
        with self.verrou:
            self.annuaire.forget()
            self.apcv.forget()
            self.adri.reception.forget()

    def identites(self) -> int:
        """Return how many households there are."""
        return len(self.annuaire.foyers)

    # Control

    def controle(self, methode: str, chemin: str, corps: dict[str, Any]) -> Any:  # noqa: ANN401
        """Households, codes, who may ask, contexts given: simulators/README.md."""
        routes = {
            ("GET", "/controle/foyers"): self._households,
            ("POST", "/controle/foyers"): lambda c: self.annuaire.create(c).shown(),
            ("POST", "/controle/codes"): self._mint,
            ("GET", "/controle/contextes"): self._contexts,
            ("POST", "/controle/autorises"): self._allow,
        }
        with self.verrou:
            return routes[(methode, chemin)](corps)

    def _households(self, _corps: dict[str, Any]) -> list[dict[str, Any]]:
        return [foyer.shown() for foyer in self.annuaire.foyers.values()]

    def _mint(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Mint a code: {foyer, usage?, age_s?}."""
        foyer = self.annuaire.foyers[str(corps["foyer"])]
        usage = str(corps.get("usage") or foyer.usage)
        if usage not in {"titulaire", "delegue"}:
            raise ValueError("usage : titulaire ou delegue")
        texte, code = self.apcv.atelier.mint(foyer.nom, usage, int(corps.get("age_s", foyer.age_s)))
        return {"texte": texte, "ctx": code.ctx, "exp": code.exp}

    def _contexts(self, _corps: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"identifiant": c.identifiant, "foyer": c.foyer.nom, "usage": c.usage, "fin": c.fin}
            for c in self.apcv.contextes.values()
        ]

    def _allow(self, corps: dict[str, Any]) -> dict[str, Any]:
        """Say who may ask: {ps?, structures?}, lists of idNat; null is everyone."""
        for champ in ("ps", "structures"):
            if champ in corps:
                permis = corps[champ]
                setattr(self.apcv, champ, None if permis is None else {str(p) for p in permis})
        return {
            "ps": sorted(self.apcv.ps) if self.apcv.ps is not None else None,
            "structures": sorted(self.apcv.structures)
            if self.apcv.structures is not None
            else None,
        }
