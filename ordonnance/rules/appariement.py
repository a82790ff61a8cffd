"""Which box serves which line: minimum total rank, the same whatever the order of the scans."""

import re
from dataclasses import dataclass

from ordonnance.rules.modele import LigneLue
from ordonnance.rules.noms import fold

# Beyond this rank a product is never attached by itself (ordonnance.md §4.3).
RANG_SUR = 8
RANG_AUCUN = 10


@dataclass(frozen=True)
class FaitsProduit:
    """What the medicines know of a product; empty when unknown."""

    cip13: str = ""
    cis: str = ""
    lpp: str = ""
    libelle: str = ""
    substances: tuple[tuple[str, str], ...] = ()
    forme: str = ""
    groupes: tuple[tuple[str, int], ...] = ()
    liste: str = ""


@dataclass(frozen=True)
class Boite:
    """A delivered row of the sale. `ligne` is set when a person attached it by hand."""

    ident: int
    faits: FaitsProduit
    quantite: int
    ligne: str | None = None
    manuelle: bool = False


@dataclass(frozen=True)
class Rattachement:
    """A box and its line, with the rank of the relation."""

    boite: Boite
    id_ligne: str | None
    rang: int


def _denomination(libelle: str) -> str:
    return fold(re.sub(r",.*$", "", libelle))


def _same_groups(a: FaitsProduit, b: FaitsProduit) -> set[int]:
    """Return the generic types of `a` in the groups that `b` shares."""
    communs = {groupe for groupe, _ in a.groupes} & {groupe for groupe, _ in b.groupes}
    return {genre for groupe, genre in (*a.groupes, *b.groupes) if groupe in communs}


def compute_rang(ligne: LigneLue, prescrit: FaitsProduit, boite: FaitsProduit) -> int:
    """Return the rank of the relation between a box and a line, 0 best, 10 none.

    Ranks 6 and 9 need dated lists this version does not carry: they are told 10, never better.
    Source: ordonnance.md §4.3.
    """
    if ligne.nature == "DISPOSITIF":
        return 0 if boite.lpp and boite.lpp == ligne.produit.lpp else RANG_AUCUN
    if boite.cip13 and boite.cip13 == ligne.produit.cip13:
        return 0
    if boite.cis and boite.cis == (ligne.produit.cis or prescrit.cis):
        return 1
    if (
        prescrit.libelle
        and boite.libelle
        and _denomination(prescrit.libelle) == _denomination(boite.libelle)
    ):
        return 3
    types = _same_groups(prescrit, boite)
    if types:
        return 5 if 2 in types else 4
    return _by_substance(prescrit, boite)


def _by_substance(prescrit: FaitsProduit, boite: FaitsProduit) -> int:
    noms = {nom for nom, _ in prescrit.substances}
    if not noms or noms != {nom for nom, _ in boite.substances}:
        return RANG_AUCUN
    if set(prescrit.substances) == set(boite.substances):
        return 7
    return 8


def assign(
    lignes: tuple[LigneLue, ...], prescrits: dict[str, FaitsProduit], boites: tuple[Boite, ...]
) -> tuple[Rattachement, ...]:
    """Attach each box to its best line; what a person attached is kept.

    Several boxes may serve one line: each takes its own minimum, so the total is minimal. Ties go
    to the line still owed, then to the order of the prescription.
    Source: ordonnance.md §4.3, « Assignment ».
    """
    servi = {ligne.id: 0 for ligne in lignes}
    rattachements: dict[int, Rattachement] = {}
    for boite in sorted(
        boites, key=lambda b: (not b.manuelle, b.faits.cip13, b.faits.lpp, b.ident)
    ):
        if boite.manuelle:
            rang = next(
                (
                    compute_rang(x, prescrits.get(x.id, FaitsProduit()), boite.faits)
                    for x in lignes
                    if x.id == boite.ligne
                ),
                RANG_AUCUN,
            )
            choix: str | None = boite.ligne
        else:
            rang, choix = _best(lignes, prescrits, boite, servi)
        if choix is not None:
            servi[choix] = servi.get(choix, 0) + boite.quantite
        rattachements[boite.ident] = Rattachement(boite, choix, rang)
    return tuple(rattachements[boite.ident] for boite in boites)


def _best(
    lignes: tuple[LigneLue, ...],
    prescrits: dict[str, FaitsProduit],
    boite: Boite,
    servi: dict[str, int],
) -> tuple[int, str | None]:
    candidats = []
    for ligne in lignes:
        rang = compute_rang(ligne, prescrits.get(ligne.id, FaitsProduit()), boite.faits)
        if rang <= RANG_SUR:
            due = float(ligne.quantite) if ligne.quantite is not None else 1.0
            candidats.append((rang, servi[ligne.id] >= due, ligne.rang, ligne.id))
    if not candidats:
        return RANG_AUCUN, None
    meilleur = min(candidats)
    return meilleur[0], meilleur[3]
