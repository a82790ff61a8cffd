"""A service of the tests: a handler that answers what it is told, and rows to give it."""

import json
import time
from base64 import b64decode
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue
from teleservices.registre import Reponse
from teleservices.transport import Echange

SERVICE = "essai"


def reponse(accuse="R1", requete=b"<q/>", recue=b"<r/>"):
    return Reponse("contenu", Echange("m-1", requete, recue, 200, 12, time.time()), accuse)


class Essai:
    """Implements `registre.Handler`; counts what it did, answers `suites` one after the other."""

    service = SERVICE
    file = "interactif"

    def __init__(self, operation="essai.envoyer", *, lecture=False, replayable=False) -> None:
        self.operation = operation
        self.lecture = lecture
        self.replayable = replayable
        self.suites = []
        self.savoir = None
        self.manque = None
        self.avant_appel = None
        self.faits = []

    def prepare(self, envoi):
        if self.manque is not None:
            raise self.manque
        return envoi.pk

    def call(self, demande):
        self.faits.append("appel")
        if self.avant_appel is not None:
            self.avant_appel(demande)
        suite = self.suites.pop(0) if self.suites else reponse()
        if isinstance(suite, Exception):
            raise suite
        return suite

    def ask(self, _demande):
        self.faits.append("question")
        if isinstance(self.savoir, Exception):
            raise self.savoir
        return self.savoir

    def settle(self, envoi, _reponse):
        self.faits.append(f"regle:{envoi.etat}")

    def fail(self, envoi):
        self.faits.append(f"dit:{envoi.etat}")


def deposer(troupe, handler, cle="c1", **autres):
    """Enqueue one row for the handler, as a use case does."""
    with transaction.atomic():
        return enqueue(
            troupe.acteur(autres.pop("code", "A02")),
            Demande(handler.operation, "sujet:1", cle, b"corps", **autres),
        )


def mettre(envoi, etat, **champs):
    """Put a row in a state; what is due is due now."""
    defauts = {"pas_avant": timezone.now() - timedelta(seconds=2)}
    if etat == Envoi.Etat.EN_VOL:
        defauts["pris_le"] = timezone.now()
    Envoi.objects.filter(pk=envoi.pk).update(etat=etat, **{**defauts, **champs})
    envoi.refresh_from_db()
    return envoi


def due(envoi):
    """Make a row due, whatever its date."""
    Envoi.objects.filter(pk=envoi.pk).update(pas_avant=timezone.now() - timedelta(seconds=2))


def lire_file(valkey, file):
    """Return (raw bytes, arguments) of each message waiting in a queue."""
    return [
        (brut, json.loads(b64decode(json.loads(brut)["body"]))[0])
        for brut in valkey.lrange(file, 0, -1)
    ]
