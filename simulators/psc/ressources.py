"""What is read with a token or without: discovery, keys, UserInfo, introspection, revocation."""

import copy
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulators.commun.types import Reponse, Requete
from simulators.psc.decouverte import document as discovery_document
from simulators.psc.etat import API, PSC, Jeton
from simulators.psc.fond import Fond, thumbprint
from simulators.psc.jetons import signed_userinfo
from simulators.psc.oauth import (
    FORMULAIRE,
    SANS_CACHE,
    Refus,
    RefusPorteur,
    facts,
    form,
    inject,
    json_reply,
    required,
)

_AUTRE = "899700900204"
# What « openid » alone opens.
_SANS_PORTEE = ("sub", "SubjectNameID", "preferred_username")


class Ressources:
    """Everything that only reads, and revocation."""

    def __init__(self, fond: Fond) -> None:
        self.fond = fond

    # Public

    def discovery(self, requete: Requete) -> Reponse:
        """Answer the discovery document of the wallet."""
        voulues = self._public(requete, "decouverte")
        if "decouverte_500" in voulues:
            raise Refus("server_error")
        objet = discovery_document(self.fond.adresse, self.fond.portail)
        if "emetteur_autre" in voulues:
            objet["issuer"] += "-autre"
        if "hote_interdit" in voulues:
            objet["token_endpoint"] = "https://autre.invalid/token"  # noqa: S105 - an address
        if "http" in voulues:
            objet["token_endpoint"] = objet["token_endpoint"].replace("https:", "http:")
        return json_reply(objet, "decouverte")

    def standard_discovery(self, requete: Requete) -> Reponse:
        """Answer the standard name: the endpoint of Keycloak itself, which must not be used."""
        self._public(requete, "decouverte_standard")
        objet = discovery_document(self.fond.adresse, self.fond.portail)
        objet["authorization_endpoint"] = f"{self.fond.emetteur}/protocol/openid-connect/auth"
        return json_reply(objet, "decouverte_standard")

    def keys(self, requete: Requete) -> Reponse:
        """Answer the key set."""
        voulues = self._public(requete, "cles")
        if "cles_500" in voulues:
            raise Refus("server_error")
        objet = {"keys": []} if "cles_vides" in voulues else self.fond.trousseau.published()
        return json_reply(objet, "cles")

    def _public(self, requete: Requete, lieu: str) -> frozenset[str]:
        inject(requete)
        return self.fond.anomalies.take(lieu)

    # UserInfo

    def userinfo(self, requete: Requete) -> Reponse:
        """Answer who the bearer is (OpenID Connect Core §5.3, RFC 6750)."""
        if requete.faute:
            raise RefusPorteur(requete.faute)
        jeton = self._bearer(requete)
        voulues = self.fond.anomalies.take("userinfo")
        client = jeton.octroi.client
        if "userinfo_401" in voulues:
            raise RefusPorteur("invalid_token", "Token is not active")
        if "userinfo_500" in voulues:
            raise Refus("server_error")
        reponse = self._userinfo(jeton, voulues)
        reponse.faits = {"client_id": client.client_id, "sub": jeton.octroi.session.personne.sub}
        return reponse

    def _userinfo(self, jeton: Jeton, voulues: frozenset[str]) -> Reponse:
        octroi, portee = jeton.octroi, jeton.claims["scope"].split()
        if "openid" not in portee:
            raise RefusPorteur("insufficient_scope", "openid is wanted", 403)
        objet = copy.deepcopy(octroi.session.personne.document)
        if "autre_personne" in voulues:
            objet = copy.deepcopy(self.fond.other_than(octroi.session.personne).document)
        objet["authMode"] = octroi.session.moyen
        if "scope_all" not in portee:
            objet = {nom: objet[nom] for nom in _SANS_PORTEE}
        _alter(objet, voulues)
        signes = {"userinfo_jwt", "userinfo_jwt_faux", "userinfo_jwt_aud_autre"}
        if octroi.client.userinfo_signe or voulues & signes:
            corps = signed_userinfo(self.fond, octroi.client.client_id, objet, voulues)
            return _raw(corps, "application/jwt")
        if "userinfo_html" in voulues:
            return _raw(b"<!doctype html><title>Maintenance</title>", "text/html")
        if "userinfo_vide" in voulues:
            return _raw(b"", "application/json")
        corps = json.dumps(objet, ensure_ascii=False).encode()
        return _raw(corps, "application/json;charset=UTF-8")

    def _bearer(self, requete: Requete) -> Jeton:
        """Return the living access token of the request; RefusPorteur otherwise."""
        if "access_token" in parse_qs(urlsplit(requete.chemin).query):
            raise RefusPorteur("invalid_request", "no token in an address", 400)
        genre, _, presente = requete.entetes.get("authorization", "").partition(" ")
        if presente and genre.lower() != "bearer":
            raise RefusPorteur("", statut=401)
        if requete.methode == "POST" and requete.media()[0] == FORMULAIRE:
            du_corps = form(requete).get("access_token", "")
            if du_corps and presente:
                raise RefusPorteur("invalid_request", "two tokens", 400)
            presente = presente or du_corps
        if not presente:
            raise RefusPorteur("", statut=401)
        jeton = self.fond.memoire.find_alive(presente.strip())
        if jeton is None or jeton.genre != "Bearer" or jeton.octroi.royaume != PSC:
            raise RefusPorteur("invalid_token", "Token is not active")
        lie = jeton.octroi.empreinte
        if lie and lie != thumbprint(requete.certificat):
            raise RefusPorteur("invalid_token", "Client certificate missing, or not the same")
        return jeton

    # Introspection, revocation

    def introspect(self, requete: Requete) -> Reponse:
        """Answer what a token is worth (psc.md §1.6, RFC 7662)."""
        params = self._authenticated(requete)
        jeton = self.fond.memoire.find_alive(required(params, "token"))
        if jeton is None:
            reponse = json_reply({"active": False}, "introspection", "inactif")
        else:
            reponse = json_reply(_active(jeton), "introspection")
        reponse.faits = facts(params)
        return reponse

    def revoke(self, requete: Requete) -> Reponse:
        """Revoke a token; its whole grant for a refresh token (RFC 7009)."""
        params = self._authenticated(requete)
        jeton = self.fond.memoire.find(required(params, "token"))
        if jeton is not None:
            if jeton.octroi.client.client_id != params["client_id"]:
                raise Refus("invalid_grant", "token of another client")
            jeton.revoque = True
            jeton.octroi.revoque = jeton.octroi.revoque or jeton.genre == "Refresh"
        return Reponse(
            200,
            b"",
            "200" if jeton is not None else "inconnu",
            "revocation",
            faits=facts(params),
            type_contenu="text/plain",
            entetes=SANS_CACHE,
        )

    def _authenticated(self, requete: Requete) -> dict[str, str]:
        inject(requete)
        params = form(requete)
        client = self.fond.registre.authenticate(requete, params)
        return params | {"client_id": client.client_id}


def _raw(corps: bytes, genre: str) -> Reponse:
    return Reponse(200, corps, "200", "userinfo", type_contenu=genre, entetes=SANS_CACHE)


def _active(jeton: Jeton) -> dict[str, Any]:
    """Return the members of psc.md §1.6; SubjectNameID for an access token only."""
    personne = jeton.octroi.session.personne
    noms = ("exp", "iat", "auth_time", "jti", "iss", "sub", "typ", "azp", "nonce", "session_state")
    objet = {nom: jeton.claims[nom] for nom in noms if nom in jeton.claims}
    objet |= {
        "preferred_username": personne.identifiant,
        "email_verified": False,
        "acr": "1" if jeton.octroi.royaume == API else "eidas1",
        "scope": jeton.claims["scope"],
        "sid": jeton.octroi.session.sid,
        "client_id": jeton.octroi.client.client_id,
        "username": personne.identifiant,
        "active": True,
    }
    if jeton.genre == "Bearer":
        objet["SubjectNameID"] = personne.identifiant
        objet["authMode"] = jeton.octroi.session.moyen
        if "cnf" in jeton.claims:
            objet["cnf"] = jeton.claims["cnf"]
        if "otherIds" in personne.document:
            objet["otherIds"] = personne.document["otherIds"]
    return objet


def _alter(objet: dict[str, Any], voulues: frozenset[str]) -> None:
    """Make a document odd or wrong."""
    if "autre_graphie" in voulues and "otherIds" in objet:
        objet["otherIDs"] = objet.pop("otherIds")
    if "sans_auth_mode" in voulues:
        objet.pop("authMode", None)
    changes: dict[str, dict[str, Any]] = {
        "membre_inconnu": {"nouveauMembre": {"a": [1, None]}},
        "userinfo_sub_autre": {"sub": f"f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:{_AUTRE}"},
        "userinfo_subject_autre": {"SubjectNameID": _AUTRE, "preferred_username": _AUTRE},
        "userinfo_1mio": {"remplissage": "A" * 1_048_576},
        "exercices_objet": {"SubjectRefPro": {"exercices": {}}},
        "listes_de_1000": {"SubjectRole": ["21^1.2.250.1.213.1.1.5.5"] * 1000},
    }
    for nom, change in changes.items():
        if nom in voulues:
            objet |= change
