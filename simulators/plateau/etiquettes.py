"""Papers that carry an INS datamatrix (ins.md §4.1), good ones and bad ones."""

import dataclasses
from dataclasses import dataclass
from functools import cache

from simulators.population import build_population
from simulators.population.personnes import OID_NIA, Personne, nir_key

GS = "\x1d"
ENTETE = "IS01" + "0" * 22
ORDRE = ("S1", "S2", "S3", "S4", "S5", "S6", "S7")
# Blocks whose length is fixed, and the longest value of the others.
_FIXES = {"S1", "S5", "S6", "S7"}
_LONGUEURS = {"S2": 20, "S3": 100, "S4": 100}


@dataclass(frozen=True)
class Etiquette:
    """A paper: what is written beside the symbol, what the symbol says."""

    cle: str
    nom: str
    clair: str
    pourquoi: str
    texte: str

    def shown(self) -> dict[str, str]:
        """Return what the page shows of it."""
        return {"cle": self.cle, "nom": self.nom, "clair": self.clair, "pourquoi": self.pourquoi}


def datamatrix_text(personne: Personne, ordre: tuple[str, ...] = ORDRE) -> str:
    """Return the payload: header, then blocks in this order, S7 only when it is known.

    A variable block ends with GS unless it has its longest value or is the last one.
    """
    annee, mois, jour = personne.naissance.split("-")
    valeurs = {
        "S1": personne.ins.matricule + (personne.ins.cle or nir_key(personne.ins.matricule)),
        "S2": personne.ins.oid,
        "S3": " ".join(personne.prenoms),
        "S4": personne.nom,
        "S5": personne.sexe,
        "S6": f"{jour}-{mois}-{annee}",
        "S7": personne.lieu,
    }
    blocs = [bloc for bloc in ordre if valeurs[bloc]]
    texte = ENTETE
    for bloc in blocs:
        valeur = valeurs[bloc]
        ouvert = bloc not in _FIXES and len(valeur) < _LONGUEURS[bloc] and bloc != blocs[-1]
        texte += bloc + valeur + (GS if ouvert else "")
    return texte


def _clear_text(p: Personne) -> str:
    """Return the text beside the symbol (ins.md §4.2): traits, matricule and its nature."""
    annee, mois, jour = p.naissance.split("-")
    nature = "NIA" if p.ins.oid == OID_NIA else "NIR"
    cle = p.ins.cle or nir_key(p.ins.matricule)
    ne = "née" if p.sexe == "F" else "né"
    lieu = f" ({p.lieu})" if p.lieu else ""
    matricule = "\N{NO-BREAK SPACE}".join((nature, p.ins.matricule, cle))
    return f"{' '.join(p.prenoms)}, {ne} le {jour}/{mois}/{annee}{lieu} · {matricule}"


@cache
def labels() -> dict[str, Etiquette]:
    """Return the papers of the tray by key."""
    gens = {p.ins.matricule: p for p in build_population()}
    zoe, herault = gens["2751263220749"], dataclasses.replace(gens["1010663220754"], lieu="")
    ecetinsi = gens["1090763220834"]
    ancienne = dataclasses.replace(ecetinsi, ins=ecetinsi.historique[0])
    fausse = dataclasses.replace(zoe, ins=dataclasses.replace(zoe.ins, cle="75"))
    papiers = [
        _label("adrun", zoe, "L'étiquette ordinaire."),
        _label("pat-trois", gens["2790351215189"], "Patiente connue ; autorité de test."),
        _label("herault", herault, "Sans lieu de naissance."),
        _label("provisoire", gens["1090763220888"], "Matricule d'attente (NIA)."),
        _label("corse", gens["160012B020777"], "Corse, matricule en 2B."),
        _label(
            "nessi",
            gens["1100863220830"],
            "Blocs dans un autre ordre, le nom en dernier.",
            ordre=("S1", "S2", "S3", "S5", "S6", "S7", "S4"),
        ),
        _label("ancienne", ancienne, "Un ancien matricule, que INSi n'attribue plus."),
        _label("cle-fausse", fausse, "Clé du matricule fausse : refusée."),
    ]
    perdus = _label(
        "separateurs", gens["2360663220836"], "Lu par un lecteur qui perd les séparateurs."
    )
    papiers.insert(6, dataclasses.replace(perdus, texte=perdus.texte.replace(GS, "")))
    return {papier.cle: papier for papier in papiers}


def _label(
    cle: str, personne: Personne, pourquoi: str, ordre: tuple[str, ...] = ORDRE
) -> Etiquette:
    texte = datamatrix_text(personne, ordre)
    return Etiquette(cle, personne.nom, _clear_text(personne), pourquoi, texte)
