"""Where a scanned or typed number goes: the sale under way, opened if need be."""

from dataclasses import replace

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
    suite = sign_suite(acteur, "Ordonnance Numérique lue : récupération en cours")
    if page:
        return suite
    return replace(suite, signer=None, aller=f"/vente/{vente_id}/")


def sign_suite(acteur: Acteur, fait: str, focus: str = "") -> Suite:
    """Say what was done, and have the card sign when no signature is kept."""
    if is_signed(acteur, "epu"):
        return Suite(f"{fait}.", focus=focus)
    carte = "votre carte CPS" if acteur.rpps else "la carte CPS d'un pharmacien"
    return Suite(
        f"{fait} ; {carte} est demandée pour signer.", "attention", signer="epu", focus=focus
    )
