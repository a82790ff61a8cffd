"""INSi from a patient's file, outside any sale: the last call, what was asked, by whom (INS-35)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ins.panneau import known
from ins.selectors import appel_list
from ins.views.commun import acteur_of
from ins.views.sujet import get_sujet
from pharmacy import audit
from pharmacy.http import http_methods


@http_methods(read=("GET",), droit="ins.appeler")
def appels(request: HttpRequest, patient_id: int) -> HttpResponse:
    """The calls made for a file; the fragment polls itself while an answer is awaited."""
    sujet = get_sujet(request, 0, patient_id)
    assert sujet.patient is not None  # noqa: S101 - get_sujet refuses an address without file
    audit.note(acteur_of(request), "ins.appels.voir", sujet.nom, sujet.patient)
    contexte = {
        "patient": sujet.patient,
        "vente": None,
        "liens": sujet.liens,
        "appels": list(appel_list(sujet.patient)),
        **known(sujet.patient),
    }
    fragment = request.headers.get("HX-Request")
    return render(request, "ins/_appels.html" if fragment else "ins/appels.html", contexte)
