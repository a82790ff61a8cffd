"""The journal read: by operator, file, act and days; who opened a file; itself noted; budgets."""

import ast
import csv
import io
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pharmacy import audit, parametres
from pharmacy.isolation.journal import GARDES, GENRES
from pharmacy.models import Audit, BlocAudit, Patient
from pharmacy.rules.actes import (
    FAMILLES,
    LIBELLES,
    PREFIXES,
    actes_of,
    famille_of,
    genre_of,
    libelle_of,
)
from pharmacy.selectors import journal as selecteur
from tests.house.test_code import PRODUIT, arbre, fichiers
from tests.ins.dossiers import dossier, fuse

pytestmark = pytest.mark.django_db


def page(client, chemin="/journal/", statut=200, **requete):
    reponse = client.get(chemin, requete)
    assert reponse.status_code == statut, reponse.content.decode()
    return " ".join(reponse.content.decode().split())


def lignes(texte):
    """The bodies of the rows of the journal's table."""
    return re.findall(r'<td class="chiffres">\d\d/\d\d/\d{4} [\d:]{8}</td>(.*?)</tr>', texte)


def noter(troupe, nombre, code="A02", acte="vente.voir", patient=None):
    for rang in range(nombre):
        audit.note(troupe.acteur(code), acte, f"vente:{rang}", patient)


# Words


def _actes_notes():
    for fichier in fichiers(*PRODUIT):
        for appel in ast.walk(arbre(fichier)):
            if not (isinstance(appel, ast.Call) and len(appel.args) > 1):
                continue
            if ast.unparse(appel.func) in {"audit.note", "audit.note_system"} and isinstance(
                appel.args[1], ast.Constant
            ):
                yield appel.args[1].value


@pytest.mark.exigence("TIT-12")
def test_each_act_has_its_words_and_its_family():
    notes = set(_actes_notes())
    assert len(notes) > 80
    assert [acte for acte in notes if libelle_of(acte) == acte] == []
    assert [acte for acte in LIBELLES if not famille_of(acte)] == []
    for mots in [*LIBELLES.values(), *PREFIXES.values(), *FAMILLES.values()]:
        assert re.fullmatch(r"[A-ZÉ«].{2,60}[^.]", mots), mots


def test_what_is_searched_is_an_act_or_a_family():
    assert actes_of("patient.ouvrir") == ("patient.ouvrir",)
    assert set(actes_of("patient.")) >= {"patient.ouvrir", "portail.voir"}
    assert actes_of("n'importe") == actes_of("") == ()
    assert libelle_of("lecture.vitale.read") == "Lecture reçue d'un poste"
    assert libelle_of("inconnu") == "inconnu"
    assert famille_of("inconnu") == ""


@pytest.mark.exigence("SEC-03")
@pytest.mark.parametrize(
    ("acte", "genre"),
    [
        ("patient.ouvrir", "dossier"),
        ("scan", "dossier"),
        ("session.ouvrir", "securite"),
        ("operateur.debloquer", "securite"),
        ("lecture.refusee", "securite"),
        ("lecture.vitale", "dossier"),
        ("journal.chercher", "securite"),
        ("mssante.lire", "mssante"),
    ],
)
def test_each_act_is_of_a_kind(halle, acte, genre):
    assert genre_of(acte) == genre
    audit.note(halle.acteur(), acte)
    assert Audit.objects.get(acte=acte).genre == genre


@pytest.mark.exigence("SEC-03")
def test_retentions_are_dated_settings_with_the_defaults_of_the_database():
    reglages = {reglage.cle: reglage for reglage in parametres.reglage_list()}
    for genre in GENRES:
        reglage = reglages[f"journal.garde_{genre}"]
        assert (reglage.defaut, reglage.mini) == (GARDES[genre], 6)
    assert GARDES == {"dossier": 36, "securite": 12, "mssante": 6}


@pytest.mark.exigence("SEC-01")
def test_a_line_says_who_as_what_where_when_which_patient_what_and_with_what_result(halle):
    avant = timezone.now()
    patient = halle.patient()
    halle.client("A01").get(f"/patients/{patient.pk}/")
    ligne = Audit.objects.get(acte="patient.ouvrir")
    assert (ligne.operateur_id, ligne.role) == (halle.operateurs["A01"].pk, "titulaire")
    assert (ligne.poste_id, ligne.patient_id) == (halle.postes[0].pk, patient.pk)
    assert (ligne.objet, ligne.resultat) == (f"patient:{patient.pk}", "ok")
    assert timedelta(0) <= ligne.quand - avant < timedelta(minutes=1)


def test_an_act_costs_one_statement_and_looks_nothing_up(halle):
    """The counter pays the line and nothing of its seal; no key refers to another table."""
    with CaptureQueriesContext(connection) as prises:
        audit.note(halle.acteur(), "patient.ouvrir", patient=halle.patient().pk)
    assert len([q for q in prises if "pharmacy_audit" in q["sql"]]) == 1
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT count(*) FILTER (WHERE contype = 'f') FROM pg_constraint "
            "WHERE conrelid = 'pharmacy_audit'::regclass"
        )
        assert curseur.fetchone() == (0,)
        curseur.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pharmacy_audit'::regclass"
        )
        assert curseur.fetchone() == (0,)


# The screen


@pytest.mark.exigence("TIT-12")
def test_the_titulaire_searches_by_operator_act_file_and_days(halle):
    patient = halle.patient()
    noter(halle, 2, "A02", "vente.voir")
    noter(halle, 3, "B01", "patient.ouvrir", patient)
    client = halle.client("A01")
    b01 = halle.operateurs["B01"]
    assert len(lignes(page(client, operateur=b01.pk))) == 3
    assert len(lignes(page(client, acte="vente.voir"))) == 2
    assert len(lignes(page(client, acte="patient.", operateur=b01.pk))) == 3
    texte = page(client, patient=patient.pk, operateur=b01.pk)
    assert len(lignes(texte)) == 3
    assert f"{b01.nom} {b01.prenom} (B01)" in texte
    assert "Dossier ouvert" in texte
    demain = timezone.localdate() + timedelta(days=1)
    vide = page(client, du=f"{demain:%d/%m/%Y}", au=demain.isoformat())
    assert f'value="{demain:%d/%m/%Y}"' in vide
    assert "Aucune ligne pour cette recherche." in vide


@pytest.mark.exigence("TIT-12")
def test_reading_the_journal_is_noted_with_what_was_asked(halle):
    client = halle.client("A01")
    patient = halle.patient()
    page(client, patient=patient.pk, operateur=halle.operateurs["B01"].pk)
    page(client, f"/journal/dossier/{patient.pk}/")
    page(client, "/journal/sceau/")
    client.get("/journal/csv/", {"acte": "vente.voir"})
    notes = {a.acte: a for a in Audit.objects.filter(acte__startswith="journal.")}
    assert set(notes) == {
        "journal.chercher",
        "journal.dossier",
        "journal.sceau",
        "journal.exporter",
    }
    assert notes["journal.chercher"].patient_id == patient.pk
    assert notes["journal.chercher"].objet == f"operateur:{halle.operateurs['B01'].pk}"
    assert notes["journal.dossier"].patient_id == patient.pk
    assert notes["journal.exporter"].objet == "vente.voir"
    assert {a.operateur_id for a in notes.values()} == {halle.operateurs["A01"].pk}


@pytest.mark.exigence("TIT-12")
def test_pages_follow_one_another_by_key_and_miss_nothing(halle):
    noter(halle, selecteur.PAGE * 2 + 5, "B01")
    client = halle.client("A01")
    demande = {"operateur": halle.operateurs["B01"].pk}
    vus = []
    for attendu in (selecteur.PAGE, selecteur.PAGE, 5):
        texte = page(client, **demande)
        vus += re.findall(r"<small class=\"douce\">(vente:\d+)</small>", texte)
        assert len(lignes(texte)) == attendu
        suite = re.search(r'href="\?([^"]+)" data-officine-chiffre="2"', texte)
        if suite:
            cle = re.search(r"avant=([\d-]+)", suite.group(1)).group(1)
            demande["avant"] = cle
    assert suite is None
    assert vus == [f"vente:{n}" for n in reversed(range(selecteur.PAGE * 2 + 5))]
    assert "Les plus récentes" in texte


def test_lines_of_one_instant_are_parted_by_their_numbers(halle):
    instant = timezone.now()
    Audit.objects.bulk_create(
        Audit(officine=halle.officine, quand=instant, acte="scan", objet=f"n:{n}", resultat="ok")
        for n in range(selecteur.PAGE + 3)
    )
    noms = selecteur.Noms(halle.officine.pk)
    du, au = selecteur.default_days()
    criteres = selecteur.Criteres(du, au, acte="scan")
    une = selecteur.journal_page(halle.acteur("A01"), criteres, noms)
    cle = selecteur.read_key(une.suite)
    deux = selecteur.journal_page(
        halle.acteur("A01"), selecteur.Criteres(du, au, acte="scan", avant=cle), noms
    )
    objets = [ligne.objet for ligne in (*une.lignes, *deux.lignes)]
    assert objets == [f"n:{n}" for n in reversed(range(selecteur.PAGE + 3))]
    assert deux.suite == ""


@pytest.mark.parametrize("cle", ["", "x", "20261125-", "20261301000000000000-4", "1-²", "-5"])
def test_a_key_that_is_none_starts_from_the_newest(halle, cle):
    assert selecteur.read_key(cle) is None
    noter(halle, 1)
    assert lignes(page(halle.client("A01"), avant=cle))


@pytest.mark.parametrize(
    ("du", "au"),
    [("2026-02-30", ""), ("2026-05-02", "01/05/2026"), ("0001-01-01", ""), ("31/02/2026", "")],
)
def test_days_that_are_none_are_told_and_the_former_stay(halle, du, au):
    texte = page(halle.client("A01"), statut=422, du=du, au=au)
    assert "Donnez deux dates (jj/mm/aaaa), la première avant la seconde." in texte
    assert "JRN-002" in texte
    assert halle.client("A01").get("/journal/csv/", {"du": du, "au": au}).status_code == 302


@pytest.mark.exigence("TIT-13")
def test_who_opened_a_file_is_said_by_person_then_by_act(halle):
    patient = halle.patient()
    noter(halle, 4, "B01", "patient.ouvrir", patient)
    noter(halle, 1, "A02", "ins.fiche", patient)
    noter(halle, 1, "A02", "ins.fiche", None)
    page(halle.client("A01"), patient=patient.pk)  # who asks is not who opened
    texte = page(halle.client("A01"), f"/journal/dossier/{patient.pk}/")
    b01, a02 = (halle.operateurs[code] for code in ("B01", "A02"))
    for operateur, nombre in ((b01, 4), (a02, 1)):
        rangee = re.search(
            rf">{operateur.nom} {operateur.prenom} \({operateur.code}\)</th>(.*?)</tr>", texte
        ).group(1)
        assert operateur.get_role_display() in rangee
        assert f'<td class="nombre">{nombre}</td>' in rangee
    assert patient.nom_naissance in texte
    assert len(lignes(texte)) == 5


@pytest.mark.exigence("TIT-13")
def test_what_was_read_in_a_file_since_merged_is_told_too(halle):
    garde, absorbe = (
        dossier(halle, nom_naissance="JOURNALISEE", premier_prenom="ANNE") for _ in range(2)
    )
    noter(halle, 2, "B01", "patient.ouvrir", absorbe)
    fuse(halle, garde, absorbe)
    texte = page(halle.client("A01"), f"/journal/dossier/{garde.pk}/", operateur="")
    assert texte.count("Dossier ouvert") == 2


@pytest.mark.exigence("TIT-13")
def test_nobody_opened_it_is_said_too(halle):
    neuf = Patient.objects.create(
        officine=halle.officine, premier_prenom="ZOE", cree_par=halle.operateurs["A01"]
    )
    texte = page(halle.client("A01"), f"/journal/dossier/{neuf.pk}/")
    assert "Personne n'a ouvert ce dossier pendant cette période." in texte


def test_a_file_is_found_without_its_name_in_an_address(halle):
    client = halle.client("A01")
    reponse = client.post("/journal/", {"q": "pat"})
    texte = reponse.content.decode()
    assert f"/journal/dossier/{halle.patient().pk}/" in texte
    assert Audit.objects.filter(acte="patient.chercher").exists()
    vide = client.post("/journal/", {"q": "personnedecenom"}).content.decode()
    assert "Aucun dossier" in vide


@pytest.mark.exigence("TIT-12")
def test_the_export_has_every_line_no_name_of_a_patient_and_no_formula(halle, monkeypatch):
    noter(halle, 3, "B01", "patient.ouvrir", halle.patient())
    audit.note(halle.acteur("B01"), "vente.voir", "=1+1")
    client = halle.client("A01")
    demande = {"operateur": halle.operateurs["B01"].pk}
    reponse = client.get("/journal/csv/", demande)
    texte = reponse.content.decode("utf-8-sig")
    rangees = list(csv.DictReader(io.StringIO(texte), delimiter=";"))
    assert len(rangees) == 4
    assert rangees[0]["objet"] == "'=1+1"
    assert rangees[1]["dossier"] == str(halle.patient().pk)
    assert "PAT-TROIS" not in texte
    assert "attachment" in reponse["Content-Disposition"]
    monkeypatch.setattr(selecteur, "EXPORT_MAX", 2)
    coupe = client.get("/journal/csv/", demande).content.decode("utf-8-sig")
    assert "Des lignes plus anciennes existent" in coupe


def test_an_operator_that_left_or_is_unknown_still_has_a_name(halle):
    audit.note_system(halle.officine.pk, "ins.doublons")
    Audit.objects.create(
        officine=halle.officine, operateur_id=99_999_999, acte="scan", resultat="ok"
    )
    texte = page(halle.client("A01"))
    assert "Comptoir, sans personne" in texte
    assert "opérateur n° 99999999" in texte


@pytest.mark.exigence("SEC-02")
def test_the_screen_says_the_state_of_the_seal(halle):
    client = halle.client("A01")
    assert "Aucun bloc n'est encore scellé." in page(client, "/journal/sceau/")
    assert "pas encore vérifié" in page(client)
    audit.note_system(halle.officine.pk, "journal.verifier")
    assert "rien n'a été changé" in page(client)
    audit.note_system(halle.officine.pk, "journal.verifier", resultat="lignes")
    texte = page(client)
    assert "le sceau est rompu (lignes)" in texte
    assert "JRN-001" in texte


@pytest.mark.exigence("SEC-02")
def test_lines_that_wait_for_a_minute_are_an_alert_until_they_are_sealed(halle):
    instant = timezone.now() - timedelta(minutes=2)
    ligne = Audit.objects.create(officine=halle.officine, quand=instant, acte="scan", resultat="ok")
    client = halle.client("A01")
    assert "des lignes attendent leur sceau" in page(client)
    BlocAudit.objects.create(
        officine=halle.officine, genre="dossier", rang=1, mois=instant.date().replace(day=1),
        apres=0, dernier=ligne.pk, nombre=1, empreinte="0" * 64, cle="0" * 8,
        sceau="a" * 64, scelle_le=timezone.now(),
    )  # fmt: skip
    texte = page(client)
    assert "des lignes attendent leur sceau" not in texte
    assert "a" * 64 in page(client, "/journal/sceau/")


# Costs


@pytest.mark.exigence("OPS-14")
@pytest.mark.parametrize(
    ("chemin", "requetes", "octets"),
    [
        ("/journal/", 16, 72_000),
        ("/journal/dossier/{}/", 15, 45_000),
        ("/journal/sceau/", 12, 18_000),
    ],
)
def test_a_page_costs_the_same_queries_whatever_it_shows(halle, chemin, requetes, octets):
    client = halle.client("A01")
    patient = halle.patient()
    chemin = chemin.format(patient.pk)
    noter(halle, 1, "B01", "patient.ouvrir", patient)
    client.get(chemin)
    with CaptureQueriesContext(connection) as une:
        client.get(chemin)
    noter(halle, selecteur.PAGE + 1, "B01", "patient.ouvrir", patient)
    with CaptureQueriesContext(connection) as pleine:
        reponse = client.get(chemin)
    assert len(pleine) == len(une)
    assert len(pleine) <= requetes, "\n".join(q["sql"][:150] for q in pleine)
    assert requetes <= 2 * len(pleine)
    assert len(reponse.content) <= octets <= 2 * len(reponse.content)


def test_a_search_of_several_acts_is_planned_for_its_values(halle):
    """Said to PostgreSQL for that one statement, and forgotten with its transaction."""
    noter(halle, 2, "A02", "vente.voir")
    client, operateur = halle.client("A01"), halle.operateurs["A02"].pk
    for requete, attendu in (
        ({"acte": "vente."}, True),
        ({"acte": "vente.voir", "operateur": operateur}, True),
        ({"acte": "vente.voir"}, False),
        ({"operateur": operateur}, False),
    ):
        with CaptureQueriesContext(connection) as prises:
            assert len(lignes(page(client, **requete))) == 2
        assert any("force_custom_plan" in q["sql"] for q in prises) == attendu, requete


def test_a_search_opens_only_the_months_it_is_asked_for(halle):
    """The plan names the partitions: one month, whatever the journal holds."""
    du, au = timezone.localdate().replace(day=10), timezone.localdate().replace(day=11)
    requete = selecteur._search(halle.officine.pk, selecteur.Criteres(du, au))[:50]
    plan = requete.explain()
    assert set(re.findall(r"audit_\d{4}_\d\d", plan)) == {f"audit_{du:%Y_%m}"}
