"""What becomes of a validated identity: the tables of psc.md §3.4 and §3.5, line by line.

Pro Santé Connect proves who the person is. Whether that person works here, and may do what, is the
operator's record alone: nothing here creates an operator or gives a right (§3.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from psc.rules.identifiant import RppsAmbigu, RppsContradictoire
from psc.rules.noms import is_same_person
from psc.rules.userinfo import Identite


class Lien(StrEnum):
    """Life of the link between an operator and a professional identity (§3.3)."""

    DEMANDE = "demande"
    DECLARE = "declare"
    PROUVE = "prouve"
    SUSPENDU = "suspendu"
    RETIRE = "retire"


@dataclass(frozen=True)
class Rattache:
    """An operator and the identity attached to them, as the rules see it."""

    operateur_id: int
    lien: Lien
    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    rpps: str = ""
    national: str = ""
    actif: bool = True
    arrivee: date | None = None
    depart: date | None = None
    autorise_ici: bool = True
    mot_de_passe_a_changer: bool = False


@dataclass(frozen=True)
class Cadre:
    """What else decides: the day, the environments, and whether first use always asks."""

    jour: date
    environnement: str
    environnement_identite: str
    premier_usage_strict: bool = False


@dataclass(frozen=True)
class Issue:
    """What to do with an identity.

    `genre`: ouvrir, confirmer, lier, refuser (§3.4); rattacher, choisir, rester besides (§3.5).
    `code` names the reason, for the audit and for the sentence on screen. `fermer_psc`: the remote
    session is closed. `gravite`: normale, alerte, critique. `propose_mot_de_passe` proposes a
    forced change without blocking.
    """

    genre: str
    code: str
    operateur_id: int | None = None
    fermer_psc: bool = False
    gravite: str = "normale"
    prouve: bool = False
    propose_mot_de_passe: bool = False


def _refuse(code: str, gravite: str = "alerte") -> Issue:
    return Issue("refuser", code, fermer_psc=True, gravite=gravite)


def decide_login(identite: Identite, connus: Sequence[Rattache], cadre: Cadre) -> Issue:
    """Return what an identity opens on the sign-in screen. Source: psc.md §3.4.

    `connus` are the operators of the officine attached to this RPPS or national identifier; those
    that are not are ignored.
    """
    refus = _check_identity(identite, cadre)
    if refus is not None:
        return refus
    siens = attached(identite, connus)
    if len(siens) > 1:
        return _refuse("plusieurs_operateurs")
    if not siens:
        code = "aucun_operateur" if identite.rpps else "aucun_operateur_sans_rpps"
        return Issue("lier", code, gravite="alerte")
    return _open(siens[0], identite, cadre)


def decide_step_up(
    identite: Identite, courant: Rattache, connus: Sequence[Rattache], cadre: Cadre
) -> Issue:
    """Return what an identity does while an operator works. Source: psc.md §3.5.

    Never a silent switch: whoever is not the current operator is proposed, or closed.
    """
    refus = _check_identity(identite, cadre)
    if refus is not None:
        return refus
    siens = attached(identite, [courant, *(c for c in connus if c.operateur_id != _id(courant))])
    if len(siens) > 1:
        return _refuse("plusieurs_operateurs")
    if not siens:
        if courant.rpps or courant.national:
            return Issue("rester", "autre_personne", _id(courant), True, "alerte")
        return Issue("lier", "operateur_sans_lien", _id(courant))
    issue = _open(siens[0], identite, cadre)
    if issue.genre == "refuser":
        return Issue("rester", issue.code, _id(courant), True, "alerte")
    if siens[0].operateur_id != _id(courant):
        return Issue("choisir", issue.code, siens[0].operateur_id)
    if issue.genre == "ouvrir":
        return Issue("rattacher", issue.code, _id(courant), prouve=issue.prouve)
    return issue


def _id(rattache: Rattache) -> int:
    return rattache.operateur_id


def _check_identity(identite: Identite, cadre: Cadre) -> Issue | None:
    """Return the refusal of an identity that must open nothing at all."""
    if cadre.environnement != cadre.environnement_identite:
        return _refuse("autre_environnement", "critique")
    try:
        _ = identite.rpps
    except RppsAmbigu:
        return _refuse("rpps_ambigu")
    except RppsContradictoire:
        return _refuse("rpps_contradictoire", "critique")
    return None


def attached(identite: Identite, connus: Sequence[Rattache]) -> tuple[Rattache, ...]:
    """Return the operators whose link, neither removed nor only asked for, names this identity.

    By RPPS when the identity has one, else by the whole national identifier; strings are compared,
    never numbers. Source: psc.md §2.1, §3.4 lines 1, 5 and 6.
    """
    rpps = identite.rpps
    return tuple(
        connu
        for connu in connus
        if connu.lien not in {Lien.DEMANDE, Lien.RETIRE}
        and (connu.rpps == rpps if rpps else bool(connu.national) and _same(connu, identite))
    )


def _same(connu: Rattache, identite: Identite) -> bool:
    return connu.national == identite.national


def _open(rattache: Rattache, identite: Identite, cadre: Cadre) -> Issue:
    """Apply lines 1, 2, 3, 8 and 9 to the one operator attached."""
    if not is_employed(rattache, cadre.jour) or rattache.lien is Lien.SUSPENDU:
        return _refuse("compte_non_autorise")
    if not rattache.autorise_ici:
        return _refuse("poste_non_autorise")
    premier = rattache.lien is Lien.DECLARE
    if premier and cadre.premier_usage_strict:
        return Issue("confirmer", "premier_usage", rattache.operateur_id)
    if premier and not is_same_person(
        rattache.nom, rattache.prenom, identite.noms, identite.prenoms
    ):
        return Issue("confirmer", "noms_differents", rattache.operateur_id, gravite="alerte")
    return Issue(
        "ouvrir",
        "premier_usage" if premier else "lien_prouve",
        rattache.operateur_id,
        prouve=premier,
        propose_mot_de_passe=rattache.mot_de_passe_a_changer,
    )


def is_employed(rattache: Rattache, jour: date) -> bool:
    """Tell whether an operator is active and within the dates of their contract, both included.

    Source: psc.md §3.4, line 3.
    """
    venu = rattache.arrivee is None or rattache.arrivee <= jour
    present = rattache.depart is None or jour <= rattache.depart
    return rattache.actif and venu and present
