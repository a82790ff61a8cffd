"""One breaker per service and environment."""

from datetime import timedelta

import pytest
from django.utils import timezone

from teleservices import disjoncteur, moteur
from teleservices.errors import InvalidReply, NotReady, OutcomeUnknown, Rejected, Unavailable
from teleservices.models import Disjoncteur, Envoi
from tests.teleservices.atelier import SERVICE, deposer, due

ETAT = Envoi.Etat
pytestmark = pytest.mark.django_db
PANNE = Unavailable("http_503", "Indisponible.")


def echouer(troupe, handler, nombre, erreur=PANNE):
    handler.suites = [erreur] * nombre
    for rang in range(nombre):
        passer(deposer(troupe, handler, f"echec-{rang}-{Envoi.objects.count()}"))
    handler.faits.clear()


def passer(envoi):
    due(envoi)
    moteur.process(envoi.pk)
    envoi.refresh_from_db()
    return envoi


def ligne():
    return Disjoncteur.objects.get(service=SERVICE, environnement="simulateur")


@pytest.mark.exigence("OPS-15")
@pytest.mark.parametrize(
    "erreur", [PANNE, OutcomeUnknown("reseau_delai", "x"), InvalidReply("xml_dtd", "x")]
)
def test_five_technical_failures_in_a_row_open_it(halle, essai, erreur):
    echouer(halle, essai, 4, erreur)
    assert ligne().ouvert_jusqua is None
    echouer(halle, essai, 1, erreur)
    essai.faits.clear()
    envoi = passer(deposer(halle, essai, "apres"))
    assert essai.faits == ["dit:a_envoyer"]
    assert (envoi.dernier_code, envoi.tentatives, envoi.attend_service) == (
        "service_coupe",
        0,
        True,
    )


@pytest.mark.parametrize("erreur", [Rejected("EPU-001", "x"), NotReady("EPU-030", "x")])
def test_a_service_that_refuses_is_alive(halle, essai, erreur):
    echouer(halle, essai, 4)
    echouer(halle, essai, 9, erreur)
    assert (ligne().echecs, ligne().ouvert_jusqua) == (0, None)


def test_a_success_between_failures_starts_the_count_again(halle, essai):
    echouer(halle, essai, 4)
    passer(deposer(halle, essai, "bon"))
    echouer(halle, essai, 4)
    assert ligne().ouvert_jusqua is None


def test_a_read_does_not_wait_for_a_service_that_is_away(halle, essai, lecture):
    echouer(halle, essai, 5)
    envoi = passer(deposer(halle, lecture, "lecture"))
    assert (envoi.etat, envoi.dernier_code) == (ETAT.ABANDONNE, "service_coupe")
    assert lecture.faits == ["dit:abandonne"]


def rouvrir():
    Disjoncteur.objects.filter(service=SERVICE).update(
        ouvert_jusqua=timezone.now() - timedelta(seconds=1)
    )


def test_when_the_pause_is_over_a_failing_probe_opens_it_again(halle, essai):
    echouer(halle, essai, 5)
    rouvrir()
    essai.suites = [PANNE]
    passer(deposer(halle, essai, "sonde"))
    assert essai.faits == ["appel", "dit:a_envoyer"]
    assert ligne().ouvert_jusqua > timezone.now()
    passer(deposer(halle, essai, "suivant"))
    assert essai.faits.count("appel") == 1


def test_a_probe_that_answers_closes_it_and_wakes_what_waited(halle, essai):
    echouer(halle, essai, 5)
    attend = passer(deposer(halle, essai, "attend"))
    assert attend.pas_avant > timezone.now()
    rouvrir()
    assert passer(deposer(halle, essai, "sonde")).etat == ETAT.ENVOYE
    attend.refresh_from_db()
    assert attend.pas_avant < timezone.now() + timedelta(seconds=2)
    assert (ligne().echecs, ligne().ouvert_jusqua) == (0, None)


def test_each_service_and_each_environment_has_its_own(halle, essai, settings):
    echouer(halle, essai, 5)
    maintenant = timezone.now()
    assert disjoncteur.is_passing(SERVICE, maintenant) is not None
    assert disjoncteur.is_passing("autre", maintenant) is None
    settings.ENVIRONNEMENT = "bac_a_sable"
    assert disjoncteur.is_passing(SERVICE, maintenant) is None


def test_a_service_away_for_weeks_does_not_overflow_the_count(halle):
    disjoncteur.note_failure(SERVICE, "x", timezone.now())
    Disjoncteur.objects.filter(service=SERVICE).update(echecs=32_767)
    disjoncteur.note_failure(SERVICE, "x", timezone.now())
    assert ligne().echecs == disjoncteur.ECHECS_MAX


def test_a_success_is_not_written_at_each_call(halle, django_assert_num_queries):
    maintenant = timezone.now()
    disjoncteur.note_success(SERVICE, maintenant)
    with django_assert_num_queries(1):
        assert disjoncteur.note_success(SERVICE, maintenant + timedelta(seconds=1)) is False
    disjoncteur.note_success(SERVICE, maintenant + timedelta(seconds=6))
    assert ligne().dernier_succes == maintenant + timedelta(seconds=6)
