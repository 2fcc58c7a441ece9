"""Whether a worker's consumer still turns: told by its own timer, asked by probes."""

from __future__ import annotations

import threading
import time
from typing import Any

from celery.bootsteps import StartStopStep

_TICK_SECONDS = 5.0
STUCK_SECONDS = 60.0


class Progress:
    """Watches the event loop of a worker's parent process."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._consumer: Any = None  # Any: Celery has no types
        self._seen: Any = None  # Any: idem; the connection that is watched
        self._ticks: Any = None  # Any: idem
        self._ticked_at = time.monotonic()

    def step(self) -> type[StartStopStep]:
        """Return what a consumer does with each new connection: losing one ends what its timer was to do."""
        progress = self

        class _Watch(StartStopStep):
            """Lets the timer tell that the consumer turns."""

            requires = ("celery.worker.consumer.connection:Connection",)

            def start(self, parent: Any) -> None:  # Any: idem
                progress.watch(parent)

        return _Watch

    def watch(self, consumer: Any) -> None:
        """Let the consumer's own timer tell that it turns."""
        if self._ticks is not None:
            self._ticks.cancel()
        self._consumer, self._seen = consumer, consumer.connection
        self._ticked_at = time.monotonic()
        self._ticks = consumer.timer.call_repeatedly(_TICK_SECONDS, self._tick)

    def stuck(self) -> str | None:
        """Return what is wrong when the loop has not turned for a minute while the broker was there.

        Without a broker nothing can turn, and a restart would not bring it back. A minute is counted from when a
        connection is first seen: that it was made does not mean that the consumer turns already.
        """
        if self.disconnected() is not None:
            return None
        if self._consumer.connection is not self._seen:
            self._seen, self._ticked_at = self._consumer.connection, time.monotonic()
        silent = time.monotonic() - self._ticked_at
        return f"the consumer has not turned for {silent:.0f} s" if silent > STUCK_SECONDS else None

    def disconnected(self) -> str | None:
        """Return what is wrong when the consumer has no connection to the broker."""
        connection = getattr(self._consumer, "connection", None)
        return None if connection is not None and connection.connected else "not connected to the broker"

    def _tick(self) -> None:
        self._ticked_at = time.monotonic()
