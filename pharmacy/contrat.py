"""What the JSON addresses promise: the pieces of the OpenAPI schema, and how a view declares them.

drf-spectacular walks the views and writes the schema (docs/adr). Nobody is in the examples: a name
there is the word « NOM », numbers are invented.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from pharmacy.models import Patient, Poste, Vente
from pharmacy.problemes import PROBLEMES, TYPE, build_problem

F = TypeVar("F", bound=Callable[..., Any])
Schema = dict[str, Any]

TEXTE: Schema = {"type": "string"}
ENTIER: Schema = {"type": "integer", "minimum": 0}
NUMERO: Schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
OUI_NON: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
INSTANT_OU_RIEN: Schema = {**INSTANT, "nullable": True}
ENTIER_OU_RIEN: Schema = {**ENTIER, "nullable": True}
# What the server reads without trust, whatever its type.
LIBRE: Schema = {}
# No control character: PostgreSQL keeps none, and no device of ours sends one here.
_SANS_NUL = r"^[^\u0000]*$"


def text(maximum: int, *, vide: bool = True) -> Schema:
    """Return the schema of a text of at most `maximum` characters, without NUL."""
    return {"type": "string", "maxLength": maximum, "minLength": 0 if vide else 1} | {
        "pattern": _SANS_NUL
    }


def one_of(valeurs: list[str]) -> Schema:
    """Return the schema of one of these texts."""
    return {"type": "string", "enum": sorted(valeurs)}


def numbers(cles: list[str]) -> Schema:
    """Return the schema of one whole number for each of these names."""
    return record(**dict.fromkeys(cles, ENTIER))


def record(*facultatifs: str, **champs: Schema) -> Schema:
    """Return the schema of an answer: these fields and no other, all there but `facultatifs`."""
    return {**body(*facultatifs, **champs), "additionalProperties": False}


def body(*facultatifs: str, **champs: Schema) -> Schema:
    """Return the schema of a request: a field that nobody knows is let by."""
    voulus = sorted(set(champs) - set(facultatifs))
    return {"type": "object", "properties": champs} | ({"required": voulus} if voulus else {})


def rows(element: Schema) -> Schema:
    """Return the schema of a whole list."""
    return record(elements={"type": "array", "items": element})


def page(element: Schema) -> Schema:
    """Return the schema of one page of rows, and of the cursor of the next."""
    return record(
        elements={"type": "array", "items": element},
        suite=ENTIER_OU_RIEN,
    )


COMPOSANTS: dict[str, Schema] = {
    "Suite": record(
        phrase=TEXTE,
        ton=one_of(["info", "ok", "attention", "alerte"]),
        charger={"type": "array", "items": {"type": "object"}},
        dialogue={"type": "string", "nullable": True},
        aller={"type": "string", "nullable": True},
        signer={"type": "string", "nullable": True},
        lire={"type": "string", "nullable": True},
        code=TEXTE,
        focus=TEXTE,
    ),
    "Probleme": record(
        "parametre",
        title=TEXTE,
        status=ENTIER,
        detail=TEXTE,
        code=one_of(list(PROBLEMES)),
        parametre=TEXTE,
    ),
    "Postes": rows(
        record(
            code=TEXTE,
            libelle=TEXTE,
            etat=one_of([e for e in Poste.Etat.values if e != Poste.Etat.REVOQUE]),
            version_agent=TEXTE,
            vu_le=INSTANT_OU_RIEN,
        )
    ),
    "Parametres": rows(
        record(
            cle=TEXTE,
            libelle=TEXTE,
            valeur={"oneOf": [{"type": "string"}, {"type": "integer"}]},
            defaut=OUI_NON,
        )
    ),
    "Indicateurs": record(
        identites=numbers(Patient.Statut.values), ventes_du_jour=numbers(Vente.Etat.values)
    ),
    "Patient": record(
        id=ENTIER,
        nom_naissance=TEXTE,
        premier_prenom=TEXTE,
        prenoms_naissance=TEXTE,
        nom_utilise=TEXTE,
        prenom_utilise=TEXTE,
        date_naissance={"type": "string", "format": "date", "nullable": True},
        sexe=one_of(["", *Patient.Sexe.values]),
        lieu_naissance=TEXTE,
        statut=one_of(Patient.Statut.values),
        actif=OUI_NON,
        fusionne_dans=ENTIER_OU_RIEN,
    ),
    "Vente": record(
        "patient",
        id=ENTIER,
        etat=one_of(Vente.Etat.values),
        ouverte_le=INSTANT,
        terminee_le=INSTANT_OU_RIEN,
        lignes={
            "type": "array",
            "items": record(
                cip13=TEXTE, libelle=TEXTE, quantite=ENTIER, prix_centimes=ENTIER_OU_RIEN
            ),
        },
        patient=ENTIER_OU_RIEN,
    ),
    "Ventes": page({"$ref": "#/components/schemas/Vente"}),
}

_INSTANT = "2026-11-25T08:30:00Z"
POSTES = {
    "elements": [
        {
            "code": "comptoir-1",
            "libelle": "Comptoir 1",
            "etat": "associe",
            "version_agent": "0.1.0",
            "vu_le": _INSTANT,
        }
    ]
}
PARAMETRES = {
    "elements": [
        {
            "cle": "session.verrouillage_minutes",
            "libelle": "Verrouillage après inactivité (minutes)",
            "valeur": 15,
            "defaut": True,
        }
    ]
}
INDICATEURS = {
    "identites": {"PROV": 12, "RECUP": 4, "VALI": 3, "QUAL": 210},
    "ventes_du_jour": {
        "ouverte": 1,
        "en_attente": 0,
        "controlee": 0,
        "terminee": 64,
        "annulee": 2,
    },
}
VENTE = {
    "id": 1204,
    "etat": "terminee",
    "ouverte_le": _INSTANT,
    "terminee_le": _INSTANT,
    "lignes": [
        {
            "cip13": "3400930000000",
            "libelle": "PRODUIT D'EXEMPLE 500 mg, comprimé",
            "quantite": 2,
            "prix_centimes": 218,
        }
    ],
}
VENTES = {"elements": [VENTE], "suite": 1204}
PATIENT = {
    "id": 87,
    "nom_naissance": "NOM",
    "premier_prenom": "PRENOM",
    "prenoms_naissance": "PRENOM",
    "nom_utilise": "",
    "prenom_utilise": "",
    "date_naissance": "1979-03-01",
    "sexe": "F",
    "lieu_naissance": "63220",
    "statut": "QUAL",
    "actif": True,
    "fusionne_dans": None,
}


def ref(composant: str) -> Schema:
    """Return the reference of a named piece of the schema."""
    return {"$ref": f"#/components/schemas/{composant}"}


def _example(valeur: object, *, statut: str = "", demande: bool = False) -> OpenApiExample:
    return OpenApiExample(
        "exemple",
        value=valeur,
        request_only=demande,
        response_only=not demande,
        status_codes=[statut] if statut else None,
    )


# Every address of the integrations answers these; 404 where a row is named.
_PARTOUT = ("INT-400", "INT-401", "INT-403", "INT-405", "INT-429")
_MARQUE = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Le « ETag » de la dernière réponse : 304 si rien n'a changé.",
)


def _cursors(filtres: dict[str, list[str]]) -> list[OpenApiParameter]:
    return [
        OpenApiParameter(
            "curseur",
            NUMERO,
            description="La « suite » de la page d'avant.",
        ),
        OpenApiParameter("limite", {"type": "integer", "minimum": 1, "maximum": 200}),
        *(OpenApiParameter(nom, TEXTE, enum=valeurs) for nom, valeurs in filtres.items()),
    ]


def integration(
    composant: str,
    *,
    exemple: object,
    ident: str = "",
    filtres: dict[str, list[str]] | None = None,
) -> Callable[[F], F]:
    """Declare an address read by a key: what it answers, its refusals, its security, an example.

    `ident`: what the number in its path names. `filtres`: the address has pages, and these choices.
    """
    codes = [*_PARTOUT]
    parametres = [_MARQUE]
    if ident:
        codes.append("INT-404")
        parametres.append(
            OpenApiParameter(
                "ident", NUMERO, OpenApiParameter.PATH, description=f"numéro : {ident}"
            )
        )
    if filtres is not None:
        parametres += _cursors(filtres)
    reponses: dict[Any, Any] = {
        200: OpenApiResponse(ref(composant), examples=[_example(exemple, statut="200")]),
        304: OpenApiResponse(description="Rien n'a changé depuis cette marque."),
    }
    for code in codes:
        statut, titre, _ = PROBLEMES[code]
        reponses[(statut, TYPE)] = OpenApiResponse(
            ref("Probleme"), titre, examples=[_example(build_problem(code), statut=str(statut))]
        )
    return extend_schema(
        f"lire_{composant.lower()}",
        parameters=parametres,
        responses=reponses,
        auth=SECURITES["cle"],
        tags=["intégrations"],
    )


# What the page and the agents are refused with: a Suite, its sentence and its code.
REFUS = {
    400: "Corps ou champ mal formé",
    401: "Aucune preuve donnée",
    403: "Session fermée, verrouillée, ou droit absent",
    404: "Rien de tel",
    405: "Méthode refusée",
    409: "Lecture, signature ou vente refusée",
    415: "Le corps n'est pas du JSON",
    429: "Trop de demandes",
}


def _refusal(statut: int) -> OpenApiResponse:
    suite: dict[str, object] = {
        "phrase": "Votre session est fermée ou verrouillée. Identifiez-vous.",
        "ton": "alerte",
        "charger": [],
        "dialogue": None,
        "aller": None,
        "signer": None,
        "lire": None,
        "code": f"HTTP-{statut}",
        "focus": "",
    }
    return OpenApiResponse(
        ref("Suite"), REFUS[statut], examples=[_example(suite, statut=str(statut))]
    )


def door(
    *,
    reponses: dict[int, tuple[Schema | None, object]],
    refus: tuple[int, ...],
    demande: tuple[Schema, object] | None = None,
    securite: str = "page",
    parametres: tuple[OpenApiParameter, ...] = (),
) -> Callable[[F], F]:
    """Declare an address of the page or of an agent.

    `reponses` and `demande` give a schema and its example. `securite`: `page` (session and CSRF
    token), `agent` (text signed by the poste's key), or empty (open: a code in the body, or none).
    """
    rendues: dict[Any, Any] = {
        statut: OpenApiResponse(
            schema, examples=[] if schema is None else [_example(exemple, statut=str(statut))]
        )
        for statut, (schema, exemple) in reponses.items()
    }
    rendues |= {statut: _refusal(statut) for statut in refus}
    return extend_schema(
        parameters=list(parametres),
        request={"application/json": demande[0]} if demande else None,
        responses=rendues,
        examples=[_example(demande[1], demande=True)] if demande else None,
        auth=SECURITES[securite],
        tags=["page et agents"],
    )


# Both at once: the cookie of the session and the token of its page.
SECURITES: dict[str, Any] = {
    "page": [{"session": [], "csrf": []}],
    "agent": [{"agent": []}],
    "cle": [{"cle": []}],
    "": [{}],
}
SCHEMAS_DE_SECURITE: dict[str, Schema] = {
    "cle": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "cpt_…",
        "description": "Clé d'intégration, donnée par le titulaire.",
    },
    "session": {"type": "apiKey", "in": "cookie", "name": "comptoir_session"},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken"},
    "agent": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "« Poste » puis un JWS signé par la clé du poste.",
    },
}
