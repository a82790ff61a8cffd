"""The document asked for again: at the end of a sale, once, N sales, and never after a refusal."""

from dataclasses import replace

import pytest

from ins.models import EvenementIdentite, RappelPiece
from ins.selectors import is_reminder_due
from pharmacy import parametres
from pharmacy.models import Vente
from pharmacy.services.vente import (
    Boite,
    ligne_add,
    patient_choose,
    vente_open,
    vente_terminate,
)
from tests.ins.test_ecrans import _panneau

pytestmark = pytest.mark.django_db


def _next_sale(comptoir, patient, code="A02"):
    """End the sale under way, and begin another one for the same person."""
    acteur = comptoir.troupe.acteur(code)
    if comptoir.vente.etat != Vente.Etat.TERMINEE:
        ligne_add(acteur, comptoir.vente.pk, Boite(libelle="Article"))
        vente_terminate(acteur, comptoir.vente.pk)
    comptoir.vente = vente_open(acteur)
    patient_choose(acteur, comptoir.vente.pk, patient, "recherche")
    ligne_add(acteur, comptoir.vente.pk, Boite(libelle="Article"))


def _fin(comptoir, code="A02"):
    """Press FIN; return where it leads."""
    reponse = comptoir.troupe.client(code).post(f"/vente/{comptoir.vente.pk}/fin/")
    assert reponse.status_code == 302
    return reponse["Location"].removeprefix(f"/vente/{comptoir.vente.pk}/")


def _regler(comptoir, cle, valeur):
    parametres.modifier(comptoir.troupe.administrateur(), cle, valeur)


@pytest.mark.exigence("INS-16", "TIT-06")
@pytest.mark.parametrize("fois", [0, 1, 3])
def test_without_a_document_the_next_deliveries_ask_again_as_often_as_set(comptoir, zoe, fois):
    _regler(comptoir, "ins.rappels_piece", str(fois))
    patient = comptoir.read(zoe)
    comptoir.check(patient, "aucune", "")
    assert _fin_after_box(comptoir) == "fin/page/"
    for _ in range(fois):
        _next_sale(comptoir, patient)
        assert _panneau(comptoir.troupe.client(), comptoir)[0] == "averifier"
        assert _fin(comptoir) == "qualifier/"
        comptoir.check(patient, "aucune", "")
        assert _fin(comptoir) == "fin/page/"
        comptoir.vente.refresh_from_db()
    _next_sale(comptoir, patient)
    assert _fin(comptoir) == "fin/page/"
    face, bloc = _panneau(comptoir.troupe.client(), _opened(comptoir, patient))
    assert face == "reponse"
    assert "qualifier/" in bloc


def _fin_after_box(comptoir):
    ligne_add(comptoir.troupe.acteur(), comptoir.vente.pk, Boite(libelle="Article"))
    suite = _fin(comptoir)
    comptoir.vente.refresh_from_db()
    return suite


def _opened(comptoir, patient):
    comptoir.vente.refresh_from_db()
    _next_sale(comptoir, patient)
    return comptoir


@pytest.mark.exigence("INS-16")
def test_it_opens_once_in_a_sale_and_leaving_it_unanswered_lets_the_sale_end(comptoir, zoe):
    comptoir.read(zoe)
    ligne_add(comptoir.troupe.acteur(), comptoir.vente.pk, Boite(libelle="Article"))
    assert _fin(comptoir) == "qualifier/"
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/qualifier/").content.decode()
    assert "Rappel 1 sur 3" in html
    assert _fin(comptoir) == "fin/page/"
    assert RappelPiece.objects.get().seul is True


@pytest.mark.exigence("INS-17")
def test_a_refusal_ends_the_reminders_and_is_kept_and_a_later_sale_may_begin_again(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient, "refusee", "")
    evenement = EvenementIdentite.objects.get(patient=patient, transition="PIER")
    assert (evenement.operateur.code, evenement.quand.date() is not None) == ("A02", True)
    _next_sale(comptoir, patient)
    face, bloc = _panneau(comptoir.troupe.client(), comptoir)
    assert (face, "qualifier/" in bloc) == ("reponse", True)
    assert _fin(comptoir) == "fin/page/"
    comptoir.vente.refresh_from_db()
    _next_sale(comptoir, patient)
    assert comptoir.check(patient).statut == "QUAL"


@pytest.mark.exigence("INS-06")
def test_a_qualified_identity_is_asked_nothing_until_it_falls(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient)
    _next_sale(comptoir, patient)
    assert _fin(comptoir) == "fin/page/"
    comptoir.vente.refresh_from_db()
    _next_sale(comptoir, patient)
    comptoir.check(patient, "differente", suite="attendre")
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert is_reminder_due(patient)


@pytest.mark.exigence("INS-06", "INS-16")
def test_a_fall_counts_the_reminders_anew_and_forgets_the_refusal(comptoir, zoe):
    _regler(comptoir, "ins.rappels_piece", "1")
    patient = comptoir.read(zoe)
    ligne_add(comptoir.troupe.acteur(), comptoir.vente.pk, Boite(libelle="Article"))
    assert _fin(comptoir) == "qualifier/"
    comptoir.check(patient, "refusee", "")
    patient.refresh_from_db()
    assert not is_reminder_due(patient)
    comptoir.check(patient)
    comptoir.check(patient, "differente", suite="attendre")
    patient.refresh_from_db()
    assert is_reminder_due(patient)


def test_an_identity_without_ins_or_without_patient_is_asked_nothing(comptoir, marthe):
    ligne_add(comptoir.troupe.acteur(), comptoir.vente.pk, Boite(libelle="Article"))
    assert marthe.statut == "PROV"
    assert _fin(comptoir) == "fin/page/"


def test_who_may_not_qualify_is_not_asked(comptoir, zoe):
    from pharmacy.models import Operateur

    _regler(comptoir, "ins.apprenti_qualifie", "non")
    comptoir.read(zoe)
    Operateur.objects.filter(pk=comptoir.troupe.operateurs["B01"].pk).update(role="apprenti")
    apprenti = replace(comptoir.troupe.acteur("B01"), role="apprenti")
    ligne_add(apprenti, comptoir.vente.pk, Boite(libelle="Article"))
    assert _fin(comptoir, "B01") == "fin/page/"
    assert not RappelPiece.objects.exists()
