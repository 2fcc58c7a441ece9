"""The services of one database, put together as a process does it, and closed when a test is done with them."""

from collections.abc import Iterator
from contextlib import contextmanager

from twooter.services.house import Services
from twooter.settings import Settings
from twooter.wiring import wire

PASSWORD = "correct horse battery"
"""Of every account that a test makes."""


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    """Give the services of the settings, then their node number and their connections back."""
    services = wire(settings)
    try:
        yield services
    finally:
        services.ids.release()
        services.storage.close()
