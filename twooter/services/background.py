"""Background jobs: one daemon thread per process that does small things every few seconds."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twooter.logs import get_logger

log = get_logger("background")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every so often; `at_stop` once more at the end."""

    name: str
    every_seconds: float
    run: Callable[[], None]
    at_stop: bool = False


class Background:
    """Runs jobs in turn, each with jitter; a failing job is logged and tried again at its next turn."""

    def __init__(self, jobs: Sequence[Job], *, close: Callable[[], None]) -> None:
        self._jobs = list(jobs)
        self._close = close
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, job: Job) -> None:
        """Run one more job, before those that are there already; to be called before `start`."""
        self._jobs.insert(0, job)

    def start(self) -> None:
        """Start the thread; to be called after a fork, never before."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._turn, name="background", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and run what must not be lost."""
        if self._thread is None:
            return
        self._stopping.set()
        self._thread.join(timeout=5)
        self._thread = None
        for job in self._jobs:
            if job.at_stop:
                self._run(job)

    def _turn(self) -> None:
        due = {job.name: time.monotonic() + _jittered(job) for job in self._jobs}
        while not self._stopping.wait(max(0.0, min(due.values(), default=0.0) - time.monotonic())):
            for job in self._jobs:
                if due[job.name] <= time.monotonic():
                    self._run(job)
                    due[job.name] = time.monotonic() + _jittered(job)
        self._close()

    def _run(self, job: Job) -> None:
        try:
            job.run()
        except Exception as ex:  # noqa: BLE001 - one bad job must not end the others
            log.warning("job_failed", job=job.name, error=type(ex).__name__)


def _jittered(job: Job) -> float:
    return job.every_seconds * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret
