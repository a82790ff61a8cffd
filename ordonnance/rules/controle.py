"""The contrôle d'ordonnance: differences between what is prescribed and what is delivered.

A pure function: same inputs, same list, same order. This version holds R06, L01, L02, Q01, Q03,
Q04, S01 to S04, S06 to S08 and S11; severities are data. What cannot be computed is said, never
called conform.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from ordonnance.rules import motifs
from ordonnance.rules.appariement import FINIES, RANG_AUCUN, FaitsProduit, Rattachement
from ordonnance.rules.modele import ExecutionPassee, LigneLue, PrescriptionLue
from ordonnance.rules.motifs import Motif
from ordonnance.rules.noms import fold
from ordonnance.rules.quantites import compare, is_in_boxes

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


CLE_IDENTITE = "R06::"

# Dated data: catalogue of 24/11/2026. Source: ordonnance.md §4.5.
CATALOGUE: dict[str, Regle] = {
    regle.code: regle
    for regle in (
        Regle("R06", BLOQUANT, "P", "", motifs.IDENTITE),
        Regle("L01", JUSTIFIER, "", "NON_DELIVRANCE", motifs.NON_DELIVRANCE),
        Regle("L02", BLOQUANT, "P", "AJOUT", motifs.MANUSCRITE),
        Regle("Q01", JUSTIFIER, "", "NON_DELIVRANCE", motifs.PARTIEL, "COMMANDE_EN_COURS"),
        Regle("Q03", INFO, "", "MODIFICATION", (), "CONDITIONNEMENT"),
        Regle("Q04", JUSTIFIER, "", "MODIFICATION", motifs.MODIFICATION),
        Regle("S01", INFO, "", "SUBSTITUTION", (), "GENERIQUE"),
        Regle("S02", BLOQUANT, "P", "SUBSTITUTION", motifs.SUBSTITUTION, accord=True),
        Regle("S03", ATTENTION, "", "SUBSTITUTION", (), "GENERIQUE"),
        Regle("S04", INFO, "", "SUBSTITUTION", (), "REFUS_PATIENT"),
        Regle("S06", BLOQUANT, "P", "MODIFICATION", motifs.MODIFICATION, accord=True),
        Regle("S07", JUSTIFIER, "P", "MODIFICATION", motifs.FORME),
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
    sans_envoi: bool = False

    @property
    def type_intervention(self) -> str:
        """What is sent of it; empty when nothing is."""
        return "" if self.sans_envoi else self.regle.type_intervention

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
    """Return what is still due for this délivrance, in the unit of the line; None when not known.

    A line said delivered, and not in part, owes nothing more at this number: another pack makes
    its boxes incomparable. Source: ordonnance.md §4.4, `du(L)`; §2.4 (`Resultat`).
    """
    if ligne.quantite is None:
        return None
    faites = [
        passee
        for execution in executions
        if not execution.annulee and execution.numero_delivrance == numero
        for passee in execution.lignes
        if passee.id_ligne.lower() == ligne.id.lower()
    ]
    if any(passee.resultat == "DELIVRE" for passee in faites):
        return Decimal(0)
    livre = sum((p.quantite for p in faites if p.resultat == "DELIVRE_PARTIEL"), Decimal(0))
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
        if ligne.statut not in FINIES:
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
    severite = str(autres.pop("severite", CATALOGUE[code].severite))
    boite = autres.pop("boite", None)
    sans_envoi = bool(autres.pop("sans_envoi", False))
    plats = {cle: str(valeur) for cle, valeur in autres.items()}
    return Ecart(
        code,
        reglages.severites.get(code, severite),
        phrase,
        id_ligne,
        boite if isinstance(boite, int) else None,
        plats,
        sans_envoi,
    )


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
    prescrit = referentiel.get(ligne.id, FaitsProduit())
    ecarts = _quantity(ligne, du, prescrit, servies, reglages)
    for rattachement in servies:
        ecarts.extend(_product(ligne, prescrit, rattachement, reglages))
    return ecarts


def _quantity(
    ligne: LigneLue,
    du: Decimal | None,
    prescrit: FaitsProduit,
    servies: list[Rattachement],
    reglages: Parametres,
) -> list[Ecart]:
    """Too few, too many, or a whole pack above; what is not comparable is said elsewhere."""
    vu = compare(ligne, du, prescrit, servies)
    if vu is None or vu.livre == vu.du:
        return []
    nombres = {"delivre": vu.livre, "du": vu.du}
    phrase = f"{_number(vu.livre)}{vu.mot} au lieu de {_number(vu.du)}"
    if vu.livre < vu.du:
        return [_ecart(reglages, "Q01", f"Quantité inférieure : {phrase}", ligne.id, **nombres)]
    if vu.arrondi:
        change = any(r.rang != 0 for r in servies)
        return [
            _ecart(
                reglages,
                "Q03",
                f"Arrondi au conditionnement : {phrase}",
                ligne.id,
                sans_envoi=not change,
                **nombres,
            )
        ]
    return [_ecart(reglages, "Q04", f"Quantité supérieure : {phrase}", ligne.id, **nombres)]


def _product(
    ligne: LigneLue, prescrit: FaitsProduit, rattachement: Rattachement, reglages: Parametres
) -> list[Ecart]:
    """What the product itself changes: at most one difference, the worst. Source: §4.3, §4.5."""
    trouve = _kept_product(ligne, rattachement.rang) or _relation(ligne, prescrit, rattachement)
    if trouve is None:
        return []
    code, phrase, autres = trouve
    return [_ecart(reglages, code, phrase, ligne.id, boite=rattachement.boite.ident, **autres)]


_Trouve = tuple[str, str, dict[str, object]]


def _kept_product(ligne: LigneLue, rang: int) -> _Trouve | None:
    """« Non substituable », with its reason or without any."""
    if ligne.substituable is not False:
        return None
    if ligne.motif_ns and rang >= 4:
        return "S02", f"Non substituable ({ligne.motif_ns}) : {ligne.produit.libelle}", {}
    if not ligne.motif_ns and rang <= 4:
        phrase = "Mention « non substituable » sans motif : appelez le prescripteur"
        return "S03", phrase, {"sans_envoi": rang < 4}
    return None


def _relation(
    ligne: LigneLue, prescrit: FaitsProduit, rattachement: Rattachement
) -> _Trouve | None:
    rang, faits = rattachement.rang, rattachement.boite.faits
    au_lieu = f"{faits.libelle} au lieu de {prescrit.libelle or ligne.produit.libelle}"
    if rang == 7:
        severite = BLOQUANT if _is_other_route(faits, prescrit) else JUSTIFIER
        return "S07", f"À vérifier (forme) : {au_lieu}", {"severite": severite}
    if rang == 4 and _is_princeps(faits, prescrit):
        return "S04", "Princeps délivré : patient informé (avance des frais)", {}
    phrases = {
        1: ("S11", f"Autre conditionnement : {faits.libelle}"),
        4: ("S01", "Substitution par un générique du groupe"),
        5: ("S06", f"À vérifier (dosage) : {au_lieu}"),
        8: ("S06", f"À vérifier (dosage) : {au_lieu}"),
        RANG_AUCUN: ("S08", f"Autre médicament : {au_lieu}"),
    }
    return (*phrases[rang], {}) if rang in phrases else None


def _is_princeps(boite: FaitsProduit, prescrit: FaitsProduit) -> bool:
    """Tell whether the princeps of the group is given for one of its generics."""
    return any(
        genre == 0 and (groupe, 0) not in prescrit.groupes
        for groupe, genre in boite.groupes
        if groupe in {g for g, _ in prescrit.groupes}
    )


_VOIES = (
    ("injectable", ("INJECTABLE", "PERFUSION")),
    ("rectale", ("SUPPOSITOIRE", "RECTALE")),
    ("cutanée", ("CREME", "POMMADE", "GEL", "TRANSDERMIQUE", "DISPOSITIF")),
    ("oculaire", ("COLLYRE", "OPHTALMIQUE")),
    ("orale", ("COMPRIME", "GELULE", "CAPSULE", "SIROP", "BUVABLE", "SACHET", "LYOPHILISAT")),
)


def _route(forme: str) -> str:
    mots = set(fold(forme).split())
    return next((voie for voie, signes in _VOIES if mots & set(signes)), "")


def _is_other_route(boite: FaitsProduit, prescrit: FaitsProduit) -> bool:
    """Tell whether both routes are known by the form, and differ. Source: §4.5 (S07)."""
    une, autre = _route(boite.forme), _route(prescrit.forme)
    return bool(une and autre and une != autre)


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


def not_checkable(
    prescription: PrescriptionLue,
    saisie: Saisie,
    referentiel: dict[str, FaitsProduit] | None = None,
) -> tuple[str, ...]:
    """Return what the control could not compute, in words: « non vérifiable », never conform.

    Source: ordonnance.md §4.4 and §4.5 (Q12).
    """
    phrases = []
    for ligne in prescription.lignes:
        servies = [r for r in saisie.rattachements if r.id_ligne == ligne.id]
        prescrit = (referentiel or {}).get(ligne.id, FaitsProduit())
        if servies and compare(ligne, ligne.quantite, prescrit, servies) is None:
            phrases.append(f"{_not_counted(ligne, servies)} : {ligne.produit.libelle}")
        if any(not r.boite.faits.cis and not r.boite.faits.lpp for r in servies):
            phrases.append(
                f"Produit inconnu de la base, transmis en libellé : {ligne.produit.libelle}"
            )
    return tuple(phrases)


def _not_counted(ligne: LigneLue, servies: list[Rattachement]) -> str:
    if ligne.quantite is not None and not is_in_boxes(ligne):
        prescrite = f"{_number(ligne.quantite)} {ligne.unite}"
        return f"Quantité non vérifiable en boîtes ({prescrite} prescrits)"
    if ligne.quantite is not None and any(r.rang == 1 for r in servies):
        return "Nombre de boîtes non vérifiable (autre conditionnement)"
    return "Quantité non vérifiable"
