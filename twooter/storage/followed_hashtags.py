"""Followed hashtags: which an account follows, and the newest twoots of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import peewee
from peewee import SQL

from twooter.domain.hashtags import MAX_FOLLOWED
from twooter.domain.pages import Page
from twooter.storage.database import Session
from twooter.storage.entries import Entry
from twooter.storage.statements import Insert, Question, Statement, p
from twooter.storage.tables import Accounts, FollowedHashtags, HashtagEntries
from twooter.storage.twoots import NEWEST

TAGS_AT_ONCE = 10
"""Hashtags of one statement; where there are fewer, the others are hashtag 0, which has no entries."""

_of_account = FollowedHashtags.account_id == p("account_id")

_insert = Insert(
    "followed_hashtag_insert", FollowedHashtags, ("account_id", "tag_id", "edge_id"), duplicate="ignore"
)
_remove = Statement(
    "followed_hashtag_remove",
    lambda: FollowedHashtags.delete().where(_of_account & (FollowedHashtags.tag_id == p("tag_id"))),
)
_ids = Statement(
    "followed_hashtag_ids",
    lambda: FollowedHashtags.select(FollowedHashtags.tag_id).where(_of_account).limit(MAX_FOLLOWED),
)


_mark = Statement(
    "account_follows_hashtags",
    lambda: Accounts.update(follows_hashtags=p("follows")).where(Accounts.id == p("account_id")),
)


def _edges(*, after: bool) -> peewee.Query:
    edge_id = FollowedHashtags.edge_id
    bound, order = (edge_id > p("after"), edge_id) if after else (edge_id < p("before"), edge_id.desc())
    among = FollowedHashtags.select(edge_id, FollowedHashtags.tag_id).where(_of_account & bound)
    return among.order_by(order).limit(p("limit"))


_page = Statement("followed_hashtags_page", lambda: _edges(after=False))
_page_after = Statement("followed_hashtags_page_after", lambda: _edges(after=True))


def _entries(order: Callable[[peewee.Node], peewee.Node]) -> peewee.Query:
    """Return the query of a page of several hashtags: a page of each, of which a page is left."""
    arms = [
        HashtagEntries.select(HashtagEntries.twoot_id, HashtagEntries.author_id)
        .where(
            (HashtagEntries.tag_id == p(f"tag_{number}"))
            & (HashtagEntries.twoot_id > p("low"))
            & (HashtagEntries.twoot_id < p("high"))
        )
        .order_by(order(HashtagEntries.twoot_id))
        .limit(p("limit"))
        .alias(f"entries_{number}")
        for number in range(TAGS_AT_ONCE)
    ]
    whole: peewee.SelectBase = peewee.Select([arms[0]], [arms[0].c.twoot_id, arms[0].c.author_id])
    for arm in arms[1:]:
        whole = whole.union(peewee.Select([arm], [arm.c.twoot_id, arm.c.author_id]))
    return whole.order_by(order(SQL("twoot_id"))).limit(p("limit"))


_newest = Statement("followed_hashtags_newest", lambda: _entries(peewee.Desc))
_oldest = Statement("followed_hashtags_oldest", lambda: _entries(peewee.Asc))


def insert(tx: Session, account_id: int, tag_id: int, edge_id: int) -> None:
    """Note that an account follows a hashtag; one that it follows keeps its place. The caller holds its lock."""
    tx.insert(_insert, [(account_id, tag_id, edge_id)])
    tx.run(_mark, account_id=account_id, follows=True)


def remove(tx: Session, account_id: int, tag_id: int) -> None:
    """Take a follow back. The caller holds the account's lock."""
    tx.run(_remove, account_id=account_id, tag_id=tag_id)
    tx.run(_mark, account_id=account_id, follows=bool(fetch_ids(tx, account_id)))


def fetch_ids(tx: Session, account_id: int) -> list[int]:
    """Return the hashtags an account follows, in no order."""
    return [row[0] for row in tx.all(_ids, account_id=account_id)]


def fetch(tx: Session, account_id: int, page: Page) -> list[tuple[int, int]]:
    """Return one page of (edge id, hashtag) that an account follows, in reading order, and one more."""
    if page.after is not None:
        rows = tx.all(_page_after, account_id=account_id, after=page.after, limit=page.limit + 1)
    else:
        rows = tx.all(_page, account_id=account_id, before=page.before or NEWEST, limit=page.limit + 1)
    return [(row[0], row[1]) for row in rows]


def fetch_entries(tx: Session, tag_ids: Sequence[int], page: Page, edge: int | None = None) -> list[Entry]:
    """Return a page of hashtags' entries in reading order, each once, and one more, none beyond `edge`.

    One round trip; of each hashtag a page is read at most.
    """
    forth = page.after is not None
    # `edge` itself is of the page already
    low, high = (page.after, edge) if forth else (edge, page.before)
    given = {"low": low or 0, "high": high or NEWEST, "limit": page.limit + 1}
    asked = [
        Question(_oldest if forth else _newest, given | _tags(tag_ids[at : at + TAGS_AT_ONCE]), _as_entries)
        for at in range(0, len(tag_ids), TAGS_AT_ONCE)
    ]
    found = {entry for entries in tx.ask(asked) for entry in entries} if asked else set()
    return sorted(found, reverse=not forth)[: page.limit + 1]


def _tags(tag_ids: Sequence[int]) -> dict[str, int]:
    padded = [*tag_ids, *[0] * (TAGS_AT_ONCE - len(tag_ids))]
    return {f"tag_{number}": tag_id for number, tag_id in enumerate(padded)}


def _as_entries(rows: list[Any]) -> list[Entry]:  # Any: rows
    return [(row[0], row[1]) for row in rows]
