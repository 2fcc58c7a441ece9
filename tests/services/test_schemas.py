"""The schema at start: no work before the database is new enough, and no giving up before it is."""

import threading
from collections.abc import Iterator

import pytest

from tests.processes import wait_until
from twooter.services import schemas
from twooter.services.schemas import await_schema, when_schema_is_ready
from twooter.settings import Settings
from twooter.storage import migrations
from twooter.storage.database import Storage
from twooter.storage.migrations import migrate


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "_RETRY_SECONDS", 0.02)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Storage]:
    """Return a list that fills with each question for what is pending."""
    questions: list[Storage] = []

    def pending(storage: Storage) -> list[str]:
        questions.append(storage)
        return migrations.pending(storage)

    monkeypatch.setattr(schemas, "pending", pending)
    return questions


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """Open a database without a schema."""
    path = tmp_path_factory.mktemp("empty") / "twooter.sqlite3"
    opened = Storage.open(Settings.model_validate({"database_url": f"sqlite:///{path}"}))
    yield opened
    opened.close()


def test_a_database_that_is_new_enough_is_asked_once(storage: Storage, asked: list[Storage]) -> None:
    assert await_schema(storage, threading.Event())
    assert asked == [storage]


def test_a_database_that_is_too_old_is_waited_for(empty: Storage) -> None:
    ready = threading.Event()
    when_schema_is_ready(empty, threading.Event(), ready.set)
    assert not ready.wait(0.1)
    migrate(empty)
    assert ready.wait(10)


def waits_until_stopped(url: str, asked: list[Storage]) -> bool:
    """Tell whether what waits for the database asks again and again, until it is stopped."""
    away = Storage.open(Settings.model_validate({"database_url": url}))
    stopping, found = threading.Event(), list[bool]()
    thread = threading.Thread(target=lambda: found.append(await_schema(away, stopping)))
    thread.start()
    try:
        wait_until(lambda: len(asked) >= 3, seconds=10, what="three questions")
    finally:
        stopping.set()
        thread.join(10)
    return found == [False]


def test_a_database_that_is_away_is_waited_for(asked: list[Storage]) -> None:
    assert waits_until_stopped("mysql://nobody@127.0.0.1:1/none", asked)


@pytest.mark.parametrize("backend", ["mariadb"], indirect=True)
def test_a_database_that_is_not_made_yet_is_waited_for(database_url: str, asked: list[Storage]) -> None:
    assert waits_until_stopped(f"{database_url}_missing", asked)


@pytest.mark.parametrize("backend", ["mariadb"], indirect=True)
def test_a_database_that_does_not_let_us_in_yet_is_waited_for(
    database_url: str, asked: list[Storage]
) -> None:
    assert waits_until_stopped(database_url.replace("twooter-test", "wrong"), asked)


def test_a_newer_schema_is_fine(storage: Storage) -> None:
    """Version N goes on while N+1 has migrated."""
    storage.database.execute_sql(
        "INSERT INTO schema_migrations (id, name, applied) "
        "SELECT 9999, '9999_future', MAX(applied) FROM schema_migrations"
    )
    assert await_schema(storage, threading.Event())


def test_nothing_begins_when_stopped_before(empty: Storage) -> None:
    stopping, ready = threading.Event(), threading.Event()
    stopping.set()
    when_schema_is_ready(empty, stopping, ready.set)
    wait_until(
        lambda: all(t.name != "schema" for t in threading.enumerate()), seconds=10, what="the thread's end"
    )
    assert not ready.is_set()
