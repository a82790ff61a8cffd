"""The screens of a session under way, and what the service says by itself."""

import html
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pharmacy import parametres
from pharmacy.acteurs import AdministrationRequise
from pharmacy.models import Audit
from pharmacy.services import sessions as locales
from psc.models import DeconnexionPsc, InstantanePsc, JetonVu, SessionPsc, TentativePsc
from psc.services import deconnexions, entretien, sessions
from psc.services.acces import MagasinBase
from psc.services.etat import read_header
from psc.services.sante import read_health, verify
from psc.tasks import deconnecter
from teleservices.errors import Unavailable
from teleservices.models import Disjoncteur
from tests.psc import forge
from tests.psc.fournisseur import formulaire
from tests.psc.guichet import text
from tests.psc.sessions_psc import attache

pytestmark = pytest.mark.django_db
ALERTE = "/psc/backchannel-logout"


def cle_of(client):
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def client(halle, fournisseur):
    return halle.client("A02")


@pytest.fixture
def session(halle, client):
    return attache(halle, cle=cle_of(client))


def relu(session):
    session.refresh_from_db()
    return session.etat


def entete(client):
    return client.get("/psc/etat?partie=entete&suite=/patients/").content.decode()


def avance(session, **durees):
    delta = timedelta(**durees)
    SessionPsc.objects.filter(pk=session.pk).update(
        echeance_inactivite=session.echeance_inactivite - delta,
        echeance_fin=session.echeance_fin - delta,
    )
    session.refresh_from_db()


# The header.


@pytest.mark.exigence("PSC-13")
def test_the_header_says_whose_identity_by_what_and_for_how_long(halle, client, session):
    reponse = client.get("/patients/")
    page = reponse.content.decode()
    assert "PSC A. ESSAI carte, 3 h 59" in text(reponse)
    assert 'href="/psc/etat?suite=%2Fpatients%2F"' in page
    assert "PSC A. ESSAI" in entete(client)
    dialogue = client.get("/psc/etat?suite=/patients/").content.decode()
    assert "<strong>ALBA ESSAI</strong>, par carte CPS" in dialogue
    assert "Se déconnecter de Pro Santé Connect" in dialogue


@pytest.mark.cas("psc-72")
def test_ten_minutes_before_the_end_the_header_warns(client, session):
    SessionPsc.objects.filter(pk=session.pk).update(
        echeance_fin=timezone.now() + timedelta(minutes=8, seconds=30),
        echeance_inactivite=timezone.now() + timedelta(minutes=8),
    )
    assert "fin dans 8 min" in entete(client)
    assert "La vente ne risque rien" in client.get("/psc/etat").content.decode()


@pytest.mark.cas("psc-71")
def test_a_page_left_open_asks_nothing_of_the_service_and_is_nobody_acting(
    fournisseur, client, session
):
    avance(session, minutes=31)
    locale = client.session
    locale["activite"] = avant = timezone.now().timestamp() - 120
    locale.save()
    assert "à reconfirmer" in entete(client)
    assert client.session["activite"] == avant
    assert not fournisseur.requetes
    assert "Reconnectez-vous" in client.get("/psc/etat").content.decode()


def test_each_other_state_has_its_words(halle, client, session):
    sessions.park(halle.acteur("A02"), "verrouillage")
    assert "PSC en attente" in entete(client)
    assert "revenez par votre mot de passe" in client.get("/psc/etat").content.decode()
    sessions.end(session, "deconnexion")
    assert "PSC, se connecter" in entete(client)
    ligne = DeconnexionPsc.objects.get()
    ligne.jeton = None
    ligne.save()
    assert "PSC, session à fermer" in entete(client)
    assert "fermez aussi votre session" in client.get("/psc/etat").content.decode()


@pytest.mark.exigence("PSC-13")
def test_the_sign_in_before_is_told_with_its_date_and_poste(halle, client, session):
    autre = attache(halle, poste=1, cle="ailleurs", nom="b", sid="s2")
    texte = client.get("/psc/etat").content.decode()
    assert f"{timezone.localtime(autre.cree_le):%d/%m/%Y à %H:%M}" in texte
    assert halle.postes[1].libelle in texte


def test_the_header_reads_two_rows_and_nothing_when_off(
    halle, client, session, settings, django_assert_num_queries
):
    acteur, cle = halle.acteur("A02"), cle_of(client)
    with django_assert_num_queries(2):
        assert read_header(acteur, cle).nom_court == "A. ESSAI"
    sessions.end(session, "deconnexion")
    with django_assert_num_queries(2):
        assert read_header(acteur, cle).etat == "absente"
    settings.PSC_ACTIF = False
    with CaptureQueriesContext(connection) as requetes:
        assert "PSC" not in client.get("/patients/").content.decode()
    assert not [q for q in requetes if "psc_" in q["sql"]]


@pytest.mark.exigence("TIT-08")
def test_what_the_officine_chooses_has_its_default_its_effect_and_its_author(halle, client):
    titulaire = halle.client("A01")
    page = titulaire.get("/parametres/officine/", {"q": "Pro Santé Connect"}).content.decode()
    reglages = [r for r in parametres.reglage_list() if r.cle.startswith("psc.")]
    assert len(reglages) >= 5
    for reglage in reglages:
        assert html.escape(reglage.libelle, quote=True) in page
        assert reglage.effet
    parametres.modifier(halle.acteur("A01"), "psc.changement", "terminer")
    ligne = parametres.en_vigueur(halle.officine.pk, "psc.changement")
    assert (ligne.valeur, ligne.auteur) == ("terminer", halle.operateurs["A01"])


# Leaving a module.


@pytest.mark.exigence("PSC-06")
@pytest.mark.cas("psc-73")
def test_kept_it_stays_and_is_asked_again_unless_remembered(client, session):
    page = client.get("/psc/quitter?suite=/patients/")
    texte = page.content.decode()
    assert "Garder la connexion Pro Santé Connect active ?" in texte
    assert texte.index("Déconnecter") < len(texte)
    assert "delay:30s" in texte
    assert client.post("/psc/keep", {"suite": "/patients/"})["Location"] == "/patients/"
    assert relu(session) == "active"
    assert client.get("/psc/quitter?suite=/patients/").status_code == 200
    client.post("/psc/keep", {"suite": "/patients/", "retenir": "oui"})
    assert client.get("/psc/quitter?suite=/patients/")["Location"] == "/patients/"
    assert Audit.objects.filter(acte="psc.garder").count() == 2


@pytest.mark.exigence("PSC-06")
def test_without_an_answer_it_is_kept_then_closes_after_the_delay_unless_it_serves(
    halle, client, session
):
    parametres.modifier(halle.acteur("A01"), "psc.sans_reponse_minutes", "5")
    client.post("/psc/keep", {"sans_reponse": "oui"})
    relu(session)
    assert session.etat == "active"
    assert session.echeance_fin <= timezone.now() + timedelta(minutes=5)
    client.post("/psc/keep", {})
    relu(session)
    assert session.echeance_fin > timezone.now() + timedelta(hours=3)
    client.post("/psc/keep", {"sans_reponse": "oui"})
    relu(session)
    avance(session, minutes=6)
    entretien.sweep()
    assert relu(session) == "terminee"


def test_the_question_is_not_asked_when_nothing_is_connected(client):
    assert client.get("/psc/quitter?suite=/patients/")["Location"] == "/patients/"
    assert client.get("/psc/quitter?suite=https://evil.example/")["Location"] == "/"
    assert client.post("/psc/keep", {"suite": "//evil.example"})["Location"] == "/"


@pytest.mark.exigence("PSC-06", "PSC-14")
@pytest.mark.cas("psc-74")
def test_disconnected_our_tokens_go_first_then_the_service_is_told(
    halle, fournisseur, client, session
):
    reponse = client.post("/psc/disconnect", {"suite": "/patients/"})
    assert reponse["Location"] == "/patients/"
    assert relu(session) == "terminee"
    assert session.jetons is None
    assert not fournisseur.sent("deconnexion")
    deconnecter(halle.officine.pk, DeconnexionPsc.objects.get().pk)
    (dit,) = fournisseur.sent("deconnexion")
    assert formulaire(dit)["id_token_hint"] == "identite-a"
    assert not DeconnexionPsc.objects.exists()
    assert client.get("/patients/").status_code == 200


@pytest.mark.cas("psc-75")
def test_the_service_being_down_is_said_and_tried_once_more(halle, fournisseur, client, session):
    fournisseur.gate["deconnexion"] = [Unavailable("connexion", "")] * 2
    client.post("/psc/disconnect")
    ligne = DeconnexionPsc.objects.get()
    deconnecter(halle.officine.pk, ligne.pk)
    deconnecter(halle.officine.pk, ligne.pk)
    assert fournisseur.said("deconnexion") == 1
    DeconnexionPsc.objects.update(pas_avant=timezone.now())
    entretien.sweep()
    ligne.refresh_from_db()
    assert (fournisseur.said("deconnexion"), ligne.jeton) == (2, None)
    assert "session à fermer" in entete(client)
    DeconnexionPsc.objects.update(pas_avant=timezone.now())
    entretien.sweep()
    assert fournisseur.said("deconnexion") == 2
    DeconnexionPsc.objects.update(garder_jusqua=timezone.now(), pas_avant=timezone.now())
    entretien.sweep()
    assert not DeconnexionPsc.objects.exists()


def test_a_second_try_that_passes_leaves_nothing(halle, fournisseur, session):
    fournisseur.gate["deconnexion"] = [Unavailable("connexion", "")]
    sessions.end(session, "deconnexion")
    ligne = DeconnexionPsc.objects.get()
    assert not deconnexions.close(halle.officine.pk, ligne.pk)
    DeconnexionPsc.objects.update(pas_avant=timezone.now())
    assert deconnexions.close(halle.officine.pk, ligne.pk)
    assert not DeconnexionPsc.objects.exists()


@pytest.mark.cas("psc-76")
@pytest.mark.parametrize("requete", ["", "?state=inconnu", "?state=a&state=b"])
def test_the_return_from_the_service_does_nothing(client, session, requete):
    avant = Audit.objects.count()
    for qui in (client, Client(HTTP_HOST="127.0.0.1")):
        reponse = qui.get(f"/psc/bye{requete}")
        assert reponse.status_code == 200
        assert "Vous pouvez fermer cette fenêtre" in reponse.content.decode()
        assert "inconnu" not in reponse.content.decode()
    assert relu(session) == "active"
    assert Audit.objects.count() == avant


# One's own sessions.


@pytest.mark.exigence("PSC-08")
def test_an_operator_sees_and_closes_their_sessions_on_every_poste(halle, client, session):
    ailleurs = attache(halle, poste=1, cle="ailleurs", nom="b", sid="s2")
    attache(halle, "B01", 0, cle="b01", nom="c", sid="s3")
    texte = client.get("/psc/sessions/").content.decode()
    assert halle.postes[1].libelle in texte
    assert texte.count("/fermer/") == 2
    assert client.post(f"/psc/sessions/{ailleurs.pk}/fermer/").status_code == 302
    assert (relu(ailleurs), ailleurs.motif_fin) == ("terminee", "a_distance")
    assert client.post(f"/psc/sessions/{ailleurs.pk}/fermer/").status_code == 404


@pytest.mark.cas("psc-65")
def test_a_colleague_s_session_named_in_a_request_is_refused_and_noted(halle, client, session):
    assert halle.client("B01").post(f"/psc/sessions/{session.pk}/fermer/").status_code == 403
    assert relu(session) == "active"
    ligne = Audit.objects.get(acte="psc.securite")
    assert ligne.operateur_id == halle.operateurs["B01"].pk
    assert (ligne.objet, ligne.genre) == (f"psc:{session.pk}", "securite")


@pytest.mark.exigence("TIT-04")
def test_the_titulaire_s_list_says_who_is_connected(halle, fournisseur):
    navigateur = halle.navigateur(1)
    navigateur.post("/connexion/", {"code": "A02", "mot_de_passe": "halle-adjointe"})
    attache(halle, poste=1, cle=cle_of(navigateur))
    texte = halle.client("A01").get("/equipe/sessions/").content.decode()
    assert "Pro Santé Connect : connecté" in texte
    (vue,) = locales.session_list(halle.officine.pk, None)
    assert vue.complement == "connecté"


# What the service ends by itself.


def jeton(**changes):
    """A logout token of now."""
    maintenant = int(timezone.now().timestamp())
    return forge.signe(forge.deconnexion(iat=maintenant, **changes))


def alerte(texte):
    return Client(HTTP_HOST="127.0.0.1", enforce_csrf_checks=True).post(
        ALERTE, {"logout_token": texte}
    )


@pytest.mark.exigence("PSC-14")
@pytest.mark.cas("psc-77")
def test_a_logout_by_session_ends_it_everywhere(halle, port, client, session):
    autre = attache(halle, "B01", 1, cle="b01", nom="b", sid="s2")
    reponse = alerte(jeton())
    assert (reponse.status_code, reponse["Cache-Control"]) == (200, "no-store")
    assert (relu(session), session.motif_fin) == ("terminee", "deconnexion_recue")
    assert relu(autre) == "active"
    assert not DeconnexionPsc.objects.exists()
    assert client.get("/patients/").status_code == 200
    assert "PSC, se connecter" in entete(client)


@pytest.mark.cas("psc-79")
def test_a_logout_by_person_ends_all_their_sessions(halle, session):
    autre = attache(halle, poste=1, cle="ailleurs", nom="b", sid="s2")
    assert alerte(jeton(sid=None, jti="j2")).status_code == 200
    assert (relu(session), relu(autre)) == ("terminee", "terminee")


@pytest.mark.cas("psc-77")
def test_a_logout_of_nobody_here_is_no_error(session):
    assert alerte(jeton(sid="inconnu")).status_code == 200
    assert relu(session) == "active"


@pytest.mark.cas("psc-78")
def test_the_same_logout_token_again_changes_nothing(halle, session):
    texte = jeton()
    assert alerte(texte).status_code == 200
    neuve = attache(halle, cle="neuve", nom="b")
    reponse = alerte(texte)
    assert (reponse.status_code, reponse["Cache-Control"]) == (400, "no-store")
    assert relu(neuve) == "active"
    JetonVu.objects.update(expire_le=timezone.now())
    entretien.sweep()
    assert not JetonVu.objects.exists()


@pytest.mark.cas("psc-78")
@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "n"},
        {"aud": "un-autre"},
        {"events": None},
        {"iat": 1_700_000_000},
        {"iss": "https://ailleurs.exemple.test"},
        {"typ": "ID"},
    ],
    ids=str,
)
def test_a_logout_token_worth_nothing_ends_nothing(session, change):
    maintenant = int(timezone.now().timestamp())
    texte = forge.signe(forge.deconnexion(**{"iat": maintenant, **change}))
    assert alerte(texte).status_code == 400
    assert relu(session) == "active"
    assert not JetonVu.objects.exists()


@pytest.mark.cas("psc-78")
def test_a_logout_token_that_nobody_signed_ends_nothing(session):
    maintenant = int(timezone.now().timestamp())
    nu = forge.assemble({"alg": "none"}, forge.deconnexion(iat=maintenant), lambda _: b"")
    assert alerte(nu).status_code == 400
    assert Client(HTTP_HOST="127.0.0.1").post(ALERTE, {}).status_code == 400
    assert relu(session) == "active"


def test_keys_that_cannot_be_had_ask_for_another_try(fournisseur, session):
    fournisseur.gate["decouverte"] = [Unavailable("connexion", "")]
    texte = jeton()
    assert alerte(texte).status_code == 503
    assert alerte(texte).status_code == 200
    assert relu(session) == "terminee"


def test_the_address_is_closed_where_it_was_not_declared(settings, session):
    settings.PSC_DECONNEXION_RECUE = False
    assert alerte(jeton()).status_code == 404
    assert relu(session) == "active"


@pytest.mark.cas("psc-77")
@pytest.mark.parametrize(("regle", "verrouille"), [("verrouiller", True), ("rien", False)])
def test_the_poste_that_it_opened_is_locked_when_the_officine_chose_so(
    halle, fournisseur, regle, verrouille
):
    navigateur = halle.navigateur()
    navigateur.post("/connexion/", {"code": "A02", "mot_de_passe": "halle-adjointe"})
    session = attache(halle, cle=cle_of(navigateur))
    sessions.mark_opener(session)
    parametres.modifier(halle.administrateur(), "psc.deconnexion_recue", regle)
    assert alerte(jeton()).status_code == 200
    assert navigateur.session["verrouillee"] is verrouille
    assert relu(session) == "terminee"


# Time, and the page of the state.


def test_the_sweep_ends_closes_and_forgets(halle, fournisseur, session):
    avance(session, hours=4)
    vieille = TentativePsc.objects.create(
        officine=halle.officine,
        objet="connexion",
        poste=halle.postes[0],
        session_empreinte="x",
        expire_le=timezone.now() - timedelta(days=1, minutes=1),
    )
    assert entretien.sweep() == 1
    assert (relu(session), session.motif_fin) == ("terminee", "duree")
    assert fournisseur.said("deconnexion") == 1
    assert not TentativePsc.objects.filter(pk=vieille.pk).exists()
    InstantanePsc.objects.update(purge_le=timezone.now())
    entretien.sweep()
    assert not InstantanePsc.objects.exists()
    assert entretien.sweep() == 0


def tons(**attendus):
    return {point.libelle: point.ton for point in read_health()} | attendus


@pytest.mark.cas("psc-45")
def test_the_page_of_the_state_says_service_addresses_keys_clock_and_certificate(
    halle, fournisseur
):
    fournisseur.commun = fournisseur.client(MagasinBase())
    titulaire = halle.client("A01")
    assert set(tons().values()) == {"attention", "ok"}
    verify()
    assert set(tons().values()) == {"ok"}
    texte = titulaire.get("/psc/health").content.decode()
    assert "répond" in texte
    fournisseur.ecart_s = 180
    verify()
    assert tons()["Horloge du serveur"] == "alerte"
    assert re.search(r"18[01] s en avance", titulaire.get("/psc/health").content.decode())
    fournisseur.ecart_s = -45
    verify()
    assert tons()["Horloge du serveur"] == "attention"
    assert halle.client("B01").get("/psc/health").status_code == 403


@pytest.mark.cas("psc-93")
def test_a_refused_certificate_shows_in_red_and_an_outage_too(halle, fournisseur, settings, tls):
    settings.PSC_AUTHENTIFICATION = "certificat"
    settings.PSC_CERTIFICAT = str(tls / "psc-edc.pem")
    assert tons()["Certificat"] in {"ok", "attention"}
    settings.PSC_CERTIFICAT = "absent.pem"
    assert tons()["Certificat"] == "alerte"
    Disjoncteur.objects.create(
        service="psc",
        environnement=settings.ENVIRONNEMENT,
        a_regler="client_refuse",
        dernier_succes=timezone.now(),
    )
    assert tons()["Service"] == "alerte"
    Disjoncteur.objects.update(
        a_regler="", ouvert_jusqua=timezone.now() + timedelta(minutes=1), dernier_code="x"
    )
    assert tons()["Service"] == "alerte"
    navigateur = halle.navigateur()
    reponse = navigateur.post("/connexion/", {"code": "A02", "mot_de_passe": "halle-adjointe"})
    assert reponse.status_code == 302


def test_asking_for_a_check_leaves_it_to_a_worker(halle, fournisseur, monkeypatch):
    from psc.views import sante

    sonne = []
    monkeypatch.setattr(sante, "ring_task", lambda *args: sonne.append(args))
    reponse = halle.client("A01").post("/psc/health", follow=True)
    assert "Vérification demandée" in reponse.content.decode()
    assert sonne == [("psc.verifier", halle.officine.pk, 0, "interactif")]
    assert not fournisseur.requetes


@pytest.mark.exigence("TIT-03")
@pytest.mark.parametrize(
    ("cle", "stricte", "lache"),
    [
        ("psc.changement", "terminer", "garer"),
        ("psc.premier_usage", "toujours", "noms"),
        ("psc.structure", "bloquer", "avertir"),
        ("psc.deconnexion_recue", "verrouiller", "rien"),
        ("psc.sans_reponse_minutes", "5", "30"),
    ],
)
def test_a_setting_that_protects_less_is_chosen_in_the_administration_mode(
    halle, cle, stricte, lache
):
    parametres.modifier(halle.acteur("A01"), cle, stricte)
    with pytest.raises(AdministrationRequise):
        parametres.modifier(halle.acteur("A01"), cle, lache)
    parametres.modifier(halle.administrateur(), cle, lache)
    assert str(parametres.valeur(halle.officine.pk, cle)) == lache
