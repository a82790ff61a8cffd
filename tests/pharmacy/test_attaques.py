"""What an attacker tries at the counter's doors (ASVS 5, docs/asvs.md): each is refused."""

import logging
from datetime import timedelta
from string import ascii_lowercase, digits

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from pharmacy import parametres
from pharmacy.demonstration.donnees import HALLE
from pharmacy.models import Audit, Operateur, Patient, Poste, SessionOuverte, VerrouConnexion
from pharmacy.session.middleware import is_present
from tests.conftest import RACINE

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("SEC-10")]
URL = "/connexion/"
PASSE = {"code": "A02", "mot_de_passe": "halle-adjointe"}
PIN = {"code": "A02", "pin": "220022"}


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


def _ouvrir(troupe, poste=0):
    Poste.objects.filter(pk=troupe.postes[poste].pk).update(ouvert_le=timezone.now())


def _dedans(client):
    return client.get("/donnees/").status_code == 200


def _cle(client):
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _entrer(troupe, saisie=PASSE, poste=0):
    client = troupe.navigateur(poste)
    assert client.post(URL, saisie).status_code == 302
    return client


# Who is there is not told


class Compteur(Argon2PasswordHasher):
    """Argon2, counted."""

    faits = 0

    def encode(self, password, salt):
        type(self).faits += 1
        return super().encode(password, salt)

    def verify(self, password, encoded):
        type(self).faits += 1
        return super().verify(password, encoded)


@pytest.fixture
def compteur(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.Compteur"]
    Compteur.faits = 0
    return Compteur


CACHETTES = {
    "inconnu": {},
    "sans_pin": {"pin": ""},
    "parti": {"actif": False},
    "sans_mot_de_passe": {"password": "!inutilisable"},
    "connu": {},
}


@pytest.mark.parametrize("secret", [{"pin": "719302"}, {"mot_de_passe": "faux"}])
def test_every_wrong_sign_in_costs_one_hash_and_says_the_same(halle, compteur, secret):
    _ouvrir(halle)
    pages = {}
    for nom, champs in CACHETTES.items():
        Operateur.objects.filter(code="A02").update(
            **({"actif": True, "pin": halle.operateurs["A02"].pin} | champs)
        )
        VerrouConnexion.objects.all().delete()
        compteur.faits = 0
        code = "Z99" if nom == "inconnu" else "A02"
        reponse = halle.navigateur().post(URL, {"code": code} | secret)
        assert compteur.faits == 1, nom
        debut = _texte(reponse).index('role="alert"')
        pages[nom] = (reponse.status_code, _texte(reponse)[debut : debut + 120])
    assert set(pages.values()) == {pages["connu"]}
    assert "Code ou secret inexact. Il reste 4 essais." in pages["connu"][1]


def test_a_code_that_nobody_has_is_locked_like_another(halle):
    _ouvrir(halle)
    for _ in range(5):
        reponse = halle.navigateur().post(URL, {"code": "Z99", "pin": "719302"})
    assert "Réessayez dans 30 s" in _texte(reponse)


@pytest.mark.parametrize(
    ("saisie", "motif"),
    [
        ({"code": "Z99", "mot_de_passe": "faux"}, "inconnu"),
        ({"code": "A02", "mot_de_passe": "faux"}, "secret"),
        ({"code": "A02", "pin": "220022"}, "ouverture"),
    ],
)
def test_every_refused_sign_in_is_logged_by_its_reason_and_by_no_code(halle, caplog, saisie, motif):
    with caplog.at_level(logging.WARNING):
        halle.navigateur().post(URL, saisie)
    (ligne,) = [r.getMessage() for r in caplog.records if "connexion refusée" in r.getMessage()]
    assert ligne.endswith(f"motif={motif}")
    assert f"officine={halle.officine.pk} poste={halle.postes[0].pk}" in ligne
    for saisi in saisie.values():
        assert saisi not in ligne


def test_a_sign_in_says_by_which_factor_it_was_opened_or_refused(halle):
    _entrer(halle)
    _entrer(halle, PIN)
    halle.navigateur().post(URL, {"code": "A02", "pin": "719302"})
    lignes = Audit.objects.filter(acte="session.ouvrir").order_by("pk")
    assert [(x.resultat, x.precision) for x in lignes] == [
        ("ok", "mot_de_passe"),
        ("ok", "pin"),
        ("refus", "pin"),
    ]


# Sessions


def test_a_key_is_drawn_long_and_one_that_was_not_drawn_here_is_not_taken(halle):
    client = halle.navigateur()
    for force in ("a" * 32, "../../etc/passwd", "x", ""):
        client.cookies[settings.SESSION_COOKIE_NAME] = force
        assert client.post(URL, PASSE).status_code == 302
        assert _cle(client) != force
        assert not Session.objects.filter(session_key=force).exists()
        client.post("/deconnexion/")
    cles = {SessionStore().session_key or SessionStore()._get_new_session_key() for _ in range(50)}
    assert len(cles) == 50
    assert all(len(c) == 32 and set(c) <= set(ascii_lowercase + digits) for c in cles)  # 165 bits


def test_the_key_changes_at_sign_in_at_unlocking_and_with_the_operator(halle):
    client = halle.navigateur()
    client.get(URL)
    cles = []
    for saisie in (PASSE, PIN, {"code": "B01", "pin": "330033"}, PIN):
        client.post(URL, saisie)
        assert _dedans(client)
        cles.append(_cle(client))
        client.post("/verrouiller/")
    assert len(set(cles)) == 4
    assert Session.objects.filter(session_key__in=cles).count() == 1
    assert SessionOuverte.objects.filter(cle__in=cles).count() == 1


def test_the_former_key_opens_nothing_after_a_sign_out_or_a_change_of_operator(halle):
    _ouvrir(halle)
    for sortie in ("/deconnexion/", None):
        client = _entrer(halle, PIN)
        vieille = _cle(client)
        if sortie:
            client.post(sortie)
        else:
            client.post(URL, {"code": "B01", "pin": "330033"})
        voleur = halle.navigateur()
        voleur.cookies[settings.SESSION_COOKIE_NAME] = vieille
        assert not _dedans(voleur)


@pytest.mark.parametrize(("heures", "dedans"), [(11.9, True), (12.1, False)])
def test_a_busy_session_asks_for_the_code_again_after_twelve_hours(halle, heures, dedans):
    _ouvrir(halle)
    client = _entrer(halle, PIN)
    session = client.session
    session["authentifiee"] = timezone.now().timestamp() - heures * 3600
    session.save()
    assert _dedans(client) is dedans
    assert is_present(_cle(client), halle.acteur("A02")) is dedans
    if not dedans:
        client.post(URL, PIN)
        assert _dedans(client)


@pytest.mark.parametrize(("minutes", "la"), [("30", True), ("5", False)])
def test_the_delay_that_the_titulaire_chose_holds_for_a_stream_too(halle, minutes, la):
    parametres.modifier(halle.administrateur(), "session.verrouillage_minutes", minutes)
    client = halle.client()
    session = client.session
    session["activite"] = timezone.now().timestamp() - 10 * 60
    session.save()
    assert is_present(_cle(client), halle.acteur("A02")) is la
    assert _dedans(client) is la


@pytest.mark.parametrize("cle", ["authentifiee", "activite"])
def test_a_session_that_does_not_say_since_when_is_closed(halle, cle):
    client = halle.client()
    session = client.session
    del session[cle]
    session.save()
    assert not is_present(_cle(client), halle.acteur("A02"))
    assert not _dedans(client)


def test_a_key_in_an_address_or_in_a_header_is_no_session(halle):
    cle = _cle(halle.client())
    client = halle.navigateur()
    reponse = client.get(
        f"/donnees/?{settings.SESSION_COOKIE_NAME}={cle}&sessionid={cle}",
        HTTP_AUTHORIZATION=f"Bearer {cle}",
        HTTP_X_SESSION=cle,
    )
    assert reponse.status_code == 302
    page = halle.client()
    assert _cle(page) not in page.get("/donnees/").content.decode()


def test_a_cookie_of_another_officine_beside_a_session_gives_no_poste(halle, port):
    client = halle.client()
    client.cookies[settings.POSTE_COOKIE_NAME] = (
        port.navigateur().cookies[settings.POSTE_COOKIE_NAME].value
    )
    page = client.get("/donnees/").content.decode()
    assert port.postes[0].wid not in page


def test_a_session_needs_a_person_no_cookie_of_a_poste_opens_one(halle):
    client = halle.navigateur()
    for methode in ("get", "head", "options"):
        getattr(client, methode)("/vente/")
        getattr(client, methode)(URL)
    assert not SessionOuverte.objects.exists()
    assert not _dedans(client)


def test_leaving_is_on_every_page_of_who_is_signed_in(halle):
    client = halle.client("A01")
    for chemin in ("/", "/donnees/", "/patients/", "/file/", "/equipe/", "/journal/"):
        page = client.get(chemin).content.decode()
        assert 'action="/deconnexion/"' in page
        assert 'action="/verrouiller/"' in page


# Parameters


def test_a_parameter_given_twice_signs_in_nobody_else_than_the_last(halle):
    _ouvrir(halle)
    client = halle.navigateur()
    corps = "code=A01&code=A02&pin=110011&pin=220022"
    client.post(URL, corps, content_type="application/x-www-form-urlencoded")
    assert "_auth_user_id" in client.session
    assert client.session["_auth_user_id"] == str(halle.operateurs["A02"].pk)
    autre = halle.navigateur()
    autre.post(URL + "?code=A02&pin=220022", {"code": "A01", "pin": "719302"})
    assert "_auth_user_id" not in autre.session


def test_a_field_that_no_form_has_is_not_written(halle, port):
    titulaire, cible = halle.administration("A01"), halle.operateurs["B01"]
    avant = Operateur.objects.get(pk=cible.pk)
    en_trop = {
        "actif": "",
        "officine": port.officine.pk,
        "officine_id": port.officine.pk,
        "password": "x",
        "pin": "x",
        "uuid": "0f7c9a52-6a0e-5c0a-9a55-2f0d1c6f7b10",
        "mot_de_passe_temporaire": "on",
        "is_superuser": "on",
        "code": "A01",
        "id": halle.operateurs["A01"].pk,
    }
    corps = {"prenom": avant.prenom, "nom": avant.nom, "role": avant.role} | en_trop
    assert titulaire.post(f"/equipe/{cible.pk}/", corps).status_code == 302
    apres = Operateur.objects.get(pk=cible.pk)
    assert {c: v for c, v in vars(apres).items() if c[0] != "_"} == {
        c: v for c, v in vars(avant).items() if c[0] != "_"
    }


def test_a_new_file_is_of_this_officine_and_proves_nothing_whatever_is_sent(halle, port):
    corps = {
        "nom_naissance": "NEUVE",
        "premier_prenom": "ANNE",
        "date_naissance": "01/02/1980",
        "sexe": "F",
        "officine": port.officine.pk,
        "ins_matricule": "279035121518989",
        "statut": "qualifiee",
        "ins_oid": "1.2.250.1.213.1.4.8",
        "id": halle.patient().pk,
    }
    halle.client().post("/patients/nouveau/", corps)
    cree = Patient.objects.get(nom_naissance="NEUVE")
    assert cree.officine_id == halle.officine.pk
    assert cree.pk != halle.patient().pk
    assert not cree.ins_matricule
    assert cree.statut != "qualifiee"


def test_no_form_takes_all_the_columns_of_a_table():
    """A ModelForm names its fields one by one; nothing is built from what was sent."""
    import re

    for dossier in ("pharmacy", "ins", "ordonnance", "teleservices", "psc"):
        for fichier in (RACINE / dossier).rglob("*.py"):
            texte = fichier.read_text(encoding="utf-8")
            assert not re.search(r"__all__[\"']\s*$|exclude\s*=\s*[\[(]|\*\*request\.", texte, re.M)


@pytest.mark.parametrize(
    "suite", ["https:exemple.test", "/\\exemple.test", "\thttps://exemple.test", "//exemple.test/x"]
)
def test_no_page_sends_elsewhere(halle, suite):
    _ouvrir(halle)
    reponse = halle.navigateur().post(URL, {**PIN, "suite": suite})
    assert reponse["Location"] in {"/vente/", "/"}
    verrou = halle.client().post("/verrouiller/", {"suite": suite})
    assert "exemple.test" not in verrou["Location"]


@pytest.mark.parametrize("chemin", ["/sante", "/.well-known/agent-jwks.json", "/donnees/"])
def test_no_answer_is_wrapped_for_a_script(halle, chemin):
    reponse = halle.client().get(chemin + "?callback=vole&jsonp=vole&format=jsonp")
    assert "vole(" not in reponse.content.decode()
    assert "javascript" not in reponse["Content-Type"]


# What breaks


def test_what_goes_around_a_wall_is_logged(halle, caplog):
    """A form without its token, a foreign name, a forged cookie, a refused right by the API."""
    with caplog.at_level(logging.WARNING):
        Client(HTTP_HOST="127.0.0.1", enforce_csrf_checks=True).post(URL, PASSE)
        Client(HTTP_HOST="ailleurs.exemple.test").get("/")
        faux = Client(HTTP_HOST="127.0.0.1")
        faux.cookies[settings.POSTE_COOKIE_NAME] = "eyJvIjoxLCJwIjoxfQ:1x:signature"
        faux.get(URL)
    noms = {r.name for r in caplog.records}
    assert {"django.security.csrf", "django.security.DisallowedHost"} <= noms
    assert "pharmacy.isolation.middleware" in noms
    assert all("signature" not in r.getMessage() for r in caplog.records)
    Operateur.objects.filter(code="B01").update(role="administratif")
    corps = {"text": "3400930065785", "canal": "scan", "vente": halle.vente().pk}
    reponse = halle.client("B01").post("/api/scans", corps, content_type="application/json")
    assert reponse.status_code == 403
    ligne = Audit.objects.get(acte="acces.refuse")
    assert (ligne.objet, ligne.precision) == ("vue:api_scans", "vente")


def test_a_refused_access_is_in_the_journal_with_its_view_and_its_right(halle):
    client = halle.client("B01")
    assert client.get("/equipe/").status_code == 403
    assert client.post(f"/equipe/{halle.operateurs['A02'].pk}/reinitialiser/").status_code == 403
    lignes = Audit.objects.filter(acte="acces.refuse").order_by("pk")
    assert [(x.objet, x.precision, x.resultat, x.genre) for x in lignes] == [
        ("vue:equipe", "operateurs.debloquer", "refus", "securite"),
        ("vue:equipe_reinitialiser", "operateurs.reinitialiser", "refus", "securite"),
    ]
    assert {x.operateur_id for x in lignes} == {halle.operateurs["B01"].pk}


@pytest.mark.parametrize(
    ("chemin", "statut"), [("/casse/", 500), ("/casse/sql/", 500), ("/casse/suspecte/", 400)]
)
def test_a_breakdown_says_a_code_and_nothing_of_what_broke(halle, settings, caplog, chemin, statut):
    settings.ROOT_URLCONF = "tests.pharmacy.adresses_cassees"
    client = halle.client()
    client.raise_request_exception = False
    reponse = client.get(chemin)
    assert reponse.status_code == statut
    texte = reponse.content.decode()
    for dedans in ("PAT-TROIS", "279035121518989", "Traceback", "SELECT", "RuntimeError"):
        assert dedans not in texte
    assert reponse["Content-Security-Policy"]
    assert reponse["Cache-Control"] == "no-store"
    if chemin == "/casse/":
        assert "HTTP-500" in texte
        assert any(r.levelno >= logging.ERROR for r in caplog.records)
        assert _dedans(client)  # the process and the session go on


def test_the_clock_of_the_database_is_ours(halle):
    """Two clocks write the instants of the journal and of the log: they agree."""
    with connection.cursor() as curseur:
        curseur.execute("SELECT clock_timestamp()")
        instant = curseur.fetchone()[0]
    assert instant.tzinfo is not None
    assert abs(instant - timezone.now()) < timedelta(seconds=2)


def test_someone_who_signs_in_from_outside_needs_the_password_and_locks_nobody_inside(
    halle, settings
):
    settings.POSTE_AUTOMATIQUE = ""
    for _ in range(6):
        Client(HTTP_HOST="127.0.0.1").post(
            URL, {"finess": HALLE.finess, "code": "A02", "mot_de_passe": "faux"}
        )
    assert VerrouConnexion.objects.get(poste=None).echecs == 5
    assert _dedans(_entrer(halle))
