"""The sender and the asker: what a broker does not take, or does not tell, is known in bounded time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from tests.processes import Server, wait_until
from twooter.broker import ALL_QUEUES, Depths, Sender, create_celery
from twooter.domain.queues import QueueFigures
from twooter.settings import Settings

pytestmark = pytest.mark.timeout(300)  # servers start, on a busy machine too


def sender(broker: Server) -> Sender:
    """Return what has sent something: on a busy machine a moment may be too short for that, also with Redis there."""
    send = Sender(create_celery(Settings.model_validate({"broker_url": broker.url})))

    def taken() -> bool:
        with suppress(Exception):  # each transport has errors of its own; any means: not taken
            send("aggregates", 1)
            return True
        return False

    wait_until(taken, seconds=30, what="a first task in its queue")
    return send


def patient(broker: Server) -> Sender:
    """Return what sends everything once, however long that takes."""
    app = create_celery(Settings.model_validate({"broker_url": broker.url}))
    if broker.name == "redis":
        app.conf.broker_transport_options |= {"socket_timeout": 20, "socket_connect_timeout": 20}
    return Sender(app)


def failing_seconds(send: Sender) -> float:
    """Return how long it took to fail."""
    began = time.monotonic()
    with pytest.raises(Exception):  # noqa: B017, PT011 - each transport has errors of its own; any means: not taken
        send("aggregates", 1)
    return time.monotonic() - began


def assert_rests(send: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Assert that a broker that has just failed is not asked, until as long again has gone by."""
    rests_until = send._rests_until
    with monkeypatch.context() as patch:
        patch.setattr("twooter.broker.time", SimpleNamespace(monotonic=lambda: rests_until - 0.001))
        with pytest.raises(ConnectionError, match="a moment ago"):
            send("aggregates", 1)


def test_a_frozen_redis_costs_a_moment_and_then_nothing_for_as_long(
    private_redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sender(private_redis)
    private_redis.freeze()
    took_seconds = failing_seconds(send)
    assert took_seconds < 5
    assert send._rests_until > time.monotonic() - took_seconds
    assert_rests(send, monkeypatch)
    private_redis.thaw()


def test_a_frozen_rabbitmq_confirms_nothing_and_costs_seconds(
    private_rabbitmq: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sender(private_rabbitmq)
    private_rabbitmq.freeze()
    assert 1 < failing_seconds(send) < 15
    assert_rests(send, monkeypatch)
    private_rabbitmq.thaw()


@contextmanager
def asking(broker: Server) -> Iterator[Depths]:
    """Ask for depths; the connection that is kept ends here, and not whenever garbage is collected."""
    ask = Depths(Settings.model_validate({"broker_url": broker.url}))
    try:
        yield ask
    finally:
        if ask._connection is not None:
            ask._connection.release()


def test_redis_tells_what_waits_and_what_workers_hold(private_redis: Server) -> None:
    send = patient(private_redis)
    with asking(private_redis) as ask:
        empty = [QueueFigures(queue, 0, in_flight=0) for queue in ALL_QUEUES]
        assert ask() == empty
        for batch_id in range(5):
            send("aggregates", batch_id)
        send("mails", 5)
        with Connection(private_redis.url) as connection:
            taken = [
                held(connection, "aggregates"),
                held(connection, "aggregates"),
                held(connection, "notify"),
            ]
            by_queue = {found.queue: found for found in ask()}
            assert by_queue["aggregates"] == QueueFigures("aggregates", 3, in_flight=2)
            assert by_queue["notify"] == QueueFigures("notify", 0, in_flight=1)
            assert by_queue["maintenance"] == QueueFigures("maintenance", 0, in_flight=0)
            for message in taken:
                message.ack()
        assert {found.queue: found.waiting for found in ask()} == {
            "fanout": 0,
            "aggregates": 3,
            "notify": 0,
            "maintenance": 0,
        }
        assert {found.in_flight for found in ask()} == {0}


def test_rabbitmq_tells_what_waits_and_who_consumes(private_rabbitmq: Server) -> None:
    send = patient(private_rabbitmq)
    with asking(private_rabbitmq) as ask:
        assert ask() == [QueueFigures(queue, 0, consumers=0) for queue in ALL_QUEUES]
        for batch_id in range(3):
            send("aggregates", batch_id)
        wait_until(lambda: waiting(ask) == 3, seconds=30, what="three tasks")
        arguments = {"x-queue-type": "quorum"}
        with Connection(private_rabbitmq.url) as connection:
            queue = Queue("aggregates", queue_arguments=arguments)
            with connection.Consumer(queue, prefetch_count=1, accept=["json"], callbacks=[lambda *_: None]):
                connection.drain_events(timeout=10)
                wait_until(
                    lambda: QueueFigures("aggregates", 2, consumers=1) in ask(),
                    seconds=30,
                    what="a consumer",
                )


@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_a_broker_that_is_away_tells_nothing_in_bounded_time(
    kind: str, request: pytest.FixtureRequest
) -> None:
    broker: Server = request.getfixturevalue(f"private_{kind}")
    with asking(broker) as ask:
        wait_until(lambda: answers(ask), seconds=60, what="a first answer")
        for attack, repair in ((broker.freeze, broker.thaw), (broker.kill, broker.restart)):
            attack()
            for _ in range(2):
                began = time.monotonic()
                with pytest.raises(Exception):  # noqa: B017, PT011 - each transport has errors of its own
                    ask()
                assert time.monotonic() - began < 20
            repair()
            wait_until(lambda: answers(ask), seconds=60, what="an answer again")


def held(connection: Connection, queue: str) -> Any:
    """Take a message as a worker does, and leave it unacknowledged."""
    message = connection.default_channel.basic_get(queue)
    assert message is not None
    return message


def waiting(ask: Depths) -> int:
    return sum(found.waiting for found in ask())


def answers(ask: Depths) -> bool:
    try:
        return len(ask()) == len(ALL_QUEUES)
    except Exception:  # noqa: BLE001 - as above
        return False
