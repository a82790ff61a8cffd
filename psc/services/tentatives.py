"""An attempt, from the click to the way back: ten minutes, one browser, one use (psc.md §3.6).

Topology A: the window that opens is of the same browser, the attempt is bound to its session.
Topology B: another browser continues, by a ticket opened once, then a cookie of its own; the
person comes back on the attempt, and the counter alone opens its session.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from psc.client import PscClient
from psc.echanges import Authentifie, Depart, begin
from psc.models import TentativePsc
from psc.services.identites import dump_authentifie, load_authentifie

ANNULEE, REMPLACEE, EXPIREE = "annulee", "remplacee", "expiree"
EN_ATTENTE, EN_COURS = "en_attente", "en_cours"
RECUE, A_CONFIRMER, A_CHOISIR, A_LIER = "recue", "a_confirmer", "a_choisir", "a_lier"
OUVERTE, RATTACHEE, REFUSEE = "ouverte", "rattachee", "refusee"
# Someone must still answer: who came back is kept until then.
OUVERTES = frozenset({RECUE, A_CONFIRMER, A_CHOISIR, A_LIER})
_VIVANTE = Q(consommee_le__isnull=True, issue="")


@dataclass(frozen=True)
class Demande:
    """Who asks, in which session of the counter, and the page to come back to.

    `cle` is the key of Django's session; `retour` a route of ours, never an address received.
    """

    officine_id: int
    poste_id: int
    cle: str = field(repr=False)
    operateur_id: int | None = None
    ip: str | None = None
    retour: str = "vente_courante"
    retour_arguments: dict[str, str] = field(default_factory=dict)
    reprise: bool = False


def digest(secret: str) -> str:
    """Return what is kept of something an outsider presents: SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def start(demande: Demande, client: PscClient) -> tuple[TentativePsc, str]:
    """Begin in this browser; return the attempt and where the new window goes.

    The former attempt of the poste is superseded. Raises as `authorization_url`, before anything is
    written, when the service was never reached. Source: psc.md §3.6 A.
    """
    depart = begin(time.time())
    adresse = client.authorization_url(depart)
    return _create(demande, depart), adresse


def start_elsewhere(demande: Demande) -> tuple[TentativePsc, str]:
    """Begin for another browser; return the attempt, with its number, and its ticket.

    The ticket is 128 random bits behind the number of the officine: who holds one has no context.
    Source: psc.md §3.6 B, point 1.
    """
    billet = secrets.token_urlsafe(16)
    tentative = _create(
        demande, billet_empreinte=digest(billet), numero=f"{secrets.randbelow(100):02d}"
    )
    return tentative, f"{demande.officine_id}.{billet}"


def _create(demande: Demande, depart: Depart | None = None, **champs: str) -> TentativePsc:
    if depart is not None:
        champs |= {
            "etat_empreinte": digest(depart.etat),
            "nonce": depart.nonce,
            "verifieur": depart.verifieur,
        }
    objet = TentativePsc.Objet.RENFORT if demande.operateur_id else TentativePsc.Objet.CONNEXION
    for reste in (2, 1, 0):
        try:
            with transaction.atomic():
                _of_poste(demande).filter(_VIVANTE).update(issue=REMPLACEE)
                return TentativePsc.objects.create(
                    officine_id=demande.officine_id,
                    poste_id=demande.poste_id,
                    operateur_id=demande.operateur_id,
                    objet=objet,
                    session_empreinte=digest(demande.cle),
                    ip_depart=demande.ip,
                    retour=demande.retour,
                    retour_arguments=demande.retour_arguments,
                    reprise=demande.reprise,
                    expire_le=timezone.now() + timedelta(seconds=settings.PSC_TENTATIVE_S),
                    **champs,
                )
        except IntegrityError:
            # Two windows at once: the newest is honoured, whichever that is.
            if not reste:
                raise
    raise AssertionError("unreachable")


def _of_poste(demande: Demande) -> QuerySet[TentativePsc]:
    return TentativePsc.objects.filter(officine_id=demande.officine_id, poste_id=demande.poste_id)


def pending_of_poste(officine_id: int, poste_id: int) -> list[Authentifie]:
    """Return, once, those who came back on a poste and whom nobody answered; they are forgotten.

    A new attempt supersedes them: the caller closes their sessions at Pro Santé Connect.
    """
    return _forget(
        TentativePsc.objects.filter(officine_id=officine_id, poste_id=poste_id), REMPLACEE
    )


def expired(officine_id: int) -> list[Authentifie]:
    """Return, once, those whom nobody answered in time; they are forgotten as well."""
    finies = TentativePsc.objects.filter(officine_id=officine_id, expire_le__lte=timezone.now())
    return _forget(finies, EXPIREE)


def _forget(lignes: QuerySet[TentativePsc], issue: str) -> list[Authentifie]:
    en_suspens = lignes.filter(recu__isnull=False)
    with transaction.atomic():
        prises = list(en_suspens.select_for_update(of=("self",), no_key=True))
        en_suspens.filter(pk__in=[p.pk for p in prises]).update(issue=issue, recu=None)
    return [load_authentifie(p.pk, p.recu) for p in prises if p.recu is not None]


def leave(tentative: TentativePsc, client: PscClient) -> str:
    """Return where the other browser goes once a person confirmed the number. Source: §3.6 B.

    The secrets of the way are drawn now: the ticket alone never held any.
    """
    depart = begin(time.time())
    adresse = client.authorization_url(depart)
    tentative.etat_empreinte, tentative.nonce = digest(depart.etat), depart.nonce
    tentative.verifieur = depart.verifieur
    tentative.save(update_fields=["etat_empreinte", "nonce", "verifieur"])
    return adresse


def claim_ticket(officine_id: int, billet: str, ip: str | None) -> TentativePsc | None:
    """Use a start ticket; None when it was used, is too old, or comes from another address.

    One statement, one winner. Source: psc.md §3.6 B, point 2; case 55.
    """
    depuis = timezone.now() - timedelta(seconds=settings.PSC_BILLET_S)
    siennes = TentativePsc.objects.filter(
        _VIVANTE, officine_id=officine_id, billet_empreinte=digest(billet)
    )
    admises = siennes.filter(billet_utilise_le__isnull=True, cree_le__gt=depuis)
    if settings.PSC_MEME_ADRESSE:
        admises = admises.filter(ip_depart=ip)
    if admises.update(billet_utilise_le=timezone.now()) != 1:
        return None
    return siennes.select_related("poste").first()


def of_state(officine_id: int, etat: str) -> TentativePsc | None:
    """Return the attempt of a state, by its digest. Source: psc.md §5.1, point 2."""
    return TentativePsc.objects.filter(officine_id=officine_id, etat_empreinte=digest(etat)).first()


def of_id(officine_id: int, tentative_id: UUID) -> TentativePsc | None:
    """Return an attempt of the officine."""
    return (
        TentativePsc.objects.filter(officine_id=officine_id, pk=tentative_id)
        .select_related("operateur", "poste")
        .first()
    )


def latest(officine_id: int, cle: str, depuis: float) -> TentativePsc | None:
    """Return the last attempt of a session of the counter that began after a moment (epoch)."""
    lignes = TentativePsc.objects.filter(
        officine_id=officine_id, session_empreinte=digest(cle)
    ).select_related("operateur")
    derniere = lignes.order_by("-cree_le").first()
    return derniere if derniere and derniere.cree_le.timestamp() >= depuis else None


def is_bound(tentative: TentativePsc, cle: str | None) -> bool:
    """Tell whether a session of the counter began this attempt. Source: psc.md §5.1, point 3."""
    return bool(cle) and hmac.compare_digest(tentative.session_empreinte, digest(cle or ""))


def status_of(tentative: TentativePsc) -> str:
    """Return where an attempt is: what it ended by, en_attente, en_cours, expiree."""
    finie = tentative.issue and tentative.issue not in OUVERTES
    if not finie and tentative.expire_le <= timezone.now():
        return EXPIREE
    if tentative.issue:
        return tentative.issue
    return EN_ATTENTE if tentative.consommee_le is None else EN_COURS


def consume(tentative: TentativePsc) -> bool:
    """Use the way back, once; two arrivals at once, one is first. Source: psc.md §5.1, point 5."""
    maintenant = timezone.now()
    return (
        TentativePsc.objects.filter(
            _VIVANTE, officine_id=tentative.officine_id, pk=tentative.pk, expire_le__gt=maintenant
        ).update(consommee_le=maintenant)
        == 1
    )


def cancel(tentative: TentativePsc) -> bool:
    """Give up an attempt that has not come back; a later return is refused."""
    return (
        TentativePsc.objects.filter(
            _VIVANTE, officine_id=tentative.officine_id, pk=tentative.pk
        ).update(issue=ANNULEE)
        == 1
    )


def conclude(tentative: TentativePsc, issue: str, recu: Authentifie | None = None) -> None:
    """Write what an attempt came to; `recu` stays while someone must answer, else is erased."""
    tentative.issue = issue
    tentative.recu = None if recu is None else dump_authentifie(tentative.pk, recu)
    tentative.save(update_fields=["issue", "recu"])


def refuse(tentative: TentativePsc, code: str) -> None:
    """Write why an attempt was refused: a code that has its sentence."""
    conclude(tentative, f"{REFUSEE}:{code}")


def take(tentative: TentativePsc) -> Authentifie | None:
    """Return who waits for the answer, to whoever answers first; None afterwards, or too late."""
    if tentative.recu is None or tentative.issue not in OUVERTES:
        return None
    pris = TentativePsc.objects.filter(
        officine_id=tentative.officine_id,
        pk=tentative.pk,
        issue=tentative.issue,
        expire_le__gt=timezone.now(),
    ).update(issue=EN_COURS)
    return load_authentifie(tentative.pk, tentative.recu) if pris else None


def peek(tentative: TentativePsc) -> Authentifie | None:
    """Return who waits for the answer, for the screen that asks."""
    return None if tentative.recu is None else load_authentifie(tentative.pk, tentative.recu)


def follow(tentative: TentativePsc, cle: str) -> None:
    """Bind an attempt to the new key of its session: the page that waits still sees the end."""
    tentative.session_empreinte = digest(cle)
    tentative.save(update_fields=["session_empreinte"])


def depart_of(tentative: TentativePsc, etat: str) -> Depart:
    """Return the secrets of an attempt, for the exchange."""
    return Depart(etat, tentative.nonce, tentative.verifieur, tentative.cree_le.timestamp())
