"""The three levels of a box and what each may do (MSS-03; mssante.md §2.6).

The matrix is ours: the official texts name the levels, not what each may do. It says who may ask;
the conditions it names are checked where the facts are, and told here in one sentence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pharmacy.acteurs import PHARMACIENS
from pharmacy.decision import Decision


class Niveau(StrEnum):
    """The level of a person on a box."""

    UTILISATEUR = "utilisateur"
    GESTIONNAIRE = "gestionnaire"
    ADMINISTRATEUR = "administrateur"


class Boite(StrEnum):
    """The kind of a box: of one person, of the officine, of its software."""

    PER = "per"
    ORG = "org"
    APP = "app"


class Condition(StrEnum):
    """What must also hold, and what is said when it does not."""

    GENRE = "Votre profil ne permet pas d'envoyer ce genre de document."
    INS = "Votre profil ne permet pas de créer une identité."
    SES_FILS = "Un Utilisateur ne met à la corbeille que ses propres échanges."
    PHARMACIEN = "Cet acte demande un pharmacien."
    CPS = "Cet acte demande votre carte CPS, lue il y a moins de dix minutes."
    TITULAIRE = "Cet acte demande un titulaire."
    SES_ACTES = "Un Gestionnaire ne voit que la trace de ses propres actes."
    MOTIF = "Donnez le motif de l'export."


_U, _G, _A = Niveau.UTILISATEUR, Niveau.GESTIONNAIRE, Niveau.ADMINISTRATEUR
_RANGS = (_U, _G, _A)


@dataclass(frozen=True)
class Acte:
    """One line of the matrix: from which level, and what else must hold at which level."""

    libelle: str
    des: Niveau
    si: frozenset[Condition] = frozenset()
    si_niveau: frozenset[tuple[Niveau, Condition]] = frozenset()

    def conditions(self, niveau: Niveau) -> frozenset[Condition] | None:
        """Return what must also hold for a level; None when it may not at all."""
        if _RANGS.index(niveau) < _RANGS.index(self.des):
            return None
        return self.si | {condition for lui, condition in self.si_niveau if lui == niveau}


def _acte(libelle: str, des: Niveau, *si: Condition, **au: Condition) -> Acte:
    par_niveau = frozenset((Niveau(niveau), condition) for niveau, condition in au.items())
    return Acte(libelle, des, frozenset(si), par_niveau)


ACTES: dict[str, Acte] = {
    "compter": _acte("voir l'enveloppe et le nombre de non lus", _U),
    "lire": _acte("lire les messages, ouvrir les pièces jointes", _U),
    "sortir_piece": _acte("imprimer ou télécharger une pièce jointe", _U),
    "repondre": _acte("répondre à un patient ou à un professionnel", _U),
    "ecrire_professionnel": _acte("écrire le premier à un professionnel", _U),
    "ecrire_patient": _acte("écrire le premier à un patient dont l'INS est qualifiée", _U),
    "envoyer_document": _acte("envoyer un document d'un dossier", _U, Condition.GENRE),
    "prendre": _acte("prendre en charge, rendre, suivre, étiqueter, annoter", _U),
    "assigner": _acte("confier à un autre, reprendre à un autre", _G),
    "classer": _acte("classer un document dans un dossier", _U),
    "creer_identite": _acte("créer une identité provisoire d'un document", _U, Condition.INS),
    "clore": _acte("clore un échange avec un patient", _G),
    "corbeille": _acte("mettre à la corbeille, restaurer", _U, utilisateur=Condition.SES_FILS),
    "purger": _acte("vider la corbeille, supprimer en nombre", _A),
    "lever_quarantaine": _acte(
        "sortir de quarantaine, ouvrir une pièce bloquée", _G, Condition.PHARMACIEN
    ),
    "modeles": _acte("modifier modèles, signature, étiquettes, règles de tri", _G),
    "absence": _acte("modifier le message d'absence et les horaires", _G),
    "membres": _acte("ajouter ou retirer des Utilisateurs", _G),
    "responsables": _acte("ajouter ou retirer des Gestionnaires et des Administrateurs", _A),
    "fermer": _acte("changer de responsable, suspendre, fermer", _A, Condition.CPS),
    "annuaire": _acte("modifier liste rouge, description et rang préféré", _A),
    "demander": _acte(
        "demander une boîte, accepter la demande d'un pharmacien",
        _A,
        Condition.TITULAIRE,
        Condition.CPS,
    ),
    "connexion": _acte("modifier la connexion et le certificat d'une boîte APP", _A),
    "trace": _acte("voir et exporter la trace de la boîte", _G, gestionnaire=Condition.SES_ACTES),
    "exporter": _acte("exporter la boîte", _A, Condition.TITULAIRE, Condition.MOTIF),
}
# A box of the software has no reader: its Administrateurs follow what it does.
DE_BOITE_APP = frozenset({"responsables", "fermer", "annuaire", "demander", "connexion", "trace"})


@dataclass(frozen=True)
class Membre:
    """A person and a box: the level, if any, and whether the box is theirs.

    `par_psc`: signed in with Pro Santé Connect, now.
    """

    role: str
    rpps: str
    niveau: Niveau | None
    proprietaire: bool = False
    par_psc: bool = False


def level_by_default(role: str, *, compte_personnel: bool) -> Niveau | None:
    """Return the level somebody has on the ORG and APP boxes before anyone decides (MSS-04)."""
    return Niveau.ADMINISTRATEUR if role == "titulaire" and compte_personnel else None


def conditions_of(membre: Membre, boite: Boite, acte: str) -> frozenset[Condition] | None:
    """Return what must also hold for an act; None when it is not theirs. KeyError when unknown."""
    ligne = ACTES[acte]
    if boite is Boite.PER:
        if membre.proprietaire:
            return ligne.conditions(Niveau.ADMINISTRATEUR)
        return None
    if membre.niveau is None or (boite is Boite.APP and acte not in DE_BOITE_APP):
        return None
    if boite is Boite.APP and membre.niveau is not Niveau.ADMINISTRATEUR:
        return None
    return ligne.conditions(membre.niveau)


def may(membre: Membre, boite: Boite, acte: str, tenues: Iterable[Condition] = ()) -> Decision:
    """Tell whether somebody may do an act on a box; `tenues` are the conditions that hold.

    Content needs an RPPS and Pro Santé Connect, whatever the level. Source: mssante.md §2.6.
    """
    demandees = conditions_of(membre, boite, acte)
    if demandees is None:
        return Decision(
            ok=False,
            phrase=f"Votre niveau sur cette boîte ne permet pas de {ACTES[acte].libelle}.",
            geste="Demandez à un Administrateur de la boîte.",
        )
    if acte != "compter" and not membre.rpps:
        return Decision(
            ok=False,
            phrase="La messagerie demande un RPPS : votre fiche n'en porte pas.",
            geste="Demandez au titulaire.",
        )
    if acte != "compter" and not membre.par_psc:
        return Decision(
            ok=False,
            phrase="La messagerie demande Pro Santé Connect.",
            geste="Connectez-vous à Pro Santé Connect.",
        )
    connues = set(tenues) | ({Condition.PHARMACIEN} if membre.role in PHARMACIENS else set())
    connues |= {Condition.TITULAIRE} if membre.role == "titulaire" else set()
    for condition in sorted(demandees):
        if condition not in connues:
            return Decision(ok=False, phrase=condition.value)
    return Decision(ok=True)


def check_departure(niveaux: Iterable[Niveau], partant: Niveau) -> Decision:
    """Tell whether somebody may leave a box, given the levels of all its members, theirs included.

    The last Administrateur does not. Source: mssante.md §2.6, case 88.
    """
    restent = sum(niveau is Niveau.ADMINISTRATEUR for niveau in niveaux)
    if partant is Niveau.ADMINISTRATEUR and restent <= 1:
        return Decision(
            ok=False,
            phrase="Cette boîte n'aurait plus d'Administrateur.",
            geste="Nommez d'abord un autre Administrateur.",
        )
    return Decision(ok=True)


def write_table() -> str:
    """Return the matrix as the table of the documentation."""
    lignes = [
        "| acte | Utilisateur | Gestionnaire | Administrateur |",
        "|---|:-:|:-:|:-:|",
    ]
    for acte in ACTES.values():
        cases = (_cell(acte.conditions(niveau)) for niveau in _RANGS)
        lignes.append(f"| {acte.libelle} | {' | '.join(cases)} |")
    return "\n".join(lignes)


_MOTS = {
    Condition.GENRE: "si ce genre lui est permis",
    Condition.INS: "si elle peut créer une identité",
    Condition.SES_FILS: "ses échanges",
    Condition.PHARMACIEN: "pharmacien",
    Condition.CPS: "avec CPS",
    Condition.TITULAIRE: "titulaire",
    Condition.SES_ACTES: "ses actes",
    Condition.MOTIF: "avec un motif",
}


def _cell(conditions: frozenset[Condition] | None) -> str:
    if conditions is None:
        return ""
    return ", ".join(_MOTS[c] for c in sorted(conditions)) or "oui"
