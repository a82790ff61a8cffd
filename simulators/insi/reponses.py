"""Answers and faults of INSi (ins.md §3.4, §3.5), with the oddities seen in live traffic."""

import dataclasses
import random
from typing import Any

from lxml import etree

from simulators.commun.fautes import COMMUNES, Faute, by_code, write
from simulators.commun.soap import envelope
from simulators.commun.types import Hasard
from simulators.insi.base import Ins, Personne

RES = "http://www.cnamts.fr/INSiResultat"
LIBELLES = {
    "00": "OK",
    "01": "Aucune identite trouvee",
    "02": "Plusieurs identites trouvees",
    "99": "Code inconnu de la specification",
}
VARIANTES = (
    "sans_cle",
    "un_seul_historique",
    "corse_20",
    "elements_inconnus",
    "sans_lieu",
    "type_matricule",
    "autre_faute",
)
# Of the verification only; resultats_partiels and desordre are read with a batch, a_redemander is
# decided when an identity is checked.
VARIANTES_LOT = ("desordre", "a_redemander", "resultats_partiels")
# Not legal: only on demand (« bizarre » with this variant), never drawn.
ILLEGALES = ("sans_individu", "oid_inconnu", "oid_test", "code_inconnu")
ILLEGALES_LOT = ("reference_manquante", "reference_inconnue", "reference_double", "lot_oublie")


def _control(code: str, texte: str) -> Faute:
    return Faute(code, texte, "Sender", "siram_10")


# Source: ins.md §3.5. The table gives no subcode for insi_24; insi_12, 13, 14, 22 and 23 are ours
# in its « other insi_1x/insi_2x ».
FAUTES = COMMUNES | by_code(
    _control("insi_12", "La couverture ne correspond pas à l'assuré"),
    _control("insi_13", "La couverture ne correspond pas au bénéficiaire"),
    _control("insi_14", "Ce lot a déjà été déposé avec un autre contenu"),
    _control("insi_19", "Le nom de naissance est absent ou mal formé"),
    _control("insi_20", "Le prénom est absent ou mal formé"),
    _control("insi_22", "La date de naissance est absente ou mal formée"),
    _control("insi_23", "Le lieu de naissance est mal formé"),
    Faute("insi_24", "Le format du sexe est incorrect"),
    Faute("insi_102", "Erreur technique de recherche", "Receiver", "siram_40", "fatal"),
    Faute("insi_111", "Téléservices indisponibles", "Receiver", "siram_40", "fatale"),
)


class Redacteur:
    """Writes the answers, with the variations of the day or those asked for."""

    def __init__(self, hasard: random.Random, *, calme: bool) -> None:
        self.alea = Hasard(hasard, calme=calme)
        self.hasard = None if calme else hasard

    def oddities(self, *, bizarre: bool, variante: str) -> set[str]:
        """Return the oddities of this answer."""
        if variante in VARIANTES + ILLEGALES + VARIANTES_LOT + ILLEGALES_LOT:
            return {variante}
        if not bizarre:
            return set()
        return {nom for nom in VARIANTES + VARIANTES_LOT if self.alea.hasard.random() < 0.5}

    def answer(self, code: str, personne: Personne | None, etranges: set[str]) -> bytes:
        """Return the envelope of a result."""
        if "code_inconnu" in etranges:
            code, personne = "99", None
        if "sans_individu" in etranges:
            personne = None
        prefixe = "ns2" if self.alea.often(0.5) else None
        racine = etree.Element(f"{{{RES}}}RESULTAT", nsmap={prefixe: RES})  # type: ignore[dict-item]
        cr = etree.SubElement(racine, f"{{{RES}}}CR")
        _add(cr, "CodeCR", code)
        _add(cr, "LibelleCR", LIBELLES[code])
        if personne is not None:
            self._individual(racine, personne, etranges)
        if "elements_inconnus" in etranges:
            _add(racine, "Information", "à ignorer & sans danger")
        return envelope(racine, self.hasard)

    def _individual(self, racine: Any, personne: Personne, etranges: set[str]) -> None:  # noqa: ANN401
        individu = etree.SubElement(racine, f"{{{RES}}}INDIVIDU")
        actif = etree.SubElement(individu, f"{{{RES}}}INSACTIF")
        _add_ins(actif, _odd_ins(personne.ins, etranges), desordre=False)
        if "type_matricule" in etranges:
            _add(actif.find(f"{{{RES}}}IdIndividu"), "TypeMatricule", "NIR")
        historique = personne.historique
        for ancien in historique[:1] if "un_seul_historique" in etranges else historique:
            histo = etree.SubElement(individu, f"{{{RES}}}INSHISTO")
            _add_ins(histo, ancien, desordre=self.alea.often(0.5))
        tiq = etree.SubElement(individu, f"{{{RES}}}TIQ")
        _add(tiq, "NomNaissance", personne.nom)
        if self.alea.often(0.3):
            _add(tiq, "Prenom", personne.prenoms[0])
        _add(tiq, "ListePrenom", " ".join(personne.prenoms))
        _add(tiq, "Sexe", personne.sexe)
        _add(tiq, "DateNaissance", personne.naissance)
        lieu = personne.lieu
        if "corse_20" in etranges and lieu[:2] in {"2A", "2B"}:
            lieu = f"20{lieu[2:]}"
        if lieu and "sans_lieu" not in etranges:
            _add(tiq, "LieuNaissance", lieu)
        if "elements_inconnus" in etranges:
            _add(tiq, "NomUsage", "A IGNORER")

    def fault(self, code: str, message_id: str, etranges: set[str]) -> bytes:
        """Return the envelope of a fault, in one of the two forms seen."""
        return write(FAUTES[code], message_id, self.alea, autre_forme="autre_faute" in etranges)


def _odd_ins(ins: Ins, etranges: set[str]) -> Ins:
    if "sans_cle" in etranges:
        ins = dataclasses.replace(ins, cle="")
    if "oid_inconnu" in etranges:
        ins = dataclasses.replace(ins, oid="1.2.250.1.213.1.4.2")
    if "oid_test" in etranges:
        ins = dataclasses.replace(ins, oid="1.2.250.1.213.1.4.10")
    return ins


def _add(parent: Any, nom: str, valeur: str) -> None:  # noqa: ANN401
    etree.SubElement(parent, f"{{{RES}}}{nom}").text = valeur


def _add_ins(parent: Any, ins: Ins, *, desordre: bool) -> None:  # noqa: ANN401
    def dates() -> None:
        if ins.debut:
            _add(parent, "DateDeb", ins.debut)
        if ins.fin:
            _add(parent, "DateFin", ins.fin)

    if desordre:
        dates()
    identifiant = etree.SubElement(parent, f"{{{RES}}}IdIndividu")
    _add(identifiant, "NumIdentifiant", ins.matricule)
    if ins.cle:
        _add(identifiant, "Cle", ins.cle)
    _add(parent, "OID", ins.oid)
    if not desordre:
        dates()
