"""What an appli carte Vitale may do to an identity: nothing is ever mixed or qualified by guess."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DossierVise:
    """The file that the beneficiary chosen falls on, as the rules see it."""

    matricule: str = field(repr=False)
    douteux: bool = False


def judge_apcv(dossier: DossierVise | None, matricule_recu: str, ecarts: tuple[str, ...]) -> str:
    """Return carte, creer, bloquer, alerter, comparer or prendre.

    carte: no INS block, the reading is worth a carte Vitale. creer: nobody here yet, a file is made
    qualified (T3). bloquer: a doubtful identity stays so. alerter: another matricule, nothing is
    replaced (T25). comparer: traits differ, a person looks first. prendre: taken at once.
    Source: ins.md §5.3, points 2, 3, 6 and 7; requirement INS-19.
    """
    if not matricule_recu:
        return "carte"
    if dossier is None:
        return "creer"
    if dossier.douteux:
        return "bloquer"
    if dossier.matricule and dossier.matricule != matricule_recu:
        return "alerter"
    return "comparer" if ecarts else "prendre"
