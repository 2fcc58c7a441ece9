"""Answers: rows are read as PyMySQL reads them, whatever they hold, and errors end in the same place."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pymysql
import pytest
from pymysql.constants import CLIENT

from tests.storage.test_database import of_servers
from twooter.storage.answers import QuickConnection
from twooter.storage.database import Storage

pytestmark = of_servers

HELD = {
    "whole numbers": "SELECT -1, 0, 9223372036854775807, 18446744073709551615, CAST(7 AS SIGNED), TRUE",
    "numbers with a point": "SELECT 1.5, 1e300, CAST('0.10' AS DECIMAL(10, 2)), 1/3",
    "times": "SELECT CAST('2026-01-02' AS DATE), CAST('2026-01-02 03:04:05.678' AS DATETIME(3)), "
    "CAST('-12:34:56.7' AS TIME(1)), CAST('2026' AS YEAR)",
    "texts": "SELECT '', 'é 🐦', REPEAT('x', 250), REPEAT('x', 251), REPEAT('é', 65535), REPEAT('x', 65536)",
    "bytes": "SELECT X'00FF80', CAST('é' AS BINARY), b'101', REPEAT(X'FE', 300), UNHEX('FEFEFEFEFEFEFEFEFE')",
    "JSON": "SELECT JSON_ARRAY('é', 1, NULL), JSON_OBJECT('a', '🐦')",
    "nothing": "SELECT NULL, NULL, '', NULL",
    "no rows": "SELECT 1, 'a' FROM DUAL WHERE 1 = 0",
    "many rows": "SELECT 1, 'one' UNION ALL SELECT 2, NULL UNION ALL SELECT NULL, '' UNION ALL SELECT 4, X'FE'",
    "several answers": "SELECT 1; SELECT 'a', 2 UNION ALL SELECT 'b', 3; DO 0; SELECT 5 FROM DUAL WHERE 1 = 0",
    "warnings": "SELECT CAST('12x' AS SIGNED), 1/0",
    "a refusal": "SELECT * FROM no_such_table",
    "a refusal between answers": "SELECT 1; SELECT * FROM no_such_table; SELECT 2",
    "a refusal between rows": "SELECT 1 UNION ALL SELECT (SELECT 1 UNION ALL SELECT 2)",
}


@pytest.fixture
def connections(storage: Storage) -> Iterator[list[Any]]:  # Any: connections of the DB-API
    """Return PyMySQL's own connection, and ours."""
    options: Any = storage.database.connect_params | {"client_flag": CLIENT.MULTI_STATEMENTS}
    made = [
        kind(database=storage.database.database, autocommit=True, **options)
        for kind in (pymysql.connections.Connection, QuickConnection)
    ]
    with closing(made[0]), closing(made[1]):
        yield made


def told(connection: Any, sql: str) -> list[Any]:  # Any: as above
    """Return all that a connection tells of statements."""
    found: list[Any] = []
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
        more: bool | None = True
        while more:
            rows = [[(type(value), value) for value in row] for row in cursor.fetchall()]
            found.append((rows, cursor.rowcount, cursor.description, cursor.warning_count))
            more = cursor.nextset()
    except pymysql.MySQLError as ex:
        found.append((type(ex), ex.args))
    cursor.execute("SELECT 'still here'")  # whatever went wrong, nothing of it is left on the way
    return [*found, cursor.fetchall()]


@pytest.mark.parametrize("sql", HELD.values(), ids=HELD)
def test_rows_are_what_pymysql_makes_of_them(connections: list[Any], sql: str) -> None:
    theirs, ours = connections
    for _ in range(2):  # once with columns that are described for the first time
        assert told(ours, sql) == told(theirs, sql)


def test_a_row_that_is_longer_than_a_packet_is_whole(connections: list[Any]) -> None:
    _, ours = connections
    with ours.cursor() as cursor:
        cursor.execute("SELECT REPEAT('x', 9000000), REPEAT('y', 9000000), 'end' UNION ALL SELECT 1, 2, 3")
        (xs, ys, end), short = cursor.fetchall()
    assert (xs, ys, end) == ("x" * 9_000_000, "y" * 9_000_000, "end")
    assert short == ("1", "2", "3")


def test_a_connection_that_the_server_ends_is_lost(connections: list[Any]) -> None:
    theirs, ours = connections
    with theirs.cursor() as cursor:
        cursor.execute(f"KILL {ours.thread_id()}")
    for _ in range(2):
        with pytest.raises((pymysql.OperationalError, pymysql.InterfaceError)):
            ours.query("SELECT 1")
