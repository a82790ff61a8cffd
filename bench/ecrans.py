"""The screens, and the most that each may cost: queries, and bytes of HTML before compression.

The bench prints what they cost; tests/bench/test_budgets.py refuses what goes beyond.
"""

from dataclasses import dataclass
from typing import Any

from django.test import Client


@dataclass(frozen=True)
class Ecran:
    """One screen and its budget. `{vente}` is the sale under way on the poste; `q`, a search."""

    nom: str
    url: str
    requetes: int
    octets: int
    q: str = ""


@dataclass(frozen=True)
class Cout:
    """What one view of a screen cost."""

    requetes: int
    octets: int
    sql: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, int]:
        """Return the two numbers."""
        return {"requetes": self.requetes, "octets": self.octets}


ECRANS = (
    Ecran("Portail", "/", 13, 19_000),
    Ecran("Vente", "/vente/{vente}/", 16, 25_000),
    Ecran("Vente, repli du flux", "/flux/etat?vente={vente}", 11, 10_000),
    Ecran("Recherche de produit", "/vente/{vente}/produits/?q=metformine", 10, 12_000),
    Ecran("Recherche de patient", "/vente/{vente}/patient/", 11, 2_000, "pat"),
    Ecran("Patients", "/patients/", 9, 17_000),
    Ecran("File d'envoi", "/file/", 16, 17_000),
    Ecran("Données", "/donnees/", 9, 19_000),
    Ecran("Santé", "/sante", 5, 100),
)


def signed_client(session: str, poste: str) -> Client:
    """Return a browser that is signed in on a poste, with a sale under way."""
    client = Client(HTTP_HOST="127.0.0.1")
    client.cookies["comptoir_session"] = session
    client.cookies["comptoir_poste"] = poste
    return client


def show(client: Client, url: str, recherche: str) -> Any:  # noqa: ANN401 - Django's test reply
    """Return a screen, or what a search on it finds while typing."""
    if recherche:
        return client.post(url, {"q": recherche}, headers={"hx-request": "true"})
    return client.get(url)


def measure(client: Client, ecran: Ecran) -> Cout:
    """Show a screen once to warm what is cached, then count."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from pharmacy.models import Vente

    client.post("/vente/")
    vente = Vente.objects.filter(etat="ouverte").order_by("-pk").first()
    url = ecran.url.format(vente=vente.pk if vente else 0)
    show(client, url, ecran.q)
    with CaptureQueriesContext(connection) as prises:
        reponse: Any = show(client, url, ecran.q)
    assert reponse.status_code == 200, f"{ecran.nom} : {reponse.status_code}"
    sql = tuple(q["sql"] for q in prises.captured_queries)
    return Cout(len(sql), len(reponse.content), sql)
