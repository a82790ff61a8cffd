"""Boxes compared in units of intake: what is due, what is served, what cannot be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ordonnance.rules.appariement import RANG_DIT, FaitsProduit, Rattachement
from ordonnance.rules.modele import LigneLue

# Four weeks or 30 days are one délivrance, according to the pack (ordonnance.md §1.8.4).
_MOIS = {Decimal(28): Decimal(30), Decimal(56): Decimal(60), Decimal(84): Decimal(90)}
# Another strength: units are not the same thing (ordonnance.md §4.3, « Dose arithmetic »).
_AUTRE_DOSAGE = frozenset({5, 8})


@dataclass(frozen=True)
class Comparaison:
    """Served beside due, in one unit. `arrondi`: above only because a pack is whole."""

    livre: Decimal
    du: Decimal
    mot: str = ""
    arrondi: bool = False


def is_in_boxes(ligne: LigneLue) -> bool:
    """Tell whether the prescribed quantity counts boxes (a preparation counts grams).

    Source: ordonnance.md §2.5, « quantity: integer boxes, or decimal with unit ».
    """
    return ligne.unite.strip().upper() in {"", "BOITE"}


def compare(
    ligne: LigneLue, du: Decimal | None, prescrit: FaitsProduit, servies: Sequence[Rattachement]
) -> Comparaison | None:
    """Return what is served beside what is due; None when it cannot be verified.

    In boxes for the same pack, else in units when every content is known. Source: §4.4.
    """
    if not is_in_boxes(ligne):
        return None
    boites = Decimal(sum(r.boite.quantite for r in servies))
    if du is not None and all(_is_same_pack(r) for r in servies):
        return _compare(boites, du, Decimal(1))
    unites = _in_units(ligne, du, prescrit, servies)
    if unites is not None:
        return unites
    # Contents unknown: too few is never said; more boxes than due is asked about.
    if du is not None and boites > du:
        return Comparaison(boites, du)
    return None


def _is_same_pack(rattachement: Rattachement) -> bool:
    faits = rattachement.boite.faits
    return rattachement.rang == 0 or (rattachement.rang == RANG_DIT and not faits.cis)


def _compare(livre: Decimal, du: Decimal, plus_petit: Decimal, mot: str = "") -> Comparaison:
    return Comparaison(livre, du, mot, arrondi=livre > du > livre - plus_petit)


def _in_units(
    ligne: LigneLue, du: Decimal | None, prescrit: FaitsProduit, servies: Sequence[Rattachement]
) -> Comparaison | None:
    contenus = [_content(r.boite.faits) for r in servies if r.rang not in _AUTRE_DOSAGE]
    connus = [contenu for contenu in contenus if contenu is not None]
    attendues = _units_due(ligne, du, prescrit)
    if attendues is None or len(connus) != len(servies):
        return None
    livrees = sum(
        (contenu * r.boite.quantite for contenu, r in zip(connus, servies, strict=True)),
        Decimal(0),
    )
    return _compare(livrees, attendues, min(connus), " unités")


def _units_due(ligne: LigneLue, du: Decimal | None, prescrit: FaitsProduit) -> Decimal | None:
    contenu = _content(prescrit)
    if du is not None and contenu is not None:
        return du * contenu
    posologie, duree = ligne.unites_par_jour, ligne.duree_jours
    entiere = du is None or du == ligne.quantite
    return posologie * duree if entiere and posologie and duree else None


def _content(faits: FaitsProduit) -> Decimal | None:
    return _MOIS.get(faits.unites, faits.unites) if faits.unites is not None else None
