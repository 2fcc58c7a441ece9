"""The `relay` command: outbox to broker, until told to stop."""

from __future__ import annotations

import click

from twooter import logs, machines, metrics
from twooter.broker import Sender, create_celery
from twooter.cli.pulses import Pulse
from twooter.foundations import lay
from twooter.services.outboxes import relay as run_relay
from twooter.services.schemas import await_schema
from twooter.settings import read_settings


@click.command
def relay() -> None:
    """Seal outbox events into batches and send them to the broker.

    Any number may run. Needs TWOOTER_BROKER_URL; without a broker the relay is inside `python -m twooter run`.
    """
    settings = read_settings()
    if settings.broker_url is None:
        raise click.ClickException(
            "Set TWOOTER_BROKER_URL; without it the relay is inside `python -m twooter run`."
        )
    logs.configure(settings)
    logs.counters.append(metrics.count_log)
    base = lay(settings)
    pulse = Pulse()
    pulse.listen()
    if settings.metrics_port is not None:
        machines.serve(settings.host, settings.metrics_port, alive=pulse.stuck, ready=pulse.waiting)
    if await_schema(base.storage, pulse.stopping):
        pulse.begin()
        base.start()
        sender = Sender(create_celery(settings))
        run_relay(base.outboxes, sender, pulse.wait, poll_seconds=settings.relay_poll_seconds)
    base.stop()
