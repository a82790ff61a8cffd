"""Keys and tokens of an invented provider, true and false. Signed by hand: no library refuses."""

import base64
import hashlib
import hmac
import json
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

EMETTEUR = "https://auth.exemple.test/auth/realms/esante-wallet"
CLIENT = "comptoir-essai"
MAINTENANT = 1_795_600_000
SUB = "f:11111111-2222-4333-8444-555555555555:899700123459"
NONCE = "n-1795600000-essai"
ACCES = "jeton.acces.essai"


@cache
def _engendre(nom, bits):
    return rsa.generate_private_key(65537, bits)


def cle(nom, bits=2048):
    """The private key of this name, made once."""
    return _engendre(nom, bits)


@cache
def cle_ec(nom):
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def b64(octets):
    """Base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def entier(nombre):
    """An integer as JWK writes it."""
    return b64(nombre.to_bytes((nombre.bit_length() + 7) // 8, "big"))


def jwk(nom, bits=2048, **membres):
    """The public key of this name, as the set shows it."""
    nombres = cle(nom, bits).public_key().public_numbers()
    rsa_ = {"kty": "RSA", "n": entier(nombres.n), "e": entier(nombres.e)}
    return {**rsa_, "kid": nom, "use": "sig", "alg": "RS256", **membres}


def jwk_ec(nom, **membres):
    """The public EC key of this name."""
    nombres = cle_ec(nom).public_key().public_numbers()
    x, y = (b64(n.to_bytes(32, "big")) for n in (nombres.x, nombres.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": nom, "use": "sig", **membres}


def jwks(*cles):
    """The bytes of a set."""
    return json.dumps({"keys": list(cles or (jwk("k1"),))}).encode()


def at_hash(jeton=ACCES):
    """The half digest of an access token under RS256."""
    return b64(hashlib.sha256(jeton.encode()).digest()[:16])


def membres(**changes):
    """The claims of a good identity token; None takes one away."""
    bons = {
        "iss": EMETTEUR,
        "aud": CLIENT,
        "azp": CLIENT,
        "sub": SUB,
        "iat": MAINTENANT,
        "exp": MAINTENANT + 120,
        "auth_time": MAINTENANT - 2,
        "nonce": NONCE,
        "acr": "eidas1",
        "typ": "ID",
        "sid": "s1",
        "at_hash": at_hash(),
        "SubjectNameID": "899700123459",
    }
    return {n: v for n, v in {**bons, **changes}.items() if v is not None}


def deconnexion(**changes):
    """The claims of a good logout token."""
    bons = {
        "iss": EMETTEUR,
        "aud": CLIENT,
        "sub": SUB,
        "iat": MAINTENANT,
        "jti": "j1",
        "typ": "Logout",
        "sid": "s1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    return {n: v for n, v in {**bons, **changes}.items() if v is not None}


def assemble(entete, corps, signer):
    """A compact token, whatever it is made of."""
    if not isinstance(corps, bytes):
        corps = json.dumps(corps).encode()
    base = f"{b64(json.dumps(entete).encode())}.{b64(corps)}"
    return f"{base}.{b64(signer(base.encode()))}"


def signe(corps=None, nom="k1", **entete):
    """A token signed RS256 by a key of ours; None takes a header member away."""
    tete = {"alg": "RS256", "typ": "JWT", "kid": nom, **entete}
    return assemble(
        {n: v for n, v in tete.items() if v is not None},
        membres() if corps is None else corps,
        lambda base: cle(nom).sign(base, padding.PKCS1v15(), hashes.SHA256()),
    )


def signe_pss(corps, nom="k1"):
    """The same under PS256."""
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signer = lambda base: cle(nom).sign(base, pss, hashes.SHA256())  # noqa: E731
    return assemble({"alg": "PS256", "kid": nom}, corps, signer)


def signe_ec(corps, nom="e1"):
    """The same under ES256."""

    def signer(base):
        r, s = utils.decode_dss_signature(cle_ec(nom).sign(base, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return assemble({"alg": "ES256", "kid": nom}, corps, signer)


def sans_signature(corps=None):
    """« alg: none »."""
    return assemble({"alg": "none", "kid": "k1"}, corps or membres(), lambda _base: b"")


def symetrique(secret, corps=None, kid="k1"):
    """HS256 under a secret, which may be the public key taken for one."""
    signer = lambda base: hmac.new(secret, base, hashlib.sha256).digest()  # noqa: E731
    return assemble({"alg": "HS256", "kid": kid}, corps or membres(), signer)


def publique_pem(nom="k1"):
    """The public key as text: what a confused verifier would take for a secret."""
    return (
        cle(nom)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
