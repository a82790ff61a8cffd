"""Tokens for who acts: fresh, renewed once at a time, exchanged, never a colleague's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pharmacy.models import Audit
from psc.coffre import unseal
from psc.models import DeconnexionPsc, JetonApi, SessionPsc
from psc.services import jetons_services, sessions
from teleservices import identite_nationale
from teleservices.errors import NotReady, OutcomeUnknown, Rejected, TeleserviceError, Unavailable
from teleservices.identite_nationale import CibleNationale
from teleservices.models import Disjoncteur
from tests.psc.fournisseur import erreur, formulaire
from tests.psc.sessions_psc import attache, vieillit

pytestmark = pytest.mark.django_db
CLE = "cle-a02"


def renouvellements(fournisseur):
    return [r for r in fournisseur.sent("jeton") if formulaire(r)["grant_type"] == "refresh_token"]


def code_of(appel, *args):
    with pytest.raises(TeleserviceError) as leve:
        appel(*args)
    return leve.value.code


@pytest.fixture
def session(halle, fournisseur):
    return attache(halle, cle=CLE)


def test_a_fresh_token_is_given_without_any_call(halle, fournisseur, session):
    assert jetons_services.access_token(halle.acteur("A02"), CLE) == "acces-a"
    assert not fournisseur.requetes


@pytest.mark.exigence("PSC-11")
@pytest.mark.cas("psc-67", "psc-97")
@pytest.mark.parametrize("reste", [10, -200])
def test_a_token_that_is_over_or_nearly_is_renewed_by_who_acts(halle, fournisseur, session, reste):
    vieillit(session, 120 - reste)
    fin = session.echeance_fin
    nouveau = jetons_services.access_token(halle.acteur("A02"), CLE)
    assert nouveau.startswith("acces-")
    assert nouveau != "acces-a"
    assert len(renouvellements(fournisseur)) == 1
    session.refresh_from_db()
    jetons = unseal(session.pk, bytes(session.jetons))
    assert (jetons.acces, jetons.renouvellement != "renouvellement-a") == (nouveau, True)
    assert abs(session.echeance_fin - fin) < timedelta(seconds=2)
    assert session.echeance_inactivite > timezone.now() + timedelta(minutes=29)
    assert jetons_services.access_token(halle.acteur("A02"), CLE) == nouveau
    assert len(renouvellements(fournisseur)) == 1


@pytest.mark.cas("psc-69")
def test_a_refused_renewal_ends_the_national_session_alone(halle, fournisseur, session):
    client = halle.client("A02")
    vieillit(session, 110)
    fournisseur.gate["jeton"] = [erreur("invalid_grant")]
    assert code_of(jetons_services.access_token, halle.acteur("A02"), CLE) == "session_terminee"
    session.refresh_from_db()
    assert (session.etat, session.motif_fin, session.jetons) == ("terminee", "expiree", None)
    assert not DeconnexionPsc.objects.exists()
    assert client.get("/vente/").status_code in {200, 302}
    assert code_of(jetons_services.access_token, halle.acteur("A02"), CLE) == "session_absente"


@pytest.mark.exigence("PSC-02")
@pytest.mark.cas("psc-70")
@pytest.mark.parametrize(
    ("panne", "code"),
    [
        (Unavailable("connexion", ""), "psc_indisponible"),
        (OutcomeUnknown("lecture", ""), "psc_sans_reponse"),
    ],
)
def test_a_network_error_refuses_the_act_and_is_tried_again_at_the_next(
    halle, fournisseur, session, panne, code
):
    vieillit(session, 110)
    fournisseur.gate["jeton"] = [panne]
    assert code_of(jetons_services.access_token, halle.acteur("A02"), CLE) == code
    session.refresh_from_db()
    assert session.etat == "a_reconfirmer"
    assert Audit.objects.filter(acte="psc.renouveler", resultat="refus", precision=code).exists()
    assert jetons_services.access_token(halle.acteur("A02"), CLE).startswith("acces-")
    session.refresh_from_db()
    assert session.etat == "active"


@pytest.mark.exigence("PSC-11")
@pytest.mark.cas("psc-71")
def test_thirty_one_minutes_without_an_act_send_nothing_and_ask_for_a_confirmation(
    halle, fournisseur, session
):
    vieillit(session, 31 * 60)
    assert sessions.state_of(session).value == "a_reconfirmer"
    code = code_of(jetons_services.access_token, halle.acteur("A02"), CLE)
    assert code == "session_a_reconfirmer"
    assert not fournisseur.requetes


@pytest.mark.exigence("PSC-11")
@pytest.mark.cas("psc-72")
def test_four_hours_of_work_end_it_whatever_was_renewed(halle, fournisseur, session):
    acteur = halle.acteur("A02")
    for _ in range(9):
        vieillit(session, 26 * 60)
        jetons_services.access_token(acteur, CLE)
        session.refresh_from_db()
    assert sessions.state_of(session).value == "active"
    assert session.echeance_fin - timezone.now() < timedelta(minutes=10)
    assert session.echeance_inactivite == session.echeance_fin
    vieillit(session, 7 * 60)
    assert code_of(jetons_services.access_token, acteur, CLE) == "session_absente"


@pytest.mark.exigence("PSC-11")
def test_the_end_is_seen_before_an_act_begins_not_in_the_middle(halle, fournisseur, session):
    acteur = halle.acteur("A02")
    assert jetons_services.begin_act(acteur, CLE) == "acces-a"
    SessionPsc.objects.filter(pk=session.pk).update(
        echeance_inactivite=timezone.now() + timedelta(minutes=4),
        echeance_fin=timezone.now() + timedelta(minutes=4),
    )
    assert code_of(jetons_services.begin_act, acteur, CLE) == "session_finit"
    assert jetons_services.access_token(acteur, CLE) == "acces-a"


@pytest.mark.exigence("PSC-12")
@pytest.mark.cas("psc-66")
def test_tokens_copied_from_another_row_do_not_open_and_end_the_session(
    halle, fournisseur, session
):
    autre = attache(halle, "A01", 1, cle="cle-a01", nom="b", sid="s2")
    SessionPsc.objects.filter(pk=session.pk).update(jetons=autre.jetons)
    assert code_of(jetons_services.access_token, halle.acteur("A02"), CLE) == "session_terminee"
    session.refresh_from_db()
    assert (session.etat, session.motif_fin) == ("terminee", "coffre")
    assert Audit.objects.filter(acte="psc.securite", precision="coffre").exists()


@pytest.mark.exigence("PSC-07")
@pytest.mark.cas("psc-63", "psc-65")
def test_a_colleague_never_has_the_token(halle, fournisseur, session):
    for acteur, cle in (
        (halle.acteur("B01"), CLE),
        (halle.acteur("A02", 1), CLE),
        (halle.acteur("A02"), "une autre"),
    ):
        assert code_of(jetons_services.access_token, acteur, cle) == "session_absente"


def test_tokens_of_somebody_else_at_a_renewal_end_the_session(halle, fournisseur, session):
    vieillit(session, 110)
    fournisseur.membres = {"sub": "f:1:899700900022"}
    assert code_of(jetons_services.access_token, halle.acteur("A02"), CLE) == "jeton_sujet"
    session.refresh_from_db()
    assert (session.etat, session.motif_fin) == ("terminee", "jeton_sujet")
    assert Audit.objects.filter(acte="psc.securite", precision="jeton_sujet").exists()


def test_a_session_closed_during_its_renewal_stays_closed(halle, fournisseur, session):
    vieillit(session, 110)
    premier = fournisseur._jeton

    def ferme(requete):
        sessions.end(session, "deconnexion")
        return premier(requete)

    fournisseur._jeton = ferme
    assert code_of(jetons_services.access_token, halle.acteur("A02"), CLE) == "session_terminee"
    session.refresh_from_db()
    assert (session.etat, session.jetons) == ("terminee", None)


def test_five_failures_open_the_breaker_and_no_more_call_leaves(halle, fournisseur, session):
    vieillit(session, 110)
    fournisseur.gate["jeton"] = [Unavailable("connexion", "")] * 5
    for _ in range(5):
        code_of(jetons_services.access_token, halle.acteur("A02"), CLE)
    avant = len(fournisseur.requetes)
    assert code_of(jetons_services.access_token, halle.acteur("A02"), CLE) == "psc_indisponible"
    assert len(fournisseur.requetes) == avant
    assert Disjoncteur.objects.get(service="psc").ouvert_jusqua > timezone.now()


def test_a_sensitive_act_asks_the_service_first(halle, fournisseur, session):
    acteur = halle.acteur("A02")
    assert jetons_services.check_alive(acteur, CLE) == "acces-a"
    assert fournisseur.said("introspection") == 1
    fournisseur.gate["introspection"] = [(200, "application/json", {"active": False})]
    assert code_of(jetons_services.check_alive, acteur, CLE) == "session_terminee"
    session.refresh_from_db()
    assert session.motif_fin == "revoquee"


# Connected services.


@pytest.fixture
def cible(fournisseur):
    url = f"{fournisseur.decouverte['issuer']}/protocol/openid-connect/token"
    service = CibleNationale("essai", url, "essai_lecture")
    identite_nationale.register_cible(service)
    yield service
    identite_nationale._cibles.pop("essai")


def echanges(fournisseur):
    return [f for f in map(formulaire, fournisseur.sent("jeton")) if "subject_token" in f]


@pytest.mark.exigence("PSC-07", "PSC-12")
def test_one_session_gives_the_token_of_each_service_kept_sealed_and_destroyed_with_it(
    halle, fournisseur, session, cible
):
    acteur = halle.acteur("A02")
    recu = identite_nationale.jeton_pour(acteur, "essai")
    assert identite_nationale.jeton_pour(acteur, "essai") == recu
    (demande,) = echanges(fournisseur)
    assert (demande["subject_token"], demande["scope"]) == ("acces-a", "essai_lecture")
    ligne = JetonApi.objects.get()
    assert recu.encode() not in bytes(ligne.jetons)
    with pytest.raises(NotReady):
        identite_nationale.jeton_pour(halle.acteur("B01"), "essai")
    sessions.end(session, "deconnexion")
    assert not JetonApi.objects.exists()


@pytest.mark.cas("psc-94")
def test_an_exchange_refused_as_too_old_renews_once_then_asks_again(
    halle, fournisseur, session, cible
):
    fournisseur.gate["jeton"] = [erreur("invalid_grant"), None, None]
    assert identite_nationale.jeton_pour(halle.acteur("A02"), "essai")
    assert len(renouvellements(fournisseur)) == 1
    premiere, seconde = echanges(fournisseur)
    assert premiere["subject_token"] == "acces-a"
    assert seconde["subject_token"] != "acces-a"


@pytest.mark.cas("psc-94")
def test_an_exchange_with_a_dead_renewal_asks_for_a_new_authentication(
    halle, fournisseur, session, cible
):
    fournisseur.gate["jeton"] = [erreur("invalid_grant"), erreur("invalid_grant")]
    with pytest.raises(Rejected) as leve:
        identite_nationale.jeton_pour(halle.acteur("A02"), "essai")
    assert leve.value.code == "session_terminee"
    session.refresh_from_db()
    assert session.etat == "terminee"


def test_a_service_that_fails_has_its_own_breaker(halle, fournisseur, session, cible):
    fournisseur.gate["jeton"] = [Unavailable("connexion", "")]
    assert code_of(identite_nationale.jeton_pour, halle.acteur("A02"), "essai")
    assert Disjoncteur.objects.get(service="essai").echecs == 1
    assert not Disjoncteur.objects.filter(service="psc", echecs__gt=0).exists()


def test_a_sensitive_service_is_asked_for_once_the_session_is_confirmed(
    halle, fournisseur, session, cible
):
    identite_nationale.register_cible(
        CibleNationale("essai", cible.jeton_url, cible.scope, sensible=True)
    )
    identite_nationale.jeton_pour(halle.acteur("A02"), "essai")
    identite_nationale.jeton_pour(halle.acteur("A02"), "essai")
    assert fournisseur.said("introspection") == 2
    assert len(echanges(fournisseur)) == 1


def test_an_unknown_service_is_a_mistake_of_the_settings(halle, fournisseur, session):
    assert code_of(identite_nationale.jeton_pour, halle.acteur("A02"), "nulle") == "cible_inconnue"
