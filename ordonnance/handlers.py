"""Outbox handlers of the Ordonnance Numérique: prepare reads, call talks, settle writes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ordonnance import client
from ordonnance.codec.demande import corps_consulter
from ordonnance.codec.reponse import check_release, parse_accuse, parse_prescription, parse_verrou
from ordonnance.models import Execution
from ordonnance.rules.modele import Accuse
from ordonnance.selectors import BUDGET_S, CARTE_S, is_late
from ordonnance.services import confirmation, correction, recuperation, validation
from ordonnance.services.commun import SERVICE, professional_of
from pharmacy.models import Operateur
from teleservices.assertions import assertion_for
from teleservices.errors import InvalidReply, Rejected, TeleserviceError
from teleservices.models import Envoi
from teleservices.registre import Reponse, attach_evidence
from teleservices.transport import Echange


def _appel(envoi: Envoi, operation: str, corps: bytes | None = None) -> client.Appel:
    fige = bytes(envoi.corps or b"") if corps is None else corps
    return client.Appel(operation, fige, assertion_for(envoi), envoi.officine.finess)


def _appel_in_time(envoi: Envoi, operation: str, corps: bytes | None = None) -> client.Appel:
    """Return the call of the counter: it waits a while for a card, 45 s for the service.

    What is not read for the counter (`Envoi.lecture`) waits as long as needed.
    """
    if envoi.lecture:
        _check_in_time(envoi, CARTE_S)
    appel = _appel(envoi, operation, corps)
    if envoi.lecture:
        _check_in_time(envoi, BUDGET_S)
    return appel


def _check_in_time(envoi: Envoi, budget_s: int) -> None:
    if is_late(envoi, budget_s):
        raise Rejected(
            "delai_depasse",
            "Le service n'a pas répondu à temps. Relancez, ou continuez sur papier.",
        )


def _exchange(appel: client.Appel, parse: Callable[[bytes], Any]) -> tuple[Any, Echange]:
    """Send, then read the reply; a refusal keeps the exchange as evidence."""
    echange = client.send(appel)
    try:
        return parse(echange.reponse or b""), echange
    except TeleserviceError as erreur:
        raise attach_evidence(erreur, echange) from erreur


class Consulter:
    """Fetch for the counter: three tries within 45 s, then the panel says so."""

    operation = "ordonnance.consulter"
    service = SERVICE
    file: str = Envoi.File.INTERACTIF
    lecture = True
    replayable = True

    def prepare(self, envoi: Envoi) -> client.Appel:
        """Return the call, whose person may still be named. NotReady without an assertion.

        Rejected once the counter gave up, or when the gate was shut since.
        """
        return _appel_in_time(envoi, "consulterPrescription", recuperation.body_to_send(envoi))

    def call(self, demande: client.Appel) -> Reponse:
        """Return the prescription read; InvalidReply when it is another one's."""
        prescription, echange = _exchange(demande, parse_prescription)
        if f">{prescription.numero}<".encode() not in demande.corps:
            erreur = InvalidReply("autre_numero", "La réponse concerne une autre ordonnance.")
            raise attach_evidence(erreur, echange)
        return Reponse(prescription, echange)

    def ask(self, _demande: client.Appel) -> Reponse | None:
        """A read has no doubt to lift."""
        return None

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Keep and show the prescription."""
        recuperation.record(envoi, reponse)

    def fail(self, envoi: Envoi) -> None:
        """Show the refusal or the absence of answer."""
        recuperation.record_failure(envoi)


class Regulariser(Consulter):
    """The same fetch for a sale ended on paper: it waits for the service as long as needed."""

    operation = "ordonnance.regulariser"
    file: str = Envoi.File.LOTS
    lecture = False


class Relire(Consulter):
    """Read again after EPU-010: the control of the execution already validated is redone."""

    operation = "ordonnance.relire"
    file: str = Envoi.File.LOTS
    lecture = False

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Resend when nothing new has to be answered; else a person does the control again."""
        correction.record(envoi, reponse)


class Ouvrir:
    """Ask the lock; the counter never waits for it (advisory, ordonnance.md §2.3)."""

    operation = "ordonnance.ouvrir"
    service = SERVICE
    file: str = Envoi.File.INTERACTIF
    lecture = True
    replayable = True

    def prepare(self, envoi: Envoi) -> client.Appel:
        """Return the call. NotReady without an assertion; Rejected once the counter gave up."""
        return _appel_in_time(envoi, "ouvrirExecution")

    def call(self, demande: client.Appel) -> Reponse:
        """Return the lock, or None when the service has none."""
        return Reponse(*_exchange(demande, parse_verrou))

    def ask(self, _demande: client.Appel) -> Reponse | None:
        """The key makes it replayable."""
        return None

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Keep the lock."""
        confirmation.keep_lock(envoi, reponse.contenu)

    def fail(self, envoi: Envoi) -> None:
        """Say what the refusal means; the sale goes on."""
        recuperation.record_failure(envoi)


class Liberer:
    """Give the lock back; a lock that lapsed meanwhile is given back all the same."""

    operation = "ordonnance.liberer"
    service = SERVICE
    file: str = Envoi.File.LOTS
    lecture = False
    replayable = True

    def prepare(self, envoi: Envoi) -> client.Appel:
        """Return the call. NotReady without the operator's assertion."""
        return _appel(envoi, "libererExecution")

    def call(self, demande: client.Appel) -> Reponse:
        """Return nothing but the exchange; a lapsed token is as good as given back."""
        try:
            return Reponse(*_exchange(demande, check_release))
        except Rejected as erreur:
            if erreur.code == "EPU-009" and isinstance(erreur.reponse, Reponse):
                return erreur.reponse
            raise

    def ask(self, _demande: client.Appel) -> Reponse | None:
        """The token makes it replayable."""
        return None

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """Nothing to write."""

    def fail(self, envoi: Envoi) -> None:
        """Nothing to write: the lock lapses by itself."""


@dataclass(frozen=True)
class DemandeExecution:
    """An execution to send, and what is needed to ask about it."""

    appel: client.Appel
    question: client.Appel
    ident: str


class Executer:
    """Send what was delivered: never twice, asked about when in doubt (ordonnance.md §2.7)."""

    operation = "ordonnance.executer"
    service = SERVICE
    file: str = Envoi.File.INTERACTIF
    lecture = False
    replayable = False

    def prepare(self, envoi: Envoi) -> DemandeExecution:
        """Return the frozen body and the question. NotReady without the operator's assertion."""
        appel = _appel(envoi, "enregistrerExecution")
        execution = Execution.objects.select_related("numerique").get(
            pk=int(envoi.sujet.removeprefix("exec:")), officine_id=envoi.officine_id
        )
        signataire = Operateur.objects.get(
            pk=envoi.signataire_id or envoi.operateur_id, officine_id=envoi.officine_id
        )
        corps = corps_consulter(
            execution.numerique.numero,
            execution.numerique.origine,
            professional_of(signataire),
            None,
        )
        question = client.Appel("consulterPrescription", corps, appel.assertion, appel.finess)
        return DemandeExecution(appel, question, str(execution.uuid))

    def call(self, demande: DemandeExecution) -> Reponse:
        """Return the receipt; a repeated key gives the same one."""
        accuse, echange = _exchange(demande.appel, parse_accuse)
        return Reponse(accuse, echange, accuse.recu)

    def ask(self, demande: DemandeExecution) -> Reponse | None:
        """Look for our execution in what the service knows; None: it never arrived."""
        prescription, echange = _exchange(demande.question, parse_prescription)
        for execution in prescription.executions:
            if execution.id == demande.ident.lower() and not execution.annulee:
                return Reponse(Accuse("", None, prescription.version, True), echange)
        return None

    def settle(self, envoi: Envoi, reponse: Reponse) -> None:
        """The execution is acknowledged."""
        validation.follow(envoi)

    def fail(self, envoi: Envoi) -> None:
        """Waiting, in doubt, refused or given up: the execution says the same."""
        validation.follow(envoi)
