"""The outbox runner: claim, call, settle.

Theory of operation. `process` claims a row by a conditional UPDATE in a durable transaction, calls
with no transaction open, and settles in a second short one. Killed anywhere, it loses nothing: not
claimed, the sweep rings again; claimed and not settled, the sweep doubts and the next run asks.
A doubt ends only with an answer to the question: whatever keeps us from asking keeps the doubt.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from pharmacy import flux
from pharmacy.models import Officine
from teleservices import disjoncteur
from teleservices.errors import (
    InvalidReply,
    NotReady,
    OutcomeUnknown,
    Rejected,
    TeleserviceError,
    Unavailable,
)
from teleservices.etats import DUREE_ENVOI_S, check_transition, next_try_s
from teleservices.models import Envoi, Trace
from teleservices.outbox import ring_on_commit
from teleservices.registre import Handler, Reponse, handler_get, is_followed, reprises_of
from teleservices.transport import Echange

logger = logging.getLogger(__name__)
_hasard = SystemRandom()
_A_VOIR = (Envoi.Etat.REFUSE, Envoi.Etat.INCERTAIN)
# A signature releases these rows at once; this is the net under a release that crossed a settling.
_ATTENTE_CARTE = timedelta(minutes=2)
_ATTENTE_DOUTE_S = (0, 5, 30, 120, 600, 1800)
_ATTENTE_DITE_MAX_S = 3600


def process(envoi_id: int) -> None:
    """Process one row if it is due and nobody else has it."""
    envoi, doute = claim(envoi_id)
    if envoi is None:
        return
    handler = handler_get(envoi.operation)
    # What may be sent again under the same identifier is not asked about.
    doute = doute and not handler.lecture and not handler.replayable
    try:
        demande = _prepare(handler, envoi)
        reponse = _talk(handler, handler.ask, demande) if doute else None
        if reponse is None:
            doute = False
            reponse = _talk(handler, handler.call, demande)
            assert reponse is not None  # noqa: S101 - a call answers or raises
        # What a person waits for comes before what the breaker learns.
        try:
            settle(handler, envoi, reponse)
        finally:
            _note_alive(handler, repondu=True)
    except TeleserviceError as erreur:
        settle_error(handler, envoi, erreur, doute=doute)
    except Exception:
        # The one place that catches everything: keep the row in doubt, say so, let it be seen.
        logger.exception("envoi.panne envoi=%s operation=%s", envoi.pk, envoi.operation)
        panne = OutcomeUnknown("panne_interne", "Erreur interne. L'envoi est gardé.")
        settle_error(handler, envoi, panne, doute=doute)
        raise


def claim(envoi_id: int) -> tuple[Envoi | None, bool]:
    """Take the row: (row, was it in doubt), or (None, False) when it is not ours to take.

    One sending at a time per `ordre`, first in first out: a correction waits for what it corrects.
    """
    maintenant = timezone.now()
    devant = Envoi.objects.filter(
        ordre=OuterRef("ordre"),
        pk__lt=OuterRef("pk"),
        etat__in=[Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL, Envoi.Etat.INCERTAIN],
    )
    # What a suspended officine has to send stays in place.
    ouverte = Officine.objects.filter(pk=OuterRef("officine_id"), active=True)
    with transaction.atomic(durable=True):
        for etat, doute in ((Envoi.Etat.A_ENVOYER, False), (Envoi.Etat.INCERTAIN, True)):
            pris = (
                Envoi.objects.filter(pk=envoi_id, etat=etat, pas_avant__lte=maintenant)
                .filter(Q(ordre="") | ~Exists(devant), Exists(ouverte))
                .update(
                    etat=Envoi.Etat.EN_VOL,
                    pris_le=maintenant,
                    tentatives=F("tentatives") + 1,
                    version=F("version") + 1,
                )
            )
            if pris:
                return _read(envoi_id), doute
    return None, False


def _read(envoi_id: int) -> Envoi:
    """Return the claimed row, with its officine and the pause of its service, if any."""
    lignes = Envoi.objects.select_related("officine").annotate(pause=disjoncteur.pause_column())
    return lignes.get(pk=envoi_id)


def _prepare(handler: Handler, envoi: Envoi) -> Any:  # noqa: ANN401 - each handler has its own
    """Return the request; NotReady, or the breaker's refusal, before anything leaves."""
    demande = handler.prepare(envoi)
    if envoi.pause is not None:  # type: ignore[attr-defined]  # read by `_read`
        pause = disjoncteur.is_passing(handler.service, timezone.now())
        if pause is not None:
            raise _ServiceCoupe(pause)
    return demande


def _talk(
    handler: Handler,
    parler: Callable[[Any], Reponse | None],
    demande: Any,  # noqa: ANN401
) -> Reponse | None:
    """Call or ask, and tell the breaker how the service is; of an answer, once it is settled."""
    try:
        reponse = parler(demande)
    except (Unavailable, OutcomeUnknown, InvalidReply) as erreur:
        disjoncteur.note_failure(handler.service, erreur.code, timezone.now())
        raise
    except (Rejected, NotReady):
        _note_alive(handler)
        raise
    if reponse is None:
        _note_alive(handler)
    return reponse


def _note_alive(handler: Handler, *, repondu: bool = False) -> None:
    if disjoncteur.note_success(handler.service, timezone.now(), repondu=repondu):
        disjoncteur.wake_waiting(handler.service)


class _ServiceCoupe(Unavailable):
    """The breaker is open: nothing was sent, and the try does not count."""

    def __init__(self, jusqua: datetime) -> None:
        super().__init__("service_coupe", "Le service ne répond plus depuis plusieurs essais.")
        self.jusqua = jusqua


def settle(handler: Handler, envoi: Envoi, reponse: Reponse) -> None:
    """Write the result and the trace; the late answer of a doubted row is still welcome.

    A service that is still working (`reprendre_s`) is asked again by the same row, later.
    """
    faits: dict[str, Any] = {"dernier_code": "", "dernier_message": "", "attend_service": False}
    if reponse.reprendre_s is None:
        faits |= {
            "etat": Envoi.Etat.ENVOYE,
            "regle_le": timezone.now(),
            "accuse": reponse.accuse[:120],
        }
    else:
        # What failed before does not count against what follows.
        pas_avant = timezone.now() + timedelta(seconds=reponse.reprendre_s)
        faits |= {"etat": Envoi.Etat.A_ENVOYER, "pas_avant": pas_avant, "tentatives": 0}
    with transaction.atomic():
        ligne = _sent(envoi, faits)
        if ligne is None:
            return
        if reponse.reprendre_s is not None:
            ring_on_commit(ligne, reponse.reprendre_s)
        trace(ligne, reponse, "ok" if reponse.reprendre_s is None else "suite")
        handler.settle(ligne, reponse)
        _announce(ligne)


def _sent(envoi: Envoi, faits: dict[str, Any]) -> Envoi | None:
    """Write `faits` on the row; return it, locked, or None when it is already settled.

    Nobody changes a row in flight: the one that was claimed is still the row if nobody doubted it.
    """
    en_vol = Envoi.objects.filter(pk=envoi.pk, etat=Envoi.Etat.EN_VOL, pris_le=envoi.pris_le)
    ligne = envoi
    if not en_vol.update(**faits, version=F("version") + 1):
        ligne = _locked(envoi.pk)
        if ligne.etat not in {Envoi.Etat.EN_VOL, Envoi.Etat.INCERTAIN}:
            return None
        check_transition(ligne.etat, faits["etat"])
        Envoi.objects.filter(pk=ligne.pk).update(**faits, version=F("version") + 1)
    for nom, valeur in faits.items():
        setattr(ligne, nom, valeur)
    ligne.version += 1
    return ligne


def settle_error(
    handler: Handler, envoi: Envoi, erreur: TeleserviceError, *, doute: bool = False
) -> None:
    """Write what an error means: wait, doubt, refuse or give up.

    `doute`: the question itself failed, so the doubt stays. A row doubted and taken again by
    another worker is that worker's: our late failure changes nothing.
    """
    with transaction.atomic():
        ligne = _locked(envoi.pk)
        if ligne.etat != Envoi.Etat.EN_VOL or ligne.pris_le != envoi.pris_le:
            return
        etat, pas_avant = (_after_question if doute else _after_error)(handler, ligne, erreur)
        check_transition(ligne.etat, etat)
        ligne.etat = etat
        ligne.pas_avant = pas_avant
        ligne.dernier_code = erreur.code[:40]
        ligne.dernier_message = erreur.message_fr[:300]
        ligne.attend_service = isinstance(erreur, Unavailable | OutcomeUnknown | InvalidReply)
        ligne.version += 1
        if isinstance(erreur, _ServiceCoupe | NotReady):
            ligne.tentatives -= 1
        if etat == Envoi.Etat.ABANDONNE:
            ligne.motif_abandon = "Sans réponse du service"
        if etat in {Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE}:
            ligne.regle_le = timezone.now()
        ligne.save()
        evidence = erreur.reponse
        if isinstance(evidence, Reponse):
            trace(ligne, evidence, erreur.code)
        handler.fail(ligne)
        _announce(ligne)


def _after_error(handler: Handler, envoi: Envoi, erreur: TeleserviceError) -> tuple[str, datetime]:
    maintenant = timezone.now()
    if isinstance(erreur, NotReady):
        return Envoi.Etat.A_ENVOYER, maintenant + _ATTENTE_CARTE
    if isinstance(erreur, Rejected):
        return Envoi.Etat.REFUSE, maintenant
    if isinstance(erreur, _ServiceCoupe):
        if handler.lecture:
            return Envoi.Etat.ABANDONNE, maintenant
        return Envoi.Etat.A_ENVOYER, erreur.jusqua + timedelta(seconds=_hasard.uniform(0, 2))
    if isinstance(erreur, Unavailable) or handler.lecture or handler.replayable:
        return _retry(handler, envoi, erreur, maintenant)
    return Envoi.Etat.INCERTAIN, maintenant + _doubt_delay(envoi)


def _after_question(
    _handler: Handler, envoi: Envoi, erreur: TeleserviceError
) -> tuple[str, datetime]:
    """The service could not be asked, or refused the question: nothing is sent again for that."""
    maintenant = timezone.now()
    if isinstance(erreur, NotReady):
        return Envoi.Etat.INCERTAIN, maintenant + _ATTENTE_CARTE
    if isinstance(erreur, _ServiceCoupe):
        return Envoi.Etat.INCERTAIN, erreur.jusqua + timedelta(seconds=_hasard.uniform(0, 2))
    attente = _told(erreur) or _doubt_delay(envoi)
    return Envoi.Etat.INCERTAIN, maintenant + attente


def _doubt_delay(envoi: Envoi) -> timedelta:
    rang = min(envoi.tentatives, len(_ATTENTE_DOUTE_S)) - 1
    return timedelta(seconds=_ATTENTE_DOUTE_S[max(0, rang)])


def _told(erreur: TeleserviceError) -> timedelta | None:
    """Return how long the service told us to wait, an hour at most."""
    if erreur.retry_after_s is None:
        return None
    return timedelta(seconds=min(erreur.retry_after_s, _ATTENTE_DITE_MAX_S))


def _retry(
    handler: Handler, envoi: Envoi, erreur: TeleserviceError, maintenant: datetime
) -> tuple[str, datetime]:
    delai = next_try_s(
        envoi.tentatives,
        lecture=handler.lecture,
        hasard=_hasard,
        reprises_s=reprises_of(handler.operation),
    )
    trop_vieux = (maintenant - envoi.cree_le).total_seconds() > DUREE_ENVOI_S
    if delai is None:
        return Envoi.Etat.ABANDONNE, maintenant
    if trop_vieux:
        return Envoi.Etat.REFUSE, maintenant
    return Envoi.Etat.A_ENVOYER, maintenant + (_told(erreur) or timedelta(seconds=delai))


def _locked(envoi_id: int) -> Envoi:
    return Envoi.objects.select_for_update(of=("self",), no_key=True).get(pk=envoi_id)


def trace(envoi: Envoi, reponse: Reponse, resultat: str) -> None:
    """Keep the proof of every exchange, encrypted; those before the last are told « suite »."""
    Trace.objects.bulk_create(
        [
            *(_trace(envoi, echange, "suite") for echange in reponse.avant),
            _trace(envoi, reponse.echange, resultat),
        ]
    )


def _trace(envoi: Envoi, echange: Echange, resultat: str) -> Trace:
    return Trace(
        officine_id=envoi.officine_id,
        envoi=envoi,
        message_id=echange.message_id,
        environnement=settings.ENVIRONNEMENT,
        debut=datetime.fromtimestamp(echange.debut, tz=UTC),
        duree_ms=echange.duree_ms,
        http=echange.http,
        resultat=resultat,
        empreinte_requete=hashlib.sha256(echange.requete).hexdigest(),
        requete=echange.requete,
        reponse=echange.reponse,
    )


def _announce(envoi: Envoi) -> None:
    from teleservices.outbox import ring_on_commit

    if envoi.etat == Envoi.Etat.A_ENVOYER and envoi.pas_avant <= timezone.now():
        ring_on_commit(envoi)
    if is_followed(envoi) or (not envoi.lecture and envoi.etat in _A_VOIR):
        flux.announce_entete(envoi.officine_id)
