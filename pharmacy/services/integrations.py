"""Integration keys: created and shown once, proved in constant time, revoked at once (SEC-15)."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.isolation.portes import key_of_repere
from pharmacy.models import CleIntegration
from pharmacy.rules.portees import portees_read
from pharmacy.services.vente import VenteRefusee

DUREES_JOURS = (30, 90, 365)
# Letters and digits that are not mistaken for one another, as in the codes of the postes.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_JETON = re.compile(r"cpt_([2-9a-z]{10})_([A-Za-z0-9_-]{43})")


class CleMalDemandee(ValueError):
    """A key that cannot be made as asked; the text is the sentence for the form."""


@dataclass(frozen=True)
class CleDonnee:
    """A key just made: the secret is here and nowhere else."""

    cle: CleIntegration
    secret: str


@dataclass(frozen=True)
class CleDite:
    """What a request says: where its key's row stands, and the secret to be proved."""

    officine_id: int
    cle_id: int
    secret: str


def _check(acteur: Acteur) -> None:
    decision = peut(acteur, "integrations.gerer")
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def key_list(officine_id: int) -> list[CleIntegration]:
    """Return the keys of the officine, the newest first, the revoked ones included."""
    cles = CleIntegration.objects.filter(officine_id=officine_id).select_related("cree_par")
    return list(cles.order_by("-pk"))


def create(acteur: Acteur, nom: str, choix: list[str], jours: str) -> CleDonnee:
    """Make a key and return it with its secret, which is kept nowhere.

    PermissionError without the right; CleMalDemandee without a name, a scope or a known length
    (30, 90 or 365 days).
    """
    _check(acteur)
    nom = " ".join(nom.replace("\0", "").split())[:60]
    portees = portees_read(choix)
    if not nom:
        raise CleMalDemandee("Donnez un nom à cette clé : celui de l'outil qui la portera.")
    if not portees:
        raise CleMalDemandee("Cochez au moins une chose que cet outil pourra lire.")
    if jours not in map(str, DUREES_JOURS):
        raise CleMalDemandee("Choisissez une des durées proposées.")
    repere = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        cle = CleIntegration.objects.create(
            officine_id=acteur.officine_id,
            nom=nom,
            repere=repere,
            empreinte=_digest(secret),
            portees=portees,
            cree_par_id=acteur.operateur_id,
            expire_le=timezone.localdate() + timedelta(days=int(jours)),
        )
        audit.note(acteur, "integration.creer", f"cle:{repere}", precision=" ".join(portees))
    return CleDonnee(cle, f"cpt_{repere}_{secret}")


def revoke(acteur: Acteur, cle_id: int) -> None:
    """End a key: its next request is refused. VenteRefusee when it is not the officine's.

    PermissionError without the right. Once revoked, a key stays so.
    """
    _check(acteur)
    with transaction.atomic():
        cle = CleIntegration.objects.filter(officine_id=acteur.officine_id, pk=cle_id).first()
        if cle is None:
            raise VenteRefusee("Cette clé n'existe pas dans votre officine.", "INT-404")
        CleIntegration.objects.filter(
            officine_id=acteur.officine_id, pk=cle_id, revoquee_le=None
        ).update(revoquee_le=timezone.now())
        audit.note(acteur, "integration.revoquer", f"cle:{cle.repere}")


def find(autorisation: str) -> CleDite | None:
    """Return the ids behind `Bearer cpt_…`; None when no key has that public part.

    The secret is not proved yet: that is `prove`, in the officine's context.
    """
    genre, _, jeton = autorisation.partition(" ")
    lu = _JETON.fullmatch(jeton.strip()) if genre.lower() == "bearer" else None
    trouve = key_of_repere(lu[1]) if lu else None
    if lu is None or trouve is None:
        return None
    return CleDite(*trouve, secret=lu[2])


def prove(dite: CleDite, jour: date) -> CleIntegration | None:
    """Return the key when its secret is right and it is open; None otherwise, without saying why.

    To be called in the context of its officine. One write a day remembers the last use.
    """
    cle = CleIntegration.objects.filter(officine_id=dite.officine_id, pk=dite.cle_id).first()
    attendue = cle.empreinte if cle is not None else "0" * 64
    juste = hmac.compare_digest(attendue, _digest(dite.secret))
    if cle is None or not juste or not cle.is_open(jour):
        return None
    if cle.servie_le != jour:
        CleIntegration.objects.filter(officine_id=cle.officine_id, pk=cle.pk).update(servie_le=jour)
    return cle
