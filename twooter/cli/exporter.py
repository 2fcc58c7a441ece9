"""The `exporter` command: what Prometheus, KEDA and HPA ask of the whole instance, measured by one small process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import click

from twooter import logs, machines, metrics
from twooter.broker import Depths
from twooter.cli.pulses import Pulse
from twooter.services.figures import keep_measuring, measure_broker, measure_database
from twooter.settings import Settings, read_settings
from twooter.storage.database import Storage

_PATIENCE_SECONDS = 2.0
"""A statement that takes longer tells nothing in time."""


@click.command
def exporter() -> None:
    """Measure queues, outbox, jobs and the day's figures for Prometheus.

    Serves /metrics, /healthz and /readyz on TWOOTER_METRICS_PORT and nothing else. Only reads. While database or broker
    are away, it says so, and nothing that it does not know; one is enough, several tell the same.
    """
    settings = read_settings()
    if settings.metrics_port is None:
        raise click.ClickException("Set TWOOTER_METRICS_PORT: this is where the figures are read.")
    logs.configure(settings)
    logs.counters.append(metrics.count_log)
    pulse = Pulse()
    pulse.listen()
    machines.serve(settings.host, settings.metrics_port, alive=pulse.stuck, ready=lambda: None)
    storage = Storage.open(_impatient(settings))
    loops: dict[str, Callable[[], None]] = {"database": partial(measure_database, storage)}
    if settings.broker_url is not None:
        loops["broker"] = partial(measure_broker, Depths(settings))
    for name, measure in loops.items():
        arguments = (measure, partial(pulse.wait, loop=name))
        options = {"every_seconds": settings.exporter_seconds}
        threading.Thread(
            target=keep_measuring, args=arguments, kwargs=options, name=name, daemon=True
        ).start()
    while not pulse.wait(settings.exporter_seconds):
        pass


def _impatient(settings: Settings) -> Settings:
    times = {
        name: min(_PATIENCE_SECONDS, getattr(settings, name))
        for name in ("database_connect_timeout_seconds", "database_read_timeout_seconds")
    }
    return settings.model_copy(update=times)
