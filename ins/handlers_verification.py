"""Outbox handlers of the verification: one identity for the counter, lots in the background."""

import threading
import time
from dataclasses import dataclass, field, replace
from uuid import uuid5

from django.utils import timezone

from ins import reglages_verification
from ins.client import InsiClient, insi_client
from ins.codec.verification import IdentiteAVerifier, corps_deposer, is_sendable
from ins.handlers import REPRISES_S, check_gate, check_in_time
from ins.models import AppelInsi, LotVerification
from ins.selectors import VERIFIER
from ins.services import lots_resultats, verification
from ins.services.lots_resultats import LOT_VIDE
from ins.suivi_lots import VERIFIER_LOT, identities_of
from teleservices import registre
from teleservices.errors import InvalidReply, OutcomeUnknown, Rejected, Unavailable
from teleservices.models import Envoi
from teleservices.registre import Reponse
from teleservices.soap.contrat import ContratRefuse
from teleservices.soap.lecture import Element

# A breaker of its own: a batch that the service turns away must not close INSi to the counter.
SERVICE_LOTS = "insi_lots"
_PREMIERE_S, _MAX_S = 0.2, 60.0
_PERDU_S = 60.0
# Lots are built one after the other: eight threads building together would all be late.
_UN_A_LA_FOIS = threading.Lock()
_SECONDES_UN_JOUR = 24 * 3600


@dataclass(frozen=True)
class DemandeLot:
    """A deposit (`corps`, ready to leave) or, once deposited, a reading of `numero`."""

    client: InsiClient
    numero: str = ""
    depuis_s: float = 0.0
    corps: Element | None = field(default=None, repr=False)


class VerifierLot:
    """A lot of at most 500 identities: deposited, then asked about until it is finished.

    The id of the deposit follows from what it holds: deposited again after a lost answer it is the
    same lot, and a lot whose people changed meanwhile is another one (ins.md §3.7).
    """

    operation = VERIFIER_LOT
    service = SERVICE_LOTS
    file: str = Envoi.File.LOTS
    lecture = False
    replayable = True

    def prepare(self, envoi: Envoi) -> DemandeLot:
        """Return what to deposit, or which lot to ask about. NotReady without INSI-AUTO."""
        lot = LotVerification.objects.get(officine_id=envoi.officine_id, envoi=envoi)
        client = insi_client(automatique=True)
        if lot.numero and lot.depose_le:
            depuis_s = (timezone.now() - lot.depose_le).total_seconds()
            if depuis_s > 7 * _SECONDES_UN_JOUR:
                raise Rejected("lot_sans_fin", "INSi n'a pas fini ce lot en sept jours.")
            return DemandeLot(client, lot.numero, depuis_s)
        with _UN_A_LA_FOIS:
            return DemandeLot(client, corps=_build_deposit(lot))

    def call(self, demande: DemandeLot) -> Reponse:
        """Deposit, look once a moment later; or ask. Say when to come back meanwhile.

        Nothing is lost if it stops between the two: deposited again, it is the same lot.
        """
        if demande.corps is None:
            return _come_back(demande.client.relever_lot(demande.numero), demande.depuis_s)
        depot = demande.client.deposer_lot(demande.corps)
        numero = depot.contenu.numero
        time.sleep(_PREMIERE_S)
        try:
            releve = demande.client.relever_lot(numero)
        except (Unavailable, OutcomeUnknown, InvalidReply):
            # It is deposited: the number is kept, and the question asked again.
            return replace(depot, accuse=numero, reprendre_s=_PREMIERE_S)
        suivi = _come_back(releve, _PREMIERE_S)
        if suivi.reprendre_s is not None:
            suivi = replace(suivi, contenu=depot.contenu)
        return replace(suivi, accuse=numero, avant=(depot.echange,))

    def ask(self, _demande: DemandeLot) -> Reponse | None:
        """A lot deposited twice is one lot: nothing to ask before."""
        return None

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Keep the number of the lot, or apply its results."""
        lots_resultats.record_lot(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Close a lot that is refused or given up; a wait changes nothing."""
        lots_resultats.record_lot_failure(envoi)


def _build_deposit(lot: LotVerification) -> Element:
    """Return what deposits a lot. Rejected when it holds nobody any more."""
    identites = identities_of(lot)
    try:
        return _deposit(lot, identites)
    except ContratRefuse:
        # Somebody cannot be sent: the others are.
        return _deposit(lot, [i for i in identites if is_sendable(i)])


def _deposit(lot: LotVerification, identites: list[IdentiteAVerifier]) -> Element:
    if not identites:
        raise Rejected(LOT_VIDE, "Les identités de ce lot ont toutes changé entre-temps.")
    id_lot = str(uuid5(lot.uuid, "\n".join(map(_line, identites))))
    return corps_deposer(id_lot, identites)


def _come_back(reponse: Reponse, depuis_s: float) -> Reponse:
    """Return an answer with when to ask again, less and less often; a lost lot waits a minute."""
    if reponse.contenu.etat == "EN_COURS":
        return replace(reponse, reprendre_s=min(_MAX_S, max(_PREMIERE_S, depuis_s / 2)))
    return replace(reponse, reprendre_s=_PERDU_S if reponse.contenu.etat == "INCONNU" else None)


def _line(i: IdentiteAVerifier) -> str:
    """Return what two deposits must share to be the same lot."""
    return "|".join(
        (i.reference, i.matricule, i.oid, i.nom, i.prenoms, i.sexe, i.naissance, i.lieu)
    )


class VerifierIdentite:
    """One INS and its traits, asked by a person: safe to ask again (ins.md §3.7)."""

    operation = VERIFIER
    service = "insi"
    file: str = Envoi.File.INTERACTIF
    lecture = True
    replayable = True

    def prepare(self, envoi: Envoi) -> tuple[InsiClient, IdentiteAVerifier]:
        """Return the client and the identity. Rejected when it may not be sent, or too late."""
        check_in_time(envoi)
        check_gate(envoi)
        appel = AppelInsi.objects.get(officine_id=envoi.officine_id, envoi=envoi)
        identite = verification.identity_of(appel)
        if identite is None or not is_sendable(identite):
            raise Rejected(
                "identite_incomplete",
                "Cette INS ne peut pas être vérifiée telle quelle. Récupérez l'INS (² I).",
            )
        return insi_client(), identite

    def call(self, demande: tuple[InsiClient, IdentiteAVerifier]) -> Reponse:
        """Return INSi's answer: conform, not, unknown, or not verified."""
        client, identite = demande
        return client.verifier(identite)

    def ask(self, _demande: tuple[InsiClient, IdentiteAVerifier]) -> Reponse | None:
        """A reading has no doubt to lift."""
        return None

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Refresh the date, take the INS off, or take what was read."""
        verification.record(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Show what the failure means."""
        verification.record_failure(envoi)


def register_all() -> None:
    """Add both operations and their settings; called from `AppConfig.ready()`."""
    registre.register(VerifierIdentite(), REPRISES_S)
    registre.register(VerifierLot(), discret=True)
    reglages_verification.register_all()
