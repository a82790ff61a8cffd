"""« Postes » : a code, six digits to compare, a signed enrolment; then the end, at once."""

import json
import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as reglages
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from agent import jws
from agent.protocol.enrolement import comparison_code, tidy_code
from pharmacy import parametres
from pharmacy.models import Audit, CodeEnrolement, Poste
from pharmacy.postes import cles, enrolement
from pharmacy.postes.configuration import build_enrolment

pytestmark = pytest.mark.django_db
PORTE = "/api/agent/enrolements"


def presenter(code, cle=None, **corps):
    """What an agent posts; a key of its own unless given."""
    cle = cle or Ed25519PrivateKey.generate()
    qui = {"agent_version": "1.4.0", "os": "Linux 6.1", "display_name": "CAISSE-2"}
    demande = {"code": code, "public_key": jws.public_raw(cle), **qui, **corps}
    return Client(HTTP_HOST="127.0.0.1").post(
        PORTE, json.dumps(demande), content_type="application/json"
    )


@pytest.fixture(autouse=True)
def _sans_compte():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def poste(halle):
    return halle.postes[1]


@pytest.fixture
def donne(halle, poste):
    return enrolement.issue_code(halle.administrateur(), poste)


def associer(halle, poste, donne, cle):
    """The whole way; what the agent receives."""
    presenter(donne.secret, cle)
    donne.refresh_from_db()
    halle.administration().post(
        f"/postes/{poste.pk}/decider/", {"comparaison": donne.comparaison, "accord": "oui"}
    )
    return presenter(donne.secret, cle).json()


def preuve(wid, cle, **claims):
    contenu = {"iss": f"agent:{wid}", "aud": reglages.ADRESSE, "agent": "1.5.0"}
    return jws.sign(cle, "agent-poll+jwt", {**contenu, "iat": int(time.time()), **claims})


def demander(wid, jeton):
    return Client(HTTP_HOST="127.0.0.1").get(
        f"/api/agent/config/{wid}", headers={"authorization": f"Poste {jeton}"}
    )


@pytest.mark.exigence("AGT-13")
def test_the_titulaire_pairs_a_poste_by_a_short_code_and_six_digits(halle, poste):
    titulaire, cle = halle.administration(), Ed25519PrivateKey.generate()
    titulaire.post(f"/postes/{poste.pk}/code/")
    donne = CodeEnrolement.objects.get(poste=poste)
    assert (
        f"{donne.secret[:4]} {donne.secret[4:]}"
        in titulaire.get(f"/postes/{poste.pk}/").content.decode()
    )
    attend = presenter(donne.secret.lower(), cle)
    assert attend.status_code == 202
    digits = comparison_code(donne.secret, jws.public_raw(cle), attend.json()["server_key_id"])
    page = titulaire.get(f"/postes/{poste.pk}/association/").content.decode()
    assert digits in page
    assert "CAISSE-2" in page
    assert Poste.objects.get(pk=poste.pk).etat != "associe"
    corps = {"comparaison": digits, "accord": "oui"}
    assert titulaire.post(f"/postes/{poste.pk}/decider/", corps).status_code == 302
    recu = presenter(donne.secret, cle)
    assert recu.status_code == 200
    contenu = recu.json()
    signe = jws.verify(contenu.pop("config_jws"), "agent-config+jwt", contenu["jwks"]["keys"])
    assert signe == contenu
    assert (contenu["wid"], contenu["issuer"]) == (poste.wid, reglages.ADRESSE)
    poste.refresh_from_db()
    assert (poste.etat, poste.cle_publique) == ("associe", jws.public_raw(cle))
    assert Audit.objects.filter(acte="poste.associer_agent", objet=f"poste:{poste.pk}").count() == 1


def test_the_comparison_code_is_the_one_of_the_specification():
    """Computed apart: HMAC-SHA-256(code, key then server id), four bytes, modulo a million."""
    import hashlib
    import hmac

    brut = hmac.new(b"AB2D5FGH", b"cleserveur", hashlib.sha256).digest()
    attendu = str(int(brut[:4].hex(), 16) % 1_000_000).rjust(6, "0")
    assert comparison_code("AB2D5FGH", "cle", "serveur") == attendu
    assert comparison_code("AB2D5FGH", "cle", "autre") != attendu


@pytest.mark.parametrize(
    ("brut", "lu"),
    [
        ("ab2d 5fgh", "AB2D5FGH"),
        ("OIL0-0000", "01100000"),
        ("AB2D5FG", ""),
        ("AB2D5FGHH", ""),
        ("AB2D5FGU", ""),
        ("", ""),
    ],
)
def test_a_code_is_read_as_a_person_writes_it(brut, lu):
    assert tidy_code(brut) == lu


@pytest.mark.exigence("AGT-13")
@pytest.mark.cas("agent-97")
def test_five_wrong_codes_kill_it(halle, poste, donne):
    bon = donne.secret
    faux = [bon[:7] + c for c in "0123456789" if c != bon[7]]
    for essai in faux[:4]:
        assert presenter(essai).status_code == 403
    donne.refresh_from_db()
    assert (donne.etat, donne.essais) == ("emis", 4)
    assert presenter(faux[4]).status_code == 403
    donne.refresh_from_db()
    assert (donne.etat, donne.secret) == ("mort", "")
    refus = presenter(bon)
    assert (refus.status_code, refus.json()["code"]) == (403, "ENR-001")
    assert "cinq essais faux" in halle.administration().get(f"/postes/{poste.pk}/").content.decode()
    assert Audit.objects.filter(acte="poste.code", resultat="mort").count() == 1


def test_a_code_serves_one_agent_and_its_second_key_counts_as_a_wrong_try(donne):
    premier = Ed25519PrivateKey.generate()
    assert presenter(donne.secret, premier).status_code == 202
    assert presenter(donne.secret).status_code == 403
    assert presenter(donne.secret, premier).status_code == 202
    donne.refresh_from_db()
    assert (donne.essais, donne.cle_publique) == (1, jws.public_raw(premier))


def test_after_ten_minutes_a_code_is_worth_nothing(halle, poste, donne):
    CodeEnrolement.objects.update(expire_le=timezone.now() - timedelta(seconds=1))
    assert (
        "plus de dix minutes" in halle.administration().get(f"/postes/{poste.pk}/").content.decode()
    )
    refus = presenter(donne.secret)
    assert (refus.status_code, refus.json()["code"]) == (403, "ENR-002")
    assert not enrolement.decide(halle.administrateur(), poste, "000000", accord=True)


def test_a_new_code_kills_the_former_one(halle, poste, donne):
    autre = enrolement.issue_code(halle.administrateur(), poste)
    assert presenter(donne.secret).status_code == 403
    assert presenter(autre.secret).status_code == 202


def test_refused_the_agent_is_not_believed(halle, poste, donne):
    cle = Ed25519PrivateKey.generate()
    presenter(donne.secret, cle)
    bon = donne.secret
    donne.refresh_from_db()
    corps = {"comparaison": donne.comparaison, "accord": "non"}
    halle.administration().post(f"/postes/{poste.pk}/decider/", corps)
    assert presenter(bon, cle).status_code == 403
    assert Poste.objects.get(pk=poste.pk).etat != "associe"
    assert halle.administration().post(f"/postes/{poste.pk}/decider/", corps).status_code == 409


@pytest.mark.parametrize("cle", ["", "é", "A" * 44, "=" * 43, None, 7, ["x"]])
def test_a_key_that_is_none_is_told(donne, cle):
    refus = presenter(donne.secret, public_key=cle)
    assert (refus.status_code, refus.json()["code"]) == (400, "ENR-003")


@pytest.mark.parametrize("code", ["", "\0\0\0\0\0\0\0\0", None, 7, ["x"], "é" * 8, "0" * 5000])
def test_what_is_no_code_is_refused(code):
    assert presenter(code).status_code == 403


def test_what_an_agent_says_of_itself_enters_no_markup(halle, poste, donne):
    presenter(donne.secret, display_name="<b>&'\"\0" + "x" * 500)
    page = halle.administration().get(f"/postes/{poste.pk}/").content.decode()
    assert "« b" + "x" * 39 + " »" in page


def test_who_tries_codes_without_end_is_made_to_wait():
    assert {presenter("ABCD0000").status_code for _ in range(90)} == {403}
    assert presenter("ABCD0000").status_code == 429


def test_a_poste_is_added_by_its_name(halle):
    titulaire = halle.administration()
    assert titulaire.post("/postes/", {"libelle": " "}).status_code == 422
    reponse = titulaire.post("/postes/", {"libelle": "Comptoir  3"})
    ajoute = Poste.objects.get(libelle="Comptoir 3")
    assert reponse["Location"] == f"/postes/{ajoute.pk}/"
    assert (ajoute.etat, ajoute.officine_id) == ("sans_agent", halle.officine.pk)


def test_only_the_titulaire_holds_these_services(halle, poste):
    for acte in (
        lambda a: enrolement.add_poste(a, "x"),
        lambda a: enrolement.issue_code(a, poste),
        lambda a: enrolement.decide(a, poste, "000000", accord=True),
        lambda a: enrolement.revoke(a, poste),
    ):
        with pytest.raises(PermissionError):
            acte(halle.acteur("A02"))


# The configuration an agent asks for


@pytest.mark.exigence("AGT-13")
@pytest.mark.cas("agent-96")
def test_revoked_a_poste_gets_no_token_and_its_agent_is_told(halle, poste, donne):
    cle = Ed25519PrivateKey.generate()
    enrole = associer(halle, poste, donne, cle)
    page = halle.client("A01", 1)
    corps = json.dumps({"wid": poste.wid, "challenge": "c" * 43})
    jeton = page.post("/api/agent/jetons", corps, content_type="application/json")
    assert jeton.status_code == 200
    halle.administration().post(f"/postes/{poste.pk}/revoquer/")
    refus = page.post("/api/agent/jetons", corps, content_type="application/json")
    assert refus.json()["code"] == "poste_sans_agent"
    reponse = demander(poste.wid, preuve(poste.wid, cle))
    lu = jws.verify(reponse.json()["config_jws"], "agent-config+jwt", enrole["jwks"]["keys"])
    assert (lu["etat"], lu["wid"]) == ("revoque", poste.wid)
    assert lu["config"]["config_seq"] > enrole["config"]["config_seq"]
    assert Audit.objects.filter(acte="poste.revoquer").count() == 1
    # A new code brings it back, in so many words.
    autre = enrolement.issue_code(halle.administrateur(), poste)
    assert associer(halle, poste, autre, Ed25519PrivateKey.generate())["etat"] == "associe"


def test_the_rank_of_a_configuration_grows_when_it_changes_and_then_only(halle, poste, donne):
    cle = Ed25519PrivateKey.generate()
    premier = associer(halle, poste, donne, cle)["config"]["config_seq"]
    lu = demander(poste.wid, preuve(poste.wid, cle)).json()
    assert (lu["config"]["config_seq"], lu["config"]["transport"]) == (premier, "auto")
    parametres.modifier(halle.administrateur(), "agent.transport", "relais")
    lu = demander(poste.wid, preuve(poste.wid, cle)).json()
    assert (lu["config"]["config_seq"], lu["config"]["transport"]) == (premier + 1, "relais")
    assert lu["config"]["code_minutes"] == 15
    poste.refresh_from_db()
    assert build_enrolment(poste, reglages.ADRESSE)["config"]["config_seq"] == premier + 1
    parametres.modifier(halle.administrateur(), "agent.code_minutes", "0")
    config = build_enrolment(poste, reglages.ADRESSE)["config"]
    assert (config["config_seq"], config["code_minutes"]) == (premier + 2, 0)


def test_only_who_holds_the_key_is_answered_and_noted_alive(halle, port, poste, donne):
    cle = Ed25519PrivateKey.generate()
    associer(halle, poste, donne, cle)
    Poste.objects.filter(pk=poste.pk).update(vu_le=None)
    for jeton in (
        "",
        "x.y.z",
        preuve(poste.wid, Ed25519PrivateKey.generate()),
        preuve("p_AUTRE", cle),
        preuve(poste.wid, cle, aud="https://ailleurs"),
    ):
        assert demander(poste.wid, jeton).status_code == 403
    for wid in ("p_INCONNU", port.postes[0].wid):
        assert demander(wid, preuve(wid, cle)).status_code == 403
    assert demander(poste.wid, preuve(poste.wid, cle, iat=1)).status_code == 200
    assert Poste.objects.get(pk=poste.pk).vu_le is None
    assert demander(poste.wid, preuve(poste.wid, cle)).status_code == 200
    vu = Poste.objects.get(pk=poste.pk)
    assert vu.version_agent == "1.5.0"
    assert timezone.now() - vu.vu_le < timedelta(minutes=1)


def test_the_budget_of_a_configuration(halle, poste, donne, django_assert_num_queries):
    cle = Ed25519PrivateKey.generate()
    associer(halle, poste, donne, cle)
    jeton = preuve(poste.wid, cle)
    with django_assert_num_queries(4):
        assert demander(poste.wid, jeton).status_code == 200


@pytest.mark.cas("agent-60")
def test_the_server_publishes_two_keys_and_signs_with_the_first(settings):
    def pem(cle):
        return cle.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    neuve, ancienne = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    settings.CLE_AGENT_PEM = pem(neuve) + pem(ancienne)
    publiees = Client(HTTP_HOST="127.0.0.1").get("/.well-known/agent-jwks.json").json()["keys"]
    assert [c["x"] for c in publiees] == [jws.public_raw(c) for c in (neuve, ancienne)]
    jeton = cles.sign("agent+jwt", {"a": 1})
    assert jws.verify(jeton, "agent+jwt", publiees[:1]) == {"a": 1}


@pytest.mark.exigence("AGT-13")
def test_the_manifest_of_updates_is_served_as_the_publisher_signed_it(settings, tmp_path):
    fichier = tmp_path / "manifeste.jws"
    porte = "/api/agent/maj/manifeste"
    client = Client(HTTP_HOST="127.0.0.1")
    settings.AGENT_MANIFESTE = str(fichier)
    absent = client.get(porte)
    assert (absent.status_code, absent.json()["code"]) == (404, "MAJ-404")
    fichier.write_text("a.b.c\n")
    assert client.get(porte).json() == {"manifeste": "a.b.c"}
