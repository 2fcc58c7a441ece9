"""Databases killed, locked and exhausted under load: 503 in time, nothing half done, nothing acknowledged lost."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.databases import MysqlDatabase
from tests.faults.apps import App, answers
from tests.faults.clients import Client, Member, assert_refused
from tests.faults.loads import Load
from tests.faults.truths import Truth
from tests.processes import Server, wait_until
from twooter.errors import Unavailable
from twooter.settings import Settings
from twooter.storage.database import Session, Storage

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

SOON_SECONDS = 5
"""Far above what a refusal costs, far below what waiting for a database in line would cost."""


HEAVY = "INSERT INTO schedule_claims VALUES " + ",".join(f"('x', {n})" for n in range(500))  # noqa: S608 - made of numbers alone
"""Makes a transaction the heavier of two in a deadlock: the other one is ended."""


@pytest.fixture
def url(private_mariadb: Server) -> str:
    """Return the URL of a database on a server of this test's own."""
    return MysqlDatabase(private_mariadb.url, "twooter").url


def test_a_killed_and_a_frozen_database_are_503_and_come_back_by_themselves(
    url: str, private_mariadb: Server, redis_url: str
) -> None:
    settings = {"TWOOTER_RESEND_SECONDS": "1", "TWOOTER_DATABASE_READ_TIMEOUT_SECONDS": "2"}
    parts = ("api", "relay", "worker")
    with App.production(url, redis_url, parts=parts, **settings) as app, Truth(url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        with Load(app.port, member) as load:
            for attack, repair in (
                (private_mariadb.kill, private_mariadb.restart),
                (private_mariadb.freeze, private_mariadb.thaw),
            ):
                load.wait_for(10)
                attack()
                load.wait_for_status(503)
                load.forget_times()
                assert_refused(client.call("GET", "/v1/timelines/public"), 503)
                assert_refused(client.call("POST", "/v1/twoots", {"text": "no"}, token=member.token), 503)
                load.wait_for_status(503)
                assert load.slowest_seconds < SOON_SECONDS
                assert answers(f"{app.ops_url}/readyz")  # a slow database shall not take every pod out
                repair()
            load.wait_for(10)
        assert set(load.statuses) == {201, 503}
        assert load.careless == []
        assert load.broken == []
        truth.assert_exact(load.acknowledged, seconds=120)
        assert all(part.running() for part in app.parts.values())


@pytest.fixture
def blocker(url: str) -> Iterator[Storage]:
    """Open another connection, to hold locks."""
    storage = Storage.open(Settings.model_validate({"database_url": url}))
    yield storage
    storage.close()


def lock_account(blocker: Storage, member: Member) -> None:
    """Hold an account's row: what a publish needs last but one."""
    blocker.database.begin()
    blocker.database.execute_sql("SELECT * FROM accounts WHERE id = %s FOR UPDATE", (int(member.id),))


def test_a_lock_held_for_long_is_503_and_leaves_nothing_half_done(
    url: str, redis_url: str, blocker: Storage
) -> None:
    with App.production(url, redis_url, parts=("api",)) as app, Truth(url) as truth:
        client = Client(app.port)
        member, other = client.sign_up("alice"), client.sign_up("bob")
        client.publish(member, "#load one")
        lock_account(blocker, member)
        before = everything(truth)
        began = time.monotonic()
        key = {"Idempotency-Key": "once-and-only-once"}
        refused = client.call("POST", "/v1/twoots", {"text": "#load two"}, token=member.token, headers=key)
        assert_refused(refused, 503)
        assert time.monotonic() - began < 10
        assert everything(truth) == before
        client.publish(other, "nobody else waits")
        blocker.database.rollback()
        twoots = {client.publish(member, "#load two", **key) for _ in range(2)}
        assert len(twoots) == 1
        assert truth.count("SELECT twoots FROM accounts WHERE id = %s", int(member.id)) == 2


def everything(truth: Truth) -> dict[str, int]:
    """Return how many rows there are of all that a publish writes."""
    tables = ("twoots", "public_entries", "hashtag_entries", "outbox", "idempotency_keys")
    return {table: truth.count(f"SELECT COUNT(*) FROM {table}") for table in tables}  # noqa: S608 - names written above


def test_deadlocks_under_load_are_retried_whole(url: str, redis_url: str, blocker: Storage) -> None:
    parts = ("api", "relay", "worker")
    with App.production(url, redis_url, parts=parts, TWOOTER_RESEND_SECONDS="1") as app, Truth(url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        client.publish(member, "#load first")
        with Load(app.port, member) as load:
            load.wait_for(5)
            for _ in range(5):
                # first what a publish locks last, then what it locks first: whoever is between waits crosswise
                lock_account(blocker, member)
                blocker.database.execute_sql(HEAVY)
                wait_until(lambda: bool(truth.waiting()), seconds=30, what="a publish that waits")
                blocker.database.execute_sql("SELECT * FROM public_entries FOR UPDATE")
                blocker.database.rollback()
                load.wait_for(5)
        assert set(load.statuses) <= {201, 503}
        assert (load.careless, load.broken) == ([], [])
        retries = sum(metric(app, "twooter_transaction_retries_total"))
        assert retries > 0
        truth.assert_exact(load.acknowledged)
        assert truth.count("SELECT twoots FROM accounts WHERE id = %s", int(member.id)) == len(truth.twoots())


def metric(app: App, name: str) -> list[float]:
    """Return the values of a metric of the web server, of every label."""
    text = Client(int(app.ops_url.rpartition(":")[2])).call("GET", "/metrics").body.decode()
    return [float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + "{")]


def test_exhausted_connections_are_503_at_once_and_no_pile(
    url: str, redis_url: str, blocker: Storage
) -> None:
    with App.production(url, redis_url, parts=("api",)) as app:
        client = Client(app.port)
        member = client.sign_up("alice")
        blocker.database.execute_sql("SET GLOBAL max_connections = 20")
        taken = list(take_all(url))
        try:
            with ThreadPoolExecutor(16) as pool:
                asked = [pool.submit(timed, client, member) for _ in range(48)]
                found = [future.result() for future in asked]
            assert {status for status, _ in found} <= {200, 503}
            assert 503 in {status for status, _ in found}
            assert max(seconds for _, seconds in found) < SOON_SECONDS
        finally:
            for storage in taken:
                storage.close()
        wait_until(
            lambda: all(timed(client, member)[0] == 200 for _ in range(16)),
            seconds=30,
            what="connections again",
        )


def timed(client: Client, member: Member) -> tuple[int, float]:
    began = time.monotonic()
    answer = client.call("GET", "/v1/me", token=member.token)
    if answer.status == 503:
        assert_refused(answer, 503)
    return answer.status, time.monotonic() - began


def take_all(url: str) -> Iterator[Storage]:
    """Take every connection the server has left."""
    while True:
        storage = Storage.open(Settings.model_validate({"database_url": url}))
        try:
            storage.read(Session.now_ms)
        except Unavailable:
            return
        yield storage
