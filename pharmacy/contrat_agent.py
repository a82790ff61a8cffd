"""What the addresses of the page and of the agents promise (agent.md §5.17)."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from pharmacy.contrat import INSTANT, LIBRE, TEXTE, body, door, one_of, record, ref, text

_JWS = "eyJ…"
_SUITE: dict[str, object] = {
    "phrase": "Carte lue.",
    "ton": "info",
    "charger": [],
    "dialogue": None,
    "aller": None,
    "signer": None,
    "lire": None,
    "code": "",
    "focus": "",
}
_REFUS = (400, 403, 405, 409, 415)
_BASE64 = {"type": "string", "format": "byte", "maxLength": 20_000}
_LISIBLE = text(8192)

JETONS = door(
    demande=(
        body("essai", wid=text(40), challenge=text(100), essai=LIBRE),
        {"wid": "p_0123456789AB", "challenge": "c2VydmV1cg"},
    ),
    reponses={
        200: (
            record(token=TEXTE, expires_at=INSTANT),
            {
                "token": _JWS,
                "expires_at": "2026-11-25T08:35:00Z",
            },
        )
    },
    refus=_REFUS,
)
PRESENCE = door(
    demande=(body(proof=_LISIBLE), {"proof": _JWS}),
    reponses={204: (None, None)},
    refus=_REFUS,
)
NONCES = door(
    demande=(
        body(op=one_of(["vitale.read", "cps.read", "cps.situations", "cps.sign", "apcv.read_nfc"])),
        {"op": "vitale.read"},
    ),
    reponses={200: (record(nonce=TEXTE), {"nonce": "q7Yt…"})},
    refus=_REFUS,
)
LECTURES = door(
    demande=(
        body(
            "data",
            "vente",
            op=one_of(["vitale.read", "cps.read", "cps.situations", "apcv.read_nfc"]),
            data=LIBRE,
            receipt=text(20_000),
            vente=LIBRE,
        ),
        {"op": "cps.read", "data": {}, "receipt": _JWS, "vente": 1204},
    ),
    reponses={200: (ref("Suite"), _SUITE)},
    refus=_REFUS,
)
CARTE_RETIREE = door(
    demande=(body("vente", vente=LIBRE), {"vente": 1204}),
    reponses={204: (None, None)},
    refus=_REFUS,
)
PREPARER = door(
    demande=(
        body(service=one_of(["epu"]), certificat_b64=_BASE64),
        {"service": "epu", "certificat_b64": "MIIB"},
    ),
    reponses={200: (record(id=TEXTE, request=TEXTE), {"id": "0f7c9a526a0e4c0a", "request": _JWS})},
    refus=_REFUS,
)
TERMINER = door(
    demande=(
        body(
            id=text(64),
            signatures={
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": body(sig_b64={"type": "string", "format": "byte"}),
            },
            certificate_b64=_BASE64,
            receipt=text(20_000),
        ),
        {
            "id": "0f7c9a526a0e4c0a",
            "signatures": [{"id": "1", "alg": "RS256", "sig_b64": "MIIB"}],
            "certificate_b64": "MIIB",
            "receipt": _JWS,
        },
    ),
    reponses={200: (ref("Suite"), _SUITE)},
    refus=_REFUS,
)
SCANS = door(
    demande=(
        body(
            "vente",
            "ordonnance",
            "garder",
            canal=one_of(["scan", "clavier", "saisie"]),
            # What a device read may hold anything, a NUL too.
            text={"type": "string", "maxLength": 5000},
            vente=LIBRE,
            ordonnance=LIBRE,
            garder=LIBRE,
        ),
        {"canal": "scan", "text": "3400930000000", "vente": 1204},
    ),
    reponses={200: (ref("Suite"), _SUITE)},
    refus=(*_REFUS, 429),
)
_ASSOCIATION = {
    "wid": TEXTE,
    "etat": TEXTE,
    "config_seq": {"type": "integer"},
    "config_jws": TEXTE,
}
_CONFIGURATION = {"type": "object", "properties": _ASSOCIATION, "required": ["wid", "config_jws"]}
_EXEMPLE = {
    "wid": "p_0123456789AB",
    "etat": "associe",
    "config_seq": 3,
    "config_jws": _JWS,
}
ENROLEMENTS = door(
    demande=(
        body(
            "agent_version",
            "os",
            "display_name",
            code=text(40),
            public_key={"type": "string", "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"},
            agent_version=LIBRE,
            os=LIBRE,
            display_name=LIBRE,
        ),
        {
            "code": "K7PM-2XQ9",
            "public_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "agent_version": "0.1.0",
            "os": "Debian 12",
            "display_name": "Comptoir 1",
        },
    ),
    reponses={
        200: (_CONFIGURATION, _EXEMPLE),
        202: (
            record(etat=one_of(["a_confirmer"]), server_key_id=TEXTE, expire_s={"type": "integer"}),
            {"etat": "a_confirmer", "server_key_id": "NzbLsXh8uDCcd-6MNwXF4W", "expire_s": 540},
        ),
    },
    refus=(400, 403, 405, 415, 429),
    securite="",
)
CONFIGURATION = door(
    reponses={200: (_CONFIGURATION, _EXEMPLE)},
    refus=(401, 403, 405),
    securite="agent",
    parametres=(OpenApiParameter("wid", OpenApiTypes.STR, OpenApiParameter.PATH),),
)
MANIFESTE = door(
    reponses={200: (record(manifeste=TEXTE), {"manifeste": _JWS})}, refus=(404, 405), securite=""
)
_CLE = {"type": "object", "properties": {"kty": TEXTE, "kid": TEXTE}, "required": ["kty", "kid"]}
JWKS = door(
    reponses={
        200: (
            record(keys={"type": "array", "items": _CLE}),
            {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "NzbLsXh8", "x": "11qYAYKxCrfV"}]},
        )
    },
    refus=(405,),
    securite="",
)
