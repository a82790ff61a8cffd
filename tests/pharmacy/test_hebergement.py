"""The host's tools: open, suspend, take up again, list, export one officine and no other."""

import io
import json
import subprocess
import sys
import tarfile
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from ins.models import PieceControlee
from pharmacy import archive
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.isolation.portes import poste_of_wid
from pharmacy.models import Audit, Officine, Operateur, Patient, SessionOuverte
from pharmacy.relais_asgi import Liaison, _is_trusted
from pharmacy.services import export
from pharmacy.services.connexion import SUSPENDUE
from pharmacy.services.hebergement import officine_list
from teleservices import balayage, moteur
from teleservices.models import Envoi
from tests.conftest import RACINE
from tests.house.semis import isolated
from tests.ins.dossiers import dossier, with_piece

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("SEC-06")]
NEUVE = "990000993"
CLE = "k" * archive.CLE_MIN


def run(commande, *arguments, **options):
    """Run a command; return what it printed."""
    sortie = StringIO()
    call_command(commande, *arguments, stdout=sortie, **options)
    return sortie.getvalue()


def last_act(officine_id):
    """The last act of the installation in the journal of an officine."""
    with officine_context(officine_id):
        ligne = Audit.objects.filter(officine_id=officine_id).order_by("-pk").first()
        return ligne.acte, ligne.genre, ligne.operateur_id


def test_an_officine_is_opened_with_a_titulaire_who_signs_in(db):
    dit = run("officine_ouvrir", NEUVE, "PHARMACIE NEUVE", "t01", "DURAND", "Lou")
    temporaire = dit.rsplit(" ", 1)[1].strip()
    officine_id = officine_of_finess(NEUVE)
    assert last_act(officine_id) == ("officine.ouvrir", "securite", None)
    client = Client(HTTP_HOST="127.0.0.1", REMOTE_ADDR="10.0.0.1")
    recu = client.post("/connexion/", {"finess": NEUVE, "code": "T01", "mot_de_passe": temporaire})
    assert recu.status_code == 302
    assert recu["Location"].startswith("/connexion/mot-de-passe/")
    with officine_context(officine_id):
        titulaire = Operateur.objects.get(officine_id=officine_id)
        assert (titulaire.role, titulaire.code) == ("titulaire", "T01")
        assert temporaire not in titulaire.password


@pytest.mark.parametrize(
    ("finess", "options", "phrase"),
    [
        ("752026005", {}, "a déjà ce FINESS"),
        ("abc", {}, "pas la forme d'un FINESS"),
        (NEUVE, {"rpps": "10100000033"}, "Ce RPPS n'en est pas un"),
    ],
)
def test_what_cannot_be_opened_is_said(db, finess, options, phrase):
    with pytest.raises(CommandError, match=phrase):
        run("officine_ouvrir", finess, "X", "T01", "N", "P", **options)


def _envoi(troupe):
    return Envoi.objects.create(
        officine=troupe.officine,
        service="insi",
        operation="insi.vitale",
        cle="essai",
        sujet="essai",
        operateur=troupe.operateurs["A01"],
        pas_avant=timezone.now() - timezone.timedelta(minutes=1),
    )


def test_a_suspended_officine_is_out_at_once_and_loses_nothing(halle):
    client, finess = halle.client("A01"), halle.officine.finess
    cle = client.cookies["comptoir_session"].value
    SessionOuverte.objects.create(
        officine=halle.officine, operateur=halle.operateurs["A01"], cle=cle
    )
    passee = halle.client("B01", 1)  # nobody noted this one: it ends all the same
    envoi = _envoi(halle)
    wid = halle.postes[0].wid
    assert client.get("/patients/").status_code == 200
    assert poste_of_wid(wid) == (halle.officine.pk, halle.postes[0].pk)

    assert "1 session(s) fermée(s)" in run("officine_suspendre", finess)
    assert last_act(halle.officine.pk) == ("officine.suspendre", "securite", None)
    for navigateur in (client, passee):
        assert navigateur.get("/patients/").status_code == 302
    page = halle.navigateur()
    assert SUSPENDUE in page.get("/connexion/").text
    recu = page.post("/connexion/", {"code": "A01", "mot_de_passe": "n'importe quoi"})
    assert recu.status_code == 422
    assert SUSPENDUE in recu.text
    # The agents, the workers.
    assert poste_of_wid(wid) is None
    assert not _is_trusted(Liaison(halle.officine.pk, halle.postes[0].pk))
    assert (halle.officine.pk, envoi.pk) not in _dus()
    assert moteur.claim(envoi.pk) == (None, False)  # rung before the suspension
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.tentatives) == ("a_envoyer", 0)

    run("officine_reprendre", finess)
    assert last_act(halle.officine.pk) == ("officine.reprendre", "securite", None)
    assert (halle.officine.pk, envoi.pk) in _dus()
    assert moteur.claim(envoi.pk)[0] == envoi
    assert halle.client("A01").get("/patients/").status_code == 200


def test_what_is_done_already_is_said(port):
    with pytest.raises(CommandError, match="n'est pas suspendue"):
        run("officine_reprendre", port.officine.finess)
    run("officine_suspendre", port.officine.finess)
    with pytest.raises(CommandError, match="déjà suspendue"):
        run("officine_suspendre", port.officine.finess)


def _dus():
    lignes = balayage._rows("SELECT officine_id, envoi_id FROM comptoir_envois_dus(%s)", 1000)
    return set(lignes)


def test_the_list_says_the_state_and_nothing_of_a_patient(halle, port):
    run("officine_suspendre", port.officine.finess)
    lignes = run("officines").splitlines()
    assert f"{len(officine_list())} officine(s)." == lignes[-1]
    texte = "\n".join(lignes)
    assert f"{halle.officine.finess}  ouverte " in texte
    assert f"{port.officine.finess}  suspendue" in texte
    assert "PAT-TROIS" not in texte


@pytest.mark.parametrize(
    "commande", ["officine_suspendre", "officine_reprendre", "officine_exporter"]
)
def test_an_unknown_finess_is_said(db, commande, tmp_path):
    options = {"sortie": tmp_path / "x", "cle": str(_key(tmp_path))}
    with pytest.raises(CommandError, match="n'a ce FINESS"):
        run(commande, "000000000", **(options if commande.endswith("exporter") else {}))
    assert not (tmp_path / "x").exists()


def _key(dossier):
    fichier = dossier / "cle"
    fichier.write_text(CLE + "\n")
    return fichier


# Export


def _mark(troupe, marque):
    """A file, a document, a sending, of one officine, that say whose they are."""
    with officine_context(troupe.officine.pk):
        patient = dossier(troupe, nom_utilise=f"{marque}-NOM", premier_prenom="LOU")
        Patient.objects.filter(pk=patient.pk, officine=troupe.officine).update(
            nir_certifie=f"{marque}-NIR"
        )
        with_piece(patient)
        PieceControlee.objects.filter(patient=patient, officine=troupe.officine).update(
            traits_vus=f"{marque}-TRAITS".encode()
        )
        Envoi.objects.filter(pk=_envoi(troupe).pk).update(corps=f"{marque}-CORPS".encode())


@pytest.fixture
def exportee(halle, port):
    """The export of one of two officines that both have marked rows."""
    _mark(halle, "ICI")
    _mark(port, "AILLEURS")
    sortie = io.BytesIO()
    comptes = export.export_officine(halle.officine, sortie, CLE)
    return sortie.getvalue(), comptes


def _open(octets):
    """Return the files of an archive, read by the documented format."""
    clair = b"".join(archive.read_archive(io.BytesIO(octets), CLE))
    with tarfile.open(fileobj=io.BytesIO(clair)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}


def _lines(fichiers, table):
    texte = b"".join(c for nom, c in fichiers.items() if nom.startswith(f"tables/{table}."))
    return [json.loads(ligne) for ligne in texte.splitlines()]


@pytest.mark.exigence("TIT-17")
def test_an_export_holds_all_of_an_officine_and_nothing_of_another(exportee, halle, port):
    octets, comptes = exportee
    assert b"ICI" not in octets  # encrypted
    fichiers = _open(octets)
    tout = b"".join(fichiers.values())
    assert b"AILLEURS" not in tout
    assert b"QUlMTEVVUlM" not in tout  # the same in base 64
    for morceau in (b"ICI-NOM", b"ICI-NIR"):
        assert morceau in tout
    for ligne in _lines(fichiers, "pharmacy_patient"):
        assert ligne["officine_id"] == halle.officine.pk
    for modele in export.exported_models():
        table = modele._meta.db_table
        attendu = modele._base_manager.filter(
            **{"pk" if modele is Officine else "officine_id": halle.officine.pk}
        ).count()
        # The journal has one line more: the export itself.
        assert comptes[table] == attendu - (table == "pharmacy_audit"), table
        assert len(_lines(fichiers, table)) == comptes[table]
    assert last_act(halle.officine.pk) == ("officine.exporter", "securite", None)
    with officine_context(port.officine.pk):
        assert not Audit.objects.filter(
            officine_id=port.officine.pk, acte="officine.exporter"
        ).exists()


@pytest.mark.exigence("TIT-17")
def test_the_export_describes_itself(exportee):
    import hashlib

    fichiers = _open(exportee[0])
    manifeste = json.loads(fichiers.pop("manifeste.json"))
    assert manifeste["format"] == export.FORMAT
    sommes = {nom: hashlib.sha256(c).hexdigest() for nom, c in fichiers.items()}
    assert {n: f["sha256"] for n, f in manifeste["fichiers"].items()} == sommes
    schema = json.loads(fichiers["schema.json"])["tables"]
    colonne = schema["pharmacy_vente"]["colonnes"]["patient_id"]
    assert colonne["renvoie_a"] == "pharmacy_patient"
    assert "Comptoir" in fichiers["LISEZMOI.txt"].decode()


def test_no_secret_leaves_in_an_export(exportee):
    fichiers = _open(exportee[0])
    tout = b"".join(fichiers.values())
    assert b"argon2" not in tout
    operateur = _lines(fichiers, "pharmacy_operateur")[0]
    assert {"password", "pin"} & operateur.keys() == set()
    assert not any(cle.endswith("empreinte") for cle in _lines(fichiers, "pharmacy_patient")[0])


def test_every_table_is_exported_or_left_for_a_reason():
    tables = {m._meta.db_table for m in isolated()}
    assert tables == {m._meta.db_table for m in export.exported_models()} | export.TABLES_TUES


def test_an_archive_cut_moved_changed_or_of_another_key_is_refused():
    sortie = io.BytesIO()
    coffre = archive.Coffre(sortie, CLE)
    clair = bytes(range(256)) * 1024  # four full pieces
    coffre.write(clair)
    coffre.close()
    octets = sortie.getvalue()
    assert b"".join(archive.read_archive(io.BytesIO(octets), CLE)) == clair
    tete, piece = 39, archive.MORCEAU + 16
    echangees = (
        octets[:tete] + octets[tete + piece : tete + 2 * piece] + octets[tete : tete + piece]
        + octets[tete + 2 * piece :]
    )  # fmt: skip
    faux = {
        "cut after a piece": octets[: tete + 2 * piece],
        "cut inside a piece": octets[:-1],
        "emptied": octets[:tete],
        "two pieces exchanged": echangees,
        "a byte changed": octets[:100] + bytes([octets[100] ^ 1]) + octets[101:],
        "not ours": b"PK" + octets,
    }
    for lu in faux.values():
        with pytest.raises(archive.ArchiveIllisible):
            list(archive.read_archive(io.BytesIO(lu), CLE))
    with pytest.raises(archive.ArchiveIllisible):
        list(archive.read_archive(io.BytesIO(octets), CLE[:-1] + "x"))
    with pytest.raises(ValueError, match="cle"):
        archive.Coffre(sortie, CLE[1:])


def test_the_command_writes_a_new_file_and_opens_it_again(halle, tmp_path):
    cle, sortie, tar = _key(tmp_path), tmp_path / "export", tmp_path / "export.tar"
    dit = run("officine_exporter", halle.officine.finess, sortie=sortie, cle=str(cle))
    assert "tables exportées." in dit
    assert sortie.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="Donnez un fichier neuf"):
        run("officine_exporter", halle.officine.finess, sortie=sortie, cle=str(cle))
    assert "Archive ouverte." in run("officine_exporter", sortie=tar, cle=str(cle), ouvrir=sortie)
    with tarfile.open(tar) as lu:
        assert "manifeste.json" in lu.getnames()
    cle.write_text("x" * 40)
    with pytest.raises(CommandError, match="n'ouvre pas cette archive"):
        run("officine_exporter", sortie=tmp_path / "non", cle=str(cle), ouvrir=sortie)
    assert not (tmp_path / "non").exists()
    cle.write_text("court")
    with pytest.raises(CommandError, match="moins de 32 caractères"):
        run("officine_exporter", halle.officine.finess, sortie=tmp_path / "non", cle=str(cle))


def test_the_program_of_the_documentation_opens_an_archive(tmp_path):
    """Without Comptoir: what the page says is enough."""
    page = (RACINE / "docs/export.md").read_text(encoding="utf-8")
    programme = page.split("```python\n", 1)[1].split("```", 1)[0]
    clair = b"0123456789" * 20_000
    with (tmp_path / "archive").open("wb") as sortie:
        coffre = archive.Coffre(sortie, CLE)
        coffre.write(clair)
        coffre.close()
    lance = [sys.executable, "-c", programme, str(_key(tmp_path)), str(tmp_path / "archive")]
    assert subprocess.run(lance, capture_output=True, check=True).stdout == clair
