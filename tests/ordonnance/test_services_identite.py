"""Whom a consultation names, when the identity changed while it waited (T17)."""

import pytest

from ordonnance.handlers import Consulter
from ordonnance.services import recuperation
from pharmacy.models import Patient
from pharmacy.services.vente import patient_choose
from teleservices.errors import Rejected
from teleservices.models import Envoi
from tests.ordonnance.atelier import NUMERO, signer

pytestmark = [pytest.mark.django_db, pytest.mark.cas("ins-44"), pytest.mark.exigence("INS-33")]
MATRICULE = "279035121518989"
QUALIFIEE = {
    "statut": "QUAL",
    "ins_matricule": MATRICULE,
    "ins_empreinte": "e" * 64,
    "ins_oid": "1.2.250.1.213.1.4.10",
}
SANS_INS = {"statut": "PROV", "ins_matricule": "", "ins_empreinte": "", "ins_oid": ""}


@pytest.fixture
def attente(halle):
    """A consultation that waits, asked for a qualified patient; and the patient."""
    signer(halle)
    vente, patient = halle.vente(), halle.patient()
    for champ, valeur in QUALIFIEE.items():
        setattr(patient, champ, valeur)
    patient.save()
    patient_choose(halle.acteur(), vente.pk, patient, "recherche")
    recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    return Envoi.objects.get(operation="ordonnance.consulter"), patient


def _devient(patient, **faits):
    for champ, valeur in faits.items():
        setattr(patient, champ, valeur)
    patient.save()


def _corps(envoi):
    corps = Consulter().prepare(envoi).corps
    assert NUMERO.encode() in corps
    return corps


def test_a_qualified_patient_is_named_with_the_matricule(attente):
    envoi, _ = attente
    assert MATRICULE[:13].encode() in _corps(envoi)


@pytest.mark.parametrize("douteux", [True, False])
def test_an_identity_that_lost_its_ins_is_not_named_any_more(attente, douteux):
    envoi, patient = attente
    _devient(patient, **SANS_INS, attr_douteux=douteux)
    assert b"Beneficiaire" not in _corps(envoi)


@pytest.mark.parametrize("qualifiee", [True, False])
def test_another_patient_of_the_sale_does_not_send_the_first_s_identity(halle, qualifiee):
    signer(halle)
    vente, patient = halle.vente(), halle.patient()
    _devient(patient, **(QUALIFIEE if qualifiee else SANS_INS))
    patient_choose(halle.acteur(), vente.pk, patient, "recherche")
    recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    envoi = Envoi.objects.get(operation="ordonnance.consulter")
    assert patient.nom_naissance.encode() in _corps(envoi)
    autre = Patient.objects.create(
        officine=halle.officine,
        cree_par=halle.operateurs["A02"],
        nom_naissance="ESSAI",
        premier_prenom="ANNE",
    )
    patient_choose(halle.acteur(), envoi.vente_id, autre, "recherche")
    assert b"Beneficiaire" not in _corps(envoi)


def test_a_fictive_identity_stops_the_consultation(attente):
    envoi, patient = attente
    _devient(patient, **SANS_INS, attr_fictif=True)
    with pytest.raises(Rejected) as refus:
        Consulter().prepare(envoi)
    assert refus.value.code == "identite_bloquee"


def test_a_doubtful_identity_is_not_named_from_the_start(halle):
    vente, patient = halle.vente(), halle.patient()
    _devient(patient, **SANS_INS, attr_douteux=True)
    patient_choose(halle.acteur(), vente.pk, patient, "recherche")
    recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    envoi = Envoi.objects.get(operation="ordonnance.consulter")
    assert b"Beneficiaire" not in bytes(envoi.corps)
