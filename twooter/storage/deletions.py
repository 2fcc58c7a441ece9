"""Deletions: accounts on their way out; the row goes with the last step."""

from __future__ import annotations

from twooter.storage.database import Session
from twooter.storage.statements import Insert, Statement, p
from twooter.storage.tables import Deletions, IdempotencyKeys

_insert = Insert("deletion_insert", Deletions, ("account_id", "requested_ms"), duplicate="ignore")
_oldest = Statement(
    "deletion_oldest",
    lambda: (
        Deletions.select(Deletions.account_id)
        .where(Deletions.account_id > p("after"))
        .order_by(Deletions.account_id)
        .limit(p("limit"))
    ),
    scatter="a sweep of the shard it is connected to; the table is empty most of the time",
)
_remove = Statement(
    "deletion_remove", lambda: Deletions.delete().where(Deletions.account_id == p("account_id"))
)
_forget_keys = Statement(
    "deletion_forget_keys",
    lambda: IdempotencyKeys.delete().where(IdempotencyKeys.account_id == p("account_id")),
)


def insert(tx: Session, account_id: int, now_ms: int) -> None:
    """Note that an account is to be deleted."""
    tx.insert(_insert, [(account_id, now_ms)])


def fetch(tx: Session, *, after: int, limit: int) -> list[int]:
    """Return the ids of accounts being deleted, in their order, above one of them."""
    return [row[0] for row in tx.all(_oldest, after=after, limit=limit)]


def remove(tx: Session, account_id: int) -> bool:
    """Note that nothing is left of an account; return False when somebody else has."""
    return tx.run(_remove, account_id=account_id) == 1


def forget_keys(tx: Session, account_id: int) -> None:
    """Delete an account's idempotency keys."""
    tx.run(_forget_keys, account_id=account_id)
