"""INSi messages: bytes out, dataclasses in. Remote names live here and nowhere else."""

from ins.codec.demande import (
    ACTIONS,
    DemandeTraits,
    DemandeVitale,
    corps_traits,
    corps_vitale,
    envelopper,
)
from ins.codec.reponse import Individu, InsLu, ReponseInsi, parse_reponse

__all__ = [
    "ACTIONS",
    "DemandeTraits",
    "DemandeVitale",
    "Individu",
    "InsLu",
    "ReponseInsi",
    "corps_traits",
    "corps_vitale",
    "envelopper",
    "parse_reponse",
]
