"""Arriving by Pro Santé Connect, end to end: our pages, the simulated service on real sockets."""

import pytest
from django.utils import timezone

from pharmacy.models import Audit, Operateur, SessionOuverte, VerrouConnexion
from psc.models import RattachementPsc
from psc.services import situations
from tests.psc.guichet import MOTS_DE_PASSE, NOMS, RPPS, Guichet, connected, text
from tests.simulators.client_nu import Simulateur

HUGO = "30B0330011/CPE0001"


@pytest.fixture(scope="module")
def psc(tls, tmp_path_factory):
    processus = Simulateur("psc", tmp_path_factory.mktemp("psc"), tls, calme=True)
    yield processus
    processus.stop()


@pytest.fixture
def guichet(halle, psc, tls, settings):
    with connected(psc, tls, settings) as navigateur:
        yield Guichet(halle, psc, navigateur)


# From the sign-in screen.


@pytest.mark.exigence("PSC-01", "PSC-03", "PSC-04", "PSC-17")
@pytest.mark.cas("psc-1")
def test_the_operator_whose_rpps_comes_back_is_signed_in(guichet):
    guichet.attach("A01", "alice")
    page = text(guichet.client.get("/connexion/?suite=/patients/"))
    assert "Pro Santé Connect" in page
    assert "Code opérateur" in page
    fenetre = guichet.arrive("alice CARD", "/patients/")
    assert guichet.who() == "A01"
    assert "vous êtes connecté" in text(fenetre)
    assert "Vous pouvez fermer cette fenêtre" in text(fenetre)
    (session,) = guichet.sessions()
    assert (session.etat, session.moyen, session.rpps) == ("active", "CARD", RPPS["alice"])
    assert ("psc.identifier", "ok", RPPS["alice"]) in guichet.acts()
    assert ("psc.prouver", "ok", "eidas1:CARD") in guichet.acts()
    assert ("psc.autoriser", "ok", "lien_prouve") in guichet.acts()
    assert Audit.objects.filter(acte="session.ouvrir", precision="psc").count() == 1
    assert SessionOuverte.objects.filter(operateur=session.operateur).count() == 1
    attente = guichet.poll()
    assert (attente.status_code, attente["HX-Redirect"]) == (204, "/patients/")


@pytest.mark.exigence("PSC-09")
@pytest.mark.cas("psc-2")
def test_the_activity_of_this_officine_is_taken_by_itself(guichet):
    guichet.located()
    guichet.attach("A02", "bruno")
    page = text(guichet.arrive("bruno MOBILE"))
    (session,) = guichet.sessions()
    assert session.moyen == "MOBILE"
    assert session.situation["activite"]["finess"] == "0B0330011"
    assert "Activité : " in page
    assert "0B0330011" in page
    assert "non rattaché" not in page


@pytest.mark.exigence("PSC-15")
@pytest.mark.cas("psc-3")
def test_a_preparatrice_arrives_with_the_rights_of_her_profession_alone(guichet):
    guichet.attach("B01", "chloe")
    guichet.arrive("chloe MOBILE")
    assert guichet.who() == "B01"
    (session,) = guichet.sessions()
    assert session.situation == {}
    assert session.operateur.role == "preparateur"
    refus = guichet.client.get("/journal/")
    assert refus.status_code == 403
    assert "Votre profil ne permet pas de" in text(refus)


@pytest.mark.cas("psc-4")
def test_an_activity_elsewhere_warns_and_forbids_nothing_here(guichet):
    guichet.attach("A02", "david")
    page = text(guichet.arrive("david CARD"))
    assert guichet.who() == "A02"
    assert "n'est pas rattaché à cette officine" in page
    assert guichet.client.get("/vente/", follow=True).status_code == 200


@pytest.mark.cas("psc-5")
def test_the_hospital_stays_selectable_and_the_name_of_exercise_may_differ(guichet):
    guichet.located()
    guichet.attach("A02", "elise")
    guichet.arrive("elise CARD")
    (session,) = guichet.sessions()
    assert session.situation["activite"]["secteur"] == "SA33"
    page = guichet.client.get("/psc/situation")
    valeurs = [
        ligne.split('value="')[1].split('"')[0]
        for ligne in page.content.decode().split('name="situation"')[1:]
    ]
    assert len(valeurs) == 2
    autre = next(v for v in valeurs if v != session.situation["cle"])
    assert guichet.client.post("/psc/situation", {"situation": autre}).status_code == 303
    session.refresh_from_db()
    assert session.situation["activite"]["secteur"] == "SA01"
    assert RattachementPsc.objects.get(rpps=RPPS["elise"]).situation == autre
    assert ("psc.situation", "ok", autre[:80]) in guichet.acts()
    assert "hors de cette officine" not in text(guichet.client.get("/psc/situation"))


@pytest.mark.cas("psc-5")
def test_an_activity_that_nobody_declared_is_not_chosen(guichet):
    guichet.attach("A02", "elise")
    guichet.arrive("elise CARD")
    avant = guichet.sessions()[0].situation
    assert guichet.client.post("/psc/situation", {"situation": "21|F1|S|D"}).status_code == 409
    assert guichet.sessions()[0].situation == avant


@pytest.mark.cas("psc-6")
def test_a_replacement_without_activity_works_and_is_told(guichet):
    guichet.attach("A02", "farid")
    page = text(guichet.arrive("farid CARD"))
    assert guichet.who() == "A02"
    assert "Aucune activité n'est déclarée pour vous" in page
    assert guichet.client.get("/psc/situation").status_code == 200


@pytest.mark.cas("psc-7")
def test_an_identity_by_uuid_is_matched_by_the_rpps_beside_it(guichet):
    guichet.attach("A02", "gaelle")
    guichet.arrive("gaelle CARD")
    assert guichet.who() == "A02"
    assert guichet.sessions()[0].national != f"8{RPPS['gaelle']}"


@pytest.mark.cas("psc-8")
def test_who_has_no_rpps_is_matched_by_the_whole_national_identifier(guichet):
    guichet.attach("B01", "hugo", national=HUGO)
    guichet.arrive("hugo CARD")
    assert guichet.who() == "B01"
    assert guichet.sessions()[0].rpps == ""


@pytest.mark.cas("psc-8", "psc-12")
def test_without_such_a_link_nobody_is_signed_in(guichet):
    page = text(guichet.arrive("hugo CARD"))
    assert guichet.who() == ""
    assert "Aucun opérateur rattaché" in page


@pytest.mark.cas("psc-45")
@pytest.mark.exigence("PSC-10")
def test_a_clock_of_ours_that_is_late_is_said_as_such(guichet):
    guichet.attach("A01", "alice")
    guichet.psc.post("/horloge", derive_s=180)
    try:
        page = text(guichet.arrive())
    finally:
        guichet.psc.post("/horloge", derive_s=0)
    assert guichet.who() == ""
    assert "L'horloge de notre serveur n'est pas à l'heure" in page


@pytest.mark.exigence("PSC-02")
@pytest.mark.cas("psc-10")
def test_code_and_password_work_and_call_nobody(guichet):
    guichet.psc.humeur("panne")
    try:
        avant = len(guichet.psc.journal())
        reponse = guichet.client.post(
            "/connexion/", {"code": "A02", "mot_de_passe": MOTS_DE_PASSE["A02"]}
        )
        assert reponse.status_code == 302
        assert guichet.who() == "A02"
        assert guichet.client.get("/vente/", follow=True).status_code == 200
        assert len(guichet.psc.journal()) == avant
    finally:
        guichet.psc.humeur("normal")


@pytest.mark.exigence("PSC-02")
def test_switched_off_there_is_no_button_and_no_door(guichet, settings):
    settings.PSC_ACTIF = False
    assert "Pro Santé Connect" not in text(guichet.client.get("/connexion/"))
    porte = guichet.leave()
    assert porte.status_code == 503
    assert guichet.attempt() is None


@pytest.mark.cas("psc-1")
def test_who_was_locked_out_by_their_code_arrives_and_stays_locked_out_by_it(guichet):
    guichet.attach("A01", "alice")
    for _ in range(5):
        guichet.client.post("/connexion/", {"code": "A01", "mot_de_passe": "faux-mot-de-passe"})
    avant = VerrouConnexion.objects.values_list("echecs", "bloque_jusqua").get(code="A01")
    guichet.arrive()
    assert guichet.who() == "A01"
    assert VerrouConnexion.objects.values_list("echecs", "bloque_jusqua").get(code="A01") == avant


def test_a_temporary_password_is_spoken_of_and_blocks_nothing(guichet):
    guichet.attach("A01", "alice")
    Operateur.objects.filter(code="A01").update(mot_de_passe_temporaire=True)
    page = text(guichet.arrive())
    assert guichet.who() == "A01"
    assert "mot de passe est temporaire" in page


# While somebody works.


@pytest.mark.exigence("PSC-07")
@pytest.mark.cas("psc-11")
def test_the_operator_at_work_stays_where_they_are(guichet):
    guichet.attach("A01", "alice")
    guichet.works("A01")
    cle = guichet.cookie()
    page = text(guichet.arrive("alice CARD", "/patients/"))
    assert guichet.cookie() == cle
    assert "vous êtes connecté" in page
    (session,) = guichet.sessions()
    assert session.operateur.code == "A01"
    attente = guichet.poll()
    assert attente.status_code == 200
    assert "HX-Redirect" not in attente
    assert "connecté" in text(attente)


@pytest.mark.cas("psc-61", "psc-62")
def test_another_person_is_a_question_and_staying_changes_nothing(guichet):
    guichet.attach("A01", "alice")
    guichet.attach("A02", "bruno")
    guichet.works("A02")
    cle = guichet.cookie()
    page = text(guichet.arrive("alice CARD"))
    assert guichet.who() == "A02"
    assert guichet.sessions() == []
    assert "Vous êtes authentifié comme ALICE TITULAIRE" in page
    assert "l'opérateur ouvert est Alice MARTIN" in page
    assert "répondez ici" in text(guichet.poll())
    page = text(guichet.answer("rester"))
    assert "Vous restez l'opérateur du poste" in page
    assert (guichet.who(), guichet.cookie()) == ("A02", cle)
    assert guichet.sessions() == []
    assert [e["resultat"] for e in guichet.calls("deconnexion")] == ["deconnecte"]
    assert guichet.attempt().recu is None


@pytest.mark.cas("psc-61", "psc-58")
def test_passing_to_another_opens_a_session_of_their_own(guichet):
    guichet.attach("A01", "alice")
    guichet.works("A02")
    guichet.client.session["brouillon"] = "de A02"
    avant = guichet.cookie()
    guichet.arrive("alice CARD")
    # A02 has no link: it is theirs to say, or to pass.
    assert guichet.attempt().issue == "a_choisir"
    page = text(guichet.answer("passer"))
    assert "vous êtes connecté" in page
    assert guichet.who() == "A01"
    assert guichet.cookie() != avant
    assert [s.operateur.code for s in guichet.sessions()] == ["A01"]
    assert guichet.poll()["HX-Redirect"] == "/vente/"


@pytest.mark.cas("psc-61")
def test_the_question_is_answered_once(guichet):
    guichet.attach("A01", "alice")
    guichet.works("A02")
    guichet.arrive("alice CARD")
    guichet.answer("rester")
    page = text(guichet.answer("passer"))
    assert "Vous restez" in page
    assert guichet.who() == "A02"


def test_a_stranger_while_somebody_works_is_shown_out(guichet):
    guichet.attach("A01", "alice")
    guichet.works("A01")
    page = text(guichet.arrive("bruno CARD"))
    assert "n'est pas l'opérateur de ce poste" in page
    assert guichet.who() == "A01"
    assert guichet.sessions() == []
    assert len(guichet.calls("deconnexion")) == 1


def test_an_operator_without_link_attaches_themselves_by_their_password(guichet):
    guichet.named("A01", *NOMS["alice"])
    Operateur.objects.filter(code="A01").update(rpps="")
    guichet.works("A01")
    page = text(guichet.arrive())
    assert "n'a pas de rattachement" in page
    assert "inexact" in text(guichet.answer("rattacher", code="A01", mot_de_passe="faux"))
    assert guichet.sessions() == []
    page = text(guichet.answer("rattacher", code="A01", mot_de_passe=MOTS_DE_PASSE["A01"]))
    assert "vous êtes connecté" in page
    assert RattachementPsc.objects.get(rpps=RPPS["alice"]).etat == "prouve"
    assert len(guichet.sessions()) == 1


def test_a_screen_that_locked_meanwhile_is_unlocked_by_its_operator_only(guichet):
    guichet.attach("A01", "alice")
    guichet.attach("A02", "bruno")
    guichet.works("A01")
    depart = guichet.leave()
    guichet.client.post("/verrouiller/", {"suite": "/vente/"})
    retour = guichet.back(guichet.choose(depart["Location"], "bruno CARD"))
    assert "s'est verrouillé" in text(guichet.client.get(retour["Location"]))
    assert guichet.client.session["verrouillee"]
    assert guichet.sessions() == []
    assert guichet.who() == "A01"


def test_who_locked_their_screen_meanwhile_finds_it_unlocked(guichet):
    guichet.attach("A01", "alice")
    guichet.works("A01")
    depart = guichet.leave()
    guichet.client.post("/verrouiller/", {"suite": "/vente/"})
    guichet.back(guichet.choose(depart["Location"]))
    assert not guichet.client.session["verrouillee"]
    assert [s.operateur.code for s in guichet.sessions()] == ["A01"]


# First use, links.


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-14")
def test_a_mistyped_rpps_connects_nobody_as_somebody_else(guichet):
    guichet.attach("A02", "alice", prouve=False)  # the RPPS is ALICE's, by mistake
    page = text(guichet.arrive())
    assert guichet.who() == ""
    assert "ALICE TITULAIRE" in page
    assert "Alice MARTIN, A02" in page
    lien = RattachementPsc.objects.get(rpps=RPPS["alice"])
    assert lien.etat == "declare"
    refus = guichet.answer("confirmer", code="B01", mot_de_passe=MOTS_DE_PASSE["B01"])
    assert refus.status_code == 422
    assert "celui d'un titulaire" in text(refus)
    assert guichet.who() == ""
    guichet.answer("abandonner")
    lien.refresh_from_db()
    assert (lien.etat, guichet.who(), guichet.sessions()) == ("declare", "", [])
    assert len(guichet.calls("deconnexion")) == 1


@pytest.mark.cas("psc-14")
@pytest.mark.parametrize("code", ["A02", "A01"])
def test_the_operator_or_a_titulaire_confirms_a_first_use(guichet, code):
    guichet.attach("A02", "alice", prouve=False)
    guichet.arrive()
    page = guichet.answer("confirmer", code=code, mot_de_passe=MOTS_DE_PASSE[code])
    assert "vous êtes connecté" in text(page)
    assert guichet.who() == "A02"
    lien = RattachementPsc.objects.get(rpps=RPPS["alice"])
    assert lien.etat == "prouve"
    assert ("psc.autoriser", "ok", "premier_usage_confirme") in guichet.acts()


@pytest.mark.cas("psc-14")
def test_guesses_of_the_password_are_counted_as_at_the_sign_in(guichet):
    guichet.attach("A02", "alice", prouve=False)
    guichet.arrive()
    for _ in range(5):
        page = guichet.answer("confirmer", code="A02", mot_de_passe="au-hasard-encore")
    assert "Trop d'essais" in text(page)
    page = guichet.answer("confirmer", code="A02", mot_de_passe=MOTS_DE_PASSE["A02"])
    assert "Trop d'essais" in text(page)
    assert guichet.who() == ""


@pytest.mark.exigence("PSC-04")
def test_the_rpps_of_the_sheet_is_proved_when_the_names_are_the_same(guichet):
    guichet.named("A02", "Alice", "Titulaire")
    Operateur.objects.filter(code="A02").update(rpps=RPPS["alice"])
    guichet.arrive()
    assert guichet.who() == "A02"
    lien = RattachementPsc.objects.get(rpps=RPPS["alice"])
    assert (lien.etat, lien.operateur.code) == ("prouve", "A02")
    assert lien.dernier_sub


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-12")
def test_an_identity_without_operator_creates_no_account(guichet):
    avant = Operateur.objects.count()
    page = text(guichet.arrive())
    assert "aucun compte n'est créé" in page
    assert guichet.who() == ""
    assert ("psc.autoriser", "attente", "aucun_operateur (alerte)") in guichet.acts()
    page = text(guichet.answer("abandonner"))
    assert "Connexion abandonnée" in page
    assert len(guichet.calls("deconnexion")) == 1
    assert Operateur.objects.count() == avant
    assert RattachementPsc.objects.count() == 0


@pytest.mark.cas("psc-12", "psc-13")
def test_a_request_without_the_right_waits_and_connects_nobody(guichet):
    Operateur.objects.filter(code="B01").update(prenom="CHLOE", nom="PREPARATRICE")
    guichet.arrive("chloe MOBILE")
    page = text(guichet.answer("rattacher", code="B01", mot_de_passe=MOTS_DE_PASSE["B01"]))
    assert "Demande de rattachement enregistrée" in page
    assert guichet.who() == ""
    assert guichet.sessions() == []
    assert RattachementPsc.objects.get().etat == "demande"
    assert len(guichet.calls("deconnexion")) == 1
    assert "Aucun opérateur rattaché" in text(guichet.arrive("chloe MOBILE"))


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-12")
def test_who_has_another_identity_already_files_nothing_and_may_still_give_up(guichet):
    guichet.attach("A02", "bruno")
    guichet.arrive("alice CARD")
    page = guichet.answer("rattacher", code="A02", mot_de_passe=MOTS_DE_PASSE["A02"])
    assert page.status_code == 422
    assert "Vous avez déjà un rattachement" in text(page)
    assert RattachementPsc.objects.get().rpps == RPPS["bruno"]
    assert "Connexion abandonnée" in text(guichet.answer("abandonner"))
    assert guichet.who() == ""


@pytest.mark.cas("psc-12")
def test_the_titulaire_attaches_themselves_at_once(guichet):
    guichet.named("A01", *NOMS["alice"])
    Operateur.objects.filter(code="A01").update(rpps="")
    guichet.arrive("alice CARD")
    page = guichet.answer("rattacher", code="A01", mot_de_passe=MOTS_DE_PASSE["A01"])
    assert "vous êtes connecté" in text(page)
    assert guichet.who() == "A01"
    assert RattachementPsc.objects.get().etat == "prouve"


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-18")
def test_two_operators_with_one_identity_admit_nobody(guichet):
    guichet.attach("A02", "alice")
    Operateur.objects.filter(code="A02").update(rpps="")
    Operateur.objects.filter(code="A01").update(rpps=RPPS["alice"])
    page = text(guichet.arrive())
    assert "Compte non autorisé. Voyez le titulaire." in page
    assert guichet.who() == ""
    assert ("psc.autoriser", "refus", "plusieurs_operateurs (alerte)") in guichet.acts()
    assert len(guichet.calls("deconnexion")) == 1


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-19")
def test_who_left_yesterday_is_refused_and_nothing_says_they_were_here(guichet):
    guichet.attach("A01", "alice")
    Operateur.objects.filter(code="A01").update(actif=False, depart=timezone.localdate())
    page = text(guichet.arrive())
    assert "Compte non autorisé. Voyez le titulaire." in page
    assert "ROUSSEAU" not in page
    assert guichet.who() == ""
    assert guichet.sessions() == []
    assert [e["resultat"] for e in guichet.calls("deconnexion")] == ["deconnecte"]
    assert ("psc.autoriser", "refus", "compte_non_autorise (alerte)") in guichet.acts()


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-24", "psc-25")
@pytest.mark.parametrize(
    ("qui", "code"),
    [("deux-rpps", "rpps_ambigu (alerte)"), ("rpps-autre", "rpps_contradictoire (critique)")],
)
def test_an_identity_that_contradicts_itself_is_nobody(guichet, qui, code):
    guichet.attach("A01", "alice")
    page = text(guichet.arrive(f"{qui} CARD"))
    assert guichet.who() == ""
    assert "Compte non autorisé" in page
    assert ("psc.autoriser", "refus", code) in guichet.acts()
    assert len(guichet.calls("deconnexion")) == 1


@pytest.mark.cas("psc-56")
def test_markup_in_a_name_of_structure_is_text(guichet):
    operateur = guichet.troupe.operateurs["A02"]
    guichet.arrive("balises CARD")
    rpps = next(p for a, _r, p in guichet.acts() if a == "psc.identifier")
    guichet.answer("abandonner")
    RattachementPsc.objects.create(
        officine=guichet.troupe.officine,
        operateur=operateur,
        declare_par=operateur,
        environnement="simulateur",
        rpps=rpps,
        etat="prouve",
        prouve_le=timezone.now(),
    )
    guichet.arrive("balises CARD")
    page = guichet.client.get("/psc/situation").content.decode()
    assert "&lt;" in page
    assert "<script>alert" not in page
    acteur = guichet.troupe.acteur("A02")
    vue = situations.view_of(acteur, guichet.client.session.session_key)
    assert max(len(s.activite.raison_sociale) for s in vue.choix.toutes) == 200
