"""Twoots and their entries: read back as written, paged by key in either direction, found only under their author."""

from dataclasses import replace

import pytest

from twooter.domain.ids import ANONYMOUS_ID
from twooter.domain.pages import Page
from twooter.domain.twoots import Ref, Twoot
from twooter.storage import entries, twoots
from twooter.storage.database import Storage

FULL = Twoot(
    2**63 - 2, 2**62, "\U0001f469\u200d\U0001f680 " * 100 + "\n'\"\\%s", 3, 17, language="sr-Latn-RS",
    hashtags=("Öl", "コーヒー", "\U0001f600a"), parent=Ref(5, 6),
)  # fmt: skip
MESSAGE = Twoot(1, ANONYMOUS_ID, "x" * 10_000, given_tag=" \ufdfa" * 127)


def write(storage: Storage, *written: Twoot) -> None:
    for twoot in written:
        storage.transact(lambda tx, twoot=twoot: twoots.insert(tx, twoot))  # type: ignore[misc]  # a default binds the loop's variable


@pytest.mark.parametrize("twoot", [FULL, MESSAGE, Twoot(7, 8, "a")], ids=["full", "message", "plain"])
def test_a_twoot_is_read_as_it_was_written(storage: Storage, twoot: Twoot) -> None:
    write(storage, twoot)
    assert storage.read(lambda tx: twoots.find(tx, twoot.id)) == twoot
    assert storage.read(lambda tx: twoots.fetch(tx, [(twoot.author_id, twoot.id)])) == {twoot.id: twoot}
    assert storage.read(lambda tx: twoots.fetch_by_author(tx, twoot.author_id, Page(1))) == [twoot]


def test_a_twoot_is_found_by_its_key_only_under_its_author(storage: Storage) -> None:
    write(storage, Twoot(7, 8, "a"), Twoot(8, 7, "b"))
    assert storage.read(lambda tx: twoots.fetch(tx, [(8, 7), (8, 9)])).keys() == {7}
    for astray in ((8, 8), (9, 7)):
        assert storage.read(lambda tx, astray=astray: twoots.fetch(tx, [astray])) == {}  # type: ignore[misc]  # as above
    assert storage.read(lambda tx: twoots.fetch(tx, [])) == {}


def test_what_is_there_already_is_not_written_twice(storage: Storage) -> None:
    write(storage, Twoot(7, 8, "first"))
    new = [Twoot(7, 9, "second"), Twoot(8, 9, "third")]
    assert storage.transact(lambda tx: twoots.insert_new(tx, new)) == 1
    found = storage.read(lambda tx: twoots.find(tx, 7))
    assert found is not None
    assert found.text == "first"


def test_a_twoot_is_removed_in_the_version_that_was_read(storage: Storage) -> None:
    write(storage, replace(FULL, version=2))
    remove = [
        (FULL.author_id, FULL.id, 1),
        (7, FULL.id, 2),
        (FULL.author_id, FULL.id, 2),
        (FULL.author_id, FULL.id, 2),
    ]
    assert storage.transact(lambda tx: [twoots.remove(tx, *key) for key in remove]) == [
        False,
        False,
        True,
        False,
    ]


def test_an_authors_twoots_are_read_in_either_direction_and_one_more(storage: Storage) -> None:
    write(storage, *(Twoot(id_, 8, "x") for id_ in range(1, 8)), Twoot(100, 9, "other"))

    def read(page: Page) -> list[int]:
        return [twoot.id for twoot in storage.read(lambda tx: twoots.fetch_by_author(tx, 8, page))]

    assert read(Page(3)) == [7, 6, 5, 4]
    assert read(Page(3, before=5)) == [4, 3, 2, 1]
    assert read(Page(3, before=3)) == [2, 1]
    assert read(Page(3, after=2)) == [3, 4, 5, 6]
    assert read(Page(3, after=6)) == [7]
    assert read(Page(3, after=7)) == read(Page(3, before=1)) == []


def test_entries_are_read_in_either_direction_and_one_more(storage: Storage) -> None:
    for id_ in range(1, 8):
        storage.transact(lambda tx, id_=id_: entries.insert(tx, id_, 8, [20, 10] if id_ % 2 else []))  # type: ignore[misc]  # as above

    def public(page: Page) -> list[tuple[int, int]]:
        return storage.read(lambda tx: entries.fetch_public(tx, page))

    def hashtag(tag_id: int, page: Page) -> list[int]:
        return [id_ for id_, _ in storage.read(lambda tx: entries.fetch_hashtag(tx, tag_id, page))]

    assert public(Page(2)) == [(7, 8), (6, 8), (5, 8)]
    assert public(Page(2, before=2)) == [(1, 8)]
    assert public(Page(2, after=5)) == [(6, 8), (7, 8)]
    assert hashtag(10, Page(2)) == hashtag(20, Page(2)) == [7, 5, 3]
    assert hashtag(10, Page(2, after=3)) == [5, 7]
    assert hashtag(10, Page(2, before=3)) == [1]
    assert hashtag(30, Page(2)) == []


def test_entries_may_be_written_again_and_go_once(storage: Storage) -> None:
    for _ in range(2):
        storage.transact(lambda tx: entries.insert(tx, 1, 8, [10]))
        storage.transact(lambda tx: entries.insert_many(tx, [(1, 8), (2, 8)], [(10, 2, 8), (10, 1, 8)]))
    assert len(storage.read(lambda tx: entries.fetch_public(tx, Page(9)))) == 2
    for _ in range(2):
        storage.transact(lambda tx: entries.remove(tx, 1, [10, 99]))
        assert storage.read(lambda tx: entries.fetch_public(tx, Page(9))) == [(2, 8)]
        assert storage.read(lambda tx: entries.fetch_hashtag(tx, 10, Page(9))) == [(2, 8)]
