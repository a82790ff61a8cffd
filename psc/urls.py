"""Addresses of Pro Santé Connect, under /psc/ (psc.md §4.3). The callback is declared to the ANS."""

from django.urls import path

from psc.views import ciba, connexion, liens, retour

urlpatterns = [
    path("", connexion.depart, name="psc_depart"),
    path("start/<str:billet>", connexion.billet, name="psc_billet"),
    path("callback", retour.callback, name="psc_retour"),
    path("tentative/", connexion.suivi, name="psc_suivi"),
    path("tentative/<uuid:tentative_id>/annuler", connexion.annuler, name="psc_annuler"),
    path("confirm/<uuid:tentative_id>", retour.confirmer, name="psc_confirmer"),
    path("situation", retour.situation, name="psc_situation"),
    path("ciba", ciba.depart, name="psc_ciba"),
    path("ciba/<uuid:tentative_id>", ciba.attente, name="psc_ciba_attente"),
    path("ciba/<uuid:tentative_id>/annuler", ciba.annuler, name="psc_ciba_annuler"),
    path("e-cps", ciba.e_cps, name="psc_e_cps"),
    path("rattachements/", liens.liste, name="psc_liens"),
    path("rattachements/<int:operateur_id>/", liens.lien, name="psc_lien"),
    path("mon-rattachement/", liens.mon_lien, name="psc_mon_lien"),
]
