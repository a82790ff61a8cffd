"""Documents kept: asked when they must be, never more, never replaced by a false one."""

import pytest

from psc.cles import ClesDuService, parse_jwks
from psc.documents import Document, Garde, MagasinMemoire
from psc.errors import error_of
from psc.jetons import Attente, Pair, validate_id_token
from teleservices.errors import TeleserviceError, Unavailable
from tests.psc import forge
from tests.psc.forge import ACCES, CLIENT, EMETTEUR, MAINTENANT, NONCE, jwk, jwks, signe

HEURES_12 = 12 * 3600.0


class Service:
    """A provider that publishes what it is told to, and counts."""

    def __init__(self, *publie):
        self.publie = jwks(*publie)
        self.demandes = 0
        self.heure = float(MAINTENANT)
        self.magasin = MagasinMemoire()

    def lire(self):
        """What is published, or the breakdown put in its place."""
        self.demandes += 1
        if isinstance(self.publie, Exception):
            raise self.publie
        return self.publie

    def document(self):
        """A new reader of the same store: another process, or the same after a restart."""
        return Document("jwks", HEURES_12, self.lire, parse_jwks, self.magasin, lambda: self.heure)

    def cles(self):
        """Its keys."""
        return ClesDuService(self.document())


def valide(cles, jeton):
    attente = Attente(MAINTENANT, MAINTENANT, NONCE, 0, ACCES)
    return validate_id_token(jeton, Pair(EMETTEUR, CLIENT), cles, attente).sub


def refus(cles, jeton):
    with pytest.raises(TeleserviceError) as leve:
        valide(cles, jeton)
    return leve.value.code


@pytest.mark.cas("psc-40")
def test_a_new_key_published_is_found_by_one_more_request():
    service = Service(jwk("k1"))
    cles = service.cles()
    assert valide(cles, signe()) == forge.SUB
    service.publie = jwks(jwk("k1"), jwk("k2"))
    assert valide(cles, signe(nom="k2")) == forge.SUB
    assert valide(cles, signe(nom="k2")) == forge.SUB
    assert service.demandes == 2


@pytest.mark.cas("psc-41")
def test_fifty_unknown_names_in_a_minute_make_one_request_whatever_the_processes():
    service = Service(jwk("k1"))
    processus = [service.cles() for _ in range(3)]
    valide(processus[0], signe())
    for tour in range(50):
        service.heure += 1
        jeton = signe(nom="k2", kid=f"faux-{tour}")
        assert refus(processus[tour % 3], jeton) == "jeton_cle"
    assert service.demandes == 2
    service.heure += 60
    assert refus(processus[0], signe(nom="k2", kid="faux")) == "jeton_cle"
    assert service.demandes == 3


@pytest.mark.cas("psc-42")
def test_a_key_that_is_published_no_more_is_believed_no_more():
    service = Service(jwk("k1"), jwk("k2"))
    cles = service.cles()
    assert valide(cles, signe()) == forge.SUB
    service.publie = jwks(jwk("k2"))
    service.heure += HEURES_12
    assert refus(cles, signe()) == "jeton_cle"
    assert valide(cles, signe(nom="k2")) == forge.SUB


@pytest.mark.cas("psc-81")
def test_a_restart_during_a_breakdown_reads_what_was_kept():
    service = Service(jwk("k1"))
    valide(service.cles(), signe())
    service.publie = error_of("psc_indisponible")
    service.heure += HEURES_12 + 1
    assert valide(service.cles(), signe()) == forge.SUB
    assert service.demandes == 2
    assert refus(service.cles(), signe(nom="k2")) == "jeton_cle"
    assert service.demandes == 2


def test_nothing_kept_and_no_answer_is_the_breakdown_itself():
    service = Service()
    service.publie = error_of("psc_indisponible")
    with pytest.raises(Unavailable):
        service.document().get()
    service.publie = jwks()
    assert service.document().get()


@pytest.mark.cas("psc-51")
def test_a_document_that_fails_its_check_never_replaces_the_one_kept(caplog):
    service = Service(jwk("k1"))
    document = service.document()
    bon = document.get()
    service.publie = b"<html>"
    service.heure += HEURES_12
    assert document.get() == bon
    assert "psc.document_refuse jwks psc_document" in caplog.text
    assert service.magasin.read("jwks").contenu == jwks(jwk("k1"))


def test_a_clock_that_went_back_has_it_asked_again():
    service = Service(jwk("k1"))
    document = service.document()
    document.get()
    service.heure -= 10
    document.get()
    assert service.demandes == 2


def test_the_same_bytes_are_read_once():
    lus = []
    magasin = MagasinMemoire()
    magasin.keep("d", Garde(b"x", 0.0))
    document = Document("d", 60, lambda: b"x", lambda o: lus.append(o) or o, magasin, lambda: 1.0)
    assert [document.get() for _ in range(3)] == [b"x"] * 3
    assert lus == [b"x"]


def test_the_floor_is_claimed_by_one():
    magasin = MagasinMemoire()
    assert [magasin.claim("d", q, 60) for q in (0, 59, 60, 61)] == [True, False, True, False]
    assert magasin.claim("d", 0, 60)
