"""`manage.py verifier`: each part of an installation, in sentences; exit 1 when one is wrong."""

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.management.commands import verifier as commande
from tests.config.certificats import certificat, poser
from tests.conftest import RACINE


def verifier():
    """Run the command; return (did it fail, what it printed)."""
    sortie = StringIO()
    try:
        call_command("verifier", stdout=sortie)
    except CommandError as exc:
        return str(exc), sortie.getvalue()
    return "", sortie.getvalue()


def lancer(**variables):
    """Run it as an installer does."""
    return subprocess.run(
        [sys.executable, "manage.py", "verifier"],
        cwd=RACINE,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


@pytest.mark.django_db
def test_an_installation_in_order_says_so_part_by_part(settings):
    echec, texte = verifier()
    assert echec == ""
    lignes = texte.splitlines()
    assert all(ligne.startswith("✓ ") for ligne in lignes[:-1])
    assert lignes[-1] == "Tout est en ordre."
    for morceau in (
        f"Environnement : simulateur, adresse {settings.ADRESSE}.",
        "répond sous le rôle « comptoir_app ».",
        "est soumis à l'isolation",
        "Valkey répond.",
        "Certificat INSi : ",
        "Certificat autorités TLS : ",
        "Clés de démonstration : aucune copie attendue.",
        "Journal : 24 mois prêts d'avance.",
        "Journal : les têtes du sceau sont gardées hors de la base.",
    ):
        assert morceau in texte


@pytest.mark.django_db
@pytest.mark.exigence("SEC-02")
def test_a_journal_without_a_place_for_its_heads_is_one_point(settings):
    settings.AUDIT_TETES = ""
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert "✗ Journal : les têtes du sceau ne sont gardées nulle part" in texte


@pytest.mark.django_db
@pytest.mark.exigence("SEC-02")
def test_a_journal_about_to_lack_months_is_one_point(monkeypatch):
    monkeypatch.setattr(commande, "MOIS_ALERTE", 25)
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert "✗ Journal : 24 mois prêts d'avance ; le service « lots » est arrêté." in texte


@pytest.mark.django_db
def test_a_broker_that_is_down_is_one_point_and_the_rest_is_still_said(settings, tmp_path):
    settings.VALKEY_URL = f"unix://{tmp_path}/absent.sock"
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert "✗ Valkey ne répond pas : les envois attendent, rien n'est perdu." in texte
    assert "✓ Clés de démonstration" in texte


@pytest.mark.django_db
def test_a_broker_that_answers_nonsense_is_down(settings, httpserver_brut):
    settings.VALKEY_URL = f"redis://127.0.0.1:{httpserver_brut}/0"
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert "✗ Valkey ne répond pas" in texte


@pytest.fixture
def httpserver_brut():
    """A port where something listens that is no Valkey."""
    import socket
    import threading

    prise = socket.create_server(("127.0.0.1", 0))

    def repondre():
        while True:
            try:
                client, _ = prise.accept()
            except OSError:
                return
            with client:
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    fil = threading.Thread(target=repondre)
    fil.start()
    yield prise.getsockname()[1]
    prise.shutdown(socket.SHUT_RDWR)
    prise.close()
    fil.join(5)


@pytest.mark.django_db
def test_an_expired_certificate_is_a_point(settings, tmp_path):
    poser(settings, certificat(tmp_path, jours=-3))
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert "✗ Certificat INSi : a expiré le " in texte


@pytest.mark.django_db
def test_an_expired_authority_is_a_point(settings, tmp_path):
    settings.TLS_AC = certificat(tmp_path, jours=-1)
    assert "✗ Certificat autorités TLS : a expiré le " in verifier()[1]


@pytest.mark.django_db
def test_a_certificate_of_another_environment_is_a_point(settings, tmp_path):
    poser(settings, certificat(tmp_path, "OFFICINE RÉELLE"))
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert (
        "✗ config.E002 : certificat de structure INSi : certificat réel hors production." in texte
    )


@pytest.mark.django_db
def test_a_certificate_without_its_key_is_a_point(settings, tmp_path):
    settings.INSI_CLE = str(tmp_path / "absente.key")
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert "✗ Certificat INSi : la clé manque, ou n'est pas la sienne." in texte


@pytest.mark.django_db
def test_a_certificate_with_the_key_of_another_is_a_point(settings, tls):
    settings.INSI_CLE = str(tls / "serveur.key")
    echec, texte = verifier()
    assert echec == "1 point(s) à corriger."
    assert "✗ Certificat INSi : la clé manque, ou n'est pas la sienne." in texte


@pytest.mark.django_db
def test_an_unreadable_certificate_is_a_point_for_the_file_and_for_the_start(settings, tmp_path):
    settings.INSI_CERTIFICAT = str(tmp_path / "absent.pem")
    echec, texte = verifier()
    assert echec == "2 point(s) à corriger."
    assert "✗ Certificat INSi : illisible." in texte
    assert "✗ config.E001" in texte


@pytest.mark.django_db
def test_no_certificate_is_a_point(settings):
    settings.TLS_AC = ""
    assert "✗ Certificat autorités TLS : non configuré." in verifier()[1]


@pytest.mark.django_db
def test_a_certificate_near_its_end_is_told_without_failing(settings, tmp_path):
    poser(settings, certificat(tmp_path, jours=12))
    echec, texte = verifier()
    assert echec == ""
    assert "✓ Certificat INSi : 752026005, 12 jours restants." in texte


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("confirmee", "ligne"),
    [
        ("", "✗ Aucune copie des clés n'est confirmée (COMPTOIR_COPIE_CLES_CONFIRMEE)."),
        ("2026-03-04", "✓ Copie des clés confirmée le 04/03/2026."),
        ("hier", "✗ COMPTOIR_COPIE_CLES_CONFIRMEE : « hier » n'est pas une date (AAAA-MM-JJ)."),
    ],
)
def test_the_copy_of_the_keys_is_asked_for_outside_the_simulator(settings, confirmee, ligne):
    settings.ENVIRONNEMENT = "bac_a_sable"
    settings.COPIE_CLES_CONFIRMEE = confirmee
    assert ligne in verifier()[1].splitlines()


def test_with_its_database_down_the_command_ends_in_a_sentence_and_exit_1(tmp_path):
    sorti = lancer(COMPTOIR_BASE_HOTE=str(tmp_path))
    assert sorti.returncode == 1
    assert "✗ La base PostgreSQL ne répond pas." in sorti.stdout
    assert "✓ Valkey répond." in sorti.stdout
    assert "Traceback" not in sorti.stderr
    assert sorti.stderr.strip().endswith("1 point(s) à corriger.")


@pytest.mark.exigence("SEC-06")
def test_under_a_superuser_the_command_refuses():
    from tests.conftest import _etat

    mot = _etat["pile"].postgres.dossiers.donnees / "secrets/base-super"
    sorti = lancer(COMPTOIR_BASE_UTILISATEUR="postgres", COMPTOIR_BASE_MOT_DE_PASSE_FILE=str(mot))
    assert sorti.returncode == 1
    assert "✗ Ce rôle contourne l'isolation des officines : utilisez comptoir_app." in sorti.stdout


def test_in_order_the_command_ends_with_exit_0():
    assert lancer().returncode == 0
