"""Situations d'exercice: what the card on a poste says, and which one is in force (agent.md §1.5).

Identifier and sector sent to a service come from one situation of the card, never from two; that
of this officine is taken by itself, any other one is taken knowingly (psc.md §3.7).
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.events import CarteCpsLue, SessionFermee, SituationChoisie, publish
from pharmacy.models import DemandeSignature, Officine, SituationsCps
from pharmacy.services.vente import VenteRefusee

# Pharmacie d'officine, mutualiste, minière: told apart when one structure has several activities.
SECTEURS_OFFICINE = frozenset({"SA33", "SA38", "SA39"})
SITUATIONS_MAX, TEXTE_MAX = 16, 100


@dataclass(frozen=True)
class Situation:
    """One situation of a card; `structure` is its Struct_IdNat, empty texts are what it lacks."""

    index: int
    raison_sociale: str
    structure: str
    secteur: str

    @property
    def finess(self) -> str:
        """The FINESS of a structure of type 1, empty for the others (agent.md §1.5)."""
        est_finess = len(self.structure) == 10 and self.structure.startswith("1")
        return self.structure[1:] if est_finess else ""

    @property
    def libelle(self) -> str:
        """The words by which a person knows it."""
        return self.raison_sociale or self.structure or f"situation {self.index} de la carte"


@dataclass(frozen=True)
class Lues:
    """What a card said on this poste, and what is in force."""

    id_nat: str
    situations: list[Situation]
    choisie: Situation | None
    finess: str


def read_situations(lues: object) -> list[Situation]:
    """Return the situations of a reading. ValueError when they are not."""
    if not isinstance(lues, list) or len(lues) > SITUATIONS_MAX:
        raise ValueError("situations")
    return [_one(ligne) for ligne in lues]


def _one(ligne: object) -> Situation:
    if not isinstance(ligne, dict) or type(ligne.get("index")) is not int:
        raise ValueError("situation")
    if not 1 <= ligne["index"] <= SITUATIONS_MAX:
        raise ValueError("index")
    textes = [ligne.get(nom) or "" for nom in ("raison_sociale", "struct_id_nat", "secteur")]
    if not all(isinstance(t, str) and len(t) <= TEXTE_MAX and t.isprintable() for t in textes):
        raise ValueError("texte")
    return Situation(ligne["index"], *(texte.strip() for texte in textes))


def pick(situations: list[Situation], finess: str) -> Situation | None:
    """Return the only situation in this officine; None when there is none, or a choice to make.

    Source: psc.md §3.7, points 1 to 4 (the same rule for the card).
    """
    ici = [s for s in situations if s.finess == finess]
    if len(ici) > 1:
        ici = [s for s in ici if s.secteur in SECTEURS_OFFICINE]
    return ici[0] if len(ici) == 1 else None


def keep(acteur: Acteur, poste_id: int, id_nat: str, situations: list[Situation]) -> Lues:
    """Keep what the card of a poste said; a choice already made for this card holds.

    Inside the caller's transaction.
    """
    finess = Officine.objects.values_list("finess", flat=True).get(pk=acteur.officine_id)
    avant = _row(acteur.officine_id, poste_id)
    gardee = avant.choisie if avant is not None and avant.id_nat == id_nat else None
    choisie = next((s for s in situations if s.index == gardee), None) or pick(situations, finess)
    SituationsCps.objects.update_or_create(
        officine_id=acteur.officine_id,
        poste_id=poste_id,
        defaults={
            "operateur_id": acteur.operateur_id,
            "id_nat": id_nat,
            "situations": json.dumps([asdict(s) for s in situations]).encode(),
            "choisie": None if choisie is None else choisie.index,
        },
    )
    return Lues(id_nat, situations, choisie, finess)


def _row(officine_id: int, poste_id: int | None) -> SituationsCps | None:
    return SituationsCps.objects.filter(officine_id=officine_id, poste_id=poste_id or 0).first()


def situations_of(acteur: Acteur) -> Lues | None:
    """Return what the card of the actor's poste said; None when it was not asked."""
    ligne = (
        SituationsCps.objects.filter(officine_id=acteur.officine_id, poste_id=acteur.poste_id or 0)
        .select_related("officine")
        .first()
    )
    return None if ligne is None else _read(ligne, ligne.officine.finess)


def _read(ligne: SituationsCps, finess: str) -> Lues:
    objets: list[dict[str, Any]] = json.loads(bytes(ligne.situations))
    situations = [Situation(**objet) for objet in objets]
    choisie = next((s for s in situations if s.index == ligne.choisie), None)
    return Lues(ligne.id_nat, situations, choisie, finess)


def active_of(acteur: Acteur, id_nat: str) -> Situation | None:
    """Return the situation in force of a card on the actor's poste; None when none is."""
    lues = situations_of(acteur)
    return lues.choisie if lues is not None and lues.id_nat == id_nat else None


def choose(acteur: Acteur, index: int) -> Situation:
    """Put a situation of the card in force; what was signed for another one is void.

    VenteRefusee when the card has no such situation. PermissionError without the right. Traced.
    """
    decision = peut(acteur, "vente")
    if not decision.ok:
        raise PermissionError(decision.phrase)
    with transaction.atomic():
        ligne = (
            SituationsCps.objects.select_for_update(of=("self",), no_key=True)
            .filter(officine_id=acteur.officine_id, poste_id=acteur.poste_id or 0)
            .first()
        )
        connues = [] if ligne is None else _read(ligne, "").situations
        voulue = next((s for s in connues if s.index == index), None)
        if ligne is None or voulue is None:
            raise VenteRefusee(
                "Cette situation n'est pas celle de la carte lue ici. Relisez la carte.", "SIT-404"
            )
        if ligne.choisie != index:
            ligne.choisie = index
            ligne.save(update_fields=["choisie"])
            _void_requests(acteur)
            publish(SituationChoisie(acteur, ligne.id_nat))
        audit.note(acteur, "cps.situation", f"poste:{ligne.poste_id}", precision=f"{index}")
    return voulue


def _void_requests(acteur: Acteur) -> None:
    """Refuse what was prepared for the former situation and is not signed yet."""
    DemandeSignature.objects.filter(
        officine_id=acteur.officine_id,
        poste_id=acteur.poste_id or 0,
        etat=DemandeSignature.Etat.DEMANDEE,
    ).update(etat=DemandeSignature.Etat.REFUSEE)


def forget_session(evenement: SessionFermee) -> None:
    """Forget what the card of an operator who leaves said."""
    SituationsCps.objects.filter(
        officine_id=evenement.acteur.officine_id, poste_id=evenement.acteur.poste_id or 0
    ).delete()


def forget_other_card(evenement: CarteCpsLue) -> None:
    """Forget what another card said on this workstation."""
    SituationsCps.objects.filter(
        officine_id=evenement.acteur.officine_id, poste_id=evenement.acteur.poste_id or 0
    ).exclude(id_nat=evenement.id_nat).delete()
