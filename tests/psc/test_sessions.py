"""One operator, one poste: attached, parked, resumed, ended; and what the local session does."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from pharmacy import parametres
from pharmacy.events import SessionOuverteParOperateur, publish
from pharmacy.models import Audit, Operateur
from pharmacy.services import equipe
from pharmacy.services import sessions as locales
from psc.models import DeconnexionPsc, InstantanePsc, SessionPsc
from psc.rules.etats import Etat
from psc.services import sessions
from tests.psc.sessions_psc import attache

pytestmark = pytest.mark.django_db


def etats(*lignes):
    for ligne in lignes:
        ligne.refresh_from_db()
    return [ligne.etat for ligne in lignes]


def actes(debut="psc."):
    return list(
        Audit.objects.filter(acte__startswith=debut)
        .order_by("quand")
        .values_list("acte", "precision")
    )


@pytest.mark.exigence("PSC-11")
def test_a_session_has_its_two_deadlines_and_its_owner_alone_finds_it(halle):
    session = attache(halle)
    acteur = halle.acteur("A02")
    assert sessions.current(acteur, "cle-a02") == session
    assert sessions.state_of(session) is Etat.ACTIVE
    assert session.echeance_fin - session.echeance_inactivite == timedelta(hours=3, minutes=30)
    assert sessions.current(acteur, "une autre session du navigateur") is None
    assert sessions.current(halle.acteur("A02", 1), "cle-a02") is None
    assert sessions.current(halle.acteur("B01"), "cle-a02") is None


def test_an_authentication_four_hours_old_opens_nothing(halle):
    from teleservices.errors import Rejected

    ancien = timezone.now().timestamp() - 4 * 3600 - 5
    with pytest.raises(Rejected) as leve:
        attache(halle, authentifie_le=ancien)
    assert leve.value.code == "session_terminee"
    assert not SessionPsc.objects.exists()


@pytest.mark.exigence("PSC-14")
def test_the_end_destroys_the_tokens_first_and_tells_the_service_after_the_commit(
    halle, django_capture_on_commit_callbacks, monkeypatch
):
    sonne = []
    monkeypatch.setattr(sessions, "ring_task", lambda *args: sonne.append(args))
    session = attache(halle)
    with django_capture_on_commit_callbacks(execute=True):
        assert sessions.end(session, "deconnexion")
        assert not sonne
    assert etats(session) == ["terminee"]
    assert session.jetons is None
    ligne = DeconnexionPsc.objects.get(session=session)
    assert (ligne.garder_jusqua - ligne.pas_avant) == timedelta(minutes=15)
    assert b"identite-a" not in bytes(ligne.jeton)
    assert sonne == [("psc.deconnecter", halle.officine.pk, ligne.pk, "interactif")]
    assert InstantanePsc.objects.get(session=session).purge_le > timezone.now()
    assert not sessions.end(session, "deconnexion")


def test_the_same_remote_session_is_not_closed_by_the_one_that_takes_its_place(halle):
    premiere = attache(halle)
    seconde = attache(halle, nom="b")
    assert etats(premiere, seconde) == ["terminee", "active"]
    assert not DeconnexionPsc.objects.exists()
    troisieme = attache(halle, nom="c", sid="s2")
    assert etats(seconde, troisieme) == ["terminee", "active"]
    assert DeconnexionPsc.objects.get().session == seconde


@pytest.mark.cas("psc-63")
def test_a_poste_has_one_active_session_and_two_parked_the_oldest_goes(halle):
    codes = ["A01", "A02", "B01"]
    lignes = [attache(halle, code, cle=code, nom=code) for code in codes]
    assert etats(*lignes) == ["garee", "garee", "active"]
    quatrieme = Operateur.objects.create_operateur(
        halle.officine, "Z09", "x" * 14, "123456", nom="ZOÉ", prenom="ANNE", role="adjoint"
    )
    halle.operateurs["Z09"] = quatrieme
    lignes.append(attache(halle, "Z09", cle="z09", nom="z"))
    assert etats(*lignes) == ["terminee", "garee", "garee", "active"]
    assert lignes[0].motif_fin == "evincee"


# The local session.


def cle_of(client):
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def entre(client, code, **secret):
    reponse = client.post("/connexion/", {"code": code, **secret})
    assert reponse.status_code == 302, reponse.content.decode()
    return cle_of(client)


MOTS = {"A01": "halle-titulaire", "A02": "halle-adjointe"}
PINS = {"A01": "110011", "A02": "220022"}


@pytest.fixture
def poste(halle):
    """The browser of a poste, with A02 signed in, and her session at the service."""
    client = halle.navigateur()
    cle = entre(client, "A02", mot_de_passe=MOTS["A02"])
    return client, attache(halle, cle=cle)


@pytest.mark.exigence("PSC-14")
def test_sign_out_closes_both(poste):
    client, session = poste
    client.post("/deconnexion/")
    assert etats(session) == ["terminee"]
    assert session.motif_fin == "fermeture"
    assert DeconnexionPsc.objects.filter(session=session).exists()


@pytest.mark.exigence("PSC-07", "CTR-11")
@pytest.mark.cas("psc-63", "psc-64")
def test_a_colleague_takes_the_poste_and_the_owner_finds_her_session_by_her_password(halle, poste):
    client, session = poste
    autre = entre(client, "A01", mot_de_passe=MOTS["A01"])
    assert etats(session) == ["garee"]
    assert sessions.current(halle.acteur("A01"), autre) is None
    cle = entre(client, "A02", pin=PINS["A02"])
    assert etats(session) == ["garee"]
    entre(client, "A01", pin=PINS["A01"])
    cle = entre(client, "A02", mot_de_passe=MOTS["A02"])
    assert etats(session) == ["active"]
    assert sessions.current(halle.acteur("A02"), cle) == session
    assert actes()[-2:] == [("psc.garer", "changement"), ("psc.reprendre", "active")]


@pytest.mark.cas("psc-64")
def test_after_thirty_one_minutes_it_must_be_confirmed_again(halle, poste):
    client, session = poste
    entre(client, "A01", mot_de_passe=MOTS["A01"])
    passe = timezone.now() - timedelta(minutes=1)
    SessionPsc.objects.filter(pk=session.pk).update(echeance_inactivite=passe)
    entre(client, "A02", mot_de_passe=MOTS["A02"])
    assert etats(session) == ["a_reconfirmer"]


def test_after_four_hours_it_does_not_come_back(halle, poste):
    client, session = poste
    entre(client, "A01", mot_de_passe=MOTS["A01"])
    passe = timezone.now() - timedelta(minutes=1)
    SessionPsc.objects.filter(pk=session.pk).update(echeance_inactivite=passe, echeance_fin=passe)
    entre(client, "A02", mot_de_passe=MOTS["A02"])
    assert etats(session) == ["terminee"]
    assert session.motif_fin == "duree"


@pytest.mark.cas("psc-63")
def test_the_officine_may_end_it_when_a_colleague_takes_the_poste(halle, poste):
    client, session = poste
    parametres.modifier(halle.acteur("A01"), "psc.changement", "terminer")
    entre(client, "A01", mot_de_passe=MOTS["A01"])
    assert etats(session) == ["terminee"]
    assert session.motif_fin == "changement"


@pytest.mark.exigence("CTR-12")
def test_a_lock_parks_it_and_the_same_operator_finds_it_by_pin(halle, poste):
    client, session = poste
    client.post("/verrouiller/")
    client.post("/verrouiller/")
    assert etats(session) == ["garee"]
    cle = entre(client, "A02", pin=PINS["A02"])
    assert etats(session) == ["active"]
    assert sessions.current(halle.acteur("A02"), cle) == session
    assert actes("session.verrouiller") == [("session.verrouiller", "")]


def test_signing_in_again_in_one_s_own_session_keeps_it_under_the_new_key(halle):
    session = attache(halle, cle="avant")
    acteur = halle.acteur("A02")
    with transaction.atomic():
        publish(SessionOuverteParOperateur(acteur, "apres", "avant", False))
        publish(SessionOuverteParOperateur(halle.acteur("A01"), "autre", "apres", True))
    assert sessions.current(acteur, "avant") is None
    assert sessions.current(acteur, "apres") == session


def test_the_delay_that_locks_parks_it_once(halle, poste):
    client, session = poste
    locale = client.session
    locale["activite"] = timezone.now().timestamp() - 24 * 3600
    locale.save()
    client.get("/vente/")
    client.get("/vente/")
    assert etats(session) == ["garee"]
    assert len(actes("session.verrouiller")) == 1


@pytest.mark.exigence("TIT-01")
@pytest.mark.cas("psc-20")
def test_a_departure_ends_every_session_and_destroys_the_tokens(halle, poste):
    client, session = poste
    ailleurs = attache(halle, "A02", 1, cle="autre", nom="b", sid="s2")
    equipe.leave(halle.acteur("A01"), halle.operateurs["A02"].pk)
    assert etats(session, ailleurs) == ["terminee", "terminee"]
    assert session.jetons is None
    assert client.get("/vente/").status_code == 302


@pytest.mark.cas("psc-21")
def test_another_rpps_ends_what_the_former_proved(halle, poste):
    _, session = poste
    operateur = halle.operateurs["A02"]
    saisi = {c: getattr(operateur, c) for c in ("nom", "prenom", "role", "arrivee", "depart")}
    equipe.modify(
        halle.acteur("A01"), operateur.pk, equipe.OperateurSaisi(rpps=operateur.rpps, **saisi)
    )
    assert etats(session) == ["active"]
    equipe.modify(
        halle.acteur("A01"), operateur.pk, equipe.OperateurSaisi(rpps="99700123459", **saisi)
    )
    assert etats(session) == ["terminee"]
    assert session.motif_fin == "rpps_change"


@pytest.mark.exigence("TIT-04", "PSC-14")
def test_a_session_closed_from_afar_closes_the_national_one(halle, poste):
    _, session = poste
    (ligne,) = [
        v for v in locales.session_list(halle.officine.pk, None) if v.operateur.code == "A02"
    ]
    locales.close_from_afar(halle.acteur("A01"), ligne.pk, None)
    assert etats(session) == ["terminee"]
    assert session.motif_fin == "a_distance"
