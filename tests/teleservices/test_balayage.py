"""The sweep: what is due is rung, what is lost is doubted, in every officine and by ids only."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from teleservices import balayage, disjoncteur, moteur
from teleservices.models import Envoi
from teleservices.tasks import balayer, traiter
from tests.teleservices.atelier import SERVICE, deposer, due, lire_file, mettre

ETAT = Envoi.Etat
pytestmark = pytest.mark.django_db


def chez(troupe):
    return officine_context(troupe.officine.pk)


def deposer_chez(troupe, handler, cle="c1", code="A01"):
    with chez(troupe):
        return deposer(troupe, handler, cle, code=code)


def relu(troupe, envoi):
    with chez(troupe):
        return Envoi.objects.get(pk=envoi.pk)


@pytest.mark.exigence("OPS-14")
def test_due_rows_of_every_officine_are_rung(halle, port, essai, valkey):
    ici, ailleurs = deposer_chez(halle, essai), deposer_chez(port, essai)
    incertain = mettre(deposer_chez(halle, essai, "c2"), ETAT.INCERTAIN)
    for troupe, envoi in ((halle, ici), (port, ailleurs)):
        with chez(troupe):
            due(envoi)
    rung, doubted = balayage.sweep()
    sonnes = [tuple(args) for _, args in lire_file(valkey, "interactif")]
    attendus = {
        (halle.officine.pk, ici.pk),
        (halle.officine.pk, incertain.pk),
        (port.officine.pk, ailleurs.pk),
    }
    assert attendus <= set(sonnes)
    assert (rung, doubted) == (len(sonnes), 0)


@pytest.mark.parametrize("etat", [ETAT.ENVOYE, ETAT.REFUSE, ETAT.ABANDONNE, ETAT.EN_VOL])
def test_what_is_settled_or_in_flight_is_not_rung(halle, essai, etat):
    envoi = mettre(deposer(halle, essai), etat, motif_abandon="essai")
    balayage.sweep()
    envoi.refresh_from_db()
    assert envoi.etat == etat
    assert essai.faits == []


@pytest.mark.exigence("OPS-14")
def test_a_row_in_flight_for_too_long_is_doubted_and_said(halle, port, essai, settings):
    vieux = timezone.now() - timedelta(seconds=settings.EN_VOL_MAX_S + 1)
    perdus = [(t, deposer_chez(t, essai)) for t in (halle, port)]
    for troupe, envoi in perdus:
        with chez(troupe):
            mettre(envoi, ETAT.EN_VOL, pris_le=vieux)
    assert balayage.sweep()[1] == 2
    for troupe, envoi in perdus:
        lu = relu(troupe, envoi)
        assert (lu.etat, lu.dernier_code) == (ETAT.INCERTAIN, "processus_perdu")
    assert essai.faits == ["dit:incertain"] * 2


def test_a_row_in_flight_since_a_moment_is_left(halle, essai, settings):
    recent = timezone.now() - timedelta(seconds=settings.EN_VOL_MAX_S - 5)
    envoi = mettre(deposer(halle, essai), ETAT.EN_VOL, pris_le=recent)
    balayage.sweep()
    assert relu(halle, envoi).etat == ETAT.EN_VOL


def test_a_row_settled_meanwhile_is_not_doubted(halle, essai):
    envoi = mettre(deposer(halle, essai), ETAT.ENVOYE)
    balayage.doubt(envoi.pk)
    assert relu(halle, envoi).etat == ETAT.ENVOYE
    assert essai.faits == []


def test_a_doubted_row_is_asked_about_at_the_next_run(halle, essai):
    envoi = mettre(deposer(halle, essai), ETAT.EN_VOL)
    balayage.doubt(envoi.pk)
    moteur.process(envoi.pk)
    assert [f for f in essai.faits if ":" not in f] == ["question", "appel"]


def test_the_tasks_are_doors_with_two_numbers(halle, essai):
    envoi = deposer(halle, essai)
    due(envoi)
    balayer()
    traiter(halle.officine.pk, envoi.pk)
    assert relu(halle, envoi).etat == ETAT.ENVOYE


def test_a_task_of_another_officine_reaches_nothing(halle, port, essai):
    envoi = deposer(halle, essai)
    due(envoi)
    traiter(port.officine.pk, envoi.pk)
    assert relu(halle, envoi).etat == ETAT.A_ENVOYER
    assert essai.faits == []


def test_closing_a_breaker_wakes_the_rows_of_every_officine_at_a_limited_pace(halle, port, essai):
    plus_tard = timezone.now() + timedelta(hours=1)
    envois = [(t, deposer_chez(t, essai, f"c{n}")) for t in (halle, port) for n in range(3)]
    for troupe, envoi in envois:
        with chez(troupe):
            mettre(envoi, ETAT.A_ENVOYER, pas_avant=plus_tard, attend_service=True)
    sans_rapport = mettre(deposer(halle, essai, "carte"), ETAT.A_ENVOYER, pas_avant=plus_tard)
    assert disjoncteur.wake_waiting(SERVICE) == 6
    dates = sorted(relu(t, e).pas_avant for t, e in envois)
    ecarts = {round((b - a).total_seconds(), 3) for a, b in pairwise(dates)}
    assert ecarts == {disjoncteur.INTERVALLE_REPRISE_MS / 1000}
    assert relu(halle, sans_rapport).pas_avant == plus_tard


# The named doors


@pytest.mark.exigence("SEC-06")
def test_officines_are_crossed_by_named_functions_that_return_no_row(halle):
    with connection.cursor() as curseur:
        curseur.execute(
            """
            SELECT p.proname, r.rolname, p.prosecdef, p.proconfig,
                   has_function_privilege('public', p.oid, 'execute'),
                   pg_get_function_result(p.oid)
            FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
            WHERE p.prosrc LIKE '%%teleservices_%%' ORDER BY p.proname
            """
        )
        fonctions = curseur.fetchall()
    assert [f[0] for f in fonctions] == [
        "comptoir_envois_dus",
        "comptoir_envois_perdus",
        "comptoir_envois_reveiller",
        "comptoir_file_mesures",
    ]
    for _, proprietaire, definer, reglages, publique, rendu in fonctions:
        assert (proprietaire, definer, publique) == ("comptoir_proprietaire", True, False)
        assert reglages == ["search_path=pg_catalog, public, pg_temp"]
        assert set(rendu.removeprefix("TABLE(").rstrip(")").split(", ")) <= {
            "officine_id bigint",
            "envoi_id bigint",
            "file text",
            "etat text",
            *("service text", "nombre bigint", "age_s bigint"),
        }
