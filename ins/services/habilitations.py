"""Who may do what to an identity: the roles, then what the titulaire chose. Never more than law."""

from ins.reglages import ADJOINT_FUSIONNE, APPRENTI_QUALIFIE
from pharmacy import parametres
from pharmacy.acteurs import Acteur, peut
from pharmacy.decision import Decision

# Right -> roles that the titulaire may leave out, and the setting that says so.
_AU_CHOIX = {
    "ins.qualifier": (frozenset({"apprenti", "etudiant"}), APPRENTI_QUALIFIE),
    "ins.fusionner": (frozenset({"adjoint", "remplacant"}), ADJOINT_FUSIONNE),
    "ins.lever_doute": (frozenset({"adjoint", "remplacant"}), ADJOINT_FUSIONNE),
}
_PHRASE = "Le titulaire a réservé cet acte : votre profil ne le permet pas."


def peut_identite(acteur: Acteur, droit: str) -> Decision:
    """Tell whether `acteur` holds a right on identities here: role first, then the settings.

    A setting only takes away: what the role forbids stays forbidden. Source: ins.md §2.6.
    """
    decision = peut(acteur, droit)
    if not decision.ok or droit not in _AU_CHOIX:
        return decision
    roles, reglage = _AU_CHOIX[droit]
    if acteur.role not in roles or parametres.oui(acteur.officine_id, reglage):
        return decision
    return Decision(ok=False, phrase=_PHRASE, geste="Demandez à un collègue habilité.")


def check_identite(acteur: Acteur, droit: str) -> None:
    """Raise PermissionError with the sentence when `acteur` may not. Source: ins.md §2.6."""
    decision = peut_identite(acteur, droit)
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())
