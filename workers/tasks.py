"""Tasks: thin, repeatable, one service call each."""

from __future__ import annotations

from celery import Celery

from twooter.broker import APPLY
from twooter.services.house import Services


def register(app: Celery, services: Services) -> None:
    """Give the application its tasks."""

    @app.task(name=APPLY)
    def apply_batch(consumer: str, batch_id: int) -> None:
        services.batches.run(consumer, batch_id)
