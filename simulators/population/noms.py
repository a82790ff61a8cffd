"""Invented names: plausible to read, of nobody. Civil-status letters only (ins.md §1.4)."""

import random

_TETES = (
    *("BEL", "BOR", "COR", "DAN", "FER", "GAR", "LAN", "MAR", "MON", "PER", "QUIN", "ROU", "SAU"),
    *("TAR", "VAL", "VER"),
)
_MILIEUX = ("", "A", "I", "O", "U")
_FINS = (
    *("BARD", "CHON", "DIER", "FOUR", "GEAU", "LIN", "MONT", "NAC", "RET", "SEAU", "TIER", "VIEL"),
    "ZAN",
)
_PARTICULES = ("DE ", "DU ", "DES ", "LE ", "LA ", "D'A", "D'O", "L'E", "DE LA ", "VAN ", "O'")
_ETRANGERS = ("EL ", "BEN ", "AIT ", "DA ", "DI ", "ABDEL", "N'", "TRAN-", "OUL")
PRENOMS = {
    "F": (
        *("ADELE", "ALICE", "AMBRE", "ANNA", "ASTRID", "BERTHE", "CAMILLE", "CELINE", "CHLOE"),
        *("CLARA", "DENISE", "DIANE", "EDITH", "ELISE", "EMMA", "ESTELLE", "EVE", "FANNY"),
        *("FLORE", "GAELLE", "HELENE", "INES", "IRIS", "JEANNE", "JUDITH", "JULIE", "LEONIE"),
        *("LOUISE", "LUCIE", "MADELEINE", "MARGOT", "MARTHE", "MATHILDE", "NADIA", "NOEMIE"),
        *("ODETTE", "ODILE", "PAULINE", "RACHEL", "ROMANE", "ROSE", "SALOME", "SOLENE", "SUZANNE"),
        *("SYLVIE", "VALERIE", "VIOLETTE", "YVONNE", "ANNE-LAURE", "MARIE-ANGE", "ROSE-MARIE"),
    ),
    "M": (
        *("ABEL", "ADAM", "ADRIEN", "ALEXIS", "ANDRE", "ARMAND", "BASILE", "BENOIT", "BRUNO"),
        *("CAMILLE", "CLEMENT", "COLIN", "CYRIL", "DAMIEN", "DAVID", "DENIS", "EDGAR", "ELIE"),
        *("EMILE", "ETIENNE", "FELIX", "FERNAND", "GABRIEL", "GASPARD", "GUY", "HECTOR", "HENRI"),
        *("HUGO", "JULES", "LEON", "LOUIS", "LUC", "MARC", "MATHIS", "MAXIME", "NOEL", "OSCAR"),
        *("PABLO", "QUENTIN", "RAOUL", "REMI", "ROBERT", "SAMUEL", "SIMON", "THEO", "TRISTAN"),
        *("VICTOR", "YVES", "ZACHARIE", "JEAN-LUC", "JEAN-PAUL", "PIERRE-YVES"),
    ),
}


def plain_name(hasard: random.Random) -> str:
    """Return a birth name of one word."""
    return hasard.choice(_TETES) + hasard.choice(_MILIEUX) + hasard.choice(_FINS)


def foreign_name(hasard: random.Random) -> str:
    """Return a birth name with a foreign particle."""
    return hasard.choice(_ETRANGERS) + plain_name(hasard)


def compound_name(hasard: random.Random) -> str:
    """Return a birth name with an apostrophe, a particle, a hyphen or a double hyphen."""
    premier, second = plain_name(hasard), plain_name(hasard)
    return hasard.choice(
        (
            hasard.choice(_PARTICULES) + premier,
            f"{premier}-{second}",
            f"{premier}--{second}",
            f"{premier} {hasard.choice(_PARTICULES)}{second}",
            f"D'{premier} DE L'{second}",
        )
    )


def first_names(hasard: random.Random, sexe: str, nombre: int = 0) -> tuple[str, ...]:
    """Return first names of birth, one to four when `nombre` does not say."""
    return tuple(hasard.sample(PRENOMS[sexe], nombre or hasard.choice((1, 2, 2, 3, 3, 4))))
