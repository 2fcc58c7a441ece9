"""Fixtures of the services' tests: people to act, and what happens behind them."""

from collections.abc import Callable

import pytest

from tests.houses import PASSWORD
from tests.outbox import drain as drain_outbox
from twooter.domain.accounts import Viewer
from twooter.domain.clients import Client
from twooter.services.house import Services

HOME = "192.0.2.1"

SignIn = Callable[[str], Viewer]


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
