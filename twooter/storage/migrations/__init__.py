"""Numbered migrations, and how they are applied: under a lock, once, safe to start twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peewee import Database
from playhouse.migrations import Runner

from twooter.errors import Unavailable
from twooter.storage.connecting import patient
from twooter.storage.database import Storage

_LOCK_SECONDS = 60
_DDL_LOCK_SECONDS = 10
_DIRECTORY = Path(__file__).parent


def pending(storage: Storage) -> list[str]:
    """Return the migrations this version has and the database has not, in order.

    Raises: Unavailable when the database does not answer.
    """
    found = storage.read(lambda _: _runner(storage.database).status())
    return [m.name for m in found if m.path is not None and not m.applied]


def version(storage: Storage) -> int:
    """Return the number of the newest migration the database has, be it known here or not; 0 without any.

    Raises: Unavailable when the database does not answer.
    """
    found = storage.read(lambda _: _runner(storage.database).status())
    return max((int(m.name.partition("_")[0]) for m in found if m.applied), default=0)


def migrate(storage: Storage) -> list[str]:
    """Apply what is pending; return its names. A second caller waits and finds nothing left.

    Raises: Unavailable when the database does not answer, or another migration holds the lock for longer than a minute.
    """
    database = patient(storage.database)
    lock = _locked(database) if storage.mysql else _file_locked(database)
    with storage.calm(), lock:
        applied: list[str] = _runner(database).up()
    return applied


def _runner(database: Database) -> Runner:
    return Runner(database, str(_DIRECTORY), table_name="schema_migrations")


@contextmanager
def _file_locked(database: Database) -> Iterator[None]:
    with Path(f"{database.database}.migrate").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked(database: Database) -> Iterator[None]:
    name = f"twooter_migrate:{database.database}"[:64]
    try:
        if database.execute_sql("SELECT GET_LOCK(%s, %s)", (name, _LOCK_SECONDS)).fetchone()[0] != 1:
            raise Unavailable("Another migration is running; try again when it is done.")
        # a short wait: DDL that queues behind a long transaction would hold up everybody behind it
        database.execute_sql(f"SET SESSION lock_wait_timeout = {_DDL_LOCK_SECONDS}")
        yield
    finally:
        database.close()  # the lock goes with the connection, which is nobody else's
