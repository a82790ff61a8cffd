"""Verification of identities: one, or a batch of 500 (docs/contrats/insi-verification.xsd).

Our contract with ourselves, after ins.md §3.7: the official operations are not public.
"""

import hashlib
import random
from pathlib import Path
from typing import Any, TypeAlias

from lxml import etree

from simulators.commun.fautes import Refus
from simulators.commun.soap import envelope, text
from simulators.insi.base import Personne, Registre, nir_key, same_place
from simulators.insi.lots import Lot, LotDifferent, Magasin
from simulators.population.personnes import completed_date

VERIF = "urn:sim:insi-verification:1"
CONTRAT = Path(__file__).resolve().parents[2] / "docs/contrats/insi-verification.xsd"
OPERATIONS = ("verifierIdentite", "deposerLot", "releverLot")
ACTIONS = {f"{VERIF}:{nom}": f"{{{VERIF}}}{nom}Requete" for nom in OPERATIONS}
LIBELLES = {
    "00": "Identité conforme",
    "01": "Identité non conforme",
    "02": "Matricule inconnu",
    "91": "Identité non vérifiée",
}
_INCONNUE = "reference-inconnue"
Element: TypeAlias = Any  # of lxml


def build_schemas() -> dict[str, Any]:
    """Return the schema of each request of the contract."""
    schema = etree.XMLSchema(etree.parse(CONTRAT))
    return dict.fromkeys(ACTIONS.values(), schema)


def read_identity(element: Element) -> dict[str, str]:
    """Return the fields of an Identite by their local name."""
    return {champ.tag.rpartition("}")[2]: champ.text or "" for champ in element}


def verified_code(registre: Registre, identite: dict[str, str]) -> str:
    """Return 00, 01 or 02. A former number is known, and no longer that of anybody: 01."""
    personne = registre.par_numero.get(identite["Matricule"])
    if personne is None:
        return "01" if identite["Matricule"] in registre.anciens else "02"
    return "00" if _fits(personne, identite) else "01"


def _fits(personne: Personne, identite: dict[str, str]) -> bool:
    """Compare every trait; a date completed by the rules stands for an incomplete one."""
    dates = {personne.naissance, completed_date(personne.naissance), *personne.dates_admises}
    lieu = identite.get("LieuNaissance", "")
    return (
        identite["Cle"] == (personne.ins.cle or nir_key(personne.ins.matricule))
        and identite["OID"] == personne.ins.oid
        and identite["NomNaissance"] == personne.nom
        and identite["Prenoms"] == " ".join(personne.prenoms)
        and identite["Sexe"] == personne.sexe
        and identite["DateNaissance"] in dates
        and (not lieu or not personne.lieu or same_place(lieu, personne.lieu))
    )


class Verification:
    """The three operations; `duree_ms` is the time that a whole batch takes."""

    def __init__(self, magasin: Magasin, hasard: random.Random, *, calme: bool) -> None:
        self.magasin = magasin
        self.hasard = hasard
        self.enveloppe = None if calme else hasard
        self.duree_ms = 0

    def answer(
        self,
        registre: Registre,
        corps: Element,
        etranges: set[str],
    ) -> tuple[bytes, str, dict[str, Any]]:
        """Return (envelope, what the journal says was done, facts of the journal)."""
        operation = etree.QName(corps).localname.removesuffix("Requete")
        racine = etree.Element(f"{{{VERIF}}}{operation}Reponse", nsmap=self._prefix())  # type: ignore[arg-type]
        if operation == "verifierIdentite":
            dit, faits = self._verify(registre, corps, racine, etranges)
        elif operation == "deposerLot":
            dit, faits = self._deposit(registre, corps, racine, etranges)
        else:
            dit, faits = self._collect(corps, racine, etranges)
        return envelope(racine, self.enveloppe), dit, faits

    def _prefix(self) -> dict[str | None, str]:
        return {"ver" if self.enveloppe and self.hasard.random() < 0.5 else None: VERIF}

    def _code(self, registre: Registre, identite: dict[str, str], etranges: set[str]) -> str:
        if "a_redemander" in etranges and self.hasard.random() < 0.5:
            return "91"
        return verified_code(registre, identite)

    def _verify(
        self,
        registre: Registre,
        corps: Element,
        racine: Element,
        etranges: set[str],
    ) -> tuple[str, dict[str, Any]]:
        identite = read_identity(corps[0])
        code = "91" if "a_redemander" in etranges else verified_code(registre, identite)
        _add_result(racine, identite["Reference"], code)
        return code, {}

    def _deposit(
        self,
        registre: Registre,
        corps: Element,
        racine: Element,
        etranges: set[str],
    ) -> tuple[str, dict[str, Any]]:
        id_lot = text(corps, VERIF, "IdLot")
        identites = [read_identity(e) for e in corps.iterfind(f"{{{VERIF}}}Identite")]
        resultats = [(i["Reference"], self._code(registre, i, etranges)) for i in identites]
        if "a_redemander" in etranges:
            resultats[-1] = (resultats[-1][0], "91")
        try:
            lot, neuf = self.magasin.deposit(id_lot, _digest(identites), tuple(resultats))
        except LotDifferent as exc:
            raise Refus("insi_14", "lot_different") from exc
        _add(racine, "IdLot", lot.id_lot)
        _add(racine, "NumeroLot", lot.numero)
        _add(racine, "Nombre", str(len(lot.resultats)))
        faits = {"lot": lot.numero, "nombre": len(lot.resultats)}
        return ("depose" if neuf else "deja_depose"), faits

    def _collect(
        self,
        corps: Element,
        racine: Element,
        etranges: set[str],
    ) -> tuple[str, dict[str, Any]]:
        numero = text(corps, VERIF, "NumeroLot")
        lot = None if "lot_oublie" in etranges else self.magasin.read(numero)
        traitees = lot.done(self.duree_ms) if lot else 0
        nombre = len(lot.resultats) if lot else 0
        etat = "INCONNU" if lot is None else "TERMINE" if traitees == nombre else "EN_COURS"
        _add(racine, "NumeroLot", numero)
        _add(racine, "Etat", etat)
        _add(racine, "Traitees", str(traitees))
        _add(racine, "Nombre", str(nombre))
        if lot is not None:
            for reference, code in self._results(lot, traitees, etranges):
                _add_result(racine, reference, code)
        return etat, {"lot": numero, "nombre": nombre, "traitees": traitees}

    def _results(self, lot: Lot, traitees: int, etranges: set[str]) -> list[tuple[str, str]]:
        """Return what is told of a batch: nothing before its end, unless `resultats_partiels`."""
        resultats = list(lot.resultats)
        if traitees < len(resultats):
            resultats = resultats[:traitees] if "resultats_partiels" in etranges else []
        if not resultats:
            return []
        if "desordre" in etranges:
            resultats = [*reversed(resultats)]
        if "reference_manquante" in etranges:
            resultats.pop()
        elif "reference_inconnue" in etranges:
            resultats[-1] = (_INCONNUE, "00")
        elif "reference_double" in etranges:
            resultats[-1] = resultats[0]
        return resultats


def _digest(identites: list[dict[str, str]]) -> str:
    """Return a digest of the traits sent, whatever the prefixes and the layout."""
    return hashlib.sha256(repr(identites).encode()).hexdigest()


def _add(parent: Element, nom: str, valeur: str) -> None:
    etree.SubElement(parent, f"{{{VERIF}}}{nom}").text = valeur


def _add_result(racine: Element, reference: str, code: str) -> None:
    resultat = etree.SubElement(racine, f"{{{VERIF}}}Resultat")
    _add(resultat, "Reference", reference)
    _add(resultat, "Code", code)
    _add(resultat, "Libelle", LIBELLES[code])
