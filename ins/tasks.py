"""Doors for Celery: ids or nothing."""

from celery import shared_task

from ins import nuit


@shared_task(name="ins.chercher_doublons", ignore_result=True)
def chercher_doublons() -> None:
    """Look for duplicates in the officines whose turn has come."""
    nuit.search_due()
