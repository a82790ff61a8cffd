"""A doubt ends only with the service's answer: nothing is sent again before it."""

import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from ordonnance.models import Execution
from ordonnance.services import validation
from pharmacy.services.vente import VenteRefusee
from teleservices import balayage, disjoncteur, registre
from teleservices.errors import InvalidReply, NotReady, OutcomeUnknown, Rejected, Unavailable
from teleservices.models import Envoi
from teleservices.moteur import claim, process
from teleservices.outbox import Demande, enqueue
from teleservices.registre import Reponse
from teleservices.services import envoi_abandon
from teleservices.transport import Echange
from tests.ordonnance.atelier import GLUCOPHAGE, confirmer, servir
from tests.ordonnance.test_services import _repondre

pytestmark = pytest.mark.django_db


def echange():
    return Echange("m", b"<q/>", b"<r/>", 200, 5, time.time())


@dataclass
class Service:
    """A handler whose service answers what it is told to, and counts what reached it."""

    operation: str = "essai.executer"
    service: str = "essai"
    file: str = "lots"
    lecture: bool = False
    replayable: bool = False
    pret: Exception | None = None
    question: Exception | Reponse | None = None
    appel: Exception | None = None
    rangement: Exception | None = None
    questions: int = 0
    appels: int = 0
    ranges: int = 0
    echecs: list[str] = field(default_factory=list)

    def prepare(self, envoi):
        if self.pret:
            raise self.pret
        return envoi.pk

    def call(self, _demande):
        self.appels += 1
        if self.appel:
            raise self.appel
        return Reponse("fait", echange())

    def ask(self, _demande):
        self.questions += 1
        if isinstance(self.question, Exception):
            raise self.question
        return self.question

    def settle(self, _envoi, _reponse):
        if self.rangement:
            raise self.rangement
        self.ranges += 1

    def fail(self, envoi):
        self.echecs.append(envoi.etat)


@pytest.fixture
def service():
    service = Service()
    registre.register(service)
    yield service
    del registre._handlers[service.operation]


@pytest.fixture
def envoi(halle, service):
    with transaction.atomic():
        return enqueue(halle.acteur(), Demande(service.operation, "x:1", "essai:1"))


def incertain(envoi):
    Envoi.objects.filter(pk=envoi.pk).update(etat="incertain", pas_avant=timezone.now())


@pytest.mark.cas("ordonnance-E4")
@pytest.mark.parametrize(
    "erreur",
    [
        Unavailable("http_503", "Indisponible."),
        OutcomeUnknown("reseau_delai", "Trop long."),
        InvalidReply("illisible", "Illisible."),
        Rejected("EPU-019", "Bloquée."),
        NotReady("carte_absente", "Carte."),
    ],
)
def test_a_question_without_answer_keeps_the_doubt_and_sends_nothing(service, envoi, erreur):
    incertain(envoi)
    service.question = erreur
    process(envoi.pk)
    envoi.refresh_from_db()
    assert (envoi.etat, service.questions, service.appels) == ("incertain", 1, 0)
    assert envoi.dernier_code == erreur.code


def test_a_missing_card_keeps_the_doubt(service, envoi):
    incertain(envoi)
    service.pret = NotReady("carte_absente", "Carte.")
    process(envoi.pk)
    envoi.refresh_from_db()
    assert (envoi.etat, service.questions, service.appels) == ("incertain", 0, 0)


def test_an_open_breaker_keeps_the_doubt(service, envoi):
    incertain(envoi)
    for _ in range(disjoncteur.SEUIL):
        disjoncteur.note_failure(service.service, "x", timezone.now())
    process(envoi.pk)
    envoi.refresh_from_db()
    assert (envoi.etat, service.questions, service.appels) == ("incertain", 0, 0)
    assert envoi.pas_avant > timezone.now()


def test_never_arrived_is_sent_and_its_own_failure_is_a_fresh_one(service, envoi):
    incertain(envoi)
    service.appel = Unavailable("http_503", "Indisponible.")
    process(envoi.pk)
    envoi.refresh_from_db()
    assert (envoi.etat, service.questions, service.appels) == ("a_envoyer", 1, 1)


def test_already_recorded_is_settled_without_sending(service, envoi):
    incertain(envoi)
    service.question = Reponse("déjà", echange(), "recu-1")
    process(envoi.pk)
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.accuse, service.appels) == ("envoye", "recu-1", 0)


def test_an_answer_that_cannot_be_kept_leaves_a_doubt_and_not_a_row_in_flight(service, envoi):
    service.rangement = ZeroDivisionError("règle cassée")
    with pytest.raises(ZeroDivisionError):
        process(envoi.pk)
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.dernier_code) == ("incertain", "panne_interne")


def test_one_broken_row_stops_neither_the_sweep_nor_the_bell(halle, service, envoi, monkeypatch):
    with transaction.atomic():
        autre = enqueue(halle.acteur(), Demande(service.operation, "x:2", "essai:2"))
        due = enqueue(halle.acteur(), Demande(service.operation, "x:3", "essai:3"))
    vieux = timezone.now() - timedelta(hours=1)
    for perdu in (envoi, autre):
        claim(perdu.pk)
        Envoi.objects.filter(pk=perdu.pk).update(pris_le=vieux)
    Envoi.objects.filter(pk=due.pk).update(pas_avant=vieux)
    casse = service.fail

    def fail(ligne):
        if ligne.pk == envoi.pk:
            raise ZeroDivisionError("règle cassée")
        casse(ligne)

    service.fail = fail
    sonnes = []
    monkeypatch.setattr(balayage, "ring", lambda *faits: sonnes.append(faits))
    with pytest.raises(ExceptionGroup):
        balayage.sweep()
    etats = dict(Envoi.objects.values_list("pk", "etat"))
    assert (etats[envoi.pk], etats[autre.pk]) == ("incertain", "incertain")
    assert due.pk in {envoi_id for _, envoi_id, _ in sonnes}


def _validee(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    _repondre(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    return Envoi.objects.get(operation="ordonnance.executer")


def test_giving_up_in_doubt_leaves_the_execution_uncertain_and_counted(halle):
    envoi = _validee(halle)
    incertain(envoi)
    envoi.refresh_from_db()
    validation.follow(envoi)
    envoi_abandon(halle.acteur("A01"), envoi.pk, "Le service ne répond plus depuis deux jours")
    execution = Execution.objects.get()
    assert (execution.etat, execution.annulee_le) == ("incertaine", None)


def test_a_sending_replaced_by_another_moves_nothing_any_more(halle):
    envoi = _validee(halle)
    Envoi.objects.filter(pk=envoi.pk).update(etat="refuse", dernier_code="EPU-009")
    envoi.refresh_from_db()
    validation.follow(envoi)
    envoi.refresh_from_db()
    assert envoi.etat == "abandonne"
    second = Envoi.objects.exclude(pk=envoi.pk).get(operation="ordonnance.executer")
    second.etat = "envoye"
    second.save()
    validation.follow(second)
    envoi.etat = "refuse"
    validation.follow(envoi)
    assert Execution.objects.get().etat == "transmise"
    with pytest.raises(VenteRefusee):
        envoi_abandon(halle.acteur("A01"), envoi.pk, "Plus rien à faire")
