"""Follows: at the follower's side, where they are made, and at the other side, where they are answered and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import peewee

from twooter.domain.accounts import State as AccountState
from twooter.domain.follows import Follow
from twooter.domain.graph import State
from twooter.domain.pages import Page
from twooter.storage.database import Row, Session
from twooter.storage.statements import Insert, Statement, each, p
from twooter.storage.tables import Accounts, Followers, Following
from twooter.storage.tables.table import Table
from twooter.storage.twoots import NEWEST

_lock = Statement(
    "follow_account_lock",
    lambda: Accounts.select(Accounts.state, Accounts.following).where(Accounts.id == p("id")),
    lock="FOR UPDATE",
)


@dataclass(frozen=True, slots=True)
class Held:
    """An account that cannot be changed before the transaction ends."""

    state: AccountState
    following: int


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two tables, its statements, and the account's counter that they move."""

    table: type[Table]
    is_targets: bool
    some: Statement
    page: Statement
    page_after: Statement
    put: Insert
    remove: Statement
    move: Statement

    def follow(self, row: Row) -> Follow:
        """Return a row (account, the other one, version, state, edge id) as a value."""
        follower_id, target_id = (row[1], row[0]) if self.is_targets else (row[0], row[1])
        return Follow(follower_id, target_id, row[2], State(row[3]), row[4])

    def row(self, follow: Follow) -> Row:
        """Return the row of a value."""
        ends = (follow.follower_id, follow.target_id)
        return (
            *(reversed(ends) if self.is_targets else ends),
            follow.version,
            follow.state.value,
            follow.edge_id,
        )


def _side(name: str, table: type[Table], other: peewee.Field, counter: peewee.Field) -> Side:
    account, state, edge_id = table.account_id, table.state, table.edge_id  # type: ignore[attr-defined]  # both have them
    fields = (account, other, table.version, state, edge_id)  # type: ignore[attr-defined]  # as above

    def page(*, after: bool) -> peewee.Query:
        bound = (edge_id > p("after")) if after else (edge_id < p("before"))
        order = edge_id if after else edge_id.desc()
        among = (account == p("account_id")) & (state == p("state")) & bound
        return table.select(*fields).where(among).order_by(order).limit(p("limit"))

    return Side(
        table,
        other is Followers.follower_id,
        some=Statement(
            f"{name}_some",
            lambda: table.select(*fields).where((account == p("account_id")) & other.in_(each("ids"))),
        ),
        page=Statement(f"{name}_page", lambda: page(after=False)),
        page_after=Statement(f"{name}_page_after", lambda: page(after=True)),
        put=Insert(
            f"{name}_put",
            table,
            ("account_id", other.name, "version", "state", "edge_id"),
            duplicate={"version": "set", "state": "set", "edge_id": "set"},
        ),
        remove=Statement(
            f"{name}_remove",
            lambda: table.delete().where((account == p("account_id")) & other.in_(each("ids"))),
        ),
        move=Statement(
            f"account_move_{name}",
            lambda: Accounts.update(**{name: counter + p("by")}).where(Accounts.id == p("id")),
        ),
    )


FOLLOWING = _side("following", Following, Following.target_id, Accounts.following)
"""Whom an account follows or asked to: its own side, written in its requests."""
FOLLOWERS = _side("followers", Followers, Followers.follower_id, Accounts.followers)
"""Who follows an account or asked to: at the account that is followed."""


def lock(tx: Session, account_id: int) -> Held | None:
    """Return an account, None where there is none; whatever changes its follows waits for this transaction."""
    row = tx.one(_lock, id=account_id)
    return None if row is None else Held(AccountState(row[0]), row[1])


def find(tx: Session, side: Side, account_id: int, other_id: int) -> Follow | None:
    """Return what an account's side knows of its follow of, or by, another; None where it never was one."""
    return next(iter(fetch_some(tx, side, account_id, [other_id])), None)


def fetch_some(tx: Session, side: Side, account_id: int, other_ids: Sequence[int]) -> list[Follow]:
    """Return what an account's side knows of its follows of, or by, others."""
    if not other_ids:
        return []
    return [side.follow(row) for row in tx.all(side.some, account_id=account_id, ids=other_ids)]


def fetch(tx: Session, side: Side, account_id: int, state: State, page: Page) -> list[Follow]:
    """Return one page of an account's follows in a state, in reading order, and one more."""
    given: dict[str, Any] = {"account_id": account_id, "state": state.value, "limit": page.limit + 1}
    if page.after is not None:
        rows = tx.all(side.page_after, after=page.after, **given)
    else:
        rows = tx.all(side.page, before=page.before or NEWEST, **given)
    return [side.follow(row) for row in rows]


def put(tx: Session, side: Side, follows: Sequence[Follow]) -> None:
    """Write what one side knows; the caller holds the account's lock, and has seen that it is later."""
    tx.insert_later(side.put, [side.row(follow) for follow in follows])


def remove(tx: Session, side: Side, account_id: int, other_ids: Sequence[int]) -> None:
    """Remove an account's rows, of whatever state; nothing is counted."""
    if other_ids:
        tx.run_later(side.remove, account_id=account_id, ids=other_ids)


def move(tx: Session, side: Side, account_id: int, by: int) -> None:
    """Change how many an account follows, or how many follow it, relative to what it is."""
    if by:
        tx.run_later(side.move, id=account_id, by=by)
