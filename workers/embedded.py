"""Gunicorn's configuration of the one process of `make run`: web server, relay, beat, worker and exporter together."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

from celery import Celery
from celery.beat import Service

from twooter.api.live.server import StreamServer
from twooter.broker import ALL_QUEUES, MAINTENANCE, Sender
from twooter.gunicorn_conf import *  # noqa: F403 - gunicorn reads a configuration's global names
from twooter.gunicorn_conf import post_worker_init as start_api
from twooter.gunicorn_conf import worker_exit as stop_api
from twooter.logs import get_logger
from twooter.services.figures import keep_measuring, measure_database
from twooter.services.outboxes import relay
from workers.threaded import ThreadedWorker

log = get_logger("streams")
workers = 1  # the queue lives in this process's memory
_stopping = threading.Event()
_threads: list[threading.Thread] = []
_parts: list[Any] = []  # Any: Celery has no types
_STOP_SECONDS = 5


def post_worker_init(worker: Any) -> None:  # type: ignore[no-redef]  # takes the place of the imported hook
    """Start the API's background, then relay, worker, beat and exporter in threads."""
    from twooter import wsgi
    from twooter.services.schemas import when_schema_is_ready

    start_api(worker)
    when_schema_is_ready(wsgi.services.storage, _stopping, _start)


def _start() -> None:
    from twooter.wsgi import services, settings
    from workers.app import create_app
    from workers.schedule import SCHEDULE

    # two, for an audit may take half a minute, and a twoot's statistics less than a second
    app = _start_worker(
        [queue for queue in ALL_QUEUES if queue != MAINTENANCE], create_app(settings, services)
    )
    _start_worker([MAINTENANCE], create_app(settings, services))
    app.conf.beat_schedule = SCHEDULE
    beat = Service(app, scheduler_cls="celery.beat:Scheduler")
    _parts.append(beat)
    threading.Thread(target=beat.start, kwargs={"embedded_process": False}, name="beat", daemon=True).start()
    _start_stream(StreamServer(services), settings.host, settings.stream_listens_on)
    arguments = (services.outboxes, Sender(app), _stopping.wait)
    poll = {"poll_seconds": min(settings.relay_poll_seconds, 0.05)}
    threading.Thread(target=relay, args=arguments, kwargs=poll, name="relay", daemon=True).start()
    measuring = (partial(measure_database, services.storage), _stopping.wait)
    every = {"every_seconds": settings.exporter_seconds}
    threading.Thread(
        target=keep_measuring, args=measuring, kwargs=every, name="exporter", daemon=True
    ).start()


def _start_stream(server: StreamServer, host: str, port: int) -> None:
    """Serve live updates from a thread; a port that is taken costs these alone."""

    def serve() -> None:
        try:
            asyncio.run(server.serve(host, port, _stopping))
        except OSError as ex:
            log.warning("stream_not_listening", port=port, error=ex.strerror)

    thread = threading.Thread(target=serve, name="stream", daemon=True)
    thread.start()
    _threads.append(thread)


def _start_worker(queues: list[str], app: Celery) -> Celery:
    worker = ThreadedWorker(app, queues)
    _parts.append(worker)
    worker.start()
    return app


def worker_exit(server: Any, worker: Any) -> None:  # type: ignore[no-redef]  # idem, takes its place
    """Stop the parts; what they had not done is in the outbox and goes on at the next start."""
    _stopping.set()
    for part in _parts:
        threading.Thread(target=part.stop, daemon=True).start()
    for thread in _threads:
        thread.join(_STOP_SECONDS)  # listeners are told to come back
    stop_api(server, worker)
