"""`manage.py agent_enroler`: a key for a poste; a revoked one comes back only when told to."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command

from agent.jws import public_raw, verify
from pharmacy.models import Audit, Poste

pytestmark = pytest.mark.django_db


@pytest.fixture
def enroler(halle, tmp_path):
    def enroler(*options, poste="comptoir-1", cle=None):
        sortie = tmp_path / "enrolement.json"
        cle = cle or public_raw(Ed25519PrivateKey.generate())
        arguments = {"poste": poste, "cle_publique": cle, "origine": "http://127.0.0.1:8000"}
        finess = halle.officine.finess
        call_command("agent_enroler", *options, finess=finess, sortie=sortie, **arguments)
        return cle, json.loads(sortie.read_text(encoding="utf-8"))

    return enroler


def _poste():
    return Poste.objects.get(code="comptoir-1")


def test_an_agent_is_enrolled_and_the_audit_says_so(enroler):
    cle, contenu = enroler()
    poste = _poste()
    assert (poste.etat, poste.cle_publique, poste.wid) == ("associe", cle, contenu["wid"])
    signe = verify(contenu.pop("config_jws"), "agent-config+jwt", contenu["jwks"]["keys"])
    assert signe == contenu
    assert Audit.objects.get(acte="poste.cle").objet == f"poste:{poste.pk}"


@pytest.mark.exigence("AGT-13")
def test_a_revoked_poste_stays_revoked_until_told_otherwise(enroler):
    Poste.objects.filter(code="comptoir-1").update(etat=Poste.Etat.REVOQUE)
    with pytest.raises(CommandError, match="révoqué"):
        enroler()
    assert (_poste().etat, _poste().cle_publique) == ("revoque", "")
    enroler("--retablir")
    assert _poste().etat == "associe"


@pytest.mark.parametrize("cle", ["", "é", "AAAA", "A" * 44, "!" * 43, "=" * 43, "A" * 500])
def test_what_is_no_key_is_a_sentence(enroler, cle):
    with pytest.raises(CommandError, match="n'est pas une clé Ed25519"):
        enroler(cle=cle or "A")
    assert _poste().etat == "sans_agent"


def test_an_unknown_poste_or_officine_is_a_sentence(enroler, halle, tmp_path):
    with pytest.raises(CommandError, match="Ce poste n'existe pas"):
        enroler(poste="comptoir-9")
    with pytest.raises(CommandError, match="Aucune officine"):
        call_command(
            "agent_enroler",
            finess="000000000",
            poste="comptoir-1",
            cle_publique="A",
            origine="http://127.0.0.1:8000",
            sortie=tmp_path / "x",
        )


def test_a_key_that_begins_with_a_dash_is_a_key(enroler):
    """One in sixty-four does: base64url has the dash in its alphabet."""
    cle = ""
    while not cle.startswith("-"):
        cle = public_raw(Ed25519PrivateKey.generate())
    assert enroler(cle=cle)[0] == _poste().cle_publique == cle


def test_without_a_key_the_command_says_so(enroler):
    with pytest.raises(CommandError, match="--cle-publique=CLÉ"):
        call_command(
            "agent_enroler", poste="comptoir-1", origine="http://127.0.0.1:8000", sortie="x"
        )
