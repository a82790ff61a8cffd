"""Tokens as psc.md §2.6 shows them, and wrong in one place on demand."""

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from simulators.psc.cles import b64
from simulators.psc.documents import FEDERATION
from simulators.psc.etat import (
    ACCES_S,
    API,
    ECHANGE_S,
    RAFRAICHISSEMENT_S,
    SESSION_S,
    Jeton,
    Octroi,
)
from simulators.psc.fond import Fond

EVENEMENT = "http://schemas.openid.net/event/backchannel-logout"
# Given whatever is asked; the others are those of the request.
_SCOPES_DONNES = ("profile", "email")
_SCOPES_ACCES = ("openid", *_SCOPES_DONNES, "scope_all")
_AUTRE_SUB = f"{FEDERATION}:899700900204"
_AUTRE = "un-autre-service"
Claims = dict[str, Any]


def _set(nom: str, valeur: object) -> Callable[[Claims], None]:
    return lambda claims: claims.update({nom: valeur})


def _drop(*noms: str) -> Callable[[Claims], None]:
    def change(claims: Claims) -> None:
        for nom in noms:
            claims.pop(nom, None)

    return change


def _shift(*noms: str, de: int) -> Callable[[Claims], None]:
    return lambda claims: claims.update({nom: claims[nom] + de for nom in noms})


def _expire(depuis: int) -> Callable[[Claims], None]:
    def change(claims: Claims) -> None:
        claims["exp"] = claims["iat"] - depuis
        claims["iat"] = claims["exp"] - 1

    return change


def _audience(*, azp: bool) -> Callable[[Claims], None]:
    def change(claims: Claims) -> None:
        claims["aud"] = [claims["azp"], _AUTRE]
        if not azp:
            del claims["azp"]

    return change


_ALTERATIONS: dict[str, Callable[[Claims], None]] = {
    "nonce_faux": _set("nonce", "un-nonce-qui-n-est-pas-le-votre"),
    "nonce_absent": _drop("nonce"),
    "iss_faux": lambda c: c.update(iss=c["iss"] + "-autre"),
    "sub_autre": _set("sub", _AUTRE_SUB),
    "sub_vide": _set("sub", ""),
    "aud_autre": _set("aud", _AUTRE),
    "aud_liste": _audience(azp=True),
    "aud_liste_sans_azp": _audience(azp=False),
    "azp_autre": _set("azp", _AUTRE),
    "expire_25": _expire(25),
    "expire_90": _expire(90),
    "iat_futur": _shift("iat", "exp", de=600),
    "iat_ancien": _shift("iat", de=-3600),
    "nbf_futur": lambda c: c.update(nbf=c["iat"] + 600),
    "acr_absent": _drop("acr"),
    "acr_eidas0": _set("acr", "eidas0"),
    "acr_eidas3": _set("acr", "eidas3"),
    "auth_time_ancien": _shift("auth_time", de=-3600),
    "auth_time_absent": _drop("auth_time"),
    "auth_time_zero": _set("auth_time", 0),
    "at_hash_faux": _set("at_hash", b64(bytes(16))),
    "typ_bearer": _set("typ", "Bearer"),
    "evenement": _set("events", {EVENEMENT: {}}),
    "subject_name_id_autre": _set("SubjectNameID", "899700900204"),
    "sans_typ": _drop("typ"),
    "sans_noms": _drop("given_name", "family_name", "otherIds"),
}


def logout_claims(fond: Fond, octroi_client: str, sid: str, sub: str) -> Claims:
    """Return the claims of a logout token (psc.md §5.6)."""
    return {
        "iat": fond.memoire.horloge.wall(),
        "jti": str(uuid.uuid4()),
        "iss": fond.emetteur,
        "aud": octroi_client,
        "sub": sub,
        "typ": "Logout",
        "sid": sid,
        "events": {EVENEMENT: {}},
    }


def _common(fond: Fond, octroi: Octroi, duree_s: int) -> Claims:
    session, maintenant = octroi.session, fond.memoire.horloge.wall()
    return {
        "exp": maintenant + duree_s,
        "iat": maintenant,
        "auth_time": fond.memoire.horloge.wall(session.authentifie),
        "jti": str(uuid.uuid4()),
        "iss": fond.emetteur,
        "sub": session.personne.sub,
        "azp": octroi.client.client_id,
        "session_state": session.sid,
        "sid": session.sid,
        "preferred_username": session.personne.identifiant,
    }


def _access(fond: Fond, octroi: Octroi, scope: str) -> str:
    demandes = {*scope.split(), *_SCOPES_DONNES}
    claims = _common(fond, octroi, ACCES_S) | {
        "typ": "Bearer",
        "nonce": octroi.nonce or "",
        "acr": "eidas1",
        "scope": " ".join(nom for nom in _SCOPES_ACCES if nom in demandes),
        "email_verified": False,
    }
    if octroi.empreinte:
        claims["cnf"] = {"x5t#S256": b64(octroi.empreinte)}
    return _keep(fond, octroi, "Bearer", fond.trousseau.sign(claims), claims)


def _keep(fond: Fond, octroi: Octroi, genre: str, jeton: str, claims: Claims) -> str:
    fin = fond.memoire.horloge.now() + claims["exp"] - fond.memoire.horloge.wall()
    fond.memoire.keep(jeton, Jeton(genre, octroi, fin, claims))
    return jeton


def _refresh(fond: Fond, octroi: Octroi, duree_s: int) -> str:
    """Return a refresh token: a JWT of Keycloak that only itself can read."""
    claims = _common(fond, octroi, duree_s) | {
        "typ": "Refresh",
        "iss": fond.emetteur_api if octroi.royaume == API else fond.emetteur,
        "scope": octroi.scope,
    }
    claims["aud"] = claims["iss"]
    jeton = fond.trousseau.sign_hmac(claims, fond.cle_interne)
    return _keep(fond, octroi, "Refresh", jeton, claims)


def half_hash(jeton: str) -> str:
    """Return at_hash (OpenID Connect Core §3.1.3.6)."""
    return b64(hashlib.sha256(jeton.encode()).digest()[:16])


def _identity(fond: Fond, octroi: Octroi, acces: str, voulues: frozenset[str]) -> str:
    session, document = octroi.session, octroi.session.personne.document
    if "logout_token_rendu" in voulues:
        client_id = octroi.client.client_id
        return fond.trousseau.sign(
            logout_claims(fond, client_id, session.sid, session.personne.sub)
        )
    claims = _common(fond, octroi, ACCES_S) | {
        "aud": octroi.client.client_id,
        "typ": "ID",
        "at_hash": half_hash(acces),
        "acr": "eidas1",
    }
    if octroi.nonce is not None:
        claims["nonce"] = octroi.nonce
    for nom in ("SubjectNameID", "given_name", "family_name", "otherIds"):
        if nom in document:
            claims[nom] = document[nom]
    for nom, altere in _ALTERATIONS.items():
        if nom in voulues and (nom != "nonce_faux" or octroi.nonce is not None):
            altere(claims)
    return _seal(fond, octroi, claims, voulues)


def _seal(fond: Fond, octroi: Octroi, claims: Claims, voulues: frozenset[str]) -> str:
    if "alg_none" in voulues:
        return fond.trousseau.sign_none(claims)
    if "hs256_secret" in voulues:
        return fond.trousseau.sign_hmac(claims, octroi.client.secret.encode() or b"secret")
    if "hs256_cle_publique" in voulues:
        return fond.trousseau.sign_hmac(claims, fond.trousseau.active.public_pem())
    return fond.trousseau.sign(claims, voulues)


def issue(fond: Fond, octroi: Octroi, ancien: str = "", demande: str = "") -> dict[str, Any]:
    """Return a token response; `ancien` is the refresh token that is exchanged for it.

    `demande` is a narrower scope for these tokens alone (RFC 6749 §6). The identity token of a
    refresh repeats no nonce (OpenID Connect Core §12.2), but on demand.
    """
    voulues = fond.anomalies.take("jeton")
    du_jeton = fond.anomalies.take("id_token")
    octroi.session.vu = fond.memoire.horloge.now()
    reste = int(octroi.session.authentifie + SESSION_S - fond.memoire.horloge.now())
    duree = min(RAFRAICHISSEMENT_S, reste)
    scope = demande or octroi.scope
    nonce = octroi.nonce
    acces = _access(fond, octroi, scope)
    if ancien and "nonce_repete" not in du_jeton:
        octroi.nonce = None
    identite = _identity(fond, octroi, acces, du_jeton)
    octroi.nonce = nonce
    reponse = {
        "access_token": acces,
        "expires_in": ACCES_S,
        "refresh_expires_in": duree,
        "refresh_token": ancien,
        "token_type": "Bearer",
        "id_token": identite,
        "not-before-policy": 0,
        "session_state": octroi.session.sid,
        "scope": scope,
    }
    if "openid" not in scope.split():
        del reponse["id_token"]
    if not ancien or "sans_rotation" not in voulues:
        reponse["refresh_token"] = _refresh(fond, octroi, duree)
        use = fond.memoire.find(ancien)
        if use is not None:
            use.use = True
    _change_reply(reponse, voulues)
    return reponse


def _change_reply(reponse: dict[str, Any], voulues: frozenset[str]) -> None:
    retires = {
        "sans_id_token": "id_token",
        "sans_access_token": "access_token",
        "sans_refresh_expires_in": "refresh_expires_in",
    }
    for nom, membre in retires.items():
        if nom in voulues:
            reponse.pop(membre, None)
    changes: dict[str, dict[str, Any]] = {
        "bearer_minuscule": {"token_type": "bearer"},
        "token_type_mac": {"token_type": "mac"},
        "expires_in_zero": {"expires_in": 0},
        "membre_en_plus": {"urn:sim:inconnu": {"a": [1]}},
    }
    for nom, change in changes.items():
        if nom in voulues:
            reponse |= change


# Tokens of the API (psc.md §1.9)


def _confirmation(empreinte: bytes, voulues: frozenset[str]) -> str:
    """Return x5t#S256: Base64 of the hexadecimal digest as the ANS writes it, or RFC 8705's."""
    if "cnf_autre" in voulues:
        empreinte = hashlib.sha256(empreinte).digest()
    if "cnf_rfc8705" in voulues:
        return b64(empreinte)
    return base64.b64encode(empreinte.hex().encode()).decode()


def issue_api(fond: Fond, octroi: Octroi, ancien: str = "") -> dict[str, Any]:
    """Return the answer of a token exchange: four hours, bound to the certificate."""
    voulues = fond.anomalies.take("echange")
    use = fond.memoire.find(ancien)
    if use is not None:
        use.use = True
    personne, client_id = octroi.session.personne, octroi.client.client_id
    claims = _common(fond, octroi, ECHANGE_S) | {
        "iss": fond.emetteur_api,
        "sub": str(uuid.uuid5(uuid.NAMESPACE_URL, personne.sub)),
        "acr": "1",
        "scope": octroi.scope,
        "email_verified": False,
        "name": personne.nom,
        "SubjectNameID": personne.identifiant,
        "cnf": {"x5t#S256": _confirmation(octroi.empreinte, voulues)},
        "given_name": personne.document.get("given_name", ""),
        "family_name": personne.document.get("family_name", ""),
    }
    acces = {**claims, "aud": ["account", client_id], "typ": "Bearer", "allowed-origins": ["/*"]}
    del acces["auth_time"]
    jeton = _keep(fond, octroi, "Bearer", fond.trousseau.sign(acces), acces)
    identite = claims | {"aud": client_id, "typ": "ID", "auth_time": 0, "at_hash": half_hash(jeton)}
    del identite["scope"]
    reponse = {
        "access_token": jeton,
        "expires_in": ECHANGE_S,
        "refresh_expires_in": RAFRAICHISSEMENT_S,
        "refresh_token": _refresh(fond, octroi, RAFRAICHISSEMENT_S),
        "token_type": "Bearer",
        "id_token": fond.trousseau.sign(identite),
        "not-before-policy": 0,
        "session_state": octroi.session.sid,
        "scope": octroi.scope,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    if "sans_issued_token_type" in voulues:
        del reponse["issued_token_type"]
    return reponse


def signed_userinfo(fond: Fond, client_id: str, document: Claims, voulues: frozenset[str]) -> bytes:
    """Return a UserInfo answer that is a token (OpenID Connect Core §5.3.2)."""
    qui = _AUTRE if "userinfo_jwt_aud_autre" in voulues else client_id
    claims = document | {"iss": fond.emetteur, "aud": qui, "iat": fond.memoire.horloge.wall()}
    forge = frozenset({"kid_inconnu"}) if "userinfo_jwt_faux" in voulues else frozenset()
    return fond.trousseau.sign(json.loads(json.dumps(claims)), forge).encode()
