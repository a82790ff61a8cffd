"""Who came back from Pro Santé Connect: decided, then done (psc.md §3.4, §3.5, §5.1 point 12).

What Pro Santé Connect proves is who; whether they work here is the operator's record alone. The
three steps leave a line each (PSC-17): psc.identifier, psc.prouver, psc.autoriser. Nothing here
calls the service inside a transaction.
"""

import logging
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from pharmacy import audit, parametres
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import Officine, Operateur
from pharmacy.services import connexion
from pharmacy.session.middleware import acteur_of
from psc.echanges import Authentifie
from psc.models import SessionPsc, TentativePsc
from psc.reglages import environnement
from psc.reglages_officine import PREMIER_USAGE
from psc.rules.decision import (
    Cadre,
    Issue,
    Lien,
    decide_login,
    decide_step_up,
)
from psc.rules.identifiant import RppsAmbigu, RppsContradictoire
from psc.rules.noms import is_same_person
from psc.rules.situation import Choix, IdentifiantsOfficine, choose
from psc.rules.userinfo import Identite
from psc.services import rattachements, sessions, tentatives
from psc.services.acces import psc_client
from teleservices.errors import TeleserviceError

logger = logging.getLogger(__name__)
_EN_SUSPENS = {
    "confirmer": tentatives.A_CONFIRMER,
    "choisir": tentatives.A_CHOISIR,
    "lier": tentatives.A_LIER,
}


class Comptoir(Protocol):
    """The session of the counter that asked, and the only way to open another in its place."""

    @property
    def cle(self) -> str:
        """The key of the session."""

    @property
    def courant(self) -> Operateur | None:
        """Who works in it, when the attempt was begun by them."""

    @property
    def verrouille(self) -> bool:
        """Whether its screen was locked since."""

    def open(self, operateur: Operateur) -> str:
        """Open the session of an operator, under a new key, and return the key."""


def receive(
    tentative: TentativePsc,
    authentifie: Authentifie,
    comptoir: Comptoir,
    voie: SessionPsc.Voie = SessionPsc.Voie.CODE,
) -> Issue:
    """Apply what is decided of a person whom every check accepted; return the decision.

    A stranger's session at Pro Santé Connect is closed, after everything is written. When a person
    must still answer, who came back waits, encrypted, on the attempt. Source: psc.md §5.1.
    """
    identite = authentifie.identite
    trace(tentative, "psc.identifier", precision=_name_of(identite))
    preuve = authentifie.preuve
    trace(tentative, "psc.prouver", precision=f"{preuve.acr}:{identite.moyen or voie}"[:40])
    issue = decide(tentative, identite, comptoir.courant)
    return _apply(tentative, authentifie, comptoir, issue, voie)


def _apply(
    tentative: TentativePsc,
    authentifie: Authentifie,
    comptoir: Comptoir,
    issue: Issue,
    voie: SessionPsc.Voie = SessionPsc.Voie.CODE,
) -> Issue:
    if comptoir.verrouille and issue.genre in {"choisir", "lier", "confirmer"}:
        issue = Issue("refuser", "session_verrouillee", issue.operateur_id, fermer_psc=True)
    if issue.genre in {"ouvrir", "rattacher"}:
        _let_in(tentative, authentifie, comptoir, issue, voie)
    elif issue.genre in _EN_SUSPENS:
        tentatives.conclude(tentative, _EN_SUSPENS[issue.genre], authentifie)
        trace(tentative, "psc.autoriser", "attente", _word(issue))
    else:
        _turn_away(tentative, authentifie, issue)
    return issue


def _turn_away(tentative: TentativePsc, authentifie: Authentifie, issue: Issue) -> None:
    """Refuse: rows first, then the remote session."""
    tentatives.refuse(tentative, issue.code)
    trace(tentative, "psc.autoriser", "refus", _word(issue))
    if issue.gravite != "normale":
        logger.warning("psc.refus %s %s", issue.gravite, issue.code)
    if issue.fermer_psc:
        close_remote(authentifie)


def close_remote(authentifie: Authentifie) -> None:
    """Close the session that a person has at Pro Santé Connect, without a browser.

    Best effort: who was refused keeps it at worst until it ends by itself. Source: psc.md §3.9.
    """
    try:
        psc_client().end_session(authentifie.jetons.identite)
    except TeleserviceError as erreur:
        logger.warning("psc.fermeture_impossible %s", erreur.code)


def _let_in(
    tentative: TentativePsc,
    authentifie: Authentifie,
    comptoir: Comptoir,
    issue: Issue,
    voie: SessionPsc.Voie,
) -> None:
    """Open the local session when there is none, attach the national one, in one transaction."""
    courant = comptoir.courant
    operateur = Operateur.objects.get(officine_id=tentative.officine_id, pk=issue.operateur_id or 0)
    sur_place = courant is not None and courant.pk == operateur.pk and not comptoir.verrouille
    with transaction.atomic():
        lien = rattachements.prove(operateur, authentifie)
        choix = situation_of(tentative.officine_id, authentifie.identite, lien.situation)
        cle = comptoir.cle
        if not sur_place:
            connexion.open_proven(operateur, tentative.poste, "psc")
            cle = comptoir.open(operateur)
        session = sessions.attach(operateur, tentative.poste, cle, authentifie, voie, choix.retenue)
        if not sur_place:
            sessions.mark_opener(session)
        rattachements.note_responsible(operateur, lien)
        tentative.operateur = operateur
        tentative.save(update_fields=["operateur"])
        tentatives.follow(tentative, cle)
        tentatives.conclude(tentative, tentatives.RATTACHEE if sur_place else tentatives.OUVERTE)
        trace(tentative, "psc.autoriser", "ok", _word(issue))


def _word(issue: Issue) -> str:
    """Return what the journal says of a decision: its code, and that it deserves to be seen."""
    return issue.code if issue.gravite == "normale" else f"{issue.code} ({issue.gravite})"


def _name_of(identite: Identite) -> str:
    """Return the RPPS said, which national traceability wants; else the kind of identifier."""
    try:
        return identite.rpps or identite.genre
    except (RppsAmbigu, RppsContradictoire):
        return "plusieurs RPPS"


def trace(tentative: TentativePsc, acte: str, resultat: str = "ok", precision: str = "") -> None:
    """Add a line to the journal for an attempt: its operator's, or the poste's while unknown."""
    objet = f"tentative:{tentative.pk}"
    operateur = tentative.operateur
    if operateur is None:
        audit.note_system(
            tentative.officine_id, acte, objet, resultat, precision, tentative.poste_id
        )
        return
    acteur = Acteur(operateur.pk, tentative.officine_id, operateur.role, tentative.poste_id)
    audit.note(acteur, acte, objet, resultat=resultat, precision=precision)


# The decision.


def decide(tentative: TentativePsc, identite: Identite, courant: Operateur | None) -> Issue:
    """Return what an identity opens here, or does while somebody works. Source: §3.4, §3.5."""
    cadre = _frame(tentative.officine_id)
    try:
        connus = rattachements.known(tentative.officine_id, identite)
    except (RppsAmbigu, RppsContradictoire):
        connus = []  # refused whoever it is
    if courant is None:
        return decide_login(identite, connus, cadre)
    sien = rattachements.as_rattache(courant, rattachements.current(courant))
    return decide_step_up(identite, sien, connus, cadre)


def _frame(officine_id: int) -> Cadre:
    # The issuer is pinned and every token was checked against it: one environment (§3.4 line 7).
    strict = parametres.valeur(officine_id, PREMIER_USAGE) == "toujours"
    return Cadre(timezone.localdate(), environnement(), environnement(), strict)


def situation_of(officine_id: int, identite: Identite, souvenir: str = "") -> Choix:
    """Return the situation d'exercice of an identity in the officine. Source: psc.md §3.7."""
    finess = Officine.objects.values_list("finess", flat=True).get(pk=officine_id)
    return choose(identite.exercices, IdentifiantsOfficine(finess), souvenir)


# What a person answers.


def resume(tentative: TentativePsc, comptoir: Comptoir) -> Issue | None:
    """Go on, at the counter, with who came back in another browser; None when it is too late."""
    authentifie = tentatives.take(tentative)
    return None if authentifie is None else receive(tentative, authentifie, comptoir)


def give_up(tentative: TentativePsc, code: str = "abandonnee") -> None:
    """End an attempt that waits for an answer, and the remote session. Source: §3.4, line 4 b."""
    authentifie = tentatives.take(tentative)
    if authentifie is not None:
        _turn_away(tentative, authentifie, Issue("refuser", code, fermer_psc=True))


def switch(tentative: TentativePsc, comptoir: Comptoir) -> Issue | None:
    """« Passer à X »: X is admitted as on the sign-in screen, never in the session of Y (§3.5)."""
    authentifie = tentatives.take(tentative)
    if authentifie is None:
        return None
    issue = decide(tentative, authentifie.identite, None)
    return _apply(tentative, authentifie, comptoir, issue)


def confirm(tentative: TentativePsc, comptoir: Comptoir, temoin: Operateur) -> Issue | None:
    """Prove a link at its first use; `temoin` gave their password at this poste just now.

    The operator themselves, or who may manage links. None when it is too late; PermissionError for
    anybody else, who may try again. Source: psc.md §3.3, §3.4 line 2.
    """
    authentifie = tentatives.peek(tentative)
    if authentifie is None:
        return None
    issue = decide(tentative, authentifie.identite, comptoir.courant)
    if issue.genre == "choisir":
        issue = decide(tentative, authentifie.identite, None)
    if issue.genre != "confirmer":
        return _apply(tentative, authentifie, comptoir, issue) if _taken(tentative) else None
    if temoin.pk != issue.operateur_id and not may_manage(temoin):
        raise PermissionError("Donnez le mot de passe de cet opérateur, ou celui d'un titulaire.")
    if not _taken(tentative):
        return None
    prouvee = Issue("ouvrir", "premier_usage_confirme", issue.operateur_id, prouve=True)
    return _apply(tentative, authentifie, comptoir, prouvee)


def _taken(tentative: TentativePsc) -> bool:
    return tentatives.take(tentative) is not None


def may_manage(operateur: Operateur) -> bool:
    """Tell whether an operator may approve the links of the others. Source: psc.md §3.3."""
    return peut(acteur_of(operateur, None), rattachements.DROIT).ok


def link(tentative: TentativePsc, comptoir: Comptoir, operateur: Operateur) -> Issue | None:
    """File the link of an identity that nobody has, for who just gave their own password.

    Declared at once by who has the right; then names decide, as for any first use. Otherwise it
    waits for a titulaire and Pro Santé Connect connects nobody meanwhile. Source: §3.4 line 4 a,
    §3.5 line 2; case 13.
    """
    authentifie = tentatives.peek(tentative)
    if authentifie is None:
        return None
    identite = authentifie.identite
    lien = rattachements.request(operateur, identite)
    if not _taken(tentative):
        return None
    meme = is_same_person(operateur.nom, operateur.prenom, identite.noms, identite.prenoms)
    admis = lien.etat in {Lien.DECLARE, Lien.PROUVE} and meme
    if not admis:
        issue = Issue("refuser", "lien_demande", operateur.pk, fermer_psc=True)
        _turn_away(tentative, authentifie, issue)
        return issue
    issue = Issue("ouvrir", "lien_declare", operateur.pk, prouve=True)
    return _apply(tentative, authentifie, comptoir, issue)


def who(tentative: TentativePsc, authentifie: Authentifie, comptoir: Comptoir) -> Operateur | None:
    """Return the operator whom an identity designates, for the question that is asked."""
    issue = decide(tentative, authentifie.identite, comptoir.courant)
    return Operateur.objects.filter(
        officine_id=tentative.officine_id, pk=issue.operateur_id or 0
    ).first()
