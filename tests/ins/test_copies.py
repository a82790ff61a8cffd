"""Copies of documents: none unless the titulaire wants them, encrypted, deleted on their day."""

from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from ins import nuit
from ins.models import CopiePiece, PieceControlee
from ins.reglages import COPIE_MOIS, COPIE_PIECE
from ins.rules.copies import JOURS_SANS_PREUVE, TAILLE_MAX, kind_of, purge_day
from ins.services import copies
from ins.services.separation import DELAI
from pharmacy import parametres
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit
from pharmacy.services.vente import VenteRefusee
from tests.ins.dossiers import dossier, with_ins, with_piece

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("INS-37")]
JPEG = b"\xff\xd8\xff\xe0 une photo de passeport"


def allumer(halle, mois=12):
    for cle, valeur in ((COPIE_PIECE, "oui"), (COPIE_MOIS, str(mois))):
        parametres.modifier(halle.administrateur(), cle, valeur)


@pytest.fixture
def piece(halle):
    return PieceControlee.objects.get(patient=with_ins(dossier(halle), piece=True))


def test_by_default_nothing_is_kept_and_no_screen_offers_it(halle, piece):
    with pytest.raises(VenteRefusee, match="INS-122"):
        copies.copie_add(halle.acteur("A01"), piece.pk, JPEG)
    page = halle.client("A01").get(f"/patients/{piece.patient_id}/identite/").content.decode()
    assert "Garder la copie" not in page
    assert not CopiePiece.objects.exists()


def test_a_copy_is_encrypted_told_on_the_page_and_read_by_who_may(halle, piece):
    allumer(halle)
    client = halle.client("A02")
    fiche = f"/patients/{piece.patient_id}/identite/"
    assert "Garder la copie" in client.get(fiche).content.decode()
    reponse = client.post(
        f"/identites/pieces/{piece.pk}/copie/", {"copie": SimpleUploadedFile("x.txt", JPEG)}
    )
    assert reponse["Location"] == fiche
    copie = CopiePiece.objects.get()
    with connection.cursor() as curseur:
        curseur.execute("SELECT contenu FROM ins_copiepiece")
        assert b"passeport" not in bytes(curseur.fetchone()[0])
    page = client.get(fiche).content.decode()
    assert f"supprimée le {copie.purge_le:%d/%m/%Y}" in page
    lue = client.get(f"/identites/copies/{copie.pk}/")
    assert (lue.content, lue["Content-Type"]) == (JPEG, "image/jpeg")
    assert lue["Content-Disposition"].startswith("attachment")
    assert lue["Cache-Control"] == "no-store"
    actes = list(Audit.objects.filter(acte__startswith="ins.copie").values_list("acte", flat=True))
    assert sorted(actes) == ["ins.copie_garder", "ins.copie_voir"]


def test_a_new_copy_replaces_the_former_one_and_one_act_deletes_it(halle, piece):
    allumer(halle)
    acteur = halle.acteur("A02")
    copies.copie_add(acteur, piece.pk, JPEG)
    copie = copies.copie_add(acteur, piece.pk, b"%PDF-1.7")
    assert bytes(CopiePiece.objects.get().contenu) == b"%PDF-1.7"
    halle.client("A02").post(f"/identites/copies/{copie.pk}/supprimer/")
    assert not CopiePiece.objects.exists()


@pytest.mark.parametrize(
    ("octets", "phrase"),
    [
        (b"", "une image"),
        (b"<svg onload='alert(1)'>", "une image"),
        (b"<html>", "une image"),
        (JPEG + b"0" * TAILLE_MAX, "5 Mo"),
    ],
)
def test_what_is_no_copy_is_refused_with_a_sentence(halle, piece, octets, phrase):
    allumer(halle)
    reponse = halle.client("A02").post(
        f"/identites/pieces/{piece.pk}/copie/", {"copie": SimpleUploadedFile("x.jpg", octets)}
    )
    assert reponse.status_code >= 400
    assert phrase in reponse.content.decode()
    assert not CopiePiece.objects.exists()


def test_a_document_that_proves_nothing_any_more_is_not_copied(halle, piece):
    allumer(halle)
    PieceControlee.objects.filter(pk=piece.pk).update(active=False)
    with pytest.raises(VenteRefusee, match="INS-125"):
        copies.copie_add(halle.acteur("A02"), piece.pk, JPEG)


def test_who_may_not_sees_no_copy(halle, piece):
    allumer(halle)
    copie = copies.copie_add(halle.acteur("A02"), piece.pk, JPEG)
    assert halle.client("B01").get(f"/identites/copies/{copie.pk}/").status_code == 403
    page = halle.client("B01").get(f"/patients/{piece.patient_id}/identite/").content.decode()
    assert "Ouvrir la copie" not in page


def test_another_officine_finds_neither_the_document_nor_its_copy(halle, port, piece):
    allumer(halle)
    copie = copies.copie_add(halle.acteur("A02"), piece.pk, JPEG)
    with officine_context(port.officine.pk):
        parametres.modifier(port.administrateur(), COPIE_PIECE, "oui")
        for faire in (
            lambda: copies.copie_read(port.acteur("A01"), copie.pk),
            lambda: copies.copie_delete(port.acteur("A01"), copie.pk),
            lambda: copies.copie_add(port.acteur("A01"), piece.pk, JPEG),
        ):
            with pytest.raises(VenteRefusee, match="INS-404"):
                faire()


def test_at_night_the_copies_whose_day_came_are_deleted_in_every_officine(halle, piece):
    allumer(halle)
    acteur = halle.acteur("A02")
    copies.copie_add(acteur, piece.pk, JPEG)
    reste = PieceControlee.objects.get(patient=with_piece(dossier(halle)))
    gardee = copies.copie_add(acteur, reste.pk, JPEG)
    CopiePiece.objects.filter(piece=piece).update(purge_le=timezone.localdate())
    CopiePiece.objects.filter(piece=reste).update(purge_le=timezone.localdate() + timedelta(days=1))
    assert nuit.purge_due() == 1
    assert CopiePiece.objects.get() == gardee
    assert Audit.objects.get(acte="ins.copies_purger").resultat == "1"
    assert nuit.purge_due() == 0


def test_turned_off_the_copies_that_exist_still_go_on_their_day(halle, piece):
    allumer(halle)
    copies.copie_add(halle.acteur("A02"), piece.pk, JPEG)
    parametres.modifier(halle.administrateur(), COPIE_PIECE, "non")
    CopiePiece.objects.update(purge_le=timezone.localdate())
    assert nuit.purge_due() == 1
    assert not CopiePiece.objects.exists()


def test_a_copy_of_a_document_that_proves_nothing_any_more_goes_sooner(halle, piece):
    """Thirty days, the time that a merge may be undone; one that goes before keeps its day."""
    allumer(halle)
    acteur, jour = halle.acteur("A02"), timezone.localdate()
    caduque = copies.copie_add(acteur, piece.pk, JPEG)
    autres = [PieceControlee.objects.get(patient=with_piece(dossier(halle))) for _ in range(2)]
    bonne, proche = (copies.copie_add(acteur, autre.pk, JPEG) for autre in autres)
    PieceControlee.objects.filter(pk__in=[piece.pk, autres[1].pk]).update(active=False)
    CopiePiece.objects.filter(pk=proche.pk).update(purge_le=jour + timedelta(days=3))
    longue = bonne.purge_le
    assert nuit.purge_due() == 1
    for copie, attendu in ((caduque, 30), (proche, 3)):
        copie.refresh_from_db()
        assert copie.purge_le == jour + timedelta(days=attendu)
    bonne.refresh_from_db()
    assert bonne.purge_le == longue
    assert Audit.objects.get(acte="ins.copies_avancer").resultat == "1"
    assert nuit.purge_due() == 0
    CopiePiece.objects.filter(pk=caduque.pk).update(purge_le=jour)
    assert nuit.purge_due() == 1
    assert not CopiePiece.objects.filter(pk=caduque.pk).exists()


def test_the_day_brought_forward_leaves_the_time_to_undo_a_merge():
    assert timedelta(days=JOURS_SANS_PREUVE) == DELAI


# The rule


@pytest.mark.parametrize(
    ("prise", "mois", "attendu"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2023, 12, 31), 2, date(2024, 2, 29)),
        (date(2026, 10, 31), 1, date(2026, 11, 30)),
        (date(2026, 11, 25), 12, date(2027, 11, 25)),
        (date(2026, 11, 25), 600, date(2031, 11, 25)),
    ],
)
def test_the_day_of_deletion(prise, mois, attendu):
    assert purge_day(prise, mois) == attendu


@given(prise=st.dates(date(2000, 1, 1), date(2200, 1, 1)), mois=st.integers(1, 10_000))
def test_no_copy_outlives_five_years(prise, mois):
    assert (
        prise
        < purge_day(prise, mois)
        <= prise.replace(year=prise.year + 5, day=28) + timedelta(days=3)
    )


@pytest.mark.parametrize(
    ("octets", "genre"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"%PDF-1.4", "application/pdf"),
        (b"GIF89a", ""),
    ],
)
def test_the_content_alone_says_what_it_is(octets, genre):
    assert kind_of(octets) == genre
