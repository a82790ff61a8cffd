"""The way back attacked, replayed, late, broken; the other browser (psc.md §5.1, §3.6, §7)."""

import threading
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Operateur
from psc.checks import check_psc
from psc.models import DocumentPsc, RattachementPsc, SessionPsc, TentativePsc
from psc.services import entretien, tentatives
from teleservices.models import Disjoncteur
from tests.psc.guichet import (
    MOTS_DE_PASSE,
    RPPS,
    Guichet,
    connected,
    forget_documents,
    hang_up,
    text,
)
from tests.simulators.client_nu import Simulateur

pytestmark = pytest.mark.exigence("PSC-10")
NEUTRE = "Ce retour de Pro Santé Connect n'est pas valable."


@pytest.fixture(scope="module")
def psc(tls, tmp_path_factory):
    processus = Simulateur("psc", tmp_path_factory.mktemp("psc"), tls, calme=True)
    yield processus
    processus.stop()


@pytest.fixture
def guichet(halle, psc, tls, settings):
    with connected(psc, tls, settings) as navigateur:
        guichet = Guichet(halle, psc, navigateur)
        guichet.attach("A01", "alice")
        yield guichet


def calls(guichet):
    """The token requests that the service received."""
    return len(guichet.calls("jeton"))


# The state, the browser, the clock.


@pytest.mark.cas("psc-28")
@pytest.mark.parametrize(
    "requete",
    [
        "state=inconnu&code=c",
        "code=c",
        "state=s",
        "state=s&code=c&error=access_denied",
        "",
        "state=" + "a" * 129 + "&code=c",
        "state=s&code=" + "c" * 4097,
        "&".join(f"p{rang}=1" for rang in range(40)),
    ],
)
def test_a_way_back_of_nobody_is_refused_and_calls_nobody(guichet, requete):
    guichet.leave()
    avant = len(guichet.psc.journal())
    reponse = guichet.client.get(f"/psc/callback?{requete}")
    assert reponse.status_code == 400
    assert NEUTRE in text(reponse)
    assert reponse["Referrer-Policy"] == "no-referrer"
    assert reponse["Cache-Control"] == "no-store"
    assert len(guichet.psc.journal()) == avant
    assert guichet.attempt().consommee_le is None


def test_the_way_back_is_a_get_and_nothing_else(guichet):
    adresse = guichet.choose(guichet.leave()["Location"])
    chemin = urlsplit(adresse).path + "?" + urlsplit(adresse).query
    assert guichet.client.head(chemin).status_code == 405
    assert guichet.client.post(chemin).status_code == 405
    assert guichet.attempt().consommee_le is None


@pytest.mark.cas("psc-29")
def test_another_browser_uses_nothing_and_the_right_one_still_arrives(guichet, halle):
    adresse = guichet.choose(guichet.leave()["Location"])
    avant = calls(guichet)
    for autre in (Client(HTTP_HOST="127.0.0.1"), halle.navigateur(1), halle.client("A02", 1)):
        reponse = guichet.back(adresse, autre)
        assert reponse.status_code in {400, 403}
        assert NEUTRE in text(reponse)
    assert calls(guichet) == avant
    assert ("psc.securite", "refus", "state_binding") in guichet.acts()
    assert guichet.back(adresse).status_code == 303
    assert guichet.who() == "A01"


@pytest.mark.cas("psc-29")
def test_whoever_changed_session_meanwhile_begins_again(guichet):
    """The attempt was begun by nobody; A02 has signed in since, in the same browser."""
    adresse = guichet.choose(guichet.leave()["Location"])
    guichet.client.post("/connexion/", {"code": "A02", "mot_de_passe": MOTS_DE_PASSE["A02"]})
    assert guichet.back(adresse).status_code == 403
    assert guichet.who() == "A02"
    assert guichet.sessions() == []


@pytest.mark.cas("psc-30")
def test_the_same_way_back_twice_keeps_the_session_of_the_first(guichet):
    adresse = guichet.choose(guichet.leave()["Location"])
    guichet.back(adresse)
    cle, appels = guichet.cookie(), calls(guichet)
    reponse = guichet.back(adresse)
    assert reponse.status_code == 409
    assert "Cette connexion a déjà servi" in text(reponse)
    assert (guichet.who(), guichet.cookie(), calls(guichet)) == ("A01", cle, appels)
    assert len(guichet.sessions()) == 1


@pytest.mark.cas("psc-32")
def test_a_way_back_after_ten_minutes_is_too_late(guichet):
    adresse = guichet.choose(guichet.leave()["Location"])
    TentativePsc.objects.update(expire_le=timezone.now() - timedelta(seconds=1))
    avant = calls(guichet)
    reponse = guichet.back(adresse)
    assert reponse.status_code == 410
    assert "plus de dix minutes" in text(reponse)
    assert (guichet.who(), calls(guichet)) == ("", avant)


def test_the_newest_attempt_of_a_poste_is_the_one_honoured(guichet):
    premiere = guichet.choose(guichet.leave()["Location"])
    seconde = guichet.choose(guichet.leave()["Location"])
    reponse = guichet.back(premiere)
    assert reponse.status_code == 410
    assert "Une autre connexion a commencé" in text(reponse)
    assert guichet.back(seconde).status_code == 303
    assert guichet.who() == "A01"


def test_who_cancels_is_not_signed_in_afterwards(guichet):
    adresse = guichet.choose(guichet.leave()["Location"])
    assert "Annuler" in text(guichet.poll())
    guichet.client.post(f"/psc/tentative/{guichet.attempt().pk}/annuler")
    assert "Connexion annulée" in text(guichet.poll())
    assert guichet.back(adresse).status_code == 410
    assert guichet.who() == ""


def test_nobody_else_cancels_or_answers(guichet, halle):
    guichet.leave()
    pk = guichet.attempt().pk
    autre = halle.client("A02", 1)
    assert autre.post(f"/psc/tentative/{pk}/annuler").status_code == 404
    assert autre.post(f"/psc/confirm/{pk}", {"geste": "abandonner"}).status_code == 404
    assert autre.get(f"/psc/confirm/{pk}").status_code == 404
    assert guichet.attempt().issue == ""


@pytest.mark.cas("psc-33")
@pytest.mark.parametrize("anomalie", ["iss_absent", "iss_autre"])
def test_the_issuer_of_the_way_back_is_ours_or_nothing(guichet, anomalie):
    guichet.psc.post("/anomalies", noms=[anomalie], fois=1)
    avant = calls(guichet)
    page = guichet.arrive()
    assert NEUTRE in text(page)
    assert (guichet.who(), calls(guichet)) == ("", avant)


@pytest.mark.cas("psc-34")
@pytest.mark.parametrize("anomalie", ["state_double", "code_double", "state_absent"])
def test_a_parameter_comes_once(guichet, anomalie):
    guichet.psc.post("/anomalies", noms=[anomalie], fois=1)
    adresse = guichet.choose(guichet.leave()["Location"])
    assert guichet.back(adresse).status_code == 400
    assert guichet.who() == ""


@pytest.mark.cas("psc-35")
def test_a_refusal_is_said_in_our_words(guichet):
    guichet.psc.post("/anomalies", noms=["erreur_balisage"], fois=1)
    page = guichet.arrive()
    assert "Connexion annulée" in text(page)
    assert b"script>" not in page.content.split(b"<body", 1)[1]
    assert guichet.poll().status_code == 200
    assert "Connexion annulée" in text(guichet.poll())


@pytest.mark.cas("psc-54")
@pytest.mark.parametrize(
    "suite", ["https://mal.example/", "//mal.example", "/deconnexion/", "/inconnu", "\\\\mal"]
)
def test_no_address_received_is_ever_gone_to(guichet, suite):
    guichet.arrive("alice CARD", suite)
    assert guichet.poll()["HX-Redirect"] == "/vente/"


@pytest.mark.cas("psc-58")
def test_the_key_of_the_session_changes_at_the_sign_in(guichet):
    guichet.client.get("/connexion/")
    avant = guichet.cookie()
    guichet.arrive()
    assert guichet.cookie() != avant
    ancien = guichet.troupe.navigateur()
    ancien.cookies["comptoir_session"] = avant
    assert ancien.get("/patients/").status_code == 302


# What the service answers.


@pytest.mark.cas("psc-53")
def test_an_exchange_without_answer_is_tried_once(guichet):
    adresse = guichet.choose(guichet.leave()["Location"])
    guichet.psc.humeur("reponse_perdue", operation="jeton", fois=1)
    avant = calls(guichet)
    page = guichet.client.get(guichet.back(adresse)["Location"])
    assert calls(guichet) == avant + 1
    assert "Réessayez" in text(page)
    assert guichet.who() == ""
    assert guichet.back(adresse).status_code == 409
    assert calls(guichet) == avant + 1


@pytest.mark.cas("psc-57")
@pytest.mark.parametrize(
    "anomalie",
    ["userinfo_1mio", "userinfo_html", "userinfo_500", "exercices_objet", "userinfo_vide"],
)
def test_an_unreadable_identity_is_refused_and_the_code_still_opens(guichet, anomalie):
    guichet.psc.post("/anomalies", noms=[anomalie], fois=1)
    page = guichet.arrive()
    assert "votre code et votre mot de passe" in text(page)
    assert guichet.who() == ""
    guichet.client.post("/connexion/", {"code": "A02", "mot_de_passe": MOTS_DE_PASSE["A02"]})
    assert guichet.who() == "A02"


@pytest.mark.exigence("PSC-04")
@pytest.mark.cas("psc-60")
def test_a_session_open_over_there_is_closed_and_asked_again_once(guichet):
    guichet.attach("A02", "bruno")
    depart = guichet.leave()
    demande = parse_qs(urlsplit(depart["Location"]).query)
    assert (demande["prompt"], demande["max_age"]) == (["login"], ["0"])
    guichet.psc.post("/anomalies", noms=["auth_time_ancien"], fois=1)
    encore = guichet.back(guichet.choose(depart["Location"]))
    assert guichet.who() == ""
    assert [e["resultat"] for e in guichet.calls("deconnexion")] == ["deconnecte"]
    assert encore.status_code == 302
    assert guichet.attempt().reprise
    arrivee = guichet.back(guichet.choose(encore["Location"], "bruno CARD"))
    assert arrivee.status_code == 303
    assert guichet.who() == "A02"


@pytest.mark.cas("psc-60")
def test_the_second_time_the_browser_is_to_be_closed(guichet):
    guichet.psc.post("/anomalies", noms=["auth_time_ancien"], fois=2)
    encore = guichet.back(guichet.choose(guichet.leave()["Location"]))
    page = guichet.client.get(guichet.back(guichet.choose(encore["Location"]))["Location"])
    assert "Fermez le navigateur" in text(page)
    assert guichet.who() == ""


@pytest.mark.exigence("PSC-02")
@pytest.mark.cas("psc-80")
def test_a_service_that_is_down_is_said_and_the_code_opens_at_once(guichet):
    forget_documents()
    guichet.psc.humeur("panne")
    try:
        depart = guichet.leave()
        assert depart.status_code == 503
        assert "Pro Santé Connect est indisponible" in text(depart)
        assert guichet.attempt() is None
        Disjoncteur.objects.filter(service="psc").update(
            ouvert_jusqua=timezone.now() + timedelta(minutes=1)
        )
        avant = len(guichet.psc.journal())
        page = guichet.client.get("/connexion/")
        assert "Pro Santé Connect indisponible, utilisez votre code." in text(page)
        assert b"disabled" in page.content
        guichet.client.post("/connexion/", {"code": "A02", "mot_de_passe": MOTS_DE_PASSE["A02"]})
        assert guichet.who() == "A02"
        assert len(guichet.psc.journal()) == avant
    finally:
        guichet.psc.humeur("normal")


def test_failures_are_counted_and_an_answer_forgets_them(guichet):
    forget_documents()
    guichet.psc.humeur("panne")
    try:
        guichet.leave()
    finally:
        guichet.psc.humeur("normal")
    assert Disjoncteur.objects.get(service="psc").echecs == 1
    guichet.arrive()
    assert Disjoncteur.objects.get(service="psc").echecs == 0
    assert DocumentPsc.objects.exists()


@pytest.mark.cas("psc-82")
def test_the_sandbox_does_not_serve_in_production(guichet, settings):
    settings.ENVIRONNEMENT = "production"
    settings.PSC_EMETTEUR = "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet"
    assert "psc.E003" in {message.id for message in check_psc()}


@pytest.mark.exigence("PSC-12")
def test_a_page_that_begins_from_another_site_begins_nothing(guichet):
    for site in ("cross-site", "same-site"):
        reponse = guichet.leave(HTTP_SEC_FETCH_SITE=site)
        assert reponse.status_code == 403
    assert Client(HTTP_HOST="127.0.0.1").get("/psc/").status_code == 403
    assert guichet.attempt() is None
    assert guichet.leave(HTTP_SEC_FETCH_SITE="same-origin").status_code == 302


# Another browser.


def ticket(guichet):
    """The counter asks; return the address of the ticket."""
    page = guichet.client.post("/psc/", {"suite": "/patients/"})
    assert page.status_code == 200
    return page.content.decode().split('href="/psc/start/')[1].split('"')[0]


def elsewhere(guichet, secret, autre):
    """Open the ticket in another browser, confirm the number, go; return the way back."""
    page = autre.get(f"/psc/start/{secret}")
    assert page.status_code == 200, text(page)
    part = autre.post(f"/psc/start/{secret}")
    return part["Refresh"].split("url=", 1)[1]


@pytest.mark.exigence("PSC-03")
def test_another_browser_authenticates_and_the_counter_alone_opens(guichet):
    autre = Client(HTTP_HOST="127.0.0.1")
    secret = ticket(guichet)
    page = autre.get(f"/psc/start/{secret}")
    numero = guichet.attempt().numero
    assert f"Connexion du poste Comptoir 1, numéro {numero}. Continuer ?" in text(page)
    part = autre.post(f"/psc/start/{secret}")
    retour = guichet.back(guichet.choose(part["Refresh"].split("url=", 1)[1]), autre)
    fin = text(autre.get(retour["Location"]))
    assert "Vous pouvez fermer cette fenêtre" in fin
    assert "TITULAIRE" not in fin
    assert "_auth_user_id" not in autre.session
    assert guichet.sessions() == []
    attente = guichet.poll()
    assert 'hx-trigger="load, submit"' in attente.content.decode()
    ouvre = guichet.client.post(
        f"/psc/confirm/{guichet.attempt().pk}", {"geste": "ouvrir"}, HTTP_HX_REQUEST="true"
    )
    assert ouvre["HX-Redirect"] == "/patients/"
    assert guichet.who() == "A01"
    assert guichet.attempt().recu is None


@pytest.mark.cas("psc-55")
def test_a_ticket_is_opened_once_in_its_minute_and_from_its_address(guichet, settings):
    secret = ticket(guichet)
    loin = Client(HTTP_HOST="127.0.0.1", REMOTE_ADDR="192.0.2.7")
    assert loin.get(f"/psc/start/{secret}").status_code == 404
    autre = Client(HTTP_HOST="127.0.0.1")
    assert autre.get(f"/psc/start/{secret}").status_code == 200
    assert Client(HTTP_HOST="127.0.0.1").get(f"/psc/start/{secret}").status_code == 404
    tard = ticket(guichet)
    TentativePsc.objects.update(cree_le=timezone.now() - timedelta(seconds=61))
    assert autre.get(f"/psc/start/{tard}").status_code == 404
    for faux in ("1.", "x.y", "99999999999999999999.z", "1.inconnu"):
        assert autre.get(f"/psc/start/{faux}").status_code == 404
    settings.PSC_MEME_ADRESSE = False
    assert loin.get(f"/psc/start/{ticket(guichet)}").status_code == 200


@pytest.mark.cas("psc-29", "psc-55")
def test_without_the_cookie_of_the_flow_nothing_comes_back(guichet):
    """The counter's own browser is not the other one either: it did not confirm the number."""
    autre = Client(HTTP_HOST="127.0.0.1")
    adresse = guichet.choose(elsewhere(guichet, ticket(guichet), autre))
    for faux in (Client(HTTP_HOST="127.0.0.1"), guichet.client):
        assert guichet.back(adresse, faux).status_code in {400, 403}
    assert guichet.back(adresse, autre).status_code == 303


def test_a_number_that_nobody_confirms_goes_nowhere(guichet):
    secret = ticket(guichet)
    passant = Client(HTTP_HOST="127.0.0.1")
    assert passant.post(f"/psc/start/{secret}").status_code == 404
    assert guichet.attempt().etat_empreinte == ""


def test_a_failure_over_there_is_said_on_both_sides(guichet):
    autre = Client(HTTP_HOST="127.0.0.1")
    adresse = elsewhere(guichet, ticket(guichet), autre)
    guichet.psc.post("/anomalies", noms=["nonce_faux"], fois=1)
    retour = guichet.back(guichet.choose(adresse), autre)
    assert "n'est pas conforme" in text(autre.get(retour["Location"]))
    assert "n'est pas conforme" in text(guichet.poll())


# The page that waits.


def test_the_page_that_waits_is_told_only_what_changes(guichet):
    assert "répondez dans la fenêtre ouverte" in text(guichet.poll())
    assert guichet.poll(etat="en_attente").status_code == 204
    guichet.leave()
    assert guichet.poll(etat="en_attente").status_code == 200
    assert guichet.poll(etat="en_attente", id="oui").status_code == 204
    assert guichet.poll(depuis="99999999999", etat="en_attente").status_code == 204


def test_a_page_that_asks_is_nobody_acting(guichet):
    guichet.works("A01")
    session = guichet.client.session
    session["activite"] = debut = timezone.now().timestamp() - 300
    session.save()
    guichet.poll()
    assert guichet.client.session["activite"] == debut
    guichet.client.get("/patients/")
    assert guichet.client.session["activite"] > debut


def test_without_htmx_the_page_of_the_attempt_says_it(guichet):
    assert guichet.client.get("/psc/tentative/")["Location"] == "/connexion/"
    guichet.leave()
    attendue = f"/psc/confirm/{guichet.attempt().pk}"
    assert guichet.client.get("/psc/tentative/")["Location"] == attendue
    assert "Connexion en cours" in text(guichet.client.get(attendue))
    TentativePsc.objects.update(consommee_le=timezone.now())
    assert "Connexion en cours" in text(guichet.client.get(attendue))


# What rests, and two at once.


@pytest.mark.exigence("PSC-12")
def test_who_waits_for_an_answer_is_kept_encrypted_and_forgotten_with_it(guichet):
    guichet.arrive("bruno CARD")
    tentative = guichet.attempt()
    with connections["default"].cursor() as curseur:
        curseur.execute("SELECT recu FROM psc_tentativepsc WHERE id = %s", [tentative.pk])
        brut = bytes(curseur.fetchone()[0])
    for clair in (b"BRUNO", b"acces", RPPS["bruno"].encode()):
        assert clair not in brut
    copie = TentativePsc(pk=tentative.pk, recu=tentative.recu)
    assert tentatives.peek(copie).identite.nom == "ADJOINT"
    with pytest.raises(ValueError, match="another attempt"):
        tentatives.peek(TentativePsc(recu=tentative.recu))
    guichet.leave()
    tentative.refresh_from_db()
    assert (tentative.issue, tentative.recu) == ("remplacee", None)
    assert len(guichet.calls("deconnexion")) == 1


@pytest.mark.exigence("PSC-12")
def test_nobody_answers_in_time_and_the_session_over_there_is_closed(guichet):
    guichet.arrive("bruno CARD")
    TentativePsc.objects.update(expire_le=timezone.now() - timedelta(seconds=1))
    assert "plus de dix minutes" in text(guichet.poll())
    assert guichet.answer("abandonner").status_code == 200
    entretien.sweep()
    assert (guichet.attempt().issue, guichet.attempt().recu) == ("expiree", None)
    assert len(guichet.calls("deconnexion")) == 1


@pytest.fixture
def vrai(django_db_setup, django_db_blocker, psc, tls, settings):
    """The counter without the transaction of a test: what is written is committed, then removed."""
    from pharmacy.demonstration.donnees import HALLE
    from tests.troupe import officine_of

    with django_db_blocker.unblock(), connected(psc, tls, settings) as navigateur:
        with officine_of(HALLE) as troupe:
            yield Guichet(troupe, psc, navigateur)
            for modele in (TentativePsc, SessionPsc, RattachementPsc):
                modele.objects.all().delete()
            Operateur.objects.filter(code="A01").update(rpps=troupe.operateurs["A01"].rpps)
            DocumentPsc.objects.all().delete()
        for connexion in connections.all():
            connexion.close()


@pytest.mark.cas("psc-31")
def test_two_arrivals_at_once_make_one_exchange(vrai):
    vrai.attach("A01", "alice")
    adresse = vrai.choose(vrai.leave()["Location"])
    avant, statuts = calls(vrai), []
    ensemble = threading.Barrier(2, timeout=20)

    def arrive():
        client = vrai.troupe.navigateur()
        client.cookies["comptoir_session"] = vrai.cookie()
        ensemble.wait()
        with officine_context(vrai.troupe.officine.pk):
            statuts.append(vrai.back(adresse, client).status_code)
        hang_up()
        for connexion in connections.all():
            connexion.close()

    fils = [threading.Thread(target=arrive) for _ in range(2)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(60)
    assert sorted(statuts) == [303, 409]
    assert calls(vrai) == avant + 1
    assert len(vrai.sessions()) == 1


@pytest.mark.parametrize("fils", [2])
def test_two_windows_at_once_leave_one_attempt_alive(vrai, fils):
    ensemble = threading.Barrier(fils, timeout=20)

    def part():
        client = vrai.troupe.navigateur()
        ensemble.wait()
        assert client.get("/psc/").status_code == 302
        hang_up()
        for connexion in connections.all():
            connexion.close()

    lances = [threading.Thread(target=part) for _ in range(fils)]
    for fil in lances:
        fil.start()
    for fil in lances:
        fil.join(60)
    assert TentativePsc.objects.count() == fils
    assert TentativePsc.objects.filter(consommee_le__isnull=True, issue="").count() == 1
