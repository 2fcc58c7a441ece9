"""Background jobs: run again and again in one thread, whatever one of them does, and at the end once more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.processes import wait_until
from twooter.services import background
from twooter.services.background import Background, Job


@contextmanager
def running(*jobs: Job) -> Iterator[list[str]]:
    """Run jobs; give a list that says when they closed."""
    closed: list[str] = []
    service = Background(jobs, close=lambda: closed.append(threading.current_thread().name))
    service.start()
    try:
        yield closed
    finally:
        service.stop()


def test_jobs_run_again_and_again_each_at_its_own_pace() -> None:
    fast: list[str] = []
    slow: list[str] = []
    with running(
        Job("fast", 0.01, lambda: fast.append(threading.current_thread().name)),
        Job("slow", 60, lambda: slow.append("ran")),
    ):
        wait_until(lambda: len(fast) >= 5, seconds=10, what="five runs")
    assert set(fast) == {"background"}
    assert slow == []


def test_a_failing_job_is_tried_again_and_hinders_no_other() -> None:
    runs: list[str] = []

    def fail() -> None:
        runs.append("failing")
        raise ValueError("always")

    with running(Job("failing", 0.01, fail), Job("other", 0.01, lambda: runs.append("other"))):
        wait_until(
            lambda: min(runs.count("failing"), runs.count("other")) >= 3, seconds=10, what="three runs"
        )


def test_what_must_not_be_lost_runs_once_more_at_the_end_and_nothing_else_does() -> None:
    runs: list[str] = []
    with running(
        Job("lease", 60, lambda: runs.append("lease")),
        Job("flush", 60, lambda: runs.append("flush"), at_stop=True),
    ) as closed:
        pass
    assert runs == ["flush"]
    assert closed == ["background"]


def test_a_failing_last_run_does_not_keep_the_others_from_theirs() -> None:
    runs: list[str] = []

    def fail() -> None:
        raise OSError("too late")

    with running(
        Job("failing", 60, fail, at_stop=True), Job("flush", 60, lambda: runs.append("flush"), at_stop=True)
    ):
        pass
    assert runs == ["flush"]


def test_stopping_what_was_never_started_or_twice_does_nothing() -> None:
    runs: list[str] = []
    service = Background([Job("flush", 60, lambda: runs.append("flush"), at_stop=True)], close=lambda: None)
    service.stop()
    service.start()
    service.stop()
    service.stop()
    assert runs == ["flush"]


def test_processes_do_not_run_their_jobs_in_step() -> None:
    job = Job("any", 100, lambda: None)
    waits = {background._jittered(job) for _ in range(50)}
    assert len(waits) > 40
    assert min(waits) >= 90
    assert max(waits) <= 110
