"""Appli carte Vitale contexts of the simulator: each status of the contract, each household."""

import base64
import json
import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from simulators.population import build_population
from tests.conftest import RACINE
from tests.simulators.client_carte import COLLECTION, ClientCarte
from tests.simulators.client_nu import ClientInsi, Simulateur
from tests.simulators.schema_json import problems

GRAMMAIRE = re.compile(r"APCVSIM1\.[A-Za-z0-9_-]{40,900}\.[A-Za-z0-9_-]{86}")
EXEMPLES = sorted((RACINE / "docs/contrats/exemples-apcv").glob("*.json"))
INCONNU = "c_00000000000000000000"


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module."""
    processus = Simulateur("vitale", tmp_path_factory.mktemp("vitale"), tls)
    yield processus
    processus.stop()


@pytest.fixture
def carte(simulateur, tls):
    """A client of a simulator gone back to its start data."""
    simulateur.post("/oublier")
    client = ClientCarte(simulateur, tls)
    yield client
    client.close()


def refused(reponse, statut, code):
    """Assert a refusal of the contract."""
    assert (reponse.status_code, reponse.json()["code"]) == (statut, code)
    assert problems(reponse.json(), "erreur") == []
    assert reponse.headers["content-type"].startswith("application/json")


# The reader of the contract, on its own examples


@pytest.mark.parametrize("exemple", EXEMPLES, ids=lambda f: f.stem)
def test_every_example_fits_the_contract(exemple):
    lu = json.loads(exemple.read_text(encoding="utf-8"))

    assert problems(lu["corps"], lu["$type"]) == []


@pytest.mark.parametrize(
    ("champ", "valeur"),
    [
        ("nirAssure", "2751263220749"),
        ("usage", "parent"),
        ("demonstration", "non"),
        ("beneficiaires", []),
        ("nouveau", 1),
        ("contexteApCV", {"identifiant": "c_7d1c1c526f0e"}),
    ],
)
def test_what_is_not_of_the_contract_is_seen(champ, valeur):
    corps = json.loads(EXEMPLES[1].read_text(encoding="utf-8"))["corps"]

    assert problems(corps | {champ: valeur}, "contexte") != []


# Codes


def test_the_text_of_a_phone_follows_its_grammar_and_names_nobody(carte):
    texte = carte.code("famille")
    charge = base64.urlsafe_b64decode(texte.split(".")[1] + "==")

    assert GRAMMAIRE.fullmatch(texte)
    assert set(json.loads(charge)) == {"ctx", "iat", "exp", "usage", "n"}
    assert json.loads(charge)["exp"] - json.loads(charge)["iat"] == 120
    assert b"NESSI" not in charge


def test_two_texts_of_one_household_differ(carte):
    assert carte.code("famille") != carte.code("famille")


def test_an_unknown_household_has_no_phone(carte):
    assert carte.simulateur.http.post("/codes", json={"foyer": "personne"}).status_code == 404
    refus = {"foyer": "famille", "usage": "parent"}
    assert carte.simulateur.http.post("/codes", json=refus).status_code == 422


# 201


@pytest.mark.cas("ins-60", "ins-61")
def test_a_family_comes_with_the_ins_of_each(carte):
    reponse = carte.create(carte.code("famille"))
    contexte = reponse.json()

    assert reponse.status_code == 201
    assert problems(contexte, "contexte") == []
    assert (contexte["usage"], contexte["demonstration"]) == ("titulaire", False)
    assert contexte["nirAssure"][:13] == "2840763220111"
    assert [(b["numero"], b["qualite"], b["prenom"]) for b in contexte["beneficiaires"]] == [
        (1, "0", "MARIE"),
        (2, "6", "LEO"),
        (3, "6", "LEA"),
    ]
    assert [b["ins"]["matricule"][:13] for b in contexte["beneficiaires"]] == [
        "2840763220111",
        "1100863220011",
        "2100863220012",
    ]
    assert [b["rangGemellaire"] for b in contexte["beneficiaires"]] == [1, 1, 2]


@pytest.mark.parametrize("mode", [1, 2])
def test_a_code_may_be_read_by_the_component_or_by_the_software(carte, mode):
    demande = carte.request(carte.code("titulaire")) | {"mode": mode}

    assert carte.http.post(COLLECTION, json=demande).status_code == 201


@pytest.mark.parametrize(
    "foyer",
    [
        *("titulaire", "famille", "connue", "famille_nombreuse", "delegue", "sans_bloc_ins"),
        *("nom_usuel_vide", "demonstration", "contexte_echu", "autre_ins"),
    ],
)
def test_every_household_of_the_tray_fits_the_contract(carte, foyer):
    contexte = carte.create(carte.code(foyer)).json()

    assert problems(contexte, "contexte") == []
    for beneficiaire in contexte["beneficiaires"]:
        assert beneficiaire["dateNaissance"] == (
            beneficiaire.get("ins", {"dateNaissance": beneficiaire["dateNaissance"]})[
                "dateNaissance"
            ].replace("-", "")
        )


def test_the_households_are_those_that_the_control_page_lists(carte):
    listes = carte.simulateur.get("/foyers")

    assert len(listes) == carte.simulateur.get("/etat")["connus"] == 11
    for foyer in listes:
        reponse = carte.create(carte.code(foyer["foyer"], age_s=0)).json()
        assert [(b["nomPatronymique"], "ins" in b) for b in reponse["beneficiaires"]] == [
            (b["nom"], b["ins"]) for b in foyer["beneficiaires"]
        ]


def test_the_used_name_may_differ_or_be_empty(carte):
    (zoe,) = carte.create(carte.code("titulaire")).json()["beneficiaires"]
    (compose,) = carte.create(carte.code("nom_usuel_vide")).json()["beneficiaires"]

    assert (zoe["nomUsuel"], zoe["nomPatronymique"]) == ("DUPONT", "ADRUN")
    assert zoe["ins"]["nomNaissance"] == "ADRUN"
    assert compose["nomUsuel"] == ""


@pytest.mark.cas("ins-63")
def test_a_demonstration_says_so_and_carries_its_authority(carte):
    contexte = carte.create(carte.code("demonstration")).json()

    assert contexte["demonstration"] is True
    assert contexte["beneficiaires"][0]["ins"]["oid"] == "1.2.250.1.213.1.4.11"


def test_one_beneficiary_may_come_without_ins(carte):
    parent, enfant = carte.create(carte.code("sans_bloc_ins")).json()["beneficiaires"]

    assert ("ins" in parent, "ins" in enfant) == (True, False)


@pytest.mark.parametrize(("usage", "rendu"), [(None, "delegue"), ("titulaire", "titulaire")])
def test_a_phone_may_be_lent(carte, usage, rendu):
    options = {"usage": usage} if usage else {}

    assert carte.create(carte.code("delegue", **options)).json()["usage"] == rendu


@pytest.mark.cas("ins-65")
def test_another_number_may_come_with_the_traits_of_the_known_patient(carte):
    (connue,) = carte.create(carte.code("connue")).json()["beneficiaires"]
    (autre,) = carte.create(carte.code("autre_ins")).json()["beneficiaires"]
    differents = {c for c in connue["ins"] if connue["ins"][c] != autre["ins"][c]}

    assert differents == {"matricule"}
    assert 97 - int(autre["ins"]["matricule"][:13]) % 97 == int(autre["ins"]["matricule"][13:])


def test_insi_gives_the_same_ins_for_the_same_people(carte, tls, tmp_path):
    insi = Simulateur("insi", tmp_path, tls)
    client = ClientInsi(insi.adresse, tls)
    for foyer in ("titulaire", "famille", "famille_nombreuse", "sans_bloc_ins"):
        for b in carte.create(carte.code(foyer)).json()["beneficiaires"]:
            if "ins" in b:
                ins = b["ins"]
                traits = (ins["nomNaissance"], ins["prenom1"], ins["sexe"], ins["dateNaissance"])
                recu = client.traits(*traits, ins["lieuNaissance"])
                assert recu.text("NumIdentifiant") == ins["matricule"][:13]
                assert recu.text("ListePrenom") == ins["prenomsNaissance"]
    client.close()
    insi.stop()


@pytest.mark.cas("ins-62")
def test_the_end_of_a_context_is_told_in_paris_time(carte):
    def left(foyer):
        dit = carte.create(carte.code(foyer)).json()["contexteApCV"]["dateFinValidite"]
        fin = datetime.strptime(dit, "%Y%m%d%H%M%S").replace(tzinfo=ZoneInfo("Europe/Paris"))
        return fin.timestamp() - time.time()

    assert 1700 < left("titulaire") <= 1800
    assert left("contexte_echu") < 0


def test_tokens_and_identifiers_never_repeat(carte):
    lus = [carte.create(carte.code("titulaire")).json()["contexteApCV"] for _ in range(5)]

    assert len({c["token"] for c in lus}) == len({c["identifiant"] for c in lus}) == 5
    assert len(carte.simulateur.get("/contextes")) == 5
    assert not any("token" in c for c in carte.simulateur.get("/contextes"))


# 400


def _flip(texte):
    tete, charge, signature = texte.split(".")
    return f"{tete}.{charge}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _forge(texte):
    """Say that it is good for an hour more, under the same signature."""
    tete, charge, signature = texte.split(".")
    dit = json.loads(base64.urlsafe_b64decode(charge + "=="))
    dit["exp"] += 3600
    neuf = base64.urlsafe_b64encode(json.dumps(dit).encode()).decode().rstrip("=")
    return f"{tete}.{neuf}.{signature}"


@pytest.mark.parametrize(
    "abime",
    [
        _flip,
        _forge,
        lambda t: t.replace("APCVSIM1", "APCVSIM2"),
        lambda t: t[:-1],
        lambda t: f"{t}\n",
        lambda t: f"{t}A",
        lambda _t: "",
        lambda _t: "01S2TBPZ2JCNZZYGHZ",
    ],
    ids=["signature", "contenu", "version", "court", "retour", "long", "vide", "ordonnance"],
)
def test_a_text_that_is_not_ours_is_malformed(carte, abime):
    texte = carte.code("titulaire")
    refused(carte.create(abime(texte)), 400, "APCV_MALFORME")

    assert carte.create(texte).status_code == 201


def test_a_code_of_another_process_is_malformed(carte, tls, tmp_path):
    autre = Simulateur("vitale", tmp_path, tls)
    texte = autre.post("/codes", foyer="titulaire")["texte"]
    autre.stop()

    refused(carte.create(texte), 400, "APCV_MALFORME")


@pytest.mark.parametrize(
    "change",
    [
        {"mode": 3},
        {"mode": "2"},
        {"mode": True},
        {"contexteApCV": 12},
        {"ps": {"idNat": "12"}},
        {"ps": {"idNat": "810100000032", "nom": "X"}},
        {"ps": "810100000032"},
        {"structure": {}},
        {"structure": {"idNat": 1752026005}},
        {"poste": ""},
        {"poste": "x" * 65},
        {"poste": None},
        {"patient": "ADRUN"},
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_malformed(carte, change):
    demande = carte.request(carte.code("titulaire"))

    refused(carte.http.post(COLLECTION, json=demande | change), 400, "APCV_MALFORME")
    assert problems(demande, "demandeContexte") == []
    assert problems(demande | change, "demandeContexte") != []


@pytest.mark.parametrize("champ", ["mode", "contexteApCV", "ps", "structure", "poste"])
def test_nothing_may_miss(carte, champ):
    demande = carte.request(carte.code("titulaire"))
    del demande[champ]

    refused(carte.http.post(COLLECTION, json=demande), 400, "APCV_MALFORME")


@pytest.mark.parametrize("corps", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_not_an_object_is_malformed(carte, corps):
    entetes = {"Content-Type": "application/json"}

    refused(carte.http.post(COLLECTION, content=corps, headers=entetes), 400, "APCV_MALFORME")


def test_another_content_type_is_malformed(carte):
    corps = json.dumps(carte.request(carte.code("titulaire")))
    entetes = {"Content-Type": "text/plain"}

    refused(carte.http.post(COLLECTION, content=corps, headers=entetes), 400, "APCV_MALFORME")


# 403, 409, 410


@pytest.mark.parametrize("refus", [{"ps": ["899700000021"]}, {"structures": []}])
def test_a_professional_or_a_structure_may_be_unknown(carte, refus):
    texte = carte.code("titulaire")
    carte.simulateur.post("/autorises", **refus)
    refused(carte.create(texte), 403, "APCV_PS_NON_AUTORISE")
    carte.simulateur.post("/autorises", ps=["810100000032"], structures=["1752026005"])

    assert carte.create(texte).status_code == 201


@pytest.mark.cas("agent-78")
def test_a_code_is_good_once(carte):
    texte = carte.code("titulaire")

    assert carte.create(texte).status_code == 201
    refused(carte.create(texte), 409, "APCV_DEJA_UTILISE")


@pytest.mark.cas("agent-78")
@pytest.mark.parametrize(("age_s", "statut"), [(0, 201), (119, 201), (140, 201), (155, 410)])
def test_a_code_lives_two_minutes_and_a_grace(carte, age_s, statut):
    assert carte.create(carte.code("titulaire", age_s=age_s)).status_code == statut


def test_the_household_that_waited_too_long_is_expired(carte):
    refused(carte.create(carte.code("code_perime")), 410, "APCV_EXPIRE")


# Renewal and return


def test_a_context_is_renewed_by_a_new_presentation(carte):
    ancien = carte.create(carte.code("famille")).json()["contexteApCV"]
    reponse = carte.renew(ancien["identifiant"], carte.code("famille"))
    neuf = reponse.json()["contexteApCV"]

    assert reponse.status_code == 200
    assert problems(reponse.json(), "renouvellement") == []
    assert neuf["identifiant"] != ancien["identifiant"]
    assert neuf["token"] != ancien["token"]
    refused(carte.delete(ancien["identifiant"]), 404, "APCV_CONTEXTE_INCONNU")
    assert carte.delete(neuf["identifiant"]).status_code == 204


def test_a_context_past_its_end_is_renewed_too(carte):
    echu = carte.create(carte.code("contexte_echu")).json()["contexteApCV"]

    assert carte.renew(echu["identifiant"], carte.code("contexte_echu")).status_code == 200


def test_another_insured_person_renews_nothing(carte):
    ancien = carte.create(carte.code("famille")).json()["contexteApCV"]["identifiant"]
    texte = carte.code("titulaire")

    refused(carte.renew(ancien, texte), 422, "APCV_ASSURE_DIFFERENT")
    refused(carte.renew(ancien, texte), 409, "APCV_DEJA_UTILISE")
    assert carte.renew(ancien, carte.code("famille")).status_code == 200


@pytest.mark.parametrize(
    ("texte", "statut", "code"),
    [
        (lambda c: "n'importe quoi", 400, "APCV_MALFORME"),
        (lambda c: c.code("famille", age_s=300), 410, "APCV_EXPIRE"),
    ],
)
def test_a_renewal_checks_its_code(carte, texte, statut, code):
    ancien = carte.create(carte.code("famille")).json()["contexteApCV"]["identifiant"]

    refused(carte.renew(ancien, texte(carte)), statut, code)


@pytest.mark.parametrize("change", [{"facture": ""}, {"facture": "x" * 41}, {"autre": 1}])
def test_a_renewal_that_does_not_fit_is_malformed(carte, change):
    ancien = carte.create(carte.code("famille")).json()["contexteApCV"]["identifiant"]
    demande = {"mode": 2, "contexteApCV": carte.code("famille"), "facture": "F-1"} | change

    reponse = carte.http.post(f"{COLLECTION}/{ancien}/renouveler", json=demande)
    refused(reponse, 400, "APCV_MALFORME")


def test_an_unknown_context_is_not_found(carte):
    refused(carte.renew(INCONNU, carte.code("famille")), 404, "APCV_CONTEXTE_INCONNU")
    refused(carte.delete(INCONNU), 404, "APCV_CONTEXTE_INCONNU")


def test_a_context_given_back_is_gone(carte):
    identifiant = carte.create(carte.code("famille")).json()["contexteApCV"]["identifiant"]
    reponse = carte.delete(identifiant)

    assert (reponse.status_code, reponse.content) == (204, b"")
    refused(carte.delete(identifiant), 404, "APCV_CONTEXTE_INCONNU")


@pytest.mark.parametrize(
    ("methode", "chemin"),
    [
        ("POST", "/apcv/v2/contextes"),
        ("POST", f"{COLLECTION}/"),
        ("POST", f"{COLLECTION}/{INCONNU}"),
        ("DELETE", COLLECTION),
        ("DELETE", f"{COLLECTION}/{INCONNU}/renouveler"),
    ],
)
def test_another_address_is_nothing(carte, methode, chemin):
    assert carte.http.request(methode, chemin).status_code in {404, 411}


# Who may connect


@pytest.mark.parametrize("certificat", [None, "refuse-autre-ac"])
def test_no_certificate_or_a_foreign_one_opens_nothing(simulateur, tls, certificat):
    client = ClientCarte(simulateur, tls, certificat)
    with pytest.raises(httpx.TransportError):
        client.create("x")
    client.close()


# Moods


@pytest.mark.parametrize(("humeur", "resultat"), [("panne", "coupe"), ("reponse_perdue", "201")])
def test_a_cut_is_told_and_a_lost_answer_burns_the_code(carte, simulateur, humeur, resultat):
    texte = carte.code("titulaire")
    simulateur.humeur(humeur, fois=1)
    with pytest.raises(httpx.TransportError):
        carte.create(texte)

    assert simulateur.journal()[-1]["resultat"] == resultat
    assert carte.create(texte).status_code == {"coupe": 201, "201": 409}[resultat]


def test_a_doubled_message_is_answered_as_used(carte, simulateur):
    simulateur.humeur("doublon", fois=1)
    refused(carte.create(carte.code("titulaire")), 409, "APCV_DEJA_UTILISE")

    assert [e["resultat"] for e in simulateur.journal()] == ["201", "APCV_DEJA_UTILISE"]


def test_unavailable_comes_bare_or_with_the_code_of_the_contract(carte, simulateur):
    simulateur.humeur("panne_503", fois=1)
    nue = carte.create(carte.code("titulaire"))
    simulateur.humeur("faute", code="APCV_INDISPONIBLE", fois=1)

    assert (nue.status_code, nue.content) == (503, b"Service Unavailable")
    refused(carte.create(carte.code("titulaire")), 503, "APCV_INDISPONIBLE")


@pytest.mark.parametrize(
    "code",
    [
        *("APCV_MALFORME", "APCV_PS_NON_AUTORISE", "APCV_CONTEXTE_INCONNU", "APCV_DEJA_UTILISE"),
        *("APCV_EXPIRE", "APCV_ASSURE_DIFFERENT", "APCV_INDISPONIBLE"),
    ],
)
def test_each_refusal_can_be_asked_for_and_burns_nothing(carte, simulateur, code):
    texte = carte.code("titulaire")
    simulateur.humeur("faute", code=code, fois=1)

    assert carte.create(texte).json()["code"] == code
    assert carte.create(texte).status_code == 201


@pytest.mark.parametrize(
    ("variante", "verifie"),
    [
        ("html", lambda r: r.content.startswith(b"<html>")),
        ("vide", lambda r: r.content == b""),
        ("tronque", lambda r: r.content.startswith(b'{"contexteApCV"')),
        ("autre", lambda r: "ald" in r.json()),
        ("type_contenu", lambda r: r.headers["content-type"] == "text/plain"),
        ("enorme", lambda r: len(r.content) > 12_000_000),
    ],
)
def test_each_nonsense_comes_with_http_200(carte, simulateur, variante, verifie):
    simulateur.humeur("absurde", variante=variante, fois=1)
    reponse = carte.create(carte.code("titulaire"))

    assert reponse.status_code == 200
    assert verifie(reponse)


@pytest.mark.parametrize(
    ("variante", "legale"),
    [
        ("sans_ins", True),
        ("sans_patronymique", True),
        ("nom_usuel_vide", True),
        ("sans_lieu", True),
        ("sans_nir_certifie", True),
        ("cle_fausse", True),
        ("oid_inconnu", False),
        ("sans_beneficiaire", False),
        ("champ_inconnu", False),
        ("statut_autre", False),
    ],
)
def test_each_oddity_can_be_asked_for(carte, simulateur, variante, legale):
    simulateur.humeur("bizarre", variante=variante, fois=1)
    odd = carte.create(carte.code("famille")).json()
    normal = carte.create(carte.code("famille")).json()

    assert (problems(odd, "contexte") == []) is legale
    assert odd["beneficiaires"] != normal["beneficiaires"] or variante == "champ_inconnu"


def test_oddities_drawn_at_random_are_of_the_contract(carte, simulateur):
    simulateur.humeur("bizarre")
    lus = [carte.create(carte.code("famille")).json() for _ in range(20)]

    assert all(problems(contexte, "contexte") == [] for contexte in lus)
    assert {"ins" in contexte["beneficiaires"][0] for contexte in lus} == {True, False}


def test_latency_delays_one_operation_only(carte, simulateur):
    simulateur.humeur("normal", latence_ms=300, operation="creerContexte")
    identifiant = carte.create(carte.code("titulaire")).json()["contexteApCV"]["identifiant"]
    carte.delete(identifiant)
    creation, suppression = simulateur.journal()

    assert creation["duree_ms"] >= 300 > suppression["duree_ms"]
    assert (creation["operation"], suppression["operation"]) == (
        "creerContexte",
        "supprimerContexte",
    )


@pytest.mark.cas("agent-77")
def test_the_journal_holds_neither_name_nor_code_nor_token(carte, simulateur):
    texte = carte.code("titulaire")
    token = carte.create(texte).json()["contexteApCV"]["token"]
    carte.create(texte + "A")

    assert not any(secret in str(simulateur.journal()) for secret in (texte, token, "ADRUN"))


# Control


def test_anyone_of_the_population_may_have_a_phone(carte):
    enfant = next(p for p in build_population() if p.genre == "jumeaux" and p.ouvrant_droit)
    numeros = [enfant.ouvrant_droit, enfant.ins.matricule]
    carte.simulateur.post("/foyers", foyer="essai", matricules=numeros, sans_ins=numeros[:1])
    contexte = carte.create(carte.code("essai")).json()

    assert problems(contexte, "contexte") == []
    assert [b["nirCertifie"][:13] for b in contexte["beneficiaires"]] == numeros
    assert ["ins" in b for b in contexte["beneficiaires"]] == [False, True]


@pytest.mark.parametrize(
    ("demande", "statut"),
    [
        ({"foyer": "x", "matricules": []}, 422),
        ({"foyer": "x", "matricules": ["1234567890123"]}, 404),
        ({"foyer": "../x", "matricules": ["2751263220749"]}, 422),
        ({"foyer": "x", "matricules": ["2751263220749"], "usage": "parent"}, 422),
    ],
)
def test_a_wrong_household_is_refused(carte, demande, statut):
    assert carte.simulateur.http.post("/foyers", json=demande).status_code == statut
    assert len(carte.simulateur.get("/foyers")) == 11


def test_forgetting_makes_every_code_and_context_unknown(carte, simulateur):
    texte = carte.code("titulaire")
    identifiant = carte.create(carte.code("famille")).json()["contexteApCV"]["identifiant"]
    simulateur.post("/oublier")

    refused(carte.create(texte), 400, "APCV_MALFORME")
    refused(carte.delete(identifiant), 404, "APCV_CONTEXTE_INCONNU")
