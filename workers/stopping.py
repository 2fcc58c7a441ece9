"""How a worker stops: SIGTERM lets what runs end, at once where nothing does; what takes too long is given back."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import Any

from celery import signals

COLD_SECONDS = 3.0
"""What a cold shutdown may take: children leave the house, and their tasks go back."""


class Stop:
    """Sees to it that no stop of this worker takes much longer than it may.

    SIGTERM is Celery's warm shutdown: take nothing more, finish, acknowledge, leave; it has no end of its own. SIGQUIT
    is the cold one: end the tasks and give them back to the broker, where otherwise they would be missing for as long
    as its visibility timeout. Its own soft shutdown sleeps all of its time, whether or not the tasks are done sooner.
    The cold one waits for its children without an end, too: whichever is there after a while is killed, and its
    transaction is taken back by the database.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._worker: Any = None  # Any: Celery has no types
        signals.worker_init.connect(self._know, weak=False)
        signals.worker_shutting_down.connect(self._begin, weak=False)

    def _know(self, sender: Any, **_: Any) -> None:  # Any: idem
        self._worker = sender

    def _begin(self, how: str, **_: Any) -> None:  # Any: idem
        if how == "Warm":
            for seconds, then in ((self._seconds, _turn_cold), (self._seconds + COLD_SECONDS, self._kill)):
                timer = threading.Timer(seconds, then)
                timer.daemon = True
                timer.start()

    def _kill(self) -> None:
        pool = getattr(getattr(self._worker, "pool", None), "_pool", None)
        for child in list(getattr(pool, "_pool", ())):
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)


def _turn_cold() -> None:
    os.kill(os.getpid(), signal.SIGQUIT)
