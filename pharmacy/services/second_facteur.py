"""The second factor of an operator: proposed, proved by one code, used, removed (SEC-07, TIT-03).

A code of the application serves once. After five wrong ones in a row it waits, as a PIN does. Ten
recovery codes are shown once; each is kept as a slow hash, its first digit says which.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import segno
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, check_administration, peut
from pharmacy.demonstration.donnees import OFFICINES
from pharmacy.models import CodeSecours, ModeAdministration, Operateur, Poste, SecondFacteur
from pharmacy.rules import totp
from pharmacy.services.administration import Preuve
from pharmacy.services.connexion import ESSAIS, compute_blocage_s, wait_s

PROPOSE = timedelta(minutes=10)
INVITATION = timedelta(hours=24)
OCTETS = 20
SECOURS = 10
EMETTEUR = "Comptoir"
# Without what is read two ways: 0 and O, 1, I and L, U and V.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
Moyen = ModeAdministration.Moyen


class FacteurRefuse(Exception):
    """A second factor refused; `phrase` is for the screen."""

    def __init__(self, phrase: str, code: str = "FAC-001") -> None:
        super().__init__(code)
        self.phrase = phrase
        self.code = code


@dataclass(frozen=True)
class EtatFacteur:
    """What an operator's sheet says of their second factor."""

    active_le: datetime | None
    secours: int


def state_of(acteur: Acteur) -> EtatFacteur:
    """Return whether the actor's second factor is active, and how many recovery codes are left."""
    facteur = (
        _mine(acteur).annotate(reste=Count("secours", filter=Q(secours__servi_le=None))).first()
    )
    if facteur is None:
        return EtatFacteur(None, 0)
    return EtatFacteur(facteur.active_le, facteur.reste)


def is_active(operateur: Operateur) -> bool:
    """Tell whether an operator has an active second factor."""
    return SecondFacteur.objects.filter(
        officine_id=operateur.officine_id, operateur=operateur, active_le__isnull=False
    ).exists()


def _mine(acteur: Acteur) -> QuerySet[SecondFacteur]:
    return SecondFacteur.objects.filter(
        officine_id=acteur.officine_id, operateur_id=acteur.operateur_id
    )


def _locked(acteur: Acteur) -> SecondFacteur | None:
    return _mine(acteur).select_for_update(of=("self",), no_key=True).first()


# Activation


def propose(acteur: Acteur) -> None:
    """Draw a key, to be proved within ten minutes. The one in use stays until then.

    The caller has just asked for the password, and for a code when there is one in use.
    """
    SecondFacteur.objects.update_or_create(
        officine_id=acteur.officine_id,
        operateur_id=acteur.operateur_id,
        defaults={
            "propose": totp.show_key(secrets.token_bytes(OCTETS)),
            "propose_le": timezone.now(),
        },
    )
    audit.note(acteur, "second_facteur.proposer")


def proposed_key(acteur: Acteur) -> bytes | None:
    """Return the key that waits for its first code; None when there is none, or it is too old."""
    facteur = _mine(acteur).first()
    if facteur is None or not _is_proposed(facteur, timezone.now()):
        return None
    return totp.read_key(facteur.propose)


def proposal(acteur: Acteur, operateur: Operateur) -> dict[str, str]:
    """Return what the page shows of a key that waits for its first code; nothing without one."""
    cle = proposed_key(acteur)
    if cle is None:
        return {"qr": "", "cle": ""}
    uri = totp.build_uri(cle, EMETTEUR, f"{operateur.code} {operateur.officine.finess}")
    qr = segno.make(uri, error="m", micro=False)
    return {"qr": qr.svg_data_uri(scale=4, border=4, light="#fff"), "cle": totp.show_key(cle)}


def _is_proposed(facteur: SecondFacteur, maintenant: datetime) -> bool:
    return (
        bool(facteur.propose)
        and facteur.propose_le is not None
        and maintenant - facteur.propose_le <= PROPOSE
    )


def confirm(acteur: Acteur, code: str) -> list[str]:
    """Activate the key proposed, by one of its codes; return the recovery codes, shown once.

    FacteurRefuse for a wrong code, counted, or a proposal that is over. Source: RFC 6238, §5.2.
    """
    with transaction.atomic():
        issue = _confirm(acteur, code)
    if isinstance(issue, FacteurRefuse):
        raise issue
    return issue


def _confirm(acteur: Acteur, code: str) -> list[str] | FacteurRefuse:
    maintenant = timezone.now()
    facteur = _locked(acteur)
    if facteur is None or not _is_proposed(facteur, maintenant):
        return FacteurRefuse(
            "Cette clé a plus de dix minutes. Recommencez l'activation.", "FAC-002"
        )
    attente = wait_s(facteur.bloque_jusqua, maintenant)
    if attente:
        return _wait(attente)
    pas = totp.find_step(totp.read_key(facteur.propose), _tidy(code), maintenant.timestamp(), 0)
    if pas is None:
        return _count_failure(acteur, facteur)
    facteur.secret, facteur.propose, facteur.propose_le = facteur.propose, "", None
    facteur.active_le, facteur.dernier_pas, facteur.invite_jusqua = maintenant, pas, None
    facteur.echecs, facteur.bloque_jusqua = 0, None
    facteur.save()
    audit.note(acteur, "second_facteur.activer")
    return _draw_codes(facteur)


def _draw_codes(facteur: SecondFacteur) -> list[str]:
    """Replace the recovery codes; return them as they are shown, « 3-ABCDE-FGHJK »."""
    CodeSecours.objects.filter(officine_id=facteur.officine_id, facteur=facteur).delete()
    tires = [
        str(rang) + "".join(secrets.choice(_ALPHABET) for _ in range(10)) for rang in range(SECOURS)
    ]
    CodeSecours.objects.bulk_create(
        CodeSecours(
            officine_id=facteur.officine_id,
            facteur=facteur,
            rang=rang,
            empreinte=make_password(tire),
        )
        for rang, tire in enumerate(tires)
    )
    return [f"{tire[0]}-{tire[1:6]}-{tire[6:]}" for tire in tires]


def renew_codes(acteur: Acteur, code: str) -> list[str]:
    """Replace the recovery codes, against a code. FacteurRefuse as `verify`."""
    verify(acteur, code)
    with transaction.atomic():
        facteur = _locked(acteur)
        if facteur is None:
            raise _absent()
        audit.note(acteur, "second_facteur.codes")
        return _draw_codes(facteur)


# Use


def verify(acteur: Acteur, code: str) -> Preuve:
    """Return the proof given by a code of the application, or by a recovery code.

    FacteurRefuse when it is wrong, too old, already used, or after too many: the refusal is raised
    after the commit, so that the count stands. Source: RFC 6238, §5.2; design.md, « Signing in ».
    """
    with transaction.atomic():
        issue = _verify(acteur, code)
    if isinstance(issue, FacteurRefuse):
        raise issue
    return issue


def _verify(acteur: Acteur, code: str) -> Preuve | FacteurRefuse:
    maintenant = timezone.now()
    facteur = _locked(acteur)
    if facteur is None or facteur.active_le is None:
        return _absent()
    attente = wait_s(facteur.bloque_jusqua, maintenant)
    if attente:
        return _wait(attente)
    moyen = _match(facteur, _tidy(code), maintenant)
    if moyen is None:
        return _count_failure(acteur, facteur)
    facteur.echecs, facteur.bloque_jusqua = 0, None
    facteur.save(update_fields=["dernier_pas", "echecs", "bloque_jusqua"])
    return Preuve(acteur.operateur_id, moyen, maintenant)


def _match(facteur: SecondFacteur, net: str, maintenant: datetime) -> str | None:
    if len(net) == totp.CHIFFRES:
        pas = totp.find_step(
            totp.read_key(facteur.secret), net, maintenant.timestamp(), facteur.dernier_pas
        )
        if pas is None:
            return None
        facteur.dernier_pas = pas
        return Moyen.TOTP
    if len(net) != 11 or not net[0].isdigit():
        return None
    restant = CodeSecours.objects.filter(
        officine_id=facteur.officine_id, facteur=facteur, rang=int(net[0]), servi_le=None
    ).first()
    if restant is None or not check_password(net, restant.empreinte):
        return None
    restant.servi_le = maintenant
    restant.save(update_fields=["servi_le"])
    return Moyen.SECOURS


def _tidy(code: str) -> str:
    return "".join(c for c in code.upper() if c.isascii() and c.isalnum())[:12]


def _absent() -> FacteurRefuse:
    return FacteurRefuse("Aucun second facteur n'est activé. Activez le vôtre d'abord.", "FAC-404")


def _wait(secondes: int) -> FacteurRefuse:
    return FacteurRefuse(
        f"Trop d'essais. Réessayez dans {secondes} s, ou demandez à un autre titulaire de vous "
        "débloquer.",
        "FAC-003",
    )


def _count_failure(acteur: Acteur, facteur: SecondFacteur) -> FacteurRefuse:
    facteur.echecs += 1
    delai_s = compute_blocage_s(facteur.echecs)
    facteur.bloque_jusqua = timezone.now() + timedelta(seconds=delai_s) if delai_s else None
    facteur.save(update_fields=["echecs", "bloque_jusqua"])
    audit.note(acteur, "second_facteur.refuser", resultat="refus")
    if delai_s:
        return _wait(delai_s)
    reste = ESSAIS - facteur.echecs
    return FacteurRefuse(
        "Code inexact, trop ancien ou déjà servi. Attendez le suivant. "
        f"Il reste {reste} essai{'s' if reste > 1 else ''}."
    )


# Removal, and the way in from outside


def remove(acteur: Acteur, operateur: Operateur) -> None:
    """Remove a colleague's second factor: they lost their telephone and their recovery codes.

    PermissionError without the right, or for oneself; AdministrationRequise outside the mode.
    """
    decision = peut(acteur, "operateurs.reinitialiser", operateur)
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())
    if operateur.pk == acteur.operateur_id:
        raise PermissionError("Un autre titulaire retire votre second facteur, jamais vous.")
    check_administration(acteur)
    with transaction.atomic():
        SecondFacteur.objects.filter(officine_id=acteur.officine_id, operateur=operateur).delete()
        audit.note(acteur, "second_facteur.retirer", f"operateur:{operateur.pk}")


def reset_by_host(operateur: Operateur) -> None:
    """Remove it from the host, and let it be activated again from any browser for a day."""
    SecondFacteur.objects.filter(officine_id=operateur.officine_id, operateur=operateur).delete()
    SecondFacteur.objects.create(
        officine_id=operateur.officine_id,
        operateur=operateur,
        invite_jusqua=timezone.now() + INVITATION,
    )
    audit.note_system(operateur.officine_id, "second_facteur.retirer", f"operateur:{operateur.pk}")


def may_activate_outside(operateur: Operateur) -> bool:
    """Tell whether a second factor may be activated from a browser that is no poste.

    The titulaire of an officine where no poste was ever opened, or who was let in by the host.
    """
    facteur = SecondFacteur.objects.filter(
        officine_id=operateur.officine_id, operateur=operateur
    ).first()
    invite = facteur.invite_jusqua if facteur else None
    if invite is not None and invite > timezone.now():
        return True
    return (
        operateur.role == Operateur.Role.TITULAIRE
        and not Poste.objects.filter(
            officine_id=operateur.officine_id, ouvert_le__isnull=False
        ).exists()
    )


def invite_outside(acteur: Acteur, operateur: Operateur) -> None:
    """Give a key to who may activate one from a browser that is no poste; to others, nothing."""
    if may_activate_outside(operateur):
        propose(acteur)


def demonstration_code(acteur: Acteur) -> str:
    """Return the code that a demonstration key gives now; empty for any other key, and elsewhere.

    When the code of this step has served, the next one, which the drift admits.
    """
    if settings.ENVIRONNEMENT != "simulateur":
        return ""
    facteur = _mine(acteur).first()
    connus = {op.totp for demo in OFFICINES for op in demo.operateurs if op.totp}
    if facteur is None or facteur.secret not in connus:
        return ""
    ici = totp.step_of(timezone.now().timestamp())
    pas = max(ici, facteur.dernier_pas + 1)
    return totp.compute_code(totp.read_key(facteur.secret), pas) if pas <= ici + 1 else ""
