"""`/metriques`: what this process and the queue are doing, in the text that Prometheus reads.

Times and statements by name of view, queue ages and breakers by service, version. No officine, no
person, no address: a label is always a word of ours (OPS-16).
"""

import hmac
import ipaddress
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from pharmacy import battements
from pharmacy.http import http_methods
from teleservices.api import ETATS_SERVICE, state_of
from teleservices.models import Disjoncteur

BORNES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DEPART = time.time()
Mesure = tuple[str, str, str, list[tuple[dict[str, str], float]]]


class Vue:
    """What is known of one view since this process started."""

    def __init__(self) -> None:
        self.seaux = [0] * (len(BORNES_S) + 1)
        self.somme_s = 0.0
        self.instructions = 0
        self.statuts: dict[str, int] = {}


class Registre:
    """Every view met, under one lock: requests run in threads."""

    def __init__(self) -> None:
        self._verrou = Lock()
        self._vues: dict[str, Vue] = {}

    def note(self, nom: str, statut: int, duree_s: float, instructions: int) -> None:
        """Count one request."""
        famille = f"{statut // 100}xx"
        with self._verrou:
            vue = self._vues.setdefault(nom, Vue())
            vue.seaux[bisect_left(BORNES_S, duree_s)] += 1
            vue.somme_s += duree_s
            vue.instructions += instructions
            vue.statuts[famille] = vue.statuts.get(famille, 0) + 1

    def read(self) -> Iterator[Mesure]:
        """Yield the measures of the requests."""
        with self._verrou:
            vues = sorted(self._vues.items())
            yield (
                "comptoir_requetes_total",
                "counter",
                "Requêtes servies, par vue et par famille de statut.",
                [({"vue": n, "statut": s}, k) for n, v in vues for s, k in v.statuts.items()],
            )
            yield (
                "comptoir_instructions_sql_total",
                "counter",
                "Instructions envoyées à la base, par vue.",
                [({"vue": n}, v.instructions) for n, v in vues],
            )
            yield (
                "comptoir_requete_duree_secondes",
                "histogram",
                "Durée des requêtes, par vue.",
                [ligne for n, v in vues for ligne in _histogram(n, v)],
            )


def _histogram(nom: str, vue: Vue) -> Iterator[tuple[dict[str, str], float]]:
    cumul = 0
    for borne, nombre in zip((*map(str, BORNES_S), "+Inf"), vue.seaux, strict=True):
        cumul += nombre
        yield {"": "_bucket", "vue": nom, "le": borne}, cumul
    yield {"": "_sum", "vue": nom}, vue.somme_s
    yield {"": "_count", "vue": nom}, cumul


registre = Registre()


class MesuresMiddleware:
    """Time each request and count its statements, under the name of its view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve, then count; an address that is nobody's counts under one name."""
        instructions = 0

        def count(execute: Any, *args: Any) -> Any:  # noqa: ANN401
            nonlocal instructions
            instructions += 1
            return execute(*args)

        debut = time.perf_counter()
        with connection.execute_wrapper(count):
            reponse = self.get_response(request)
        duree = time.perf_counter() - debut
        trouvee = request.resolver_match
        nom = (trouvee.view_name if trouvee else "") or "aucune"
        registre.note(nom, reponse.status_code, duree, instructions)
        return reponse


def _queue() -> Iterator[Mesure]:
    with connection.cursor() as curseur:
        curseur.execute("SELECT service, etat, nombre, age_s FROM comptoir_file_mesures()")
        lignes = curseur.fetchall()
    yield (
        "comptoir_file_envois",
        "gauge",
        "Envois qui attendent, par service et par état.",
        [({"service": s, "etat": e}, n) for s, e, n, _ in lignes],
    )
    yield (
        "comptoir_file_age_secondes",
        "gauge",
        "Âge du plus ancien envoi qui attend, par service et par état.",
        [({"service": s, "etat": e}, a) for s, e, _, a in lignes],
    )


def _breakers() -> Iterator[Mesure]:
    maintenant = timezone.now()
    lignes = Disjoncteur.objects.filter(environnement=settings.ENVIRONNEMENT).order_by("service")
    etats = [(ligne.service, state_of(ligne, maintenant)) for ligne in lignes]
    yield (
        "comptoir_service_etat",
        "gauge",
        "État de chaque service national : 1 pour celui où il est.",
        [
            ({"service": service, "etat": nom}, float(nom == etat))
            for service, etat in etats
            for nom in ETATS_SERVICE
        ],
    )


def _house() -> Iterator[Mesure]:
    info = {"version": settings.VERSION, "environnement": settings.ENVIRONNEMENT}
    yield "comptoir_version_info", "gauge", "Version de ce processus.", [(info, 1)]
    yield "comptoir_depart_secondes", "gauge", "Départ de ce processus.", [({}, _DEPART)]
    try:
        ages = battements.read_ages()
    except redis.RedisError:
        ages = {}
    yield "comptoir_messages_joignables", "gauge", "1 si Valkey répond.", [({}, float(bool(ages)))]
    yield (
        "comptoir_ouvrier_age_secondes",
        "gauge",
        "Âge du dernier signe de chaque file.",
        [({"file": file}, age) for file, age in ages.items() if age is not None],
    )


def _all() -> Iterator[Mesure]:
    yield from registre.read()
    yield from _house()
    try:
        mesures = [*_queue(), *_breakers()]
    except DatabaseError:
        mesures = []
    yield "comptoir_base_joignable", "gauge", "1 si la base répond.", [({}, float(bool(mesures)))]
    yield from mesures


def _quoted(texte: str) -> str:
    return texte.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def render() -> str:
    """Return every measure in Prometheus's text format, version 0.0.4."""
    lignes = []
    for nom, genre, aide, valeurs in _all():
        lignes += [f"# HELP {nom} {aide}", f"# TYPE {nom} {genre}"]
        for etiquettes, valeur in valeurs:
            fin = etiquettes.get("", "")
            mots = ",".join(f'{n}="{_quoted(v)}"' for n, v in etiquettes.items() if n)
            lignes.append(f"{nom}{fin}{{{mots}}} {valeur!r}" if mots else f"{nom} {valeur!r}")
    return "\n".join(lignes) + "\n"


def is_host(request: HttpRequest) -> bool:
    """Tell whether who asks is the host: its key, or this machine when there is none.

    A proxy on this machine comes from loopback too: what says it was forwarded is not loopback.
    """
    if settings.CLE_METRIQUES:
        dite = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(dite.encode(), settings.CLE_METRIQUES.encode())
    if {"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} & set(request.headers):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@http_methods(read=("GET",))
def metriques(request: HttpRequest) -> HttpResponse:
    """Answer the measures to the host; 403 to anyone else."""
    if not is_host(request):
        return HttpResponse("Mesures réservées à l'hébergeur.\n", TYPE, status=403)
    return HttpResponse(render(), TYPE)
