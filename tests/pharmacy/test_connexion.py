"""Signing in, as design.md settles it: password, PIN, five tries, locks, temporary passwords."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from pharmacy import parametres
from pharmacy.demonstration.donnees import HALLE
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, Operateur, Poste, VerrouConnexion
from pharmacy.services.connexion import Identifiants, compute_blocage_s
from teleservices.models import AssertionActeur
from tests.ordonnance.atelier import signer

pytestmark = pytest.mark.django_db
URL = "/connexion/"
PASSE = {"code": "A02", "mot_de_passe": "halle-adjointe"}
PIN = {"code": "A02", "pin": "220022"}
FAUX = {"code": "A02", "pin": "000000"}


def _ouvrir_poste(troupe, poste=0, le=None):
    Poste.objects.filter(pk=troupe.postes[poste].pk).update(ouvert_le=le or timezone.now())


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


def _dedans(client):
    """Whether the browser is signed in and not locked."""
    return client.get("/donnees/").status_code == 200


# Password, then PIN


def test_the_first_opening_of_the_day_asks_the_password_and_refuses_the_pin(halle):
    client = halle.navigateur()
    assert 'name="mot_de_passe"' in client.get(URL).content.decode()
    reponse = client.post(URL, PIN)
    assert reponse.status_code == 422
    assert "Première ouverture du jour sur ce poste" in _texte(reponse)
    assert not _dedans(client)
    assert VerrouConnexion.objects.filter(echecs__gt=0).count() == 0


def test_the_password_opens_the_poste_for_every_operator_of_the_day(halle):
    halle.navigateur().post(URL, PASSE)
    client = halle.navigateur()
    assert 'name="pin"' in client.get(URL).content.decode()
    assert client.post(URL, {"code": "B01", "pin": "330033"}).status_code == 302
    assert _dedans(client)


def test_a_password_on_one_poste_opens_no_other(halle):
    halle.navigateur(0).post(URL, PASSE)
    assert halle.navigateur(1).post(URL, PIN).status_code == 422


def test_the_password_of_yesterday_opens_nothing_today(halle):
    _ouvrir_poste(halle, le=timezone.now() - timedelta(days=1))
    assert halle.navigateur().post(URL, PIN).status_code == 422


def test_a_pin_opens_no_poste(halle):
    _ouvrir_poste(halle)
    avant = Poste.objects.get(pk=halle.postes[0].pk).ouvert_le
    halle.navigateur().post(URL, PIN)
    assert Poste.objects.get(pk=halle.postes[0].pk).ouvert_le == avant


def test_an_operator_who_left_does_not_sign_in(halle):
    _ouvrir_poste(halle)
    Operateur.objects.filter(code="A02").update(actif=False)
    client = halle.navigateur()
    assert client.post(URL, PIN).status_code == 422
    assert "MARTIN" not in client.get(URL).content.decode()


def test_the_same_code_in_another_officine_is_someone_else(halle, port):
    _ouvrir_poste(halle)
    reponse = halle.navigateur().post(URL, {"code": "A01", "mot_de_passe": "port-titulaire"})
    assert reponse.status_code == 422


def test_what_was_typed_never_shows_in_a_representation():
    assert repr(Identifiants("A02", "secret", "123456")) == "Identifiants(…)"


# Lockout


def test_delays_double_from_thirty_seconds_to_fifteen_minutes():
    assert [compute_blocage_s(n) for n in range(4, 12)] == [0, 30, 60, 120, 240, 480, 900, 900]


def test_each_failure_says_how_many_tries_are_left_then_how_long_to_wait(halle):
    _ouvrir_poste(halle)
    client = halle.navigateur()
    phrases = [_texte(client.post(URL, FAUX)) for _ in range(5)]
    for reste, phrase in zip((4, 3, 2, 1), phrases, strict=False):
        assert f"Il reste {reste} essai" in phrase
    assert "Réessayez dans 30 s" in phrases[4]
    assert "demandez au titulaire" in phrases[4]


def _bloquer(troupe, poste=0):
    _ouvrir_poste(troupe, poste)
    client = troupe.navigateur(poste)
    for _ in range(5):
        client.post(URL, FAUX)
    return client


def test_the_right_pin_is_refused_while_locked_and_accepted_after(halle):
    client = _bloquer(halle)
    assert client.post(URL, PIN).status_code == 422
    VerrouConnexion.objects.update(bloque_jusqua=timezone.now() - timedelta(seconds=1))
    assert client.post(URL, PIN).status_code == 302
    assert VerrouConnexion.objects.get(code="A02").echecs == 0


def test_the_password_is_locked_with_the_pin(halle):
    client = _bloquer(halle)
    assert client.post(URL, PASSE).status_code == 422


def test_a_lock_is_for_one_code_on_one_poste_and_for_no_address(halle):
    client = _bloquer(halle)
    assert client.post(URL, {"code": "B01", "pin": "330033"}).status_code == 302
    _ouvrir_poste(halle, 1)
    assert halle.navigateur(1).post(URL, PIN).status_code == 302


def test_a_sixth_failure_doubles_the_wait(halle):
    client = _bloquer(halle)
    VerrouConnexion.objects.update(bloque_jusqua=timezone.now() - timedelta(seconds=1))
    assert "Réessayez dans 60 s" in _texte(client.post(URL, FAUX))


def test_an_unknown_code_is_answered_like_a_wrong_secret(halle):
    _ouvrir_poste(halle)
    inconnu = _texte(halle.navigateur().post(URL, {"code": "Z99", "pin": "000000"}))
    assert "Code ou secret inexact. Il reste 4 essais." in inconnu


def test_a_refusal_is_written_in_the_audit(halle):
    _ouvrir_poste(halle)
    halle.navigateur().post(URL, FAUX)
    ligne = Audit.objects.get(acte="session.ouvrir")
    assert (ligne.resultat, ligne.operateur_id) == ("refus", halle.operateurs["A02"].pk)


def test_the_titulaire_unlocks_from_the_screen(halle):
    client = _bloquer(halle)
    titulaire = halle.client("A01", 1)
    assert "bloqué jusqu" in titulaire.get("/equipe/").content.decode()
    titulaire.post(f"/equipe/{halle.operateurs['A02'].pk}/debloquer/")
    assert client.post(URL, PIN).status_code == 302
    assert Audit.objects.filter(acte="operateur.debloquer").count() == 1


@pytest.mark.parametrize("code", ["A02", "B01"])
def test_nobody_else_unlocks(halle, code):
    client = _bloquer(halle)
    reponse = halle.client(code, 1).post(f"/equipe/{halle.operateurs['A02'].pk}/debloquer/")
    assert reponse.status_code == 403
    assert client.post(URL, PIN).status_code == 422


def test_the_command_unlocks(halle):
    client = _bloquer(halle)
    sortie = StringIO()
    call_command("operateur_debloquer", HALLE.finess, "a02", stdout=sortie)
    assert sortie.getvalue() == "1 verrou(s) levé(s).\n"
    assert client.post(URL, PIN).status_code == 302


# Temporary password


def _temporaire():
    sortie = StringIO()
    call_command("operateur_reinitialiser", HALLE.finess, "A02", stdout=sortie)
    return sortie.getvalue().strip().rsplit(" ", 1)[1]


def _avec_temporaire(troupe):
    client = troupe.navigateur()
    reponse = client.post(URL, {"code": "A02", "mot_de_passe": _temporaire(), "suite": "/file/"})
    assert reponse.status_code == 302
    assert reponse["Location"] == "/connexion/mot-de-passe/?suite=%2Ffile%2F"
    return client


def _choisir(client, nouveau, confirmation=None):
    return client.post(
        "/connexion/mot-de-passe/",
        {
            "nouveau": nouveau,
            "confirmation": confirmation or nouveau,
            "pin": "424243",
            "pin_confirmation": "424243",
            "suite": "/file/",
        },
    )


def test_a_temporary_password_opens_nothing_until_it_is_changed(halle):
    client = _avec_temporaire(halle)
    assert not _dedans(client)
    assert Poste.objects.get(pk=halle.postes[0].pk).ouvert_le is None
    reponse = _choisir(client, "un mot de passe neuf")
    assert (reponse.status_code, reponse["Location"]) == (302, "/file/")
    assert _dedans(client)
    operateur = Operateur.objects.get(code="A02")
    assert operateur.check_password("un mot de passe neuf")
    assert not operateur.mot_de_passe_temporaire


@pytest.mark.parametrize(
    ("nouveau", "confirmation", "phrase"),
    [
        ("court", "court", "trop court"),
        ("un mot de passe neuf", "un autre mot de passe", "Les deux saisies diffèrent"),
    ],
)
def test_a_poor_new_password_is_refused_with_a_sentence(halle, nouveau, confirmation, phrase):
    client = _avec_temporaire(halle)
    reponse = _choisir(client, nouveau, confirmation)
    assert reponse.status_code == 422
    assert phrase in _texte(reponse)
    assert Operateur.objects.get(code="A02").mot_de_passe_temporaire
    assert not _dedans(client)


def test_the_temporary_password_itself_is_not_a_new_one(halle):
    secret = _temporaire()
    client = halle.navigateur()
    client.post(URL, {"code": "A02", "mot_de_passe": secret})
    assert "autre mot de passe que le temporaire" in _texte(_choisir(client, secret))


def test_the_page_of_the_new_password_is_closed_to_who_did_not_give_the_temporary_one(halle):
    _temporaire()
    reponse = _choisir(halle.navigateur(), "un mot de passe neuf")
    assert (reponse.status_code, reponse["Location"]) == (302, "/connexion/")
    assert Operateur.objects.get(code="A02").mot_de_passe_temporaire


def test_the_former_password_and_the_open_sessions_end_at_once(halle):
    client = halle.client("A02")
    assert _dedans(client)
    _temporaire()
    assert not _dedans(client)
    assert halle.navigateur().post(URL, PASSE).status_code == 422


def test_a_temporary_password_has_its_field_on_a_poste_already_open(halle):
    _ouvrir_poste(halle)
    client = halle.navigateur()
    page = client.get(URL).content.decode()
    assert 'name="mot_de_passe"' not in page
    assert "mot_de_passe=oui" in page
    page = client.get(URL + "?code=A02&mot_de_passe=oui").content.decode()
    assert 'name="mot_de_passe"' in page
    assert 'value="A02"' in page
    faux = client.post(URL, {"code": "A02", "mot_de_passe": "faux"})
    assert 'name="mot_de_passe"' in faux.content.decode()


def test_the_titulaire_sees_a_temporary_password_once(halle):
    titulaire = halle.client("A01")
    page = titulaire.post(f"/equipe/{halle.operateurs['A02'].pk}/reinitialiser/")
    secret = page.content.decode().split("<code>")[1].split("</code>")[0]
    assert Operateur.objects.get(code="A02").check_password(secret)
    assert page["Cache-Control"] == "no-store"
    assert secret not in titulaire.get("/equipe/").content.decode()


def test_nobody_else_gives_a_temporary_password(halle):
    reponse = halle.client("A02").post(f"/equipe/{halle.operateurs['B01'].pk}/reinitialiser/")
    assert reponse.status_code == 403
    assert not Operateur.objects.get(code="B01").mot_de_passe_temporaire


# The browser is a poste, or not


@pytest.mark.parametrize("cookie", [None, "faux", "eyJvIjoxLCJwIjoxfQ:1x:signature"])
def test_a_browser_that_is_no_poste_gets_no_list_of_operators(halle, settings, cookie):
    settings.POSTE_AUTOMATIQUE = ""
    client = Client(HTTP_HOST="127.0.0.1")
    if cookie:
        client.cookies["comptoir_poste"] = cookie
    page = client.get(URL).content.decode()
    assert "FINESS de l" in page
    for operateur in halle.operateurs.values():
        assert operateur.nom not in page


def test_the_automatic_poste_is_for_this_machine_only(halle):
    ailleurs = Client(HTTP_HOST="127.0.0.1", REMOTE_ADDR="192.0.2.7")
    assert "MARTIN" not in ailleurs.get(URL).content.decode()
    ici = Client(HTTP_HOST="127.0.0.1")
    assert "MARTIN" in ici.get(URL).content.decode()
    assert "comptoir_poste" in ici.cookies


def test_a_browser_that_is_no_poste_signs_in_with_the_finess_and_the_password(halle, settings):
    settings.POSTE_AUTOMATIQUE = ""
    client = Client(HTTP_HOST="127.0.0.1")
    assert client.post(URL, {"finess": HALLE.finess, **PIN}).status_code == 422
    assert client.post(URL, {"finess": HALLE.finess, **PASSE}).status_code == 302
    assert client.post(URL, {"finess": "999999999", **PASSE}).status_code == 422


def test_a_revoked_poste_is_a_browser_like_any_other(halle, settings):
    settings.POSTE_AUTOMATIQUE = ""
    Poste.objects.filter(pk=halle.postes[0].pk).update(etat="revoque")
    assert "MARTIN" not in halle.navigateur().get(URL).content.decode()


def test_the_titulaire_makes_a_browser_a_poste(halle, settings):
    settings.POSTE_AUTOMATIQUE = ""
    client = Client(HTTP_HOST="127.0.0.1")
    client.post(URL, {"finess": HALLE.finess, "code": "A01", "mot_de_passe": "halle-titulaire"})
    client.post(f"/equipe/postes/{halle.postes[1].pk}/ici/")
    client.post("/deconnexion/")
    page = client.get(URL).content.decode()
    assert "Comptoir 2" in page
    assert "MARTIN" in page


# Lock, change of operator, sign-out


def _vieillir(client, minutes):
    session = client.session
    session["activite"] = timezone.now().timestamp() - 60 * minutes
    session.save()


@pytest.mark.exigence("CTR-12")
def test_an_idle_session_locks_after_fifteen_minutes_and_the_code_brings_the_page_back(halle):
    vente = halle.vente()
    _ouvrir_poste(halle)
    client = halle.client()
    _vieillir(client, 14)
    assert client.get(f"/vente/{vente.pk}/").status_code == 200
    _vieillir(client, 16)
    reponse = client.get(f"/vente/{vente.pk}/")
    assert reponse.status_code == 302
    assert "Écran verrouillé" in client.get(reponse["Location"]).content.decode()
    retour = client.post(URL, {**PIN, "suite": f"/vente/{vente.pk}/"})
    assert retour["Location"] == f"/vente/{vente.pk}/"


@pytest.mark.exigence("CTR-12")
def test_the_delay_is_a_setting_from_one_to_120_minutes(halle):
    parametres.modifier(halle.acteur("A01"), "session.verrouillage_minutes", "1")
    client = halle.client()
    _vieillir(client, 2)
    assert not _dedans(client)
    for brut in ("0", "121", "15.5", ""):
        with pytest.raises(parametres.ValeurRefusee):
            parametres.modifier(halle.acteur("A01"), "session.verrouillage_minutes", brut)


@pytest.mark.exigence("CTR-12")
def test_what_the_page_does_by_itself_is_no_activity(halle):
    vente = halle.vente()
    client = halle.client()
    _vieillir(client, 10)
    client.get(f"/flux/etat?vente={vente.pk}")
    assert client.session["activite"] < timezone.now().timestamp() - 500
    client.get("/donnees/")
    assert client.session["activite"] > timezone.now().timestamp() - 60


def test_a_locked_session_reads_nothing_and_writes_nothing(halle):
    vente = halle.vente()
    client = halle.client()
    client.post("/verrouiller/", {"suite": f"/vente/{vente.pk}/"})
    assert client.get(f"/vente/{vente.pk}/").status_code == 302
    assert client.get(f"/flux/etat?vente={vente.pk}").status_code == 302
    reponse = client.post(f"/vente/{vente.pk}/annuler/")
    assert reponse["Location"].startswith("/connexion/")
    vente.refresh_from_db()
    assert vente.etat == "ouverte"


@pytest.mark.exigence("CTR-11")
def test_a_change_of_operator_keeps_the_sale(halle):
    _ouvrir_poste(halle)
    vente = halle.vente("A02")
    client = halle.client("A02")
    lieu = client.post("/verrouiller/", {"suite": f"/vente/{vente.pk}/"})["Location"]
    assert lieu == f"/connexion/?suite=%2Fvente%2F{vente.pk}%2F"
    client.post(URL, {"code": "B01", "pin": "330033", "suite": f"/vente/{vente.pk}/"})
    page = client.get(f"/vente/{vente.pk}/")
    assert page.status_code == 200
    assert "S. LEROY" in page.content.decode()
    vente.refresh_from_db()
    assert vente.etat == "ouverte"


def test_the_session_of_who_leaves_signs_nothing_any_more(halle):
    _ouvrir_poste(halle)
    client = halle.client("A02")
    signer(halle, "A02")
    client.post("/verrouiller/")
    assert AssertionActeur.objects.count() == 1
    client.post(URL, {"code": "B01", "pin": "330033"})
    assert not AssertionActeur.objects.exists()
    assert Audit.objects.filter(acte="session.fermer", operateur=halle.operateurs["A02"]).exists()


def test_unlocking_by_the_same_operator_keeps_their_assertion(halle):
    _ouvrir_poste(halle)
    client = halle.client("A02")
    signer(halle, "A02")
    client.post("/verrouiller/")
    client.post(URL, PIN)
    assert AssertionActeur.objects.count() == 1


def test_signing_out_destroys_the_assertion_and_keeps_the_sale(halle):
    vente = halle.vente("A02")
    signer(halle, "A02")
    autre = signer(halle, "A01")
    client = halle.client("A02")
    client.post("/deconnexion/")
    assert not _dedans(client)
    assert list(AssertionActeur.objects.all()) == [autre]
    vente.refresh_from_db()
    assert vente.etat == "ouverte"


@pytest.mark.parametrize("suite", ["https://exemple.test/", "//exemple.test/", "javascript:0", ""])
def test_sign_in_leads_nowhere_else(halle, suite):
    _ouvrir_poste(halle)
    assert halle.navigateur().post(URL, {**PIN, "suite": suite})["Location"] == "/vente/"


def test_who_sells_nothing_starts_at_the_home_page(halle):
    _ouvrir_poste(halle)
    Operateur.objects.filter(code="B01").update(role="administratif")
    client = halle.navigateur()
    reponse = client.post(URL, {"code": "B01", "pin": "330033"})
    assert reponse["Location"] == "/"
    page = client.get("/").content.decode()
    assert "Nouvelle vente" not in page
    assert "Données" in page


def test_the_lock_of_one_officine_says_nothing_to_another(halle, port):
    _bloquer(halle)
    with officine_context(port.officine.pk):
        assert not VerrouConnexion.objects.exists()
        assert (
            port.client("A01").post(f"/equipe/{halle.operateurs['A02'].pk}/debloquer/").status_code
            == 404
        )
