"""The agent's doors: tokens, nonces, proofs, readings, signatures, scans; and hostile bodies."""

import base64
import json
import re
import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as reglages
from django.core.cache import cache
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import jws
from pharmacy.isolation.middleware import COOKIE_POSTE
from pharmacy.models import (
    Audit,
    DemandeSignature,
    NonceLecture,
    Operateur,
    Patient,
    Poste,
    RecuCarte,
    SituationsCps,
    Vente,
)
from tests.agent.conftest import INTERDITS
from tests.pharmacy.page_agent import BOITE, PORTES, VITALE, Agent, claims_of, post, refus

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(halle, tmp_path):
    return Agent(halle, tmp_path / "halle")


@pytest.fixture
def voisin(port, tmp_path):
    """The other officine, its own poste and agent."""
    return Agent(port, tmp_path / "port")


# Tokens, nonces, presence


@pytest.mark.exigence("AGT-09")
def test_a_token_is_for_this_operator_this_session_and_this_connection(agent):
    reponse = agent.post("jetons", {"wid": agent.wid, "challenge": "c" * 43}).json()
    claims = claims_of(reponse["token"])
    assert claims["sub"] == str(agent.troupe.operateurs["A01"].pk)
    assert (claims["sid"], claims["cnonce"]) == (agent.sid, "c" * 43)
    assert claims["aud"] == f"agent:{agent.wid}"
    assert claims["exp"] - claims["iat"] == 300
    assert set(claims["scope"]) == {"card:read", "cps:read", "cps:sign", "scan"}


def test_the_agent_of_another_poste_gets_no_token(agent, voisin):
    autre = agent.troupe.postes[1].wid
    for wid in (autre, voisin.wid, "", "p_INCONNU"):
        refus(agent.post("jetons", {"wid": wid, "challenge": "c"}), "autre_poste")


def test_a_poste_without_agent_asks_nothing(agent):
    Poste.objects.filter(pk=agent.troupe.postes[0].pk).update(etat=Poste.Etat.SANS_AGENT)
    refus(agent.post("nonces", {"op": "vitale.read"}), "poste_sans_agent")


@pytest.mark.exigence("AGT-13")
def test_a_revoked_poste_reads_nothing_more(agent):
    corps = agent.lecture()
    Poste.objects.filter(pk=agent.troupe.postes[0].pk).update(etat=Poste.Etat.REVOQUE)
    refus(agent.post("lectures", corps), "poste_sans_agent")
    refus(agent.post("jetons", {"wid": agent.wid, "challenge": "c"}), "poste_sans_agent")


def test_a_nonce_is_kept_by_its_digest_only(agent):
    nonce = agent.nonce()
    ligne = NonceLecture.objects.get()
    assert nonce not in {ligne.valeur_hash, str(ligne)}
    assert ligne.session_hash == agent.sid
    assert agent.post("nonces", {"op": "vitale.write"}).status_code == 400


def test_a_proof_marks_the_poste_alive(agent):
    assert agent.post("presence", {"proof": agent.preuve()}).status_code == 204
    poste = Poste.objects.get(wid=agent.wid)
    assert poste.version_agent == "1.4.0"
    assert timezone.now() - poste.vu_le < timedelta(minutes=1)


def test_what_ended_long_ago_is_forgotten_and_what_was_signed_stays(agent):
    poste, hier = agent.troupe.postes[0], timezone.now() - timedelta(days=1, minutes=1)
    for quand in (hier, timezone.now()):
        agent.nonce()
        NonceLecture.objects.filter(expire_le__gt=timezone.now()).update(expire_le=quand)
        for etat in ("demandee", "signee"):
            DemandeSignature.objects.create(
                officine=agent.troupe.officine,
                jti=f"{etat}-{quand:%j%H%M}",
                operateur=agent.troupe.operateurs["A01"],
                poste=poste,
                service="epu",
                certificat_der=b"",
                prepare=b"x",
                etat=etat,
                expire_le=quand,
            )
    assert agent.post("presence", {"proof": agent.preuve()}).status_code == 204
    assert NonceLecture.objects.count() == 1
    restent = DemandeSignature.objects.order_by("pk").values_list("etat", flat=True)
    assert list(restent) == ["signee", "demandee", "signee"]


@pytest.mark.parametrize(
    "change",
    [
        {"sid": "s" * 32},
        {"sid": None},
        {"iat": int(time.time()) - 3600},
        {"iat": int(time.time()) + 3600},
        {"iat": 10**400},
        {"iat": True},
        {"iat": "0"},
        {"iat": None},
        {"agent": "1\0"},
        {"agent": ["1"]},
        {"typ": "card-receipt+jwt"},
        {"cle": Ed25519PrivateKey.generate()},
    ],
    ids="-".join,
)
def test_an_old_or_foreign_proof_marks_nothing(agent, change):
    refus(agent.post("presence", {"proof": agent.preuve(**change)}), "preuve")
    assert Poste.objects.get(wid=agent.wid).vu_le is None


# Readings


@pytest.mark.exigence("AGT-01", "AGT-08")
def test_a_proved_reading_puts_its_person_in_the_sale(agent):
    vente = agent.troupe.vente("A01")
    reponse = agent.post("lectures", agent.lecture(vente=vente))
    assert reponse.json()["phrase"] == "Carte Vitale lue."
    vente.refresh_from_db()
    assert vente.patient == agent.troupe.patient()
    recu = RecuCarte.objects.get()
    assert (recu.chaine_rompue, recu.simule, recu.donnees) == (False, True, None)
    assert Audit.objects.filter(acte="lecture.vitale.read").exists()


def _faux(agent, **claims):
    recu = agent.recu("vitale.read", agent.nonce(), VITALE, **claims)
    return {"op": "vitale.read", "data": VITALE, "receipt": recu}


@pytest.mark.exigence("AGT-09")
@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sid": "s" * 32}, "recu_sid"),
        ({"sub": "0"}, "recu_sub"),
        ({"op": "cps.read"}, "recu_op"),
        ({"iss": "agent:p_AUTRE"}, "recu_iss"),
        ({"aud": "https://ailleurs.test"}, "recu_aud"),
        ({"data_sha256": "0" * 64}, "recu_data_sha256"),
        ({"jti": ""}, "recu_jti"),
        ({"jti": "j" * 65}, "recu_jti"),
        ({"jti": "j\0"}, "recu_jti"),
        ({"jti": 7}, "recu_jti"),
        ({"nonce": "\ud800"}, "recu_nonce"),
        ({"nonce": None}, "recu_nonce"),
        ({"nonce": "n" * 32}, "nonce"),
        ({"prev": ["x"]}, "recu_prev"),
        ({"prev": "\0"}, "recu_prev"),
    ],
)
def test_a_receipt_that_says_anything_else_is_refused(agent, claims, code):
    phrase = refus(agent.post("lectures", _faux(agent, **claims)), code)
    assert phrase.endswith("Relisez la carte.")
    assert not RecuCarte.objects.exists()


@pytest.mark.parametrize("pilote", [None, [], "reel", {}, {"simulated": "false"}, {"simulated": 0}])
def test_a_reader_that_does_not_say_so_is_a_simulated_one(agent, settings, pilote):
    corps = _faux(agent, driver=pilote)
    settings.ENVIRONNEMENT = "production"
    refus(agent.post("lectures", corps), "recu_simule")


@pytest.mark.cas("agent-31")
def test_a_real_reader_is_believed_in_production_and_a_simulated_one_is_not(agent, settings):
    settings.ENVIRONNEMENT = "production"
    refus(agent.post("lectures", agent.lecture()), "recu_simule")
    assert agent.post("lectures", _faux(agent, driver={"simulated": False})).status_code == 200
    assert RecuCarte.objects.get().simule is False


@pytest.mark.exigence("AGT-09")
def test_a_forged_receipt_is_refused(agent, voisin):
    corps = agent.lecture()
    entete, charge, signature = corps["receipt"].split(".")
    claims = {**claims_of(corps["receipt"]), "op": "vitale.read"}
    autre = jws.sign(Ed25519PrivateKey.generate(), "card-receipt+jwt", claims)
    voisine = jws.sign(voisin.cle, "card-receipt+jwt", claims)
    sans = jws.b64(b'{"alg":"none","typ":"card-receipt+jwt"}')
    hmac = jws.b64(b'{"alg":"HS256","typ":"card-receipt+jwt"}')
    for faux in (
        autre,
        voisine,
        f"{sans}.{charge}.",
        f"{hmac}.{charge}.{signature}",
        f"{entete}.{charge}.{signature[:-4]}AAAA",
    ):
        refus(agent.post("lectures", {**corps, "receipt": faux}), "signature_fausse")
    preuve = jws.sign(agent.cle, "agent-proof+jwt", claims)
    refus(agent.post("lectures", {**corps, "receipt": preuve}), "type_inattendu")
    assert agent.post("lectures", corps).status_code == 200


@pytest.mark.parametrize(
    "entete",
    [
        '"alg"',
        '["alg"]',
        "1",
        "[" * 4000,
        '{"a":' * 80,
        '{"alg":["EdDSA"],"typ":"card-receipt+jwt"}',
        '{"alg":"EdDSA","typ":"card-receipt+jwt","crit":[{}]}',
        '{"alg":"EdDSA","typ":"card-receipt+jwt","crit":1}',
        '{"alg":"EdDSA","typ":{}}',
    ],
)
def test_an_odd_header_is_a_refusal(agent, entete):
    recu = f"{jws.b64(entete.encode())}.e30.AAAA"
    reponse = agent.post("lectures", {"op": "vitale.read", "data": {}, "receipt": recu})
    assert reponse.json()["code"] in {"signature_fausse", "type_inattendu"}


def test_deep_claims_are_a_refusal_even_signed(agent):
    entete = jws.b64(b'{"alg":"EdDSA","typ":"card-receipt+jwt"}')
    avant = f"{entete}.{jws.b64(b'[' * 5000)}"
    recu = f"{avant}.{jws.b64(agent.cle.sign(avant.encode()))}"
    refus(
        agent.post("lectures", {"op": "vitale.read", "data": {}, "receipt": recu}),
        "signature_fausse",
    )


@pytest.mark.exigence("AGT-09")
@pytest.mark.cas("agent-30")
def test_a_reading_serves_once(agent):
    corps = agent.lecture()
    assert agent.post("lectures", corps).status_code == 200
    refus(agent.post("lectures", corps), "recu_rejoue")
    meme = claims_of(corps["receipt"])["nonce"]
    rejoue = agent.recu("vitale.read", meme, VITALE)
    refus(agent.post("lectures", {**corps, "receipt": rejoue}), "nonce")
    assert RecuCarte.objects.count() == 1


def test_a_nonce_lives_two_minutes(agent):
    corps = agent.lecture()
    NonceLecture.objects.update(expire_le=timezone.now())
    refus(agent.post("lectures", corps), "nonce")


def test_a_nonce_serves_its_own_operation(agent):
    recu = agent.recu("vitale.read", agent.nonce("cps.read"), VITALE)
    refus(agent.post("lectures", {"op": "vitale.read", "data": VITALE, "receipt": recu}), "nonce")


def test_what_was_read_in_a_session_is_not_of_another(agent):
    corps = agent.lecture()
    nonce = agent.nonce()
    agent.client = agent.troupe.client("A01")
    refus(agent.post("lectures", corps), "recu_sid")
    corps["receipt"] = agent.recu("vitale.read", nonce, VITALE)
    refus(agent.post("lectures", corps), "nonce")


@pytest.mark.cas("agent-29")
def test_edited_data_are_refused(agent):
    """One letter changed is another digest; the journal of the officine says who posted it."""
    corps = agent.lecture()
    lettre = json.loads(json.dumps(VITALE).replace("PAT-TROIS", "PAT-TROIX"))
    assert lettre != VITALE
    refus(agent.post("lectures", {**corps, "data": lettre}), "recu_data_sha256")
    trace = Audit.objects.get(acte="lecture.refusee")
    assert (trace.resultat, trace.operateur_id) == (
        "recu_data_sha256",
        agent.troupe.operateurs["A01"].pk,
    )
    for data in ({**VITALE, "source": "autre"}, {}, [], None, "x", 1e300):
        refus(agent.post("lectures", {**corps, "data": data}), "recu_data_sha256")
    autre = agent.recu("vitale.read", agent.nonce(), [VITALE])
    refus(agent.post("lectures", {**corps, "data": [VITALE], "receipt": autre}), "recu_data")


@pytest.mark.exigence("SEC-06")
def test_another_officine_uses_nothing_of_this_one(agent, voisin):
    vente = agent.troupe.vente("A01")
    refus(voisin.post("lectures", agent.lecture(vente=vente)), "signature_fausse")
    reponse = voisin.post("lectures", {**voisin.lecture(), "vente": vente.pk})
    assert reponse.json()["phrase"] == "Carte lue. Ouvrez une vente pour choisir le patient."
    Vente.objects.filter(pk=vente.pk).update(carte_presente=True)
    assert voisin.post("carte_retiree", {"vente": vente.pk}).status_code == 204
    vente.refresh_from_db()
    assert (vente.patient, vente.carte_presente) == (None, True)
    voisin.client.cookies[COOKIE_POSTE] = agent.client.cookies[COOKIE_POSTE].value
    refus(voisin.post("nonces", {"op": "vitale.read"}), "poste_sans_agent")


def test_the_card_given_back_is_noted(agent):
    vente = agent.troupe.vente("A01")
    agent.post("lectures", agent.lecture(vente=vente))
    agent.post("carte_retiree", {"vente": vente.pk})
    vente.refresh_from_db()
    assert vente.carte_presente is False


def _porteur(**change):
    return {**VITALE, "beneficiaires": [{**VITALE["beneficiaires"][0], **change}]}


@pytest.mark.parametrize(
    "data",
    [
        {**VITALE, "assure": ["nir"]},
        {**VITALE, "assure": {"nir": 2790351215189}},
        {**VITALE, "beneficiaires": {"prenom": "ANNE"}},
        {**VITALE, "beneficiaires": ["ANNE"]},
        {**VITALE, "beneficiaires": "ANNE"},
        _porteur(rang_gemellaire="²"),
        _porteur(rang_gemellaire=10**30),
        _porteur(rang_gemellaire=-1),
        _porteur(rang_gemellaire=True),
        _porteur(rang_gemellaire=[1]),
        _porteur(prenom="DOMI\0NIQUE"),
        _porteur(prenom={"a": 1}),
        _porteur(nom_usuel="X" * 101),
        _porteur(date_naissance="19790328000"),
        _porteur(qualite="\n"),
    ],
)
def test_odd_card_data_are_a_sentence_even_with_a_good_receipt(agent, data):
    corps = agent.lecture(data, vente=agent.troupe.vente("A01"))
    avant = Patient.objects.count()
    assert "illisibles" in refus(agent.post("lectures", corps), "VIT-006")
    assert Patient.objects.count() == avant


@pytest.mark.parametrize("naissance", ["19790000", "1979", "", None, "²9790328", "19791399"])
def test_a_lunar_or_broken_birth_date_stays_text(agent, naissance):
    vente = agent.troupe.vente("A01")
    data = _porteur(date_naissance=naissance, prenom="INVENTEE")
    assert agent.post("lectures", agent.lecture(data, vente=vente)).status_code == 200
    vente.refresh_from_db()
    assert vente.patient.date_naissance is None


def test_a_card_of_several_persons_asks_which_one(agent):
    vente = agent.troupe.vente("A01")
    data = {**VITALE, "beneficiaires": VITALE["beneficiaires"] * 2}
    suite = agent.post("lectures", agent.lecture(data, vente=vente)).json()
    recu = RecuCarte.objects.get()
    assert suite["dialogue"] == f"/vente/{vente.pk}/beneficiaires/{recu.pk}/"
    assert json.loads(bytes(recu.donnees)) == data


# The professional's card, and its signature


def _cps(certificat, **change):
    data = {"id_nat": "810100000032", "certificat_sig_b64": base64.b64encode(certificat).decode()}
    return {**data, **change}


def test_a_professionals_card_is_announced(agent, cps):
    reponse = agent.post("lectures", agent.lecture(_cps(cps.certificate), op="cps.read"))
    assert reponse.json()["phrase"] == "Carte professionnelle lue."


@pytest.mark.parametrize(
    "change",
    [
        {"certificat_sig_b64": "é"},
        {"certificat_sig_b64": "AAA"},
        {"certificat_sig_b64": "A A="},
        {"certificat_sig_b64": {"a": 1}},
        {"id_nat": "8\0"},
        {"id_nat": 810100000032},
        {"id_nat": "8" * 41},
    ],
)
def test_an_unreadable_professionals_card_is_a_sentence(agent, cps, change):
    corps = agent.lecture(_cps(cps.certificate, **change), op="cps.read")
    refus(agent.post("lectures", corps), "CPS-001")


def _situation(index, structure):
    raison = {"raison_sociale": "PHARMACIE DE LA HALLE", "secteur": "SA33"}
    return {"index": index, "struct_id_nat": structure, **raison}


@pytest.mark.cas("agent-33")
def test_the_situation_of_this_officine_is_in_force_by_itself(agent, halle):
    ici = f"1{halle.officine.finess}"
    for lues, precision, code in (
        ([_situation(1, "1750099999"), _situation(3, ici)], "situation 3", ""),
        ([_situation(1, "1750099999")], "aucune", "CPS-003"),
        ([], "aucune", "CPS-003"),
        ([_situation(1, ici), _situation(3, ici)], "aucune", "CPS-004"),
        ([_situation(1, ici), {**_situation(3, ici), "secteur": "SA07"}], "situation 1", ""),
    ):
        SituationsCps.objects.all().delete()
        corps = agent.lecture({"situations": lues}, op="cps.situations")
        suite = agent.post("lectures", corps).json()
        assert suite["code"] == code
        assert suite["dialogue"] is None  # nothing opens over the sale
        assert (suite["phrase"] == "") == (not code)
        ligne = Audit.objects.filter(acte="cps.situations").latest("pk")
        assert ligne.precision == precision


@pytest.mark.parametrize(
    "lues",
    [
        None,
        "1",
        [1],
        [{"index": "1"}],
        [{"index": True}],
        [{"index": 17}],
        [{"index": 1, "secteur": 7}],
        [{"index": 1, "raison_sociale": "a\nb"}],
        [{"index": 1}] * 17,
        {"a": 1},
    ],
)
def test_unreadable_situations_are_a_sentence(agent, lues):
    corps = agent.lecture({"situations": lues}, op="cps.situations")
    refus(agent.post("lectures", corps), "CPS-002")


@pytest.mark.exigence("AGT-01")
def test_the_receipt_of_a_signature_keeps_the_chain_whole(agent, cps):
    assert agent.post("lectures", agent.lecture()).status_code == 200
    assert agent.post("terminer", agent.signature(cps)).json()["phrase"] == "Signé."
    assert agent.post("lectures", agent.lecture()).status_code == 200
    recus = RecuCarte.objects.order_by("pk")
    assert [r.operation for r in recus] == ["vitale.read", "cps.sign", "vitale.read"]
    assert [r.chaine_rompue for r in recus] == [False, False, False]


def test_a_withheld_reading_breaks_the_chain_once(agent):
    agent.post("lectures", agent.lecture())
    agent.lecture()
    agent.post("lectures", agent.lecture())
    agent.post("lectures", agent.lecture())
    chaine = [r.chaine_rompue for r in RecuCarte.objects.order_by("pk")]
    assert chaine == [False, True, False]


def test_a_signature_without_its_own_receipt_is_refused(agent, cps):
    corps = agent.signature(cps)
    sans = {cle: valeur for cle, valeur in corps.items() if cle != "receipt"}
    refus(agent.post("terminer", sans), "HTTP-400", 400)
    data = {"signatures": corps["signatures"]}
    for recu, code in (
        (agent.recu("vitale.read", corps["id"], data), "recu_op"),
        (agent.recu("cps.sign", "n" * 32, data), "recu_nonce"),
        (agent.recu("cps.sign", corps["id"], {"signatures": []}), "recu_data_sha256"),
        ("x.y.z", "signature_fausse"),
    ):
        refus(agent.post("terminer", {**corps, "receipt": recu}), code)
    assert DemandeSignature.objects.get().etat == "demandee"


@pytest.mark.cas("agent-99")
def test_a_signature_serves_once_and_not_after_its_time(agent, cps):
    # Asked, then the agent died: what was asked stays open, and the retry is another request.
    perdue = agent.demande(cps)[0]
    corps = agent.signature(cps)
    assert corps["id"] != perdue
    assert DemandeSignature.objects.get(jti=perdue).etat == "demandee"
    assert agent.post("terminer", corps).status_code == 200
    refus(agent.post("terminer", corps), "recu_rejoue")
    data = {"signatures": corps["signatures"]}
    encore = {**corps, "receipt": agent.recu("cps.sign", corps["id"], data)}
    refus(agent.post("terminer", encore), "demande_inconnue")
    tard = agent.signature(cps)
    DemandeSignature.objects.filter(etat="demandee").update(expire_le=timezone.now())
    refus(agent.post("terminer", tard), "demande_inconnue")


def test_a_wrong_signature_is_refused_and_the_chain_goes_on(agent, cps, autre_cps):
    ident, claims = agent.demande(cps)
    digest = base64.b64decode(claims["items"][0]["digest_b64"])
    for octets in (autre_cps.sign(digest), b"", b"x"):
        items = [{"id": "1", "sig_b64": base64.b64encode(octets).decode()}]
        recu = agent.recu("cps.sign", ident, {"signatures": items})
        corps = {
            "id": ident,
            "signatures": items,
            "certificate_b64": base64.b64encode(cps.certificate).decode(),
            "receipt": recu,
        }
        refus(agent.post("terminer", corps), "signature_fausse")
    agent.post("lectures", agent.lecture())
    assert not RecuCarte.objects.filter(chaine_rompue=True).exists()


@pytest.mark.exigence("SEC-06")
def test_a_signature_asked_in_one_officine_is_unknown_in_another(agent, voisin, cps):
    corps = agent.signature(cps)
    refus(voisin.post("terminer", corps), "signature_fausse")
    recu = voisin.recu("cps.sign", corps["id"], {"signatures": corps["signatures"]})
    refus(voisin.post("terminer", {**corps, "receipt": recu}), "demande_inconnue")
    assert agent.post("terminer", corps).status_code == 200


def test_anothers_card_prepares_nothing(agent, autre_cps):
    certificat = base64.b64encode(autre_cps.certificate).decode()
    refus(
        agent.post("preparer", {"service": "epu", "certificat_b64": certificat}), "autre_titulaire"
    )
    refus(agent.post("preparer", {"service": "epu", "certificat_b64": "AAAA"}), "certificat")
    assert agent.post("preparer", {"service": "x", "certificat_b64": "AAAA"}).status_code == 400
    assert not DemandeSignature.objects.exists()


@pytest.mark.parametrize(
    ("avant", "apres", "code"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", "certificat"),
        (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", b"\x2a\x86\x48\xce\x3d\x04\x03\x63", "certificat_ac"),
    ],
    ids=["version", "algorithme"],
)
def test_a_certificate_of_an_unknown_kind_is_a_sentence(agent, cps, avant, apres, code):
    change = cps.certificate.replace(avant, apres)
    assert change != cps.certificate
    certificat = base64.b64encode(change).decode()
    corps = {"service": "epu", "certificat_b64": certificat}
    refus(agent.post("preparer", corps), code)


# Scans


@pytest.mark.exigence("AGT-04")
def test_a_scan_is_classified_by_the_server_and_added_to_the_sale(agent):
    vente = agent.troupe.vente("A01")
    corps = {"text": BOITE, "canal": "scan", "vente": vente.pk, "classe": "ordonnance"}
    assert "1 boîte" in agent.post("scans", corps).json()["phrase"]
    assert vente.lignes.get().cip13 == BOITE
    garde = agent.post("scans", {**corps, "garder": True}).json()["phrase"]
    assert garde == "Code lu, gardé : un produit. Répondez d'abord à la fenêtre."
    assert vente.lignes.get().quantite == 1


def test_a_code_with_a_nul_is_unreadable_and_not_malformed(agent):
    suite = agent.post("scans", {"text": f"{BOITE}\0{BOITE}", "canal": "scan"}).json()
    assert suite["phrase"].startswith("Code illisible (caractère de contrôle). Ouvrez une vente")


@pytest.mark.parametrize("vente", ["²", "-1", 10**30, "9" * 30, True, [1], {"a": 1}, 1.5, "\0"])
def test_a_sale_that_is_no_number_is_no_sale(agent, vente):
    assert agent.post("scans", {"text": "x", "canal": "scan", "vente": vente}).status_code == 200
    assert agent.post("carte_retiree", {"vente": vente}).status_code == 204


def test_a_device_gone_mad_is_told_so_and_another_session_is_not(agent):
    corps = {"text": BOITE, "canal": "scan"}
    cle = agent.client.cookies[reglages.SESSION_COOKIE_NAME].value
    cache.set(f"scan:{cle}", [time.time()] * 1799, 60)
    assert agent.post("scans", corps).status_code == 200
    reponse = agent.post("scans", corps)
    assert refus(reponse, "HTTP-429", 429).startswith("Trop de lectures à la fois")
    assert int(reponse["Retry-After"]) <= 60
    assert agent.post("nonces", {"op": "vitale.read"}).status_code == 200
    assert post(agent.troupe.client("A02"), "scans", corps).status_code == 200


# Rights


@pytest.mark.exigence("SEC-06")
def test_who_holds_no_sale_reads_nothing_but_sees_the_readers(agent):
    Operateur.objects.filter(code="A01").update(role="administratif")
    for porte in PORTES.keys() - {"jetons", "presence"}:
        phrase = refus(agent.post(porte, {"op": "vitale.read"}), "DROIT", 403)
        assert phrase.startswith("Votre profil ne permet pas de tenir une vente.")
    jeton = agent.post("jetons", {"wid": agent.wid, "challenge": "c"}).json()["token"]
    assert claims_of(jeton)["scope"] == []
    assert agent.post("presence", {"proof": agent.preuve()}).status_code == 204


def test_a_locked_session_has_no_door(agent):
    session = agent.client.session
    session["verrouillee"] = True
    session.save()
    for porte in PORTES:
        assert "verrouillée" in refus(agent.post(porte, {"op": "vitale.read"}), "HTTP-403", 403)


# Hostile bodies


@pytest.mark.parametrize(
    "brut",
    [
        b"[]",
        b"1",
        b'"op"',
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"op":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"op":NaN}',
        b'{"op":-1e999}',
        b'{"op":' + b"9" * 5000 + b"}",
        b'{"op":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"text":"' + b"x" * 1_000_000 + b'"}',
    ],
    ids=lambda brut: repr(brut[:12]),
)
def test_a_malformed_body_is_a_sentence_with_its_code(agent, brut):
    for porte in PORTES:
        phrase = refus(post(agent.client, porte, brut), "HTTP-400", 400)
        assert phrase == "Demande mal formée."


def test_what_is_not_json_is_a_sentence_too(agent):
    for adresse in PORTES.values():
        for genre in ("text/plain", "application/x-www-form-urlencoded"):
            reponse = agent.client.post(adresse, "op=vitale.read", content_type=genre)
            refus(reponse, "HTTP-415", 415)
        refus(agent.client.get(adresse), "HTTP-405", 405)


TEXTES = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(
        ["²", "\0", "\ud800", "é", "AAA", "=", "vitale.read", "cps.read", "epu", BOITE]
    ),
    st.sampled_from(["scan", "clavier", "saisie", "x.y.z", "e30.e30.AAAA", "01K7M4QX9TRB2VWZ3H"]),
)
FEUILLES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**4000), st.floats(), TEXTES
)
VALEURS = st.recursive(
    FEUILLES,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXTES, v, max_size=3),
    max_leaves=6,
)
CHAMPS = [
    *("op", "data", "receipt", "vente", "wid", "challenge", "proof", "service", "certificat_b64"),
    *("id", "signatures", "certificate_b64", "text", "canal", "garder", "ordonnance"),
]
ITEMS = st.just([{}]) | st.lists(st.dictionaries(st.just("sig_b64"), VALEURS), max_size=1)
CORPS = st.dictionaries(st.sampled_from(CHAMPS), VALEURS, max_size=16).flatmap(
    lambda corps: ITEMS.map(lambda items: {"signatures": items, **corps})
)
BORNE = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@BORNE
@given(porte=st.sampled_from(sorted(PORTES)), corps=CORPS)
def test_no_body_is_an_error_of_ours(agent, porte, corps):
    assert post(agent.client, porte, corps).status_code < 500


@BORNE
@given(
    texte=st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
    | st.from_regex(r"\]d201034009300657851[07][0-9A-Z]{0,12}\x1d21.{0,24}", fullmatch=True),
    canal=st.sampled_from(["scan", "clavier", "saisie"]),
)
def test_no_scan_is_an_error_of_ours(agent, texte, canal):
    reponse = post(agent.client, "scans", {"text": texte, "canal": canal})
    assert reponse.status_code in {200, 400, 409}


SIGNABLES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.sampled_from(["\0", "²", "X" * 300, "19790000", "ANNE"]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
    st.lists(st.integers(), max_size=2),
)
CHANGES = st.dictionaries(
    st.sampled_from(sorted(VITALE["beneficiaires"][0])), SIGNABLES, min_size=1, max_size=2
)
PORTEURS = st.lists(CHANGES.map(lambda c: {**VITALE["beneficiaires"][0], **c}), max_size=2)


@BORNE
@given(
    assure=st.just(VITALE["assure"]) | SIGNABLES | st.dictionaries(st.just("nir"), SIGNABLES),
    porteurs=PORTEURS | SIGNABLES,
)
def test_no_signed_card_is_an_error_of_ours(agent, assure, porteurs):
    vente = agent.troupe.vente("A01")
    data = {"assure": assure, "beneficiaires": porteurs}
    reponse = agent.post("lectures", agent.lecture(data, vente=vente))
    assert reponse.status_code in {200, 409}


@pytest.mark.cas("agent-98")
@pytest.mark.exigence("AGT-09")
def test_neither_the_log_nor_the_journal_names_anyone_nor_holds_a_token(agent, cps, caplog):
    """Accepted, refused, signed: each leaves a line, none of them what was read."""
    with caplog.at_level("DEBUG"):
        agent.post("lectures", agent.lecture())
        rejouee = agent.lecture()
        agent.post("lectures", rejouee)
        assert agent.post("lectures", rejouee).status_code == 409
        agent.post("lectures", {**agent.lecture(), "data": {**VITALE, "version": 9}})
        agent.post("lectures", agent.lecture(VITALE, op="cps.read"))
        agent.post("terminer", agent.signature(cps))
        agent.post("presence", {"proof": agent.preuve(sid="autre")})
        agent.post("scans", {"text": "2790351215189 PAT-TROIS", "canal": "scan"})
    lignes = Audit.objects.values_list("acte", "objet", "resultat", "precision")
    journal = "\n".join(" ".join(ligne) for ligne in lignes)
    assert "lecture.refusee" in caplog.text
    assert {"lecture.vitale.read", "lecture.refusee", "signature.epu"} <= {a[0] for a in lignes}
    lus = f"{caplog.text}\n{journal}"
    assert not re.search(r"[0-9]{13}|eyJ", lus)
    assert not [mot for mot in INTERDITS if re.search(rf"\b{mot}\b", lus)]
