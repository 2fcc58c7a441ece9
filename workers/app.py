"""The Celery application of the workers: tasks, signals for logs, metrics and probes."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import Celery, signals

from twooter import garbage, machines, metrics
from twooter.broker import create_celery
from twooter.logs import bind_contextvars, clear_contextvars, get_logger
from twooter.services.house import Services
from twooter.services.schemas import await_schema
from twooter.settings import Settings, read_settings
from twooter.wiring import wire
from workers import tasks
from workers.processes import begin_logging, heed_sigterm
from workers.progress import Progress
from workers.stopping import Stop

log = get_logger("workers")


def create_app(settings: Settings, services: Services) -> Celery:
    """Return the Celery application with every task registered."""
    made = create_celery(settings)
    tasks.register(made, services)
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(
            logging.WARNING
        )  # one canonical line per task is enough, and it is ours
    return made


_started: dict[str, float] = {}


@signals.task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:  # Any: Celery has no types
    _started[task_id] = time.perf_counter()
    bind_contextvars(task=task.name, task_id=task_id)


@signals.task_postrun.connect
def _end(task_id: str, task: Any, state: str, **_: Any) -> None:  # Any: idem
    seconds = time.perf_counter() - _started.pop(task_id, time.perf_counter())
    metrics.TASKS.labels(task.name, state.lower()).observe(seconds)
    log.info("task", outcome=state.lower(), duration_ms=round(seconds * 1000, 2))
    clear_contextvars()


def main() -> Celery:
    """Return the application of a worker process of its own, with its probes and slots."""
    settings = read_settings()
    services = wire(settings)
    begin_logging(settings)
    made = create_app(settings, services)
    progress = Progress()
    made.steps["consumer"].add(progress.step())
    Stop(settings.graceful_seconds)
    made.conf.worker_pool = "workers.pools:Prefork"  # named: it is loaded with the rest of the worker

    @signals.worker_process_init.connect(weak=False)
    def _child(**_: Any) -> None:  # Any: idem
        from billiard.process import current_process

        garbage.resume()
        metrics.take_slot(f"worker{getattr(current_process(), 'index', 0)}")
        services.start()

    @signals.worker_process_shutdown.connect(weak=False)
    def _child_stops(**_: Any) -> None:  # Any: idem
        services.stop()

    @signals.worker_init.connect(weak=False)
    def _wait(**_: Any) -> None:  # Any: idem
        if settings.metrics_port is not None:  # before anything is awaited: who waits is alive
            machines.serve(
                settings.host, settings.metrics_port, alive=progress.stuck, ready=progress.disconnected
            )
        heed_sigterm()
        garbage.resume()
        await_schema(services.storage, progress.stopping)
        services.storage.close()

    return made
