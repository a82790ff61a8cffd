"""Addresses of the Ordonnance Numérique."""

from django.urls import path

from ordonnance.views import confirmation, controle, rattachement, saisie

_BASE = "vente/<int:vente_id>/ordonnance/"
_ON = _BASE + "<int:numerique_id>/"

urlpatterns = [
    path(_BASE + "saisie/", saisie.saisie, name="ordonnance_saisie"),
    path(_BASE + "panneau/", saisie.panneau, name="ordonnance_panneau"),
    path(_ON + "relancer/", saisie.relancer, name="ordonnance_relancer"),
    path(_ON + "signer/", saisie.signer, name="ordonnance_signer"),
    path(_ON + "clore/", saisie.clore, name="ordonnance_clore"),
    path(_ON + "papier/", saisie.papier, name="ordonnance_papier"),
    path(_ON + "arreter/", saisie.arreter, name="ordonnance_arreter"),
    path(_ON + "attente/", saisie.attente, name="ordonnance_attente"),
    path(_ON + "confirmation/", confirmation.confirmation, name="ordonnance_confirmation"),
    path(_ON + "renouvellement/", confirmation.renouvellement, name="ordonnance_renouvellement"),
    path(_ON + "rattacher/", rattachement.rattacher, name="ordonnance_rattacher"),
    path(_ON + "controle/", controle.controle, name="ordonnance_controle"),
    path(_ON + "controle/reponses/", controle.reponses, name="ordonnance_reponses"),
    path("ordonnances/a-regulariser/", saisie.a_regulariser, name="ordonnance_a_regulariser"),
]
