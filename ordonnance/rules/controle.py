"""The contrôle d'ordonnance: differences between what is prescribed and what is delivered.

A pure function: same inputs, same list, same order. This version holds R06, L01, L02, Q01, Q04,
S01, S02, S08 and S11; severities are data. What cannot be computed is said, never called conform.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from ordonnance.rules import motifs
from ordonnance.rules.appariement import FaitsProduit, Rattachement
from ordonnance.rules.modele import ExecutionPassee, LigneLue, PrescriptionLue
from ordonnance.rules.motifs import Motif

BLOQUANT, JUSTIFIER, ATTENTION, INFO = "BLOQUANT", "JUSTIFIER", "ATTENTION", "INFO"
SIGNES = {BLOQUANT: "■", JUSTIFIER: "▲", ATTENTION: "●", INFO: "○"}
MOTS = {BLOQUANT: "Bloquant", JUSTIFIER: "À justifier", ATTENTION: "Attention", INFO: "Information"}
_ORDRE = {BLOQUANT: 0, JUSTIFIER: 1, ATTENTION: 2, INFO: 3}


@dataclass(frozen=True)
class Regle:
    """A row of the catalogue: severity, who lifts (P pharmacien, – nobody), what is sent."""

    code: str
    severite: str
    leve_par: str
    type_intervention: str
    choix: tuple[Motif, ...]
    defaut: str = ""
    accord: bool = False


# Dated data: catalogue of 24/11/2026. Source: ordonnance.md §4.5.
CATALOGUE: dict[str, Regle] = {
    regle.code: regle
    for regle in (
        Regle("R06", BLOQUANT, "P", "", ()),
        Regle("L01", JUSTIFIER, "", "NON_DELIVRANCE", motifs.NON_DELIVRANCE),
        Regle("L02", BLOQUANT, "P", "AJOUT", motifs.AJOUT),
        # Why the rest stays is a reason of NON_DELIVRANCE, on a DELIVRE_PARTIEL line (§4.6).
        Regle("Q01", JUSTIFIER, "", "NON_DELIVRANCE", motifs.PARTIEL, "COMMANDE_EN_COURS"),
        Regle("Q04", JUSTIFIER, "", "MODIFICATION", motifs.MODIFICATION),
        Regle("S01", INFO, "", "SUBSTITUTION", (), "GENERIQUE"),
        Regle("S02", BLOQUANT, "P", "SUBSTITUTION", motifs.SUBSTITUTION, accord=True),
        Regle("S08", BLOQUANT, "P", "MODIFICATION", motifs.MODIFICATION, accord=True),
        Regle("S11", INFO, "", "", ()),
    )
}


@dataclass(frozen=True)
class Ecart:
    """A difference: on which line, why, in which words."""

    code: str
    severite: str
    phrase: str
    id_ligne: str | None = None
    boite: int | None = None
    parametres: dict[str, str] = field(default_factory=dict)

    @property
    def cle(self) -> str:
        """What answers are kept under, stable across recomputations."""
        return f"{self.code}:{self.id_ligne or ''}:{self.boite or ''}"

    @property
    def regle(self) -> Regle:
        """The row of the catalogue."""
        return CATALOGUE[self.code]

    @property
    def exige_motif(self) -> bool:
        """Whether a reason must be given."""
        return self.severite == JUSTIFIER or (self.severite == BLOQUANT and bool(self.regle.choix))


@dataclass(frozen=True)
class Saisie:
    """What the counter did: boxes attached to lines, identity compared, délivrance number."""

    rattachements: tuple[Rattachement, ...]
    identite: str
    numero_delivrance: int
    patient: str = field(default="", repr=False)


@dataclass(frozen=True)
class Parametres:
    """Severities that differ from the catalogue, by code."""

    severites: dict[str, str] = field(default_factory=dict)


def compute_du(
    ligne: LigneLue, executions: tuple[ExecutionPassee, ...], numero: int
) -> Decimal | None:
    """Return the boxes still due for this délivrance; None when the quantity is not known.

    Source: ordonnance.md §4.4, `du(L)`.
    """
    if ligne.quantite is None:
        return None
    livre = sum(
        (
            passee.quantite
            for execution in executions
            if not execution.annulee and execution.numero_delivrance == numero
            for passee in execution.lignes
            if passee.id_ligne.lower() == ligne.id.lower()
            and passee.resultat in {"DELIVRE", "DELIVRE_PARTIEL"}
        ),
        Decimal(0),
    )
    return max(Decimal(0), ligne.quantite - livre)


def controle(
    prescription: PrescriptionLue,
    executions: tuple[ExecutionPassee, ...],
    saisie: Saisie,
    referentiel: dict[str, FaitsProduit],
    parametres: Parametres | None = None,
) -> tuple[Ecart, ...]:
    """Return the differences, worst first, then by line and code.

    `referentiel` gives the facts of each prescribed line by its id. Source: ordonnance.md §4.5.
    """
    reglages = parametres or Parametres()
    trouves: list[Ecart] = []
    if saisie.identite == "DIFFERENTE":
        trouves.append(
            _ecart(reglages, "R06", f"L'ordonnance n'est pas au nom de {saisie.patient}")
        )
    for ligne in prescription.lignes:
        if ligne.statut not in {"EXECUTEE", "ANNULEE"}:
            trouves.extend(_line(ligne, executions, saisie, referentiel, reglages))
    trouves.extend(_outside(saisie, reglages))
    rangs = {ligne.id: ligne.rang for ligne in prescription.lignes}
    return tuple(
        sorted(
            trouves,
            key=lambda e: (
                _ORDRE[e.severite],
                rangs.get(e.id_ligne or "", 999),
                e.code,
                e.boite or 0,
            ),
        )
    )


def _ecart(
    reglages: Parametres, code: str, phrase: str, id_ligne: str | None = None, **autres: object
) -> Ecart:
    severite = reglages.severites.get(code, CATALOGUE[code].severite)
    boite = autres.pop("boite", None)
    plats = {cle: str(valeur) for cle, valeur in autres.items()}
    return Ecart(code, severite, phrase, id_ligne, boite if isinstance(boite, int) else None, plats)


def _number(valeur: Decimal) -> str:
    return f"{valeur.normalize():f}".replace(".", ",")


def _line(
    ligne: LigneLue,
    executions: tuple[ExecutionPassee, ...],
    saisie: Saisie,
    referentiel: dict[str, FaitsProduit],
    reglages: Parametres,
) -> list[Ecart]:
    servies = [r for r in saisie.rattachements if r.id_ligne == ligne.id]
    du = compute_du(ligne, executions, saisie.numero_delivrance)
    if not servies:
        if du == 0:
            return []
        return [_ecart(reglages, "L01", f"Non délivré : {ligne.produit.libelle}", ligne.id)]
    ecarts = _quantity(ligne, du, servies, reglages)
    for rattachement in servies:
        ecarts.extend(_product(ligne, rattachement, reglages))
    del referentiel
    return ecarts


def _quantity(
    ligne: LigneLue, du: Decimal | None, servies: list[Rattachement], reglages: Parametres
) -> list[Ecart]:
    """Too few or too many boxes; a change of pack makes boxes incomparable, and is told by S11."""
    if du is None or any(r.rang == 1 for r in servies):
        return []
    livre = Decimal(sum(r.boite.quantite for r in servies))
    if livre < du:
        return [
            _ecart(
                reglages,
                "Q01",
                f"Quantité inférieure : {_number(livre)} au lieu de {_number(du)}",
                ligne.id,
                delivre=livre,
                du=du,
            )
        ]
    if livre > du:
        return [
            _ecart(
                reglages,
                "Q04",
                f"Quantité supérieure : {_number(livre)} au lieu de {_number(du)}",
                ligne.id,
                delivre=livre,
                du=du,
            )
        ]
    return []


def _product(ligne: LigneLue, rattachement: Rattachement, reglages: Parametres) -> list[Ecart]:
    boite = rattachement.boite
    if rattachement.rang == 1:
        return [
            _ecart(
                reglages,
                "S11",
                f"Autre conditionnement : {boite.faits.libelle}",
                ligne.id,
                boite=boite.ident,
            )
        ]
    if rattachement.rang >= 4 and ligne.substituable is False and ligne.motif_ns:
        return [
            _ecart(
                reglages,
                "S02",
                f"Non substituable ({ligne.motif_ns}) : {ligne.produit.libelle}",
                ligne.id,
                boite=boite.ident,
            )
        ]
    if rattachement.rang == 4:
        return [
            _ecart(
                reglages,
                "S01",
                "Substitution par un générique du groupe",
                ligne.id,
                boite=boite.ident,
            )
        ]
    if rattachement.rang >= 5:
        prescrit = ligne.produit.dci or ligne.produit.libelle
        return [
            _ecart(
                reglages,
                "S08",
                f"Autre médicament : {boite.faits.libelle} au lieu de {prescrit}",
                ligne.id,
                boite=boite.ident,
            )
        ]
    return []


def _outside(saisie: Saisie, reglages: Parametres) -> list[Ecart]:
    """A prescription medicine attached to no line blocks; what has no list is simple advice."""
    return [
        _ecart(
            reglages,
            "L02",
            f"Produit hors ordonnance soumis à prescription : {r.boite.faits.libelle}",
            None,
            boite=r.boite.ident,
        )
        for r in saisie.rattachements
        if r.id_ligne is None and r.boite.faits.liste
    ]


def not_checkable(prescription: PrescriptionLue, saisie: Saisie) -> tuple[str, ...]:
    """Return what the control could not compute, in words: « non vérifiable », never conform.

    Source: ordonnance.md §4.4 and §4.5 (Q12).
    """
    phrases = []
    for ligne in prescription.lignes:
        servies = [r for r in saisie.rattachements if r.id_ligne == ligne.id]
        if servies and ligne.quantite is None:
            phrases.append(f"Quantité non vérifiable : {ligne.produit.libelle}")
        elif any(r.rang == 1 for r in servies):
            phrases.append(
                f"Nombre de boîtes non vérifiable (autre conditionnement) : {ligne.produit.libelle}"
            )
        if any(not r.boite.faits.cis and not r.boite.faits.lpp for r in servies):
            phrases.append(
                f"Produit inconnu de la base, transmis en libellé : {ligne.produit.libelle}"
            )
    return tuple(phrases)
