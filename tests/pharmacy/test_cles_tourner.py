"""Keys that rotate: under load, killed in the middle, started again, the former one taken away."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models import BinaryField

from ins.models import Fusion, HistoriqueIns
from pharmacy import chiffre
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, CartePatient, Officine, Operateur, Patient, PatientVersion
from pharmacy.services import cles
from pharmacy.services.patient import PorteurCarte, patient_of_card
from tests.conftest import RACINE
from tests.pharmacy.journal import pouvoir, proprietaire

pytestmark = pytest.mark.exigence("SEC-13")
FINESS, NOMBRE, LOTS_AVANT = "990000992", 1_500, 3
ANCIENNE, NOUVELLE = (Fernet.generate_key().decode() for _ in range(2))
# The key under which the other officines of the tests are.
DES_AUTRES = []
TABLES = (
    *("ins_fusion", "ins_historiqueins", "pharmacy_cartepatient", "pharmacy_patientversion"),
    *("pharmacy_motpatient", "pharmacy_motconnu", "pharmacy_patient", "pharmacy_operateur"),
)


def matricule(rang):
    return f"9{rang:012d}{97 - rang % 97:02d}"


def porteur(rang, qualite="6"):
    """A card: its beneficiary is found again by a digest alone."""
    return PorteurCarte(matricule(rang), "", "20100101", 1, qualite, "NOM", "NOM", "PRENOM", None)


@pytest.fixture
def maison(django_db_setup, django_db_blocker, settings):
    """An officine whose files were written under the former keys, really committed."""
    DES_AUTRES[:] = settings.CLES_CHIFFREMENT
    settings.CLES_CHIFFREMENT, settings.CLE_EMPREINTE = [ANCIENNE], "empreinte ancienne"
    with django_db_blocker.unblock():
        officine = Officine.objects.using("proprietaire").create(finess=FINESS, nom="CLES")
        try:
            with officine_context(officine.pk):
                officine = Officine.objects.get(pk=officine.pk)
                titulaire = Operateur.objects.create(
                    officine=officine, code="A01", nom="N", prenom="P", role="titulaire"
                )
                Patient.objects.bulk_create(_files(officine, titulaire), batch_size=1000)
                yield officine
        finally:
            with pouvoir():
                proprietaire("DELETE FROM pharmacy_audit WHERE officine_id = %s", [officine.pk])
            for table in TABLES:
                proprietaire(f"DELETE FROM {table} WHERE officine_id = %s", [officine.pk])  # noqa: S608
            proprietaire("DELETE FROM pharmacy_officine WHERE id = %s", [officine.pk])
            for connexion in connections.all():
                connexion.close()


def _files(officine, titulaire):
    return [
        Patient(
            officine=officine,
            nom_utilise=f"NOM{rang}",
            premier_prenom="PRENOM",
            statut="RECUP",
            ins_matricule=matricule(rang),
            ins_empreinte=chiffre.empreinte("ins", matricule(rang)),
            ins_oid="1.2.250.1.213.1.4.8",
            nir_assure=matricule(rang),
            naissance_facturation="20100101",
            carte_empreinte=porteur(rang).empreinte,
            cree_par=titulaire,
        )
        for rang in range(NOMBRE)
    ]


def rotate_keys(settings):
    """The installation has the new keys; the former ones still open."""
    settings.CLES_CHIFFREMENT = [NOUVELLE, ANCIENNE, *DES_AUTRES]
    settings.CLE_EMPREINTE = "empreinte neuve"
    settings.CLES_EMPREINTE_ANCIENNES = ["empreinte ancienne"]


def forget_former(settings):
    """Take the former keys away."""
    settings.CLES_CHIFFREMENT, settings.CLES_EMPREINTE_ANCIENNES = [NOUVELLE], []


def tourner():
    """Run the command here; return what it printed."""
    sortie = StringIO()
    call_command("cles_tourner", finess=FINESS, stdout=sortie)
    return sortie.getvalue()


def launch():
    """Run it as an installer does, in a process of its own, with the new keys."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "cles_tourner", "--finess", FINESS, "--verbosity", "2"],
        cwd=RACINE,
        env=os.environ
        | {
            "COMPTOIR_CLES_CHIFFREMENT": f"{NOUVELLE}\n{ANCIENNE}",
            "COMPTOIR_CLE_EMPREINTE": "empreinte neuve",
            "COMPTOIR_CLES_EMPREINTE_ANCIENNES": "empreinte ancienne",
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_in_the_middle():
    """Start, let some batches be written, kill without a word."""
    processus = launch()
    for _ in range(LOTS_AVANT):
        assert processus.stdout.readline().startswith("  ")
    processus.send_signal(signal.SIGKILL)
    processus.stdout.close()
    assert processus.wait(30) == -signal.SIGKILL


@contextmanager
def load(officine, *actes):
    """Each act again and again in a thread of its own, until the block ends."""
    fin, pannes, tours = threading.Event(), [], [0] * len(actes)

    def court(rang):
        with officine_context(officine.pk):
            while not fin.is_set():
                try:
                    actes[rang](tours[rang])
                except Exception as exc:  # noqa: BLE001 - told below
                    pannes.append(exc)
                    break
                tours[rang] += 1
        connection.close()

    fils = [threading.Thread(target=court, args=(rang,)) for rang in range(len(actes))]
    for fil in fils:
        fil.start()
    try:
        yield
    finally:
        fin.set()
        for fil in fils:
            fil.join(30)
    assert pannes == []
    assert all(tours)


def change(tour):
    """The counter writes a file while it is written again under the other key."""
    patient = Patient.objects.filter(officine__finess=FINESS).order_by("pk")[tour * 37 % NOMBRE]
    patient.nir_certifie = f"certifie {tour}"
    patient.save(update_fields=["nir_certifie"])
    patient.refresh_from_db()
    assert patient.nir_certifie == f"certifie {tour}"


def look_up(tour):
    """A matricule and a card are found, whichever key made their digest."""
    rang = tour * 41 % NOMBRE
    digests = chiffre.empreintes("ins", matricule(rang))
    assert Patient.objects.get(officine__finess=FINESS, ins_empreinte__in=digests)
    cartes = porteur(rang).empreintes
    assert Patient.objects.get(officine__finess=FINESS, carte_empreinte__in=cartes)


def test_under_load_killed_started_again_then_without_the_former_key(maison, settings):
    rotate_keys(settings)
    assert cles.left(maison.pk) == 4 * NOMBRE
    versions = PatientVersion.objects.filter(officine=maison).count()
    with load(maison, change, look_up):
        kill_in_the_middle()
        reste = cles.left(maison.pk)
        assert 0 < reste < 4 * NOMBRE
        assert reste <= 4 * NOMBRE - (LOTS_AVANT - 1) * cles.LOT
        texte = tourner()
    assert "Tout est sous les clés courantes." in texte
    assert tourner().startswith(f"Officine {maison.pk} : 0 valeur(s) réécrites.")
    forget_former(settings)
    lus = Patient.objects.filter(officine=maison).order_by("pk")
    for rang, patient in enumerate(lus):
        assert patient.ins_matricule == patient.nir_assure == matricule(rang)
        assert patient.ins_empreinte == chiffre.empreinte("ins", matricule(rang))
        assert patient.carte_empreinte == porteur(rang).empreinte
    # What means the same is no former state, and the journal says what was done.
    assert PatientVersion.objects.filter(officine=maison).count() == versions
    assert Audit.objects.filter(officine=maison, acte="cle.tourner", genre="securite").exists()


def test_what_the_application_may_only_add_is_written_again_too(maison, settings):
    patient = Patient.objects.filter(officine=maison).first()
    avant = patient.ins_matricule, patient.ins_empreinte
    patient.ins_matricule, patient.premier_prenom = matricule(NOMBRE + 1), "AUTRE"
    patient.ins_empreinte = chiffre.empreinte("ins", patient.ins_matricule)
    patient.save()
    HistoriqueIns.objects.create(
        officine=maison, patient=patient, rang=1, matricule=avant[0], empreinte=avant[1], oid="1"
    )
    autre = Patient.objects.filter(officine=maison).last()
    Fusion.objects.create(
        officine=maison,
        garde=patient,
        absorbe=autre,
        avant=b'{"apres": {"ins_empreinte": "%s"}}' % avant[1].encode(),
        faite_par=patient.cree_par,
    )
    rotate_keys(settings)
    tourner()
    forget_former(settings)
    version = PatientVersion.objects.get(officine=maison)
    neuve = chiffre.empreinte("ins", avant[0])
    assert (version.ins_matricule, version.ins_empreinte) == (avant[0], neuve)
    assert HistoriqueIns.objects.get(officine=maison).empreinte == neuve
    assert neuve.encode() in bytes(Fusion.objects.get(officine=maison).avant)


def test_a_card_kept_as_a_digest_alone_waits_for_its_next_reading(maison, settings):
    """Nothing says what it is the digest of, until the card is there again."""
    enfant = Patient.objects.filter(officine=maison).first()
    autre_parent = porteur(NOMBRE + 7)
    CartePatient.objects.create(officine=maison, patient=enfant, empreinte=autre_parent.empreinte)
    rotate_keys(settings)
    tourner()
    from pharmacy.acteurs import Acteur

    acteur = Acteur(enfant.cree_par_id, maison.pk, "titulaire", None)
    assert patient_of_card(acteur, autre_parent) == enfant
    forget_former(settings)
    assert CartePatient.objects.get(officine=maison).empreinte == autre_parent.empreinte
    assert patient_of_card(acteur, autre_parent) == enfant


def test_verifier_says_which_key_still_has_rows_and_which_is_missing(maison, settings):
    def dit():
        sortie = StringIO()
        echec = ""
        try:
            call_command("verifier", stdout=sortie)
        except CommandError as exc:
            echec = str(exc)
        return echec, sortie.getvalue()

    une = chiffre.key_mark(ANCIENNE)[:-1]
    rotate_keys(settings)
    echec, texte = dit()
    assert f"✓ Clé de chiffrement ancienne {une} : {2 * NOMBRE} valeurs." in texte
    assert "✓ Empreintes d'une ancienne clé : " in texte
    assert cles.digests_left(maison.pk) == {
        "pharmacy_patient.ins_empreinte": NOMBRE,
        "pharmacy_patient.carte_empreinte": NOMBRE,
    }
    settings.CLES_CHIFFREMENT = [NOUVELLE, *DES_AUTRES]
    settings.CLES_EMPREINTE_ANCIENNES = []
    echec, texte = dit()
    assert f"✗ Clé {une} : {2 * NOMBRE} valeurs, et cette clé n'est plus donnée." in texte
    assert "à corriger" in echec


def test_what_no_key_opens_is_left_and_said(maison, settings):
    settings.CLES_CHIFFREMENT = [NOUVELLE]
    with pytest.raises(CommandError, match="gardez les anciennes"):
        tourner()
    settings.CLES_EMPREINTE_ANCIENNES = ["empreinte ancienne"]
    with pytest.raises(CommandError, match="ne s'ouvre sous aucune clé"):
        tourner()
    settings.CLES_CHIFFREMENT = [ANCIENNE]
    assert Patient.objects.filter(officine=maison).first().ins_matricule == matricule(0)


@pytest.mark.django_db
def test_every_encrypted_column_is_one_that_rotates():
    """Read from the models; a binary column that is neither is public, and listed."""
    trouvees = {(c.table, c.champ) for c in cles.encrypted_columns()} | {
        (apps.get_model(nom)._meta.db_table, champ) for nom, champ, _ in cles._scelles
    }
    toutes = {
        (m._meta.db_table, f.column)
        for m in apps.get_models()
        for f in m._meta.concrete_fields
        if isinstance(f, BinaryField)
    }
    # Sealed, and gone within the four hours that a session lasts at most: the former key is kept
    # that long.
    breves = {("psc_deconnexionpsc", "jeton"), ("psc_jetonapi", "jetons")}
    assert toutes - trouvees - breves == {
        ("pharmacy_demandesignature", "certificat_der"),
        ("psc_documentpsc", "contenu"),
    }
    assert len(trouvees) > 30


def test_what_was_written_before_marks_is_read_and_rotates(settings):
    settings.CLES_CHIFFREMENT = [NOUVELLE, ANCIENNE]
    ancien = Fernet(ANCIENNE.encode()).encrypt(b"avant")
    assert chiffre.decrypt(ancien) == b"avant"
    neuf = chiffre.encrypt(chiffre.decrypt(ancien))
    assert neuf.startswith(chiffre.key_mark(NOUVELLE).encode())
    settings.CLES_CHIFFREMENT = [ANCIENNE]
    with pytest.raises(ValueError, match="no key"):
        chiffre.decrypt(neuf)


def test_the_mark_of_a_key_is_not_a_part_of_it():
    assert len(chiffre.key_mark(ANCIENNE)) == chiffre.MARQUE
    assert chiffre.key_mark(ANCIENNE)[:8] not in ANCIENNE
