"""Answers of the service: valid against its schema, varied where the contract leaves a choice."""

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

from simulators.commun.soap import envelope, fault
from simulators.commun.types import Hasard
from simulators.ordonnance.donnees import PARIS, Ligne, Passee, Prescription
from simulators.ordonnance.etat import TECHNIQUES, Base, Refus

EPU = "urn:sim:epu:1"
_PREFIXES = ("epu", "e", "ns4", None)
_CODES = ("CIS", "CIP13", "UCD13", "MV", "LPP", "EMDN", "ATC", "Libelle", "DCI")
_IDENTITE = ("RPPS", "FINESS", "Nom", "Prenom", "Profession", "Telephone")
_FACULTATIFS = (
    "ATC",
    "DCI",
    "DebutTraitement",
    "FinTraitement",
    "UnitesParJour",
    "UniteQuantite",
    "Substituable",
    "HorsAMM",
    "Telephone",
    "Profession",
    "NomUtilise",
    "LieuNaissance",
    "ProchaineDelivranceAuPlusTot",
)


class Redacteur:
    """Writes the answers. One prescription in one version is always served in the same words:
    the variation is drawn from its number and version, so that its digest proves something."""

    def __init__(self, base: Base, hasard: random.Random, *, calme: bool) -> None:
        self.base = base
        self.calme = calme
        self.alea = Hasard(hasard, calme=calme)
        self.hasard = None if calme else hasard
        self.graine = hasard.random()

    def send(self, reponse: Any) -> bytes:  # noqa: ANN401
        """Return the envelope of an answer."""
        return envelope(reponse, self.hasard)

    def reply(self, operation: str, avertissements: list[tuple[str, str]] | None = None) -> Any:  # noqa: ANN401
        """Return the start of an answer: CR and warnings."""
        prefixe = "epu" if self.hasard is None else self.hasard.choice(_PREFIXES)
        reponse = etree.Element(f"{{{EPU}}}{operation}Reponse", nsmap={prefixe: EPU})  # type: ignore[dict-item]
        cr = add(reponse, "CR")
        add(cr, "CodeCR", "00")
        add(cr, "LibelleCR", "OK")
        if operation in {"consulterPrescription", "enregistrerExecution"}:
            for code, libelle in avertissements or []:
                element = add(reponse, "Avertissement")
                add(element, "Code", code)
                add(element, "Libelle", libelle)
        return reponse

    def stamp(self, instant: datetime, alea: random.Random | None = None) -> str:
        """Return an instant, in Paris or in UTC."""
        source = alea or self.alea.hasard
        if self.calme or source.random() < 0.5:
            return instant.astimezone(PARIS).isoformat(timespec="seconds")
        return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def prescription(self, p: Prescription, finess: str, *, bizarre: bool) -> Any:  # noqa: ANN401
        """Return the element Prescription."""
        alea = random.Random(f"{self.graine}:{p.numero}:{p.version}")  # noqa: S311 - variation
        element = etree.Element(f"{{{EPU}}}Prescription")
        add(element, "Numero", p.numero)
        add(element, "Version", str(p.version))
        add(element, "Statut", self.base.status(p, finess))
        add(element, "DatePrescription", p.date.astimezone(PARIS).date().isoformat())
        add(element, "DebutValidite", self.stamp(p.date, alea))
        if p.fin:
            add(element, "FinValidite", self.stamp(p.fin, alea))
        if p.souhaitee:
            add(element, "DateExecutionSouhaitee", p.souhaitee.isoformat())
        for genre in p.types:
            add(element, "Type", genre)
        add(element, "RetourPrescripteurAutorise", _bool(p.retour))
        _beneficiary(element, p.beneficiaire)
        _professional(element, "Prescripteur", p.prescripteur)
        _professional(element, "PrescripteurRemplace", p.remplace)
        _professional(element, "ExecutantDesigne", p.designe)
        self._lines(element, p, alea)
        if p.commentaire:
            add(element, "Commentaire", p.commentaire)
        if bizarre:
            _make_odd(element, alea)
        add(element, "EmpreinteSHA256", digest(element))
        return element

    def _lines(self, element: Any, p: Prescription, alea: random.Random) -> None:  # noqa: ANN401
        lignes = list(p.lignes)
        if not self.calme:
            alea.shuffle(lignes)
        for ligne in lignes:
            self._line(element, p, ligne, minuscule=not self.calme and alea.random() < 0.5)
        for ident, execution in p.executions.items():
            self._past(element, ident, execution, alea)

    def _line(self, parent: Any, p: Prescription, ligne: Ligne, *, minuscule: bool) -> None:  # noqa: ANN401
        f = ligne.faits
        element = add(parent, "Ligne")
        add(element, "IdLigne", ligne.id.lower() if minuscule else ligne.id)
        add(element, "Rang", str(ligne.rang))
        add(element, "Nature", str(f.get("nature", "MEDICAMENT")))
        add(element, "Statut", self.base.line_status(p, ligne))
        produit = add(element, "Produit")
        _some(produit, f, _CODES)
        if f.get("posologie"):
            add(element, "PosologieTexte", f["posologie"])
        duree = f.get("duree", 30)
        if duree:
            debut = p.date.astimezone(PARIS).date()
            add(element, "DebutTraitement", debut.isoformat())
            add(element, "FinTraitement", (debut + timedelta(days=int(duree) - 1)).isoformat())
            add(element, "DureeJours", str(duree))
        if f.get("unites"):
            add(element, "UnitesParJour", str(f["unites"]))
        add(element, "QuantitePrescrite", str(f["quantite"]))
        add(element, "UniteQuantite", str(f.get("unite", "BOITE")))
        if ligne.renouvellements is not None:
            add(element, "RenouvellementsPrevus", str(ligne.renouvellements))
        add(element, "DelivrancesEffectuees", str(len(self.base.complete(p, ligne))))
        prochaine = self.base.next_date(p, ligne)
        if prochaine:
            jour = prochaine.astimezone(PARIS).date()
            add(element, "ProchaineDelivranceAuPlusTot", jour.isoformat())
        _flags(element, f)

    def _past(self, parent: Any, ident: str, execution: Passee, alea: random.Random) -> None:  # noqa: ANN401
        element = add(parent, "Execution")
        add(element, "IdExecution", ident if self.calme or alea.random() < 0.5 else ident.upper())
        add(element, "DateDelivrance", self.stamp(execution.date, alea))
        add(element, "FINESS", execution.finess)
        add(element, "NumeroDelivrance", str(execution.numero_delivrance))
        add(element, "Annulee", _bool(execution.annulee))
        for id_ligne, resultat, quantite in execution.lignes:
            if not id_ligne:
                continue
            ligne = add(element, "Ligne")
            add(ligne, "IdLigne", id_ligne)
            add(ligne, "Resultat", resultat)
            add(ligne, "Quantite", f"{quantite:g}")

    def receipt(self, recu: dict[str, Any], *, rejeu: bool, bizarre: bool) -> Any:  # noqa: ANN401
        """Return the answer to an execution: the same receipt each time, but Rejeu."""
        reponse = self.reply("enregistrerExecution", recu["avertissements"])
        add(reponse, "AccuseReception", recu["accuse"])
        add(reponse, "Horodatage", self.stamp(recu["horodatage"]))
        add(reponse, "Rejeu", _bool(rejeu))
        add(reponse, "Version", str(recu["version"]))
        add(reponse, "StatutPrescription", recu["statut"])
        for id_ligne, statut in recu["lignes"]:
            element = add(reponse, "StatutLigne", statut)
            element.set("idLigne", id_ligne.lower() if self.alea.often(0.5) else id_ligne)
        if bizarre:
            add(reponse, "ChampInconnu", "à ignorer & sans danger")
        return reponse

    def fault(self, refus: Refus) -> bytes:
        """Return the envelope of a refusal."""
        prefixe = "epu" if self.hasard is None else self.hasard.choice(_PREFIXES)
        erreur = etree.Element(f"{{{EPU}}}Erreur", nsmap={prefixe: EPU})  # type: ignore[dict-item]
        add(erreur, "Code", refus.code)
        add(erreur, "Libelle", refus.libelle)
        add(erreur, "Gravite", "TECHNIQUE" if refus.code in TECHNIQUES else "BLOQUANT")
        add(erreur, "Reessayable", _bool(refus.code in {"EPU-006", "EPU-090", "EPU-091"}))
        if refus.detail:
            add(erreur, "Detail", refus.detail)
        cote = "Receiver" if refus.code.startswith("EPU-09") else "Sender"
        return fault(cote, "", refus.libelle, [erreur], self.hasard)


def digest(prescription: Any) -> str:  # noqa: ANN401
    """Return SHA-256 of the canonical form of Prescription without its EmpreinteSHA256."""
    copie = etree.fromstring(etree.tostring(prescription, with_tail=False))
    for element in copie.findall(f"{{{EPU}}}EmpreinteSHA256"):
        copie.remove(element)
    sans_prefixe = etree.tostring(_plain(copie), method="c14n", exclusive=True)
    return hashlib.sha256(sans_prefixe).hexdigest()


def _plain(element: Any) -> Any:  # noqa: ANN401
    """Return a copy whose namespace has no prefix: the prefix of the day does not count."""
    neuf = etree.Element(element.tag, nsmap={None: EPU})  # type: ignore[dict-item]
    neuf.text = None if len(element) else element.text
    neuf.attrib.update(element.attrib)
    for enfant in element:
        neuf.append(_plain(enfant))
    return neuf


def add(parent: Any, nom: str, valeur: str | None = None) -> Any:  # noqa: ANN401
    """Append an element and return it."""
    element = etree.SubElement(parent, f"{{{EPU}}}{nom}")
    element.text = valeur
    return element


def _bool(valeur: object) -> str:
    return "true" if valeur else "false"


def _some(parent: Any, faits: dict[str, Any], noms: tuple[str, ...]) -> None:  # noqa: ANN401
    for nom in noms:
        valeur = faits.get(nom.lower())
        if valeur:
            add(parent, nom, str(valeur))


def _flags(element: Any, f: dict[str, Any]) -> None:  # noqa: ANN401
    if "substituable" in f:
        add(element, "Substituable", _bool(f["substituable"]))
    if f.get("motif"):
        add(element, "MotifNonSubstituable", f["motif"])
    for nom, cle in (
        ("ALD", "ald"),
        ("ATMP", "atmp"),
        ("Prevention", "prevention"),
        ("NonRemboursable", "non_remboursable"),
    ):
        add(element, nom, _bool(f.get(cle)))
    if "hors_amm" in f:
        add(element, "HorsAMM", _bool(f["hors_amm"]))
    for nom, cle in (
        ("InstructionDispensateur", "instruction_dispensateur"),
        ("InstructionPatient", "instruction"),
    ):
        if f.get(cle):
            add(element, nom, f[cle])


def _beneficiary(parent: Any, qui: dict[str, Any]) -> None:  # noqa: ANN401
    element = add(parent, "Beneficiaire")
    if qui.get("ins"):
        ins = add(element, "INS")
        for nom, valeur in zip(("Matricule", "Cle", "OID"), qui["ins"], strict=True):
            add(ins, nom, valeur)
    for nom, cle in (
        ("NomNaissance", "nom"),
        ("NomUtilise", "nom_utilise"),
        ("Prenoms", "prenoms"),
        ("Sexe", "sexe"),
        ("DateNaissance", "naissance"),
        ("RangNaissance", "rang"),
        ("LieuNaissance", "lieu"),
    ):
        if qui.get(cle):
            add(element, nom, str(qui[cle]))


def _professional(parent: Any, nom: str, qui: dict[str, Any] | None) -> None:  # noqa: ANN401
    if qui:
        element = add(parent, nom)
        _some(element, qui, _IDENTITE)


def _make_odd(prescription: Any, alea: random.Random) -> None:  # noqa: ANN401
    """Take some optional elements away, add unknown ones: still to be read."""
    retires = {nom for nom in _FACULTATIFS if alea.random() < 0.5}
    for element in list(prescription.iter()):
        if etree.QName(element).localname in retires:
            element.getparent().remove(element)
    for ligne in prescription.findall(f"{{{EPU}}}Ligne"):
        autre = etree.Element("{urn:sim:epu:2}Suivant", nsmap={"x": "urn:sim:epu:2"})
        autre.text = "à ignorer & sans danger"
        ligne.insert(alea.randrange(len(ligne)), autre)
    add(prescription, "ChampInconnu", "à ignorer & sans danger")
