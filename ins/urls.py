"""Addresses of the identity dialogs."""

from django.urls import path

from ins.views import fusion, identite, qualification

urlpatterns = [
    path("vente/<int:vente_id>/identite/", identite.identite, name="ins_identite"),
    path("vente/<int:vente_id>/identite/relancer/", identite.relancer, name="ins_relancer"),
    path("vente/<int:vente_id>/qualifier/", qualification.qualifier, name="ins_qualifier"),
    path("patient/<int:patient_id>/proches/", fusion.proches, name="ins_proches"),
    path("patient/<int:garde_id>/fusion/<int:absorbe_id>/", fusion.fusion, name="ins_fusion"),
    path(
        "patient/<int:garde_id>/fusion/<int:absorbe_id>/ecarter/",
        fusion.ecarter,
        name="ins_ecarter",
    ),
    path("fusions/", fusion.fusions, name="ins_fusions"),
    path("fusions/<int:fusion_id>/annuler/", fusion.annuler, name="ins_fusion_annuler"),
]
