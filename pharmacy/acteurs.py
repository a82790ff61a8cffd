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
    "operateurs.gerer": (
        frozenset({"titulaire"}),
        "gérer les opérateurs et leurs habilitations",
    ),
    "sessions.fermer": (frozenset({"titulaire"}), "fermer la session d'un autre"),
    "postes.gerer": (frozenset({"titulaire"}), "associer un poste"),
    "psc.rattacher": (
        frozenset({"titulaire"}),
        "gérer les rattachements à Pro Santé Connect",
    ),
    "journal.lire": (frozenset({"titulaire"}), "lire le journal"),
    "session": (TOUS, "ouvrir une session"),
}

# droit -> every role the law lets the titulaire give it to; without a line, those of the default.
PLAFOND: dict[str, frozenset[str]] = {
    "file.agir": PHARMACIENS | {"preparateur"},
    "parametres.modifier": frozenset({"titulaire", "adjoint"}),
    "journal.lire": frozenset({"titulaire", "adjoint"}),
    "psc.rattacher": frozenset({"titulaire", "adjoint"}),
    "operateurs.debloquer": PHARMACIENS,
    "sessions.fermer": PHARMACIENS,
    "postes.gerer": PHARMACIENS | {"administratif"},
}
# No decision moves these: who could not open a session would not be an operator.
FIXES = frozenset({"session"})


class DansUneOfficine(Protocol):
    """Any business row."""

    officine_id: int


@dataclass(frozen=True)
class Acteur:
    """The professional who acts: ids and role, no name (safe to log).

    `ecarts` is what the titulaire decided for their role, then for them, read with their row.
    """

    operateur_id: int
    officine_id: int
    role: str
    poste_id: int | None = None
    rpps: str = ""
    ecarts: frozenset[tuple[str, bool]] = frozenset()

    @property
    def est_pharmacien(self) -> bool:
        """Whether the law counts this actor as a pharmacien."""
        return self.role in PHARMACIENS


def ceiling_of(droit: str) -> frozenset[str]:
    """Return the roles that may hold a right at all: the legal floor. KeyError when unknown."""
    return PLAFOND.get(droit, DROITS[droit][0])


def is_held(role: str, droit: str, ecarts: frozenset[tuple[str, bool]] = frozenset()) -> bool:
    """Tell whether a role holds a right, once what the titulaire decided is applied.

    The law comes last: a decision gives nothing beyond it, and takes nothing from a titulaire.
    """
    defaut = role in DROITS[droit][0]
    if role == "titulaire" or droit in FIXES:
        return defaut
    return role in ceiling_of(droit) and dict(ecarts).get(droit, defaut)


def peut(acteur: Acteur, droit: str, objet: DansUneOfficine | None = None) -> Decision:
    """Tell whether `acteur` holds `droit` on `objet`, and in one sentence why not.

    An object of another officine is answered as if it did not exist: the sentence says nothing.
    Raises KeyError for an unknown right (a programming mistake).
    """
    libelle = DROITS[droit][1]
    if objet is not None and objet.officine_id != acteur.officine_id:
        return Decision(ok=False, phrase="Cet élément n'existe pas dans votre officine.")
    if not is_held(acteur.role, droit, acteur.ecarts):
        return Decision(
            ok=False,
            phrase=f"Votre profil ne permet pas de {libelle}.",
            geste="Demandez à un collègue habilité, ou changez d'opérateur.",
        )
    return Decision(ok=True)
