"""The service of the appli slow, away or odd: the sale goes on, the screen says what to do."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from ins.models import ContexteApcv
from teleservices.models import Disjoncteur, Envoi
from tests.ins.humeurs import PANNES

pytestmark = pytest.mark.django_db


@pytest.mark.exigence("OPS-15")
@pytest.mark.parametrize(
    ("nom", "faits"),
    [
        *PANNES,
        ("faute", {"code": "APCV_INDISPONIBLE"}),
        ("faute", {"code": "APCV_PS_NON_AUTORISE"}),
        ("faute", {"code": "APCV_MALFORME"}),
        ("bizarre", {"variante": "oid_inconnu"}),
        ("bizarre", {"variante": "sans_beneficiaire"}),
        ("bizarre", {"variante": "statut_autre"}),
    ],
)
def test_a_broken_service_qualifies_nobody_and_offers_the_card_or_the_name(appli, nom, faits):
    appli.vitale.humeur(nom, **faits)
    appli.scan(appli.code("titulaire"))
    appli.work(essais=4)
    lecture = appli.lecture()
    assert lecture.etat == "echec"
    assert lecture.code
    assert lecture.donnees is None
    face, html = appli.panneau()
    assert face == "echec"
    assert "carte Vitale" in html
    assert lecture.code in html
    appli.vente.refresh_from_db()
    assert (appli.vente.etat, appli.vente.patient) == ("ouverte", None)


@pytest.mark.parametrize(
    "variante", ["sans_patronymique", "nom_usuel_vide", "sans_lieu", "sans_nir_certifie"]
)
def test_an_odd_but_legal_answer_qualifies_all_the_same(appli, variante):
    appli.vitale.humeur("bizarre", variante=variante)
    assert appli.take("titulaire").statut == "QUAL"


def test_a_wrong_key_given_by_the_state_is_kept_as_it_came(appli):
    appli.vitale.humeur("bizarre", variante="cle_fausse")
    patient = appli.take("titulaire")
    assert patient.statut == "QUAL"
    assert patient.ins_matricule.startswith("2751263220749")
    assert not patient.ins_matricule.endswith("74")


def test_a_field_that_the_contract_does_not_know_is_left_aside(appli):
    appli.vitale.humeur("bizarre", variante="champ_inconnu")
    assert appli.take("titulaire").statut == "QUAL"


def test_a_service_that_recovers_at_once_gives_the_persons_all_the_same(appli):
    appli.vitale.humeur("panne_503", fois=1)
    appli.scan(appli.code("titulaire"))
    appli.work(essais=2)
    assert appli.lecture().etat == "a_choisir"


def test_a_lost_answer_burns_the_code_and_a_new_one_is_asked(appli):
    appli.vitale.humeur("reponse_perdue", fois=1)
    appli.scan(appli.code("titulaire"))
    appli.work(essais=2)
    assert appli.lecture().code == "APCV_DEJA_UTILISE"
    assert appli.take("titulaire").statut == "QUAL"


def test_a_slow_service_is_given_its_time_and_a_clock_is_shown(appli):
    appli.vitale.humeur("normal", latence_ms=400)
    appli.scan(appli.code("titulaire"))
    face, html = appli.panneau()
    assert face == "attente"
    assert 'class="horloge"' in html
    assert "load delay:4" in html
    appli.work()
    assert appli.panneau()[0] == "averifier"


def test_an_open_breaker_says_so_at_once(appli):
    Disjoncteur.objects.create(
        service="apcv",
        environnement="simulateur",
        ouvert_jusqua=timezone.now() + timedelta(minutes=1),
    )
    appli.scan(appli.code("titulaire"))
    appli.work()
    assert Envoi.objects.get(operation="apcv.ouvrir").etat == "abandonne"
    assert appli.panneau()[0] == "echec"
    assert appli.vitale.journal() == []


def test_our_own_certificate_missing_is_said_and_kept_to_ourselves(appli, settings):
    settings.VITALE_CERTIFICAT = "/n-existe-pas.pem"
    appli.scan(appli.code("titulaire"))
    appli.work()
    face, html = appli.panneau()
    assert face == "echec"
    assert "Prévenez le titulaire" in html


def test_beyond_45_seconds_the_panel_gives_up_by_itself(appli):
    appli.scan(appli.code("titulaire"))
    ContexteApcv.objects.update(cree_le=timezone.now() - timedelta(seconds=46))
    face, html = appli.panneau()
    assert face == "echec"
    assert "pas répondu à temps" in html


def test_an_answer_too_late_opens_nothing_and_the_panel_offers_it(appli):
    appli.scan(appli.code("titulaire"))
    envoi = Envoi.objects.get(operation="apcv.ouvrir")
    from ins.handlers_apcv import Ouvrir
    from teleservices.moteur import claim, settle

    pris, _doute = claim(envoi.pk)
    handler = Ouvrir()
    reponse = handler.call(handler.prepare(pris))
    Envoi.objects.filter(pk=envoi.pk).update(cree_le=timezone.now() - timedelta(seconds=60))
    settle(handler, pris, reponse)
    face, html = appli.panneau()
    assert face == "averifier"
    assert "Choisir la personne" in html


def test_the_panel_counts_down_and_says_when_it_is_over(appli):
    appli.take("titulaire")
    lecture = appli.lecture()
    for reste, mots, delai in (
        (1500, r"encore 25\u00a0min", 60),
        (70, r"encore 2\u00a0min", r"(10|[4-9])"),
        (40, r"encore (40|3[0-9])\u00a0s", 10),
    ):
        ContexteApcv.objects.filter(pk=lecture.pk).update(
            expire_le=timezone.now() + timedelta(seconds=reste - 0.5)
        )
        face, html = appli.panneau()
        assert face == "reponse"
        assert re.search(mots, html)
        assert re.search(f"load delay:{delai}s", html)
    ContexteApcv.objects.filter(pk=lecture.pk).update(expire_le=timezone.now())
    face, html = appli.panneau()
    assert face == "averifier"
    assert "présenter un nouveau code" in html


def test_a_refusal_is_forgotten_after_five_minutes_or_once_a_card_is_read(appli):
    appli.read("code_perime")
    assert appli.panneau()[0] == "echec"
    appli.vente.carte_presente = True
    appli.vente.save()
    assert appli.panneau()[0] == "vide"
    appli.vente.carte_presente = False
    appli.vente.save()
    ContexteApcv.objects.update(cree_le=timezone.now() - timedelta(seconds=301))
    assert appli.panneau()[0] == "vide"


def test_a_reading_of_somebody_else_than_who_is_in_the_sale_now_is_not_shown(appli):
    from pharmacy.services.vente import patient_choose

    appli.take("titulaire")
    patient_choose(appli.troupe.acteur(), appli.vente.pk, appli.troupe.patient(), "recherche")
    assert appli.panneau()[0] == "vide"


def test_the_operator_without_number_reads_under_the_titulaires(appli):
    client = appli.troupe.client("B01")
    texte = appli.code("titulaire")
    assert appli.troupe.operateurs["B01"].rpps == ""
    assert appli.scan(texte, client)[0] == 200
    appli.work()
    assert appli.lecture().etat == "a_choisir"
    requete = appli.vitale.ask("/controle/journal/1")["requete"]
    assert f'"8{appli.troupe.operateurs["A01"].rpps}"' in requete


def test_an_officine_without_any_number_is_told_so(appli):
    from pharmacy.models import Operateur

    Operateur.objects.filter(officine=appli.troupe.officine).update(rpps="")
    appli.scan(appli.code("titulaire"))
    appli.work()
    assert appli.lecture().code == "APCV_PS_NON_AUTORISE"


def test_choosing_and_showing_cost_few_queries(appli, django_assert_max_num_queries):
    client = appli.troupe.client()
    appli.read("famille_nombreuse")
    with django_assert_max_num_queries(15):
        assert client.get(appli.url()).status_code == 200
    with django_assert_max_num_queries(70):
        assert appli.choose(2, client).status_code == 200
    with django_assert_max_num_queries(12):
        appli.panneau(client)
