"""Claim, call, settle: what each outcome means, and what a doubt never becomes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from teleservices import moteur
from teleservices.errors import InvalidReply, NotReady, OutcomeUnknown, Rejected, Unavailable
from teleservices.models import Disjoncteur, Envoi, Trace
from teleservices.registre import attach_evidence
from tests.teleservices.atelier import deposer, due, lire_file, mettre, reponse

ETAT = Envoi.Etat
pytestmark = pytest.mark.django_db
PERDUE = OutcomeUnknown("reseau_delai", "Pas de réponse.")
PANNE = Unavailable("http_503", "Indisponible.")


def relu(envoi):
    envoi.refresh_from_db()
    return envoi


def passer(envoi):
    """One run of the worker, whatever the date."""
    due(envoi)
    moteur.process(envoi.pk)
    return relu(envoi)


# Claim


@pytest.mark.parametrize("etat", [ETAT.ENVOYE, ETAT.REFUSE, ETAT.EN_VOL, ETAT.ABANDONNE])
def test_only_a_row_that_waits_or_is_in_doubt_is_taken(halle, essai, etat):
    envoi = deposer(halle, essai)
    mettre(envoi, etat, motif_abandon="essai")
    moteur.process(envoi.pk)
    assert essai.faits == []


def test_a_row_not_due_yet_is_left(halle, essai):
    envoi = deposer(halle, essai)
    Envoi.objects.filter(pk=envoi.pk).update(pas_avant=timezone.now() + timedelta(seconds=60))
    moteur.process(envoi.pk)
    assert essai.faits == []


@pytest.mark.parametrize("devant", [ETAT.A_ENVOYER, ETAT.EN_VOL, ETAT.INCERTAIN])
def test_a_row_waits_for_the_one_before_it_in_the_same_order(halle, essai, devant):
    premier = mettre(deposer(halle, essai, "c1", ordre="on:1"), devant)
    second = deposer(halle, essai, "c2", ordre="on:1")
    autre = deposer(halle, essai, "c3", ordre="on:2")
    assert passer(second).etat == ETAT.A_ENVOYER
    assert passer(autre).etat == ETAT.ENVOYE
    mettre(premier, ETAT.ENVOYE)
    assert passer(second).etat == ETAT.ENVOYE


# What each error means


def test_an_answer_settles_the_row_with_its_receipt_and_its_trace(halle, essai):
    envoi = passer(deposer(halle, essai))
    assert (envoi.etat, envoi.accuse, envoi.tentatives) == (ETAT.ENVOYE, "R1", 1)
    assert essai.faits == ["appel", "regle:envoye"]
    assert Trace.objects.get(envoi=envoi).resultat == "ok"


@pytest.mark.parametrize(
    ("erreur", "etat"),
    [
        (NotReady("assertion_absente", "Insérez votre carte."), ETAT.A_ENVOYER),
        (PANNE, ETAT.A_ENVOYER),
        (PERDUE, ETAT.INCERTAIN),
        (InvalidReply("xml_dtd", "Illisible."), ETAT.INCERTAIN),
        (Rejected("EPU-011", "Refusé."), ETAT.REFUSE),
    ],
)
def test_five_errors_have_five_next_steps(halle, essai, erreur, etat):
    essai.suites = [erreur]
    envoi = passer(deposer(halle, essai))
    assert (envoi.etat, envoi.dernier_code) == (etat, erreur.code)
    assert envoi.dernier_message == erreur.message_fr
    assert essai.faits == ["appel", f"dit:{etat}"]


def test_a_missing_card_does_not_count_as_a_try(halle, essai):
    essai.manque = NotReady("assertion_absente", "Insérez votre carte.")
    envoi = passer(deposer(halle, essai))
    assert (envoi.tentatives, essai.faits) == (0, ["dit:a_envoyer"])


def test_a_refusal_keeps_the_exchange_as_evidence(halle, essai):
    preuve = reponse(recue=b"<faute/>").echange
    essai.suites = [attach_evidence(Rejected("EPU-011", "Refusé."), preuve)]
    envoi = passer(deposer(halle, essai))
    trace = Trace.objects.get(envoi=envoi)
    assert (trace.resultat, bytes(trace.reponse)) == ("EPU-011", b"<faute/>")


def test_too_many_requests_waits_as_told(halle, essai):
    essai.suites = [Unavailable("EPU-091", "Saturé.", retry_after_s=40)]
    envoi = passer(deposer(halle, essai))
    assert 30 < (envoi.pas_avant - timezone.now()).total_seconds() <= 40


def test_an_absurd_wait_is_held_to_an_hour(halle, essai):
    essai.suites = [Unavailable("EPU-091", "Saturé.", retry_after_s=10**30)]
    envoi = passer(deposer(halle, essai))
    assert (envoi.pas_avant - timezone.now()).total_seconds() <= 3600


@pytest.mark.parametrize("attente", [None, 0, 3])
def test_a_read_gives_up_after_three_tries(halle, lecture, attente):
    lecture.suites = [Unavailable("EPU-091", "Saturé.", retry_after_s=attente) for _ in range(9)]
    envoi = deposer(halle, lecture)
    etats = [passer(envoi).etat for _ in range(3)]
    assert etats == [ETAT.A_ENVOYER, ETAT.A_ENVOYER, ETAT.ABANDONNE]
    assert envoi.motif_abandon == "Sans réponse du service"
    assert envoi.regle_le is not None


def test_a_sending_tries_for_seven_days_then_a_person_decides(halle, essai):
    essai.suites = [PANNE, PANNE]
    envoi = passer(deposer(halle, essai))
    assert envoi.etat == ETAT.A_ENVOYER
    Envoi.objects.filter(pk=envoi.pk).update(cree_le=timezone.now() - timedelta(days=7, seconds=1))
    assert passer(envoi).etat == ETAT.REFUSE


# Doubt


def test_a_doubt_is_asked_about_before_anything_is_sent_again(halle, essai):
    essai.suites = [PERDUE]
    essai.savoir = reponse("R-connu")
    envoi = passer(deposer(halle, essai))
    assert envoi.etat == ETAT.INCERTAIN
    assert passer(envoi).etat == ETAT.ENVOYE
    assert envoi.accuse == "R-connu"
    assert essai.faits.count("appel") == 1


def test_what_never_arrived_is_sent_again_after_the_question(halle, essai):
    essai.suites = [PERDUE]
    envoi = passer(deposer(halle, essai))
    assert passer(envoi).etat == ETAT.ENVOYE
    assert [f for f in essai.faits if ":" not in f] == ["appel", "question", "appel"]


@pytest.mark.exigence("OPS-14")
@pytest.mark.parametrize(
    "erreur",
    [
        PANNE,
        PERDUE,
        InvalidReply("xml_dtd", "Illisible."),
        Rejected("EPU-003", "Annulée."),
        NotReady("EPU-030", "Insérez votre carte."),
        Unavailable("EPU-091", "Saturé.", retry_after_s=4),
    ],
)
def test_a_question_that_fails_leaves_the_doubt(halle, essai, erreur):
    essai.savoir = erreur
    envoi = mettre(deposer(halle, essai), ETAT.INCERTAIN)
    assert passer(envoi).etat == ETAT.INCERTAIN
    assert envoi.dernier_code == erreur.code
    essai.savoir = reponse()
    assert passer(envoi).etat == ETAT.ENVOYE
    assert "appel" not in essai.faits


def test_a_doubt_survives_a_missing_card_and_an_open_breaker(halle, essai):
    envoi = mettre(deposer(halle, essai), ETAT.INCERTAIN)
    essai.manque = NotReady("assertion_absente", "Insérez votre carte.")
    assert passer(envoi).etat == ETAT.INCERTAIN
    essai.manque = None
    Disjoncteur.objects.create(
        service="essai",
        environnement="simulateur",
        echecs=5,
        ouvert_jusqua=timezone.now() + timedelta(seconds=60),
    )
    assert passer(envoi).etat == ETAT.INCERTAIN
    assert (envoi.dernier_code, envoi.tentatives) == ("service_coupe", 0)
    assert "appel" not in essai.faits


def test_a_replayable_row_is_sent_again_without_a_question(halle, rejouable):
    rejouable.suites = [PERDUE]
    envoi = passer(deposer(halle, rejouable))
    assert envoi.etat == ETAT.A_ENVOYER
    mettre(envoi, ETAT.INCERTAIN)
    assert passer(envoi).etat == ETAT.ENVOYE
    assert "question" not in rejouable.faits


def test_the_late_answer_of_a_doubted_row_is_welcome(halle, essai):
    envoi = deposer(halle, essai)
    essai.avant_appel = lambda _: mettre(envoi, ETAT.INCERTAIN)
    assert passer(envoi).etat == ETAT.ENVOYE


def test_a_late_answer_never_reopens_what_was_given_up(halle, essai):
    envoi = deposer(halle, essai)
    essai.avant_appel = lambda _: mettre(envoi, ETAT.ABANDONNE, motif_abandon="essai")
    assert passer(envoi).etat == ETAT.ABANDONNE
    assert not Trace.objects.filter(envoi=envoi).exists()


def test_a_late_failure_does_not_settle_the_row_another_worker_took(halle, essai):
    """Doubted, taken again, still in flight: a « surely not done » of the first is not its own."""
    envoi = deposer(halle, essai)
    essai.suites = [PANNE]
    essai.avant_appel = lambda _: mettre(
        envoi, ETAT.EN_VOL, pris_le=timezone.now() + timedelta(seconds=5)
    )
    moteur.process(envoi.pk)
    assert relu(envoi).etat == ETAT.EN_VOL


def test_a_bug_of_ours_leaves_a_doubt_and_is_raised(halle, essai):
    essai.suites = [ZeroDivisionError("essai")]
    envoi = deposer(halle, essai)
    with pytest.raises(ZeroDivisionError):
        moteur.process(envoi.pk)
    assert relu(envoi).etat == ETAT.INCERTAIN
    assert envoi.dernier_code == "panne_interne"


def test_an_answer_that_cannot_be_written_is_not_fetched_for_ever(halle, lecture):
    def casse(_envoi, _reponse):
        raise ZeroDivisionError

    lecture.settle = casse
    envoi = deposer(halle, lecture)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            passer(envoi)
    assert relu(envoi).etat == ETAT.ABANDONNE


def test_each_handler_of_the_product_run_twice_has_one_effect(halle, essai):
    envoi = passer(deposer(halle, essai))
    moteur.process(envoi.pk)
    assert essai.faits.count("appel") == 1


def test_a_service_still_at_work_is_asked_again_by_the_same_row(halle, essai):
    essai.suites = [PANNE, replace(reponse(), reprendre_s=30), reponse("R2")]
    envoi = passer(passer(deposer(halle, essai)))
    en_cours = relu(envoi)
    assert (en_cours.etat, en_cours.tentatives, en_cours.dernier_code) == (ETAT.A_ENVOYER, 0, "")
    assert en_cours.pas_avant > timezone.now() + timedelta(seconds=28)
    passer(envoi)
    assert (relu(envoi).etat, relu(envoi).accuse) == (ETAT.ENVOYE, "R2")
    resultats = Trace.objects.filter(envoi=envoi).order_by("pk").values_list("resultat", flat=True)
    assert list(resultats) == ["suite", "ok"]
    assert essai.faits[-3:] == ["regle:a_envoyer", "appel", "regle:envoye"]


@pytest.mark.parametrize(("dans_s", "sonne"), [(0.25, True), (30, False)])
def test_the_bell_rings_again_soon_and_the_sweep_does_the_rest(
    halle, essai, valkey, django_capture_on_commit_callbacks, dans_s, sonne
):
    essai.suites = [replace(reponse(), reprendre_s=dans_s)]
    envoi = deposer(halle, essai)
    valkey.delete("interactif")
    with django_capture_on_commit_callbacks(execute=True):
        passer(envoi)
    assert bool(lire_file(valkey, "interactif")) is sonne
