"""Two files, one person or two? Compare, merge, say that they are two, undo a merge."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ins.candidats import proche_list
from ins.deux_dossiers import VERDICTS, face_of, fusion_list, pair_get, return_of
from ins.forms import FusionForm
from ins.rules.doublons import PHRASES
from ins.services import doublons, separation
from ins.services import fusion as service
from ins.services.habilitations import peut_identite
from ins.views.commun import acteur_of, first_error, patient_of
from pharmacy import audit
from pharmacy.http import http_methods
from pharmacy.models import Patient
from pharmacy.services.vente import VenteRefusee


@http_methods(read=("GET",), write=("POST",), droit="patient.lire")
def fusion(request: HttpRequest, garde_id: int, absorbe_id: int) -> HttpResponse:
    """GET: both files face to face. POST: made one, the file kept opens."""
    acteur = acteur_of(request)
    deux = pair_get(acteur, garde_id, absorbe_id)
    if request.method == "GET":
        for patient in deux:
            audit.note(acteur, "ins.comparer", f"patient:{patient.pk}", patient)
        return _render(request, deux)
    form = FusionForm(request.POST)
    if not form.is_valid():
        return _render(request, deux, first_error(form))
    garde = form.cleaned_data["garde"]
    absorbe = {p.pk for p in deux} - {garde}
    if len(absorbe) != 1:
        return _render(request, deux, "Choisissez le dossier que vous gardez.")
    try:
        service.merge(acteur, garde, absorbe.pop(), form.choix)
    except VenteRefusee as exc:
        if exc.code.endswith("404"):
            raise
        return _render(request, deux, f"{exc.phrase} ({exc.code})")
    return redirect("ins_proches", patient_id=garde)


def _render(request: HttpRequest, deux: tuple[Patient, Patient], erreur: str = "") -> HttpResponse:
    decision = peut_identite(acteur_of(request), "ins.fusionner")
    contexte = {
        "face": face_of(*deux, request.POST),
        "motifs": list(service.MOTIFS.items()),
        "decision": decision,
        "donnees": request.POST,
        "erreur": erreur,
    }
    return render(request, "ins/fusion.html", contexte, status=422 if erreur else 200)


@http_methods(write=("POST",), droit="ins.taches")
def ecarter(request: HttpRequest, garde_id: int, absorbe_id: int) -> HttpResponse:
    """Two people: the pair is put aside for good, marked homonymes or not."""
    acteur = acteur_of(request)
    doublons.put_aside(acteur, garde_id, absorbe_id, request.POST.get("issue", ""))
    return redirect("ins_proches", patient_id=garde_id)


@http_methods(read=("GET",), droit="patient.lire")
def proches(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Files near one file, and the merges it went through."""
    acteur = acteur_of(request)
    patient = patient_of(request, patient_id)
    audit.note(acteur, "ins.proches", f"patient:{patient.pk}", patient)
    lignes = [
        {
            "patient": proche.patient,
            "score": proche.rapprochement.score,
            "phrase": VERDICTS[proche.rapprochement.verdict][0],
            "indices": ", ".join(PHRASES[i] for i in proche.rapprochement.indices),
        }
        for proche in (proche_list(patient) if patient.actif else [])
    ]
    contexte = {"patient": patient, "lignes": lignes, "fusions": fusion_list(acteur, patient)}
    return render(request, "ins/proches.html", contexte)


@http_methods(read=("GET",), droit="ins.fusionner")
def fusions(request: HttpRequest) -> HttpResponse:
    """The merges of the officine: who, when, until when each may be undone."""
    acteur = acteur_of(request)
    audit.note(acteur, "ins.fusions")
    return render(request, "ins/fusions.html", {"fusions": fusion_list(acteur)})


@http_methods(read=("GET",), write=("POST",), droit="ins.fusionner")
def annuler(request: HttpRequest, fusion_id: int) -> HttpResponse:
    """GET: what goes back and what stays. POST: undone."""
    acteur = acteur_of(request)
    faite = separation.fusion_get(acteur, fusion_id)
    if request.method == "POST":
        separation.separate(acteur, fusion_id)
        return redirect("ins_proches", patient_id=faite.garde_id)
    for patient in (faite.garde, faite.absorbe):
        audit.note(acteur, "ins.fusion.voir", f"fusion:{faite.pk}", patient)
    return render(request, "ins/fusion_annuler.html", {"retour": return_of(faite)})
