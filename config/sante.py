"""Is this process alive, is the installation ready? No personal data, no name of an officine."""

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from pharmacy import battements
from pharmacy.http import http_methods

OK, PANNE, INCONNU = "ok", "panne", "inconnu"
_migrations = {"faites": False}


def _select_one() -> None:
    with connection.cursor() as curseur:
        curseur.execute("SELECT 1")


@http_methods(read=("GET",))
def sante(request: HttpRequest) -> JsonResponse:
    """Answer the hour when the database answers: what a page needs to be served."""
    del request
    _select_one()
    return JsonResponse({"etat": OK, "heure": timezone.now().isoformat()})


@http_methods(read=("GET",))
def vivant(request: HttpRequest) -> JsonResponse:
    """Answer, whatever the rest is doing: restart this process when it does not."""
    del request
    return JsonResponse({"etat": OK})


@http_methods(read=("GET",))
def pret(request: HttpRequest) -> JsonResponse:
    """Answer 200 when everything is there: database, migrations, broker, workers. Else 503."""
    del request
    controles = {**_database(), **_broker()}
    tout = all(valeur == OK for valeur in controles.values())
    return JsonResponse(
        {"etat": "pret" if tout else "pas_pret", "controles": controles},
        status=200 if tout else 503,
    )


def _database() -> dict[str, str]:
    try:
        _select_one()
        return {"base": OK, "migrations": OK if _is_migrated() else PANNE}
    except DatabaseError:
        return {"base": PANNE, "migrations": INCONNU}


def _is_migrated() -> bool:
    """Tell whether the database is as this code wants it; once so, not asked again."""
    if not _migrations["faites"]:
        executeur = MigrationExecutor(connection)
        reste = executeur.migration_plan(executeur.loader.graph.leaf_nodes())
        _migrations["faites"] = not reste
    return _migrations["faites"]


def _broker() -> dict[str, str]:
    try:
        ages = battements.read_ages()
    except redis.RedisError:
        return {"messages": PANNE} | dict.fromkeys(battements.FILES, INCONNU)
    return {"messages": OK} | {
        file: OK if age is not None and age < battements.VIVANT_S else PANNE
        for file, age in ages.items()
    }
