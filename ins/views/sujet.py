"""Whom an INSi screen is about: the person of a sale, a sale without file, or a file alone."""

from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from ins.models import AppelInsi
from ins.selectors import appel_last, appel_of_vente
from ins.services.appels import Cible
from ins.views.commun import acteur_of, vente_of
from pharmacy.models import Patient, Vente
from pharmacy.services.vente import VenteRefusee
from pharmacy.views.vente import aller


@dataclass(frozen=True)
class Sujet:
    """A sale, with its patient or none; or a patient's file outside any sale."""

    vente: Vente | None = None
    patient: Patient | None = field(default=None, repr=False)

    @property
    def cible(self) -> Cible:
        """Return what the services take."""
        return Cible(
            self.vente.pk if self.vente else None, self.patient.pk if self.patient else None
        )

    @property
    def nom(self) -> str:
        """Return how the audit names it."""
        if self.vente is not None:
            return f"vente:{self.vente.pk}"
        return f"patient:{self.patient.pk if self.patient else 0}"

    @property
    def liens(self) -> dict[str, str]:
        """Return the addresses of its screens."""
        return {nom: self.url(nom) for nom in ("traits", "suite", "identite", "retour")}

    def url(self, nom: str) -> str:
        """Return the address of one screen; « retour » is where its dialogs were opened."""
        if self.vente is not None:
            return reverse("vente" if nom == "retour" else f"ins_{nom}", args=[self.vente.pk])
        pk = self.patient.pk if self.patient else 0
        return reverse("ins_appels" if nom == "retour" else f"ins_patient_{nom}", args=[pk])

    def appel(self) -> AppelInsi | None:
        """Return the last call about it."""
        if self.patient is not None:
            return appel_last(self.patient)
        if self.vente is not None:
            return appel_of_vente(self.vente.officine_id, self.vente.pk)
        return None


def get_sujet(request: HttpRequest, vente_id: int, patient_id: int) -> Sujet:
    """Return the subject of an address, of the officine. VenteRefusee (404) otherwise."""
    if vente_id:
        vente = vente_of(request, vente_id)
        return Sujet(vente, vente.patient)
    patient = Patient.objects.filter(
        pk=patient_id, officine_id=acteur_of(request).officine_id, actif=True
    ).first()
    if patient is None:
        raise VenteRefusee("Ce dossier n'existe pas dans votre officine.", "PAT-404")
    return Sujet(None, patient)


def leave(request: HttpRequest, sujet: Sujet) -> HttpResponse:
    """Close the dialog (the stream refreshes the sale), or go back to where it was opened."""
    if sujet.vente is not None and request.headers.get("HX-Request"):
        return HttpResponse("")
    if sujet.vente is None:
        return aller(request, sujet.url("retour"))
    return redirect(sujet.url("retour"))
