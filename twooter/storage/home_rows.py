"""Rows of home timelines in the database: what a set of accounts did, in windows of ids that grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import peewee
from peewee import SQL

from twooter.domain import ids
from twooter.domain.actions import Kind
from twooter.domain.graph import State
from twooter.domain.pages import Page
from twooter.domain.twoots import Ref, Row
from twooter.storage.database import Session
from twooter.storage.homes import Entry, newest_first
from twooter.storage.statements import Question, Statement, each, p
from twooter.storage.tables import Actions, Following, Twoots

MAX_FOLLOWED = 10_000
"""Whose doing one timeline holds: of those followed the newest."""
CHUNK = 500
"""Accounts of one statement."""
FIRST_WINDOWS_MS = 500 * 3_600_000
"""Of all followed together: an hour of 500 accounts, a day of twenty."""
GROWTH = 8
"""By how much each window is longer than the one before: from an hour to all times in seven steps at most."""
_AHEAD_MS = 86_400_000
"""Beyond this from now on there is nothing, whatever clocks say."""
_MAX_RESOLVED = 5_000
END = 2**63 - 1
"""The id after every id."""

_followed = Statement(
    "home_followed",
    lambda: (
        Following.select(Following.target_id)
        .where((Following.account_id == p("account_id")) & (Following.state == State.ACTIVE.value))
        .order_by(Following.edge_id.desc())
        .limit(MAX_FOLLOWED)
    ),
)
_followed_among = Statement(
    "home_followed_among",
    lambda: Following.select(Following.target_id).where(
        (Following.account_id == p("account_id"))
        & Following.target_id.in_(each("among"))
        & (Following.state == State.ACTIVE.value)
    ),
)


def _rows(order: Callable[[peewee.Node], peewee.Node]) -> peewee.Query:
    """Return the query of a window's rows, (id, actor, whether it is a retwoot)."""
    twoots = Twoots.select(Twoots.id.alias("row_id"), Twoots.author_id, SQL("0")).where(
        Twoots.author_id.in_(each("actor_ids")) & (Twoots.id >= p("low")) & (Twoots.id < p("high"))
    )
    retwoots = Actions.select(Actions.edge_id, Actions.account_id, SQL("1")).where(
        Actions.account_id.in_(each("actor_ids"))
        & (Actions.kind == int(Kind.RETWOOT))
        & (Actions.active == 1)
        & (Actions.edge_id >= p("low"))
        & (Actions.edge_id < p("high"))
    )
    return twoots.union_all(retwoots).order_by(order(SQL("row_id"))).limit(p("limit"))


_descending = Statement("home_rows", lambda: _rows(peewee.Desc))
_ascending = Statement("home_rows_after", lambda: _rows(peewee.Asc))
# a range, not pairs: whatever else is in it is of the page, too, and pairs take long to plan
_resolve = Statement(
    "home_retwooted",
    lambda: (
        Actions.select(Actions.edge_id, Actions.twoot_id, Actions.author_id)
        .where(
            Actions.account_id.in_(each("actor_ids"))
            & (Actions.kind == int(Kind.RETWOOT))
            & (Actions.active == 1)
            & (Actions.edge_id >= p("low"))
            & (Actions.edge_id <= p("high"))
        )
        .limit(_MAX_RESOLVED)
    ),
)


def fetch_followed(tx: Session, account_id: int) -> list[int]:
    """Return whom an account follows, up to `MAX_FOLLOWED`, the newest first."""
    return [row[0] for row in tx.all(_followed, account_id=account_id)]


def fetch_followed_among(tx: Session, account_id: int, among: Sequence[int]) -> list[int]:
    """Return which of some accounts an account follows."""
    if not among:
        return []
    return [row[0] for row in tx.all(_followed_among, account_id=account_id, among=among)]


def fetch(
    tx: Session, actor_ids: Sequence[int], page: Page, *, now_ms: int, edge: int | None = None
) -> list[Entry]:
    """Return a page of what accounts did in reading order, and one row more, not beyond `edge`.

    `now_ms` says where to look first.
    """
    limit = page.limit + 1
    if page.after is not None:
        high = END if edge is None else edge
        return fetch_after(tx, actor_ids, limit, after=page.after, now_ms=now_ms, high=high)
    before = END if page.before is None else page.before
    return fetch_before(tx, actor_ids, limit, before=before, now_ms=now_ms, low=edge or 0)


def fetch_before(
    tx: Session, actor_ids: Sequence[int], limit: int, *, before: int, now_ms: int, low: int = 0
) -> list[Entry]:
    """Return the newest rows older than `before` and not older than `low`, newest first.

    A window with what is asked for ends the reading, so that about as much is read; windows without rows are few.
    """
    found: list[Entry] = []
    top, top_ms, length_ms = before, min(now_ms, ids.time_ms(before)), _first_ms(actor_ids)
    while actor_ids and len(found) < limit and top > low:
        top_ms -= length_ms
        bottom = max(low, ids.first_at(top_ms))
        rows = _fetch(tx, _descending, actor_ids, limit - len(found), bottom, top)
        found += newest_first(rows)
        top, length_ms = bottom, length_ms * GROWTH
    return found[:limit]


def fetch_after(
    tx: Session, actor_ids: Sequence[int], limit: int, *, after: int, now_ms: int, high: int = END
) -> list[Entry]:
    """Return the oldest rows newer than `after` and older than `high`, oldest first; as `fetch_before`."""
    found: list[Entry] = []
    bottom, bottom_ms, length_ms = after + 1, ids.time_ms(after), _first_ms(actor_ids)
    while actor_ids and len(found) < limit and bottom < high:
        bottom_ms += length_ms
        top = high if bottom_ms > now_ms + _AHEAD_MS else min(high, ids.first_at(bottom_ms))
        rows = _fetch(tx, _ascending, actor_ids, limit - len(found), bottom, top)
        found += newest_first(rows)[::-1]
        bottom, length_ms = top, length_ms * GROWTH
    return found[:limit]


def _first_ms(actor_ids: Sequence[int]) -> int:
    """Return how long the first window is: the more are followed, the sooner a page is full."""
    return FIRST_WINDOWS_MS // max(1, len(actor_ids))


def _fetch(
    tx: Session, statement: Statement, actor_ids: Sequence[int], limit: int, low: int, high: int
) -> list[Entry]:
    """Return a window's rows in no order; of each chunk the first `limit`."""
    return [
        Entry(row[0], row[1], bool(row[2]))
        for at in range(0, len(actor_ids), CHUNK)
        for row in tx.all(statement, actor_ids=actor_ids[at : at + CHUNK], low=low, high=high, limit=limit)
    ]


def retwooted(entries: Sequence[Entry]) -> Question[dict[int, Ref]]:
    """Ask what timelines' retwoots show, by their ids, of one at least; what holds no more is missing."""
    retwoots = [entry for entry in entries if entry.is_retwoot]
    ids_, actor_ids = [entry.id for entry in retwoots], sorted({entry.actor_id for entry in retwoots})
    given = {"actor_ids": actor_ids, "low": min(ids_), "high": max(ids_)}
    return Question(_resolve, given, lambda found: {row[0]: Ref(row[1], row[2]) for row in found})


def resolve(tx: Session, entries: Sequence[Entry]) -> list[Row]:
    """Return timelines' rows with the twoots they show, in their order; one query where there are retwoots.

    What was taken back is left out.
    """
    shown: dict[int, Ref] = {}
    if any(entry.is_retwoot for entry in entries):
        (shown,) = tx.ask([retwooted(entries)])
    rows = []
    for entry in entries:
        ref = shown.get(entry.id) if entry.is_retwoot else Ref(entry.id, entry.actor_id)
        if ref is not None:
            rows.append(Row(entry.id, entry.actor_id, ref))
    return rows
