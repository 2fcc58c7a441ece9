"""Transfers in the database: their largest parts, and steps that count once."""

import random
from dataclasses import replace

from twooter.domain.transfers import Kind, State, Transfer
from twooter.storage import transfers
from twooter.storage.database import Storage

ONE = Transfer(7, Kind.TAKEOUT, 9)


def test_the_largest_part_comes_back_as_it_was(storage: Storage) -> None:
    data = random.Random(1).randbytes(transfers.MAX_PART_BYTES)
    storage.transact(lambda tx: transfers.insert_part(tx, ONE, 5, data))
    assert storage.read(lambda tx: transfers.find_part(tx, ONE, 5)) == (5, data)
    assert storage.read(lambda tx: transfers.find_part(tx, ONE, 2**40)) == (5, data)
    assert storage.read(lambda tx: transfers.find_part(tx, ONE, 4)) is None


def test_a_step_from_what_has_moved_on_is_none(storage: Storage) -> None:
    storage.transact(lambda tx: transfers.insert(tx, ONE, 1))
    further = replace(ONE, items=3, position={"place": 1})
    assert storage.transact(lambda tx: transfers.move(tx, ONE, further, 2))
    assert not storage.transact(lambda tx: transfers.move(tx, ONE, further, 3))
    now = storage.read(lambda tx: transfers.find(tx, 7, Kind.TAKEOUT, 9))
    assert now == replace(further, steps=1)
    ended = replace(now, state=State.DONE, ended_ms=4, expires_ms=5)
    assert storage.transact(lambda tx: transfers.move(tx, now, ended, 4))
    assert not storage.transact(lambda tx: transfers.move(tx, replace(now, steps=2), ended, 5))
    assert storage.read(lambda tx: transfers.find_running(tx, 7, Kind.TAKEOUT)) is None
