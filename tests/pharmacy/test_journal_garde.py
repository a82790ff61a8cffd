"""The months of the journal: made ahead, removed when their time has passed, never before."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, BlocAudit, Parametre
from pharmacy.rules.actes import genre_of
from pharmacy.services import entretien_journal, sceau
from pharmacy.services.verification_sceau import verify
from tests.pharmacy.journal import forcer, proprietaire, registre_ouvert

pytestmark = pytest.mark.exigence("SEC-03")


@pytest.fixture
def registre(django_db_setup, django_db_blocker, settings, tmp_path):
    settings.AUDIT_TETES = str(tmp_path / "tetes")
    with django_db_blocker.unblock(), registre_ouvert() as registre:
        yield registre


def _mois(avant):
    """The first day of the month that ended more than `avant` months ago."""
    aujourdhui = timezone.now().astimezone(UTC).date()
    rang = aujourdhui.year * 12 + aujourdhui.month - 1 - avant - 1
    return aujourdhui.replace(year=rang // 12, month=rang % 12 + 1, day=1)


def _old(registre, avant, acte="session.ouvrir", nombre=2):
    """Lines of a month long ago, written by hand as time would have left them, then sealed."""
    mois = _mois(avant)
    proprietaire("SELECT journal.creer_mois(%s)", [mois])
    genre = genre_of(acte)
    if _leaf(mois, genre) not in _leaves(genre):  # another test removed it
        proprietaire(
            f"CREATE TABLE journal.{_leaf(mois, genre)} PARTITION OF journal.audit_{mois:%Y_%m} "
            f"FOR VALUES IN ('{genre}')"
        )
        proprietaire(
            f"REVOKE UPDATE, DELETE, TRUNCATE ON journal.{_leaf(mois, genre)} FROM CURRENT_USER"
        )
    registre.noter(nombre, acte)
    forcer(
        "UPDATE pharmacy_audit SET quand = %s WHERE officine_id = %s AND quand > now() - "
        "interval '1 day' AND acte = %s",
        [datetime(mois.year, mois.month, 5, tzinfo=UTC), registre.officine_id, acte],
    )
    return mois


def _leaves(genre):
    return {
        nom
        for (nom,) in proprietaire(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'journal'::regnamespace "
            "AND relkind = 'r' AND relname LIKE %s",
            [f"%{genre}"],
        )
    }


def _leaf(mois, genre):
    return f"audit_{mois:%Y_%m}_{genre}"


def test_the_months_to_come_are_made_ahead_once(registre):
    assert entretien_journal.prepare_months() == 0
    dernier = max(_leaves("dossier"))
    assert entretien_journal.prepare_months(25) == 1
    assert max(_leaves("dossier")) > dernier
    proprietaire(f"DROP TABLE journal.{max(_leaves('dossier')).removesuffix('_dossier')}")


@pytest.mark.parametrize("devant", [0, 61, 100_000])
def test_the_door_makes_no_more_months_than_it_should(registre, devant):
    with pytest.raises(Exception, match="devant"):
        entretien_journal.prepare_months(devant)


def test_a_sealed_month_past_its_time_leaves_and_its_seal_stays(registre):
    mois = _old(registre, 12)
    registre.noter(1, "session.ouvrir")
    assert registre.sceller("securite") == 2
    assert ("securite", mois, 2) in entretien_journal.remove_due()
    assert _leaf(mois, "securite") not in _leaves("securite")
    assert _leaf(mois, "dossier") in _leaves("dossier")
    bilan = verify(registre.officine_id)
    assert (bilan.defauts, bilan.retires) == ([], 1)
    retrait = BlocAudit.objects.get(officine_id=registre.officine_id, nature="retrait")
    assert (retrait.mois, retrait.nombre) == (mois, 2)
    assert Audit.objects.filter(officine_id=registre.officine_id, acte="journal.retirer").exists()
    # The chain goes on after it.
    registre.blocs(1, genre="dossier")
    registre.sceller("securite")
    assert verify(registre.officine_id).ok


def test_a_month_whose_time_has_not_passed_stays(registre):
    mois = _old(registre, 11)
    registre.sceller("securite")
    entretien_journal.remove_due()
    assert _leaf(mois, "securite") in _leaves("securite")


def test_a_longer_time_asked_by_one_officine_keeps_the_month_for_all(registre):
    mois = _old(registre, 12)
    registre.sceller("securite")
    operateur = proprietaire("SELECT id, officine_id FROM pharmacy_operateur LIMIT 1")[0]
    with officine_context(operateur[1]), transaction.atomic():
        Parametre.objects.create(
            officine_id=operateur[1],
            cle="journal.garde_securite",
            valeur=24,
            a_partir_du=timezone.now() - timedelta(days=1),
            auteur_id=operateur[0],
        )
    try:
        entretien_journal.remove_due()
        assert _leaf(mois, "securite") in _leaves("securite")
    finally:
        proprietaire("DELETE FROM pharmacy_parametre WHERE cle = 'journal.garde_securite'")
    entretien_journal.remove_due()
    assert _leaf(mois, "securite") not in _leaves("securite")


def test_a_month_that_was_tampered_with_is_kept_as_evidence(registre, caplog):
    mois = _old(registre, 12)
    registre.sceller("securite")
    forcer(
        "UPDATE pharmacy_audit SET objet = 'x' WHERE officine_id = %s AND id = %s",
        [registre.officine_id, registre.lignes()[0]],
    )
    entretien_journal.remove_due()
    assert _leaf(mois, "securite") in _leaves("securite")
    assert "journal.retrait_refuse genre=securite" in caplog.text
    assert [d.code for d in verify(registre.officine_id).defauts] == ["lignes"]


def test_a_month_with_lines_that_were_never_sealed_is_kept(registre):
    mois = _old(registre, 12)
    entretien_journal.remove_due()
    assert _leaf(mois, "securite") in _leaves("securite")


def test_the_door_removes_nothing_that_retention_does_not(registre):
    """Whatever the application asks: the current month, a month not sealed, a month not there."""
    mois = _old(registre, 12)
    for genre, quel in (("securite", mois), ("dossier", _mois(-1)), ("securite", _mois(200))):
        with connection.cursor() as curseur:
            curseur.execute("SELECT comptoir_journal_retirer(%s, %s)", [genre, quel])
            assert curseur.fetchone() == (-1,)
    assert _leaf(mois, "securite") in _leaves("securite")


def test_lines_deleted_without_a_removal_in_the_chain_are_found(registre):
    """A whole month dropped by its owner: no link says it left."""
    mois = _old(registre, 12)
    registre.noter(1, "session.ouvrir")
    registre.sceller("securite")
    forcer(
        "DELETE FROM pharmacy_audit WHERE officine_id = %s AND quand < %s",
        [registre.officine_id, timezone.now() - timedelta(days=60)],
    )
    assert [(d.rang, d.code) for d in verify(registre.officine_id).defauts] == [(1, "lignes")]
    assert mois in BlocAudit.objects.values_list("mois", flat=True)


def test_an_insert_does_not_wait_for_a_removal(registre):
    """The removal of an old month holds that month, not the journal."""
    mois = _old(registre, 12)
    registre.sceller("securite")
    verify(registre.officine_id)
    with transaction.atomic():
        with connection.cursor() as curseur:
            curseur.execute("SET LOCAL lock_timeout = '3s'")
        registre.noter(1)  # holds the journal, as a counter does, until the block ends
        autre = connections["proprietaire"]
        with autre.cursor() as curseur:
            curseur.execute("SET lock_timeout = '3s'")
            curseur.execute(
                f"ALTER TABLE journal.audit_{mois:%Y_%m} DETACH PARTITION "
                f"journal.{_leaf(mois, 'securite')}"
            )
            curseur.execute("RESET lock_timeout")
        registre.noter(1)
    assert _leaf(mois, "securite") in _leaves("securite")
    proprietaire(
        f"ALTER TABLE journal.audit_{mois:%Y_%m} ATTACH PARTITION "
        f"journal.{_leaf(mois, 'securite')} FOR VALUES IN ('securite')"
    )
    assert sceau.read_bound() is not None
