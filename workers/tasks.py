"""Tasks: thin, repeatable, one service call each."""

from __future__ import annotations

from celery import Celery

from twooter.broker import APPLY
from twooter.errors import Unavailable
from twooter.services.house import Services
from workers.schedule import ENTRIES, SCHEDULE, Entry


def register(app: Celery, services: Services) -> None:
    """Give the application its tasks, this one alone, and beat the times of the periodic ones."""

    # Unavailable is no error with a traceback: the batch is sent again when it is overdue
    @app.task(name=APPLY, shared=False, throws=(Unavailable,))
    def apply_batch(consumer: str, batch_id: int) -> None:
        services.batches.run(consumer, batch_id)

    for entry in ENTRIES:
        _register_periodic(app, services, entry)
    app.conf.beat_schedule = SCHEDULE


def _register_periodic(app: Celery, services: Services, entry: Entry) -> None:
    @app.task(name=entry.task, shared=False)
    def run() -> None:
        if services.schedules.claim(entry.task, entry.every_seconds):
            entry.run(services)
