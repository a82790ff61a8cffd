"""Verifying the INS of one file, because a person asks: dated, withdrawn, or nothing."""

import pytest
from django.utils import timezone

from ins.models import (
    AppelInsi,
    EvenementIdentite,
    HistoriqueIns,
    IdentiteRecue,
    TacheIdentite,
)
from ins.selectors import traits_of
from ins.services.commun import dump_traits
from ins.services.retrait import INS_EFFACEE
from ins.services.verification import verify_file, verify_waiting
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee
from teleservices.models import Envoi
from tests.ins.base_ins import fill, qualify, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient(comptoir, insi):
    """A file whose INS INSi confirms."""
    return fill(comptoir.troupe, insi, 1)[0]


def verify(comptoir, patient, code="A02"):
    """Ask, let the worker do its turn; return the call."""
    appel = verify_file(comptoir.troupe.acteur(code), patient.pk, comptoir.vente.pk)
    comptoir.work()
    patient.refresh_from_db()
    appel.refresh_from_db()
    return appel


def moves(patient):
    return list(
        EvenementIdentite.objects.filter(patient=patient)
        .order_by("pk")
        .values_list("transition", flat=True)
    )


@pytest.mark.cas("ins-77")
def test_a_confirmed_ins_has_its_date_and_its_line(comptoir, patient):
    appel = verify(comptoir, patient)
    assert (appel.code, appel.decision, appel.operation) == ("00", "sans_objet", "ins.verifier")
    assert patient.statut == "RECUP"
    assert patient.ins_verifie_le is not None
    assert moves(patient) == ["T19"]


@pytest.mark.parametrize(
    "change", [{"traits_version": 2, "ins_traits_version": 2}, {"ins_empreinte": "e" * 64}]
)
def test_an_answer_about_an_identity_that_changed_meanwhile_changes_nothing(
    comptoir, patient, change
):
    wrong(patient)
    appel = verify_file(comptoir.troupe.acteur(), patient.pk, comptoir.vente.pk)
    Patient.objects.filter(pk=patient.pk).update(**change)
    comptoir.work()
    patient.refresh_from_db()
    appel.refresh_from_db()
    assert (appel.code, patient.statut, patient.ins_verifie_le) == ("01", "RECUP", None)
    assert patient.ins_oid
    assert moves(patient) == []


@pytest.mark.cas("ins-44")
@pytest.mark.exigence("INS-33")
def test_a_code_that_waits_is_not_verified_once_the_identity_is_doubtful(comptoir, patient, insi):
    recue = IdentiteRecue.objects.create(
        officine=comptoir.troupe.officine,
        patient=patient,
        source="datamatrix",
        matricule=str(patient.ins_matricule),
        empreinte=patient.ins_empreinte,
        oid=patient.ins_oid,
        traits=dump_traits(traits_of(patient)),
        recue_par=comptoir.troupe.operateurs["A02"],
    )
    Patient.objects.filter(pk=patient.pk).update(**INS_EFFACEE, statut="PROV")
    appel = verify_waiting(comptoir.troupe.acteur(), recue.pk, comptoir.vente.pk)
    # In flight at the moment of the doubt, then tried again: `envois_stop` leaves such a row.
    Patient.objects.filter(pk=patient.pk).update(attr_douteux=True)
    comptoir.work()
    appel.envoi.refresh_from_db()
    assert (appel.envoi.etat, appel.envoi.dernier_code) == ("refuse", "identite_bloquee")
    assert insi.journal() == []


def test_a_verification_hides_nothing_of_what_insi_gave(comptoir, zoe):
    patient = comptoir.read(zoe)
    adresse = f"/vente/{comptoir.vente.pk}/qualifier/"
    avant = comptoir.troupe.client().get(adresse).content.decode()
    verify(comptoir, patient)
    apres = comptoir.troupe.client().get(adresse).content.decode()
    assert apres.count("= identique") == avant.count("= identique") > 0


@pytest.mark.cas("ins-78")
@pytest.mark.parametrize(
    ("qualifie", "statut", "numero"), [(True, "VALI", "T21"), (False, "PROV", "T20")]
)
def test_an_ins_that_is_not_confirmed_is_withdrawn(comptoir, patient, qualifie, statut, numero):
    wrong(patient)
    if qualifie:
        qualify(patient, comptoir.troupe.operateurs["A02"])
    appel = verify(comptoir, patient)
    assert (appel.code, patient.statut, patient.ins_empreinte) == ("01", statut, "")
    assert moves(patient) == [numero]
    assert HistoriqueIns.objects.filter(patient=patient).count() == 1
    tache = TacheIdentite.objects.get(patient=patient)
    assert (tache.nature, tache.precision) == ("verification", "non conforme")


@pytest.mark.cas("ins-78")
def test_what_left_under_it_is_a_work_item(comptoir, patient):
    wrong(patient)
    comptoir.vente.patient = patient
    comptoir.vente.save()
    Envoi.objects.create(
        officine=comptoir.troupe.officine,
        service="epu",
        operation="ordonnance.executer",
        cle="e1",
        sujet="on:1",
        vente_id=comptoir.vente.pk,
        etat="envoye",
        file="lots",
        operateur=comptoir.troupe.operateurs["A02"],
        pas_avant=timezone.now(),
        regle_le=timezone.now(),
    )
    verify(comptoir, patient)
    natures = TacheIdentite.objects.filter(patient=patient).order_by("nature")
    assert [t.nature for t in natures] == ["transmis", "verification"]


@pytest.mark.cas("ins-79")
@pytest.mark.parametrize(
    ("humeur", "faits"), [("panne_503", {}), ("bizarre", {"variante": "a_redemander"})]
)
def test_no_answer_changes_nothing_and_may_be_asked_again(comptoir, insi, patient, humeur, faits):
    insi.humeur(humeur, **faits)
    verify(comptoir, patient)
    assert (patient.statut, patient.ins_verifie_le) == ("RECUP", None)
    assert moves(patient) == []
    assert not TacheIdentite.objects.exists()
    insi.humeur("normal")
    Envoi.objects.filter(etat="a_envoyer").update(etat="abandonne", motif_abandon="essai")
    verify(comptoir, patient)
    assert patient.ins_verifie_le is not None


def test_asked_twice_while_under_way_is_one_call(comptoir, patient):
    acteur = comptoir.troupe.acteur()
    un = verify_file(acteur, patient.pk)
    assert verify_file(acteur, patient.pk) == un
    comptoir.work()
    assert AppelInsi.objects.count() == 1


def test_an_identity_that_changed_meanwhile_is_left(comptoir, patient):
    from ins.services.retrait import withdraw_ins

    appel = verify_file(comptoir.troupe.acteur(), patient.pk)
    wrong(patient)
    withdraw_ins(patient, appel.declenche_par_id, "annuler_recuperation", "motif")
    comptoir.work()
    patient.refresh_from_db()
    assert patient.statut == "PROV"
    assert moves(patient) == ["T14"]


@pytest.mark.parametrize(
    ("champs", "code"),
    [
        ({"statut": "PROV", "ins_empreinte": "", "ins_oid": "", "ins_matricule": ""}, "INS-091"),
        (
            {"statut": "PROV", "ins_empreinte": "", "ins_oid": "", "attr_douteux": True},
            "INS-002",
        ),
        ({"motif_sans_ins": "anonymat"}, "INS-002"),
    ],
)
@pytest.mark.exigence("INS-20", "INS-33")
def test_without_ins_or_behind_the_gate_nothing_is_asked(comptoir, patient, champs, code):
    Patient.objects.filter(pk=patient.pk).update(**champs)
    with pytest.raises(VenteRefusee, match=code):
        verify_file(comptoir.troupe.acteur(), patient.pk)
    assert not Envoi.objects.exists()


def test_an_identity_that_cannot_be_sent_is_refused_before_it_leaves(comptoir, insi, patient):
    wrong(patient, sexe="I")
    verify(comptoir, patient)
    assert Envoi.objects.get().dernier_code == "identite_incomplete"
    wrong(patient, date_naissance=None)
    verify(comptoir, patient)
    assert not insi.journal()


def test_somebody_else_s_file_or_reading_does_not_exist(comptoir, port, patient):
    with pytest.raises(VenteRefusee, match="PAT-404"):
        verify_file(port.acteur("A01"), patient.pk)
    with pytest.raises(VenteRefusee, match="INS-404"):
        verify_waiting(port.acteur("A01"), 0, comptoir.vente.pk)


def test_the_page_of_the_file_asks_by_a_button(comptoir, patient):
    client = comptoir.troupe.client("A02")
    page = client.get(f"/patients/{patient.pk}/").content.decode()
    assert f"/patients/{patient.pk}/verifier/" in page
    assert "etiquette" not in page
    qualify(patient, comptoir.troupe.operateurs["A02"])
    assert (
        f"/patients/{patient.pk}/etiquette/"
        in client.get(f"/patients/{patient.pk}/").content.decode()
    )
    assert client.post(f"/patients/{patient.pk}/verifier/").status_code == 302
    comptoir.work()
    patient.refresh_from_db()
    assert patient.ins_verifie_le is not None


def test_the_call_goes_under_the_certificate_of_a_person(comptoir, insi, patient):
    verify(comptoir, patient)
    assert [e["certificat_cn"] for e in insi.journal()] == ["INSI-MANU"]
