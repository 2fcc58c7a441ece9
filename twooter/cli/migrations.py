"""`migrate`: the database's schema."""

from __future__ import annotations

import sys
import time

import click

from twooter.cli.databases import quiet, refusals
from twooter.errors import Unavailable
from twooter.services.addresses import Addresses
from twooter.services.ownership import has_the_key
from twooter.settings import Settings, read_settings
from twooter.storage import keyspaces, migrations
from twooter.storage.connecting import place
from twooter.storage.database import Storage
from twooter.storage.failures import explain

_RETRY_SECONDS = 1.0


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when a migration is pending.")
@click.option(
    "--wait-seconds",
    default=0,
    show_default=True,
    type=click.IntRange(0, 3600),
    help="How long to wait for a database that comes up.",
)
def migrate(*, check: bool, wait_seconds: int) -> None:
    """Bring the database's schema up to date.

    Applies what is pending, each migration once, under a lock: a second `migrate` waits and finds nothing left. Run it
    before the new version starts; the version still running is fine with the new schema, and so is the one before: on a
    schema newer than itself this changes nothing and succeeds. Ends with 1 and a sentence when it cannot.
    """
    settings = read_settings()
    quiet(settings)
    with refusals():
        storage = Storage.open(settings)
        try:
            _await_database(storage, settings, wait_seconds)
            if check:
                _check(storage)
                return
            applied = migrations.migrate(storage)
            if storage.is_sharded:
                keyspaces.prepare(storage)
            _check_address_key(storage, settings)
        finally:
            storage.close()
    click.echo(f"Applied: {', '.join(applied)}" if applied else "The schema is up to date.")


def _await_database(storage: Storage, settings: Settings, wait_seconds: float) -> None:
    """Return once the database answers.

    Raises: ClickException when it does not, in so many seconds.
    """
    until = time.monotonic() + wait_seconds
    while True:
        try:
            storage.read(lambda tx: tx.now_ms())
        except Unavailable as ex:
            if time.monotonic() >= until:
                why = explain(ex.__cause__)
                raise click.ClickException(
                    f"Nothing was migrated. The database at {place(settings)} {why}"
                ) from ex
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _check_address_key(storage: Storage, settings: Settings) -> None:
    if not has_the_key(storage, Addresses(settings.hashing_key())):
        raise click.ClickException(
            "The mail addresses in this database were claimed under another key, so nobody could sign in by address, "
            "and an address could get a second owner. Keep the last key of TWOOTER_SECRET_KEYS, or set "
            "TWOOTER_ADDRESS_KEY to the one that was last before."
        )


def _check(storage: Storage) -> None:
    missing = migrations.pending(storage)
    if missing:
        click.echo(f"Pending: {', '.join(missing)}")
        sys.exit(1)
    click.echo("The schema is up to date.")
