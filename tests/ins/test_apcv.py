"""A phone shown at the counter: who it speaks for, what their identity becomes (ins.md §5.3)."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from ins.models import ContexteApcv, EvenementIdentite, PieceControlee, TacheIdentite
from ins.selectors_apcv import persons_of
from ins.services.apcv_choix import _take
from ins.services.qualification import Controle, qualify
from ins.services.retrait import withdraw_ins
from pharmacy import ephemere
from pharmacy.models import Audit, Patient
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import (
    Boite,
    VenteRefusee,
    ligne_add,
    patient_choose,
    vente_cancel,
    vente_terminate,
)
from teleservices.models import Envoi
from tests.ins.scene import Comptoir, porteur
from tests.ins.telephone import ADRUN

pytestmark = pytest.mark.django_db
ZOE = date(1975, 12, 31)


def fiche(appli, **traits):
    """A file made by hand."""
    faits = {"nom_naissance": "ADRUN", "premier_prenom": "ZOE", "date_naissance": ZOE, "sexe": "F"}
    return patient_create(appli.troupe.acteur(), Patient(**(faits | traits)))


def events(patient):
    return list(
        EvenementIdentite.objects.filter(patient=patient)
        .order_by("pk")
        .values_list("transition", flat=True)
    )


def choose_known(appli, patient):
    return patient_choose(appli.troupe.acteur(), appli.vente.pk, patient, "recherche")


# Qualified at once


@pytest.mark.exigence("INS-05", "INS-19")
@pytest.mark.cas("ins-60")
def test_the_holder_unknown_here_is_created_qualified_without_any_insi_call(appli, insi):
    patient = appli.take("titulaire")
    assert patient.statut == "QUAL"
    assert (patient.ins_matricule, patient.ins_oid) == (ADRUN + "74", "1.2.250.1.213.1.4.8")
    assert (patient.nom_naissance, patient.premier_prenom, patient.sexe) == ("ADRUN", "ZOE", "F")
    assert (patient.date_naissance, patient.cog_naissance) == (ZOE, "63220")
    assert patient.methode == "AV"
    assert events(patient) == ["T3"]
    assert insi.journal() == []
    assert not Envoi.objects.filter(service="insi").exists()


@pytest.mark.exigence("INS-19")
@pytest.mark.cas("ins-60")
def test_the_evidence_names_the_appli_the_person_and_the_context_never_the_token(appli):
    patient = appli.take("titulaire")
    piece = PieceControlee.objects.get(patient=patient)
    assert (piece.type_piece, piece.methode, piece.niveau) == ("AV", "AV", "fort")
    assert piece.coherente
    assert piece.active
    lecture = appli.lecture()
    assert (lecture.piece, lecture.numero, lecture.patient) == (piece, 1, patient)
    assert lecture.identifiant.startswith("c_")
    assert Audit.objects.filter(acte="ins.apcv.choisir", patient_id=patient.pk).exists()


@pytest.mark.exigence("INS-19")
@pytest.mark.cas("ins-61")
def test_a_child_attached_to_the_holder_is_qualified_under_their_own_ins(appli, insi):
    patient = appli.take("famille", numero=2)
    assert (patient.statut, patient.premier_prenom) == ("QUAL", "LEO")
    assert insi.journal() == []
    # Billed under the parent's number, which is not the child's INS (ins.md §1.1).
    assert patient.nir_assure[:13] != patient.ins_matricule[:13]


@pytest.mark.cas("ins-64")
def test_an_empty_usual_name_shows_the_birth_name_and_stays_empty(appli):
    appli.read("nom_usuel_vide")
    assert "CORULIN-BORUBARD" in appli.troupe.client().get(appli.url()).content.decode()
    assert appli.choose().status_code == 200
    patient = appli.patient()
    assert (patient.nom_naissance, patient.nom_utilise) == ("CORULIN-BORUBARD", "")
    assert patient.statut == "QUAL"


def test_a_usual_name_that_differs_is_kept_as_used_name(appli):
    patient = appli.take("delegue")
    assert (patient.nom_naissance, patient.nom_utilise) == ("FERICHON", "ROUAMONT")


@pytest.mark.parametrize("avant", ["PROV", "VALI", "RECUP"])
@pytest.mark.exigence("INS-19")
def test_a_file_already_here_becomes_qualified_whatever_its_status(appli, insi, avant):
    if avant == "RECUP":
        carte = porteur(ADRUN, "19751231", "ZOE", usuel="DUPONT")
        patient = Comptoir(appli.troupe, appli.vente).read(carte)
    else:
        patient = fiche(appli)
        if avant == "VALI":
            qualify(appli.troupe.acteur(), patient.pk, Controle("conforme", 1, "PA"))
    appels = len(insi.journal())
    patient.refresh_from_db()
    assert patient.statut == avant
    assert appli.take("titulaire") == patient
    patient.refresh_from_db()
    assert patient.statut == "QUAL"
    assert events(patient)[-1] == "T3"
    assert PieceControlee.objects.get(patient=patient, active=True).type_piece == "AV"
    assert len(insi.journal()) == appels


def test_an_identity_already_qualified_by_the_appli_only_moves_its_date(appli):
    patient = appli.take("connue")
    assert patient == appli.troupe.patient()
    assert events(patient) == ["T3"]
    avant = patient.ins_obtenu_le
    vente_cancel(appli.troupe.acteur(), appli.vente.pk)
    appli.vente = appli.troupe.vente()
    assert appli.take("connue") == patient
    patient.refresh_from_db()
    assert patient.statut == "QUAL"
    assert patient.ins_obtenu_le > avant
    assert events(patient) == ["T3"]
    assert PieceControlee.objects.filter(patient=patient).count() == 1


def test_the_same_person_by_the_plastic_card_then_by_the_appli_is_one_file(appli):
    carte = porteur(ADRUN, "19751231", "ZOE", usuel="DUPONT")
    premier = Comptoir(appli.troupe, appli.vente).choose(carte)
    assert appli.take("titulaire") == premier
    assert Comptoir(appli.troupe, appli.vente).choose(carte) == premier


def test_a_qualified_identity_by_the_appli_may_leave_and_steps_back_like_any_other(appli):
    from pharmacy.identite import peut_sortir

    patient = appli.take("titulaire")
    assert peut_sortir("dmp.alimenter", patient.statut).ok
    operateur = appli.troupe.operateurs["A02"].pk
    withdraw_ins(patient, operateur, "dequalifier", "essai")
    assert patient.statut == "VALI"


def test_what_waited_for_an_ins_is_closed(appli):
    from ins.services.taches import open_tache

    patient = fiche(appli)
    open_tache(patient, TacheIdentite.Nature.RELANCE)
    open_tache(patient, TacheIdentite.Nature.NOM)
    Patient.objects.filter(pk=patient.pk).update(nom_a_confirmer=True, motif_sans_ins="refus")
    appli.take("titulaire")
    assert not TacheIdentite.objects.filter(patient=patient, close_le=None).exists()
    patient.refresh_from_db()
    assert (patient.nom_a_confirmer, patient.motif_sans_ins) == (False, "")


# What must be looked at first


@pytest.mark.exigence("INS-19", "INS-24")
def test_other_traits_wait_for_a_person_then_are_replaced(appli):
    patient = fiche(appli, premier_prenom="MARTHE")
    choose_known(appli, patient)
    Patient.objects.filter(pk=patient.pk).update(nir_assure=ADRUN)
    carte = porteur(ADRUN, "19751231", "ZOE", usuel="DUPONT")
    Patient.objects.filter(pk=patient.pk).update(carte_empreinte=carte.empreinte)
    appli.read("titulaire")
    html = appli.choose().content.decode()
    assert "≠ différent" in html
    assert " checked" not in html
    patient.refresh_from_db()
    assert (patient.statut, patient.premier_prenom) == ("PROV", "MARTHE")
    reponse = appli.choose(confirme="oui", traits_version=patient.traits_version)
    assert (reponse.status_code, reponse.content) == (200, b"")
    patient.refresh_from_db()
    assert (patient.statut, patient.premier_prenom) == ("QUAL", "ZOE")
    assert patient.traits_version == 2


def test_traits_that_moved_under_the_eyes_are_not_overwritten(appli):
    patient = fiche(appli, sexe="M")
    appli.read("titulaire")
    assert "≠ différent" in appli.choose().content.decode()
    Patient.objects.filter(pk=patient.pk).update(traits_version=5)
    reponse = appli.choose(confirme="oui", traits_version=1)
    assert reponse.status_code == 409
    assert "INS-007" in reponse.content.decode()
    patient.refresh_from_db()
    assert patient.statut == "PROV"


@pytest.mark.cas("ins-65")
def test_another_matricule_than_the_qualified_file_is_an_alert_and_replaces_nothing(appli):
    patient = appli.troupe.patient()
    matricule = patient.ins_matricule
    appli.read("autre_ins")
    for corps in ({}, {"confirme": "oui", "traits_version": patient.traits_version}):
        html = appli.choose(**corps).content.decode()
        assert "INS-011" in html
        assert 'name="confirme"' not in html
    patient.refresh_from_db()
    appli.vente.refresh_from_db()
    assert (patient.statut, patient.ins_matricule) == ("QUAL", matricule)
    assert appli.vente.patient is None
    assert set(events(patient)) == {"T25"}
    assert TacheIdentite.objects.filter(patient=patient, nature="autre_matricule").count() == 1


@pytest.mark.cas("ins-65")
@pytest.mark.exigence("INS-33")
def test_the_alert_of_another_matricule_proposes_the_doubt(appli):
    """T25, then T17 by one key: the INS leaves, the item is closed, the sale has nobody."""
    patient = appli.troupe.patient()
    appli.read("autre_ins")
    assert 'name="douter"' in appli.choose().content.decode()
    reponse = appli.choose(douter="oui")
    assert (reponse.status_code, reponse.content) == (200, b"")
    patient.refresh_from_db()
    appli.vente.refresh_from_db()
    assert (patient.statut, patient.attr_douteux, patient.ins_empreinte) == ("PROV", True, "")
    assert appli.vente.patient is None
    assert events(patient)[-1] == "T17"
    tache = TacheIdentite.objects.get(patient=patient, nature="autre_matricule")
    assert tache.issue == "identité marquée douteuse"
    assert "ne lève pas le doute" in appli.choose().content.decode()


def test_the_doubt_is_for_that_alert_alone(appli):
    patient = fiche(appli)
    appli.read("titulaire")
    reponse = appli.choose(douter="oui")
    assert reponse.status_code == 409
    assert "APCV-006" in reponse.content.decode()
    patient.refresh_from_db()
    assert not patient.attr_douteux


def test_the_appli_does_not_lift_a_doubt(appli):
    patient = fiche(appli)
    Patient.objects.filter(pk=patient.pk).update(attr_douteux=True)
    appli.read("titulaire")
    assert "ne lève pas le doute" in appli.choose().content.decode()
    assert appli.choose(confirme="oui", traits_version=1).content == b""
    patient.refresh_from_db()
    assert appli.patient() == patient
    assert (patient.statut, patient.attr_douteux, patient.ins_empreinte) == ("PROV", True, "")
    assert not PieceControlee.objects.filter(patient=patient).exists()


@pytest.mark.parametrize("apart", [{"attr_fictif": True}, {"motif_sans_ins": "anonymat"}])
@pytest.mark.cas("ins-84")
def test_a_file_of_anonymous_care_is_never_linked(appli, apart):
    anonyme = fiche(appli)
    Patient.objects.filter(pk=anonyme.pk).update(**apart)
    patient = appli.take("titulaire")
    assert patient != anonyme
    assert patient.statut == "QUAL"
    anonyme.refresh_from_db()
    assert (anonyme.statut, anonyme.ins_empreinte) == ("PROV", "")


@pytest.mark.cas("agent-79")
def test_a_delegated_appli_warns_and_compares_with_who_is_in_the_sale(appli):
    connu = appli.troupe.patient()
    choose_known(appli, connu)
    appli.read("delegue")
    liste = appli.troupe.client().get(appli.url()).content.decode()
    assert "personne déléguée" in liste
    html = appli.choose().content.decode()
    for mot in ("Une autre personne est dans la vente", "PAT-TROIS", "FERICHON", "N° de sécurité"):
        assert mot in html
    appli.vente.refresh_from_db()
    assert appli.vente.patient == connu
    assert appli.choose(confirme="oui").content == b""
    assert appli.patient().nom_naissance == "FERICHON"
    connu.refresh_from_db()
    assert connu.nom_naissance == "PAT-TROIS"


def test_a_sale_begun_for_somebody_does_not_change_hands(appli):
    choose_known(appli, appli.troupe.patient())
    ligne_add(appli.troupe.acteur(), appli.vente.pk, Boite(libelle="Brosse"))
    appli.read("titulaire")
    reponse = appli.choose(confirme="oui")
    assert reponse.status_code == 409
    assert "APCV-003" in reponse.content.decode()
    assert not Patient.objects.filter(nom_naissance="ADRUN").exists()


# What qualifies nobody


@pytest.mark.cas("ins-63")
def test_a_demonstration_context_never_qualifies(appli):
    lecture = appli.read("demonstration")
    assert (lecture.etat, lecture.code, lecture.donnees) == ("echec", "APCV_DEMONSTRATION", None)
    assert appli.choose().status_code == 409
    assert not Patient.objects.filter(nom_naissance="MONRET").exists()
    face, html = appli.panneau()
    assert face == "echec"
    assert "elle ne qualifie personne" in html


@pytest.mark.cas("ins-62", "agent-78")
def test_an_expired_code_is_refused_and_a_new_one_asked(appli):
    lecture = appli.read("code_perime")
    assert (lecture.etat, lecture.code) == ("echec", "APCV_EXPIRE")
    face, html = appli.panneau()
    assert face == "echec"
    assert "a expiré. Faites présenter un nouveau code" in html


@pytest.mark.cas("ins-62")
def test_a_context_already_over_is_refused(appli):
    lecture = appli.read("contexte_echu")
    assert (lecture.etat, lecture.code, lecture.donnees) == ("echec", "APCV_EXPIRE", None)


@pytest.mark.cas("ins-62")
def test_a_context_that_ends_before_the_choice_asks_for_a_new_scan(appli):
    lecture = appli.read("titulaire")
    ContexteApcv.objects.filter(pk=lecture.pk).update(expire_le=timezone.now())
    for reponse in (appli.choose(), appli.troupe.client().get(appli.url())):
        assert reponse.status_code == 409
        assert "faites présenter un nouveau code" in reponse.content.decode()
    assert not Patient.objects.filter(nom_naissance="ADRUN").exists()
    assert appli.panneau()[0] == "averifier"


@pytest.mark.cas("agent-78")
def test_a_code_used_twice_is_refused_and_a_new_one_asked(appli):
    texte = appli.code("titulaire")
    appli.scan(texte)
    appli.work()
    vente_cancel(appli.troupe.acteur(), appli.vente.pk)
    appli.vente = appli.troupe.vente()
    appli.scan(texte)
    appli.work()
    assert (appli.lecture().etat, appli.lecture().code) == ("echec", "APCV_DEJA_UTILISE")
    assert "Faites présenter un nouveau code" in appli.panneau()[1]


@pytest.mark.exigence("INS-10")
def test_without_ins_block_the_appli_is_worth_a_card_and_insi_is_asked(appli, insi):
    patient = appli.take("sans_bloc_ins", numero=2)
    assert (patient.statut, patient.premier_prenom) == ("PROV", "INES")
    assert patient.carte_empreinte
    appli.work()
    patient.refresh_from_db()
    assert len(insi.journal()) == 1
    assert patient.statut in {"RECUP", "PROV"}
    assert not PieceControlee.objects.filter(patient=patient).exists()
    assert not appli.vente.carte_presente


def test_an_unknown_person_of_the_reading_is_refused(appli):
    appli.read("titulaire")
    for numero in ("2", "0", "x", ""):
        reponse = appli.choose(numero)
        assert reponse.status_code == 409
        assert "APCV-005" in reponse.content.decode()


def test_a_reading_chosen_serves_no_more(appli):
    appli.take("famille")
    assert appli.lecture().donnees is None
    reponse = appli.choose(2)
    assert reponse.status_code == 409
    assert "APCV-001" in reponse.content.decode()


# Reading, renewing, ending


def test_the_same_code_read_twice_is_one_reading(appli):
    texte = appli.code("titulaire")
    appli.scan(texte)
    assert "déjà lue" in appli.scan(texte)[1]["phrase"]
    appli.work()
    assert appli.scan(texte)[1]["dialogue"] == appli.url()
    assert len(appli.vitale.journal()) == 1
    assert appli.choose().status_code == 200
    assert appli.scan(texte)[1]["code"] == "APCV-001"


def test_a_scan_without_sale_opens_one(appli):
    vente_cancel(appli.troupe.acteur(), appli.vente.pk)
    statut, suite = appli.scan(appli.code("titulaire"), vente=None)
    assert statut == 200
    assert suite["aller"].startswith("/vente/")
    assert ContexteApcv.objects.count() == 1


def test_a_held_scan_is_named_and_not_used(appli):
    statut, suite = appli.scan(appli.code("titulaire"), garder=True)
    assert statut == 200
    assert "une appli carte Vitale" in suite["phrase"]
    assert not ContexteApcv.objects.exists()


def test_a_new_presentation_prolongs_the_context_of_the_person_of_the_sale(appli):
    patient = appli.take("titulaire")
    premier = appli.lecture()
    appli.read("titulaire")
    second = appli.lecture()
    assert second != premier
    assert (second.etat, second.patient, second.numero) == ("choisi", patient, 1)
    assert second.identifiant != premier.identifiant
    premier.refresh_from_db()
    assert premier.etat == "clos"
    officine = appli.troupe.officine.pk
    assert ephemere.read(officine, f"apcv:{premier.identifiant}") is None
    operations = [e["operation"] for e in appli.vitale.journal()]
    assert len(operations) == 2
    assert operations[0] != operations[1]


def test_a_presentation_by_another_insured_prolongs_nothing(appli):
    appli.take("titulaire")
    premier = appli.lecture()
    appli.read("connue")
    assert appli.lecture().code == "APCV_ASSURE_DIFFERENT"
    assert "Mettez la vente en attente" in appli.panneau()[1]
    premier.refresh_from_db()
    assert premier.etat == "choisi"


@pytest.mark.parametrize("fin", ["terminer", "annuler"])
def test_the_end_of_the_sale_forgets_the_token_and_closes_the_context(
    appli, fin, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        appli.take("titulaire")
    lecture, officine = appli.lecture(), appli.troupe.officine.pk
    assert ephemere.read(officine, f"apcv:{lecture.identifiant}")
    acteur = appli.troupe.acteur()
    with django_capture_on_commit_callbacks(execute=True):
        if fin == "terminer":
            ligne_add(acteur, appli.vente.pk, Boite(libelle="Brosse"))
            vente_terminate(acteur, appli.vente.pk)
        else:
            vente_cancel(acteur, appli.vente.pk)
    assert ephemere.read(officine, f"apcv:{lecture.identifiant}") is None
    lecture.refresh_from_db()
    assert (lecture.etat, lecture.donnees) == ("clos", None)
    assert lecture.piece is not None
    appli.work()
    vivants = [c["identifiant"] for c in appli.vitale.ask("/controle/contextes")]
    assert lecture.identifiant not in vivants
    assert Envoi.objects.get(operation="apcv.fermer").etat == "envoye"


@pytest.mark.parametrize("deja", [False, True])
def test_an_answer_that_comes_after_the_sale_is_given_back_and_nothing_is_kept(
    appli, deja, django_capture_on_commit_callbacks
):
    if deja:
        appli.take("titulaire")
    appli.scan(appli.code("titulaire"))
    vente_cancel(appli.troupe.acteur(), appli.vente.pk)
    assert appli.lecture().etat == "clos"
    with django_capture_on_commit_callbacks(execute=True):
        appli.work()
    tardive = appli.lecture()
    assert (tardive.etat, tardive.donnees) == ("clos", None)
    assert tardive.identifiant
    assert ephemere.read(appli.troupe.officine.pk, f"apcv:{tardive.identifiant}") is None
    appli.work()
    assert appli.vitale.ask("/controle/contextes") == []


def test_a_refusal_that_comes_after_the_sale_leaves_no_string_and_says_nothing(appli):
    appli.scan(appli.code("code_perime"))
    vente_cancel(appli.troupe.acteur(), appli.vente.pk)
    appli.work()
    tardive = appli.lecture()
    assert (tardive.etat, tardive.code) == ("clos", "")
    assert (tardive.envoi.etat, tardive.envoi.corps) == ("refuse", None)


def test_what_was_read_and_never_chosen_is_forgotten_once_over(appli):
    premiere = appli.read("famille")
    assert premiere.donnees is not None
    ContexteApcv.objects.filter(pk=premiere.pk).update(
        expire_le=timezone.now() - timedelta(minutes=1)
    )
    appli.read("titulaire")
    premiere.refresh_from_db()
    assert premiere.donnees is None


def test_without_address_the_scan_is_refused_with_what_to_do(appli, settings):
    texte = appli.code("titulaire")
    settings.APCV_URL = ""
    statut, suite = appli.scan(texte)
    assert (statut, suite["code"]) == (409, "APCV-000")
    assert "carte Vitale" in suite["phrase"]


def test_a_role_without_the_right_presents_nothing(appli):
    from ins.services.apcv import present

    acteur = appli.troupe.acteur()
    sans = type(acteur)(acteur.operateur_id, acteur.officine_id, "administratif", acteur.poste_id)
    with pytest.raises(PermissionError):
        present(sans, appli.vente.pk, "APCVSIM1.x")
    assert not ContexteApcv.objects.exists()


def test_a_sale_held_elsewhere_takes_no_phone(appli):
    from ins.services.apcv import present

    with pytest.raises(VenteRefusee):
        present(appli.troupe.acteur("A01", 1), appli.vente.pk, "APCVSIM1.x")


@pytest.mark.exigence("INS-27")
@pytest.mark.cas("ins-50")
def test_an_ins_taken_by_another_file_meanwhile_is_refused(appli):
    """The base itself has the last word: two readings at once make one file, never two."""
    autre = fiche(appli, nom_naissance="ADRUNE", premier_prenom="ZOEE")
    appli.read("titulaire")
    ins = persons_of(appli.lecture(), "simulateur").beneficiaires[0].ins
    appli.choose()
    with pytest.raises(VenteRefusee) as refus:
        _take(appli.troupe.acteur(), autre, ins, ins.traits)
    assert refus.value.code == "INS-012"
    autre.refresh_from_db()
    assert (autre.statut, appli.patient().statut) == ("PROV", "QUAL")


# Laid on the contactless reader


@pytest.fixture
def agent(appli, tmp_path):
    """The agent of the poste of this sale, which signs what it reads."""
    from tests.pharmacy.page_agent import Agent

    return Agent(appli.troupe, tmp_path / "agent", "A02")


@pytest.mark.exigence("AGT-03", "INS-19")
def test_a_phone_laid_on_the_reader_goes_where_a_scanned_one_goes(appli, agent):
    lu = {"contexteApCV": appli.code("titulaire"), "mode": 2}
    corps = agent.lecture(lu, "apcv.read_nfc", appli.vente)
    reponse = agent.post("lectures", corps)
    assert reponse.status_code == 200
    assert "lue" in reponse.json()["phrase"]
    appli.work()
    assert appli.choose().content == b""
    assert appli.patient().statut == "QUAL"
    refuse = agent.post("lectures", corps)  # the receipt serves once
    assert refuse.status_code == 409


def test_a_phone_that_the_agent_did_not_sign_is_not_believed(appli, agent):
    lu = {"contexteApCV": appli.code("titulaire"), "mode": 2}
    corps = agent.lecture(lu, "apcv.read_nfc", appli.vente)
    corps["data"] = {**lu, "contexteApCV": appli.code("connue")}
    assert agent.post("lectures", corps).json()["code"] == "recu_data_sha256"
    assert not ContexteApcv.objects.exists()


@pytest.mark.parametrize("texte", [None, 3, "", "A\x01", "A" * 5000])
def test_odd_data_of_a_phone_are_refused_with_what_to_do(appli, agent, texte):
    corps = agent.lecture({"contexteApCV": texte, "mode": 2}, "apcv.read_nfc", appli.vente)
    reponse = agent.post("lectures", corps).json()
    assert reponse["code"] == "APCV-006"
    assert "Reposez le téléphone" in reponse["phrase"]
