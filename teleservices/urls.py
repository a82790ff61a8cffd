"""Addresses of the queue."""

from django.urls import path

from teleservices import api, views

urlpatterns = [
    path("file/", views.file_envoi, name="file"),
    path("file/<int:envoi_id>/", views.envoi, name="envoi"),
    path("file/<int:envoi_id>/relancer/", views.relancer, name="envoi_relancer"),
    path("file/<int:envoi_id>/abandonner/", views.abandonner, name="envoi_abandonner"),
    path("api/integration/v1/services", api.Services.as_view(), name="int_services"),
    path("api/integration/v1/file", api.File.as_view(), name="int_file"),
    path("api/integration/v1/envois", api.Envois.as_view(), name="int_envois"),
    path("api/integration/v1/envois/<str:ident>", api.UnEnvoi.as_view(), name="int_envoi"),
]
