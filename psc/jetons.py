"""Tokens of Pro Santé Connect: believed only when every check of psc.md §5.2 and §5.6 passed.

Signature first, by joserfc, under algorithms that we pin and a key of the pinned issuer; then each
claim, by us: Authlib leaves several of them (psc.md §5.2, table). What is refused is a code of
`psc.errors`; nothing of a token is in it.
"""

import base64
import hashlib
import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.oidc.core.util import create_half_hash
from joserfc import jws
from joserfc.errors import JoseError

from psc.cles import FAMILLES, Cles
from psc.errors import error_of
from psc.rules.userinfo import UserinfoIllisible, read_json

EVENEMENT = "http://schemas.openid.net/event/backchannel-logout"
MARGE_DEPART_S = 60
MARGE_DECONNEXION_S = 300
TAILLE_MAX = 32 * 1024


@dataclass(frozen=True)
class Pair:
    """Whose tokens are believed, for whom, how strictly."""

    emetteur: str
    client_id: str
    algorithmes: tuple[str, ...] = ("RS256",)
    acr: frozenset[str] = frozenset({"eidas1", "eidas2", "eidas3"})
    marge_s: float = 30

    def __post_init__(self) -> None:
        """Refuse an algorithm that could be forged: a mistake of the settings."""
        if not self.algorithmes or set(self.algorithmes) - FAMILLES.keys():
            raise ValueError("PSC_ALGS")


@dataclass(frozen=True)
class Attente:
    """What an identity token must answer to.

    `depart` is when the attempt began; `nonce` is None where none was sent (telephone, refresh);
    `age_max_s` is the `max_age` sent, None where none was.
    """

    maintenant: float
    depart: float
    nonce: str | None = field(default=None, repr=False)
    age_max_s: float | None = None
    jeton_acces: str = field(default="", repr=False)


@dataclass(frozen=True)
class JetonIdentite:
    """What an identity token proves. `authentifie_le` is None when the service does not say."""

    sub: str
    acr: str
    authentifie_le: float | None
    sid: str = ""
    national: str = ""


@dataclass(frozen=True)
class JetonDeconnexion:
    """Whose sessions a logout token ends: those of a session, else those of a person."""

    jti: str
    sub: str
    sid: str


def verify(jeton: str, pair: Pair, cles: Cles) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a compact token whose signature is the issuer's.

    Keys given by the token itself are ignored. Raises jeton_illisible, jeton_algorithme, jeton_cle,
    jeton_signature. Source: psc.md §5.2.
    """
    if len(jeton) > TAILLE_MAX or not jeton.isascii():
        raise error_of("jeton_illisible")
    # Lenient about members that we ignore (x5c…); the names that we read are checked below.
    registre = jws.JWSRegistry(algorithms=pair.algorithmes, strict_check_header=False)
    registre.max_header_length = TAILLE_MAX
    entete = _header(jeton, registre)
    if entete.get("alg") not in pair.algorithmes:
        raise error_of("jeton_algorithme")
    kid = entete.get("kid", "")
    if "crit" in entete or "b64" in entete or not isinstance(kid, str):
        raise error_of("jeton_illisible")
    cle = cles.find(kid, entete["alg"])
    try:
        signe = jws.deserialize_compact(jeton, cle.valeur, pair.algorithmes, registre)
        return entete, read_json(signe.payload)
    except JoseError as exc:
        raise error_of("jeton_signature") from exc
    except UserinfoIllisible as exc:
        raise error_of("jeton_illisible") from exc


def _header(jeton: str, registre: jws.JWSRegistry) -> dict[str, Any]:
    try:
        entete = jws.extract_compact(jeton.encode(), registry=registre).headers()
    except (JoseError, ValueError, TypeError, RecursionError) as exc:
        raise error_of("jeton_illisible") from exc
    return dict(entete)


def validate_id_token(jeton: str, pair: Pair, cles: Cles, attente: Attente) -> JetonIdentite:
    """Return what an identity token proves, or raise the first check that fails.

    Source: psc.md §5.2; §2.6 (acr, auth_time 0 is unknown).
    """
    entete, membres = verify(jeton, pair, cles)
    genre = str(entete.get("typ", "")).lower()
    if genre == "logout+jwt" or membres.get("typ", "ID") != "ID" or "events" in membres:
        raise error_of("jeton_genre")
    _check_origin(membres, pair)
    _check_dates(membres, pair, attente)
    if attente.nonce is not None and not _same(membres.get("nonce"), attente.nonce):
        raise error_of("jeton_nonce")
    sub, acr = _text(membres, "sub"), membres.get("acr")
    if not sub:
        raise error_of("jeton_sujet")
    if not isinstance(acr, str) or acr not in pair.acr:
        raise error_of("jeton_acr")
    if "at_hash" in membres and not _is_hash_of(membres["at_hash"], attente, entete["alg"]):
        raise error_of("jeton_acces")
    return JetonIdentite(
        sub,
        acr,
        _authenticated(membres, attente),
        sid=_text(membres, "sid"),
        national=_text(membres, "SubjectNameID"),
    )


def validate_logout_token(
    jeton: str,
    pair: Pair,
    cles: Cles,
    maintenant: float,
    deja_vu: Callable[[str], bool],
) -> JetonDeconnexion:
    """Return whose sessions end, or raise the first check that fails.

    `deja_vu` records an identifier and tells whether it was there already; it is asked last, so
    that a forged token marks nothing. Source: psc.md §5.6.
    """
    entete, membres = verify(jeton, pair, cles)
    if not _is_logout(entete, membres):
        raise error_of("jeton_genre")
    _check_origin(membres, pair)
    emis = _date(membres, "iat")
    if emis is None or abs(maintenant - emis) > MARGE_DECONNEXION_S:
        raise error_of("jeton_date")
    expire = _date(membres, "exp")
    if expire is not None and expire <= maintenant - pair.marge_s:
        raise error_of("jeton_expire")
    evenements = membres.get("events")
    if not isinstance(evenements, dict) or not isinstance(evenements.get(EVENEMENT), dict):
        raise error_of("jeton_evenement")
    jti, sub, sid = (_text(membres, nom) for nom in ("jti", "sub", "sid"))
    if not jti or not (sub or sid):
        raise error_of("jeton_sujet")
    if deja_vu(jti):
        raise error_of("jeton_rejoue")
    return JetonDeconnexion(jti, sub, sid)


def _is_logout(entete: Mapping[str, Any], membres: Mapping[str, Any]) -> bool:
    """Tell a logout token from any other: by its header, or as Keycloak does by its claim."""
    if "nonce" in membres:
        return False
    declare = membres.get("typ")
    par_entete = str(entete.get("typ", "")).lower() == "logout+jwt"
    return declare == "Logout" or (par_entete and declare is None)


def validate_userinfo(jeton: str, pair: Pair, cles: Cles) -> dict[str, Any]:
    """Return the members of a signed UserInfo; raises as `verify`, and jeton_emetteur, _audience.

    Source: psc.md §5.1, point 11.
    """
    _, membres = verify(jeton, pair, cles)
    _check_origin(membres, pair)
    return membres


def _check_origin(membres: Mapping[str, Any], pair: Pair) -> None:
    """Check issuer, audience and authorised party: Authlib accepts our azp on another's aud."""
    if membres.get("iss") != pair.emetteur:
        raise error_of("jeton_emetteur")
    aud = membres.get("aud")
    destinataires = aud if isinstance(aud, list) else [aud]
    if pair.client_id not in destinataires:
        raise error_of("jeton_audience")
    if len(destinataires) > 1 or "azp" in membres:
        _check_party(membres, pair)


def _check_party(membres: Mapping[str, Any], pair: Pair) -> None:
    if membres.get("azp") != pair.client_id:
        raise error_of("jeton_audience")


def _check_dates(membres: Mapping[str, Any], pair: Pair, attente: Attente) -> None:
    expire, emis = _date(membres, "exp"), _date(membres, "iat")
    if expire is None or emis is None:
        raise error_of("jeton_date")
    if emis > attente.maintenant + pair.marge_s:
        raise error_of("horloge")
    if expire <= attente.maintenant - pair.marge_s:
        raise error_of("jeton_expire")
    if emis < attente.depart - MARGE_DEPART_S:
        raise error_of("jeton_date")
    pas_avant = _date(membres, "nbf")
    if pas_avant is not None and pas_avant > attente.maintenant + pair.marge_s:
        raise error_of("jeton_date")


def _authenticated(membres: Mapping[str, Any], attente: Attente) -> float | None:
    """Return `auth_time`, None when unknown; a freshness that was asked for must be proved."""
    quand = _date(membres, "auth_time") or None
    if attente.age_max_s is not None:
        limite = attente.depart - MARGE_DEPART_S - attente.age_max_s
        if quand is None or quand < limite:
            raise error_of("jeton_authentification")
    return quand


def _date(membres: Mapping[str, Any], nom: str) -> float | None:
    """Return a date in seconds, None when absent; « jeton_date » for anything but a number."""
    valeur = membres.get(nom)
    if valeur is None:
        return None
    if isinstance(valeur, bool) or not isinstance(valeur, int | float):
        raise error_of("jeton_date")
    if not (abs(valeur) < 10**12 and math.isfinite(valeur)):
        raise error_of("jeton_date")
    return float(valeur)


def _text(membres: Mapping[str, Any], nom: str) -> str:
    valeur = membres.get(nom, "")
    if not isinstance(valeur, str) or len(valeur) > 255 or not valeur.isprintable():
        raise error_of("jeton_illisible")
    return valeur


def _same(recu: object, attendu: str) -> bool:
    return isinstance(recu, str) and hmac.compare_digest(
        recu.encode("utf-8", "surrogatepass"), attendu.encode()
    )


def _is_hash_of(recu: object, attente: Attente, alg: str) -> bool:
    attendu = create_half_hash(attente.jeton_acces, alg)
    return bool(attente.jeton_acces) and attendu is not None and _same(recu, attendu.decode())


def is_same_certificate(empreinte: str, der: bytes) -> bool:
    """Tell whether « cnf.x5t#S256 » names this certificate, in either of its two writings.

    RFC 8705 writes the 32 octets in Base64url; the ANS, the 64 hexadecimal digits in Base64 with
    padding. Source: psc.md §1.9.
    """
    condense = hashlib.sha256(der)
    normale = base64.urlsafe_b64encode(condense.digest()).rstrip(b"=")
    ans = base64.b64encode(condense.hexdigest().encode())
    recue = empreinte.encode("utf-8", "surrogatepass")
    return hmac.compare_digest(recue.rstrip(b"="), normale) or hmac.compare_digest(recue, ans)
