"""Approval on the telephone: asked once, followed by a worker, taken once (psc.md §1.8, §3.10).

The screen writes an attempt and rings; a worker sends the request, then asks where it is, never
faster than the service allows, until the deadline it gave. A page that closes loses nothing, and a
request given up is still followed: who approves too late is logged out.
"""

import json
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from pharmacy.acteurs import Acteur
from pharmacy.models import Operateur, Poste, SessionOuverte
from pharmacy.refus import Refus
from psc.echanges import Authentifie, DemandeCiba
from psc.models import RattachementPsc, SessionPsc, TentativePsc
from psc.rules.ciba import (
    FENETRE,
    Attente,
    begin_wait,
    next_delay_s,
    slow_down,
    start_refusal,
)
from psc.services import acces, arrivee, coupure, rattachements, tentatives
from teleservices import disjoncteur
from teleservices.errors import TeleserviceError
from teleservices.sonnette import ring_task

logger = logging.getLogger(__name__)
TACHE = "psc.sonder"
SERVICE = "psc_ciba"
ENVOI_S = 30
# A bell is late by this much before the page that waits rings again.
RETARD = timedelta(seconds=3)
_PHRASES = {
    "demande_en_cours": "Une demande attend déjà sur votre téléphone.",
    "trop_de_demandes_operateur": (
        "Trois demandes en dix minutes : attendez quelques minutes, ou connectez-vous par la carte."
    ),
    "trop_de_demandes_poste": "Trop de demandes depuis ce poste : attendez quelques minutes.",
}
_CODES = {
    "demande_en_cours": "PSC-302",
    "trop_de_demandes_operateur": "PSC-303",
    "trop_de_demandes_poste": "PSC-304",
}


@dataclass(frozen=True)
class Offre:
    """What the page « Valider sur mon téléphone » may do for somebody: `refus` says why not.

    `a_verifier`: the service refused this software; the titulaire alone may try again.
    """

    refus: str = ""
    code: str = ""
    activer: bool = False
    a_verifier: bool = False


def offer_to(operateur: Operateur, poste: Poste | None) -> Offre:
    """Return whether the telephone may be called for somebody who is signed in.

    Their own link, proved by a RPPS; the service open to this software, or else the titulaire, who
    may check again. Source: psc.md §1.8, §3.10; case 92.
    """
    if not (settings.PSC_ACTIF and settings.PSC_CIBA):
        return Offre("La validation sur le téléphone n'est pas réglée ici.", "PSC-305")
    coupee = disjoncteur.is_to_be_set(SERVICE)
    if coupee and operateur.role != Operateur.Role.TITULAIRE:
        return Offre("La validation sur le téléphone n'est pas ouverte à ce logiciel.", "PSC-306")
    if poste is None:
        return Offre("Ce navigateur n'est pas un poste de l'officine.", "PSC-307")
    lien = rattachements.current(operateur)
    if lien is None or lien.etat != RattachementPsc.Etat.PROUVE or not lien.rpps:
        return Offre(
            "Votre identité n'est pas encore prouvée : connectez-vous une première fois par "
            "« Pro Santé Connect ».",
            "PSC-301",
            activer=True,
        )
    return Offre(a_verifier=coupee)


def last_session(operateur: Operateur) -> SessionPsc | None:
    """Return the last time somebody came by Pro Santé Connect, and where (PSC-13)."""
    return (
        SessionPsc.objects.filter(officine_id=operateur.officine_id, operateur=operateur)
        .select_related("poste")
        .order_by("-cree_le")
        .first()
    )


def _living(officine_id: int) -> "QuerySet[TentativePsc]":
    return TentativePsc.objects.filter(officine_id=officine_id, consommee_le__isnull=True, issue="")


def pending_of(acteur: Acteur) -> TentativePsc | None:
    """Return the request of somebody that still waits for their telephone."""
    return (
        _living(acteur.officine_id)
        .filter(
            operateur_id=acteur.operateur_id,
            objet=TentativePsc.Objet.CIBA,
            expire_le__gt=timezone.now(),
        )
        .first()
    )


# The start.


def start(
    operateur: Operateur, poste: Poste, cle: str, suite: tuple[str, dict[str, str]]
) -> TentativePsc:
    """Write a request for one's own telephone and ring the worker that sends it.

    `cle` is the key of the local session, `suite` the route to come back to. Refus when it may not
    be: three in ten minutes for a person, ten for a poste, one at a time. Source: psc.md §1.8;
    cases 83, 89.
    """
    offre = offer_to(operateur, poste)
    if offre.refus:
        raise Refus(offre.code, offre.refus)
    maintenant = timezone.now()
    with transaction.atomic():
        for modele, pk in ((Operateur, operateur.pk), (Poste, poste.pk)):
            modele.objects.select_for_update(of=("self",), no_key=True).get(
                officine_id=operateur.officine_id, pk=pk
            )
        _check_limits(operateur, poste)
        _living(operateur.officine_id).filter(poste=poste).update(issue=tentatives.REMPLACEE)
        tentative = TentativePsc.objects.create(
            officine_id=operateur.officine_id,
            objet=TentativePsc.Objet.CIBA,
            poste=poste,
            operateur=operateur,
            session_empreinte=tentatives.digest(cle),
            numero=f"{secrets.randbelow(100):02d}",
            retour=suite[0],
            retour_arguments=suite[1],
            ciba_prochaine_le=maintenant,
            expire_le=maintenant + timedelta(seconds=ENVOI_S),
        )
        arrivee.trace(tentative, "psc.ciba.demander")
        transaction.on_commit(lambda: _ring(tentative))
    return tentative


def _check_limits(operateur: Operateur, poste: Poste) -> None:
    maintenant = timezone.now()
    departs = TentativePsc.objects.filter(
        officine_id=operateur.officine_id,
        objet=TentativePsc.Objet.CIBA,
        cree_le__gt=maintenant - FENETRE,
    )
    code = start_refusal(
        departs.filter(operateur=operateur).values_list("cree_le", flat=True),
        departs.filter(poste=poste).values_list("cree_le", flat=True),
        maintenant,
        en_cours=_living(operateur.officine_id)
        .filter(operateur=operateur, objet=TentativePsc.Objet.CIBA, expire_le__gt=maintenant)
        .exists(),
    )
    if code:
        raise Refus(_CODES[code], _PHRASES[code])


def _ring(tentative: TentativePsc, dans_s: float = 0.0) -> None:
    ring_task(TACHE, tentative.officine_id, str(tentative.pk), "interactif", dans_s)


def ring_if_late(tentative: TentativePsc) -> None:
    """Ring again for a request whose hour has passed: a bell was lost. Nothing is written."""
    prevue = tentative.ciba_prochaine_le
    if tentative.issue == "" and prevue is not None and prevue + RETARD < timezone.now():
        _ring(tentative)


def cancel(tentative: TentativePsc) -> bool:
    """Give a request up; tell whether it still waited. It is followed to its end (case 88)."""
    with transaction.atomic():
        if not tentatives.cancel(tentative):
            return False
        arrivee.trace(tentative, "psc.ciba.annuler")
    return True


# The worker.


def advance(officine_id: int, tentative_id: UUID) -> None:
    """Send a request that was not sent, or ask once where it is, and ring for the next time."""
    tentative = tentatives.of_id(officine_id, tentative_id)
    if tentative is None or tentative.objet != TentativePsc.Objet.CIBA:
        return
    if not tentative.ciba_demande:
        _send(tentative)
    elif tentative.expire_le <= timezone.now():
        _fail(tentative, "ciba_expire")
    else:
        _ask(tentative)


def _claim(tentative: TentativePsc, prochaine: object) -> bool:
    """Take the turn of asking: of two workers, one; and none before its hour."""
    return (
        TentativePsc.objects.filter(
            officine_id=tentative.officine_id,
            pk=tentative.pk,
            consommee_le__isnull=True,
            ciba_prochaine_le__lte=timezone.now(),
        ).update(ciba_prochaine_le=prochaine)
        == 1
    )


def _write(tentative: TentativePsc, **champs: object) -> None:
    """Write some columns of a request, never what it came to."""
    TentativePsc.objects.filter(officine_id=tentative.officine_id, pk=tentative.pk).update(**champs)


def _send(tentative: TentativePsc) -> None:
    """Call the telephone, once whatever happens: a doubt is never a second notification."""
    if tentative.issue or tentative.expire_le <= timezone.now():
        _fail(tentative, "ciba_expire")
        return
    if not _claim(tentative, tentative.expire_le):
        return
    operateur = tentative.operateur
    lien = rattachements.current(operateur) if operateur is not None else None
    if lien is None or lien.etat != RattachementPsc.Etat.PROUVE or not lien.rpps:
        _fail(tentative, "ciba_perdu")
        return
    rpps = lien.rpps
    try:
        demande = coupure.guarded(lambda client: client.ciba_start(rpps, tentative.numero))
    except TeleserviceError as erreur:
        _note_opening(erreur.code)
        _fail(tentative, erreur.code)
        return
    _note_opening("")
    attente = begin_wait(timezone.now(), demande.expire_s, demande.intervalle_s)
    _keep(tentative, demande, attente, pannes=0, fin=True)


def _note_opening(code: str) -> None:
    """Keep that the service refuses the telephone to this software, until it answers (case 92)."""
    if code not in {"", "ciba_coupe"}:
        return
    if code:
        disjoncteur.is_passing(SERVICE, timezone.now())  # its row exists from here
    disjoncteur.note_setting(SERVICE, code)


def _keep(
    tentative: TentativePsc,
    demande: DemandeCiba,
    attente: Attente,
    *,
    pannes: int,
    fin: bool = False,
) -> None:
    """Write what is known of a request, encrypted, and ring for the next question."""
    dans_s = next_delay_s(attente, pannes)
    contenu = {
        "identifiant": demande.identifiant,
        "rpps": demande.rpps,
        "expire_s": demande.expire_s,
        "intervalle_s": attente.intervalle_s,
        "debut": demande.debut,
        "pannes": pannes,
    }
    champs: dict[str, object] = {
        "ciba_demande": json.dumps(contenu),
        "ciba_prochaine_le": timezone.now() + timedelta(seconds=dans_s),
    }
    if fin:
        champs["expire_le"] = attente.fin
    _write(tentative, **champs)
    _ring(tentative, dans_s)


def _ask(tentative: TentativePsc) -> None:
    lu = json.loads(tentative.ciba_demande)
    demande = DemandeCiba(
        lu["identifiant"], lu["rpps"], lu["expire_s"], lu["intervalle_s"], lu["debut"]
    )
    attente, pannes = Attente(lu["intervalle_s"], tentative.expire_le), int(lu["pannes"])
    reprise = timezone.now() + timedelta(seconds=next_delay_s(attente, pannes))
    if not _claim(tentative, reprise):
        return
    try:
        sondage = acces.psc_client().ciba_poll(demande)
    except TeleserviceError as erreur:
        _fail(tentative, erreur.code)
        return
    if sondage.authentifie is not None:
        _settle(tentative, sondage.authentifie)
        return
    if sondage.issue == "ralentir":
        attente = slow_down(attente)
    _keep(tentative, demande, attente, pannes=pannes + 1 if sondage.panne else 0)


def _fail(tentative: TentativePsc, code: str) -> None:
    """Write why a request came to nothing, unless it was given up before."""
    with transaction.atomic():
        perdue = (
            _living(tentative.officine_id)
            .filter(pk=tentative.pk)
            .update(issue=f"{tentatives.REFUSEE}:{code}")
        )
        if perdue:
            acte = "psc.securite" if code == "ciba_autre_personne" else "psc.ciba.refuser"
            arrivee.trace(tentative, acte, "refus", code)


# The end.


@dataclass(frozen=True)
class ComptoirDuPoste:
    """The local session that asked, seen by a worker: it never opens another one."""

    cle: str
    courant: Operateur | None
    verrouille: bool = False

    def open(self, operateur: Operateur) -> str:
        """Refuse: the telephone confirms who is here, it signs nobody in. Source: psc.md §3.10."""
        raise PermissionError(f"operateur:{operateur.pk}")


def _counter_of(tentative: TentativePsc) -> ComptoirDuPoste | None:
    """Return the session that asked, when its operator is still there and unlocked."""
    lignes = SessionOuverte.objects.filter(
        officine_id=tentative.officine_id,
        operateur=tentative.operateur,
        poste_id=tentative.poste_id,
    ).select_related("operateur")
    for ligne in lignes:
        if not tentatives.is_bound(tentative, ligne.cle):
            continue
        session = SessionStore(session_key=ligne.cle)
        present = session.get(SESSION_KEY) == str(ligne.operateur_id)
        if present and not session.get("verrouillee"):
            return ComptoirDuPoste(ligne.cle, ligne.operateur)
    return None


def _settle(tentative: TentativePsc, authentifie: Authentifie) -> None:
    """Attach the session of who approved in time, from a counter they are still at; else log out.

    The decision is that of any arrival (§3.5). Source: psc.md §1.8, cases 84, 88.
    """
    if not tentatives.consume(tentative):
        arrivee.trace(tentative, "psc.ciba.refuser", "refus", "trop_tard")
        arrivee.close_remote(authentifie)
        return
    comptoir = _counter_of(tentative)
    if comptoir is None:
        tentatives.refuse(tentative, "session_verrouillee")
        arrivee.trace(tentative, "psc.ciba.refuser", "refus", "session_verrouillee")
        arrivee.close_remote(authentifie)
        return
    arrivee.trace(tentative, "psc.ciba.approuver")
    issue = arrivee.receive(tentative, authentifie, comptoir, SessionPsc.Voie.CIBA)
    if issue.genre != "rattacher":
        logger.warning("psc.ciba %s", issue.code)
