"""Fixtures of the tests of live updates: a server on a port of its own, with Redis, and people."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from tests.houses import PASSWORD
from tests.listeners import Listener
from tests.outbox import drain
from tests.processes import wait_until
from twooter.api.live import server as server_module
from twooter.api.live.server import StreamServer
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.domain.twoots import Draft, Twoot
from twooter.services.house import Services

ORIGIN = "https://app.example.com"


@pytest.fixture
def changes(redis_url: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Ask for Redis, and for what a test wants besides."""
    asked = {"cache_url": SecretStr(redis_url), "cors_origins": (ORIGIN,), "cache_timeout_seconds": 1.0}
    return {**asked, **getattr(request, "param", {})}


@pytest.fixture
def server(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamServer]:
    """Serve from a thread, which looks at tokens again within a second or two."""
    monkeypatch.setattr(server_module, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr(server_module, "_TICK_SECONDS", 0.1)
    made, stop = StreamServer(services), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(made.serve("127.0.0.1", 0, stop)))
    thread.start()
    try:
        wait_until(lambda: made.trouble() is None, seconds=20, what="the stream")
        yield made
    finally:
        stop.set()
        thread.join(20)


class Person:
    """An account that acts, and listens."""

    def __init__(self, services: Services, server: StreamServer, name: str) -> None:
        self._services, self._server = services, server
        account = services.accounts.register(name, f"{name}@example.com", PASSWORD, None)
        self.token = services.tokens.issue(account.id, Client("192.0.2.1")).bearer
        self.id = account.id

    @property
    def viewer(self) -> Viewer:
        """Return who it is."""
        return self._services.authenticate(self.token)

    def listen(self, topics: str, **more: Any) -> Listener:
        """Return a connection that has begun."""
        assert self._server.port is not None
        listener = Listener(self._server.port, topics, token=self.token, **more)
        assert listener.status == 200, listener.problem
        return listener.ready()

    def write(self, text: str = "Tea.", **more: Any) -> Twoot:
        """Publish, and let workers do their part."""
        twoot = self._services.twoots.publish(self.viewer, Draft(text, **more)).twoot
        drain(self._services)
        return twoot

    def follow(self, other: "Person") -> None:
        """Follow, and let workers do their part."""
        self._services.follows.follow(self.viewer, other.id)
        drain(self._services)


@pytest.fixture
def person(services: Services, server: StreamServer) -> Callable[[str], Person]:
    """Return what registers somebody."""
    return lambda name: Person(services, server, name)


@pytest.fixture
def ada(person: Callable[[str], Person]) -> Person:
    """Return who listens."""
    return person("ada")


@pytest.fixture
def ben(person: Callable[[str], Person]) -> Person:
    """Return who writes."""
    return person("ben")
