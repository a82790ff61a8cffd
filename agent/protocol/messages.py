"""Envelopes, verbs, scopes and error codes of the websocket (agent.md §5.6 to §5.8)."""

import json
from dataclasses import dataclass, field
from typing import Any, TypeGuard

VERSION_PROTOCOLE = 1
SOUS_PROTOCOLE = "officine.agent.v1"
TAILLE_MAX = 65536
PROFONDEUR_MAX = 16

# verb -> scope it needs ("" = any authenticated connection, None = before authentication too).
VERBES: dict[str, str | None] = {
    "ping": None,
    "auth": None,
    "auth.refresh": "",
    "state.get": "",
    "capabilities.get": "",
    "subscribe": "",
    "focus.claim": "",
    "focus.release": "",
    "vitale.read": "card:read",
    "apcv.read_nfc": "card:read",
    "cps.read": "cps:read",
    "cps.situations": "cps:read",
    "cps.pin_state": "cps:read",
    "cps.lock": "cps:read",
    "cps.sign": "cps:sign",
    "reader.yield": "card:read",
    "reader.resume": "card:read",
    "reader.assign": "admin",
    "scan.pause": "scan",
    "scan.resume": "scan",
    "cancel": "",
}
# Verbs of the specification that this version does not serve yet.
PLUS_TARD = frozenset(
    {
        "diag.get",
        "agent.update.check",
    }
)

# code -> (retryable, sentence and next step)
ERREURS: dict[str, tuple[bool, str]] = {
    "E_PROTO_VERSION": (False, "Agent trop ancien ou trop récent. Mettez-le à jour."),
    "E_PROTO_JSON": (False, "Message illisible. Rechargez la page."),
    "E_PROTO_TYPE": (False, "Commande inconnue de l'agent. Mettez-le à jour."),
    "E_PROTO_PAYLOAD": (False, "Commande mal formée. Rechargez la page."),
    "E_TOO_BIG": (False, "Message trop long. Rechargez la page."),
    "E_RATE_LIMITED": (True, "Trop de commandes à la suite. Attendez une seconde."),
    "E_BUSY": (True, "Une lecture est déjà en cours sur ce lecteur. Attendez qu'elle finisse."),
    "E_CANCELLED": (True, "Lecture interrompue. Recommencez quand vous voulez."),
    "E_TIMEOUT": (True, "La carte n'a pas répondu à temps. Retirez-la, remettez-la."),
    "E_INTERNAL": (
        True,
        "L'agent a rencontré un défaut. Recommencez ; s'il revient, appelez le support.",
    ),
    "E_NOT_SUPPORTED": (False, "Ce poste ne sait pas faire cela."),
    "E_NOT_ENROLLED": (
        False,
        "Poste non associé à l'officine. Demandez au titulaire de l'associer.",
    ),
    "E_AUTH_REQUIRED": (False, "La page ne s'est pas identifiée. Rechargez-la."),
    "E_AUTH_TOKEN_INVALID": (False, "Laissez-passer refusé. Rechargez la page."),
    "E_AUTH_TOKEN_EXPIRED": (False, "Laissez-passer expiré. Rechargez la page."),
    "E_AUTH_TOKEN_REPLAYED": (False, "Laissez-passer déjà utilisé. Rechargez la page."),
    "E_AUTH_WRONG_WORKSTATION": (False, "Ce laissez-passer est celui d'un autre poste."),
    "E_AUTH_WRONG_ORIGIN": (False, "Cette page n'est pas celle de l'officine."),
    "E_AUTH_CHALLENGE": (False, "Laissez-passer d'une autre connexion. Rechargez la page."),
    "E_AUTH_SCOPE": (False, "Cette page n'a pas ce droit sur les lecteurs."),
    "E_AUTH_CLOCK": (True, "L'horloge du poste est décalée. Réglez-la."),
    "E_NOT_FOCUSED": (True, "Cette fenêtre n'est pas active. Cliquez dedans, recommencez."),
    "E_NONCE_MISSING": (False, "Lecture sans numéro du serveur. Rechargez la page."),
    "E_PCSC_UNAVAILABLE": (True, "Le service de cartes à puce ne répond pas. Redémarrez le poste."),
    "E_NO_READER": (True, "Aucun lecteur branché. Branchez-le, ou continuez par le nom (F2)."),
    "E_READER_GONE": (True, "Lecteur débranché pendant l'opération. Rebranchez-le."),
    "E_READER_BUSY": (True, "Lecteur utilisé par un autre logiciel. Fermez-le, recommencez."),
    "E_READER_AMBIGUOUS": (False, "Deux cartes du même genre : n'en laissez qu'une."),
    "E_NO_CARD": (True, "Aucune carte. Insérez la carte, puce vers l'avant."),
    "E_CARD_REMOVED": (
        True,
        "La carte a été retirée pendant la lecture. Remettez-la, ou continuez par le nom (F2).",
    ),
    "E_CARD_CHANGED": (True, "La carte a changé pendant la lecture. Recommencez."),
    "E_CARD_MUTE": (True, "Carte muette. Vérifiez le sens d'insertion."),
    "E_CARD_UNKNOWN": (False, "Cette carte n'est ni une carte Vitale ni une CPS à jour."),
    "E_CARD_PROTOCOL": (True, "Réponse inattendue de la carte. Retirez-la, remettez-la."),
    "E_VITALE_DATA": (False, "Le contenu de la carte est illisible. Continuez par le nom (F2)."),
    "E_VITALE_API_MISSING": (
        False,
        "Le composant officiel de lecture Vitale n'est pas installé. Continuez par le nom (F2).",
    ),
    "E_CPS_LIB_MISSING": (False, "Cryptolib CPS non installée. Appelez le support."),
    "E_CPS_READ": (False, "La carte CPS est illisible. Essayez une autre carte."),
    "E_CPS_CERT": (False, "Le certificat de la carte CPS est illisible."),
    "E_CPS_EXPIRED": (False, "La carte CPS a expiré. Demandez son renouvellement."),
    "E_CPS_NOT_MATCHING": (False, "Cette carte est celle d'une autre personne. Insérez la vôtre."),
    "E_CPS_PIN_CANCELLED": (
        True,
        "Saisie du code porteur abandonnée. Recommencez quand vous voulez.",
    ),
    "E_CPS_PIN_TIMEOUT": (True, "Le code porteur n'a pas été donné à temps. Recommencez."),
    "E_CPS_PIN_WRONG": (True, "Code porteur inexact. Recommencez avec attention."),
    "E_CPS_PIN_LOCKED": (False, "Code porteur bloqué. Débloquez-le avec le code de déblocage."),
    "E_SIGN_REQUEST_INVALID": (False, "Demande de signature refusée par l'agent."),
    "E_SIGN_REQUEST_EXPIRED": (False, "Demande de signature trop ancienne. Recommencez."),
    "E_SIGN_REPLAYED": (False, "Demande de signature déjà utilisée. Recommencez."),
    "E_SIGN_KEY_USAGE": (False, "Cette clé de la carte ne sert pas à cela."),
    "E_SIGN_ALG": (False, "La carte ne connaît pas cet algorithme."),
    "E_SIGN_FAILED": (False, "La carte n'a pas signé. Recommencez."),
    "E_APCV_NOT_PRESENTED": (True, "Aucun téléphone posé. Posez-le sur le lecteur sans contact."),
    "E_APCV_MALFORMED": (
        True,
        "L'appli n'a rien donné de lisible. Reposez le téléphone, ou scannez son code.",
    ),
    "E_UPDATE_REQUIRED": (
        False,
        "Agent trop ancien pour ce serveur. Il se met à jour ; sinon, appelez le support.",
    ),
    "E_SCANNER_GONE": (True, "E-lecteur débranché. Rebranchez-le, ou saisissez le code."),
}

# What the card found is, when it is not the one asked for (§8, case 10).
CARTES_TROUVEES = {
    "vitale2": "C'est une carte Vitale. Insérez la carte qui convient à ce lecteur.",
    "vitale1": "Carte Vitale d'ancienne génération, à remplacer. Continuez par le nom (F2).",
    "cps": "C'est une carte de professionnel. Insérez la carte Vitale, ou changez de lecteur.",
}

FERMETURES = {
    "binaire": 1003,
    "trop_gros": 1009,
    "redemarrage": 1012,
    "saturation": 1013,
    "sans_auth": 4001,
    "auth_refusee": 4002,
    "jeton_expire": 4003,
    "remplace": 4004,
    "version": 4005,
    "lent": 4006,
    "inondation": 4007,
    "session_verrouillee": 4008,
    "revoque": 4009,
}


class ErreurAgent(Exception):
    """A stable code of §5.8, and details without personal data."""

    def __init__(self, code: str, **details: Any) -> None:  # noqa: ANN401
        super().__init__(code)
        self.code = code
        self.details = details


@dataclass(frozen=True)
class Requete:
    """A request of the page. The payload never shows in a repr."""

    verbe: str
    ident: str
    payload: dict[str, Any] = field(repr=False)


def _depth(valeur: object, niveau: int = 1) -> int:
    if niveau > PROFONDEUR_MAX:
        return niveau
    if isinstance(valeur, dict):
        return max([_depth(v, niveau + 1) for v in valeur.values()], default=niveau)
    if isinstance(valeur, list):
        return max([_depth(v, niveau + 1) for v in valeur], default=niveau)
    return niveau


def _load(texte: str) -> dict[str, Any]:
    """Return the object of a frame: whatever is in it can be written again as UTF-8 JSON.

    Lone surrogates, NaN and 1e999 are refused here: echoed later, they would break the writer.
    """
    try:
        objet = json.loads(texte)
        if not isinstance(objet, dict) or _depth(objet) > PROFONDEUR_MAX:
            raise ErreurAgent("E_PROTO_JSON")
        json.dumps(objet, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as exc:
        raise ErreurAgent("E_PROTO_JSON") from exc
    return objet


def _is_ident(ident: object) -> TypeGuard[str]:
    return isinstance(ident, str) and 1 <= len(ident) <= 36 and ident.isprintable()


def parse_request(texte: str) -> Requete:
    """Return the request in a text frame. Raises ErreurAgent; unknown keys are ignored."""
    if len(texte.encode("utf-8", "surrogatepass")) > TAILLE_MAX:
        raise ErreurAgent("E_TOO_BIG")
    objet = _load(texte)
    if objet.get("v") != VERSION_PROTOCOLE:
        raise ErreurAgent("E_PROTO_VERSION")
    verbe, ident, payload = objet.get("type"), objet.get("id"), objet.get("payload", {})
    if not _is_ident(ident):
        raise ErreurAgent("E_PROTO_PAYLOAD", path="id")
    if not isinstance(payload, dict):
        raise ErreurAgent("E_PROTO_PAYLOAD", path="payload")
    if not isinstance(verbe, str):
        raise ErreurAgent("E_PROTO_TYPE")
    return Requete(verbe, ident, payload)


def request_id(texte: str) -> str:
    """Return the id of a frame that could not be read as a request, or an empty text."""
    try:
        ident = json.loads(texte).get("id")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return ident if _is_ident(ident) else ""


def build_hello(wid: str, instance: str, challenge: str, agent: str) -> str:
    """Return the first frame: nothing about readers, users or system (§5.5)."""
    return _dump(
        {
            "type": "hello",
            "payload": {
                "protocol": {"min": 1, "max": 1},
                "agent": agent,
                "wid": wid,
                "instance": instance,
                "challenge": challenge,
                "enrolled": bool(wid),
            },
        }
    )


def build_response(ident: str, payload: dict[str, Any]) -> str:
    """Return a success."""
    return _dump({"type": "res", "id": ident, "ok": True, "payload": payload})


def build_error(ident: str, erreur: ErreurAgent) -> str:
    """Return a failure with its French sentence."""
    retryable, message = ERREURS[erreur.code]
    if erreur.code == "E_CARD_UNKNOWN":
        message = CARTES_TROUVEES.get(str(erreur.details.get("atr_class")), message)
    return _dump(
        {
            "type": "res",
            "id": ident,
            "ok": False,
            "error": {
                "code": erreur.code,
                "message": message,
                "retryable": retryable,
                "details": erreur.details,
            },
        }
    )


def build_event(nom: str, seq: int, ts: str, payload: dict[str, Any]) -> str:
    """Return an event; `seq` grows by one per connection."""
    return _dump({"type": "event", "event": nom, "seq": seq, "ts": ts, "payload": payload})


def _dump(objet: dict[str, Any]) -> str:
    return json.dumps({"v": VERSION_PROTOCOLE, **objet}, ensure_ascii=False, separators=(",", ":"))
