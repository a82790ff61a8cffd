"""Addresses of the identity dialogs."""

from django.urls import path

from ins import views

urlpatterns = [
    path("vente/<int:vente_id>/identite/", views.identite, name="ins_identite"),
    path("vente/<int:vente_id>/identite/relancer/", views.relancer, name="ins_relancer"),
    path("vente/<int:vente_id>/qualifier/", views.qualifier, name="ins_qualifier"),
]
