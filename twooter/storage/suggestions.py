"""Suggestions: whom each account might follow, best first; written as a whole by workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twooter.domain.accounts import State
from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import Accounts, Suggestions

_all = Statement(
    "suggestions",
    lambda: (
        Suggestions.select(Suggestions.target_id, Suggestions.followed_by)
        .where(Suggestions.account_id == p("account_id"))
        .order_by(Suggestions.rank)
    ),
)
_insert = Insert(
    "suggestion_insert",
    Suggestions,
    ("account_id", "rank", "target_id", "followed_by", "computed_ms"),
    duplicate={"target_id": "set", "followed_by": "set", "computed_ms": "set"},
    numbers=True,
)
_remove = Statement(
    "suggestions_remove",
    lambda: Suggestions.delete().where(
        (Suggestions.account_id == p("account_id")) & (Suggestions.rank >= p("rank"))
    ),
)
_accounts = Statement(
    "suggestion_accounts",
    lambda: (
        Accounts.select(Accounts.id, Accounts.following, Accounts.state)
        .where(Accounts.id > p("after"))
        .order_by(Accounts.id)
        .limit(p("limit"))
    ),
    scatter="a walk over the shard it is connected to",
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An account that somebody might follow, and how many of those it follows do."""

    target_id: int
    followed_by: int


def fetch(tx: Session, account_id: int) -> list[Suggestion]:
    """Return what is suggested to an account, best first; as many as were put."""
    return [Suggestion(row[0], row[1]) for row in tx.all(_all, account_id=account_id)]


def put(tx: Session, account_id: int, found: Sequence[Suggestion], now_ms: int) -> None:
    """Suggest these, best first, and nothing else."""
    rows = [(account_id, rank, one.target_id, one.followed_by, now_ms) for rank, one in enumerate(found)]
    tx.insert(_insert, rows)
    tx.run(_remove, account_id=account_id, rank=len(rows))


def fetch_accounts(tx: Session, after: int, limit: int) -> list[tuple[int, bool]]:
    """Return (id, whether it takes part and follows anybody) of the accounts that come after one."""
    rows = tx.all(_accounts, after=after, limit=limit)
    return [(row[0], row[1] > 0 and row[2] == State.ACTIVE.value) for row in rows]
