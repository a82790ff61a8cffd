"""Cards through the running agent: readings, receipts, the code, signatures, faults."""

import asyncio
import base64
import contextlib
import hashlib
import os
import re
import signal
import time

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from agent.receipts import DemandesVues, canonical
from pharmacy.postes.services import canonical_json
from tests.agent.poste import ORIGINE, Poste, article, carte, seul

MARTIN, LEROY = "cps-martin", "cps-leroy"
FAUX = "9417"


@pytest.mark.exigence("AGT-08")
@pytest.mark.cas("agent-3", "agent-4")
@seul
async def test_a_reading_carries_a_receipt_that_proves_it(poste):
    async with poste.page() as page:
        poste.inserer("vitale-01")
        vu = await page.evenement("card.inserted")
        assert set(vu) == {"reader", "kind", "insertion_id", "atr_class"}
        lu = (await page.demander("vitale.read", nonce="n" * 24))["payload"]
        recu = poste.recu(lu["receipt"])
        assert lu["data"]["beneficiaires"][0]["prenom"] == "DOMINIQUE"
        assert recu["data_sha256"] == hashlib.sha256(canonical_json(lu["data"])).hexdigest()
        assert canonical(lu["data"]) == canonical_json(lu["data"])
        assert (recu["nonce"], recu["op"], recu["sub"]) == ("n" * 24, "vitale.read", "7")
        assert recu["driver"]["simulated"] is True
        assert recu["card"]["insertion_id"] == vu["insertion_id"]
        assert "DOMINIQUE" not in str(recu)


@seul
async def test_receipts_are_chained_whatever_the_operation(poste):
    async with poste.page() as page:
        poste.inserer("vitale-01")
        poste.inserer(MARTIN)
        premier = (await page.lire())["payload"]["receipt"]
        second = (await page.lire("cps.read"))["payload"]["receipt"]
        attendu = hashlib.sha256(premier.encode()).hexdigest()
        assert poste.recu(second)["prev"] == attendu


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-9", "agent-10", "agent-28")
@seul
async def test_what_cannot_be_read_is_named(poste):
    async with poste.page() as page:
        for nonce in (None, "", "court", 12, "x" * 200):
            assert await page.code("vitale.read", nonce=nonce) == "E_NONCE_MISSING"
        bon = "n" * 24
        assert await page.code("vitale.read", nonce=bon) == "E_NO_CARD"
        poste.geste("unplug", reader="vitale")
        assert await page.code("vitale.read", nonce=bon) == "E_NO_READER"
        assert poste.inserer("vitale-01")["ok"] is False
        poste.geste("plug", reader="vitale")
        poste.inserer("vitale-01", faults=[{"on": "power", "do": "mute"}])
        assert (await page.evenement("card.error"))["code"] == "E_CARD_MUTE"
        assert await page.code("vitale.read", nonce=bon) == "E_CARD_MUTE"
        poste.inserer(MARTIN, "vitale")
        refus = (await page.demander("vitale.read", nonce=bon))["error"]
        assert (refus["code"], refus["details"]) == ("E_CARD_UNKNOWN", {"atr_class": "cps"})
        poste.inserer("vitale-01", atr="3F6525002209699000")
        refus = (await page.demander("vitale.read", nonce=bon))["error"]
        assert refus["details"] == {"atr_class": "vitale1"}


@pytest.mark.cas("agent-27")
@seul
async def test_without_a_cps_a_vitale_is_read_in_part_and_says_which(poste):
    """As the official component does: identity and NIR; the rights wait for the CPS."""
    async with poste.page() as page:
        poste.inserer("vitale-01")
        seule = (await page.lire())["payload"]["data"]
        assert (seule["cps_absente"], seule["limites"]) == (
            True,
            ["droits", "ald", "mutuelle", "at"],
        )
        assert all(b["droits_amo"] is None and b["amc"] is None for b in seule["beneficiaires"])
        assert seule["accidents_travail"] is None
        poste.inserer(MARTIN)
        poste.inserer("vitale-01")
        entiere = (await page.lire())["payload"]["data"]
        assert (entiere["cps_absente"], entiere["limites"]) == (False, [])
        assert entiere["beneficiaires"][0]["droits_amo"]
        for bloc in ("nom_usuel", "prenom", "date_naissance", "nir_certifie"):
            assert [b[bloc] for b in seule["beneficiaires"]] == [
                b[bloc] for b in entiere["beneficiaires"]
            ]


@pytest.mark.cas("agent-22")
@pytest.mark.parametrize(
    "vitale",
    [
        None,
        [],
        "x",
        {},
        {"assure": {}},
        {"assure": {}, "beneficiaires": {}},
        {"assure": {}, "beneficiaires": [None]},
        {"assure": {}, "beneficiaires": [{"date_naissance": 19790328}]},
    ],
)
@seul
async def test_a_garbage_card_is_refused_and_the_reader_still_works(poste, vitale):
    async with poste.page() as page:
        poste.inserer("vitale-01", vitale=vitale)
        refus = (await page.lire())["error"]
        assert refus["code"] == "E_VITALE_DATA"
        assert refus["details"]["block"] in {"assure", "beneficiaires"}
        poste.inserer("vitale-01")
        assert (await page.lire())["ok"]


@seul
async def test_a_garbage_cps_is_refused_and_the_reader_still_works(poste):
    async with poste.page() as page:
        for cps in (None, {}, {"pin": {}}, {"pin": {"tries_max": "x", "tries_left": 3}}):
            poste.inserer(MARTIN, cps=cps)
            assert (await page.lire("cps.read"))["error"]["code"] == "E_CPS_READ"
            assert await page.code("cps.sign", request=poste.demande()) == "E_CPS_READ"
        poste.inserer(MARTIN, cps={**carte(MARTIN)["cps"], "keys": None})
        assert (await page.lire("cps.read"))["error"]["code"] == "E_CPS_CERT"
        poste.inserer(MARTIN, faults=[{"on": "apdu", "do": "garbage"}])
        assert (await page.lire("cps.read"))["error"]["code"] == "E_CPS_READ"
        assert (await page.lire("cps.read"))["ok"]
        poste.inserer("vitale-01", faults=[{"on": "apdu", "do": "sw", "sw": "6F00"}])
        assert (await page.lire())["error"]["details"] == {"sw": "6F00"}


@pytest.mark.cas("agent-23", "agent-24")
@seul
async def test_odd_dates_and_wrong_keys_are_delivered_as_they_are(poste):
    vitale = carte("vitale-01")["vitale"]
    vitale["assure"]["cle"] = "11"
    vitale["beneficiaires"][0]["date_naissance"] = "19402000"
    async with poste.page() as page:
        poste.inserer("vitale-01", vitale=vitale)
        data = (await page.lire())["payload"]["data"]
        assert data["anomalies"] == ["cle_nir"]
        assert data["assure"]["cle"] == "11"
        porteur = data["beneficiaires"][0]
        assert (porteur["date_naissance"], porteur["lunaire"]) == ("19402000", True)
        assert porteur["date_naissance_iso"] is None
        for nir, cle in (("2850375116042", "33"), ("185052A004120", "59")):
            vitale["assure"] |= {"nir": nir, "cle": cle}
            poste.inserer("vitale-01", vitale=vitale)
            assert (await page.lire())["payload"]["data"]["anomalies"] == []


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-6", "agent-7", "agent-8", "agent-13")
@pytest.mark.parametrize(
    ("geste", "code"),
    [
        (lambda p: p.geste("pull", reader="vitale"), "E_CARD_REMOVED"),
        (lambda p: p.geste("unplug", reader="vitale"), "E_READER_GONE"),
        (lambda p: p.inserer("vitale-02"), "E_CARD_CHANGED"),
    ],
)
@seul
async def test_a_card_that_leaves_during_its_reading_gives_nothing(poste, geste, code):
    async with poste.page() as page:
        poste.inserer("vitale-01", protocol={"delay_ms": 5000})
        lecture = await page.send("vitale.read", nonce="n" * 24)
        assert await page.code("vitale.read", nonce="n" * 24) == "E_BUSY"
        geste(poste)
        reponse = await page.reponse(lecture)
        assert reponse["error"]["code"] == code
        assert "payload" not in reponse
        assert (await page.evenement("card.removed"))["during"] == lecture
        poste.geste("plug", reader="vitale")
        poste.inserer("vitale-01")
        assert (await page.lire())["payload"]["data"]["beneficiaires"][0][
            "nom_usuel"
        ] == "PAT-TROIS"


@seul
async def test_a_card_pulled_at_its_first_exchange_gives_nothing(poste):
    async with poste.page() as page:
        poste.inserer("vitale-01", faults=[{"on": "apdu", "n": 1, "do": "pull"}])
        assert (await page.lire())["error"]["code"] == "E_CARD_REMOVED"


@pytest.mark.cas("agent-18", "agent-19")
@seul
async def test_a_card_that_hangs_ends_at_the_deadline_and_holds_nobody(poste):
    async with poste.page() as page:
        poste.inserer("vitale-01", faults=[{"on": "apdu", "do": "hang"}])
        poste.inserer(MARTIN)
        lecture = await page.send("vitale.read", nonce="n" * 24, deadline_ms=400)
        assert (await page.lire("cps.read"))["ok"]
        assert (await page.reponse(lecture))["error"]["code"] == "E_TIMEOUT"
        assert (await page.lire())["ok"]


@seul
async def test_a_reading_is_cancelled_by_its_page(poste):
    async with poste.page() as page:
        poste.inserer("vitale-01", faults=[{"on": "apdu", "do": "hang"}])
        lecture = await page.send("vitale.read", nonce="n" * 24)
        assert (await page.demander("cancel", id=lecture))["payload"]["cancelled"] is True
        assert (
            any(t["type"] == "res" and t["error"]["code"] == "E_CANCELLED" for t in page.evenements)
            or (await page.reponse(lecture))["error"]["code"] == "E_CANCELLED"
        )
        assert (await page.demander("cancel", id="r999"))["payload"]["cancelled"] is False
        assert (await page.lire())["ok"]


@seul
async def test_a_reading_is_for_the_window_in_front(poste):
    poste.inserer("vitale-01")
    async with poste.page() as derriere, poste.page() as devant:
        assert (await derriere.lire())["error"]["code"] == "E_NOT_FOCUSED"
        assert await derriere.code("cps.sign", request=poste.demande()) == "E_NOT_FOCUSED"
        assert (await devant.lire())["ok"]


# The code and the signature


async def taper(poste, page, chiffres):
    """Wait for the window, then type; what the window said."""
    while not (await page.evenement("cps.prompt"))["open"]:
        pass
    fenetre = poste.geste("state")["state"]["pin_window"]
    assert poste.geste("pin", digits=chiffres)["ok"]
    return fenetre


@pytest.mark.cas("agent-40")
@seul
async def test_what_is_signed_is_shown_and_verifies(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        items = [article(id=str(n), label=f"Document {n}") for n in range(5)]
        signature = await page.send("cps.sign", request=poste.demande(items=items, jti="j" * 32))
        fenetre = await taper(poste, page, "1234")
        assert fenetre == {
            "holder": "ALICE MARTIN",
            "id_nat": "810100000040",
            "purpose": "Ordonnance Numérique",
            "label": "Document 0 ; Document 1 ; Document 2 + 2",
            "tries_left": 3,
            "reader": "cps",
            "origin": ORIGINE,
            "step": "saisie",
            "wrong": False,
        }
        signe = (await page.reponse(signature))["payload"]
        certificat = x509.load_der_x509_certificate(base64.b64decode(signe["certificate_b64"]))
        assert [s["id"] for s in signe["signatures"]] == ["0", "1", "2", "3", "4"]
        for s in signe["signatures"]:
            certificat.public_key().verify(
                base64.b64decode(s["sig_b64"]), b"texte", padding.PKCS1v15(), hashes.SHA256()
            )
        recu = poste.recu(signe["receipt"])
        assert (recu["op"], recu["nonce"]) == ("cps.sign", "j" * 32)
        # The code given holds: the next one opens no window.
        assert (await page.demander("cps.sign", request=poste.demande()))["ok"]
        assert (await page.demander("cps.pin_state"))["payload"]["state"] == "presentee"
        await page.demander("cps.lock")
        assert (await page.demander("cps.pin_state"))["payload"]["state"] == "a_presenter"


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-35", "agent-36")
@seul
async def test_wrong_codes_are_counted_by_the_card_until_it_blocks(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        essai = await page.send("cps.sign", request=poste.demande())
        assert (await taper(poste, page, FAUX))["tries_left"] == 3
        for reste in (2, 1):
            assert await page.evenement("cps.pin") == {"state": "a_presenter", "tries_left": reste}
            fenetre = poste.geste("state")["state"]["pin_window"]
            assert (fenetre["tries_left"], fenetre["wrong"]) == (reste, True)
            fenetre = poste.geste("pin", digits=FAUX)["pin_window"]
        assert fenetre["step"] == "confirmation"
        assert poste.geste("pin", digits=FAUX)["error"] == "fenetre_fermee"
        assert poste.geste("pin_confirm")["ok"]
        refus = (await page.reponse(essai))["error"]
        assert (refus["code"], refus["details"]["tries_left"]) == ("E_CPS_PIN_LOCKED", 0)
        poste.inserer(MARTIN)
        assert await page.code("cps.sign", request=poste.demande()) == "E_CPS_PIN_LOCKED"
        assert poste.geste("state")["state"]["pin_window"] is None
        assert (await page.demander("cps.pin_state"))["payload"]["state"] == "bloquee"


@pytest.mark.cas("agent-36")
@seul
async def test_a_counter_is_the_cards_the_next_day(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        essai = await page.send("cps.sign", request=poste.demande())
        await taper(poste, page, FAUX)
        await page.evenement("cps.pin")
        poste.geste("pin", digits=FAUX)
        await page.evenement("cps.pin")
        poste.geste("pin_cancel")
        assert (await page.reponse(essai))["error"]["code"] == "E_CPS_PIN_CANCELLED"
    poste.geste("remove", reader="cps")
    poste.inserer(MARTIN)
    async with poste.page() as page:
        essai = await page.send("cps.sign", request=poste.demande())
        page.evenements.clear()
        assert (await taper(poste, page, "1234"))["tries_left"] == 1
        assert poste.geste("pin_confirm")["ok"]
        assert (await page.reponse(essai))["ok"]


@pytest.mark.cas("agent-36", "agent-37")
@seul
async def test_a_window_left_or_a_card_pulled_spends_no_try(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        essai = await page.send("cps.sign", request=poste.demande())
        await page.evenement("cps.prompt")
        for malforme in ("", "123", "12a4", "123456789", "１２３４"):
            assert poste.geste("pin", digits=malforme)["error"] == "chiffres"
        assert poste.geste("pin_cancel")["ok"]
        assert (await page.reponse(essai))["error"]["code"] == "E_CPS_PIN_CANCELLED"
        assert poste.geste("pin", digits=FAUX)["error"] == "fenetre_fermee"
        page.evenements.clear()
        essai = await page.send("cps.sign", request=poste.demande())
        await page.evenement("cps.prompt")
        poste.geste("pull", reader="cps")
        assert (await page.reponse(essai))["error"]["code"] == "E_CARD_REMOVED"
        assert (await page.evenement("card.removed"))["during"] == essai
        assert poste.geste("state")["state"]["pin_window"] is None
        poste.inserer(MARTIN)
        assert (await page.demander("cps.pin_state"))["payload"] == {
            "state": "a_presenter",
            "tries_left": 3,
            "pinpad": False,
        }


@seul
async def test_a_page_that_leaves_closes_the_window_it_opened(poste):
    poste.inserer(MARTIN)
    async with poste.page() as temoin:
        async with poste.page() as page:
            ident = await page.send("cps.sign", request=poste.demande())
            vu = await page.evenement("cps.prompt")
            assert vu == {"open": True, "purpose": "Ordonnance Numérique", "op": ident}
        fin = time.monotonic() + 10
        while poste.geste("state")["state"]["pin_window"] is not None:
            assert time.monotonic() < fin
            await asyncio.sleep(0.01)
        # The other tab asked for nothing: it hears nothing of it.
        assert await temoin.rien("cps.prompt")
        assert await temoin.rien("op.progress")


@pytest.mark.cas("agent-39")
@seul
async def test_two_requests_share_one_window(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        un = await page.send("cps.sign", request=poste.demande())
        deux = await page.send("cps.sign", request=poste.demande())
        await taper(poste, page, "1234")
        assert (await page.reponse(un))["ok"]
        assert (await page.reponse(deux))["ok"]
        assert len([t for t in page.evenements if t.get("event") == "cps.prompt"]) <= 1


@pytest.mark.exigence("AGT-09")
@seul
async def test_the_code_never_crosses_the_socket_nor_the_log(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        essai = await page.send("cps.sign", request=poste.demande())
        await taper(poste, page, FAUX)
        await page.evenement("cps.pin")
        assert poste.geste("pin", digits="1234")["ok"]
        assert (await page.reponse(essai))["ok"]
        await page.demander("state.get")
        journal = poste.journal.read_text(encoding="utf-8")
        assert '"cps.sign"' in journal
        # Signatures, tokens and times are long runs where four digits may meet by chance.
        opaque = r'"(?:sig_b64|certificate_b64|receipt|proof|session|agent_time|ts)":\s?"?[^",}]*'
        for texte in [*poste.trames, journal]:
            nu = re.sub(r"[A-Za-z0-9+/=_-]{24,}", "", re.sub(opaque, "", texte))
            assert FAUX not in nu
            assert "1234" not in nu


@pytest.mark.cas("agent-41", "agent-42", "agent-43", "agent-44", "agent-45")
@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"items": [article(purpose="vihf")], "key": "auth"}, "E_SIGN_KEY_USAGE"),
        ({"items": [article(purpose="login")]}, "E_SIGN_KEY_USAGE"),
        ({"items": [article(purpose="virement")]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article(), article(purpose="document")]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": []}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article()] * 11}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article(digest_b64="AAAA")]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article(digest_b64="pas du base64 !")]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article(digest_b64=None)]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article(id=1)]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article(label="x" * 81)]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": [article(label="un\nautre texte")]}, "E_SIGN_REQUEST_INVALID"),
        ({"items": ["x"]}, "E_SIGN_REQUEST_INVALID"),
        ({"key": ["sig"]}, "E_SIGN_REQUEST_INVALID"),
        ({"alg": "PS256"}, "E_SIGN_ALG"),
        ({"alg": "none"}, "E_SIGN_ALG"),
        ({"sub": "8"}, "E_SIGN_REQUEST_INVALID"),
        ({"aud": "agent:p_AUTRE"}, "E_SIGN_REQUEST_INVALID"),
        ({"jti": None}, "E_SIGN_REQUEST_INVALID"),
        ({"iat": 0, "exp": 61}, "E_SIGN_REQUEST_INVALID"),
        ({"iat": 0, "exp": 60}, "E_SIGN_REQUEST_EXPIRED"),
        ({"iat": 2**39, "exp": 2**39 + 60}, "E_SIGN_REQUEST_INVALID"),
        ({"cert_sha256": "00" * 32}, "E_CPS_NOT_MATCHING"),
    ],
)
@seul
async def test_only_a_named_purpose_of_the_server_is_signed(poste, claims, code):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        assert await page.code("cps.sign", request=poste.demande(**claims)) == code
        assert poste.geste("state")["state"]["pin_window"] is None


@pytest.mark.cas("agent-42", "agent-43", "agent-44")
@seul
async def test_a_request_altered_replayed_or_for_another_card_is_refused(poste):
    demande = poste.demande()
    for faux in (demande[:-6] + "AAAAAA", poste.jeton("c"), "x", None, 7, ["a"], {}):
        async with poste.page() as page:
            assert await page.code("cps.sign", request=faux) == "E_SIGN_REQUEST_INVALID"
    async with poste.page() as page:
        poste.inserer(MARTIN)
        essai = await page.send("cps.sign", request=demande)
        await taper(poste, page, "1234")
        assert (await page.reponse(essai))["ok"]
        assert await page.code("cps.sign", request=demande) == "E_SIGN_REPLAYED"
        poste.inserer(LEROY)
        assert await page.code("cps.sign", request=poste.demande()) == "E_CPS_NOT_MATCHING"
        poste.inserer(MARTIN, cps={**carte(MARTIN)["cps"], "valide_au": "2020-01-01"})
        assert await page.code("cps.sign", request=poste.demande()) == "E_CPS_EXPIRED"


@pytest.mark.cas("agent-45")
@seul
async def test_pss_is_signed_by_the_signature_key_of_a_cps4_only(poste):
    quatre = carte(MARTIN)["cps"] | {"generation": "CPS4"}
    async with poste.page() as page:
        poste.inserer(MARTIN)
        assert await page.code("cps.sign", request=poste.demande(alg="PS256")) == "E_SIGN_ALG"
        assert poste.geste("state")["state"]["pin_window"] is None
        poste.inserer(MARTIN, cps=quatre, atr="3B9B188001001225006480040100009044")
        essai = await page.send("cps.sign", request=poste.demande(alg="PS256"))
        await taper(poste, page, "1234")
        signe = (await page.reponse(essai))["payload"]
        certificat = x509.load_der_x509_certificate(base64.b64decode(signe["certificate_b64"]))
        certificat.public_key().verify(
            base64.b64decode(signe["signatures"][0]["sig_b64"]),
            b"texte",
            padding.PSS(padding.MGF1(hashes.SHA256()), 32),
            hashes.SHA256(),
        )
        assert signe["signatures"][0]["alg"] == "PS256"


@seul
async def test_five_signature_requests_in_ten_seconds_then_wait(poste):
    async with poste.page() as page:
        for _ in range(5):
            assert await page.code("cps.sign", request=poste.demande()) == "E_NO_CARD"
        refus = (await page.demander("cps.sign", request=poste.demande()))["error"]
        assert (refus["code"], refus["retryable"]) == ("E_RATE_LIMITED", True)
        assert 0 < refus["details"]["retry_ms"] <= 10_000
    async with poste.page() as autre:
        assert await autre.code("cps.sign", request=poste.demande()) == "E_NO_CARD"


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-32", "agent-33")
@seul
async def test_situations_need_the_code_the_identity_does_not(poste):
    deux = [
        {"index": 1, "raison_sociale": "A", "struct_id_nat": "1750012345", "secteur": "SA33"},
        {"index": 3, "raison_sociale": "B", "struct_id_nat": "1750099999", "secteur": "SA01"},
    ]
    async with poste.page() as page:
        poste.inserer(MARTIN, cps={**carte(MARTIN)["cps"], "situations": deux})
        public = (await page.lire("cps.read"))["payload"]["data"]
        assert (public["nom"], "situations" in public) == ("MARTIN", False)
        assert poste.geste("state")["state"]["pin_window"] is None
        for refuse in (None, "court"):
            assert await page.code("cps.situations", nonce=refuse) == "E_NONCE_MISSING"
        lecture = await page.send("cps.situations", nonce="n" * 24)
        assert (await page.evenement("op.progress"))["id"] == lecture
        fenetre = await taper(poste, page, "1234")
        assert fenetre["purpose"] == "Lire les situations d'exercice"
        lu = (await page.reponse(lecture))["payload"]
        assert lu["data"]["situations"] == deux
        assert (lu["data"]["id_nat"], lu["data"]["simulated"]) == ("810100000040", True)
        recu = poste.recu(lu["receipt"])
        assert (recu["op"], recu["nonce"]) == ("cps.situations", "n" * 24)
        assert recu["data_sha256"] == hashlib.sha256(canonical_json(lu["data"])).hexdigest()
        # The code given for the situations serves the signature that follows.
        assert (await page.demander("cps.sign", request=poste.demande()))["ok"]
    async with poste.page(focus=False) as derriere, poste.page():
        assert await derriere.code("cps.situations", nonce="n" * 24) == "E_NOT_FOCUSED"


@seul
async def test_a_request_cancelled_closes_its_window(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        lecture = await page.send("cps.situations", nonce="n" * 24)
        while not (await page.evenement("cps.prompt"))["open"]:
            pass
        await page.demander("cancel", id=lecture)
        assert poste.geste("state")["state"]["pin_window"] is None
        assert (await page.demander("cps.pin_state"))["payload"]["tries_left"] == 3


@pytest.mark.cas("agent-99")
@seul
async def test_an_agent_killed_while_it_signs_signs_none_of_it_later(poste_neuf):
    demande = poste_neuf.demande()
    with contextlib.suppress(websockets.ConnectionClosed):
        async with poste_neuf.page() as page:
            poste_neuf.inserer(MARTIN)
            await page.send("cps.sign", request=demande)
            while not (await page.evenement("cps.prompt"))["open"]:
                pass
            os.kill(poste_neuf.process.pid, signal.SIGKILL)
            poste_neuf.process.wait(10)
            await page.fermeture()
    poste_neuf.pret.unlink()
    poste_neuf.start()
    async with poste_neuf.page() as page:
        poste_neuf.inserer(MARTIN)
        assert await page.code("cps.sign", request=demande) == "E_SIGN_REPLAYED"
        # The code was lost with the agent; a new request of the server asks for it.
        assert (await page.demander("cps.pin_state"))["payload"]["state"] == "a_presenter"
        essai = await page.send("cps.sign", request=poste_neuf.demande())
        assert (await taper(poste_neuf, page, "1234"))["tries_left"] == 3
        assert (await page.reponse(essai))["ok"]


@pytest.mark.parametrize("contenu", ["", "[]", "{", '{"sign:a": "x"}'])
def test_a_broken_memory_of_requests_is_begun_again(tmp_path, contenu):
    fichier = tmp_path / "demandes-vues.json"
    fichier.write_text(contenu, encoding="ascii")
    assert DemandesVues(fichier).add("sign:a", 1000.0)
    relu = DemandesVues(fichier)
    assert not relu.add("sign:a", 1001.0)
    assert relu.add("sign:b", 3000.0)
    assert set(DemandesVues(fichier).jti) == {"sign:b"}


@pytest.mark.exigence("AGT-11")
@seul
async def test_plugging_and_unplugging_is_told_at_once(poste):
    async with poste.page() as page:
        for geste, etat in (("unplug", "gone"), ("plug", "empty")):
            poste.geste(geste, reader="vitale")
            vu = await asyncio.wait_for(page.evenement("readers.changed"), 2)
            assert {r["use"]: r["state"] for r in vu["readers"]} == {
                "vitale": etat,
                "cps": "empty",
                "apcv": "empty",
            }
        assert [t["seq"] for t in page.evenements] == sorted(t["seq"] for t in page.evenements)


# A phone laid on the contactless reader

TELEPHONE = "APCVSIM1." + "N" * 60 + "." + "B" * 86


def telephone(texte=TELEPHONE, **autres):
    """A phone as the tray lays it: the text, nothing of who it is."""
    return {
        "schema": "officine.carte-sim/1",
        "kind": "apcv",
        "atr": "3B80800101",
        "apcv": {"texte": texte},
        **autres,
    }


@pytest.mark.exigence("AGT-03")
@pytest.mark.cas("agent-77")
@seul
async def test_a_phone_laid_is_read_with_a_receipt_and_is_in_no_log(poste):
    async with poste.page() as page:
        poste.geste("insert", reader="apcv", card=telephone())
        assert (await page.evenement("card.inserted"))["kind"] == "apcv_nfc"
        lu = (await page.demander("apcv.read_nfc", nonce="n" * 24))["payload"]
        recu = poste.recu(lu.pop("receipt"))
        assert lu == {"contexteApCV": TELEPHONE, "mode": 2}
        assert recu["data_sha256"] == hashlib.sha256(canonical_json(lu)).hexdigest()
        assert (recu["op"], recu["nonce"]) == ("apcv.read_nfc", "n" * 24)
        assert "APCVSIM1" not in str(recu)
        lecteurs = (await page.demander("state.get"))["payload"]["readers"]
        assert [le["kind"] for le in lecteurs if le["use"] == "apcv"] == ["nfc"]
    assert "APCVSIM1" not in poste.journal.read_text(encoding="utf-8")


@pytest.mark.exigence("AGT-10")
@seul
async def test_what_a_phone_does_not_give_is_named(poste):
    async with poste.page() as page:
        bon = {"nonce": "n" * 24}
        assert await page.code("apcv.read_nfc", **bon) == "E_APCV_NOT_PRESENTED"
        for texte in ("", "A\x01", "A" * 5000, 3, None):
            poste.geste("insert", reader="apcv", card=telephone(texte))
            assert await page.code("apcv.read_nfc", **bon) == "E_APCV_MALFORMED"
        abime = telephone(faults=[{"on": "apdu", "do": "garbage"}])
        poste.geste("insert", reader="apcv", card=abime)
        assert await page.code("apcv.read_nfc", **bon) == "E_APCV_MALFORMED"
        assert await page.code("apcv.read_nfc") == "E_NONCE_MISSING"


@pytest.mark.cas("agent-39")
@seul
async def test_a_card_pulled_names_the_first_request_that_waited_for_its_code(poste):
    async with poste.page() as page:
        poste.inserer(MARTIN)
        lecture = await page.send("cps.situations", nonce="n" * 24)
        await page.evenement("cps.prompt")
        signature = await page.send("cps.sign", request=poste.demande())
        assert (await page.demander("ping"))["ok"]
        poste.geste("pull", reader="cps")
        assert (await page.evenement("card.removed"))["during"] == lecture
        for ident in (lecture, signature):
            assert (await page.reponse(ident))["error"]["code"] in {"E_CARD_REMOVED", "E_NO_CARD"}
        page.evenements.clear()
        poste.inserer(MARTIN)
        poste.geste("pull", reader="cps")
        assert "during" not in await page.evenement("card.removed")


@seul
async def test_how_long_a_code_holds_is_the_officines_setting(tmp_path, tls):
    poste = Poste(tmp_path, tls)
    await asyncio.to_thread(poste.start, config={"code_minutes": 0})
    try:
        async with poste.page() as page:
            poste.inserer(MARTIN)
            for _ in range(2):
                page.evenements.clear()
                essai = await page.send("cps.sign", request=poste.demande())
                await page.evenement("cps.prompt")  # asked each time
                assert poste.geste("pin", digits="1234")["ok"]
                assert (await page.reponse(essai))["ok"]
            pin = (await page.demander("cps.pin_state"))["payload"]
            assert pin["state"] == "a_presenter"
    finally:
        await asyncio.to_thread(poste.stop)


@seul
async def test_a_reader_left_aside_reads_nothing_until_it_is_taken_back(poste):
    poste.inserer("vitale-01")
    async with poste.page(auth=False) as page:
        assert (await page.demander("auth", token=page.jeton(scope=["card:read", "admin"])))["ok"]
        await page.demander("focus.claim")

        async def affecter(usage, lecteur="vitale"):
            return await page.demander("reader.assign", reader=lecteur, use=usage)

        assert (await affecter("ignore"))["ok"]
        usages = (await page.evenement("readers.changed"))["readers"]
        assert [r["use"] for r in usages] == ["ignore", "cps", "apcv"]
        assert await page.code("vitale.read", nonce="n" * 24) == "E_NO_READER"
        assert (await affecter("vitale"))["ok"]
        assert (await page.lire())["ok"]
        assert (await affecter("nfc", "apcv"))["ok"]
        for usage, lecteur, code in (
            ("cps", "vitale", "E_NOT_SUPPORTED"),
            ("fax", "vitale", "E_PROTO_PAYLOAD"),
            ("cps", "x", "E_NO_READER"),
        ):
            assert (await affecter(usage, lecteur))["error"]["code"] == code
