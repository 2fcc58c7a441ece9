"""Brokers stopped, frozen and emptied: writes do not notice, and everything is counted once in the end."""

import secrets
from collections.abc import Callable

import pytest
import redis
from kombu.connection import Connection
from kombu.entity import Queue

from tests.databases import MysqlDatabase
from tests.faults.apps import App, answers
from tests.faults.clients import Client
from tests.faults.loads import TAG, Load
from tests.faults.truths import Truth
from tests.processes import Server, wait_until
from twooter.broker import ALL_QUEUES

pytestmark = pytest.mark.timeout(
    600
)  # several processes start and wait for each other, on a busy machine too

SOON_SECONDS = 5
"""A request that waited for a broker would take as long as its client is patient; one that does not, far less."""
SETTINGS = {"TWOOTER_RESEND_SECONDS": "5"}
"""Soon, but not so soon that a slow machine's worker is sent everything many times while it catches up."""


def stop(broker: Server) -> Callable[[], None]:
    broker.kill()
    return broker.restart


def freeze(broker: Server) -> Callable[[], None]:
    broker.freeze()
    return broker.thaw


def survive(broker: Server, app: App, truth: Truth, attack: Callable[[Server], Callable[[], None]]) -> None:
    """Publish before, during and after an attack on the broker; assert that nobody noticed and all is counted."""
    member = Client(app.port).sign_up(f"user{secrets.token_hex(4)}")
    with Load(app.port, member) as load:
        load.wait_for(10)
        repair = attack(broker)
        load.forget_times()
        load.wait_for(20)
        sealed = truth.count("SELECT COUNT(*) FROM batches")
        # the relay goes on sealing; what it seals waits in the database
        wait_until(
            lambda: truth.count("SELECT COUNT(*) FROM batches") >= sealed + 3, seconds=60, what="batches"
        )
        assert load.slowest_seconds < SOON_SECONDS
        assert truth.unfinished() > 0
        load.forget_times()
        repair()
        load.wait_for(10)
        assert load.slowest_seconds < SOON_SECONDS
    assert set(load.statuses) == {201}
    assert load.broken == []
    truth.assert_exact(load.acknowledged, seconds=120)
    for name, part in app.parts.items():
        assert part.running(), name
        assert name.startswith("beat") or answers(f"{part.url}/healthz"), name
    # and it goes on working: what is published now is counted without being sent twice
    before = truth.uses()
    Client(app.port).publish(member, "#load once more")
    wait_until(lambda: truth.uses() == before + 1, seconds=120, what="one more")


@pytest.mark.parametrize("attack", [stop, freeze])
def test_a_redis_broker_that_is_away_costs_no_write_and_no_count(
    attack: Callable[[Server], Callable[[], None]], mariadb_database: MysqlDatabase, private_redis: Server
) -> None:
    url = mariadb_database.fresh()
    with App.production(url, private_redis.url, **SETTINGS) as app, Truth(url) as truth:
        survive(private_redis, app, truth, attack)


def test_what_a_redis_broker_forgets_is_sent_again(
    mariadb_database: MysqlDatabase, private_redis: Server
) -> None:
    url = mariadb_database.fresh()
    with App.production(url, private_redis.url, **SETTINGS) as app, Truth(url) as truth:
        member = Client(app.port).sign_up("alice")
        truth.settle()
        with Load(app.port, member) as load, redis.Redis.from_url(private_redis.url) as broker:
            app.parts["worker"].freeze()
            for _ in range(3):
                load.wait_for(10)
                wait_until(lambda: broker.llen("aggregates") > 0, seconds=60, what="waiting tasks")
                broker.flushall()
            app.parts["worker"].thaw()
            load.wait_for(10)
            broker.flushall()
        assert set(load.statuses) == {201}
        truth.assert_exact(load.acknowledged, seconds=120)


def test_an_acknowledgement_that_was_not_answered_costs_a_worker_nothing(
    mariadb_database: MysqlDatabase, private_redis: Server
) -> None:
    url = mariadb_database.fresh()
    with App.production(url, private_redis.url, **SETTINGS) as app, Truth(url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        made = [client.publish(member, f"#{TAG} first")]
        truth.settle()
        for number in range(2):  # the worker has one process: it can hold one message
            with truth.held(f"SELECT uses FROM hashtags WHERE name = '{TAG}' FOR UPDATE"):  # noqa: S608 - our own name
                made.append(client.publish(member, f"#{TAG} {number}"))
                wait_until(lambda: bool(truth.waiting()), seconds=60, what="a batch half done")
                private_redis.freeze()
            wait_until(
                lambda number=number: app.logs().count("Couldn't ack") > number,  # type: ignore[misc]  # a default binds the loop's variable
                seconds=60,
                what="an acknowledgement that failed",
            )
            private_redis.thaw()
            truth.settle()
        truth.assert_exact(made)


def test_a_rabbitmq_broker_keeps_quorum_queues_and_costs_no_write_when_away(
    mariadb_database: MysqlDatabase, private_rabbitmq: Server
) -> None:
    url = mariadb_database.fresh()
    parts = ("api", "relay", "relay2", "worker", "beat")
    with (
        App.production(url, private_rabbitmq.url, parts=parts, **SETTINGS) as app,
        Truth(url) as truth,
    ):
        survive(private_rabbitmq, app, truth, freeze)
        survive(private_rabbitmq, app, truth, stop)
        with Connection(private_rabbitmq.url) as connection:
            for name in ALL_QUEUES:
                queue = Queue(name, queue_arguments={"x-queue-type": "quorum"}, durable=True)
                queue.bind(connection.default_channel).queue_declare()  # refused for a queue of another type
