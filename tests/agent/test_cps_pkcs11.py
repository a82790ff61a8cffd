"""The CPS through PKCS#11: the library found, its process, SoftHSM in the card's place (§6.7)."""

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from agent.cards.base import ASigner, Carte
from agent.cards.code_porteur import CodePorteur
from agent.cards.cps import tlv
from agent.cards.cps.signature import check_own
from agent.cards.cps.usage import CodePerdu, UsageCps
from agent.cards.pkcs11.acces import AccesPkcs11
from agent.cards.pkcs11.bibliotheque import candidates, find_library
from agent.cards.pkcs11.ouvrier import CpsPkcs11, Ouvrier, translate
from agent.protocol.messages import ErreurAgent
from tests.agent.poste import seul

AID = bytes.fromhex("E828BD080F8025000001FF0010")
EMPREINTES = [hashlib.sha256(bytes([n])).digest() for n in range(5)]
LOGICIELS = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)


def code(acte, *args):
    with pytest.raises(ErreurAgent) as refus:
        acte(*args)
    return refus.value.code


# Where the library is


@pytest.mark.cas("agent-48")
def test_the_library_is_looked_for_where_its_installers_put_it():
    windows = {"WINDIR": r"D:\Win"}
    assert candidates("win32", windows, bits=64) == [r"D:\Win\System32\cps3_pkcs11_w64.dll"]
    assert candidates("win32", windows, bits=32) == [r"D:\Win\SysWOW64\cps3_pkcs11_w32.dll"]
    assert candidates("darwin", {}, bits=64) == ["/usr/local/lib/libcps3_pkcs11_osx.dylib"]
    assert candidates("freebsd", {}, bits=64) == []
    linux = candidates("linux", {}, bits=64)
    trouve = find_library("linux", {}, bits=64, existe=lambda c: c in linux[1:])
    assert trouve == linux[1]
    assert find_library("linux", {}, bits=64, existe=lambda _: False) is None


def test_a_configured_library_replaces_the_others_and_is_absolute():
    for donne, existe, attendu in (
        ("/ici/lib.so", True, "/ici/lib.so"),
        ("/ici/lib.so", False, None),
        ("lib.so", True, None),
    ):
        lu = find_library("linux", {}, bits=64, donne=donne, existe=lambda _, e=existe: e)
        assert lu == attendu


@pytest.mark.parametrize(
    ("ckr", "attendu"),
    [
        (0x32, ("E_CARD_REMOVED", {}, True)),
        (0xE0, ("E_CARD_REMOVED", {}, True)),
        (0x05, ("E_CARD_PROTOCOL", {"reason": "CKR_GENERAL_ERROR"}, True)),
        (0x30, ("E_CARD_PROTOCOL", {"reason": "CKR_DEVICE_ERROR"}, True)),
        (0xB3, ("E_CARD_PROTOCOL", {"reason": "CKR_SESSION_HANDLE_INVALID"}, True)),
        (0x80000001, ("E_CPS_BAD_ACTUA", {}, False)),
        (0x70, ("E_SIGN_ALG", {}, False)),
        (0x50, ("E_CPS_PIN_CANCELLED", {}, False)),
        (0x54, ("E_CPS_READ", {"reason": "CKR_54"}, False)),
    ],
)
def test_what_the_library_says_is_named_and_ends_the_worker_or_not(ckr, attendu):
    assert translate(ckr) == attendu


@pytest.mark.exigence("AGT-10")
@pytest.mark.cas("agent-48")
@pytest.mark.parametrize("contenu", [None, b"not a library"])
def test_a_library_missing_or_of_another_make_is_said(tmp_path, contenu):
    chemin = tmp_path / "libcps.so"
    if contenu is not None:
        chemin.write_bytes(contenu)
    ouvrier = Ouvrier(str(chemin))
    assert code(CpsPkcs11(ouvrier).public) == "E_CPS_LIB_MISSING"
    assert ouvrier.pid is None


@pytest.mark.cas("agent-48")
@seul
async def test_without_a_library_nothing_reads_a_cps_and_it_is_told():
    carte = Carte("cps", "cps", "i1")
    absent, faux = AccesPkcs11(None), AccesPkcs11("/nulle/part.so")
    assert (absent.nom, faux.nom) == (None, "pkcs11")
    for acces in (absent, faux):
        with pytest.raises(ErreurAgent) as refus:
            await acces.use(carte, lambda cps: cps.public())
        assert refus.value.code == "E_CPS_LIB_MISSING"
        assert acces.nom is None
        acces.leave()


# A token of SoftHSM, filled as a CPS is


def situation(raison, structure):
    champs = ((0x84, raison), (0x85, structure), (0x86, "SA33"))
    contenu = b"".join(tlv.encode(tag, texte.encode()) for tag, texte in champs)
    return tlv.encode(0xEE, contenu)


def remplir(module, tls, volet="CPS"):
    """Data, certificates and keys, visible before or after login as those of a CPS."""
    import PyKCS11
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    p = PyKCS11
    lib = p.PyKCS11Lib()
    lib.load(module)
    slot = next(
        s
        for s in lib.getSlotList(tokenPresent=True)
        if lib.getTokenInfo(s).flags & p.CKF_TOKEN_INITIALIZED
    )
    session = lib.openSession(slot, p.CKF_RW_SESSION)
    session.login("1234")

    def objet(classe, **attributs):
        modele = [(p.CKA_CLASS, classe), (p.CKA_TOKEN, True)]
        modele += [(getattr(p, f"CKA_{nom}"), valeur) for nom, valeur in attributs.items()]
        session.createObject(modele)

    donnees = {
        "CPS_INFO_PS": (b"\xec\x06\x82\x04SM26", False),
        f"{volet}_ACTIVITY_01_PS": (situation("PHARMACIE DE LA GARE", "1750012345"), True),
        f"{volet}_ACTIVITY_03_PS": (situation("HÔPITAL", "1750099999"), True),
    }
    for label, (valeur, prive) in donnees.items():
        objet(p.CKO_DATA, APPLICATION="CPS", LABEL=label, VALUE=list(valeur), PRIVATE=prive)
    # The signature pair first: order tells nothing.
    for cle, fin in (("sig", 0x10), ("auth", 0x20)):
        ident = list(AID + bytes([fin]))
        der = (tls / f"cps/810100000040-{cle}.der").read_bytes()
        n = load_pem_private_key(
            (tls / f"cps/810100000040-{cle}.key").read_bytes(), None
        ).private_numbers()
        nombre = lambda v: list(v.to_bytes((v.bit_length() + 7) // 8))  # noqa: E731
        objet(
            p.CKO_CERTIFICATE,
            CERTIFICATE_TYPE=p.CKC_X_509,
            ID=ident,
            VALUE=list(der),
            SUBJECT=[0x30, 0],
            PRIVATE=False,
        )
        objet(
            p.CKO_PRIVATE_KEY,
            KEY_TYPE=p.CKK_RSA,
            ID=ident,
            PRIVATE=True,
            SENSITIVE=True,
            EXTRACTABLE=False,
            SIGN=True,
            MODULUS=nombre(n.public_numbers.n),
            PUBLIC_EXPONENT=nombre(n.public_numbers.e),
            PRIVATE_EXPONENT=nombre(n.d),
            PRIME_1=nombre(n.p),
            PRIME_2=nombre(n.q),
            EXPONENT_1=nombre(n.dmp1),
            EXPONENT_2=nombre(n.dmq1),
            COEFFICIENT=nombre(n.iqmp),
        )
    session.logout()
    session.closeSession()


@pytest.fixture(scope="module")
def module_softhsm():
    """The library that plays the official one; the tests fail where it is not installed."""
    module = next((c for c in LOGICIELS if Path(c).is_file()), None)
    assert module, "softhsm2 manque : make systeme l'installe."
    return module


@pytest.fixture
def jeton(request, tmp_path, tls, module_softhsm, monkeypatch):
    """A worker on a fresh token; the volet that holds its situations may be told."""
    (tmp_path / "jetons").mkdir()
    conf = tmp_path / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {tmp_path}/jetons\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
    subprocess.run(
        [
            *(shutil.which("softhsm2-util"), "--init-token", "--free", "--label", "CPS SIM"),
            *("--so-pin", "12345678", "--pin", "1234"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    # In a process of its own: a library loaded once in this one would keep its first folder.
    import multiprocessing

    remplit = multiprocessing.get_context("spawn").Process(
        target=remplir, args=(module_softhsm, tls, getattr(request, "param", "CPS"))
    )
    remplit.start()
    remplit.join(60)
    assert remplit.exitcode == 0
    ouvrier = Ouvrier(module_softhsm)
    yield ouvrier
    ouvrier.kill()


@pytest.mark.exigence("AGT-01")
@pytest.mark.cas("agent-32", "agent-33", "agent-35", "agent-40")
def test_a_token_is_read_before_and_after_its_code(jeton, tls):
    cps = CpsPkcs11(jeton)
    public = cps.public()
    assert (public["id_nat"], public["nom"], public["profession"]) == (
        "810100000040",
        "MARTIN",
        21,
    )
    assert (public["specialites"], public["generation"]) == (["SM26"], "inconnue")
    # Before the code, neither situations nor keys: an empty list would be an invention.
    for acte in (cps.situations, lambda: cps.sign("sig", "RS256", EMPREINTES)):
        with pytest.raises(CodePerdu):
            acte()
    assert cps.pin_state().essais == 3
    faux = bytearray(b"9417")
    with pytest.raises(ErreurAgent) as refus:
        cps.login(faux)
    assert (refus.value.code, refus.value.details) == ("E_CPS_PIN_WRONG", {"tries_left": 2})
    assert faux == bytearray(4)
    assert cps.pin_state().essais == 2
    assert cps.login(bytearray(b"1234")).etat == "presentee"
    assert cps.login(bytearray(b"1234")).etat == "presentee"
    assert [(s["index"], s["raison_sociale"]) for s in cps.situations()] == [
        (1, "PHARMACIE DE LA GARE"),
        (3, "HÔPITAL"),
    ]
    for cle in ("auth", "sig"):
        der = (tls / f"cps/810100000040-{cle}.der").read_bytes()
        for alg in ("RS256", "PS256"):
            check_own(der, alg, EMPREINTES, cps.sign(cle, alg, EMPREINTES))
    assert code(cps.sign, "sig", "RS512", EMPREINTES) == "E_SIGN_ALG"


@pytest.mark.exigence("AGT-02")
@pytest.mark.cas("agent-33")
@pytest.mark.parametrize("jeton", ["CPS2TER"], indirect=True)
def test_situations_that_only_the_old_volet_holds_are_read_there(jeton):
    cps = CpsPkcs11(jeton)
    cps.login(bytearray(b"1234"))
    assert [s["index"] for s in cps.situations()] == [1, 3]


@pytest.mark.cas("agent-49")
def test_a_worker_killed_is_replaced_and_the_code_is_due_again(jeton):
    cps = CpsPkcs11(jeton)
    cps.login(bytearray(b"1234"))
    mort = jeton.pid
    os.kill(mort, signal.SIGKILL)
    assert code(cps.situations) == "E_INTERNAL"
    with pytest.raises(CodePerdu):
        cps.situations()
    assert jeton.pid != mort
    cps.logout()
    assert jeton.pid is None
    assert cps.public()["nom"] == "MARTIN"


def test_a_worker_that_does_not_answer_is_killed(jeton):
    CpsPkcs11(jeton).pin_state()
    arrete = jeton.pid
    os.kill(arrete, signal.SIGSTOP)
    jeton._delai_s = 0.2
    assert code(CpsPkcs11(jeton).pin_state) == "E_TIMEOUT"
    with pytest.raises(ProcessLookupError):
        os.kill(arrete, 0)


@pytest.mark.cas("agent-44", "agent-49")
@seul
async def test_the_window_and_the_worker_together(jeton, tls):
    faits = []
    codes = CodePorteur(lambda *fait: faits.append(fait))
    acces = AccesPkcs11(jeton.chemin)
    usage, carte = UsageCps(acces, codes, lambda *f: faits.append(f)), Carte("cps", "cps", "i1")
    codes.au_changement.append(
        lambda vue: vue and str(vue.etape) == "saisie" and codes.send(bytearray(b"1234"))
    )
    der = (tls / "cps/810100000040-sig.der").read_bytes()
    empreinte = hashlib.sha256(der).hexdigest()

    def demande(cert):
        return ASigner("sig", "RS256", EMPREINTES, "Signer", "5 documents", cert)

    with pytest.raises(ErreurAgent, match="E_CPS_NOT_MATCHING"):
        await usage.signer(carte, demande("00" * 32))
    signatures, lu = await usage.signer(carte, demande(empreinte))
    assert (lu, len(signatures)) == (der, 5)
    assert usage.pin_state(carte).etat == "presentee"
    os.kill(acces._ouvrier.pid, signal.SIGKILL)
    with pytest.raises(ErreurAgent, match="E_INTERNAL"):
        await usage.signer(carte, demande(empreinte))
    assert usage.pin_state(carte).etat == "a_presenter"
    assert (await usage.situations(carte))["situations"][1]["index"] == 3
    # Locked by who waits no more: the worker goes with what it knew.
    tache = asyncio.ensure_future(usage.etat(carte))
    await asyncio.sleep(0)
    tache.cancel()
    await asyncio.gather(tache, return_exceptions=True)
    assert not codes.is_given("i1")
    assert (await usage.etat(carte)).essais == 3
    usage.card_removed("i1")
    assert acces._ouvrier.pid is None
    assert usage.pin_state(carte).etat == "inconnue"
