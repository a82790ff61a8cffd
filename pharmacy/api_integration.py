"""Base of the addresses that other tools read by a key, and those of the core (SEC-06, SEC-15).

The officine comes from the key alone, whatever cookie the request carries; the key's scopes say
what may be read; what shows a sale or a patient leaves a line in the journal, as a person would.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Model, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from pharmacy import audit, contrat, debit, parametres
from pharmacy.http import read_id
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import CleIntegration, LigneDelivrance, Patient, Poste, Vente
from pharmacy.problemes import problem_handler
from pharmacy.services import integrations

PAGE, PAGE_MAX = 50, 200
NUMERO_MAX = 10**18 - 1
PAR_MINUTE = 300
ECHECS_PAR_MINUTE = 60
M = TypeVar("M", bound=Model)


class ParametreRefuse(exceptions.ParseError):
    """A parameter that cannot be read; `parametre` is its name."""

    def __init__(self, parametre: str) -> None:
        super().__init__(parametre)
        self.parametre = parametre


class ParCle(BaseAuthentication):
    """`Authorization: Bearer cpt_…`: a session, a cookie, an address open nothing here."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Return (nobody, the key). AuthenticationFailed whatever is wrong, said once and alike."""
        dite: integrations.CleDite | None = request._request.cle_dite  # type: ignore[attr-defined]  # noqa: SLF001
        cle = integrations.prove(dite, timezone.localdate()) if dite is not None else None
        if cle is None:
            if debit.count(f"echecs:{request.META.get('REMOTE_ADDR')}") > ECHECS_PAR_MINUTE:
                raise exceptions.Throttled(debit.wait_s())
            raise exceptions.AuthenticationFailed
        return AnonymousUser(), cle

    def authenticate_header(self, _request: Request) -> str:
        """Return what a 401 asks for."""
        return 'Bearer realm="comptoir"'


class DansLaPortee(BasePermission):
    """The key may read what this view shows."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the scope of the view, if it has one, is among those of the key."""
        portee: str = view.portee  # type: ignore[attr-defined]
        cle = cast("CleIntegration", request.auth)
        return portee == "" or portee in cle.portees


class ParMinute(BaseThrottle):
    """So many requests a minute by key, over all the processes."""

    def allow_request(self, request: Request, _view: APIView) -> bool:
        """Count this one and tell whether it may go."""
        cle = cast("CleIntegration", request.auth)
        return debit.count(f"cle:{cle.pk}") <= PAR_MINUTE

    def wait(self) -> int:
        """Return the seconds before the next minute."""
        return debit.wait_s()


class VueIntegration(APIView):
    """Base: the key, its officine, refusals as problems, a mark for what did not change.

    `portee` is the scope it needs; empty, any key reads it. `acceptes`: the parameters it
    knows, each once; another one is refused: a filter misspelt would give what was not asked.
    """

    authentication_classes = [ParCle]
    permission_classes = [DansLaPortee]
    throttle_classes = [ParMinute]
    renderer_classes = [JSONRenderer]
    parser_classes: list[Any] = []
    http_method_names = ["get", "head"]
    portee = ""
    acceptes: tuple[str, ...] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """Run the whole view in the officine of the key; without one, in none."""
        dite = integrations.find(request.META.get("HTTP_AUTHORIZATION", ""))
        request.cle_dite = dite  # type: ignore[attr-defined]
        with officine_context(dite.officine_id) if dite else nullcontext():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Prove the key, its scope and its count; then read the names of the parameters."""
        super().initial(request, *args, **kwargs)
        for nom, valeurs in request.GET.lists():
            if nom not in self.acceptes or len(valeurs) != 1:
                raise ParametreRefuse(nom[:60])

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: ANN401
        """Answer JSON, whatever `Accept` says: there is nothing else."""
        del request, force
        rendu = self.get_renderers()[0]
        return rendu, rendu.media_type

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Say refusals as problems."""
        return problem_handler

    def finalize_response(
        self,
        request: Request,
        response: Any,  # noqa: ANN401
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Mark what is answered, and say « nothing new » to who already has it."""
        if response.status_code == 200:
            marque = _mark(response.data)
            if marque in request.META.get("HTTP_IF_NONE_MATCH", ""):
                response = Response(status=304)
            response["ETag"] = marque
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def cle(self) -> CleIntegration:
        """The key of this request (the authentication proved it)."""
        return cast("CleIntegration", self.request.auth)

    def page(self, lignes: QuerySet[M], montre: Callable[[M], dict[str, Any]]) -> Response:
        """Answer a page of rows, the newest first, and the cursor of the next one."""
        limite = self._number("limite", PAGE, PAGE_MAX)
        avant = self._number("curseur", NUMERO_MAX, NUMERO_MAX)
        lues = list(lignes.filter(pk__lt=avant).order_by("-pk")[: limite + 1])
        suite = lues[limite - 1].pk if len(lues) > limite else None
        return Response({"elements": [montre(ligne) for ligne in lues[:limite]], "suite": suite})

    def _number(self, nom: str, defaut: int, maximum: int) -> int:
        brut = self.request.GET.get(nom)
        if brut is None:
            return defaut
        if not 1 <= read_id(brut) <= maximum:
            raise ParametreRefuse(nom)
        return read_id(brut)

    def choice(self, nom: str, permis: list[str]) -> str:
        """Return a parameter that is one of `permis`, or empty when it is not given."""
        valeur = self.request.GET.get(nom)
        if valeur is not None and valeur not in permis:
            raise ParametreRefuse(nom)
        return valeur or ""


def _mark(donnees: object) -> str:
    texte = json.dumps(donnees, sort_keys=True, default=str)
    return f'"{hashlib.sha256(texte.encode()).hexdigest()[:32]}"'


def instant(quand: datetime | None) -> str | None:
    """Return an instant as every address writes it: ISO 8601, in UTC, to the second."""
    if quand is None:
        return None
    return quand.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Postes(VueIntegration):
    """GET: the workstations and their agents."""

    portee = "postes"

    @contrat.integration("Postes", exemple=contrat.POSTES)
    def get(self, _request: Request) -> Response:
        """Answer every workstation that is not revoked."""
        lignes = Poste.objects.filter(officine_id=self.cle.officine_id).exclude(
            etat=Poste.Etat.REVOQUE
        )
        elements = [
            {
                "code": poste.code,
                "libelle": poste.libelle,
                "etat": poste.etat,
                "version_agent": poste.version_agent,
                "vu_le": instant(poste.vu_le),
            }
            for poste in lignes.order_by("code")
        ]
        return Response({"elements": elements})


class Parametres(VueIntegration):
    """GET: the settings of the officine."""

    portee = "parametres"

    @contrat.integration("Parametres", exemple=contrat.PARAMETRES)
    def get(self, _request: Request) -> Response:
        """Answer every setting with the value in force."""
        reglages = parametres.reglage_list()
        valeurs = parametres.valeurs(self.cle.officine_id, *(r.cle for r in reglages))
        elements = [
            {
                "cle": r.cle,
                "libelle": r.libelle,
                "valeur": valeurs[r.cle],
                "defaut": valeurs[r.cle] == r.defaut,
            }
            for r in reglages
        ]
        return Response({"elements": elements})


class Indicateurs(VueIntegration):
    """GET: numbers, and nobody in them."""

    portee = "indicateurs"

    @contrat.integration("Indicateurs", exemple=contrat.INDICATEURS)
    def get(self, _request: Request) -> Response:
        """Answer the files by identity status, and the sales of today by state."""
        officine_id = self.cle.officine_id
        identites = (
            Patient.objects.filter(officine_id=officine_id, actif=True)
            .values_list("statut")
            .annotate(Count("pk"))
        )
        aujourdhui = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        ventes = (
            Vente.objects.filter(officine_id=officine_id)
            .filter(Q(ouverte_le__gte=aujourdhui) | Q(terminee_le__gte=aujourdhui))
            .values_list("etat")
            .annotate(Count("pk"))
        )
        return Response(
            {
                "identites": dict.fromkeys(Patient.Statut.values, 0) | dict(identites),
                "ventes_du_jour": dict.fromkeys(Vente.Etat.values, 0) | dict(ventes),
            }
        )


def _sale(vente: Vente, *, avec_patient: bool) -> dict[str, Any]:
    vue: dict[str, Any] = {
        "id": vente.pk,
        "etat": vente.etat,
        "ouverte_le": instant(vente.ouverte_le),
        "terminee_le": instant(vente.terminee_le),
        "lignes": [
            {
                "cip13": ligne.cip13,
                "libelle": ligne.libelle,
                "quantite": ligne.quantite,
                "prix_centimes": ligne.prix_centimes,
            }
            for ligne in vente.lignes_en_cours  # type: ignore[attr-defined]
        ],
    }
    return vue | {"patient": vente.patient_id} if avec_patient else vue


class VueVentes(VueIntegration):
    """What both addresses of the sales share."""

    portee = "ventes"

    def lignes(self) -> QuerySet[Vente]:
        """Return the sales of the officine, with their products."""
        officine_id = self.cle.officine_id
        produits = LigneDelivrance.objects.filter(officine_id=officine_id, annulee=False)
        return Vente.objects.filter(officine_id=officine_id).prefetch_related(
            Prefetch("lignes", produits.order_by("pk"), to_attr="lignes_en_cours")
        )

    def show(self, vente: Vente) -> dict[str, Any]:
        """Return a sale; the number of its patient only if the key reads patients."""
        return _sale(vente, avec_patient="patients" in self.cle.portees)


class Ventes(VueVentes):
    """GET: the sales, page by page."""

    acceptes = ("curseur", "limite", "etat")

    @contrat.integration("Ventes", exemple=contrat.VENTES, filtres={"etat": Vente.Etat.values})
    def get(self, _request: Request) -> Response:
        """Answer a page of sales. One line in the journal; one more for each patient named."""
        lignes = self.lignes()
        etat = self.choice("etat", Vente.Etat.values)
        reponse = self.page(lignes.filter(etat=etat) if etat else lignes, self.show)
        audit.note_key(self.cle, "vente.lister")
        audit.note_key_each(
            self.cle,
            "vente.voir",
            [(f"vente:{v['id']}", v["patient"]) for v in _with_patient(reponse.data["elements"])],
        )
        return reponse


def _with_patient(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [vue for vue in elements if vue.get("patient") is not None]


class UneVente(VueVentes):
    """GET: one sale."""

    @contrat.integration("Vente", exemple=contrat.VENTE, ident="vente")
    def get(self, _request: Request, ident: str) -> Response:
        """Answer a sale; 404 when it is not the officine's. A line in the journal."""
        vente = self.lignes().filter(pk=read_id(ident)).first()
        if vente is None:
            raise exceptions.NotFound
        vue = self.show(vente)
        audit.note_key(self.cle, "vente.voir", f"vente:{vente.pk}", vue.get("patient"))
        return Response(vue)


class UnPatient(VueIntegration):
    """GET: one file, named by its number; nobody is searched for by name here."""

    portee = "patients"

    @contrat.integration("Patient", exemple=contrat.PATIENT, ident="patient")
    def get(self, _request: Request, ident: str) -> Response:
        """Answer the traits of a file; 404 when it is not the officine's. A line in the journal."""
        patient = Patient.objects.filter(
            officine_id=self.cle.officine_id, pk=read_id(ident)
        ).first()
        if patient is None:
            raise exceptions.NotFound
        audit.note_key(self.cle, "patient.ouvrir", f"patient:{patient.pk}", patient.pk)
        naissance = patient.date_naissance
        return Response(
            {
                "id": patient.pk,
                "nom_naissance": patient.nom_naissance,
                "premier_prenom": patient.premier_prenom,
                "prenoms_naissance": patient.prenoms_naissance,
                "nom_utilise": patient.nom_utilise,
                "prenom_utilise": patient.prenom_utilise,
                "date_naissance": naissance.isoformat() if naissance else None,
                "sexe": patient.sexe,
                "lieu_naissance": patient.cog_naissance,
                "statut": patient.statut,
                "actif": patient.actif,
                "fusionne_dans": patient.fusionne_dans_id,
            }
        )
