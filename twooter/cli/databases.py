"""What commands that work on the data begin with: the services, on a database whose schema fits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from twooter import logs
from twooter.errors import TwooterError
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage.database import Storage
from twooter.storage.migrations import migrate, pending
from twooter.wiring import wire


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    """Give the services of the settings, and close them; on a laptop the schema is brought up to date first.

    Refusals of Twooter's own become one sentence on standard error and exit code 1.
    """
    quiet(settings)
    with refusals():
        services = wire(settings)
        try:
            _check_schema(settings, services.storage)
            services.start()  # a long import outlives the lease of its node number, which the background renews
            yield services
        finally:
            services.stop()


@contextmanager
def refusals() -> Iterator[None]:
    """Turn Twooter's own errors into what click shows."""
    try:
        yield
    except TwooterError as ex:
        raise click.ClickException(ex.detail) from ex


def quiet(settings: Settings) -> None:
    """Log only what is wrong, to standard error: standard output is for what was asked for."""
    logs.configure(settings.model_copy(update={"log_level": "warning"}), sys.stderr)


def _check_schema(settings: Settings, storage: Storage) -> None:
    if settings.env != "production":
        migrate(storage)
    elif missing := pending(storage):
        raise click.ClickException(
            f"The database lacks {', '.join(missing)}: run `python -m twooter migrate` first."
        )
