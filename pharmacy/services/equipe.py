"""The team: arrival, change, departure that ends every access in one act, return (TIT-01).

An officine keeps a titulaire whatever is asked: the rows of all of them are locked, in the same
order, before anyone leaves or changes role.
"""

from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.events import OperateurParti, RppsChange, publish
from pharmacy.flux import announce_entete
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Habilitation, Operateur, VerrouConnexion
from pharmacy.services import sessions
from pharmacy.services.connexion import set_temporaire
from pharmacy.services.vente import VenteRefusee

TITULAIRE = Operateur.Role.TITULAIRE


class SaisieRefusee(ValueError):
    """What was typed cannot be kept: `champ` is the field, the text its sentence."""

    def __init__(self, champ: str, phrase: str) -> None:
        super().__init__(phrase)
        self.champ = champ


@dataclass(frozen=True)
class OperateurSaisi:
    """What the sheet of an operator says. `arrivee` and `depart` are the first and last days."""

    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    role: str
    rpps: str = ""
    arrivee: date | None = None
    depart: date | None = None


def _check(acteur: Acteur, operateur: Operateur | None = None) -> None:
    decision = peut(acteur, "operateurs.gerer", operateur)
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())


def _lock(acteur: Acteur, operateur_id: int) -> tuple[Operateur, list[Operateur]]:
    """Return the operator, then the titulaires: all locked, by number. VenteRefusee when unknown.

    PermissionError when who asks lost the right while waiting.
    """
    lignes = list(
        Operateur.objects.select_for_update(of=("self",), no_key=True)
        .filter(Q(role=TITULAIRE, actif=True) | Q(pk=operateur_id))
        .filter(officine_id=acteur.officine_id)
        .order_by("pk")
    )
    titulaires = [ligne for ligne in lignes if ligne.role == TITULAIRE and ligne.actif]
    if acteur.operateur_id not in {titulaire.pk for titulaire in titulaires}:
        raise PermissionError("Vos droits ont changé. Reconnectez-vous.")
    operateur = next((ligne for ligne in lignes if ligne.pk == operateur_id), None)
    if operateur is None:
        raise VenteRefusee("Cet opérateur n'existe pas dans votre officine.", "OPE-404")
    return operateur, titulaires


def is_alone(operateur: Operateur, titulaires: list[Operateur]) -> bool:
    """Tell whether nobody else among `titulaires` is here for good, as of today."""
    jour = timezone.localdate()
    return operateur.role == TITULAIRE and not any(
        autre.pk != operateur.pk
        and autre.depart is None
        and (autre.arrivee is None or autre.arrivee <= jour)
        for autre in titulaires
    )


def is_the_only_one(operateur: Operateur) -> bool:
    """Tell whether this titulaire cannot leave: the screen says it before anyone tries."""
    titulaires = Operateur.objects.filter(
        officine_id=operateur.officine_id, role=TITULAIRE, actif=True
    )
    return operateur.role == TITULAIRE and is_alone(operateur, list(titulaires))


def _check_not_alone(operateur: Operateur, titulaires: list[Operateur]) -> None:
    if is_alone(operateur, titulaires):
        raise VenteRefusee(
            "C'est le seul titulaire présent. Faites d'abord entrer un autre titulaire.", "OPE-002"
        )


def arrive(acteur: Acteur, code: str, saisi: OperateurSaisi) -> tuple[Operateur, str]:
    """Create an operator; return them and their temporary password, shown once.

    A code serves one person for ever: the history names people by it. SaisieRefusee when it, or the
    RPPS, is somebody else's; PermissionError without the right.
    """
    _check(acteur)
    if Operateur.objects.filter(officine_id=acteur.officine_id, code=code).exists():
        raise SaisieRefusee("code", "Ce code est, ou a été, celui de quelqu'un d'autre.")
    operateur = Operateur(officine_id=acteur.officine_id, code=code)
    with transaction.atomic():
        _write(operateur, saisi)
        if operateur.rpps:
            publish(RppsChange(acteur, operateur.pk))
        temporaire = set_temporaire(operateur)
        audit.note(acteur, "operateur.arrivee", f"operateur:{operateur.pk}", precision=saisi.role)
    return operateur, temporaire


def check_rpps_free(operateur: Operateur, rpps: str) -> None:
    """Raise SaisieRefusee when a RPPS is that of another operator who is here."""
    pris = Operateur.objects.filter(
        officine_id=operateur.officine_id, rpps=rpps, actif=True
    ).exclude(pk=operateur.pk)
    if rpps and pris.exists():
        raise SaisieRefusee("rpps", "Ce RPPS est déjà celui d'un opérateur de l'officine.")


def write_rpps(acteur: Acteur, operateur: Operateur, rpps: str) -> None:
    """Write the RPPS of a sheet, for who keeps the links to national identities.

    In the caller's transaction, the row locked. PermissionError without « psc.rattacher »;
    SaisieRefusee when it is somebody else's, also when two write it at the same moment.
    """
    decision = peut(acteur, "psc.rattacher", operateur)
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())
    check_rpps_free(operateur, rpps)
    if operateur.rpps == rpps:
        return
    operateur.rpps = rpps
    try:
        with transaction.atomic():
            operateur.save(update_fields=["rpps"])
    except IntegrityError as exc:
        raise SaisieRefusee("rpps", "Ce RPPS vient d'être pris par un autre opérateur.") from exc
    publish(RppsChange(acteur, operateur.pk))


def _write(operateur: Operateur, saisi: OperateurSaisi) -> None:
    """Copy what was typed and save. SaisieRefusee for a RPPS that is somebody's."""
    check_rpps_free(operateur, saisi.rpps)
    operateur.nom, operateur.prenom = saisi.nom, saisi.prenom
    operateur.role, operateur.rpps = saisi.role, saisi.rpps
    operateur.arrivee, operateur.depart = saisi.arrivee, saisi.depart
    try:
        with transaction.atomic():
            operateur.save()
    except IntegrityError as exc:
        # Two at once: the database kept the first.
        raise SaisieRefusee("code", "Ce code ou ce RPPS vient d'être pris.") from exc


def modify(acteur: Acteur, operateur_id: int, saisi: OperateurSaisi) -> Operateur:
    """Change the sheet of who is here. A change of role holds at their next request.

    What was decided for the person alone was decided for their former role: it is erased with it.
    The last day is not changed here: see `plan_departure`.
    """
    _check(acteur)
    with transaction.atomic():
        operateur, titulaires = _lock(acteur, operateur_id)
        if not operateur.actif:
            raise VenteRefusee("Cet opérateur est parti : faites-le d'abord revenir.", "OPE-003")
        avant, rpps = operateur.role, operateur.rpps
        jour = timezone.localdate()
        if saisi.role != avant or (saisi.arrivee is not None and saisi.arrivee > jour):
            _check_not_alone(operateur, titulaires)
        _write(operateur, OperateurSaisi(**{**vars(saisi), "depart": operateur.depart}))
        if saisi.role != avant:
            Habilitation.objects.filter(
                officine_id=operateur.officine_id, operateur=operateur
            ).delete()
            audit.note(
                acteur,
                "operateur.role",
                f"operateur:{operateur.pk}",
                precision=f"{avant}>{saisi.role}",
            )
        if operateur.rpps != rpps:
            publish(RppsChange(acteur, operateur.pk))
        audit.note(acteur, "operateur.modifier", f"operateur:{operateur.pk}")
        announce_entete(operateur.officine_id)
    return operateur


def plan_departure(acteur: Acteur, operateur_id: int, jour: date | None) -> None:
    """Write the last day of work, the access ending that evening; None: no departure any more."""
    _check(acteur)
    with transaction.atomic():
        operateur, titulaires = _lock(acteur, operateur_id)
        _check_here(operateur)
        if jour is not None:
            _check_not_alone(operateur, titulaires)
            if jour < max(timezone.localdate(), operateur.arrivee or jour):
                raise SaisieRefusee(
                    "depart", "Cette date est passée : donnez un jour à venir, ou « maintenant »."
                )
        operateur.depart = jour
        operateur.save(update_fields=["depart"])
        acte = "operateur.depart_prevu" if jour else "operateur.depart_annule"
        audit.note(acteur, acte, f"operateur:{operateur.pk}")


def _check_here(operateur: Operateur) -> None:
    if not operateur.actif:
        raise VenteRefusee("Cet opérateur est déjà parti.", "OPE-003")


def leave(acteur: Acteur, operateur_id: int) -> int:
    """End every access now, in one act; return how many open sessions were closed.

    Sessions, password, PIN, signatures given by a card, personal rights, and what the apps above
    give (`OperateurParti`). The code stays theirs: nobody is erased from the history.
    """
    _check(acteur)
    with transaction.atomic():
        operateur, titulaires = _lock(acteur, operateur_id)
        _check_here(operateur)
        _check_not_alone(operateur, titulaires)
        audit.note(acteur, "operateur.depart", f"operateur:{operateur.pk}")
        return _end(operateur, acteur, timezone.localdate())


def _end(operateur: Operateur, acteur: Acteur | None, jour: date) -> int:
    fermees = sessions.close_all(operateur)
    operateur.actif, operateur.depart = False, jour
    operateur.pin, operateur.mot_de_passe_temporaire = "", False
    operateur.set_unusable_password()
    operateur.save(update_fields=["actif", "depart", "pin", "mot_de_passe_temporaire", "password"])
    Habilitation.objects.filter(officine_id=operateur.officine_id, operateur=operateur).delete()
    VerrouConnexion.objects.filter(officine_id=operateur.officine_id, code=operateur.code).delete()
    publish(OperateurParti(acteur, operateur.officine_id, operateur.pk))
    return fermees


def finish_departures() -> int:
    """End the access of those whose last day is over; return how many.

    They are already refused since midnight, by the date: this closes what remains. Crosses
    officines through one named function.
    """
    jour = timezone.localdate()
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT officine_id, operateur_id FROM comptoir_departs_a_finir(%s)", [jour]
        )
        lignes = sorted(curseur.fetchall())
    for officine_id, partis in groupby(lignes, key=itemgetter(0)):
        with officine_context(officine_id), transaction.atomic():
            dus = Operateur.objects.filter(
                pk__in=[pk for _, pk in partis],
                officine_id=officine_id,
                actif=True,
                depart__lt=jour,
            )
            for operateur in dus.select_for_update(of=("self",), no_key=True).order_by("pk"):
                audit.note_system(officine_id, "operateur.depart", f"operateur:{operateur.pk}")
                _end(operateur, None, operateur.depart or jour)
    return len(lignes)


def come_back(acteur: Acteur, operateur_id: int, saisi: OperateurSaisi) -> tuple[Operateur, str]:
    """Give access again under the same code; return the temporary password, shown once."""
    _check(acteur)
    with transaction.atomic():
        operateur, _titulaires = _lock(acteur, operateur_id)
        if operateur.actif:
            raise VenteRefusee("Cet opérateur est déjà là.", "OPE-004")
        operateur.actif = True
        _write(operateur, saisi)
        publish(RppsChange(acteur, operateur.pk))
        temporaire = set_temporaire(operateur)
        audit.note(acteur, "operateur.retour", f"operateur:{operateur.pk}", precision=saisi.role)
    return operateur, temporaire
