"""The matrix of the rights: what the titulaire gives and takes away, within the law (TIT-02)."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from pharmacy import audit
from pharmacy.acteurs import DROITS, FIXES, Acteur, ceiling_of, is_held, peut
from pharmacy.flux import announce_entete
from pharmacy.models import Habilitation, Officine, Operateur
from pharmacy.services.vente import VenteRefusee

# Families of the matrix, in the order of the screen: the beginning of a right -> its heading.
FAMILLES = {
    "vente": "Comptoir",
    "patient": "Comptoir",
    "ins": "Identité",
    "ordonnance": "Ordonnance",
    "file": "File d'envoi",
    "parametres": "Console",
    "operateurs": "Console",
    "sessions": "Console",
    "postes": "Console",
    "psc": "Console",
    "journal": "Console",
}
AUTRES = "Autres"
ROLES = tuple(role for role in Operateur.Role.values if role != Operateur.Role.TITULAIRE)


@dataclass(frozen=True)
class Case:
    """One right of one role, or of one person: `ferme` when the law reserves it to others."""

    cle: str
    libelle_role: str
    tenu: bool
    defaut: bool
    ferme: bool
    decision: Habilitation | None


@dataclass(frozen=True)
class LigneDroit:
    """One right, and its squares."""

    droit: str
    libelle: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Matrice:
    """The rights by family, and the mark of what was read: an older one changes nothing."""

    familles: tuple[tuple[str, tuple[LigneDroit, ...]], ...]
    marque: str

    @property
    def decisions(self) -> list[tuple[LigneDroit, Case]]:
        """Return the squares that the titulaire moved, in the order of the matrix."""
        return [
            (ligne, case)
            for _, lignes in self.familles
            for ligne in lignes
            for case in ligne.cases
            if case.decision is not None
        ]


def right_list() -> list[str]:
    """Return the rights that a decision may move."""
    return [droit for droit in DROITS if droit not in FIXES]


def _heading(droit: str) -> str:
    return FAMILLES.get(droit.split(".", 1)[0], AUTRES)


def _decisions(officine_id: int, operateur: Operateur | None) -> list[Habilitation]:
    """Return the decisions on roles, with those on one person when there is one."""
    sujets = Q(operateur=None) if operateur is None else Q(operateur=None) | Q(operateur=operateur)
    return list(
        Habilitation.objects.filter(sujets, officine_id=officine_id)
        .select_related("auteur")
        .order_by("pk")
    )


def _mark(lignes: Iterable[Habilitation]) -> str:
    texte = ",".join(f"{ligne.pk}:{ligne.accorde}" for ligne in lignes)
    return hashlib.sha256(texte.encode()).hexdigest()[:16]


def _role_case(droit: str, role: str, decision: Habilitation | None) -> Case:
    ecarts = frozenset({(droit, decision.accorde)}) if decision else frozenset()
    return Case(
        cle=f"{role}:{droit}",
        libelle_role=Operateur.Role(role).label,
        tenu=is_held(role, droit, ecarts),
        defaut=is_held(role, droit),
        ferme=role not in ceiling_of(droit),
        decision=decision,
    )


def matrix_of_roles(officine_id: int) -> Matrice:
    """Return right × role. The titulaire has no column: nothing is taken from them."""
    lignes = _decisions(officine_id, None)
    par_case = {(ligne.role, ligne.droit): ligne for ligne in lignes}
    return _matrix(
        lignes,
        lambda droit: tuple(_role_case(droit, role, par_case.get((role, droit))) for role in ROLES),
    )


def matrix_of_person(operateur: Operateur) -> Matrice:
    """Return the rights of one person; the default of each is what their role holds here."""
    lignes = _decisions(operateur.officine_id, operateur)
    du_role = {ligne.droit: ligne for ligne in lignes if ligne.role == operateur.role}
    siennes = {ligne.droit: ligne for ligne in lignes if ligne.operateur_id == operateur.pk}

    def case(droit: str) -> tuple[Case, ...]:
        role = _role_case(droit, operateur.role, du_role.get(droit))
        decision = siennes.get(droit)
        tenu = role.tenu if decision is None or role.ferme else decision.accorde
        return (Case(droit, role.libelle_role, tenu, role.tenu, role.ferme, decision),)

    return _matrix(lignes, case)


def _matrix(lignes: list[Habilitation], cases: Callable[[str], tuple[Case, ...]]) -> Matrice:
    familles: dict[str, list[LigneDroit]] = {
        nom: [] for nom in [*dict.fromkeys(FAMILLES.values()), AUTRES]
    }
    for droit in right_list():
        familles[_heading(droit)].append(LigneDroit(droit, DROITS[droit][1], cases(droit)))
    return Matrice(
        tuple((nom, tuple(dedans)) for nom, dedans in familles.items() if dedans), _mark(lignes)
    )


def change_roles(acteur: Acteur, cochees: Collection[str], marque: str) -> int:
    """Give each role the rights ticked, and no other; return how many changed.

    `cochees` are keys of squares. PermissionError without the right or beyond the law;
    VenteRefusee when the matrix moved since it was read.
    """
    return _change(acteur, None, cochees, marque)


def change_person(
    acteur: Acteur, operateur: Operateur, cochees: Collection[str], marque: str
) -> int:
    """Give one person the rights ticked, and no other; see `change_roles`. Never oneself."""
    if operateur.pk == acteur.operateur_id:
        raise PermissionError("Vous ne vous donnez pas de droit : demandez à un autre titulaire.")
    return _change(acteur, operateur, cochees, marque)


def _change(
    acteur: Acteur, operateur: Operateur | None, cochees: Collection[str], marque: str
) -> int:
    decision = peut(acteur, "operateurs.gerer", operateur)
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())
    with transaction.atomic():
        # One at a time: the mark is compared with what stands, and nothing moves meanwhile.
        Officine.objects.select_for_update(of=("self",), no_key=True).get(pk=acteur.officine_id)
        matrice = (
            matrix_of_roles(acteur.officine_id)
            if operateur is None
            else matrix_of_person(operateur)
        )
        if matrice.marque != marque:
            raise VenteRefusee(
                "Un autre titulaire a changé ces droits entre-temps. Relisez-les, puis décidez.",
                "HAB-002",
            )
        changees = 0
        for _, lignes in matrice.familles:
            for ligne in lignes:
                for case in ligne.cases:
                    changees += _set(acteur, operateur, ligne, case, voulu=case.cle in cochees)
        if changees:
            announce_entete(acteur.officine_id)
    return changees


def _set(
    acteur: Acteur, operateur: Operateur | None, ligne: LigneDroit, case: Case, *, voulu: bool
) -> bool:
    """Write one decision; the default is no row. Return whether anything changed."""
    if case.ferme:
        if voulu:
            raise PermissionError(
                f"La loi ne permet pas à ce profil de {ligne.libelle} : rien n'est changé. HAB-001"
            )
        return False
    if voulu == case.tenu:
        return False
    role = "" if operateur is not None else case.cle.split(":", 1)[0]
    lignes = Habilitation.objects.filter(
        officine_id=acteur.officine_id, droit=ligne.droit, role=role, operateur=operateur
    )
    lignes.delete()
    if voulu != case.defaut:
        Habilitation.objects.create(
            officine_id=acteur.officine_id,
            droit=ligne.droit,
            role=role,
            operateur=operateur,
            accorde=voulu,
            auteur_id=acteur.operateur_id,
        )
    audit.note(
        acteur,
        "droit.donner" if voulu else "droit.retirer",
        f"droit:{ligne.droit}",
        precision=f"operateur:{operateur.pk}" if operateur is not None else f"role:{role}",
    )
    return True
