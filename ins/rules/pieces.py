"""Documents shown at the counter: which prove an identity, for whom, and who must come with them.

Nothing is preselected, the one used is recorded (EXI ID 19). Source: ins.md §2.3; INS-07, INS-08.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

MAJORITE = 18


@dataclass(frozen=True)
class Piece:
    """A document: code of the specification, label, confidence, offered by default.

    `enfant`: only for a minor. `representant`: proves only beside the document of a parent or
    guardian, which is recorded too. `suspendue`: kept in the table, offered to nobody.
    """

    code: str
    libelle: str
    niveau: str = "fort"
    affichee: bool = False
    enfant: bool = False
    representant: bool = False
    suspendue: bool = False


PIECES = (
    Piece("CN", "Carte nationale d'identité", affichee=True),
    Piece("PA", "Passeport", affichee=True),
    Piece("CS", "Titre de séjour", affichee=True),
    Piece("LEP", "Livret de famille", affichee=True, enfant=True, representant=True),
    Piece("AN", "Extrait d'acte de naissance", affichee=True, enfant=True, representant=True),
    Piece("eCN", "France Identité"),
    Piece("IN", "Identité Numérique La Poste"),
    Piece("CC", "Document de circulation pour étranger mineur", enfant=True),
    Piece("TC", "Tiers de confiance"),
    Piece("LECV", "Livret de famille et carte Vitale avec photo (entrée directe en EHPAD)"),
    Piece("ANCV", "Acte de naissance et carte Vitale avec photo (entrée directe en EHPAD)"),
    Piece("CIMS", "Carte d'identité professionnelle multiservices"),
    Piece("PC", "Permis de conduire", "faible"),
    Piece("CV", "Carte Vitale", "faible"),
    Piece("DM", "Datamatrix INS, ordonnance ou carte de mutuelle", "faible"),
    # Not a device of the public list: off until RNIV 4 is read (ins.md §2.3, §7 question 8).
    Piece("CONNU", "Patient connu de longue date", "faible", suspendue=True),
)
# Recorded by the software itself, never offered: the appli carte Vitale (ins.md §5.3).
APPLI = Piece("AV", "Appli carte Vitale")
_PAR_CODE = {piece.code: piece for piece in (*PIECES, APPLI)}
# What a parent or guardian may show beside the document of a minor.
REPRESENTANT = ("CN", "PA", "CS")


def piece_get(code: str) -> Piece:
    """Return a document by its code; KeyError when unknown. Source: ins.md §2.3."""
    return _PAR_CODE[code]


def optional() -> tuple[Piece, ...]:
    """Return the documents that are off until the titulaire turns them on.

    Source: ins.md §2.3.
    """
    return tuple(piece for piece in PIECES if not piece.affichee)


def shown(*, mineur: bool = False, ajoutees: Collection[str] = ()) -> tuple[Piece, ...]:
    """Return the documents offered at the counter, those of minors only for a minor.

    `ajoutees`: codes turned on by the officine. Source: INS-07; design.md, « Identity answers ».
    """
    return tuple(
        piece
        for piece in PIECES
        if (piece.affichee or piece.code in ajoutees)
        and not piece.suspendue
        and (mineur or not piece.enfant)
    )


def is_minor(naissance: date | None, jour: date) -> bool:
    """Tell whether someone is under 18 on `jour`; unknown birth: no. Source: INS-08."""
    if naissance is None:
        return False
    age = jour.year - naissance.year - ((jour.month, jour.day) < (naissance.month, naissance.day))
    return age < MAJORITE


def is_proof(piece: Piece, representant: str = "") -> bool:
    """Tell whether a document proves an identity, with the representative's beside it if needed.

    Source: ins.md §2.3, « LEP », « AN »; INS-08; case 86.
    """
    return piece.niveau == "fort" and (not piece.representant or representant in REPRESENTANT)
