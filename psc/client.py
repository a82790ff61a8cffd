"""The relying party of Pro Santé Connect: one method an operation (psc.md §1, §5).

Authlib writes addresses and forms, `psc.jetons` believes or not, our transport sends. Nothing here
reads the database nor the settings. Every method raises the taxonomy with the codes of
`psc.errors`; no token, code, or secret is in an error, a representation or a log.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.client import OAuth2Client

from psc.cles import ClesDuService, parse_jwks
from psc.documents import Document, Magasin
from psc.echanges import (
    Authentifie,
    Cible,
    DemandeCiba,
    Depart,
    Jetons,
    Reglages,
    Sondage,
)
from psc.errors import error_of
from psc.jetons import Attente, JetonIdentite, validate_id_token, validate_userinfo
from psc.metadonnees import CHEMIN, Metadonnees, parse_discovery
from psc.oauth import ErreurOAuth, ReponseHttp, SessionHttp, clock_offset, read_object, write_basic
from psc.rules.ciba import is_person_called
from psc.rules.identifiant import RppsAmbigu, RppsContradictoire, login_hint_of
from psc.rules.retour import Retour, RetourRefuse, check_issuer, error_code_of
from psc.rules.userinfo import Identite, UserinfoIllisible, parse_userinfo, read_json
from teleservices.errors import InvalidReply, OutcomeUnknown, TeleserviceError, Unavailable
from teleservices.transport import Transport

logger = logging.getLogger(__name__)
GRANT_CIBA = "urn:openid:params:grant-type:ciba"
GRANT_ECHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE_JETON = "urn:ietf:params:oauth:token-type:access_token"
DECOUVERTE_S = 24 * 3600.0
JWKS_S = 12 * 3600.0
HORLOGE_FAUSSE_S = 120
EXPIRE_PAR_DEFAUT_S = 60


class PscClient:
    """Talks to Pro Santé Connect. Safe to share between threads: nothing of a person is kept."""

    def __init__(
        self,
        reglages: Reglages,
        transport: Transport,
        magasin: Magasin,
        horloge: Callable[[], float] = time.time,
    ) -> None:
        self.reglages = reglages
        self._horloge = horloge
        self._http = SessionHttp(transport, reglages.delais, self._note_date)
        self.ecart_s: float | None = None
        emetteur = reglages.pair.emetteur
        self._decouverte: Document[Metadonnees] = Document(
            f"{emetteur} decouverte",
            DECOUVERTE_S,
            lambda: self._document(emetteur + CHEMIN),
            lambda octets: parse_discovery(octets, emetteur, reglages.hotes),
            magasin,
            horloge,
        )
        self._cles = ClesDuService(
            Document(
                f"{emetteur} jwks",
                JWKS_S,
                lambda: self._document(self.metadonnees().jwks),
                parse_jwks,
                magasin,
                horloge,
            )
        )

    @property
    def cles(self) -> ClesDuService:
        """The keys of the issuer, for a logout token."""
        return self._cles

    def metadonnees(self) -> Metadonnees:
        """Return the endpoints, kept a day. Raises Unavailable when they were never had."""
        return self._decouverte.get()

    def refresh(self) -> None:
        """Ask again for the public documents, for who wants to know whether the service answers.

        Raises the error of the network or of the check; the former documents stay. Source: §5.3.
        """
        self._decouverte.ask()
        self._cles.ask()

    # The code flow.

    def authorization_url(self, depart: Depart) -> str:
        """Return where the browser goes; PKCE S256, state, nonce and level always. Source: §1.4."""
        options: dict[str, Any] = {"nonce": depart.nonce, "acr_values": self.reglages.acr_values}
        if self.reglages.prompt_login:
            options["prompt"] = "login"
        if self.reglages.age_max_s is not None:
            options["max_age"] = str(self.reglages.age_max_s)
        url, _ = self._oauth().create_authorization_url(
            self.metadonnees().autorisation,
            state=depart.etat,
            code_verifier=depart.verifieur,
            **options,
        )
        return str(url)

    def finish(self, retour: Retour, depart: Depart) -> Authentifie:
        """Return who came back; points 6 to 11 of the callback algorithm, in order.

        The caller has proved that the way back is its browser's and consumed the attempt. One try
        only: a code may be burnt whatever the answer. Source: psc.md §5.1.
        """
        metadonnees = self.metadonnees()
        try:
            emetteur = self.reglages.pair.emetteur
            check_issuer(retour, emetteur, annonce=metadonnees.iss_au_retour)
        except RetourRefuse as exc:
            raise error_of(str(exc)) from exc
        if retour.erreur:
            raise error_of(error_code_of(retour))
        reponse = self._token(
            {"invalid_grant": "demande_refusee"},
            lambda client: client.fetch_token(
                metadonnees.jetons,
                grant_type="authorization_code",
                code=retour.code,
                code_verifier=depart.verifieur,
            ),
        )
        attente = Attente(self._horloge(), depart.debut, depart.nonce, self.reglages.age_max_s)
        return self._authenticated(reponse, attente)

    def renew(self, jetons: Jetons, preuve: JetonIdentite, depart: float) -> Jetons:
        """Return new tokens of the same person; the newest refresh token is the one to keep.

        Raises session_terminee when the session is over, Unavailable or OutcomeUnknown when nobody
        knows. `depart` is when the session began. Source: psc.md §1.5, §5.5.
        """
        reponse = self._token(
            {"invalid_grant": "session_terminee"},
            lambda client: client.refresh_token(
                self.metadonnees().jetons, refresh_token=jetons.renouvellement
            ),
        )
        recu = self._read_tokens(reponse)
        if recu.identite:
            attente = Attente(self._horloge(), depart, jeton_acces=recu.acces)
            if self._prove(recu.identite, attente).sub != preuve.sub:
                raise error_of("jeton_sujet")
        return Jetons(
            recu.acces,
            recu.renouvellement or jetons.renouvellement,
            recu.identite or jetons.identite,
            recu.expire_s,
            recu.renouvellement_expire_s,
            recu.recu_le,
            recu.session_state or jetons.session_state,
        )

    def userinfo(self, jeton_acces: str, preuve: JetonIdentite) -> Identite:
        """Return the identity that a token opens, the same person as the proof.

        Raises jeton_perime, userinfo_illisible, userinfo_sujet, userinfo_identifiant. Source: §5.1.
        """
        recu = self._http.get(self.metadonnees().userinfo, jeton_acces)
        if recu.statut in {401, 403}:
            raise error_of("jeton_perime")
        genre = recu.type_contenu.split(";", 1)[0].strip().lower()
        try:
            if recu.statut == 200 and genre == "application/jwt":
                brut = validate_userinfo(
                    recu.corps.decode("ascii", "replace"), self.reglages.pair, self._cles
                )
            elif recu.statut == 200 and genre == "application/json":
                brut = read_json(recu.corps)
            else:
                raise error_of("userinfo_illisible")
            identite = parse_userinfo(brut)
        except UserinfoIllisible as exc:
            code = "userinfo_identifiant" if str(exc) == "identifiant_national" else ""
            raise error_of(code or "userinfo_illisible") from exc
        if identite.sub != preuve.sub:
            raise error_of("userinfo_sujet")
        if preuve.national and identite.national != preuve.national:
            raise error_of("userinfo_identifiant")
        return identite

    # The telephone, or the desktop tool of the card.

    def ciba_start(self, rpps: str, nombre: str, canal: str = "MOBILE") -> DemandeCiba:
        """Send a request to the professional of this RPPS; `nombre` is shown on both sides.

        Raises ciba_inconnu, ciba_coupe, client_refuse. Source: psc.md §1.8.
        """
        adresse = self.metadonnees().ciba
        if not adresse:
            raise error_of("ciba_coupe")
        debut = self._horloge()
        demande = {
            "scope": self.reglages.scope,
            "login_hint": login_hint_of(rpps),
            "binding_message": nombre,
            "acr_values": self.reglages.acr_values,
            "channel": canal,
        }
        codes = {"unknown_user_id": "ciba_inconnu", "unauthorized_client": "ciba_coupe"}
        recu = self._read(codes, lambda: self._post(adresse, demande))
        identifiant, expire_s = recu.get("auth_req_id"), _seconds(recu, "expires_in")
        if not isinstance(identifiant, str) or not identifiant or expire_s is None:
            raise error_of("psc_illisible")
        return DemandeCiba(identifiant, rpps, expire_s, _seconds(recu, "interval"), debut)

    def ciba_poll(self, demande: DemandeCiba) -> Sondage:
        """Ask once whether the person approved; a breakdown is a wait until our own deadline.

        Raises ciba_refuse, ciba_expire, ciba_perdu, ciba_autre_personne. Source: psc.md §1.8.
        """
        if self._horloge() >= demande.debut + demande.expire_s:
            raise error_of("ciba_expire")
        codes = {
            "access_denied": "ciba_refuse",
            "expired_token": "ciba_expire",
            "invalid_grant": "ciba_perdu",
        }
        client = self._oauth()
        client.scope = None
        try:
            reponse = client.fetch_token(
                self.metadonnees().jetons,
                grant_type=GRANT_CIBA,
                auth_req_id=demande.identifiant,
            )
        except ErreurOAuth as exc:
            if exc.code in {"authorization_pending", "slow_down"}:
                return Sondage("ralentir" if exc.code == "slow_down" else "en_attente")
            raise _refusal(exc, codes) from exc
        except (Unavailable, OutcomeUnknown):
            return Sondage("en_attente", panne=True)
        attente = Attente(self._horloge(), demande.debut)
        authentifie = self._authenticated(reponse, attente)
        self._check_called(authentifie, demande.rpps)
        return Sondage("approuvee", authentifie)

    def _check_called(self, authentifie: Authentifie, rpps: str) -> None:
        """Refuse, and close, the session of anyone but the person called."""
        try:
            if is_person_called(authentifie.identite, rpps):
                return
        except (RppsAmbigu, RppsContradictoire):
            pass
        self._close(authentifie.jetons.identite)
        raise error_of("ciba_autre_personne")

    def _close(self, jeton_identite: str) -> None:
        """End a session that is refused, as far as the service lets us."""
        try:
            self.end_session(jeton_identite)
        except TeleserviceError as erreur:
            logger.warning("psc.fermeture_impossible %s", erreur.code)

    # What tokens are for, and their end.

    def exchange(self, jeton_acces: str, cible: Cible) -> Jetons:
        """Return the tokens of a connected service, against a fresh token of ours.

        Raises jeton_perime: the caller renews once, then tries once more. Source: psc.md §1.9.
        """
        codes = {"invalid_grant": "jeton_perime", "invalid_token": "jeton_perime"}
        reponse = self._token(
            codes,
            lambda client: client.fetch_token(
                cible.jeton_url,
                grant_type=GRANT_ECHANGE,
                subject_token=jeton_acces,
                subject_token_type=TYPE_JETON,
                subject_issuer=cible.emetteur_sujet,
                scope=cible.scope,
            ),
        )
        return self._read_tokens(reponse)

    def introspect(self, jeton: str) -> bool:
        """Tell whether the service still holds a token for good. Source: psc.md §1.6."""
        adresse = self.metadonnees().introspection
        client = self._oauth()
        lu = self._read({}, lambda: client.introspect_token(adresse, token=jeton))
        return lu.get("active") is True

    def revoke(self, jeton: str) -> None:
        """Make a token worth nothing. Raises as any call. Source: psc.md §1.2."""
        adresse = self.metadonnees().revocation
        client = self._oauth()
        if adresse:
            self._call({}, lambda: client.revoke_token(adresse, token=jeton))

    def end_session(self, jeton_identite: str) -> None:
        """End the remote session from here, without a browser. Raises as any call. Source: §1.7."""
        formulaire = {"id_token_hint": jeton_identite}
        self._call({}, lambda: self._http.post(self._end_session_address(), formulaire))

    def end_session_url(self, jeton_identite: str, etat: str) -> str:
        """Return where a browser ends its session and comes back from, with `etat`.

        The identity token is then in an address: `end_session` is preferred wherever the return of
        the browser is not needed. Source: psc.md §1.7, §3.9.
        """
        return str(
            add_params_to_uri(
                self._end_session_address(),
                [
                    ("id_token_hint", jeton_identite),
                    ("post_logout_redirect_uri", self.reglages.apres_deconnexion),
                    ("state", etat),
                ],
            )
        )

    def _end_session_address(self) -> str:
        adresse = self.metadonnees().deconnexion
        if not adresse:
            raise error_of("psc_document")
        return adresse

    # Between the methods.

    def _authenticated(self, reponse: Mapping[str, Any], attente: Attente) -> Authentifie:
        jetons = self._read_tokens(reponse)
        if not jetons.identite:
            raise error_of("jeton_absent")
        complete = Attente(
            attente.maintenant,
            attente.depart,
            attente.nonce,
            attente.age_max_s,
            jetons.acces,
        )
        try:
            preuve = self._prove(jetons.identite, complete)
        except InvalidReply as exc:
            if exc.code == "jeton_authentification":
                # Somebody's session, still open in that browser: it would come back each time.
                self._close(jetons.identite)
            raise
        return Authentifie(jetons, preuve, self.userinfo(jetons.acces, preuve))

    def _prove(self, jeton: str, attente: Attente) -> JetonIdentite:
        """Validate; a token that is over because our clock is wrong says so."""
        try:
            return validate_id_token(jeton, self.reglages.pair, self._cles, attente)
        except InvalidReply as exc:
            faux = self.ecart_s is not None and abs(self.ecart_s) > HORLOGE_FAUSSE_S
            if faux and exc.code in {"jeton_expire", "jeton_date"}:
                raise error_of("horloge") from exc
            raise

    def _read_tokens(self, reponse: Mapping[str, Any]) -> Jetons:
        acces, genre = reponse.get("access_token"), reponse.get("token_type")
        if not isinstance(acces, str) or not acces.isascii() or not acces.isprintable():
            raise error_of("psc_illisible")
        if not isinstance(genre, str) or genre.lower() != "bearer" or not acces:
            raise error_of("psc_illisible")
        return Jetons(
            acces,
            _text(reponse, "refresh_token"),
            _text(reponse, "id_token"),
            _seconds(reponse, "expires_in") or EXPIRE_PAR_DEFAUT_S,
            _seconds(reponse, "refresh_expires_in"),
            self._horloge(),
            _text(reponse, "session_state"),
        )

    def _oauth(self) -> OAuth2Client:
        """Return a client of Authlib for one call: it keeps the last token it saw."""
        reglages = self.reglages
        client = OAuth2Client(
            self._http,
            reglages.pair.client_id,
            reglages.secret or None,
            token_endpoint_auth_method=reglages.authentification,
            revocation_endpoint_auth_method=reglages.authentification,
            scope=reglages.scope,
            redirect_uri=reglages.redirection,
            code_challenge_method="S256",
        )
        client.register_client_auth_method(("client_secret_basic", write_basic))
        return client

    def _token(
        self, codes: Mapping[str, str], appel: Callable[[OAuth2Client], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        client = self._oauth()
        try:
            return appel(client)
        except ErreurOAuth as exc:
            raise _refusal(exc, codes) from exc

    def _post(self, adresse: str, formulaire: Mapping[str, str]) -> ReponseHttp:
        auth = self._oauth().client_auth(self.reglages.authentification)
        return self._http.post(adresse, formulaire, auth=auth)

    def _call(self, codes: Mapping[str, str], appel: Callable[[], ReponseHttp]) -> ReponseHttp:
        try:
            return appel()
        except ErreurOAuth as exc:
            raise _refusal(exc, codes) from exc

    def _read(self, codes: Mapping[str, str], appel: Callable[[], ReponseHttp]) -> dict[str, Any]:
        return read_object(self._call(codes, appel).content)

    def _document(self, adresse: str) -> bytes:
        recu = self._http.get(adresse)
        if recu.statut != 200:
            raise error_of("psc_document")
        return recu.corps

    def _note_date(self, recu_le: float, date: str) -> None:
        """Remember by how much our clock is ahead, for the health page (psc.md §5.3)."""
        ecart = clock_offset(recu_le, date)
        if ecart is not None:
            self.ecart_s = ecart


def _refusal(exc: ErreurOAuth, codes: Mapping[str, str]) -> TeleserviceError:
    """Return our error for one of the protocol (RFC 6749 §5.2)."""
    if exc.code in codes:
        return error_of(codes[exc.code])
    client = exc.code in {"invalid_client", "unauthorized_client"}
    return error_of("client_refuse" if client or exc.statut == 401 else "demande_refusee")


def _text(reponse: Mapping[str, Any], nom: str) -> str:
    valeur = reponse.get(nom)
    if valeur is None:
        return ""
    if not isinstance(valeur, str):
        raise error_of("psc_illisible")
    return valeur


def _seconds(reponse: Mapping[str, Any], nom: str) -> int | None:
    """Return a duration; None when absent, zero or no number (Keycloak: 0 is « no end »)."""
    valeur = reponse.get(nom)
    if isinstance(valeur, bool) or not isinstance(valeur, int | float):
        return None
    return int(valeur) if 0 < valeur < 10**8 else None
