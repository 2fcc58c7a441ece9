"""Fixtures of the API's tests: the services of one database, a client without a server, signed-up accounts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from falcon.testing import TestClient

from tests.outbox import drain as drain_outbox
from twooter.api.app import create_app
from twooter.domain.clients import Client
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.wiring import wire

PASSWORD = "correct horse battery"

SignUp = Callable[[str], str]
Drain = Callable[[Services], None]


@pytest.fixture
def changes() -> dict[str, Any]:
    """Return settings that differ from a laptop's; a test parametrizes this."""
    return {}


@pytest.fixture
def services(settings: Settings, changes: dict[str, Any]) -> Iterator[Services]:
    """Return the services of a fresh database."""
    wired = wire(settings.model_copy(update=changes))
    yield wired
    wired.ids.release()
    wired.storage.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    """Return a client of the whole application, without a server."""
    return TestClient(create_app(services))


@pytest.fixture
def sign_up(services: Services) -> SignUp:
    """Return what registers an account with `PASSWORD`, unconfirmed, and returns a bearer token of it."""

    def register(username: str) -> str:
        account = services.accounts.register(username, f"{username}@example.com", PASSWORD, None)
        return services.tokens.issue(account.id, Client("192.0.2.1")).bearer

    return register


@pytest.fixture
def drain() -> Drain:
    """Return what runs the outbox to its end: every event at every consumer."""
    return drain_outbox
