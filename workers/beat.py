"""Beat: a scheduler whose ticks probes can see, and which sends again once its broker is back."""

from __future__ import annotations

import time
from typing import Any

from celery import Celery
from celery.beat import Scheduler

from twooter import garbage, machines
from twooter.broker import create_celery
from twooter.settings import read_settings
from workers.processes import begin_logging, heed_sigterm
from workers.schedule import SCHEDULE

MAX_PAUSE_SECONDS = 30
STUCK_SECONDS = 90.0


class Pulse:
    """Knows when the scheduler last ticked, and whether its broker takes what it sends."""

    def __init__(self) -> None:
        self.is_connected = False
        self._ticked_at = time.monotonic()

    def tick(self) -> None:
        """Take note of a round of the scheduler."""
        self._ticked_at = time.monotonic()

    def stuck(self) -> str | None:
        """Return what is wrong when the scheduler has not turned for long while the broker was there.

        It waits for a broker that is away, and a restart would not bring that back.
        """
        silent = time.monotonic() - self._ticked_at
        if silent > STUCK_SECONDS and self.is_connected:
            return f"the scheduler has not turned for {silent:.0f} s"
        return None

    def disconnected(self) -> str | None:
        """Return what is wrong when the broker did not take what was last sent."""
        return None if self.is_connected else "not connected to the broker"


def main() -> None:
    """Run beat in this process, with its probes; it sends tasks by their names, and knows nothing else of them."""
    settings = read_settings()
    begin_logging(settings)
    app = create_celery(settings)
    app.conf.beat_schedule = SCHEDULE
    pulse = Pulse()
    if settings.metrics_port is not None:
        machines.serve(settings.host, settings.metrics_port, alive=pulse.stuck, ready=pulse.disconnected)
    heed_sigterm()
    garbage.resume()
    run(app, pulse)


def run(app: Celery, pulse: Pulse) -> None:
    """Send what is due until told to stop."""

    class _Ticking(Scheduler):
        """A scheduler with a pulse."""

        def tick(self, *arguments: Any, **options: Any) -> float:  # Any: Celery has no types
            self.producer  # noqa: B018 - connects now: probes ask before the first task is due, in half a minute
            if not pulse.is_connected:
                _ = self.producer  # connects now, and not when the first task is due
            pause: float = super().tick(*arguments, **options)
            pulse.tick()
            return pause

        def apply_async(self, *arguments: Any, **options: Any) -> Any:  # Any: idem
            try:
                sent = super().apply_async(*arguments, **options)
            except Exception:
                pulse.is_connected = False
                self.close()  # the next round begins with a new connection
                raise
            pulse.is_connected = True
            return sent

        def _ensure_connected(self) -> Any:  # Any: idem
            connection = super()._ensure_connected()  # waits as long as it takes
            pulse.tick()
            pulse.is_connected = True
            return connection

    app.Beat(scheduler_cls=_Ticking, loglevel="INFO", quiet=True, max_interval=MAX_PAUSE_SECONDS).run()
