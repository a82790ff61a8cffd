"""Where a scanned or typed number goes: the sale under way, opened if need be."""

from ordonnance.services import recuperation
from pharmacy.acteurs import Acteur
from pharmacy.codes import Scan
from pharmacy.services.vente import vente_open
from pharmacy.suites import Suite
from teleservices.assertions import is_signed

ORIGINES = {"saisie": "SAISIE"}


def route_ordonnance(scan: Scan) -> Suite:
    """Fetch the prescription of a scanned number, wherever the focus was (ux.md, Scan anywhere).

    VenteRefusee when the sale cannot take it.
    """
    if scan.code.suite != "appel":
        return Suite(scan.code.message, "attention", code="SCAN-ordonnance")
    vente = scan.vente or vente_open(scan.acteur)
    return fetch_suite(
        scan.acteur, vente.pk, scan.code.numero, scan.canal, page=scan.vente is not None
    )


def fetch_suite(acteur: Acteur, vente_id: int, numero: str, canal: str, *, page: bool) -> Suite:
    """Fetch, and say what the page does next: sign with the card when no signature is kept."""
    recuperation.fetch(acteur, vente_id, numero, ORIGINES.get(canal, "SCAN"))
    signe = is_signed(acteur, "epu")
    phrase = (
        "Ordonnance Numérique lue : récupération en cours."
        if signe
        else "Ordonnance Numérique lue : votre carte CPS est demandée pour la récupérer."
    )
    return Suite(
        phrase,
        signer=None if signe or not page else "epu",
        aller=None if page else f"/vente/{vente_id}/",
    )
