"""INSi asked by typed traits: what leaves, what stays out of the file, and where it leads."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from ins.forms import ComplementForm, TraitsForm
from ins.models import AppelInsi, EvenementIdentite, TacheIdentite
from ins.rules.question import Question
from ins.selectors import question_of
from ins.services.acceptation import Choix, attach, create, decide, discard
from ins.services.appels import Cible, ask_traits, retry
from pharmacy.models import Audit, Patient
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import VenteRefusee, patient_choose
from teleservices.models import Envoi
from tests.ins.scene import accept, appel_of, refuse

pytestmark = pytest.mark.django_db
ZOE = Question("ADRUN", ("ZOE",), "F", "1975-12-31")
VINCI = Question("DE VINCI", ("LEONARDO",), "M", "2014-02-01")
SAISIE = {"nom": "ADRUN", "prenoms": "ZOE", "sexe": "F", "naissance": "31/12/1975", "lieu": ""}


def _fichier(comptoir, **traits):
    """A file typed by hand, in the sale."""
    acteur = comptoir.troupe.acteur()
    jour = date.fromisoformat(traits.pop("jour", "1975-12-31"))
    faits = {"nom_naissance": "ADRUN", "premier_prenom": "ZOE", "sexe": "F", "date_naissance": jour}
    patient = patient_create(acteur, Patient(**(faits | traits)))
    patient_choose(acteur, comptoir.vente.pk, patient, "recherche")
    return patient


def _ask(comptoir, question, patient=None, **autres):
    """Ask by traits in the sale and let the worker answer; return the call."""
    cible = Cible(comptoir.vente.pk, patient.pk if patient else None)
    appel = ask_traits(comptoir.troupe.acteur(), cible, question, **autres)
    comptoir.work()
    return AppelInsi.objects.select_related("envoi", "patient").get(pk=appel.pk)


def _sent(insi, rang=1):
    return insi.ask(f"/controle/journal/{rang}")["requete"]


# What is typed


@pytest.mark.cas("ins-7")
@pytest.mark.exigence("INS-11")
def test_typographic_signs_leave_in_the_set_of_insi(comptoir, insi):
    form = TraitsForm(SAISIE | {"nom": "D’ÆION", "prenoms": "CŒUR", "sexe": "M"}, None)
    assert form.is_valid(), form.errors
    dits = {ligne["libelle"]: ligne for ligne in form.apercu}
    assert dits["Nom de naissance"]["valeur"] == "D'AEION"
    assert dits["Nom de naissance"]["change"] == "oui"
    _ask(comptoir, form.question)
    requete = _sent(insi)
    assert "AEION<" in requete
    assert ">COEUR<" in requete
    assert not set("’ÆŒ") & set(requete)


@pytest.mark.cas("ins-8", "ins-9", "ins-10", "ins-11")
@pytest.mark.parametrize(
    ("champ", "saisie", "dit"),
    [
        ("nom", "Dupont2", "« 2 »"),
        ("nom", "N/A", "« / »"),
        ("prenoms", "?", "« ? »"),
        ("nom", "-MARTIN", "« MARTIN »"),
        ("nom", "D''ARC", "« D'ARC »"),
        ("nom", "L' HERAULT", "« L'HERAULT »"),
        ("prenoms", "ANNE--MARIE", "« ANNE-MARIE »"),
    ],
)
def test_what_insi_would_refuse_is_named_before_it_leaves(champ, saisie, dit):
    form = TraitsForm(SAISIE | {champ: saisie}, None)
    assert not form.is_valid()
    assert dit in str(form.errors[champ][0])
    assert form.data[champ] == saisie


@pytest.mark.cas("ins-40", "ins-41")
@pytest.mark.parametrize(
    ("saisie", "envoyee"),
    [
        ("1975", "1975-12-31"),
        ("05/1962", "1962-05-01"),
        ("22121975", "1975-12-22"),
        ("1975-12-22", "1975-12-22"),
        (f"{timezone.localdate():%d/%m/%Y}", f"{timezone.localdate():%Y-%m-%d}"),
        (f"{timezone.localdate() + timedelta(days=1):%d/%m/%Y}", None),
        ("31/02/1975", None),
        ("01/01/1869", None),
        ("hier", None),
    ],
)
def test_a_date_is_completed_by_rule_or_refused(saisie, envoyee):
    form = TraitsForm(SAISIE | {"naissance": saisie}, None)
    assert form.is_valid() is (envoyee is not None)
    if envoyee:
        assert form.question.naissance == envoyee


@pytest.mark.exigence("INS-11")
@pytest.mark.cas("ins-42", "ins-43")
@pytest.mark.parametrize(
    ("sexe", "manquants"), [("F", []), ("", ["sexe"]), ("I", ["sexe"])], ids=["F", "vide", "I"]
)
def test_only_what_the_file_lacks_and_the_service_needs_is_asked_for(comptoir, sexe, manquants):
    patient = _fichier(comptoir, sexe=sexe)
    assert TraitsForm(None, patient).manquants == manquants
    sans = TraitsForm(SAISIE | {"sexe": ""}, patient)
    assert not sans.is_valid()
    assert "F ou M" in str(sans.errors["sexe"][0])


@pytest.mark.cas("ins-43")
def test_a_sex_said_for_the_call_only_is_the_one_of_insi_once_accepted(comptoir):
    patient = _fichier(comptoir, sexe="I")
    _ask(comptoir, ZOE, patient)
    patient.refresh_from_db()
    assert (patient.statut, patient.sexe) == ("RECUP", "F")


@pytest.mark.parametrize("lieu", ["63220", "2a004", ""])
def test_a_place_code_has_five_characters(lieu):
    assert TraitsForm(SAISIE | {"lieu": lieu}, None).is_valid()
    assert not TraitsForm(SAISIE | {"lieu": "CLERM"}, None).is_valid()
    assert not ComplementForm({"lieu": "632"}).is_valid()


@pytest.mark.exigence("INS-29")
@pytest.mark.cas("ins-24", "ins-25")
def test_no_hand_types_a_matricule(comptoir):
    form = TraitsForm(SAISIE | {"ins_matricule": "275126322074974", "matricule": "1"}, None)
    assert not [nom for nom in form.fields if "matricule" in nom or "nir" in nom]
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/insi/traits/")
    assert "atricule" not in html.content.decode()


# What stays out of the file


@pytest.mark.exigence("INS-11", "INS-21")
def test_typed_traits_are_kept_for_the_call_and_not_in_the_file(comptoir):
    patient = _fichier(comptoir, nom_naissance="DUPONT", premier_prenom="ZO")
    appel = _ask(comptoir, ZOE, patient)
    patient.refresh_from_db()
    assert (patient.statut, patient.nom_naissance) == ("PROV", "DUPONT")
    assert (appel.code, appel.decision, appel.methode) == ("00", "en_attente", "traits")
    assert question_of(appel) == ZOE


@pytest.mark.cas("ins-20", "ins-21")
@pytest.mark.exigence("INS-24")
def test_the_husband_s_name_stays_as_used_name_when_a_person_says_so(comptoir):
    patient = _fichier(comptoir, nom_naissance="DUPONT")
    appel = _ask(comptoir, ZOE, patient)
    accept(comptoir.troupe.acteur(), appel, garder_nom=True)
    patient.refresh_from_db()
    assert (patient.nom_naissance, patient.nom_utilise) == ("ADRUN", "DUPONT")
    assert (patient.statut, patient.nom_a_confirmer) == ("RECUP", False)


@pytest.mark.cas("ins-21")
def test_an_empty_used_name_stays_empty_and_the_birth_name_is_shown(comptoir):
    patient = _fichier(comptoir)
    _ask(comptoir, ZOE, patient)
    patient.refresh_from_db()
    assert (patient.statut, patient.nom_utilise, patient.prenom_utilise) == ("RECUP", "", "")
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/").content.decode()
    assert "ADRUN ZOE" in html
    assert "utilise ADRUN" not in html


@pytest.mark.cas("ins-13")
@pytest.mark.exigence("INS-24")
def test_a_first_name_that_insi_does_not_know_is_answered_for(comptoir, insi):
    patient = _fichier(
        comptoir,
        nom_naissance="TCHITCHI",
        premier_prenom="OLA",
        prenoms_naissance="OLA CATARINA BELLA",
        jour="1936-06-21",
    )
    question = Question("TCHITCHI", ("OLA", "CATARINA", "BELLA"), "F", "1936-06-21")
    appel = _ask(comptoir, question, patient)
    assert [e["resultat"] for e in insi.journal()] == ["01", "00"]
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/identite/").content.decode()
    assert 'name="trait-premier_prenom"' in html
    accept(comptoir.troupe.acteur(), appel)
    patient.refresh_from_db()
    assert (patient.statut, patient.premier_prenom) == ("RECUP", "CATARINA")
    assert patient.prenoms_naissance == "CATARINA BELLA"


@pytest.mark.cas("ins-14")
def test_nobody_found_after_every_first_name_leaves_the_file_as_it_was(comptoir, insi):
    patient = _fichier(comptoir, nom_naissance="HOUILLES", premier_prenom="PIERRE", sexe="M")
    question = Question("HOUILLES", ("PIERRE", "PAUL", "JACQUES"), "M", "1993-01-27")
    appel = _ask(comptoir, question, patient)
    assert [e["resultat"] for e in insi.journal()] == ["01"] * 4
    patient.refresh_from_db()
    assert (appel.code, patient.statut) == ("01", "PROV")


@pytest.mark.cas("ins-22")
def test_the_two_codes_of_a_corsican_place_are_one_and_the_one_of_insi_is_kept(comptoir):
    patient = _fichier(
        comptoir,
        nom_naissance="ADRTROIS",
        premier_prenom="DOMINIQUE",
        sexe="F",
        jour="1997-02-26",
        cog_naissance="20020",
    )
    _ask(comptoir, Question("ADRTROIS", ("DOMINIQUE",), "F", "1997-02-26"), patient)
    patient.refresh_from_db()
    assert (patient.statut, patient.cog_naissance) == ("RECUP", "2A020")


@pytest.mark.cas("ins-38", "ins-39")
@pytest.mark.parametrize(
    ("question", "jour", "brute"),
    [
        (Question("LUNAIRE", ("AMINA",), "F", "1950-12-31"), date(1950, 12, 31), "1950-00-00"),
        (Question("LUNAIRE", ("BAKARI",), "M", "1962-05-00"), date(1962, 5, 1), "1962-05-00"),
    ],
)
def test_a_date_out_of_the_calendar_is_completed_marked_and_said(comptoir, question, jour, brute):
    appel = _ask(comptoir, question)
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/identite/").content.decode()
    assert f"INSi donne la date {brute}, qui n'est pas au calendrier" in html
    patient = create(comptoir.troupe.acteur(), appel.pk, comptoir.vente.pk)
    patient.refresh_from_db()
    assert (patient.date_naissance, patient.date_naissance_interpretee) == (jour, True)
    assert brute.encode() in bytes(appel.reponse)
    evenement = EvenementIdentite.objects.filter(patient=patient).latest("pk")
    assert evenement.motif == "Date de naissance interprétée"


# Trait by trait


@pytest.mark.exigence("INS-24")
def test_nothing_is_taken_before_each_trait_that_differs_is_answered_for(comptoir):
    patient = _fichier(comptoir, premier_prenom="MARTHE", jour="1975-12-30")
    appel = _ask(comptoir, ZOE, patient)
    acteur = comptoir.troupe.acteur()
    for traits, code in (
        ({}, "INS-017"),
        ({"premier_prenom": "insi"}, "INS-017"),
        ({"premier_prenom": "insi", "date_naissance": "les deux"}, "INS-017"),
        ({"premier_prenom": "insi", "date_naissance": "dossier"}, "INS-018"),
    ):
        with pytest.raises(VenteRefusee) as refus:
            decide(acteur, appel.pk, Choix(accepter=True, traits=traits))
        assert refus.value.code == code
    patient.refresh_from_db()
    assert (patient.statut, patient.premier_prenom) == ("PROV", "MARTHE")
    refuse(acteur, appel, "etat_civil")
    evenement = EvenementIdentite.objects.filter(patient=patient).latest("pk")
    assert (evenement.transition, evenement.motif) == (
        "T11",
        "État civil à faire corriger par la personne",
    )


@pytest.mark.exigence("INS-13", "INS-24")
def test_the_screen_asks_for_each_trait_and_keeps_what_was_said(comptoir):
    patient = _fichier(comptoir, premier_prenom="MARTHE", jour="1975-12-30")
    appel = _ask(comptoir, ZOE, patient)
    url, client = f"/vente/{comptoir.vente.pk}/identite/", comptoir.troupe.client()
    html = client.get(url).content.decode()
    assert html.count('type="radio"') == 4
    assert " checked" not in html
    corps = {"appel": appel.pk, "reponse": "accepter", "trait-premier_prenom": "insi"}
    encore = client.post(url, corps)
    assert encore.status_code == 422
    assert "INS-017" in encore.content.decode()
    assert encore.content.decode().count(" checked") == 1
    fini = client.post(url, corps | {"trait-date_naissance": "insi"})
    assert fini.status_code == 302
    patient.refresh_from_db()
    assert (patient.statut, patient.premier_prenom) == ("RECUP", "ZOE")


# Somebody the officine does not know yet


@pytest.mark.exigence("INS-25")
def test_one_act_makes_the_file_of_who_insi_found(comptoir):
    appel = _ask(comptoir, ZOE)
    assert (appel.patient, appel.decision) == (None, "en_attente")
    patient = create(comptoir.troupe.acteur(), appel.pk, comptoir.vente.pk)
    patient.refresh_from_db()
    comptoir.vente.refresh_from_db()
    assert comptoir.vente.patient == patient
    assert (patient.statut, patient.ins_matricule) == ("RECUP", "275126322074974")
    assert (patient.premier_prenom, patient.sexe, patient.methode) == ("ZOE", "F", "INSI")
    evenement = EvenementIdentite.objects.filter(patient=patient).latest("pk")
    assert (evenement.transition, evenement.statut_avant) == ("T2", "")
    appel.refresh_from_db()
    assert (appel.patient, appel.decision) == (patient, "acceptee")


@pytest.mark.exigence("INS-25", "INS-27")
@pytest.mark.cas("ins-50")
def test_a_known_person_gets_no_second_file_and_theirs_is_taken(comptoir):
    connu = patient_create(
        comptoir.troupe.acteur(),
        Patient(
            nom_naissance="ADRUN",
            premier_prenom="ZOE",
            sexe="F",
            date_naissance=date(1975, 12, 31),
        ),
    )
    appel = _ask(comptoir, ZOE)
    acteur = comptoir.troupe.acteur()
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/identite/").content.decode()
    assert f"Prendre le dossier n° {connu.pk}" in html
    attach(acteur, appel.pk, connu.pk, comptoir.vente.pk)
    accept(acteur, appel_of(connu))
    connu.refresh_from_db()
    assert connu.statut == "RECUP"
    assert Patient.objects.filter(nom_naissance="ADRUN").count() == 1


@pytest.mark.exigence("INS-27")
@pytest.mark.cas("ins-50")
def test_an_ins_already_in_the_officine_makes_no_second_file(comptoir, zoe):
    porteur = comptoir.read(zoe)
    vente = comptoir.troupe.vente("A01", poste=1)
    acteur = comptoir.troupe.acteur("A01", poste=1)
    appel = ask_traits(acteur, Cible(vente.pk), ZOE)
    comptoir.work()
    with pytest.raises(VenteRefusee) as refus:
        create(acteur, appel.pk, vente.pk)
    assert refus.value.code == "INS-012"
    html = comptoir.troupe.client("A01", 1).get(f"/vente/{vente.pk}/identite/").content.decode()
    assert f"Prendre le dossier n° {porteur.pk}" in html
    assert 'value="creer"' not in html


def test_who_is_not_the_person_present_gets_no_file(comptoir):
    appel = _ask(comptoir, ZOE)
    acteur = comptoir.troupe.acteur()
    with pytest.raises(VenteRefusee) as refus:
        discard(acteur, appel.pk, comptoir.vente.pk, "parce que")
    assert refus.value.code == "INS-013"
    discard(acteur, appel.pk, comptoir.vente.pk, "autre_personne")
    for suite in (create, lambda *faits: attach(*faits[:2], 1, faits[2])):
        with pytest.raises(VenteRefusee) as refus:
            suite(acteur, appel.pk, comptoir.vente.pk)
        assert refus.value.code == "INS-009"
    assert not Patient.objects.filter(nom_naissance="ADRUN").exists()


def test_the_answer_of_another_sale_or_officine_is_out_of_reach(comptoir, port):
    appel = _ask(comptoir, ZOE)
    autre = comptoir.troupe.vente("A01", poste=1)
    for acteur, vente in (
        (comptoir.troupe.acteur("A01", poste=1), autre),
        (port.acteur("A01"), comptoir.vente),
    ):
        with pytest.raises(VenteRefusee) as refus:
            create(acteur, appel.pk, vente.pk)
        assert refus.value.code == "INS-404"


def test_a_failed_question_is_asked_again_by_one_key(comptoir, insi):
    insi.humeur("panne_503", fois=4)
    cible = Cible(comptoir.vente.pk)
    appel = ask_traits(comptoir.troupe.acteur(), cible, ZOE)
    comptoir.work(essais=4)
    encore = retry(comptoir.troupe.acteur(), comptoir.vente.pk)
    assert encore.pk != appel.pk
    comptoir.work()
    encore.refresh_from_db()
    assert encore.code == "00"
    assert question_of(encore) == ZOE


# 02, then completed; 01, then otherwise


@pytest.mark.cas("ins-17", "ins-18")
@pytest.mark.exigence("INS-21", "INS-22")
def test_several_people_are_completed_by_the_place_and_no_list_is_shown(comptoir, insi):
    appel = _ask(comptoir, VINCI)
    assert appel.code == "02"
    client, url = comptoir.troupe.client(), f"/vente/{comptoir.vente.pk}/insi/suite/"
    html = client.get(url).content.decode()
    assert "Ajouter prénoms" in html
    assert html.index("Ajouter prénoms") < html.index("Ajouter lieu")
    assert "1140263220101" not in html
    assert client.post(url, {"complement": "lieu", "lieu": "63220"}).status_code == 302
    comptoir.work()
    dernier = AppelInsi.objects.order_by("-pk").first()
    assert dernier.code == "00"
    assert question_of(dernier).lieu == "63220"
    assert ">63220<" in _sent(insi, 2)


@pytest.mark.exigence("INS-22")
def test_other_first_names_leave_together_in_the_order_of_the_document(comptoir, insi):
    _ask(comptoir, VINCI)
    client, url = comptoir.troupe.client(), f"/vente/{comptoir.vente.pk}/insi/suite/"
    client.post(url, {"complement": "prenoms", "prenoms": "Leonardo, Piero", "lieu": ""})
    comptoir.work()
    requete = _sent(insi, 2)
    assert requete.index(">LEONARDO<") < requete.index(">PIERO<")
    assert len(insi.journal()) == 2


@pytest.mark.cas("ins-19")
@pytest.mark.exigence("INS-22")
def test_several_people_of_one_place_end_with_the_card(comptoir):
    question = Question("HOMONYME", ("CAMILLE", "ROSE"), "F", "1988-03-08", "63220", ensemble=True)
    patient = _fichier(comptoir, nom_naissance="HOMONYME", premier_prenom="CAMILLE")
    appel = _ask(comptoir, question, patient)
    appel.code = "02"
    appel.save(update_fields=["code"])
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/insi/suite/").content.decode()
    assert "Lisez la carte Vitale ou l'appli carte Vitale" in html
    assert "Ajouter lieu" not in html
    patient.refresh_from_db()
    assert patient.statut == "PROV"


@pytest.mark.parametrize(
    ("corps", "code"),
    [
        ({"complement": "lieu", "lieu": ""}, "INS-021"),
        ({"complement": "lieu", "lieu": "63"}, "INS-021"),
        ({"complement": "prenoms", "prenoms": "LEONARDO"}, "INS-021"),
        ({"complement": "prenoms", "prenoms": "LEO2"}, "INS-021"),
        ({"variante": "autre"}, "INS-020"),
    ],
)
def test_a_completion_that_adds_nothing_is_said_and_asks_nothing(comptoir, insi, corps, code):
    _ask(comptoir, VINCI)
    reponse = comptoir.troupe.client().post(f"/vente/{comptoir.vente.pk}/insi/suite/", corps)
    assert reponse.status_code == 422
    assert code in reponse.content.decode()
    assert len(insi.journal()) == 1


@pytest.mark.exigence("INS-23")
def test_a_variant_is_shown_exactly_and_asked_by_one_key(comptoir, insi):
    patient = _fichier(comptoir, nom_naissance="ADRUN", jour="1975-12-11")
    appel = _ask(comptoir, Question("ADRUN", ("ZOE",), "F", "1975-11-12"), patient)
    assert appel.code == "01"
    client, url = comptoir.troupe.client(), f"/vente/{comptoir.vente.pk}/insi/suite/"
    html = client.get(url).content.decode()
    assert "ADRUN · ZOE · F · 11/12/1975 · lieu non envoyé" in html
    variante = html.split('name="variante"')[1].split('value="')[1].split('"')[0]
    assert client.post(url, {"variante": variante}).status_code == 302
    comptoir.work()
    assert ">1975-12-11<" in _sent(insi, 2)
    assert variante not in client.get(url).content.decode()


def test_after_a_card_that_finds_nobody_the_traits_of_the_file_are_proposed(comptoir):
    patient = _fichier(
        comptoir,
        nir_assure="1800163220999",
        nir_certifie="",
        naissance_facturation="19751231",
        carte_empreinte="x",
    )
    retry(comptoir.troupe.acteur(), comptoir.vente.pk)
    comptoir.work()
    assert appel_of(patient).code == "01"
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/insi/suite/").content.decode()
    assert "Par les traits du dossier" in html
    assert "ADRUN · ZOE · F · 31/12/1975" in html


# Limits


@pytest.mark.cas("ins-93")
def test_the_same_question_within_a_minute_is_one_call(comptoir, insi):
    un, deux = _ask(comptoir, ZOE), _ask(comptoir, ZOE)
    assert un.pk == deux.pk
    assert len(insi.journal()) == 1
    AppelInsi.objects.filter(pk=un.pk).update(declenche_le=timezone.now() - timedelta(seconds=61))
    assert _ask(comptoir, ZOE).pk != un.pk
    assert len(insi.journal()) == 2


def test_ten_calls_are_the_most_for_one_visit(comptoir, insi):
    for rang in range(3):
        _ask(comptoir, Question("HOUILLES", ("A", "B", "C"), "M", f"1990-01-0{rang + 1}"))
    assert len(insi.journal()) == 10
    with pytest.raises(VenteRefusee) as refus:
        _ask(comptoir, Question("HOUILLES", ("D",), "M", "1990-01-04"))
    assert refus.value.code == "INS-014"
    assert len(insi.journal()) == 10


@pytest.mark.exigence("INS-20", "INS-33")
@pytest.mark.cas("ins-44", "ins-84")
@pytest.mark.parametrize(
    "faits", [{"attr_douteux": True}, {"attr_fictif": True}, {"motif_sans_ins": "anonymat"}]
)
def test_nothing_leaves_for_a_doubtful_fictive_or_anonymous_person(comptoir, faits):
    patient = _fichier(comptoir)
    Patient.objects.filter(pk=patient.pk).update(**faits)
    with pytest.raises(VenteRefusee) as refus:
        _ask(comptoir, ZOE, patient)
    assert refus.value.code == "INS-002"
    assert not Envoi.objects.filter(service="insi").exists()


@pytest.mark.cas("ins-81")
def test_a_deceased_person_is_asked_about_only_once_confirmed(comptoir, insi):
    patient = _fichier(comptoir)
    Patient.objects.filter(pk=patient.pk).update(decede_le=date(2025, 1, 2))
    client, url = comptoir.troupe.client(), f"/vente/{comptoir.vente.pk}/insi/traits/"
    assert "décédée le 02/01/2025" in client.get(url).content.decode()
    refus = client.post(url, SAISIE)
    assert refus.status_code == 422
    assert "INS-016" in refus.content.decode()
    with pytest.raises(VenteRefusee, match="INS-016"):
        retry(comptoir.troupe.acteur(), comptoir.vente.pk)
    assert client.post(url, SAISIE | {"confirme": "1"}).status_code == 302
    comptoir.work()
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert len(insi.journal()) == 1


@pytest.mark.cas("ins-53")
def test_each_twin_is_found_by_the_right_first_name(comptoir):
    trouves = {}
    for prenom in ("MARIE", "MARIE-LOU"):
        appel = _ask(comptoir, Question("JUMELLES", (prenom,), "F", "2012-09-09"))
        trouves[prenom] = create(comptoir.troupe.acteur(), appel.pk, comptoir.vente.pk)
        comptoir.vente.refresh_from_db()
        comptoir.vente.patient = None
        comptoir.vente.save(update_fields=["patient"])
    assert trouves["MARIE"].ins_matricule[:13] == "2120963220303"
    assert trouves["MARIE-LOU"].ins_matricule[:13] == "2120963220304"


# From the patient's file, and what is kept of each call


@pytest.mark.exigence("INS-35")
def test_from_the_file_the_call_is_asked_answered_and_listed(comptoir):
    patient = _fichier(comptoir, premier_prenom="MARTHE")
    client, racine = comptoir.troupe.client(), f"/patients/{patient.pk}/insi/"
    assert "Aucun appel" in client.get(racine).content.decode()
    assert client.post(f"{racine}traits/", SAISIE).status_code == 302
    attente = client.get(racine, HTTP_HX_REQUEST="true").content.decode()
    assert 'hx-trigger="every 2s"' in attente
    comptoir.work()
    html = client.get(racine).content.decode()
    for dit in ("Traits saisis", "Comptoir 1", "A. MARTIN", "À décider", "Comparer"):
        assert dit in html
    appel = appel_of(patient)
    assert (appel.methode, appel.poste) == ("traits", comptoir.troupe.postes[0])
    corps = {"appel": appel.pk, "reponse": "accepter", "trait-premier_prenom": "insi"}
    assert client.post(f"{racine}reponse/", corps).status_code == 302
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert "Acceptée, A. MARTIN" in client.get(racine).content.decode()


def test_after_01_from_the_file_the_variants_are_there_too(comptoir):
    patient = _fichier(comptoir, nom_naissance="D'INCONNU")
    client, racine = comptoir.troupe.client(), f"/patients/{patient.pk}/insi/"
    client.post(f"{racine}traits/", SAISIE | {"nom": "D'INCONNU"})
    comptoir.work()
    assert "Essayer autrement" in client.get(racine).content.decode()
    html = client.get(f"{racine}suite/").content.decode()
    assert "D INCONNU · ZOE" in html


def test_typing_shows_what_insi_will_get_and_asks_nothing(comptoir):
    reponse = comptoir.troupe.client().post(
        f"/vente/{comptoir.vente.pk}/insi/traits/?apercu=1",
        {"nom": "D’Æion", "prenoms": "Zoé2"},
        HTTP_HX_REQUEST="true",
    )
    html = reponse.content.decode()
    assert "D&#x27;AEION" in html
    assert "« 2 »" in html
    assert not Envoi.objects.filter(service="insi").exists()


@pytest.mark.parametrize("suite", ["traits/", "suite/"])
def test_the_fragment_of_each_dialog_is_what_its_page_holds(comptoir, suite):
    import re

    _ask(comptoir, VINCI)
    client, url = comptoir.troupe.client(), f"/vente/{comptoir.vente.pk}/insi/{suite}"
    csrf = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    fragment = csrf.sub("", client.get(url, HTTP_HX_REQUEST="true").content.decode())
    assert fragment.strip() in csrf.sub("", client.get(url).content.decode())


def test_a_dialog_without_anything_to_complete_says_so(comptoir):
    client, url = comptoir.troupe.client(), f"/vente/{comptoir.vente.pk}/insi/suite/"
    assert "Aucune réponse d'INSi n'attend" in client.get(url).content.decode()
    assert client.post(url, {"complement": "lieu", "lieu": "63220"}).status_code == 422


def test_a_typed_question_is_audited_without_a_trait(comptoir):
    _ask(comptoir, ZOE)
    lignes = Audit.objects.filter(acte__startswith="ins.").values_list("acte", "precision")
    assert ("ins.appeler", "ins.recuperer_traits") in lignes
    assert "ADRUN" not in str(list(lignes))


@pytest.mark.cas("ins-83")
@pytest.mark.exigence("INS-32")
def test_a_newborn_not_known_yet_is_asked_about_at_the_next_visit(comptoir):
    jour = timezone.localdate() - timedelta(days=2)
    patient = _fichier(comptoir, nom_naissance="NEUF", jour=jour.isoformat())
    appel = _ask(comptoir, Question("NEUF", ("ZOE",), "F", jour.isoformat()), patient)
    assert appel.code == "01"
    patient.refresh_from_db()
    assert patient.statut == "PROV"
    tache = TacheIdentite.objects.get(patient=patient)
    assert (tache.nature, tache.precision) == ("relance", "nouveau-né")
