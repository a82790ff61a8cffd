"""All addresses; each app brings its own."""

from django.urls import include, path

from config import mesures, openapi, sante

urlpatterns = [
    path("sante", sante.sante, name="sante"),
    path("sante/vivant", sante.vivant, name="sante_vivant"),
    path("sante/pret", sante.pret, name="sante_pret"),
    path("metriques", mesures.metriques, name="metriques"),
    path("api/schema", openapi.schema, name="api_schema"),
    path("", include("pharmacy.urls")),
    path("", include("teleservices.urls")),
    path("", include("ins.urls")),
    path("", include("ordonnance.urls")),
    path("psc/", include("psc.urls")),
]

handler404 = "pharmacy.views.erreurs.introuvable"
handler500 = "pharmacy.views.erreurs.panne"
