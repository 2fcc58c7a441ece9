"""A worker that is told to stop before it or a task has begun; what runs when it is told is in the fault tests."""

import array
import fcntl
import os
import signal
import subprocess
import sys
import termios
from contextlib import closing
from pathlib import Path

import psutil
from redis import Redis

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.processes import wait_until
from tests.rules.sources import ROOT
from twooter.broker import create_celery
from twooter.settings import Settings

GRACE_SECONDS = 20
"""Less than the half minute that a child waits whose last words nobody counts."""

TASK = "twooter.claims.sweep"
WITHOUT_DATABASE = {
    "TWOOTER_DATABASE_URL": "mysql://nobody@127.0.0.1:1/none",
    "TWOOTER_BROKER_URL": "redis://127.0.0.1:1/0",
}


def test_a_worker_that_waits_for_its_database_can_be_stopped() -> None:
    command = [sys.executable, "-m", "workers", "worker", "--concurrency", "1"]
    with subprocess.Popen(
        command,
        env={**os.environ, **WITHOUT_DATABASE},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        assert any("schema_unknown" in line for line in worker.stdout)
        worker.terminate()
        assert worker.wait(60) == 0


def test_a_task_that_a_child_has_not_begun_when_the_worker_stops_is_done_and_acknowledged(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    with (
        App.production(url, redis_url, parts=("worker",)) as app,
        closing(Redis.from_url(redis_url)) as broker,
    ):
        send = create_celery(Settings.model_validate({"broker_url": redis_url})).send_task
        send(TASK)
        # a worker may be ready before its child is: nothing is written to one that has not yet done anything
        wait_until(lambda: done(app) == 1, seconds=30, what="a task that the child does")
        wait_until(lambda: broker.hlen("unacked") == 0, seconds=30, what="its acknowledgement")
        parent, child = app.pids("worker")
        threads = psutil.Process(parent).num_threads()
        os.kill(child, signal.SIGSTOP)
        wait_until(
            lambda: psutil.Process(child).status() == psutil.STATUS_STOPPED,
            seconds=30,
            what="the child's halt",
        )
        wait_until(lambda: _unread(child) == 0, seconds=30, what="what the child has said to be heard")
        send(TASK)
        wait_until(lambda: _unread(child) > 0, seconds=30, what="the task in the child's pipe")
        assert broker.hlen("unacked") == 1
        os.kill(parent, signal.SIGTERM)
        timers_and_the_pool_s_own = 3
        wait_until(
            lambda: psutil.Process(parent).num_threads() >= threads + timers_and_the_pool_s_own,
            seconds=30,
            what="the pool's stop",
        )
        os.kill(child, signal.SIGCONT)
        app.terminate("worker", seconds=GRACE_SECONDS)
        assert (broker.hlen("unacked"), broker.llen("maintenance")) == (0, 0)
        assert done(app) == 2
        assert "Cold shutdown" not in app.logs()


def done(app: App) -> int:
    """Return how many tasks have been done: a line is written at the end of each."""
    return sum('"event":"task"' in line and TASK in line for line in app.logs().splitlines())


def _unread(pid: int) -> int:
    """Return how many bytes wait in the pipes that a process has open."""
    total = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if str(link.readlink()).startswith("pipe:"):
            pipe = os.open(link, os.O_RDONLY | os.O_NONBLOCK)
            try:
                count = array.array("i", [0])
                fcntl.ioctl(pipe, termios.FIONREAD, count)
                total += count[0]
            finally:
                os.close(pipe)
    return total
