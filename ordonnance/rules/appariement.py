"""Which box serves which line: minimum total rank, the same whatever the order of the scans."""

import re
from dataclasses import dataclass
from decimal import Decimal

from ordonnance.rules.modele import LigneLue
from ordonnance.rules.noms import fold

# Beyond this rank a product is never attached by itself (ordonnance.md §4.3).
RANG_SUR = 8
RANG_AUCUN = 10
# What serves a line without a code to compare: a person said it, and it is not verified.
RANG_DIT = 2
# Final: a box attached to one of these would be a delivery nobody prescribed (§1.5).
FINIES = frozenset({"EXECUTEE", "ANNULEE"})


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
    unites: Decimal | None = None


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
    if not (ligne.produit.cip13 or ligne.produit.cis):
        return _by_name(ligne, boite)
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


def _by_name(ligne: LigneLue, boite: FaitsProduit) -> int:
    """Rank of a line prescribed by MV or DCI: substances, then strengths, then family of form."""
    dci = [set(fold(nom).split()) for nom in re.split(r"[+/]", ligne.produit.dci) if nom.strip()]
    noms = [set(fold(nom).split()) for nom, _ in boite.substances]
    if not dci or len(dci) != len(noms) or not all(any(d <= n for n in noms) for d in dci):
        return RANG_AUCUN
    doses = _doses(ligne.produit.libelle)
    compo = _doses(" ".join(dose for _, dose in boite.substances))
    # A salt is written by its own weight in COMPO, and by the base's in the name of the product.
    if not doses or doses not in (compo, _doses(boite.libelle)):
        return 8
    famille = fold(boite.forme).split(" ")[0]
    return 2 if famille and famille in fold(ligne.produit.libelle).split() else 7


_EN_MG = {"g": Decimal(1000), "mg": Decimal(1), "microgramme": Decimal("0.001")}
_DOSE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(microgramme|µg|mg|g|ui|ml|%)", re.IGNORECASE)


def _doses(texte: str) -> set[tuple[Decimal, str]]:
    """Return the strengths written in a text, masses in milligrams."""
    lues = set()
    for nombre, brut in _DOSE.findall(texte):
        unite = brut.lower().replace("µg", "microgramme")
        valeur = Decimal(nombre.replace(",", "."))
        masse = unite in _EN_MG
        lues.add(
            ((valeur * _EN_MG[unite] if masse else valeur).normalize(), "" if masse else unite)
        )
    return lues


def _by_hand(ligne: LigneLue, prescrit: FaitsProduit, boite: FaitsProduit) -> int:
    """Rank of what a person attached: without a code to compare, the person's word stands."""
    rang = compute_rang(ligne, prescrit, boite)
    produit = ligne.produit
    code = produit.cip13 or produit.cis or produit.ucd13 or produit.mv or produit.dci
    dit = not boite.cis and not code and not (boite.lpp and produit.lpp)
    return RANG_DIT if rang == RANG_AUCUN and dit else rang


def assign(
    lignes: tuple[LigneLue, ...], prescrits: dict[str, FaitsProduit], boites: tuple[Boite, ...]
) -> tuple[Rattachement, ...]:
    """Attach each box to its best line; what a person attached is kept.

    Several boxes may serve one line: each takes its own minimum, so the total is minimal. Ties go
    to the line still owed, then to the order of the prescription. A finished line takes nothing.
    Source: ordonnance.md §4.3, « Assignment » ; §1.5 (« ANNULEE final »).
    """
    vivantes = tuple(ligne for ligne in lignes if ligne.statut not in FINIES)
    par_id = {ligne.id: ligne for ligne in vivantes}
    servi = dict.fromkeys(par_id, 0)
    rattachements: dict[int, Rattachement] = {}
    for boite in sorted(
        boites, key=lambda b: (not b.manuelle, b.faits.cip13, b.faits.lpp, b.ident)
    ):
        if boite.manuelle:
            ligne = par_id.get(boite.ligne or "")
            prescrit = prescrits.get(boite.ligne or "", FaitsProduit())
            rang = _by_hand(ligne, prescrit, boite.faits) if ligne else RANG_AUCUN
            choix = ligne.id if ligne else None
        else:
            rang, choix = _best(vivantes, prescrits, boite, servi)
        if choix is not None:
            servi[choix] += boite.quantite
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
