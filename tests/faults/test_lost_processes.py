"""Processes killed and stopped under load: what was acknowledged stays, and counts once."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import redis

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client
from tests.faults.loads import TAG, Load
from tests.faults.truths import Truth
from tests.processes import wait_until
from twooter.broker import QUEUES

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

GRACEFUL_SECONDS = 10


@dataclass(frozen=True)
class Held:
    """A worker in the middle of a batch of twoots, which cannot go on before `release` is called."""

    app: App
    truth: Truth
    made: list[str]
    release: Callable[[], None]


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


def test_who_comes_while_a_server_stops_is_refused_at_once_and_not_kept_waiting(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    with (
        App.production(url, redis_url, parts=("api",)) as app,
        Truth(url) as truth,
        ThreadPoolExecutor(1) as pool,
    ):
        client = Client(app.port)
        member = client.sign_up("alice")
        with truth.held(f"SELECT * FROM accounts WHERE id = {member.id} FOR UPDATE"):  # noqa: S608 - a number
            inside = pool.submit(client.call, "POST", "/v1/twoots", {"text": "inside"}, token=member.token)
            wait_until(lambda: bool(truth.waiting()), seconds=60, what="a request that waits inside")
            os.kill(app.server.pid, signal.SIGTERM)
            wait_until(lambda: refused(client), seconds=60, what="a refusal")
            assert app.server.running()
        assert inside.result(60).status in (201, 503)  # what waits long for a lock is told to come again
        wait_until(lambda: not app.server.running(), seconds=60, what="the server's end")


def refused(client: Client) -> bool:
    try:
        client.connect(seconds=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture
def held(mariadb_database: MysqlDatabase, redis_url: str, request: pytest.FixtureRequest) -> Iterator[Held]:
    """Start everything, publish twoots, and hold a lock that their batch needs when it is half done."""
    url = mariadb_database.fresh()
    settings = {"TWOOTER_RESEND_SECONDS": "1", **getattr(request, "param", {})}
    with App.production(url, redis_url, **settings) as app, Truth(url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        made = [client.publish(member, f"#{TAG} first")]
        truth.settle()
        with ExitStack() as lock:
            lock.enter_context(truth.held(f"SELECT uses FROM hashtags WHERE name = '{TAG}' FOR UPDATE"))  # noqa: S608 - our own name
            made += [client.publish(member, f"#{TAG} {number}") for number in range(20)]
            wait_until(lambda: bool(truth.waiting()), seconds=60, what="a batch half done")
            yield Held(app, truth, made, lock.close)


def test_a_worker_killed_in_the_middle_of_a_batch_counts_each_event_once(held: Held) -> None:
    app, truth = held.app, held.truth
    children, seen = set(app.pids("worker")[1:]), truth.waiting()
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: bool(truth.waiting() - seen), seconds=60, what="the batch again, in another child")
    assert not children & set(app.pids("worker"))

    app.parts["worker"].kill()
    assert truth.uses() == 1
    held.release()
    app.restart("worker")
    truth.assert_exact(held.made)
    assert truth.uses() == len(held.made)


@pytest.mark.parametrize("held", [{"TWOOTER_GRACEFUL_SECONDS": "300"}], indirect=True)
def test_a_worker_told_to_stop_ends_as_soon_as_its_batch_is_done(held: Held, redis_url: str) -> None:
    worker = held.app.parts["worker"]
    os.kill(worker.pid, signal.SIGTERM)
    wait_until(lambda: "Warm shutdown" in worker.log(), seconds=60, what="the worker's note of the signal")
    assert held.truth.uses() == 1
    held.release()
    wait_until(lambda: not worker.running(), seconds=60, what="the worker's end")
    assert held.truth.uses() > 1
    with redis.Redis.from_url(redis_url, socket_timeout=5) as broker:
        assert broker.hlen("unacked") == 0
    held.app.restart("worker")
    held.truth.assert_exact(held.made)


@pytest.mark.parametrize(
    "held", [{"TWOOTER_GRACEFUL_SECONDS": "1", "TWOOTER_RESEND_SECONDS": "600"}], indirect=True
)
def test_a_worker_told_to_stop_gives_back_what_takes_too_long(held: Held, redis_url: str) -> None:
    worker = held.app.parts["worker"]
    with redis.Redis.from_url(redis_url, socket_timeout=5) as broker:
        os.kill(worker.pid, signal.SIGTERM)
        wait_until(lambda: not worker.running(), seconds=60, what="the worker's end")
        wait_until(lambda: held.truth.unsealed() == 0, seconds=60, what="every event in a batch")
        consumers = ", ".join(f"'{name}'" for name, queue in QUEUES.items() if queue == "aggregates")
        owed = f"SELECT COUNT(*) FROM deliveries WHERE state = 'pending' AND consumer IN ({consumers})"  # noqa: S608 - names of our own
        wait_until(
            lambda: broker.llen("aggregates") == held.truth.count(owed) > 0,
            seconds=60,
            what="every task in its queue",
        )
        assert broker.hlen("unacked") == 0
    held.release()
    assert held.truth.uses() == 1
    held.app.restart("worker")
    held.truth.assert_exact(held.made)


def test_a_worker_with_nothing_to_do_stops_at_once(mariadb_database: MysqlDatabase, redis_url: str) -> None:
    url = mariadb_database.fresh()
    with App.production(url, redis_url, parts=["worker"], TWOOTER_GRACEFUL_SECONDS="300") as app:
        app.terminate("worker", seconds=60)
