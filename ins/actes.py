"""What may be done to an identity from its page: for whom, when, with which words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ins.services import attributs
from ins.services.habilitations import peut_identite
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient

_RECULS = {
    "QUAL": "Déqualifier l'identité",
    "RECUP": "Annuler la récupération de l'INS",
    "VALI": "Dévalider l'identité",
}
_PERD = {
    "QUAL": "L'INS quitte le dossier et passe dans l'historique. La pièce contrôlée reste : "
    "l'identité devient validée.",
    "RECUP": "L'INS quitte le dossier et passe dans l'historique. L'identité redevient provisoire.",
    "VALI": "La pièce contrôlée ne vaut plus. L'identité redevient provisoire.",
}
_T17 = (
    "L'INS quitte le dossier, la pièce ne vaut plus, INSi n'est plus appelé, ce qui attend de "
    "partir est arrêté."
)


@dataclass(frozen=True)
class Acte:
    """One act with its reason: its name in the address, its right, when it has an object."""

    slug: str
    droit: str
    titre: str
    effet: str
    bouton: str
    quand: Callable[[Patient], bool]
    faire: Callable[[Acteur, int, str, date | None], Patient]
    date_voulue: bool = False

    def title_for(self, patient: Patient) -> str:
        """Return the title, which for a step back names the step."""
        return _RECULS.get(patient.statut, self.titre) if self.slug == "reculer" else self.titre

    def effect_for(self, patient: Patient) -> str:
        """Return what it will do to this identity, in words."""
        return _PERD.get(patient.statut, self.effet) if self.slug == "reculer" else self.effet


def _plain(
    faire: Callable[[Acteur, int, str], Patient],
) -> Callable[[Acteur, int, str, date | None], Patient]:
    return lambda acteur, patient_id, motif, _jour: faire(acteur, patient_id, motif)


ACTES = (
    Acte(
        "reculer",
        "ins.traits",
        "Revenir sur l'identité",
        "",
        "Revenir en arrière",
        lambda p: p.statut != Patient.Statut.PROV,
        _plain(attributs.step_back),
    ),
    Acte(
        "douter",
        "ins.douter",
        "Marquer l'identité douteuse",
        _T17,
        "Marquer douteuse",
        lambda p: not (p.attr_douteux or p.attr_fictif),
        _plain(attributs.doubt),
    ),
    Acte(
        "lever-doute",
        "ins.lever_doute",
        "Lever le doute",
        "L'identité reste provisoire : rien ne revient seul. Il faudra interroger INSi et "
        "contrôler une pièce.",
        "Lever le doute",
        lambda p: p.attr_douteux,
        _plain(attributs.clear_doubt),
    ),
    Acte(
        "homonyme",
        "ins.douter",
        "Signaler un homonyme",
        "Un avertissement s'affiche à chaque ouverture du dossier. Le statut ne change pas.",
        "Signaler l'homonyme",
        lambda p: not (p.attr_homonyme or p.attr_fictif),
        _plain(attributs.mark_homonym),
    ),
    Acte(
        "lever-homonyme",
        "ins.lever_doute",
        "Ne plus signaler d'homonyme",
        "L'avertissement ne s'affiche plus.",
        "Ne plus signaler",
        lambda p: p.attr_homonyme,
        _plain(attributs.clear_homonym),
    ),
    Acte(
        "fictive",
        "ins.traits",
        "Marquer l'identité fictive",
        f"Pour la formation ou un essai. {_T17}",
        "Marquer fictive",
        lambda p: not (p.attr_douteux or p.attr_fictif or p.attr_homonyme),
        _plain(attributs.make_fictive),
    ),
    Acte(
        "lever-fictive",
        "ins.lever_doute",
        "Ne plus traiter comme fictive",
        "L'identité reste provisoire : il faudra interroger INSi et contrôler une pièce.",
        "Ne plus traiter comme fictive",
        lambda p: p.attr_fictif and not p.etat_identite.anonyme,
        _plain(attributs.clear_fiction),
    ),
    Acte(
        "deces",
        "ins.traits",
        "Enregistrer le décès",
        "Le statut ne change pas. INSi et le DMP demandent ensuite une confirmation. Sans date : "
        "un décès enregistré par erreur est effacé.",
        "Enregistrer",
        lambda _p: True,
        lambda acteur, patient_id, motif, jour: attributs.record_death(
            acteur, patient_id, jour, motif
        ),
        date_voulue=True,
    ),
)
PAR_SLUG = {acte.slug: acte for acte in ACTES}


def acts_for(acteur: Acteur, patient: Patient) -> list[tuple[Acte, str]]:
    """Return the acts that have an object on this file, each with why it is not allowed, or ''."""
    if not patient.actif:
        return []
    trouves = []
    for acte in ACTES:
        if acte.quand(patient):
            decision = peut_identite(acteur, acte.droit)
            trouves.append((acte, "" if decision.ok else f"{decision.phrase} {decision.geste}"))
    return trouves
