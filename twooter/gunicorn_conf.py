"""Gunicorn's configuration: workers, timeouts, and hooks for metrics, probes and clean stops."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from twooter import garbage, logs
from twooter.settings import read_settings

garbage.rest()
settings = read_settings()
_SHM = Path("/dev/shm")  # noqa: S108 - memory, where heartbeats and metrics cost no disk
_MEMORY = str(_SHM) if os.access(_SHM, os.W_OK) else None
_METRICS_DIR = Path(tempfile.mkdtemp(prefix="twooter-metrics-", dir=_MEMORY))
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_METRICS_DIR)  # before anything loads prometheus_client

from twooter import machines  # noqa: E402 - see the line above
from twooter.api.board import Board  # noqa: E402 - after the variable, too

wsgi_app = "twooter.wsgi:app"
preload_app = True  # once for all workers, which share its memory; whoever replaces one is there at once
bind = f"{settings.host}:{settings.port}"
workers = settings.workers
threads = settings.threads
worker_class = "twooter.gunicorn_worker.Worker"
worker_tmp_dir = _MEMORY
control_socket_disable = True  # a read-only root has no place for it
graceful_timeout = settings.graceful_seconds
timeout = 60
keepalive = settings.keepalive_seconds
backlog = 1024
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
forwarded_allow_ips = ""  # X-Forwarded-For is read by the API alone, from TWOOTER_TRUSTED_PROXIES
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"pipeline": {"()": lambda: logs.handler(settings)}},
    "root": {"level": "INFO", "handlers": ["pipeline"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
    },
}


class _Logger(Logger):
    """Gunicorn's logger without its access log: the API writes a line of its own, and the atoms are not free."""

    access_log_enabled = False


logger_class = _Logger
board = Board(settings.threads)


def when_ready(server: Any) -> None:  # Any: gunicorn has no types
    """Answer probes from the parent, whose threads no request can hold; everything is loaded."""
    garbage.resume()
    if settings.metrics_port is not None:
        machines.serve(
            settings.host, settings.metrics_port, alive=lambda: None, ready=lambda: _trouble(server)
        )


def _trouble(server: Any) -> str | None:  # Any: idem
    if not server.LISTENERS:
        return "draining"
    return board.trouble([worker.slot for worker in list(server.WORKERS.values())])


def pre_fork(server: Any, worker: Any) -> None:  # Any: idem
    """Give the worker the lowest free slot, so that slots stay few and stable."""
    used = {other.slot for other in server.WORKERS.values()}
    worker.slot = next(slot for slot in range(len(used) + 1) if slot not in used)


def post_fork(_: Any, worker: Any) -> None:  # Any: idem
    """Take the slot for metrics and probes."""
    from twooter import metrics

    metrics.take_slot(f"api{worker.slot}")
    board.take(worker.slot)


def post_worker_init(_: Any) -> None:  # Any: idem
    """Start what runs beside the requests."""
    from twooter import wsgi

    wsgi.start(board)


def child_exit(_: Any, worker: Any) -> None:  # Any: idem
    """Forget a worker that ended."""
    board.clear(worker.slot)


def worker_exit(_: Any, __: Any) -> None:  # Any: idem
    """Flush and give back what the worker holds."""
    from twooter import wsgi

    wsgi.stop()


def on_exit(_: Any) -> None:  # Any: idem
    """Remove the metrics of this run."""
    shutil.rmtree(_METRICS_DIR, ignore_errors=True)
