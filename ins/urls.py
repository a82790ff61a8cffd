"""Addresses of the identity dialogs."""

from django.urls import path

from ins.views import (
    actes,
    apcv,
    code_ins,
    copies,
    dossier,
    etiquette,
    fiche,
    fusion,
    identite,
    modification,
    qualification,
    reprise,
    sans_ins,
    taches,
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
    path("patient/<int:patient_id>/proches/", fusion.proches, name="ins_proches"),
    path("patient/<int:garde_id>/fusion/<int:absorbe_id>/", fusion.fusion, name="ins_fusion"),
    path(
        "patient/<int:garde_id>/fusion/<int:absorbe_id>/ecarter/",
        fusion.ecarter,
        name="ins_ecarter",
    ),
    path("fusions/", fusion.fusions, name="ins_fusions"),
    path("fusions/<int:fusion_id>/annuler/", fusion.annuler, name="ins_fusion_annuler"),
    path("vente/<int:vente_id>/sans-ins/", sans_ins.sans_ins_vente, name="ins_sans_ins_vente"),
    path("patients/<int:patient_id>/identite/", fiche.fiche, name="ins_fiche"),
    path(
        "patients/<int:patient_id>/identite/qualifier/",
        qualification.qualifier_fiche,
        name="ins_fiche_qualifier",
    ),
    path(
        "patients/<int:patient_id>/identite/traits/",
        modification.traits,
        name="ins_modifier_traits",
    ),
    path(
        "patients/<int:patient_id>/identite/sans-ins/", sans_ins.sans_ins_fiche, name="ins_sans_ins"
    ),
    path("patients/<int:patient_id>/identite/actes/<slug:acte>/", actes.acte, name="ins_acte"),
    path("identites/pieces/<int:piece_id>/copie/", copies.garder, name="ins_copie_garder"),
    path("identites/copies/<int:copie_id>/", copies.voir, name="ins_copie"),
    path(
        "identites/copies/<int:copie_id>/supprimer/",
        copies.supprimer,
        name="ins_copie_supprimer",
    ),
    path("identites/", taches.liste, name="ins_taches"),
    path("identites/<int:tache_id>/clore/", taches.clore, name="ins_tache_clore"),
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
