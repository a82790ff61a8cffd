"""`manage.py ins_statut --json`: the status that a list of evidence events leads to.

Reads on standard input a JSON list of objects: {"evenement": "insi", "matricule": "M1", …}. Prints
{"statut", "ins", "transitions", "raisons"}. Exit 1 with one sentence for anything else.
"""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ins.rules.histoire import GENRES, Evenement, EvenementRefuse, replay

_CHAMPS = {champ.name: champ for champ in fields(Evenement)}


class Command(BaseCommand):
    """Replay the events of an identity, without touching any file."""

    help = "Statut d'identité (INS) d'une suite d'événements, lue en JSON sur l'entrée standard."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--json`, the only format there is."""
        parser.add_argument("--json", action="store_true", required=True)

    def handle(self, **_options: Any) -> None:  # noqa: ANN401 - Django's own signature
        """Print the status, or say what is wrong."""
        try:
            identite = replay(parse_events(sys.stdin.read()))
        except EvenementRefuse as exc:
            raise CommandError(f"Événement refusé ({exc}). Connus : {', '.join(GENRES)}.") from exc
        self.stdout.write(
            json.dumps(
                {
                    "statut": identite.statut,
                    "ins": bool(identite.matricule),
                    "transitions": [t for t in identite.transitions if t],
                    "raisons": identite.raisons,
                },
                ensure_ascii=False,
            )
        )


def parse_events(texte: str) -> list[Evenement]:
    """Return the events of a JSON list. EvenementRefuse when it is not one."""
    try:
        lus = json.loads(texte)
    except ValueError as exc:
        raise EvenementRefuse("JSON illisible") from exc
    if not isinstance(lus, list):
        raise EvenementRefuse("une liste est attendue")
    return [_event(lu) for lu in lus]


def _event(lu: object) -> Evenement:
    if not isinstance(lu, dict) or not isinstance(lu.get("evenement"), str):
        raise EvenementRefuse("un objet avec « evenement » est attendu")
    modele = asdict(Evenement(lu["evenement"]))
    valeurs: dict[str, Any] = {"genre": lu["evenement"]}
    for nom, valeur in lu.items():
        if nom == "evenement":
            continue
        attendu = modele.get(nom)
        if nom == "genre" or attendu is None:
            raise EvenementRefuse(f"champ inconnu : {nom}")
        liste = isinstance(attendu, tuple) and isinstance(valeur, list)
        lue = tuple(map(str, valeur)) if liste else valeur
        if type(lue) is not type(attendu):
            raise EvenementRefuse(f"champ mal typé : {nom}")
        valeurs[nom] = lue
    return Evenement(**valeurs)
