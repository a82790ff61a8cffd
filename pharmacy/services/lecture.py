"""From a proved reading to the sale: carte Vitale (beneficiaries), CPS (who is at the reader)."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from pharmacy import audit, flux, parametres
from pharmacy.acteurs import Acteur
from pharmacy.events import CarteCpsLue, publish
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import RecuCarte, SituationsCps, Vente
from pharmacy.postes import signatures
from pharmacy.postes.configuration import CODE_MINUTES
from pharmacy.postes.services import Lecture, LectureRefusee
from pharmacy.services import situation
from pharmacy.services.patient import PorteurCarte, card_attach, is_bearer, patient_of_card
from pharmacy.services.vente import VenteRefusee, patient_choose
from pharmacy.suites import Suite

# How long a reading of several persons waits for a choice.
GARDE = timedelta(minutes=15)


def porteur_list(vitale: dict[str, Any]) -> list[PorteurCarte]:
    """Return the beneficiaries of a normalised Vitale object (agent.md §7.1), in card order.

    Raises ValueError when it is not such an object: a signed receipt does not make data sound.
    """
    assure = vitale.get("assure") or {}
    beneficiaires = vitale.get("beneficiaires") or []
    if type(assure) is not dict or type(beneficiaires) is not list:
        raise ValueError("not a Vitale object")
    return [_porteur(assure, b) for b in beneficiaires]


def _is_test_card(vitale: dict[str, Any]) -> bool:
    """Tell whether the card says it is of test or demonstration (ins.md §5.1, agent.md §2.4)."""
    carte = vitale.get("carte") or {}
    if type(carte) is not dict:
        raise ValueError("not a Vitale object")
    return carte.get("nature") in {"T", "D"}


def _porteur(assure: dict[str, Any], beneficiaire: object) -> PorteurCarte:
    if type(beneficiaire) is not dict:
        raise ValueError("not a beneficiary")
    brut = _texte(beneficiaire, "date_naissance", 8)
    return PorteurCarte(
        nir_assure=_texte(assure, "nir", 15),
        nir_certifie=_texte(beneficiaire, "nir_certifie", 15),
        naissance=brut,
        rang_gemellaire=_rang(beneficiaire.get("rang_gemellaire")),
        qualite=_texte(beneficiaire, "qualite", 2) or "0",
        nom_usuel=_texte(beneficiaire, "nom_usuel", 100),
        nom_patronymique=_texte(beneficiaire, "nom_patronymique", 100),
        prenom=_texte(beneficiaire, "prenom", 100),
        date_naissance=_calendar_date(brut),
    )


def _texte(objet: dict[str, Any], nom: str, maximum: int) -> str:
    """Return a short printable text, empty when absent; ValueError for anything else."""
    valeur = objet.get(nom)
    if valeur is None:
        return ""
    if not (isinstance(valeur, str) and len(valeur) <= maximum and valeur.isprintable()):
        raise ValueError(nom)
    return valeur.strip()


def _rang(valeur: object) -> int:
    """Return a rank among twins, 1 to 9, given as a number or as its digit; 1 when absent."""
    texte = "" if valeur is None else str(valeur)
    if texte in {"", "0"}:
        return 1
    if len(texte) != 1 or texte not in "123456789":
        raise ValueError("rang_gemellaire")
    return int(texte)


def _calendar_date(brut: str) -> date | None:
    """Return a date only when the calendar knows it; a lunar date stays text."""
    if not brut.isascii():
        return None
    try:
        return date(int(brut[:4]), int(brut[4:6]), int(brut[6:8]))
    except ValueError:
        return None


def vitale_route(acteur: Acteur, vente: Vente | None, lecture: Lecture) -> Suite:
    """Put the person of the card in the sale; several persons: ask which one.

    The reading is kept, encrypted, until the choice is made. LectureRefusee for odd data.
    """
    try:
        is_test = _is_test_card(lecture.data)
        porteurs = porteur_list(lecture.data)
    except ValueError as exc:
        raise LectureRefusee(
            "VIT-006", "Les données de la carte sont illisibles. Continuez par le nom (F2)."
        ) from exc
    if is_test and settings.ENVIRONNEMENT == "production":
        return Suite(
            "Carte Vitale de test ou de démonstration : elle ne sert à aucun patient.",
            "alerte",
            code="VIT-007",
        )
    if vente is None:
        return Suite("Carte lue. Ouvrez une vente pour choisir le patient.", aller="/vente/")
    if not porteurs:
        return Suite(
            "La carte ne donne aucun bénéficiaire. Continuez par le nom (F2).",
            "attention",
            code="VIT-001",
        )
    if len(porteurs) == 1:
        return _choose(acteur, vente, porteurs[0])
    with transaction.atomic():
        recu = lecture.recu
        recu.donnees = json.dumps(lecture.data).encode()
        recu.save(update_fields=["donnees"])
    return Suite(
        f"{len(porteurs)} personnes sur cette carte : choisissez.",
        dialogue=f"/vente/{vente.pk}/beneficiaires/{recu.pk}/",
    )


def _choose(acteur: Acteur, vente: Vente, porteur: PorteurCarte) -> Suite:
    if not porteur.prenom:
        return Suite(
            "La carte ne porte pas de prénom. Continuez par le nom (F2).",
            "attention",
            code="VIT-002",
        )
    connu = vente.patient
    porte = connu is not None and is_bearer(connu, porteur)
    if connu is not None and not porte and _is_begun(vente):
        return Suite(
            "Cette carte est celle d'une autre personne. "
            "Mettez la vente en attente (²A) pour elle.",
            "alerte",
            code="VIT-003",
        )
    with transaction.atomic():
        if connu is not None and porte:
            patient = card_attach(connu, porteur)
        else:
            patient = patient_of_card(acteur, porteur)
        patient_choose(acteur, vente.pk, patient, "vitale")
    return Suite("Carte Vitale lue.")


def _is_begun(vente: Vente) -> bool:
    return vente.lignes.filter(annulee=False).exists() or vente.ordonnances.exists()


def reading_kept(acteur: Acteur, recu_id: int) -> tuple[RecuCarte, list[PorteurCarte]]:
    """Return a reading that waits for a choice on this poste, and its persons.

    VenteRefusee when it is not this poste's, was used, or is older than `GARDE`.
    """
    recu = RecuCarte.objects.filter(
        officine_id=acteur.officine_id, pk=recu_id, poste_id=acteur.poste_id or 0
    ).first()
    if recu is None or recu.donnees is None or recu.recu_le <= timezone.now() - GARDE:
        raise VenteRefusee("Cette lecture ne sert plus. Relisez la carte.", "VIT-004")
    return recu, porteur_list(json.loads(bytes(recu.donnees)))


def forget_readings() -> int:
    """Erase what was read of cards and never used, older than `GARDE`; return how many.

    The receipts stay: they prove the readings. Crosses officines through one named function.
    """
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT officine_id, recu_id FROM comptoir_lectures_gardees(%s)",
            [int(GARDE.total_seconds())],
        )
        lignes = list(curseur.fetchall())
    for officine_id, recus in groupby(sorted(lignes), key=itemgetter(0)):
        with officine_context(officine_id):
            RecuCarte.objects.filter(
                officine_id=officine_id, pk__in=[recu_id for _, recu_id in recus]
            ).update(donnees=None)
    return len(lignes)


def beneficiaire_choose(acteur: Acteur, vente: Vente, recu_id: int, rang: int) -> Suite:
    """Take the chosen person of a reading kept in its receipt, and forget the reading.

    VenteRefusee when the reading is not this poste's, was already used, or does not tell this
    person from another of the card (agent.md §2.3).
    """
    with transaction.atomic():
        # Of two choices at once, the second finds the reading used.
        RecuCarte.objects.select_for_update(of=("self",), no_key=True).filter(
            officine_id=acteur.officine_id, pk=recu_id
        ).first()
        recu, porteurs = reading_kept(acteur, recu_id)
        porteur = _one_of(porteurs, rang)
        recu.donnees = None
        recu.save(update_fields=["donnees"])
        return _choose(acteur, vente, porteur)


def _one_of(porteurs: list[PorteurCarte], rang: int) -> PorteurCarte:
    """Return the chosen person of a card, told from every other; VenteRefusee otherwise."""
    if not 0 <= rang < len(porteurs):
        raise VenteRefusee("Cette personne n'est pas sur la carte.", "VIT-005")
    if [p.empreinte for p in porteurs].count(porteurs[rang].empreinte) > 1:
        # Without the rank of birth twins are one: one would get the file of the other.
        raise VenteRefusee(
            "Deux personnes de cette carte sont nées le même jour et ce lecteur ne les distingue "
            "pas. Continuez par le nom (F2).",
            "VIT-008",
        )
    return porteurs[rang]


def cps_route(acteur: Acteur, _vente: Vente | None, lecture: Lecture) -> Suite:
    """Announce the professional's card; the apps above say whether its signature is wanted.

    LectureRefusee when its number or its certificate cannot be read.
    """
    try:
        id_nat = _texte(lecture.data, "id_nat", 40)
        certificat = b64decode(str(lecture.data.get("certificat_sig_b64") or ""), validate=True)
    except ValueError as exc:
        raise LectureRefusee(
            "CPS-001", "Les données de la carte CPS sont illisibles. Réinsérez-la."
        ) from exc
    with transaction.atomic():
        audit.note(acteur, "cps.lire", f"recu:{lecture.recu.pk}")
        publish(CarteCpsLue(acteur, id_nat, hashlib.sha256(certificat).hexdigest()))
    return Suite("Carte professionnelle lue.", signer=signatures.wanted(acteur))


Route = Callable[[Acteur, Vente | None, Lecture], Suite]


SITUATION_URL = "/situation/"
# The header's line, where it stands on the page.
SITUATION_ACTIVE = {"cible": "#situation-active", "url": "/situation/active/"}


def situations_route(acteur: Acteur, _vente: Vente | None, lecture: Lecture) -> Suite:
    """Keep the situations d'exercice of a card; that of this officine is in force by itself.

    Nothing is said when it is: the menu shows it. Otherwise the person is told to choose; no
    dialog opens by itself over a sale. Identifier and sector sent later to a teleservice come from
    it (agent.md §1.5). LectureRefusee when unreadable.
    """
    try:
        lues = situation.read_situations(lecture.data.get("situations"))
        id_nat = _texte(lecture.data, "id_nat", 40)
    except ValueError as exc:
        raise LectureRefusee(
            "CPS-002", "Les situations de la carte CPS sont illisibles. Réinsérez-la."
        ) from exc
    with transaction.atomic():
        gardees = situation.keep(acteur, lecture.recu.poste_id, id_nat, lues)
        choisie = gardees.choisie
        precision = "aucune" if choisie is None else f"situation {choisie.index}"
        audit.note(acteur, "cps.situations", f"recu:{lecture.recu.pk}", precision=precision)
    if choisie is not None:
        return Suite("", charger=[SITUATION_ACTIVE])
    ici = any(s.finess == gardees.finess for s in lues)
    return Suite(
        "Cette carte a plusieurs situations dans cette officine. Choisissez celle d'aujourd'hui "
        "dans le menu de votre nom."
        if ici
        else "Cette carte n'a pas de situation dans cette officine. Vérifiez que c'est la bonne ; "
        "sinon, choisissez-en une dans le menu de votre nom.",
        "attention",
        code="CPS-004" if ici else "CPS-003",
        charger=[SITUATION_ACTIVE],
    )


ROUTES: dict[str, Route] = {
    "vitale.read": vitale_route,
    "cps.read": cps_route,
    "cps.situations": situations_route,
}


def register_route(operation: str, route: Route) -> None:
    """Say where the readings of an operation go; called from `AppConfig.ready()`."""
    ROUTES[operation] = route


def lecture_route(acteur: Acteur, vente: Vente | None, lecture: Lecture) -> Suite:
    """Send a reading where it belongs. KeyError for an operation without a route."""
    return ROUTES[lecture.operation](acteur, vente, lecture)


def note_card_removed(acteur: Acteur, vente_id: int) -> None:
    """Remember that the carte Vitale left the reader; the band says so, at the end too.

    Of a sale of this poste only: another's has its own reader.
    """
    with transaction.atomic():
        if Vente.objects.filter(
            pk=vente_id, officine_id=acteur.officine_id, poste_id=acteur.poste_id or 0
        ).update(carte_presente=False):
            flux.announce_vente(acteur.officine_id, vente_id, "bandeau")


def situations_wanted(acteur: Acteur) -> str | None:
    """Return the operation that reads the situations of the card that just signed, if unknown.

    None when the code is asked each time: nobody types it for what may wait (agent.md §5.10).
    """
    if not parametres.valeur(acteur.officine_id, CODE_MINUTES):
        return None
    connues = SituationsCps.objects.filter(
        officine_id=acteur.officine_id, poste_id=acteur.poste_id or 0
    )
    return None if connues.exists() else "cps.situations"
