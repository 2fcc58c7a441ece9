"""A worker in a thread of a process that is something else besides."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from celery import Celery

_BEGIN_SECONDS = 5.0


class ThreadedWorker:
    """Serves queues of the memory transport, one task at a time; leaves the process's signals alone."""

    def __init__(self, app: Celery, queues: Sequence[str]) -> None:
        self._begun = threading.Event()
        self._name = queues[0]
        app.set_default()  # without it, tasks that the memory transport hands over never run
        # a WorkController, not a Worker: that would take the signals
        self._worker = app.WorkController(
            pool="solo",
            concurrency=1,
            hostname=f"{self._name}@embedded",
            queues=list(queues),
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda _: self._begun.set(),
        )

    def start(self) -> None:
        """Begin, and return at once."""
        threading.Thread(target=self._worker.start, name=f"worker {self._name}", daemon=True).start()

    def stop(self) -> None:
        """Stop once it has begun: Celery takes the connection from under a worker that is on its way to use it."""
        self._begun.wait(_BEGIN_SECONDS)
        self._worker.stop()
