"""Rights of an insured person on a day of care (docs/contrats/adri.xsd), over SOAP 1.2."""

import random
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lxml import etree

from simulators.cartes import carte_list
from simulators.commun.fautes import COMMUNES, Faute, Refus, by_code, write
from simulators.commun.reception import Reception
from simulators.commun.soap import MessageRefuse, envelope, message_id, parse, text
from simulators.commun.types import Hasard, Reponse, Requete
from simulators.insi.acces import check_structure
from simulators.population import build_population
from simulators.population.personnes import Personne, is_birth

ADRI = "urn:sim:adri:1"
CONTRAT = Path(__file__).resolve().parents[2] / "docs/contrats/adri.xsd"
REQUETE = f"{{{ADRI}}}consulterDroitsRequete"
LIBELLES = {
    "00": "Droits ouverts",
    "01": "Bénéficiaire inconnu",
    "02": "Aucun droit ouvert à cette date",
}
FAUTES = COMMUNES | by_code(
    Faute("adri_40", "Droits momentanément indisponibles", "Receiver", "siram_40", "fatale"),
)
# Legal oddities of the mood « bizarre ».
VARIANTES = ("sans_fin", "sans_centre", "sans_css", "exonerations")
Cle = tuple[str, str, int]


@dataclass(frozen=True)
class Droits:
    """One period of rights; dates as AAAA-MM-JJ, `fin` empty when it has none."""

    regime: str
    caisse: str
    centre: str
    debut: str
    fin: str
    exonerations: tuple[str, ...] = ()
    css: bool | None = None

    def is_open(self, jour: str) -> bool:
        """Tell whether the rights are open on this day."""
        return self.debut <= jour and (not self.fin or jour <= self.fin)


def _iso(brut: str | None) -> str:
    return f"{brut[:4]}-{brut[4:6]}-{brut[6:]}" if brut else ""


def _of_card(vitale: dict[str, Any]) -> dict[Cle, list[Droits]]:
    """Return the rights that a card of the tray carries."""
    assure = vitale["assure"]
    lus: dict[Cle, list[Droits]] = {}
    for b in vitale["beneficiaires"]:
        ald = any(c.get("code_ald") == "1" for c in b.get("couverture") or ())
        lus[(assure["nir"], _iso(b["date_naissance"]), b["rang_gemellaire"])] = [
            Droits(
                assure["regime"],
                assure["caisse"],
                assure["centre"],
                _iso(periode["debut"]),
                _iso(periode["fin"]),
                ("ALD",) if ald else (),
                css=False,
            )
            for periode in b["droits_amo"]
        ]
    return lus


def _of_person(p: Personne) -> Droits:
    """Return rights drawn from the number alone: one person in twenty has none any more."""
    hasard = random.Random(f"droits/{p.ins.matricule}")  # noqa: S311 - not a secret
    fin = "2025-06-30" if hasard.random() < 0.05 else "2030-12-31"
    exonerations = hasard.choices(
        ((), ("ALD",), ("MATERNITE",), ("INVALIDITE",), ("ALD", "INVALIDITE")), (80, 12, 3, 3, 2)
    )[0]
    caisse = f"{hasard.choice((751, 131, 691, 313, 593, 671))}"
    return Droits("01", caisse, "0001", "2020-01-01", fin, exonerations, hasard.random() < 0.1)


class Adri:
    """Rights by (insured number, birth date, rank)."""

    def __init__(self, graine: int, hasard: random.Random, *, calme: bool) -> None:
        self.alea = Hasard(hasard, calme=calme)
        schema = etree.XMLSchema(etree.parse(CONTRAT))
        self.reception = Reception({f"{ADRI}:consulterDroits": REQUETE}, {REQUETE: schema})
        self.droits: dict[Cle, list[Droits]] = {}
        for carte in carte_list("vitale"):
            for cle, periodes in _of_card(carte["vitale"]).items() if carte.get("vitale") else ():
                self.droits.setdefault(cle, periodes)
        for p in build_population(graine):
            cle = (p.ouvrant_droit or p.ins.matricule, p.naissance, p.rang)
            self.droits.setdefault(cle, [_of_person(p)])

    def answer(self, requete: Requete) -> Reponse:
        """Answer one request."""
        identifiant, operation = "", "consulterDroits"
        try:
            check_structure(requete)
            message = parse(requete.corps)
            identifiant = message_id(message)
            self.reception.check(message, requete, identifiant)
            _check_birth(message.corps)
            _inject(requete)
            code, droits = self._find(message.corps)
            octets = self._write(code, droits, self._oddities(requete))
            return Reponse(200, octets, code, operation, identifiant)
        except MessageRefuse as exc:
            code, raison = "desir_1020", str(exc)
        except Refus as exc:
            code, raison = exc.code, exc.raison
        octets = write(FAUTES[code], identifiant, self.alea)
        faits = {"raison": raison} if raison else {}
        return Reponse(500, octets, code, operation, identifiant, faits)

    def _oddities(self, requete: Requete) -> set[str]:
        if requete.variante in VARIANTES:
            return {requete.variante}
        hasard = self.alea.hasard
        return {v for v in VARIANTES if hasard.random() < 0.5} if requete.bizarre else set()

    def _find(self, corps: Any) -> tuple[str, Droits | None]:  # noqa: ANN401
        cle = (
            text(corps, ADRI, "NirAssure"),
            text(corps, ADRI, "DateNaissance"),
            int(text(corps, ADRI, "RangGemellaire")),
        )
        jour = date.fromisoformat(text(corps, ADRI, "DateSoins").strip()).isoformat()
        periodes = self.droits.get(cle)
        if periodes is None:
            return "01", None
        ouverts = next((d for d in periodes if d.is_open(jour)), None)
        return ("00", ouverts) if ouverts else ("02", None)

    def _write(self, code: str, droits: Droits | None, etranges: set[str]) -> bytes:
        racine = etree.Element(f"{{{ADRI}}}consulterDroitsReponse", nsmap={"d": ADRI})
        _add(racine, "Code", code)
        _add(racine, "Libelle", LIBELLES[code])
        if droits is not None:
            _add_rights(racine, droits, etranges)
        return envelope(racine, None if self.alea.calme else self.alea.hasard)


def _check_birth(corps: Any) -> None:  # noqa: ANN401
    """Refuse a day that is neither of the calendar nor lunar."""
    if not is_birth(text(corps, ADRI, "DateNaissance")):
        raise MessageRefuse("date_impossible")


def _inject(requete: Requete) -> None:
    """Answer the fault asked for by the control page or the header of a test."""
    if requete.faute:
        raise Refus(requete.faute if requete.faute in FAUTES else "adri_40")


def _add(parent: Any, nom: str, valeur: str) -> None:  # noqa: ANN401
    etree.SubElement(parent, f"{{{ADRI}}}{nom}").text = valeur


def _add_rights(racine: Any, droits: Droits, etranges: set[str]) -> None:  # noqa: ANN401
    bloc = etree.SubElement(racine, f"{{{ADRI}}}Droits")
    _add(bloc, "Regime", droits.regime)
    _add(bloc, "Caisse", droits.caisse)
    if droits.centre and "sans_centre" not in etranges:
        _add(bloc, "Centre", droits.centre)
    _add(bloc, "Debut", droits.debut)
    if droits.fin and "sans_fin" not in etranges:
        _add(bloc, "Fin", droits.fin)
    tous = ("ALD", "MATERNITE", "INVALIDITE", "ATMP")
    for exoneration in tous if "exonerations" in etranges else droits.exonerations:
        _add(bloc, "Exoneration", exoneration)
    if droits.css is not None and "sans_css" not in etranges:
        _add(bloc, "ComplementaireSanteSolidaire", "true" if droits.css else "false")
