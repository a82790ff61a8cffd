"""The discovery document: the members of the genuine one of late 2024 (psc.md §1.2)."""

from typing import Any

from simulators.psc.fond import OIDC, PORTAIL, ROYAUME, SCOPES

_SIGNATURES_CLE = ["PS384", "RS384", "EdDSA", "ES384", "ES256", "RS256", "ES512"]
_SIGNATURES_CLE += ["PS256", "PS512", "RS512"]
_SIGNATURES = ["PS384", "RS384", "EdDSA", "ES384", "HS256", "HS512", "ES256", "RS256", "HS384"]
_SIGNATURES += ["ES512", "PS256", "PS512", "RS512"]
_CHIFFREMENTS = ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5"]
_CONTENUS = ["A256GCM", "A192GCM", "A128GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"]
_METHODES = [
    *("private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth"),
    "client_secret_jwt",
]
_ENVELOPPES = ["query", "fragment", "form_post", "query.jwt", "fragment.jwt", "form_post.jwt"]
_ENVELOPPES += ["jwt"]
_CLAIMS = ["aud", "sub", "iss", "auth_time", "name", "given_name", "family_name"]
_CLAIMS += ["preferred_username", "email", "acr"]
_REPONSES = ["code", "none", "id_token", "token", "id_token token", "code id_token", "code token"]
_REPONSES += ["code id_token token"]


def _endpoints(adresse: str) -> dict[str, str]:
    """Return those that take part in mutual TLS."""
    oidc, royaume = adresse + OIDC, adresse + ROYAUME
    return {
        "token_endpoint": f"{oidc}/token",
        "revocation_endpoint": f"{oidc}/revoke",
        "introspection_endpoint": f"{oidc}/token/introspect",
        "device_authorization_endpoint": f"{oidc}/auth/device",
        "registration_endpoint": f"{royaume}/clients-registrations/openid-connect",
        "userinfo_endpoint": f"{oidc}/userinfo",
        "pushed_authorization_request_endpoint": f"{oidc}/ext/par/request",
        "backchannel_authentication_endpoint": f"{oidc}/ext/ciba/auth",
    }


def document(adresse: str, portail: str) -> dict[str, Any]:
    """Return the document; `adresse` is the host of the issuer, `portail` the one of browsers."""
    oidc = adresse + OIDC
    return {
        "issuer": adresse + ROYAUME,
        "authorization_endpoint": portail + PORTAIL,
        **_endpoints(adresse),
        "end_session_endpoint": f"{oidc}/logout",
        "frontchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "jwks_uri": f"{oidc}/certs",
        "check_session_iframe": f"{oidc}/login-status-iframe.html",
        "grant_types_supported": [
            *("authorization_code", "implicit", "refresh_token", "password"),
            *("client_credentials", "urn:openid:params:grant-type:ciba"),
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "acr_values_supported": ["0", "0"],
        "response_types_supported": _REPONSES,
        "subject_types_supported": ["public", "pairwise"],
        **_algorithms(),
        "response_modes_supported": _ENVELOPPES,
        "claims_supported": _CLAIMS,
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "scopes_supported": list(SCOPES),
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "code_challenge_methods_supported": ["plain", "S256"],
        "tls_client_certificate_bound_access_tokens": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "require_pushed_authorization_requests": False,
        "mtls_endpoint_aliases": _endpoints(adresse),
        "authorization_response_iss_parameter_supported": True,
    }


def _algorithms() -> dict[str, list[str]]:
    membres = {
        "id_token_signing_alg_values_supported": _SIGNATURES,
        "userinfo_signing_alg_values_supported": [*_SIGNATURES, "none"],
        "request_object_signing_alg_values_supported": [*_SIGNATURES, "none"],
        "authorization_signing_alg_values_supported": _SIGNATURES,
        "backchannel_authentication_request_signing_alg_values_supported": _SIGNATURES_CLE,
    }
    for quoi in ("token", "introspection", "revocation"):
        membres[f"{quoi}_endpoint_auth_methods_supported"] = _METHODES
        membres[f"{quoi}_endpoint_auth_signing_alg_values_supported"] = _SIGNATURES
    for quoi in ("id_token", "userinfo", "request_object", "authorization"):
        membres[f"{quoi}_encryption_alg_values_supported"] = _CHIFFREMENTS
        membres[f"{quoi}_encryption_enc_values_supported"] = _CONTENUS
    return membres
