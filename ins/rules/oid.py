"""Assigning authorities of the INS."""

NIR = "1.2.250.1.213.1.4.8"
NIA = "1.2.250.1.213.1.4.9"
TEST = "1.2.250.1.213.1.4.10"
DEMONSTRATION = "1.2.250.1.213.1.4.11"


def is_accepted(oid: str, environnement: str) -> bool:
    """Tell whether an OID may be kept in an environment.

    Production refuses the test authorities; the obsolete INS-C is refused everywhere. The
    qualification platform answers production OIDs: the environment is a setting, never deduced.
    Source: ins.md §1.1.
    """
    if oid in {NIR, NIA}:
        return True
    return oid in {TEST, DEMONSTRATION} and environnement != "production"


def is_nia(oid: str) -> bool:
    """Tell whether this is a waiting number, by its OID only. Source: ins.md §1.1."""
    return oid == NIA
