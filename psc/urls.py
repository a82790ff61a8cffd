"""Addresses of Pro Santé Connect (psc.md §4.3). Those of its own callback are declared to the ANS."""

from django.urls import path

from psc.views import connexion, retour

urlpatterns = [
    path("psc/", connexion.depart, name="psc_depart"),
    path("psc/start/<str:billet>", connexion.billet, name="psc_billet"),
    path("psc/callback", retour.callback, name="psc_retour"),
    path("psc/tentative/", connexion.suivi, name="psc_suivi"),
    path("psc/tentative/<uuid:tentative_id>/annuler", connexion.annuler, name="psc_annuler"),
    path("psc/confirm/<uuid:tentative_id>", retour.confirmer, name="psc_confirmer"),
    path("psc/situation", retour.situation, name="psc_situation"),
]
