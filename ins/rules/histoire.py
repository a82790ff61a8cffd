"""An identity told by its events: what each changes of the evidence, and the status that results.

A pure fold: no event sets a status, each adds or removes evidence, and `compute_statut` answers. It
serves `manage.py ins_statut`, and proves the machine apart from the database. Traits are opaque
labels here: two events speak of the same traits when they carry the same label.
Source: ins.md §2.5 (T1 to T29).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ins.rules.statut import Preuves, compute_statut


class EvenementRefuse(ValueError):
    """An event that is not one of the table, or lacks what it must carry."""


@dataclass(frozen=True)
class Evenement:
    """One fact. `traits` and `matricule` are labels, never read nor shown."""

    genre: str
    traits: str = field(default="", repr=False)
    matricule: str = field(default="", repr=False)
    anciens: tuple[str, ...] = field(default=(), repr=False)
    code: str = "00"
    accepte: bool = True
    niveau: str = "fort"
    coherente: bool = True
    conforme: bool = True
    nature: str = "NIR"
    motif: str = ""


@dataclass(frozen=True)
class Identite:
    """The evidence so far; `transitions` and `raisons` tell how it came there."""

    traits: str = field(default="", repr=False)
    ins_traits: str | None = field(default=None, repr=False)
    matricule: str = field(default="", repr=False)
    nature: str = ""
    piece_traits: str | None = field(default=None, repr=False)
    douteux: bool = False
    fictif: bool = False
    transitions: tuple[str, ...] = ()
    raisons: tuple[str, ...] = ()

    @property
    def statut(self) -> str:
        """PROV, RECUP, VALI or QUAL, from the evidence alone."""
        return compute_statut(
            Preuves(
                1,
                1 if self.ins_traits == self.traits else None,
                1 if self.piece_traits == self.traits else None,
                self.douteux,
                self.fictif,
            )
        )

    @property
    def bloquee(self) -> bool:
        """Whether no evidence may be added."""
        return self.douteux or self.fictif


Effet = Callable[[Identite, Evenement], Identite]


def replay(evenements: Iterable[Evenement]) -> Identite:
    """Return the identity after these events, in order. EvenementRefuse on an unknown one.

    Source: ins.md §2.5.
    """
    identite = Identite()
    for evenement in evenements:
        try:
            appliquer = _TABLE[evenement.genre]
        except KeyError as exc:
            raise EvenementRefuse(evenement.genre) from exc
        identite = appliquer(identite, evenement)
    return identite


def _tell(identite: Identite, numero: str, raison: str) -> Identite:
    return replace(
        identite,
        transitions=(*identite.transitions, numero),
        raisons=(*identite.raisons, raison),
    )


def _without_ins(identite: Identite) -> Identite:
    return replace(identite, ins_traits=None, matricule="", nature="")


def _creation(identite: Identite, e: Evenement) -> Identite:
    if identite.transitions:
        raise EvenementRefuse("creation: le dossier existe")
    return _tell(replace(identite, traits=e.traits), "T1", "Dossier créé à la main.")


def _insi(identite: Identite, e: Evenement) -> Identite:
    if identite.bloquee:
        return _tell(identite, "T12", "Identité douteuse ou fictive : INSi n'est pas appelé.")
    if e.code != "00":
        return _tell(identite, "T12", f"INSi n'a pas donné d'identité ({e.code}).")
    if not e.matricule:
        raise EvenementRefuse("insi: matricule")
    if not e.accepte:
        return _tell(identite, "T11", "Réponse d'INSi refusée au comptoir.")
    autre = bool(identite.matricule) and identite.matricule != e.matricule
    if autre and identite.matricule not in e.anciens:
        return _tell(identite, "T25", "Autre matricule sans lien : deux personnes, rien ne change.")
    traits = e.traits or identite.traits
    numero = _number_of_recovery(identite, e, traits, autre=autre)
    garde = identite.piece_traits == traits
    identite = replace(
        identite,
        traits=traits,
        ins_traits=traits,
        matricule=e.matricule,
        nature=e.nature,
        piece_traits=traits if garde else None,
    )
    return _tell(identite, numero, "Traits et matricule donnés par INSi.")


def _number_of_recovery(identite: Identite, e: Evenement, traits: str, *, autre: bool) -> str:
    if autre:
        return "T26" if (identite.nature, e.nature) == ("NIA", "NIR") else "T24"
    if identite.matricule:
        return "T22" if traits == identite.traits else "T23"
    if identite.statut == "VALI":
        return "T8" if identite.piece_traits == traits else "T9"
    return "T6"


def _piece(identite: Identite, e: Evenement) -> Identite:
    if e.niveau != "fort":
        return _tell(identite, "", "Cette pièce ne prouve pas l'identité.")
    if identite.bloquee:
        return _tell(identite, "", "Identité douteuse ou fictive : elle ne se qualifie pas.")
    if not e.coherente:
        identite = replace(identite, piece_traits=None)
        return _tell(identite, "", "La pièce ne montre pas ces traits.")
    numero = "T10" if identite.ins_traits == identite.traits else "T7"
    identite = replace(identite, piece_traits=identite.traits)
    return _tell(identite, numero, "Pièce de haute confiance conforme.")


def _apcv(identite: Identite, e: Evenement) -> Identite:
    if not e.matricule:
        raise EvenementRefuse("apcv: matricule")
    if identite.bloquee:
        return _tell(identite, "", "Identité douteuse ou fictive : l'appli ne la lève pas.")
    if not e.conforme:
        return _tell(identite, "", "Contexte de démonstration ou périmé : rien ne change.")
    if identite.matricule and identite.matricule != e.matricule:
        return _tell(identite, "T25", "Autre matricule sans lien : deux personnes, rien ne change.")
    traits = e.traits or identite.traits
    identite = replace(
        identite,
        traits=traits,
        ins_traits=traits,
        piece_traits=traits,
        matricule=e.matricule,
        nature=e.nature,
    )
    return _tell(identite, "T3", "Appli carte Vitale : INS et contrôle d'identité d'un coup.")


def _edit(identite: Identite, e: Evenement) -> Identite:
    if not e.traits:
        raise EvenementRefuse("traits_modifies: traits")
    if e.traits == identite.traits:
        return _tell(identite, "", "Aucun trait strict ne change.")
    identite = replace(_without_ins(identite), traits=e.traits, piece_traits=None)
    return _tell(identite, "T16", "Trait strict modifié : INS et pièce ne valent plus.")


def _attribute(nom: str, autre: str) -> Effet:
    def appliquer(identite: Identite, _e: Evenement) -> Identite:
        if getattr(identite, autre):
            raise EvenementRefuse(f"{nom}: incompatible avec {autre}")
        pose: dict[str, bool] = {nom: True}
        identite = replace(_without_ins(identite), piece_traits=None, **pose)  # type: ignore[arg-type]
        return _tell(identite, "T17", f"Identité marquée {nom[:-2]}se : INS retirée.")

    return appliquer


def _clear_doubt(identite: Identite, e: Evenement) -> Identite:
    _check_motif(e)
    if not identite.douteux:
        return _tell(identite, "", "Aucun doute à lever.")
    return _tell(replace(identite, douteux=False), "T18", "Doute levé : rien ne revient seul.")


def _verification(identite: Identite, e: Evenement) -> Identite:
    if not identite.matricule:
        return _tell(identite, "", "Aucune INS à vérifier.")
    if e.conforme:
        return _tell(identite, "T19", "INS vérifiée, conforme.")
    numero = "T21" if identite.statut == "QUAL" else "T20"
    return _tell(_without_ins(identite), numero, "INS vérifiée, non conforme : retirée.")


def _step_back(
    numero: str, depuis: str, *, piece: bool
) -> Callable[[Identite, Evenement], Identite]:
    def appliquer(identite: Identite, e: Evenement) -> Identite:
        _check_motif(e)
        if identite.statut != depuis:
            return _tell(identite, "", f"Sans objet : l'identité n'est pas {depuis}.")
        retiree = replace(identite, piece_traits=None) if piece else _without_ins(identite)
        return _tell(retiree, numero, e.motif)

    return appliquer


def _death(identite: Identite, _e: Evenement) -> Identite:
    return _tell(identite, "T29", "Décès noté : rien ne change, INSi demande une confirmation.")


def _check_motif(e: Evenement) -> None:
    if not e.motif.strip():
        raise EvenementRefuse(f"{e.genre}: motif")


_TABLE: Mapping[str, Effet] = {
    "creation": _creation,
    "insi": _insi,
    "piece": _piece,
    "apcv": _apcv,
    "traits_modifies": _edit,
    "douteux": _attribute("douteux", "fictif"),
    "fictif": _attribute("fictif", "douteux"),
    "doute_leve": _clear_doubt,
    "verification": _verification,
    "dequalifier": _step_back("T13", "QUAL", piece=False),
    "annuler_recuperation": _step_back("T14", "RECUP", piece=False),
    "devalider": _step_back("T15", "VALI", piece=True),
    "deces": _death,
}
GENRES = tuple(_TABLE)
