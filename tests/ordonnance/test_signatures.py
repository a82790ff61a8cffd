"""Who signs for whoever has no card, and under whose name a row leaves."""

from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import etree

from ordonnance.handlers import Consulter, Executer
from ordonnance.services import recuperation, validation
from ordonnance.services.commun import SANS_RPPS
from teleservices.assertions import CODES_CARTE, is_awaited, is_signed
from teleservices.errors import NotReady
from teleservices.models import AssertionActeur, Envoi
from teleservices.outbox import release
from teleservices.soap.contrat import CONTRATS
from tests.ordonnance.atelier import GLUCOPHAGE, LEVOTHYROX, NUMERO, confirmer, servir
from tests.ordonnance.test_services import _repondre

pytestmark = pytest.mark.django_db
RPPS = "{urn:sim:epu:1}Executant/{urn:sim:epu:1}RPPS"


def _signer(troupe, code, poste=0, minutes=60):
    acteur = troupe.acteur(code, poste)
    return AssertionActeur.objects.create(
        officine=troupe.officine,
        operateur_id=acteur.operateur_id,
        poste=troupe.postes[poste],
        service="epu",
        assertion=f"<{code}/>".encode(),
        certificat_sha256="x",
        id_nat=f"8{acteur.rpps}",
        expire_le=timezone.now() + timedelta(minutes=minutes),
    )


def _rpps(corps):
    return etree.fromstring(bytes(corps)).findtext(RPPS)


def _consultation(troupe, code):
    vente = troupe.vente(code)
    recuperation.fetch(troupe.acteur(code), vente.pk, NUMERO, "SCAN")
    return Envoi.objects.get(operation="ordonnance.consulter")


@pytest.mark.exigence("ORD-03")
def test_f3_of_a_preparateur_waits_for_a_pharmaciens_card(halle):
    envoi = _consultation(halle, "B01")
    assert _rpps(envoi.corps) == SANS_RPPS
    with pytest.raises(NotReady) as attente:
        Consulter().prepare(envoi)
    assert attente.value.message_fr.startswith("Un pharmacien doit insérer sa carte CPS")


def test_the_screen_of_a_preparateur_asks_no_card_of_his(halle):
    vente = halle.vente("B01")
    url = f"/vente/{vente.pk}/ordonnance/saisie/"
    page = halle.client("B01").post(url, {"numero": NUMERO}, HTTP_HX_REQUEST="true")
    suite = page.headers["HX-Trigger"].encode().decode("unicode_escape")
    assert page.status_code == 200
    assert "un pharmacien doit insérer sa carte" in suite
    assert '"signer"' not in suite or '"signer": null' in suite


def test_a_pharmacien_of_the_officine_signs_for_him_under_his_own_name(halle):
    envoi = _consultation(halle, "B01")
    _signer(halle, "A02", poste=1)
    appel = Consulter().prepare(envoi)
    envoi.refresh_from_db()
    assert (appel.assertion, _rpps(appel.corps)) == (b"<A02/>", halle.acteur("A02").rpps)
    assert bytes(envoi.corps) == appel.corps
    assert etree.XMLSchema(etree.parse(CONTRATS / "epu.xsd")).validate(
        etree.fromstring(appel.corps)
    )
    assert (envoi.operateur.code, envoi.signe_par.code) == ("B01", "A02")
    assert is_signed(halle.acteur("B01"), "epu")


def test_a_pharmacien_reads_under_his_own_card_only(halle):
    envoi = _consultation(halle, "A02")
    _signer(halle, "A01")
    with pytest.raises(NotReady):
        Consulter().prepare(envoi)
    _signer(halle, "A02", minutes=1)
    with pytest.raises(NotReady) as attente:
        Consulter().prepare(envoi)
    assert attente.value.code == "assertion_expiree"
    assert not is_signed(halle.acteur("A02"), "epu")


def _executer(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    _repondre(halle, numerique, vente)
    execution = validation.validate(halle.acteur(), numerique.pk)
    return execution, Envoi.objects.get(operation="ordonnance.executer")


@pytest.mark.cas("ordonnance-D8")
@pytest.mark.exigence("ORD-16")
def test_an_execution_that_waits_is_signed_by_another_pharmacien_both_names_kept(halle):
    execution, envoi = _executer(halle)
    _signer(halle, "A01")
    demande = Executer().prepare(envoi)
    titulaire = halle.acteur("A01").rpps
    execution.refresh_from_db()
    assert (_rpps(demande.appel.corps), _rpps(demande.question.corps)) == (titulaire, titulaire)
    assert (execution.valide_par.code, execution.executant_rpps) == ("A02", titulaire)
    assert _rpps(demande.appel.corps) == _rpps(Envoi.objects.get(pk=envoi.pk).corps)


def test_ones_own_signature_comes_first_and_leaves_the_frozen_bytes(halle):
    _, envoi = _executer(halle)
    avant = bytes(envoi.corps)
    _signer(halle, "A01")
    _signer(halle, "A02", poste=1)
    demande = Executer().prepare(envoi)
    assert (demande.appel.assertion, demande.appel.corps) == (b"<A02/>", avant)


@pytest.mark.cas("ordonnance-D8")
def test_the_next_signature_of_a_pharmacien_releases_what_waits_for_a_card(halle):
    _, envoi = _executer(halle)
    Envoi.objects.filter(pk=envoi.pk).update(dernier_code="assertion_absente")
    Envoi.objects.filter(operation="ordonnance.consulter").update(etat="envoye")
    assert not is_awaited(halle.acteur("B01"), "epu")
    assert release(halle.acteur("B01"), CODES_CARTE) == 0
    assert is_awaited(halle.acteur("A01"), "epu")
    assert release(halle.acteur("A01"), CODES_CARTE) == 1
