"""The INSi simulator, played by the bare client: official cases, refusals, life of an identity."""

import copy
import uuid
from datetime import timedelta

import httpx
import pytest
from lxml import etree

from tests.simulators.client_nu import (
    BAM,
    LPS,
    RACINE,
    RES,
    RS,
    RV,
    SOAP,
    TRAITS,
    VITALE,
    WSA,
    WSSE,
    ClientInsi,
    Simulateur,
    body,
    header,
    now_z,
    sub,
)

CONTRATS = RACINE / "docs/contrats"
ADRUN = ("ADRUN", "ZOE", "F", "1975-12-31")


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One INSi process for the module."""
    processus = Simulateur("insi", tmp_path_factory.mktemp("insi"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def insi(simulateur, tls):
    """A client of a simulator gone back to its start data."""
    simulateur.post("/oublier")
    client = ClientInsi(simulateur.adresse, tls)
    yield client
    client.close()


@pytest.fixture(scope="module")
def schema_resultat():
    """The schema of the answers, from ins.md §3.4."""
    return etree.XMLSchema(etree.parse(RACINE / "simulators/insi/resultat.xsd"))


def actif(recu):
    """Return (number, key, OID) of INSACTIF."""
    bloc = recu.corps.find(f"{{{RES}}}INDIVIDU/{{{RES}}}INSACTIF")
    ident = bloc.find(f"{{{RES}}}IdIndividu")
    return tuple(
        element.findtext(f"{{{RES}}}{nom}")
        for element, nom in ((ident, "NumIdentifiant"), (ident, "Cle"), (bloc, "OID"))
    )


# Official cases (ins.md §3.8)


@pytest.mark.cas("ins-1", "ins-12", "ins-28", "ins-31", "ins-30", "ins-26")
@pytest.mark.parametrize(
    ("traits", "attendu"),
    [
        (ADRUN, ("2751263220749", "74", "1.2.250.1.213.1.4.8")),
        (
            ("D'ARTAGNAN DE L'HERAULT", "PIERRE-ALAIN", "M", "2001-06-17", "63220"),
            ("1010663220754", "60", "1.2.250.1.213.1.4.8"),
        ),
        (
            ("ADRTROIS", "TOUSSAINT", "M", "1960-01-01", "2B020"),
            ("160012B020777", "13", "1.2.250.1.213.1.4.8"),
        ),
        (
            ("ECETINSI", "PIERRE-ALAIN", "M", "2009-07-14"),
            ("1090763220834", "89", "1.2.250.1.213.1.4.8"),
        ),
        (
            ("PROVISOIRE", "MATRICULE", "M", "2009-07-01"),
            ("1090763220888", "35", "1.2.250.1.213.1.4.9"),
        ),
        (
            ("DE VINCI", "LEONARDO", "M", "2014-02-01", "63220"),
            ("1140263220101", None, "1.2.250.1.213.1.4.8"),
        ),
        (
            ("CORSE", "ANTHONY", "M", "1980-03-02"),
            ("180032B020401", "23", "1.2.250.1.213.1.4.8"),
        ),
        (
            ("HERMANN", "GATIEN", "M", "1981-03-24"),
            ("1810363220456", "60", "1.2.250.1.213.1.4.8"),
        ),
    ],
)
def test_each_accepted_cnda_identity_is_found(insi, traits, attendu):
    recu = insi.traits(*traits)

    assert (recu.statut, recu.code) == (200, "00")
    numero, cle, oid = actif(recu)
    assert (numero, oid) == (attendu[0], attendu[2])
    assert attendu[1] in {None, cle}


@pytest.mark.cas("ins-17", "ins-18")
def test_two_leonardo_de_vinci_are_told_apart_by_the_place(insi):
    sans = insi.traits("DE VINCI", "LEONARDO", "M", "2014-02-01")
    avec = insi.traits("DE VINCI", "LEONARDO", "M", "2014-02-01", "63220")

    assert (sans.code, sans.text("INDIVIDU"), avec.code) == ("02", None, "00")
    assert sans.corps.find(f"{{{RES}}}INDIVIDU") is None
    assert sans.text("LibelleCR") == "Plusieurs identites trouvees"


@pytest.mark.cas("ins-19")
def test_two_homonyms_of_one_place_stay_several(insi):
    assert insi.traits("HOMONYME", "CAMILLE", "F", "1988-03-08", "63220").code == "02"


@pytest.mark.cas("ins-13")
def test_the_second_first_name_of_tchitchi_is_found(insi):
    codes = [
        insi.traits("TCHITCHI", prenom, "F", "1936-06-21").code for prenom in ("OLA", "CATARINA")
    ]

    assert codes == ["01", "00"]


@pytest.mark.cas("ins-13")
@pytest.mark.parametrize("liste", [["CATARINA", "BELLA"], ["CATARINA BELLA"]])
def test_a_list_of_first_names_is_read_as_elements_and_as_one_value(insi, liste):
    assert insi.traits("TCHITCHI", liste, "F", "1936-06-21").code == "00"


@pytest.mark.cas("ins-14")
def test_houilles_is_nobody_under_each_of_three_names(insi):
    recus = [insi.traits("HOUILLES", p, "M", "1993-01-27") for p in ("PIERRE", "PAUL", "JACQUES")]

    assert {(r.code, r.text("LibelleCR")) for r in recus} == {("01", "Aucune identite trouvee")}


@pytest.mark.cas("ins-28")
def test_ecetinsi_carries_two_former_numbers_with_inverted_dates(insi):
    individu = insi.traits("ECETINSI", "PIERRE-ALAIN", "M", "2009-07-14").corps[1]
    anciens = individu.findall(f"{{{RES}}}INSHISTO")

    numeros = [h.findtext(f"{{{RES}}}IdIndividu/{{{RES}}}NumIdentifiant") for h in anciens]
    assert numeros == ["2090763220834", "2090663220123"]
    assert anciens[0].findtext(f"{{{RES}}}DateDeb") > anciens[0].findtext(f"{{{RES}}}DateFin")


@pytest.mark.cas("ins-29")
def test_ecetinsi_may_come_with_one_former_number_only(insi, simulateur):
    simulateur.humeur("bizarre", variante="un_seul_historique", fois=1)

    recu = insi.traits("ECETINSI", "PIERRE-ALAIN", "M", "2009-07-14")

    assert len(recu.texts("INSHISTO")) == 1


@pytest.mark.cas("ins-22")
def test_corsica_is_one_place_whatever_its_code(insi, simulateur):
    demande = insi.traits("ADRTROIS", "DOMINIQUE", "F", "1997-02-26", "20020")
    simulateur.humeur("bizarre", variante="corse_20", fois=1)
    reponse = insi.traits("ADRTROIS", "DOMINIQUE", "F", "1997-02-26", "2A020")

    assert demande.code == "00"
    assert demande.text("LieuNaissance") == "2A020"
    assert reponse.text("LieuNaissance") == "20020"


@pytest.mark.cas("ins-27")
def test_an_answer_may_come_without_key(insi):
    recu = insi.traits("SANSCLE", "IRENE", "F", "1971-11-02")

    assert actif(recu)[:2] == ("2711163220301", None)


@pytest.mark.cas("ins-38", "ins-39")
@pytest.mark.parametrize(
    ("prenom", "sexe", "demandee", "rendue"),
    [
        ("AMINA", "F", "1950-12-31", "1950-00-00"),
        ("AMINA", "F", "1950-00-00", "1950-00-00"),
        ("BAKARI", "M", "1962-05-00", "1962-05-00"),
    ],
)
def test_a_lunar_date_comes_back_as_it_is(insi, prenom, sexe, demandee, rendue):
    assert insi.traits("LUNAIRE", prenom, sexe, demandee).text("DateNaissance") == rendue


@pytest.mark.cas("ins-7", "ins-47")
@pytest.mark.parametrize(("nom", "prenom"), [("DE VINCI", "RUTH"), ("D'AEION", "COEUR")])
def test_the_two_failing_people_give_a_technical_fault(insi, nom, prenom):
    recu = insi.traits(nom, prenom, "F", "1976-07-14")

    assert (recu.statut, recu.code, recu.details["severite"]) == (500, "insi_102", "fatal")
    assert (recu.details["cote"], recu.details["sous_code"]) == ("Receiver", "siram_40")


@pytest.mark.cas("ins-20")
def test_a_used_name_finds_nobody(insi):
    assert insi.traits("DUPONT", "ZOE", "F", "1975-12-31").code == "01"


# Carte Vitale (§3.9 F, §5.2)


@pytest.mark.cas("ins-56")
@pytest.mark.parametrize(("rang", "prenom"), [("1", "LEO"), ("2", "LEA")])
def test_a_child_is_found_by_the_card_of_a_parent_and_its_rank(insi, rang, prenom):
    recu = insi.vitale("2010-08-07", ouvrant="2840763220111", nom="NESSI", rang=rang)

    assert (recu.code, recu.text("ListePrenom")) == ("00", prenom)


@pytest.mark.cas("ins-55")
def test_twins_on_one_card_without_rank_are_several(insi):
    assert insi.vitale("2010-08-07", ouvrant="2840763220111", nom="NESSI").code == "02"


def test_the_certified_number_of_a_card_finds_its_holder(insi):
    recu = insi.vitale("1975-12-31", certifie="2751263220749", ouvrant="2751263220749")

    assert recu.text("NomNaissance") == "ADRUN"


@pytest.mark.parametrize("champ", ["certifie", "ouvrant"])
def test_a_card_that_still_bears_a_former_number_finds_its_holder(insi, simulateur, champ):
    """The number of a card is not the INS: it may be one of before (§5.2, point 6)."""
    simulateur.post("/evenement", nom="ADRUN", prenom="ZOE", evenement="nir_definitif")
    recu = insi.vitale("1975-12-31", **{champ: "2751263220749"})

    assert (recu.code, recu.text("NomNaissance")) == ("00", "ADRUN")
    assert actif(recu)[0] != "2751263220749"


def test_a_card_whose_number_was_replaced_without_link_finds_nobody(insi, simulateur):
    simulateur.post("/evenement", nom="ADRUN", prenom="ZOE", evenement="autre_matricule")

    assert insi.vitale("1975-12-31", certifie="2751263220749").code == "01"


def test_a_card_without_any_number_finds_nobody(insi):
    assert insi.vitale("1975-12-31", nom="ADRUN").code == "insi_12"


@pytest.mark.parametrize(
    ("chemin", "code"),
    [
        (("ASSURE", "Id", "Num"), "insi_12"),
        (("BENEFICIAIRE", "DateNai"), "insi_13"),
        (("BENEFICIAIRE", "Rang"), "insi_13"),
    ],
)
def test_a_coverage_that_contradicts_the_body_is_refused(insi, chemin, code):
    racine = insi.vitale_envelope("2010-08-07", ouvrant="2840763220111", rang="1")
    element = header(racine, BAM, "ContexteBAM").find(f"{{{BAM}}}COUVERTURE")
    for nom in chemin:
        element = element.find(f"{{{BAM}}}{nom}")
    element.text = {"Num": "2751263220749", "DateNai": "2010-08-08", "Rang": "2"}[chemin[-1]]

    assert insi.send(racine).code == code


# Requests that the specification forbids


@pytest.mark.cas("ins-42")
@pytest.mark.parametrize(
    ("champ", "valeur", "code"),
    [
        ("NomNaissance", None, "insi_19"),
        ("NomNaissance", "adrun", "insi_19"),
        ("NomNaissance", "-ADRUN", "insi_19"),
        ("NomNaissance", " ADRUN", "insi_19"),
        ("NomNaissance", "ADRUN ", "insi_19"),
        ("NomNaissance", "D' ARC", "insi_19"),
        ("NomNaissance", "D''ARC", "insi_19"),
        ("NomNaissance", "ADRÛN", "insi_19"),
        ("NomNaissance", "D’ARC", "insi_19"),
        ("NomNaissance", "DUPONT2", "insi_19"),
        ("NomNaissance", "A" * 101, "insi_19"),
        ("Prenom", None, "insi_20"),
        ("Prenom", "ANNE--MARIE", "insi_20"),
        ("Prenom", "ANNE-", "insi_20"),
        ("Prenom", "Zoé", "insi_20"),
        ("Sexe", None, "insi_24"),
        ("Sexe", "I", "insi_24"),
        ("DateNaissance", None, "insi_22"),
        ("DateNaissance", "31/12/1975", "insi_22"),
        ("DateNaissance", "19751231", "insi_22"),
        ("DateNaissance", "1950-02-30", "insi_22"),
        ("DateNaissance", "1951-02-29", "insi_22"),
        ("DateNaissance", "1950-04-31", "insi_22"),
        ("LieuNaissance", "PARIS", "insi_23"),
        ("LieuNaissance", "1A004", "insi_23"),
        ("LieuNaissance", "9B063", "insi_23"),
    ],
)
def test_a_wrong_field_gives_its_own_fault(insi, champ, valeur, code):
    racine = insi.traits_envelope("ADRUN", ["ZOE"], "F", "1975-12-31", "63220")
    element = body(racine)[0].find(f"{{{RS}}}{champ}")
    if valeur is None:
        element.getparent().remove(element)
    else:
        element.text = valeur

    recu = insi.send(racine)

    assert (recu.statut, recu.code, recu.details["cote"]) == (500, code, "Sender")


@pytest.mark.cas("ins-11")
def test_a_double_hyphen_is_a_legal_birth_name(insi):
    assert insi.traits("DUPONT--MARTIN", "ANNE-MARIE", "F", "1980-01-01").code == "01"


def _text(espace, bloc, nom, valeur):
    def change(racine):
        header(racine, espace, bloc).find(f".//{{{espace}}}{nom}").text = valeur

    return change


def _drop(espace, bloc, nom=None):
    def change(racine):
        element = header(racine, espace, bloc)
        if nom:
            element = element.find(f".//{{{espace}}}{nom}")
        element.getparent().remove(element)

    return change


def _set(espace, bloc, attribut, valeur):
    return lambda racine: header(racine, espace, bloc).set(attribut, valeur)


def _swap(racine):
    corps = body(racine)[0]
    corps.append(corps[0])


def _twice(racine):
    corps = body(racine)[0]
    corps.insert(0, copy.deepcopy(corps[0]))


def _foreign(racine):
    body(racine)[0][0].tag = "NomNaissance"


def _unknown(racine):
    sub(body(racine)[0], RS, "Commentaire", "X")


def _empty(racine):
    sub(body(racine)[0], RS, "LieuNaissance")


def _no_number(racine):
    header(racine, LPS, "ContexteLPS").find(f".//{{{LPS}}}IDAM").attrib.pop("R")


def _security(racine):
    sub(racine[0], WSSE, "Security")


def _second_body(racine):
    body(racine).append(copy.deepcopy(body(racine)[0]))


def _double_header(racine):
    racine[0].append(copy.deepcopy(header(racine, LPS, "ContexteLPS")))


INTERDITS = {
    "action absente": _drop(WSA, "Action"),
    "message sans identifiant": _drop(WSA, "MessageID"),
    "identifiant sans uuid:": lambda r: setattr(
        header(r, WSA, "MessageID"), "text", str(uuid.uuid4())
    ),
    "identifiant mal formé": lambda r: setattr(
        header(r, WSA, "MessageID"), "text", "uuid:" + "-" * 36
    ),
    "contexte LPS absent": _drop(LPS, "ContexteLPS"),
    "contexte LPS double": _double_header,
    "contexte LPS d'une autre version": _set(LPS, "ContexteLPS", "Version", "01_02"),
    "contexte LPS d'une autre nature": _set(LPS, "ContexteLPS", "Nature", "CTXBAM"),
    "contexte LPS sans Id": _drop(LPS, "ContexteLPS", "Id"),
    "heure sans Z": _text(LPS, "ContexteLPS", "Temps", "2026-03-02T09:14:05"),
    "heure de Paris": _text(LPS, "ContexteLPS", "Temps", "2026-03-02T09:14:05+01:00"),
    "heure d'il y a six minutes": _text(LPS, "ContexteLPS", "Temps", now_z(timedelta(minutes=-6))),
    "émetteur d'une autre structure": _text(LPS, "ContexteLPS", "Emetteur", "1130099991"),
    "numéro d'autorisation sans R": _no_number,
    "contexte BAM absent": _drop(BAM, "ContexteBAM"),
    "contexte BAM d'une autre version": _set(BAM, "ContexteBAM", "Version", "01_00"),
    "COUVERTURE absente": _drop(BAM, "ContexteBAM", "COUVERTURE"),
    "ordre du corps": _swap,
    "élément répété": _twice,
    "élément d'un autre espace": _foreign,
    "élément inconnu": _unknown,
    "élément vide": _empty,
    "deux corps": _second_body,
    "assertion avec un certificat de structure": _security,
}


@pytest.mark.parametrize("interdit", list(INTERDITS))
def test_a_forbidden_message_is_refused(insi, simulateur, interdit):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    INTERDITS[interdit](racine)

    genre = f'application/soap+xml; charset=utf-8; action="{TRAITS}"'
    recu = insi.send(racine, type_contenu=genre)

    assert (recu.statut, recu.code) == (500, "desir_1020")
    assert simulateur.journal()[-1]["resultat"] == "desir_1020"


@pytest.mark.parametrize(
    "genre",
    [
        "text/xml; charset=utf-8",
        f'application/soap+xml; charset=iso-8859-1; action="{TRAITS}"',
        f'application/soap+xml; charset=utf-8; action="{VITALE}"',
        "application/soap+xml; charset=utf-8",
    ],
)
def test_a_wrong_content_type_is_refused(insi, genre):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])

    assert insi.send(racine, type_contenu=genre).code == "desir_1020"


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.replace(SOAP.encode(), b"http://schemas.xmlsoap.org/soap/envelope/"),
        lambda x: b'<!DOCTYPE x [<!ENTITY a "ADRUN">]>' + x.replace(b">ADRUN<", b">&a;<"),
        lambda x: b"<!DOCTYPE x>" + x,
        lambda x: x[:-20],
        lambda _: b"",
        lambda x: x.replace(b"<soap:Body>", b"<?php x?><soap:Body>"),
        lambda x: b'<?xml version="1.0" encoding="ISO-8859-1"?>' + x,
    ],
    ids=["soap 1.1", "entité", "doctype", "tronqué", "vide", "instruction", "latin-1"],
)
def test_what_is_not_a_soap12_message_is_refused(insi, change):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    genre = f'application/soap+xml; charset=utf-8; action="{TRAITS}"'

    assert insi.send(change(etree.tostring(racine)), type_contenu=genre).code == "desir_1020"


def test_the_same_message_twice_is_refused_the_second_time(insi):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])

    assert [insi.send(racine).code for _ in range(2)] == ["00", "desir_1020"]


def test_the_same_identifier_in_capitals_is_the_same(insi):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    insi.send(racine)
    autre = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    ident = header(racine, WSA, "MessageID").text.removeprefix("uuid:").upper()
    header(autre, WSA, "MessageID").text = f"uuid:{ident}"

    assert insi.send(autre).code == "desir_1020"


def test_a_coverage_beside_traits_is_refused(insi, simulateur):
    """COUVERTURE is empty for a search by traits (§3.3)."""
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    couverture = header(racine, BAM, "ContexteBAM").find(f"{{{BAM}}}COUVERTURE")
    sub(sub(sub(couverture, BAM, "ASSURE"), BAM, "Id"), BAM, "Num", "2751263220749")

    assert insi.send(racine).code == "desir_1020"
    assert simulateur.journal()[-1]["raison"] == "couverture_non_vide"


@pytest.mark.parametrize("bloc", [(LPS, "ContexteLPS"), (BAM, "ContexteBAM")])
def test_a_context_identifier_serves_once(insi, bloc):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    insi.send(racine)
    autre = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    ident = header(racine, *bloc).findtext(f"{{{bloc[0]}}}Id")
    header(autre, *bloc).find(f"{{{bloc[0]}}}Id").text = ident

    assert insi.send(autre).code == "desir_1020"


@pytest.mark.cas("ins-48")
def test_an_unknown_software_number_is_refused(insi):
    racine = insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])
    header(racine, LPS, "ContexteLPS").find(f".//{{{LPS}}}IDAM").text = "INCONNU"
    recu = insi.send(racine)

    assert (recu.code, recu.details["sous_code"]) == ("desir_550", "siram_100")


@pytest.mark.cas("ins-48")
def test_a_certificate_of_another_name_is_refused(simulateur, tls):
    client = ClientInsi(simulateur.adresse, tls, "refuse-autre-cn")
    recu = client.traits(*ADRUN)
    client.close()

    assert (recu.statut, recu.code, recu.details["cote"]) == (500, "desir_560", "Sender")


@pytest.mark.parametrize("certificat", [None, "refuse-autre-ac"])
def test_no_certificate_or_one_of_another_authority_opens_nothing(simulateur, tls, certificat):
    avant = len(simulateur.journal())
    client = ClientInsi(simulateur.adresse, tls, certificat)

    with pytest.raises(httpx.TransportError):
        client.traits(*ADRUN)

    client.close()
    assert len(simulateur.journal()) == avant


def test_a_person_may_ask_with_the_manual_certificate(simulateur, tls):
    client = ClientInsi(simulateur.adresse, tls, "insi-manu")

    assert client.traits(*ADRUN).code == "00"
    client.close()
    assert simulateur.journal()[-1]["certificat_cn"] == "INSI-MANU"


def test_another_path_is_not_the_service(insi):
    insi.url = insi.url.replace("/lps", "/autre")

    assert insi.post(insi.traits_envelope(ADRUN[0], [ADRUN[1]], *ADRUN[2:])).status_code == 404


# Answers


@pytest.mark.cas("ins-36")
def test_answers_are_valid_and_their_prefixes_change(insi, schema_resultat):
    prefixes = set()
    for _ in range(40):
        recu = insi.traits(*ADRUN)
        assert schema_resultat.validate(recu.corps), schema_resultat.error_log
        prefixes.add(
            (recu.arbre.prefix, recu.arbre.find(f"{{{SOAP}}}Body").prefix, recu.corps.prefix)
        )

    assert len({p[0] for p in prefixes}) > 1
    assert {p[2] for p in prefixes} == {None, "ns2"}
    assert any(p[0] != p[1] for p in prefixes)


def test_requests_of_the_bare_client_are_valid_against_the_contract(insi):
    traits = etree.XMLSchema(etree.parse(CONTRATS / "insi-traits.xsd"))
    vitale = etree.XMLSchema(etree.parse(CONTRATS / "insi-vitale.xsd"))

    assert traits.validate(body(insi.traits_envelope("A", ["B"], "M", "2000-01-01"))[0])
    assert vitale.validate(body(insi.vitale_envelope("2000-01-01", ouvrant="2840763220111"))[0])


@pytest.mark.parametrize(("cle", "valable"), [("74", True), ("7", False), ("AB", False)])
def test_the_contract_of_the_card_knows_the_shape_of_a_key(insi, cle, valable):
    """A key is two digits, for the contract as for the service (§1.2)."""
    racine = insi.vitale_envelope("1975-12-31", certifie="2751263220749", ouvrant="2751263220749")
    sub(body(racine)[0][0], RV, "Cle", cle)

    assert etree.XMLSchema(etree.parse(CONTRATS / "insi-vitale.xsd")).validate(body(racine)[0]) == (
        valable
    )
    assert insi.send(racine).code == ("00" if valable else "desir_1020")


def test_both_forms_of_fault_are_seen(insi):
    formes = set()
    for _ in range(40):
        recu = insi.traits("ADRUN", "ZOE", "I", "1975-12-31")
        assert recu.code == "insi_24"
        formes.add("descriptif" in recu.details)

    assert formes == {True, False}


@pytest.mark.cas("ins-34", "ins-35")
@pytest.mark.parametrize(
    ("variante", "verifie"),
    [
        ("oid_test", lambda r: actif(r)[2] == "1.2.250.1.213.1.4.10"),
        ("oid_inconnu", lambda r: actif(r)[2] == "1.2.250.1.213.1.4.2"),
        ("sans_individu", lambda r: r.code == "00" and len(r.corps.findall("{*}INDIVIDU")) == 0),
        ("sans_cle", lambda r: actif(r)[1] is None),
        ("sans_lieu", lambda r: r.text("LieuNaissance") is None),
        ("type_matricule", lambda r: r.text("TypeMatricule") == "NIR"),
        ("elements_inconnus", lambda r: r.text("NomUsage") == "A IGNORER"),
        ("code_inconnu", lambda r: r.code == "99"),
    ],
)
def test_each_oddity_can_be_asked_for(insi, simulateur, variante, verifie):
    simulateur.humeur("bizarre", variante=variante, fois=1)

    assert verifie(insi.traits(*ADRUN))


# Life of an identity


@pytest.mark.cas("ins-32")
def test_a_waiting_number_becomes_definitive_and_is_remembered(insi, simulateur):
    simulateur.post("/evenement", nom="PROVISOIRE", prenom="MATRICULE", evenement="nir_definitif")
    recu = insi.traits("PROVISOIRE", "MATRICULE", "M", "2009-07-01")

    assert actif(recu)[2] == "1.2.250.1.213.1.4.8"
    assert recu.texts("NumIdentifiant")[1:] == ["1090763220888"]


@pytest.mark.cas("ins-33")
def test_another_number_may_come_without_link(insi, simulateur):
    simulateur.post("/evenement", nom="ADRUN", prenom="ZOE", evenement="autre_matricule")
    recu = insi.traits(*ADRUN)

    assert actif(recu)[0] != "2751263220749"
    assert recu.texts("INSHISTO") == []


@pytest.mark.cas("ins-5")
def test_traits_may_change_and_forgetting_restores_them(insi, simulateur):
    simulateur.post(
        "/evenement", nom="ADRUN", prenom="ZOE", evenement="traits", naissance="1975-12-30"
    )
    pendant = [insi.traits("ADRUN", "ZOE", "F", d).code for d in ("1975-12-31", "1975-12-30")]
    simulateur.post("/oublier")

    assert pendant == ["01", "00"]
    assert insi.traits(*ADRUN).code == "00"


@pytest.mark.parametrize("naissance", ["1950-02-30", "1951-02-29", "1979-11-31"])
def test_a_card_bears_a_date_of_the_calendar_or_a_lunar_one(insi, naissance):
    recu = insi.vitale(naissance, ouvrant="1502099352045", rang="1")

    assert (recu.statut, recu.code) == (500, "insi_22")


def test_the_card_of_the_lunar_man_finds_him(insi):
    recu = insi.vitale("1950-20-00", ouvrant="1502099352045", rang="1")

    assert (recu.code, recu.text("DateNaissance")) == ("00", "1950-20-00")


def test_nobody_shares_a_number_and_control_lists_people(simulateur):
    gens = simulateur.get("/identites")

    assert simulateur.get("/etat")["connus"] > 3000
    assert len({p["matricule"] for p in gens}) == len(gens)
