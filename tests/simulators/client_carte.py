"""Bare clients of the verification, of appli carte Vitale contexts and of rights: our contracts."""

import ssl
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from lxml import etree

from tests.simulators.client_nu import FINESS, ClientInsi, Recu, Simulateur, body, envelope, sub

VERIF = "urn:sim:insi-verification:1"
ADRI = "urn:sim:adri:1"
COLLECTION = "/apcv/v1/contextes"


@dataclass(frozen=True)
class Identite:
    """One identity to verify, as the product would hold it; `sans` leaves an element out."""

    matricule: str
    cle: str
    nom: str
    prenoms: str
    sexe: str
    naissance: str
    lieu: str = ""
    oid: str = "1.2.250.1.213.1.4.8"
    reference: str = "p-1"

    def append_to(self, parent: Any) -> None:
        """Append the element of the contract."""
        element = sub(parent, VERIF, "Identite")
        for nom, valeur in (
            ("Reference", self.reference),
            ("Matricule", self.matricule),
            ("Cle", self.cle),
            ("OID", self.oid),
            ("NomNaissance", self.nom),
            ("Prenoms", self.prenoms),
            ("Sexe", self.sexe),
            ("DateNaissance", self.naissance),
            ("LieuNaissance", self.lieu),
        ):
            if valeur:
                sub(element, VERIF, nom, valeur)


class ClientVerification(ClientInsi):
    """The three operations of verification, on the address of INSi."""

    def request(self, operation: str) -> tuple[Any, Any]:
        """Return (envelope, request element still empty)."""
        racine = envelope(f"{VERIF}:{operation}", f"1{FINESS}")
        return racine, sub(body(racine), VERIF, f"{operation}Requete")

    def verify(self, identite: Identite) -> str | None:
        """Return the code of one identity."""
        racine, corps = self.request("verifierIdentite")
        identite.append_to(corps)
        return self.send(racine).text("Code")

    def deposit_envelope(self, identites: list[Identite], id_lot: str = "") -> Any:
        """Return the envelope of a deposit."""
        racine, corps = self.request("deposerLot")
        sub(corps, VERIF, "IdLot", id_lot or str(uuid.uuid4()))
        for identite in identites:
            identite.append_to(corps)
        return racine

    def deposit(self, identites: list[Identite], id_lot: str = "") -> Recu:
        """Deposit a batch."""
        return self.send(self.deposit_envelope(identites, id_lot))

    def collect(self, numero: str | None) -> Recu:
        """Ask for a batch."""
        racine, corps = self.request("releverLot")
        sub(corps, VERIF, "NumeroLot", numero)
        return self.send(racine)


def results(recu: Recu) -> dict[str, str]:
    """Return code by reference, in the order of the answer."""
    return dict(zip(recu.texts("Reference"), recu.texts("Code"), strict=True))


class ClientCarte:
    """Contexts and rights, by the certificate of the structure."""

    def __init__(self, simulateur: Simulateur, tls: Path, certificat: str | None = "insi-auto"):
        contexte = ssl.create_default_context(cafile=str(tls / "ac-serveurs.pem"))
        if certificat:
            contexte.load_cert_chain(tls / f"{certificat}.pem", tls / f"{certificat}.key")
        self.simulateur = simulateur
        self.http = httpx.Client(
            verify=contexte, base_url=simulateur.adresse, timeout=20, trust_env=False
        )

    def code(self, foyer: str, **options: Any) -> str:
        """Return what the phone of a household shows."""
        texte: str = self.simulateur.post("/codes", foyer=foyer, **options)["texte"]
        return texte

    def request(self, texte: str) -> dict[str, Any]:
        """Return the request of a context."""
        return {
            "mode": 2,
            "contexteApCV": texte,
            "ps": {"idNat": "810100000032"},
            "structure": {"idNat": f"1{FINESS}"},
            "poste": "poste-1",
        }

    def create(self, texte: str) -> httpx.Response:
        """Present a code."""
        return self.http.post(COLLECTION, json=self.request(texte))

    def renew(self, identifiant: str, texte: str) -> httpx.Response:
        """Present a new code for a context."""
        demande = {"mode": 2, "contexteApCV": texte, "facture": "F-2026-000017"}
        return self.http.post(f"{COLLECTION}/{identifiant}/renouveler", json=demande)

    def delete(self, identifiant: str) -> httpx.Response:
        """Give a context back."""
        return self.http.delete(f"{COLLECTION}/{identifiant}")

    def rights_envelope(self, nir: str, naissance: str, rang: str = "1", jour: str = "") -> Any:
        """Return the envelope of consulterDroits."""
        racine = envelope(f"{ADRI}:consulterDroits", f"1{FINESS}")
        corps = sub(body(racine), ADRI, "consulterDroitsRequete")
        sub(corps, ADRI, "NirAssure", nir)
        sub(corps, ADRI, "DateNaissance", naissance)
        sub(corps, ADRI, "RangGemellaire", rang)
        sub(corps, ADRI, "DateSoins", jour or "2026-11-24")
        return racine

    def post(self, racine: Any, **entetes: str) -> httpx.Response:
        """Send an envelope to ADRi."""
        action = f'application/soap+xml; charset=utf-8; action="{ADRI}:consulterDroits"'
        return self.http.post(
            "/adri",
            content=etree.tostring(racine, encoding="UTF-8"),
            headers={"Content-Type": action, **entetes},
        )

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
