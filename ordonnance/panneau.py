"""What the sale shows of an Ordonnance Numérique: the panel, and the prescribed lines."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string

from ordonnance.errors import AVERTISSEMENTS
from ordonnance.models import Execution, OrdonnanceNumerique
from ordonnance.rules.appariement import Rattachement
from ordonnance.rules.controle import compute_du
from ordonnance.rules.etats import LIBELLES
from ordonnance.rules.modele import LigneLue
from ordonnance.rules.quantites import is_in_boxes
from ordonnance.rules.rapprochement import check_prescription, is_executable
from ordonnance.selectors import (
    BUDGET_S,
    CARTE_S,
    EN_COURS,
    INTACTES,
    Dossier,
    age_s,
    dossier_of,
    execution_of,
    is_late,
    last_call,
    numerique_of_vente,
    verrou_of,
)
from pharmacy.acteurs import Acteur
from pharmacy.models import Vente
from pharmacy.rendu import read_once
from teleservices.etats import CODES_CARTE
from teleservices.models import Envoi

_TONS = {"transmise": "ok", "a_corriger": "alerte", "incertaine": "attention"}


@dataclass(frozen=True)
class LigneAffichee:
    """One prescribed line beside what is delivered for it."""

    ligne: LigneLue
    du: Decimal | None
    livre: int
    servies: list[Rattachement]
    badge: str
    ton: str

    @property
    def en_boites(self) -> bool:
        """Whether what is prescribed is counted in boxes."""
        return is_in_boxes(self.ligne)

    @property
    def unite(self) -> str:
        """The unit of what is prescribed, in words."""
        if not self.en_boites:
            return self.ligne.unite
        return "boîte" if self.du is None or self.du < 2 else "boîtes"


def render_panneau(vente: Vente, acteur: Acteur) -> str:
    """Return the panel, in one of its five faces (ux.md, « A panel has five faces »)."""
    numerique = _numerique(vente)
    if numerique is None:
        return render_to_string("ordonnance/_panneau.html", {"face": "vide", "vente": vente})
    if numerique.etat in {"lue", "papier"}:
        contexte = _fetching(numerique)
    else:
        contexte = _fetched(numerique, vente, acteur)
    contexte |= {"vente": vente, "numerique": numerique, "etat": LIBELLES[numerique.etat]}
    return render_to_string("ordonnance/_panneau.html", contexte)


def _numerique(vente: Vente) -> OrdonnanceNumerique | None:
    return read_once(vente, "ordonnance", lambda: numerique_of_vente(vente))


def _dossier(numerique: OrdonnanceNumerique, vente: Vente) -> Dossier | None:
    return read_once(vente, "dossier", lambda: dossier_of(numerique, vente))


def _fetching(numerique: OrdonnanceNumerique) -> dict[str, Any]:
    envoi = last_call(numerique)
    if numerique.etat == "papier":
        carte = envoi is not None and envoi.dernier_code in CODES_CARTE
        return {"face": "attente", "papier": True, "carte": carte, "envoi": envoi}
    if envoi is None or envoi.etat in {Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE}:
        return {"face": "echec", "envoi": envoi}
    if envoi.dernier_code in CODES_CARTE and not is_late(envoi, CARTE_S):
        return {"face": "averifier", "carte": True, "envoi": envoi}
    if is_late(envoi):
        return {"face": "echec", "envoi": envoi}
    return {"face": "attente", "envoi": envoi, "reste_s": int(BUDGET_S - age_s(envoi)) + 1}


def _fetched(numerique: OrdonnanceNumerique, vente: Vente, acteur: Acteur) -> dict[str, Any]:
    dossier = _dossier(numerique, vente)
    if dossier is None:
        return {"face": "echec", "envoi": None}
    intacte = numerique.etat in INTACTES
    execution = None if intacte else execution_of(numerique)
    envoi = _sending(execution)
    executable = is_executable(dossier.prescription.statut)
    a_verifier = numerique.etat in {"recuperee", "a_corriger"}
    return {
        "face": "averifier" if a_verifier else "reponse",
        "dossier": dossier,
        "prescription": dossier.prescription,
        "verifications": check_prescription(
            dossier.prescription,
            dossier.identite,
            vente.officine.finess,
            avec_patient=vente.patient_id is not None,
        ),
        "executable": executable,
        "execution": execution,
        "envoi": envoi,
        "carte": envoi is not None and envoi.dernier_code in CODES_CARTE,
        "ton": _TONS.get(numerique.etat, "national"),
        "verrou": None if intacte else verrou_of(numerique),
        "avertissements": [
            AVERTISSEMENTS[code] for code in numerique.avertissements if code in AVERTISSEMENTS
        ],
        "acteur": acteur,
    }


def _sending(execution: Execution | None) -> Envoi | None:
    if execution is None:
        return None
    return (
        Envoi.objects.filter(
            officine_id=execution.officine_id,
            operation="ordonnance.executer",
            sujet=f"exec:{execution.pk}",
        )
        .select_related("operateur", "signataire")
        .order_by("-pk")
        .first()
    )


def render_prescrites(vente: Vente) -> str:
    """Return the left part of the sale: each prescribed line and what is delivered for it."""
    numerique = _numerique(vente)
    if numerique is None or numerique.etat in {"lue", "papier"}:
        return ""
    dossier = _dossier(numerique, vente)
    if dossier is None:
        return ""
    lignes = line_list(dossier)
    return render_to_string(
        "ordonnance/_prescrites.html",
        {
            "vente": vente,
            "numerique": numerique,
            "prescription": dossier.prescription,
            "lignes": lignes,
            "servies": sum(1 for ligne in lignes if ligne.servies),
            "modifiable": numerique.etat in EN_COURS,
            "produits": dossier.produits,
        },
    )


def line_list(dossier: Dossier) -> list[LigneAffichee]:
    """Return the lines to show: ALD first, then the order of the prescription (§4.1, step 5)."""
    lignes = sorted(dossier.prescription.lignes, key=lambda x: (x.ald is not True, x.rang))
    return [_line(dossier, ligne) for ligne in lignes]


def _line(dossier: Dossier, ligne: LigneLue) -> LigneAffichee:
    servies = dossier.servies(ligne.id)
    codes = {e.code for e in dossier.ecarts if e.id_ligne == ligne.id}
    du = compute_du(ligne, dossier.executions, dossier.numerique.numero_delivrance or 0)
    badge, ton = _badge(ligne, servies, codes)
    if badge == "À servir" and du == 0:
        badge, ton = "Déjà délivrée", "info"
    elif badge == "À servir" and dossier.numerique.etat not in EN_COURS:
        badge, ton = "Non délivré", "attention"
    return LigneAffichee(
        ligne=ligne,
        du=du,
        livre=sum(r.boite.quantite for r in servies),
        servies=servies,
        badge=badge,
        ton=ton,
    )


def _badge(ligne: LigneLue, servies: list[Rattachement], codes: set[str]) -> tuple[str, str]:
    """Return the badge of a line and its tone. Source: ordonnance.md §4.2."""
    if ligne.statut == "EXECUTEE":
        return "Déjà délivrée", "info"
    if ligne.statut == "ANNULEE":
        return "Annulée", "alerte"
    if not servies:
        return "À servir", "info"
    for code, mot, ton in (
        ("S02", "À vérifier", "alerte"),
        ("S06", "À vérifier", "alerte"),
        ("S07", "À vérifier", "alerte"),
        ("S08", "À vérifier", "alerte"),
        ("Q01", "Partiel", "attention"),
        ("Q04", "À vérifier", "attention"),
        ("S03", "À vérifier", "attention"),
        ("S01", "Générique", "ok"),
        ("S04", "Retour au princeps", "info"),
        ("S11", "Autre conditionnement", "info"),
    ):
        if code in codes:
            return mot, ton
    return "Conforme", "ok"
