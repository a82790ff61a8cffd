"""What other tools read of the services and of the queue, by a key: no patient, no content."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from pharmacy import contrat
from pharmacy.api_integration import VueIntegration, instant
from pharmacy.http import read_id
from teleservices.etats import CODES_CARTE
from teleservices.models import Disjoncteur, Envoi
from teleservices.registre import handler_list

ATTENDENT = (Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL, Envoi.Etat.REFUSE, Envoi.Etat.INCERTAIN)
ETATS_SERVICE = ["disponible", "en_pause", "a_regler", "inconnu"]

contrat.COMPOSANTS |= {
    "Services": contrat.rows(
        contrat.record(
            service=contrat.TEXTE,
            etat=contrat.one_of(ETATS_SERVICE),
            dernier_succes=contrat.INSTANT_OU_RIEN,
            dernier_echec=contrat.INSTANT_OU_RIEN,
            dernier_code=contrat.TEXTE,
            en_attente=contrat.ENTIER,
            plus_ancien_s=contrat.ENTIER_OU_RIEN,
        )
    ),
    "File": contrat.rows(
        contrat.record(
            service=contrat.TEXTE,
            etat=contrat.one_of([str(e) for e in ATTENDENT]),
            nombre=contrat.ENTIER,
            plus_ancien_s=contrat.ENTIER,
            attend_carte=contrat.ENTIER,
        )
    ),
    "Envoi": contrat.record(
        id=contrat.ENTIER,
        service=contrat.TEXTE,
        operation=contrat.TEXTE,
        etat=contrat.one_of(Envoi.Etat.values),
        file=contrat.one_of(Envoi.File.values),
        attend_carte=contrat.OUI_NON,
        tentatives=contrat.ENTIER,
        dernier_code=contrat.TEXTE,
        cree_le=contrat.INSTANT,
        pas_avant=contrat.INSTANT_OU_RIEN,
        regle_le=contrat.INSTANT_OU_RIEN,
    ),
    "Envois": contrat.page(contrat.ref("Envoi")),
}
_INSTANT = "2026-11-25T08:30:00Z"
_SERVICES = {
    "elements": [
        {
            "service": "insi",
            "etat": "disponible",
            "dernier_succes": _INSTANT,
            "dernier_echec": None,
            "dernier_code": "",
            "en_attente": 2,
            "plus_ancien_s": 40,
        }
    ]
}
_FILE = {
    "elements": [
        {
            "service": "epu",
            "etat": "a_envoyer",
            "nombre": 3,
            "plus_ancien_s": 5400,
            "attend_carte": 2,
        }
    ]
}
_ENVOI = {
    "id": 310,
    "service": "epu",
    "operation": "epu.executer",
    "etat": "a_envoyer",
    "file": "lots",
    "attend_carte": True,
    "tentatives": 1,
    "dernier_code": "carte_absente",
    "cree_le": _INSTANT,
    "pas_avant": _INSTANT,
    "regle_le": None,
}


def _age(depuis: datetime | None, maintenant: datetime) -> int | None:
    return None if depuis is None else max(0, int((maintenant - depuis).total_seconds()))


def state_of(ligne: Disjoncteur | None, maintenant: datetime) -> str:
    """Return what real traffic says of a service: one of ETATS_SERVICE (TIT-09)."""
    if ligne is None:
        return "inconnu"
    if ligne.a_regler:
        return "a_regler"
    if ligne.ouvert_jusqua is not None and ligne.ouvert_jusqua > maintenant:
        return "en_pause"
    return "disponible" if ligne.dernier_succes is not None else "inconnu"


class Services(VueIntegration):
    """GET: each national service, as real traffic shows it (TIT-09)."""

    portee = "services"

    @contrat.integration("Services", exemple=_SERVICES)
    def get(self, _request: Request) -> Response:
        """Answer every service this installation knows."""
        maintenant = timezone.now()
        vus = {
            ligne.service: ligne
            for ligne in Disjoncteur.objects.filter(environnement=settings.ENVIRONNEMENT)
        }
        attentes: dict[str, Any] = {
            ligne["service"]: ligne
            for ligne in Envoi.objects.filter(
                officine_id=self.cle.officine_id, lecture=False, etat__in=ATTENDENT
            )
            .values("service")
            .annotate(nombre=Count("pk"), premier=Min("cree_le"))
        }
        noms = sorted({h.service for h in handler_list()} | set(vus) | set(attentes))
        return Response(
            {"elements": [_service(n, vus.get(n), attentes.get(n), maintenant) for n in noms]}
        )


def _service(
    nom: str,
    vu: Disjoncteur | None,
    attente: Any,  # noqa: ANN401 - a row of numbers
    maintenant: datetime,
) -> dict[str, Any]:
    return {
        "service": nom,
        "etat": state_of(vu, maintenant),
        "dernier_succes": instant(vu.dernier_succes) if vu else None,
        "dernier_echec": instant(vu.dernier_echec) if vu else None,
        "dernier_code": vu.dernier_code if vu else "",
        "en_attente": attente["nombre"] if attente else 0,
        "plus_ancien_s": _age(attente["premier"], maintenant) if attente else None,
    }


class File(VueIntegration):
    """GET: how many sendings wait, by service and state, and for how long the oldest has."""

    portee = "file"

    @contrat.integration("File", exemple=_FILE)
    def get(self, _request: Request) -> Response:
        """Answer one row by service and state."""
        maintenant = timezone.now()
        lignes = (
            Envoi.objects.filter(
                officine_id=self.cle.officine_id, lecture=False, etat__in=ATTENDENT
            )
            .values("service", "etat")
            .annotate(
                nombre=Count("pk"),
                premier=Min("cree_le"),
                carte=Count(
                    "pk", filter=Q(etat=Envoi.Etat.A_ENVOYER, dernier_code__in=CODES_CARTE)
                ),
            )
            .order_by("service", "etat")
        )
        elements = [
            {
                "service": ligne["service"],
                "etat": ligne["etat"],
                "nombre": ligne["nombre"],
                "plus_ancien_s": _age(ligne["premier"], maintenant),
                "attend_carte": ligne["carte"],
            }
            for ligne in lignes
        ]
        return Response({"elements": elements})


def _show(envoi: Envoi) -> dict[str, Any]:
    return {
        "id": envoi.pk,
        "service": envoi.service,
        "operation": envoi.operation,
        "etat": envoi.etat,
        "file": envoi.file,
        "attend_carte": envoi.attend_carte,
        "tentatives": envoi.tentatives,
        "dernier_code": envoi.dernier_code,
        "cree_le": instant(envoi.cree_le),
        "pas_avant": instant(envoi.pas_avant),
        "regle_le": instant(envoi.regle_le),
    }


class Envois(VueIntegration):
    """GET: the sendings, page by page: who they are about is not said."""

    portee = "file"
    acceptes = ("curseur", "limite", "etat")

    @contrat.integration(
        "Envois",
        exemple={"elements": [_ENVOI], "suite": None},
        filtres={"etat": Envoi.Etat.values},
    )
    def get(self, _request: Request) -> Response:
        """Answer a page of sendings, the body and the traces left unread."""
        lignes = Envoi.objects.filter(officine_id=self.cle.officine_id, lecture=False)
        etat = self.choice("etat", Envoi.Etat.values)
        if etat:
            lignes = lignes.filter(etat=etat)
        return self.page(lignes.defer("corps"), _show)


class UnEnvoi(VueIntegration):
    """GET: one sending."""

    portee = "file"

    @contrat.integration("Envoi", exemple=_ENVOI, ident="envoi")
    def get(self, _request: Request, ident: str) -> Response:
        """Answer a sending; 404 when it is not the officine's."""
        envoi = (
            Envoi.objects.filter(officine_id=self.cle.officine_id, lecture=False, pk=read_id(ident))
            .defer("corps")
            .first()
        )
        if envoi is None:
            raise exceptions.NotFound
        return Response(_show(envoi))
