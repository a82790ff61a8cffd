"""Who acts, and what they may do. The legal floor stands here; no setting lifts it."""

from dataclasses import dataclass
from typing import Protocol

from pharmacy.decision import Decision

PHARMACIENS = frozenset({"titulaire", "adjoint", "remplacant"})
COMPTOIR = PHARMACIENS | {"preparateur", "etudiant", "apprenti"}
TOUS = COMPTOIR | {"administratif"}

# droit -> roles that hold it by default, and the words used when it is refused.
DROITS: dict[str, tuple[frozenset[str], str]] = {
    "vente": (COMPTOIR, "tenir une vente"),
    "patient.lire": (COMPTOIR, "ouvrir un dossier patient"),
    "patient.creer": (COMPTOIR, "créer un dossier patient"),
    "ins.appeler": (COMPTOIR, "interroger INSi"),
    "ins.qualifier": (COMPTOIR, "qualifier une identité"),
    "ins.traits": (PHARMACIENS, "modifier les traits stricts ou revenir sur une identité"),
    "ins.douter": (COMPTOIR, "marquer une identité douteuse"),
    "ins.lever_doute": (PHARMACIENS, "lever un doute sur une identité"),
    "ins.fusionner": (PHARMACIENS, "fusionner deux dossiers"),
    "ins.voir_preuves": (
        PHARMACIENS | {"preparateur"},
        "voir les pièces et les matricules d'une identité",
    ),
    "ins.copie": (PHARMACIENS, "voir ou garder la copie d'une pièce"),
    "ins.taches": (COMPTOIR, "voir les identités à traiter"),
    "ins.verifier_lot": (frozenset({"titulaire"}), "vérifier toutes les INS de la base"),
    "ins.importer": (frozenset({"titulaire"}), "reprendre une base de patients"),
    "ins.imprimer": (COMPTOIR, "imprimer une identité"),
    "ordonnance.lire": (COMPTOIR, "récupérer une Ordonnance Numérique"),
    "ordonnance.executer": (
        frozenset(PHARMACIENS | {"preparateur", "etudiant"}),
        "valider un contrôle d'ordonnance",
    ),
    "ordonnance.lever_bloquant": (PHARMACIENS, "lever un écart bloquant"),
    "file.voir": (COMPTOIR, "voir la file d'envoi"),
    "file.agir": (PHARMACIENS, "relancer ou abandonner un envoi"),
    "parametres.lire": (TOUS, "lire les paramètres de l'officine"),
    "parametres.modifier": (frozenset({"titulaire"}), "modifier les paramètres de l'officine"),
    "operateurs.debloquer": (frozenset({"titulaire"}), "débloquer un opérateur"),
    "operateurs.reinitialiser": (
        frozenset({"titulaire"}),
        "donner un mot de passe temporaire",
    ),
    "postes.gerer": (frozenset({"titulaire"}), "associer un poste"),
    "journal.lire": (frozenset({"titulaire"}), "lire le journal"),
    "session": (TOUS, "ouvrir une session"),
}


class DansUneOfficine(Protocol):
    """Any business row."""

    officine_id: int


@dataclass(frozen=True)
class Acteur:
    """The professional who acts: ids and role, no name (safe to log)."""

    operateur_id: int
    officine_id: int
    role: str
    poste_id: int | None = None
    rpps: str = ""

    @property
    def est_pharmacien(self) -> bool:
        """Whether the law counts this actor as a pharmacien."""
        return self.role in PHARMACIENS


def peut(acteur: Acteur, droit: str, objet: DansUneOfficine | None = None) -> Decision:
    """Tell whether `acteur` holds `droit` on `objet`, and in one sentence why not.

    An object of another officine is answered as if it did not exist: the sentence says nothing.
    Raises KeyError for an unknown right (a programming mistake).
    """
    roles, libelle = DROITS[droit]
    if objet is not None and objet.officine_id != acteur.officine_id:
        return Decision(ok=False, phrase="Cet élément n'existe pas dans votre officine.")
    if acteur.role not in roles:
        return Decision(
            ok=False,
            phrase=f"Votre profil ne permet pas de {libelle}.",
            geste="Demandez à un collègue habilité, ou changez d'opérateur.",
        )
    return Decision(ok=True)
