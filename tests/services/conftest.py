"""Fixtures of the services' tests: all services on one fresh database, and people to act."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.outbox import drain as drain_outbox
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.wiring import wire

PASSWORD = "correct horse battery"
HOME = "192.0.2.1"

SignIn = Callable[[str], Viewer]


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
def join(services: Services) -> SignIn:
    """Return what registers an account with `PASSWORD`, unconfirmed, and signs it in from `HOME`."""

    def register(username: str) -> Viewer:
        account = services.accounts.register(username, f"{username}@example.com", PASSWORD, None)
        return services.authenticate(services.tokens.issue(account.id, Client(HOME)).bearer)

    return register


@pytest.fixture
def drain(services: Services) -> Callable[[], None]:
    """Return what runs the outbox to its end: every event at every consumer."""
    return lambda: drain_outbox(services)
