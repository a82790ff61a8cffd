"""What refuses a new password: it is known to who guesses, or it leans on the officine.

No rule on its composition, and no date at which it expires (docs/asvs.md, « Passwords »).
"""

import hashlib
from bisect import bisect_left
from functools import cache
from pathlib import Path

from django.core.exceptions import ValidationError

from pharmacy.models import Operateur
from pharmacy.rules.mot_de_passe import leans_on

_FICHIER = Path(__file__).resolve().parent / "referentiel/mots_de_passe.bin"
_TAILLE = 5


@cache
def disclosed() -> tuple[bytes, ...]:
    """Return the sorted digests of what was disclosed most, twelve characters or more."""
    octets = _FICHIER.read_bytes()
    return tuple(octets[i : i + _TAILLE] for i in range(0, len(octets), _TAILLE))


def is_disclosed(secret: str) -> bool:
    """Tell whether this password is one of those that circulate, whatever its case."""
    connus = disclosed()
    empreinte = hashlib.sha256(secret.strip().casefold().encode()).digest()[:_TAILLE]
    rang = bisect_left(connus, empreinte)
    return rang < len(connus) and connus[rang] == empreinte


class RefuseDivulgue:
    """Refuses what circulates among disclosed passwords."""

    def validate(self, password: str, user: Operateur | None = None) -> None:
        """Raise ValidationError, with its sentence, for a password of the list."""
        del user
        if is_disclosed(password):
            raise ValidationError("Ce mot de passe circule déjà : choisissez-en un autre.")

    def get_help_text(self) -> str:
        """Return what to know before choosing."""
        return "Pas un mot de passe déjà divulgué."


class RefuseContexte:
    """Refuses what is little more than the officine, its people and its trade."""

    def validate(self, password: str, user: Operateur | None = None) -> None:
        """Raise ValidationError, with its sentence, for a password that leans on these words."""
        if leans_on(password, _words_of(user)):
            raise ValidationError(
                "Ce mot de passe se devine d'ici : parlez d'autre chose que de l'officine ou de "
                "vous."
            )

    def get_help_text(self) -> str:
        """Return what to know before choosing."""
        return "Ni l'officine, ni votre nom, ni le métier pour l'essentiel."


def _words_of(user: Operateur | None) -> list[str]:
    if user is None:
        return []
    officine = user.officine
    phrases = [officine.nom, user.nom, user.prenom]
    return [officine.finess, user.code, user.rpps, *(m for p in phrases for m in p.split())]
