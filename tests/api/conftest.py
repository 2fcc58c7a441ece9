"""Fixtures of the API's tests: a client without a server, signed-up accounts."""

from collections.abc import Callable

import pytest
from falcon.testing import TestClient

from tests.houses import PASSWORD
from twooter.api.app import create_app
from twooter.domain.clients import Client
from twooter.services.house import Services

SignUp = Callable[[str], str]


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
