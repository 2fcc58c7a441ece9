"""Mail addresses are owned under one key, which outlives the keys that sign; a lost one is noticed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.houses import PASSWORD, opened
from tests.services.conftest import HOME
from twooter.domain.clients import Client
from twooter.errors import Conflict
from twooter.services.addresses import Addresses
from twooter.services.house import Services
from twooter.services.ownership import has_the_key
from twooter.settings import Settings

OLD, NEW = "old" * 11, "new" * 11


def keys(secret_keys: str, address_key: str | None = None) -> dict[str, Any]:  # Any: settings of all types
    """Return the settings of these keys."""
    given = Settings.model_validate({"secret_keys": secret_keys, "address_key": address_key})
    return {"secret_keys": given.secret_keys, "address_key": given.address_key}


@pytest.fixture
def changes() -> dict[str, Any]:
    """Begin with the old key alone."""
    return keys(OLD)


@contextmanager
def rewired(settings: Settings, changes: dict[str, Any]) -> Iterator[Services]:
    """Give the services of a process that was started anew with other keys."""
    with opened(settings.model_copy(update=changes)) as services:
        yield services


def own(services: Services, username: str, email: str) -> int:
    """Make an account that owns an address; return its id."""
    made = services.accounts.register(username, email, PASSWORD, None)
    services.confirmations.confirm_for(username)
    return made.id


def test_where_nobody_owns_an_address_every_key_will_do(services: Services) -> None:
    assert has_the_key(services.storage, Addresses(b"any"))


def test_another_key_than_that_of_the_owned_addresses_is_noticed(services: Services) -> None:
    for number in range(7):
        own(services, f"user{number}", f"user{number}@example.com")
    assert has_the_key(services.storage, Addresses(OLD.encode()))
    assert not has_the_key(services.storage, Addresses(NEW.encode()))


@pytest.mark.parametrize("after", [keys(f"{NEW},{OLD}"), keys(NEW, OLD)], ids=["added", "replaced"])
def test_new_signing_keys_take_nobodys_address(
    services: Services, settings: Settings, after: dict[str, Any]
) -> None:
    alice = own(services, "alice", "alice@example.com")
    with rewired(settings, after) as later:
        bearer = later.tokens.sign_in("Alice@Example.com", PASSWORD, Client(HOME)).bearer
        assert later.authenticate(bearer).account_id == alice
        with pytest.raises(Conflict):
            own(later, "mallory", "alice@example.com")
