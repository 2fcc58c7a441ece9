"""Threads: what is below a twoot in its conversation, at that twoot's author; derived, and hydrated like any entry."""

from __future__ import annotations

from collections.abc import Sequence

from twooter.domain.pages import Page
from twooter.domain.twoots import Ref
from twooter.storage.database import Session
from twooter.storage.entries import Entry
from twooter.storage.statements import Insert, Statement, in_rows, p
from twooter.storage.tables import ThreadReplies
from twooter.storage.twoots import NEWEST

Below = tuple[int, int, int, int]
"""(author, twoot, reply, reply's author)."""

_insert = Insert(
    "thread_replies_insert",
    ThreadReplies,
    ("author_id", "twoot_id", "reply_id", "reply_author_id"),
    duplicate="ignore",
    numbers=True,
)
_remove = Statement(
    "thread_replies_remove",
    lambda: ThreadReplies.delete().where(
        in_rows((ThreadReplies.author_id, ThreadReplies.twoot_id, ThreadReplies.reply_id), "keys")
    ),
)
_page = Statement(
    "thread_page",
    lambda: (
        ThreadReplies.select(ThreadReplies.reply_id, ThreadReplies.reply_author_id)
        .where(
            (ThreadReplies.author_id == p("author_id"))
            & (ThreadReplies.twoot_id == p("twoot_id"))
            & (ThreadReplies.reply_id > p("after"))
        )
        .order_by(ThreadReplies.reply_id)
        .limit(p("limit"))
    ),
)
_page_before = Statement(
    "thread_page_before",
    lambda: (
        ThreadReplies.select(ThreadReplies.reply_id, ThreadReplies.reply_author_id)
        .where(
            (ThreadReplies.author_id == p("author_id"))
            & (ThreadReplies.twoot_id == p("twoot_id"))
            & (ThreadReplies.reply_id < p("before"))
        )
        .order_by(ThreadReplies.reply_id.desc())
        .limit(p("limit"))
    ),
)


def insert(tx: Session, rows: Sequence[Below]) -> None:
    """Put replies below the twoots of one or several authors; what is there stays."""
    tx.insert(_insert, rows)


def remove(tx: Session, keys: Sequence[tuple[int, int, int]]) -> None:
    """Take (author, twoot, reply) away."""
    tx.run(_remove, keys=keys)


def fetch(tx: Session, top: Ref, page: Page) -> list[Entry]:
    """Return one page of what is below a twoot and one entry more, in reading order.

    A conversation is read from its beginning: keys of its pages are negative ids, so that the oldest comes first.
    """
    given = {"author_id": top.author_id, "twoot_id": top.id, "limit": page.limit + 1}
    if page.after is not None:
        rows = tx.all(_page_before, before=min(NEWEST, -page.after), **given)
    else:
        rows = tx.all(_page, after=0 if page.before is None else -page.before, **given)
    return [(row[0], row[1]) for row in rows]
