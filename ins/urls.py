"""Addresses of the identity dialogs."""

from django.urls import path

from ins.views import apcv, identite, qualification

urlpatterns = [
    path("vente/<int:vente_id>/identite/", identite.identite, name="ins_identite"),
    path("vente/<int:vente_id>/identite/relancer/", identite.relancer, name="ins_relancer"),
    path("vente/<int:vente_id>/qualifier/", qualification.qualifier, name="ins_qualifier"),
    path("vente/<int:vente_id>/apcv/<int:contexte_id>/", apcv.apcv, name="ins_apcv"),
    path("vente/<int:vente_id>/droits/", apcv.droits, name="ins_droits"),
    path("vente/<int:vente_id>/droits/demander/", apcv.droits_demander, name="ins_droits_demander"),
]
