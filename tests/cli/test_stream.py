"""`python -m twooter stream` as a process: ready, heard, over an outage of its Redis, and ended in order."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.request import urlopen

import pytest
from pydantic import SecretStr

from tests.houses import PASSWORD, opened
from tests.listeners import Listener
from tests.processes import Server, free_port, private_folder, wait_until
from tests.rules.sources import ROOT
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.domain.twoots import Draft
from twooter.errors import Unavailable
from twooter.services.house import Services
from twooter.settings import Settings


@pytest.fixture
def services(settings: Settings, private_redis: Server) -> Iterator[Services]:
    """Return the services on a Redis that may be killed."""
    changes: dict[str, Any] = {"cache_url": SecretStr(private_redis.url), "cache_timeout_seconds": 1.0}
    with opened(settings.model_copy(update=changes)) as services:
        yield services


@pytest.fixture
def stream(settings: Settings, private_redis: Server) -> Iterator[Server]:
    """Start the process."""
    port, ops = free_port(), free_port()

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{ops}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    server = Server(
        name="stream",
        command=[sys.executable, "-m", "twooter", "stream"],
        folder=private_folder("stream"),
        port=port,
        url=f"http://127.0.0.1:{ops}",
        answers=answers,
        environment={
            "TWOOTER_DATABASE_URL": settings.database_dsn,
            "TWOOTER_CACHE_URL": private_redis.url,
            "TWOOTER_STREAM_PORT": str(port),
            "TWOOTER_METRICS_PORT": str(ops),
            "TWOOTER_VAR_DIR": str(settings.var_dir),
            "PYTHONPATH": str(ROOT),
        },
    )
    with server.start():
        yield server


def publish(services: Services, viewer: Viewer, text: str) -> str:
    """Publish, with workers' part done, as soon as Redis answers."""
    twoot = services.twoots.publish(viewer, Draft(text)).twoot

    _, deliveries = services.outboxes.seal()

    def done() -> bool:
        with suppress(
            Unavailable
        ):  # as a worker whose connections are to a Redis of the past: it is done again
            while deliveries:
                services.batches.run(deliveries[0].consumer, deliveries[0].batch_id)
                deliveries.pop(0)
        return not deliveries

    wait_until(done, seconds=20, what="the worker's part")
    return str(twoot.id)


def test_a_process_of_its_own_is_heard_over_an_outage_and_ends_in_order(
    services: Services, stream: Server, private_redis: Server
) -> None:
    account = services.accounts.register("ada", "ada@example.com", PASSWORD, None)
    token = services.tokens.issue(account.id, Client("192.0.2.1")).bearer
    viewer = services.authenticate(token)
    with Listener(stream.port, "home,public", token=token) as listener:
        listener.ready()
        first = publish(services, viewer, "Before.")
        heard = [listener.next(), listener.next()]
        assert [(h.name, h.data["id"]) for h in heard if h is not None] == [
            ("home", first),
            ("public", first),
        ]
        private_redis.restart()
        told = listener.next()
        assert told is not None
        assert (told.name, told.data) == ("reset", {"topics": ["home", "public"]})
        then = publish(services, viewer, "After.")
        after = listener.next()
        assert after is not None
        assert after.data["id"] == then
        with urlopen(f"{stream.url}/metrics", timeout=5) as metrics:  # noqa: S310 - a server of this test
            assert b"\ntwooter_stream_connections 1.0\n" in metrics.read()
        os.kill(stream.pid, signal.SIGTERM)
        last = listener.next()
        while last is not None and last.name != "end":
            last = listener.next()
        assert last is not None
        assert last.data == {"code": "stopping"}
        assert listener.next() is None
    wait_until(lambda: not stream.running(), seconds=20, what="its end")
