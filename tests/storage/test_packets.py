"""Packets: what is left for later goes with the next statement or with COMMIT, wholly or not at all."""

import contextlib
import time

import peewee
import pymysql
import pytest

from tests.processes import wait_until
from tests.storage.test_database import add, connection_id, count, held, kill, of_servers
from twooter.domain.ids import ANONYMOUS_ID
from twooter.errors import Unavailable
from twooter.storage import accounts, connecting, database, outbox
from twooter.storage.database import Session, Storage

HOSTILE = b"100% '; DELETE FROM outbox; -- \\"


def append(tx: Session, *ids: int, account_id: int = ANONYMOUS_ID) -> None:
    """Leave an event of each id for later, each in a statement of its own."""
    for id_ in ids:
        tx.insert_later(outbox._append, [(id_, account_id, HOSTILE)])


def appended(storage: Storage) -> list[int]:
    rows = storage.database.execute_sql("SELECT id, event FROM outbox ORDER BY id").fetchall()
    assert {bytes(event) for _, event in rows} <= {HOSTILE}
    return [id_ for id_, _ in rows]


def test_what_is_left_for_later_is_there_for_the_next_statement_and_at_the_end(storage: Storage) -> None:
    def work(tx: Session) -> int | None:
        append(tx, 1, 2)
        oldest = outbox.find_oldest_id(tx)
        tx.run_later(outbox._take, ids=[1])
        append(tx, 3)
        return oldest

    assert storage.transact(work) == 1
    assert appended(storage) == [2, 3]


def test_more_than_a_packet_may_hold_is_left_for_later(storage: Storage) -> None:
    ids = list(range(1, 3 * database.MAX_WAITING))
    storage.transact(lambda tx: append(tx, *ids))
    assert appended(storage) == ids


@pytest.mark.parametrize("also", [False, True], ids=["alone", "after another statement"])
def test_what_fails_later_takes_everything_back(storage: Storage, *, also: bool) -> None:
    def work(tx: Session) -> None:
        if also:
            add(tx)
        append(tx, 1, 1, 2)

    with pytest.raises(peewee.IntegrityError):
        storage.transact(work)
    assert (count(storage), appended(storage)) == (0, [])


def test_a_savepoint_takes_back_what_was_left_for_later_in_it(storage: Storage) -> None:
    def work(tx: Session) -> None:
        append(tx, 1)
        with contextlib.suppress(peewee.IntegrityError), tx.savepoint():
            append(tx, 2, 1)
        with contextlib.suppress(ValueError), tx.savepoint():
            append(tx, 3)
            raise ValueError
        with tx.savepoint():
            append(tx, 4)

    storage.transact(work)
    assert appended(storage) == [1, 4]


@of_servers
def test_a_lock_that_is_not_given_up_in_time_is_waited_for_again_later_too(
    storage: Storage, other: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "LOCK_WAIT_SECONDS", 1)

    def work(tx: Session) -> None:
        append(tx, 1)
        tx.run_later(accounts._move_twoots, id=ANONYMOUS_ID, by=1)
        append(tx, 2)

    with held(other) as release:
        monkeypatch.setattr(time, "sleep", lambda _: release())
        storage.transact(work)
    assert (count(storage), appended(storage)) == (1, [1, 2])


@of_servers
def test_a_connection_that_died_while_idle_is_not_noticed_when_all_is_left_for_later(
    storage: Storage, other: Storage
) -> None:
    kill(other, storage)
    storage.transact(lambda tx: append(tx, 1, 2))
    assert appended(storage) == [1, 2]


@of_servers
def test_what_is_lost_with_its_commit_is_never_run_again(storage: Storage, other: Storage) -> None:
    def work(tx: Session) -> None:
        add(tx)
        append(tx, 1)
        kill(other, storage)

    with pytest.raises(Unavailable, match="Idempotency-Key"):
        storage.transact(work)
    assert (count(storage), appended(storage)) == (0, [])


def test_each_statement_of_a_packet_has_its_time_and_its_errors(storage: Storage) -> None:
    seen: list[tuple[str, bool]] = []
    storage.observers.append(lambda name, _seconds, failed: seen.append((name, failed)))

    def work(tx: Session) -> None:
        append(tx, 1)
        add(tx)
        append(tx, 1, 2)

    with pytest.raises(peewee.IntegrityError):
        storage.transact(work)
    assert seen == [("outbox_append", False), ("account_move_twoots", False), ("outbox_append", True)]


@pytest.fixture
def sent(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the packets that are sent from now on, on a connection that is there."""
    count(storage)
    packets: list[bytes] = []
    send = pymysql.connections.Connection._execute_command

    def execute(connection: pymysql.connections.Connection, command: int, sql: str | bytes) -> None:
        packets.append(sql if isinstance(sql, bytes) else sql.encode())
        send(connection, command, sql)

    monkeypatch.setattr(pymysql.connections.Connection, "_execute_command", execute)
    return packets


@of_servers
def test_what_may_go_at_once_takes_one_round_trip(storage: Storage, sent: list[bytes]) -> None:
    storage.transact(lambda tx: append(tx, 1, 2), at_once=True)
    assert [(packet[:6], packet[-7:]) for packet in sent] == [(b"BEGIN;", b";COMMIT")]
    assert appended(storage) == [1, 2]


@of_servers
def test_what_is_lost_when_it_goes_at_once_is_never_run_again(storage: Storage, other: Storage) -> None:
    def work(tx: Session) -> None:
        append(tx, 1)
        kill(other, storage)
        wait_until(lambda: not is_connected(other, id_), seconds=5, what="the connection's end")

    id_ = connection_id(storage)
    with pytest.raises(Unavailable, match="Idempotency-Key"):
        storage.transact(work, at_once=True)
    assert appended(storage) == []


def is_connected(other: Storage, id_: int) -> bool:
    found = other.database.execute_sql(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s", (id_,)
    ).fetchone()
    return bool(found[0])


@of_servers
def test_a_deadlock_of_what_went_at_once_is_tried_again(
    storage: Storage, other: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "LOCK_WAIT_SECONDS", 1)

    def work(tx: Session) -> None:
        append(tx, 1)
        tx.run_later(accounts._move_twoots, id=ANONYMOUS_ID, by=1)

    with held(other) as release:
        monkeypatch.setattr(time, "sleep", lambda _: release())
        storage.transact(work, at_once=True)
    assert (count(storage), appended(storage)) == (1, [1])


@of_servers
def test_a_small_transaction_takes_two_round_trips(storage: Storage, sent: list[bytes]) -> None:

    def work(tx: Session) -> None:
        append(tx, 1)
        add(tx)
        append(tx, 2)

    storage.transact(work)
    assert [(packet.partition(b";")[0], packet.rpartition(b";")[2][:6]) for packet in sent] == [
        (b"BEGIN", b"UPDATE"),
        (sent[1].partition(b";")[0], b"COMMIT"),
    ]
