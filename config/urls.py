"""All addresses; each app brings its own."""

from django.urls import include, path

urlpatterns = [
    path("", include("pharmacy.urls")),
    path("", include("teleservices.urls")),
    path("", include("ins.urls")),
    path("", include("ordonnance.urls")),
    path("psc/", include("psc.urls")),
]

handler404 = "pharmacy.views.erreurs.introuvable"
handler500 = "pharmacy.views.erreurs.panne"
