"""From lines, boxes and answers to what goes out (ordonnance.md §2.4, §4.5 « Sent »)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ordonnance.rules.appariement import Rattachement
from ordonnance.rules.controle import Ecart
from ordonnance.rules.modele import (
    InterventionAEnvoyer,
    LigneAEnvoyer,
    LigneLue,
    PrescriptionLue,
    ProduitPrescrit,
)


@dataclass(frozen=True)
class ReponseEcart:
    """The answer given to a difference."""

    motif: str = ""
    accord_date: date | None = None
    commentaire: str = field(default="", repr=False)


@dataclass(frozen=True)
class DetailBoite:
    """What is printed on the box."""

    lot: str = ""
    peremption: date | None = None
    numero_serie: str = ""


def missing_answer(ecart: Ecart, reponse: ReponseEcart | None, *, pharmacien: bool) -> str:
    """Return what is still asked for a difference, or an empty text.

    A reason from the list, a comment when the reason asks one, the prescriber's agreement when the
    law wants it, a pharmacien for what only a pharmacien lifts. Source: ordonnance.md §4.5, §4.6.
    """
    regle = ecart.regle
    if regle.leve_par == "P" and ecart.severite == "BLOQUANT" and not pharmacien:
        return "Un pharmacien lève cet écart."
    if not ecart.exige_motif:
        return ""
    code = (reponse.motif if reponse else "") or regle.defaut
    motif = next((m for m in regle.choix if m.code == code), None)
    if motif is None:
        return "Choisissez un motif."
    if motif.commentaire_requis and not (reponse and reponse.commentaire.strip()):
        return "Précisez le motif."
    if regle.accord and not (reponse and reponse.accord_date):
        return "Donnez la date de l'accord du prescripteur."
    return ""


def build_lines(
    prescription: PrescriptionLue,
    rattachements: tuple[Rattachement, ...],
    ecarts: tuple[Ecart, ...],
    reponses: dict[str, ReponseEcart],
    details: dict[int, DetailBoite],
    new_id: Callable[[], str],
) -> tuple[LigneAEnvoyer, ...]:
    """Return the executed lines: each delivered box, each undelivered line, what was added.

    A device or advice attached to no line is not sent. Source: ordonnance.md §2.4, §4.5 (L03).
    """
    lignes: list[LigneAEnvoyer] = []
    for prescrite in prescription.lignes:
        servies = [r for r in rattachements if r.id_ligne == prescrite.id]
        propres = [e for e in ecarts if e.id_ligne == prescrite.id]
        if servies:
            lignes.extend(_delivered(prescrite, servies, propres, reponses, details, new_id))
        elif any(e.code == "L01" for e in propres):
            lignes.append(_undelivered(prescrite, propres, reponses, new_id))
    for rattachement in rattachements:
        ajout = next(
            (e for e in ecarts if e.code == "L02" and e.boite == rattachement.boite.ident), None
        )
        if rattachement.id_ligne is None and ajout is not None:
            lignes.append(
                _box(
                    rattachement,
                    "",
                    "HORS_PRESCRIPTION",
                    (_intervention(ajout, reponses),),
                    details,
                    new_id(),
                )
            )
    return tuple(lignes)


def _intervention(ecart: Ecart, reponses: dict[str, ReponseEcart]) -> InterventionAEnvoyer:
    reponse = reponses.get(ecart.cle) or ReponseEcart()
    return InterventionAEnvoyer(
        ecart.type_intervention,
        reponse.motif or ecart.regle.defaut,
        accord_obtenu=True if reponse.accord_date else None,
        accord_date=reponse.accord_date,
        commentaire=reponse.commentaire,
    )


def _delivered(
    ligne: LigneLue,
    servies: list[Rattachement],
    ecarts: list[Ecart],
    reponses: dict[str, ReponseEcart],
    details: dict[int, DetailBoite],
    new_id: Callable[[], str],
) -> list[LigneAEnvoyer]:
    partiel = any(e.code == "Q01" for e in ecarts)
    communs = [e for e in ecarts if e.boite is None and e.type_intervention]
    envoyees = []
    for rang, rattachement in enumerate(servies):
        propres = [e for e in ecarts if e.boite == rattachement.boite.ident and e.type_intervention]
        interventions = tuple(
            _intervention(e, reponses) for e in [*propres, *(communs if rang == 0 else [])]
        )
        resultat = "DELIVRE_PARTIEL" if partiel else "DELIVRE"
        envoyees.append(_box(rattachement, ligne.id, resultat, interventions, details, new_id()))
    return envoyees


def _undelivered(
    ligne: LigneLue,
    ecarts: list[Ecart],
    reponses: dict[str, ReponseEcart],
    new_id: Callable[[], str],
) -> LigneAEnvoyer:
    ecart = next(e for e in ecarts if e.code == "L01")
    return LigneAEnvoyer(
        new_id(),
        ligne.id,
        "NON_DELIVRE",
        Decimal(0),
        interventions=(_intervention(ecart, reponses),),
    )


def _box(
    rattachement: Rattachement,
    id_ligne: str,
    resultat: str,
    interventions: tuple[InterventionAEnvoyer, ...],
    details: dict[int, DetailBoite],
    ident: str,
) -> LigneAEnvoyer:
    faits = rattachement.boite.faits
    detail = details.get(rattachement.boite.ident) or DetailBoite()
    return LigneAEnvoyer(
        ident,
        id_ligne,
        resultat,
        Decimal(rattachement.boite.quantite),
        ProduitPrescrit(libelle=faits.libelle, cis=faits.cis, cip13=faits.cip13, lpp=faits.lpp),
        detail.lot,
        detail.peremption,
        detail.numero_serie,
        interventions,
        "MANUEL" if rattachement.boite.manuelle else f"AUTO {rattachement.rang}",
    )
