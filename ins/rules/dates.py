"""Birth dates: the rule of the core, under the name that the identity gives it."""

from pharmacy.rules.naissance import DateLue, parse_birth, read_typed

__all__ = ["DateLue", "parse_birth", "read_typed"]
