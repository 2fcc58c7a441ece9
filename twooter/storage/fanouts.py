"""What a fan-out reads: the followers of those who did something, and who has too many of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import peewee
from peewee import fn

from twooter.domain.graph import State
from twooter.storage.database import Row, Storage
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Followers, PopularAccounts

ACTORS_AT_ONCE = 50
PAGE = 2_000
MAX_POPULAR = 10_000


class _Gathered(peewee.Node):
    """The followers of one account in a page as one JSON array: a driver takes its time for each row."""

    def __init__(self, of: peewee.Node) -> None:
        self._of = of

    def __sql__(self, ctx: peewee.Context) -> Any:  # Any: Peewee's context, which its types do not know
        name = "JSON_ARRAYAGG" if ctx.state.quote == "``" else "JSON_GROUP_ARRAY"
        return ctx.literal(f"{name}(").sql(self._of).literal(")")


def _gathered(page: peewee.ModelSelect[Followers]) -> peewee.Query:
    some = page.alias("page")
    return (
        Followers.select(
            some.c.account_id, fn.COUNT(1), fn.MAX(some.c.edge_id), _Gathered(some.c.follower_id)
        )
        .from_(some)
        .group_by(some.c.account_id)
        .order_by(some.c.account_id)
    )


_ROW = (Followers.account_id, Followers.edge_id, Followers.follower_id)
_of_many = Statement(
    "fanout_followers_of_many",
    lambda: _gathered(
        Followers.select(*_ROW)
        .where(Followers.account_id.in_(each("account_ids")) & (Followers.state == State.ACTIVE.value))
        .order_by(Followers.account_id, Followers.edge_id)
        .limit(p("limit"))
    ),
)
_of_one = Statement(
    "fanout_followers",
    lambda: _gathered(
        Followers.select(*_ROW)
        .where(
            (Followers.account_id == p("account_id"))
            & (Followers.state == State.ACTIVE.value)
            & (Followers.edge_id > p("after"))
        )
        .order_by(Followers.edge_id)
        .limit(p("limit"))
    ),
)
_popular = Statement(
    "popular_accounts",
    lambda: (
        PopularAccounts.select(PopularAccounts.account_id, PopularAccounts.since_id)
        .order_by(PopularAccounts.account_id)
        .limit(MAX_POPULAR)
    ),
)
_add_popular = Insert(
    "popular_account_insert", PopularAccounts, ("account_id", "since_id"), duplicate="ignore"
)


Page = list[tuple[int, list[int]]]
"""Accounts with followers of theirs."""


def followers(storage: Storage, account_ids: Sequence[int]) -> Iterator[Page]:
    """Yield accounts with their followers in pages of at most 2,000 followers; those of one follow each other.

    On a sharded database each account is asked for by itself: Vitess gathers no arrays across shards.
    """
    if storage.is_sharded:
        for account_id in sorted(account_ids):
            yield from _followers_of(storage, account_id, 0)
        return
    for at in range(0, len(account_ids), ACTORS_AT_ONCE):
        waiting = sorted(account_ids[at : at + ACTORS_AT_ONCE])
        while waiting:
            some = waiting
            rows = storage.read(lambda tx: tx.all(_of_many, account_ids=some, limit=PAGE))  # noqa: B023 - run at once
            yield _page(rows)
            # a page that is full may have ended within an account: the rest of that one, then the others
            last = rows[-1][0] if _is_full(rows) else waiting[-1]
            waiting = [account_id for account_id in waiting if account_id > last]
            if _is_full(rows):
                yield from _followers_of(storage, last, rows[-1][2])


def _followers_of(storage: Storage, account_id: int, after: int) -> Iterator[Page]:
    """Yield the followers of one account behind an edge, in pages."""
    is_full = True
    while is_full:
        rows = storage.read(lambda tx: tx.all(_of_one, account_id=account_id, after=after, limit=PAGE))  # noqa: B023 - run at once
        yield _page(rows)
        is_full = _is_full(rows)
        after = rows[-1][2] if is_full else after


def _is_full(rows: Sequence[Row]) -> bool:
    return sum([int(row[1]) for row in rows]) == PAGE


def _page(rows: Sequence[Row]) -> Page:
    return [(row[0], orjson.loads(row[3])) for row in rows]


def fetch_popular(storage: Storage) -> dict[int, int]:
    """Return since which id accounts are popular."""
    return dict(storage.read(lambda tx: tx.all(_popular)))


def add_popular(storage: Storage, account_id: int, since_id: int) -> None:
    """Let an account be popular; what it does from `since_id` on is pushed to nobody."""
    storage.transact(lambda tx: tx.insert(_add_popular, [(account_id, since_id)]))
