"""Migrations: applied once however often they are started, and equal to the tables the code knows."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MYSQL_URL
from tests.processes import wait_until
from twooter.services.schemas import await_schema
from twooter.settings import Settings
from twooter.storage.database import Storage
from twooter.storage.migrations import migrate, pending
from twooter.storage.tables import TABLES

ROOT = Path(__file__).parents[2]
FIRST = "0001_first"
of_servers = pytest.mark.parametrize("backend", ["mariadb", *(["mysql"] if MYSQL_URL else [])])


@contextmanager
def opened(url: str, **settings: Any) -> Iterator[Storage]:
    storage = Storage.open(Settings.model_validate({"database_url": url, **settings}))
    try:
        yield storage
    finally:
        storage.close()


def command(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "twooter", "migrate", *arguments],
        env={**os.environ, "TWOOTER_DATABASE_URL": url},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_migrations_at_once_apply_everything_once(empty_url: str) -> None:
    both = [command(empty_url) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0].strip().splitlines()[-1] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said[0].startswith(f"Applied: {FIRST}")
    assert said[1] == "The schema is up to date."
    with opened(empty_url) as storage:
        assert pending(storage) == []


def test_check_changes_nothing_and_says_what_is_pending(empty_url: str) -> None:
    process = command(empty_url, "--check")
    assert FIRST in process.communicate(timeout=60)[0]
    assert process.returncode == 1
    with opened(empty_url) as storage:
        assert storage.database.get_tables() == []
        migrate(storage)
    process = command(empty_url, "--check")
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_migration_that_was_killed_half_way_is_finished_by_the_next(empty_url: str) -> None:
    with opened(empty_url) as storage:
        with storage.database.bind_ctx(TABLES):
            storage.database.create_tables(TABLES[: len(TABLES) // 2])
        assert FIRST in migrate(storage)
        assert pending(storage) == []
        assert storage.database.execute_sql("SELECT COUNT(*) FROM accounts").fetchone()[0] == 2


@of_servers
def test_a_migration_waits_for_another_longer_than_a_statement_may_take(empty_url: str) -> None:
    with (
        opened(empty_url, database_read_timeout_seconds=0.2) as storage,
        opened(empty_url) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        name = other.database.database
        other.database.execute_sql("SELECT GET_LOCK(%s, 1)", (f"twooter_migrate:{name}",))
        waiting = (
            "SELECT COUNT(*) FROM information_schema.processlist"
            " WHERE db = %s AND info LIKE 'SELECT GET_LOCK%%' AND time >= 1"
        )
        migrating = pool.submit(migrate, storage)
        wait_until(
            lambda: other.database.execute_sql(waiting, (name,)).fetchone()[0] == 1,
            seconds=20,
            what="a second of waiting",
        )
        other.close()
        assert FIRST in migrating.result(30)


def columns_and_indexes(storage: Storage) -> dict[str, Any]:
    """Return by table what the database itself says of its columns and indexes."""
    ask = storage.database.execute_sql
    if not storage.mysql:
        return {
            table: (
                ask(f"PRAGMA table_info({table})").fetchall(),
                sorted(
                    (bool(unique), origin, [c[2] for c in ask(f"PRAGMA index_info({name})").fetchall()])
                    for _, name, unique, origin, _ in ask(f"PRAGMA index_list({table})").fetchall()
                ),
            )
            for table in storage.database.get_tables()
        }
    schema = storage.database.database
    columns = ask(
        "SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, collation_name,"
        " column_key, extra FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2",
        (schema,),
    ).fetchall()
    indexes = ask(
        "SELECT table_name, index_name, seq_in_index, column_name, non_unique FROM information_schema.statistics"
        " WHERE table_schema = %s ORDER BY 1, 2, 3",
        (schema,),
    ).fetchall()
    tables = ask(
        "SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = %s",
        (schema,),
    ).fetchall()
    return {
        name: (rest, [c[1:] for c in columns if c[0] == name], [i[1:] for i in indexes if i[0] == name])
        for name, *rest in tables
    }


def test_the_migrated_schema_is_what_the_tables_say(empty_urls: tuple[str, str]) -> None:
    with opened(empty_urls[0]) as migrated, opened(empty_urls[1]) as made:
        migrate(migrated)
        with made.database.bind_ctx(TABLES):
            made.database.create_tables(TABLES)
        found = columns_and_indexes(migrated)
        del found["schema_migrations"]
        assert found == columns_and_indexes(made)
        # FTS5 keeps its index in tables of its own beside the one that is asked
        own = {name for name in found if name.startswith("search_texts_")}
        assert len(own) == (0 if migrated.mysql else 5)
        assert len(found.keys() - own) == len(TABLES)


def test_the_index_of_words_is_kept_in_the_databases_own_way(storage: Storage) -> None:
    if storage.mysql:
        found = storage.database.execute_sql("SHOW CREATE TABLE search_texts").fetchone()[1]
        assert "FULLTEXT KEY `search_texts_words` (`words`)" in found
    else:
        found = storage.database.execute_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'search_texts'"
        ).fetchone()[0]
        assert "USING fts5(" in found


class Meanwhile(threading.Event):
    """Does something while somebody waits for it, and is never set."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the signature of an Event
        self._act()
        return False


def test_a_schema_too_old_keeps_a_process_waiting_until_it_is_migrated(empty_url: str) -> None:
    with opened(empty_url) as storage:
        assert await_schema(storage, Meanwhile(lambda: migrate(storage)))
        assert pending(storage) == []


def test_a_schema_newer_than_the_code_is_fine(storage: Storage) -> None:
    storage.database.execute_sql(
        "INSERT INTO schema_migrations (name, applied) VALUES ('9999_future', '2030-01-01')"
    )
    assert pending(storage) == []
    assert await_schema(storage, threading.Event())


@of_servers
def test_a_process_that_starts_before_its_database_waits_for_it(storage: Storage) -> None:
    options = storage.database.connect_params
    port, options["port"] = options["port"], 1  # where nobody listens
    assert await_schema(storage, Meanwhile(lambda: options.update(port=port)))


def test_a_process_that_is_stopped_meanwhile_takes_no_work(empty_url: str) -> None:
    with opened(empty_url) as storage:
        stopping = threading.Event()
        stopping.set()
        assert not await_schema(storage, stopping)
