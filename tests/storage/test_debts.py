"""Debts: what a thread owes is asked in the packet of whatever it asks next, and decides whether that is answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest

from tests.queries import recorded
from tests.storage.test_database import kill, of_servers
from twooter.domain.accounts import Author
from twooter.domain.ids import ANONYMOUS_ID, IMPORTED_ID
from twooter.storage import accounts
from twooter.storage.database import Storage

OWED = accounts.authors([ANONYMOUS_ID])
ASKED = accounts.authors([IMPORTED_ID])
Found = dict[int, Author]


class Refused(Exception):
    """What whoever takes an answer may raise."""


@contextmanager
def packets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give a list that fills with the packets sent to a server."""
    sent: list[str] = []
    real = pymysql.connections.Connection.query

    def query(self: Any, sql: Any, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyMySQL's signature
        sent.append(str(sql))
        return real(self, sql, unbuffered)

    with monkeypatch.context() as patch:
        patch.setattr(pymysql.connections.Connection, "query", query)
        yield sent


def test_what_is_owed_is_asked_before_the_next_question_and_once(storage: Storage) -> None:
    taken: list[Found] = []
    storage.debts.owe(OWED, taken.append)
    with recorded(storage) as names:
        for _ in range(2):
            (found,) = storage.read(lambda tx: tx.ask([ASKED]))
            assert found.keys() == {IMPORTED_ID}
    assert [answer.keys() for answer in taken] == [{ANONYMOUS_ID}]
    assert names == ["authors_by_ids"] * 3


@of_servers
def test_both_are_one_packet(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.read(lambda tx: tx.ask([ASKED]))  # connects
    storage.debts.owe(OWED, lambda _: None)
    with packets(monkeypatch) as sent:
        storage.read(lambda tx: tx.ask([ASKED]))
    assert len(sent) == 1


def test_nobody_is_told_anything_when_the_answer_is_refused(storage: Storage) -> None:
    def refuse(_: Found) -> None:
        raise Refused

    for read in (
        lambda: storage.read(lambda tx: tx.ask([ASKED])),
        lambda: storage.read(lambda tx: accounts.find(tx, IMPORTED_ID)),
        lambda: storage.transact(lambda tx: accounts.move_twoots(tx, IMPORTED_ID, 1)),
        lambda: storage.snapshot(lambda tx: accounts.find(tx, IMPORTED_ID)),
        storage.settle,
    ):
        storage.debts.owe(OWED, refuse)
        with recorded(storage) as names, pytest.raises(Refused):
            read()
        assert set(names) == {"authors_by_ids"}
        storage.settle()  # it is not owed twice
    found = storage.read(lambda tx: accounts.find(tx, IMPORTED_ID))
    assert found is not None
    assert found.twoots == 0


@of_servers
def test_what_got_no_answer_for_a_lost_connection_is_asked_again(storage: Storage, other: Storage) -> None:
    taken: list[Found] = []
    kill(other, storage)
    storage.debts.owe(OWED, taken.append)
    (found,) = storage.read(lambda tx: tx.ask([ASKED]))
    assert (len(taken), found.keys()) == (1, {IMPORTED_ID})


def test_what_is_forgotten_is_not_asked(storage: Storage) -> None:
    storage.debts.owe(OWED, lambda _: pytest.fail("it was asked"))
    storage.debts.forget()
    with recorded(storage) as names:
        storage.settle()
    assert names == []
