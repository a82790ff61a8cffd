"""Signing in: password at the first opening of the day on a poste, then code and PIN.

Lockout on (officine, code, poste): five tries, then 30 s doubling to 15 min; never by address
alone (design.md, « Signing in »).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import Operateur, Poste, VerrouConnexion
from pharmacy.models.habilitation import ecarts_of_row
from pharmacy.services import sessions
from pharmacy.session.middleware import acteur_of

ESSAIS = 5
PREMIER_BLOCAGE_S = 30
BLOCAGE_MAX_S = 15 * 60
SUSPENDUE = "Cette officine est suspendue par son hébergeur. Appelez-le pour la rétablir."


class ConnexionRefusee(Exception):
    """Sign-in refused; `phrase` is for the screen and never says which half was wrong."""

    def __init__(self, phrase: str, *, mot_de_passe_requis: bool = False) -> None:
        super().__init__("connexion refusée")
        self.phrase = phrase
        self.mot_de_passe_requis = mot_de_passe_requis


@dataclass(frozen=True)
class Identifiants:
    """What was typed. Secrets stay out of any representation."""

    code: str
    mot_de_passe: str = ""
    pin: str = ""

    def __repr__(self) -> str:
        return "Identifiants(…)"


def compute_blocage_s(echecs: int) -> int:
    """Return how long (seconds) to refuse after `echecs` failures in a row; 0 below five."""
    if echecs < ESSAIS:
        return 0
    return int(min(BLOCAGE_MAX_S, PREMIER_BLOCAGE_S * 2 ** (echecs - ESSAIS)))


def is_poste_ouvert(poste: Poste | None, maintenant: datetime) -> bool:
    """Tell whether a password already opened this poste today (local day)."""
    if poste is None or poste.ouvert_le is None:
        return False
    return timezone.localdate(poste.ouvert_le) == timezone.localdate(maintenant)


def authenticate(officine_id: int, poste: Poste | None, saisie: Identifiants) -> Operateur:
    """Return the operator who may sign in, or raise ConnexionRefusee.

    The row of the lock is held while the secret is checked: guesses sent together are counted one
    by one. A refusal is raised after the commit, so that the count stands whatever follows.
    An operator whose password is temporary signs in only through `change_temporaire`.
    """
    with transaction.atomic():
        issue = _attempt(officine_id, poste, saisie)
        if isinstance(issue, Operateur) and not must_change(issue, saisie):
            _open(issue, poste, par_mot_de_passe=bool(saisie.mot_de_passe))
    if isinstance(issue, ConnexionRefusee):
        raise issue
    return issue


def verify(officine_id: int, poste: Poste | None, saisie: Identifiants) -> Operateur:
    """Return who gave their code and password, and open nothing; same lockout as the sign-in.

    For what a person approves beside the session that is open. Raises ConnexionRefusee.
    """
    if not saisie.mot_de_passe:
        raise ConnexionRefusee("Donnez le mot de passe.", mot_de_passe_requis=True)
    with transaction.atomic():
        issue = _attempt(officine_id, poste, saisie)
    if isinstance(issue, ConnexionRefusee):
        raise issue
    if must_change(issue, saisie):
        raise ConnexionRefusee("Changez d'abord le mot de passe temporaire, à l'ouverture.")
    return issue


def open_proven(operateur: Operateur, poste: Poste | None, precision: str) -> None:
    """Note the opening for an operator whom another proof than their code identified.

    Tries and lockouts of the code are not touched: nobody typed it. Raises ConnexionRefusee for who
    may not work today.
    """
    ici = Operateur.objects.en_poste().filter(officine_id=operateur.officine_id, pk=operateur.pk)
    if not ici.exists():
        raise ConnexionRefusee("Compte non autorisé : voyez le titulaire.")
    audit.note(acteur_of(operateur, poste), "session.ouvrir", precision=precision)


def _attempt(
    officine_id: int, poste: Poste | None, saisie: Identifiants
) -> Operateur | ConnexionRefusee:
    maintenant = timezone.now()
    verrou = _verrou_locked(officine_id, poste, saisie.code)
    if not verrou.officine.active:
        return ConnexionRefusee(SUSPENDUE)
    if verrou.bloque_jusqua and verrou.bloque_jusqua > maintenant:
        secondes = int((verrou.bloque_jusqua - maintenant).total_seconds()) + 1
        return ConnexionRefusee(_phrase_blocage(secondes))
    if not saisie.mot_de_passe and not is_poste_ouvert(poste, maintenant):
        return ConnexionRefusee(
            "Première ouverture du jour sur ce poste : donnez votre mot de passe.",
            mot_de_passe_requis=True,
        )
    operateur = (
        Operateur.objects.en_poste()
        .filter(officine_id=officine_id, code=saisie.code.upper())
        .annotate(ecarts=ecarts_of_row())
        .first()
    )
    if operateur is None:
        make_password(saisie.mot_de_passe or saisie.pin)  # same time as a real check
        return _count_failure(verrou)
    if not _check_secret(operateur, saisie):
        audit.note(acteur_of(operateur, poste), "session.ouvrir", resultat="refus")
        return _count_failure(verrou)
    verrou.echecs, verrou.bloque_jusqua = 0, None
    verrou.save(update_fields=["echecs", "bloque_jusqua"])
    return operateur


def confirm_password(acteur: Acteur, mot_de_passe: str) -> None:
    """Check the password of who is already here, before an act that wants it again.

    A wrong one counts as at the sign-in: same row, same lockout. Raises ConnexionRefusee.
    """
    with transaction.atomic():
        refus = _confirm(acteur, mot_de_passe)
    if refus is not None:
        raise refus


def _confirm(acteur: Acteur, mot_de_passe: str) -> ConnexionRefusee | None:
    operateur = Operateur.objects.get(pk=acteur.operateur_id, officine_id=acteur.officine_id)
    postes = Poste.objects.filter(officine_id=acteur.officine_id)
    poste = postes.filter(pk=acteur.poste_id).first() if acteur.poste_id else None
    verrou = _verrou_locked(acteur.officine_id, poste, operateur.code)
    maintenant = timezone.now()
    if verrou.bloque_jusqua and verrou.bloque_jusqua > maintenant:
        secondes = int((verrou.bloque_jusqua - maintenant).total_seconds()) + 1
        return ConnexionRefusee(_phrase_blocage(secondes))
    if not operateur.check_password(mot_de_passe):
        audit.note(acteur, "session.confirmer", resultat="refus")
        return _count_failure(verrou)
    return None


def must_change(operateur: Operateur, saisie: Identifiants) -> bool:
    """Tell whether what was typed is a temporary password, to be replaced before anything."""
    return operateur.mot_de_passe_temporaire and bool(saisie.mot_de_passe)


def change_temporaire(
    operateur: Operateur, poste: Poste | None, nouveau: str, pin: str = ""
) -> Operateur:
    """Replace a temporary password and open the session. ValidationError when it is too weak.

    Who has no PIN chooses one in the same act; an existing one does not change here.
    """
    if operateur.check_password(nouveau):
        raise ValidationError("Choisissez un autre mot de passe que le temporaire.")
    validate_password(nouveau, operateur)
    with transaction.atomic():
        operateur.set_password(nouveau)
        operateur.mot_de_passe_temporaire = False
        if not operateur.pin:
            operateur.set_pin(pin)
        operateur.save(update_fields=["password", "pin", "mot_de_passe_temporaire"])
        audit.note(acteur_of(operateur, poste), "operateur.mot_de_passe")
        _open(operateur, poste, par_mot_de_passe=True)
    return operateur


def _check_secret(operateur: Operateur, saisie: Identifiants) -> bool:
    if saisie.mot_de_passe:
        return operateur.check_password(saisie.mot_de_passe)
    return operateur.check_pin(saisie.pin)


def _verrou_locked(officine_id: int, poste: Poste | None, code: str) -> VerrouConnexion:
    verrou, _ = VerrouConnexion.objects.get_or_create(
        officine_id=officine_id, code=code.upper()[:8], poste=poste
    )
    ici = VerrouConnexion.objects.filter(officine_id=officine_id).select_related("officine")
    return ici.select_for_update(of=("self",), no_key=True).get(pk=verrou.pk)


def _phrase_blocage(secondes: int) -> str:
    return (
        f"Trop d'essais. Réessayez dans {secondes} s, ou demandez au titulaire de vous débloquer."
    )


def _count_failure(verrou: VerrouConnexion) -> ConnexionRefusee:
    verrou.echecs += 1
    delai_s = compute_blocage_s(verrou.echecs)
    verrou.bloque_jusqua = timezone.now() + timedelta(seconds=delai_s) if delai_s else None
    verrou.save(update_fields=["echecs", "bloque_jusqua"])
    if delai_s:
        return ConnexionRefusee(_phrase_blocage(delai_s))
    reste = ESSAIS - verrou.echecs
    return ConnexionRefusee(
        f"Code ou secret inexact. Il reste {reste} essai{'s' if reste > 1 else ''}."
    )


def _open(operateur: Operateur, poste: Poste | None, *, par_mot_de_passe: bool) -> None:
    if poste is not None and par_mot_de_passe:
        Poste.objects.filter(pk=poste.pk, officine_id=operateur.officine_id).update(
            ouvert_le=timezone.now()
        )
    audit.note(acteur_of(operateur, poste), "session.ouvrir")


def operateur_debloquer(acteur: Acteur, operateur: Operateur) -> None:
    """Erase the failures of an operator on every poste. PermissionError without the right."""
    decision = peut(acteur, "operateurs.debloquer", operateur)
    if not decision.ok:
        raise PermissionError(decision.phrase)
    with transaction.atomic():
        VerrouConnexion.objects.filter(officine_id=acteur.officine_id, code=operateur.code).update(
            echecs=0, bloque_jusqua=None
        )
        audit.note(acteur, "operateur.debloquer", f"operateur:{operateur.pk}")


def operateur_reinitialiser(acteur: Acteur, operateur: Operateur) -> str:
    """Return a temporary password, shown once. PermissionError without the right."""
    decision = peut(acteur, "operateurs.reinitialiser", operateur)
    if not decision.ok:
        raise PermissionError(decision.phrase)
    with transaction.atomic():
        temporaire = set_temporaire(operateur)
        audit.note(acteur, "operateur.reinitialiser", f"operateur:{operateur.pk}")
    return temporaire


def set_temporaire(operateur: Operateur) -> str:
    """Give an operator a temporary password; the PIN and the open sessions end with the former."""
    temporaire = secrets.token_urlsafe(12)
    operateur.set_password(temporaire)
    operateur.pin = ""
    operateur.mot_de_passe_temporaire = True
    operateur.save(update_fields=["password", "pin", "mot_de_passe_temporaire"])
    sessions.close_all(operateur)
    return temporaire


def blocage_list(officine_id: int) -> dict[str, datetime]:
    """Return until when each operator code is refused somewhere, for those that are."""
    lignes = VerrouConnexion.objects.filter(
        officine_id=officine_id, bloque_jusqua__gt=timezone.now()
    ).order_by("bloque_jusqua")
    return {ligne.code: ligne.bloque_jusqua for ligne in lignes if ligne.bloque_jusqua}
