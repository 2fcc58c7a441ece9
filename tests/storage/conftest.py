"""Fixtures of the storage's tests: databases without a schema, a second connection."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MYSQL_URL
from twooter.settings import Settings
from twooter.storage.database import Storage


@pytest.fixture
def other(settings: Settings) -> Iterator[Storage]:
    """Open the database a second time."""
    opened = Storage.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def empty_urls(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Return the URLs of two databases without a table."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'first.sqlite3'}", f"sqlite:///{tmp_path / 'second.sqlite3'}"
        return
    server = (
        request.getfixturevalue("mariadb_server_url")
        if backend == "mariadb"
        else MYSQL_URL.rpartition("/")[0]
    ).rstrip("/")
    names = [f"twooter_empty_{secrets.token_hex(4)}" for _ in range(2)]
    admin = Storage.open(Settings.model_validate({"database_url": f"{server}/information_schema"}))
    for name in names:
        admin.database.execute_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield f"{server}/{names[0]}", f"{server}/{names[1]}"
    for name in names:
        admin.database.execute_sql(f"DROP DATABASE {name}")
    admin.close()


@pytest.fixture
def empty_url(empty_urls: tuple[str, str]) -> str:
    """Return the URL of a database without a table."""
    return empty_urls[0]
