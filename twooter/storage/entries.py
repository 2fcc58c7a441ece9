"""Timeline entries: the public timeline and each hashtag's, as (twoot, author) in the order of ids."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.pages import Page
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import HashtagEntries, PublicEntries
from twooter.storage.twoots import NEWEST

Entry = tuple[int, int]
"""(twoot id, author id)."""

_insert_public = Insert("public_entry_insert", PublicEntries, ("twoot_id", "author_id"), duplicate="ignore")
_insert_hashtag = Insert(
    "hashtag_entry_insert", HashtagEntries, ("tag_id", "twoot_id", "author_id"), duplicate="ignore"
)
_delete_public = Statement(
    "public_entry_delete", lambda: PublicEntries.delete().where(PublicEntries.twoot_id == p("twoot_id"))
)
_delete_hashtag = Statement(
    "hashtag_entry_delete",
    lambda: HashtagEntries.delete().where(
        (HashtagEntries.tag_id == p("tag_id")) & (HashtagEntries.twoot_id == p("twoot_id"))
    ),
)
_public = Statement(
    "public_page",
    lambda: (
        PublicEntries.select(PublicEntries.twoot_id, PublicEntries.author_id)
        .where(PublicEntries.twoot_id < p("before"))
        .order_by(PublicEntries.twoot_id.desc())
        .limit(p("limit"))
    ),
)
_public_after = Statement(
    "public_page_after",
    lambda: (
        PublicEntries.select(PublicEntries.twoot_id, PublicEntries.author_id)
        .where(PublicEntries.twoot_id > p("after"))
        .order_by(PublicEntries.twoot_id)
        .limit(p("limit"))
    ),
)
_hashtag = Statement(
    "hashtag_page",
    lambda: (
        HashtagEntries.select(HashtagEntries.twoot_id, HashtagEntries.author_id)
        .where((HashtagEntries.tag_id == p("tag_id")) & (HashtagEntries.twoot_id < p("before")))
        .order_by(HashtagEntries.twoot_id.desc())
        .limit(p("limit"))
    ),
)
_hashtag_after = Statement(
    "hashtag_page_after",
    lambda: (
        HashtagEntries.select(HashtagEntries.twoot_id, HashtagEntries.author_id)
        .where((HashtagEntries.tag_id == p("tag_id")) & (HashtagEntries.twoot_id > p("after")))
        .order_by(HashtagEntries.twoot_id)
        .limit(p("limit"))
    ),
)


def insert(tx: Session, twoot_id: int, author_id: int, tag_ids: Sequence[int]) -> None:
    """Show a public twoot on the public timeline and on its hashtags'."""
    tx.insert_later(_insert_public, [(twoot_id, author_id)])
    if tag_ids:
        tx.insert_later(_insert_hashtag, [(tag_id, twoot_id, author_id) for tag_id in sorted(tag_ids)])


def insert_many(
    tx: Session, entries: Sequence[Entry], hashtag_entries: Sequence[tuple[int, int, int]]
) -> None:
    """Show many public twoots; `hashtag_entries` are (tag, twoot, author)."""
    tx.insert(_insert_public, entries)
    tx.insert(_insert_hashtag, sorted(hashtag_entries))


def remove(tx: Session, twoot_id: int, tag_ids: Sequence[int]) -> None:
    """Take a twoot off every timeline."""
    tx.run(_delete_public, twoot_id=twoot_id)
    for tag_id in sorted(tag_ids):
        tx.run(_delete_hashtag, tag_id=tag_id, twoot_id=twoot_id)


def move(tx: Session, twoot_id: int, author_id: int, *, added: Sequence[int], removed: Sequence[int]) -> None:
    """Show a public twoot on other hashtags' timelines than before."""
    if added:
        tx.insert(_insert_hashtag, [(tag_id, twoot_id, author_id) for tag_id in sorted(added)])
    for tag_id in sorted(removed):
        tx.run(_delete_hashtag, tag_id=tag_id, twoot_id=twoot_id)


def fetch_public(tx: Session, page: Page) -> list[Entry]:
    """Return one page of the public timeline in reading order, and one entry more."""
    if page.after is not None:
        return [(r[0], r[1]) for r in tx.all(_public_after, after=page.after, limit=page.limit + 1)]
    return [(r[0], r[1]) for r in tx.all(_public, before=page.before or NEWEST, limit=page.limit + 1)]


def fetch_hashtag(tx: Session, tag_id: int, page: Page) -> list[Entry]:
    """Return one page of a hashtag's timeline in reading order, and one entry more."""
    if page.after is not None:
        return [
            (r[0], r[1])
            for r in tx.all(_hashtag_after, tag_id=tag_id, after=page.after, limit=page.limit + 1)
        ]
    return [
        (r[0], r[1])
        for r in tx.all(_hashtag, tag_id=tag_id, before=page.before or NEWEST, limit=page.limit + 1)
    ]
