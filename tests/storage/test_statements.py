"""Statements: the same text of ours means the same on every backend, and values are never SQL."""

from collections.abc import Callable, Iterator
from typing import Any

import peewee
import pytest

from tests.queries import recorded
from twooter.storage import statements
from twooter.storage.database import Storage
from twooter.storage.statements import Insert, Statement, each, in_rows, p
from twooter.storage.tables import Hashtags, HashtagWindows, Timings, Windows

ODD = ["x' OR '1'='1", '"; DROP TABLE hashtags; --', "%s %d %% {}", "\\", "`", "?", "\N{PILE OF POO}", ""]
_WINDOW = ("unit", "start_ms", "twoots", "replies")

MakeStatement = Callable[..., Statement]
MakeInsert = Callable[..., Insert]


@pytest.fixture(autouse=True)
def _unregistered() -> Iterator[None]:
    """Forget the statements of the test: rules are about the application's."""
    before = dict(statements.registry)
    yield
    for name in statements.registry.keys() - before.keys():
        del statements.registry[name]


@pytest.fixture
def tags(storage: Storage) -> list[tuple[int, str]]:
    """Write hashtags with odd keys; return (id, key)."""
    rows = list(enumerate(ODD, 1))
    insert = Insert("test_tags", Hashtags, ("id", "key", "name"))
    assert storage.transact(
        lambda tx: tx.insert(insert, [(id_, key, key.upper()) for id_, key in rows])
    ) == len(rows)
    return rows


def select(where: Callable[[], Any], **options: Any) -> Statement:
    """Return a statement that reads ids of hashtags in their order."""
    return Statement(
        "test_select", lambda: Hashtags.select(Hashtags.id).where(where()).order_by(Hashtags.id), **options
    )


def ids(storage: Storage, statement: Statement, **given: Any) -> list[int]:
    return [row[0] for row in storage.read(lambda tx: tx.all(statement, **given))]


def windows(storage: Storage) -> list[tuple[int, ...]]:
    rows = storage.database.execute_sql("SELECT unit, start_ms, twoots, replies FROM windows").fetchall()
    return sorted(tuple(row) for row in rows)


def insert(storage: Storage, statement: Insert, *rows: tuple[Any, ...], **options: Any) -> int:
    return storage.transact(lambda tx: tx.insert(statement, rows, **options))


def test_values_are_data_whatever_they_look_like(storage: Storage, tags: list[tuple[int, str]]) -> None:
    found = select(lambda: Hashtags.key == p("key"))
    for id_, key in tags:
        assert ids(storage, found, key=key) == [id_]
    assert ids(storage, found, key="' OR 1=1 -- ") == []


def test_values_come_back_as_they_were_written(storage: Storage, tags: list[tuple[int, str]]) -> None:
    rows = Statement("test_rows", lambda: Hashtags.select(Hashtags.id, Hashtags.key).order_by(Hashtags.id))
    assert storage.read(lambda tx: tx.all(rows)) == tags


def test_a_list_is_of_texts_or_of_numbers_and_stands_among_single_values(
    storage: Storage, tags: list[tuple[int, str]]
) -> None:
    found = select(
        lambda: (Hashtags.id > p("low")) & Hashtags.key.in_(each("keys")) & Hashtags.id.in_(each("ids"))
        & (Hashtags.id < p("high")) & (Hashtags.uses == 0)
    )  # fmt: skip
    assert ids(storage, found, low=0, keys=ODD, ids=[2, 3, 4], high=99) == [2, 3, 4]
    assert ids(storage, found, low=2, keys=ODD[:4], ids=list(range(50)), high=4) == [3]
    assert ids(storage, found, low=0, keys=["none"], ids=[1], high=99) == []


def test_rows_are_compared_as_rows(storage: Storage) -> None:
    add = Insert("test_add", HashtagWindows, ("unit", "start_ms", "tag_id"), numbers=True)
    keys = [(1, 1, 1), (1, 2, 2), (2, 1, 2), (3, -5, 2**63 - 1)]
    insert(storage, add, *keys)
    fields = (HashtagWindows.unit, HashtagWindows.start_ms, HashtagWindows.tag_id)
    found = Statement("test_rows", lambda: HashtagWindows.select(*fields).where(in_rows(fields, "keys")))
    asked = [(1, 1, 1), (1, 2, 1), (1, 1, 2), (3, -5, 2**63 - 1)]
    assert sorted(storage.read(lambda tx: tx.all(found, keys=asked))) == [keys[0], keys[3]]


def test_rows_of_texts_and_numbers_are_compared_as_rows(
    storage: Storage, tags: list[tuple[int, str]]
) -> None:
    found = select(lambda: in_rows((Hashtags.key, Hashtags.id), "keys"))
    assert ids(storage, found, keys=[(key, id_) for id_, key in tags]) == [id_ for id_, _ in tags]
    assert ids(storage, found, keys=[(ODD[0], 2), (ODD[1], 2)]) == [2]


def test_an_empty_list_is_refused(storage: Storage) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        ids(storage, select(lambda: Hashtags.id.in_(each("ids"))), ids=[])


@pytest.mark.parametrize("value", ["2) OR (1=1", "4); --", b"2", 2.5, True, None, 2**64])
def test_what_is_no_number_never_becomes_part_of_the_text(storage: Storage, value: object) -> None:
    found = select(lambda: Hashtags.id.in_(each("ids")))
    with pytest.raises(TypeError):
        ids(storage, found, ids=[1, value])
    with pytest.raises(TypeError):
        insert(storage, Insert("test_add", Windows, _WINDOW, numbers=True), (1, 2, 3, value))
    assert windows(storage) == []


def test_a_value_that_is_not_given_is_an_error(storage: Storage) -> None:
    with pytest.raises(KeyError):
        ids(storage, select(lambda: Hashtags.key == p("key")))


def test_changes_and_deletions_tell_how_many_rows_they_met(
    storage: Storage, tags: list[tuple[int, str]]
) -> None:
    add = Statement(
        "test_update",
        lambda: Hashtags.update(uses=Hashtags.uses + p("by")).where(Hashtags.id.in_(each("ids"))),
    )
    delete = Statement("test_delete", lambda: Hashtags.delete().where(Hashtags.id == p("id")))
    assert storage.transact(lambda tx: tx.run(add, by=2, ids=[1, 2, 999])) == 2
    assert storage.transact(lambda tx: [tx.run(delete, id=id_) for id_ in (1, 1, 999)]) == [1, 0, 0]


def test_one_is_the_first_row_or_none(storage: Storage, tags: list[tuple[int, str]]) -> None:
    found = select(lambda: Hashtags.id > p("low"))
    assert storage.read(lambda tx: tx.one(found, low=2)) == (3,)
    assert storage.read(lambda tx: tx.one(found, low=99)) is None


def test_a_lock_is_asked_for_only_where_rows_are_locked(storage: Storage) -> None:
    found = select(lambda: Hashtags.id == p("id"), lock="FOR UPDATE SKIP LOCKED")
    sql, values = found.text(storage.database, {"id": 1})
    assert sql.endswith("FOR UPDATE SKIP LOCKED") is storage.mysql
    assert values == [1]
    assert storage.transact(lambda tx: tx.all(found, id=1)) == []


@pytest.mark.parametrize("numbers", [False, True])
def test_a_duplicate_fails_where_nothing_else_is_said(storage: Storage, *, numbers: bool) -> None:
    statement = Insert("test_insert", Windows, _WINDOW, numbers=numbers)
    assert insert(storage, statement, (1, 1, 5, 0), (1, 2, 6, 0)) == 2
    with pytest.raises(peewee.IntegrityError):
        insert(storage, statement, (1, 3, 7, 0), (1, 1, 8, 0))
    assert windows(storage) == [(1, 1, 5, 0), (1, 2, 6, 0)]


@pytest.mark.parametrize("numbers", [False, True])
def test_a_duplicate_that_is_ignored_counts_as_no_row(storage: Storage, *, numbers: bool) -> None:
    statement = Insert("test_insert", Windows, _WINDOW, duplicate="ignore", numbers=numbers)
    assert insert(storage, statement, (1, 1, 5, 0)) == 1
    assert insert(storage, statement, (1, 1, 6, 0)) == 0
    assert insert(storage, statement, (1, 1, 7, 0), (1, 2, 8, 0), (1, 2, 9, 0)) == 1
    assert windows(storage) == [(1, 1, 5, 0), (1, 2, 8, 0)]


def test_ignoring_holds_for_every_unique_key_and_hides_no_other_error(storage: Storage) -> None:
    statement = Insert("test_insert", Hashtags, ("id", "key", "name"), duplicate="ignore")
    assert insert(storage, statement, (1, "tea", "Tea")) == 1
    assert insert(storage, statement, (2, "tea", "TEA"), (1, "rain", "rain")) == 0
    with pytest.raises(peewee.IntegrityError):
        insert(storage, statement, (3, None, "none"))


@pytest.mark.parametrize("numbers", [False, True])
def test_a_duplicate_adds_sets_and_keeps_the_greatest(storage: Storage, *, numbers: bool) -> None:
    columns = ("unit", "start_ms", "twoots", "replies", "accounts")
    statement = Insert(
        "test_insert", Windows, columns,
        duplicate={"twoots": "add", "replies": "set", "accounts": "max"}, numbers=numbers,
    )  # fmt: skip
    insert(storage, statement, (1, 1, 5, 5, 5), (1, 2, 1, 1, 1))
    insert(storage, statement, (1, 1, -7, 3, 4), (1, 2, 1, 9, 9), (1, 3, 2, 2, 2), (1, 3, 3, 3, 1))
    rows = storage.database.execute_sql("SELECT start_ms, twoots, replies, accounts FROM windows").fetchall()
    assert sorted(rows) == [(1, -2, 3, 5), (2, 2, 9, 9), (3, 5, 3, 2)]


def test_a_row_may_hold_constants_beside_its_numbers(storage: Storage) -> None:
    statement = Insert(
        "test_insert", Hashtags, ("id", "uses", "key", "name"),
        duplicate={"uses": "add"}, numbers="(%d, %d, 'key %d', '')",
    )  # fmt: skip
    insert(storage, statement, (1, 5, 1), (2, 6, 2))
    insert(storage, statement, (1, 1, 99))
    rows = Statement("test_rows", lambda: Hashtags.select(Hashtags.id, Hashtags.uses, Hashtags.key))
    assert sorted(storage.read(lambda tx: tx.all(rows))) == [(1, 6, "key 1"), (2, 6, "key 2")]


def test_many_rows_go_in_steps_and_none_in_no_statement(storage: Storage) -> None:
    statement = Insert("test_insert", Windows, _WINDOW, numbers=True)
    with recorded(storage) as names:
        assert insert(storage, statement, *((1, n, 1, 1) for n in range(1201)), step=500) == 1201
        assert insert(storage, statement) == 0
    assert names == ["test_insert"] * 3


def test_reserved_words_are_names_too(storage: Storage) -> None:
    statement = Insert(
        "test_insert", Timings, ("kind", "unit", "start_ms", "name", "count"), duplicate={"count": "add"}
    )
    for _ in range(2):
        insert(storage, statement, ("k", 1, 1, "n", 4))
    count = Statement("test_count", lambda: Timings.select(Timings.count).where(Timings.kind == p("kind")))
    assert storage.read(lambda tx: tx.one(count, kind="k")) == (8,)


def test_a_statement_that_fails_is_told_as_failed(storage: Storage) -> None:
    told: list[tuple[str, bool]] = []
    storage.observers.append(lambda name, _seconds, failed: told.append((name, failed)))
    statement = Insert("test_insert", Windows, _WINDOW)
    insert(storage, statement, (1, 1, 1, 1))
    with pytest.raises(peewee.IntegrityError):
        insert(storage, statement, (1, 1, 1, 1))
    assert told == [("test_insert", False), ("test_insert", True)]


def test_two_statements_never_share_a_name() -> None:
    select(lambda: Hashtags.id == p("id"))
    with pytest.raises(ValueError, match="two statements are named test_select"):
        select(lambda: Hashtags.id == p("id"))
    with pytest.raises(ValueError, match="two statements are named test_select"):
        Insert("test_select", Hashtags, ("id",))
