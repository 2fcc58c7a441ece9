"""Rows of home timelines in the database: what a set of accounts did, in windows of ids that grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

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


class Seen(NamedTuple):
    """That all of a page was at or above `bottom` when it was read at `at_ms`."""

    bottom: int
    at_ms: int


class Window(NamedTuple):
    """Rows from `low` on, below `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A page of what accounts did, to be read in windows that grow: one with what is asked for ends the reading.

    So about as much is read as is shown, and windows without rows are few.
    """

    page: Page
    now_ms: int
    """Where to look first."""
    edge: int | None = None
    """Beyond it nothing is of the page."""
    seen: Seen | None = None
    """Of the newest page, where it was seen before."""

    @property
    def limit(self) -> int:
        """Return how many rows are read: a page, and one more that tells whether there are any."""
        return self.page.limit + 1

    def bottom(self, rows: Sequence[Entry]) -> int:
        """Return down to where the newest page has been read, by what was found."""
        return rows[-1].id if len(rows) >= self.limit else self.edge or 0

    def windows(self, actors: int) -> Iterator[Window]:
        """Yield where to look, one after the other; the more accounts there are, the sooner a page is full."""
        length_ms = FIRST_WINDOWS_MS // max(1, actors)
        if self.page.after is None:
            return self._down(END if self.page.before is None else self.page.before, length_ms)
        return self._up(self.page.after + 1, length_ms)

    def first(self, actor_ids: Sequence[int]) -> list[Question[list[Entry]]]:
        """Ask for the rows of the first window, all at once."""
        window = next(self.windows(len(actor_ids)), None)
        return [] if window is None else self.ask(actor_ids, window, self.limit)

    def ask(self, actor_ids: Sequence[int], window: Window, limit: int) -> list[Question[list[Entry]]]:
        """Ask for a window's rows, in no order; of each chunk of accounts the first `limit`."""
        statement = _descending if self.page.after is None else _ascending
        given = {"low": window.low, "high": window.high, "limit": limit}
        return [
            Question(statement, {**given, "actor_ids": actor_ids[at : at + CHUNK]}, _entries)
            for at in range(0, len(actor_ids), CHUNK)
        ]

    def _down(self, top: int, length_ms: int) -> Iterator[Window]:
        low, seen, top_ms = self.edge or 0, self.seen, min(self.now_ms, ids.time_ms(top))
        while top > low:
            bottom_ms = top_ms - length_ms
            if seen is not None and bottom_ms <= seen.at_ms:
                # what is older than that was a page together with what is newer: it is as much to read as a page
                bottom_ms, bottom = ids.time_ms(seen.bottom), seen.bottom
                seen = None
            else:
                bottom = ids.first_at(bottom_ms)
            bottom = max(low, min(bottom, top - 1))
            yield Window(bottom, top)
            top, top_ms, length_ms = bottom, bottom_ms, max(length_ms * GROWTH, top_ms - bottom_ms)

    def _up(self, bottom: int, length_ms: int) -> Iterator[Window]:
        high, bottom_ms = END if self.edge is None else self.edge, ids.time_ms(bottom)
        while bottom < high:
            bottom_ms += length_ms
            top = high if bottom_ms > self.now_ms else min(high, ids.first_at(bottom_ms))
            yield Window(bottom, top)
            bottom, length_ms = top, length_ms * GROWTH


def followed(account_id: int) -> Question[list[int]]:
    """Ask whom an account follows, up to `MAX_FOLLOWED`, the newest first."""
    return Question(_followed, {"account_id": account_id}, _firsts)


def followed_among(account_id: int, among: Sequence[int]) -> Question[list[int]]:
    """Ask which of some accounts, of which there is one at least, an account follows."""
    return Question(_followed_among, {"account_id": account_id, "among": among}, _firsts)


def fetch_followed_among(tx: Session, account_id: int, among: Sequence[int]) -> list[int]:
    """Return which of some accounts an account follows."""
    found: list[list[int]] = tx.ask([followed_among(account_id, among)]) if among else [[]]
    return found[0]


def fetch(
    tx: Session, actor_ids: Sequence[int], reading: Reading, first: Sequence[list[Entry]] | None = None
) -> list[Entry]:
    """Return a page of what accounts did in reading order, and one row more; a round trip for each window.

    `first` is what was told of the first window, where that was asked before.
    """
    found: list[Entry] = []
    for window in reading.windows(len(actor_ids)) if actor_ids else ():
        if first is None:
            first = tx.ask(reading.ask(actor_ids, window, reading.limit - len(found)))
        rows = newest_first(chain.from_iterable(first))
        found += rows if reading.page.after is None else rows[::-1]
        if len(found) >= reading.limit:
            break
        first = None
    return found[: reading.limit]


def _entries(rows: list[Any]) -> list[Entry]:  # Any: rows
    return [Entry(row[0], row[1], bool(row[2])) for row in rows]


def _firsts(rows: list[Any]) -> list[int]:  # Any: rows
    return [row[0] for row in rows]


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
