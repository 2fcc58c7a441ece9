"""What an audit reads of the source: twoots and accounts in ranges of ids, entries beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson
from peewee import fn

from twooter.domain.twoots import Visibility
from twooter.storage.database import Row, Session
from twooter.storage.statements import Statement, each, in_rows, p
from twooter.storage.tables import Accounts, HashtagEntries, PublicEntries, Twoots

T = TypeVar("T")

PAGE = 5_000
"""Rows of one result; some databases refuse more than 10,000."""
_SHARD = "an audit goes over the shard it is connected to"

_TWOOT = (
    Twoots.id,
    Twoots.author_id,
    Twoots.version,
    Twoots.given_tag,
    Twoots.hashtags,
    Twoots.reply_to_id,
    Twoots.reply_to_author_id,
    Twoots.visibility,
)
_twoots = Statement(
    "audit_twoots",
    lambda: (
        Twoots.select(*_TWOOT)
        .where((Twoots.id > p("after")) & (Twoots.id < p("high")))
        .order_by(Twoots.id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_twoots_by_ids = Statement(
    "audit_twoots_by_ids",
    lambda: Twoots.select(*_TWOOT).where(Twoots.id.in_(each("ids"))),
    scatter=_SHARD,
)
_count = Statement(
    "audit_twoot_count",
    lambda: Twoots.select(fn.COUNT(1)).where((Twoots.id >= p("low")) & (Twoots.id < p("high"))),
    scatter=_SHARD,
)
_accounts = Statement(
    "audit_accounts",
    lambda: (
        Accounts.select(Accounts.id, Accounts.twoots)
        .where((Accounts.id > p("after")) & (Accounts.id < p("high")))
        .order_by(Accounts.id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_written = Statement(
    "audit_written",
    lambda: (
        Twoots.select(Twoots.author_id, fn.COUNT(1))
        .where(Twoots.author_id.in_(each("ids")))
        .group_by(Twoots.author_id)
    ),
)
_lock = Statement(
    "audit_twoot_lock",
    lambda: Twoots.select(*_TWOOT).where((Twoots.author_id == p("author_id")) & (Twoots.id == p("id"))),
    lock="FOR UPDATE",
)
_public = Statement(
    "audit_public_entries",
    lambda: (
        PublicEntries.select(PublicEntries.author_id, PublicEntries.twoot_id)
        .where((PublicEntries.twoot_id >= p("low")) & (PublicEntries.twoot_id < p("high")))
        .order_by(PublicEntries.twoot_id)
        .limit(p("limit"))
    ),
)
_tagged = Statement(
    "audit_hashtag_entries",
    lambda: HashtagEntries.select(
        HashtagEntries.author_id, HashtagEntries.twoot_id, HashtagEntries.tag_id
    ).where(in_rows((HashtagEntries.tag_id, HashtagEntries.twoot_id), "keys")),
)
_tag_page = Statement(
    "audit_hashtag_entry_page",
    lambda: (
        HashtagEntries.select(HashtagEntries.author_id, HashtagEntries.twoot_id, HashtagEntries.tag_id)
        .where((HashtagEntries.tag_id == p("tag_id")) & (HashtagEntries.twoot_id > p("after")))
        .order_by(HashtagEntries.twoot_id)
        .limit(p("limit"))
    ),
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a twoot's row says that aggregates and entries are made of."""

    id: int
    author_id: int
    version: int
    names: tuple[str, ...]
    parent_id: int | None
    parent_author_id: int | None
    is_public: bool


def count(tx: Session, low: int, high: int) -> int:
    """Return how many twoots have ids in [low, high)."""
    row = tx.one(_count, low=low, high=high)
    return 0 if row is None else int(row[0])


def fetch_twoots(tx: Session, low: int, high: int) -> list[Source]:
    """Return one page of the twoots with ids in [low, high), oldest first."""
    return [_source(row) for row in tx.all(_twoots, after=low - 1, high=high, limit=PAGE)]


def fetch_twoots_by_ids(tx: Session, ids: Sequence[int]) -> dict[int, Source]:
    """Return those of the twoots that exist, by id."""
    return {row[0]: _source(row) for part in parts(ids) for row in tx.all(_twoots_by_ids, ids=part)}


def fetch_accounts(tx: Session, low: int, high: int) -> list[tuple[int, int]]:
    """Return (id, twoots) of one page of the accounts with ids in [low, high)."""
    return [(row[0], row[1]) for row in tx.all(_accounts, after=low - 1, high=high, limit=PAGE)]


def count_twoots(tx: Session, account_ids: Sequence[int]) -> dict[int, int]:
    """Return by account how many twoots it has, where it has any."""
    return {row[0]: row[1] for part in parts(account_ids) for row in tx.all(_written, ids=part)}


def lock_twoot(tx: Session, author_id: int, id_: int) -> Source | None:
    """Return a twoot that cannot be changed or deleted before the transaction ends, or None."""
    row = tx.one(_lock, author_id=author_id, id=id_)
    return None if row is None else _source(row)


def fetch_public(tx: Session, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield (author, twoot) of the public timeline's entries in [low, high), oldest first."""
    while rows := tx.all(_public, low=low, high=high, limit=PAGE):
        yield from ((row[0], row[1]) for row in rows)
        low = rows[-1][1] + 1


def fetch_tagged(tx: Session, keys: Sequence[tuple[int, int]]) -> set[tuple[int, int, int]]:
    """Return (author, twoot, hashtag) of those of the (hashtag, twoot) entries that exist."""
    return {(row[0], row[1], row[2]) for part in parts(keys) for row in tx.all(_tagged, keys=part)}


def fetch_tag_page(tx: Session, tag_id: int, after: int) -> list[tuple[int, int, int]]:
    """Return (author, twoot, hashtag) of one page of a hashtag's entries above a twoot, oldest first."""
    return [(row[0], row[1], row[2]) for row in tx.all(_tag_page, tag_id=tag_id, after=after, limit=PAGE)]


def parts(keys: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Yield a list in parts that fit into one statement."""
    return (keys[at : at + size] for at in range(0, len(keys), size))


def _source(row: Row) -> Source:
    is_public = row[7] == Visibility.PUBLIC.value
    names: tuple[str, ...] = ()  # what is not for everybody counts for no hashtag
    if is_public:
        names = tuple(orjson.loads(row[4])) if row[3] is None else (row[3],)
    return Source(row[0], row[1], row[2], names, row[5], row[6], is_public)
