"""Addresses of the identity dialogs."""

from django.urls import path

from ins.views import identite, qualification, verification

urlpatterns = [
    path("vente/<int:vente_id>/identite/", identite.identite, name="ins_identite"),
    path("vente/<int:vente_id>/identite/relancer/", identite.relancer, name="ins_relancer"),
    path("vente/<int:vente_id>/qualifier/", qualification.qualifier, name="ins_qualifier"),
    path("ins/verification/", verification.verifier_lot, name="ins_verifier_lot"),
    path("ins/verification/etat/", verification.verifier_lot_etat, name="ins_verifier_lot_etat"),
    path(
        "ins/verification/<int:verification_id>/",
        verification.verifier_lot_agir,
        name="ins_verifier_lot_agir",
    ),
    path("patients/<int:patient_id>/verifier/", verification.verifier, name="ins_verifier"),
]
