"""The acceptance cases of the CNDA (ins.md §3.8): against the simulator, and with its own files.

Some persons are not on the qualification platform: the CNDA gives answer files to inject. The hook
is the transport itself: a class of these tests stands in for the one the product builds, and no
setting, environment variable or argument of the product can put another one there.
"""

import inspect
import json

import pytest

from ins import client
from ins.client import insi_client
from ins.forms import TraitsForm
from ins.models import AppelInsi, HistoriqueIns
from ins.rules.question import Question
from ins.selectors import question_of
from ins.services.acceptation import create
from ins.services.appels import Cible, ask_traits
from teleservices.transport import HttpsTransport, Retour
from tests.ins.scene import appel_of

pytestmark = pytest.mark.django_db
SOAP = "application/soap+xml; charset=utf-8"
ECETINSI = Question("ECETINSI", ("PIERRE-ALAIN",), "M", "2009-07-14")
PROVISOIRE = Question("PROVISOIRE", ("MATRICULE",), "M", "2009-07-01")
CORSE = Question("CORSE", ("ANTHONY",), "M", "1980-03-02")
HERMANN = Question("HERMANN", ("GATIEN",), "M", "1981-03-24")


class TransportInjecte:
    """Gives written answers, then lets the real transport speak; remembers what was sent."""

    def __init__(self, vrai, *octets):
        self.vrai = vrai
        self.octets = list(octets)
        self.envoyees = []

    def send(self, requete):
        """Replace the HTTP answer of one call."""
        self.envoyees.append(requete.corps.decode())
        if not self.octets:
            return self.vrai.send(requete)
        return Retour(200, SOAP, self.octets.pop(0), 7, 0.0)


@pytest.fixture
def injecter(monkeypatch, partage):
    """Replace the next answers by genuine files, or by bytes."""

    def inject(*contenus):
        octets = [
            (partage / "data/ins/cnda-insi-responses" / c).read_bytes() if isinstance(c, str) else c
            for c in contenus
        ]
        transport = TransportInjecte(insi_client().transport, *octets)
        monkeypatch.setattr(client, "_transport", lambda *_materiel: transport)
        return transport

    return inject


def _ask(comptoir, question):
    appel = ask_traits(comptoir.troupe.acteur(), Cible(comptoir.vente.pk), question)
    comptoir.work()
    return AppelInsi.objects.select_related("envoi").get(pk=appel.pk)


def _accepted(comptoir, question):
    appel = _ask(comptoir, question)
    assert appel.code == "00"
    patient = create(comptoir.troupe.acteur(), appel.pk, comptoir.vente.pk)
    patient.refresh_from_db()
    return patient


def _typed(partage, cas):
    """The question of a published case, as an operator would type it."""
    identites = json.loads(
        (partage / "data/ins/insi-test-identities.json").read_text(encoding="utf-8")
    )["identities"]
    requete = next(i for i in identites if i["cnda_case"].startswith(cas))["request"]
    annee, mois, jour = requete["DateNaissance"].split("-")
    form = TraitsForm(
        {
            "nom": requete["NomNaissance"],
            "prenoms": " ".join(requete["prenoms_in_order"]),
            "sexe": requete["Sexe"],
            "naissance": f"{jour}/{mois}/{annee}",
            "lieu": requete["LieuNaissance"] or "",
        },
        None,
    )
    assert form.is_valid(), form.errors
    return form.question


# Against the simulator


@pytest.mark.donnees_partagees
@pytest.mark.exigence("INS-11", "INS-21")
@pytest.mark.parametrize(
    ("cas", "matricule"),
    [
        ("2.03 cas 1", "101066322075460"),
        ("2.03 cas 2", "160012B02077713"),
        ("2.04", "109076322083489"),
        ("2.05", "109076322088835"),
        ("2.08 cas 1", "180032B02040123"),
        ("2.08 cas 2", "181036322045660"),
    ],
)
def test_each_known_identity_is_found_and_kept_as_given(comptoir, partage, cas, matricule):
    question = _typed(partage, cas)
    patient = _accepted(comptoir, question)
    assert (patient.statut, patient.ins_matricule) == ("RECUP", matricule)
    assert patient.nom_naissance == question.nom


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-12")
def test_2_03_1_apostrophes_spaces_and_hyphens_leave_as_they_are(comptoir, insi, partage):
    _ask(comptoir, _typed(partage, "2.03 cas 1"))
    requete = insi.ask("/controle/journal/1")["requete"].replace("&apos;", "'")
    assert ">D'ARTAGNAN DE L'HERAULT<" in requete
    assert ">PIERRE-ALAIN<" in requete


@pytest.mark.cas("ins-7")
def test_2_03_3_leaves_without_ligature_nor_typographic_sign(comptoir, insi):
    form = TraitsForm(
        {"nom": "D’ÆION", "prenoms": "CŒUR", "sexe": "M", "naissance": "25/01/1987", "lieu": ""},
        None,
    )
    assert form.is_valid()
    _ask(comptoir, form.question)
    requete = insi.ask("/controle/journal/1")["requete"].replace("&apos;", "'")
    assert ">D'AEION<" in requete
    assert ">COEUR<" in requete


@pytest.mark.cas("ins-17", "ins-18")
@pytest.mark.exigence("INS-22")
def test_2_06_several_then_one_with_the_place(comptoir):
    vinci = Question("DE VINCI", ("LEONARDO",), "M", "2014-02-01")
    assert _ask(comptoir, vinci).code == "02"
    lieu = Question("DE VINCI", ("LEONARDO",), "M", "2014-02-01", "63220")
    assert _accepted(comptoir, lieu).cog_naissance == "63220"


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-13")
def test_2_07_1_the_second_first_name_is_found_and_the_search_stops(comptoir, insi, partage):
    patient = _accepted(comptoir, _typed(partage, "2.07 cas 1"))
    assert [e["resultat"] for e in insi.journal()] == ["01", "00"]
    assert patient.prenoms_naissance == "CATARINA BELLA"


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-14")
def test_2_07_2_nobody_after_each_first_name(comptoir, insi, partage):
    assert _ask(comptoir, _typed(partage, "2.07 cas 2")).code == "01"
    assert [e["resultat"] for e in insi.journal()] == ["01"] * 4


def test_the_smoke_test_of_the_platform_answers(comptoir):
    patient = _accepted(comptoir, Question("ADRUN", ("ZOE",), "F", "1975-12-31"))
    assert patient.ins_matricule == "275126322074974"


# With the files of the CNDA


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-28")
def test_2_04_2_both_former_numbers_are_shown_and_stored(comptoir, injecter):
    injecter("TEST_2.04_cas2.xml")
    patient = _accepted(comptoir, ECETINSI)
    anciens = list(HistoriqueIns.objects.filter(patient=patient).order_by("rang"))
    assert [h.matricule for h in anciens] == ["209076322083439", "209066322012355"]
    assert (anciens[0].date_debut, anciens[0].date_fin) == ("2019-03-01", "2019-02-28")


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-31")
def test_2_05_a_waiting_number_is_told_by_its_oid_and_may_be_qualified(comptoir, injecter):
    injecter("TEST_2.05.xml")
    patient = _accepted(comptoir, PROVISOIRE)
    assert (patient.statut, patient.ins_oid) == ("RECUP", "1.2.250.1.213.1.4.9")
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/").content.decode()
    assert "NIA : numéro d'attente" in html
    assert comptoir.check(patient).statut == "QUAL"


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-30")
def test_2_08_1_a_history_that_repeats_the_number_is_no_change(comptoir, injecter):
    injecter("TEST_2.08_cas1.xml", "TEST_2.08_cas1.xml")
    patient = _accepted(comptoir, CORSE)
    comptoir.age(patient, 90)
    ask_traits(comptoir.troupe.acteur(), Cible(comptoir.vente.pk, patient.pk), CORSE)
    comptoir.work()
    patient.refresh_from_db()
    assert (appel_of(patient).decision, patient.statut) == ("acceptee", "RECUP")
    assert patient.ins_matricule == "180032B02040123"


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-26")
def test_2_08_2_keys_that_do_not_hold_are_kept_and_logged(comptoir, injecter, caplog):
    injecter("TEST_2.08_cas2.xml")
    patient = _accepted(comptoir, HERMANN)
    assert (patient.ins_matricule, patient.ins_cle_calculee) == ("181036322045660", False)
    assert HistoriqueIns.objects.filter(patient=patient, empreinte__gt="").count() == 2
    (ligne,) = [r.getMessage() for r in caplog.records if "ins.anomalie" in r.getMessage()]
    assert "cle_incoherente" in ligne
    assert "1810363220456" not in ligne


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-13")
def test_the_file_of_01_then_the_service_goes_to_the_next_first_name(comptoir, injecter):
    transport = injecter("REP_CR01.xml")
    appel = _ask(comptoir, Question("TCHITCHI", ("OLA", "CATARINA", "BELLA"), "F", "1936-06-21"))
    assert appel.code == "00"
    assert [t.count(">OLA<") for t in transport.envoyees] == [1, 0]
    assert question_of(appel).prenoms == ("OLA", "CATARINA", "BELLA")


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-14")
def test_the_file_of_01_for_each_call_ends_with_nobody(comptoir, injecter):
    transport = injecter(*["REP_CR01.xml"] * 4)
    houilles = Question("HOUILLES", ("PIERRE", "PAUL", "JACQUES"), "M", "1993-01-27")
    assert _ask(comptoir, houilles).code == "01"
    assert len(transport.envoyees) == 4


# What must never be taken, on the whole way from the wire to the file


def _reponse(individu, entete=""):
    return (
        f'{entete}<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body>'
        '<ns2:RESULTAT xmlns:ns2="http://www.cnamts.fr/INSiResultat"><ns2:CR><ns2:CodeCR>00'
        "</ns2:CodeCR><ns2:LibelleCR>OK</ns2:LibelleCR></ns2:CR>"
        f"{individu}</ns2:RESULTAT></env:Body></env:Envelope>"
    ).encode()


def _individu(oid="1.2.250.1.213.1.4.8", cle="<ns2:Cle>74</ns2:Cle>"):
    return (
        "<ns2:INDIVIDU><ns2:INSACTIF><ns2:IdIndividu><ns2:NumIdentifiant>2751263220749"
        f"</ns2:NumIdentifiant>{cle}</ns2:IdIndividu><ns2:OID>{oid}</ns2:OID></ns2:INSACTIF>"
        "<ns2:TIQ><ns2:NomNaissance>ADRUN</ns2:NomNaissance><ns2:ListePrenom>ZOE"
        "</ns2:ListePrenom><ns2:Sexe>F</ns2:Sexe><ns2:DateNaissance>1975-12-31"
        "</ns2:DateNaissance></ns2:TIQ></ns2:INDIVIDU>"
    )


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-29")
def test_one_former_number_alone_is_a_list_of_one(comptoir, injecter, zoe):
    ancien = (
        "<ns2:INSHISTO><ns2:IdIndividu><ns2:NumIdentifiant>2751263220123</ns2:NumIdentifiant>"
        "</ns2:IdIndividu><ns2:OID>1.2.250.1.213.1.4.8</ns2:OID></ns2:INSHISTO>"
    )
    injecter(_reponse(_individu().replace("<ns2:TIQ>", f"{ancien}<ns2:TIQ>")))
    patient = comptoir.read(zoe)
    assert patient.statut == "RECUP"
    assert HistoriqueIns.objects.get(patient=patient).matricule[:13] == "2751263220123"


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-36")
def test_other_prefixes_are_read_the_same(comptoir, injecter, zoe):
    injecter(_reponse(_individu()))
    assert comptoir.read(zoe).ins_matricule == "275126322074974"


@pytest.mark.donnees_partagees
@pytest.mark.cas("ins-27")
def test_a_missing_key_is_computed_and_said(comptoir, injecter, zoe):
    injecter(_reponse(_individu(cle="")))
    patient = comptoir.read(zoe)
    assert (patient.ins_matricule, patient.ins_cle_calculee) == ("275126322074974", True)
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/identite/").content.decode()
    assert "Clé du matricule calculée" in html


OID_DE_TEST = _reponse(_individu("1.2.250.1.213.1.4.10"))
SANS_INDIVIDU = _reponse("")
AVEC_DTD = _reponse(_individu(), '<!DOCTYPE x [<!ENTITY e "e">]>')


@pytest.mark.donnees_partagees
@pytest.mark.exigence("INS-03", "INS-32")
@pytest.mark.parametrize(
    "cas",
    [
        pytest.param(
            (OID_DE_TEST, "production", "oid_refuse"), marks=pytest.mark.cas("ins-34"), id="oid"
        ),
        pytest.param(
            (SANS_INDIVIDU, "simulateur", "reponse_incomplete"),
            marks=pytest.mark.cas("ins-35"),
            id="incomplete",
        ),
        pytest.param(
            (AVEC_DTD, "simulateur", "xml_dtd"), marks=pytest.mark.cas("ins-37"), id="dtd"
        ),
    ],
)
def test_an_answer_that_may_not_be_taken_changes_nothing(
    comptoir, injecter, zoe, settings, caplog, cas
):
    octets, settings.ENVIRONNEMENT, code = cas
    injecter(*[octets] * 4)
    patient = comptoir.choose(zoe)
    comptoir.work(essais=4)
    patient.refresh_from_db()
    appel = appel_of(patient)
    assert (appel.code, appel.envoi.etat, appel.reponse) == (code, "abandonne", None)
    assert (patient.statut, patient.nom_naissance, patient.ins_empreinte) == ("PROV", "", "")
    securite = [r for r in caplog.records if r.getMessage().startswith("securite.")]
    assert bool(securite) is (code == "xml_dtd")


def test_no_setting_of_the_product_can_put_another_transport_there(settings):
    settings.ENVIRONNEMENT = "production"
    assert type(insi_client().transport) is HttpsTransport
    source = inspect.getsource(client)
    assert source.count("HttpsTransport(") == 1
    assert set(inspect.signature(insi_client).parameters) == {"automatique"}
