"""Approval on the telephone: the screen, the worker, the end; the provider is in memory."""

from datetime import timedelta

import pytest
from django.conf import settings as reglages
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from pharmacy.models import Audit, SessionOuverte
from psc.models import SessionPsc, TentativePsc
from psc.services import arrivee, ciba, rattachements
from teleservices import sonnette
from tests.psc.fournisseur import JSON, erreur, formulaire
from tests.psc.personnes import document
from tests.psc.sessions_psc import authentifie

pytestmark = pytest.mark.django_db
NATIONAL, RPPS = "810100000040", "10100000040"
DEPART = "/psc/ciba"


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


@pytest.fixture
def service(fournisseur, settings, monkeypatch):
    """The provider knows Alice, and takes requests for a telephone."""
    settings.PSC_CIBA = True
    monkeypatch.setattr(arrivee, "psc_client", lambda: fournisseur.commun)
    fournisseur.personne = document(NATIONAL, given_name="ALICE", family_name="MARTIN")
    return fournisseur


@pytest.fixture
def coups(monkeypatch):
    """What rings for a worker, which the test is; seconds before it comes."""
    recus = []

    def note(tache, officine_id, ligne_id, file="lots", dans_s=0.0):
        recus.append((tache, ligne_id, file, dans_s))

    monkeypatch.setattr(ciba, "ring_task", note)
    return recus


@pytest.fixture
def alice(halle, service, coups, django_capture_on_commit_callbacks):
    """Alice at the counter, her link proved; she asks for her telephone."""
    rattachements.prove(halle.operateurs["A02"], authentifie(NATIONAL))
    return Telephone(halle, service, coups, django_capture_on_commit_callbacks)


class Telephone:
    """One counter: its browser, its requests, and the worker that follows them."""

    def __init__(self, troupe, service, coups, au_commit, code="A02"):
        self.troupe, self.service, self.coups, self.au_commit = troupe, service, coups, au_commit
        self.client = self.sign_in(code)

    def sign_in(self, code="A02", poste=0):
        client = self.troupe.client(code, poste)
        self.cle = client.cookies[reglages.SESSION_COOKIE_NAME].value
        SessionOuverte.objects.create(
            officine=self.troupe.officine,
            operateur=self.troupe.operateurs[code],
            poste=self.troupe.postes[poste],
            cle=self.cle,
        )
        return client

    def ask(self, **corps):
        with self.au_commit(execute=True):
            return self.client.post(DEPART, corps)

    def requested(self):
        reponse = self.ask()
        assert reponse.status_code == 302
        return TentativePsc.objects.get(pk=reponse["Location"].rsplit("/", 1)[1])

    def sent(self):
        """A request that the worker has sent."""
        tentative = self.requested()
        self.work(tentative)
        return self.fresh(tentative)

    def work(self, tentative, plus_tard=True):
        """The worker comes at the hour it was rung for."""
        if plus_tard:
            TentativePsc.objects.filter(pk=tentative.pk).update(ciba_prochaine_le=timezone.now())
        ciba.advance(self.troupe.officine.pk, tentative.pk)

    @staticmethod
    def fresh(tentative):
        return TentativePsc.objects.get(pk=tentative.pk)

    def page(self, tentative, **entetes):
        return self.client.get(f"{DEPART}/{tentative.pk}", **entetes)


def attend(service):
    service.gate["jeton"] = erreur("authorization_pending")


def repond(service):
    service.gate.pop("jeton", None)


# The start.


@pytest.mark.exigence("PSC-13")
@pytest.mark.cas("psc-83")
def test_the_telephone_and_the_screen_show_the_same_two_digits(alice, service):
    assert "Envoyer la demande à mon téléphone" in _texte(alice.client.get(DEPART))
    tentative = alice.requested()
    assert alice.coups == [(ciba.TACHE, str(tentative.pk), "interactif", 0.0)]
    assert "Envoi de la demande" in _texte(alice.page(tentative))
    assert not service.requetes
    alice.work(tentative, plus_tard=False)
    (appel,) = service.sent("ciba")
    envoye = formulaire(appel)
    assert (envoye["login_hint"], envoye["channel"]) == (NATIONAL, "MOBILE")
    assert (envoye["binding_message"], len(tentative.numero)) == (tentative.numero, 2)
    page = _texte(alice.page(alice.fresh(tentative)))
    assert f'<p class="code-poste ciba-nombre">{tentative.numero}</p>' in page
    assert "Encore 1" in page
    assert "N'approuvez que ce que vous avez demandé" in page.replace("&#x27;", "'")
    assert "demande-1" not in page


def test_a_request_is_sent_once_even_when_two_workers_come(alice, service):
    tentative = alice.sent()
    TentativePsc.objects.filter(pk=tentative.pk).update(ciba_demande="")
    alice.work(tentative, plus_tard=False)
    assert len(service.sent("ciba")) == 1


@pytest.mark.cas("psc-90")
def test_nobody_unidentified_calls_a_telephone(halle, service):
    for client in (halle.navigateur(), halle.client("A02")):
        if client.cookies.get(reglages.SESSION_COOKIE_NAME):
            client.session.flush()
        reponse = client.post(DEPART, {"rpps": RPPS})
        assert reponse.status_code == 403
    assert not TentativePsc.objects.exists()


@pytest.mark.cas("psc-90")
def test_from_the_sign_in_page_the_code_comes_first(halle, service):
    navigateur = halle.navigateur()
    assert navigateur.get(DEPART)["Location"] == "/connexion/?suite=%2Fpsc%2Fciba"
    entree = {"code": "A02", "mot_de_passe": "halle-adjointe", "suite": DEPART}
    assert navigateur.post("/connexion/", entree)["Location"] == DEPART


def test_a_locked_screen_calls_no_telephone(alice):
    session = SessionStore(session_key=alice.cle)
    session["verrouillee"] = True
    session.save()
    assert alice.ask().status_code == 403


@pytest.mark.parametrize("etat", ["declare", "suspendu", "demande"])
def test_only_a_proved_link_of_one_s_own_is_called(alice, etat):
    lien = rattachements.current(alice.troupe.operateurs["A02"])
    lien.etat = etat
    lien.save(update_fields=["etat"])
    reponse = alice.ask(rpps="10100000032")
    assert reponse.status_code == 409
    assert "PSC-301" in _texte(reponse)
    assert not TentativePsc.objects.exists()


@pytest.mark.cas("psc-89")
def test_the_fourth_request_in_ten_minutes_is_refused_here(alice, service):
    for _ in range(3):
        tentative = alice.sent()
        alice.client.post(f"{DEPART}/{tentative.pk}/annuler")
    reponse = alice.ask()
    assert reponse.status_code == 409
    assert "PSC-303" in _texte(reponse)
    assert len(service.sent("ciba")) == 3
    TentativePsc.objects.update(cree_le=timezone.now() - timedelta(minutes=10))
    assert alice.ask().status_code == 302


def test_a_poste_has_its_limit_too(alice):
    sam = alice.troupe.operateurs["B01"]
    TentativePsc.objects.bulk_create(
        TentativePsc(
            officine=alice.troupe.officine,
            objet="ciba",
            poste=alice.troupe.postes[0],
            operateur=sam,
            session_empreinte="e" * 64,
            issue="annulee",
            expire_le=timezone.now(),
        )
        for _ in range(10)
    )
    assert "PSC-304" in _texte(alice.ask())


def test_a_second_click_shows_the_request_that_waits(alice, service):
    tentative = alice.sent()
    assert alice.ask()["Location"] == f"{DEPART}/{tentative.pk}"
    assert len(service.sent("ciba")) == 1


def test_one_request_at_a_time_whatever_the_poste(alice):
    alice.sent()
    alice.client = alice.sign_in("A02", 1)
    assert "PSC-302" in _texte(alice.ask())


# The wait.


@pytest.mark.cas("psc-84")
def test_who_approves_is_connected_and_goes_back_to_the_page(alice, service):
    attend(service)
    tentative = alice.sent()
    alice.work(tentative)
    assert alice.fresh(tentative).issue == ""
    repond(service)
    alice.work(tentative)
    session = SessionPsc.objects.get()
    assert (session.voie, session.rpps, session.etat) == ("ciba", RPPS, "active")
    assert session.operateur_id == alice.troupe.operateurs["A02"].pk
    htmx = alice.page(tentative, HTTP_HX_REQUEST="true")
    assert (htmx.status_code, htmx["HX-Redirect"]) == (204, "/vente/")
    assert "Connecté à Pro Santé Connect" in _texte(alice.page(tentative))
    assert "Dernière connexion par Pro Santé Connect : le" in _texte(alice.client.get(DEPART))
    actes = set(Audit.objects.values_list("acte", flat=True))
    assert {"psc.ciba.demander", "psc.ciba.approuver", "psc.ouvrir"} <= actes


@pytest.mark.cas("psc-85")
def test_another_person_s_approval_is_refused_and_logged_out(alice, service):
    attend(service)
    tentative = alice.sent()
    repond(service)
    service.personne = document("899700900022")
    alice.work(tentative)
    assert not SessionPsc.objects.exists()
    assert service.said("deconnexion") == 1
    assert "Une autre personne a répondu" in _texte(alice.page(tentative))
    ligne = Audit.objects.get(acte="psc.securite")
    assert (ligne.resultat, ligne.precision) == ("refus", "ciba_autre_personne")


@pytest.mark.cas("psc-86")
def test_a_refusal_is_said_and_nothing_is_asked_again(alice, service, coups):
    tentative = alice.sent()
    service.gate["jeton"] = erreur("access_denied")
    alice.work(tentative)
    sonnees = len(coups)
    page = _texte(alice.page(tentative))
    assert "Demande refusée sur le téléphone." in page
    assert 'hx-trigger="every 1s"' not in page
    alice.work(tentative)
    assert len(coups) == sonnees
    assert service.said("ciba") == 1


@pytest.mark.cas("psc-86")
def test_nobody_answers_until_the_deadline_that_was_given(alice, service):
    service.gate["ciba"] = (200, JSON, {"auth_req_id": "d", "expires_in": 60, "interval": 5})
    tentative = alice.sent()
    assert 58 < (tentative.expire_le - timezone.now()).total_seconds() <= 60
    TentativePsc.objects.filter(pk=tentative.pk).update(expire_le=timezone.now())
    assert "Personne n'a répondu" in _texte(alice.page(tentative)).replace("&#x27;", "'")
    alice.work(tentative)
    assert alice.fresh(tentative).issue == "refusee:ciba_expire"
    assert service.said("jeton") == 0


@pytest.mark.cas("psc-87")
def test_too_fast_slows_down_by_five_seconds(alice, service, coups):
    tentative = alice.sent()
    assert coups[-1][3] == 5
    service.gate["jeton"] = erreur("slow_down")
    alice.work(tentative)
    assert coups[-1][3] == 10
    reste = alice.fresh(tentative).ciba_prochaine_le - timezone.now()
    assert timedelta(seconds=9) < reste <= timedelta(seconds=10)


@pytest.mark.cas("psc-87")
def test_no_question_comes_before_its_hour(alice, service):
    attend(service)
    tentative = alice.sent()
    alice.work(tentative, plus_tard=False)
    assert service.said("jeton") == 0
    alice.work(tentative)
    alice.work(tentative, plus_tard=False)
    assert service.said("jeton") == 1


def test_a_breakdown_waits_longer_each_time_then_goes_on(alice, service, coups):
    tentative = alice.sent()
    service.gate["jeton"] = (503, "", b"")
    for pas in (10, 20, 40, 60, 60):
        alice.work(tentative)
        assert coups[-1][3] == pas
    attend(service)
    alice.work(tentative)
    assert coups[-1][3] == 5


def test_the_page_rings_again_when_a_bell_was_lost(alice, coups):
    tentative = alice.sent()
    sonnees = len(coups)
    alice.page(tentative, HTTP_HX_REQUEST="true")
    assert len(coups) == sonnees
    TentativePsc.objects.filter(pk=tentative.pk).update(
        ciba_prochaine_le=timezone.now() - timedelta(seconds=4)
    )
    alice.page(tentative, HTTP_HX_REQUEST="true")
    assert len(coups) == sonnees + 1


# Given up.


@pytest.mark.cas("psc-88")
def test_who_approves_after_the_cancellation_is_logged_out(alice, service):
    attend(service)
    tentative = alice.sent()
    alice.client.post(f"{DEPART}/{tentative.pk}/annuler")
    assert "Connexion annulée." in _texte(alice.page(tentative))
    alice.work(tentative)
    assert alice.coups[-1][3] == 5
    repond(service)
    alice.work(tentative)
    assert not SessionPsc.objects.exists()
    assert alice.fresh(tentative).issue == "annulee"
    (fin,) = service.sent("deconnexion")
    assert set(formulaire(fin)) == {"id_token_hint"}
    assert Audit.objects.filter(acte="psc.ciba.refuser", precision="trop_tard").exists()


@pytest.mark.cas("psc-88")
def test_what_is_given_up_before_it_left_never_leaves(alice, service):
    tentative = alice.requested()
    alice.client.post(f"{DEPART}/{tentative.pk}/annuler")
    alice.work(tentative)
    assert not service.requetes


@pytest.mark.parametrize("sort", ["parti", "verrouille", "autre"])
def test_who_is_no_longer_at_the_counter_is_logged_out(alice, service, sort):
    attend(service)
    tentative = alice.sent()
    session = SessionStore(session_key=alice.cle)
    if sort == "parti":
        session.delete()
    else:
        session["verrouillee"] = True
        if sort == "autre":
            session["_auth_user_id"] = str(alice.troupe.operateurs["B01"].pk)
            session["verrouillee"] = False
        session.save()
    repond(service)
    alice.work(tentative)
    assert not SessionPsc.objects.exists()
    assert service.said("deconnexion") == 1


def test_a_link_suspended_meanwhile_opens_nothing(alice, service):
    attend(service)
    tentative = alice.sent()
    rattachements.suspend(
        alice.troupe.acteur("A01"),
        rattachements.current(alice.troupe.operateurs["A02"]).pk,
        "téléphone perdu",
    )
    repond(service)
    alice.work(tentative)
    assert not SessionPsc.objects.exists()
    assert service.said("deconnexion") == 1


# What the service refuses.


@pytest.mark.cas("psc-91")
def test_a_professional_without_e_cps_is_told_how_to_have_one(alice, service):
    service.gate["ciba"] = erreur("unknown_user_id")
    tentative = alice.sent()
    page = _texte(alice.page(tentative))
    assert "e-CPS non activée, ou RPPS inconnu." in page
    assert 'href="/psc/e-cps"' in page


@pytest.mark.cas("psc-92")
def test_a_telephone_that_is_not_open_to_us_is_hidden_and_the_titulaire_told(alice, service):
    service.gate["ciba"] = erreur("unauthorized_client")
    tentative = alice.sent()
    assert "n'est pas ouverte à ce logiciel" in _texte(alice.page(tentative)).replace("&#x27;", "'")
    assert "Envoyer la demande" not in _texte(alice.client.get(DEPART))
    assert "PSC-306" in _texte(alice.ask())
    julien = alice.troupe.operateurs["A01"]
    rattachements.prove(julien, authentifie(f"8{julien.rpps}"))
    titulaire = Telephone(alice.troupe, service, alice.coups, alice.au_commit, "A01")
    page = _texte(titulaire.client.get(DEPART))
    assert "PSC-306" in page
    assert "Envoyer la demande" in page
    service.gate.pop("ciba")
    titulaire.sent()
    assert "Envoyer la demande" in _texte(alice.client.get(DEPART))


@pytest.mark.exigence("PSC-02")
def test_a_service_that_is_down_is_said_and_the_code_stays(alice, service):
    service.gate["ciba"] = (503, "", b"")
    page = _texte(alice.page(alice.sent()))
    assert "Pro Santé Connect est indisponible." in page
    assert "Utilisez votre code" in page


def test_without_the_setting_nothing_is_offered(alice, settings):
    settings.PSC_CIBA = False
    assert "PSC-305" in _texte(alice.client.get(DEPART))
    assert alice.ask().status_code == 409


# Whose request it is.


def test_a_request_is_seen_by_the_session_that_began_it(alice):
    tentative = alice.sent()
    for client in (alice.troupe.client("A02"), alice.troupe.client("B01")):
        page = client.get(f"{DEPART}/{tentative.pk}")
        assert (page["Location"], page.content) == (DEPART, b"")
        assert client.post(f"{DEPART}/{tentative.pk}/annuler")["Location"] == DEPART
    assert alice.fresh(tentative).issue == ""


@pytest.mark.exigence("PSC-12")
def test_nothing_secret_is_in_the_row_nor_in_what_rings(alice, coups):
    tentative = alice.sent()
    assert "demande-1" in tentative.ciba_demande
    from django.db import connection

    with connection.cursor() as curseur:
        curseur.execute("SELECT ciba_demande FROM psc_tentativepsc WHERE id = %s", [tentative.pk])
        assert b"demande-1" not in bytes(curseur.fetchone()[0])
    assert "demande-1" not in str(coups)
    assert RPPS not in str(coups)


@pytest.mark.exigence("PSC-16")
def test_three_steps_tell_how_to_have_an_e_cps(halle):
    page = _texte(halle.client("B01").get("/psc/e-cps"))
    assert page.count("<strong>") >= 3
    assert "votre carte CPS dans un lecteur" in page
    assert "annuaire santé" in page


def test_the_bell_is_rung_by_its_name(monkeypatch):
    """The task of the worker has the name that is rung."""
    from psc import tasks

    assert tasks.sonder.name == ciba.TACHE
    envois = []
    monkeypatch.setattr(
        sonnette.current_app, "send_task", lambda nom, **champs: envois.append((nom, champs))
    )
    sonnette.ring_task("psc.sonder", 1, "x", "interactif", 5)
    assert envois[0][1]["countdown"] == 5
