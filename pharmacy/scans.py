"""Where box codes go: a product of the sale under way (ux.md, « Scan anywhere »)."""

from dataclasses import replace
from datetime import date

from agent.protocol.classification import SEPARATEURS_PERDUS, CodeLu
from pharmacy.codes import Scan, register
from pharmacy.models import Produit
from pharmacy.selectors.produit import dispositif_get, produit_get
from pharmacy.services.vente import Boite, VenteRefusee, ligne_add, vente_open
from pharmacy.suites import Suite


def route_gs1(scan: Scan) -> Suite:
    """Add the box of a datamatrix, with its lot, expiry and serial number when they are certain.

    VenteRefusee for a box that the sale cannot take.
    """
    champs = scan.code.champs
    brut = champs.get("peremption", "")
    try:
        peremption = date.fromisoformat(brut) if brut else None
    except ValueError:
        peremption = None
    cip13 = champs.get("cip13", "")
    boite = Boite(
        cip13=cip13,
        libelle="" if cip13 else f"Produit {champs.get('gtin', '')}",
        lot=champs.get("lot", "")[:20],
        peremption=peremption,
        numero_serie=champs.get("numero_serie", "")[:20],
    )
    return _warn(_add(scan, boite), _doubt(scan.code))


def _doubt(code: CodeLu) -> str:
    """Return what of a box was read and is not used, with what to do about it (agent.md §4.6)."""
    if code.ambigu:
        return f"Lot et numéro de série non repris. {SEPARATEURS_PERDUS}"
    if code.erreurs:
        return "Une partie du code est illisible : vérifiez lot et péremption sur la boîte."
    return ""


def _warn(suite: Suite, reserve: str) -> Suite:
    if not reserve:
        return suite
    return replace(suite, phrase=f"{suite.phrase} {reserve}", ton="attention", code="SCAN-partiel")


def route_ean13(scan: Scan) -> Suite:
    """Add the product of a linear code: a CIP13, or an EAN unknown of the medicines."""
    champs = scan.code.champs
    return _add(scan, Boite(cip13=champs.get("cip13", ""), libelle=_ean_label(champs)))


def _ean_label(champs: dict[str, str]) -> str:
    return "" if champs.get("cip13") else f"Article {champs.get('ean13', '')}".strip()


def route_acl7(scan: Scan) -> Suite:
    """Add the product of a seven-digit code: a CIP7 of the medicines, or a prescribed LPP."""
    code = scan.code.champs.get("cip7", "")
    produit = produit_get(code)
    dispositif = dispositif_get(scan.vente, code) if produit is None else None
    if dispositif is not None:
        return _add(scan, Boite(lpp=code, libelle=dispositif.libelle))
    if produit is None:
        raise VenteRefusee(
            "Ce code à sept chiffres n'est pas dans la base. Cherchez le produit.", "VTE-007"
        )
    return _add(scan, Boite(cip13=produit.pk))


def _add(scan: Scan, boite: Boite) -> Suite:
    vente = scan.vente or vente_open(scan.acteur)
    ligne = ligne_add(scan.acteur, vente.pk, boite)
    inconnu = bool(boite.cip13) and not Produit.objects.filter(pk=boite.cip13).exists()
    boites = "1 boîte" if ligne.quantite == 1 else f"{ligne.quantite} boîtes"
    phrase = f"{ligne.libelle.split(',')[0]} : {boites}."
    if inconnu:
        phrase = "Boîte ajoutée, mais ce produit est inconnu de la base des médicaments."
    return Suite(
        phrase,
        "attention" if inconnu else "info",
        aller=None if scan.vente is not None else f"/vente/{vente.pk}/",
    )


def register_routes() -> None:
    """Give each class of box code its route; called from `AppConfig.ready()`."""
    register("gs1", route_gs1)
    register("ean13", route_ean13)
    register("acl7", route_acl7)
