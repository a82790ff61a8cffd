"""Celery: the bell, never the truth (the outbox table is). Two queues: `interactif` and `lots`."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("comptoir")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    # Acknowledged when taken: the sweep makes up for a lost bell, and a late acknowledgement on a
    # channel that the broker's restart closed ends the worker (kombu 5.7).
    task_acks_late=False,
    task_default_queue="interactif",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": 3600,
        "socket_keepalive": True,
        "max_retries": 2,
        "interval_start": 0.05,
        "interval_step": 0.1,
        "interval_max": 0.3,
    },
    task_serializer="json",
    accept_content=["json"],
    timezone="Europe/Paris",
    beat_schedule={
        "teleservices.balayer": {
            "task": "teleservices.balayer",
            "schedule": 2.0,
            "options": {"queue": "lots", "expires": 10},
        },
        "ins.chercher_doublons": {
            "task": "ins.chercher_doublons",
            "schedule": crontab(minute="*/10", hour="1-5"),
            "options": {"queue": "lots", "expires": 500},
        },
        "ins.supprimer_copies": {
            "task": "ins.supprimer_copies",
            "schedule": crontab(minute="5-55/10", hour="1-5"),
            "options": {"queue": "lots", "expires": 500},
        },
        "pharmacy.oublier_lectures": {
            "task": "pharmacy.oublier_lectures",
            "schedule": 60.0,
            "options": {"queue": "lots", "expires": 60},
        },
        "psc.entretenir": {
            "task": "psc.entretenir",
            "schedule": 60.0,
            "options": {"queue": "lots", "expires": 60},
        },
        "pharmacy.finir_departs": {
            "task": "pharmacy.finir_departs",
            "schedule": crontab(minute=5),
            "options": {"queue": "lots", "expires": 3000},
        },
        "pharmacy.sceller_journal": {
            "task": "pharmacy.sceller_journal",
            "schedule": 10.0,
            "options": {"queue": "lots", "expires": 10},
        },
        "pharmacy.entretenir_journal": {
            "task": "pharmacy.entretenir_journal",
            "schedule": crontab(minute="20", hour="1,13"),
            "options": {"queue": "lots", "expires": 1800},
        },
        "pharmacy.verifier_journal": {
            "task": "pharmacy.verifier_journal",
            "schedule": crontab(minute="40", hour="3"),
            "options": {"queue": "lots", "expires": 3600},
        },
        "ins.verifier_periodique": {
            "task": "ins.verifier_periodique",
            "schedule": crontab(minute="30", hour="2-4"),
            "options": {"queue": "lots", "expires": 1800},
        },
    },
)
app.autodiscover_tasks(["teleservices", "pharmacy", "ins", "psc"])


@worker_init.connect
@beat_init.connect
def _stop_on_error(**_kwargs: object) -> None:
    from config.checks import stop_on_error

    stop_on_error()
