"""How a worker stops: SIGTERM lets what runs end, at once where nothing does; what takes too long is given back."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from celery import signals


def bound(seconds: float) -> None:
    """Let no stop of this worker take much longer than this.

    SIGTERM is Celery's warm shutdown: take nothing more, finish, acknowledge, leave; it has no end of its own. SIGQUIT
    is the cold one: end the tasks and give them back to the broker, where otherwise they would be missing for as long
    as its visibility timeout. Its own soft shutdown sleeps all of its time, whether or not the tasks are done sooner.
    """

    @signals.worker_shutting_down.connect(weak=False)
    def _begin(how: str, **_: Any) -> None:  # Any: Celery has no types
        if how == "Warm":
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGQUIT))
            timer.daemon = True
            timer.start()
