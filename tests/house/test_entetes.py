"""The headers and the cookies of every address of the product, out of its table (SEC-10)."""

import re

import pytest
from django.test import Client

from pharmacy.isolation.middleware import COOKIE_POSTE
from tests.house.test_vues import API_AGENT, APPELS, HX, MACHINES, VUES, Scene

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("SEC-10")]
TOUTES = [*APPELS, *((nom, "GET") for nom in sorted(MACHINES))]


def politique_of(reponse):
    directives = (p.strip() for p in reponse["Content-Security-Policy"].split(";") if p.strip())
    return {nom: valeurs for nom, _, valeurs in (d.partition(" ") for d in directives)}


def check_headers(reponse, *, discret=False):
    """What holds for any answer, whatever its status."""
    politique = politique_of(reponse)
    assert politique["default-src"] == "'none'"
    assert politique["frame-ancestors"] == politique["base-uri"] == "'none'"
    assert politique["form-action"] == "'self'"
    assert re.fullmatch(r"'nonce-[\w-]{20,}' 'strict-dynamic'", politique["script-src"])
    assert "unsafe" not in reponse["Content-Security-Policy"]
    assert "object-src" not in politique  # default-src says it
    assert reponse["X-Content-Type-Options"] == "nosniff"
    assert reponse["X-Frame-Options"] == "DENY"
    # Pages of the way to Pro Santé Connect tell nobody where they stand (psc.md §4.3).
    admis = {"same-origin", "no-referrer"} if discret else {"same-origin"}
    assert reponse["Referrer-Policy"] in admis
    assert reponse["Cross-Origin-Opener-Policy"] == "same-origin"
    assert reponse["Cross-Origin-Resource-Policy"] == "same-origin"
    for appareil in ("camera", "microphone", "geolocation", "usb", "payment"):
        assert f"{appareil}=()" in reponse["Permissions-Policy"]
    assert "Access-Control-Allow-Origin" not in reponse
    for cookie in reponse.cookies.values():
        assert cookie["httponly"] or not cookie.value  # a cookie erased holds nothing
        assert cookie["samesite"] == "Lax"
        assert (cookie["path"], cookie["domain"]) == ("/", "")
        assert len(cookie.key) + len(cookie.value) < 4096


@pytest.mark.parametrize(("nom", "methode"), TOUTES)
def test_every_answer_has_its_headers_for_who_is_signed_in_and_who_is_not(halle, nom, methode):
    scene = Scene(halle, VUES[nom].etape)
    clients = [Client(HTTP_HOST="127.0.0.1"), halle.navigateur()]
    if nom != "flux":  # a stream does not end; its headers are those of any answer
        clients.append(halle.client(VUES[nom].code))
    for client in clients:
        client.raise_request_exception = False
        reponse = scene.call(client, nom, methode, **({} if nom in API_AGENT else HX))
        check_headers(reponse, discret=nom.startswith("psc_"))
        assert reponse["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("chemin", "hote", "statut"),
    [
        ("/n-existe-pas/", "127.0.0.1", 404),
        ("/", "ailleurs.exemple.test", 400),
        ("/", "127.0.0.1.exemple.test", 400),
        ("/vente/", "localhost:8000", 301),
    ],
)
def test_what_is_refused_before_any_view_has_its_headers_too(db, chemin, hote, statut):
    reponse = Client(HTTP_HOST=hote).get(chemin)
    assert reponse.status_code == statut
    check_headers(reponse)
    assert hote.split(":")[0] not in reponse.content.decode()
    if statut == 301:
        assert reponse["Location"].startswith("http://127.0.0.1")


def test_a_static_file_says_what_it_is_and_gives_itself_to_no_other_origin():
    reponse = Client(HTTP_HOST="127.0.0.1").get("/static/js/comptoir.js")
    assert reponse.status_code == 200
    check_headers(reponse)
    assert reponse["Content-Type"].startswith("text/javascript")
    assert reponse["Cache-Control"] != "no-store"
    assert b"csrf_token" not in b"".join(reponse)


@pytest.mark.parametrize("surcharge", ["HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD"])
def test_a_method_is_the_one_of_the_request_and_no_other(halle, surcharge):
    vente = halle.vente()
    client = halle.client()
    client.get(f"/vente/{vente.pk}/annuler/?_method=POST", **{surcharge: "POST"})
    client.post(f"/vente/{vente.pk}/annuler/?_method=GET", {"_method": "GET"}, HTTP_X="1")
    vente.refresh_from_db()
    assert vente.etat == "annulee"
    autre = halle.vente()
    assert (
        client.get(f"/vente/{autre.pk}/annuler/?_method=POST", **{surcharge: "POST"}).status_code
        == 405
    )
    autre.refresh_from_db()
    assert autre.etat == "ouverte"


def test_the_cookie_of_a_poste_is_bound_to_its_officine_and_signed(halle, port):
    """Another officine's number in the cookie, without the signature, is no poste."""
    client = Client(HTTP_HOST="127.0.0.1", REMOTE_ADDR="192.0.2.7")
    bon = halle.navigateur().cookies[COOKIE_POSTE].value
    charge, reste = bon.split(":", 1)
    client.cookies[COOKIE_POSTE] = charge[:-1] + ("A" if charge[-1] != "A" else "B") + ":" + reste
    page = client.get("/connexion/").content.decode()
    assert "FINESS de l" in page
    for troupe in (halle, port):
        assert troupe.operateurs["A01"].nom not in page
