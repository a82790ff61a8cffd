"""Signing in, changing operator, locking."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from pharmacy import audit
from pharmacy.acteurs import peut
from pharmacy.events import SessionFermee, publish
from pharmacy.forms import ConnexionForm, MotDePasseForm
from pharmacy.http import http_methods
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import COOKIE_POSTE, officine_of_finess, poste_cookie_build
from pharmacy.models import Officine, Operateur, Poste
from pharmacy.models.habilitation import ecarts_of_row
from pharmacy.services import connexion as service
from pharmacy.services import sessions
from pharmacy.session.accueil import notice_of
from pharmacy.session.middleware import acteur_of
from pharmacy.session.verrou import note_lock

COOKIE_S = 400 * 24 * 3600
A_CHANGER = "mot_de_passe_a_changer"
CHANGER_S = 600


def _suite(request: HttpRequest) -> str:
    voulu = request.POST.get("suite") or request.GET.get("suite") or ""
    sur = url_has_allowed_host_and_scheme(voulu, allowed_hosts={request.get_host()})
    return voulu if sur and voulu.startswith("/") and voulu != "/connexion/" else "/vente/"


def _poste_automatique(request: HttpRequest) -> Poste | None:
    """In the `simulateur` environment, this machine's browser is the demonstration poste."""
    if not settings.POSTE_AUTOMATIQUE or request.META.get("REMOTE_ADDR") not in {
        "127.0.0.1",
        "",
        None,
    }:
        return None
    officine_id = officine_of_finess(settings.FINESS_DEMONSTRATION)
    if officine_id is None:
        return None
    with officine_context(officine_id):
        return Poste.objects.filter(
            officine_id=officine_id, code=settings.POSTE_AUTOMATIQUE
        ).first()


def _render(
    request: HttpRequest, form: ConnexionForm, poste: Poste | None, statut: int = 200
) -> HttpResponse:
    operateurs = []
    officine = None
    if poste is not None:
        officine = Officine.objects.filter(pk=poste.officine_id).first()
        operateurs = list(
            Operateur.objects.en_poste().filter(officine_id=poste.officine_id).order_by("code")
        )
    verrouille = bool(request.session.get("verrouillee"))
    return render(
        request,
        "pharmacy/connexion.html",
        {
            "form": form,
            "operateurs": operateurs,
            "officine": officine,
            "poste": poste,
            "suite": _suite(request),
            "verrouille": verrouille,
            "mot_de_passe": form.mot_de_passe_requis
            or "mot_de_passe" in request.GET
            or "mot_de_passe" in request.POST
            or not service.is_poste_ouvert(poste, timezone.now()),
        },
        status=statut,
    )


@http_methods(read=("GET",), write=("POST",))
def connexion(request: HttpRequest) -> HttpResponse:
    """The sign-in page: operators of the day, code, then PIN or password."""
    poste: Poste | None = request.poste  # type: ignore[attr-defined]
    nouveau = None
    if poste is None and (nouveau := _poste_automatique(request)) is not None:
        poste = nouveau
    officine_id = poste.officine_id if poste else None
    if request.method == "POST" and officine_id is None:
        officine_id = officine_of_finess(request.POST.get("finess", "")[:9])
    if officine_id is None:
        form = ConnexionForm(finess_requis=True)
        if request.method == "POST":
            form.refuse("Ce FINESS n'est pas celui d'une officine ouverte ici.")
        return _render(request, form, None, 422 if request.method == "POST" else 200)
    with officine_context(officine_id):
        reponse = _connexion_in(request, officine_id, poste)
    if nouveau is not None:
        make_poste(reponse, nouveau)
    return reponse


def make_poste(reponse: HttpResponse, poste: Poste) -> None:
    """Make the browser that receives `reponse` this workstation."""
    reponse.set_cookie(
        COOKIE_POSTE,
        poste_cookie_build(poste.officine_id, poste.pk),
        max_age=COOKIE_S,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _connexion_in(request: HttpRequest, officine_id: int, poste: Poste | None) -> HttpResponse:
    if request.method == "GET":
        return _render(request, _blank_form(officine_id, poste), poste)
    form = ConnexionForm(request.POST, finess_requis=poste is None)
    if not form.is_valid():
        return _render(request, form, poste, 422)
    try:
        operateur = service.authenticate(officine_id, poste, form.identifiants)
    except service.ConnexionRefusee as exc:
        form.refuse(exc.phrase, mot_de_passe=exc.mot_de_passe_requis)
        return _render(request, form, poste, 422)
    if service.must_change(operateur, form.identifiants):
        return _ask_new(request, operateur)
    open_session(request, operateur, par_mot_de_passe=bool(form.identifiants.mot_de_passe))
    return redirect(_first_page(request, operateur))


def _blank_form(officine_id: int, poste: Poste | None) -> ConnexionForm:
    """Return the form as it opens: a suspended officine is told before anything is typed."""
    form = ConnexionForm(finess_requis=poste is None)
    if Officine.objects.filter(pk=officine_id, active=False).exists():
        form.refuse(service.SUSPENDUE)
    return form


def _ask_new(request: HttpRequest, operateur: Operateur) -> HttpResponse:
    """Keep who must change their password; nobody is signed in by it."""
    request.session.cycle_key()
    request.session["officine"] = operateur.officine_id
    request.session[A_CHANGER] = [operateur.pk, timezone.now().timestamp() + CHANGER_S]
    return redirect("/connexion/mot-de-passe/?" + urlencode({"suite": _suite(request)}))


@http_methods(read=("GET",), write=("POST",))
def mot_de_passe(request: HttpRequest) -> HttpResponse:
    """The temporary password is replaced before the session opens."""
    operateur_id, jusqua = request.session.get(A_CHANGER, (0, 0.0))
    operateur = (
        Operateur.objects.en_poste()
        .filter(
            officine_id=request.session.get("officine", 0),
            pk=operateur_id,
            mot_de_passe_temporaire=True,
        )
        .annotate(ecarts=ecarts_of_row())
        .first()
    )
    if operateur is None or jusqua < timezone.now().timestamp():
        return redirect("/connexion/")
    form = MotDePasseForm(request.POST or None, pin_requis=not operateur.pin)
    if form.is_valid():
        try:
            service.change_temporaire(
                operateur,
                request.poste,  # type: ignore[attr-defined]
                form.cleaned_data["nouveau"],
                form.cleaned_data["pin"],
            )
        except ValidationError as exc:
            form.add_error("nouveau", exc)
        else:
            open_session(request, operateur, par_mot_de_passe=True)
            return redirect(_first_page(request, operateur))
    return render(
        request,
        "pharmacy/mot_de_passe.html",
        {"form": form, "operateur": operateur, "suite": _suite(request)},
        status=422 if request.method == "POST" else 200,
    )


def open_session(
    request: HttpRequest, operateur: Operateur, *, par_mot_de_passe: bool = False
) -> None:
    """Open the session of an operator under a new key; a colleague's ends first, and wholly."""
    precedent = request.user if isinstance(request.user, Operateur) else None
    if precedent is not None and precedent.pk != operateur.pk:
        _close(request, precedent, "changement")
    ancienne = request.session.session_key
    login(request, operateur, backend="pharmacy.session.backend.OperateurBackend")
    request.session.pop(A_CHANGER, None)
    request.session["officine"] = operateur.officine_id
    request.session["verrouillee"] = False
    request.session["activite"] = timezone.now().timestamp()
    request.session.save()  # its key is known from here
    poste: Poste | None = request.poste  # type: ignore[attr-defined]
    cle = str(request.session.session_key)
    sessions.note_opening(operateur, poste, cle, ancienne, par_mot_de_passe=par_mot_de_passe)


def _first_page(request: HttpRequest, operateur: Operateur) -> str:
    """Return where to go once signed in: who sells nothing does not start at the sale."""
    suite = _suite(request)
    acteur = acteur_of(operateur, request.poste)  # type: ignore[attr-defined]
    if suite == "/vente/" and not peut(acteur, "vente").ok:
        suite = "/"
    avis = notice_of(operateur)
    return f"{avis}?{urlencode({'suite': suite})}" if avis else suite


def _close(request: HttpRequest, operateur: Operateur, motif: str = "fermeture") -> None:
    acteur = acteur_of(operateur, request.poste)  # type: ignore[attr-defined]
    with transaction.atomic():
        audit.note(acteur, "session.fermer")
        sessions.forget(acteur.officine_id, request.session.session_key)
        publish(SessionFermee(acteur, motif))


@http_methods(write=("POST",))
def deconnexion(request: HttpRequest) -> HttpResponse:
    """Close the session; the sale stays on the poste."""
    if isinstance(request.user, Operateur):
        _close(request, request.user)
    logout(request)
    return redirect("/connexion/")


@http_methods(write=("POST",))
def verrouiller(request: HttpRequest) -> HttpResponse:
    """Lock, or hand over to a colleague: the same screen comes back after the code."""
    if isinstance(request.user, Operateur) and not request.session.get("verrouillee"):
        request.session["verrouillee"] = True
        note_lock(acteur_of(request.user, request.poste))  # type: ignore[attr-defined]
    return redirect("/connexion/?" + urlencode({"suite": _suite(request)}))
