"""Carrying: what a session carries is asked in the packet of whatever it asks first, and once."""

import pytest

from tests.queries import recorded
from tests.storage.test_database import of_servers
from tests.storage.test_debts import packets
from twooter.domain.ids import ANONYMOUS_ID, IMPORTED_ID
from twooter.storage import accounts, home_rows
from twooter.storage.carrying import Carrying
from twooter.storage.database import Session, Storage

CARRIED = home_rows.followed(ANONYMOUS_ID)
ASKED = accounts.authors([IMPORTED_ID])


def test_what_is_carried_is_asked_first_and_once(storage: Storage) -> None:
    def read(tx: Session) -> None:
        carrying = Carrying(tx, [CARRIED])
        for _ in range(2):
            (found,) = carrying.ask([ASKED])
            assert found.keys() == {IMPORTED_ID}
            assert carrying.answers() == [[]]

    with recorded(storage) as names:
        storage.read(read)
    assert names == ["home_followed", "authors_by_ids", "authors_by_ids"]


def test_it_is_asked_alone_where_nothing_else_is(storage: Storage) -> None:
    with recorded(storage) as names:
        assert storage.read(lambda tx: Carrying(tx, [CARRIED, CARRIED]).answers()) == [[], []]
    assert names == ["home_followed"] * 2


def test_what_the_thread_owes_comes_before(storage: Storage) -> None:
    taken: list[object] = []
    storage.debts.owe(ASKED, taken.append)
    with recorded(storage) as names:
        assert storage.read(lambda tx: Carrying(tx, [CARRIED]).answers()) == [[]]
    assert (names, len(taken)) == (["authors_by_ids", "home_followed"], 1)


class Refused(Exception):
    """What whoever takes an answer may raise."""


def test_a_refusal_ends_what_is_asked_and_leaves_it_to_be_asked_again(storage: Storage) -> None:
    def refuse(_: object) -> None:
        raise Refused

    def read(tx: Session) -> None:
        carrying = Carrying(tx, [CARRIED])
        storage.debts.owe(ASKED, refuse)
        with pytest.raises(Refused):
            carrying.ask([ASKED])
        (found,) = carrying.ask([ASKED])
        assert found.keys() == {IMPORTED_ID}
        assert carrying.answers() == [[]]

    storage.read(read)


@of_servers
def test_all_is_one_packet(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.read(lambda tx: tx.ask([ASKED]))  # connects
    storage.debts.owe(ASKED, lambda _: None)
    with packets(monkeypatch) as sent:
        storage.read(lambda tx: Carrying(tx, [CARRIED]).ask([ASKED]))
    assert len(sent) == 1
