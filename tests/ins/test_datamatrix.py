"""An INS datamatrix scanned at the counter: found, compared, refused, created; never believed."""

import logging
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from ins.codec.datamatrix import build_datamatrix
from ins.models import (
    AppelInsi,
    EvenementIdentite,
    IdentiteRecue,
    LectureDatamatrix,
    TacheIdentite,
)
from ins.rules.lecture import Trouve, judge_reading
from ins.rules.matricule import nir_key
from ins.rules.traits import TraitsStricts
from ins.selectors import empreinte_of
from ins.services import datamatrix
from ins.services.datamatrix import Lue
from pharmacy.models import Audit, Patient, Vente
from pharmacy.services.vente import (
    Boite,
    VenteRefusee,
    ligne_add,
    patient_choose,
    vente_cancel,
    vente_terminate,
)
from teleservices.models import Envoi
from tests.ins.base_ins import build_patient, people

pytestmark = pytest.mark.django_db
NIR, ESSAI = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.10"
HX = {"HTTP_HX_REQUEST": "true"}
PAT_TROIS = Lue(
    "279035121518989",
    ESSAI,
    "PAT-TROIS",
    "DOMINIQUE MARIE-LOUISE",
    date(1979, 3, 28),
    "F",
    "51215",
)


def code_of(personne, **autres):
    """The text of the datamatrix of somebody INSi knows, as a document would carry it."""
    dit = {**personne, **autres}
    traits = TraitsStricts(
        dit["nom"],
        dit["prenoms"],
        dit["prenoms"].split(" ", 1)[0],
        date.fromisoformat(dit["naissance"]),
        dit["sexe"],
        dit["lieu"],
    )
    return build_datamatrix(dit["matricule"] + dit["cle"], dit["oid"], traits)


@pytest.fixture
def guichet(comptoir):
    """A counter where codes are scanned."""
    return Guichet(comptoir)


class Guichet:
    """What the page does with a scan and with the dialog that follows."""

    def __init__(self, comptoir) -> None:
        self.comptoir = comptoir
        self.troupe, self.vente = comptoir.troupe, comptoir.vente
        self.client = self.troupe.client("A02")

    def scan(self, texte, *, canal="scan", vente=True):
        """Post a scan; return what the page is told to do."""
        corps = {"text": texte, "canal": canal, "vente": self.vente.pk if vente else None}
        reponse = self.client.post("/api/scans", corps, content_type="application/json", **HX)
        return reponse.json()

    def open(self, suite):
        """Open the dialog of a suite; return its HTML."""
        reponse = self.client.get(suite["dialogue"], **HX)
        assert reponse.status_code == 200
        return unescape(reponse.content.decode())

    def answer(self, suite, **corps):
        """Answer the dialog."""
        return self.client.post(suite["dialogue"] or suite["aller"], corps, **HX)

    def patient(self):
        """The patient of the sale, now."""
        return Vente.objects.select_related("patient").get(pk=self.vente.pk).patient


@pytest.fixture
def personne(insi):
    """Somebody INSi knows."""
    return people(insi, 1)[0]


def dossier(troupe, personne, **champs):
    """A saved file of somebody."""
    patient = build_patient(troupe, personne, **champs)
    patient.save()
    return patient


SANS_INS = {
    "statut": "PROV",
    "ins_matricule": "",
    "ins_empreinte": "",
    "ins_oid": "",
    "ins_obtenu_le": None,
    "ins_traits_version": None,
}


@pytest.mark.cas("ins-66")
@pytest.mark.exigence("INS-12", "INS-25", "INS-29")
def test_somebody_unknown_is_created_in_one_act_then_verified_and_recovered(guichet, personne):
    suite = guichet.scan(code_of(personne))
    html = guichet.open(suite)
    assert "Personne inconnue de l'officine" in html
    assert personne["nom"] in html
    assert guichet.patient() is None
    assert guichet.answer(suite, reponse="creer").status_code == 200
    patient = guichet.patient()
    assert (patient.statut, patient.methode, patient.ins_empreinte) == ("PROV", "CB", "")
    assert patient.nom_naissance == personne["nom"]
    recue = IdentiteRecue.objects.get(patient=patient)
    assert (recue.etat, recue.source) == ("a_verifier", "datamatrix")
    assert list(patient.evenements.values_list("transition", flat=True)) == ["T4"]
    guichet.comptoir.work()
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert patient.ins_matricule == personne["matricule"] + personne["cle"]
    assert patient.methode == "CB"
    recue.refresh_from_db()
    assert recue.etat == "conforme"
    assert [e.transition for e in EvenementIdentite.objects.order_by("pk")] == ["T4", "T6"]


@pytest.mark.cas("ins-66")
def test_the_file_may_be_created_without_asking_insi_which_is_then_proposed(guichet, personne):
    suite = guichet.scan(code_of(personne))
    guichet.answer(suite, reponse="creer_sans")
    assert not Envoi.objects.exists()
    etat = guichet.client.get(f"/flux/etat?vente={guichet.vente.pk}").json()
    panneau = next(f["html"] for f in etat["fragments"] if f["cible"] == "panneau-identite")
    assert "INS lue sur un document" in panneau
    verifier = reverse("ins_verifier_lue", args=[guichet.vente.pk])
    assert verifier in panneau
    assert guichet.client.post(verifier, **HX).status_code == 200
    guichet.comptoir.work()
    assert guichet.patient().statut == "RECUP"


@pytest.mark.cas("ins-71")
@pytest.mark.exigence("INS-26")
def test_the_qualified_file_of_the_same_ins_opens_after_a_confirmation_and_no_call(
    guichet, personne
):
    patient = dossier(guichet.troupe, personne)
    guichet.comptoir.check(patient)
    suite = guichet.scan(code_of(personne))
    assert "Confirmez la personne" in suite["phrase"]
    html = guichet.open(suite)
    assert "Oui, ouvrir ce dossier" in html
    assert "INS qualifiée" in html
    assert guichet.patient() is None
    guichet.answer(suite, dossier=patient.pk)
    assert guichet.patient() == patient
    assert not Envoi.objects.exists()
    assert not IdentiteRecue.objects.exists()


def test_the_code_of_the_patient_of_the_sale_says_so_and_opens_nothing(guichet, personne):
    patient = dossier(guichet.troupe, personne)
    patient_choose(guichet.troupe.acteur(), guichet.vente.pk, patient, "recherche")
    suite = guichet.scan(code_of(personne))
    assert suite["dialogue"] is None
    assert suite["phrase"] == "Code d'identité lu : c'est le patient de la vente."


@pytest.mark.exigence("INS-26", "INS-12")
def test_the_same_ins_with_other_traits_is_shown_side_by_side_and_verified(guichet, personne):
    patient = dossier(guichet.troupe, personne, nom_naissance="ANCIENNOM")
    suite = guichet.scan(code_of(personne))
    html = guichet.open(suite)
    assert "≠ différent" in html
    assert "ANCIENNOM" in html
    assert personne["nom"] in html
    guichet.answer(suite, dossier=patient.pk)
    guichet.comptoir.work()
    patient.refresh_from_db()
    assert patient.nom_naissance == "ANCIENNOM"
    appel = AppelInsi.objects.get(patient=patient)
    assert (appel.methode, appel.code, appel.decision) == ("datamatrix", "00", "en_attente")
    comparer = guichet.client.get(reverse("ins_identite", args=[guichet.vente.pk]), **HX)
    assert personne["nom"] in comparer.content.decode()


@pytest.mark.cas("ins-72")
def test_the_traits_of_a_file_that_has_another_ins_raise_an_alert_and_open_nothing(guichet, insi):
    un, autre = people(insi, 2)
    patient = dossier(guichet.troupe, un)
    suite = guichet.scan(code_of(un, matricule=autre["matricule"], cle=autre["cle"]))
    assert (suite["ton"], suite["dialogue"], suite["aller"]) == ("alerte", None, None)
    assert suite["code"] == "INS-095"
    assert guichet.patient() is None
    assert not LectureDatamatrix.objects.exists()
    assert TacheIdentite.objects.get(patient=patient).nature == "collision"
    guichet.scan(code_of(un, matricule=autre["matricule"], cle=autre["cle"]))
    assert TacheIdentite.objects.count() == 1
    assert not Envoi.objects.exists()


@pytest.mark.exigence("INS-12", "INS-24")
def test_a_file_without_ins_takes_the_one_read_once_insi_confirms_it(guichet, personne):
    patient = dossier(guichet.troupe, personne, **SANS_INS)
    suite = guichet.scan(code_of(personne))
    assert "Oui, prendre ce dossier et vérifier" in guichet.open(suite)
    guichet.answer(suite, dossier=patient.pk)
    patient.refresh_from_db()
    assert (patient.statut, patient.ins_empreinte) == ("PROV", "")
    guichet.comptoir.work()
    patient.refresh_from_db()
    assert (patient.statut, patient.methode) == ("RECUP", "CB")
    assert not patient.evenements.filter(transition="T4").exists()


def test_a_checked_file_becomes_qualified_when_its_document_agrees(guichet, personne):
    patient = dossier(guichet.troupe, personne, **SANS_INS)
    guichet.comptoir.check(patient)
    guichet.answer(guichet.scan(code_of(personne)), dossier=patient.pk)
    guichet.comptoir.work()
    patient.refresh_from_db()
    assert patient.statut == "QUAL"


@pytest.mark.parametrize(
    ("autres", "code"),
    [
        ({"lieu": "99352"}, "01"),
        ({"matricule": "1991275111001", "cle": f"{nir_key('1991275111001'):02d}"}, "02"),
    ],
)
@pytest.mark.exigence("INS-12")
def test_an_ins_that_insi_does_not_confirm_is_not_taken(guichet, personne, autres, code):
    guichet.answer(guichet.scan(code_of(personne, **autres)), reponse="creer")
    guichet.comptoir.work()
    patient = guichet.patient()
    assert (patient.statut, patient.ins_empreinte) == ("PROV", "")
    assert IdentiteRecue.objects.get(patient=patient).etat == "non_conforme"
    assert AppelInsi.objects.get(patient=patient).code == code
    etat = guichet.client.get(f"/flux/etat?vente={guichet.vente.pk}").json()
    panneau = next(f["html"] for f in etat["fragments"] if f["cible"] == "panneau-identite")
    assert "INSi ne c" in panneau
    assert "Relancer INSi" in panneau


@pytest.mark.exigence("INS-32")
@pytest.mark.parametrize("humeur", ["panne_503", "bizarre"])
def test_a_silence_keeps_the_ins_aside_and_it_may_be_asked_again(guichet, insi, personne, humeur):
    guichet.answer(guichet.scan(code_of(personne)), reponse="creer")
    insi.humeur(humeur, **({"variante": "a_redemander"} if humeur == "bizarre" else {}))
    guichet.comptoir.work(5)
    patient = guichet.patient()
    assert (patient.statut, IdentiteRecue.objects.get().etat) == ("PROV", "a_verifier")
    insi.humeur("normal")
    from teleservices.models import Disjoncteur

    Disjoncteur.objects.all().delete()
    verifier = reverse("ins_verifier_lue", args=[guichet.vente.pk])
    assert guichet.client.post(verifier, **HX).status_code == 200
    guichet.comptoir.work()
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    assert guichet.client.post(verifier, **HX).status_code == 409


def test_several_files_without_ins_are_offered_each_with_its_key(guichet, personne):
    premier = dossier(guichet.troupe, personne, **SANS_INS)
    second = dossier(guichet.troupe, personne, **SANS_INS, cog_naissance="")
    suite = guichet.scan(code_of(personne))
    html = guichet.open(suite)
    for patient in (premier, second):
        assert f'value="{patient.pk}"' in html
    assert 'value="creer"' in html
    guichet.answer(suite, dossier=second.pk)
    assert guichet.patient() == second


def test_a_doubtful_file_may_be_opened_and_insi_is_not_asked(guichet, personne):
    patient = dossier(guichet.troupe, personne, **SANS_INS, attr_douteux=True)
    suite = guichet.scan(code_of(personne))
    assert "INSi n'est pas interrogé" in guichet.open(suite)
    guichet.answer(suite, dossier=patient.pk)
    assert guichet.patient() == patient
    assert not Envoi.objects.exists()
    assert not IdentiteRecue.objects.exists()


def test_a_sale_that_serves_somebody_else_is_not_taken(guichet, personne):
    autre = guichet.troupe.patient()
    patient_choose(guichet.troupe.acteur(), guichet.vente.pk, autre, "recherche")
    assert guichet.scan(code_of(personne))["dialogue"] is not None
    ligne_add(guichet.troupe.acteur(), guichet.vente.pk, Boite(cip13="3400930065785"))
    suite = guichet.scan(code_of(personne))
    assert (suite["code"], suite["ton"]) == ("INS-094", "alerte")
    assert guichet.patient() == autre


def test_outside_a_sale_one_is_opened_and_the_question_is_a_page(guichet, personne):
    Vente.objects.filter(pk=guichet.vente.pk).update(etat="en_attente")
    suite = guichet.scan(code_of(personne), vente=False)
    page = guichet.client.get(suite["aller"])
    assert page.status_code == 200
    assert "Personne inconnue de l'officine" in unescape(page.content.decode())
    assert guichet.client.post(suite["aller"], {"reponse": "creer"}).status_code == 302


@pytest.mark.cas("ins-67")
@pytest.mark.parametrize("fin", ["10", "11"])
def test_an_authority_of_test_is_refused_in_production_only(guichet, personne, settings, fin):
    code = code_of(personne, oid=f"1.2.250.1.213.1.4.{fin}")
    assert guichet.scan(code)["dialogue"] is not None
    settings.ENVIRONNEMENT = "production"
    with pytest.raises(VenteRefusee, match="INS-096"):
        datamatrix.check_reading({**_champs(personne), "oid": f"1.2.250.1.213.1.4.{fin}"}, ())


def _champs(personne):
    return {
        "matricule": personne["matricule"] + personne["cle"],
        "oid": personne["oid"],
        "nom_naissance": personne["nom"],
        "prenoms": personne["prenoms"],
        "date_naissance": personne["naissance"],
        "sexe": personne["sexe"],
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"nom_naissance": "S5S6"}, "INS-097"),
        ({"date_naissance": (timezone.localdate() + timedelta(days=1)).isoformat()}, "INS-098"),
        ({"date_naissance": "1869-12-31"}, "INS-098"),
    ],
)
@pytest.mark.cas("ins-70")
def test_what_no_identity_can_hold_is_refused_with_its_sentence(insi, halle, change, code):
    with pytest.raises(VenteRefusee, match=code):
        datamatrix.check_reading({**_champs(people(insi, 1)[0]), **change}, ())


def test_a_birth_of_today_is_accepted(insi, halle):
    jour = timezone.localdate().isoformat()
    champs = {**_champs(people(insi, 1)[0]), "date_naissance": jour}
    assert datamatrix.check_reading(champs, ()).date_naissance.isoformat() == jour


@pytest.mark.cas("ins-70", "ins-25")
@pytest.mark.exigence("INS-03")
@pytest.mark.parametrize(
    ("abimer", "mot"),
    [
        (lambda t: t.replace("IS01", "IS02"), "Version"),
        (lambda t: t.replace(t[28:43], t[28:41] + "00"), "clé du matricule"),
        (lambda t: t.replace("S5M", "").replace("S5F", ""), "incomplet"),
        (lambda t: "DC04" + t[4:], "2D-Doc"),
    ],
)
def test_a_damaged_code_is_refused_before_any_call_and_says_why(guichet, personne, abimer, mot):
    suite = guichet.scan(abimer(code_of(personne)))
    assert suite["ton"] == "attention"
    assert mot in suite["phrase"]
    assert suite["dialogue"] is None
    assert not Envoi.objects.exists()
    assert not LectureDatamatrix.objects.exists()


@pytest.mark.cas("ins-68")
def test_lost_separators_are_read_and_the_reader_is_to_be_set(guichet, personne):
    suite = guichet.scan(code_of(personne).replace("\x1d", ""))
    assert suite["phrase"].endswith("Réglez le lecteur : séparateurs perdus.")
    assert "Réglez le lecteur : séparateurs perdus." in guichet.open(suite)


@pytest.mark.cas("ins-69")
def test_without_separators_a_name_that_ends_with_s_keeps_it_on_the_screen(guichet, personne):
    nomme = personne | {"prenoms": "JACQUES", "nom": "BORDES"}
    page = guichet.open(guichet.scan(code_of(nomme).replace("\x1d", "")))
    assert "JACQUES" in page
    assert "BORDES" in page
    assert "JACQUESS" not in page


@pytest.mark.exigence("INS-29")
def test_a_matricule_that_is_typed_never_finds_its_way_to_a_file(guichet, personne):
    assert guichet.scan(code_of(personne), canal="saisie")["dialogue"] is None
    matricule = personne["matricule"] + personne["cle"]
    assert guichet.scan(matricule, canal="saisie")["dialogue"] is None
    assert not LectureDatamatrix.objects.exists()


@pytest.mark.cas("ins-91")
def test_nothing_of_the_code_is_in_a_journal_nor_in_an_address(guichet, personne, caplog):
    caplog.set_level(logging.DEBUG)
    suite = guichet.scan(code_of(personne))
    guichet.answer(suite, reponse="creer")
    guichet.comptoir.work()
    ecrits = caplog.text + suite["dialogue"] + repr(list(Audit.objects.values()))
    for mot in (personne["nom"], personne["matricule"], personne["naissance"]):
        assert mot not in ecrits
    assert LectureDatamatrix.objects.get().donnees is None


def test_a_reading_serves_once_on_the_poste_that_made_it(guichet, personne):
    suite = guichet.scan(code_of(personne))
    ailleurs = guichet.troupe.client("A02", poste=1)
    assert ailleurs.get(suite["dialogue"]).status_code == 404
    guichet.answer(suite, reponse="creer")
    assert guichet.client.get(suite["dialogue"], **HX).status_code == 409


def test_a_reading_is_forgotten_when_another_comes(guichet, insi):
    un, autre = people(insi, 2)
    premiere = guichet.scan(code_of(un))
    guichet.scan(code_of(autre))
    assert guichet.client.get(premiere["dialogue"], **HX).status_code == 409
    assert LectureDatamatrix.objects.filter(donnees__isnull=False).count() == 1


@pytest.mark.parametrize("fin", ["terminer", "annuler"])
def test_a_reading_that_nobody_answered_is_forgotten_with_its_sale(guichet, personne, fin):
    guichet.scan(code_of(personne))
    lecture = LectureDatamatrix.objects.get()
    assert lecture.donnees is not None
    acteur = guichet.troupe.acteur()
    if fin == "terminer":
        ligne_add(acteur, guichet.vente.pk, Boite(libelle="Brosse"))
        vente_terminate(acteur, guichet.vente.pk)
    else:
        vente_cancel(acteur, guichet.vente.pk)
    lecture.refresh_from_db()
    assert lecture.donnees is None
    assert lecture.close_le is not None


def test_an_answer_that_no_longer_holds_is_refused(guichet, personne):
    suite = guichet.scan(code_of(personne))
    assert guichet.answer(suite, reponse="autre").status_code == 409
    assert guichet.answer(suite, dossier=guichet.troupe.patient().pk).status_code == 409
    patient = dossier(guichet.troupe, personne)
    assert guichet.answer(suite, reponse="creer").status_code == 409
    assert Patient.objects.filter(nom_naissance=personne["nom"]).get() == patient


def test_the_same_ins_read_twice_waits_once(guichet, personne):
    patient = dossier(guichet.troupe, personne, **SANS_INS)
    for _ in range(2):
        guichet.answer(guichet.scan(code_of(personne)), dossier=patient.pk)
    assert IdentiteRecue.objects.count() == AppelInsi.objects.count() == 1


@pytest.mark.exigence("INS-35")
def test_the_call_records_who_where_how_and_when(guichet, personne):
    guichet.answer(guichet.scan(code_of(personne)), reponse="creer")
    guichet.comptoir.work()
    appel = AppelInsi.objects.get()
    assert (appel.methode, appel.mode, appel.code) == ("datamatrix", "INSI-MANU", "00")
    assert appel.poste_id == guichet.troupe.postes[0].pk
    assert appel.declenche_par_id == guichet.troupe.operateurs["A02"].pk
    assert appel.recu_le is not None


def test_a_reading_does_not_show_its_content():
    assert "PAT-TROIS" not in repr(PAT_TROIS)
    assert "279035" not in repr(replace(PAT_TROIS, sexe="M"))


@pytest.mark.parametrize(
    ("porte", "ecarts", "memes", "genre"),
    [
        (True, (), (), "meme"),
        (True, ("sexe",), (), "ecart"),
        (False, (), (), "inconnu"),
        (False, (), (Trouve(autre_ins=True),), "collision"),
        (False, (), (Trouve(autre_ins=False),), "sans_ins"),
        (False, (), (Trouve(autre_ins=True), Trouve(autre_ins=False)), "sans_ins"),
    ],
)
def test_what_a_reading_is(porte, ecarts, memes, genre):
    assert judge_reading(porte=porte, ecarts=ecarts, memes=memes) == genre


def test_the_file_is_found_by_digest_and_authority(halle, personne):
    dossier(halle, personne)
    lue = datamatrix.check_reading(_champs(personne), ())
    assert datamatrix.find(halle.officine.pk, lue).genre == "meme"
    assert empreinte_of(lue.matricule) == empreinte_of(personne["matricule"] + personne["cle"])
    autre = replace(lue, oid="1.2.250.1.213.1.4.9")
    assert datamatrix.find(halle.officine.pk, autre).genre == "collision"
