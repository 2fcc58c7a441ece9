"""Fresh, migrated, empty databases: a copied file for SQLite, one emptied database per worker for MySQL's kind."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.cursors import Cursor

from twooter.settings import Settings
from twooter.storage.database import Storage
from twooter.storage.migrations import migrate


def migrate_url(url: str) -> None:
    """Bring the database at that URL to the newest schema, and leave no connection behind."""
    storage = Storage.open(Settings.model_validate({"database_url": url}))
    try:
        migrate(storage)
    finally:
        storage.close()


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
        self._keep = self._filled()

    def fresh(self) -> str:
        """Return the URL after emptying every table that a test filled; rows of migrations stay."""
        filled = self._filled() - self._keep
        if filled:
            with self._cursor() as cursor:
                cursor.execute("SET SESSION innodb_lock_wait_timeout = 5, autocommit = 0")
                for table in sorted(filled):
                    cursor.execute(f"DELETE FROM `{self.name}`.`{table}`")  # noqa: S608 - names out of the catalogue
                cursor.execute("COMMIT")
        return self.url

    def drop(self) -> None:
        """Remove the database from the server."""
        with self._cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.name}`")

    def _filled(self) -> set[str]:
        """Return the tables that hold a row, asked in one statement."""
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (self.name,)
            )
            tables = [row[0] for row in cursor.fetchall()]
            if not tables:
                return set()
            cursor.execute(
                " UNION ALL ".join(
                    f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM `{self.name}`.`{t}`)"  # noqa: S608 - as above
                    for t in tables
                )
            )
            return {row[0] for row in cursor.fetchall()}

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
