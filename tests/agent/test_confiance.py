"""Whom the running agent trusts as time goes: its server, its user, its session, its own age."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import confiance, jws, pairs, session_os, web
from agent.policy import Enrolement
from tests.agent.conftest import running
from tests.agent.poste import ORIGINE, RACINE, Poste, jwk, port_libre, seul
from tests.agent.serveur_factice import serveur_factice
from tests.agent.test_serveur import MONTEE, SOUS, monter


@pytest.fixture
def serveur():
    with serveur_factice() as serveur:
        yield serveur


@pytest.fixture
def suivi(serveur, tmp_path, tls):
    """An agent of that server."""
    with running(Poste(tmp_path, tls, emetteur=serveur.adresse)) as poste:
        yield poste


async def jusqua(fait, quoi, delai_s=15):
    fin = time.monotonic() + delai_s
    while not fait():
        assert time.monotonic() < fin, quoi
        await asyncio.sleep(0.02)


def etat(poste):
    return poste.geste("state")["state"]


async def revoquer(serveur, poste):
    """The server says that this poste is revoked; its tab is closed for it."""
    async with poste.page() as page:
        serveur.reponses["config"] = poste.enrolement(etat="revoque", config={"config_seq": 2})
        poste.geste("wake")
        assert await page.fermeture() == 4009


# The server: configuration, keys, revocation


@pytest.mark.exigence("AGT-13")
@pytest.mark.cas("agent-96")
@seul
async def test_revoked_it_closes_its_tabs_wipes_its_key_and_is_no_longer_enrolled(serveur, suivi):
    await revoquer(serveur, suivi)
    assert not (suivi.dossier / "poste.key").exists()
    assert not (suivi.dossier / "enrolement.json").exists()
    assert etat(suivi)["enrolled"] is False
    assert monter(suivi, origine=f"Origin: {serveur.adresse}\r\n") == 403
    assert any(p.startswith("Poste ey") for nom, p in serveur.demandes if nom == "config")


@pytest.mark.exigence("AGT-13")
@seul
async def test_an_enrolment_written_later_is_taken_without_starting_again(serveur, suivi):
    await revoquer(serveur, suivi)
    del serveur.reponses["config"]
    confiance.save_key(suivi.dossier, Ed25519PrivateKey.generate())
    confiance.save_enrolment(suivi.dossier, suivi.enrolement(config={"config_seq": 3}))
    await jusqua(lambda: etat(suivi)["enrolled"], "l'enrôlement écrit n'est pas lu")
    async with suivi.page() as page:
        assert suivi.recu(page.acces["proof"], "agent-proof+jwt")["sid"] == "s" * 32


@pytest.mark.exigence("AGT-13")
@seul
async def test_paired_anew_while_it_runs_it_takes_its_new_key_once_refused(serveur, suivi):
    neuve = Ed25519PrivateKey.generate()
    confiance.save_key(suivi.dossier, neuve)
    confiance.save_enrolment(suivi.dossier, suivi.enrolement(config={"config_seq": 2}))
    serveur.refus.add("config")
    suivi.geste("wake")

    async def prouve():
        async with suivi.page() as page:
            try:
                jws.verify(page.acces["proof"], "agent-proof+jwt", [jwk(neuve)])
            except jws.JwsRefuse:
                return False
            return True

    async with asyncio.timeout(15):
        while not await prouve():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "forge",
    [
        lambda p: {**p.enrolement(etat="revoque", config={"config_seq": 2}), "wid": "p_AUTRE"},
        lambda p: p.enrolement(etat="revoque", config={"config_seq": 2}, wid="p_AUTRE"),
        lambda p: p.enrolement(etat="revoque", config={"config_seq": 2}, issuer="http://autre"),
        lambda p: p.enrolement(etat="revoque", config={"config_seq": 0}),
        lambda p: p.enrolement(etat="revoque"),
        lambda p: p.enrolement(
            Ed25519PrivateKey.generate(), etat="revoque", config={"config_seq": 2}
        ),
        lambda _p: {"etat": "revoque"},
        lambda _p: ["revoque"],
        lambda _p: None,
    ],
)
def test_a_configuration_not_signed_by_the_server_for_this_poste_changes_nothing(tmp_path, forge):
    poste = Poste(tmp_path, None)
    tenu = Enrolement.from_dict(poste.enrolement())
    with pytest.raises(confiance.ConfigRefusee):
        confiance.check_update(tenu, forge(poste))


def test_a_configuration_never_goes_back(tmp_path):
    poste = Poste(tmp_path, None)
    cinq = confiance.check_update(
        Enrolement.from_dict(poste.enrolement()),
        poste.enrolement(config={"config_seq": 5, "transport": "relais"}),
    )
    assert (cinq.seq, cinq.transport, cinq.code_minutes) == (5, "relais", 15)
    for dit, tenu in ((0, 0), (60, 60), (61, 15), (-1, 15), (True, 15), ("5", 15), (None, 15)):
        lu = Enrolement.from_dict(poste.enrolement(config={"code_minutes": dit}))
        assert lu.code_minutes == tenu
    meme = poste.enrolement(config={"config_seq": 5, "transport": "relais"})
    assert confiance.check_update(cinq, meme) == cinq
    for change in ({"config_seq": 4}, {"config_seq": 5, "transport": "auto"}):
        with pytest.raises(confiance.ConfigRefusee, match=r"ancienne|rejouee"):
            confiance.check_update(cinq, poste.enrolement(config=change))


def test_a_grammar_of_a_later_server_is_left_aside_and_the_others_are_read(tmp_path):
    poste = Poste(tmp_path, None)
    objet = poste.enrolement(config={"motifs": {"badge": "^B", "de_demain": "^D"}})
    confiance.save_enrolment(tmp_path, objet)
    _tenu, motifs = confiance.load_enrolment(tmp_path)
    assert motifs.badge == "^B"
    for faux in ({"motifs": 1}, {"motifs": ["x"]}, {"motifs": None}):
        with pytest.raises(confiance.ConfigRefusee, match="motifs"):
            confiance.read_motifs(poste.enrolement(config=faux))


@seul
async def test_a_configuration_of_a_later_server_is_followed_all_the_same(serveur, suivi):
    serveur.reponses["config"] = suivi.enrolement(
        config={"config_seq": 2, "motifs": {"de_demain": "^D"}}
    )
    suivi.geste("wake")
    await jusqua(lambda: _seq(suivi) == 2, "la configuration n'est pas gardée")
    assert etat(suivi)["enrolled"] is True


@seul
async def test_a_disk_that_refuses_does_not_end_the_following(serveur, suivi):
    serveur.reponses["config"] = suivi.enrolement(config={"config_seq": 2})
    (suivi.dossier / "enrolement.tmp").mkdir()
    suivi.geste("wake")
    await jusqua(lambda: '"event": "suivi"' in suivi.journal.read_text(), "rien n'est dit")
    (suivi.dossier / "enrolement.tmp").rmdir()
    serveur.reponses["config"] = suivi.enrolement(config={"config_seq": 3})
    suivi.geste("wake")
    await jusqua(lambda: _seq(suivi) == 3, "la configuration n'est pas gardée")


@seul
async def test_origins_that_no_longer_enter_are_closed_at_the_next_configuration(serveur, suivi):
    serveur.reponses["config"] = suivi.enrolement(config={"config_seq": 2})
    suivi.geste("wake")
    await jusqua(lambda: _seq(suivi) == 2, "la configuration n'est pas gardée")
    async with suivi.page() as page:
        assert (await page.demander("state.get"))["ok"]
    assert (suivi.dossier / "enrolement.json").stat().st_mode & 0o777 == 0o600
    assert (suivi.dossier / "poste.key").stat().st_mode & 0o777 == 0o600


def _seq(poste):
    lu = json.loads((poste.dossier / "enrolement.json").read_text(encoding="utf-8"))
    return lu["config"]["config_seq"]


@pytest.mark.cas("agent-60")
@seul
async def test_a_rotated_key_is_fetched_once_and_a_flood_of_unknown_keys_is_not(serveur, suivi):
    neuve = Ed25519PrivateKey.generate()
    serveur.reponses["jwks"] = {"keys": [jwk(neuve), jwk(suivi.serveur)]}
    async with suivi.page(auth=False) as page:
        assert (await page.demander("auth", token=page.jeton(cle=neuve)))["ok"]
        assert (await page.demander("auth.refresh", token=page.jeton()))["ok"]
        for _ in range(2):
            inconnue = page.jeton(cle=Ed25519PrivateKey.generate())
            assert await page.code("auth.refresh", token=inconnue) == "E_AUTH_TOKEN_INVALID"
    assert [nom for nom, _ in serveur.demandes].count("jwks") == 1


@seul
async def test_keys_whose_name_is_not_their_own_are_not_taken(serveur, suivi):
    neuve = Ed25519PrivateKey.generate()
    serveur.reponses["jwks"] = {"keys": [{**jwk(neuve), "kid": "autre"}]}
    async with suivi.page(auth=False) as page:
        assert await page.code("auth", token=page.jeton(cle=neuve)) == "E_AUTH_TOKEN_INVALID"
        assert (await page.demander("auth", token=page.jeton()))["ok"]


@pytest.mark.parametrize(
    "adresse",
    [
        "http://comptoir.example",
        "http://10.0.0.1:8000",
        "https://u:p@comptoir.example",
        "https://comptoir.example/chemin",
        "ftp://127.0.0.1",
        "comptoir.example",
        "",
    ],
)
def test_no_secret_travels_in_clear_nor_to_what_is_no_address(adresse):
    with pytest.raises(ValueError, match=r"adresse|https"):
        web.check_address(adresse)
    assert web.check_address("https://comptoir.example/") == "https://comptoir.example"
    assert web.check_address(ORIGINE) == ORIGINE


# Its own age


@pytest.mark.exigence("AGT-13")
@pytest.mark.cas("agent-62")
@seul
async def test_below_the_minimum_of_the_server_it_only_updates_itself(tmp_path, tls):
    poste = Poste(tmp_path, tls)
    poste.start(config={"min_agent": "99.0"})
    try:
        async with poste.page(focus=False) as page:
            assert page.acces["capabilities"]["min_agent"] == "99.0"
            for verbe in ("state.get", "vitale.read", "cps.sign", "focus.claim"):
                assert await page.code(verbe) == "E_UPDATE_REQUIRED"
            assert (await page.demander("auth.refresh", token=page.jeton()))["ok"]
            assert await page.code("agent.update.check") != "E_UPDATE_REQUIRED"
    finally:
        poste.stop()


@pytest.mark.parametrize(
    ("version", "minimum", "trop"),
    [
        ("1.3.9", "1.4.0", True),
        ("1.4.0", "1.4.0", False),
        ("1.10.0", "1.4.0", False),
        ("1.4", "", False),
        ("x", "0.1", True),
    ],
)
def test_versions_are_compared_as_numbers(tmp_path, version, minimum, trop):
    objet = Poste(tmp_path, None).enrolement(config={"min_agent": minimum})
    assert Enrolement.from_dict(objet).is_too_old(version) is trop


@pytest.mark.cas("agent-63")
@seul
async def test_a_page_of_another_protocol_is_told_then_closed(poste):
    async with poste.page(auth=False) as page:
        client = {"protocol": 2}
        assert await page.code("auth", token=page.jeton(), client=client) == "E_PROTO_VERSION"
        assert await page.fermeture() == 4005


# Its machine: user, ports, session, sleep


def test_the_owner_of_a_socket_is_read_in_the_table_of_the_kernel():
    with socket.socket() as ecoute:
        ecoute.bind(("127.0.0.1", 0))
        ecoute.listen()
        with socket.create_connection(ecoute.getsockname()) as pair:
            ports = pair.getsockname()[1], ecoute.getsockname()[1]
            assert pairs.is_ours(*ports)
            assert not pairs.is_ours(ports[0], ports[0])
    ligne = "0: 0100007F:1F40 0100007F:6E0D 01 0:0 00:0 0 {} 0 1"
    table = "entête\n" + ligne.format(1000)
    assert pairs.find_owner(table, 8000, 0x6E0D) == 1000
    assert pairs.find_owner(table, 0x6E0D, 8000) is None


AUTRE = """
import encodings.idna, os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
prise = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
prise.sendall(sys.argv[2].encode())
sys.stdout.write(prise.recv(64).decode().split()[1])
"""


@pytest.mark.exigence("AGT-09")
@pytest.mark.cas("agent-91")
def test_another_user_of_the_machine_is_refused(poste, monkeypatch):
    entetes = f"Host: 127.0.0.1:{poste.port}\r\nOrigin: {ORIGINE}\r\n{MONTEE}{SOUS}\r\n"
    requete = f"GET /agent/v1 HTTP/1.1\r\n{entetes}"
    if os.geteuid() == 0:
        vu = subprocess.run(
            [sys.executable, "-c", AUTRE, str(poste.port), requete],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        assert vu == "403"
    else:  # only root may become someone else: the same door, this process being someone else
        monkeypatch.setattr(os, "getuid", lambda: -1)
        with socket.create_connection(("127.0.0.1", poste.port)) as prise:
            assert not pairs.is_ours(prise.getsockname()[1], poste.port)
    assert monter(poste) == 101


@pytest.mark.cas("agent-91", "agent-93")
@seul
async def test_two_sessions_have_two_agents_on_two_ports_and_a_taken_port_is_left(tmp_path, tls):
    ports = [port_libre() for _ in range(3)]
    with socket.socket() as etranger:
        etranger.bind(("127.0.0.1", ports[0]))
        etranger.listen()
        une, deux = (Poste(tmp_path / n, tls, wid=f"p_{n}", ports=ports) for n in ("UNE", "DEUX"))
        try:
            for poste in (une, deux):
                poste.start()
            assert [une.port, deux.port] == ports[1:]
            async with une.page() as page, deux.page(auth=False) as autre:
                assert page.bonjour["wid"] == "p_UNE"
                assert autre.bonjour["wid"] == "p_DEUX"
                egare = deux.jeton(autre.bonjour["challenge"], aud="agent:p_UNE")
                assert await autre.code("auth", token=egare) == "E_AUTH_WRONG_WORKSTATION"
        finally:
            for poste in (une, deux):
                poste.stop()


def test_without_a_free_port_it_says_so_and_ends(tmp_path, tls):
    with socket.socket() as etranger:
        etranger.bind(("127.0.0.1", 0))
        etranger.listen()
        poste = Poste(tmp_path, tls, ports=[etranger.getsockname()[1]])
        with pytest.raises(AssertionError, match="Aucun des ports"):
            poste.start()


@pytest.mark.cas("agent-89")
@seul
async def test_a_locked_session_closes_everything_and_lets_nobody_in(poste_neuf):
    async with poste_neuf.page() as page, poste_neuf.page(focus=False) as autre:
        poste_neuf.geste("session", locked=True)
        assert await page.fermeture() == 4008
        assert await autre.fermeture() == 4008
    assert monter(poste_neuf) == 503
    poste_neuf.octets(b"3400930065785\r")
    poste_neuf.geste("session", locked=False)
    async with poste_neuf.page() as page:
        assert (await page.demander("cps.pin_state"))["payload"]["state"] != "presentee"
        assert not (await page.demander("state.get"))["payload"]["locked_session"]


@pytest.mark.parametrize(
    ("texte", "lu"),
    [
        ("LockedHint=no\nActive=yes\n", False),
        ("LockedHint=yes\nActive=yes\n", True),
        ("LockedHint=no\nActive=no\n", True),
        ("", None),
        ("Failed to get session\n", None),
    ],
)
def test_what_the_login_manager_says_is_read(texte, lu):
    assert session_os.read_session(texte) is lu


@pytest.mark.cas("agent-90")
@seul
async def test_after_a_sleep_the_code_is_asked_again_and_the_tab_renews_its_token(poste):
    async with poste.page() as page:
        poste.inserer("cps-martin")
        ident = await page.send("cps.sign", request=poste.demande())
        await jusqua(lambda: etat(poste)["pin_window"], "pas de fenêtre")
        poste.geste("pin", digits="1234")
        await page.reponse(ident)
        poste.geste("wake")
        await page.evenement("readers.changed")
        assert (await page.demander("cps.pin_state"))["payload"]["state"] == "a_presenter"
        assert (await page.demander("auth.refresh", token=page.jeton()))["ok"]


@seul
async def test_sleep_is_seen_by_the_clocks_and_a_lock_by_what_the_manager_says(monkeypatch):
    dormi, verrous, faits = (
        iter([0.0, 0.0, 3600.0, 3600.0, 3600.0]),
        iter([None, False, True, False]),
        [],
    )
    monkeypatch.setattr(session_os, "TOUR_S", 0)
    monkeypatch.setattr(session_os, "slept_s", lambda: next(dormi))

    async def verrou():
        return next(verrous)

    monkeypatch.setattr(session_os, "is_locked", verrou)
    with pytest.raises(RuntimeError):
        await session_os.watch(faits.append, lambda: faits.append("reveil"))
    assert faits == ["reveil", True, False]


@pytest.mark.exigence("AGT-11")
@seul
async def test_what_no_longer_works_is_told_at_once(poste):
    async with poste.page() as page:
        poste.geste("degrade", names=["pcsc"])
        assert (await page.evenement("agent.status"))["degraded"] == ["pcsc"]
        assert (await page.demander("state.get"))["payload"]["degraded"] == ["pcsc"]
        poste.geste("degrade", names=[])
        assert (await page.evenement("agent.status"))["degraded"] == []


def test_the_key_is_overwritten_before_it_is_removed(tmp_path):
    confiance.save_key(tmp_path, Ed25519PrivateKey.generate())
    double = tmp_path / "double"
    double.hardlink_to(tmp_path / "poste.key")
    confiance.wipe(tmp_path)
    assert not (tmp_path / "poste.key").exists()
    assert set(double.read_bytes()) == {0}
    confiance.wipe(tmp_path)


def test_the_command_line_refuses_an_address_in_clear(tmp_path):
    commande = ["-m", "agent", "enroler", "--dossier", str(tmp_path), "--code", "AB2D5FGH"]
    fait = subprocess.run(
        [sys.executable, *commande, "--serveur", "http://comptoir.example"],
        cwd=RACINE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert fait.returncode == 1
    assert "commence par https" in fait.stderr
    assert not list(tmp_path.iterdir())
