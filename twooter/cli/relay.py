"""The `relay` command: outbox to broker, until told to stop."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

import click

from twooter import logs, metrics
from twooter.api.ops import serve_ops
from twooter.broker import Sender, create_celery
from twooter.services.outboxes import relay as run_relay
from twooter.services.schemas import await_schema
from twooter.settings import read_settings
from twooter.wiring import wire

_STUCK_SECONDS = 60.0


class Pulse:
    """Waits between a relay's rounds, and knows when the last one ended."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._waited_at = time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait; return True when the relay is to stop."""
        self._waited_at = time.monotonic()
        return self.stopping.wait(seconds)

    def stuck(self) -> str | None:
        """Return what is wrong when no round has ended for a minute."""
        silent = time.monotonic() - self._waited_at
        return f"no round has ended for {silent:.0f} s" if silent > _STUCK_SECONDS else None

    def stop(self, _: int, __: FrameType | None) -> None:
        """Stop at the end of the round; a signal handler."""
        self.stopping.set()


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
    services = wire(settings)
    pulse = Pulse()
    signal.signal(signal.SIGTERM, pulse.stop)
    signal.signal(signal.SIGINT, pulse.stop)
    if settings.metrics_port is not None:
        serve_ops(settings.host, settings.metrics_port, alive=pulse.stuck, ready=pulse.stuck)
    if await_schema(services.storage, pulse.stopping):
        services.start()
        sender = Sender(create_celery(settings))
        run_relay(services.outboxes, sender, pulse.wait, poll_seconds=settings.relay_poll_seconds)
    services.stop()
