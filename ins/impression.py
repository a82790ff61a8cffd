"""The INS block of a printed document: the traits in clear and their datamatrix (INS-36)."""

from dataclasses import dataclass, field
from datetime import date

from ins.codec.datamatrix import Symbole, build_datamatrix, draw
from ins.referentiel.lieux import place_label
from ins.rules.oid import is_accepted, is_nia
from ins.selectors import traits_of
from pharmacy.identite import Sortie, peut_sortir_de
from pharmacy.models import Patient

ACTION = "ins.imprimer"


@dataclass(frozen=True)
class BlocIns:
    """What is printed of an identity: birth traits, matricule and its nature, symbol."""

    nom_naissance: str = field(repr=False)
    prenoms: str = field(repr=False)
    date_naissance: date = field(repr=False)
    sexe: str = field(repr=False)
    lieu_code: str = field(repr=False)
    lieu_nom: str = field(repr=False)
    matricule: str = field(repr=False)
    nature: str
    symbole: Symbole


def may_print(patient: Patient, environnement: str) -> Sortie:
    """Tell whether the INS block of a file may be printed, and if not, why and what to do.

    Qualified, sex M or F, a real date, an authority of this environment. Source: ins.md §2.1, §4.2.
    """
    sortie = peut_sortir_de(ACTION, patient.etat_identite)
    if not sortie.ok:
        return sortie
    traits = traits_of(patient)
    if not (traits.sexe and traits.date_naissance and traits.prenoms_naissance):
        return Sortie(
            ok=False,
            phrase="Un trait strict manque : le datamatrix serait refusé.",
            geste="Interrogez INSi (² I).",
        )
    if not is_accepted(patient.ins_oid, environnement):
        return Sortie(
            ok=False, phrase="Cette INS est celle d'un essai.", geste="Ne l'imprimez pas."
        )
    return sortie


def build_block(patient: Patient) -> BlocIns:
    """Return the block of a file that `may_print`. ValueError when its matricule has a wrong key.

    Birth names only: the names used are no trait of the INS. Source: ins.md §4.2 (EXI DIF 02).
    """
    traits = traits_of(patient)
    matricule = str(patient.ins_matricule)
    texte = build_datamatrix(matricule, patient.ins_oid, traits)
    assert traits.date_naissance is not None  # noqa: S101 - build_datamatrix refuses it
    return BlocIns(
        traits.nom_naissance,
        traits.prenoms_naissance,
        traits.date_naissance,
        traits.sexe,
        traits.cog_naissance,
        place_label(traits.cog_naissance) if traits.cog_naissance else "",
        matricule,
        "NIA" if is_nia(patient.ins_oid) else "NIR",
        draw(texte),
    )
