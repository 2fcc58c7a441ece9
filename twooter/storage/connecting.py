"""How to connect: database URLs, SQLite's pragmas, MySQL's TLS modes and timeouts."""

from __future__ import annotations

import ipaddress
import sqlite3
import ssl
import time
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import peewee
import pymysql
from pymysql.constants import CLIENT

from twooter.metrics import CONNECTS
from twooter.settings import Settings

LOCK_WAIT_SECONDS = 2
"""A statement that waits longer for a row gives up; below the read timeout, which would cost the connection too."""

_BUSY_SECONDS, _PAUSE_SECONDS = 5, 0.01
_CATALOGUES = ("information_schema", "mysql", "performance_schema", "sys")
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "busy_timeout": 5000,
    "foreign_keys": 0,
    "cache_size": -16_000,
}


class _Sqlite(peewee.SqliteDatabase):
    """SQLite whose new file several processes may open at once."""

    def _set_pragmas(self, connection: sqlite3.Connection) -> None:
        # of two that turn a file's journal to WAL one is refused at once, whatever its timeout: each awaits the other
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                super()._set_pragmas(connection)  # type: ignore[misc]  # not in Peewee's types
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return


class _Mysql(peewee.MySQLDatabase):
    """MySQL to which a connection takes a bounded time, and on which a lock is awaited for a bounded time."""

    def _connect(self) -> pymysql.Connection[Any]:
        start, outcome = time.perf_counter(), "failed"
        try:
            connection = self._open()
            outcome = "made"
            return connection
        finally:
            CONNECTS.labels(outcome).observe(time.perf_counter() - start)

    def _open(self) -> pymysql.Connection[Any]:
        connection = pymysql.connect(
            database=self.database, autocommit=True, defer_connect=True, **self.connect_params
        )
        # a greeting would be awaited as long as a statement's answer: too long where a server, or the proxy before it,
        # accepts connections and says nothing
        patience, connection._read_timeout = connection._read_timeout, connection.connect_timeout  # noqa: SLF001 - as above
        connection.connect()
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}")
        connection._read_timeout = patience  # noqa: SLF001 - as above
        return connection


class _Vitess(_Mysql):
    """Vitess that finds tables by their names alone: no keyspace is the default, so catalogues are asked for each."""

    def get_tables(self, schema: str | None = None) -> list[str]:
        places = self._keyspaces() if schema is None else [schema]
        return list(chain.from_iterable(map(super().get_tables, places)))

    def get_columns(self, table: str, schema: str | None = None) -> list[peewee.ColumnMetadata]:
        return super().get_columns(table, schema or self._keyspace_of(table))

    def get_indexes(self, table: str, schema: str | None = None) -> list[peewee.IndexMetadata]:
        return super().get_indexes(table, schema or self._keyspace_of(table))

    def _keyspaces(self) -> list[str]:
        return [name for (name,) in self.execute_sql("SHOW DATABASES") if name not in _CATALOGUES]

    def _keyspace_of(self, table: str) -> str | None:
        return next((place for place in self._keyspaces() if table in self.get_tables(place)), None)


def connect(settings: Settings) -> peewee.Database:
    """Return the database of the settings, not yet connected.

    Raises: ValueError for an URL that is neither SQLite's nor MySQL's.
    """
    url = urlsplit(settings.database_dsn)
    if url.scheme == "sqlite":
        path = unquote(url.path[1:])  # three slashes: a path from here; four: from the root
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        database: Any = _Sqlite(path, pragmas=_PRAGMAS, lock_type="IMMEDIATE", timeout=_BUSY_SECONDS)
    elif url.scheme in ("mysql", "mysql+pymysql", "mariadb"):
        name = unquote(url.path.lstrip("/"))
        # `@primary` is no database: it says which tablets
        kind = _Vitess if name.startswith("@") else _Mysql
        database = kind(name, **_mysql_options(settings))
    else:
        raise ValueError("TWOOTER_DATABASE_URL must begin with mysql:// or sqlite:///")
    # Peewee connects under one lock: threads would wait in line for a server that does not answer. There is nothing to
    # guard, for each thread has a connection and its state to itself.
    database._lock = nullcontext()  # noqa: SLF001 - as above
    return database  # type: ignore[no-any-return]  # Any: the lock is not in Peewee's types


def place(settings: Settings) -> str:
    """Return where the database is, without user and password."""
    url = urlsplit(settings.database_dsn)
    return unquote(url.path[1:]) if url.scheme == "sqlite" else f"{url.hostname}:{url.port or 3306}"


def patient(database: peewee.Database) -> peewee.Database:
    """Return another connection to the same database that waits for answers as long as they take, as DDL may."""
    if not isinstance(database, _Mysql):
        return database
    options = database.connect_params | {"read_timeout": None, "write_timeout": None}
    return type(database)(database.database, **options)


def _mysql_options(settings: Settings) -> dict[str, Any]:  # Any: PyMySQL's options
    url = urlsplit(settings.database_dsn)
    query = parse_qs(url.query)
    options: dict[str, Any] = {
        "host": url.hostname or "127.0.0.1",
        "port": url.port or 3306,
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "connect_timeout": settings.database_connect_timeout_seconds,
        "read_timeout": settings.database_read_timeout_seconds,
        "write_timeout": settings.database_read_timeout_seconds,
        "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "local_infile": False,
        # Session sends several statements in a packet; their values are never text of SQL, the driver quotes them
        "client_flag": CLIENT.MULTI_STATEMENTS,
    }
    if socket := query.get("unix_socket"):
        options["unix_socket"] = socket[0]
    return options | tls_options(settings, options["host"], local="unix_socket" in options)


def tls_options(settings: Settings, host: str, *, local: bool) -> dict[str, Any]:
    """Return PyMySQL's options for the TLS mode; `ssl_ca` alone would verify nothing, so a context is passed."""
    mode = settings.database_tls
    if mode == "auto":
        mode = "disabled" if local or _is_loopback(host) else "verify-identity"
    if mode == "disabled":
        return {"ssl_disabled": True}
    if mode == "preferred":
        return {}
    context = ssl.create_default_context(cafile=settings.database_tls_ca)
    context.check_hostname = mode == "verify-identity"
    if mode == "required":
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
