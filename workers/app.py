"""The Celery application of the workers: tasks, signals for logs, metrics and probes."""

from __future__ import annotations

import logging
import signal
import time
from typing import Any

from celery import Celery, signals

from twooter import logs, metrics
from twooter.api.ops import serve_ops
from twooter.broker import create_celery
from twooter.logs import bind_contextvars, clear_contextvars, get_logger
from twooter.services.house import Services
from twooter.services.schemas import await_schema
from twooter.settings import Settings, read_settings
from twooter.wiring import wire
from workers import beat, tasks
from workers.progress import Progress
from workers.stopping import bound

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
    made = _create(settings, services)
    progress = Progress()
    made.steps["consumer"].add(progress.step())
    bound(settings.graceful_seconds)

    @signals.worker_process_init.connect(weak=False)
    def _child(**_: Any) -> None:  # Any: idem
        from billiard.process import current_process

        metrics.take_slot(f"worker{getattr(current_process(), 'index', 0)}")
        services.start()

    @signals.worker_process_shutdown.connect(weak=False)
    def _child_stops(**_: Any) -> None:  # Any: idem
        services.stop()

    @signals.worker_init.connect(weak=False)
    def _wait(**_: Any) -> None:  # Any: idem
        if settings.metrics_port is not None:  # before anything is awaited: who waits is alive
            serve_ops(settings.host, settings.metrics_port, alive=progress.stuck, ready=progress.disconnected)
        signal.signal(
            signal.SIGTERM, _leave
        )  # Celery's own comes later, and process 1 ignores what nobody handles
        await_schema(services.storage, progress.stopping)
        services.storage.close()

    return made


def schedule() -> None:
    """Run beat in this process, with its probes."""
    settings = read_settings()
    made = _create(settings, wire(settings))
    pulse = beat.Pulse()
    if settings.metrics_port is not None:
        serve_ops(settings.host, settings.metrics_port, alive=pulse.stuck, ready=pulse.disconnected)
    signal.signal(signal.SIGTERM, _leave)
    beat.run(made, pulse)


def _create(settings: Settings, services: Services) -> Celery:
    logs.configure(settings)
    logs.counters.append(metrics.count_log)

    @signals.setup_logging.connect(weak=False)
    def _keep_logging(**_: Any) -> None:  # Any: Celery has no types
        """Keep the pipeline: a receiver of this signal stops Celery from making its own."""

    return create_app(settings, services)


def _leave(*_: object) -> None:
    raise SystemExit(0)
