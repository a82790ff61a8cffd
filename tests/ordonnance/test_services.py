"""From a number to an execution promised: what is written, and what is refused."""

import pytest
from lxml import etree

from ins.models import EvenementIdentite
from ordonnance.models import Execution, OrdonnanceNumerique
from ordonnance.panneau import line_list
from ordonnance.rules.transmission import ReponseEcart
from ordonnance.selectors import dossier_of
from ordonnance.services import confirmation, recuperation, validation
from ordonnance.services.validation import ControleIncomplet
from pharmacy.models import Audit, Patient, Vente
from pharmacy.services.vente import VenteRefusee, patient_choose, vente_cancel, vente_terminate
from teleservices.models import Envoi
from tests.ordonnance.atelier import (
    GENERIQUE_METFORMINE,
    GLUCOPHAGE,
    LEVOTHYROX,
    NUMERO,
    confirmer,
    echange,
    exemple,
    recuperer,
    servir,
)

pytestmark = pytest.mark.django_db
L01 = "L01"


def _dossier(numerique, vente):
    return dossier_of(numerique, Vente.objects.select_related("patient").get(pk=vente.pk))


def _repondre(troupe, numerique, vente, motif="REFUS_PATIENT"):
    dossier = _dossier(numerique, vente)
    reponses = {ecart.cle: ReponseEcart(motif) for ecart in dossier.ecarts if ecart.code == L01}
    validation.save_answers(troupe.acteur(), numerique.pk, reponses)


INS_DE_E0 = (
    "<epu:INS><epu:Matricule>2790351215189</epu:Matricule><epu:Cle>89</epu:Cle>"
    "<epu:OID>1.2.250.1.213.1.4.10</epu:OID></epu:INS>"
)


@pytest.mark.cas("ordonnance-A20")
def test_the_same_code_scanned_ten_times_is_one_fetch(halle):
    vente = halle.vente()
    for _ in range(10):
        recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    assert Envoi.objects.filter(operation="ordonnance.consulter").count() == 1


@pytest.mark.cas("ordonnance-B15")
@pytest.mark.exigence("ORD-04")
def test_f3_first_prefills_date_and_prescriber(halle):
    vente = halle.vente()
    recuperer(halle, vente)
    vente.refresh_from_db()
    assert vente.date_prescription.isoformat() == "2026-01-12"
    assert str(vente.prescripteur) == "MARCHAND Claire"


def test_confirming_without_patient_takes_the_one_of_the_prescription(halle):
    vente = halle.vente()
    numerique = recuperer(halle, vente)
    confirmation.confirm(halle.acteur(), numerique.pk, patient_verifie=True, conforme=True)
    vente.refresh_from_db()
    assert vente.patient == halle.patient()


def test_a_person_the_officine_does_not_know_is_written_in_the_set_of_identities(halle):
    """Accents and typographic signs of a prescriber's software never reach the strict traits."""
    vente = halle.vente()
    modifie = [
        ("<epu:NomNaissance>PAT-TROIS<", "<epu:NomNaissance>D\u2019Hérouël<"),
        ("<epu:Prenoms>DOMINIQUE MARIE-LOUISE<", "<epu:Prenoms>Zoé Marie\u2013Lou<"),
        ("<epu:DateNaissance>1979-03-28<", "<epu:DateNaissance>1979-03-29<"),
        (INS_DE_E0, ""),
    ]
    numerique = recuperer(halle, vente, modifie=modifie)
    confirmation.confirm(halle.acteur(), numerique.pk, patient_verifie=True, conforme=True)
    vente.refresh_from_db()
    neuf = vente.patient
    assert (neuf.nom_naissance, neuf.premier_prenom, neuf.prenoms_naissance) == (
        "D'HEROUEL",
        "ZOE",
        "ZOE MARIE-LOU",
    )
    assert neuf.methode == "DOC"
    assert EvenementIdentite.objects.get(patient=neuf).transition == "T5"


@pytest.mark.cas("ordonnance-B9")
@pytest.mark.exigence("ORD-09")
def test_another_persons_prescription_is_not_confirmed(halle):
    vente = halle.vente()
    autre = Patient.objects.create(
        officine=halle.officine,
        nom_naissance="AUTRE",
        premier_prenom="JEAN",
        date_naissance="1950-01-01",
        sexe="M",
        cree_par=halle.operateurs["A01"],
    )
    vente.patient = autre
    vente.save()
    numerique = recuperer(halle, vente)
    with pytest.raises(VenteRefusee) as refus:
        confirmation.confirm(halle.acteur(), numerique.pk, patient_verifie=True, conforme=True)
    assert refus.value.code == "ORD-R06"


@pytest.mark.parametrize("boites", [(True, False), (False, True)])
def test_both_boxes_are_required(halle, boites):
    numerique = recuperer(halle, halle.vente())
    with pytest.raises(VenteRefusee):
        confirmation.confirm(
            halle.acteur(), numerique.pk, patient_verifie=boites[0], conforme=boites[1]
        )


@pytest.mark.cas("ordonnance-B17")
def test_a_status_never_seen_is_not_executed(halle):
    numerique = recuperer(
        halle,
        halle.vente(),
        modifie=[("<epu:Statut>CREEE<", "<epu:Statut>SUSPENDUE<")],
    )
    with pytest.raises(VenteRefusee) as refus:
        confirmation.confirm(halle.acteur(), numerique.pk, patient_verifie=True, conforme=True)
    assert refus.value.code == "ORD-007"
    assert "SUSPENDUE" in refus.value.phrase


@pytest.mark.cas("ordonnance-C1")
@pytest.mark.exigence("ORD-14")
def test_an_undelivered_line_asks_a_reason_before_anything_is_written(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    with pytest.raises(ControleIncomplet) as manque:
        validation.validate(halle.acteur(), numerique.pk)
    assert list(manque.value.manques.values()) == ["Choisissez un motif."]
    assert not Execution.objects.exists()


def test_validation_freezes_what_goes_out_with_the_sale(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2, lot="L7")
    servir(halle, vente, LEVOTHYROX)
    _repondre(halle, numerique, vente)
    execution = validation.validate(halle.acteur(), numerique.pk)
    envoi = Envoi.objects.get(operation="ordonnance.executer")
    corps = etree.fromstring(bytes(envoi.corps))
    resultats = sorted(e.text for e in corps.iter("{urn:sim:epu:1}Resultat"))
    assert resultats == ["DELIVRE", "DELIVRE", "NON_DELIVRE"]
    assert corps.findtext(".//{urn:sim:epu:1}IdExecution") == str(execution.uuid)
    assert corps.findtext(".//{urn:sim:epu:1}Lot") == "L7"
    assert envoi.cle == f"exec:{execution.uuid}:1"
    numerique.refresh_from_db()
    vente.refresh_from_db()
    assert (numerique.etat, vente.etat) == ("a_transmettre", "controlee")


def test_a_second_validation_writes_nothing(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    servir(halle, vente, LEVOTHYROX)
    _repondre(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    with pytest.raises(VenteRefusee):
        validation.validate(halle.acteur(), numerique.pk)
    assert Execution.objects.count() == 1


@pytest.mark.cas("ordonnance-C2")
def test_a_generic_goes_out_as_a_substitution(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GENERIQUE_METFORMINE, 2)
    servir(halle, vente, LEVOTHYROX)
    codes = {e.code for e in _dossier(numerique, vente).ecarts}
    assert codes == {"S01", L01}
    _repondre(halle, numerique, vente)
    execution = validation.validate(halle.acteur(), numerique.pk)
    interventions = {
        (i.type_intervention, i.motif)
        for ligne in execution.lignes.all()
        for i in ligne.interventions.all()
    }
    assert ("SUBSTITUTION", "GENERIQUE") in interventions


@pytest.mark.exigence("OPS-14")
def test_the_sending_states_are_told_in_the_words_of_the_prescription(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    _repondre(halle, numerique, vente)
    execution = validation.validate(halle.acteur(), numerique.pk)
    envoi = Envoi.objects.get(operation="ordonnance.executer")
    for etat, attendu in (
        ("incertain", "incertaine"),
        ("a_envoyer", "a_transmettre"),
        ("refuse", "a_corriger"),
        ("a_envoyer", "a_transmettre"),
    ):
        envoi.etat = etat
        validation.follow(envoi)
        execution.refresh_from_db()
        numerique.refresh_from_db()
        assert (execution.etat, numerique.etat) == (attendu, attendu)


def test_a_lapsed_lock_is_sent_once_more_without_it(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    _repondre(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    envoi = Envoi.objects.get(operation="ordonnance.executer")
    envoi.etat, envoi.dernier_code = "refuse", "EPU-009"
    envoi.save()
    validation.follow(envoi)
    second = Envoi.objects.exclude(pk=envoi.pk).get(operation="ordonnance.executer")
    corps = etree.fromstring(bytes(second.corps))
    assert corps.find("{urn:sim:epu:1}JetonVerrou") is None
    assert corps.findtext("{urn:sim:epu:1}SaisieHorsLigne") == "true"
    assert second.ordre == envoi.ordre


def test_dropping_the_sale_leaves_nothing_reserved(halle):
    from datetime import timedelta

    from django.utils import timezone

    from ordonnance.rules.modele import Verrou

    vente = halle.vente()
    numerique = confirmer(halle, vente)
    envoi = Envoi.objects.get(operation="ordonnance.ouvrir")
    verrou = Verrou(
        "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d9999", "jeton", timezone.now() + timedelta(minutes=30)
    )
    confirmation.keep_lock(envoi, verrou)
    vente_cancel(halle.acteur(), vente.pk)
    numerique.refresh_from_db()
    assert numerique.etat == "annulee"
    assert Envoi.objects.filter(operation="ordonnance.liberer").count() == 1


def test_paper_keeps_the_number_and_waits_for_the_service(halle):
    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    recuperation.to_paper(halle.acteur(), numerique.pk)
    envoi = Envoi.objects.get(operation="ordonnance.regulariser")
    assert envoi.lecture is False
    assert OrdonnanceNumerique.objects.get(pk=numerique.pk).etat == "papier"


def test_the_number_is_open_once_in_the_officine(halle):
    recuperation.fetch(halle.acteur(), halle.vente().pk, NUMERO, "SCAN")
    autre = halle.vente("A01", 1)
    with pytest.raises(VenteRefusee) as refus:
        recuperation.fetch(halle.acteur("A01", 1), autre.pk, NUMERO, "SCAN")
    assert "Comptoir 1" in refus.value.phrase


def test_another_officine_reaches_nothing(halle, port):
    vente = halle.vente()
    numerique = recuperer(halle, vente)
    for acte in (
        lambda: confirmation.confirm(
            port.acteur("A01"), numerique.pk, patient_verifie=True, conforme=True
        ),
        lambda: confirmation.stop(port.acteur("A01"), numerique.pk),
        lambda: validation.validate(port.acteur("A01"), numerique.pk),
        lambda: recuperation.to_paper(port.acteur("A01"), numerique.pk),
        lambda: recuperation.retry(port.acteur("A01"), numerique.pk),
    ):
        with pytest.raises(VenteRefusee) as refus:
            acte()
        assert refus.value.code == "ORD-404"


@pytest.mark.cas("ordonnance-C37")
def test_a_preparateur_does_not_lift_what_only_a_pharmacien_lifts(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, "3400930267813")
    with pytest.raises(ControleIncomplet) as manque:
        validation.validate(halle.acteur("B01"), numerique.pk)
    assert "Un pharmacien lève cet écart." in manque.value.manques.values()


def test_each_act_is_audited(halle):
    vente = halle.vente()
    confirmer(halle, vente)
    actes = set(Audit.objects.values_list("acte", flat=True))
    assert {"ordonnance.consulter", "ordonnance.confirmer", "ordonnance.renouvellement"} <= actes


@pytest.mark.cas("ordonnance-C6")
def test_a_partial_delivery_goes_out_as_a_non_delivery_of_the_rest(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 1)
    servir(halle, vente, LEVOTHYROX)
    _repondre(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    corps = etree.fromstring(bytes(Envoi.objects.get(operation="ordonnance.executer").corps))
    ns = {"e": "urn:sim:epu:1"}
    partielle = corps.find(".//e:Ligne[e:Resultat='DELIVRE_PARTIEL']", ns)
    assert partielle.findtext("e:Intervention/e:Type", None, ns) == "NON_DELIVRANCE"
    assert partielle.findtext("e:Intervention/e:Motif", None, ns) == "COMMANDE_EN_COURS"


@pytest.mark.cas("ordonnance-D10")
@pytest.mark.parametrize("code", ["EPU-013", "EPU-020"])
def test_what_the_service_calls_invalid_is_refused_once_for_all(halle, code):
    from ordonnance.errors import error_of
    from teleservices.moteur import settle_error
    from teleservices.registre import handler_get

    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, GLUCOPHAGE, 2)
    _repondre(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    envoi = Envoi.objects.get(operation="ordonnance.executer")
    envoi.etat, envoi.pris_le = Envoi.Etat.EN_VOL, envoi.cree_le
    envoi.save()
    settle_error(handler_get(envoi.operation), envoi, error_of(code))
    envoi.refresh_from_db()
    numerique.refresh_from_db()
    assert (envoi.etat, envoi.attend_service, numerique.etat) == ("refuse", False, "a_corriger")
    assert envoi.corps


def _autre_patient(troupe, **champs):
    faits = {
        "nom_naissance": "AUTRE",
        "premier_prenom": "JEAN",
        "date_naissance": "1950-01-01",
        "sexe": "M",
    }
    return Patient.objects.create(
        officine=troupe.officine, cree_par=troupe.operateurs["A01"], **(faits | champs)
    )


@pytest.mark.cas("ordonnance-B9")
def test_the_patient_does_not_change_under_a_confirmed_prescription(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    with pytest.raises(VenteRefusee) as refus:
        patient_choose(halle.acteur(), vente.pk, _autre_patient(halle), "recherche")
    assert refus.value.code == "ORD-R06"
    vente.refresh_from_db()
    assert vente.patient == halle.patient()
    patient_choose(halle.acteur(), vente.pk, halle.patient(), "vitale")
    confirmation.stop(halle.acteur(), numerique.pk)
    patient_choose(halle.acteur(), vente.pk, _autre_patient(halle), "recherche")


@pytest.mark.cas("ordonnance-B9")
def test_the_control_compares_the_patient_of_the_sale_again(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente)
    Vente.objects.filter(pk=vente.pk).update(patient=_autre_patient(halle))
    ecarts = {e.code: e for e in _dossier(numerique, vente).ecarts}
    assert ecarts["R06"].phrase == "L'ordonnance n'est pas au nom de AUTRE JEAN"


def _confirmer_autre(troupe, code, vente, *, meme_personne):
    patient_choose(troupe.acteur(), vente.pk, _autre_patient(troupe), "recherche")
    numerique = recuperer(troupe, vente)
    confirmation.confirm(
        troupe.acteur(code),
        numerique.pk,
        patient_verifie=True,
        conforme=True,
        meme_personne=meme_personne,
    )
    return numerique


@pytest.mark.exigence("ORD-09")
def test_a_pharmacien_says_that_differing_traits_are_the_same_persons(halle):
    vente = halle.vente()
    numerique = _confirmer_autre(halle, "A02", vente, meme_personne=True)
    confirmation.choose_renewal(halle.acteur(), numerique.pk, 0)
    servir(halle, vente, GLUCOPHAGE, 2)
    _repondre(halle, numerique, vente)
    with pytest.raises(ControleIncomplet) as manque:
        validation.validate(halle.acteur("B01"), numerique.pk)
    assert manque.value.manques["R06::"] == "Un pharmacien lève cet écart."
    execution = validation.validate(halle.acteur(), numerique.pk)
    trace = execution.ecarts.get(code="R06")
    assert (trace.motif, trace.leve_par.code) == ("IDENTITE_VERIFIEE", "A02")
    assert Audit.objects.filter(acte="ordonnance.lever_identite").count() == 1
    assert b"BeneficiaireConfirme>true<" in bytes(
        Envoi.objects.get(operation="ordonnance.executer").corps
    )


def test_a_preparateur_does_not_say_so(halle):
    with pytest.raises(PermissionError):
        _confirmer_autre(halle, "B01", halle.vente(), meme_personne=True)


def test_nobody_confirms_another_person_by_two_boxes_alone(halle):
    with pytest.raises(VenteRefusee) as refus:
        _confirmer_autre(halle, "A02", halle.vente(), meme_personne=False)
    assert refus.value.code == "ORD-R06"


@pytest.mark.cas("ordonnance-B10")
def test_a_doubt_of_identity_lets_the_sale_go_on_and_is_kept(halle):
    vente = halle.vente()
    numerique = confirmer(halle, vente, modifie=[("2790351215189<", "2790351215000<")])
    assert numerique.identite_comparee == "DOUTE"
    assert "R06" not in {e.code for e in _dossier(numerique, vente).ecarts}
    assert Audit.objects.get(acte="ordonnance.confirmer").precision == "doute"


def test_nobody_confirmed_the_beneficiary_of_a_paper_sale_without_patient(halle):
    from django.db import transaction

    from ordonnance.codec.reponse import parse_prescription
    from teleservices.registre import Reponse

    vente = halle.vente()
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    recuperation.to_paper(halle.acteur(), numerique.pk)
    servir(halle, vente, GLUCOPHAGE, 2)
    vente_terminate(halle.acteur(), vente.pk)
    octets = exemple("02-consulter-reponse")
    with transaction.atomic():
        recuperation.record(
            Envoi.objects.get(operation="ordonnance.regulariser"),
            Reponse(parse_prescription(octets), echange(octets)),
        )
    confirmation.choose_renewal(halle.acteur(), numerique.pk, 0)
    numerique.refresh_from_db()
    _repondre(halle, numerique, vente)
    validation.validate(halle.acteur(), numerique.pk)
    envoi = Envoi.objects.get(operation="ordonnance.executer")
    assert b"BeneficiaireConfirme>false<" in bytes(envoi.corps)


@pytest.mark.cas("ordonnance-C7")
def test_the_rest_of_a_first_delivery_is_completed_under_its_number(halle):
    """GLUCOPHAGE complete, LEVOTHYROX never delivered: number 0 is still open for the second."""
    passee = (
        "<epu:Execution><epu:IdExecution>6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d9001</epu:IdExecution>"
        "<epu:DateDelivrance>2026-01-13T10:00:00+01:00</epu:DateDelivrance>"
        "<epu:FINESS>130099991</epu:FINESS><epu:NumeroDelivrance>0</epu:NumeroDelivrance>"
        "<epu:Annulee>false</epu:Annulee><epu:Ligne>"
        "<epu:IdLigne>6B1F5A10-0C3B-4E0B-9B59-0A4F1C2D1001</epu:IdLigne>"
        "<epu:Resultat>DELIVRE</epu:Resultat><epu:Quantite>2</epu:Quantite>"
        "</epu:Ligne></epu:Execution><epu:EmpreinteSHA256>"
    )
    vente = halle.vente()
    numerique = confirmer(
        halle,
        vente,
        modifie=[
            (
                "5</epu:RenouvellementsPrevus><epu:DelivrancesEffectuees>0<",
                "5</epu:RenouvellementsPrevus><epu:DelivrancesEffectuees>1<",
            ),
            ("<epu:EmpreinteSHA256>", passee),
        ],
    )
    assert numerique.numero_delivrance == 0
    servir(halle, vente, LEVOTHYROX)
    dossier = _dossier(numerique, vente)
    assert [e.code for e in dossier.ecarts] == [L01]
    assert [x.badge for x in line_list(dossier)] == ["Déjà délivrée", "Conforme", "À servir"]
    _repondre(halle, numerique, vente)
    execution = validation.validate(halle.acteur(), numerique.pk)
    assert execution.numero_delivrance == 0
    assert sorted(execution.lignes.values_list("resultat", flat=True)) == ["DELIVRE", "NON_DELIVRE"]


@pytest.mark.cas("ordonnance-C3")
def test_the_agreement_of_the_prescriber_is_kept_with_the_difference(halle):
    from datetime import date

    vente = halle.vente()
    numerique = confirmer(halle, vente)
    servir(halle, vente, "3400930013793")
    _repondre(halle, numerique, vente)
    (s02,) = [e for e in _dossier(numerique, vente).ecarts if e.code == "S02"]
    reponse = ReponseEcart("RUPTURE", date(2026, 1, 13))
    validation.save_answers(halle.acteur(), numerique.pk, {s02.cle: reponse})
    execution = validation.validate(halle.acteur(), numerique.pk)
    garde = execution.ecarts.get(code="S02")
    assert (garde.accord_obtenu, garde.accord_date) == (True, date(2026, 1, 13))
    sans = execution.ecarts.filter(code=L01).first()
    assert (sans.accord_obtenu, sans.accord_date) == (None, None)
