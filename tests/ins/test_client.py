"""The adapter: each way a call may end, told apart; nothing of the patient in what it raises."""

from dataclasses import replace

import pytest

from ins.client import InsiClient, Recherche, Reglages, certificate_paths, insi_client
from ins.codec import DemandeTraits, DemandeVitale
from ins.codec.verification import corps_deposer
from teleservices.errors import (
    InvalidReply,
    NotReady,
    OutcomeUnknown,
    Rejected,
    TeleserviceError,
    Unavailable,
)
from teleservices.soap.contextes import Logiciel
from teleservices.tls import Materiel, read_certificate
from teleservices.transport import HttpsTransport, Retour
from tests.ins.test_codec_verification import ZOE as IDENTITE
from tests.ins.test_codec_verification import enveloppe, exemple

SOAP = "application/soap+xml; charset=utf-8"
TERMINE = "09-relever-termine.xml"
ZOE = DemandeVitale("2751263220749", "2751263220749", "", "1975-12-31", 1)


class TransportEcrit:
    """A transport that gives written replies and remembers what was sent."""

    def __init__(self, *retours):
        self.retours = list(retours)
        self.envoyees = []

    def send(self, requete):
        """Return the next reply, or raise it."""
        self.envoyees.append(requete)
        retour = self.retours.pop(0)
        if isinstance(retour, Exception):
            raise retour
        return retour


def _client(*retours):
    reglages = Reglages(
        "https://127.0.0.1/lps",
        "1752026005",
        Logiciel("SIMULATEUR01", "0.1.0", "0f7c9a52", "urn:lps:comptoir:0.1.0"),
        "simulateur",
    )
    transport = TransportEcrit(*retours)
    return InsiClient(reglages, transport), transport


def _retour(corps, statut=200, genre=SOAP):
    return Retour(statut, genre, corps.encode(), 12, 0.0)


def _resultat(code, individu=""):
    return _retour(
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        '<RESULTAT xmlns="http://www.cnamts.fr/INSiResultat"><CR>'
        f"<CodeCR>{code}</CodeCR><LibelleCR>x</LibelleCR></CR>{individu}</RESULTAT>"
        "</s:Body></s:Envelope>"
    )


def _individu(naissance="1975-12-31", oid="1.2.250.1.213.1.4.8"):
    return (
        "<INDIVIDU><INSACTIF><IdIndividu><NumIdentifiant>2751263220749</NumIdentifiant>"
        f"<Cle>74</Cle></IdIndividu><OID>{oid}</OID></INSACTIF><TIQ>"
        "<NomNaissance>ADRUN</NomNaissance><ListePrenom>ZOE</ListePrenom><Sexe>F</Sexe>"
        f"<DateNaissance>{naissance}</DateNaissance></TIQ></INDIVIDU>"
    )


def _faute(code, cote="Sender"):
    return _retour(
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault>'
        f"<s:Code><s:Value>s:{cote}</s:Value></s:Code><s:Reason><s:Text xml:lang='fr'>x</s:Text>"
        f'</s:Reason><s:Detail><e:Erreur xmlns:e="urn:siram" code="{code}"/></s:Detail>'
        "</s:Fault></s:Body></s:Envelope>",
        500,
    )


def test_the_card_is_said_in_the_body_and_again_in_the_coverage():
    client, transport = _client(_resultat("01"))
    client.recuperer_vitale(ZOE)
    corps = transport.envoyees[0].corps.decode()
    assert corps.count("2751263220749") == 4
    assert "Security" not in corps
    assert "action=" in transport.envoyees[0].entetes["Content-Type"]


def test_each_message_has_identifiers_of_its_own():
    client, _ = _client(_resultat("01"), _resultat("01"))
    un, deux = client.recuperer_vitale(ZOE), client.recuperer_vitale(ZOE)
    assert un.echange.message_id != deux.echange.message_id


@pytest.mark.cas("ins-38")
def test_a_lunar_date_is_an_answer():
    client, _ = _client(_resultat("00", _individu("1950-00-00")))
    assert client.recuperer_vitale(ZOE).contenu.individu.naissance == "1950-00-00"


@pytest.mark.parametrize(
    ("retour", "classe", "code"),
    [
        (_faute("insi_19"), Rejected, "insi_19"),
        (_faute("insi_111", "Receiver"), Unavailable, "insi_111"),
        (_faute("desir_560"), NotReady, "desir_560"),
        (_retour("<html>", 503, "text/html"), Unavailable, "http_503"),
        (_retour("<html>", 500, "text/html"), OutcomeUnknown, "http_500"),
        (_retour("<html>", 200, "text/html"), InvalidReply, "http_200"),
        (_retour("", 404, ""), InvalidReply, "http_404"),
        (_resultat("00"), InvalidReply, "reponse_incomplete"),
        (_resultat("00", _individu("0000-00-00")), InvalidReply, "date_illisible"),
        (_resultat("77"), InvalidReply, "code_77"),
        (_resultat("00", _individu(oid="1.2.250.1.213.1.4.2")), InvalidReply, "oid_refuse"),
    ],
)
def test_each_bad_end_has_its_class_its_code_and_its_evidence(retour, classe, code):
    client, _ = _client(retour)
    with pytest.raises(classe) as erreur:
        client.recuperer_vitale(ZOE)
    assert erreur.value.code == code
    assert erreur.value.reponse.echange.reponse == retour.corps
    assert erreur.value.message_fr
    assert "2751263220749" not in repr(erreur.value) + erreur.value.message_fr


@pytest.mark.parametrize("erreur", [Unavailable("reseau", "x"), OutcomeUnknown("reseau", "x")])
def test_what_the_network_says_is_left_as_it_is(erreur):
    client, _ = _client(erreur)
    with pytest.raises(type(erreur)):
        client.recuperer_vitale(ZOE)


@pytest.mark.cas("ins-13")
@pytest.mark.exigence("INS-11")
def test_first_names_are_tried_one_after_the_other_and_stop_at_the_first_answer():
    client, transport = _client(_resultat("01"), _resultat("00", _individu()))
    demande = DemandeTraits("TCHITCHI", ("OLA", "CATARINA", "BELLA"), "F", "1936-06-21")
    assert client.recuperer_traits(demande).contenu.code == "00"
    assert len(transport.envoyees) == 2
    assert b">CATARINA<" in transport.envoyees[1].corps


@pytest.mark.cas("ins-14")
def test_when_nobody_is_found_the_whole_list_is_the_last_question():
    client, transport = _client(*[_resultat("01")] * 4)
    demande = DemandeTraits("HOUILLES", ("PIERRE", "PAUL", "JACQUES"), "M", "1993-01-27")
    assert client.recuperer_traits(demande).contenu.code == "01"
    assert transport.envoyees[3].corps.count(b"Prenom>") == 6


HOUILLES = DemandeTraits("HOUILLES", ("PIERRE", "PAUL", "JACQUES"), "M", "1993-01-27")


@pytest.mark.cas("ins-14")
@pytest.mark.parametrize(("dernier", "appels"), [("non", 3), ("chaine", 4)])
def test_the_last_call_is_as_the_officine_sets_it(dernier, appels):
    client, transport = _client(*[_resultat("01")] * 4)
    assert client.recuperer_traits(HOUILLES, Recherche(dernier)).contenu.code == "01"
    assert len(transport.envoyees) == appels
    if dernier == "chaine":
        assert b">PIERRE PAUL JACQUES<" in transport.envoyees[3].corps


def test_completed_first_names_leave_together_in_one_call():
    client, transport = _client(_resultat("00", _individu()))
    client.recuperer_traits(HOUILLES, Recherche(ensemble=True))
    assert len(transport.envoyees) == 1
    assert transport.envoyees[0].corps.count(b"Prenom>") == 6


@pytest.mark.parametrize("limite", [2, 1, 0])
def test_no_more_calls_leave_than_are_left_for_this_visit(limite):
    client, transport = _client(*[_resultat("01")] * 4)
    assert client.recuperer_traits(HOUILLES, Recherche(limite=limite)).contenu.code == "01"
    assert len(transport.envoyees) == max(1, limite)


@pytest.mark.cas("ins-17")
def test_several_people_stop_the_search():
    client, transport = _client(_resultat("02"))
    demande = DemandeTraits("DE VINCI", ("LEONARDO", "RUTH"), "M", "2014-02-01")
    assert client.recuperer_traits(demande).contenu.code == "02"
    assert len(transport.envoyees) == 1


def test_without_our_certificate_nothing_leaves(settings, tmp_path):
    settings.INSI_CERTIFICAT = str(tmp_path / "absent.pem")
    with pytest.raises(NotReady) as erreur:
        insi_client()
    assert erreur.value.code == "certificat_absent"


def test_the_sender_is_the_officine_of_the_certificate():
    assert insi_client().reglages.emetteur == "1752026005"


def test_a_service_that_never_answers_is_left_at_the_delay(insi):

    insi.humeur("tres_lent")
    client = insi_client()
    presse = InsiClient(replace(client.reglages, lecture_s=0.3), client.transport)
    with pytest.raises(OutcomeUnknown) as erreur:
        presse.recuperer_vitale(ZOE)
    assert erreur.value.code == "reseau_delai"


@pytest.mark.parametrize(
    ("certificat", "code"),
    [("refuse-autre-cn", "desir_560"), ("refuse-autre-ac", "tls_refuse")],
)
def test_a_certificate_that_insi_does_not_know_opens_nothing(insi, tls, certificat, code):
    transport = HttpsTransport(
        Materiel(
            str(tls / "ac-serveurs.pem"),
            str(tls / f"{certificat}.pem"),
            str(tls / f"{certificat}.key"),
        )
    )
    client = InsiClient(insi_client().reglages, transport)
    with pytest.raises(TeleserviceError) as erreur:
        client.recuperer_vitale(ZOE)
    transport.close()
    assert erreur.value.code.startswith(code)


@pytest.mark.exigence("INS-35")
def test_every_call_of_one_question_is_kept_as_proof():
    client, _ = _client(_resultat("01"), _resultat("00", _individu()))
    demande = DemandeTraits("TCHITCHI", ("OLA", "CATARINA", "BELLA"), "F", "1936-06-21")
    reponse = client.recuperer_traits(demande)
    assert len(reponse.avant) == 1
    assert b">OLA<" in reponse.avant[0].requete
    assert b">CATARINA<" in reponse.echange.requete


def test_a_failure_after_several_calls_keeps_them_all():
    client, _ = _client(_resultat("01"), _faute("insi_111", "Receiver"))
    demande = DemandeTraits("TCHITCHI", ("OLA", "CATARINA"), "F", "1936-06-21")
    with pytest.raises(Unavailable) as echec:
        client.recuperer_traits(demande)
    assert len(echec.value.reponse.avant) == 1


def test_a_question_that_takes_too_long_stops_and_keeps_what_was_said():
    client, transport = _client(_resultat("01"), _resultat("01"), _resultat("01"))
    client.reglages = replace(client.reglages, budget_s=0.0)
    demande = DemandeTraits("HOUILLES", ("PIERRE", "PAUL", "JACQUES"), "M", "1993-01-27")
    with pytest.raises(Unavailable, match="delai_depasse") as echec:
        client.recuperer_traits(demande)
    assert len(transport.envoyees) == 1
    assert b"HOUILLES" in echec.value.reponse.echange.requete


@pytest.mark.exigence("INS-12")
def test_each_call_of_the_verification_says_its_action_and_keeps_its_exchange():
    depot, releve = (enveloppe(exemple(n)) for n in ("06-deposer-reponse.xml", TERMINE))
    client, transport = _client(
        _retour(enveloppe(exemple("02-verifier-conforme.xml")).decode()),
        _retour(depot.decode()),
        _retour(releve.decode()),
    )
    reponses = [
        client.verifier(IDENTITE),
        client.deposer_lot(corps_deposer("7d1c1c52-6f0e-4a0e-9d7a-2b0a4b1c9e01", [IDENTITE])),
        client.relever_lot("L202611240001"),
    ]
    for nom, requete, reponse in zip(
        ("verifierIdentite", "deposerLot", "releverLot"), transport.envoyees, reponses, strict=True
    ):
        action = f"urn:sim:insi-verification:1:{nom}"
        assert requete.entetes["Content-Type"].endswith(f'action="{action}"')
        assert f">{action}<".encode() in requete.corps
        assert reponse.echange.requete == requete.corps
    assert reponses[2].contenu.etat == "TERMINE"


def test_a_bent_verification_keeps_its_exchange():
    client, _ = _client(_retour("<a/>"))
    with pytest.raises(InvalidReply, match="soap_enveloppe") as erreur:
        client.relever_lot("L202611240001")
    assert erreur.value.reponse.echange.reponse == b"<a/>"


@pytest.mark.parametrize(("automatique", "cn"), [(False, "INSI-MANU"), (True, "INSI-AUTO")])
def test_a_person_s_call_and_the_installation_s_have_each_their_certificate(automatique, cn):
    assert read_certificate(certificate_paths(automatique=automatique)[0]).cn == cn
    assert insi_client(automatique=automatique).reglages.emetteur == "1752026005"


def test_without_the_certificate_of_the_installation_no_lot_leaves(settings):
    settings.INSI_CERTIFICAT_AUTO = ""
    with pytest.raises(NotReady, match="certificat_absent"):
        insi_client(automatique=True)
