"""Copies of documents on the identity page: keep one, see it, delete it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ins.models import PieceControlee
from ins.rules.copies import TAILLE_MAX
from ins.services import copies as service
from ins.views.commun import acteur_of
from pharmacy.http import http_methods


@http_methods(write=("POST",), droit="ins.copie")
def garder(request: HttpRequest, piece_id: int) -> HttpResponse:
    """Keep the file that was chosen, encrypted."""
    acteur, fichier = acteur_of(request), request.FILES.get("copie")
    # Read no more than what may be kept: the service says that it is too much.
    copie = service.copie_add(acteur, piece_id, fichier.read(TAILLE_MAX + 1) if fichier else b"")
    piece = PieceControlee.objects.only("patient_id").get(
        pk=copie.piece_id, officine_id=acteur.officine_id
    )
    return redirect("ins_fiche", patient_id=piece.patient_id)


@http_methods(read=("GET",), droit="ins.copie")
def voir(request: HttpRequest, copie_id: int) -> HttpResponse:
    """Return the copy as a file to save: never opened in a page of ours, kept by no cache."""
    copie = service.copie_read(acteur_of(request), copie_id)
    reponse = HttpResponse(copie.contenu, content_type=copie.genre)
    extension = copie.genre.rpartition("/")[2]
    reponse["Content-Disposition"] = f'attachment; filename="copie-{copie.pk}.{extension}"'
    reponse["Content-Security-Policy"] = "sandbox"
    reponse["X-Content-Type-Options"] = "nosniff"
    reponse["Cache-Control"] = "no-store"
    return reponse


@http_methods(write=("POST",), droit="ins.copie")
def supprimer(request: HttpRequest, copie_id: int) -> HttpResponse:
    """Delete it before its day."""
    return redirect("ins_fiche", patient_id=service.copie_delete(acteur_of(request), copie_id))
