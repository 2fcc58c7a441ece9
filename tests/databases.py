"""Fresh, migrated, empty databases: a copied file for SQLite, one emptied database per worker for MySQL's kind."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.cursors import Cursor

from twooter.settings import Settings
from twooter.storage import keyspaces
from twooter.storage.database import Storage
from twooter.storage.migrations import migrate
from twooter.storage.tables import TABLES


def migrate_url(url: str) -> None:
    """Bring the database at that URL to the newest schema, and leave no connection behind."""
    storage = Storage.open(Settings.model_validate({"database_url": url}))
    try:
        migrate(storage)
    finally:
        storage.close()


class VitessDatabase:
    """A sharded Vitess that is this run's alone, its VSchemas in place; migrated once, emptied between tests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._storage = Storage.open(Settings.model_validate({"database_url": url, "database_sharded": True}))
        self._tables = [table._meta.table_name for table in TABLES]
        if self._storage.database.table_exists("schema_migrations"):
            self._empty(
                ["schema_migrations", *self._tables]
            )  # what a migration has put into a table comes again
        migrate(self._storage)
        keyspaces.prepare(self._storage)
        self._first_rows = {table: rows for table in self._tables if (rows := self._rows(table))}
        self._storage.close()

    def fresh(self) -> str:
        """Return the URL after putting every table back to what the migrations left in it."""
        self._empty(self._tables)
        for table, rows in self._first_rows.items():
            for row in rows:
                places = ", ".join(["%s"] * len(row))
                columns = ", ".join(f"`{name}`" for name in row)
                self._run(f"INSERT INTO `{table}` ({columns}) VALUES ({places})", tuple(row.values()))  # noqa: S608 - the code's own names
        self._storage.close()
        return self.url

    def _empty(self, tables: list[str]) -> None:
        for table in tables:
            if self._run(f"SELECT 1 FROM `{table}` LIMIT 1").fetchone():  # noqa: S608 - as above
                self._run(f"DELETE FROM `{table}`")  # noqa: S608 - as above

    def _rows(self, table: str) -> list[dict[str, Any]]:
        cursor = self._run(f"SELECT * FROM `{table}`")  # noqa: S608 - as above
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _run(self, sql: str, values: tuple[Any, ...] = ()) -> Any:  # Any: a DB-API cursor
        return self._storage.database.execute_sql(sql, values)


class SqliteTemplate:
    """A file migrated once; every test gets a copy."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "template.sqlite3"
        migrate_url(f"sqlite:///{self._file}")

    def fresh(self, folder: Path) -> str:
        """Return the URL of a new copy in that folder."""
        target = folder / "twooter.sqlite3"
        shutil.copyfile(self._file, target)
        return f"sqlite:///{target}"


class MysqlDatabase:
    """A database of one test worker on a server that others use too; migrated once, emptied between tests."""

    def __init__(self, server_url: str, name: str) -> None:
        self.url, self.name = f"{server_url.rstrip('/')}/{name}", name
        with self._cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        migrate_url(self.url)
        with self._cursor() as cursor:
            self._first_rows = {table: self._rows(cursor, table) for table in self._filled(cursor)}

    def fresh(self) -> str:
        """Return the URL after putting every table back to what the migrations left in it."""
        with self._cursor() as cursor:
            filled = self._filled(cursor)
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 5, autocommit = 0")
            for table in sorted(filled | self._first_rows.keys()):
                self._put_back(cursor, table)
            cursor.execute("COMMIT")
        return self.url

    def _put_back(self, cursor: Cursor, table: str) -> None:
        before = self._first_rows.get(table, ())
        if before and self._rows(cursor, table) == before:
            return
        cursor.execute(f"DELETE FROM `{self.name}`.`{table}`")  # noqa: S608 - names out of the catalogue
        if before:
            places = ", ".join(["%s"] * len(before[0]))
            cursor.executemany(f"INSERT INTO `{self.name}`.`{table}` VALUES ({places})", before)  # noqa: S608 - as above

    def drop(self) -> None:
        """Remove the database from the server."""
        with self._cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.name}`")

    def _filled(self, cursor: Cursor) -> set[str]:
        """Return the tables that hold a row, asked in one statement."""
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (self.name,)
        )
        tables = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{t}' FROM DUAL WHERE EXISTS (SELECT 1 FROM `{self.name}`.`{t}`)"  # noqa: S608 - as above
                for t in tables
            )
        )
        return {row[0] for row in cursor.fetchall()}

    def _rows(self, cursor: Cursor, table: str) -> tuple[tuple[Any, ...], ...]:
        cursor.execute(f"SELECT * FROM `{self.name}`.`{table}`")  # noqa: S608 - as above
        return tuple(cursor.fetchall())

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        parts = urlsplit(self.url)
        connection = pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            autocommit=True,
        )
        try:
            yield connection.cursor()
        finally:
            connection.close()
