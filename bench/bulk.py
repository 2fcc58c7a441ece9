"""Multi-row inserts as fast as a plain MySQL connection takes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.converters import escape_string

from twooter.storage.tables import Table

STEP = 2_000
"""Rows of one statement: some hundred kilobytes."""


@contextlib.contextmanager
def connected(url: str, *, database: bool = True) -> Iterator[Any]:  # Any: PyMySQL has no types
    """Open a connection to the database that the URL names, or to its server alone."""
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")) if database else None,
        charset="utf8mb4",
        autocommit=True,
    )
    try:
        yield connection
    finally:
        connection.close()


def insert(connection: Any, table: type[Table], columns: str, rows: Iterable[str]) -> int:
    """Insert rows given as SQL, `(1, 'text')`; return how many there were."""
    names = ", ".join(f"`{name}`" for name in columns.split())
    head = f"INSERT INTO `{table._meta.table_name}` ({names}) VALUES "  # noqa: S608 - names of our own tables
    source, count = iter(rows), 0
    while part := list(islice(source, STEP)):
        connection.query(head + ",".join(part))
        count += len(part)
    return count


def quote(text: str) -> str:
    """Return a text as an SQL literal."""
    return f"'{escape_string(text)}'"


def value(connection: Any, sql: str) -> Any:
    """Return the first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]
