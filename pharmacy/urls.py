"""Addresses of the core."""

from django.urls import path

from pharmacy import api
from pharmacy.views import equipe, flux, parametres, patient, que_dire, session, vente, vitrine

urlpatterns = [
    path("", vente.portail, name="portail"),
    path("connexion/", session.connexion, name="connexion"),
    path("connexion/mot-de-passe/", session.mot_de_passe, name="mot_de_passe"),
    path("deconnexion/", session.deconnexion, name="deconnexion"),
    path("verrouiller/", session.verrouiller, name="verrouiller"),
    path("touches/", vente.touches, name="touches"),
    path("que-dire/", que_dire.que_dire, name="que_dire"),
    path("vente/", vente.courante, name="vente_courante"),
    path("vente/<int:vente_id>/", vente.page, name="vente"),
    path("vente/<int:vente_id>/produits/", vente.produits, name="vente_produits"),
    path("vente/<int:vente_id>/lignes/<int:ligne_id>/", vente.ligne, name="vente_ligne"),
    path(
        "vente/<int:vente_id>/lignes/<int:ligne_id>/exoneration/",
        vente.exoneration,
        name="vente_exoneration",
    ),
    path("vente/<int:vente_id>/retablir/", vente.annuler_retrait, name="vente_retablir"),
    path("vente/<int:vente_id>/fin/", vente.fin, name="vente_fin"),
    path("vente/<int:vente_id>/fin/page/", vente.fin_page, name="vente_fin_page"),
    path("vente/<int:vente_id>/attente/", vente.attente, name="vente_attente"),
    path("vente/<int:vente_id>/reprendre/", vente.reprendre, name="vente_reprendre"),
    path("vente/<int:vente_id>/annuler/", vente.annuler, name="vente_annuler"),
    path("vente/<int:vente_id>/patient/", vente.patient, name="vente_patient"),
    path("vente/<int:vente_id>/prescription/", vente.prescription, name="vente_prescription"),
    path(
        "vente/<int:vente_id>/beneficiaires/<int:recu_id>/",
        vente.beneficiaires,
        name="vente_beneficiaires",
    ),
    path("patients/", patient.liste, name="patients"),
    path("patients/nouveau/", patient.creer, name="patient_creer"),
    path("patients/<int:patient_id>/", patient.fiche, name="patient"),
    path("donnees/", parametres.donnees, name="donnees"),
    path("parametres/officine/", parametres.officine, name="parametres_officine"),
    path("equipe/", equipe.equipe, name="equipe"),
    path("equipe/<int:operateur_id>/debloquer/", equipe.debloquer, name="equipe_debloquer"),
    path(
        "equipe/<int:operateur_id>/reinitialiser/",
        equipe.reinitialiser,
        name="equipe_reinitialiser",
    ),
    path("equipe/postes/<int:poste_id>/ici/", equipe.associer, name="equipe_associer"),
    path("dev/composants", vitrine.composants, name="composants"),
    path("flux", flux.flux, name="flux"),
    path("flux/etat", flux.etat, name="flux_etat"),
    path("sante", api.Sante.as_view(), name="sante"),
    path("api/agent/jetons", api.Jetons.as_view(), name="api_jetons"),
    path("api/agent/presence", api.Presence.as_view(), name="api_presence"),
    path("api/agent/nonces", api.Nonces.as_view(), name="api_nonces"),
    path("api/agent/lectures", api.Lectures.as_view(), name="api_lectures"),
    path("api/agent/carte-retiree", api.CarteRetiree.as_view(), name="api_carte_retiree"),
    path("api/agent/signatures/preparer", api.SignaturePreparer.as_view(), name="api_preparer"),
    path("api/agent/signatures/terminer", api.SignatureTerminer.as_view(), name="api_terminer"),
    path("api/scans", api.Scans.as_view(), name="api_scans"),
]
