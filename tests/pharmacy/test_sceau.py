"""The seal of the journal: what its owner does without the key is found, and said."""

# ruff: noqa: S608 - statements made of our own names

import threading
from io import StringIO

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, transaction

from config.celery import app
from pharmacy import audit, tasks
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, BlocAudit
from pharmacy.services import sceau, verification_sceau
from pharmacy.services.verification_sceau import verify
from tests.pharmacy.journal import forcer, pouvoir, proprietaire, registre_ouvert

pytestmark = pytest.mark.exigence("SEC-02")
MINUTE = "interval '2 minutes'"


@pytest.fixture
def registre(django_db_setup, django_db_blocker, settings, tmp_path):
    settings.AUDIT_TETES = str(tmp_path / "tetes")
    with django_db_blocker.unblock(), registre_ouvert() as registre:
        yield registre


def _codes(registre):
    return [(d.rang, d.code) for d in verify(registre.officine_id).defauts]


def test_a_journal_that_nobody_touched_holds(registre):
    registre.blocs(3, 2, 4)
    bilan = verify(registre.officine_id)
    assert (bilan.ok, bilan.blocs, bilan.lignes) == (True, 3, 9)
    assert bilan.tetes["dossier"].rang == 3


@pytest.mark.parametrize(
    "colonne", ["quand = quand - interval '1 second'", "operateur_id = 1", "patient_id = NULL",
                "acte = 'patient.creer'", "resultat = 'refus'", "poste_id = NULL",
                "objet = ''", "role = 'adjoint'", "\"precision\" = 'x'"],
)  # fmt: skip
def test_a_changed_line_is_found_in_its_block(registre, colonne):
    registre.blocs(3, 3, 3)
    forcer(f"UPDATE pharmacy_audit SET {colonne} WHERE id = %s", [registre.lignes()[4]])
    assert _codes(registre) == [(2, "lignes")]


def test_a_deleted_line_is_found_in_its_block(registre):
    registre.blocs(3, 3, 3)
    forcer("DELETE FROM pharmacy_audit WHERE id = %s", [registre.lignes()[4]])
    assert _codes(registre) == [(2, "lignes")]


def test_a_line_inserted_in_the_middle_is_found(registre):
    """At a number that was never used: the bound of a block is more than its last line."""
    registre.blocs(3)
    with transaction.atomic():
        audit.note(registre.acteur, "patient.ouvrir")
        libre = registre.lignes()[-1]
        transaction.set_rollback(True)
    registre.blocs(3, 3)
    _forge(registre, libre)
    assert _codes(registre) == [(2, "lignes")]


def test_a_line_inserted_in_a_month_without_block_is_found(registre):
    """Above the bound of its month's last block, under that of the chain."""
    _month(-40)
    registre.noter(2)
    registre.vieillir({"days": 40})
    assert registre.sceller() == 1
    with transaction.atomic():
        audit.note(registre.acteur, "patient.ouvrir")
        libre = registre.lignes()[-1]
        transaction.set_rollback(True)
    registre.blocs(2)
    _forge(registre, libre, "now() - interval '40 days'")
    assert _codes(registre) == [(1, "ajout")]


def _month(jours):
    proprietaire(
        "SELECT journal.creer_mois(date_trunc('month', (now() + make_interval(days => %s)) "
        "AT TIME ZONE 'UTC')::date)",
        [jours],
    )


def _forge(registre, numero, quand="now()"):
    forcer(
        "INSERT INTO pharmacy_audit (id, quand, officine_id, genre, role, acte, objet, resultat, "
        f"\"precision\") VALUES (%s, {quand}, %s, 'dossier', 'titulaire', "
        "'patient.ouvrir', '', 'ok', '')",
        [numero, registre.officine_id],
    )


def test_two_lines_that_change_places_are_found(registre):
    registre.blocs(3, 3)
    un, autre = registre.lignes()[3:5]
    with pouvoir(), transaction.atomic(using="proprietaire"):
        assert proprietaire("UPDATE pharmacy_audit SET id = -1 WHERE id = %s", [un])
        assert proprietaire("UPDATE pharmacy_audit SET id = %s WHERE id = %s", [un, autre])
        assert proprietaire("UPDATE pharmacy_audit SET id = %s WHERE id = -1", [autre])
    assert _codes(registre) == [(2, "lignes")]


def test_blocks_that_change_places_are_found(registre):
    registre.blocs(2, 2, 2)
    chez = [registre.officine_id]
    with pouvoir(), transaction.atomic(using="proprietaire"):
        for ordre in ("99 WHERE rang = 1", "1 WHERE rang = 2", "2 WHERE rang = 99"):
            assert proprietaire(
                f"UPDATE pharmacy_blocaudit SET rang = {ordre} AND officine_id = %s", chez
            )
    assert _codes(registre) == [(1, "chaine")]


def test_a_missing_block_is_found_even_with_its_lines(registre):
    registre.blocs(2, 2, 2)
    bloc = BlocAudit.objects.get(officine_id=registre.officine_id, rang=2)
    forcer("DELETE FROM pharmacy_audit WHERE officine_id = %s AND id > %s AND id <= %s",
           [registre.officine_id, bloc.apres, bloc.dernier])  # fmt: skip
    forcer("DELETE FROM pharmacy_blocaudit WHERE id = %s", [bloc.pk])
    assert _codes(registre) == [(3, "rang")]


@pytest.mark.parametrize(
    "colonne",
    ["nombre = 1", "empreinte = repeat('0', 64)", "dernier = dernier + 1", "apres = apres - 1",
     "scelle_le = scelle_le - interval '1 day'", "sceau = repeat('0', 64)",
     "nature = 'retrait'", "mois = mois - 31"],
)  # fmt: skip
def test_a_changed_block_is_found(registre, colonne):
    registre.blocs(2, 2)
    forcer(f"UPDATE pharmacy_blocaudit SET {colonne} WHERE rang = 2 AND officine_id = %s",
           [registre.officine_id])  # fmt: skip
    assert _codes(registre)[0] == (2, "sceau")


def test_a_block_made_again_without_the_key_is_found(registre, settings):
    """The owner changes a line and seals it anew with a key of its own, mark included."""
    registre.blocs(2)
    vraies, tetes = settings.CLES_SCEAU, settings.AUDIT_TETES
    registre.noter(2)
    settings.CLES_SCEAU, settings.AUDIT_TETES = ["une autre cle"], ""
    assert registre.sceller() == 1
    settings.CLES_SCEAU, settings.AUDIT_TETES = vraies, tetes
    assert _codes(registre) == [(2, "cle")]
    forcer("UPDATE pharmacy_blocaudit SET cle = %s WHERE rang = 2 AND officine_id = %s",
           [sceau.current_mark(), registre.officine_id])  # fmt: skip
    assert _codes(registre) == [(2, "sceau")]


def test_a_cut_at_the_end_is_found_by_the_head_kept_outside(registre, settings):
    registre.blocs(2, 2, 2)
    bloc = BlocAudit.objects.get(officine_id=registre.officine_id, rang=3)
    forcer("DELETE FROM pharmacy_audit WHERE officine_id = %s AND id > %s",
           [registre.officine_id, bloc.apres])  # fmt: skip
    forcer("DELETE FROM pharmacy_blocaudit WHERE id = %s", [bloc.pk])
    assert _codes(registre) == [(3, "fin")]
    settings.AUDIT_TETES = ""
    assert _codes(registre) == []  # said by docs/deploiement.md: without heads, nothing tells


def test_a_journal_wholly_erased_is_found_by_its_head(registre):
    registre.blocs(2)
    forcer("DELETE FROM pharmacy_audit WHERE officine_id = %s", [registre.officine_id])
    forcer("DELETE FROM pharmacy_blocaudit WHERE officine_id = %s", [registre.officine_id])
    assert _codes(registre) == [(1, "fin")]


def test_a_head_that_is_gone_or_of_another_is_told(registre, settings):
    registre.blocs(2)
    fichier = sceau._head_file(registre.officine_id)
    garde = fichier.read_text()
    fichier.unlink()
    assert _codes(registre) == [(1, "tete_absente")]
    fichier.write_text("{}[")
    assert _codes(registre) == [(1, "tete_absente")]
    bloc = BlocAudit.objects.get(officine_id=registre.officine_id, rang=1)
    fichier.write_text(garde.replace(bloc.sceau, "0" * 64))
    assert _codes(registre) == [(1, "tete")]


def test_a_line_that_comes_late_is_never_sealed_and_is_told(registre):
    """Backdated by its owner, above the last bound: no block takes it."""
    registre.blocs(2)
    audit.note(registre.acteur, "patient.ouvrir")
    forcer("UPDATE pharmacy_audit SET quand = quand - interval '1 hour' WHERE id = %s",
           [registre.lignes()[-1]])  # fmt: skip
    assert registre.sceller() == 0
    assert sceau.seal_due(0) == 0
    assert _codes(registre) == [(0, "attente")]


def test_lines_unsealed_for_a_minute_are_told_then_sealed(registre):
    registre.noter(2)
    assert _codes(registre) == []
    forcer(f"UPDATE pharmacy_audit SET quand = quand - {MINUTE} WHERE officine_id = %s",
           [registre.officine_id])  # fmt: skip
    assert _codes(registre) == [(0, "attente")]
    assert sceau.seal_due() >= 1
    assert _codes(registre) == []


def test_a_journal_older_than_its_first_seal_is_sealed_at_night(registre):
    _month(-60)
    registre.noter(2)
    registre.vieillir({"days": 60})
    assert sceau.seal_due(0) == 0
    assert _codes(registre) == [(0, "attente")]
    verification_sceau.verify_daily()
    assert _codes(registre) == []
    assert BlocAudit.objects.get(officine_id=registre.officine_id, genre="dossier").nombre == 2


def test_a_line_waits_for_company_before_it_is_sealed(registre):
    registre.noter(1)
    sceau.seal_due()
    assert not BlocAudit.objects.filter(officine_id=registre.officine_id).exists()


def test_the_bound_waits_for_those_who_write(registre):
    """A number drawn before the bound by who has not committed: no block closes over it."""
    ecrit, libere = threading.Event(), threading.Event()

    def lent():
        with officine_context(registre.officine_id), transaction.atomic():
            registre.noter(1)
            ecrit.set()
            libere.wait(20)
        connections.close_all()

    fil = threading.Thread(target=lent)
    fil.start()
    assert ecrit.wait(20)
    registre.noter(1)
    assert sceau.read_bound(patience_s=0.1) is None
    libere.set()
    fil.join(20)
    assert registre.sceller() == 1
    bloc = BlocAudit.objects.get(officine_id=registre.officine_id)
    assert bloc.nombre == 2
    assert _codes(registre) == []


def test_two_sealers_make_one_chain(registre):
    registre.noter(5)
    borne = sceau.read_bound()
    depart = threading.Barrier(4)
    faits = []

    def un():
        with officine_context(registre.officine_id):
            depart.wait()
            faits.append(sceau.seal(registre.officine_id, "dossier", borne))
        connections.close_all()

    fils = [threading.Thread(target=un) for _ in range(4)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    assert sum(faits) == 1
    assert _codes(registre) == []


def test_a_large_lot_makes_several_blocks(registre, monkeypatch):
    monkeypatch.setattr(sceau, "BLOC_MAX", 2)
    registre.noter(5)
    assert registre.sceller() == 3
    monkeypatch.setattr(verification_sceau, "_LOT", 2)
    bilan = verify(registre.officine_id)
    assert (bilan.ok, bilan.blocs, bilan.lignes) == (True, 3, 5)


def test_each_kind_has_its_chain(registre):
    registre.noter(2)
    registre.noter(2, "session.ouvrir")
    registre.noter(2, "mssante.lire")
    for genre in ("dossier", "securite", "mssante"):
        assert registre.sceller(genre) == 1
    assert set(verify(registre.officine_id).tetes) == {"dossier", "securite", "mssante"}
    assert Audit.objects.filter(officine_id=registre.officine_id, genre="securite").count() == 2


@pytest.mark.exigence("SEC-13")
def test_keys_rotate_and_the_old_one_still_verifies(registre, settings):
    registre.blocs(2)
    settings.CLES_SCEAU = ["la nouvelle", *settings.CLES_SCEAU]
    registre.blocs(2)
    assert _codes(registre) == []
    marques = set(BlocAudit.objects.values_list("cle", flat=True))
    assert len(marques) == 2
    assert not any(cle in marques for cle in settings.CLES_SCEAU)
    settings.CLES_SCEAU = settings.CLES_SCEAU[:1]
    assert _codes(registre) == [(1, "cle")]


def test_without_a_key_nothing_is_sealed_and_it_is_said(registre, settings):
    registre.noter(1)
    settings.CLES_SCEAU = []
    with pytest.raises(ImproperlyConfigured):
        registre.sceller()
    with pytest.raises(ExceptionGroup):
        sceau.seal_due(0)


@pytest.mark.parametrize("ordre", ["UPDATE {} SET genre = genre", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("role", ["default", "proprietaire"])
def test_no_role_may_change_what_is_noted(registre, ordre, role):
    """The application, and the owner that runs migrations: on the journal, its months, its seal."""
    mois = proprietaire("SELECT relname FROM pg_class WHERE relnamespace = 'journal'::regnamespace "
                        "AND relkind IN ('r', 'p')")  # fmt: skip
    tables = ["pharmacy_audit", "pharmacy_blocaudit", *(f"journal.{nom}" for (nom,) in mois)]
    assert len(tables) > 50
    for table in tables:
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            connections[role].cursor() as curseur,
        ):
            curseur.execute(ordre.format(table))


@pytest.mark.exigence("SEC-06")
def test_the_months_are_out_of_reach_of_the_application(registre):
    """A partition has no policy of its own: the application cannot name one."""
    for (nom,) in proprietaire("SELECT relname FROM pg_class WHERE relkind = 'r' "
                               "AND relnamespace = 'journal'::regnamespace"):  # fmt: skip
        with (
            pytest.raises(DatabaseError, match="permission denied for schema"),
            connections["default"].cursor() as curseur,
        ):
            curseur.execute(f"SELECT 1 FROM journal.{nom}")


def test_the_command_names_the_first_broken_block_and_fails(registre):
    registre.blocs(2, 2, 2)
    sortie = StringIO()
    call_command("verifier_audit", stdout=sortie)
    tete = BlocAudit.objects.get(officine_id=registre.officine_id, rang=3)
    assert (
        f"tête : officine {registre.officine_id} dossier bloc 3 {tete.sceau}" in sortie.getvalue()
    )
    assert sortie.getvalue().endswith("Le journal tient.\n")
    for rang in (2, 4):
        forcer("UPDATE pharmacy_audit SET objet = 'x' WHERE id = %s", [registre.lignes()[rang]])
    sortie = StringIO()
    with pytest.raises(CommandError, match="Le journal de 1 officine"):
        call_command("verifier_audit", stdout=sortie)
    assert "Accès aux dossiers, bloc 2 : les lignes de ce bloc ne sont plus" in sortie.getvalue()
    assert "bloc 3 :" not in sortie.getvalue()


def test_the_daily_check_is_noted_logged_and_its_heads_exported(registre, settings, caplog):
    registre.blocs(2)
    (bilan,) = [
        b for b in verification_sceau.verify_daily() if b.officine_id == registre.officine_id
    ]
    assert bilan.ok
    (texte,) = [f.read_text() for f in sceau._head_file(1).parent.glob("tetes-*.txt")]
    assert f"officine {registre.officine_id} dossier bloc 1 {bilan.tetes['dossier'].sceau}" in texte
    forcer("DELETE FROM pharmacy_audit WHERE id = %s", [registre.lignes()[0]])
    verification_sceau.verify_daily()
    assert f"journal.rompu officine={registre.officine_id} genre=dossier bloc=1" in caplog.text
    notes = Audit.objects.filter(officine_id=registre.officine_id, acte="journal.verifier")
    assert list(notes.order_by("pk").values_list("resultat", flat=True)) == ["ok", "lignes"]


def test_beat_rings_the_seal_its_check_and_the_upkeep(registre):
    """By the names that the workers know; each plays through."""
    prevues = {ligne["task"] for ligne in app.conf.beat_schedule.values()}
    for tache in (tasks.sceller_journal, tasks.verifier_journal, tasks.entretenir_journal):
        assert tache.name in prevues
        tache()
    assert app.conf.beat_schedule["pharmacy.sceller_journal"]["schedule"] + sceau.ATTENTE_S < 60
