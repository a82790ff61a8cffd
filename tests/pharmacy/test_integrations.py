"""Integration keys: given once, proved, scoped, counted, revoked; nothing of another officine."""

import hashlib
import logging
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pharmacy import api_integration, debit
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.portes import key_of_repere
from pharmacy.models import Audit, CleIntegration, LigneDelivrance, Officine, Vente
from pharmacy.rules.portees import PORTEES
from pharmacy.services import integrations
from pharmacy.services.vente import Boite, ligne_add, patient_choose
from tests.ordonnance.atelier import LEVOTHYROX
from tests.pharmacy.outil import V1, Outil, forget_counts, probleme

pytestmark = pytest.mark.django_db
LECTURES = {
    "services": ("services",),
    "file": ("file", "envois"),
    "postes": ("postes",),
    "parametres": ("parametres",),
    "indicateurs": ("indicateurs",),
    "ventes": ("ventes",),
}
TRAITS = ("PAT-TROIS", "DOMINIQUE", "279035121518989", "ROUSSEAU")


@pytest.fixture(autouse=True)
def compteurs():
    forget_counts()


@pytest.fixture
def vente(halle):
    """A sale with a product and the patient of the story."""
    vente = halle.vente("A01")
    ligne_add(halle.acteur("A01"), vente.pk, Boite(cip13=LEVOTHYROX))
    patient_choose(halle.acteur("A01"), vente.pk, halle.patient(), "recherche")
    return vente


# The key


@pytest.mark.exigence("SEC-15")
def test_a_key_is_shown_once_and_only_its_digest_stays(halle):
    client = halle.administration("A01")
    reponse = client.post(
        "/equipe/integrations/", {"nom": "Tableau  de bord", "portee": ["file"], "jours": "30"}
    )
    cle = CleIntegration.objects.get(officine=halle.officine)
    texte = reponse.content.decode()
    secret = texte.split(f"cpt_{cle.repere}_")[1].split("<")[0]
    assert len(secret) == 43
    assert cle.empreinte == hashlib.sha256(secret.encode()).hexdigest()
    assert (cle.nom, cle.portees) == ("Tableau de bord", ["file"])
    assert cle.expire_le == timezone.localdate() + timedelta(days=30)
    assert secret not in client.get("/equipe/integrations/").content.decode()
    with connection.cursor() as curseur:
        curseur.execute("SELECT row_to_json(c)::text FROM pharmacy_cleintegration c")
        assert secret not in curseur.fetchall()[0][0]
    ligne = Audit.objects.latest("pk")
    assert (ligne.acte, ligne.objet) == ("integration.creer", f"cle:{cle.repere}")
    assert ligne.genre == Audit.Genre.SECURITE


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"nom": "  "}, "Donnez un nom"),
        ({"portee": ["tout"]}, "Cochez au moins une chose"),
        ({"jours": "4000"}, "Choisissez une des durées"),
    ],
)
def test_a_key_badly_asked_for_is_not_made_and_the_form_says_why(halle, change, phrase):
    corps = {"nom": "Outil", "portee": ["file", "postes"], "jours": "30"} | change
    reponse = halle.administration("A01").post("/equipe/integrations/", corps)
    assert reponse.status_code == 422
    assert phrase in reponse.content.decode()
    assert not CleIntegration.objects.filter(officine=halle.officine).exists()


@pytest.mark.exigence("SEC-15")
def test_the_page_says_what_each_scope_lets_out_and_where_people_are(halle):
    texte = Client.get(halle.client("A01"), "/equipe/integrations/").content.decode()
    assert "aucun outil ne lit cette officine" in texte
    for portee in PORTEES.values():
        assert portee.libelle in texte
        assert portee.contient.replace("'", "&#x27;") in texte
    assert texte.count("données de santé") == sum(p.personnes for p in PORTEES.values()) == 2


@pytest.mark.exigence("SEC-15")
def test_a_revoked_key_reads_nothing_from_the_next_request(halle):
    outil = Outil(halle, "postes")
    outil.json("postes")
    reponse = halle.client("A01").post(f"/equipe/integrations/{outil.cle.pk}/revoquer/")
    assert reponse.status_code == 302
    probleme(outil.get("postes"), "INT-401")
    assert Audit.objects.latest("pk").acte == "integration.revoquer"
    page = halle.client("A01").get("/equipe/integrations/").content.decode()
    assert "révoquée le" in page


def test_revoking_twice_keeps_the_first_hour(halle):
    outil = Outil(halle, "postes")
    integrations.revoke(halle.acteur("A01"), outil.cle.pk)
    outil.cle.refresh_from_db()
    premiere = outil.cle.revoquee_le
    integrations.revoke(halle.acteur("A01"), outil.cle.pk)
    outil.cle.refresh_from_db()
    assert outil.cle.revoquee_le == premiere


def test_a_key_ends_after_its_last_day(halle):
    outil = Outil(halle, "postes")
    ici = CleIntegration.objects.filter(officine=halle.officine, pk=outil.cle.pk)
    ici.update(expire_le=timezone.localdate())
    outil.json("postes")
    ici.update(expire_le=timezone.localdate() - timedelta(days=1))
    probleme(outil.get("postes"), "INT-401")
    assert "expirée le" in halle.client("A01").get("/equipe/integrations/").content.decode()


def test_the_last_use_is_written_once_a_day(halle):
    outil = Outil(halle, "postes")
    outil.json("postes")
    outil.cle.refresh_from_db()
    assert outil.cle.servie_le == timezone.localdate()
    with CaptureQueriesContext(connection) as requetes:
        outil.json("postes")
    assert not [q for q in requetes if q["sql"].startswith("UPDATE")]


@pytest.mark.parametrize(
    "autorisation",
    [
        "",
        "Bearer",
        "Bearer cpt_",
        "Basic {jeton}",
        "Bearer {jeton}x",
        "Bearer cpt_0000000000_{secret}",
        "Bearer cpt_{repere}_" + "A" * 43,
        "Bearer cpt_{repere}\0_{secret}",
        "Poste {jeton}",
    ],
)
def test_whatever_is_wrong_with_a_key_is_said_alike(halle, autorisation):
    outil = Outil(halle, "postes")
    dite = autorisation.format(
        jeton=outil.secret, repere=outil.cle.repere, secret=outil.secret.split("_", 2)[2]
    )
    reponse = outil.client.get(f"{V1}/postes", HTTP_AUTHORIZATION=dite)
    assert probleme(reponse, "INT-401")["detail"] == (
        "Donnez une clé d'intégration en cours, par « Authorization: Bearer »."
    )
    assert reponse["WWW-Authenticate"].startswith("Bearer")


def test_a_secret_is_compared_in_constant_time_even_when_there_is_no_key(halle, monkeypatch):
    compares = []
    vraie = integrations.hmac.compare_digest

    def compare(a, b):
        compares.append((a, b))
        return vraie(a, b)

    monkeypatch.setattr(integrations.hmac, "compare_digest", compare)
    outil = Outil(halle, "postes")
    outil.get("postes", secret=f"cpt_{outil.cle.repere}_" + "A" * 43)
    CleIntegration.objects.filter(officine=halle.officine, pk=outil.cle.pk).update(
        empreinte="f" * 64
    )
    outil.get("postes")
    assert [len(a) == len(b) == 64 for a, b in compares] == [True, True]
    dite = integrations.CleDite(halle.officine.pk, 0, "rien")
    assert integrations.prove(dite, timezone.localdate()) is None
    assert len(compares) == 3


# The officine


@pytest.mark.exigence("SEC-06")
def test_the_officine_comes_from_the_key_whatever_the_cookie(halle, port):
    outil = Outil(port, "postes", "indicateurs")
    titulaire = halle.client("A01")
    reponse = titulaire.get(f"{V1}/postes", HTTP_AUTHORIZATION=f"Bearer {outil.secret}")
    with officine_context(port.officine.pk):
        attendus = [p.code for p in port.postes]
    assert [p["code"] for p in reponse.json()["elements"]] == attendus
    assert [p["libelle"] for p in reponse.json()["elements"]] == [p.libelle for p in port.postes]
    probleme(titulaire.get(f"{V1}/postes"), "INT-401")


@pytest.mark.exigence("SEC-06")
def test_absent_and_elsewhere_are_one_and_the_same_404(halle, port, vente):
    outil = Outil(port, "ventes", "patients", "file")
    patient_id = halle.patient().pk
    ailleurs = {"ventes": vente.pk, "patients": patient_id, "envois": 1}
    for nom, ident in ailleurs.items():
        absents = {
            outil.get(f"{nom}/{n}").content for n in (ident, 10**17, 0, "abc", "1.5", "9" * 40)
        }
        assert len(absents) == 1
        probleme(outil.get(f"{nom}/{ident}"), "INT-404")
    with officine_context(port.officine.pk):
        assert not Audit.objects.filter(role="cle", patient_id=patient_id).exists()


@pytest.mark.exigence("SEC-06")
def test_the_door_gives_ids_only_and_the_rows_stay_behind_the_wall(halle, port):
    outil = Outil(port, "postes")
    assert key_of_repere(outil.cle.repere) == (port.officine.pk, outil.cle.pk)
    assert key_of_repere("aucune") is None
    assert not CleIntegration.objects.filter(pk=outil.cle.pk).exists()
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT count(*) FROM pharmacy_cleintegration WHERE id = %s", [outil.cle.pk]
        )
        assert curseur.fetchone() == (0,)
    # A key found by its door and read in another officine's context proves nothing.
    dite = integrations.CleDite(halle.officine.pk, outil.cle.pk, outil.secret.split("_", 2)[2])
    assert integrations.prove(dite, timezone.localdate()) is None


@pytest.mark.exigence("SEC-06")
def test_a_titulaire_revokes_the_keys_of_their_officine_only(halle, port):
    outil = Outil(port, "postes")
    reponse = halle.client("A01").post(f"/equipe/integrations/{outil.cle.pk}/revoquer/")
    assert reponse.status_code == 404
    outil.json("postes")


@pytest.mark.exigence("SEC-06")
def test_the_keys_of_a_suspended_officine_open_nothing(halle):
    outil = Outil(halle, "postes")
    outil.json("postes")
    Officine.objects.filter(pk=halle.officine.pk).update(active=False)
    probleme(outil.get("postes"), "INT-401")


# The scopes


@pytest.mark.exigence("SEC-06", "SEC-15")
@pytest.mark.parametrize("portee", PORTEES)
def test_a_scope_opens_its_addresses_and_no_other(halle, vente, portee):
    outil = Outil(halle, portee)
    ouvertes = set(LECTURES.get(portee, ()))
    for chemins in LECTURES.values():
        for chemin in chemins:
            reponse = outil.get(chemin)
            if chemin in ouvertes:
                assert reponse.status_code == 200
            else:
                probleme(reponse, "INT-403")
    for chemin, celle in (
        (f"ventes/{vente.pk}", "ventes"),
        (f"patients/{halle.patient().pk}", "patients"),
    ):
        assert (outil.get(chemin).status_code == 200) == (portee == celle)


@pytest.mark.exigence("SEC-15", "SEC-08")
def test_without_the_scope_of_the_patients_nobody_is_in_any_answer(halle, vente):
    outil = Outil(halle, *(p for p in PORTEES if p != "patients"))
    for chemins in LECTURES.values():
        for chemin in chemins:
            texte = outil.get(chemin).content.decode()
            assert not [mot for mot in TRAITS if mot in texte], chemin
            assert '"patient"' not in texte
    lue = outil.json(f"ventes/{vente.pk}")
    assert "patient" not in lue
    assert [ligne["cip13"] for ligne in lue["lignes"]] == [LEVOTHYROX]
    probleme(outil.get(f"patients/{halle.patient().pk}"), "INT-403")
    assert not Audit.objects.filter(role="cle", patient__isnull=False).exists()


@pytest.mark.exigence("SEC-15", "SEC-03")
def test_a_patient_read_by_a_key_is_in_the_journal_under_the_name_of_the_key(halle, vente):
    outil = Outil(halle, "ventes", "patients", nom="Suivi de l'observance")
    patient = halle.patient()
    lue = outil.json(f"patients/{patient.pk}")
    assert (lue["nom_naissance"], lue["premier_prenom"]) == ("PAT-TROIS", "DOMINIQUE")
    assert "279035121518989" not in str(lue)
    outil.json(f"ventes/{vente.pk}")
    outil.json("ventes")
    lignes = Audit.objects.filter(role="cle", precision=outil.cle.repere, patient=patient)
    assert [ligne.acte for ligne in lignes.order_by("pk")] == [
        "patient.ouvrir",
        "vente.voir",
        "vente.voir",
    ]
    assert {ligne.genre for ligne in lignes} == {Audit.Genre.DOSSIER}
    titulaire = halle.client("A01")
    qui = titulaire.get(f"/journal/dossier/{patient.pk}/").content.decode()
    assert "Suivi de l&#x27;observance" in qui
    assert outil.cle.repere in titulaire.get("/journal/").content.decode()


@pytest.mark.exigence("SEC-08")
def test_neither_the_secret_nor_a_trait_is_ever_in_the_logs(halle, vente, caplog):
    caplog.set_level(logging.DEBUG)
    outil = Outil(halle, *PORTEES)
    for chemin in ("ventes", f"patients/{halle.patient().pk}", f"ventes/{vente.pk}", "rien"):
        outil.get(chemin)
    outil.get("postes", secret=outil.secret[:-1] + "A")
    secret = outil.secret.split("_", 2)[2]
    assert not [mot for mot in (*TRAITS, secret[:-1]) if mot in caplog.text]


# Pages, marks, counts


def test_pages_follow_their_cursor_without_a_hole_or_a_repeat(halle):
    outil = Outil(halle, "ventes")
    for _ in range(7):
        Vente.objects.create(
            officine=halle.officine, etat="terminee", ouverte_par=halle.operateurs["A01"]
        )
    attendus = list(
        Vente.objects.filter(officine=halle.officine).order_by("-pk").values_list("pk", flat=True)
    )
    vus, suite = [], 10**18 - 1
    while suite is not None:
        page = outil.json(f"ventes?limite=3&curseur={suite}")
        assert len(page["elements"]) <= 3
        vus += [v["id"] for v in page["elements"]]
        suite = page["suite"]
    assert vus == attendus
    terminees = outil.json("ventes?etat=terminee&limite=200")["elements"]
    assert {v["etat"] for v in terminees} == {"terminee"}


@pytest.mark.parametrize(
    ("requete", "nomme"),
    [
        ("curseur=%00", "curseur"),
        ("curseur=0", "curseur"),
        ("curseur=é", "curseur"),
        ("curseur=", "curseur"),
        ("curseur=9999999999999999999", "curseur"),
        ("limite=0", "limite"),
        ("limite=201", "limite"),
        ("limite=-1", "limite"),
        ("limite=", "limite"),
        ("etat=rien", "etat"),
        ("etat=", "etat"),
        ("etta=terminee", "etta"),
        ("limite=2&limite=3", "limite"),
    ],
)
def test_a_parameter_that_means_nothing_is_named(halle, requete, nomme):
    outil = Outil(halle, "ventes")
    assert probleme(outil.get(f"ventes?{requete}"), "INT-400")["parametre"] == nomme


def test_a_page_of_sales_costs_the_same_whatever_it_holds(halle):
    outil = Outil(halle, "ventes", "patients")

    def cost():
        with CaptureQueriesContext(connection) as requetes:
            outil.json("ventes?limite=200")
        return len(requetes)

    outil.json("ventes")
    pleines = []
    for _ in range(2):
        for _ in range(5):
            vente = Vente.objects.create(
                officine=halle.officine,
                etat="terminee",
                patient=halle.patient(),
                ouverte_par=halle.operateurs["A01"],
            )
            LigneDelivrance.objects.create(
                officine=halle.officine, vente=vente, cip13=LEVOTHYROX, libelle="P"
            )
        pleines.append(cost())
    assert pleines[0] == pleines[1] <= 10


def test_what_did_not_change_is_answered_by_its_mark_alone(halle, vente):
    outil = Outil(halle, "postes", "ventes")
    premiere = outil.get("postes")
    marque = premiere["ETag"]
    encore = outil.get("postes", HTTP_IF_NONE_MATCH=marque)
    assert (encore.status_code, encore.content) == (304, b"")
    assert outil.get("postes", HTTP_IF_NONE_MATCH='"autre"').status_code == 200
    # A reading that brings nothing new is a reading.
    marque = outil.get(f"ventes/{vente.pk}")["ETag"]
    avant = Audit.objects.filter(role="cle").count()
    outil.get(f"ventes/{vente.pk}", HTTP_IF_NONE_MATCH=marque)
    assert Audit.objects.filter(role="cle").count() == avant + 1


def test_a_key_reads_so_many_times_a_minute_and_no_more(halle, monkeypatch):
    monkeypatch.setattr(api_integration, "PAR_MINUTE", 3)
    outil, autre = Outil(halle, "postes"), Outil(halle, "postes")
    monkeypatch.setattr(debit, "FENETRE_S", 3600)
    statuts = [outil.get("postes").status_code for _ in range(4)]
    assert statuts == [200, 200, 200, 429]
    reponse = outil.get("postes")
    probleme(reponse, "INT-429")
    assert int(reponse["Retry-After"]) > 0
    autre.json("postes")


def test_an_address_that_tries_keys_is_made_to_wait(halle, monkeypatch):
    monkeypatch.setattr(api_integration, "ECHECS_PAR_MINUTE", 2)
    monkeypatch.setattr(debit, "FENETRE_S", 3600)
    outil = Outil(halle, "postes")
    statuts = [outil.get("postes", secret="faux").status_code for _ in range(3)]
    assert statuts == [401, 401, 429]
    outil.json("postes")


def test_without_valkey_a_key_still_reads(halle, monkeypatch):
    outil = Outil(halle, "postes")

    class Muet:
        def pipeline(self):
            raise debit.redis.ConnectionError

    monkeypatch.setattr(debit, "_valkey", Muet)
    outil.json("postes")


def test_an_address_only_reads(halle):
    outil = Outil(halle, "postes")
    for methode in ("post", "put", "patch", "delete", "options", "trace"):
        reponse = getattr(outil.client, methode)(
            f"{V1}/postes", HTTP_AUTHORIZATION=f"Bearer {outil.secret}"
        )
        probleme(reponse, "INT-405")
    probleme(outil.get("nulle-part"), "INT-404")


def test_what_is_asked_for_in_another_form_comes_in_json(halle):
    outil = Outil(halle, "postes")
    reponse = outil.get("postes", HTTP_ACCEPT="text/html")
    assert reponse["Content-Type"] == "application/json"


def test_a_key_needs_a_scope_in_the_database_too(halle):
    with pytest.raises(Exception, match="cle_integration_une_portee"), transaction.atomic():
        CleIntegration.objects.create(
            officine=halle.officine,
            nom="vide",
            repere="vide",
            empreinte="0" * 64,
            portees=[],
            cree_par=halle.operateurs["A01"],
            expire_le=timezone.localdate(),
        )
