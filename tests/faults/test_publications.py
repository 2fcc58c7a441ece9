"""Scheduled twoots on bad days: a worker killed while it publishes, two of everything, a broker that forgets."""

import os
import signal
import time

import pytest
import redis

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client, Member
from tests.faults.loads import TAG
from tests.faults.truths import Truth
from tests.processes import wait_until
from twooter.api.times import rfc3339

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

SCHEDULED = "SELECT COUNT(*) FROM scheduled_twoots"
SECONDS = 90
"""Beat sends every ten seconds what looks for what is due."""


def schedule(client: Client, member: Member, text: str) -> None:
    at = rfc3339(int((time.time() + 3_600) * 1000))
    answer = client.call(
        "POST", "/v1/twoots", {"text": f"{text} #{TAG}", "scheduled_at": at}, token=member.token
    )
    assert answer.status == 202, answer


def come(truth: Truth) -> None:
    """Let the time of everything that is scheduled have come."""
    truth.services.storage.database.execute_sql("UPDATE scheduled_twoots SET due_ms = 1")


def assert_once(truth: Truth, count: int) -> None:
    """Assert that this many twoots are there, each once, with all that follows from them."""
    wait_until(lambda: truth.count(SCHEDULED) == 0, seconds=SECONDS, what="an empty schedule")
    truth.assert_exact(sorted(truth.twoots()))
    assert truth.uses() == count == truth.count("SELECT COUNT(DISTINCT text) FROM twoots")
    assert truth.count("SELECT SUM(twoots) FROM accounts") == count


def test_a_worker_killed_while_it_publishes_leaves_it_to_the_next(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    parts = ("api", "relay", "worker", "beat")
    with App.production(url, redis_url, parts=parts, TWOOTER_RESEND_SECONDS="1") as app, Truth(url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        truth.settle()
        for number in range(3):
            schedule(client, member, f"Later {number}")
        with truth.held(f"SELECT * FROM accounts WHERE id = {member.id} FOR UPDATE"):  # noqa: S608 - a number
            come(truth)
            wait_until(lambda: bool(truth.waiting()), seconds=SECONDS, what="a publication half done")
            for pid in app.pids("worker")[1:]:
                os.kill(pid, signal.SIGKILL)
            app.parts["worker"].kill()
            assert truth.count(SCHEDULED) == 3
            assert truth.twoots() == set()
        app.restart("worker")
        assert_once(truth, 3)


def test_two_schedulers_two_workers_and_a_broker_that_forgets_publish_each_once(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    parts = ("api", "relay", "worker", "worker2", "beat", "beat2")
    with (
        App.production(url, redis_url, parts=parts, TWOOTER_RESEND_SECONDS="1") as app,
        Truth(url) as truth,
        redis.Redis.from_url(redis_url, socket_timeout=5) as broker,
    ):
        client = Client(app.port)
        members = [client.sign_up(f"member{number}") for number in range(4)]
        truth.settle()
        for number in range(60):
            schedule(client, members[number % 4], f"Later {number}")
        come(truth)
        wait_until(lambda: truth.count(SCHEDULED) < 60, seconds=SECONDS, what="the first publication")
        broker.flushall()
        for number in range(60, 80):
            schedule(client, members[number % 4], f"Later {number}")
        come(truth)
        assert_once(truth, 80)
