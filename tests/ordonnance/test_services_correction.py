"""A refused execution: its state follows its row, and it is corrected, never merely resent."""

import pytest
from django.db import transaction
from lxml import etree

from ordonnance.codec.reponse import parse_prescription
from ordonnance.handlers import Relire
from ordonnance.models import Execution
from ordonnance.services import correction, validation
from ordonnance.services.correction import validate_again
from pharmacy.services.vente import VenteRefusee, vente_terminate
from teleservices import services
from teleservices.models import Envoi
from teleservices.registre import Reponse
from tests.ordonnance.atelier import (
    GLUCOPHAGE,
    LEVOTHYROX,
    confirmer,
    echange,
    exemple,
    refuser_le_reste,
    servir,
)

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}
EPU = "{urn:sim:epu:1}"


@pytest.fixture
def refusee(halle):
    """E0 validated, its sale over, its sending refused: the prescription changed meanwhile."""
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    refuser_le_reste(halle, numerique, vente)
    execution = validation.validate(halle.acteur(), numerique.pk)
    vente_terminate(halle.acteur(), vente.pk)
    _refuser("EPU-010")
    execution.refresh_from_db()
    assert execution.etat == "a_corriger"
    return execution


def _refuser(code):
    envoi = Envoi.objects.filter(operation="ordonnance.executer").latest("pk")
    envoi.etat, envoi.dernier_code, envoi.dernier_message = "refuse", code, "Refusé."
    envoi.save()
    validation.follow(envoi)


def _relire(*modifie):
    texte = exemple("02-consulter-reponse").decode()
    for avant, apres in (("<epu:Version>1<", "<epu:Version>2<"), *modifie):
        assert avant in texte, avant
        texte = texte.replace(avant, apres)
    octets = texte.encode()
    envoi = Envoi.objects.get(operation="ordonnance.relire")
    with transaction.atomic():
        Relire().settle(envoi, Reponse(parse_prescription(octets), echange(octets)))


def _corps():
    envoi = Envoi.objects.filter(operation="ordonnance.executer").latest("pk")
    return envoi, etree.fromstring(bytes(envoi.corps))


@pytest.mark.cas("ordonnance-D7")
def test_a_new_version_that_asks_nothing_new_is_sent_by_itself(refusee):
    _relire()
    envoi, corps = _corps()
    assert Envoi.objects.filter(operation="ordonnance.executer").count() == 2
    assert envoi.cle == f"exec:{refusee.uuid}:2"
    assert corps.findtext(f"{EPU}IdExecution") == str(refusee.uuid)
    assert corps.findtext(f"{EPU}VersionConnue") == "2"
    refusee.refresh_from_db()
    assert (refusee.etat, refusee.numerique.etat) == ("a_transmettre", "a_transmettre")
    ancien = Envoi.objects.get(cle=f"exec:{refusee.uuid}:1")
    assert (ancien.etat, bool(ancien.motif_abandon)) == ("abandonne", True)


@pytest.mark.cas("ordonnance-D7")
def test_a_new_difference_waits_for_a_person_who_does_the_control_again(halle, refusee):
    _relire(("<epu:QuantitePrescrite>2<", "<epu:QuantitePrescrite>4<"))
    refusee.refresh_from_db()
    assert refusee.etat == "a_corriger"
    assert Envoi.objects.filter(operation="ordonnance.executer").count() == 1
    numerique, vente = refusee.numerique, refusee.vente
    base = f"/vente/{vente.pk}/ordonnance/{numerique.pk}/controle/"
    assert base in halle.client().get(f"/vente/{vente.pk}/fin/page/").content.decode()
    assert halle.client("A01", 1).post(base, {}, **HX).status_code == 200
    refusee.refresh_from_db()
    assert (refusee.etat, refusee.valide_par.code) == ("a_transmettre", "A01")
    assert _corps()[0].cle == f"exec:{refusee.uuid}:2"


def test_a_prescription_cancelled_meanwhile_is_not_sent_again(halle, refusee):
    _relire(("<epu:Statut>CREEE<", "<epu:Statut>ANNULEE<"))
    base = f"/vente/{refusee.vente_id}/ordonnance/{refusee.numerique_id}/controle/"
    page = halle.client().post(base, {}, **HX)
    assert page.status_code in {409, 422}
    assert Envoi.objects.filter(operation="ordonnance.executer").count() == 1


def test_another_refusal_is_not_read_again_by_itself(halle, refusee):
    Envoi.objects.filter(operation="ordonnance.relire").delete()
    Execution.objects.update(etat="a_transmettre")
    refusee.numerique.__class__.objects.update(etat="a_transmettre")
    _refuser("EPU-008")
    assert not Envoi.objects.filter(operation="ordonnance.relire").exists()


@pytest.mark.exigence("OPS-14")
def test_sending_again_is_told_to_the_execution(halle, refusee):
    envoi = Envoi.objects.get(operation="ordonnance.executer")
    services.envoi_retry(halle.acteur(), envoi.pk)
    refusee.refresh_from_db()
    assert (refusee.etat, refusee.numerique.etat) == ("a_transmettre", "a_transmettre")
    with pytest.raises(VenteRefusee):
        validate_again(halle.acteur(), refusee.numerique_id)


@pytest.mark.cas("ordonnance-D17")
def test_a_lapsed_lock_leaves_no_refused_row_behind(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    refuser_le_reste(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    _refuser("EPU-009")
    etats = Envoi.objects.filter(operation="ordonnance.executer").order_by("pk")
    assert list(etats.values_list("etat", flat=True)) == ["abandonne", "a_envoyer"]


@pytest.mark.cas("ordonnance-D7")
def test_what_cannot_leave_by_itself_keeps_the_new_version_and_tells_a_person(refusee, monkeypatch):
    def empty(_dossier):
        raise VenteRefusee("Rien n'est délivré ni refusé sur cette ordonnance.", "ORD-014")

    monkeypatch.setattr(correction, "lines_to_send", empty)
    _relire()
    refusee.refresh_from_db()
    assert (refusee.etat, refusee.numerique.version) == ("a_corriger", 2)
    assert Envoi.objects.filter(operation="ordonnance.executer").count() == 1
