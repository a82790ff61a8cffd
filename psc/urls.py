"""Addresses of Pro Santé Connect, under /psc/. The callback is declared to the ANS."""

from django.urls import path

from psc.views import ciba, connexion, liens, recue, retour, sante, session

urlpatterns = [
    path("", connexion.depart, name="psc_depart"),
    path("start/<str:billet>", connexion.billet, name="psc_billet"),
    path("callback", retour.callback, name="psc_retour"),
    path("tentative/", connexion.suivi, name="psc_suivi"),
    path("tentative/<uuid:tentative_id>/annuler", connexion.annuler, name="psc_annuler"),
    path("confirm/<uuid:tentative_id>", retour.confirmer, name="psc_confirmer"),
    path("etat", session.etat, name="psc_etat"),
    path("quitter", session.quitter, name="psc_quitter"),
    path("keep", session.garder, name="psc_garder"),
    path("disconnect", session.deconnecter, name="psc_deconnecter"),
    path("bye", session.fin, name="psc_fin"),
    path("backchannel-logout", recue.deconnexion_recue, name="psc_deconnexion_recue"),
    path("sessions/", session.liste, name="psc_sessions"),
    path("sessions/<uuid:psc_id>/fermer/", session.fermer, name="psc_session_fermer"),
    path("health", sante.sante, name="psc_sante"),
    path("situation", retour.situation, name="psc_situation"),
    path("ciba", ciba.depart, name="psc_ciba"),
    path("ciba/<uuid:tentative_id>", ciba.attente, name="psc_ciba_attente"),
    path("ciba/<uuid:tentative_id>/annuler", ciba.annuler, name="psc_ciba_annuler"),
    path("e-cps", ciba.e_cps, name="psc_e_cps"),
    path("rattachements/", liens.liste, name="psc_liens"),
    path("rattachements/<int:operateur_id>/", liens.lien, name="psc_lien"),
    path("mon-rattachement/", liens.mon_lien, name="psc_mon_lien"),
]
