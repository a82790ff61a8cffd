"""The whole product before two providers: our simulator, and the independent one (psc.md §6.1).

The pages, the services and the database are ours; the window in which a person answers, and the
sockets, are theirs. Nothing here is told which one it is.
"""

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from pharmacy.models import Audit
from psc.coffre import unseal
from psc.models import DeconnexionPsc, SessionPsc, TentativePsc
from psc.services import acces, ciba, deconnexions, jetons_services
from teleservices.errors import TeleserviceError
from tests.psc.guichet import MOTS_DE_PASSE, Guichet, hang_up, text
from tests.psc.pairs import ALICE, BRUNO, GENS, PAR_SECRET, SECRET
from tests.psc.sessions_psc import vieillit
from tests.simulators.client_psc import FIN, RETOUR

pytestmark = [pytest.mark.cas("psc-98"), pytest.mark.exigence("PSC-10")]


class GuichetPair(Guichet):
    """The counter; the window is somebody's browser at one of the two providers."""

    def __init__(self, troupe, pair):
        super().__init__(troupe, pair.processus, None)
        self.visiteur = pair.visitor()

    def choose(self, adresse, qui=ALICE):
        return self.visiteur.sign_in(adresse, qui)

    def arrive(self, qui=ALICE, suite=""):
        return super().arrive(qui, suite)


@pytest.fixture
def guichet(halle, pair, settings):
    """An installation set on a provider, by the settings that a host writes."""
    settings.PSC_ACTIF = settings.PSC_CIBA = settings.PSC_DECONNEXION_RECUE = True
    settings.PSC_EMETTEUR = pair.decouverte.split("/.well-known/")[0]
    settings.PSC_HOTES = sorted(pair.hotes)
    settings.PSC_CLIENT_ID, settings.PSC_CLIENT_SECRET = PAR_SECRET, SECRET
    settings.PSC_REDIRECTION, settings.PSC_APRES_DECONNEXION = RETOUR, FIN
    settings.PSC_CERTIFICAT = settings.PSC_CLE = ""
    settings.TLS_AC = str(pair.tls / "ac-serveurs.pem")
    yield GuichetPair(halle, pair)
    hang_up()
    acces._transport.cache_clear()


def jetons_of(session):
    session.refresh_from_db()
    return unseal(session.pk, bytes(session.jetons))


@pytest.mark.exigence("PSC-01", "PSC-03", "PSC-04")
@pytest.mark.cas("psc-1", "psc-2", "psc-3", "psc-4", "psc-5", "psc-6", "psc-7", "psc-8")
@pytest.mark.parametrize("national", GENS)
def test_each_professional_who_is_linked_is_signed_in(national, guichet):
    prenom = GENS[national][0].split(" ")[0]
    guichet.located()
    guichet.attach("A02", prenom, national=national if prenom == "hugo" else "")
    fenetre = text(guichet.arrive(national, "/patients/"))
    assert "vous êtes connecté" in fenetre
    assert guichet.who() == "A02"
    (session,) = guichet.sessions()
    assert (session.etat, session.national, session.voie) == ("active", national, "code")
    assert ("psc.autoriser", "ok", "lien_prouve") in guichet.acts()
    attente = guichet.poll()
    assert (attente.status_code, attente["HX-Redirect"]) == (204, "/patients/")


@pytest.mark.cas("psc-11")
def test_the_operator_at_work_stays_where_they_are(guichet):
    guichet.attach("A02", "bruno")
    guichet.works("A02")
    cle = guichet.cookie()
    assert "vous êtes connecté" in text(guichet.arrive(BRUNO))
    assert (guichet.who(), guichet.cookie()) == ("A02", cle)
    assert [s.operateur.code for s in guichet.sessions()] == ["A02"]


@pytest.mark.cas("psc-12")
def test_an_identity_without_operator_opens_nothing(guichet):
    assert "Aucun opérateur rattaché" in text(guichet.arrive(BRUNO))
    assert (guichet.who(), guichet.sessions()) == ("", [])


@pytest.mark.cas("psc-30")
def test_the_same_way_back_twice_keeps_the_session_of_the_first(guichet):
    guichet.attach("A01", "alice")
    adresse = guichet.choose(guichet.leave()["Location"])
    guichet.back(adresse)
    assert guichet.back(adresse).status_code == 409
    assert guichet.who() == "A01"
    (session,) = guichet.sessions()
    assert acces.psc_client().introspect(jetons_of(session).acces)


@pytest.mark.cas("psc-35")
def test_who_cancels_over_there_is_told_so_here(guichet):
    page = guichet.visiteur.page(guichet.leave()["Location"])
    retour = guichet.back(guichet.visiteur.click(page, annuler="oui"))
    assert "Connexion annulée" in text(guichet.client.get(retour["Location"]))
    assert (guichet.who(), guichet.sessions()) == ("", [])


@pytest.mark.cas("psc-29")
def test_another_browser_that_brings_the_way_back_gets_nothing(guichet, halle):
    guichet.attach("A01", "alice")
    adresse = guichet.choose(guichet.leave()["Location"])
    assert guichet.back(adresse, halle.navigateur(1)).status_code in {400, 403}
    assert guichet.back(adresse).status_code == 303
    assert guichet.who() == "A01"


@pytest.mark.exigence("PSC-11")
@pytest.mark.cas("psc-67", "psc-69")
def test_tokens_are_renewed_by_who_acts_until_the_service_ends_them(guichet, halle):
    guichet.attach("A01", "alice")
    guichet.arrive()
    (session,) = guichet.sessions()
    anciens = jetons_of(session)
    vieillit(session, 130)
    acteur, cle = halle.acteur("A01"), guichet.cookie()
    acces_neuf = jetons_services.access_token(acteur, cle)
    neufs = jetons_of(session)
    assert acces_neuf == neufs.acces != anciens.acces
    assert neufs.renouvellement != anciens.renouvellement
    acces.psc_client().revoke(neufs.renouvellement)
    vieillit(session, 130)
    with pytest.raises(TeleserviceError) as leve:
        jetons_services.access_token(acteur, cle)
    assert leve.value.code == "session_terminee"
    assert (guichet.who(), guichet.sessions()) == ("A01", [])


@pytest.mark.exigence("PSC-12")
@pytest.mark.cas("psc-77", "psc-78")
def test_a_session_that_ends_over_there_ends_here_and_is_told_once(guichet, pair):
    guichet.attach("A01", "alice")
    guichet.arrive()
    (session,) = guichet.sessions()
    jetons = jetons_of(session)
    guichet.visiteur.leave(acces.psc_client().end_session_url(jetons.identite, "x"))
    jeton = pair.told(session.sid)
    service = Client(HTTP_HOST="127.0.0.1", enforce_csrf_checks=True)
    reponse = service.post("/psc/backchannel-logout", {"logout_token": jeton})
    assert (reponse.status_code, reponse["Cache-Control"]) == (200, "no-store")
    session.refresh_from_db()
    assert (session.etat, session.motif_fin) == ("terminee", "deconnexion_recue")
    assert session.jetons is None
    assert guichet.who() == "A01"
    assert service.post("/psc/backchannel-logout", {"logout_token": jeton}).status_code == 400


@pytest.mark.exigence("PSC-12")
@pytest.mark.cas("psc-74")
def test_disconnecting_destroys_ours_first_then_the_service_ends_what_it_can(guichet, pair):
    """By the identity token alone, without a browser: Keycloak ends it, another asks the browser.

    There the session lives on, four hours at most, and holds no token of ours.
    """
    guichet.attach("A01", "alice")
    guichet.arrive()
    (session,) = guichet.sessions()
    jetons = jetons_of(session)
    assert guichet.client.post("/psc/disconnect").status_code in {200, 204, 302, 303}
    session.refresh_from_db()
    assert (session.etat, session.jetons) == ("terminee", None)
    ligne = DeconnexionPsc.objects.get()
    assert deconnexions.close(guichet.troupe.officine.pk, ligne.pk)
    assert not DeconnexionPsc.objects.exists()
    vivant = {"simulateur": False, "independant": True}[pair.nom]
    assert acces.psc_client().introspect(jetons.acces) is vivant
    # What the service did not end is in the journal.
    assert (
        Audit.objects.filter(acte="psc.deconnexion_distante", resultat="refus").exists() is vivant
    )


@pytest.fixture
def telephone(guichet, monkeypatch, django_capture_on_commit_callbacks):
    """Somebody at the counter asks for their telephone; the test is the worker."""
    monkeypatch.setattr(ciba, "ring_task", lambda *_args, **_nomme: None)
    guichet.attach("A02", "alice")
    qui = {"code": "A02", "mot_de_passe": MOTS_DE_PASSE["A02"]}
    assert guichet.client.post("/connexion/", qui).status_code == 302

    def demande():
        with django_capture_on_commit_callbacks(execute=True):
            reponse = guichet.client.post("/psc/ciba", {})
        assert reponse.status_code == 302, text(reponse)
        return TentativePsc.objects.get(pk=reponse["Location"].rsplit("/", 1)[1])

    return demande


def work(guichet, tentative):
    """The worker comes, at its hour."""
    TentativePsc.objects.filter(pk=tentative.pk).update(ciba_prochaine_le=tentative.cree_le)
    ciba.advance(guichet.troupe.officine.pk, tentative.pk)
    return TentativePsc.objects.get(pk=tentative.pk)


@pytest.mark.exigence("PSC-08")
@pytest.mark.cas("psc-83", "psc-84")
def test_the_telephone_shows_the_number_of_the_screen_and_approves(guichet, pair, telephone):
    tentative = work(guichet, telephone())
    numero = tentative.numero
    assert pair.call(numero)["identifiant"] == ALICE
    assert numero in text(guichet.client.get(f"/psc/ciba/{tentative.pk}"))
    assert work(guichet, tentative).issue == ""
    pair.press(numero, "approuver")
    pair.pass_by(6)
    work(guichet, tentative)
    (session,) = guichet.sessions()
    assert (session.voie, session.national, session.operateur.code) == ("ciba", ALICE, "A02")
    assert Audit.objects.filter(acte="psc.ciba.approuver").count() == 1


@pytest.mark.cas("psc-86")
def test_a_refusal_on_the_telephone_is_said_at_the_counter(guichet, pair, telephone):
    tentative = work(guichet, telephone())
    pair.press(tentative.numero, "refuser")
    work(guichet, tentative)
    page = text(guichet.client.get(f"/psc/ciba/{tentative.pk}"))
    assert "Demande refusée sur le téléphone." in page
    assert not SessionPsc.objects.exists()


@pytest.mark.cas("psc-91")
def test_somebody_without_telephone_is_told(guichet, telephone):
    from psc.models import RattachementPsc

    RattachementPsc.objects.update(rpps="01010101010")
    tentative = work(guichet, telephone())
    assert "RPPS inconnu" in text(guichet.client.get(f"/psc/ciba/{tentative.pk}"))


def test_what_left_for_the_service_is_what_the_page_of_the_ans_lists(guichet):
    lus = dict(parse_qsl(urlsplit(guichet.leave()["Location"]).query))
    assert set(lus) == {
        *("response_type", "client_id", "redirect_uri", "scope", "acr_values", "state", "nonce"),
        *("code_challenge", "code_challenge_method", "prompt", "max_age"),
    }
