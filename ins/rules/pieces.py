"""Documents: four of high confidence are shown; a carte Vitale or a licence proves nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A document: code of the specification, label, confidence, shown by default."""

    code: str
    libelle: str
    niveau: str
    affichee: bool


PIECES = (
    Piece("CN", "Carte nationale d'identité", "fort", affichee=True),
    Piece("PA", "Passeport", "fort", affichee=True),
    Piece("CS", "Titre de séjour", "fort", affichee=True),
    Piece("eCN", "France Identité", "fort", affichee=True),
    Piece("LEP", "Livret de famille et pièce d'un parent", "fort", affichee=False),
    Piece("CC", "Document de circulation pour étranger mineur", "fort", affichee=False),
    Piece("PC", "Permis de conduire", "faible", affichee=False),
    Piece("CV", "Carte Vitale", "faible", affichee=False),
)


def piece_get(code: str) -> Piece:
    """Return a document by its code; KeyError when unknown. Source: ins.md §2.3."""
    for piece in PIECES:
        if piece.code == code:
            return piece
    raise KeyError(code)


def shown() -> tuple[Piece, ...]:
    """Return the documents offered at the counter. Source: design.md, « Identity answers »."""
    return tuple(piece for piece in PIECES if piece.affichee)
