"""Addresses of the queue."""

from django.urls import path

from teleservices import views

urlpatterns = [
    path("file/", views.file_envoi, name="file"),
    path("file/<int:envoi_id>/", views.envoi, name="envoi"),
    path("file/<int:envoi_id>/relancer/", views.relancer, name="envoi_relancer"),
    path("file/<int:envoi_id>/abandonner/", views.abandonner, name="envoi_abandonner"),
]
