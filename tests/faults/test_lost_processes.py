"""Processes killed and stopped under load: what was acknowledged stays, and counts once."""

import os
import signal

import pytest

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client
from tests.faults.loads import TAG, Load
from tests.faults.truths import Truth
from tests.processes import Server, wait_until
from twooter.storage.database import Storage

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

GRACEFUL_SECONDS = 10


def test_a_killed_api_worker_loses_nothing_that_was_acknowledged(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    with App.production(url, redis_url, TWOOTER_RESEND_SECONDS="1") as app, Truth(url) as truth:
        member = Client(app.port).sign_up("alice")
        with Load(app.port, member) as load:
            for _ in range(2):
                load.wait_for(10)
                before = set(app.pids("api"))
                os.kill(app.pids("api")[1], signal.SIGKILL)
                wait_until(
                    lambda before=before: set(app.pids("api")[1:]) - before != set(),  # type: ignore[misc]  # a default binds the loop's variable
                    seconds=30,
                    what="another worker",
                )
                load.wait_for(10)
        assert {status for status in load.statuses if status != 201} == set()
        truth.assert_exact(load.acknowledged)


def test_a_server_told_to_stop_answers_everybody_and_ends_in_time(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    settings = {"TWOOTER_GRACEFUL_SECONDS": str(GRACEFUL_SECONDS)}
    with App.production(url, redis_url, parts=("api",), **settings) as app, Truth(url) as truth:
        member = Client(app.port).sign_up("alice")
        with Load(app.port, member, clients=6, until_told=True) as load:
            load.wait_for(30)
            app.terminate("api", seconds=GRACEFUL_SECONDS + 5)
            load.join()
        assert load.broken == []
        assert set(load.statuses) == {201}
        assert set(load.acknowledged) == truth.twoots()


def test_a_worker_told_to_stop_finishes_its_batch_or_gives_it_back(
    private_mariadb: Server, redis_url: str
) -> None:
    url = MysqlDatabase(private_mariadb.url, "twooter").url
    with (
        App.production(url, redis_url, TWOOTER_RESEND_SECONDS="1") as app,
        Truth(url) as truth,
        Truth(url) as other,
    ):
        client = Client(app.port)
        member = client.sign_up("alice")
        made = [client.publish(member, f"#{TAG} first")]
        truth.settle()
        blocker = other.services.storage.database
        blocker.begin()
        blocker.execute_sql("SELECT uses FROM hashtags WHERE name = %s FOR UPDATE", (TAG,))
        made += [client.publish(member, f"#{TAG} {number}") for number in range(5)]
        wait_until(lambda: bool(waiting(truth.services.storage)), seconds=30, what="a batch half done")
        os.kill(app.parts["worker"].pid, signal.SIGTERM)
        blocker.rollback()
        wait_until(lambda: not app.parts["worker"].running(), seconds=60, what="the worker's end")
        app.restart("worker")
        truth.assert_exact(made)


def waiting(storage: Storage) -> set[int]:
    """Return the connections that wait for a lock."""
    rows = storage.database.execute_sql(
        "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    ).fetchall()
    return {row[0] for row in rows}


def test_a_worker_killed_in_the_middle_of_a_batch_counts_each_event_once(
    private_mariadb: Server, redis_url: str
) -> None:
    url = MysqlDatabase(private_mariadb.url, "twooter").url
    settings = {"TWOOTER_RESEND_SECONDS": "1"}
    with App.production(url, redis_url, **settings) as app, Truth(url) as truth, Truth(url) as other:
        client = Client(app.port)
        member = client.sign_up("alice")
        made = [client.publish(member, f"#{TAG} first")]
        truth.settle()
        blocker = other.services.storage.database
        blocker.begin()
        blocker.execute_sql("SELECT uses FROM hashtags WHERE name = %s FOR UPDATE", (TAG,))
        made += [client.publish(member, f"#{TAG} {number}") for number in range(20)]
        storage = truth.services.storage

        wait_until(lambda: bool(waiting(storage)), seconds=30, what="a batch half done")
        children, seen = set(app.pids("worker")[1:]), waiting(storage)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: bool(waiting(storage) - seen), seconds=30, what="the batch again, in another child"
        )
        assert not children & set(app.pids("worker"))

        app.parts["worker"].kill()
        assert truth.uses() == 1
        blocker.rollback()
        app.restart("worker")
        truth.assert_exact(made)
        assert truth.uses() == len(made)
