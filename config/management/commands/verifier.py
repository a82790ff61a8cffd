"""`manage.py verifier`: is this installation able to work? In sentences, exit 1 if not."""

from collections.abc import Iterator
from datetime import datetime

import redis
from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from teleservices.tls import read_certificate


class Command(BaseCommand):
    """Checks database, roles, broker, certificates, environment, backup of the keys."""

    help = "Vérifie l'installation : base, messages, certificats, environnement."
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: object) -> None:
        """Print one line per check; raise CommandError when one failed."""
        echecs = 0
        for ok, phrase in self._all():
            self.stdout.write(f"{'✓' if ok else '✗'} {phrase}")
            echecs += not ok
        if echecs:
            raise CommandError(f"{echecs} point(s) à corriger.")
        self.stdout.write("Tout est en ordre.")

    def _all(self) -> Iterator[tuple[bool, str]]:
        yield True, f"Environnement : {settings.ENVIRONNEMENT}, adresse {settings.ADRESSE}."
        yield from self._database()
        yield self._broker()
        yield from self._certificates()
        for message in run_checks():
            if message.level >= ERROR:
                yield False, f"{message.id} : {message.msg}"
        yield from self._keys()

    def _database(self) -> Iterator[tuple[bool, str]]:
        try:
            with connection.cursor() as curseur:
                curseur.execute(
                    "SELECT current_setting('server_version'), rolname, rolsuper, rolbypassrls "
                    "FROM pg_roles WHERE rolname = current_user"
                )
                version, role, superutilisateur, contourne = curseur.fetchone()
        except DatabaseError:
            yield False, "La base PostgreSQL ne répond pas."
            return
        yield True, f"PostgreSQL {version} répond sous le rôle « {role} »."
        if superutilisateur or contourne:
            yield False, "Ce rôle contourne l'isolation des officines : utilisez comptoir_app."
        else:
            yield True, "Le rôle de l'application est soumis à l'isolation des officines."

    def _broker(self) -> tuple[bool, str]:
        try:
            redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=2).ping()
        except redis.RedisError:
            return False, "Valkey ne répond pas : les envois attendent, rien n'est perdu."
        return True, "Valkey répond."

    def _certificates(self) -> Iterator[tuple[bool, str]]:
        for nom, chemin in (("INSi", settings.INSI_CERTIFICAT), ("autorités TLS", settings.TLS_AC)):
            if not chemin:
                yield False, f"Certificat {nom} : non configuré."
                continue
            try:
                certificat = read_certificate(chemin)
            except (OSError, ValueError):
                yield False, f"Certificat {nom} : illisible."
                continue
            reste = (certificat.expire_le - timezone.now()).days
            yield reste > 0, f"Certificat {nom} : {certificat.cn}, {reste} jours restants."

    def _keys(self) -> Iterator[tuple[bool, str]]:
        if settings.ENVIRONNEMENT == "simulateur":
            yield True, "Clés de démonstration : aucune copie attendue."
            return
        confirmee = settings.COPIE_CLES_CONFIRMEE
        if confirmee:
            yield True, f"Copie des clés confirmée le {datetime.fromisoformat(confirmee):%d/%m/%Y}."
        else:
            yield False, "Aucune copie des clés n'est confirmée (COMPTOIR_COPIE_CLES_CONFIRMEE)."
