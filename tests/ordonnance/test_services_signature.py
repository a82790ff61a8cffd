"""Who signs: the operator, or a pharmacien for one who has no card; both names are kept."""

from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import etree

from ordonnance.models import Execution
from ordonnance.services import confirmation, recuperation, validation
from pharmacy.events import SessionFermee
from pharmacy.models import Operateur
from pharmacy.postes.signatures import SignatureRefusee
from pharmacy.services.vente import VenteRefusee
from teleservices.assertions import (
    ABSENTE,
    CODES_CARTE,
    SignatureActeur,
    assertion_for,
    forget_session,
    is_awaited,
    is_signed,
)
from teleservices.errors import NotReady
from teleservices.models import AssertionActeur, Envoi
from teleservices.moteur import process
from teleservices.outbox import release
from teleservices.selectors import count_awaiting_card
from tests.ordonnance.atelier import (
    GLUCOPHAGE,
    LEVOTHYROX,
    NUMERO,
    confirmer,
    refuser_le_reste,
    servir,
)

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}
RPPS_A01, RPPS_A02 = "10100000032", "10100000040"


def _signe(troupe, code, poste=0):
    """The assertion of an operator, as its card left it."""
    return AssertionActeur.objects.create(
        officine=troupe.officine,
        operateur=troupe.operateurs[code],
        poste=troupe.postes[poste],
        service="epu",
        assertion=code.encode(),
        certificat_sha256="0" * 64,
        id_nat=f"8{troupe.operateurs[code].rpps}",
        expire_le=timezone.now() + timedelta(hours=1),
    )


def _executant(envoi):
    return etree.fromstring(bytes(envoi.corps)).findtext(".//{urn:sim:epu:1}Executant//{*}RPPS")


def _valider(troupe, code):
    vente = troupe.vente(code)
    numerique = confirmer(troupe, vente, code=code)
    servir(troupe, vente, GLUCOPHAGE, 2)
    servir(troupe, vente, LEVOTHYROX)
    refuser_le_reste(troupe, numerique, vente, code)
    validation.validate(troupe.acteur(code), numerique.pk)
    return Envoi.objects.get(operation="ordonnance.executer")


def _attendre_une_carte(envoi):
    process(envoi.pk)
    envoi.refresh_from_db()
    assert (envoi.etat, envoi.dernier_code) == ("a_envoyer", ABSENTE)


def test_a_preparateur_fetches_under_the_pharmacien_who_signed(halle):
    _signe(halle, "A02")
    vente = halle.vente("B01")
    recuperation.fetch(halle.acteur("B01"), vente.pk, NUMERO, "SCAN")
    envoi = Envoi.objects.get(operation="ordonnance.consulter")
    assert (envoi.operateur.code, envoi.signataire.code) == ("B01", "A02")
    assert _executant(envoi) == RPPS_A02
    assert assertion_for(envoi) == b"A02"
    assert is_signed(halle.acteur("B01"), "epu")


def test_nobody_to_sign_is_said_before_anything_is_promised(halle):
    Operateur.objects.filter(officine=halle.officine).update(rpps="")
    vente = halle.vente("B01")
    page = halle.client("B01").post(f"/vente/{vente.pk}/ordonnance/saisie/", {"numero": NUMERO})
    assert page.status_code == 409
    assert "Personne ne peut signer" in page.content.decode()
    assert not Envoi.objects.exists()


def test_without_any_signature_a_preparateur_waits_for_a_pharmacien(halle):
    vente = halle.vente("B01")
    recuperation.fetch(halle.acteur("B01"), vente.pk, NUMERO, "SCAN")
    envoi = Envoi.objects.get(operation="ordonnance.consulter")
    with pytest.raises(NotReady):
        assertion_for(envoi)
    assert not is_signed(halle.acteur("B01"), "epu")


def test_another_pharmacien_signs_for_all_and_both_names_are_kept(halle):
    envoi = _valider(halle, "A02")
    _attendre_une_carte(envoi)
    assert count_awaiting_card(halle.acteur("B01")) == 1
    _signe(halle, "A01")
    assert release(halle.officine.pk, halle.operateurs["A01"].pk, CODES_CARTE) >= 1
    envoi.refresh_from_db()
    execution = Execution.objects.get()
    assert (envoi.operateur.code, envoi.signataire.code) == ("A02", "A01")
    assert (_executant(envoi), execution.executant_rpps) == (RPPS_A01, RPPS_A01)
    assert execution.valide_par.code == "A02"
    assert assertion_for(envoi) == b"A01"
    assert count_awaiting_card(halle.acteur("B01")) == 0
    page = halle.client("A02").get(f"/file/{envoi.pk}/").content.decode()
    assert "signé par J. ROUSSEAU pour A. MARTIN" in page


def test_the_operators_own_card_takes_the_row_back(halle):
    envoi = _valider(halle, "A02")
    _attendre_une_carte(envoi)
    release(halle.officine.pk, halle.operateurs["A01"].pk, CODES_CARTE)
    Envoi.objects.filter(pk=envoi.pk).update(dernier_code=ABSENTE)
    release(halle.officine.pk, halle.operateurs["A02"].pk, CODES_CARTE)
    envoi.refresh_from_db()
    assert envoi.signataire is None
    assert _executant(envoi) == RPPS_A02


def test_a_signature_never_sends_another_pharmaciens_reading(halle):
    vente = halle.vente("A02")
    recuperation.fetch(halle.acteur("A02"), vente.pk, NUMERO, "SCAN")
    _attendre_une_carte(Envoi.objects.get(operation="ordonnance.consulter"))
    assert release(halle.officine.pk, halle.operateurs["A01"].pk, CODES_CARTE) == 0
    assert not is_awaited(halle.acteur("A01"), "epu")


def test_a_pharmaciens_card_signs_on_a_preparateurs_session(halle, cps):
    vente = halle.vente("B01")
    recuperation.fetch(halle.acteur("B01"), vente.pk, NUMERO, "SCAN")
    envoi = Envoi.objects.get(operation="ordonnance.consulter")
    _attendre_une_carte(envoi)
    service = SignatureActeur("epu")
    a_signer = service.prepare(halle.acteur("B01"), cps.certificate)
    phrase = service.complete(
        halle.acteur("B01"),
        halle.postes[0],
        a_signer.prepare,
        cps.sign(a_signer.digest),
        cps.certificate,
    )
    assert phrase == "Signé. 1 envoi(s) repris."
    envoi.refresh_from_db()
    assert envoi.signataire.code == "A01"
    assert assertion_for(envoi)
    forget_session(SessionFermee(halle.acteur("B01")))
    assert not AssertionActeur.objects.exists()


def test_a_pharmacien_does_not_sign_on_another_pharmaciens_session(halle, cps):
    with pytest.raises(SignatureRefusee) as refus:
        SignatureActeur("epu").prepare(halle.acteur("A02"), cps.certificate)
    assert refus.value.code == "autre_titulaire"


def test_a_card_of_nobody_of_the_officine_does_not_sign_for_a_preparateur(halle, cps):
    Operateur.objects.filter(pk=halle.operateurs["A01"].pk).update(actif=False)
    with pytest.raises(SignatureRefusee) as refus:
        SignatureActeur("epu").prepare(halle.acteur("B01"), cps.certificate)
    assert refus.value.code == "sans_rpps"


@pytest.mark.cas("ordonnance-D8")
def test_validating_without_a_signature_says_so_and_asks_the_card(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    refuser_le_reste(halle, numerique, vente)
    base = f"/vente/{vente.pk}/ordonnance/{numerique.pk}"
    page = halle.client().post(f"{base}/controle/", {}, **HX)
    suite = page.headers["HX-Trigger"].encode().decode("unicode_escape")
    assert '"signer": "epu"' in suite
    assert "l'exécution part" not in suite
    envoi = Envoi.objects.get(operation="ordonnance.executer")
    process(envoi.pk)
    ecran = halle.client().get(f"/vente/{vente.pk}/").content.decode()
    assert f"{base}/signer/" in ecran
    signer = halle.client().post(f"{base}/signer/", **HX)
    assert '"signer": "epu"' in signer.headers["HX-Trigger"]


def test_asking_again_without_a_signature_asks_the_card(halle):
    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    Envoi.objects.update(etat="refuse", dernier_code="EPU-090")
    page = halle.client().post(f"/vente/{vente.pk}/ordonnance/{numerique.pk}/relancer/", **HX)
    assert '"signer": "epu"' in page.headers["HX-Trigger"]


def test_a_lock_is_given_back_under_the_same_signature(halle):
    _signe(halle, "A02")
    vente = halle.vente("B01")
    numerique = confirmer(halle, vente, code="B01")
    from tests.ordonnance.test_services_vente import verrou_lu

    confirmation.keep_lock(Envoi.objects.get(operation="ordonnance.ouvrir"), verrou_lu())
    confirmation.stop(halle.acteur("B01"), numerique.pk)
    assert Envoi.objects.get(operation="ordonnance.liberer").signataire.code == "A02"


def test_what_the_contract_refuses_is_a_sentence(halle):
    vente = halle.vente()
    with pytest.raises(VenteRefusee) as refus:
        recuperation.fetch(halle.acteur(), vente.pk, "PAS UN NUMÉRO", "SCAN")
    assert refus.value.code == "ORD-018"
