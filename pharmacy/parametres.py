"""Settings of the officine: typed, dated, with their default, effect and author (TIT-08)."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.isolation.journal import GARDE_MINIMALE, GARDES
from pharmacy.models import Audit, Parametre

Valeur = int | str | bool


class ValeurRefusee(ValueError):
    """The value does not fit the setting; the text is the sentence for the form."""


@dataclass(frozen=True)
class Reglage:
    """What a setting is: where it stands, what it does, what it accepts.

    `verifier` reads a text and returns it tidied, or raises ValeurRefusee.
    """

    cle: str
    libelle: str
    effet: str
    panneau: str
    defaut: Valeur
    choix: tuple[tuple[str, str], ...] = ()
    mini: int = 0
    maxi: int = 9999
    section: str = "Général"
    verifier: Callable[[str], str] | None = None

    def parse(self, brut: str) -> Valeur:
        """Return the typed value, or raise ValeurRefusee with its sentence."""
        if self.choix:
            if brut not in {code for code, _ in self.choix}:
                raise ValeurRefusee(f"{self.libelle} : choisissez une des valeurs proposées.")
            return brut
        if isinstance(self.defaut, int):
            if not (
                brut.isascii()
                and brut.isdigit()
                and len(brut) < 10
                and self.mini <= int(brut) <= self.maxi
            ):
                raise ValeurRefusee(
                    f"{self.libelle} : donnez un nombre entre {self.mini} et {self.maxi}."
                )
            return int(brut)
        return self.verifier(brut) if self.verifier else brut

    def show(self, valeur: Valeur) -> str:
        """Return a value as a person reads it."""
        if self.choix:
            return dict(self.choix).get(str(valeur), str(valeur))
        return str(valeur) if valeur != "" else "aucun"

    def is_about(self, mots: str) -> bool:
        """Tell whether every word is in what the setting says; accents and case do not count."""
        choix = " ".join(libelle for _, libelle in self.choix)
        ici = _fold(f"{self.libelle} {self.effet} {self.panneau} {self.section} {choix} {self.cle}")
        return all(mot in ici for mot in _fold(mots).split())


def _fold(texte: str) -> str:
    decompose = unicodedata.normalize("NFD", texte)
    return "".join(c for c in decompose if not unicodedata.combining(c)).casefold()


_registre: dict[str, Reglage] = {}


def register(reglage: Reglage) -> None:
    """Add a setting to the page; called from `AppConfig.ready()`."""
    _registre[reglage.cle] = reglage


def reglage_list() -> list[Reglage]:
    """Return every known setting, panel by panel."""
    return sorted(
        _registre.values(), key=lambda reglage: (reglage.panneau, reglage.section, reglage.cle)
    )


def en_vigueur(officine_id: int, cle: str, quand: datetime | None = None) -> Parametre | None:
    """Return the row in force at `quand` (now by default), None when the default holds."""
    return (
        Parametre.objects.filter(
            officine_id=officine_id, cle=cle, a_partir_du__lte=quand or timezone.now()
        )
        .select_related("auteur")
        .order_by("-a_partir_du", "-pk")
        .first()
    )


def subquery(cle: str, officine: int | OuterRef, quand: datetime | None = None) -> Subquery:
    """Return the value in force as a column of another query; NULL when the default holds.

    `officine` is an id, or the reference of the outer query's column. Read it with `lue`.
    """
    lignes = Parametre.objects.filter(
        officine=officine, cle=cle, a_partir_du__lte=quand or timezone.now()
    ).order_by("-a_partir_du", "-pk")
    return Subquery(lignes.values("valeur")[:1])


def lue(cle: str, brute: Valeur | None) -> Valeur:
    """Return what `subquery` read; the default when nothing was set. KeyError when unknown."""
    reglage = _registre[cle]
    return reglage.defaut if brute is None else brute


def valeur(officine_id: int, cle: str, quand: datetime | None = None) -> Valeur:
    """Return the value in force; the default when nothing was set. KeyError when unknown."""
    reglage = _registre[cle]
    ligne = en_vigueur(officine_id, cle, quand)
    return reglage.defaut if ligne is None else ligne.valeur


def valeurs(officine_id: int, *cles: str) -> dict[str, Valeur]:
    """Return several values in force, in one query."""
    lignes = (
        Parametre.objects.filter(
            officine_id=officine_id, cle__in=cles, a_partir_du__lte=timezone.now()
        )
        .order_by("cle", "-a_partir_du", "-pk")
        .distinct("cle")
    )
    posees = {ligne.cle: ligne.valeur for ligne in lignes}
    return {cle: posees.get(cle, _registre[cle].defaut) for cle in cles}


def historique(officine_id: int) -> dict[str, list[Parametre]]:
    """Return every value ever set, newest first, by setting, in one query (TIT-08)."""
    rangees: dict[str, list[Parametre]] = {}
    lignes = Parametre.objects.filter(officine_id=officine_id).select_related("auteur")
    for ligne in lignes.order_by("-a_partir_du", "-pk"):
        rangees.setdefault(ligne.cle, []).append(ligne)
    return rangees


def entier(officine_id: int, cle: str) -> int:
    """Return a whole-number setting."""
    return int(valeur(officine_id, cle))


def oui(officine_id: int, cle: str) -> bool:
    """Return a « oui » or « non » setting."""
    return valeur(officine_id, cle) == "oui"


def modifier(acteur: Acteur, cle: str, brut: str, a_partir_du: datetime | None = None) -> Parametre:
    """Set a value, keeping the former ones. PermissionError without the right.

    Raises ValeurRefusee when the value does not fit.
    """
    decision = peut(acteur, "parametres.modifier")
    if not decision.ok:
        raise PermissionError(decision.phrase)
    ligne = Parametre.objects.create(
        officine_id=acteur.officine_id,
        cle=cle,
        valeur=_registre[cle].parse(brut),
        a_partir_du=a_partir_du or timezone.now(),
        auteur_id=acteur.operateur_id,
    )
    audit.note(acteur, "parametre.modifier", f"parametre:{cle}")
    return ligne


OUI_NON = (("oui", "Oui"), ("non", "Non"))

register(
    Reglage(
        cle="session.verrouillage_minutes",
        libelle="Verrouillage après inactivité (minutes)",
        effet="Sans geste pendant ce temps, l'écran se verrouille ; un code et le PIN y ramènent.",
        panneau="Postes",
        section="Session",
        defaut=15,
        mini=1,
        maxi=120,
    )
)
register(
    Reglage(
        cle="touches.lettres",
        libelle="Touches d'une seule lettre",
        effet="Sans elles, une lettre seule ne fait rien : restent ² puis la lettre, et les "
        "touches de fonction (utile avec une commande vocale).",
        panneau="Postes",
        section="Clavier",
        defaut="avec",
        choix=(("avec", "Elles agissent"), ("sans", "Elles n'agissent pas")),
    )
)
register(
    Reglage(
        cle="ordonnance.phase",
        libelle="Phase de transmission des exécutions",
        effet="En phase 2, l'exécution transmise remplace le scan envoyé par SCOR. "
        "Une vente garde la phase qu'elle avait à son ouverture.",
        panneau="Réglementation",
        section="Ordonnance Numérique",
        defaut="PHASE_2",
        choix=(("PHASE_1", "Phase 1 : j'envoie encore les scans par SCOR"), ("PHASE_2", "Phase 2")),
    )
)
for _genre, _mois in GARDES.items():
    register(
        Reglage(
            cle=f"journal.garde_{_genre}",
            libelle=f"Journal, {Audit.Genre(_genre).label} : mois gardés",
            effet="Passé ce délai, les lignes sont retirées ; leur sceau reste. Si plusieurs "
            "officines partagent l'installation, leur délai le plus long s'applique.",
            panneau="Réglementation",
            section="Journal",
            defaut=_mois,
            mini=GARDE_MINIMALE,
            maxi=240,
        )
    )
