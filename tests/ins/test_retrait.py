"""The INS leaves a file: into the history, with or without the documents, and what waits stops."""

import pytest
from django.utils import timezone

from ins.models import AppelInsi, EvenementIdentite, HistoriqueIns, IdentiteRecue, PieceControlee
from ins.services.retrait import withdraw_ins
from teleservices.models import Envoi
from tests.ins.scene import appel_of

pytestmark = pytest.mark.django_db
MATRICULE = "275126322074974"


def _qualified(comptoir, carte):
    patient = comptoir.read(carte)
    comptoir.check(patient)
    patient.refresh_from_db()
    return patient


def _withdraw(comptoir, patient, declencheur, **changements):
    operateur = comptoir.troupe.operateurs["A02"].pk
    numero = withdraw_ins(patient, operateur, declencheur, "motif", changements)
    patient.refresh_from_db()
    return numero


@pytest.mark.parametrize(
    ("declencheur", "changements", "numero", "statut"),
    [
        ("dequalifier", {}, "T13", "VALI"),
        ("trait_modifie", {"nom_naissance": "DURAND", "traits_version": 9}, "T16", "PROV"),
        ("douteux", {"attr_douteux": True}, "T17", "PROV"),
        ("fictif", {"attr_fictif": True}, "T17", "PROV"),
    ],
)
def test_the_ins_goes_to_the_history_and_the_status_follows(
    comptoir, zoe, declencheur, changements, numero, statut
):
    patient = _qualified(comptoir, zoe)
    assert _withdraw(comptoir, patient, declencheur, **changements) == numero
    assert (patient.statut, patient.ins_matricule, patient.ins_oid) == (statut, "", "")
    ancienne = HistoriqueIns.objects.get(patient=patient)
    assert (ancienne.matricule, ancienne.appel, bool(ancienne.retiree_le)) == (
        MATRICULE,
        None,
        True,
    )
    assert PieceControlee.objects.get(patient=patient).active is (statut == "VALI")
    dernier = EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()
    assert (dernier.transition, dernier.statut_avant, dernier.statut_apres, dernier.motif) == (
        numero,
        "QUAL",
        statut,
        "motif",
    )


def test_an_ins_that_comes_back_and_goes_again_is_in_the_history_once(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert _withdraw(comptoir, patient, "annuler_recuperation") == "T14"
    premier_depart = HistoriqueIns.objects.get(patient=patient).retiree_le
    comptoir.again(patient)
    assert patient.statut == "RECUP"
    _withdraw(comptoir, patient, "annuler_recuperation")
    assert HistoriqueIns.objects.get(patient=patient).retiree_le > premier_depart


def test_a_validated_identity_loses_its_document_and_has_no_history(comptoir, zoe):
    patient = _qualified(comptoir, zoe)
    _withdraw(comptoir, patient, "dequalifier")
    HistoriqueIns.objects.all().delete()
    assert _withdraw(comptoir, patient, "devalider") == "T15"
    assert patient.statut == "PROV"
    assert not HistoriqueIns.objects.exists()


def test_a_move_that_cannot_start_there_changes_nothing(comptoir, zoe):
    patient = _qualified(comptoir, zoe)
    with pytest.raises(ValueError, match="annuler_recuperation"):
        _withdraw(comptoir, patient, "annuler_recuperation")
    patient.refresh_from_db()
    assert (patient.statut, patient.ins_matricule) == ("QUAL", MATRICULE)


@pytest.mark.cas("ins-44")
def test_doubt_stops_what_waits_to_leave_and_what_nobody_decided(comptoir, marthe):
    attente = _envoi(comptoir, marthe, "a_envoyer", "cle-1")
    en_vol = _envoi(comptoir, marthe, "en_vol", "cle-2", pris_le=timezone.now())
    autre = _envoi(comptoir, comptoir.troupe.patient(), "a_envoyer", "cle-3")
    _withdraw(comptoir, marthe, "douteux", attr_douteux=True)
    etats = dict(Envoi.objects.values_list("cle", "etat"))
    assert (etats["cle-1"], etats["cle-2"], etats["cle-3"]) == (
        "abandonne",
        "en_vol",
        "a_envoyer",
    )
    attente.refresh_from_db()
    assert attente.motif_abandon
    assert appel_of(marthe).decision == AppelInsi.Decision.SANS_OBJET
    assert {en_vol.pk, autre.pk} == set(
        Envoi.objects.exclude(etat__in=["abandonne", "envoye"]).values_list("pk", flat=True)
    )


def _envoi(comptoir, patient, etat, cle, **champs):
    return Envoi.objects.create(
        officine=comptoir.troupe.officine,
        service="insi",
        operation="ins.recuperer_traits",
        cle=cle,
        sujet=f"patient:{patient.pk}",
        etat=etat,
        file="interactif",
        operateur=comptoir.troupe.operateurs["A02"],
        pas_avant=timezone.now(),
        **champs,
    )


def test_a_candidate_from_outside_is_left_as_it_is(comptoir, zoe):
    patient = comptoir.read(zoe)
    recue = IdentiteRecue.objects.create(
        officine=comptoir.troupe.officine,
        patient=patient,
        source="import",
        matricule="2",
        empreinte="e",
        oid="1",
        recue_par=comptoir.troupe.operateurs["A02"],
    )
    _withdraw(comptoir, patient, "fictif", attr_fictif=True)
    recue.refresh_from_db()
    assert (recue.etat, recue.close_le) == ("a_verifier", None)
