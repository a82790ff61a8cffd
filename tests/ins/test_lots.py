"""Verification by lots: started, deposited, asked about, applied; paused, stopped, refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ins.handlers_verification import VerifierLot
from ins.models import (
    EvenementIdentite,
    HistoriqueIns,
    IdentiteVerifiee,
    LotVerification,
    TacheIdentite,
    Verification,
)
from ins.services import lots
from ins.services.lots_resultats import record_lot
from ins.services.retrait import withdraw_ins
from ins.services.retrait_lot import withdraw_many
from ins.suivi_lots import LOTS_EN_VOL, VUS_DEPUIS, eligible_count, progress
from pharmacy import parametres
from pharmacy.models import Audit, Patient
from pharmacy.services.vente import VenteRefusee, patient_choose
from teleservices.errors import Unavailable
from teleservices.models import Envoi, Trace
from tests.ins.base_ins import due, fill, qualify, work_lots, wrong

pytestmark = pytest.mark.django_db
TAILLE = 500


@pytest.fixture
def campagne(halle, insi):
    """A campaign over every INS of the officine, its lots treated at once by the service."""
    insi.ask("/controle/lots", {"duree_ms": 0})
    Patient.objects.filter(statut__in=["RECUP", "QUAL"]).update(actif=False)
    return lambda perimetre="toutes": lots.start(halle.acteur("A01"), perimetre)


@pytest.fixture
def petits(monkeypatch):
    """Lots of two identities: the laws of the lots without five hundred people."""
    monkeypatch.setattr(lots, "LOT_MAX", 2)


def deposer(insi):
    """Deposit what waits, the service being still at work; then it finishes."""
    insi.ask("/controle/lots", {"duree_ms": 60_000})
    work_lots()
    insi.ask("/controle/lots", {"duree_ms": 0})


def suivi(verification):
    verification.refresh_from_db()
    return progress(verification)


@pytest.mark.cas("ins-77")
@pytest.mark.exigence("INS-34")
def test_a_confirmed_ins_has_its_date_and_nothing_else(campagne, halle, insi):
    patients = fill(halle, insi, 3)
    avant = [_columns(p) for p in patients]
    verification = campagne()
    work_lots(2)
    etat = suivi(verification)
    assert (etat.verification.etat, etat.conformes, etat.part) == ("terminee", 3, 100)
    for patient, colonnes in zip(patients, avant, strict=True):
        patient.refresh_from_db()
        assert patient.ins_verifie_le is not None
        assert _columns(patient) == colonnes
    assert not EvenementIdentite.objects.filter(patient__in=patients).exists()
    assert not TacheIdentite.objects.filter(patient__in=patients).exists()


def _columns(patient):
    return {
        champ.name: getattr(patient, champ.name)
        for champ in Patient._meta.concrete_fields
        if champ.name != "ins_verifie_le"
    }


@pytest.mark.cas("ins-78")
@pytest.mark.exigence("INS-34")
def test_an_ins_that_insi_does_not_confirm_is_withdrawn_and_left_to_a_person(campagne, halle, insi):
    bon, qualifie, recupere, inconnu = fill(halle, insi, 4)
    qualify(wrong(qualifie), halle.operateurs["A02"])
    wrong(recupere)
    wrong(inconnu, ins_matricule="199127511100193")
    verification = campagne()
    work_lots(2)
    for patient in (bon, qualifie, recupere, inconnu):
        patient.refresh_from_db()
    assert [p.statut for p in (bon, qualifie, recupere, inconnu)] == [
        "RECUP",
        "VALI",
        "PROV",
        "PROV",
    ]
    assert qualifie.ins_empreinte == qualifie.ins_matricule == qualifie.ins_oid == ""
    assert HistoriqueIns.objects.filter(patient=qualifie, retiree_le__isnull=False).count() == 1
    assert list(
        EvenementIdentite.objects.order_by("patient").values_list("transition", flat=True)
    ) == ["T21", "T20", "T20"]
    taches = TacheIdentite.objects.filter(nature="verification").order_by("patient")
    assert [t.precision for t in taches] == ["non conforme", "non conforme", "matricule inconnu"]
    assert (suivi(verification).conformes, suivi(verification).non_conformes) == (1, 3)


@pytest.mark.cas("ins-78")
def test_what_already_left_under_a_withdrawn_ins_is_listed(campagne, halle, insi):
    parti, reste = fill(halle, insi, 2)
    for patient in (parti, reste):
        qualify(wrong(patient), halle.operateurs["A02"])
    vente = halle.vente()
    patient_choose(halle.acteur(), vente.pk, parti, "recherche")
    for cle, etat in (("e1", "envoye"), ("e2", "refuse")):
        Envoi.objects.create(
            officine=halle.officine,
            service="epu",
            operation="ordonnance.executer",
            cle=cle,
            sujet="on:1",
            vente_id=vente.pk,
            etat=etat,
            file="lots",
            operateur=halle.operateurs["A02"],
            pas_avant=timezone.now(),
            regle_le=timezone.now(),
        )
    campagne()
    work_lots(2)
    (tache,) = TacheIdentite.objects.filter(nature="transmis")
    assert (tache.patient_id, tache.precision) == (parti.pk, "1 envoi(s)")


def test_withdrawing_many_does_to_each_what_withdrawing_one_does(halle, insi):
    un, autre = fill(halle, insi, 2)
    for patient in (un, autre):
        qualify(patient, halle.operateurs["A02"])
    operateur = halle.operateurs["A01"].pk
    withdraw_ins(un, operateur, "verification_ko", "motif")
    withdraw_many([autre], operateur, "motif")
    traces = []
    for patient in (un, autre):
        patient.refresh_from_db()
        evenement = EvenementIdentite.objects.get(patient=patient)
        ancienne = HistoriqueIns.objects.get(patient=patient)
        traces.append(
            (
                patient.statut,
                patient.ins_matricule,
                patient.ins_oid,
                patient.ins_traits_version,
                patient.ins_verifie_le,
                (evenement.transition, evenement.statut_avant, evenement.statut_apres),
                (evenement.motif, evenement.operateur_id, evenement.avant is not None),
                (ancienne.rang, len(ancienne.matricule), bool(ancienne.retiree_le)),
                patient.pieces.get().active,
            )
        )
    assert traces[0] == traces[1]


def test_a_matricule_withdrawn_twice_is_in_the_history_once(halle, insi):
    (patient,) = fill(halle, insi, 1)
    colonnes = {c: getattr(patient, c) for c in ("ins_matricule", "ins_empreinte", "ins_oid")}
    operateur = halle.operateurs["A01"].pk
    withdraw_many([patient], operateur, "motif")
    Patient.objects.filter(pk=patient.pk).update(statut="RECUP", ins_traits_version=1, **colonnes)
    patient.refresh_from_db()
    withdraw_many([patient], operateur, "motif")
    withdraw_many([], operateur, "motif")
    assert HistoriqueIns.objects.filter(patient=patient).count() == 1


@pytest.mark.cas("ins-79")
@pytest.mark.parametrize("humeur", ["panne_503", "panne"])
def test_a_service_that_is_away_changes_nothing_and_is_asked_later(campagne, halle, insi, humeur):
    patients = fill(halle, insi, 2)
    verification = campagne()
    insi.humeur(humeur)
    work_lots()
    envoi = Envoi.objects.get(operation="ins.verifier_lot")
    assert envoi.etat == "a_envoyer"
    assert envoi.pas_avant > timezone.now()
    assert suivi(verification).traitees == 0
    assert suivi(verification).attente in {"INSi est indisponible.", "La connexion a été coupée."}
    assert {Patient.objects.get(pk=p.pk).statut for p in patients} == {"RECUP"}
    insi.humeur("normal")
    work_lots(2)
    assert suivi(verification).conformes == 2


@pytest.mark.cas("ins-79")
def test_what_insi_could_not_verify_is_asked_again_later_three_times_in_all(
    campagne, halle, insi, petits
):
    patients = fill(halle, insi, 2)
    insi.humeur("bizarre", variante="a_redemander")
    verification = campagne()
    for essai in (1, 2, 3):
        work_lots()
        assert verification.lots.filter(essai=essai).exists()
    etat = suivi(verification)
    assert etat.verification.etat == "terminee"
    assert etat.traitees == 2
    assert etat.non_verifiees >= 1
    assert verification.lots.order_by("-essai").first().essai == 3
    sans_reponse = IdentiteVerifiee.objects.filter(code="91")
    assert {v.patient_id for v in sans_reponse} <= {p.pk for p in patients}
    for ligne in sans_reponse:
        assert ligne.patient.ins_verifie_le is None


def test_a_second_demand_waits_and_keeps_the_numbers_right(campagne, halle, insi, petits):
    fill(halle, insi, 2)
    insi.humeur("bizarre", fois=1, variante="a_redemander")
    verification = campagne()
    work_lots()
    reprise = verification.lots.get(essai=2)
    assert reprise.envoi.pas_avant > timezone.now() + timedelta(minutes=9)
    assert sum(lot.nombre for lot in verification.lots.all()) == 2
    assert suivi(verification).traitees + reprise.nombre == 2
    work_lots(2)
    assert (suivi(verification).conformes, suivi(verification).non_verifiees) == (2, 0)


@pytest.mark.cas("ins-80")
def test_the_recovery_of_the_whole_base_is_refused_with_its_reason(campagne, halle, insi):
    fill(halle, insi, 1)
    with pytest.raises(VenteRefusee, match="INS-112") as refus:
        campagne("recuperation")
    assert "patient par patient" in refus.value.phrase
    assert not Envoi.objects.exists()
    assert Audit.objects.filter(acte="ins.verifier_lot", resultat="refus").exists()
    assert campagne().total == 1


@pytest.mark.exigence("INS-34")
def test_only_a_titulaire_starts_one_and_one_at_a_time(campagne, halle, insi):
    fill(halle, insi, 1)
    with pytest.raises(PermissionError):
        lots.start(halle.acteur("A02"), "toutes")
    campagne()
    with pytest.raises(VenteRefusee, match="INS-114"):
        campagne()


@pytest.mark.parametrize(("perimetre", "code"), [("tout", "INS-113"), ("toutes", "INS-115")])
def test_nothing_to_verify_is_said(campagne, perimetre, code):
    with pytest.raises(VenteRefusee, match=code):
        campagne(perimetre)


def test_without_its_certificate_a_campaign_does_not_start(campagne, halle, insi, settings):
    fill(halle, insi, 1)
    settings.INSI_CERTIFICAT_AUTO = ""
    with pytest.raises(VenteRefusee, match="INS-116"):
        campagne()
    assert not Verification.objects.exists()


def test_what_is_due_is_old_and_of_somebody_seen_lately(campagne, halle, insi):
    ancien, recent, absent, verifie, sans_ins = fill(halle, insi, 5)
    ajd, jour = timezone.now(), timedelta(days=1)
    Patient.objects.filter(pk=recent.pk).update(ins_obtenu_le=ajd - 30 * jour)
    Patient.objects.filter(pk=absent.pk).update(vu_le=(ajd - VUS_DEPUIS - jour).date())
    Patient.objects.filter(pk=verifie.pk).update(ins_verifie_le=ajd - 30 * jour)
    withdraw_many([sans_ins], halle.operateurs["A01"].pk, "motif")
    assert eligible_count(halle.officine.pk) == {"a_verifier": 1, "toutes": 4}
    verification = campagne("a_verifier")
    (identite,) = IdentiteVerifiee.objects.filter(lot__verification=verification)
    assert (identite.patient_id, verification.total) == (ancien.pk, 1)


def test_another_officine_s_people_are_never_listed(campagne, halle, port, insi):
    from pharmacy.isolation.contexte import officine_context

    with officine_context(port.officine.pk):
        fill(port, insi, 2, depuis=10)
    fill(halle, insi, 1)
    assert campagne().total == 1


@pytest.mark.parametrize(
    "change",
    [
        {"traits_version": 2},
        {"ins_empreinte": "0" * 64},
        {"actif": False},
    ],
)
@pytest.mark.parametrize("quand", ["avant", "apres"])
def test_an_identity_that_changed_meanwhile_keeps_what_it_has(campagne, halle, insi, change, quand):
    _bon, change_ = fill(halle, insi, 2)
    wrong(change_)
    verification = campagne()
    if quand == "apres":
        deposer(insi)
    Patient.objects.filter(pk=change_.pk).update(**change)
    work_lots(2)
    change_.refresh_from_db()
    assert (change_.statut, change_.ins_verifie_le) == ("RECUP", None)
    assert IdentiteVerifiee.objects.get(patient=change_).code == "CH"
    etat = suivi(verification)
    assert (etat.verification.etat, etat.conformes, etat.ecartees) == ("terminee", 1, 1)


def test_a_lot_whose_people_all_changed_is_not_sent_and_needs_nobody(campagne, halle, insi):
    (patient,) = fill(halle, insi, 1)
    verification = campagne()
    Patient.objects.filter(pk=patient.pk).update(traits_version=2)
    work_lots()
    assert Envoi.objects.get(operation="ins.verifier_lot").etat == "abandonne"
    assert not insi.journal()
    assert (suivi(verification).ecartees, suivi(verification).verification.etat) == (1, "terminee")


def test_an_identity_that_cannot_be_sent_does_not_spoil_its_lot(campagne, halle, insi):
    _bon, mauvais = fill(halle, insi, 2)
    wrong(mauvais, nom_naissance="Ö")
    verification = campagne()
    work_lots(2)
    assert IdentiteVerifiee.objects.get(patient=mauvais).code == "NE"
    mauvais.refresh_from_db()
    assert mauvais.statut == "RECUP"
    assert (suivi(verification).conformes, suivi(verification).ecartees) == (1, 1)


def test_at_most_n_lots_are_in_flight_and_the_next_one_follows(campagne, halle, insi, petits):
    parametres.modifier(halle.administrateur(), LOTS_EN_VOL, "2")
    fill(halle, insi, 7)
    verification = campagne()
    assert verification.lots.count() == 4
    envois = Envoi.objects.filter(operation="ins.verifier_lot")
    assert envois.count() == 2
    premier = envois.order_by("pk").first()
    due(premier)
    _process(premier)
    assert envois.count() == 3
    work_lots(6)
    assert (suivi(verification).conformes, suivi(verification).verification.etat) == (
        7,
        "terminee",
    )


def _process(envoi):
    from teleservices.moteur import process

    process(envoi.pk)


def test_a_pause_keeps_new_lots_from_leaving_and_is_taken_up_again(campagne, halle, insi, petits):
    parametres.modifier(halle.administrateur(), LOTS_EN_VOL, "1")
    fill(halle, insi, 4)
    acteur = halle.acteur("A01")
    verification = campagne()
    lots.pause(acteur, verification.pk)
    work_lots(2)
    assert (suivi(verification).traitees, suivi(verification).verification.etat) == (2, "en_pause")
    with pytest.raises(VenteRefusee, match="INS-117"):
        lots.pause(acteur, verification.pk)
    lots.resume(acteur, verification.pk)
    work_lots(3)
    assert (suivi(verification).traitees, suivi(verification).verification.etat) == (4, "terminee")


def test_a_stop_gives_up_what_was_not_deposited_and_still_takes_what_was(
    campagne, halle, insi, petits
):
    fill(halle, insi, 4)
    verification = campagne()
    premier = Envoi.objects.filter(operation="ins.verifier_lot").order_by("pk").first()
    insi.ask("/controle/lots", {"duree_ms": 60_000})
    due(premier)
    _process(premier)
    insi.ask("/controle/lots", {"duree_ms": 0})
    lots.stop(halle.acteur("A01"), verification.pk)
    etats = Envoi.objects.filter(operation="ins.verifier_lot").order_by("pk")
    assert [e.etat for e in etats] == ["a_envoyer", "abandonne"]
    work_lots(3)
    etat = suivi(verification)
    assert (etat.verification.etat, etat.conformes, etat.non_verifiees) == ("arretee", 2, 2)
    with pytest.raises(VenteRefusee, match="INS-117"):
        lots.stop(halle.acteur("A01"), verification.pk)


def test_somebody_else_s_campaign_does_not_exist(campagne, halle, port, insi):
    fill(halle, insi, 1)
    verification = campagne()
    for acte in (lots.pause, lots.resume, lots.stop):
        with pytest.raises(VenteRefusee, match="INS-404"):
            acte(port.acteur("A01"), verification.pk)
        with pytest.raises(PermissionError):
            acte(halle.acteur("A02"), verification.pk)


@pytest.mark.parametrize("humeur", ["reponse_perdue", "doublon"])
def test_a_lost_or_doubled_deposit_is_one_lot(campagne, halle, insi, humeur):
    fill(halle, insi, 2)
    verification = campagne()
    insi.humeur(humeur, fois=1)
    work_lots(3)
    assert suivi(verification).conformes == 2
    assert len(insi.ask("/controle/lots")) == 1


def test_a_lot_that_the_service_lost_is_deposited_again(campagne, halle, insi):
    fill(halle, insi, 1)
    verification = campagne()
    deposer(insi)
    insi.humeur("bizarre", fois=1, variante="lot_oublie")
    work_lots()
    assert verification.lots.get().numero == ""
    work_lots(2)
    assert suivi(verification).conformes == 1


def test_a_lot_still_at_work_is_asked_again_by_the_same_row(campagne, halle, insi):
    fill(halle, insi, 2)
    insi.ask("/controle/lots", {"duree_ms": 60_000})
    verification = campagne()
    work_lots(3)
    envoi = Envoi.objects.get(operation="ins.verifier_lot")
    assert (envoi.etat, envoi.tentatives) == ("a_envoyer", 0)
    assert Trace.objects.filter(envoi=envoi).count() == 4
    assert suivi(verification).traitees == 0
    insi.ask("/controle/lots", {"duree_ms": 0})
    work_lots()
    assert suivi(verification).conformes == 2


def test_the_service_is_asked_less_and_less_often(campagne, halle, insi):
    fill(halle, insi, 1)
    insi.ask("/controle/lots", {"duree_ms": 60_000})
    verification = campagne()
    work_lots()
    lot = verification.lots.get()
    handler = VerifierLot()
    attentes = []
    for passees in (0, 10, 60, 3600):
        demande = replace(handler.prepare(lot.envoi), depuis_s=float(passees))
        attentes.append(handler.call(demande).reprendre_s)
    assert attentes == [0.2, 5.0, 30.0, 60.0]
    LotVerification.objects.update(depose_le=timezone.now() - timedelta(days=8))
    work_lots()
    assert Envoi.objects.get(operation="ins.verifier_lot").etat == "refuse"
    assert (suivi(verification).non_verifiees, suivi(verification).verification.etat) == (
        1,
        "terminee",
    )


def test_a_refused_lot_changes_nothing_and_may_be_sent_again_by_a_person(campagne, halle, insi):
    from teleservices.services import envoi_retry

    (patient,) = fill(halle, insi, 1)
    verification = campagne()
    insi.humeur("faute", code="insi_14")
    work_lots()
    patient.refresh_from_db()
    assert (patient.statut, suivi(verification).non_verifiees) == ("RECUP", 1)
    assert IdentiteVerifiee.objects.get().code == "EC"
    insi.humeur("normal")
    envoi_retry(halle.acteur("A01"), Envoi.objects.get(operation="ins.verifier_lot").pk)
    work_lots(2)
    assert (suivi(verification).conformes, suivi(verification).non_verifiees) == (1, 0)


@pytest.mark.parametrize("variante", ["reference_manquante", "reference_double"])
def test_a_result_that_misses_somebody_is_no_result(campagne, halle, insi, variante):
    fill(halle, insi, 2)
    verification = campagne()
    deposer(insi)
    insi.humeur("bizarre", fois=1, variante=variante)
    work_lots()
    assert suivi(verification).traitees == 0
    work_lots()
    assert suivi(verification).conformes == 2


def test_somebody_the_answer_does_not_name_is_asked_again(campagne, halle, insi):
    fill(halle, insi, 2)
    verification = campagne()
    deposer(insi)
    insi.humeur("bizarre", fois=1, variante="reference_inconnue")
    work_lots()
    assert verification.lots.get(essai=2).nombre == 1
    work_lots(2)
    assert suivi(verification).conformes == 2


@pytest.mark.exigence("INS-35")
def test_each_query_of_a_batch_is_recorded_and_goes_under_the_installation_s_certificate(
    campagne, halle, insi
):
    fill(halle, insi, 1)
    verification = campagne()
    work_lots(2)
    identite = IdentiteVerifiee.objects.get()
    assert (identite.code, identite.lot.verification.demandee_par_id) == (
        "00",
        halle.operateurs["A01"].pk,
    )
    envoi = identite.lot.envoi
    assert (envoi.file, envoi.operateur_id) == ("lots", verification.demandee_par_id)
    assert envoi.poste_id == halle.postes[0].pk
    assert {e["certificat_cn"] for e in insi.journal()} == {"INSI-AUTO"}


def test_a_batch_that_the_service_turns_away_does_not_close_insi_to_the_counter(
    campagne, halle, insi
):
    from teleservices.disjoncteur import is_passing

    fill(halle, insi, 1)
    campagne()
    insi.humeur("panne_503")
    work_lots(6)
    assert is_passing("insi_lots", timezone.now()) is not None
    assert is_passing("insi", timezone.now()) is None


def _settled(campagne, halle, insi, nombre, depuis):
    """Return the number of queries that settling a lot takes, one in ten not confirmed."""
    patients = fill(halle, insi, nombre, depuis=depuis)
    Patient.objects.filter(pk__in=[p.pk for p in patients[::10]]).update(nom_naissance="AUTRE")
    verification = campagne()
    lot = verification.lots.get()
    handler = VerifierLot()
    deposer(insi)
    lot.envoi.refresh_from_db()
    reponse = handler.call(handler.prepare(lot.envoi))
    with CaptureQueriesContext(connection) as requetes:
        record_lot(lot.envoi, reponse)
    verification.refresh_from_db()
    assert verification.etat == "terminee"
    Patient.objects.filter(pk__in=[p.pk for p in patients]).update(actif=False)
    return len(requetes)


def test_a_lot_is_applied_in_the_same_number_of_queries_whatever_its_size(campagne, halle, insi):
    petit = _settled(campagne, halle, insi, 20, 0)
    grand = _settled(campagne, halle, insi, 200, 100)
    assert petit == grand
    assert grand <= 32


def test_starting_lists_five_hundred_people_a_lot_in_a_few_queries(campagne, halle, insi):
    fill(halle, insi, TAILLE + 3)
    with CaptureQueriesContext(connection) as requetes:
        verification = campagne()
    assert sorted(lot.nombre for lot in verification.lots.all()) == [3, TAILLE]
    assert verification.total == TAILLE + 3
    assert len(requetes) <= 30


def test_a_poll_that_fails_after_its_deposit_keeps_the_number(campagne, halle, insi):
    class Client:
        """Deposits, then loses the line."""

        def deposer_lot(self, corps):
            return vrai.deposer_lot(corps)

        def relever_lot(self, _numero):
            raise Unavailable("reseau_injoignable", "Le service ne répond pas.")

    fill(halle, insi, 1)
    verification = campagne()
    lot = verification.lots.get()
    demande = VerifierLot().prepare(lot.envoi)
    vrai = demande.client
    reponse = VerifierLot().call(replace(demande, client=Client()))
    assert reponse.reprendre_s == 0.2
    record_lot(lot.envoi, reponse)
    lot.refresh_from_db()
    assert lot.numero == reponse.accuse == reponse.contenu.numero
    work_lots()
    assert suivi(verification).conformes == 1
    assert len(insi.ask("/controle/lots")) == 1


def test_an_ins_that_changes_between_the_answer_and_its_writing_is_left(campagne, halle, insi):
    """The refused file is locked and looked at again before anything is taken off it."""
    from ins.services import lots_resultats

    (patient,) = fill(halle, insi, 1)
    verification = campagne()
    lot = verification.lots.get()
    IdentiteVerifiee.objects.update(code="01")
    Patient.objects.filter(pk=patient.pk).update(traits_version=2)
    assert lots_resultats._lock_refused(lot) == []
    assert IdentiteVerifiee.objects.get().code == "CH"


def test_the_header_of_the_counters_follows_a_lot_only_when_it_needs_a_person(
    campagne, halle, insi, django_capture_on_commit_callbacks
):
    from teleservices.selectors import count_pending

    fill(halle, insi, 1)
    avant = count_pending(halle.acteur())
    with django_capture_on_commit_callbacks() as suites:
        campagne()
    assert not [s for s in suites if "announce_entete" in s.__qualname__]
    assert count_pending(halle.acteur()) == avant
    insi.humeur("faute", code="insi_14")
    with django_capture_on_commit_callbacks() as suites:
        work_lots()
    assert [s for s in suites if "announce_entete" in s.__qualname__]
    assert count_pending(halle.acteur()) == avant + 1
