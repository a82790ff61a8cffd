"""One's own password and PIN: changed with the password of today, told at the next sign-in."""

from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import Audit, Operateur, Poste
from pharmacy.services import connexion, sessions
from pharmacy.services.connexion import ConnexionRefusee

# Refusals on the poste of the sign-in that are worth a word: fewer is a slip of the hand.
ESSAIS_A_DIRE = 3
LUES = 50


@dataclass(frozen=True)
class Changement:
    """What was typed; empty: unchanged. Secrets stay out of any representation."""

    actuel: str
    nouveau: str = ""
    pin: str = ""

    def __repr__(self) -> str:
        return "Changement(…)"


def change_own(
    acteur: Acteur, poste: Poste | None, saisi: Changement, cle: str | None
) -> Operateur:
    """Change the actor's password, PIN, both or neither; end their sessions but that of `cle`.

    A wrong password of today counts as a failed sign-in: ConnexionRefusee. ValidationError for a
    new one that is too weak, or the same. Source: SEC-07; ASVS 5.0.0, 6.2.3 and 7.4.3.
    """
    with transaction.atomic():
        issue = _check_today(acteur, poste, saisi)
    if isinstance(issue, ConnexionRefusee):
        connexion.log_refusal(acteur.officine_id, poste, issue)
        raise issue
    if saisi.nouveau:
        if saisi.nouveau == saisi.actuel:
            raise ValidationError("C'est déjà votre mot de passe : choisissez-en un autre.")
        validate_password(saisi.nouveau, issue)
    with transaction.atomic():
        if saisi.nouveau:
            issue.set_password(saisi.nouveau)
        if saisi.pin:
            issue.set_pin(saisi.pin)
        issue.save(update_fields=["password", "pin"])
        quoi = "+".join(n for n, v in (("mot_de_passe", saisi.nouveau), ("pin", saisi.pin)) if v)
        acte = "operateur.mot_de_passe" if quoi else "session.fermer_a_distance"
        audit.note(acteur, acte, f"operateur:{issue.pk}", None, "ok", quoi)
        sessions.close_all(issue, sauf=cle)
    return issue


def _check_today(
    acteur: Acteur, poste: Poste | None, saisi: Changement
) -> Operateur | ConnexionRefusee:
    operateur = Operateur.objects.get(pk=acteur.operateur_id, officine_id=acteur.officine_id)
    verrou = connexion.verrou_locked(acteur.officine_id, poste, operateur.code)
    if connexion.seconds_left(verrou, timezone.now()):
        return connexion.refuse_locked(verrou)
    if not operateur.check_password(saisi.actuel):
        audit.note(acteur, "operateur.mot_de_passe", resultat="refus")
        return connexion.count_failure(verrou, "secret")
    connexion.clear_failures(verrou)
    return operateur


def notice_of(operateur: Operateur, poste: Poste | None) -> str:
    """Return what an operator should know once signed in; empty most of the time.

    Since the sign-in before this one: refused tries with their code, on another poste or many, and
    a password or PIN that was changed. Source: SEC-07; ASVS 5.0.0, 6.3.5 and 6.3.7.
    """
    lignes = list(
        Audit.objects.filter(
            officine_id=operateur.officine_id,
            operateur_id=operateur.pk,
            acte__in=("session.ouvrir", "operateur.mot_de_passe"),
        )
        .select_related("poste")
        .order_by("-quand", "-pk")[:LUES]
    )
    depuis = _since_the_one_before(lignes)
    refus = [x for x in depuis if x.resultat == "refus"]
    ici = poste.pk if poste else None
    phrases = []
    change = next((x for x in depuis if x.acte != "session.ouvrir" and x.resultat == "ok"), None)
    if change is not None:
        phrases.append(f"Votre mot de passe ou votre PIN a été changé {_when(change)}.")
    if len(refus) >= ESSAIS_A_DIRE or any(x.poste_id != ici for x in refus):
        essais = f"{len(refus)} essais refusés" if len(refus) > 1 else "Un essai refusé"
        phrases.append(f"{essais} avec votre code, le dernier {_when(refus[0])}.")
    if phrases:
        phrases.append("Si ce n'est pas vous, prévenez le titulaire.")
    return " ".join(phrases)


def _since_the_one_before(lignes: list[Audit]) -> list[Audit]:
    """Leave out the sign-in that has just been noted, and all that precedes the one before."""
    ouvertes = [
        rang for rang, x in enumerate(lignes) if (x.acte, x.resultat) == ("session.ouvrir", "ok")
    ]
    debut = ouvertes[0] + 1 if ouvertes else 0
    return lignes[debut : ouvertes[1] if len(ouvertes) > 1 else None]


def _when(ligne: Audit) -> str:
    instant = date_format(timezone.localtime(ligne.quand), r"\l\e d/m à H:i")
    lieu = f" sur {ligne.poste.libelle}" if ligne.poste else " hors de l'officine"
    return instant + lieu
