"""The team: arrival, change, departure that ends every access in one act, return (TIT-01)."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from pharmacy.demonstration.donnees import HALLE
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, Habilitation, Operateur, Poste, SessionOuverte, VerrouConnexion
from pharmacy.rules.pin import is_guessable
from pharmacy.rules.rpps import read_rpps
from pharmacy.services import equipe
from pharmacy.services.vente import VenteRefusee
from pharmacy.tasks import finir_departs
from pharmacy.views.flux import Ecoute, Partie
from teleservices.etats import CODES_CARTE
from teleservices.models import AssertionActeur, Envoi

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("TIT-01")]
URL = "/connexion/"
NEUF = {"code": "c01", "prenom": "Noé", "nom": "Petit", "role": "adjoint", "rpps": "10100000065"}


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


def _secret(page):
    return page.content.decode().split("<code>")[1].split("</code>")[0]


def _ouvrir(troupe, poste=0):
    Poste.objects.filter(pk=troupe.postes[poste].pk).update(ouvert_le=timezone.now())


def _entrer(troupe, code, pin, poste=0):
    """A browser that really signed in: its session is in the list."""
    _ouvrir(troupe, poste)
    client = troupe.navigateur(poste)
    assert client.post(URL, {"code": code, "pin": pin}).status_code == 302
    return client


def _dedans(client):
    return client.get("/donnees/").status_code == 200


def _fiche(operateur, **champs):
    return {"prenom": operateur.prenom, "nom": operateur.nom, "role": operateur.role} | champs


def _titulaire_de_plus(troupe):
    return Operateur.objects.create_operateur(
        troupe.officine,
        "C02",
        "un autre titulaire",
        "515253",
        nom="DURAND",
        prenom="Eve",
        role="titulaire",
    )


# Arrival


def test_who_arrives_gets_a_password_once_then_chooses_it_with_a_pin(halle):
    titulaire = halle.administration()
    assert "Faire entrer un opérateur" in _texte(titulaire.get("/equipe/arrivee/"))
    page = titulaire.post("/equipe/arrivee/", NEUF)
    secret = _secret(page)
    assert page["Cache-Control"] == "no-store"
    operateur = Operateur.objects.get(code="C01")
    assert (operateur.nom, operateur.role, operateur.rpps) == ("PETIT", "adjoint", "10100000065")
    assert secret not in titulaire.get("/equipe/").content.decode()
    navigateur = halle.navigateur()
    lieu = navigateur.post(URL, {"code": "C01", "mot_de_passe": secret})["Location"]
    assert "PIN de six chiffres" in _texte(navigateur.get(lieu))
    passe = {"nouveau": "un mot de passe neuf", "confirmation": "un mot de passe neuf"}
    pins = {"pin": "280491", "pin_confirmation": "280491"}
    assert navigateur.post("/connexion/mot-de-passe/", passe | pins)["Location"] == "/vente/"
    assert _dedans(navigateur)
    assert Operateur.objects.get(code="C01").check_pin("280491")
    ligne = Audit.objects.get(acte="operateur.arrivee")
    assert (ligne.objet, ligne.precision) == (f"operateur:{operateur.pk}", "adjoint")


@pytest.mark.parametrize(
    ("pin", "encore", "phrase"),
    [
        ("", "", "PIN de six chiffres"),
        ("28049", "28049", "PIN de six chiffres"),
        ("28049a", "28049a", "PIN de six chiffres"),
        ("123456", "123456", "Ce PIN se devine"),
        ("280491", "280492", "Les deux PIN diffèrent"),
    ],
)
def test_a_poor_pin_is_refused_with_a_sentence(halle, pin, encore, phrase):
    secret = _secret(halle.administration().post("/equipe/arrivee/", NEUF))
    navigateur = halle.navigateur()
    navigateur.post(URL, {"code": "C01", "mot_de_passe": secret})
    passe = {"nouveau": "un mot de passe neuf", "confirmation": "un mot de passe neuf"}
    reponse = navigateur.post(
        "/connexion/mot-de-passe/", passe | {"pin": pin, "pin_confirmation": encore}
    )
    assert reponse.status_code == 422
    assert phrase in _texte(reponse)
    assert not _dedans(navigateur)


@pytest.mark.parametrize(
    ("pin", "devine"), [("000000", True), ("987654", True), ("901234", True), ("220022", False)]
)
def test_a_pin_that_everybody_tries_first(pin, devine):
    assert is_guessable(pin) is devine


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"code": "A02"}, "est, ou a été, celui de quelqu"),
        ({"code": ""}, "Donnez un code."),
        ({"code": "é1"}, "de deux à huit lettres ou chiffres"),
        ({"role": "roi"}, "Choisissez le rôle."),
        ({"nom": ""}, "Donnez le nom."),
        ({"rpps": "12345"}, "onze chiffres"),
        ({"rpps": "10100000040"}, "déjà celui d"),
        ({"arrivee": "31/02/2026"}, "sous la forme 22/12/2026"),
        ({"arrivee": "02/01/2027", "depart": "01/01/2027"}, "vient après le premier"),
    ],
)
def test_what_cannot_be_kept_is_told_and_nothing_typed_is_lost(halle, champs, phrase):
    reponse = halle.administration().post("/equipe/arrivee/", NEUF | champs)
    assert reponse.status_code == 422
    assert phrase in _texte(reponse).replace("&#x27;", "'")
    assert 'value="Noé"' in reponse.content.decode()
    assert not Operateur.objects.filter(code="C01").exists()


@pytest.mark.parametrize(
    ("tape", "lu"),
    [("810100000032", "10100000032"), ("1010000 0032", "10100000032"), ("910100000032", None)],
)
def test_a_rpps_is_read_with_or_without_its_eight(tape, lu):
    assert read_rpps(tape) == lu


def test_a_wrong_key_of_a_rpps_is_a_warning_said_once(halle):
    titulaire = halle.administration()
    faux = NEUF | {"rpps": "10100000061"}
    reponse = titulaire.post("/equipe/arrivee/", faux)
    assert reponse.status_code == 422
    assert 'name="rpps_vu" value="10100000061"' in _texte(reponse)
    assert titulaire.post("/equipe/arrivee/", faux | {"rpps_vu": "10100000061"}).status_code == 200
    assert Operateur.objects.get(code="C01").rpps == "10100000061"


def test_the_database_keeps_one_person_a_rpps_among_who_is_here(halle):
    jumeau = Operateur(officine=halle.officine, code="J01", role="adjoint", rpps="10100000040")
    with pytest.raises(IntegrityError), transaction.atomic():
        jumeau.save()
    jumeau.actif = False
    jumeau.save()


def test_before_the_first_day_and_after_the_last_nobody_enters(halle):
    _ouvrir(halle)
    demain = timezone.localdate() + timedelta(days=1)
    hier = timezone.localdate() - timedelta(days=1)
    aujourdhui = timezone.localdate()
    for champs, entre in (
        ({"arrivee": demain}, False),
        ({"depart": hier}, False),
        ({"arrivee": aujourdhui, "depart": aujourdhui}, True),
    ):
        Operateur.objects.filter(code="B01").update(**{"arrivee": None, "depart": None} | champs)
        client = halle.navigateur()
        statut = client.post(URL, {"code": "B01", "pin": "330033"}).status_code
        assert (statut == 302) is entre, champs
        assert ("LEROY" in halle.navigateur().get(URL).content.decode()) is entre
        assert _dedans(halle.client("B01")) is entre


# Change


def test_a_change_of_role_holds_at_the_next_request_of_an_open_session(halle):
    adjointe = halle.client("A02")
    assert adjointe.get("/patients/").status_code == 200
    martin = halle.operateurs["A02"]
    url = f"/equipe/{martin.pk}/"
    reponse = halle.administration().post(url, _fiche(martin, role="administratif"))
    assert reponse.status_code == 302
    assert adjointe.get("/patients/").status_code == 403
    ligne = Audit.objects.get(acte="operateur.role")
    assert ligne.precision == "adjoint>administratif"


def test_a_change_of_role_erases_what_was_decided_for_the_person(halle):
    martin = halle.operateurs["A02"]
    Habilitation.objects.create(
        officine=halle.officine,
        droit="postes.gerer",
        operateur=martin,
        accorde=True,
        auteur=halle.operateurs["A01"],
    )
    assert halle.client("A02").get("/postes/").status_code == 200
    halle.administration().post(f"/equipe/{martin.pk}/", _fiche(martin, role="remplacant"))
    assert not Habilitation.objects.exists()
    assert halle.client("A02").get("/postes/").status_code == 403


def test_the_sheet_shows_the_words_it_keeps(halle):
    martin = halle.operateurs["A02"]
    page = halle.administration().get(f"/equipe/{martin.pk}/").content.decode()
    assert 'value="10100000040"' in page
    assert 'value="Alice"' in page
    halle.administration().post(f"/equipe/{martin.pk}/", _fiche(martin, prenom="Alix", rpps=""))
    assert (Operateur.objects.get(code="A02").prenom, Operateur.objects.get(code="A02").rpps) == (
        "Alix",
        "",
    )


# Departure


def _assertion(troupe, code, poste=0):
    return AssertionActeur.objects.create(
        officine=troupe.officine,
        operateur=troupe.operateurs[code],
        poste=troupe.postes[poste],
        service="epu",
        assertion=b"<a/>",
        certificat_sha256="0" * 64,
        id_nat="810100000040",
        expire_le=timezone.now() + timedelta(hours=1),
    )


@pytest.mark.exigence("TIT-04")
def test_a_departure_ends_every_access_in_one_act(halle):
    martin = halle.operateurs["A02"]
    un, deux = _entrer(halle, "A02", "220022"), _entrer(halle, "A02", "220022", 1)
    ecoute = Ecoute(halle.acteur(), halle.vente().pk, un.cookies["comptoir_session"].value)
    ecoute.read(["bandeau"])
    _assertion(halle, "A02")
    VerrouConnexion.objects.filter(code="A02").update(echecs=5)
    titulaire = halle.administration()
    page = _texte(titulaire.get(f"/equipe/{martin.pk}/depart/"))
    assert "Ses sessions ouvertes : 2, fermées tout de suite." in page
    lieu = titulaire.post(f"/equipe/{martin.pk}/depart/", {"quand": "maintenant"})
    assert lieu["Location"] == "/equipe/"
    assert not _dedans(un)
    assert not _dedans(deux)
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])
    martin.refresh_from_db()
    assert (martin.actif, martin.depart) == (False, timezone.localdate())
    assert not martin.has_usable_password()
    assert not martin.check_pin("220022")
    assert not AssertionActeur.objects.exists()
    assert not SessionOuverte.objects.filter(operateur=martin).exists()
    assert not VerrouConnexion.objects.filter(code="A02").exists()
    for saisie in ({"pin": "220022"}, {"mot_de_passe": "halle-adjointe"}):
        assert halle.navigateur().post(URL, {"code": "A02"} | saisie).status_code == 422
    assert Audit.objects.filter(acte="operateur.depart").count() == 1


def test_who_left_stays_in_the_history_and_keeps_their_code(halle):
    titulaire = halle.administration()
    titulaire.post(f"/equipe/{halle.operateurs['A02'].pk}/depart/", {"quand": "maintenant"})
    page = _texte(titulaire.get("/equipe/"))
    assert "Opérateurs partis (1)" in page
    assert "Alice MARTIN" in page
    reponse = titulaire.post("/equipe/arrivee/", NEUF | {"code": "A02", "rpps": ""})
    assert reponse.status_code == 422


def test_what_waits_for_the_card_of_who_leaves_is_told_and_stays(halle):
    martin = halle.operateurs["A02"]
    envoi = Envoi.objects.create(
        officine=halle.officine,
        service="epu",
        operation="ordonnance.executer",
        cle="depart",
        sujet="on:0",
        etat="a_envoyer",
        file="lots",
        operateur=martin,
        dernier_code=sorted(CODES_CARTE)[0],
        pas_avant=timezone.now(),
    )
    titulaire = halle.administration()
    page = _texte(titulaire.get(f"/equipe/{martin.pk}/depart/"))
    assert "un autre pharmacien les signe avec la sienne : <strong>1</strong>" in page
    titulaire.post(f"/equipe/{martin.pk}/depart/", {"quand": "maintenant"})
    envoi.refresh_from_db()
    assert envoi.etat == "a_envoyer"


def test_a_planned_departure_leaves_the_day_whole_then_closes_by_itself(halle):
    martin = halle.operateurs["A02"]
    url = f"/equipe/{martin.pk}/depart/"
    titulaire = halle.administration()
    jour = timezone.localdate() + timedelta(days=3)
    reponse = titulaire.post(url, {"quand": "date", "depart": f"{jour:%d/%m/%Y}"})
    assert reponse.status_code == 302
    assert f"jusqu'au {jour:%d/%m/%Y}" in _texte(titulaire.get("/equipe/"))
    adjointe = _entrer(halle, "A02", "220022")
    assert equipe.finish_departures() == 0
    assert _dedans(adjointe)
    Operateur.objects.filter(pk=martin.pk).update(depart=timezone.localdate() - timedelta(days=1))
    assert not _dedans(adjointe)  # before any task
    finir_departs()
    martin.refresh_from_db()
    assert not martin.actif
    assert martin.depart == timezone.localdate() - timedelta(days=1)
    assert not SessionOuverte.objects.filter(operateur=martin).exists()
    assert Audit.objects.filter(acte="operateur.depart", operateur=None).count() == 1
    assert equipe.finish_departures() == 0


def test_the_sweep_of_departures_crosses_officines_and_mixes_nothing(halle, port):
    hier = timezone.localdate() - timedelta(days=1)
    Operateur.objects.filter(code="B01").update(depart=hier)
    with officine_context(port.officine.pk):
        Operateur.objects.create(
            officine=port.officine, code="Z01", role="apprenti", depart=hier, nom="Z", prenom="Z"
        )
    assert equipe.finish_departures() == 2
    assert not Operateur.objects.get(code="B01").actif
    assert Audit.objects.filter(acte="operateur.depart").count() == 1
    with officine_context(port.officine.pk):
        assert not Operateur.objects.get(code="Z01").actif
        assert Audit.objects.filter(acte="operateur.depart").count() == 1


@pytest.mark.parametrize(
    ("depart", "phrase"),
    [
        ("", "Donnez le dernier jour"),
        ("demain", "sous la forme 22/12/2026"),
        ("01/01/2020", "Cette date est passée"),
    ],
)
def test_a_last_day_that_is_none_is_refused_with_a_sentence(halle, depart, phrase):
    url = f"/equipe/{halle.operateurs['A02'].pk}/depart/"
    reponse = halle.administration().post(url, {"quand": "date", "depart": depart})
    assert reponse.status_code == 422
    assert phrase in _texte(reponse)
    assert Operateur.objects.get(code="A02").depart is None


def test_a_planned_departure_is_taken_back(halle):
    url = f"/equipe/{halle.operateurs['A02'].pk}/depart/"
    titulaire = halle.administration()
    jour = timezone.localdate() + timedelta(days=3)
    titulaire.post(url, {"quand": "date", "depart": f"{jour:%d/%m/%Y}"})
    assert "Annuler le départ prévu" in _texte(titulaire.get(url))
    titulaire.post(url, {"quand": "annuler"})
    assert Operateur.objects.get(code="A02").depart is None
    actes = Audit.objects.filter(acte__startswith="operateur.depart").values_list("acte", flat=True)
    assert sorted(actes) == ["operateur.depart_annule", "operateur.depart_prevu"]


def test_nobody_leaves_twice(halle):
    url = f"/equipe/{halle.operateurs['A02'].pk}/depart/"
    titulaire = halle.administration()
    titulaire.post(url, {"quand": "maintenant"})
    assert "OPE-003" in _texte(titulaire.post(url, {"quand": "maintenant"}))
    assert "n'a plus aucun accès" in _texte(titulaire.get(url))


# A lone titulaire


def test_a_lone_titulaire_neither_leaves_nor_changes_role(halle):
    rousseau = halle.operateurs["A01"]
    titulaire = halle.administration()
    url = f"/equipe/{rousseau.pk}/"
    assert "OPE-002" in _texte(titulaire.get(url + "depart/"))
    demain = timezone.localdate() + timedelta(days=1)
    for chemin, corps in (
        ("depart/", {"quand": "maintenant"}),
        ("depart/", {"quand": "date", "depart": f"{demain:%d/%m/%Y}"}),
        ("", _fiche(rousseau, role="adjoint")),
        ("", _fiche(rousseau, arrivee=f"{demain:%d/%m/%Y}")),
    ):
        reponse = titulaire.post(url + chemin, corps)
        assert reponse.status_code == 409, corps
        assert "OPE-002" in _texte(reponse)
    rousseau.refresh_from_db()
    assert (rousseau.role, rousseau.actif, rousseau.depart) == ("titulaire", True, None)


@pytest.mark.parametrize("autre", ["pas encore là", "sur le départ", "parti"])
def test_another_titulaire_counts_only_when_here_for_good(halle, autre):
    eve = _titulaire_de_plus(halle)
    jour = timezone.localdate() + timedelta(days=5)
    champs = {
        "pas encore là": {"arrivee": jour},
        "sur le départ": {"depart": jour},
        "parti": {"actif": False},
    }[autre]
    Operateur.objects.filter(pk=eve.pk).update(**champs)
    with pytest.raises(VenteRefusee) as refus:
        equipe.leave(halle.administrateur(), halle.operateurs["A01"].pk)
    assert refus.value.code == "OPE-002"


def test_a_titulaire_who_is_not_alone_leaves_and_is_signed_out(halle):
    _titulaire_de_plus(halle)
    client = halle.administrer(_entrer(halle, "A01", "110011"))
    url = f"/equipe/{halle.operateurs['A01'].pk}/depart/"
    assert client.post(url, {"quand": "maintenant"})["Location"] == "/connexion/"
    assert not _dedans(client)


def test_of_two_titulaires_who_send_each_other_away_one_stays(halle):
    """The second finds that its own right is gone: the rows are locked, then read again."""
    eve = _titulaire_de_plus(halle)
    acteur_eve = replace(halle.administrateur(), operateur_id=eve.pk)
    equipe.leave(halle.administrateur(), eve.pk)
    with pytest.raises(PermissionError):
        equipe.leave(acteur_eve, halle.operateurs["A01"].pk)
    assert Operateur.objects.en_poste().filter(role="titulaire").count() == 1


# Return


def test_who_comes_back_has_the_same_code_and_a_new_password(halle):
    martin = halle.operateurs["A02"]
    titulaire = halle.administration()
    titulaire.post(f"/equipe/{martin.pk}/depart/", {"quand": "maintenant"})
    assert "Faire revenir Alice MARTIN" in _texte(titulaire.get(f"/equipe/{martin.pk}/retour/"))
    page = titulaire.post(f"/equipe/{martin.pk}/retour/", _fiche(martin, role="remplacant"))
    secret = _secret(page)
    martin.refresh_from_db()
    assert (martin.actif, martin.depart, martin.role) == (True, None, "remplacant")
    assert martin.check_password(secret)
    assert halle.navigateur().post(URL, {"code": "A02", "mot_de_passe": secret}).status_code == 302
    assert Audit.objects.filter(acte="operateur.retour").count() == 1


def test_nobody_comes_back_who_is_here_or_whose_rpps_is_taken(halle):
    martin = halle.operateurs["A02"]
    titulaire = halle.administration()
    url = f"/equipe/{martin.pk}/retour/"
    assert "OPE-004" in _texte(titulaire.post(url, _fiche(martin)))
    assert "il n'a pas à revenir" in _texte(titulaire.get(url))
    titulaire.post(f"/equipe/{martin.pk}/depart/", {"quand": "maintenant"})
    titulaire.post("/equipe/arrivee/", NEUF | {"rpps": martin.rpps})
    reponse = titulaire.post(url, _fiche(martin, rpps=martin.rpps))
    assert reponse.status_code == 422
    assert not Operateur.objects.get(code="A02").actif


# Forgotten


def test_a_forgotten_password_closes_what_was_open_and_asks_for_a_new_pin(halle):
    adjointe = _entrer(halle, "A02", "220022")
    ecoute = Ecoute(halle.acteur(), halle.vente().pk, adjointe.cookies["comptoir_session"].value)
    halle.administration().post(f"/equipe/{halle.operateurs['A02'].pk}/reinitialiser/")
    assert not _dedans(adjointe)
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])
    assert halle.navigateur().post(URL, {"code": "A02", "pin": "220022"}).status_code == 422


def test_the_command_gives_no_password_to_who_left(halle):
    halle.administration().post(
        f"/equipe/{halle.operateurs['A02'].pk}/depart/", {"quand": "maintenant"}
    )
    with pytest.raises(CommandError, match="est parti"):
        call_command("operateur_reinitialiser", HALLE.finess, "A02")
    assert not Operateur.objects.get(code="A02").has_usable_password()


def test_a_lone_titulaire_locked_out_is_let_in_by_who_keeps_the_machine(halle):
    """Locked, and without password: the two commands, and nothing else, give the way back."""
    client = _entrer(halle, "A01", "110011")
    for _ in range(5):
        halle.navigateur().post(URL, {"code": "A01", "pin": "000001"})
    refus = halle.navigateur().post(URL, {"code": "A01", "pin": "110011"})
    assert "demandez au titulaire de vous débloquer" in _texte(refus)
    call_command("operateur_debloquer", HALLE.finess, "A01", stdout=StringIO())
    sortie = StringIO()
    call_command("operateur_reinitialiser", HALLE.finess, "A01", stdout=sortie)
    secret = sortie.getvalue().strip().rsplit(" ", 1)[1]
    assert not _dedans(client)
    navigateur = halle.navigateur()
    lieu = navigateur.post(URL, {"code": "A01", "mot_de_passe": secret})["Location"]
    assert lieu.startswith("/connexion/mot-de-passe/")
    assert Audit.objects.filter(acte="operateur.reinitialiser", operateur=None).count() == 1


# Sessions


@pytest.mark.exigence("TIT-04")
def test_the_open_sessions_say_who_where_since_when_and_what_last(halle):
    titulaire = _entrer(halle, "A01", "110011")
    adjointe = _entrer(halle, "A02", "220022", 1)
    adjointe.post("/verrouiller/")
    page = _texte(titulaire.get("/equipe/sessions/"))
    assert "A02 · Alice MARTIN" in page
    assert "Comptoir 2" in page
    assert "verrouillée" in page
    assert "celle-ci" in page
    assert page.count(">Fermer<") == 1


@pytest.mark.exigence("TIT-04")
def test_a_session_closed_from_afar_ends_at_once_with_its_stream(halle):
    titulaire = _entrer(halle, "A01", "110011")
    adjointe = _entrer(halle, "A02", "220022", 1)
    ici = adjointe.cookies[settings.SESSION_COOKIE_NAME].value
    ecoute = Ecoute(halle.acteur(poste=1), halle.vente().pk, ici)
    ecoute.read(["bandeau"])
    _assertion(halle, "A02", 1)
    ligne = SessionOuverte.objects.get(operateur__code="A02")
    reponse = titulaire.post(f"/equipe/sessions/{ligne.pk}/fermer/")
    assert reponse["Location"] == "/equipe/sessions/"
    assert not Session.objects.filter(session_key=ici).exists()
    assert not _dedans(adjointe)
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])
    assert not AssertionActeur.objects.exists()
    trace = Audit.objects.get(acte="session.fermer_a_distance")
    assert trace.objet == f"operateur:{halle.operateurs['A02'].pk}"
    assert titulaire.post(f"/equipe/sessions/{ligne.pk}/fermer/").status_code == 404
    assert "SES-404" in _texte(titulaire.post(f"/equipe/sessions/{ligne.pk}/fermer/"))


def test_ones_own_session_is_closed_by_the_menu(halle):
    titulaire = _entrer(halle, "A01", "110011")
    ligne = SessionOuverte.objects.get()
    assert "SES-001" in _texte(titulaire.post(f"/equipe/sessions/{ligne.pk}/fermer/"))
    assert _dedans(titulaire)


def test_a_session_left_or_taken_over_is_no_longer_in_the_list(halle):
    client = _entrer(halle, "A02", "220022")
    client.post("/verrouiller/")
    client.post(URL, {"code": "A02", "pin": "220022"})
    assert SessionOuverte.objects.count() == 1
    client.post("/verrouiller/")
    client.post(URL, {"code": "B01", "pin": "330033"})
    assert [s.operateur.code for s in SessionOuverte.objects.all()] == ["B01"]
    client.post("/deconnexion/")
    assert not SessionOuverte.objects.exists()


def test_no_session_is_listed_in_words(halle):
    page = _texte(halle.administration().get("/equipe/sessions/"))
    assert "Aucune session ouverte" in page


def test_the_session_of_another_officine_is_not_closed(halle, port):
    adjointe = _entrer(halle, "A02", "220022")
    ligne = SessionOuverte.objects.get()
    reponse = port.client("A01").post(f"/equipe/sessions/{ligne.pk}/fermer/")
    assert reponse.status_code == 404
    assert _dedans(adjointe)


# Budgets


def test_the_lists_cost_the_same_with_one_and_with_ten(halle, django_assert_max_num_queries):
    titulaire = _entrer(halle, "A01", "110011")
    for rang in range(10):
        _entrer(halle, "A02", "220022", rang % 2)
    urls = {
        "/equipe/sessions/": 9,
        "/equipe/habilitations/": 10,
        f"/equipe/{halle.operateurs['A02'].pk}/habilitations/": 10,
        f"/equipe/{halle.operateurs['A02'].pk}/depart/": 12,
        "/equipe/": 11,
    }
    for url, budget in urls.items():
        titulaire.get(url)
        with django_assert_max_num_queries(budget):
            assert titulaire.get(url).status_code == 200
