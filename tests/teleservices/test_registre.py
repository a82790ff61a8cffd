"""An exchange is kept as evidence, answered or not; what never left is not one."""

import pytest

from teleservices.errors import InvalidReply, NotReady, OutcomeUnknown, Unavailable
from teleservices.registre import send_kept
from teleservices.transport import Requete, Retour

REQUETE = Requete("https://x/", b"<q/>", {}, 1.0)


class Ecrit:
    """A transport that gives one written reply, or raises it."""

    def __init__(self, suite) -> None:
        self.suite = suite

    def send(self, _requete):
        if isinstance(self.suite, Exception):
            raise self.suite
        return self.suite


def test_a_reply_comes_with_its_exchange():
    retour = Retour(200, "x/y", b"<r/>", 12, 7.0)
    rendu, echange = send_kept(Ecrit(retour), REQUETE, "m-1")
    assert rendu is retour
    assert (echange.message_id, echange.requete, echange.reponse) == ("m-1", b"<q/>", b"<r/>")
    assert (echange.http, echange.duree_ms, echange.debut) == (200, 12, 7.0)


@pytest.mark.parametrize("erreur", [OutcomeUnknown("x", "y"), InvalidReply("x", "y")])
def test_what_left_without_an_answer_is_kept(erreur):
    with pytest.raises(type(erreur)) as pris:
        send_kept(Ecrit(erreur), REQUETE, "m-1")
    echange = pris.value.reponse.echange
    assert (echange.requete, echange.reponse, echange.http) == (b"<q/>", None, None)


@pytest.mark.parametrize("erreur", [Unavailable("x", "y"), NotReady("x", "y")])
def test_what_never_left_is_no_exchange(erreur):
    with pytest.raises(type(erreur)) as pris:
        send_kept(Ecrit(erreur), REQUETE, "m-1")
    assert pris.value.reponse is None


def test_a_secret_is_taken_out_of_what_is_kept_not_of_what_is_read():
    retour = Retour(200, "x/y", b"<r>secret</r>", 12, 7.0)

    def effacer(octets):
        return octets.replace(b"secret", b"-").replace(b"<q/>", b"<->")

    rendu, echange = send_kept(Ecrit(retour), REQUETE, "m-1", effacer)
    assert rendu.corps == b"<r>secret</r>"
    assert (echange.requete, echange.reponse) == (b"<->", b"<r>-</r>")
    with pytest.raises(OutcomeUnknown) as pris:
        send_kept(Ecrit(OutcomeUnknown("x", "y")), REQUETE, "m-1", effacer)
    assert pris.value.reponse.echange.requete == b"<->"
