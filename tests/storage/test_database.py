"""Transactions and connections: tried again whole or not at all, whatever the database answers."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import peewee
import pymysql
import pytest

from tests.conftest import MYSQL_URL
from twooter.domain.ids import ANONYMOUS_ID, IMPORTED_ID
from twooter.errors import Unavailable
from twooter.settings import Settings
from twooter.storage import accounts, connecting, database
from twooter.storage.database import MAX_ATTEMPTS, Session, Storage

of_servers = pytest.mark.parametrize("backend", ["mariadb", *(["mysql"] if MYSQL_URL else [])])
of_sqlite = pytest.mark.parametrize("backend", ["sqlite"])


def error(number: int) -> peewee.OperationalError:
    """Return an error as Peewee passes it on."""
    return peewee.OperationalError(pymysql.err.OperationalError(number, "injected"), number, "injected")


def add(tx: Session, id_: int = ANONYMOUS_ID) -> None:
    accounts.move_twoots(tx, id_, 1)


def count(storage: Storage, id_: int = ANONYMOUS_ID) -> int:
    found = storage.read(lambda tx: accounts.find(tx, id_))
    assert found is not None
    return found.twoots


def failing(times: int, fail: Callable[[], object]) -> Callable[[Session], int]:
    """Return work that writes, then fails as often as asked for; it returns how often it ran."""
    runs = 0

    def work(tx: Session) -> int:
        nonlocal runs
        runs += 1
        add(tx)
        if runs <= times:
            fail()
        return runs

    return work


def raising(ex: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise ex

    return fail


def connection_id(storage: Storage) -> int:
    return int(storage.database.execute_sql("SELECT CONNECTION_ID()").fetchone()[0])


def kill(other: Storage, storage: Storage) -> None:
    """End the connection that this thread has with `storage`, as an administrator or a restart would."""
    other.database.execute_sql(f"KILL {connection_id(storage)}")


@contextmanager
def held(other: Storage) -> Iterator[Callable[[], None]]:
    """Hold the lock of an account from another connection, and give what lets it go."""
    other.database.begin()
    other.database.execute_sql("UPDATE accounts SET twoots = twoots WHERE id = 1")
    try:
        yield other.close
    finally:
        other.close()


@pytest.mark.parametrize("number", [1205, 1213, 1020, 1317])
def test_what_ends_a_transaction_runs_the_whole_of_it_again(storage: Storage, number: int) -> None:
    assert storage.transact(failing(2, raising(error(number)))) == 3
    assert count(storage) == 1


def test_a_transaction_that_never_succeeds_leaves_nothing_and_is_unavailable(storage: Storage) -> None:
    with pytest.raises(Unavailable):
        storage.transact(failing(MAX_ATTEMPTS, raising(error(1213))))
    assert count(storage) == 0
    assert storage.transact(failing(MAX_ATTEMPTS - 1, raising(error(1213)))) == MAX_ATTEMPTS
    assert count(storage) == 1


@pytest.mark.parametrize("ex", [ValueError("no"), peewee.IntegrityError(1062, "duplicate"), error(1064)])
def test_other_errors_leave_as_they_are_and_take_everything_back(storage: Storage, ex: Exception) -> None:
    with pytest.raises(type(ex)):
        storage.transact(failing(99, raising(ex)))
    assert count(storage) == 0


def test_nothing_is_begun_again_after_the_time_for_it(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "RETRY_SECONDS", -1.0)
    with pytest.raises(Unavailable):
        storage.transact(failing(1, raising(error(1213))))
    assert count(storage) == 0


def test_a_savepoint_takes_back_only_its_own(storage: Storage) -> None:
    def work(tx: Session) -> None:
        add(tx)
        with contextlib.suppress(ValueError), tx.savepoint():
            add(tx, IMPORTED_ID)
            raise ValueError

    storage.transact(work)
    assert (count(storage), count(storage, IMPORTED_ID)) == (1, 0)


def test_a_deadlock_inside_a_savepoint_ends_the_whole_transaction(storage: Storage) -> None:
    def deadlock() -> None:
        storage.database.rollback()  # the server has done that when it reports a deadlock
        raise error(1213)

    inner = failing(1, deadlock)

    def work(tx: Session) -> int:
        add(tx, IMPORTED_ID)
        with tx.savepoint():
            return inner(tx)

    assert storage.transact(work) == 2
    assert (count(storage), count(storage, IMPORTED_ID)) == (1, 1)


@of_servers
def test_two_transactions_that_lock_crosswise_both_succeed(storage: Storage, other: Storage) -> None:
    meeting = threading.Barrier(2)

    def cross(opened: Storage, ids: list[int]) -> None:
        first = [True]

        def work(tx: Session) -> None:
            add(tx, ids[0])
            if first:
                first.clear()
                meeting.wait(30)
            add(tx, ids[1])

        opened.transact(work)
        opened.close()

    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(cross, storage, [ANONYMOUS_ID, IMPORTED_ID]),
            pool.submit(cross, other, [IMPORTED_ID, ANONYMOUS_ID]),
        ]
        for future in done:
            future.result()
    assert (count(storage), count(storage, IMPORTED_ID)) == (2, 2)


@of_servers
def test_a_lock_that_is_never_given_up_is_unavailable_in_bounded_time(
    storage: Storage, other: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "LOCK_WAIT_SECONDS", 1)
    monkeypatch.setattr(database, "RETRY_SECONDS", 0.5)
    began = time.monotonic()
    with held(other), pytest.raises(Unavailable):
        storage.transact(add)
    assert time.monotonic() - began < 5
    storage.transact(add)
    assert count(storage) == 1


@of_servers
def test_a_lock_given_up_in_time_costs_nothing(
    storage: Storage, other: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "LOCK_WAIT_SECONDS", 1)
    with held(other) as release:
        monkeypatch.setattr(time, "sleep", lambda _: release())
        storage.transact(add)
    assert count(storage) == 1


@of_sqlite
def test_a_busy_sqlite_is_tried_again(
    storage: Storage, other: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.database.execute_sql("PRAGMA busy_timeout = 10")
    with held(other) as release:
        with pytest.raises(Unavailable):
            storage.transact(add)
        monkeypatch.setattr(time, "sleep", lambda _: release())
        storage.transact(add)
    assert count(storage) == 1


@of_sqlite
def test_a_full_sqlite_is_unavailable_until_there_is_room(storage: Storage) -> None:
    pages = storage.database.execute_sql("PRAGMA page_count").fetchone()[0]
    storage.database.execute_sql(f"PRAGMA max_page_count = {pages}")

    def fill(tx: Session) -> None:
        add(tx)
        storage.database.execute_sql(
            "INSERT INTO outbox (id, account_id, event) VALUES (1, 1, zeroblob(1000000))"
        )

    with pytest.raises(Unavailable):
        storage.transact(fill)
    assert count(storage) == 0
    storage.database.execute_sql(f"PRAGMA max_page_count = {pages * 100}")
    storage.transact(fill)
    assert count(storage) == 1
    assert storage.database.execute_sql("PRAGMA integrity_check").fetchone()[0] == "ok"


@of_servers
def test_a_connection_that_died_while_idle_is_not_noticed(storage: Storage, other: Storage) -> None:
    kill(other, storage)
    assert count(storage) == 0
    kill(other, storage)
    storage.transact(add)
    kill(other, storage)
    assert storage.snapshot(lambda tx: accounts.find(tx, ANONYMOUS_ID)) is not None
    assert count(storage) == 1


@of_servers
def test_a_connection_lost_before_commit_runs_the_whole_transaction_again(
    storage: Storage, other: Storage
) -> None:
    def lose() -> None:
        kill(other, storage)
        storage.database.execute_sql("SELECT 1")

    assert storage.transact(failing(1, lose)) == 2
    assert count(storage) == 1


@of_servers
def test_a_commit_whose_answer_is_lost_is_never_run_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = storage.database.commit

    def lose_answer() -> None:
        commit()
        raise error(2013)

    with monkeypatch.context() as patch:
        patch.setattr(storage.database, "commit", lose_answer)
        with pytest.raises(Unavailable, match="Idempotency-Key"):
            storage.transact(add)
    assert count(storage) == 1


@of_servers
def test_a_commit_that_never_arrives_is_unavailable_and_leaves_nothing(
    storage: Storage, other: Storage
) -> None:
    with pytest.raises(Unavailable, match="Idempotency-Key"):
        storage.transact(failing(1, lambda: kill(other, storage)))
    assert count(storage) == 0


def test_threads_do_not_wait_in_line_for_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql://u:p@127.0.0.1:{silent.getsockname()[1]}/twooter"
        storage = Storage.open(
            Settings.model_validate({"database_url": url, "database_connect_timeout_seconds": 0.5})
        )
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(count, storage) for _ in range(8)]
            assert all(isinstance(future.exception(), Unavailable) for future in asked)
        assert time.monotonic() - began < 2.5  # one after the other: 4 s and more


def test_a_snapshot_shows_one_moment_of_all_tables(storage: Storage, other: Storage) -> None:
    def twice(tx: Session) -> list[int]:
        def counts() -> list[int]:
            return [a.twoots for a in accounts.fetch(tx, [ANONYMOUS_ID, IMPORTED_ID]).values()]

        before = counts()
        other.transact(add)
        other.transact(lambda tx: add(tx, IMPORTED_ID))
        return before + counts()

    assert storage.snapshot(twice) == [0, 0, 0, 0]
    assert count(storage) == 1  # and the connection is out of the snapshot


def test_a_forked_child_leaves_its_parents_transaction_alone(storage: Storage) -> None:
    def child() -> int:
        try:
            return count(storage)  # over a connection of its own: nothing is committed yet
        except Exception:  # noqa: BLE001 - the parent is told by the exit code
            return 99

    def work(tx: Session) -> int:
        add(tx)
        pid = os.fork()
        if pid == 0:
            os._exit(child())
        add(tx)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert storage.transact(work) == 0
    assert count(storage) == 2


def test_a_transaction_within_another_is_refused_and_nothing_is_written(storage: Storage) -> None:
    def outer(tx: Session) -> None:
        add(tx)
        storage.transact(add)

    with pytest.raises(Unavailable):
        storage.transact(outer)
    assert count(storage) == 0
    storage.transact(add)
    assert count(storage) == 1
