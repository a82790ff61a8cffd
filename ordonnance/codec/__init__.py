"""EPU messages and CDA prescriptions <-> our dataclasses. Remote names live here only."""

from ordonnance.codec.demande import (
    corps_consulter,
    corps_executer,
    corps_liberer,
    corps_ouvrir,
    envelopper,
)
from ordonnance.codec.reponse import parse_accuse, parse_prescription, parse_verrou

ACTION = "urn:sim-epu:1.0.0:"

__all__ = [
    "ACTION",
    "corps_consulter",
    "corps_executer",
    "corps_liberer",
    "corps_ouvrir",
    "envelopper",
    "parse_accuse",
    "parse_prescription",
    "parse_verrou",
]
