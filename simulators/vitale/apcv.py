"""Contexts of appli carte Vitale, in JSON (docs/contrats/apcv.schema.json, agent.md §3.3)."""

import json
import random
import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from simulators.commun.types import Reponse, Requete
from simulators.vitale.codes import Atelier, CodeRefuse
from simulators.vitale.foyers import Annuaire, Foyer

PARIS = ZoneInfo("Europe/Paris")
JSON_TYPE = "application/json; charset=utf-8"
COLLECTION = "/apcv/v1/contextes"
_UN = re.compile(rf"{COLLECTION}/(c_[A-Za-z0-9]{{8,40}})(/renouveler)?")
STATUTS = {
    "APCV_MALFORME": (400, "Le code présenté est illisible."),
    "APCV_PS_NON_AUTORISE": (403, "Professionnel ou structure non autorisé."),
    "APCV_CONTEXTE_INCONNU": (404, "Contexte inconnu ou supprimé."),
    "APCV_DEJA_UTILISE": (409, "Ce code a déjà été présenté."),
    "APCV_EXPIRE": (410, "Le code présenté a expiré."),
    "APCV_ASSURE_DIFFERENT": (422, "Le code est celui d'un autre assuré."),
    "APCV_INDISPONIBLE": (503, "Service momentanément indisponible."),
}
# Legal, drawn by the mood « bizarre »; then what no service may say, only when asked for.
VARIANTES = ("sans_ins", "sans_patronymique", "nom_usuel_vide", "sans_lieu", "sans_nir_certifie")
ILLEGALES = ("oid_inconnu", "cle_fausse", "sans_beneficiaire", "champ_inconnu", "statut_autre")
_ID_NAT = re.compile(r"[0-9]{10,14}")


class Refuse(Exception):
    """Refused by this code; `raison` is for the journal."""

    def __init__(self, code: str, raison: str = "") -> None:
        super().__init__(raison or code)
        self.code = code
        self.raison = raison


@dataclass
class Contexte:
    """One context held by a pharmacy: whose, until when."""

    identifiant: str
    foyer: Foyer
    usage: str
    fin: float


def operation_of(methode: str, chemin: str) -> str:
    """Return the operation of this address; empty when nothing answers there."""
    if chemin == COLLECTION:
        return "creerContexte" if methode == "POST" else ""
    lu = _UN.fullmatch(chemin)
    if lu is None:
        return ""
    renouvelle = bool(lu.group(2))
    return {("POST", True): "renouvelerContexte", ("DELETE", False): "supprimerContexte"}.get(
        (methode, renouvelle), ""
    )


class Apcv:
    """Codes presented, contexts given, who may ask."""

    def __init__(self, annuaire: Annuaire, hasard: random.Random) -> None:
        self.annuaire = annuaire
        self.hasard = hasard
        self.atelier = Atelier()
        self.presentes: set[str] = set()
        self.contextes: dict[str, Contexte] = {}
        self.ps: set[str] | None = None
        self.structures: set[str] | None = None

    def forget(self) -> None:
        """Forget codes, contexts and who may ask."""
        self.atelier.faits.clear()
        self.presentes.clear()
        self.contextes.clear()
        self.ps = self.structures = None

    def answer(self, requete: Requete) -> Reponse:
        """Answer one request under the lock of the service."""
        operation = operation_of(requete.methode, requete.chemin)
        try:
            _inject(requete)
            statut, objet, faits = self._serve(operation, requete)
        except Refuse as exc:
            statut, message = STATUTS[exc.code]
            faits = {"raison": exc.raison} if exc.raison else {}
            corps = {"code": exc.code, "message": message}
            return _reply(statut, corps, exc.code, operation, faits)
        return _reply(statut, objet, str(statut), operation, faits)

    def _serve(self, operation: str, requete: Requete) -> tuple[int, Any, dict[str, Any]]:
        if operation == "creerContexte":
            return self._create(requete)
        lu = _UN.fullmatch(requete.chemin)
        identifiant = lu.group(1) if lu else ""
        contexte = self.contextes.get(identifiant)
        if contexte is None:
            raise Refuse("APCV_CONTEXTE_INCONNU")
        if operation == "supprimerContexte":
            del self.contextes[identifiant]
            return 204, None, {"contexte": identifiant}
        return self._renew(requete, contexte)

    def _create(self, requete: Requete) -> tuple[int, Any, dict[str, Any]]:
        demande = _read(requete, {"mode", "contexteApCV", "ps", "structure", "poste"})
        ps, structure = (_id_nat(demande[champ]) for champ in ("ps", "structure"))
        if not _is_text(demande["poste"], 64):
            raise Refuse("APCV_MALFORME", "poste")
        if not (_is_allowed(ps, self.ps) and _is_allowed(structure, self.structures)):
            raise Refuse("APCV_PS_NON_AUTORISE")
        foyer, usage = self._present(str(demande["contexteApCV"]))
        contexte = self._open(foyer, usage)
        objet = {
            "contexteApCV": self._token(contexte),
            "usage": usage,
            "demonstration": foyer.demonstration,
            "nirAssure": foyer.nir_assure,
            "beneficiaires": [b.as_json(n) for n, b in enumerate(foyer.beneficiaires, start=1)],
        }
        self._vary(objet, requete)
        return (
            201,
            objet,
            {"contexte": contexte.identifiant, "beneficiaires": len(foyer.beneficiaires)},
        )

    def _renew(self, requete: Requete, ancien: Contexte) -> tuple[int, Any, dict[str, Any]]:
        demande = _read(requete, {"mode", "contexteApCV", "facture"})
        if not _is_text(demande["facture"], 40):
            raise Refuse("APCV_MALFORME", "facture")
        foyer, usage = self._present(str(demande["contexteApCV"]))
        if foyer.nir_assure != ancien.foyer.nir_assure:
            raise Refuse("APCV_ASSURE_DIFFERENT")
        del self.contextes[ancien.identifiant]
        contexte = self._open(foyer, usage)
        return 200, {"contexteApCV": self._token(contexte)}, {"contexte": contexte.identifiant}

    def _present(self, texte: str) -> tuple[Foyer, str]:
        """Burn a code: the same one never serves twice, not even after a lost answer."""
        try:
            code = self.atelier.read(texte)
        except CodeRefuse as exc:
            raise Refuse("APCV_MALFORME", str(exc)) from exc
        if code.ctx in self.presentes:
            raise Refuse("APCV_DEJA_UTILISE")
        if code.is_expired():
            raise Refuse("APCV_EXPIRE")
        self.presentes.add(code.ctx)
        return self.annuaire.foyers[code.foyer], code.usage

    def _open(self, foyer: Foyer, usage: str) -> Contexte:
        identifiant = f"c_{uuid4().hex[:16]}"
        contexte = Contexte(identifiant, foyer, usage, time.time() + foyer.validite_s)
        self.contextes[identifiant] = contexte
        return contexte

    def _token(self, contexte: Contexte) -> dict[str, str]:
        fin = datetime.fromtimestamp(contexte.fin, UTC).astimezone(PARIS)
        return {
            "identifiant": contexte.identifiant,
            "token": secrets.token_urlsafe(24),
            "dateFinValidite": fin.strftime("%Y%m%d%H%M%S"),
        }

    def _vary(self, objet: dict[str, Any], requete: Requete) -> None:
        """Make an answer odd, or wrong when asked for that."""
        voulues = {requete.variante} & {*VARIANTES, *ILLEGALES}
        if requete.bizarre and not voulues:
            voulues = {v for v in VARIANTES if self.hasard.random() < 0.5}
        for beneficiaire in objet["beneficiaires"]:
            _vary_one(beneficiaire, voulues)
        if "sans_beneficiaire" in voulues:
            objet["beneficiaires"] = []
        if "champ_inconnu" in voulues:
            objet["donneesInconnues"] = {"a": 1}


# Members that a variation takes away: of the beneficiary, of its INS block.
_RETIRES = {
    "sans_ins": "ins",
    "sans_patronymique": "nomPatronymique",
    "sans_nir_certifie": "nirCertifie",
}


def _vary_one(beneficiaire: dict[str, Any], voulues: set[str]) -> None:
    for variante, champ in _RETIRES.items():
        if variante in voulues:
            beneficiaire.pop(champ, None)
    if "nom_usuel_vide" in voulues:
        beneficiaire["nomUsuel"] = ""
    if "ins" in beneficiaire:
        _vary_ins(beneficiaire["ins"], voulues)


def _vary_ins(bloc: dict[str, Any], voulues: set[str]) -> None:
    if "sans_lieu" in voulues:
        bloc.pop("lieuNaissance", None)
    if "oid_inconnu" in voulues:
        bloc["oid"] = "1.2.250.1.213.1.4.2"
    if "cle_fausse" in voulues:
        bloc["matricule"] = f"{bloc['matricule'][:13]}{int(bloc['matricule'][13:]) % 97 + 1:02d}"
    if "statut_autre" in voulues:
        bloc["statut"] = "PROVISOIRE"


def _inject(requete: Requete) -> None:
    """Answer the refusal asked for by the control page or the header of a test."""
    if requete.faute:
        raise Refuse(requete.faute if requete.faute in STATUTS else "APCV_INDISPONIBLE")


def _reply(
    statut: int,
    objet: dict[str, Any] | None,
    resultat: str,
    operation: str,
    faits: dict[str, Any],
) -> Reponse:
    corps = b"" if objet is None else json.dumps(objet, ensure_ascii=False).encode()
    return Reponse(statut, corps, resultat, operation, faits=faits, type_contenu=JSON_TYPE)


def _read(requete: Requete, champs: set[str]) -> dict[str, Any]:
    """Return the JSON object of a request that has exactly these members."""
    if requete.media()[0] != "application/json":
        raise Refuse("APCV_MALFORME", "type_contenu")
    try:
        objet = json.loads(requete.corps.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise Refuse("APCV_MALFORME", "json") from exc
    if not isinstance(objet, dict) or set(objet) != champs:
        raise Refuse("APCV_MALFORME", "champs")
    if isinstance(objet["mode"], bool) or objet["mode"] not in (1, 2):
        raise Refuse("APCV_MALFORME", "mode")
    if not isinstance(objet["contexteApCV"], str):
        raise Refuse("APCV_MALFORME", "grammaire")
    return objet


def _id_nat(bloc: Any) -> str:  # noqa: ANN401
    if not (isinstance(bloc, dict) and set(bloc) == {"idNat"} and isinstance(bloc["idNat"], str)):
        raise Refuse("APCV_MALFORME", "idNat")
    if not _ID_NAT.fullmatch(bloc["idNat"]):
        raise Refuse("APCV_MALFORME", "idNat")
    return bloc["idNat"]


def _is_text(valeur: Any, maximum: int) -> bool:  # noqa: ANN401
    return isinstance(valeur, str) and 1 <= len(valeur) <= maximum


def _is_allowed(identifiant: str, permis: set[str] | None) -> bool:
    return permis is None or identifiant in permis
