"""Grammars of scanned codes, as data: served to the agents and used by the server's own reading."""

from functools import lru_cache

from django.conf import settings

from agent.protocol.classification import Motifs


@lru_cache(maxsize=1)
def motifs_en_vigueur() -> Motifs:
    """Return the patterns of this installation."""
    return Motifs(
        ordonnance=settings.EPU_NUMERO_REGEX,
        apcv=settings.APCV_REGEX,
        attestation_amc=settings.AMC_REGEX,
        badge=settings.BADGE_REGEX,
    )
