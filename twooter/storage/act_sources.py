"""What an audit reads of follows, likes and retwoots that hold, in ranges of the ids they were made under."""

from __future__ import annotations

from collections.abc import Iterator

from peewee import fn

from twooter.domain.actions import Kind
from twooter.domain.events import ActionEvent, FollowCountEvent
from twooter.domain.graph import State
from twooter.storage import sources
from twooter.storage.database import Session
from twooter.storage.statements import Statement, p
from twooter.storage.tables import Actions, Following

_SHARD = "an audit goes over the shard it is connected to"
_KINDS = (int(Kind.LIKE), int(Kind.RETWOOT))

_actions = Statement(
    "audit_actions_by_time",
    lambda: (
        Actions.select(Actions.edge_id, Actions.account_id, Actions.kind)
        .where(
            (Actions.edge_id > p("after"))
            & (Actions.edge_id < p("high"))
            & (Actions.active == 1)
            & Actions.kind.in_(_KINDS)
        )
        .order_by(Actions.edge_id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_follows = Statement(
    "audit_following_by_time",
    lambda: (
        Following.select(Following.edge_id, Following.account_id)
        .where(
            (Following.edge_id > p("after"))
            & (Following.edge_id < p("high"))
            & (Following.state == State.ACTIVE.value)
        )
        .order_by(Following.edge_id)
        .limit(p("limit"))
    ),
    scatter=_SHARD,
)
_count_actions = Statement(
    "audit_action_count",
    lambda: Actions.select(fn.COUNT(1)).where((Actions.edge_id >= p("low")) & (Actions.edge_id < p("high"))),
    scatter=_SHARD,
)
_count_follows = Statement(
    "audit_follow_count",
    lambda: Following.select(fn.COUNT(1)).where(
        (Following.edge_id >= p("low")) & (Following.edge_id < p("high"))
    ),
    scatter=_SHARD,
)
_next_action = Statement(
    "next_action",
    lambda: Actions.select(fn.MIN(Actions.edge_id)).where(Actions.edge_id >= p("low")),
    scatter=_SHARD,
)
_next_follow = Statement(
    "next_follow",
    lambda: Following.select(fn.MIN(Following.edge_id)).where(Following.edge_id >= p("low")),
    scatter=_SHARD,
)


def count(tx: Session, low: int, high: int) -> int:
    """Return how many actions and follows, holding or not, have ids in [low, high)."""
    rows = (tx.one(statement, low=low, high=high) for statement in (_count_actions, _count_follows))
    return sum(row[0] for row in rows if row is not None)


def find_next(tx: Session, low: int) -> int | None:
    """Return the smallest id of an action or follow from `low` on, or None."""
    rows = (tx.one(statement, low=low) for statement in (_next_action, _next_follow))
    return min((row[0] for row in rows if row is not None and row[0] is not None), default=None)


def fetch(tx: Session, low: int, high: int) -> Iterator[ActionEvent | FollowCountEvent]:
    """Yield what holds with ids in [low, high) as the events that tell aggregates of it; reads in pages."""
    after: int | None = low - 1
    while after is not None:
        rows = tx.all(_actions, after=after, high=high, limit=sources.PAGE)
        yield from (ActionEvent(row[1], row[2], 0, 0, 1, True, row[0], "") for row in rows)
        after = rows[-1][0] if len(rows) == sources.PAGE else None
    after = low - 1
    while after is not None:
        rows = tx.all(_follows, after=after, high=high, limit=sources.PAGE)
        yield from (FollowCountEvent(1, row[1], row[0]) for row in rows)
        after = rows[-1][0] if len(rows) == sources.PAGE else None
