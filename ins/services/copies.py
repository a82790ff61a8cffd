"""Encrypted copies of documents: kept only when the titulaire wants it, deleted on their day."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ins.models import CopiePiece, PieceControlee
from ins.reglages import COPIE_MOIS, COPIE_PIECE
from ins.rules.copies import JOURS_SANS_PREUVE, TAILLE_MAX, kind_of, purge_day
from pharmacy import audit, parametres
from pharmacy.acteurs import Acteur
from pharmacy.services.vente import VenteRefusee, check_droit
from pharmacy.verrous import row_locked

DROIT = "ins.copie"


def are_kept(officine_id: int) -> bool:
    """Tell whether the titulaire turned the copies on. Source: INS-37."""
    return parametres.oui(officine_id, COPIE_PIECE)


def copie_add(acteur: Acteur, piece_id: int, octets: bytes) -> CopiePiece:
    """Keep a copy of a document that was shown; it replaces the former one.

    VenteRefusee when copies are off, when the document is not of this officine or proves nothing,
    when the content is too heavy, empty, or neither an image nor a PDF. Source: INS-37.
    """
    check_droit(acteur, DROIT)
    with transaction.atomic():
        siennes = PieceControlee.objects.filter(officine_id=acteur.officine_id)
        piece = row_locked(siennes, piece_id)
        if piece is None:
            raise VenteRefusee("Cette pièce n'existe pas dans votre officine.", "INS-404")
        genre = _check(piece, octets)
        CopiePiece.objects.filter(officine_id=acteur.officine_id, piece=piece).delete()
        mois = parametres.entier(acteur.officine_id, COPIE_MOIS)
        copie = CopiePiece.objects.create(
            officine_id=acteur.officine_id,
            piece=piece,
            contenu=octets,
            genre=genre,
            prise_par_id=acteur.operateur_id,
            purge_le=purge_day(timezone.localdate(), mois),
        )
        audit.note(acteur, "ins.copie_garder", f"piece:{piece.pk}", piece.patient_id)
    return copie


def _check(piece: PieceControlee, octets: bytes) -> str:
    """Return the media type of a copy that may be kept of this document."""
    if not are_kept(piece.officine_id):
        raise VenteRefusee("Votre officine ne garde pas de copie des pièces.", "INS-122")
    if not piece.active:
        raise VenteRefusee(
            "L'identité ne repose plus sur cette pièce : sa copie ne sert à rien.", "INS-125"
        )
    if len(octets) > TAILLE_MAX:
        raise VenteRefusee("Cette copie dépasse 5 Mo : réduisez-la.", "INS-123")
    genre = kind_of(octets)
    if not genre:
        raise VenteRefusee("Choisissez une image (JPEG, PNG) ou un PDF.", "INS-124")
    return genre


def copie_read(acteur: Acteur, copie_id: int) -> CopiePiece:
    """Return a copy, decrypted; reading it is audited. VenteRefusee (404) otherwise."""
    check_droit(acteur, DROIT)
    copie = _get(acteur, copie_id)
    audit.note(acteur, "ins.copie_voir", f"piece:{copie.piece_id}", copie.piece.patient_id)
    return copie


def copie_delete(acteur: Acteur, copie_id: int) -> int:
    """Delete a copy before its day; return the patient it was of."""
    check_droit(acteur, DROIT)
    with transaction.atomic():
        copie = _get(acteur, copie_id)
        audit.note(acteur, "ins.copie_supprimer", f"piece:{copie.piece_id}", copie.piece.patient_id)
        copie.delete()
    return copie.piece.patient_id


def purge_due(officine_id: int) -> int:
    """Delete the copies whose day came; return how many. Call it in the officine's context.

    A copy serves to check again what an identity rests on: once its document proves nothing any
    more, its day is brought forward. Source: INS-37; ins.md §2.3 (our decision).
    """
    with transaction.atomic():
        _bring_forward(officine_id)
        nombre, _ = CopiePiece.objects.filter(
            officine_id=officine_id, purge_le__lt=timezone.localdate() + timedelta(days=1)
        ).delete()
        if nombre:
            audit.note_system(officine_id, "ins.copies_purger", resultat=f"{nombre}")
    return nombre


def _bring_forward(officine_id: int) -> None:
    dernier = timezone.localdate() + timedelta(days=JOURS_SANS_PREUVE)
    caduques = CopiePiece.objects.filter(
        officine_id=officine_id, piece__active=False, purge_le__gt=dernier
    )
    nombre = caduques.update(purge_le=dernier)
    if nombre:
        audit.note_system(officine_id, "ins.copies_avancer", resultat=f"{nombre}")


def _get(acteur: Acteur, copie_id: int) -> CopiePiece:
    copie = (
        CopiePiece.objects.filter(pk=copie_id, officine_id=acteur.officine_id)
        .select_related("piece")
        .first()
    )
    if copie is None:
        raise VenteRefusee("Cette copie n'existe pas ou plus dans votre officine.", "INS-404")
    return copie
