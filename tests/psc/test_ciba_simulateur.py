"""The telephone end to end: our pages and worker, the simulated service on real sockets."""

import pytest
from django.conf import settings as reglages
from django.utils import timezone

from pharmacy.models import SessionOuverte
from psc.models import SessionPsc, TentativePsc
from psc.services import ciba
from tests.psc.guichet import RPPS, Guichet, connected, text
from tests.simulators.client_nu import Simulateur

BRUNO = f"8{RPPS['bruno']}"


@pytest.fixture(scope="module")
def psc(tls, tmp_path_factory):
    processus = Simulateur(
        "psc", tmp_path_factory.mktemp("psc"), tls, "--ciba-intervalle", "1", calme=True
    )
    yield processus
    processus.stop()


@pytest.fixture
def guichet(halle, psc, tls, settings, monkeypatch):
    """Bruno's link is proved; he works on the first poste. The test is the worker."""
    settings.PSC_CIBA = True
    monkeypatch.setattr(ciba, "ring_task", lambda *_args: None)
    with connected(psc, tls, settings) as navigateur:
        guichet = Guichet(halle, psc, navigateur)
        guichet.attach("A02", "bruno")
        guichet.works("A02")
        SessionOuverte.objects.create(
            officine=halle.officine,
            operateur=halle.operateurs["A02"],
            poste=halle.postes[0],
            cle=guichet.client.cookies[reglages.SESSION_COOKIE_NAME].value,
        )
        yield guichet


def work(guichet, tentative, apres_s=20):
    """The worker comes; over there too, time has passed since the request was sent."""
    guichet.psc.post("/horloge", decalage_s=apres_s)
    TentativePsc.objects.filter(pk=tentative.pk).update(ciba_prochaine_le=timezone.now())
    ciba.advance(guichet.troupe.officine.pk, tentative.pk)


def ask(guichet):
    """Ask, and let the worker send; return the attempt and what rings on the telephone."""
    assert guichet.client.post("/psc/ciba").status_code == 302
    tentative = guichet.attempt()
    ciba.advance(guichet.troupe.officine.pk, tentative.pk)
    (appel,) = guichet.psc.get("/telephones")
    return guichet.attempt(), appel


def page(guichet, tentative):
    return text(guichet.client.get(f"/psc/ciba/{tentative.pk}"))


@pytest.mark.exigence("PSC-13")
@pytest.mark.cas("psc-83", "psc-84")
def test_one_s_own_telephone_approves_the_number_on_the_screen(guichet):
    tentative, appel = ask(guichet)
    assert (appel["identifiant"], appel["numero"]) == (BRUNO, tentative.numero)
    work(guichet, tentative)
    assert "pour approuver sur le téléphone" in page(guichet, tentative)
    guichet.psc.post("/telephone", ref=appel["ref"], geste="approuver")
    work(guichet, tentative, 40)
    (session,) = SessionPsc.objects.all()
    assert (session.voie, session.moyen, session.national) == ("ciba", "MOBILE", BRUNO)
    assert "Connecté à Pro Santé Connect" in page(guichet, tentative)
    assert ("psc.autoriser", "ok", "lien_prouve") in guichet.acts()


@pytest.mark.cas("psc-85", "psc-86")
@pytest.mark.parametrize(
    ("reponse", "phrase"),
    [
        ({"geste": "refuser"}, "Demande refusée sur le téléphone."),
        ({"geste": "approuver", "autre": "alice"}, "Une autre personne a répondu"),
    ],
)
def test_a_refusal_or_another_person_opens_nothing(guichet, reponse, phrase):
    tentative, appel = ask(guichet)
    guichet.psc.post("/telephone", ref=appel["ref"], **reponse)
    work(guichet, tentative)
    assert phrase in page(guichet, tentative)
    assert not SessionPsc.objects.exists()
    assert not any(s["vivante"] for s in guichet.psc.get("/sessions"))


@pytest.mark.cas("psc-88")
def test_an_approval_after_the_cancellation_leaves_nothing_open_over_there(guichet):
    tentative, appel = ask(guichet)
    guichet.client.post(f"/psc/ciba/{tentative.pk}/annuler")
    guichet.psc.post("/telephone", ref=appel["ref"], geste="approuver")
    work(guichet, tentative)
    assert not SessionPsc.objects.exists()
    assert [s["vivante"] for s in guichet.psc.get("/sessions")] == [False]


@pytest.mark.cas("psc-92")
def test_a_service_not_open_to_the_telephone_says_so(guichet):
    guichet.psc.post("/humeur", nom="faute", code="unauthorized_client", operation="ciba", fois=1)
    guichet.client.post("/psc/ciba")
    tentative = guichet.attempt()
    ciba.advance(guichet.troupe.officine.pk, tentative.pk)
    assert "ouverte à ce logiciel" in page(guichet, tentative)
    assert "PSC-306" in text(guichet.client.get("/psc/ciba"))
