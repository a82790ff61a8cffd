"""Addresses of a product that breaks: each view raises what no view should."""

from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.urls import include, path

from config import urls
from pharmacy.http import http_methods

SECRET = "PAT-TROIS 279035121518989"


@http_methods(read=("GET",))
def broken(request):
    raise RuntimeError(SECRET)


@http_methods(read=("GET",))
def broken_sql(request):
    with connection.cursor() as curseur:
        curseur.execute("SELECT %s::integer FROM pharmacy_patient", [SECRET])


@http_methods(read=("GET",))
def suspicious(request):
    raise SuspiciousOperation(SECRET)


urlpatterns = [
    path("casse/", broken),
    path("casse/sql/", broken_sql),
    path("casse/suspecte/", suspicious),
    path("", include(urls)),
]
handler404, handler500 = urls.handler404, urls.handler500
