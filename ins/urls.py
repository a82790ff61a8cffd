"""Addresses of the identity dialogs."""

from django.urls import path

from ins.views import (
    apcv,
    code_ins,
    dossier,
    etiquette,
    identite,
    qualification,
    reprise,
    traits,
    verification,
)

urlpatterns = [
    path("vente/<int:vente_id>/insi/traits/", traits.traits, name="ins_traits"),
    path("vente/<int:vente_id>/insi/suite/", traits.suite, name="ins_suite"),
    path("patients/<int:patient_id>/insi/", dossier.appels, name="ins_appels"),
    path("patients/<int:patient_id>/insi/traits/", traits.traits, name="ins_patient_traits"),
    path("patients/<int:patient_id>/insi/suite/", traits.suite, name="ins_patient_suite"),
    path("patients/<int:patient_id>/insi/reponse/", identite.identite, name="ins_patient_identite"),
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
    path("vente/<int:vente_id>/code-ins/verifier/", code_ins.verifier_lue, name="ins_verifier_lue"),
    path("vente/<int:vente_id>/code-ins/<int:lecture_id>/", code_ins.code_ins, name="ins_code_ins"),
    path("ins/verification/", verification.verifier_lot, name="ins_verifier_lot"),
    path("ins/verification/etat/", verification.verifier_lot_etat, name="ins_verifier_lot_etat"),
    path(
        "ins/verification/<int:verification_id>/",
        verification.verifier_lot_agir,
        name="ins_verifier_lot_agir",
    ),
    path("patients/<int:patient_id>/etiquette/", etiquette.etiquette, name="ins_etiquette"),
    path("patients/<int:patient_id>/verifier/", verification.verifier, name="ins_verifier"),
]
