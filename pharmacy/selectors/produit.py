"""Look-ups in the medicines."""

from django.db.models import QuerySet

from pharmacy.models import LignePrescrite, Produit, Vente
from pharmacy.rules.recherche import fold

LIMITE = 12


def produit_get(cip: str) -> Produit | None:
    """Return a presentation by its CIP13 or CIP7."""
    if len(cip) == 7:
        return Produit.objects.filter(cip7=cip).first()
    return Produit.objects.filter(pk=cip).first()


def dispositif_get(vente: Vente | None, code: str) -> LignePrescrite | None:
    """Return the device prescribed in this sale under an LPP code, None when no line has it.

    No table of LPP codes is carried: the prescription itself says what the code is.
    """
    if vente is None or not (len(code) == 7 and code.isascii() and code.isdigit()):
        return None
    lignes = LignePrescrite.objects.filter(
        officine_id=vente.officine_id, ordonnance__vente=vente, lpp=code
    )
    return lignes.order_by("pk").first()


def produit_libelle(cip: str) -> str | None:
    """Return the short name of a presentation (« LEVOTHYROX 75 »), None when unknown."""
    produit = produit_get(cip)
    if produit is None:
        return None
    return " ".join(produit.libelle.split(",")[0].split()[:2])


def produit_search(saisie: str) -> QuerySet[Produit]:
    """Return at most twelve presentations whose name starts with the words typed."""
    cle = fold(saisie)
    if len(cle) < 2:
        return Produit.objects.none()
    trouves = Produit.objects.all()
    for mot in cle.split():
        trouves = trouves.filter(recherche__contains=mot)
    return trouves.order_by("libelle")[:LIMITE]
