"""Taking over a patient base: what is kept, what is refused, and nothing half done."""

import re
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ins.models import ConstatImport, IdentiteRecue, ImportPatients
from ins.services import reprise
from ins.views.reprise import harmless
from pharmacy.models import Audit, Patient
from pharmacy.selectors.patient import patient_search
from pharmacy.services.patient import PorteurCarte, patient_create, patient_of_card
from pharmacy.services.vente import VenteRefusee

pytestmark = pytest.mark.django_db
ENTETE = "nom;prenom;date_naissance;sexe;ins;oid\r\n"
NIR_OID = "1.2.250.1.213.1.4.8"
MATRICULE = "275126322074974"


def deposer(halle, texte, codage="utf-8"):
    """Keep a file and read it, as a worker would."""
    importe = reprise.deposit(halle.acteur("A01"), texte.encode(codage))
    reprise.advance(importe.officine_id, importe.pk)
    return ImportPatients.objects.get(pk=importe.pk)


def importer(halle, texte, codage="utf-8"):
    """Read, confirm, write."""
    lu = deposer(halle, texte, codage)
    assert lu.etat == "lu", [(c.ligne, c.colonne, c.phrase) for c in lu.constats.all()]
    reprise.confirm(halle.acteur("A01"), lu.pk)
    reprise.advance(lu.officine_id, lu.pk)
    return ImportPatients.objects.get(pk=lu.pk)


@pytest.mark.exigence("INS-01")
@pytest.mark.cas("ins-90")
def test_the_old_base_gives_files_provisoires_whose_birth_name_is_to_confirm(halle):
    texte = ENTETE + f"Adrûn;Zoé;31/12/1975;F;{MATRICULE};{NIR_OID}\r\n"
    fait = importer(halle, texte)
    patient = Patient.objects.get(nom_utilise="Adrûn")
    assert (fait.etat, fait.crees, fait.contenu) == ("fait", 1, None)
    assert patient.statut == "PROV"
    assert (patient.nom_naissance, patient.nom_a_confirmer) == ("", True)
    assert (patient.premier_prenom, patient.sexe, patient.methode) == ("ZOE", "F", "IMP")
    assert patient.date_naissance == date(1975, 12, 31)
    assert (patient.ins_matricule, patient.ins_oid, patient.ins_empreinte) == ("", "", "")
    recue = IdentiteRecue.objects.get(patient=patient)
    assert (recue.source, recue.etat, recue.matricule) == ("import", "a_verifier", MATRICULE)
    assert recue.oid == NIR_OID
    (creation,) = patient.evenements.all()
    assert (creation.transition, creation.statut_avant, creation.statut_apres) == ("T1", "", "PROV")
    assert creation.motif == "Reprise de l'ancien logiciel"
    assert creation.operateur == halle.operateurs["A01"]
    page = halle.client("A01").get(f"/patients/{patient.pk}/identite/").content.decode()
    assert "Dossier créé" in page


@pytest.mark.exigence("CTR-13")
def test_what_is_imported_is_found_at_once(halle):
    importer(halle, ENTETE + "DE LA TOUR;Anne-Marie;02/01/1950;F;;\n")
    for frappe in ("latour", "annemarie de la tour", "tour 02/01/1950", "2 1 1950 ann"):
        assert not patient_search(halle.acteur(), frappe).approches, frappe
    trouves = patient_search(halle.acteur(), "latour anne").patients
    assert [p.premier_prenom for p in trouves] == ["ANNE-MARIE"]


@pytest.mark.cas("ins-90")
def test_a_birth_name_that_the_file_gives_is_kept_as_such(halle):
    importer(
        halle,
        "nom_naissance,nom_utilise,prenoms,sexe\nMARTIN,DUPONT,ZOE ANNE,F\nLEROY,Leroy,PAUL,M\n",
    )
    zoe, paul = Patient.objects.filter(methode="IMP").order_by("-premier_prenom")
    assert (zoe.nom_naissance, zoe.nom_utilise, zoe.nom_a_confirmer) == ("MARTIN", "DUPONT", False)
    assert (zoe.premier_prenom, zoe.prenoms_naissance) == ("ZOE", "ZOE ANNE")
    assert (paul.nom_naissance, paul.nom_utilise) == ("LEROY", "")


@pytest.mark.parametrize("codage", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separateur", [";", ",", "\t"])
def test_encodings_and_separators_are_recognised(halle, codage, separateur):
    texte = "Nom;Prénom;Date de naissance\nBœuf;Hélène;1/2/1960\n".replace(";", separateur)
    assert importer(halle, texte, codage).crees == 1
    assert Patient.objects.get(nom_utilise="Bœuf").premier_prenom == "HELENE"


@pytest.mark.parametrize(
    ("brut", "attendue", "interpretee"),
    [
        ("31/12/1975", date(1975, 12, 31), False),
        ("1975-12-31", date(1975, 12, 31), False),
        ("31121975", date(1975, 12, 31), False),
        ("19751231", date(1975, 12, 31), False),
        ("20/12/1950", date(1950, 12, 20), False),
        ("20121950", date(1950, 12, 20), False),
        ("2/1/1950", date(1950, 1, 2), False),
        ("19500000", date(1950, 12, 31), True),
        ("00/00/1950", date(1950, 12, 31), True),
        ("00/05/1962", date(1962, 5, 1), True),
        ("", None, False),
    ],
)
@pytest.mark.exigence("INS-01")
def test_dates_are_read_in_their_usual_forms_and_completed_by_rule(
    halle, brut, attendue, interpretee
):
    importer(halle, f"nom;prenom;naissance\nESSAI;ZOE;{brut}\n")
    patient = Patient.objects.get(nom_utilise="ESSAI")
    assert (patient.date_naissance, patient.date_naissance_interpretee) == (attendue, interpretee)


@pytest.mark.cas("ins-90")
@pytest.mark.parametrize(
    ("ligne", "colonne"),
    [
        (";ZOE;;;;", "nom"),
        ("ESSAI;;;;;", "prenom"),
        ("ESSAI;Z2E;;;;", "prenom"),
        ("ESSAI;ZOE;32/13/75;;;", "date_naissance"),
        ("ESSAI;ZOE;01/01/2999;;;", "date_naissance"),
        ("ESSAI;ZOE;;X;;", "sexe"),
        (f"ESSAI;ZOE;;F;275126322074975;{NIR_OID}", "ins_matricule"),
        (f"ESSAI;ZOE;;F;{MATRICULE};", "ins_oid"),
        (f"ESSAI;ZOE;;F;{MATRICULE};1.2.250.1.213.1.4.2", "ins_oid"),
    ],
)
def test_one_wrong_line_refuses_the_whole_file_and_says_which(halle, ligne, colonne):
    avant = Patient.objects.count()
    refuse = deposer(halle, ENTETE + f"BONNE;LEA;01/01/1980;F;;\n{ligne}\n")
    assert (refuse.etat, refuse.erreurs, refuse.contenu) == ("refuse", 1, None)
    constat = ConstatImport.objects.get(importation=refuse)
    assert (constat.ligne, constat.colonne, constat.nature) == (3, colonne, "erreur")
    assert "ESSAI" not in constat.phrase
    with pytest.raises(VenteRefusee):
        reprise.confirm(halle.acteur("A01"), refuse.pk)
    assert Patient.objects.count() == avant


@pytest.mark.parametrize(
    "texte",
    [
        "",
        "n'importe quoi\n",
        "nom;prenom;nom\nA;B;C\n",
        "prenom;sexe\nZOE;F\n",
        'nom;prenom\n"ESSAI;ZOE\n',
        "nom;prenom\n",
    ],
)
def test_a_file_that_is_not_one_is_refused_with_a_sentence(halle, texte):
    if not texte:
        with pytest.raises(VenteRefusee):
            deposer(halle, texte)
        return
    refuse = deposer(halle, texte)
    assert refuse.etat == "refuse"
    assert refuse.phrase.endswith(".")


@pytest.mark.exigence("INS-27")
def test_who_has_a_file_already_is_listed_and_not_created(halle):
    acteur = halle.acteur("A01")
    connu = patient_create(
        acteur,
        Patient(
            nom_naissance="LE GALL",
            nom_utilise="MOREL",
            premier_prenom="YVES",
            date_naissance=date(1950, 1, 2),
        ),
    )
    texte = ENTETE + "Le Gall;Yves;02/01/1950;M;;\nMorel;yves;02/01/1950;M;;\n"
    fait = importer(halle, texte + "Neuf;Lea;03/04/1990;F;;\nNEUF;Léa;03/04/1990;F;;\n")
    assert (fait.crees, fait.doublons) == (1, 3)
    constats = fait.constats.order_by("ligne").values_list("ligne", "patient_id", "nature")
    assert list(constats) == [
        (2, connu.pk, "doublon"),
        (3, connu.pk, "doublon"),
        (5, None, "doublon"),
    ]


def test_a_card_that_the_old_software_knew_is_known_again(halle):
    texte = "nom;prenom;naissance;nir;naissance_carte;qualite\n"
    texte = texte.replace("naissance_carte", "naissance carte")
    importer(halle, texte + "ESSAI;ZOE;03/02/1980;2800263220111;19800203;0\n")
    porteur = PorteurCarte(
        "2800263220111", "", "19800203", 1, "0", "ESSAI", "", "ZOE", date(1980, 2, 3)
    )
    assert patient_of_card(halle.acteur(), porteur).methode == "IMP"
    assert Patient.objects.filter(methode="IMP").count() == 1


def test_a_file_created_between_the_reading_and_the_writing_is_not_doubled(halle):
    lu = deposer(halle, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\nAUTRE;LEA;04/02/1980;F;;\n")
    patient_create(
        halle.acteur(),
        Patient(nom_naissance="ESSAI", premier_prenom="ZOE", date_naissance=date(1980, 2, 3)),
    )
    reprise.confirm(halle.acteur("A01"), lu.pk)
    reprise.advance(lu.officine_id, lu.pk)
    lu.refresh_from_db()
    assert (lu.etat, lu.crees, lu.doublons) == ("fait", 1, 1)


def test_what_is_cancelled_before_the_writing_leaves_nothing(halle):
    lu = deposer(halle, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")
    reprise.cancel(halle.acteur("A01"), lu.pk)
    with pytest.raises(VenteRefusee):
        reprise.confirm(halle.acteur("A01"), lu.pk)
    reprise.advance(lu.officine_id, lu.pk)
    lu.refresh_from_db()
    assert (lu.etat, lu.contenu) == ("annule", None)
    assert not Patient.objects.filter(methode="IMP").exists()


def test_a_cancellation_during_the_writing_undoes_it(halle, monkeypatch):
    lu = deposer(halle, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")
    reprise.confirm(halle.acteur("A01"), lu.pk)
    vrai = reprise._insert

    def insert_then_cancelled(importe):
        vrai(importe)
        ImportPatients.objects.filter(pk=importe.pk).update(etat="annule")

    monkeypatch.setattr(reprise, "_insert", insert_then_cancelled)
    reprise.advance(lu.officine_id, lu.pk)
    assert not Patient.objects.filter(methode="IMP").exists()


def test_a_ring_too_many_does_nothing(halle):
    fait = importer(halle, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")
    reprise.advance(fait.officine_id, fait.pk)
    assert Patient.objects.filter(methode="IMP").count() == 1


def test_one_import_at_a_time(halle):
    deposer(halle, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")
    with pytest.raises(VenteRefusee) as refus:
        deposer(halle, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")
    assert refus.value.code == "IMP-002"


@pytest.mark.parametrize("code", ["A02", "B01"])
def test_the_titulaire_alone_takes_a_base_over(halle, code):
    with pytest.raises(PermissionError):
        reprise.deposit(halle.acteur(code), b"nom;prenom\nA;B\n")


def test_an_import_that_nobody_advances_is_started_again(halle):
    lu = deposer(halle, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")
    acteur = halle.acteur("A01")
    ImportPatients.objects.filter(pk=lu.pk).update(etat="ecriture")
    with pytest.raises(VenteRefusee):
        reprise.restart(acteur, lu.pk)  # it gave a sign of life a moment ago
    ImportPatients.objects.filter(pk=lu.pk).update(avance_le="2026-01-01T00:00:00Z")
    reprise.restart(acteur, lu.pk)
    reprise.advance(lu.officine_id, lu.pk)
    assert ImportPatients.objects.get(pk=lu.pk).crees == 1


def test_a_hundred_lines_cost_the_queries_of_ten(halle):
    def cout(nombre):
        lignes = "".join(f"ESSAI{'ABCDEFGHIJ'[n % 10]}{n // 10};ZOE;;;;\n" for n in range(nombre))
        with CaptureQueriesContext(connection) as prises:
            importe = importer(halle, ENTETE + lignes)
        assert importe.crees == nombre
        return len(prises)

    halle.acteur("A01")  # a session's row brings the rights; here they are read once
    assert cout(100) == cout(10) <= 40


def test_the_command_reads_then_writes(halle, tmp_path, capsys):
    fichier = tmp_path / "base.csv"
    fichier.write_text(ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n", encoding="cp1252")
    call_command("importer_patients", str(fichier), "--lire", finess=halle.officine.finess)
    assert "rien n'est écrit" in capsys.readouterr().out
    call_command("importer_patients", str(fichier), finess=halle.officine.finess)
    assert "1 dossiers créés" in capsys.readouterr().out
    assert Audit.objects.filter(acte="patient.importer", resultat="1 créés").exists()
    fichier.write_text(ENTETE + "ESSAI;Z0E;03/02/1980;F;;\n")
    with pytest.raises(CommandError):
        call_command("importer_patients", str(fichier), finess=halle.officine.finess)
    assert "ligne 2, prenom" in capsys.readouterr().out


# Screens


@pytest.fixture
def client(halle):
    return halle.client("A01")


def donner(client, texte, **entetes):
    fichier = SimpleUploadedFile("base.csv", texte.encode())
    return client.post("/donnees/reprise/", {"fichier": fichier}, **entetes)


@pytest.mark.exigence("SEC-09")
def test_the_titulaire_gives_a_file_sees_what_it_gives_and_writes_it(halle, client):
    assert "Aucune reprise encore." in client.get("/donnees/reprise/").content.decode()
    reponse = donner(client, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")
    adresse = reponse["Location"]
    assert "En attente de lecture" in client.get(adresse).content.decode()
    importe = ImportPatients.objects.get()
    reprise.advance(importe.officine_id, importe.pk)
    assert "1 dossier à créer" in client.get(adresse).content.decode()
    client.post(f"{adresse}confirmer/")
    assert "hx-trigger" in client.get(adresse).content.decode()
    reprise.advance(importe.officine_id, importe.pk)
    page = client.get(adresse).content.decode()
    assert "1 dossier créé" in page
    assert 'hx-trigger="every 2s"' not in page
    gestes = Audit.objects.filter(acte="patient.importer", operateur__code="A01")
    assert list(gestes.order_by("pk").values_list("resultat", flat=True)) == [
        "deposer",
        "confirmer",
    ]


def test_the_part_that_is_asked_again_is_the_one_of_the_page(halle, client):
    adresse = donner(client, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")["Location"]
    jeton = re.compile(r'csrfmiddlewaretoken" value="[^"]*"')
    for _ in range(2):
        fragment = jeton.sub("", client.get(adresse, HTTP_HX_REQUEST="true").content.decode())
        page = jeton.sub("", client.get(adresse).content.decode())
        assert " ".join(fragment.split()) in " ".join(page.split())
        reprise.advance(halle.officine.pk, ImportPatients.objects.get().pk)


def test_mistakes_are_shown_by_line_and_downloaded(halle, client):
    adresse = donner(client, ENTETE + "ESSAI;Z0E;03/02/1980;F;;\n")["Location"]
    reprise.advance(halle.officine.pk, ImportPatients.objects.get().pk)
    page = client.get(adresse).content.decode()
    assert "1 ligne à corriger" in page
    reponse = client.get(f"{adresse}constats.csv")
    assert reponse["Content-Disposition"].startswith("attachment")
    lignes = reponse.content.decode("utf-8-sig").splitlines()
    assert lignes[1].startswith("2;Erreur;prenom;« 0 »")
    assert "Créer les dossiers" not in page


@pytest.mark.exigence("SEC-10")
@pytest.mark.parametrize("cellule", ["=1+1", "+33", "-1", "@x", "\tx", "\rx"])
def test_a_cell_is_never_a_formula(cellule):
    assert harmless(cellule) == "'" + cellule
    assert harmless("x" + cellule) == "x" + cellule


def test_no_file_is_said_with_what_to_do(halle, client):
    reponse = client.post("/donnees/reprise/")
    assert reponse.status_code == 422
    assert "Choisissez un fichier CSV" in reponse.content.decode()


def test_a_stranger_sees_no_import(halle, port, client):
    adresse = donner(client, ENTETE + "ESSAI;ZOE;03/02/1980;F;;\n")["Location"]
    autre = port.client("A01")
    autre.raise_request_exception = False
    assert autre.get(adresse).status_code == 404
    assert autre.post(f"{adresse}annuler/").status_code == 404


@pytest.mark.cas("ins-90")
@pytest.mark.cas("ins-91")
def test_no_name_of_a_file_goes_to_the_logs(halle, caplog):
    deposer(halle, ENTETE + f"SECRETE;Z0E;03/02/1980;F;{MATRICULE};{NIR_OID}\n")
    importer(halle, ENTETE + f"SECRETE;ZOE;03/02/1980;F;{MATRICULE};{NIR_OID}\n")
    assert "SECRETE" not in caplog.text
    assert MATRICULE not in caplog.text
    assert not any("SECRETE" in f"{a.objet}{a.resultat}{a.precision}" for a in Audit.objects.all())
