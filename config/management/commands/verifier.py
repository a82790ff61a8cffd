"""`manage.py verifier`: is this installation able to work? In sentences, exit 1 if not."""

import ssl
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import redis
from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from pharmacy import chiffre
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.portes import officine_ids
from pharmacy.services import cles
from pharmacy.services.entretien_journal import MOIS_ALERTE, months_ahead
from teleservices.tls import read_certificate


def _is_key_of(certificat: str, cle: str) -> bool:
    """Tell whether this file holds the key of this certificate."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificat, cle)
    except OSError:
        return False
    return True


def _count_values() -> tuple[Counter[str], int, int]:
    """Return values by key, digests of a former key, officines where one does not open."""
    restes: Counter[str] = Counter()
    empreintes, fermees = 0, 0
    for officine_id in officine_ids():
        with officine_context(officine_id):
            restes.update(cles.remaining(officine_id))
            try:
                empreintes += sum(cles.digests_left(officine_id).values())
            except ValueError:
                fermees += 1
    return restes, empreintes, fermees


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
        yield from self._former_keys()
        yield from self._journal()

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
            reste = certificat.expire_le - timezone.now()
            if reste <= timedelta(0):
                yield False, f"Certificat {nom} : a expiré le {certificat.expire_le:%d/%m/%Y}."
            else:
                yield True, f"Certificat {nom} : {certificat.cn}, {reste.days} jours restants."
            if chemin == settings.INSI_CERTIFICAT and not _is_key_of(chemin, settings.INSI_CLE):
                yield False, f"Certificat {nom} : la clé manque, ou n'est pas la sienne."

    def _keys(self) -> Iterator[tuple[bool, str]]:
        if settings.ENVIRONNEMENT == "simulateur":
            yield True, "Clés de démonstration : aucune copie attendue."
            return
        confirmee = settings.COPIE_CLES_CONFIRMEE
        if not confirmee:
            yield False, "Aucune copie des clés n'est confirmée (COMPTOIR_COPIE_CLES_CONFIRMEE)."
            return
        try:
            jour = date.fromisoformat(confirmee)
        except ValueError:
            phrase = f"« {confirmee} » n'est pas une date (AAAA-MM-JJ)."
            yield False, f"COMPTOIR_COPIE_CLES_CONFIRMEE : {phrase}"
            return
        yield True, f"Copie des clés confirmée le {jour:%d/%m/%Y}."

    def _former_keys(self) -> Iterator[tuple[bool, str]]:
        """While former keys are given: what each of them still holds. Nothing is read else."""
        marques = [chiffre.key_mark(cle) for cle in settings.CLES_CHIFFREMENT]
        if len(marques) < 2 and not settings.CLES_EMPREINTE_ANCIENNES:
            yield True, "Clés : une seule de chiffrement, aucune ancienne."
            return
        try:
            restes, empreintes, fermees = _count_values()
        except DatabaseError:
            return  # said already: the database does not answer
        for rang, marque in enumerate(marques):
            nom = "ancienne" if rang else "courante"
            yield True, f"Clé de chiffrement {nom} {marque[:-1]} : {restes.pop(marque, 0)} valeurs."
        if restes.pop("", 0):
            yield True, "Des valeurs sans marque de clé attendent « cles_tourner »."
        for marque, nombre in restes.items():
            yield False, f"Clé {marque[:-1]} : {nombre} valeurs, et cette clé n'est plus donnée."
        if fermees:
            yield False, f"Empreintes : illisibles dans {fermees} officine(s), une clé manque."
        if settings.CLES_EMPREINTE_ANCIENNES:
            yield True, f"Empreintes d'une ancienne clé : {empreintes} à recalculer."

    def _journal(self) -> Iterator[tuple[bool, str]]:
        """Months ready for what will be noted, and a place for the heads of the seal."""
        try:
            devant = months_ahead()
        except DatabaseError:
            return  # said already: the database does not answer
        if devant < MOIS_ALERTE:
            yield False, f"Journal : {devant} mois prêts d'avance ; le service « lots » est arrêté."
        else:
            yield True, f"Journal : {devant} mois prêts d'avance."
        if settings.AUDIT_TETES:
            yield True, "Journal : les têtes du sceau sont gardées hors de la base."
        else:
            yield False, "Journal : les têtes du sceau ne sont gardées nulle part (AUDIT_TETES)."
