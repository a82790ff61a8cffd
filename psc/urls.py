"""Addresses of Pro Santé Connect, under /psc/."""

from django.urls import path

from psc.views import liens

urlpatterns = [
    path("rattachements/", liens.liste, name="psc_liens"),
    path("rattachements/<int:operateur_id>/", liens.lien, name="psc_lien"),
    path("mon-rattachement/", liens.mon_lien, name="psc_mon_lien"),
]
