"""GS1 element strings of medicine boxes (agent.md §4.6).

Variable fields end with GS unless last. When the separators were lost on the way, every possible
split is returned and the reading is `ambigu`: nothing doubtful is filled in silently.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from itertools import takewhile

GS = "\x1d"
_FIXES = {"00": 18, "01": 14, "02": 14, "11": 6, "13": 6, "15": 6, "17": 6}
_VARIABLES = {
    "10": 20,
    "21": 20,
    "30": 8,
    "37": 8,
    "240": 30,
    **{str(n): 20 for n in range(710, 717)},
}
_DATES = {"11", "13", "15", "17"}
_CANDIDATS_MAX = 4
_TEXTE_MAX = 200
# A text made to have no reading would otherwise be explored for minutes.
_ESSAIS_MAX = 3000


@dataclass(frozen=True)
class Gs1:
    """Fields by application identifier, dates as ISO text, and what was wrong."""

    champs: dict[str, str] = field(repr=False)
    erreurs: tuple[str, ...] = ()
    ambigu: bool = False
    candidats: tuple[dict[str, str], ...] = field(default=(), repr=False)

    @property
    def partiel(self) -> bool:
        """Whether a part of the text was not understood as fields."""
        return any(e.startswith(("ai_", "valeur_")) for e in self.erreurs)

    @property
    def cip13(self) -> str:
        """Return the CIP13 of a French medicine, or an empty text."""
        gtin = self.champs.get("01", "")
        return gtin[1:] if gtin.startswith("03400") else ""


def is_check_digit_right(chiffres: str) -> bool:
    """Tell whether the last digit is the GS1 check digit of the others (GTIN, EAN)."""
    if not (chiffres.isascii() and chiffres.isdigit()):
        return False
    somme = sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(reversed(chiffres)))
    return somme % 10 == 0


def parse_date(aammjj: str) -> str | None:
    """Return a GS1 date as ISO text; day 00 is the last of the month; None when impossible.

    Years 51 to 99 are of the twentieth century. Source: agent.md §4.6.
    """
    if not (len(aammjj) == 6 and aammjj.isascii() and aammjj.isdigit()):
        return None
    an, mois, jour = int(aammjj[:2]), int(aammjj[2:4]), int(aammjj[4:])
    annee = an + (1900 if an > 50 else 2000)
    if not 1 <= mois <= 12:
        return None
    dernier = monthrange(annee, mois)[1]
    if jour > dernier:
        return None
    return f"{annee:04d}-{mois:02d}-{jour or dernier:02d}"


def starts_field(texte: str, position: int) -> bool:
    """Tell whether a known field starts here, after a separator that may be there."""
    return _ai_at(texte, position + (texte[position : position + 1] == GS)) is not None


def _ai_at(texte: str, position: int) -> str | None:
    for longueur in (2, 3):
        ai = texte[position : position + longueur]
        if ai in _FIXES or ai in _VARIABLES:
            return ai
    return None


def _ends(texte: str, debut: int, ai: str) -> list[int]:
    """Return where the value of `ai` may end: its length, its GS, or a guess when GS was lost."""
    if ai in _FIXES:
        return [debut + _FIXES[ai]] if debut + _FIXES[ai] <= len(texte) else []
    fin_gs = texte.find(GS, debut)
    fin = len(texte) if fin_gs < 0 else fin_gs
    if fin - debut <= _VARIABLES[ai] and (fin_gs >= 0 or fin > debut):
        return [fin] if fin > debut else []
    return []


def _strict(texte: str) -> dict[str, str] | None:
    champs: dict[str, str] = {}
    position = 0
    while position < len(texte):
        if texte[position] == GS:
            position += 1
            continue
        ai = _ai_at(texte, position)
        fins = _ends(texte, position + len(ai), ai) if ai else []
        if ai is None or not fins or ai in champs:
            return None
        champs[ai] = texte[position + len(ai) : fins[0]]
        position = fins[0]
    return champs


def _guesses(texte: str) -> list[dict[str, str]]:
    """Return the splits that read every character when the separators were lost."""
    trouves: list[dict[str, str]] = []
    reste = _ESSAIS_MAX

    def explore(position: int, champs: dict[str, str]) -> None:
        nonlocal reste
        reste -= 1
        if len(trouves) >= _CANDIDATS_MAX or reste < 0:
            return
        if position == len(texte):
            trouves.append(dict(champs))
            return
        ai = _ai_at(texte, position)
        if ai is None or ai in champs:
            return
        debut = position + len(ai)
        maximum = _FIXES.get(ai) or _VARIABLES[ai]
        minimum = maximum if ai in _FIXES else 1
        for fin in range(min(len(texte), debut + maximum), debut + minimum - 1, -1):
            valeur = texte[debut:fin]
            if _is_plausible(ai, valeur):
                explore(fin, {**champs, ai: valeur})

    explore(0, {})
    return trouves


def _is_plausible(ai: str, valeur: str) -> bool:
    if ai in _DATES:
        return parse_date(valeur) is not None
    if ai in {"01", "02"}:
        return is_check_digit_right(valeur)
    return GS not in valeur


def _lenient(texte: str) -> tuple[dict[str, str], set[str]]:
    """Return what can be read and what was wrong: nothing of a box is dropped in silence.

    A field written twice with two values has none. Source: agent.md §4.6.
    """
    champs: dict[str, str] = {}
    erreurs: set[str] = set()
    position = 0
    while position < len(texte):
        ai = _ai_at(texte, position)
        debut = position + len(ai or "")
        fins = _ends(texte, debut, ai) if ai else []
        fin_gs = texte.find(GS, debut)
        fin = fins[0] if fins else (len(texte) if fin_gs < 0 else fin_gs)
        valeur = texte[debut:fin]
        position = fin + (texte[fin : fin + 1] == GS)
        if ai is None:
            erreurs.add("ai_inconnu")
        elif not fins:
            erreurs.add(f"valeur_{ai}")
        elif ai in champs:
            erreurs.add("ai_double")
            champs[ai] = valeur if champs[ai] == valeur else ""
        else:
            champs[ai] = valeur
    return {ai: valeur for ai, valeur in champs.items() if valeur}, erreurs


def parse(texte: str) -> Gs1 | None:
    """Return the fields of a GS1 string, None when it is not one at all. Never raises.

    `erreurs` holds `ai_inconnu`, `ai_double`, `valeur_NN`, `gtin_cle`, `date_NN`.
    """
    utile = texte[1:] if texte.startswith(GS) else texte
    if not utile or _ai_at(utile, 0) is None or len(utile) > _TEXTE_MAX:
        return None
    champs = _strict(utile)
    if champs is not None and not (GS not in utile and _looks_merged(champs)):
        return _judge(champs)
    guesses = _guesses(utile)
    if champs is not None:
        autres = [g for g in guesses if g != champs]
        if not autres:
            return _judge(champs)
        return _judge(_sure(champs), candidats=(champs, *autres)[:_CANDIDATS_MAX])
    if guesses:
        return _judge(_sure(guesses[0]), candidats=tuple(guesses))
    champs, erreurs = _lenient(utile)
    return _judge(champs, erreurs) if champs else None


def _sure(champs: dict[str, str]) -> dict[str, str]:
    """Return the fields before the first variable one: the same in every split."""
    return dict(takewhile(lambda paire: paire[0] in _FIXES, champs.items()))


def _looks_merged(champs: dict[str, str]) -> bool:
    """Tell whether a variable value, read to the end, may hide another field."""
    return any(
        any(cache in valeur[1:] for cache in ("17", "21", "10"))
        for ai, valeur in champs.items()
        if ai in _VARIABLES and len(valeur) > 6
    )


def _judge(
    champs: dict[str, str],
    erreurs: set[str] | None = None,
    candidats: tuple[dict[str, str], ...] = (),
) -> Gs1:
    defauts = set(erreurs or ())
    lus = dict(champs)
    if "01" in lus and not is_check_digit_right(lus["01"]):
        defauts.add("gtin_cle")
    for ai in _DATES & lus.keys():
        iso = parse_date(lus[ai])
        if iso is None:
            defauts.add(f"date_{ai}")
        lus[ai] = iso or lus[ai]
    return Gs1(lus, tuple(sorted(defauts)), bool(candidats), candidats)
