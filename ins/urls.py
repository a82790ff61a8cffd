"""Addresses of the identity dialogs."""

from django.urls import path

from ins.views import apcv, identite, qualification, reprise

urlpatterns = [
    path("vente/<int:vente_id>/identite/", identite.identite, name="ins_identite"),
    path("vente/<int:vente_id>/identite/relancer/", identite.relancer, name="ins_relancer"),
    path("vente/<int:vente_id>/qualifier/", qualification.qualifier, name="ins_qualifier"),
    path("donnees/reprise/", reprise.accueil, name="ins_reprise"),
    path("donnees/reprise/<int:import_id>/", reprise.suivi, name="ins_reprise_suivi"),
    path(
        "donnees/reprise/<int:import_id>/confirmer/",
        reprise.confirmer,
        name="ins_reprise_confirmer",
    ),
    path("donnees/reprise/<int:import_id>/annuler/", reprise.annuler, name="ins_reprise_annuler"),
    path(
        "donnees/reprise/<int:import_id>/relancer/", reprise.relancer, name="ins_reprise_relancer"
    ),
    path("donnees/reprise/<int:import_id>/constats.csv", reprise.constats, name="ins_reprise_csv"),
    path("vente/<int:vente_id>/apcv/<int:contexte_id>/", apcv.apcv, name="ins_apcv"),
    path("vente/<int:vente_id>/droits/", apcv.droits, name="ins_droits"),
    path("vente/<int:vente_id>/droits/demander/", apcv.droits_demander, name="ins_droits_demander"),
]
