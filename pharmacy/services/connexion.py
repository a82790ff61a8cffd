"""Signing in: password at the first opening of the day on a poste, then code and PIN.

Lockout on (officine, code, poste): five tries, then 30 s doubling to 15 min; never by address
alone (design.md, « Signing in »).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.models import Operateur, Poste, VerrouConnexion
from pharmacy.session.middleware import acteur_of

ESSAIS = 5
PREMIER_BLOCAGE_S = 30
BLOCAGE_MAX_S = 15 * 60


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

    A failure is counted in its own transaction, so that it stands whatever follows.
    """
    maintenant = timezone.now()
    verrou = _verrou_of(officine_id, poste, saisie.code)
    if verrou.bloque_jusqua and verrou.bloque_jusqua > maintenant:
        raise ConnexionRefusee(_phrase_blocage(verrou.bloque_jusqua, maintenant))
    if not saisie.mot_de_passe and not is_poste_ouvert(poste, maintenant):
        raise ConnexionRefusee(
            "Première ouverture du jour sur ce poste : donnez votre mot de passe.",
            mot_de_passe_requis=True,
        )
    operateur = Operateur.objects.filter(
        officine_id=officine_id, code=saisie.code.upper(), actif=True
    ).first()
    if operateur is None or not _check_secret(operateur, saisie):
        if operateur is None:
            make_password(saisie.mot_de_passe or saisie.pin)  # same time as a real check
        _count_failure(verrou, operateur, poste)
    return _open(operateur, poste, verrou, saisie)


def _check_secret(operateur: Operateur, saisie: Identifiants) -> bool:
    if saisie.mot_de_passe:
        return operateur.check_password(saisie.mot_de_passe)
    return operateur.check_pin(saisie.pin)


def _verrou_of(officine_id: int, poste: Poste | None, code: str) -> VerrouConnexion:
    verrou, _ = VerrouConnexion.objects.get_or_create(
        officine_id=officine_id, code=code.upper()[:8], poste=poste
    )
    return verrou


def _phrase_blocage(jusqua: datetime, maintenant: datetime) -> str:
    secondes = int((jusqua - maintenant).total_seconds()) + 1
    return (
        f"Trop d'essais. Réessayez dans {secondes} s, ou demandez au titulaire de vous débloquer."
    )


def _count_failure(
    verrou: VerrouConnexion, operateur: Operateur | None, poste: Poste | None
) -> None:
    with transaction.atomic():
        ligne = VerrouConnexion.objects.select_for_update(of=("self",), no_key=True).get(
            pk=verrou.pk
        )
        ligne.echecs += 1
        delai_s = compute_blocage_s(ligne.echecs)
        ligne.bloque_jusqua = timezone.now() + timedelta(seconds=delai_s) if delai_s else None
        ligne.save(update_fields=["echecs", "bloque_jusqua"])
        if operateur is not None:
            audit.note(acteur_of(operateur, poste), "session.ouvrir", resultat="refus")
    if delai_s:
        raise ConnexionRefusee(
            f"Trop d'essais. Réessayez dans {delai_s} s, "
            "ou demandez au titulaire de vous débloquer."
        )
    reste = ESSAIS - ligne.echecs
    raise ConnexionRefusee(
        f"Code ou secret inexact. Il reste {reste} essai{'s' if reste > 1 else ''}."
    )


def _open(
    operateur: Operateur | None, poste: Poste | None, verrou: VerrouConnexion, saisie: Identifiants
) -> Operateur:
    assert operateur is not None  # noqa: S101 - _count_failure always raises
    with transaction.atomic():
        VerrouConnexion.objects.filter(pk=verrou.pk).update(echecs=0, bloque_jusqua=None)
        if poste is not None and saisie.mot_de_passe:
            Poste.objects.filter(pk=poste.pk).update(ouvert_le=timezone.now())
        audit.note(acteur_of(operateur, poste), "session.ouvrir")
    return operateur


def operateur_debloquer(acteur: Acteur, operateur: Operateur) -> None:
    """Erase the failures of an operator on every poste. PermissionError without the right."""
    decision = peut(acteur, "operateurs.debloquer", operateur)
    if not decision.ok:
        raise PermissionError(decision.phrase)
    with transaction.atomic():
        VerrouConnexion.objects.filter(code=operateur.code).update(echecs=0, bloque_jusqua=None)
        audit.note(acteur, "operateur.debloquer", f"operateur:{operateur.pk}")
