"""The sender: what a broker does not take is told in bounded time, and a silent one is left alone for a while."""

import time

import pytest

from tests.processes import Server
from twooter.broker import Sender, create_celery
from twooter.settings import Settings


def sender(broker: Server) -> Sender:
    return Sender(create_celery(Settings.model_validate({"broker_url": broker.url})))


def failing_seconds(send: Sender) -> float:
    """Return how long it took to fail."""
    began = time.monotonic()
    with pytest.raises(Exception):  # noqa: B017, PT011 - each transport has errors of its own; any means: not taken
        send("aggregates", 1)
    return time.monotonic() - began


def test_a_frozen_redis_costs_a_moment_and_then_nothing_for_as_long(private_redis: Server) -> None:
    send = sender(private_redis)
    send("aggregates", 1)
    private_redis.freeze()
    assert failing_seconds(send) < 5
    assert failing_seconds(send) < 0.1
    private_redis.thaw()


def test_a_frozen_rabbitmq_confirms_nothing_and_costs_seconds(private_rabbitmq: Server) -> None:
    send = sender(private_rabbitmq)
    send("aggregates", 1)
    private_rabbitmq.freeze()
    assert 1 < failing_seconds(send) < 15
    assert failing_seconds(send) < 0.1
    private_rabbitmq.thaw()
