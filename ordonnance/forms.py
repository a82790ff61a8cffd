"""Forms of the dialogs: what is typed is checked, named and never lost."""

from datetime import date, datetime

from django.http import QueryDict
from django.utils import timezone

from ordonnance.rules.controle import Ecart
from ordonnance.rules.transmission import ReponseEcart

COMMENTAIRE_MAX = 500


class ReponseIllisible(ValueError):
    """One answer cannot be read: the key of its difference, and the sentence."""

    def __init__(self, cle: str, phrase: str) -> None:
        super().__init__("reponse_illisible")
        self.cle = cle
        self.phrase = phrase


def read_answers(data: QueryDict, ecarts: tuple[Ecart, ...]) -> dict[str, ReponseEcart]:
    """Return the answers typed in the control window, by key of difference.

    Fields are named by that key, not by a rank that a scan would shift; only known differences are
    read. Raises ReponseIllisible for a bad date, a reason out
    of the list, or a comment above 500 characters (nothing is cut in silence, §2.4).
    """
    reponses: dict[str, ReponseEcart] = {}
    for ecart in ecarts:
        motif = data.get(f"motif-{ecart.cle}", "")
        commentaire = data.get(f"commentaire-{ecart.cle}", "").strip()
        accord = data.get(f"accord-{ecart.cle}", "").strip()
        if motif and motif not in {m.code for m in ecart.regle.choix}:
            raise ReponseIllisible(ecart.cle, "Ce motif n'est pas dans la liste.")
        if len(commentaire) > COMMENTAIRE_MAX:
            raise ReponseIllisible(
                ecart.cle, f"Commentaire trop long : {COMMENTAIRE_MAX} caractères au plus."
            )
        jour = _date(ecart, accord) if accord else None
        if motif or commentaire or jour:
            reponses[ecart.cle] = ReponseEcart(motif, jour, commentaire)
    return reponses


def _date(ecart: Ecart, brut: str) -> date:
    for forme in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            lu = datetime.strptime(brut, forme).date()  # noqa: DTZ007 - a calendar day
        except ValueError:
            continue
        if lu <= timezone.localdate():
            return lu
        raise ReponseIllisible(ecart.cle, "La date de l'accord est au plus tard aujourd'hui.")
    raise ReponseIllisible(ecart.cle, "Donnez la date de l'accord sous la forme 22/11/2026.")
