"""The second factor, and the ten minutes of administration it opens (SEC-07, TIT-03)."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pharmacy import parametres
from pharmacy.acteurs import DROITS, EN_VENTE, AdministrationRequise, check_administration, peut
from pharmacy.demonstration.donnees import HALLE
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import (
    Audit,
    CodeSecours,
    Habilitation,
    ModeAdministration,
    Operateur,
    Poste,
    SecondFacteur,
    Vente,
)
from pharmacy.rules import totp
from pharmacy.services import administration, equipe, habilitations, second_facteur
from pharmacy.services.administration import Preuve
from pharmacy.services.second_facteur import FacteurRefuse
from pharmacy.services.vente import VenteRefusee, patient_choose, vente_open
from tests.pharmacy.facteur import code_of

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("TIT-03")]
URL = "/administration/"
MOI = "/second-facteur/"
MDP = "halle-adjointe"


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


def _ouvert(client):
    return "Administration jusqu" in client.get("/donnees/").content.decode()


def _ouvrir(troupe, pas=0):
    client = troupe.client("A01")
    reponse = client.post(URL, {"code": code_of(troupe, pas=pas), "suite": "/equipe/arrivee/"})
    assert reponse["Location"] == "/equipe/arrivee/"
    return client


def _activer(troupe, code="A02", mdp=MDP):
    """An operator activates their factor, as the pages ask; return browser and recovery codes."""
    client = troupe.client(code)
    assert client.post(MOI, {"acte": "proposer", "mot_de_passe": mdp}).status_code == 302
    page = client.post(MOI, {"acte": "confirmer", "code": code_of(troupe, code, propose=True)})
    assert page.status_code == 200
    return client, [b.split("</code>")[0] for b in page.content.decode().split("<code>")[1:]]


def _plus_tard(troupe, secondes=90):
    """The codes used until now are of the past."""
    with officine_context(troupe.officine.pk):
        for facteur in SecondFacteur.objects.all():
            facteur.dernier_pas -= secondes // 30
            facteur.save()


# Activation


@pytest.mark.exigence("SEC-07")
def test_a_factor_is_activated_by_the_password_then_by_one_code(halle):
    client = halle.client("A02")
    assert "Pas encore activé" in _texte(client.get(MOI))
    refus = client.post(MOI, {"acte": "proposer", "mot_de_passe": "faux"})
    assert refus.status_code == 422
    assert "Il reste 4 essais" in _texte(refus)
    assert not SecondFacteur.objects.filter(operateur__code="A02").exists()
    client.post(MOI, {"acte": "proposer", "mot_de_passe": MDP})
    page = client.get(MOI)
    facteur = SecondFacteur.objects.get(operateur__code="A02")
    assert "data:image/svg+xml" in page.content.decode()
    assert facteur.propose in page.content.decode()
    assert len(facteur.propose.replace(" ", "")) == 32
    assert facteur.active_le is None
    assert page["Cache-Control"] == "no-store"
    assert client.post(MOI, {"acte": "confirmer", "code": "000000"}).status_code == 422
    page = client.post(
        MOI, {"acte": "confirmer", "code": code_of(halle, "A02", propose=True)}
    ).content.decode()
    assert page.count("<li>\n") + page.count("<li><code>") >= 10
    facteur.refresh_from_db()
    assert facteur.active_le is not None
    assert facteur.propose == ""
    assert facteur.secret not in client.get(MOI).content.decode()
    assert Audit.objects.filter(acte="second_facteur.activer").count() == 1


@pytest.mark.exigence("SEC-07")
def test_keys_and_recovery_codes_are_long_and_never_drawn_twice(halle):
    """Ten letters of thirty: 49 bits each; a key of 160 bits."""
    tires, cles = set(), set()
    for code in ("A02", "B01"):
        _, codes = _activer(halle, code, {"A02": MDP, "B01": "halle-preparateur"}[code])
        assert len(codes) == 10
        tires |= {c.replace("-", "")[1:] for c in codes}
        cles.add(SecondFacteur.objects.get(operateur__code=code).secret)
    assert len(tires) == 20
    assert {len(tire) for tire in tires} == {10}
    assert len(cles) == 2
    assert {len(totp.read_key(cle)) for cle in cles} == {20}


@pytest.mark.exigence("SEC-07", "SEC-13")
def test_the_key_and_the_recovery_codes_are_not_readable_in_the_database(halle):
    _, codes = _activer(halle)
    facteur = SecondFacteur.objects.get(operateur__code="A02")
    with connection.cursor() as curseur:
        curseur.execute("SELECT secret FROM pharmacy_secondfacteur WHERE id = %s", [facteur.pk])
        (secret,) = curseur.fetchone()
    assert facteur.secret.encode() not in bytes(secret)
    assert len(set(codes)) == 10
    haches = CodeSecours.objects.values_list("empreinte", flat=True)
    assert all(hache.startswith("argon2$argon2id$") for hache in haches)
    assert not any(code.replace("-", "") in hache for code in codes for hache in haches)


def test_a_key_that_waited_ten_minutes_is_drawn_again(halle):
    client = halle.client("A02")
    client.post(MOI, {"acte": "proposer", "mot_de_passe": MDP})
    code = code_of(halle, "A02", propose=True)
    SecondFacteur.objects.update(propose_le=timezone.now() - timedelta(minutes=11))
    reponse = client.post(MOI, {"acte": "confirmer", "code": code})
    assert "plus de dix minutes" in _texte(reponse)
    assert "data:image" not in client.get(MOI).content.decode()


def test_the_key_in_use_is_replaced_against_one_of_its_codes_and_stays_until_then(halle):
    client, _ = _activer(halle)
    avant = SecondFacteur.objects.get(operateur__code="A02").secret
    corps = {"acte": "proposer", "mot_de_passe": MDP}
    assert client.post(MOI, corps | {"code": "000000"}).status_code == 422
    _plus_tard(halle)
    assert client.post(MOI, corps | {"code": code_of(halle, "A02")}).status_code == 302
    assert SecondFacteur.objects.get(operateur__code="A02").secret == avant
    client.post(MOI, {"acte": "confirmer", "code": code_of(halle, "A02", propose=True)})
    assert SecondFacteur.objects.get(operateur__code="A02").secret != avant


def test_recovery_codes_are_made_again_and_the_former_ones_end(halle):
    client, codes = _activer(halle)
    _plus_tard(halle)
    page = client.post(
        MOI, {"acte": "codes", "mot_de_passe": MDP, "code": code_of(halle, "A02")}
    ).content.decode()
    assert page.count("<code>") == 10
    assert not any(code in page for code in codes)
    with pytest.raises(FacteurRefuse):
        second_facteur.verify(halle.acteur("A02"), codes[0])


# Use


@pytest.mark.exigence("SEC-07")
def test_a_code_opens_ten_minutes_and_serves_once(halle):
    client = _ouvrir(halle)
    mode = ModeAdministration.objects.get()
    assert timedelta(minutes=9) < mode.jusqua - timezone.now() <= timedelta(minutes=10)
    assert "(10 min)" in _texte(client.get("/donnees/"))
    assert Audit.objects.get(acte="administration.ouvrir").precision == "totp"
    encore = halle.client("A01", 1).post(URL, {"code": code_of(halle)})
    assert encore.status_code == 422
    assert "déjà servi" in _texte(encore)
    assert ModeAdministration.objects.count() == 1


@pytest.mark.exigence("SEC-07")
@pytest.mark.parametrize(("pas", "ouvre"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_away(halle, pas, ouvre):
    reponse = halle.client("A01").post(URL, {"code": code_of(halle, pas=pas)})
    assert (reponse.status_code == 302) is ouvre


@pytest.mark.exigence("SEC-07")
def test_five_wrong_codes_make_wait_and_a_titulaire_unlocks(halle):
    client = halle.client("A01")
    phrases = [_texte(client.post(URL, {"code": "000000"})) for _ in range(5)]
    for reste, phrase in zip((4, 3, 2, 1), phrases, strict=False):
        assert f"Il reste {reste} essai" in phrase
    assert "Réessayez dans 30 s" in phrases[4]
    assert client.post(URL, {"code": code_of(halle)}).status_code == 422
    assert Audit.objects.filter(acte="second_facteur.refuser", resultat="refus").count() == 5
    assert "bloqué jusqu" in client.get("/equipe/").content.decode()
    client.post(f"/equipe/{halle.operateurs['A01'].pk}/debloquer/")
    assert client.post(URL, {"code": code_of(halle)}).status_code == 302


@pytest.mark.exigence("SEC-07")
def test_a_recovery_code_opens_once_however_it_is_typed(halle):
    _, codes = _activer(halle)
    acteur = halle.acteur("A02")
    assert second_facteur.state_of(acteur).secours == 10
    preuve = second_facteur.verify(acteur, f" {codes[3].lower().replace('-', ' ')} ")
    assert preuve.moyen == "secours"
    assert second_facteur.state_of(acteur).secours == 9
    with pytest.raises(FacteurRefuse):
        second_facteur.verify(acteur, codes[3])
    assert second_facteur.verify(acteur, codes[4]).moyen == "secours"


@pytest.mark.parametrize("code", ["", "x", "123", "9-ABCDE", "Z-ABCDE-FGHJK", "é" * 11, "0" * 400])
def test_what_is_no_code_is_refused_with_a_sentence(halle, code):
    reponse = halle.client("A01").post(URL, {"code": code})
    assert reponse.status_code == 422
    assert "FAC-001" in _texte(reponse)


def test_who_has_no_factor_is_offered_to_activate_one(halle):
    SecondFacteur.objects.all().delete()
    client = halle.client("A01")
    assert "Activer mon second facteur" in _texte(client.get(URL))
    assert "FAC-404" in str(_refus(halle.acteur("A01"), "123456").code)


def _refus(acteur, code):
    with pytest.raises(FacteurRefuse) as refus:
        second_facteur.verify(acteur, code)
    return refus.value


def test_the_demonstration_shows_its_code_in_the_simulator_alone(halle, settings):
    client = halle.client("A01")
    assert f'"code-demonstration">{code_of(halle)}<' in client.get(URL).content.decode()
    client.post(URL, {"code": code_of(halle)})
    client.post("/administration/fermer/")
    page = client.get(URL).content.decode()
    assert f'"code-demonstration">{code_of(halle, pas=1)}<' in page
    assert client.post(URL, {"code": code_of(halle, pas=1)}).status_code == 302
    settings.ENVIRONNEMENT = "production"
    assert second_facteur.demonstration_code(halle.acteur("A01")) == ""
    settings.ENVIRONNEMENT = "simulateur"
    _activer(halle)
    assert second_facteur.demonstration_code(halle.acteur("A02")) == ""


# The mode


def test_a_proof_is_ones_own_and_fresh_and_the_right_is_needed(halle):
    acteur, ici = halle.acteur("A01"), timezone.now()
    for preuve in (
        Preuve(halle.operateurs["A02"].pk, "psc", ici),
        Preuve(acteur.operateur_id, "psc", ici - timedelta(seconds=61)),
    ):
        with pytest.raises(PermissionError):
            administration.open(acteur, "cle", preuve)
    with pytest.raises(PermissionError, match="Votre profil ne permet pas"):
        administration.open(
            halle.acteur("A02"), "cle", Preuve(halle.operateurs["A02"].pk, "psc", ici)
        )
    administration.open(acteur, "cle", Preuve(acteur.operateur_id, "psc", ici))
    assert ModeAdministration.objects.get().moyen == "psc"


@pytest.mark.parametrize("fin", ["touche", "verrou", "depart", "collègue", "heure", "à distance"])
def test_the_mode_ends_by_an_act_a_lock_a_change_of_operator_or_its_time(halle, fin):
    Poste.objects.update(ouvert_le=timezone.now())
    client = _ouvrir(halle)
    assert _ouvert(client)
    if fin == "touche":
        assert (
            client.post("/administration/fermer/", {"suite": "/equipe/"})["Location"] == "/equipe/"
        )
    elif fin == "verrou":
        client.post("/verrouiller/")
        assert not ModeAdministration.objects.exists()
        client.post("/connexion/", {"code": "A01", "pin": "110011"})
    elif fin == "depart":
        client.post("/deconnexion/")
        client.post("/connexion/", {"code": "A01", "pin": "110011"})
    elif fin == "collègue":
        client.post("/verrouiller/")
        client.post("/connexion/", {"code": "A02", "pin": "220022"})
        client.post("/verrouiller/")
        client.post("/connexion/", {"code": "A01", "pin": "110011"})
    elif fin == "heure":
        ModeAdministration.objects.update(jusqua=timezone.now() - timedelta(seconds=1))
    else:
        administration.close(halle.acteur("A01"), client.session.session_key)
    assert client.get("/donnees/").status_code == 200
    assert not _ouvert(client)
    if fin not in {"heure", "à distance"}:
        assert Audit.objects.filter(acte="administration.fermer").count() == 1


def test_an_idle_lock_ends_the_mode_too(halle):
    Poste.objects.update(ouvert_le=timezone.now())
    client = _ouvrir(halle)
    session = client.session
    session["activite"] = timezone.now().timestamp() - 16 * 60
    session.save()
    assert client.get("/donnees/").status_code == 302
    client.post("/connexion/", {"code": "A01", "pin": "110011"})
    assert not _ouvert(client)


def test_the_mode_of_one_browser_is_no_other_s(halle):
    _ouvrir(halle)
    autre = halle.client("A01", 1)
    assert not _ouvert(autre)
    assert autre.post(f"/equipe/{halle.operateurs['B01'].pk}/reinitialiser/").status_code == 403


def test_the_part_of_the_header_is_refreshed_and_is_no_activity(halle):
    client = _ouvrir(halle)
    session = client.session
    session["activite"] = timezone.now().timestamp() - 300
    session.save()
    assert "(10 min)" in _texte(client.get("/administration/etat/"))
    assert client.session["activite"] < timezone.now().timestamp() - 200
    ModeAdministration.objects.all().delete()
    assert "every 20s" not in client.get("/administration/etat/").content.decode()


def test_the_sale_screen_costs_no_statement_more_for_the_mode(halle):
    """Read with the row of the operator: no statement of its own, in any page."""
    vente = halle.vente("A01")
    client = halle.client("A01")
    client.get(f"/vente/{vente.pk}/")
    with CaptureQueriesContext(connection) as requetes:
        client.get(f"/vente/{vente.pk}/")
    lues = [q["sql"] for q in requetes if "modeadministration" in q["sql"]]
    assert len(lues) == 1
    assert "pharmacy_operateur" in lues[0]
    assert not any("secondfacteur" in q["sql"] for q in requetes)


# No sale


@pytest.mark.parametrize("droit", sorted(DROITS))
def test_with_the_mode_open_nobody_holds_what_makes_a_sale(halle, droit):
    assert peut(halle.acteur("A01"), droit).ok
    decision = peut(halle.administrateur(), droit)
    assert decision.ok is (droit not in EN_VENTE)
    assert bool(decision.geste) is (droit in EN_VENTE)


def test_no_service_changes_a_sale_with_the_mode_open(halle):
    vente = halle.vente("A01")
    acteur = halle.administrateur()
    with pytest.raises(VenteRefusee) as refus:
        patient_choose(acteur, vente.pk, halle.patient(), "recherche")
    assert refus.value.code == "ADM-002"
    with pytest.raises(PermissionError):
        vente_open(acteur)
    assert Vente.objects.get(pk=vente.pk).patient_id is None


def test_the_sale_says_why_and_one_key_gives_it_back(halle):
    vente = halle.vente("A01")
    client = _ouvrir(halle)
    page = _texte(client.get(f"/vente/{vente.pk}/"))
    assert "aucune vente ne se fait" in page
    assert "Fermer le mode administration et vendre" in page
    assert "ADM-002" in _texte(client.get("/"))
    lieu = client.post("/administration/fermer/", {"suite": f"/vente/{vente.pk}/"})["Location"]
    assert client.get(lieu).status_code == 200
    vente.refresh_from_db()
    assert vente.etat == "ouverte"


# What needs it


@pytest.mark.parametrize(
    ("cle", "avant", "serre", "desserre"),
    [
        ("session.verrouillage_minutes", 15, "10", "20"),
        ("journal.garde_securite", None, None, None),
        ("agent.code_minutes", 15, "5", "20"),
        ("ins.piece_perimee_annees", 5, "4", "6"),
        ("ins.copie_mois", 12, "11", "13"),
    ],
)
def test_a_setting_that_protects_less_needs_the_mode_and_a_stricter_one_does_not(
    halle, cle, avant, serre, desserre
):
    acteur = halle.acteur("A01")
    if avant is None:
        avant = parametres.entier(halle.officine.pk, cle)
        serre, desserre = str(avant + 1), str(avant - 1)
    with pytest.raises(AdministrationRequise):
        parametres.modifier(acteur, cle, desserre)
    parametres.modifier(acteur, cle, serre)
    parametres.modifier(halle.administrateur(), cle, desserre)


@pytest.mark.parametrize(
    "cle", ["ins.apprenti_qualifie", "ins.adjoint_fusionne", "ins.piece_perimee_acceptee"]
)
def test_a_permission_taken_back_is_given_again_in_the_mode_only(halle, cle):
    acteur = halle.acteur("A01")
    parametres.modifier(acteur, cle, "non")
    with pytest.raises(AdministrationRequise):
        parametres.modifier(acteur, cle, "oui")
    page = halle.client("A01").post("/parametres/officine/", {"cle": cle, "valeur": "oui"})
    assert page.status_code == 403
    assert "ADM-001" in _texte(page)
    assert "/administration/?suite=%2Fparametres%2Fofficine%2F" in page.content.decode()


def test_the_services_ask_for_the_mode_by_themselves(halle):
    acteur, leroy = halle.acteur("A01"), halle.operateurs["B01"]
    for acte in (
        lambda: equipe.leave(acteur, leroy.pk),
        lambda: equipe.plan_departure(acteur, leroy.pk, None),
        lambda: habilitations.change_roles(acteur, [], ""),
        lambda: habilitations.change_person(acteur, leroy, [], ""),
        lambda: second_facteur.remove(acteur, leroy),
    ):
        with pytest.raises(AdministrationRequise):
            acte()


def test_the_right_lost_while_the_mode_is_open_ends_what_it_gave(halle):
    acteur = replace(halle.administrateur("A02"), ecarts=frozenset({("administration", True)}))
    check_administration(acteur)
    with pytest.raises(AdministrationRequise):
        check_administration(replace(acteur, ecarts=frozenset()))


def test_a_page_says_before_one_types_that_the_mode_is_needed(halle):
    for url in ("/equipe/arrivee/", "/equipe/habilitations/", "/equipe/"):
        assert "demande le mode administration" in _texte(halle.client("A01").get(url))
        assert "demande le mode administration" not in _texte(halle.administration().get(url))


# Nobody gives rights to oneself


def test_nobody_gives_a_right_to_oneself(halle):
    """By the person's matrix, by their role's, by their sheet: a titulaire included."""
    rousseau, martin = halle.operateurs["A01"], halle.operateurs["A02"]
    marque = habilitations.matrix_of_person(rousseau).marque
    with pytest.raises(PermissionError, match="Vous ne vous donnez pas de droit"):
        habilitations.change_person(halle.administrateur(), rousseau, list(DROITS), marque)
    Habilitation.objects.create(
        officine=halle.officine,
        droit="administration",
        operateur=martin,
        accorde=True,
        auteur=rousseau,
    )
    adjointe = halle.administration("A02")
    toutes = [f"adjoint:{droit}" for droit in DROITS]
    for url, corps in (
        (f"/equipe/{martin.pk}/habilitations/", {"droit": list(DROITS), "marque": marque}),
        ("/equipe/habilitations/", {"droit": toutes, "marque": marque}),
        (f"/equipe/{martin.pk}/", {"prenom": "A", "nom": "M", "role": "titulaire"}),
    ):
        assert adjointe.post(url, corps).status_code == 403
    assert Habilitation.objects.count() == 1
    assert Operateur.objects.get(code="A02").role == "adjoint"


# Removal


def test_another_titulaire_removes_a_factor_and_nobody_their_own(halle):
    _activer(halle)
    martin, rousseau = halle.operateurs["A02"], halle.operateurs["A01"]
    client = halle.administration()
    assert "Retirer son second facteur" in _texte(client.get(f"/equipe/{martin.pk}/"))
    client.post(f"/equipe/{martin.pk}/second-facteur/retirer/")
    assert not SecondFacteur.objects.filter(operateur=martin).exists()
    assert not CodeSecours.objects.exists()
    trace = Audit.objects.get(acte="second_facteur.retirer")
    assert trace.objet == f"operateur:{martin.pk}"
    assert client.post(f"/equipe/{rousseau.pk}/second-facteur/retirer/").status_code == 403
    assert SecondFacteur.objects.filter(operateur=rousseau).exists()


def test_the_host_removes_the_factor_of_a_lone_titulaire(halle):
    sortie = StringIO()
    call_command("operateur_reinitialiser", HALLE.finess, "A01", "--totp", stdout=sortie)
    assert "Second facteur retiré" in sortie.getvalue()
    facteur = SecondFacteur.objects.get(operateur__code="A01")
    assert facteur.active_le is None
    assert Operateur.objects.get(code="A01").check_password("halle-titulaire")
    assert Audit.objects.filter(acte="second_facteur.retirer", operateur=None).count() == 1


@pytest.mark.exigence("TIT-01")
def test_a_departure_ends_the_factor_with_the_rest(halle):
    _activer(halle)
    equipe.leave(halle.administrateur(), halle.operateurs["A02"].pk)
    assert not SecondFacteur.objects.filter(operateur__code="A02").exists()


def test_the_factor_of_one_officine_is_nothing_to_another(halle, port):
    with officine_context(port.officine.pk):
        code = code_of(port)
    assert code != code_of(halle)
    assert port.client("A01").post(URL, {"code": code_of(halle)}).status_code == 422
    with officine_context(port.officine.pk):
        assert SecondFacteur.objects.count() == 1
